#include "load/sender.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/retry.h"
#include "base/stop.h"
#include "domain/bulk.h"
#include "domain/lock.h"
#include "load/rejections.h"
#include "load/trouble.h"
#include "sql.h"

enum {
    MAX_IN_FLIGHT = 3,
    BATCH_BYTES = 5 * 1024 * 1024,
    LONGEST_ID = 512, /* bytes; a longer one makes the engine refuse the whole request */
    ITEM_OVERHEAD = 16 * 1024,
    BUSY_BUDGET_MS = 5 * 60 * 1000,
    BLOCKED_BUDGET_MS = 30 * 1000,
    MANY_REFUSED = 1000, /* so many, and nothing accepted: it is not the documents */
    REQUEST_TIMEOUT_S = 300,
};

enum batch_state { BATCH_FILLING, BATCH_IN_FLIGHT, BATCH_WAITING };

struct batch {
    struct batch *next;
    struct bulk bulk;
    struct http_request request;
    enum batch_state state;
    struct retry retry;
    int64_t due; /* when a waiting one is sent again; monotonic ms */
};

struct sender {
    struct sender_options options;
    struct sender_totals totals;
    struct batch *batches; /* all that hold items, the filling one among them */
    struct batch *filling;
    struct batch *spare;
    size_t in_flight;
    size_t held; /* batches that hold items but the filling one */
    char *path;
    struct rejections rejections;
    struct trouble trouble;
    bool expects_refusals;
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
    free(sender->path);
    free(sender);
}

const struct sender_totals *sender_totals(const struct sender *sender)
{
    return &sender->totals;
}

/* ---- batches ---- */

static struct batch *new_batch(struct sender *sender)
{
    struct batch *batch = TAKE_PTR(sender->spare);
    if (!batch) {
        batch = x_calloc(1, sizeof(*batch));
        size_t largest = (size_t)sender->options.max_document_bytes;
        bulk_init(&batch->bulk, (largest > BATCH_BYTES ? largest : BATCH_BYTES) + ITEM_OVERHEAD);
    }
    batch->retry = RETRY(BUSY_BUDGET_MS);
    batch->state = BATCH_FILLING;
    batch->next = sender->batches;
    sender->batches = batch;
    return batch;
}

