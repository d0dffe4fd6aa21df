/* Whether a connection is a session of PostgreSQL, or a pooler in between shares sessions out. */
#ifndef ESMIGRATE_CLIENTS_PG_POOLER_H
#define ESMIGRATE_CLIENTS_PG_POOLER_H

#include "clients/postgres.h"

/*
 * ERR_FAILED when a pooler gives `pg`, which was opened with these options, a session for each
 * transaction or statement only: locks taken there would not hold, and what is set there would stay
 * behind in a session of the application's. Leaves nothing there itself. *ret_pooled: there is one
 * in between, which keeps the session for as long as the connection lasts. Without a pooler it
 * costs one statement; with one, a second connection for a moment.
 */
int pg_pooler_refuse(struct pg *pg, const struct pg_options *options, bool *ret_pooled,
                     struct error *err);

#endif
