#include "load/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/memory.h"
#include "load/changes.h"

enum { WAIT_MS = 1000 };

/* A range that was begun. */
struct range_part {
    struct range_part *next;
    struct sender_part sent;
    int number;
    bool read; /* all of it was given to the sender */
};

/* A session of the source that reads range after range. */
struct reader {
    struct source *source;
    struct range_part *part; /* what it reads; NULL: nothing */
};

struct reading {
    struct load *load;
    struct reader *readers;
    size_t count;
    int ready; /* an epoll descriptor, readable when one that reads has got something */
};

void load_release(struct load *load)
{
    for (struct range_part *part = load->parts, *next; part; part = next) {
        next = part->next;
        free(part);
    }
    load->parts = NULL;
}

int load_record_ranges(struct load *load, struct error *err)
{
    for (struct range_part **at = &load->parts; *at;) {
        struct range_part *part = *at;
        const struct sender_totals *totals = &part->sent.totals;
        if (!part->read || part->sent.open) {
            at = &part->next;
            continue;
        }
        const struct range_outcome outcome = {
            .indexed = totals->indexed,
            .deleted = totals->deleted,
            .rejected = totals->rejected,
            .superseded = totals->superseded,
        };
        if (load_worker_finish(load->worker, part->number, &outcome, err) < 0)
            return -1;
        *at = part->next;
        free(part);
    }
    return 0;
}

/* ---- readers ---- */

/* One that reads nothing is not watched: its server's end would be readable for ever. */
static int watch(const struct reading *reading, const struct reader *reader, bool begin,
                 struct error *err)
{
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(reading->ready, begin ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
                  pg_socket(reader->source->pg), &event) < 0)
        return error_set(err, ERR_FAILED, "epoll: %s", strerror(errno));
    return 0;
}

static int begin_range(struct reading *reading, struct reader *reader, struct error *err)
{
    struct load *load = reading->load;
    _cleanup_(load_range_release) struct load_range range = {};
    if (load_worker_take(load->worker, &range, err) < 0)
        return -1;
    if (!range.number)
        return 0;
    if (source_read_range(reader->source, range.first, range.end, err) < 0 ||
        watch(reading, reader, true, err) < 0)
        return -1;
    reader->part = x_calloc(1, sizeof(*reader->part));
    reader->part->number = range.number;
    reader->part->next = load->parts;
    load->parts = reader->part;
    return 0;
}

static int end_range(struct reading *reading, struct reader *reader, struct error *err)
{
    if (watch(reading, reader, false, err) < 0 || copies_finish(&reading->load->copies, err) < 0)
        return -1;
    sender_end_part(reading->load->sender, &reader->part->sent);
    reader->part->read = true;
    reader->part = NULL;
    return 0;
}

/* *ret_more: there is something to do without waiting. */
static int step(struct reading *reading, struct reader *reader, bool *ret_more, struct error *err)
{
    struct load *load = reading->load;
    struct id_set none = {};
    enum pg_copy state;
    sender_use_part(load->sender, &reader->part->sent);
    if (load_step(load, reader->source, &none, &state, err) < 0 ||
        (state == PG_COPY_END && end_range(reading, reader, err) < 0))
        return -1;
    sender_use_part(load->sender, NULL);
    if (state != PG_COPY_WAIT)
        *ret_more = true;
    return 0;
}

static int read_ranges(struct reading *reading, struct error *err)
{
    struct load *load = reading->load;
    for (bool busy = true; busy;) {
        bool more = busy = false;
        for (size_t i = 0; i < reading->count; i++) {
            struct reader *reader = &reading->readers[i];
            if (!reader->part && begin_range(reading, reader, err) < 0)
                return -1;
            if (!reader->part)
                continue;
            busy = true;
            if (step(reading, reader, &more, err) < 0)
                return -1;
        }
        bool room = sender_has_room(load->sender);
        if (load_wait(load, room && !more ? reading->ready : -1,
                      room && (more || !busy) ? 0 : WAIT_MS, err) < 0)
            return -1;
    }
    return 0;
}

static void reading_release(struct reading *reading)
{
    free(reading->readers);
    if (reading->ready >= 0)
        close(reading->ready);
}

/* By all sessions of the source. */
static int read_free(struct load *load, struct error *err)
{
    _cleanup_(reading_release) struct reading reading = {
        .load = load,
        .readers = x_calloc(1 + load->helper_count, sizeof(struct reader)),
        .count = 1 + load->helper_count,
        .ready = epoll_create1(EPOLL_CLOEXEC),
    };
    if (reading.ready < 0)
        return error_set(err, ERR_FAILED, "epoll: %s", strerror(errno));
    reading.readers[0].source = load->source;
    for (size_t i = 0; i < load->helper_count; i++)
        reading.readers[1 + i].source = load->helpers[i];
    if (read_ranges(&reading, err) == 0)
        return 0;
    for (size_t i = 0; i < reading.count; i++)
        if (reading.readers[i].part)
            source_cancel(reading.readers[i].source); /* else the connection would be unusable */
    return -1;
}

int load_ranges(struct load *load, struct error *err)
{
    if (read_free(load, err) < 0 || copies_finish(&load->copies, err) < 0 ||
        sender_finish(load->sender, err) < 0)
        return -1;
    return load_record_ranges(load, err);
}

int load_rejected_of_others(struct load *load, struct error *err)
{
    _cleanup_(id_set_release) struct id_set rejected = {};
    if (load_rejected_ids(load, &rejected, err) < 0 || load_rejected(load, &rejected, err) < 0 ||
        copies_finish(&load->copies, err) < 0)
        return -1;
    return sender_finish(load->sender, err);
}
