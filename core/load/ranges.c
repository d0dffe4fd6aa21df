#include "load/ranges.h"

#include <stdlib.h>

#include "base/memory.h"
#include "load/changes.h"

void load_release(struct load *load)
{
    free(load->parts);
    load->parts = NULL;
}

int load_record_ranges(struct load *load, struct error *err)
{
    const struct full_load *full = load->full;
    for (size_t i = 0; full && i < full->range_count; i++) {
        struct range_part *range = &load->parts[i];
        const struct sender_totals *totals = &range->sent.totals;
        if (!range->read || range->recorded || range->sent.open)
            continue;
        const struct range_outcome outcome = {
            .indexed = totals->indexed,
            .deleted = totals->deleted,
            .rejected = totals->rejected,
            .superseded = totals->superseded,
        };
        if (full_load_finish_range(load->history, load->action_id, full, full->ranges[i].number,
                                   &outcome, err) < 0)
            return -1;
        range->recorded = true;
    }
    return 0;
}

static int load_range(struct load *load, const struct load_range *range, struct range_part *part,
                      struct id_set *wanted, struct error *err)
{
    sender_begin_part(load->sender, &part->sent);
    if (source_read_range(load->source, range->first, range->end, err) < 0 ||
        load_pump(load, wanted, err) < 0 || copies_finish(&load->copies, err) < 0)
        return -1;
    sender_begin_part(load->sender, NULL);
    part->read = true;
    return 0;
}

int load_all(struct load *load, const struct full_load *full, struct error *err)
{
    _cleanup_(id_set_release) struct id_set rejected = {};
    if (full->resumed && load_rejected_ids(load, &rejected, err) < 0)
        return -1;
    load->parts = x_calloc(full->range_count, sizeof(*load->parts));
    load->full = full;
    for (size_t i = 0; i < full->range_count; i++)
        if (load_range(load, &full->ranges[i], &load->parts[i], &rejected, err) < 0 ||
            load_record_ranges(load, err) < 0)
            return -1;
    if ((full->resumed && load_rejected(load, &rejected, err) < 0) ||
        copies_finish(&load->copies, err) < 0 || sender_finish(load->sender, err) < 0)
        return -1;
    return load_record_ranges(load, err);
}
