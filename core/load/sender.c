#include "load/sender.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nesting.h"
#include "base/stop.h"
#include "base/texts.h"
#include "base/utf8.h"
#include "domain/lock.h"
#include "load/batch.h"

enum {
    MAX_IN_FLIGHT = 3,
    BATCH_BYTES = 5 * 1024 * 1024,
    DEEPEST = 100, /* levels; nodes of both families were seen to die of a stack overflow, at 1,000
                    * (OpenSearch 2.19, flat_object) and 3,000 (Elasticsearch 7.10). A mapping
                    * allows 20 by default (index.mapping.depth.limit) */
    LONGEST_ID = 512, /* bytes; a longer one makes the engine refuse the whole request */
    ITEM_OVERHEAD = 16 * 1024,
    REQUEST_TIMEOUT_S = 300,
    STOP_PATIENCE_MS = 10 * 1000, /* for what is in flight when a stop is asked for */
};

/* ---- life ---- */

struct sender *sender_open(const struct sender_options *options)
{
    struct sender *sender = x_calloc(1, sizeof(*sender));
    _cleanup_free_ char *escaped = engine_path_escape(options->write_alias);
    sender->options = *options;
    sender->path = x_printf("/%s/_bulk?filter_path=errors,items.*.status,items.*.error,"
                            "items.*.result",
                            escaped);
    return sender;
}

static void free_batch(struct batch *batch)
{
    if (!batch)
        return;
    bulk_release(&batch->bulk);
    http_request_release(&batch->request);
    free(batch);
}

void sender_close(struct sender *sender)
{
    if (!sender)
        return;
    for (struct batch *batch = sender->batches, *next; batch; batch = next) {
        next = batch->next;
        if (batch->state == BATCH_IN_FLIGHT)
            http_abort(sender->options.engine->http, &batch->request);
        free_batch(batch);
    }
    free_batch(sender->spare);
    rejections_release(&sender->rejections);
    trouble_release(&sender->trouble);
    texts_free(sender->learned, sender->learned_count);
    free(sender->path);
    free(sender);
}

const struct sender_totals *sender_totals(const struct sender *sender)
{
    return &sender->totals;
}

/* ---- batches ---- */

struct batch *batch_new(struct sender *sender, struct sender_part *part)
{
    struct batch *batch = TAKE_PTR(sender->spare);
    if (!batch) {
        batch = x_calloc(1, sizeof(*batch));
        size_t largest = (size_t)sender->options.max_document_bytes;
        bulk_init(&batch->bulk, (largest > BATCH_BYTES ? largest : BATCH_BYTES) + ITEM_OVERHEAD);
    }
    batch->retry = RETRY(BUSY_BUDGET_MS);
    batch->state = BATCH_FILLING;
    batch->suspect = false;
    batch->part = part;
    if (part)
        part->open++;
    batch->next = sender->batches;
    sender->batches = batch;
    return batch;
}

void batch_drop(struct sender *sender, struct batch *batch)
{
    for (struct batch **at = &sender->batches; *at; at = &(*at)->next) {
        if (*at == batch) {
            *at = batch->next;
            break;
        }
    }
    sender->held--;
    if (batch->part)
        batch->part->open--;
    bulk_clear(&batch->bulk);
    if (sender->spare)
        free_batch(batch);
    else
        sender->spare = batch; /* its memory is used again */
}

static int send_batch(struct sender *sender, struct batch *batch, struct error *err)
{
    batch->request = (struct http_request){
        .method = "POST",
        .path = sender->path,
        .content_type = "application/x-ndjson",
        .body = batch->bulk.body.data,
        .body_length = batch->bulk.body.length,
        .timeout_s = REQUEST_TIMEOUT_S,
        .owner = batch,
    };
    if (http_start(sender->options.engine->http, &batch->request, err) < 0)
        return -1;
    batch->state = BATCH_IN_FLIGHT;
    sender->in_flight++;
    sender->totals.bytes += (int64_t)batch->bulk.body.length;
    return 0;
}

void batch_queue(struct batch *batch, int64_t due)
{
    batch->state = BATCH_WAITING;
    batch->due = due;
}

/* Where the batch is that takes the next item. */
static struct batch **filling_of(struct sender *sender, struct sender_part *part)
{
    return part ? &part->filling : &sender->filling;
}

static void close_filling(struct sender *sender, struct sender_part *part)
{
    struct batch **filling = filling_of(sender, part);
    if (!*filling)
        return;
    sender->held++;
    if ((*filling)->bulk.count)
        batch_queue(*filling, 0);
    else
        batch_drop(sender, *filling); /* its only document did not fit */
    *filling = NULL;
}

