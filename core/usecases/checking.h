/* Between the parts of es_check: what they share, and the checks, which check.c runs in order. */
#ifndef ESMIGRATE_USECASES_CHECKING_H
#define ESMIGRATE_USECASES_CHECKING_H

#include "usecases/check.h"
#include "usecases/scratch.h"

struct checking {
    struct context *context;
    const char *name;
    struct check_report *report;

    int met; /* of enum check_need */
    struct declaration declaration;
    struct master master;
    struct instances instances;
    const struct instance *active; /* or NULL */
    struct source *source;
    struct scratch scratch;
};

/* What a check needs, and an earlier one provides when it went well. */
enum check_need {
    CHECK_NEEDS_DECLARATION = 1,
    CHECK_NEEDS_CONNECTION = 2, /* to the history's database */
    CHECK_NEEDS_HISTORY = 4,    /* its schema, too */
    CHECK_NEEDS_ENGINE = 8,
    CHECK_NEEDS_SOURCE = 16,
    CHECK_NEEDS_DOCUMENTS = 32, /* the SQL is prepared */
    CHECK_NEEDS_SCRATCH = 64,   /* there is a scratch index */
};

/*
 * Adds a line. Value and fix become the report's; a NULL limit or fix: there is none. Returns 0, so
 * that a check can end with it.
 */
int check_line(struct checking *checking, const char *check, enum check_verdict verdict,
               char *value, const char *limit, char *fix);

/* A check that could not be made, or whose failure is an error: adds the line about it. -1 only
 * after a stop. */
int check_failed(struct checking *checking, const char *check, struct error *err);

/* A connection that there is is one session, or it would have been refused. */
int check_one_session(struct checking *checking, const char *check);

/* A connection that could not be made: as check_failed(), or as the result of the check of poolers
 * if it was refused for one. */
int check_connection_failed(struct checking *checking, const char *check, const char *pooler,
                            struct error *err);

/* A check adds its lines, or returns -1 with *err, which becomes its line. */
typedef int check_function(struct checking *checking, const char *check, struct error *err);

check_function check_engine, check_cluster, check_health, check_pending_tasks, check_disk,
    check_shards, check_templates, check_pipelines;
check_function check_alias_name, check_alias, check_further_aliases, check_rollback, check_hooks,
    check_indexing, check_durations;
check_function check_source, check_documents, check_changed_index, check_clocks, check_late_commits,
    check_oldest_transaction, check_prepared_transactions, check_source_pooler;
check_function check_rights, check_sample;

#endif
