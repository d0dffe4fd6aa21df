#include "usecases/helpers.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "usecases/feed.h"

void helpers_release(struct helpers *helpers)
{
    for (size_t i = 0; i < helpers->count; i++)
        source_close(helpers->list[i]);
    free(helpers->list);
    *helpers = (struct helpers){};
}

/* The server itself says that it does not know the snapshot; a lost connection is a failure. */
static bool cannot_share(const struct error *err)
{
    return err->kind == ERR_POSTGRES && err->sqlstate[0] && strncmp(err->sqlstate, "57", 2) != 0;
}

int helpers_open(struct context *context, const struct instance *instance,
                 const struct master_options *options, struct source *source, size_t count,
                 const struct ticker *ticker, struct helpers *ret_helpers, struct error *err)
{
    _cleanup_(helpers_release) struct helpers helpers = {};
    _cleanup_free_ char *snapshot = NULL;
    *ret_helpers = (struct helpers){};
    if (!count)
        return 0;
    helpers.list = x_calloc(count, sizeof(struct source *));
    if (source_export_snapshot(source, &snapshot, err) < 0)
        return -1;
    while (helpers.count < count) {
        struct source **helper = &helpers.list[helpers.count];
        if (feed_open_source(context, instance, options, helper, err) < 0)
            return -1;
        helpers.count++;
        pg_set_ticker((*helper)->pg, ticker);
        ticker_call(ticker);
        if (source_begin_in(*helper, snapshot, err) == 0)
            continue;
        if (!cannot_share(err))
            return -1;
        log_say(context->log, LOG_NOTICE,
                "%s: read by %zu worker%s, since another session of the source cannot read in the "
                "same snapshot: %s",
                instance->index_name, helpers.count, helpers.count == 1 ? "" : "s", err->message);
        error_release(err);
        source_close(helpers.list[--helpers.count]);
        break;
    }
    *ret_helpers = TAKE(helpers);
    return 0;
}
