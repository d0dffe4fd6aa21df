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

    /* the switch */
    char *read_alias; /* names without prefix, beside the master's own */
    char *write_alias;
    char **aliases; /* further ones that readers use */
    size_t alias_count;
    char *keep;          /* for so long the previous instance is updated too */
    char *retain;        /* for so long es_prune leaves what the active one replaced */
    char *stop_indexing; /* commands for the shell */
    char *resume_indexing;
    char *hook_timeout;
    bool require_stop_indexing;
};
void master_options_release(struct master_options *options);

/* From the text of a JSON object; `place` names it in messages. ERR_USAGE if something is wrong:
 * also with the further aliases of `master`, of which none may be its own. */
int master_options_parse(const char *text, const char *place, const char *master,
                         struct master_options *ret_options, struct error *err);

/* A further alias, as master.json has it. */
struct named_alias {
    const char *key; /* "read_alias", "write_alias" or "aliases" */
    const char *name;
};

/* All of them, in this order; the caller's (free()), the texts belong to the options. */
struct named_alias *master_options_aliases(const struct master_options *options, size_t *ret_count);

/* A duration, as master.json has it. */
struct named_duration {
    const char *key; /* "keep", "retain" or "hook_timeout" */
    const char *text;
};

/* Those that only what is done with an instance later needs; the caller's (free()), the texts
 * belong to the options. */
struct named_duration *master_options_durations(const struct master_options *options,
                                                size_t *ret_count);

#endif
