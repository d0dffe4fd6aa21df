/* es_update: brings the documents of instances up to date. */
#ifndef ESMIGRATE_USECASES_UPDATE_H
#define ESMIGRATE_USECASES_UPDATE_H

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
    bool restart;             /* a full one that was cut short is not gone on with */
    const char *since;        /* RFC 3339 with a zone, or NULL */
    int64_t allowed_rejected; /* so many open rejections are no failure */
};

/* Finished with more open rejections than allowed: ERR_REJECTED, after everything else was done. */
int update_instances(struct context *context, const struct update_request *request,
                     struct report *report, struct error *err);

#endif
