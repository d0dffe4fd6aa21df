/*
 * Actions: one row per execution of a command that touches a master or an instance.
 */
#ifndef ESMIGRATE_DOMAIN_ACTION_H
#define ESMIGRATE_DOMAIN_ACTION_H

#include "domain/history.h"

#define ACTION_ID_SIZE 37

/* Who runs which command; the same for all actions of a process. */
struct action_origin {
    char *argv; /* array literal, secrets masked */
    char *tag;  /* or NULL */
    char *os_user;
    char *host;
};
void action_origin_release(struct action_origin *origin);

struct action {
    char id[ACTION_ID_SIZE];
    const char *parent_id; /* or NULL */
    int64_t master_id;     /* 0: none */
    int64_t instance_id;   /* 0: none */
    const char *name;      /* the command without es_ */
};

enum action_status { ACTION_COMPLETE, ACTION_PARTIAL, ACTION_FAILED, ACTION_INTERRUPTED };
const char *action_status_name(enum action_status status);

/* What a finished action says of itself; texts are borrowed. */
struct action_outcome {
    enum action_status status;
    const char *result; /* or NULL */
    const char *mode;   /* "full", "changed" or NULL */
    int64_t sent, indexed, deleted, rejected, superseded, retries, bytes;
    int64_t in_flight; /* requests that were allowed at the end; 0: nothing was sent */
    const char *changed_from;
    const char *changed_through;
    const char *error; /* masked, or NULL */
};

/* A new random (version 4) id into action->id. */
void action_new_id(struct action *action);

/* Writes the row, running. The lock is held already. */
int action_insert(struct history *history, const struct action_origin *origin,
                  const struct action *action, struct error *err);

/* Writes a row that is closed at once, of a command that could not begin. */
int action_insert_refused(struct history *history, const struct action_origin *origin,
                          const struct action *action, enum action_status status, const char *error,
                          struct error *err);

/* Which instance the action turned out to touch; 0: none. */
int action_set_instance(struct history *history, struct action *action, int64_t instance_id,
                        struct error *err);

/* Closes the row; ERR_FAILED if another run has declared this one crashed meanwhile. *ret_seconds,
 * if wanted, is how long it ran. */
int action_close(struct history *history, const struct action *action,
                 const struct action_outcome *outcome, double *ret_seconds, struct error *err);

/* To be asked directly before the engine is told to do what cannot be taken back: whether this run
 * still holds its locks and its row is running. ERR_FAILED if another one has replaced it. */
int action_check(struct history *history, const char *id, struct error *err);

/* The error of a history write that found its own action no longer running. */
int action_replaced(struct error *err);

#endif
