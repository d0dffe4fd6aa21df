/*
 * The statements that documents are read with, and the columns of their rows. For
 * domain/reading*.c and source.c only; what others need is in domain/reading.h.
 */
#ifndef ESMIGRATE_DOMAIN_READING_SQL_H
#define ESMIGRATE_DOMAIN_READING_SQL_H

#include "domain/reading.h"

/* The columns of a row that was read. */
enum {
    DOCUMENT_ID,
    DOCUMENT_ROUTING,
    DOCUMENT_DELETED,
    DOCUMENT_NEVER_CHANGES,
    DOCUMENT_SIZE,    /* of the document in bytes; null if it comes as columns */
    DOCUMENT_JSON,    /* the document; null if it does not, is too large, or deleted */
    DOCUMENT_COLUMNS, /* here begin those of the document itself, if it is read as such */
};

/* So many characters are read of an _id or _routing: memory is bounded (rule R9), and one that is
 * cut is refused all the same. */
#define LONGEST_KEY "513"

#define ID_TEXT "left(esmigrate_d.\"_id\"::text, " LONGEST_KEY ")"
/* The engine takes an empty one for none. */
#define ROUTING_TEXT "nullif(left(esmigrate_d.\"_routing\"::text, " LONGEST_KEY "), '')"

/* The values for a statement with changed.sql in it. */
#define CHANGED_VALUES(source, since) &(since), (source)->changed_takes_time ? 1 : 0

/* "esmigrate_d._id = ANY (ids)" on the column's own type, or on its text. The caller's. */
char *source_ids_condition(struct source *source, const char *const *ids, size_t count,
                           bool as_text);

/* "SELECT ... AS t": the JSON that the server writes of a row of documents.sql, esmigrate_d. */
void source_json_sql(struct source *source, struct buffer *sql);

/* The ids that changed.sql names, each once by its bytes, as documents.sql writes them, in a column
 * id. */
void source_named_ids_sql(struct source *source, struct buffer *sql);

/* As source_reading_sql(), of the ids that changed.sql names. */
void source_named_sql(struct source *source, struct buffer *sql);

#endif
