/* Texts for PostgreSQL and from it, as far as no connection is needed for them. */
#ifndef ESMIGRATE_CLIENTS_PG_TEXT_H
#define ESMIGRATE_CLIENTS_PG_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* The text as one line, without blanks at its end: the server's may have several. NULL stays NULL;
 * the caller's (free()). */
char *pg_one_line(const char *text);

/* An array literal ({"a","b"}) of texts; the caller's (free()). */
char *pg_array(const char *const *texts, size_t count);

/* A number as a parameter: `pg_number(n).text`. */
struct pg_number {
    char text[24];
};
struct pg_number pg_number(int64_t value);

#endif
