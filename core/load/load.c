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

/* Lets requests progress, and records what they bring to its end. */
static int wait_for(struct load *load, int other_fd, int timeout_ms, struct error *err)
{
    if (sender_wait(load->sender, other_fd, timeout_ms, err) < 0)
        return -1;
    return load_record_ranges(load, err);
}

/* As load_pump(), but leaves a reading that failed as it is. While the engine has no room the rows
 * stay in the socket, and PostgreSQL waits. */
static int pump(struct load *load, struct id_set *wanted, struct error *err)
{
    unsigned int rows = 0;
    for (;;) {
        struct source_document document;
        if (!sender_has_room(load->sender)) {
            if (wait_for(load, -1, WAIT_MS, err) < 0)
                return -1;
            continue;
        }
        switch (source_next(load->source, &document, err)) {
        case PG_COPY_ROWS:
            break;
        case PG_COPY_WAIT:
            if (wait_for(load, pg_socket(load->source->pg), WAIT_MS, err) < 0)
                return -1;
            continue;
        case PG_COPY_END:
            return 0;
        default:
            return -1;
        }
        id_set_meet(wanted, document.id);
        if (send_document(load, &document, err) < 0)
            return -1;
        if (++rows % ROWS_BETWEEN_POLLS == 0 && wait_for(load, -1, 0, err) < 0)
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
