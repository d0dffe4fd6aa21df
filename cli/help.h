/* --help: of the whole, and of a command. */
#ifndef ESMIGRATE_CLI_HELP_H
#define ESMIGRATE_CLI_HELP_H

#include "command.h"

/* What esmigrate is, in one sentence. */
extern const char about_esmigrate[];

void help_print_all(FILE *out);
void help_print_command(FILE *out, const struct command *command);

/* "--tag T", "--wait-lock[=SECONDS]", "--full"; the caller's (free()). */
char *option_usage(const struct option_spec *spec);

#endif
