#include "usecases/report.h"

#include <stdlib.h>

#include "base/memory.h"

struct report_item *report_add(struct report *report, const char *action, const char *master)
{
    report->items = x_grow(report->items, report->count, &report->capacity, sizeof(*report->items));
    struct report_item *item = &report->items[report->count++];
    *item = (struct report_item){.action = action, .master = x_strdup(master)};
    return item;
}

void report_set_instance(struct report_item *item, const struct instance *instance)
{
    free(item->index);
    item->number = instance->number;
    item->index = x_strdup(instance->index_name);
}

void report_release(struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        free(report->items[i].master);
        free(report->items[i].index);
        free(report->items[i].changed_from);
        free(report->items[i].changed_through);
        free(report->items[i].partial);
        free(report->items[i].rejected_types);
    }
    free(report->items);
    *report = (struct report){};
}
