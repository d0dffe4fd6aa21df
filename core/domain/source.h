/*
 * The source: the PostgreSQL database that documents are read from. One session, one READ ONLY
 * REPEATABLE READ snapshot per run; the statements of documents.sql and changed.sql are wrapped
 * here and nowhere else.
 */
#ifndef ESMIGRATE_DOMAIN_SOURCE_H
#define ESMIGRATE_DOMAIN_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "clients/postgres.h"
#include "domain/declaration.h"

struct source {
    struct pg *pg;
    char *system_identifier;
    char *database_oid;
    char *search_path; /* in force */
    char *lsn;         /* how far its write-ahead log was; NULL on a standby */
    char *timeline;

    /* set by source_use() */
    struct document_columns columns;
    char *documents; /* the statement, without its final semicolon */
    char *changed;   /* the same of changed.sql, or NULL */
    bool changed_takes_time;
    char *zone; /* of a _changed_at without time zone, or NULL */
    int64_t max_document_bytes;
};

struct source_options {
    const char *conninfo;
    int lock_timeout_s;
    const char *search_path; /* NULL: the connection's own */
};

int source_open(const struct source_options *options, struct source **ret_source,
                struct error *err);
void source_close(struct source *source);
DEFINE_CLEANUP(struct source *, source_close)

/*
 * Whether the time zone and the overlap (each NULL if not given) are such; ERR_USAGE about the
 * master.json of `place` if not.
 */
int source_check_options(struct source *source, const char *zone, const char *overlap,
                         const char *place, struct error *err);

/*
 * Prepares the SQL of a declaration on the server and learns its columns; nothing is run.
 * `place` begins the messages: the folder of the files, or the name of the instance.
 * max_document_bytes: a larger document is not read, 0 for the default. What the SQL has wrong is
 * ERR_USAGE, with the line in the user's file.
 */
int source_use(struct source *source, const struct content *content, int64_t max_document_bytes,
               const char *place, struct error *err);

/* Begins the run's transaction; its snapshot is taken by the first statement that reads. */
int source_begin(struct source *source, struct error *err);
int source_end(struct source *source, struct error *err);

/* ---- reading documents; one reading at a time ---- */

struct source_document {
    struct span id;
    struct span routing; /* data NULL: none */
    struct span json;    /* data NULL: larger than max_document_bytes, or deleted */
    int64_t bytes;       /* of the document */
    bool deleted;
    bool never_changes; /* its _changed_at is null */
};

/* All of them / those that changed at or after a time / those with these ids. */
int source_read_all(struct source *source, struct error *err);
int source_read_changed(struct source *source, const char *since, struct error *err);
int source_read_ids(struct source *source, const char *const *ids, size_t count, struct error *err);

/* As pg_copy_next(); a null _id is ERR_FAILED. */
enum pg_copy source_next(struct source *source, struct source_document *ret_document,
                         struct error *err);
/* Gives up a reading that has not come to its end. */
void source_cancel(struct source *source);

/* ---- ids that changed.sql names ---- */

int source_open_changed_ids(struct source *source, const char *since, struct error *err);
/* The next at most `limit` of them; *ret_count 0 at the end. The caller's (texts_free()). */
int source_next_changed_ids(struct source *source, size_t limit, char ***ret_ids, size_t *ret_count,
                            struct error *err);

/* ---- questions about ids ---- */

/* Which of these ids documents.sql returns in this snapshot: ret_there[i] for ids[i]. */
int source_has_ids(struct source *source, const char *const *ids, size_t count, bool *ret_there,
                   struct error *err);

/* Up to `limit` ids that documents.sql returns more than once. The caller's. */
int source_duplicate_ids(struct source *source, size_t limit, char ***ret_ids, size_t *ret_count,
                         struct error *err);

#endif
