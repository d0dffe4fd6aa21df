/*
 * What a command is to work on: masters and instances as the user wrote them, and the instances
 * they stand for.
 */
#ifndef ESMIGRATE_USECASES_TARGETS_H
#define ESMIGRATE_USECASES_TARGETS_H

#include "usecases/context.h"

struct target {
    char *name; /* of the master */
    int number; /* of the instance; 0: none was named */
};

struct targets {
    struct target *list;
    size_t count;
};
void targets_release(struct targets *targets);

/* NAME, NAME N or NAME-N, any number of them. Wrong ones are ERR_USAGE. */
int targets_parse(char *const *words, size_t count, struct targets *ret_targets, struct error *err);

/* All that are declared; ERR_USAGE if the folder of declarations is not there. */
int targets_declared(struct context *context, struct targets *ret_targets, struct error *err);

/* One master with the instances that were chosen of it; indexes into `instances`. */
struct choice {
    struct master master;
    struct instances instances;
    size_t *chosen;
    size_t chosen_count;
};
void choice_release(struct choice *choice);

/* The error about a name that no master bears, with the nearest one as a hint. */
int unknown_master(struct context *context, const char *name, struct error *err);

/* Looks the master up and its instances; one that does not exist is ERR_USAGE. */
int choice_open(struct context *context, const char *name, struct choice *ret_choice,
                struct error *err);
void choice_add(struct choice *choice, const struct instance *instance);

/* The live instance of that number; ERR_FAILED names those there are. */
int choice_add_number(struct choice *choice, int number, struct error *err);

/*
 * The instance as it is now that its lock is held: before, it may have been dropped, cleared or
 * activated, and a crashed run settled. *ret_instance lives in *ret_now.
 */
int instance_again(struct context *context, const struct instance *before,
                   struct instances *ret_now, const struct instance **ret_instance,
                   struct error *err);

/*
 * When a declaration is at hand, the newest instance must have its fingerprint; else ERR_FAILED,
 * naming the instance that has it, or es_create. `command` is the one that the hint tells to type.
 */
int choice_check_declared(struct context *context, const struct choice *choice, const char *command,
                          struct error *err);

/*
 * The engine index of the instance is the one the history recorded (rule R8), else ERR_FAILED;
 * *ret_index, if wanted, is what the engine says of it.
 */
int check_ours(struct context *context, const struct instance *instance,
               struct engine_index *ret_index, struct error *err);

/* The same, and what the engine acknowledges there is durable (rule R5), else ERR_FAILED. */
int check_durable(struct context *context, const struct instance *instance, struct error *err);

/* The index may have been dropped or made anew while it was written to, which looks like another
 * run that has taken over: replaces the error of the writing if that is what happened. Returns -1.
 */
int explain_lost(struct context *context, const struct instance *instance, struct error *err);

#endif
