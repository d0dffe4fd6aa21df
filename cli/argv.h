/* The command line as the history may keep it. */
#ifndef ESMIGRATE_CLI_ARGV_H
#define ESMIGRATE_CLI_ARGV_H

/*
 * A copy of argv in which the values of --history, --source and --engine have no user, password
 * or anything that cannot be parsed in them (rule R10); NULL-terminated, the caller's
 * (argv_free()).
 */
char **argv_public(int argc, char **argv);
void argv_free(char **argv);

#endif
