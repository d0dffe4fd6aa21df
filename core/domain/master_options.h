/*
 * master.json: how a master is operated. Not part of the content but for changed_at_zone. A
 * duration is text of a PostgreSQL interval.
 */
#ifndef ESMIGRATE_DOMAIN_MASTER_OPTIONS_H
#define ESMIGRATE_DOMAIN_MASTER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* How documents are sent; 0 and false: the defaults. */
struct send_limits {
    int64_t batch_bytes;   /* a bulk request is cut at so many; default 5 MiB. A larger document has
                            * one of its own */
    int64_t max_in_flight; /* requests at most; default 6 */
    int64_t rate;          /* documents a second at most; default: as many as the engine takes */
    bool compress;         /* the requests, by gzip */
};

/* Texts are NULL, numbers 0 where the option is not set. */
struct master_options {
    char *source; /* conninfo */
    char *overlap;
    char *changed_at_zone;
    int64_t max_document_bytes;
    int64_t range_documents; /* how many a range of a full update has */
    bool limits_rejected;    /* more than max_rejected in a run end it */
    int64_t max_rejected;
    struct send_limits sending;
};
void master_options_release(struct master_options *options);

/* From the text of a JSON object; `place` names it in messages. ERR_USAGE if something is wrong. */
int master_options_parse(const char *text, const char *place, struct master_options *ret_options,
                         struct error *err);

#endif
