#include "base/cleanup.h"
#include "command.h"
#include "usecases/retry.h"

static int run(struct session *session, struct error *err)
{
    _cleanup_(report_release) struct report report = {};
    struct update_request request = {.choice = UPDATE_NAMED};
    request.rejected = session_rejected_limits(session);
    request.sending = session_send_limits(session);
    int result = session_targets(session, &request.targets, err);
    if (result == 0) {
        result = retry_instances(&session->context, &request, &report, err);
        session_print_feed(session, &report);
        if (result == 0)
            session_say_end(session, &report);
    }
    targets_release(&request.targets);
    return result;
}

const struct command es_retry_command = {
    .name = "es_retry",
    .arguments = "NAME [N] | NAME-N",
    .summary = "Sends the rejected documents of an instance again",
    .about = "By default of the active instance. Documents that the engine refused for their "
             "content are kept in the history until they are accepted, or gone from the source. "
             "They are read from the source and sent again, or deleted; nothing else is read, and "
             "changed_through stays. Every es_update does the same after it has read what changed.",
    .options =
        (const struct command_option[]){
            {OPT_PROGRESS, NULL},
            {OPT_ALLOW_REJECTED,
             "exit with 0 when at most N rejected documents are open at the end; "
             "it stops nothing"},
            {OPT_MAX_REJECTED, NULL},
            {OPT_MAX_IN_FLIGHT, NULL},
            {OPT_RATE, NULL},
            {OPT_BATCH_BYTES, NULL},
            {OPT_COMPRESS, NULL},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_retry course_search", "after the source was mended"},
            {"es_retry course_search-2 -n", "how many there are"},
            {NULL, NULL},
        },
    .columns = feed_columns,
    .fewest_words = 1,
    .most_words = ANY_NUMBER,
    .run = run,
};
