/*
 * esmigrate's own locks: PostgreSQL session advisory locks on a connection of their own, polled
 * with pg_try_advisory_lock, since a blocked lock statement would hold back vacuum's horizon.
 * Order: master before instance. They end with the process, whatever happens to it.
 */
#ifndef ESMIGRATE_DOMAIN_LOCK_H
#define ESMIGRATE_DOMAIN_LOCK_H

#include "domain/history.h"

/* The first key of the advisory lock: 'esm' and a digit. 1702066035 ('es3s') marks our sessions
 * on a source; see sql/source/horizon.sql. */
enum lock_class {
    LOCK_SCHEMA = 0x65736d30,
    LOCK_MASTER = 0x65736d31,
    LOCK_INSTANCE = 0x65736d32,
    LOCK_PARENT = 0x65736d33,  /* of an action that stands for several; object: its id's number */
    LOCK_WORKER = 0x65736d34,  /* of an action that works at a full update; the same */
    LOCK_VERIFY = 0x65736d35,  /* of an instance, apart from that of its writer */
    LOCK_SCRATCH = 0x65736d36, /* of a scratch index; object: its name's hash */
};

/* The number that stands for a text as the object of a lock. */
int lock_number(struct history *history, const char *text, int64_t *ret_object, struct error *err);

/*
 * Takes the lock, trying for at most wait_s seconds (0: once, -1: until it is free or a stop is
 * asked for). Held by another: ERR_BUSY, with who holds it as the detail.
 */
int lock_take(struct history *history, enum lock_class class, int64_t object, int wait_s,
              struct error *err);

/* As lock_take() once; *ret_taken tells, and a lock that is held elsewhere is no error. */
int lock_try(struct history *history, enum lock_class class, int64_t object, bool *ret_taken,
             struct error *err);

/* The same for a lock that several may hold at a time. A session that holds it may take the
 * exclusive one, too, once it is the only one. */
int lock_take_shared(struct history *history, enum lock_class class, int64_t object, int wait_s,
                     struct error *err);
void lock_release_shared(struct history *history, enum lock_class class, int64_t object);

void lock_release(struct history *history, enum lock_class class, int64_t object);

/* -1 with ERR_POSTGRES if the connection that holds the locks is gone: they are lost, and whoever
 * relied on them must stop writing. Never waits. */
int lock_check(struct history *history, struct error *err);

/* As lock_check(), but asks the server: the first look at a connection that it has ended finds its
 * last words, not its end. */
int lock_ask(struct history *history, struct error *err);

/* The socket of that connection, to be polled; -1 while no lock was ever taken. */
int lock_socket(const struct history *history);

#endif
