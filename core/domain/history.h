/*
 * The history: what esmigrate knows of masters and instances, in schema esmigrate of a PostgreSQL
 * database (section 4 of the design). Actions are in action.h, locks in lock.h, the schema's own
 * versions in schema.h.
 *
 * Times are kept as PostgreSQL's text of a timestamptz in UTC, exact to the microsecond.
 * What is returned in a ret_ parameter belongs to the caller, who releases it.
 */
#ifndef ESMIGRATE_DOMAIN_HISTORY_H
#define ESMIGRATE_DOMAIN_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "clients/postgres.h"
#include "domain/declaration.h"

/*
 * Marks the session as ours: it writes no row that a document is made of, and holds back no horizon
 * (sql/source/horizon.sql). Not where a pooler is in between: the mark could stay behind on a
 * session of the application's, whose late commits would then be lost.
 */
int session_mark(struct pg *pg, struct error *err);

struct history {
    struct pg *pg;
    char *conninfo;
    int lock_timeout_s;
    struct pg *locks; /* the connection of the advisory locks; opened with the first one */
};

struct history_options {
    const char *conninfo;
    int lock_timeout_s;
};

int history_open(const struct history_options *options, struct history **ret_history,
                 struct error *err);
void history_close(struct history *history);
DEFINE_CLEANUP(struct history *, history_close)

struct master {
    int64_t id;
    char *name;
    int64_t active_instance_id; /* 0: none */
    char *options;              /* JSON */
    char *created_at;
};
void master_release(struct master *master);

struct masters {
    struct master *list;
    size_t count;
};
void masters_release(struct masters *masters);

struct instance {
    int64_t id;
    int64_t master_id;
    char *master; /* its name */
    int number;
    char *index_name;
    char *index_uuid;        /* NULL: it is being made */
    char *pending_action_id; /* NULL: its engine index is settled */
    struct content content;
    char *search_path;
    char *fingerprint;
    char *deletes;
    char *tag;
    char *state;
    char *changed_through;
    int64_t read_version;
    int writer_epoch;
    char *source_system_identifier;
    char *source_database_oid;
    char *source_lsn;
    char *source_timeline;
    char *source_clock; /* with the next two: at the last update */
    char *source_clock_boot;
    char *source_clock_uptime;
    char *created_at;
    char *filled_at;
    char *activated_at;
    char *dropped_at;
    char *deactivated_at;      /* when the alias left it */
    bool kept;                 /* it is updated with the active one, for a rollback */
    char *kept_until;          /* so long, or till when it was; NULL: never */
    char *settings_to_restore; /* JSON; NULL: the engine has the settings it should have */
    bool active;
};

struct instances {
    struct instance *list; /* by master and number */
    size_t count;
};
void instances_release(struct instances *instances);

bool instance_is_live(const struct instance *instance);

/* The master of that name; ret_master->id is 0 if there is none. */
int history_find_master(struct history *history, const char *name, struct master *ret_master,
                        struct error *err);
int history_all_masters(struct history *history, struct masters *ret_masters, struct error *err);

/* Makes the row of a master if there is none yet. */
int history_ensure_master(struct history *history, const char *name, struct error *err);
int history_set_master_options(struct history *history, int64_t master_id, const char *json,
                               struct error *err);

/* All instances of a master (0: of every master), dropped ones included. */
int history_find_instances(struct history *history, int64_t master_id,
                           struct instances *ret_instances, struct error *err);

/* Records that the engine index of an instance is gone on purpose: it is no longer active, misses
 * no document, and is dropped. */
int history_drop_instance(struct history *history, int64_t instance_id, struct error *err);

/* The instance in the list that bears this id, or NULL. */
const struct instance *instances_by_id(const struct instances *instances, int64_t id);
/* The live instance of this number / of this index / the newest live one / the newest with this
 * fingerprint. */
const struct instance *instances_by_number(const struct instances *instances, int number);
const struct instance *instances_by_index(const struct instances *instances, const char *index);
const struct instance *instances_newest(const struct instances *instances);
const struct instance *instances_by_fingerprint(const struct instances *instances,
                                                const char *fingerprint);
const struct instance *instances_active(const struct instances *instances);
/* The number the next instance would get. */
int instances_next_number(const struct instances *instances);

/* Runs a statement of sql/history with these values; *ret_rows may be NULL. */
int history_query(struct history *history, const char *sql, const char *const *values, size_t count,
                  struct pg_rows **ret_rows, struct error *err);

/* One transaction around several statements. */
int history_begin(struct history *history, struct error *err);
int history_commit(struct history *history, struct error *err);
/* Undoes what failed; says nothing, the failure is known. */
void history_rollback(struct history *history);

/* A point in time as the user wrote it, with a zone; *ret_time is the caller's. */
int history_parse_time(struct history *history, const char *text, char **ret_time,
                       struct error *err);

/* The length of an interval (PostgreSQL's text), in seconds. One that it does not read, or that is
 * negative or longer than a hundred years, is ERR_USAGE; `what` names it in the message. */
int history_interval_seconds(struct history *history, const char *text, const char *what,
                             int64_t *ret_seconds, struct error *err);

/* PostgreSQL's text of a time in UTC as RFC 3339; NULL stays NULL. The caller's. */
char *time_rfc3339(const char *text);

#endif
