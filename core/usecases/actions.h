/* es_history: the actions, newest first. */
#ifndef ESMIGRATE_USECASES_ACTIONS_H
#define ESMIGRATE_USECASES_ACTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "usecases/context.h"

/* Times are PostgreSQL's text in UTC; what does not apply is NULL. */
struct action_record {
    char *id, *parent, *master, *index, *action, *status, *result, *mode;
    int number; /* of the instance; 0: none */
    char *started_at, *finished_at;
    double seconds; /* so far, for a running one */
    int64_t indexed, deleted, rejected, superseded, retries, bytes;
    int64_t in_flight; /* requests that are or, at the end, were allowed; 0: none was sent */
    char *changed_from, *changed_through;
    char *argv; /* JSON array */
    char *tag, *tool_version, *os_user, *host, *db_user, *error;
    int pid;
    bool is_running, alive; /* a running one that holds no lock any more has crashed */

    /* what a running or crashed update last wrote of its progress; phase is NULL where there is
     * nothing, a negative number is not known */
    char *phase, *progress_at;
    double progress_age; /* seconds */
    int64_t done, total, docs_per_second, bytes_per_second, unanswered, eta_s;
    bool is_estimate;

    int64_t folded_runs; /* others of its kind and day whose rows es_prune removed; -1: none */
    char *folded_from;   /* when the first of them began */

    char *stopped_at; /* of a switch: its stop_indexing hook was called, and then resume_indexing */
    char *resumed_at;
    char *checks; /* JSON array: what it verified; NULL: nothing */
};

struct action_records {
    struct action_record *list;
    size_t count;
};
void action_records_release(struct action_records *records);

/* Each NULL if not asked for. */
struct action_filter {
    const char *word;  /* NAME, NAME-N, or the id of an action or its beginning */
    const char *since; /* RFC 3339 with a zone */
    const char *until;
    const char *action;
    const char *status;
    int64_t limit;
};

/* *ret_single: the word was an action's id, and the one record is to be shown in full. */
int list_actions(struct context *context, const struct action_filter *filter,
                 struct action_records *ret_records, bool *ret_single, struct error *err);

#endif