void sender_use_part(struct sender *sender, struct sender_part *part)
{
    sender->part = part;
}

void sender_end_part(struct sender *sender, struct sender_part *part)
{
    close_filling(sender, part);
}

static int send_due(struct sender *sender, struct error *err)
{
    int64_t now = clock_ms();
    for (struct batch *batch = sender->batches; batch; batch = batch->next)
        if (batch->state == BATCH_WAITING && batch->due <= now &&
            sender->in_flight < MAX_IN_FLIGHT && send_batch(sender, batch, err) < 0)
            return -1;
    return 0;
}

static int next_due_ms(const struct sender *sender, int timeout_ms)
{
    int64_t now = clock_ms();
    for (const struct batch *batch = sender->batches; batch; batch = batch->next) {
        if (batch->state != BATCH_WAITING || sender->in_flight >= MAX_IN_FLIGHT)
            continue;
        int64_t left = batch->due > now ? batch->due - now : 0;
        if (left < timeout_ms)
            timeout_ms = (int)left;
    }
    return timeout_ms;
}

/* ---- the outside ---- */

bool sender_has_room(const struct sender *sender)
{
    return sender->held < MAX_IN_FLIGHT;
}

static int check_others(struct sender *sender, const struct pollfd *lock, struct error *err)
{
    if (stop_check(err) < 0)
        return -1;
    return lock->revents ? lock_check(sender->options.history, err) : 0;
}

static int settle_done(struct sender *sender, struct error *err)
{
    for (struct http_request *request; (request = http_next_done(sender->options.engine->http));) {
        /* Settling may free the batch, and the request with it. */
        struct batch *batch = request->owner;
        _cleanup_(http_request_release) struct http_request answer = TAKE(*request);
        if (answer_settle(sender, batch, &answer, err) < 0)
            return -1;
    }
    return 0;
}

int sender_wait(struct sender *sender, int other_fd, int timeout_ms, struct error *err)
{
    struct pollfd others[] = {
        {.fd = other_fd, .events = POLLIN},
        {.fd = stop_fd(), .events = POLLIN},
        {.fd = lock_socket(sender->options.history), .events = POLLIN},
    };
    struct http *http = sender->options.engine->http;
    if (send_due(sender, err) < 0 ||
        http_wait(http, others, ARRAY_SIZE(others), next_due_ms(sender, timeout_ms), err) < 0 ||
        check_others(sender, &others[2], err) < 0 || settle_done(sender, err) < 0)
        return -1;
    trouble_say(&sender->trouble, sender->options.log, sender->options.index_name);
    return send_due(sender, err);
}

void sender_stop(struct sender *sender)
{
    _cleanup_(error_release) struct error err = {};
    const struct log *log = sender->options.log;
    const char *name = sender->options.index_name;
    struct pollfd again = {.fd = stop_again_fd(), .events = POLLIN};
    int64_t until = clock_ms() + STOP_PATIENCE_MS, left;
    int result = 0;
    if (sender->in_flight)
        log_say(log, LOG_NOTICE,
                "%s: finishing %zu request%s in flight; press Ctrl-C again to abort", name,
                sender->in_flight, sender->in_flight == 1 ? "" : "s");
    while (result == 0 && sender->in_flight && !stop_again() && (left = until - clock_ms()) > 0) {
        result = http_wait(sender->options.engine->http, &again, 1, (int)left, &err);
        if (result == 0)
            result = settle_done(sender, &err);
    }
    if (result < 0)
        log_error(log, &err);
    if (sender->in_flight)
        log_say(log, LOG_WARNING,
                "%s: %zu request%s in flight %s not answered; whether the engine carried %s out is "
                "not known, the next update sends the documents again",
                name, sender->in_flight, sender->in_flight == 1 ? "" : "s",
                sender->in_flight == 1 ? "was" : "were", sender->in_flight == 1 ? "it" : "them");
}

/* Makes room for a document of that size in the batch that is being filled. */
static struct bulk *room_for(struct sender *sender, size_t bytes)
{
    struct batch **filling = filling_of(sender, sender->part);
    if (*filling && (*filling)->bulk.count && (*filling)->bulk.body.length + bytes > BATCH_BYTES)
        close_filling(sender, sender->part);
    if (!*filling)
        *filling = batch_new(sender, sender->part);
    return &(*filling)->bulk;
}

static bool id_fits(struct span id)
{
    return id.length > 0 && id.length <= LONGEST_ID;
}

