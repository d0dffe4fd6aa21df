/*
 * The source: the PostgreSQL database that documents are read from. One session, one READ ONLY
 * REPEATABLE READ snapshot per run. What is read in it: domain/reading.h.
 */
#ifndef ESMIGRATE_DOMAIN_SOURCE_H
#define ESMIGRATE_DOMAIN_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "clients/postgres.h"
#include "domain/declaration.h"
#include "domain/json_document.h"

struct source {
    struct pg *pg;
    char *system_identifier;
    char *database_oid;
    char *search_path; /* in force */
    bool any_bytes;    /* its texts may be anything but UTF-8 */
    char *lsn;         /* how far its write-ahead log was; NULL on a standby */
    char *timeline;

    /* set by source_use() */
    struct document_columns columns;
    struct json_shape shape; /* of the documents, if they are read as columns; else empty */
    struct span *fields;     /* of the row that was read last */
    enum json_form id_form;  /* how its _id comes; JSON_FORM_STRING: as text */
    struct buffer id;        /* the text of one that does not */
    bool ids_are_named;      /* by changed.sql, as texts */
    char *documents;         /* the statement, without its final semicolon */
    char *changed;           /* the same of changed.sql, or NULL */
    bool changed_takes_time;
    bool ids_as_text; /* values of the _id cannot be compared */
    char *zone;       /* of a _changed_at without time zone, or NULL */
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
/* The same in the snapshot that another session of the same server has exported. */
int source_begin_in(struct source *source, const char *snapshot, struct error *err);
/* Lets other sessions read in the snapshot of the transaction that has begun. *ret_snapshot is the
 * caller's. */
int source_export_snapshot(struct source *source, char **ret_snapshot, struct error *err);
int source_end(struct source *source, struct error *err);

/* ---- errors of its statements ---- */

extern const char source_documents_file[], source_changed_file[];

/* What fails for a row, such as a division by zero, comes from that file; that a connection or a
 * server ends (class 57) does not. Returns -1. */
int source_in_file(const char *file, struct error *err);

/*
 * A statement on the source failed. When it was the lock_timeout, the user needs to know who holds
 * the table; the failed transaction is over, so that can be asked on the same connection. Returns
 * -1.
 */
int source_failed(struct source *source, const char *file, struct error *err);

#endif
