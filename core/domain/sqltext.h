/*
 * The texts of documents.sql and changed.sql before PostgreSQL sees them.
 */
#ifndef ESMIGRATE_DOMAIN_SQLTEXT_H
#define ESMIGRATE_DOMAIN_SQLTEXT_H

#include <stdbool.h>

/*
 * The statement without its final semicolon, and without what follows that but comments and white
 * space, so that it can be wrapped in parentheses on lines of its own. Knows comments (nested
 * ones too), strings ('', E'', dollar quotes) and quoted identifiers, as the PostgreSQL
 * documentation describes them in "Lexical Structure". Whether it is one statement is for the
 * server to say; the caller prepares the bare text first. The caller's (free()).
 */
char *sqltext_statement(const char *sql);

/* Nothing but white space, comments and semicolons. */
bool sqltext_is_empty(const char *sql);

#endif
