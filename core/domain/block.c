#include "domain/block.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"

bool block_is_disk_full(const char *reason)
{
    /* Older engines call it "FORBIDDEN/12/index read-only / allow delete (api)". */
    return strstr(reason, "read-only-allow-delete") ||
           strstr(reason, "read-only / allow delete (api)");
}

int block_explain(const char *index_name, const char *state, struct error *err)
{
    if (!err->message || !block_is_disk_full(err->message))
        return -1;
    int http_code = err->http_code;
    _cleanup_free_ char *said = x_strdup(err->message);
    error_set(err, ERR_ENGINE,
              "index \"%s\": the engine refuses writes because one of its disks is nearly full",
              index_name);
    err->http_code = http_code;
    error_detail(err, "%s The error was: %s", state, said);
    return error_hint(err,
                      "Free space on the engine's disks, for example with esmigrate es_drop NAME "
                      "--older, and run the same command again. The engine lifts the block itself "
                      "once there is space; if it does not: PUT /%s/_settings "
                      "{\"index.blocks.read_only_allow_delete\": null}",
                      index_name);
}
