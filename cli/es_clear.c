#include "remove.h"

static int run(struct session *session, struct error *err)
{
    struct remove_request request = {};
    return remove_with_confirmation(session, &request, clear_instances,
                                    "remove all documents from these indexes", err);
}

const struct command es_clear_command = {
    .name = "es_clear",
    .arguments = "NAME-N",
    .summary = "Removes the documents of an instance and keeps its index",
    .about = "Never the active one without --force. Asks on a terminal; elsewhere it needs --yes.",
    .options = (const enum option_id[]){OPT_FORCE, OPT_COUNT},
    .fewest_words = 1,
    .most_words = ANY_NUMBER,
    .run = run,
};
