/*
 * PostgreSQL, for the rest of esmigrate; with clients/pg_question.h and clients/pg_conninfo.h
 * the only user of libpq.
 *
 * On a connection that heeds the stop flag a statement is cancelled on the server when a stop is
 * asked for, and the call fails with ERR_STOPPED. Errors of the server keep its message, detail,
 * hint, SQLSTATE and position; their kind is ERR_POSTGRES, which a caller that knows better
 * replaces.
 */
#ifndef ESMIGRATE_CLIENTS_POSTGRES_H
#define ESMIGRATE_CLIENTS_POSTGRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/secrets.h"
#include "base/ticker.h"
#include "clients/pg_text.h"

struct pg;
struct pg_rows;

struct pg_options {
    const char *conninfo;    /* keyword=value, URI, or "" for libpq's own environment */
    const char *name;        /* how messages call the database: "history", "source" */
    int lock_timeout_s;      /* of every statement; 0: wait for ever */
    const char *search_path; /* NULL: the one the connection comes with */
    bool
        heeds_stop; /* a stop cancels its statements; the history must still be written after one */
    bool bare;      /* only connects: for pg_pooler.c */
};

/*
 * Connects and pins what changes the text of values (TimeZone UTC, DateStyle ISO, ...), with
 * statement and idle timeouts off. ERR_FAILED through a pooler that would not keep them: see
 * pg_pooler.h. *ret_pg is the caller's (pg_close()).
 */
int pg_open(const struct pg_options *options, struct pg **ret_pg, struct error *err);
void pg_close(struct pg *pg);
DEFINE_CLEANUP(struct pg *, pg_close)

/* What changes the text of values, and to what it is pinned; the last one has no name. */
struct pg_setting {
    const char *name, *value; /* as in SET */
};
extern const struct pg_setting pg_value_settings[];

/* The statements by which it pins them, all but the search_path. */
void pg_settings(const struct pg_options *options, struct buffer *sql);

/* The name of the database; lives as long as the connection. */
const char *pg_database(const struct pg *pg);

/* The number of the server's process, as it was told when the connection was made. */
int pg_announced_pid(const struct pg *pg);

/* Whether a pooler is in between: the session goes on after the connection, for others to use. */
bool pg_is_pooled(const struct pg *pg);

/* Runs a text of one or more statements without parameters; rows are thrown away. */
int pg_run(struct pg *pg, const char *sql, struct error *err);

/*
 * Runs one statement with parameters in text form (NULL: SQL NULL). *ret_rows is the caller's
 * (pg_rows_free()); pass NULL when the rows do not matter.
 */
int pg_query(struct pg *pg, const char *sql, const char *const *values, size_t count,
             struct pg_rows **ret_rows, struct error *err);

#define PG_VALUES(...)                                                                             \
    (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)
#define PG_NO_VALUES NULL, 0

size_t pg_rows_count(const struct pg_rows *rows);
/* NULL for SQL NULL; lives as long as the rows. Asking for a column that is not there is a bug. */
const char *pg_text(const struct pg_rows *rows, size_t row, const char *column);
int64_t pg_int(const struct pg_rows *rows, size_t row, const char *column); /* NULL: 0 */
bool pg_bool(const struct pg_rows *rows, size_t row, const char *column);   /* NULL: false */
void pg_rows_free(struct pg_rows *rows);
DEFINE_CLEANUP(struct pg_rows *, pg_rows_free)

struct pg_column {
    char *name;
    char *type; /* as format_type() writes it without a length: "bpchar", not "character",
                 * which in a cast would mean one of length 1 */
    unsigned int type_oid;
    unsigned int table_oid; /* of the table that the column is one of; 0: it is an expression */
    int table_column;       /* its number there */
    int modifier;           /* atttypmod: of numeric(10,2) the 10 and the 2; -1 for none */
};

struct pg_description {
    struct pg_column *columns;
    size_t count;
    size_t parameters;
    unsigned int parameter_oid; /* the type of the first one, 0 without any */
};

enum { PG_TIMESTAMPTZ_OID = 1184 };

/* Prepares a bare statement and describes its columns, without running it. */
int pg_describe(struct pg *pg, const char *sql, struct pg_description *ret_description,
                struct error *err);
void pg_description_release(struct pg_description *description);

/* ---- rows one by one: COPY ... TO STDOUT (FORMAT binary), or a statement's own ---- */

enum pg_copy { PG_COPY_ROWS, PG_COPY_WAIT, PG_COPY_END, PG_COPY_ERROR };

int pg_copy_start(struct pg *pg, const char *sql, struct error *err);

/* The rows of a statement with parameters, which COPY cannot have: as pg_query() sends it, read as
 * a COPY is, in binary form. */
int pg_stream_start(struct pg *pg, const char *sql, const char *const *values, size_t count,
                    struct error *err);

/*
 * The next row, its fields (data NULL: SQL NULL) in *ret_fields, `count` of them, else it is an
 * error; they live until the next call. PG_COPY_WAIT: nothing has arrived yet, wait until
 * pg_socket() is readable and call again. After PG_COPY_END or PG_COPY_ERROR the connection is free
 * for other statements.
 */
enum pg_copy pg_copy_next(struct pg *pg, struct span *ret_fields, size_t count, struct error *err);

/* After PG_COPY_WAIT, with nothing else to wait for: until something has arrived, or the ticker is
 * due. ERR_STOPPED if a stop was asked for; the reading goes on all the same. */
int pg_copy_wait(struct pg *pg, struct error *err);

/* Ends it early: cancels it on the server and drains what is under way. */
void pg_copy_cancel(struct pg *pg);

int pg_socket(const struct pg *pg);

/* Is called while a statement is waited for; NULL: nobody. Borrowed. It must not use the
 * connection.
 */
void pg_set_ticker(struct pg *pg, const struct ticker *ticker);

/* -1 if the connection is gone; never waits. */
int pg_check(struct pg *pg, struct error *err);

/* A quoted literal or identifier; the caller's (free()). */
char *pg_literal(struct pg *pg, const char *text);
char *pg_identifier(struct pg *pg, const char *name);

#endif
