#include "load/id_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"

void id_set_release(struct id_set *set)
{
    texts_free(set->ids, set->count);
    free(set->met);
    *set = (struct id_set){};
}

struct id_set id_set_make(char **ids, size_t count)
{
    if (count)
        qsort(ids, count, sizeof(char *), texts_compare);
    return (struct id_set){.ids = ids, .met = x_calloc(count, sizeof(bool)), .count = count};
}

bool id_set_meet(struct id_set *set, struct span id)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const char *text = set->ids[middle];
        int order = strncmp(id.data, text, id.length);
        if (order == 0)
            order = text[id.length] ? -1 : 0;
        if (order == 0) {
            set->met[middle] = true;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}
