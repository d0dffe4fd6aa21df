#include "usecases/feed.h"

#include <string.h>

#include "base/memory.h"
#include "domain/block.h"
#include "sql.h"

static int read_options(struct context *context, const struct master *master,
                        struct master_options *ret_options, struct error *err)
{
    _cleanup_(declaration_release) struct declaration declared = {};
    _cleanup_(error_release) struct error ignored = {};
    if (declaration_exists(context->settings.indexes, master->name)) {
        if (declaration_read(context->settings.indexes, master->name, &declared, &ignored) == 0) {
            *ret_options = TAKE(declared.options);
            return 0;
        }
        log_say(context->log, LOG_WARNING,
                "%s; the options that the history stored are used instead", ignored.message);
    }
    return master_options_parse(master->options, "options in the history", master->name,
                                ret_options, err);
}

int feed_options(struct context *context, const struct master *master,
                 const struct send_limits *sending, struct master_options *ret_options,
                 struct error *err)
{
    if (read_options(context, master, ret_options, err) < 0)
        return -1;
    struct send_limits *limits = &ret_options->sending;
    if (sending->batch_bytes)
        limits->batch_bytes = sending->batch_bytes;
    if (sending->max_in_flight)
        limits->max_in_flight = sending->max_in_flight;
    if (sending->rate)
        limits->rate = sending->rate;
    limits->compress = limits->compress || sending->compress;
    return 0;
}

/* When --source was forgotten, the history's database was read: it is named. */
static void say_database(const struct context *context, const struct master_options *options,
                         const struct source *source, struct error *err)
{
    bool by_default = !context->settings.source && !options->source;
    error_detail(err, "The source is the database \"%s\"%s.", pg_database(source->pg),
                 by_default ? ", that of the history, since neither --source, ESMIGRATE_SOURCE nor "
                              "\"source\" in master.json names one"
                            : "");
}

/*
 * PostgreSQL ends a statement at the first row whose text is not of the client's encoding. A
 * database in SQL_ASCII may hold such rows: its bytes come as they are, and the sender rejects the
 * documents they are in.
 */
static int take_bytes(struct source *source, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (pg_query(source->pg, "SHOW server_encoding", PG_NO_VALUES, &rows, err) < 0)
        return -1;
    if (strcmp(pg_text(rows, 0, "server_encoding"), "SQL_ASCII") != 0)
        return 0;
    source->any_bytes = true;
    return pg_run(source->pg, "SET client_encoding = 'SQL_ASCII'", err);
}

int feed_open_source(struct context *context, const struct instance *instance,
                     const struct master_options *options, struct source **ret_source,
                     struct error *err)
{
    _cleanup_(source_closep) struct source *source = NULL;
    if (context_open_source(context, options->source, instance->search_path, &source, err) < 0 ||
        source_check_options(source, NULL, options->overlap, instance->master, err) < 0 ||
        take_bytes(source, err) < 0)
        return -1;
    if (source_use(source, &instance->content, options->max_document_bytes, instance->index_name,
                   err) == 0) {
        *ret_source = TAKE_PTR(source);
        return 0;
    }
    if (err->kind != ERR_USAGE)
        return -1;
    err->kind = ERR_POSTGRES;
    if (!err->detail)
        say_database(context, options, source, err);
    return error_hint(
        err,
        "Is --source right? If it is, the SQL that the instance was created with, and is updated "
        "with, does not fit the source any more. Change the files, then: esmigrate es_create %s",
        instance->master);
}

int feed_take_version(struct context *context, const struct run *run, int64_t *ret_version,
                      struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_instance_version, PG_VALUES(run->action.id),
                      &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return action_replaced(err);
    *ret_version = pg_int(rows, 0, "read_version");
    return 0;
}

struct sender *feed_open_sender(struct context *context, const struct instance *instance,
                                const struct run *run, const char *write_alias, int64_t version,
                                const struct source *source, const struct master_options *options,
                                const struct rejected_limits *limits)
{
    struct sender_options sender_options = {
        .engine = context->engine,
        .history = context->history,
        .log = context->log,
        .secrets = &context->secrets,
        .instance_id = instance->id,
        .action_id = run->action.id,
        .index_name = instance->index_name,
        .write_alias = write_alias,
        .version = version,
        .max_document_bytes = source->max_document_bytes,
        .checks_utf8 = source->any_bytes,
        .limits_rejected = limits->stops || options->limits_rejected,
        .max_rejected = limits->stops ? limits->most : options->max_rejected,
        .limits = options->sending,
    };
    return sender_open(&sender_options);
}

void feed_note(const struct sender *sender, struct run *run, struct report_item *item)
{
    struct action_outcome *outcome = &run->outcome;
    if (sender)
        item->totals = *sender_totals(sender);
    const struct sender_totals *totals = &item->totals;
    outcome->in_flight = totals->bytes ? (int64_t)sender_limit(sender) : 0;
    outcome->sent = totals->sent;
    outcome->indexed = totals->indexed;
    outcome->deleted = totals->deleted;
    outcome->rejected = totals->rejected;
    outcome->superseded = totals->superseded;
    outcome->retries = totals->retries;
    outcome->bytes = totals->bytes;
    outcome->mode = item->mode;
    outcome->changed_from = item->changed_from;
}

int feed_failed(const struct run *run, const struct instance *instance, struct sender *sender,
                bool full, struct error *err)
{
    if (err->kind == ERR_STOPPED) {
        if (sender)
            sender_stop(sender);
        error_hint(err, "What was accepted stays. To go on: esmigrate es_%s %s-%d%s",
                   run->action.name, instance->master, instance->number,
                   full && instance->filled_at ? " --full" : "");
    }
    _cleanup_free_ char *mark = time_rfc3339(instance->changed_through);
    _cleanup_free_ char *state = mark ? x_printf("changed_through stays at %s.", mark)
                                      : x_strdup("The index is not filled yet.");
    block_explain(instance->index_name, state, err);
    return err->detail || !sender ? -1 : error_detail(err, "%s", state);
}
