/* Ids in order, and which of them have been met. */
#ifndef ESMIGRATE_LOAD_ID_SET_H
#define ESMIGRATE_LOAD_ID_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

struct id_set {
    char **ids;
    bool *met;
    size_t count;
};
void id_set_release(struct id_set *set);

/* Takes over the ids. */
struct id_set id_set_make(char **ids, size_t count);

/* Marks the id as met; whether it is in the set. */
bool id_set_meet(struct id_set *set, struct span id);

#endif
