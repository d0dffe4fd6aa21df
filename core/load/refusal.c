#include "load/refusal.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"

static void set_message(const char *index_name, const char *id, const struct bulk_result *result,
                        struct error *err)
{
    bool says_type = result->type && *result->type;
    bool says_reason = result->reason && *result->reason;
    error_set(err, ERR_ENGINE, "engine: index \"%s\": document \"%.100s\": HTTP %d%s%s%s%s",
              index_name, id, result->status, says_type ? " " : "", says_type ? result->type : "",
              says_reason ? ": " : "", says_reason ? result->reason : "");
    err->http_code = result->status;
}

static int hint_block(const char *index_name, const char *reason, struct error *err)
{
    static const char *const settings[] = {"write", "read_only", "metadata"};
    static const char *const words[] = {"index write (api)", "index read-only (api)",
                                        "index metadata (api)"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (reason && strstr(reason, words[i]))
            return error_hint(err,
                              "Somebody has blocked the index. When that is no longer wanted: PUT "
                              "/%s/_settings {\"index.blocks.%s\": null}, then run the same "
                              "command again.",
                              index_name, settings[i]);
    return error_hint(err,
                      "Let the block be lifted, then run the same command again. See GET "
                      "/_cluster/settings and GET /%s/_settings",
                      index_name);
}

static int hint_index(const char *index_name, const struct bulk_result *result, struct error *err)
{
    if (strcmp(result->type, "index_closed_exception") == 0)
        return error_hint(err, "Open the index: POST /%s/_open, then run the same command again.",
                          index_name);
    if (result->reason && strstr(result->reason, "documents per shard"))
        return error_hint(err, "Give the index more shards: index.number_of_shards in index.json, "
                               "then es_create a new instance.");
    return error_hint(err, "See what has become of the index: esmigrate es_list");
}

int refusal_error(const char *index_name, const char *id, const struct bulk_result *result,
                  struct error *err)
{
    set_message(index_name, id, result, err);
    switch (result->blame) {
    case BLAME_BLOCK:
        return hint_block(index_name, result->reason, err);
    case BLAME_INDEX:
        return hint_index(index_name, result, err);
    case BLAME_PIPELINE:
        return error_hint(
            err,
            "Create the ingest pipeline; or take it off the index: PUT /%s/_settings "
            "{\"index.default_pipeline\": null, \"index.final_pipeline\": null}. Then "
            "run the same command again.",
            index_name);
    case BLAME_RIGHT:
        return error_hint(err,
                          "Let the user of the engine write to \"%s\" and its alias, then run the "
                          "same command again.",
                          index_name);
    default:
        return -1;
    }
}

int refusal_undecided(const char *index_name, const char *id, const struct bulk_result *result,
                      struct error *err)
{
    set_message(index_name, id, result, err);
    error_detail(err, "It is not known whether the document or the index is to blame: the type of "
                      "error is none that esmigrate knows, and no other document was accepted "
                      "meanwhile.");
    return error_hint(err, "Mend the document or the index, then run the same command again. Once "
                           "other documents are accepted, this one is kept as rejected.");
}
