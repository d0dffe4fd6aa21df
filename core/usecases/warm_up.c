#include "usecases/warm_up.h"

#include "base/stop.h"
#include "domain/queries.h"

static int ask(struct context *context, const struct query *query, const char *index,
               struct error *err)
{
    for (int i = 0; i < QUERY_WARM_UP; i++) {
        _cleanup_(json_freep) json *answer = NULL;
        if (stop_check(err) < 0 || query_ask(context->engine, query, index, &answer, err) < 0)
            return -1;
    }
    return 0;
}

/* A query that the engine refuses says nothing of the others. */
static int ask_all(struct context *context, const struct queries *queries, const char *index,
                   struct error *err)
{
    for (size_t i = 0; i < queries->count; i++) {
        if (ask(context, &queries->list[i], index, err) == 0)
            continue;
        if (err->http_code != 400)
            return -1;
        log_error(context->log, err);
        error_release(err);
    }
    return 0;
}

int warm_up(struct context *context, const struct instance *instance, struct error *err)
{
    struct queries queries = {};
    int result = queries_read(context->settings.indexes, instance->master, &queries, err);
    if (result == 0)
        result = ask_all(context, &queries, instance->index_name, err);
    queries_release(&queries);
    if (result == 0 || err->kind == ERR_STOPPED)
        return result;
    log_say(context->log, LOG_WARNING, "index \"%s\" is not warmed up: %s", instance->index_name,
            err->message);
    error_release(err);
    return 0;
}
