/* What es_check tries on a scratch index: the body, the rights, and a sample of documents. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain/bulk.h"
#include "domain/names.h"
#include "domain/reading.h"
#include "usecases/checking.h"

/* ---- body and rights ---- */

/* What es_update and es_activate ask of an index. */
static int use_index(struct checking *checking, struct error *err)
{
    struct engine *engine = checking->context->engine;
    const struct scratch *scratch = &checking->scratch;
    _cleanup_free_ char *next = name_of_write_alias(scratch->index, 2);
    const struct alias_action aliases[] = {
        {.kind = ALIAS_REMOVE, .index = scratch->index, .alias = scratch->write_alias},
        {.index = scratch->index, .alias = next},
    };
    const char *const refresh[] = {"index.refresh_interval"};
    _cleanup_free_ char *settings = NULL;
    int64_t count;
    if (engine_get_settings(engine, scratch->index, refresh, 1, &settings, err) < 0 ||
        engine_put_settings(engine, scratch->index, settings, err) < 0 ||
        engine_update_aliases(engine, aliases, ARRAY_SIZE(aliases), err) < 0 ||
        engine_refresh(engine, scratch->index, err) < 0 ||
        engine_count(engine, scratch->index, &count, err) < 0)
        return -1;
    free(checking->scratch.write_alias);
    checking->scratch.write_alias = TAKE_PTR(next);
    return 0;
}

int check_rights(struct checking *checking, const char *check, struct error *err)
{
    static const char body[] = "index_body";
    struct context *context = checking->context;
    if (scratch_sweep(context, checking->name, err) < 0)
        return -1;
    if (scratch_create(context, checking->name, &checking->declaration.content, &checking->scratch,
                       err) < 0) {
        if (err->http_code != 400)
            return -1;
        error_hint(err, "Mend %s/%s/index.json, or what the message names.",
                   context->settings.indexes, checking->name);
        return check_failed(checking, body, err);
    }
    check_line(checking, body, CHECK_OK, x_strdup("index.json"), "the engine takes it", NULL);
    if (use_index(checking, err) < 0)
        return -1;
    checking->met |= CHECK_NEEDS_SCRATCH;
    return check_line(checking, check, CHECK_OK,
                      x_strdup("create, read and delete indexes, set settings and aliases"), NULL,
                      NULL);
}

/* ---- a sample of documents ---- */

enum { SAMPLE = 100 };
static const size_t sample_bytes = (size_t)10 * 1024 * 1024;

struct sample {
    struct bulk bulk;
    size_t too_large;
};

static int add(struct bulk *bulk, const struct source_document *document)
{
    if (document->row.shape)
        return bulk_add_row(bulk, document->id, document->routing, 1, &document->row);
    return bulk_add_document(bulk, document->id, document->routing, 1, document->json);
}

/* As many of them as the bytes allow. */
static int read_rows(struct source *source, struct sample *sample, struct error *err)
{
    for (;;) {
        struct source_document document;
        enum pg_copy state = source_next(source, &document, err);
        if (state == PG_COPY_END)
            return 0;
        if (state == PG_COPY_ERROR || (state == PG_COPY_WAIT && source_wait(source, err) < 0))
            return -1;
        if (state != PG_COPY_ROWS || document.deleted)
            continue;
        if (!document.json.data && !document.row.shape)
            sample->too_large++;
        else if (add(&sample->bulk, &document) < 0)
            return 0;
    }
}

static int read_sample(struct source *source, struct sample *sample, struct error *err)
{
    _cleanup_(error_release) struct error ignored = {};
    if (source_begin(source, err) < 0)
        return -1;
    int result = source_read_sample(source, SAMPLE, err);
    if (result == 0) {
        result = read_rows(source, sample, err);
        source_cancel(source);
    }
    pg_run(source->pg, "ROLLBACK", &ignored);
    return result;
}

struct refusals {
    size_t count;
    char *first;
};

static int count_refusal(size_t item, const struct bulk_result *result, void *data,
                         struct error *err)
{
    struct refusals *refusals = data;
    (void)item;
    (void)err;
    if (result->verdict == BULK_ACCEPTED)
        return 0;
    if (!refusals->count++)
        refusals->first = x_printf("%s: %s", result->type, result->reason);
    return 0;
}

static int send_sample(struct checking *checking, const struct sample *sample,
                       struct refusals *refusals, struct error *err)
{
    _cleanup_(json_freep) json *answer = NULL;
    _cleanup_free_ char *escaped = engine_path_escape(checking->scratch.write_alias);
    _cleanup_free_ char *path =
        x_printf("/%s/_bulk?filter_path=errors,items.*.status,items.*.error", escaped);
    if (!sample->bulk.count)
        return 0;
    if (engine_call(checking->context->engine, "POST", path, buffer_cstr(&sample->bulk.body),
                    "write a sample of documents", 0, &answer, err) < 0)
        return -1;
    _cleanup_free_ char *text = json_write(answer);
    return bulk_read_answer(&sample->bulk, text, strlen(text), count_refusal, refusals, err);
}

static int report_sample(struct checking *checking, const char *check, const struct sample *sample,
                         const struct refusals *refusals)
{
    static const char limit[] = "none is rejected";
    size_t wrong = refusals->count + sample->too_large;
    size_t read = sample->bulk.count + sample->too_large;
    if (!wrong)
        return check_line(checking, check, CHECK_OK, x_printf("%zu documents", read), limit, NULL);
    return check_line(
        checking, check, CHECK_FAILED,
        refusals->count
            ? x_printf("%zu of %zu are rejected, one by %s", wrong, read, refusals->first)
            : x_printf("%zu of %zu are larger than \"max_document_bytes\"", wrong, read),
        limit,
        x_printf("Mend the mapping in index.json, documents.sql, or the rows; "
                 "rejected documents are missing from the index."));
}

int check_sample(struct checking *checking, const char *check, struct error *err)
{
    struct sample sample = {};
    struct refusals refusals = {};
    bulk_init(&sample.bulk, sample_bytes);
    int result = read_sample(checking->source, &sample, err);
    if (result == 0)
        result = send_sample(checking, &sample, &refusals, err);
    if (result == 0)
        result = report_sample(checking, check, &sample, &refusals);
    bulk_release(&sample.bulk);
    free(refusals.first);
    return result;
}
