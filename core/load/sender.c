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
    struct send_limits *limits = &sender->options.limits;
    if (!limits->batch_bytes)
        limits->batch_bytes = SENDER_BATCH_BYTES;
    flow_init(&sender->flow, limits->max_in_flight ? (size_t)limits->max_in_flight : FLOW_DEFAULT);
    sender->pace.rate = limits->rate;
    sender->gzip = limits->compress ? gzip_open() : NULL;
    sender->path = x_printf("/%s/_bulk?filter_path=errors,items.*.status,items.*.error,"
                            "items.*.result",
                            escaped);
    return sender;
}

static void free_batch(struct batch *batch)
{
    bulk_release(&batch->bulk);
    buffer_release(&batch->packed);
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
    for (struct batch *batch = sender->spares, *next; batch; batch = next) {
        next = batch->next;
        free_batch(batch);
    }
    gzip_close(sender->gzip);
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

static struct batch *make_batch(const struct sender *sender)
{
    struct batch *batch = x_calloc(1, sizeof(*batch));
    size_t largest = (size_t)sender->options.max_document_bytes;
    size_t usual = (size_t)sender->options.limits.batch_bytes;
    bulk_init(&batch->bulk, (largest > usual ? largest : usual) + ITEM_OVERHEAD);
    /* At once: pages that are not written to cost nothing, growing would copy. */
    buffer_reserve(&batch->bulk.body, usual + ITEM_OVERHEAD);
    return batch;
}

static struct batch *take_spare(struct sender *sender)
{
    struct batch *batch = sender->spares;
    if (!batch)
        return make_batch(sender);
    sender->spares = batch->next;
    sender->spare_count--;
    return batch;
}

/* Its memory is used again, unless it is much, or enough is kept. */
static void keep_spare(struct sender *sender, struct batch *batch)
{
    size_t usual = (size_t)sender->options.limits.batch_bytes + ITEM_OVERHEAD;
    if (batch->bulk.body.capacity > 2 * usual || sender->spare_count > sender->flow.limit) {
        free_batch(batch);
        return;
    }
    bulk_clear(&batch->bulk);
    batch->next = sender->spares;
    sender->spares = batch;
    sender->spare_count++;
}

struct batch *batch_new(struct sender *sender, struct sender_part *part)
{
    struct batch *batch = take_spare(sender);
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

static void count_held_bytes(struct sender *sender)
{
    sender->held_bytes = 0;
    for (const struct batch *batch = sender->batches; batch; batch = batch->next)
        if (batch->state != BATCH_FILLING)
            sender->held_bytes += batch->bulk.body.length;
}

void batch_drop(struct sender *sender, struct batch *batch)
{
    for (struct batch **at = &sender->batches; *at; at = &(*at)->next) {
        if (*at == batch) {
            *at = batch->next;
            break;
        }
    }
    if (batch->part)
        batch->part->open--;
    sender->held--;
    keep_spare(sender, batch);
    count_held_bytes(sender);
}

static int send_batch(struct sender *sender, struct batch *batch, struct error *err)
{
    const struct buffer *body = &batch->bulk.body;
    if (sender->gzip) {
        gzip_pack(sender->gzip, body->data, body->length, &batch->packed);
        body = &batch->packed;
    }
    batch->request = (struct http_request){
        .method = "POST",
        .path = sender->path,
        .content_type = "application/x-ndjson",
        .content_encoding = sender->gzip ? "gzip" : NULL,
        .body = body->data,
        .body_length = body->length,
        .timeout_s = REQUEST_TIMEOUT_S,
        .owner = batch,
    };
    if (http_start(sender->options.engine->http, &batch->request, err) < 0)
        return -1;
    batch->state = BATCH_IN_FLIGHT;
    sender->in_flight++;
    sender->totals.bytes += (int64_t)body->length;
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
    count_held_bytes(sender);
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
            sender->in_flight < sender->flow.limit && send_batch(sender, batch, err) < 0)
            return -1;
    return 0;
}

/* The clock is looked at only where there is a rate: this is asked for every document. */
static int wait_of_pace(struct sender *sender)
{
    return sender->pace.rate ? pace_wait_ms(&sender->pace, clock_us()) : 0;
}

static int next_due_ms(struct sender *sender, int timeout_ms)
{
    int64_t now = clock_ms();
    int pace = wait_of_pace(sender);
    if (pace && pace < timeout_ms)
        timeout_ms = pace;
    for (const struct batch *batch = sender->batches; batch; batch = batch->next) {
        if (batch->state != BATCH_WAITING || sender->in_flight >= sender->flow.limit)
            continue;
        int64_t left = batch->due > now ? batch->due - now : 0;
        if (left < timeout_ms)
            timeout_ms = (int)left;
    }
    return timeout_ms;
}

/* ---- the outside ---- */

/* While as many requests as may be are in flight one more is got ready, so that the engine never
 * waits for it. Large documents count by their bytes. */
bool sender_has_room(struct sender *sender)
{
    size_t most_bytes = (sender->flow.most + 1) * (size_t)sender->options.limits.batch_bytes;
    return sender->held <= sender->flow.limit && sender->held_bytes < most_bytes &&
           wait_of_pace(sender) == 0;
}

size_t sender_in_flight(const struct sender *sender)
{
    return sender->in_flight;
}

size_t sender_limit(const struct sender *sender)
{
    return sender->flow.limit;
}

size_t sender_held(const struct sender *sender)
{
    return sender->held;
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

/* The next item would make the batch larger than it is to be; or its documents are those of a whole
 * second, where so many are allowed. */
static bool is_full(const struct sender *sender, const struct bulk *bulk, size_t bytes)
{
    int64_t rate = sender->options.limits.rate;
    return bulk->body.length + bytes > (size_t)sender->options.limits.batch_bytes ||
           (rate && bulk->count >= (size_t)rate);
}

/* One more is on its way to the engine. */
static void count_sent(struct sender *sender)
{
    sender->totals.sent++;
    pace_take(&sender->pace);
}

/* Makes room for a document of that size in the batch that is being filled. */
static struct bulk *room_for(struct sender *sender, size_t bytes)
{
    struct batch **filling = filling_of(sender, sender->part);
    if (*filling && (*filling)->bulk.count && is_full(sender, &(*filling)->bulk, bytes))
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

int sender_reject_large(struct sender *sender, struct span id, int64_t bytes, struct error *err)
{
    _cleanup_free_ char *reason =
        x_printf("the document has %" PRId64 " bytes, the limit is %" PRId64, bytes,
                 sender->options.max_document_bytes);
    return sender_reject(sender, id, "document_too_large", reason, err);
}

static int reject_deep(struct sender *sender, struct span id, struct error *err)
{
    return sender_reject(sender, id, "document_too_deep",
                         "its objects and arrays are nested more than 100 levels deep", err);
}

static int reject_unfit(struct sender *sender, struct span id, struct error *err)
{
    return sender_reject(sender, id, "document_too_large",
                         "the document does not fit a bulk request", err);
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
        return reject_deep(sender, id, err);
    struct bulk *bulk = room_for(sender, document.length + ITEM_OVERHEAD / 16);
    if (bulk_add_document(bulk, id, routing, sender->options.version, document) < 0)
        return reject_unfit(sender, id, err);
    count_sent(sender);
    return 0;
}

/* Into the batch that is being filled; if that becomes too long with it, into one of its own.
 * NULL: it does not fit even that one. */
static struct bulk *write_row(struct sender *sender, struct span id, struct span routing,
                              const struct json_row *row)
{
    size_t usual = (size_t)sender->options.limits.batch_bytes;
    for (;;) {
        struct bulk *bulk = room_for(sender, 0);
        bool first = bulk->count == 0;
        int added = bulk_add_row(bulk, id, routing, sender->options.version, row);
        if (added == 0 && (first || bulk->body.length <= usual))
            return bulk;
        if (first)
            return NULL;
        if (added == 0)
            bulk_drop_last(bulk);
        close_filling(sender, sender->part);
    }
}

int sender_add_row(struct sender *sender, struct span id, struct span routing,
                   const struct json_row *row, struct error *err)
{
    if (!id_fits(id))
        return reject_id(sender, id, err);
    struct bulk *bulk = write_row(sender, id, routing, row);
    if (!bulk)
        return reject_unfit(sender, id, err);
    struct span document = bulk_last_document(bulk);
    if ((int64_t)document.length > sender->options.max_document_bytes) {
        size_t bytes = document.length;
        bulk_drop_last(bulk);
        return sender_reject_large(sender, id, (int64_t)bytes, err);
    }
    if (row->shape->may_nest && nested_deeper(document.data, document.length, DEEPEST)) {
        bulk_drop_last(bulk);
        return reject_deep(sender, id, err);
    }
    count_sent(sender);
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
    count_sent(sender);
    return 0;
}

int sender_add_copy_delete(struct sender *sender, struct span id, struct span routing,
                           struct error *err)
{
    struct bulk *bulk = room_for(sender, ITEM_OVERHEAD / 16);
    if (bulk_add_copy_delete(bulk, id, routing, sender->options.version - 1) < 0)
        return error_set(err, ERR_FAILED, "a delete does not fit a bulk request");
    count_sent(sender); /* until it is done */
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
