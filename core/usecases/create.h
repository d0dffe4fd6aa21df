/* es_create: a new instance for a declaration that no live instance has. */
#ifndef ESMIGRATE_USECASES_CREATE_H
#define ESMIGRATE_USECASES_CREATE_H

#include "domain/declaration.h"
#include "usecases/report.h"
#include "usecases/targets.h"

struct create_request {
    struct targets targets;
    bool all;         /* every declaration instead of targets */
    bool force;       /* create although an instance has the declaration */
    bool engine_only; /* make again, from the history, the indexes that are gone */
    bool in_place;    /* change the newest instance instead of making another one */
};

/* Items: created, unchanged, recreated or altered_in_place; with dry_run what would be. */
int create_instances(struct context *context, const struct create_request *request,
                     struct report *report, struct error *err);

/* Reads the files and lets the source prepare the SQL; *ret_search_path is the caller's,
 * *ret_deletes is what the instance's row will say. */
int create_read_declaration(struct context *context, const char *name,
                            struct declaration *ret_declaration, char **ret_search_path,
                            const char **ret_deletes, struct error *err);

#endif
