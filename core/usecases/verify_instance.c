#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "usecases/retry.h"
#include "usecases/since.h"
#include "usecases/verifying.h"

enum { MOST_AT_ONCE = 10000 }; /* documents of a search: the most by default */

static void verifying_release(struct verifying *verifying)
{
    meter_end(&verifying->meter);
    look_release(&verifying->look);
    source_close(verifying->source);
    free(verifying->behind);
    master_options_release(&verifying->options);
    texts_free(verifying->sample, verifying->sample_count);
    texts_free(verifying->differing, verifying->differing_count);
    texts_free(verifying->pending, verifying->pending_count);
}

static void forget_ids(struct verifying *verifying)
{
    texts_free(verifying->sample, verifying->sample_count);
    texts_free(verifying->differing, verifying->differing_count);
    texts_free(verifying->pending, verifying->pending_count);
    verifying->sample = x_calloc((size_t)verifying->request->sample, sizeof(char *));
    verifying->differing = verifying->pending = NULL;
    verifying->sample_count = verifying->differing_count = verifying->differing_capacity = 0;
    verifying->pending_count = verifying->pending_capacity = 0;
}

static void begin_meter(struct verifying *verifying)
{
    struct context *context = verifying->context;
    meter_begin(&verifying->meter, context->watch, context->history, context->engine,
                verifying->run->action.id, verifying->instance->index_name);
    verifying->meter.writes = verifying->run->open;
    pg_set_ticker(verifying->source->pg, &verifying->meter.ticker);
}

static int check_all(struct verifying *verifying, struct error *err)
{
    static const struct {
        const char *part;
        int (*verify)(struct verifying *verifying, struct error *err);
    } checks[] = {
        {"ids", verify_ids},         {"content", verify_content},   {"rejected", verify_rejected},
        {"mapping", verify_mapping}, {"settings", verify_settings}, {"queries", verify_queries},
    };
    int result = 0;
    forget_ids(verifying);
    verification_begin_attempt(verifying->result);
    begin_meter(verifying);
    for (size_t i = 0; i < ARRAY_SIZE(checks) && result == 0; i++) {
        meter_verify(&verifying->meter, checks[i].part);
        result = checks[i].verify(verifying, err);
    }
    /* A repair has a meter of its own. */
    meter_end(&verifying->meter);
    return result;
}

/* ---- repair ---- */

/* Rejected documents are sent again with every repair; other checks, such as that of the mapping,
 * find what sending does not mend. */
static bool needs_repair(const struct verifying *verifying)
{
    return verifying->differing_count || verifying->pending_count ||
           verification_failed(verifying->result, "rejected");
}

/* What is pending is to be sent as well: whoever repairs wants the index to be as the source is. */
static void gather(struct verifying *verifying)
{
    for (size_t i = 0; i < verifying->pending_count; i++)
        verify_differs(verifying, verifying->pending[i]);
    verifying->differing_count = texts_unique(verifying->differing, verifying->differing_count);
}

/* In an action of its own, a part of this one: it writes, and takes the writer's lock for that. */
static int send_again(struct verifying *verifying, struct error *err)
{
    struct context *context = verifying->context;
    const struct instance *instance = verifying->instance;
    struct update_request request = {.sending = verifying->request->sending};
    struct run_spec spec = {
        .action = "retry",
        .parent_id = verifying->run->action.id,
        .name = instance->index_name,
        .master_id = instance->master_id,
        .instance_id = instance->id,
        .locks = RUN_LOCK_INSTANCE,
    };
    struct run run;
    bool skipped;
    if (run_begin(context, &spec, &run, &skipped, err) < 0)
        return -1;
    if (skipped)
        return 0;
    _cleanup_(report_release) struct report report = {};
    struct report_item *item = report_add(&report, spec.action, instance->master);
    _cleanup_(instances_release) struct instances now = {};
    const struct instance *current;
    report_set_instance(item, instance);
    gather(verifying);
    int result = instance_again(context, instance, &now, &current, err);
    if (result == 0)
        result = resend_documents(&run, &request, verifying->master, current, verifying->differing,
                                  verifying->differing_count, item, err);
    result = run_end(&run, result, item, err);
    if (result == 0)
        log_say(context->log, LOG_NOTICE,
                "%s: repaired: %" PRId64 " documents indexed, %" PRId64 " deleted, %" PRId64
                " rejected",
                instance->index_name, item->totals.indexed, item->totals.deleted,
                item->totals.rejected);
    return result;
}

/* What an interrupted first load has still to do is its own: it counts what it has sent. */
static int repair(struct verifying *verifying, struct error *err)
{
    const struct context *context = verifying->context;
    if (!verifying->request->repair || context->settings.dry_run || !needs_repair(verifying))
        return 0;
    if (!verifying->instance->filled_at) {
        log_say(context->log, LOG_WARNING, "%s: nothing is repaired before it is filled",
                verifying->instance->index_name);
        return 0;
    }
    return send_again(verifying, err) < 0 || check_all(verifying, err) < 0 ? -1 : 0;
}

/* ---- the verdict ---- */

/* What the new SQL is meant to change, no new instance would change back. */
static int advise_queries(const struct verifying *verifying, struct error *err)
{
    const struct instance *instance = verifying->instance;
    _cleanup_free_ char *hint = x_printf("If that is what was meant, change the query or its "
                                         "limits in %s/%s/queries.ndjson, and run "
                                         "the same command again",
                                         verifying->context->settings.indexes, instance->master);
    if (instance->active)
        return error_hint(err, "%s.", hint);
    return error_hint(err, "%s; or switch all the same: esmigrate es_activate %s %d --no-verify",
                      hint, instance->master, instance->number);
}

