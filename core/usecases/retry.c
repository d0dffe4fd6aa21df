#include "usecases/retry.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "load/changes.h"
#include "usecases/fence.h"
#include "usecases/rejected.h"
#include "usecases/since.h"

/* One retry of one instance. */
struct retrying {
    struct context *context;
    const struct update_request *request;
    const struct instance *instance;
    struct run *run;
    struct report_item *item;
    char *const *ids; /* of other documents that are sent, too */
    size_t count;
    struct master_options options;
    struct source *source;
    struct sender *sender;
    struct meter meter;
    char *write_alias;
};

static void retrying_release(struct retrying *retrying)
{
    meter_end(&retrying->meter);
    sender_close(retrying->sender);
    source_close(retrying->source);
    master_options_release(&retrying->options);
    free(retrying->write_alias);
}

/* The order is that of an update: fence, version, and only then the snapshot (rules R2, R3). */
static int send_again(struct retrying *retrying, struct error *err)
{
    struct context *context = retrying->context;
    const struct instance *instance = retrying->instance;
    int64_t version = 0;
    if (fence_raise(context, instance, retrying->run->action.id, &retrying->write_alias, err) < 0 ||
        feed_take_version(context, retrying->run, &version, err) < 0)
        return -1;
    meter_begin(&retrying->meter, context->watch, context->history, context->engine,
                retrying->run->action.id, instance->index_name);
    pg_set_ticker(retrying->source->pg, &retrying->meter.ticker);
    retrying->meter.sender = retrying->sender =
        feed_open_sender(context, instance, retrying->run, retrying->write_alias, version,
                         retrying->source, &retrying->options, &retrying->request->rejected);
    _cleanup_(id_set_release) struct id_set ids = {};
    struct load load = {
        .source = retrying->source,
        .sender = retrying->sender,
        .history = context->history,
        .engine = context->engine,
        .log = context->log,
        .instance_id = instance->id,
        .index_name = instance->index_name,
    };
    int result = copies_open(&load.copies, context->engine, retrying->sender, instance->index_name,
                             retrying->source->columns.has_routing, err);
    if (result == 0 &&
        (source_begin(retrying->source, err) < 0 || load_rejected_ids(&load, &ids, err) < 0))
        result = -1;
    meter_expect(&retrying->meter, (int64_t)(ids.count + retrying->count), false, 0);
    meter_phase(&retrying->meter, PROGRESS_LOAD);
    if (result == 0 &&
        (load_again(&load, retrying->ids, retrying->count, err) < 0 ||
         load_rejected(&load, &ids, err) < 0 || copies_finish(&load.copies, err) < 0 ||
         sender_finish(retrying->sender, err) < 0 ||
         engine_refresh(context->engine, instance->index_name, err) < 0))
        result = -1;
    copies_release(&load.copies);
    meter_end(&retrying->meter);
    return result < 0 ? -1 : source_end(retrying->source, err);
}

/* What is still rejected, and the closed row, are one transaction. */
static int finish(struct retrying *retrying, struct error *err)
{
    struct report_item *item = retrying->item;
    if (check_durable(retrying->context, retrying->instance, err) < 0 ||
        run_begin_results(retrying->run, err) < 0 ||
        rejected_settle(retrying->context, retrying->instance->id, retrying->run, item, err) < 0)
        return -1;
    retrying->run->outcome.status = item->rejected_open ? ACTION_PARTIAL : ACTION_COMPLETE;
    retrying->run->outcome.error = item->partial = rejected_words(item->rejected_open);
    return 0;
}

static int retry_in_run(struct retrying *retrying, const struct master *master, struct error *err)
{
    struct context *context = retrying->context;
    const struct instance *instance = retrying->instance;
    _cleanup_free_ char *behind = NULL;
    int64_t open = 0;
    if (rejected_count(context, instance->id, &open, err) < 0)
        return -1;
    if (!open && !retrying->count) {
        log_say(context->log, LOG_NOTICE, "%s: no rejected document is open", instance->index_name);
        return 0;
    }
    if (feed_options(context, master, &retrying->request->sending, &retrying->options, err) < 0 ||
        feed_open_source(context, instance, &retrying->options, &retrying->source, err) < 0 ||
        since_check_identity(instance, retrying->source, err) < 0 ||
        since_find_behind(instance, retrying->source, retrying->options.overlap, &behind, err) < 0)
        return -1;
    if (behind)
        return since_refuse_behind(instance, behind, err);
    if (context->settings.dry_run) {
        log_say(context->log, LOG_NOTICE, "%s: %" PRId64 " rejected document%s would be sent again",
                instance->index_name, open, open == 1 ? "" : "s");
        return context_open_engine(context, err) < 0 ? -1 : check_durable(context, instance, err);
    }
    if (send_again(retrying, err) < 0 || finish(retrying, err) < 0)
        return feed_failed(retrying->run, instance, retrying->sender, false, err);
    return 0;
}

int resend_documents(struct run *run, const struct update_request *request,
                     const struct master *master, const struct instance *instance, char *const *ids,
                     size_t count, struct report_item *item, struct error *err)
{
    _cleanup_(retrying_release) struct retrying retrying = {
        .context = run->context,
        .request = request,
        .instance = instance,
        .run = run,
        .item = item,
        .ids = ids,
        .count = count,
    };
    item->changed_through = x_strdup(instance->changed_through);
    int result = retry_in_run(&retrying, master, err);
    feed_note(retrying.sender, run, item);
    return result;
}

static int retry_instance(struct run *run, const struct update_request *request,
                          const struct master *master, const struct instance *instance,
                          struct report_item *item, struct error *err)
{
    return resend_documents(run, request, master, instance, NULL, 0, item, err);
}

int retry_instances(struct context *context, const struct update_request *request,
                    struct report *report, struct error *err)
{
    return update_each(context, "retry", request, retry_instance, report, err);
}
