#include "usecases/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain/lock.h"
#include "domain/names.h"
#include "sql.h"

static const char mark_begin[] = "scratch of ";

bool scratch_is(const struct engine_index *index)
{
    return index->made_by && strncmp(index->made_by, mark_begin, strlen(mark_begin)) == 0;
}

/* What stands in mappings._meta.esmigrate.action: other histories have scratch indexes too. */
static char *mark_of(struct context *context, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (pg_query(context->history->pg, sql_source_identity, PG_NO_VALUES, &rows, err) < 0)
        return NULL;
    return x_printf("%s%s/%s", mark_begin, pg_text(rows, 0, "system_identifier"),
                    pg_text(rows, 0, "database_oid"));
}

static char *random_name(struct context *context, const char *master)
{
    struct action random; /* its id: no instance is called NAME-scratch.HEX */
    action_new_id(&random);
    return x_printf("%s%s-scratch.%.8s", context->settings.prefix, master, random.id);
}

int scratch_create(struct context *context, const char *master, const struct content *content,
                   struct scratch *ret_scratch, struct error *err)
{
    _cleanup_free_ char *mark = mark_of(context, err);
    _cleanup_free_ char *index = random_name(context, master);
    _cleanup_free_ char *write_alias = name_of_write_alias(index, 1);
    _cleanup_free_ char *body = mark ? content_create_body(content, write_alias, mark, err) : NULL;
    _cleanup_free_ char *uuid = NULL;
    struct scratch scratch = {.context = context};
    if (!body || lock_number(context->history, index, &scratch.lock, err) < 0 ||
        lock_take(context->history, LOCK_SCRATCH, scratch.lock, 0, err) < 0)
        return -1;
    scratch.index = TAKE_PTR(index);
    scratch.write_alias = TAKE_PTR(write_alias);
    if (engine_create_index(context->engine, scratch.index, body, mark, &uuid, err) < 0) {
        scratch_release(&scratch); /* the answer may have been lost */
        return -1;
    }
    *ret_scratch = scratch;
    return 0;
}

int scratch_remove(struct scratch *scratch, struct error *err)
{
    if (!scratch->index)
        return 0;
    int result = engine_delete_index(scratch->context->engine, scratch->index, err);
    lock_release(scratch->context->history, LOCK_SCRATCH, scratch->lock);
    free(scratch->index);
    free(scratch->write_alias);
    *scratch = (struct scratch){};
    return result;
}

void scratch_release(struct scratch *scratch)
{
    _cleanup_(error_release) struct error err = {};
    const struct context *context = scratch->context;
    if (scratch_remove(scratch, &err) < 0)
        log_say(context->log, LOG_WARNING,
                "%s; the next es_check or es_plan of this master removes it", err.message);
}

/* Deletes it, in a dry run of es_prune only named, if it is ours and its lock is free. */
static int sweep_one(struct context *context, const char *index, const char *mark,
                     struct report *report, struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index found = {};
    int64_t number;
    bool taken = false;
    if (lock_number(context->history, index, &number, err) < 0 ||
        lock_try(context->history, LOCK_SCRATCH, number, &taken, err) < 0)
        return -1;
    if (!taken)
        return 0;
    bool only_look = report && context->settings.dry_run;
    int result = engine_find_index(context->engine, index, &found, err);
    bool ours = result == 0 && found.made_by && strcmp(found.made_by, mark) == 0;
    if (ours && !only_look)
        result = engine_delete_index(context->engine, index, err);
    if (ours && !only_look && result == 0)
        log_say(context->log, LOG_NOTICE, "removed \"%s\", which a crashed run had left behind",
                index);
    if (ours && result == 0 && report) {
        struct report_item *item = report_add(report, "prune", NULL);
        item->index = x_strdup(index);
        item->result = "scratch";
    }
    lock_release(context->history, LOCK_SCRATCH, number);
    return result;
}

static int sweep(struct context *context, const char *pattern, struct report *report,
                 struct error *err)
{
    struct engine_entry *list = NULL;
    size_t count = 0;
    _cleanup_free_ char *mark = mark_of(context, err);
    if (!mark || engine_list_indexes(context->engine, pattern, &list, &count, err) < 0)
        return -1;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = sweep_one(context, list[i].name, mark, report, err);
    engine_entries_free(list, count);
    return result;
}

int scratch_sweep(struct context *context, const char *master, struct error *err)
{
    _cleanup_free_ char *pattern = x_printf("%s%s-scratch.*", context->settings.prefix, master);
    return sweep(context, pattern, NULL, err);
}

int scratch_prune(struct context *context, const char *master, struct report *report,
                  struct error *err)
{
    _cleanup_free_ char *pattern =
        x_printf("%s%s-scratch.*", context->settings.prefix, master ? master : "*");
    if (context_open_history(context, true, err) < 0 || context_open_engine(context, err) < 0)
        return -1;
    return sweep(context, pattern, report, err);
}
