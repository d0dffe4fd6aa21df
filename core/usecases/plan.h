/*
 * es_plan: what es_create would do with a declaration, and why. Whether a change can be made to an
 * index that is there is found out by making it on an empty scratch index.
 */
#ifndef ESMIGRATE_USECASES_PLAN_H
#define ESMIGRATE_USECASES_PLAN_H

#include <stddef.h>

#include "usecases/context.h"

/* What is compared with what: in a change the newest instance as recorded with the declaration, in
 * a drift the same with its live index. */
struct plan_change {
    const char *part; /* "mappings", "settings", "documents.sql", "changed.sql", "master.json" */
    char *path;       /* in that part */
    char *before;     /* JSON or lines of SQL; NULL: it is not there */
    char *after;
    bool in_place; /* the index can be given it as it is; not of a drift */
    char *reason;  /* why it cannot, mostly in the engine's words; NULL: it can */
};

struct plan_changes {
    struct plan_change *list;
    size_t count;
    size_t capacity;
};

enum plan_result {
    PLAN_CREATE,    /* a new instance is needed */
    PLAN_IN_PLACE,  /* es_create --in-place would do, too */
    PLAN_UNCHANGED, /* the newest instance has the declaration */
    PLAN_REVERTED,  /* an older one has it */
};
const char *plan_result_name(enum plan_result result);

struct plan {
    char *master;
    enum plan_result result;
    int instance; /* the one that has the declaration, else the newest; 0: there is none */
    int next;     /* the number that a new one would have */
    char *fix;    /* what to type; NULL: nothing */
    struct plan_changes changes;
    struct plan_changes drift;

    /* of PLAN_IN_PLACE: what has to be put, JSON */
    char *mapping;  /* the whole one, without esmigrate's mark */
    char *settings; /* those that change, by their flat names */
};
void plan_release(struct plan *plan);

/* What to type next for the instance that has the declaration; NULL: nothing, it is active. The
 * caller's. */
char *plan_next_step(const struct instance *has);

/* Of a declaration; what is wrong with it is ERR_USAGE. */
int plan_master(struct context *context, const char *name, struct plan *ret_plan,
                struct error *err);

/* The same of a declaration that was read, and the master's instances; the history is open. */
int plan_declaration(struct context *context, const struct declaration *declaration,
                     const struct instances *instances, struct plan *ret_plan, struct error *err);

#endif
