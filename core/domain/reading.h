/*
 * Reading the source: documents, the ids that changed.sql names, and questions about ids. The
 * statements of documents.sql and changed.sql are wrapped here and nowhere else.
 */
#ifndef ESMIGRATE_DOMAIN_READING_H
#define ESMIGRATE_DOMAIN_READING_H

#include "base/buffer.h"
#include "clients/json.h"
#include "domain/source.h"

/* ---- the wrapped statements ---- */

/* The rows of documents.sql as the columns of domain/reading_sql.h. `condition` is about
 * esmigrate_d, NULL for none. */
void source_reading_sql(struct source *source, struct buffer *sql, const char *condition);

/* An expression, a constant to the planner: the earliest _changed_at that a row can bear which
 * changes at that moment or later. The caller's (free()). */
char *source_earliest_time(struct source *source, const char *moment);

/* Which of them may have changed at or after a time, where there is a _changed_at; perhaps some
 * more, before the clocks of its zone go back. The caller's (free()). */
char *source_changed_condition(struct source *source, const char *since);

/* The ids that changed.sql names, each once: `id`, and in every row how many there are, `total`. */
void source_changed_sql(struct source *source, struct buffer *sql);

/* ---- reading documents; one reading at a time ---- */

struct source_document {
    struct span id;
    struct span routing; /* data NULL: none */
    struct json_row row; /* if it is one; then the next two do not count */
    struct span json;    /* data NULL: larger than max_document_bytes, or deleted */
    int64_t bytes;       /* of the document */
    bool deleted;
    bool never_changes; /* its _changed_at is null */
};

/* Those of a range of _id (NULL: open-ended) / that changed at or after a time / with these ids. */
int source_read_range(struct source *source, const char *first, const char *end, struct error *err);
int source_read_changed(struct source *source, const char *since, struct error *err);
int source_read_ids(struct source *source, const char *const *ids, size_t count, struct error *err);
/* Those that changed.sql names, in one pass over documents.sql; an id that it does not return comes
 * as a deleted document. Only for ids that are equal exactly when their texts are. */
int source_read_named(struct source *source, const char *since, struct error *err);

/* At most so many, whichever come first. */
int source_read_sample(struct source *source, size_t limit, struct error *err);

/* Whether values of the _id can be compared, and read from their text; if not, the texts have to
 * be. */
int source_probe_ids(struct source *source, bool *ret_comparable, struct error *err);

/* As pg_copy_next(); a null _id is ERR_FAILED. */
enum pg_copy source_next(struct source *source, struct source_document *ret_document,
                         struct error *err);
/* Waits for what comes next of a reading, of whatever kind; gives it up if that fails, or if a stop
 * was asked for. */
int source_wait(struct source *source, struct error *err);
/* Gives up a reading that has not come to its end. */
void source_cancel(struct source *source);

/*
 * Begins reading the ids of all documents but the deleted ones, with their routing and nothing
 * else; source_next_key() is to them what source_next() is to documents.
 */
int source_read_keys(struct source *source, struct error *err);
enum pg_copy source_next_key(struct source *source, struct span *ret_id, struct span *ret_routing,
                             struct error *err);

/* As these, of the rows whose _changed_at, which there must be, is at or after `since` and before
 * `end`, with that time in microseconds since 1970. */
int source_read_changed_keys(struct source *source, const char *since, const char *end,
                             struct error *err);
enum pg_copy source_next_changed_key(struct source *source, struct span *ret_id, int64_t *ret_time,
                                     struct error *err);

/* What is unusual about a document, to choose what is compared by. */
enum document_traits {
    TRAIT_NULL = 1,
    TRAIT_EMPTY = 2, /* a string */
    TRAIT_NOT_ASCII = 4,
    TRAIT_NESTED = 8, /* objects or arrays */
    TRAIT_COUNT = 4,
};
/* As source_read_keys(), with the traits of each document (a text that looks like one counts as
 * one, too) and how many bytes it has. */
int source_read_traits(struct source *source, struct error *err);
enum pg_copy source_next_traits(struct source *source, struct span *ret_id, int64_t *ret_traits,
                                int64_t *ret_bytes, struct error *err);

/* The at most `limit` ids that changed last, of those that did before a time; none without
 * _changed_at. The caller's (texts_free()). */
int source_latest_ids(struct source *source, const char *before, size_t limit, char ***ret_ids,
                      size_t *ret_count, struct error *err);

/* ---- ids that changed.sql names ---- */

int source_open_changed_ids(struct source *source, const char *since, struct error *err);
/* The next at most `limit` of them; *ret_count 0 at the end, *ret_total is how many there are in
 * all. The caller's (texts_free()). */
int source_next_changed_ids(struct source *source, size_t limit, char ***ret_ids, size_t *ret_count,
                            int64_t *ret_total, struct error *err);
/* Leaves out those that are left. */
int source_close_changed_ids(struct source *source, struct error *err);

/* ---- what reading would cost, as the planner expects it ---- */

struct source_estimate {
    double documents;
    double cost; /* in the planner's units */
};
/* Of the documents of a range / with these ids / that changed.sql names, in one pass. */
int source_estimate_range(struct source *source, const char *first, const char *end,
                          struct source_estimate *ret_estimate, struct error *err);
int source_estimate_ids(struct source *source, const char *const *ids, size_t count,
                        struct source_estimate *ret_estimate, struct error *err);
int source_estimate_named(struct source *source, const char *since,
                          struct source_estimate *ret_estimate, struct error *err);

/*
 * The plan (EXPLAIN's JSON) by which an update that reads what changed since `since` finds it: of
 * changed.sql, else of documents.sql, with sequential scans shunned, so that it tells what an
 * index can serve and not how small the tables are today. The caller's.
 */
int source_explain_changed(struct source *source, const char *since, json **ret_plan,
                           struct error *err);

/* ---- questions about ids ---- */

/* Which of these ids documents.sql returns in this snapshot, with that routing (NULL: none) if
 * `routings` is given: ret_there[i] for ids[i]. */
int source_has_ids(struct source *source, const char *const *ids, const char *const *routings,
                   size_t count, bool *ret_there, struct error *err);

/*
 * Which of these ids changed at or after that time, in this snapshot, as far as the source tells:
 * changed.sql names them since then, or, where there is none, their _changed_at is not before it.
 * An id that changed.sql names for any time, even one to come, is one of them only by its
 * _changed_at, or if its row is gone. ret_pending[i] for ids[i]; none without either.
 */
int source_pending_ids(struct source *source, const char *since, const char *const *ids,
                       size_t count, bool *ret_pending, struct error *err);

/* Up to `limit` ids that documents.sql returns more than once. The caller's. */
int source_duplicate_ids(struct source *source, size_t limit, char ***ret_ids, size_t *ret_count,
                         struct error *err);

#endif
