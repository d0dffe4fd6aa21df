#include "remove.h"

static int run(struct session *session, struct error *err)
{
    struct remove_request request = {};
    return remove_with_confirmation(session, &request, clear_instances,
                                    "remove all documents from these indexes", err);
}

const struct command es_clear_command = {
    .name = "es_clear",
    .arguments = "NAME N | NAME-N",
    .summary = "Removes the documents of an instance and keeps its index",
    .about =
        "The next update of the instance is a full one. Asks on a terminal; elsewhere it needs "
        "--yes. Refused for the active instance, for one that another alias points to, and for one "
        "that is kept for es_rollback.",
    .options =
        (const struct command_option[]){
            {OPT_FORCE, "also the active instance, which readers then find empty, one that another "
                        "alias points to, and one that is kept"},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_clear course_search-2", "asks first"},
            {NULL, NULL},
        },
    .columns = result_columns,
    .fewest_words = 1,
    .most_words = ANY_NUMBER,
    .run = run,
};
