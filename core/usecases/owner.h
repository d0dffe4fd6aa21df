/*
 * Whose an index in the engine is, and whether a master's names are free of other people's indexes.
 * Several histories may share an engine; with the same prefix and the same name of a master each
 * would take the other's alias away.
 */
#ifndef ESMIGRATE_USECASES_OWNER_H
#define ESMIGRATE_USECASES_OWNER_H

#include "usecases/context.h"

/* An index of that name, which an instance is to have, is not there yet; else ERR_FAILED. */
int owner_check_index(struct context *context, const char *index_name, struct error *err);

/* The alias of a master is not the name of an index, in whose place it can only be put by deleting
 * that (es_activate --replace-index). */
int owner_check_alias_name(struct context *context, const char *master, struct error *err);
/* The same, before anything is switched: only warned of. */
int owner_warn_alias_name(struct context *context, const char *master, struct error *err);
/* Sets *err: it is. */
int owner_refuse_alias_name(const char *alias, const char *master, struct error *err);

/*
 * The number of the next instance. It is behind that of an index which the alias is on and which
 * this history does not know, as it was restored from before that: nobody is to lose it.
 */
int owner_next_number(struct context *context, const char *master,
                      const struct instances *instances, int *ret_number, struct error *err);

/*
 * Whether a new instance of the master makes sense, seen from where its alias points now. An index
 * that another history of esmigrate made: ERR_FAILED. One that esmigrate did not make, or that
 * this history made after it was dumped, is only warned of: the new instance is filled while
 * readers still use the old index, until es_activate --take-alias.
 */
int owner_check_alias(struct context *context, const char *master, struct error *err);
/* Whether the alias lies on such indexes, from which it may be taken; another history's:
 * ERR_FAILED. They are named. */
int owner_find_foreign_alias(struct context *context, const char *master, bool *ret_foreign,
                             struct error *err);

/* Whether esmigrate made the index, for whichever history. */
bool owner_is_esmigrate(const struct engine_index *index);

/* An alias of the index through which someone may search it: any but a write alias. NULL: it has
 * none. It is a part of *index. */
const char *owner_reading_alias(const struct engine_index *index);

/* Sets *err: the alias of the master points to this index, which is no instance of it. */
int owner_refuse_alias(struct context *context, const char *master, const char *index_name,
                       struct error *err);

#endif