static int reject_id(struct sender *sender, struct span id, struct error *err)
{
    return sender_reject(sender, id, "invalid_id",
                         id.length ? "the _id is longer than 512 bytes" : "the _id is empty", err);
}

/* The first byte of a text that is not UTF-8, from 1; 0: there is none. */
static size_t wrong_byte(const struct sender *sender, struct span text)
{
    if (!sender->options.checks_utf8)
        return 0;
    _cleanup_free_ char *copy = x_strndup(text.data, text.length);
    const char *wrong = utf8_first_wrong(copy);
    return wrong ? (size_t)(wrong - copy) + 1 : 0;
}

/* No engine takes such an _id, and the history could not keep it. */
static int check_id(const struct sender *sender, struct span id, struct error *err)
{
    size_t place = wrong_byte(sender, id);
    if (!place)
        return 0;
    _cleanup_free_ char *copy = x_strndup(id.data, id.length);
    _cleanup_free_ char *clean = utf8_clean(copy);
    error_set(err, ERR_FAILED, "documents.sql returned an _id that is not UTF-8: \"%.200s\"",
              clean);
    return error_hint(err,
                      "Its byte %zu (0x%02x), shown as '?', begins no character. Mend the row, or "
                      "convert what the database, whose encoding is SQL_ASCII, holds: "
                      "convert_from(column::bytea, 'LATIN1').",
                      place, (unsigned char)copy[place - 1]);
}

static int reject_bytes(struct sender *sender, struct span id, struct span text, size_t place,
                        struct error *err)
{
    _cleanup_free_ char *reason = x_printf("byte %zu of the document (0x%02x) begins no UTF-8 "
                                           "character; the encoding of the source is SQL_ASCII",
                                           place, (unsigned char)text.data[place - 1]);
    return sender_reject(sender, id, "invalid_utf8", reason, err);
}

int sender_add_document(struct sender *sender, struct span id, struct span routing,
                        struct span document, struct error *err)
{
    if (!id_fits(id))
        return reject_id(sender, id, err);
    if (check_id(sender, id, err) < 0)
        return -1;
    size_t place = wrong_byte(sender, document);
    if (place)
        return reject_bytes(sender, id, document, place, err);
    if (routing.data && (place = wrong_byte(sender, routing)))
        return reject_bytes(sender, id, routing, place, err);
    if (nested_deeper(document.data, document.length, DEEPEST))
        return sender_reject(sender, id, "document_too_deep",
                             "its objects and arrays are nested more than 100 levels deep", err);
    struct bulk *bulk = room_for(sender, document.length + ITEM_OVERHEAD / 16);
    if (bulk_add_document(bulk, id, routing, sender->options.version, document) < 0)
        return sender_reject(sender, id, "document_too_large",
                             "the document does not fit a bulk request", err);
    sender->totals.sent++;
    return 0;
}

int sender_add_delete(struct sender *sender, struct span id, struct span routing, struct error *err)
{
    if (!id_fits(id)) { /* such a document cannot be in the index */
        sender_add_absent(sender);
        return 0;
    }
    if (check_id(sender, id, err) < 0)
        return -1;
    struct bulk *bulk = room_for(sender, ITEM_OVERHEAD / 16);
    if (bulk_add_delete(bulk, id, routing, sender->options.version) < 0)
        return error_set(err, ERR_FAILED, "a delete does not fit a bulk request");
    sender->totals.sent++;
    return 0;
}

int sender_add_copy_delete(struct sender *sender, struct span id, struct span routing,
                           struct error *err)
{
    struct bulk *bulk = room_for(sender, ITEM_OVERHEAD / 16);
    if (bulk_add_copy_delete(bulk, id, routing, sender->options.version - 1) < 0)
        return error_set(err, ERR_FAILED, "a delete does not fit a bulk request");
    sender->totals.sent++; /* until it is done */
    return 0;
}

void sender_add_absent(struct sender *sender)
{
    sender->totals.sent++;
    ACCOUNT(sender, sender->part, deleted);
}

int sender_reject(struct sender *sender, struct span id, const char *type, const char *reason,
                  struct error *err)
{
    if (check_id(sender, id, err) < 0)
        return -1;
    sender->totals.sent++;
    ACCOUNT(sender, sender->part, rejected);
    rejections_add(&sender->rejections, x_strndup(id.data, id.length), 0, type, x_strdup(reason));
    return answer_flush_rejections(sender, err);
}

int sender_finish(struct sender *sender, struct error *err)
{
    close_filling(sender, NULL);
    while (sender->held)
        if (sender_wait(sender, -1, 1000, err) < 0)
            return -1;
    return 0;
}
