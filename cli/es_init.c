#include <stdio.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "command.h"
#include "usecases/init.h"

enum { FEW = 5 }; /* so many indexes are named */

/* "take over 12 live indexes ..., the first of them": what session_confirm() lists stands behind */
static char *describe(const struct report *taken_over)
{
    size_t count = taken_over->count;
    return x_printf("take over %zu live index%s from the database that the history was copied "
                    "from%s",
                    count, count == 1 ? "" : "es", count > FEW ? ", the first of them" : "");
}

static struct report first_few(const struct report *taken_over)
{
    struct report few = *taken_over; /* borrowed */
    few.count = few.count > FEW ? FEW : few.count;
    return few;
}

/* The original may be in use: then two histories would write to the same indexes. */
static int confirm(struct session *session, struct error *err)
{
    _cleanup_(report_release) struct report taken_over = {};
    struct settings *settings = &session->context.settings;
    struct schema_upgrade upgrade = {};
    settings->dry_run = true;
    int result = init_history(&session->context, true, &upgrade, &taken_over, err);
    settings->dry_run = false;
    if (result < 0)
        return -1;
    _cleanup_free_ char *verb = describe(&taken_over);
    const struct report few = first_few(&taken_over);
    return session_confirm(session, &few, verb, err);
}

static void say_plan(const struct session *session, const struct report *taken_over)
{
    _cleanup_free_ char *verb = describe(taken_over);
    const struct report few = first_few(taken_over);
    _cleanup_free_ char *names = session_index_names(&few);
    if (few.count)
        log_say(session->context.log, LOG_NOTICE, "this would %s: %s", verb, names);
}

static int run(struct session *session, struct error *err)
{
    _cleanup_(report_release) struct report taken_over = {};
    struct schema_upgrade upgrade = {};
    bool adopt = option_given(&session->options, OPT_ADOPT);
    bool ask = !option_given(&session->options, OPT_YES) && !session->context.settings.dry_run;
    if (adopt && ask && confirm(session, err) < 0)
        return -1;
    if (init_history(&session->context, adopt, &upgrade, &taken_over, err) < 0)
        return -1;
    if (session->context.settings.dry_run)
        say_plan(session, &taken_over);
    struct output *output = output_open(session->format, session->command->columns);
    output_row(output);
    output_text(output, "init");
    output_int(output, upgrade.from);
    output_int(output, upgrade.to);
    output_text(output, adopt                        ? "adopted"
                        : upgrade.from == upgrade.to ? "unchanged"
                        : upgrade.from               ? "upgraded"
                                                     : "created");
    output_close(output);
    if (session->context.settings.dry_run)
        log_say(session->context.log, LOG_NOTICE, "dry run: nothing was changed");
    return 0;
}

const struct command es_init_command = {
    .name = "es_init",
    .arguments = "",
    .summary = "Creates or upgrades the history, schema esmigrate in PostgreSQL",
    .about =
        "Run it once per database and after every upgrade of esmigrate; it may be run at any time. "
        "It records the prefix and which database this is: with another prefix, or in a copy of "
        "the database, every command that writes is refused.\n"
        "\n"
        "A copy that is used beside the original, for tests, needs a history of its own: DROP "
        "SCHEMA esmigrate CASCADE in the copy, then es_init with a prefix that the original does "
        "not have. --adopt is for a database that replaces the original, restored from a dump or "
        "moved: its live indexes are taken over, which asks on a terminal and needs --yes "
        "elsewhere.",
    .options =
        (const struct command_option[]){
            {OPT_ADOPT, NULL},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_init", "the first step of every deploy"},
            {"es_init --prefix qa_",
             "in a copy for tests, after DROP SCHEMA esmigrate CASCADE there"},
            {"es_init --adopt", "in a database restored from a dump, which replaces the original"},
            {NULL, NULL},
        },
    .columns =
        (const struct column[]){
            {"action", 0, "init"},
            {"from_version", COLUMN_RIGHT, "version of the history found, 0: none"},
            {"version", COLUMN_RIGHT, "its version now"},
            {"result", 0, "created, upgraded, unchanged or adopted"},
            {NULL, 0, NULL},
        },
    .run = run,
};
