/* es_clear, es_drop and es_prune: take documents, or whole engine indexes, away. */
#ifndef ESMIGRATE_USECASES_REMOVE_H
#define ESMIGRATE_USECASES_REMOVE_H

#include "usecases/report.h"
#include "usecases/retention.h"
#include "usecases/targets.h"

enum remove_choice {
    REMOVE_NAMED,   /* the instances that are named */
    REMOVE_OLDER,   /* all below the active one */
    REMOVE_ALL,     /* all of the master */
    REMOVE_RETIRED, /* those that are retired; of the named ones too, no other is touched */
};

struct remove_request {
    struct targets targets;
    enum remove_choice choice;
    bool force;                 /* the active one too, and one that is kept for a rollback */
    struct retention retention; /* of REMOVE_RETIRED */
};

/*
 * Items: cleared / dropped; with dry_run what would be. The active instance, and
 * one that is kept for a rollback, without `force` is ERR_FAILED. Asking whether it is meant is the
 * caller's, who shows the plan of a dry run.
 */
int clear_instances(struct context *context, const struct remove_request *request,
                    struct report *report, struct error *err);
int drop_instances(struct context *context, const struct remove_request *request,
                   struct report *report, struct error *err);
/* With REMOVE_RETIRED, without targets of all masters; or with REMOVE_NAMED. */
int prune_instances(struct context *context, const struct remove_request *request,
                    struct report *report, struct error *err);

#endif
