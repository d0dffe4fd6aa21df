/*
 * What a verification found: one check after the other, each kept in the history as soon as it has
 * come to its end.
 */
#ifndef ESMIGRATE_USECASES_VERIFICATION_H
#define ESMIGRATE_USECASES_VERIFICATION_H

#include "usecases/run.h"

enum check_severity { CHECK_CRITICAL, CHECK_WARNING, CHECK_INFO };
enum verified { VERIFIED_OK, VERIFIED_FAILED, VERIFIED_SKIPPED };

struct check {
    const char *name;
    enum check_severity severity;
    enum verified verdict;
    struct buffer numbers; /* JSON object, while it is open without its end */
    struct buffer samples; /* JSON array, likewise */
    struct buffer words;   /* the same for people */
    size_t sample_count;
    bool ended; /* else there is nothing to be shown of it */
};

/* Of one instance. */
struct verification {
    char id[ACTION_ID_SIZE]; /* of the action; "" if no row was written */
    char *master;
    int number;
    char *index;
    int attempt;
    struct check *checks; /* of the last attempt */
    size_t count;
    size_t capacity;
};
void verification_release(struct verification *verification);

/* A further attempt: forgets the checks of the one before, which the history keeps. */
void verification_begin_attempt(struct verification *verification);

/* A new check, ok so far; valid until the next one is begun. */
struct check *check_begin(struct verification *verification, const char *name,
                          enum check_severity severity);

void check_number(struct check *check, const char *name, int64_t number);
/* `value` is JSON, as it stands. */
void check_value(struct check *check, const char *name, const char *value);

enum { CHECK_SAMPLES = 10 };
/* What was found of something: `kind` ("id", "field", ...) says what `name` is; `problem` may be
 * NULL. The first ten are kept, all are counted. */
void check_add_sample(struct check *check, const char *kind, const char *name, const char *problem);

/* Where samples are found before the numbers are known: the words so far are taken, and given back
 * behind the numbers. */
struct buffer check_take_words(struct check *check);
void check_give_words(struct check *check, struct buffer *words);

/* It was not done, and why. */
void check_skip(struct check *check, const char *why);

/* Keeps it in the history, if `run` has a row. */
int check_end(struct run *run, struct verification *verification, struct check *check,
              struct error *err);

const char *verification_severity_name(enum check_severity severity);
const char *verification_verdict_name(enum verified verdict);

/* A critical check failed: the first of them, else NULL. */
const struct check *verification_failure(const struct verification *verification);

/* Whether that check failed. */
bool verification_failed(const struct verification *verification, const char *name);

#endif
