/*
 * Questions about a reading that reads no document: how many there are, and whether an index finds
 * those that changed.
 */
#ifndef ESMIGRATE_DOMAIN_SURVEY_H
#define ESMIGRATE_DOMAIN_SURVEY_H

#include "clients/pg_question.h"
#include "domain/reading.h"

/* Whether an update of what changed is possible at all: by changed.sql or _changed_at. */
bool source_tells_changes(const struct source *source);

/* How many documents documents.sql returns in this snapshot; every row is read for it. */
int source_count(struct source *source, int64_t *ret_count, struct error *err);

/* How many changed at or after a time, by changed.sql or else _changed_at; counting ends at `most`.
 */
int source_count_changed(struct source *source, const char *since, int64_t most, int64_t *ret_count,
                         struct error *err);

/* How long ago a time is, by the source's clock. */
int source_seconds_since(struct source *source, const char *time, double *ret_seconds,
                         struct error *err);

/* How the planner finds what changed at or after a time. */
struct change_plan {
    double documents; /* as it expects */
    double cost;      /* of the step that reads all to find them, in its units; 0: there is none */
    char *step;       /* what that is, "Seq Scan on course"; NULL: none */
    char *table;      /* what it reads; NULL: more than one table */
    char *column;     /* that is compared with the time; NULL: an expression */
};
void change_plan_release(struct change_plan *plan);
/* Finding them costs as much as reading some ten milliseconds of one page after the other. */
bool change_plan_is_dear(const struct change_plan *plan);
int source_plan_changed(struct source *source, const char *since, struct change_plan *ret_plan,
                        struct error *err);

/*
 * How many a second change, asked while the source's session reads: by a session of its own, for
 * which nobody waits, which reads only, holds nothing open, and is closed once it is answered.
 */
struct change_watch {
    struct source *source; /* for its SQL; borrowed, as the next two */
    struct source_options options;
    const char *since;
    char *shown;    /* that, as a plan shows it */
    double before;  /* seconds from then to `began`, by the source's clock */
    int64_t began;  /* monotonic ms */
    double seconds; /* that the question is about */
    double most;    /* documents a second: of more it does not matter how many */
    enum { CHANGES_UNASKED, CHANGES_CONNECT, CHANGES_PLAN, CHANGES_COUNT } step;
    struct pg_question *question;
};

/* Before the source's session reads. */
int change_watch_begin(struct change_watch *watch, struct source *source,
                       const struct source_options *options, const char *since, struct error *err);
void change_watch_release(struct change_watch *watch);

/* Begins to ask; before the last question is answered, it is given up. */
int change_watch_ask(struct change_watch *watch, double most, struct error *err);

/* Goes on as far as that needs no wait. *ret_known: it is answered. Negative: to find them would
 * read all, since no index does, and is not done. */
int change_watch_look(struct change_watch *watch, bool *ret_known, double *ret_changes,
                      struct error *err);

#endif
