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
    .about =
        "Asks on a terminal; elsewhere it needs --yes. Refused for the active instance, for one "
        "that another alias points to, and for one that is kept for es_rollback (\"keep\" in "
        "master.json): of several none is dropped then.",
    .options =
        (const struct command_option[]){
            {OPT_OLDER, NULL},
            {OPT_ALL, "all instances of the master"},
            {OPT_FORCE, "also the active instance, or one that another alias points to: the "
                        "aliases go with it, and searches fail; and one that is kept: there is "
                        "no way back to it then"},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_drop course_search --older", "what the active instance replaced"},
            {"es_drop course_search-1 --yes", "in a script"},
            {NULL, NULL},
        },
    .columns = result_columns,
    .fewest_words = 1,
    .most_words = ANY_NUMBER,
    .run = run,
};