static void drop_batch(struct sender *sender, struct batch *batch)
{
    for (struct batch **at = &sender->batches; *at; at = &(*at)->next) {
        if (*at == batch) {
            *at = batch->next;
            break;
        }
    }
    sender->held--;
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

/* The batch will be sent as soon as there is a place in flight. */
static void queue_batch(struct batch *batch, int64_t due)
{
    batch->state = BATCH_WAITING;
    batch->due = due;
}

static void close_filling(struct sender *sender)
{
    if (!sender->filling || !sender->filling->bulk.count)
        return;
    queue_batch(sender->filling, 0);
    sender->filling = NULL;
    sender->held++;
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

/* ---- answers ---- */

/* What a visit of the items of one answer collects. */
struct reading {
    struct sender *sender;
    struct batch *batch;
    struct bulk again; /* items to be sent again */
    char *block;       /* the reason of one that a block holds back, or NULL */
    int64_t issued;    /* the newest version the history has issued; 0: not asked yet */
};

static int replaced(struct sender *sender, struct error *err)
{
    error_set(err, ERR_FAILED, "index \"%s\": another run has taken over as its writer",
              sender->options.index_name);
    return error_hint(err, "This run has written nothing since. See es_history.");
}

/* A conflict is superseded only by a version that the history has issued (rule R3). */
static int settle_conflict(struct reading *reading, size_t item, const char *reason,
                           struct error *err)
{
    struct sender *sender = reading->sender;
    int64_t version = version_in_reason(reason);
    if (!reading->issued) {
        _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
        if (history_query(sender->options.history, sql_history_instance_read_version,
                          PG_VALUES(pg_number(sender->options.instance_id).text), &rows, err) < 0)
            return -1;
        reading->issued = pg_int(rows, 0, "read_version");
    }
    if (version >= 0 && version <= reading->issued) {
        sender->totals.superseded++;
        return 0;
    }
    _cleanup_free_ char *id = bulk_item_id(&reading->batch->bulk, item);
    error_set(err, ERR_FAILED,
              "index \"%s\": document \"%s\" has version %" PRId64
              " in the engine, but the newest that esmigrate has issued is %" PRId64,
              sender->options.index_name, id, version, reading->issued);
    return error_hint(err, "Someone else writes to this index, or the history was restored from "
                           "an older copy. Build a new instance: es_create --force");
}

static int fatal_item(struct reading *reading, size_t item, const struct bulk_result *result,
                      struct error *err)
{
    _cleanup_free_ char *id = bulk_item_id(&reading->batch->bulk, item);
    return error_set(err, ERR_ENGINE, "engine: index \"%s\": document \"%s\": HTTP %d %s: %s",
                     reading->sender->options.index_name, id, result->status, result->type,
                     result->reason ? result->reason : "");
}

/* Deleted, or never another one: this run has written the document on the same shard. */
static bool copy_is_gone(const struct sender *sender, const struct bulk_result *result)
{
    return result->verdict == BULK_ACCEPTED ||
           (result->verdict == BULK_CONFLICT &&
            version_in_reason(result->reason) == sender->options.version);
}

static int settle_item(size_t item, const struct bulk_result *result, void *data, struct error *err)
{
    struct reading *reading = data;
    struct sender *sender = reading->sender;
    struct bulk *bulk = &reading->batch->bulk;
    if (bulk->items[item].kind == BULK_DELETE_COPY && copy_is_gone(sender, result)) {
        sender->totals.sent--;
        return 0;
    }
    switch (result->verdict) {
    case BULK_ACCEPTED:
        if (bulk->items[item].kind == BULK_INDEX)
            sender->totals.indexed++;
        else
            sender->totals.deleted++;
        return 0;
    case BULK_BLOCKED:
        if (!reading->block)
            reading->block = x_strdup(result->reason);
        __attribute__((fallthrough));
    case BULK_BUSY:
        sender->totals.retries++;
        return bulk_add_item(&reading->again, bulk, item);
    case BULK_CONFLICT:
        return settle_conflict(reading, item, result->reason, err);
    case BULK_REJECTED:
        sender->totals.rejected++;
        rejections_add(&sender->rejections, bulk_item_id(bulk, item), result->status, result->type,
                       secrets_mask(sender->options.secrets, result->reason));
        return 0;
    case BULK_REPLACED:
        return replaced(sender, err);
    case BULK_FATAL:
        break;
    }
    return fatal_item(reading, item, result, err);
}

/* Sends the batch again after a while, or gives up with what the engine said. */
static int back_off(struct sender *sender, struct batch *batch, int retry_after_s,
                    const struct error *why, struct error *err)
{
    int delay = retry_delay(&batch->retry, retry_after_s * 1000);
    if (delay >= 0) {
        log_say(sender->options.log, LOG_DETAIL, "%s; trying again in %d ms", why->message, delay);
        trouble_met(&sender->trouble, why->message, batch->retry.began + batch->retry.budget_ms);
        queue_batch(batch, clock_ms() + delay);
        return 0;
    }
    error_set(err, ERR_ENGINE, "index \"%s\": given up after %d tries: %s",
              sender->options.index_name, batch->retry.attempts + 1, why->message);
    return error_hint(err, "What was accepted stays. Run the same command again when the engine "
                           "is well.");
}

void sender_expect_refusals(struct sender *sender)
{
    sender->expects_refusals = true;
}

int sender_check_accepted(const struct sender *sender, struct error *err)
{
    const struct sender_totals *totals = &sender->totals;
    if (!totals->rejected || totals->indexed || totals->deleted || totals->superseded)
        return 0;
    error_set(err, ERR_FAILED, "index \"%s\": all of %" PRId64 " documents were refused",
              sender->options.index_name, totals->rejected);
    error_detail(err, "The first: %s", sender->rejections.example);
    return error_hint(err, "Mend the mapping in index.json, or documents.sql, and es_create a new "
                           "instance.");
}

/* Writes down what was refused; stops early when everything is. */
static int flush_rejections(struct sender *sender, struct error *err)
{
    if (!sender->rejections.count)
        return 0;
    if (rejections_flush(&sender->rejections, sender->options.history, sender->options.instance_id,
                         sender->options.action_id, sender->options.index_name, err) < 0)
        return -1;
    bool stays = sender->expects_refusals || sender->totals.rejected < MANY_REFUSED;
    return stays ? 0 : sender_check_accepted(sender, err);
}

static int read_answer(struct sender *sender, struct batch *batch,
                       const struct http_request *request, struct error *err)
{
    struct reading reading = {.sender = sender, .batch = batch};
    bulk_init(&reading.again, batch->bulk.body.maximum);
    int result = bulk_read_answer(&batch->bulk, buffer_cstr(&request->response),
                                  request->response.length, settle_item, &reading, err);
    if (result == 0)
        result = flush_rejections(sender, err);
    _cleanup_free_ char *block = reading.block;
    if (result == 0 && reading.again.count < batch->bulk.count)
        trouble_over(&sender->trouble, sender->options.log, sender->options.index_name);
    if (result < 0 || !reading.again.count) {
        bulk_release(&reading.again);
        drop_batch(sender, batch);
        return result;
    }
    _cleanup_(error_release) struct error why = {};
    error_set(&why, ERR_ENGINE, "%zu document%s %s%s", reading.again.count,
              reading.again.count == 1 ? "" : "s",
              block ? "met a block on the index: " : "found the engine busy", block ? block : "");
    if (reading.again.count < batch->bulk.count)
        retry_reset(&batch->retry); /* some got through: the engine is alive */
    batch->retry.budget_ms = block ? BLOCKED_BUDGET_MS : BUSY_BUDGET_MS;
    bulk_release(&batch->bulk);
    batch->bulk = reading.again;
    return back_off(sender, batch, request->retry_after, &why, err);
}

/* A whole request was refused for what is in it: halve it until the culprit stands alone. */
static int split(struct sender *sender, struct batch *batch, int status, const struct error *why,
                 struct error *err)
{
    size_t count = batch->bulk.count;
    if (count == 1) {
        sender->totals.rejected++;
        rejections_add(&sender->rejections, bulk_item_id(&batch->bulk, 0), status,
                       "request_refused", secrets_mask(sender->options.secrets, why->message));
        drop_batch(sender, batch);
        return flush_rejections(sender, err);
    }
    for (size_t half = 0; half < 2; half++) {
        struct batch *part = new_batch(sender);
        for (size_t i = half * (count / 2); i < (half ? count : count / 2); i++)
            bulk_add_item(&part->bulk, &batch->bulk, i);
        queue_batch(part, 0);
        sender->held++;
    }
    sender->totals.retries += (int64_t)count;
    drop_batch(sender, batch);
    return 0;
}

static int settle_batch(struct sender *sender, struct batch *batch,
                        const struct http_request *request, struct error *err)
{
    _cleanup_(error_release) struct error why = {};
    sender->in_flight--;
    if (!request->failure && request->status == 200)
        return read_answer(sender, batch, request, err);

    engine_answer_error(request, "bulk", &why);
    if (request->failure || request->status == 429 || request->status == 502 ||
        request->status == 503 || request->status == 504) {
        sender->totals.retries += (int64_t)batch->bulk.count;
        return back_off(sender, batch, request->retry_after, &why, err);
    }
    if (strstr(why.message, "invalid_index_name_exception"))
        return replaced(sender, err);
    if (request->status == 400 || request->status == 413)
        return split(sender, batch, request->status, &why, err);
    error_move(err, &why);
    return -1;
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
        check_others(sender, &others[2], err) < 0)
        return -1;
    for (struct http_request *request; (request = http_next_done(http));) {
        /* Settling may free the batch, and the request with it. */
        struct batch *batch = request->owner;
        _cleanup_(http_request_release) struct http_request answer = TAKE(*request);
        if (settle_batch(sender, batch, &answer, err) < 0)
            return -1;
    }
    trouble_say(&sender->trouble, sender->options.log, sender->options.index_name);
    return send_due(sender, err);
}

/* Makes room for a document of that size in the batch that is being filled. */
static struct bulk *room_for(struct sender *sender, size_t bytes)
{
    if (sender->filling && sender->filling->bulk.count &&
        sender->filling->bulk.body.length + bytes > BATCH_BYTES)
        close_filling(sender);
    if (!sender->filling)
        sender->filling = new_batch(sender);
    return &sender->filling->bulk;
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

int sender_add_document(struct sender *sender, struct span id, struct span routing,
                        struct span document, struct error *err)
{
    if (!id_fits(id))
        return reject_id(sender, id, err);
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
    sender->totals.deleted++;
}

int sender_reject(struct sender *sender, struct span id, const char *type, const char *reason,
                  struct error *err)
{
    sender->totals.sent++;
    sender->totals.rejected++;
    rejections_add(&sender->rejections, x_strndup(id.data, id.length), 0, type, x_strdup(reason));
    return flush_rejections(sender, err);
}

int sender_finish(struct sender *sender, struct error *err)
{
    close_filling(sender);
    while (sender->held)
        if (sender_wait(sender, -1, 1000, err) < 0)
            return -1;
    return 0;
}
