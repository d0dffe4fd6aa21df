#include "remove.h"

static int run(struct session *session, struct error *err)
{
    bool older = option_given(&session->options, OPT_OLDER);
    bool all = option_given(&session->options, OPT_ALL);
    struct remove_request request = {
        .choice = older ? REMOVE_OLDER
                  : all ? REMOVE_ALL
                        : REMOVE_NAMED,
    };
    if (older && all)
        return error_set(err, ERR_USAGE, "--older and --all exclude each other");
    return remove_with_confirmation(session, &request, drop_instances, "drop these indexes", err);
}

const struct command es_drop_command = {
    .name = "es_drop",
    .arguments = "NAME N | NAME-N | NAME --older | NAME --all",
    .summary = "Deletes the engine index of instances and keeps their history",
    .about = "Never the active one without --force. Asks on a terminal; elsewhere it needs --yes.",
    .options = (const enum option_id[]){OPT_OLDER, OPT_ALL, OPT_FORCE, OPT_COUNT},
    .fewest_words = 1,
    .most_words = ANY_NUMBER,
    .run = run,
};
