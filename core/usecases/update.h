/* es_update: brings the documents of instances up to date. */
#ifndef ESMIGRATE_USECASES_UPDATE_H
#define ESMIGRATE_USECASES_UPDATE_H

#include "usecases/feed.h"
#include "usecases/report.h"
#include "usecases/targets.h"

enum update_choice {
    UPDATE_NAMED,  /* instance N where one is named, else the active one */
    UPDATE_LAST,   /* the newest */
    UPDATE_NEWER,  /* all that are newer than the active one */
    UPDATE_ACTIVE, /* the active ones of all masters */
};

struct update_request {
    struct targets targets; /* none with UPDATE_ACTIVE */
    enum update_choice choice;
    bool full;
    bool count;        /* documents are counted first, for progress */
    bool restart;      /* a full one that was cut short is not gone on with */
    bool join;         /* work at the full update that is running */
    size_t workers;    /* so many sessions of the source read a full one; 0 is as good as 1 */
    const char *since; /* RFC 3339 with a zone, or NULL */
    struct rejected_limits rejected;
    struct send_limits sending; /* what is set in it beats master.json */
    bool force_merge;           /* after a full one */
    bool again; /* right after another one: what that said of the instance is not said once more */
};

/* What is done with one instance while its lock is held and the action's row is open; it fills in
 * what the row and the report will say. `instance` is as it is now. */
typedef int instance_work(struct run *run, const struct update_request *request,
                          const struct master *master, const struct instance *instance,
                          struct report_item *item, struct error *err);

/*
 * Does the work for each instance that the request means; one that fails does not keep the others.
 * `action` is the command without es_. Rejected documents are judged at the end.
 */
int update_each(struct context *context, const char *action, const struct update_request *request,
                instance_work *work, struct report *report, struct error *err);

/* Finished with more open rejections than allowed: ERR_REJECTED, after everything else was done. */
int update_instances(struct context *context, const struct update_request *request,
                     struct report *report, struct error *err);

#endif
