/*
 * A full update as the history keeps it: cut into ranges of _id, of which those that are done need
 * not be read again when the same command goes on after a crash (rule R5). The horizon and the
 * marks of its sweep are those of its first start (rule R1 f).
 */
#ifndef ESMIGRATE_DOMAIN_FULL_LOAD_H
#define ESMIGRATE_DOMAIN_FULL_LOAD_H

#include "domain/history.h"

struct full_load {
    int64_t id; /* 0: there is none */
    char *index_uuid;
    char *source_system_identifier;
    char *source_database_oid;
    char *source_lsn; /* NULL on a standby */
    char *source_timeline;
    char *taken_at;        /* the source's clock when it began; NULL: not known */
    char *changed_through; /* NULL: none was to be had */
    char *trackers;        /* that it saw, see tracked_seen(); not read back */
    char *started_at;
    int64_t *marks; /* of each shard, as engine_max_seq_no() gave them */
    size_t shards;
    size_t total; /* ranges in all */
    size_t left;  /* of them, not finished */
    bool is_old;  /* nothing has come of it for a day */
    bool resumed; /* by this run: another one began it */
};
void full_load_release(struct full_load *load);

/* The unfinished one of an instance; ret_load->id is 0 if there is none. */
int full_load_find(struct history *history, int64_t instance_id, struct full_load *ret_load,
                   struct error *err);

/*
 * Records a full update that begins, in the name of a running action. The texts, marks and shards
 * of *load are given, the rest is filled in; `bounds` are the ids, in order, at which one range
 * ends and the next begins.
 */
int full_load_begin(struct history *history, const char *action_id, const char *const *bounds,
                    size_t bound_count, struct full_load *load, struct error *err);

/* The unfinished full update of the action's instance, if there is one, is complete or abandoned.
 */
int full_load_end(struct history *history, const char *action_id, bool complete, struct error *err);

#endif
