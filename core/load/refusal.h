/*
 * What is said when the engine refuses a document for a reason that ends the run: what is to blame,
 * and what to type.
 */
#ifndef ESMIGRATE_LOAD_REFUSAL_H
#define ESMIGRATE_LOAD_REFUSAL_H

#include "base/error.h"
#include "domain/bulk.h"

/* ERR_ENGINE about the document with that id; -1. */
int refusal_error(const char *index_name, const char *id, const struct bulk_result *result,
                  struct error *err);

/* The same of one whose type is not known, and of which nothing tells whether the document is to
 * blame: no other one was accepted meanwhile. */
int refusal_undecided(const char *index_name, const char *id, const struct bulk_result *result,
                      struct error *err);

#endif
