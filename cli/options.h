/*
 * The one table of options: parsing, help and environment come from it.
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
    OPT_LAST,
    OPT_LATEST,
    OPT_NEWER,
    OPT_ALL_ACTIVE,
    OPT_FULL,
    OPT_SINCE,
    OPT_ALLOW_REJECTED,
    OPT_OLDER,
    OPT_UNTIL,
    OPT_ACTION,
    OPT_STATUS,
    OPT_LIMIT,
    OPT_COUNT,
};

enum option_value { VALUE_NONE, VALUE_REQUIRED, VALUE_OPTIONAL };

struct option_spec {
    const char *name;
    char letter; /* 0: none */
    enum option_value value;
    const char *value_name;
    const char *environment; /* its twin, or NULL */
    const char *fallback;    /* the default, as text; NULL: none */
    const char *help;
};

struct options {
    const char *values[OPT_COUNT]; /* "" for one without a value; NULL: not given */
    char **words;                  /* what is not an option, borrowed from argv */
    size_t word_count;
};

const struct option_spec *option_spec(enum option_id id);

/*
 * Parses argv[1..] with the common options and `own` (OPT_COUNT ends it); argv is permuted.
 * `command` is for messages. The environment fills what was not given.
 */
int options_parse(struct options *options, const char *command, const enum option_id *own, int argc,
                  char **argv, struct error *err);

bool option_given(const struct options *options, enum option_id id);
/* The value, or the default. */
const char *option_text(const struct options *options, enum option_id id);
/* A whole number of 0 or more; `if_empty` for an optional value that was left out. */
int option_number(const struct options *options, enum option_id id, long if_empty, long *ret_number,
                  struct error *err);

/* The lines about options in --help. */
void options_print_help(FILE *out, const enum option_id *own);

#endif
