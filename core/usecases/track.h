/*
 * es_track: the SQL by which a source records the changes of a table for an index, running it, and
 * removing records that nobody needs any more.
 */
#ifndef ESMIGRATE_USECASES_TRACK_H
#define ESMIGRATE_USECASES_TRACK_H

#include "usecases/context.h"
#include "usecases/report.h"

struct track_request {
    const char *master;
    const char *table;      /* as in SQL: found by the search_path, or with its schema */
    const char *expression; /* over a row of it: the _id of the document */
};

/* What the server said of the request, and the SQL made of it. Everything is its own. */
struct track_plan {
    char *master;
    char *tracker; /* its name */
    char *table;   /* with its schema, quoted where need be */
    char *ddl;
    char *changed_sql;
    char *database;
    char *conninfo; /* of the source, to apply it */
    char *system_identifier;
    char *database_oid;
};
void track_plan_release(struct track_plan *plan);

/*
 * Looks the table up, lets the server prepare the expression, and makes the SQL; nothing is
 * changed. The type of _id is learned from the declaration at hand, else from the newest instance;
 * only for the latter the history is opened. A wrong table or expression is ERR_USAGE.
 */
int track_plan(struct context *context, const struct track_request *request,
               struct track_plan *ret_plan, struct error *err);

/* Runs the DDL of the plan in one transaction, and writes an action's row for it. */
int track_apply(struct context *context, const struct track_plan *plan, struct report *report,
                struct error *err);

struct prune_request {
    const char *master; /* NULL: all masters of the history */
    const char *keep;   /* interval: younger records stay */
};

struct prune_item {
    char id[ACTION_ID_SIZE]; /* of the action; "" if no row was written */
    char *master;
    char *tracker;
    char *table;
    int readers;        /* live instances that need it */
    int64_t removed;    /* records; in a dry run: that would be */
    char *pruned_up_to; /* or NULL: never */
};

struct prune_report {
    struct prune_item *items;
    size_t count;
    size_t capacity;
};
void prune_report_release(struct prune_report *report);

/* Removes records by age, and only what every live instance has read. */
int track_prune(struct context *context, const struct prune_request *request,
                struct prune_report *report, struct error *err);

#endif
