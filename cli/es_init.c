#include <stdio.h>

#include "base/cleanup.h"
#include "command.h"
#include "usecases/init.h"

static int run(struct session *session, struct error *err)
{
    static const struct column columns[] = {
        {"action", 0}, {"from_version", COLUMN_RIGHT}, {"version", COLUMN_RIGHT}, {"result", 0}};
    struct schema_upgrade upgrade = {};
    bool adopt = option_given(&session->options, OPT_ADOPT);
    if (init_history(&session->context, adopt, &upgrade, err) < 0)
        return -1;
    struct output *output = output_open(session->format, columns, ARRAY_SIZE(columns));
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
        "Run it once per database and after every upgrade of esmigrate; it may be run at any\n"
        "time. It records the prefix and which database this is: with another prefix, or in a\n"
        "copy of the database, every command that writes is refused until --adopt.",
    .options = (const enum option_id[]){OPT_ADOPT, OPT_COUNT},
    .run = run,
};
