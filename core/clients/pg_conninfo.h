/*
 * Connection strings of PostgreSQL, whose passwords belong into no text (rule R10).
 */
#ifndef ESMIGRATE_CLIENTS_PG_CONNINFO_H
#define ESMIGRATE_CLIENTS_PG_CONNINFO_H

#include "base/secrets.h"

/* Adds the passwords that a connection string carries. */
void pg_conninfo_secrets(const char *conninfo, struct secrets *secrets);

/* The connection string without its password, keyword=value; the caller's (free()). NULL if it
 * cannot be parsed. */
char *pg_conninfo_public(const char *conninfo);

#endif
