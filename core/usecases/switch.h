/*
 * The switch: the aliases of a master from one instance to another, in one atomic call that is
 * carried out only if the alias lies exactly where the history says (rule R7).
 *
 * Engines that know `must_exist` refuse the call themselves when it does not. For those that do not
 * (Elasticsearch before 7.11 answers 400), and for an alias that lies nowhere yet, the alias is
 * read just before the call and always put as the write index: an engine refuses a second one, so
 * that of two who switch at the same moment one is refused. It is read again afterwards.
 */
#ifndef ESMIGRATE_USECASES_SWITCH_H
#define ESMIGRATE_USECASES_SWITCH_H

#include "usecases/context.h"

enum switch_part {
    SWITCH_ALL,
    SWITCH_READS,  /* all but "write_alias" of master.json */
    SWITCH_WRITES, /* that one alone */
};

struct alias_switch {
    struct context *context;
    const char *action_id; /* of the run that switches */
    const char *master;
    const char *alias;                 /* the master's, with prefix */
    const struct instances *instances; /* of the master */
    const struct instance *from;       /* NULL: the alias lies nowhere */
    const struct instance *to;
    const struct master_options *options; /* name the further aliases; NULL: there are none */
    enum switch_part part;
    bool replace_index; /* an index that bears the alias's name is deleted in the same call */
    bool take_alias;    /* the alias may lie on indexes that esmigrate did not make; they stay */
};

/*
 * *ret_moved: nothing was switched, since the alias does not lie where it should; *err says so.
 * After another failure engine_refused() tells whether nothing was switched for certain.
 */
int alias_switch(const struct alias_switch *change, bool *ret_moved, struct error *err);

/* "points to "X" and "Y"" or "points to no index"; the caller's. */
char *alias_words(char *const *indexes, size_t count);

/* Sets the hint of what to type when an alias is on several indexes; one of them is `other`. */
int hint_take_alias_off(const char *alias, const char *other, struct error *err);

/* The alias on which the switch of that one is rehearsed: nobody reads it. The caller's. */
char *alias_of_rehearsal(const char *alias);

#endif
