/*
 * Commands: a table, one file for each. A command parses its words, calls one use case, and
 * prints the report.
 */
#ifndef ESMIGRATE_CLI_COMMAND_H
#define ESMIGRATE_CLI_COMMAND_H

#include "options.h"
#include "output.h"
#include "usecases/context.h"
#include "usecases/report.h"
#include "usecases/targets.h"

struct session {
    const struct command *command;
    struct options options;
    enum output_format format;
    struct context context;
};

struct command {
    const char *name;
    const char *arguments; /* the usage behind the name */
    const char *summary;   /* one line */
    const char *about;     /* paragraphs for --help */
    const enum option_id *options;
    size_t fewest_words;
    size_t most_words;
    int (*run)(struct session *session, struct error *err);
};

enum { ANY_NUMBER = 1000000 };

extern const struct command es_init_command;
extern const struct command es_list_command;
extern const struct command es_create_command;
extern const struct command es_update_command;
extern const struct command es_activate_command;
extern const struct command es_clear_command;
extern const struct command es_drop_command;
extern const struct command es_history_command;

/* The words as NAME [N] and NAME-N; at least one of them. */
int session_targets(const struct session *session, struct targets *ret_targets, struct error *err);

/* id, action, master, instance, index, result of each item: what most commands print. `result` is
 * what the use case returned. */
void session_print_results(const struct session *session, const struct report *report, int result);

/* After a success: that there was nothing to do, or that it was a dry run. */
void session_say_end(const struct session *session, const struct report *report);

/* Asks on a terminal whether the plan is meant; elsewhere --yes must have said so. */
int session_confirm(const struct session *session, const struct report *plan, const char *verb,
                    struct error *err);

#endif
