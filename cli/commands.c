#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "command.h"

extern const struct command es_init_command, es_deploy_command, es_check_command, es_plan_command,
    es_create_command, es_update_command, es_retry_command, es_verify_command, es_activate_command,
    es_rollback_command, es_list_command, es_history_command, es_clear_command, es_drop_command,
    es_prune_command, es_track_command;

/* clang-format off */
const struct command *const commands[] = {
    &es_init_command,
    &es_deploy_command,
    &es_check_command,
    &es_plan_command,
    &es_create_command,
    &es_update_command,
    &es_retry_command,
    &es_verify_command,
    &es_activate_command,
    &es_rollback_command,
    &es_list_command,
    &es_history_command,
    &es_clear_command,
    &es_drop_command,
    &es_prune_command,
    &es_track_command,
    NULL,
};
/* clang-format on */

const struct exit_code exit_codes[] = {
    {"0", "done, or nothing to do"},
    {"1", "failed, or refused by the state of things"},
    {"2", "wrong use, or a wrong declaration"},
    {"3", "work is pending (es_check)"},
    {"4", "finished, but rejected documents are open"},
    {"5", "PostgreSQL is not to be reached, or refused what a command asked"},
    {"6", "the engine is not to be reached, or refused what a command asked"},
    {"7", "another run holds the lock"},
    {"8", "destructive, and not confirmed"},
    {"130, 143", "stopped by a signal"},
    {NULL, NULL},
};

const struct command *command_find(const char *name)
{
    for (const struct command *const *command = commands; *command; command++)
        if (strcmp((*command)->name, name) == 0)
            return *command;
    return NULL;
}

const char *command_nearest(const char *name)
{
    const char *names[ARRAY_SIZE(commands)];
    size_t count = 0;
    for (const struct command *const *command = commands; *command; command++)
        names[count++] = (*command)->name;
    /* "update" is as near as "es_updat". */
    _cleanup_free_ char *whole =
        strncmp(name, "es_", 3) == 0 ? x_strdup(name) : x_printf("es_%s", name);
    return nearest_name(whole, names, count);
}
