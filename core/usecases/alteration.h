/*
 * A change of an instance in place, in the engine and in the history. The settings come first, then
 * in one request the mapping and, in its _meta, the id of the action: an index that bears it has
 * both, from any other one the settings are taken back (rule R7).
 */
#ifndef ESMIGRATE_USECASES_ALTERATION_H
#define ESMIGRATE_USECASES_ALTERATION_H

#include "usecases/context.h"

struct alteration {
    const struct instance *instance;
    const char *body; /* index.json as declared */
    const char *fingerprint;
    const char *mapping;  /* the whole one, without esmigrate's mark */
    const char *settings; /* those that change, by their flat names */
};

/*
 * Records it for the action, which is running, and makes it. Refused: all is as before, and the
 * engine's words are the error. *ret_known false: what the engine did could not be found out, or is
 * for the run that replaced this one to say.
 */
int alteration_make(struct context *context, const char *action_id,
                    const struct alteration *alteration, bool *ret_known, struct error *err);

/* Records that the index has it. */
int alteration_record(struct context *context, const char *action_id, struct error *err);

/* Of a crashed action: finds out what the engine did, and brings the history in line. *ret_found is
 * what was found, the caller's; NULL: the action had not begun to change anything. */
int alteration_settle(struct context *context, const char *action_id, char **ret_found,
                      struct error *err);

#endif