static int advise(const struct verifying *verifying, const struct check *failed, struct error *err)
{
    const char *master = verifying->instance->master;
    int number = verifying->instance->number;
    if (!verifying->instance->filled_at)
        return error_hint(err, "It is not filled: esmigrate es_update %s %d", master, number);
    if (strcmp(failed->name, "rejected") == 0)
        return error_hint(err,
                          "Mend the source, then: esmigrate es_retry %s-%d. --allow-rejected "
                          "tolerates them.",
                          master, number);
    if (strcmp(failed->name, "mapping") == 0)
        return error_hint(err, "Make a new instance: esmigrate es_create %s --force", master);
    if (strncmp(failed->name, "query", 5) == 0)
        return advise_queries(verifying, err);
    if (verifying->behind)
        return error_hint(err,
                          "Compare with the primary, by --source, or when the standby has replayed "
                          "a later commit: esmigrate es_verify %s-%d",
                          master, number);
    if (verifying->request->repair)
        return error_hint(err,
                          "The repair was not enough. Read everything again: esmigrate es_update "
                          "%s %d --restart; or make a new instance: esmigrate es_create %s --force",
                          master, number, master);
    if (verifying->differing_count >= DIFFERENCES_MOST)
        return error_hint(err, "Read everything again: esmigrate es_update %s %d --restart", master,
                          number);
    return error_hint(err,
                      "Send again what differs: esmigrate es_verify %s-%d --repair; or everything: "
                      "esmigrate es_update %s %d --restart",
                      master, number, master, number);
}

static int judge(const struct verifying *verifying, struct error *err)
{
    const struct check *failed = verification_failure(verifying->result);
    _cleanup_(buffer_release) struct buffer names = BUFFER(BUFFER_TEXT_MAX);
    if (!failed)
        return 0;
    for (const struct check *check = failed;
         check < verifying->result->checks + verifying->result->count; check++)
        if (check->verdict == VERIFIED_FAILED && check->severity == CHECK_CRITICAL)
            buffer_printf(&names, "%s%s", names.length ? ", " : "", check->name);
    error_set(err, ERR_FAILED, "index \"%s\" is not what it should be: %s",
              verifying->instance->index_name, buffer_cstr(&names));
    error_detail(err, "%s: %s", failed->name, buffer_cstr(&failed->words));
    return advise(verifying, failed, err);
}

/* What it does not have yet differs, and needs no repair. */
static int look_at_standby(struct verifying *verifying, struct error *err)
{
    const struct instance *instance = verifying->instance;
    if (since_find_behind(instance, verifying->source, verifying->options.overlap,
                          &verifying->behind, err) < 0)
        return -1;
    if (!verifying->behind)
        return 0;
    if (verifying->request->repair)
        return since_refuse_behind(instance, verifying->behind, err);
    log_say(verifying->context->log, LOG_WARNING, "%s: %s: what it lacks is found to differ",
            instance->index_name, verifying->behind);
    return 0;
}

static int verify_in_run(struct verifying *verifying, struct error *err)
{
    struct context *context = verifying->context;
    const struct instance *instance = verifying->instance;
    if (feed_options(context, verifying->master, &verifying->request->sending, &verifying->options,
                     err) < 0 ||
        feed_open_source(context, instance, &verifying->options, &verifying->source, err) < 0 ||
        since_check_identity(instance, verifying->source, err) < 0 ||
        look_at_standby(verifying, err) < 0 || check_durable(context, instance, err) < 0)
        return -1;
    verifying->look = (struct look){
        .source = verifying->source,
        .engine = context->engine,
        .history = context->history,
        .index_name = instance->index_name,
        .instance_id = instance->id,
        .compares_content = true,
    };
    if (engine_window(context->engine, instance->index_name, MOST_AT_ONCE, &verifying->look.window,
                      err) < 0 ||
        check_all(verifying, err) < 0 || repair(verifying, err) < 0)
        return -1;
    return judge(verifying, err);
}

int verify_within(struct run *run, const struct verify_request *request,
                  const struct master *master, const struct instance *instance,
                  struct verification *ret, struct error *err)
{
    _cleanup_(verifying_release) struct verifying verifying = {
        .context = run->context,
        .request = request,
        .master = master,
        .instance = instance,
        .run = run,
        .result = ret,
    };
    memcpy(ret->id, run->action.id, sizeof(ret->id));
    ret->master = x_strdup(instance->master);
    ret->number = instance->number;
    ret->index = x_strdup(instance->index_name);
    if (verify_in_run(&verifying, err) == 0)
        return 0;
    return explain_lost(run->context, instance, err);
}

int verify_instance(struct context *context, const char *parent_id,
                    const struct verify_request *request, const struct master *master,
                    const struct instance *instance, struct verification *ret, struct error *err)
{
    struct run run;
    bool skipped;
    struct run_spec spec = {
        .action = "verify",
        .parent_id = parent_id,
        .name = instance->index_name,
        .master_id = instance->master_id,
        .instance_id = instance->id,
        .locks = RUN_LOCK_VERIFY,
    };
    if (run_begin(context, &spec, &run, &skipped, err) < 0)
        return -1;
    if (skipped)
        return 0;
    _cleanup_(instances_release) struct instances now = {};
    const struct instance *current;
    int result = instance_again(context, instance, &now, &current, err);
    if (result == 0)
        result = verify_within(&run, request, master, current, ret, err);
    return run_end(&run, result, NULL, err);
}
