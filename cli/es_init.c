#include <stdio.h>

#include "base/cleanup.h"
#include "command.h"
#include "usecases/init.h"

static int run(struct session *session, struct error *err)
{
    struct schema_upgrade upgrade = {};
    bool adopt = option_given(&session->options, OPT_ADOPT);
    if (init_history(&session->context, adopt, &upgrade, err) < 0)
        return -1;
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
        "the database, every command that writes is refused until es_init --adopt.",
    .options =
        (const struct command_option[]){
            {OPT_ADOPT, NULL},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_init", "the first step of every deploy"},
            {"es_init --adopt --prefix qa_", "in a copy for tests, with a prefix of its own"},
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
