/*
 * Questions to PostgreSQL that nobody waits for: a session of their own, which is opened and asked
 * step by step by calls that return at once. (Only the resolver, which libpq asks for the address
 * of a host by name, may take its time.)
 */
#ifndef ESMIGRATE_CLIENTS_PG_QUESTION_H
#define ESMIGRATE_CLIENTS_PG_QUESTION_H

#include "clients/postgres.h"

struct pg_question;

/*
 * Begins to open the session. It reads only, and each of its statements ends after timeout_ms.
 * `first` is run once it is open, statements without parameters. Its texts are copied.
 */
int pg_question_open(const struct pg_options *options, int timeout_ms, const char *first,
                     struct pg_question **ret_question, struct error *err);
void pg_question_close(struct pg_question *question);

enum pg_answer { PG_ANSWER_LATER, PG_ANSWER_HERE, PG_ANSWER_ERROR };

/*
 * Goes on as far as that needs no wait. PG_ANSWER_HERE: the session is open, *ret_text is NULL; or
 * what was asked is answered, *ret_text is the first value of the first row, and lives until the
 * next call. After PG_ANSWER_ERROR it is of no more use.
 */
enum pg_answer pg_question_look(struct pg_question *question, const char **ret_text,
                                struct error *err);

/* After PG_ANSWER_HERE: asks a statement of one parameter, or none where the value is NULL. */
int pg_question_ask(struct pg_question *question, const char *sql, const char *value,
                    struct error *err);

#endif
