/*
 * The one table of options. Parsing, --help, the environment, and by contrib/docs the completion,
 * the man pages and the reference in README come from it and from the tables of the commands.
 */
#ifndef ESMIGRATE_CLI_OPTIONS_H
#define ESMIGRATE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

enum option_id {
    /* common to all commands */
    OPT_HISTORY,
    OPT_SOURCE,
    OPT_ENGINE,
    OPT_ENGINE_USER,
    OPT_ENGINE_PASSWORD_FILE,
    OPT_API_KEY_FILE,
    OPT_BEARER_FILE,
    OPT_CA,
    OPT_CERT,
    OPT_KEY,
    OPT_INDEXES,
    OPT_PREFIX,
    OPT_TAG,
    OPT_OUTPUT,
    OPT_QUIET,
    OPT_VERBOSE,
    OPT_DRY_RUN,
    OPT_YES,
    OPT_WAIT_LOCK,
    OPT_IF_BUSY,
    OPT_LOCK_TIMEOUT,
    OPT_WAIT_SERVERS,
    OPT_HELP,
    OPT_VERSION,
    OPT_COMMON_END,

    /* of some commands */
    OPT_ADOPT = OPT_COMMON_END,
    OPT_ALL,
    OPT_FORCE,
    OPT_ENGINE_ONLY,
    OPT_IN_PLACE,
    OPT_LAST,
    OPT_LATEST,
    OPT_NEWER,
    OPT_ALL_ACTIVE,
    OPT_FULL,
    OPT_RESTART,
    OPT_WORKERS,
    OPT_JOIN,
    OPT_SINCE,
    OPT_PROGRESS,
    OPT_COUNT_FIRST,
    OPT_ALLOW_REJECTED,
    OPT_MAX_REJECTED,
    OPT_BATCH_BYTES,
    OPT_MAX_IN_FLIGHT,
    OPT_RATE,
    OPT_COMPRESS,
    OPT_FORCE_MERGE,
    OPT_NO_UPDATE,
    OPT_NO_VERIFY,
    OPT_ALLOW_STALE,
    OPT_STOP_INDEXING,
    OPT_RESUME_INDEXING,
    OPT_HOOK_TIMEOUT,
    OPT_READS_ONLY,
    OPT_WRITES_ONLY,
    OPT_REPLACE_INDEX,
    OPT_TAKE_ALIAS,
    OPT_REHEARSE,
    OPT_WARM,
    OPT_OLDER,
    OPT_UNTIL,
    OPT_ACTION,
    OPT_STATUS,
    OPT_RUNNING,
    OPT_LIMIT,
    OPT_TABLE,
    OPT_ID,
    OPT_APPLY,
    OPT_OWNER,
    OPT_PRUNE,
    OPT_KEEP,
    OPT_CONTENT,
    OPT_SAMPLE,
    OPT_REPAIR,
    OPT_QUERY_RUNS,
    OPT_OLDER_THAN,
    OPT_RETAIN,
    OPT_ORPHANS,
    OPT_HISTORY_OLDER_THAN,
    OPT_COUNT,
};

enum option_kind {
    KIND_FLAG, /* no value */
    KIND_TEXT,
    KIND_NUMBER,          /* whole, 0 or more */
    KIND_OPTIONAL_NUMBER, /* --name or --name=NUMBER */
    KIND_CHOICE,
    KIND_TIME,
    KIND_FILE,
    KIND_FOLDER,
};

struct option_spec {
    const char *name;
    char letter; /* 0: none */
    enum option_kind kind;
    const char *value_name;  /* for KIND_CHOICE: what can be chosen, '|' between */
    const char *environment; /* its twin, or NULL */
    const char *fallback;    /* the default, as text; NULL: none */
    const char *help;        /* NULL: it depends on the command */
};

/* An option in the table of a command. */
struct command_option {
    enum option_id id; /* OPT_COUNT ends the table */
    const char *help;  /* NULL: that of the option itself */
};

struct options {
    const char *values[OPT_COUNT]; /* "" for one without a value; NULL: not given */
    char **words;                  /* what is not an option, borrowed from argv */
    size_t word_count;
};

const struct option_spec *option_spec(enum option_id id);

/*
 * Parses argv[1..] with the common options and those of `command` in `own`; argv is permuted. The
 * environment fills what was not given. Numbers and choices are checked.
 */
int options_parse(struct options *options, const char *command, const struct command_option *own,
                  int argc, char **argv, struct error *err);

bool option_given(const struct options *options, enum option_id id);
/* The value, or the default. */
const char *option_text(const struct options *options, enum option_id id);
/* The value or default of a number; `if_empty` for an optional one that was left out. */
long option_number(const struct options *options, enum option_id id, long if_empty);

#endif
