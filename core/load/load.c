#include "load/load.h"

#include <ctype.h>

#include "base/memory.h"
#include "load/ranges.h"

enum {
    WAIT_MS = 1000,
    LONGEST_ROUTING = 512,    /* bytes */
    ROWS_BETWEEN_POLLS = 256, /* a row costs microseconds, a poll about ten */
};

/* ---- documents ---- */

static bool is_object(struct span document)
{
    for (size_t i = 0; i < document.length; i++)
        if (!isspace((unsigned char)document.data[i]))
            return document.data[i] == '{';
    return false;
}

/* One that the server wrote, and that is no object. */
static int reject_document(struct load *load, const struct source_document *document,
                           struct error *err)
{
    if (!document->json.data && document->bytes)
        return sender_reject_large(load->sender, document->id, document->bytes, err);
    return sender_reject(load->sender, document->id, "not_an_object",
                         document->json.data ? "_source is not a JSON object" : "_source is null",
                         err);
}

static int add_document(struct sender *sender, const struct source_document *document,
                        struct error *err)
{
    if (document->row.shape)
        return sender_add_row(sender, document->id, document->routing, &document->row, err);
    return sender_add_document(sender, document->id, document->routing, document->json, err);
}

static int send_document(struct load *load, const struct source_document *document,
                         struct error *err)
{
    if (document->never_changes)
        load->never_changes++;
    if (document->routing.length > LONGEST_ROUTING)
        return sender_reject(load->sender, document->id, "invalid_routing",
                             "the _routing is longer than 512 bytes", err);
    if (document->deleted)
        return load_delete(load, document->id, err);
    if (!document->row.shape && !is_object(document->json))
        return reject_document(load, document, err);
    if (add_document(load->sender, document, err) < 0)
        return -1;
    return copies_of_written(&load->copies, document->id, document->routing, err);
}

int load_delete(struct load *load, struct span id, struct error *err)
{
    if (load->copies.has_routing)
        return copies_of_deleted(&load->copies, id, err);
    return sender_add_delete(load->sender, id, (struct span){}, err);
}

int load_wait(struct load *load, int other_fd, int timeout_ms, struct error *err)
{
    if (sender_wait(load->sender, other_fd, timeout_ms, err) < 0)
        return -1;
    if (!load->worker)
        return 0;
    if (load_record_ranges(load, err) < 0 || load_worker_renew(load->worker, err) < 0)
        return -1;
    meter_others(load->meter, load->worker->others);
    return 0;
}

int load_step(struct load *load, struct source *source, struct id_set *wanted,
              enum pg_copy *ret_state, struct error *err)
{
    *ret_state = PG_COPY_ROWS;
    for (int row = 0; row < ROWS_BETWEEN_POLLS && sender_has_room(load->sender); row++) {
        struct source_document document;
        *ret_state = source_next(source, &document, err);
        if (*ret_state != PG_COPY_ROWS)
            return *ret_state == PG_COPY_ERROR ? -1 : 0;
        id_set_meet(wanted, document.id);
        if (send_document(load, &document, err) < 0)
            return -1;
    }
    return 0;
}

/* As load_pump(), but leaves a reading that failed as it is. While the engine has no room the rows
 * stay in the socket, and PostgreSQL waits. */
static int pump(struct load *load, struct id_set *wanted, struct error *err)
{
    for (;;) {
        enum pg_copy state;
        if (load_step(load, load->source, wanted, &state, err) < 0)
            return -1;
        if (state == PG_COPY_END)
            return 0;
        bool room = sender_has_room(load->sender);
        int fd = room && state == PG_COPY_WAIT ? pg_socket(load->source->pg) : -1;
        if (load_wait(load, fd, room && state == PG_COPY_ROWS ? 0 : WAIT_MS, err) < 0)
            return -1;
    }
}

int load_pump(struct load *load, struct id_set *wanted, struct error *err)
{
    if (pump(load, wanted, err) == 0)
        return 0;
    source_cancel(load->source); /* else the connection would be unusable */
    return -1;
}
