/*
 * Commands: a table in commands.c, one file for each. A command parses its words, calls one use
 * case, and prints the report.
 */
#ifndef ESMIGRATE_CLI_COMMAND_H
#define ESMIGRATE_CLI_COMMAND_H

#include "options.h"
#include "output.h"
#include "progress.h"
#include "usecases/activation.h"
#include "usecases/context.h"
#include "usecases/feed.h"
#include "usecases/report.h"
#include "usecases/targets.h"

struct session {
    const struct command *command;
    struct options options;
    enum output_format format;
    struct context context;
    struct progress_view progress;
};

struct example {
    const char *line; /* what is typed, without "esmigrate" */
    const char *what;
};

struct command {
    const char *name;
    const char *arguments; /* the usage behind the name */
    const char *summary;   /* one line, without a full stop */
    const char *about;     /* paragraphs with an empty line between */
    const struct command_option *options;
    const struct example *examples; /* .line == NULL ends them */
    const struct column *columns;   /* of its output; .name == NULL ends them */
    size_t fewest_words;
    size_t most_words;
    int (*run)(struct session *session, struct error *err);
};

enum { ANY_NUMBER = 1000000 };

/* All commands, in the order of a deploy; NULL ends the table. */
extern const struct command *const commands[];

const struct command *command_find(const char *name);
/* What a mistyped name may have meant, or NULL. */
const char *command_nearest(const char *name);

struct exit_code {
    const char *code; /* "5", or "130, 143" */
    const char *meaning;
};
/* .code == NULL ends the table. */
extern const struct exit_code exit_codes[];

/* The columns that create, activate, clear and drop print. */
extern const struct column result_columns[];

/* The words as NAME [N] and NAME-N; at least one of them. */
int session_targets(const struct session *session, struct targets *ret_targets, struct error *err);

/* --allow-rejected and --max-rejected. */
struct rejected_limits session_rejected_limits(const struct session *session);
/* --batch-bytes, --max-in-flight, --rate and --compress; 0 and false: not given. */
struct send_limits session_send_limits(const struct session *session);

/* The options of a switch. */
int session_activation(struct session *session, const struct targets *targets,
                       struct activation_request *ret_request, struct error *err);

/* What es_update and es_retry print. */
extern const struct column feed_columns[];
void session_print_feed(const struct session *session, const struct report *report);

/* result_columns of each item. `result` is what the use case returned. */
void session_print_results(const struct session *session, const struct report *report, int result);

/* After a success: that there was nothing to do, or that it was a dry run. */
void session_say_end(const struct session *session, const struct report *report);

/* The indexes of the items, with commas between; the caller's (free()). */
char *session_index_names(const struct report *report);

/* Whether there is someone at a terminal who can be asked; and asks. */
bool session_can_ask(void);
int session_ask(struct error *err);

/* Asks on a terminal whether the plan is meant; elsewhere --yes must have said so. */
int session_confirm(const struct session *session, const struct report *plan, const char *verb,
                    struct error *err);

#endif
