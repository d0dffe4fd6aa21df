/*
 * Questions about a reading that reads no document: how many there are, and whether an index finds
 * those that changed.
 */
#ifndef ESMIGRATE_DOMAIN_SURVEY_H
#define ESMIGRATE_DOMAIN_SURVEY_H

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
int source_plan_changed(struct source *source, const char *since, struct change_plan *ret_plan,
                        struct error *err);

#endif
