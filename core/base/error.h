/*
 * The error object: what went wrong, in the form the user will read it.
 *
 * A function that can fail takes `struct error *err` as its last parameter, returns 0 or -1, and
 * on -1 has set *err. The kind is the exit code of the process (section 3 of the design). Texts
 * are one line without a final newline: the message says what happened and to which index, the
 * detail what is known besides, the hint what to type next.
 *
 *     _cleanup_(error_release) struct error err = {};
 *     if (engine_ping(engine, &err) < 0)
 *         return error_set(&err, ERR_ENGINE, "...");
 */
#ifndef ESMIGRATE_BASE_ERROR_H
#define ESMIGRATE_BASE_ERROR_H

#include <stdbool.h>

enum error_kind {
    ERR_NONE = 0,
    ERR_FAILED = 1,      /* failed, or refused by the state of things */
    ERR_USAGE = 2,       /* wrong use, or wrong declaration */
    ERR_PENDING = 3,     /* work is pending */
    ERR_REJECTED = 4,    /* finished, but rejected documents are open */
    ERR_POSTGRES = 5,    /* PostgreSQL unreachable, or it refused a running command */
    ERR_ENGINE = 6,      /* engine unreachable, or it refused a running command */
    ERR_BUSY = 7,        /* another run holds the lock */
    ERR_UNCONFIRMED = 8, /* destructive, and not confirmed */
    ERR_STOPPED = 128,   /* stopped by a signal; the exit code is 128 + its number */
};

struct error {
    enum error_kind kind;
    char *message;
    char *detail;  /* or NULL */
    char *hint;    /* or NULL */
    int http_code; /* the engine's status when it answered with an error, else 0 */
    char sqlstate[6];
    int position; /* 1-based character of the statement that PostgreSQL blames, else 0 */
};

/* Replaces what *err held. Always returns -1, so that `return error_set(...)` reads well. */
int error_set(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Add to an error that is set; return -1. */
int error_detail(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
int error_hint(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "CONTEXT: " in front of the message; returns -1. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline int error_result(void)
{
    return -1;
}

/* So that compilers and analysers know the result without seeing the functions; after git's. */
#define error_set(...) (error_set(__VA_ARGS__), error_result())
#define error_detail(...) (error_detail(__VA_ARGS__), error_result())
#define error_hint(...) (error_hint(__VA_ARGS__), error_result())
#define error_prefix(...) (error_prefix(__VA_ARGS__), error_result())

bool error_is_set(const struct error *err);

/* Moves *from into *to, releasing what *to held; *from is empty afterwards. */
void error_move(struct error *to, struct error *from);

/* Frees the texts and empties *err; an empty one is fine. */
void error_release(struct error *err);

#endif
