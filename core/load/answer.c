#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "load/batch.h"
#include "load/refusal.h"
#include "sql.h"

enum {
    BLOCKED_BUDGET_MS = 30 * 1000,
    LARGE_BYTES = 5 * 1024 * 1024,
    MANY_REFUSED = 1000, /* so many, and nothing accepted: it is not the documents */
};

/* What a visit of the items of one answer collects. */
struct reading {
    struct sender *sender;
    struct batch *batch;
    struct bulk again;    /* items to be sent again */
    struct bulk suspects; /* those to be sent alone */
    char *block;          /* the reason of one that a block holds back, or NULL */
    int64_t issued;       /* the newest version the history has issued; 0: not asked yet */
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
        ACCOUNT(sender, reading->batch->part, superseded);
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

static int reject_item(struct reading *reading, size_t item, const struct bulk_result *result)
{
    struct sender *sender = reading->sender;
    ACCOUNT(sender, reading->batch->part, rejected);
    rejections_add(&sender->rejections, bulk_item_id(&reading->batch->bulk, item), result->status,
                   result->type, secrets_mask(sender->options.secrets, result->reason));
    return 0;
}

static bool is_learned(const struct sender *sender, const char *type)
{
    for (size_t i = 0; i < sender->learned_count; i++)
        if (strcmp(sender->learned[i], type) == 0)
            return true;
    return false;
}

static void learn(struct sender *sender, const char *type)
{
    sender->learned = x_grow(sender->learned, sender->learned_count, &sender->learned_capacity,
                             sizeof(*sender->learned));
    sender->learned[sender->learned_count++] = x_strdup(type);
}

/*
 * An item was refused with a type of error that the table does not know (rule R4). It is sent
 * alone. Refused again, the document is to blame if the index took others meanwhile: an index, a
 * pipeline or a right that is wrong refuses them all. When nothing else was taken, the only thing
 * known is what an earlier run decided; without that the run ends, since to reject would move
 * changed_through past documents that nothing is wrong with. A type that was decided once in a run
 * is known from then on.
 */
static int settle_suspect(struct reading *reading, size_t item, const struct bulk_result *result,
                          struct error *err)
{
    struct sender *sender = reading->sender;
    const struct batch *batch = reading->batch;
    if (is_learned(sender, result->type))
        return reject_item(reading, item, result);
    if (!batch->suspect || batch->bulk.count > 1) {
        sender->totals.retries++;
        return bulk_add_item(&reading->suspects, &batch->bulk, item);
    }
    bool blamed = sender->totals.indexed > batch->indexed_before;
    _cleanup_free_ char *id = bulk_item_id(&batch->bulk, item);
    if (!blamed && rejections_known(sender->options.history, sender->options.instance_id, id,
                                    result->type, &blamed, err) < 0)
        return -1;
    if (!blamed)
        return refusal_undecided(sender->options.index_name, id, result, err);
    learn(sender, result->type);
    return reject_item(reading, item, result);
}

static int fatal_item(struct reading *reading, size_t item, const struct bulk_result *result,
                      struct error *err)
{
    _cleanup_free_ char *id = bulk_item_id(&reading->batch->bulk, item);
    return refusal_error(reading->sender->options.index_name, id, result, err);
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
            ACCOUNT(sender, reading->batch->part, indexed);
        else
            ACCOUNT(sender, reading->batch->part, deleted);
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
        return reject_item(reading, item, result);
    case BULK_SUSPECT:
        return settle_suspect(reading, item, result, err);
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
    flow_busy(&sender->flow);
    int delay = retry_delay(&batch->retry, retry_after_s * 1000);
    if (delay >= 0) {
        log_say(sender->options.log, LOG_DETAIL, "%s; trying again in %d ms", why->message, delay);
        trouble_met(&sender->trouble, why->message, batch->retry.began + batch->retry.budget_ms);
        batch_queue(batch, clock_ms() + delay);
        return 0;
    }
    error_set(err, ERR_ENGINE, "index \"%s\": given up after %d tries: %s",
              sender->options.index_name, batch->retry.attempts + 1, why->message);
    if (batch->bulk.count == 1 && batch->bulk.body.length > LARGE_BYTES) {
        _cleanup_free_ char *id = bulk_item_id(&batch->bulk, 0);
        error_detail(err, "It was one request for document \"%.100s\" alone, of %zu bytes.", id,
                     batch->bulk.body.length);
        return error_hint(err, "What was accepted stays. Is the document too large for the engine? "
                               "\"max_document_bytes\" in master.json rejects it unsent.");
    }
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

/* More were refused in this run than --max-rejected allows. */
static int check_rejected(const struct sender *sender, struct error *err)
{
    const struct sender_options *options = &sender->options;
    _cleanup_(error_release) struct error ignored = {};
    _cleanup_free_ char *words = NULL;
    if (!options->limits_rejected || sender->totals.rejected <= options->max_rejected)
        return 0;
    error_set(err, ERR_FAILED,
              "index \"%s\": stopped, since %" PRId64 " document%s rejected, and --max-rejected or "
              "\"max_rejected\" in master.json allows %" PRId64,
              options->index_name, sender->totals.rejected,
              sender->totals.rejected == 1 ? " was" : "s were", options->max_rejected);
    if (rejections_summary(options->history, options->instance_id, options->action_id, &words, NULL,
                           &ignored) == 0 &&
        words)
        error_detail(err, "%s", words);
    _cleanup_free_ char *query = rejections_query(options->index_name);
    return error_hint(err,
                      "Mend the source or the mapping, then run the same command again. See "
                      "why: %s",
                      query);
}

int answer_flush_rejections(struct sender *sender, struct error *err)
{
    if (!sender->rejections.count)
        return 0;
    if (rejections_flush(&sender->rejections, sender->options.history, sender->options.instance_id,
                         sender->options.action_id, sender->options.index_name, err) < 0)
        return -1;
    if (check_rejected(sender, err) < 0)
        return -1;
    bool stays = sender->expects_refusals || sender->totals.rejected < MANY_REFUSED;
    return stays ? 0 : sender_check_accepted(sender, err);
}

/* The items that found no room are sent again after a while. */
static int send_again(struct reading *reading, int retry_after_s, struct error *err)
{
    struct batch *batch = reading->batch;
    size_t count = reading->again.count;
    _cleanup_(error_release) struct error why = {};
    error_set(&why, ERR_ENGINE, "%zu document%s %s%s", count, count == 1 ? "" : "s",
              reading->block ? "met a block on the index: " : "found the engine busy",
              reading->block ? reading->block : "");
    if (count < batch->bulk.count)
        retry_reset(&batch->retry); /* some got through: the engine is alive */
    batch->retry.budget_ms = reading->block ? BLOCKED_BUDGET_MS : BUSY_BUDGET_MS;
    bulk_release(&batch->bulk);
    batch->bulk = TAKE(reading->again);
    return back_off(reading->sender, batch, retry_after_s, &why, err);
}

/* Some of the items of a batch, to be sent as one of their own. */
static struct batch *some_of(struct sender *sender, const struct batch *whole,
                             const struct bulk *bulk, size_t from, size_t to)
{
    struct batch *part = batch_new(sender, whole->part);
    for (size_t i = from; i < to; i++)
        bulk_add_item(&part->bulk, bulk, i);
    batch_queue(part, 0);
    sender->held++;
    return part;
}

/* Sends suspects on in two halves, until each has been sent alone. */
static void send_suspects(struct sender *sender, const struct batch *whole,
                          const struct bulk *suspects, int64_t indexed_before)
{
    size_t middle = suspects->count / 2;
    for (size_t half = middle ? 0 : 1; half < 2; half++) {
        struct batch *part =
            some_of(sender, whole, suspects, half ? middle : 0, half ? suspects->count : middle);
        part->suspect = true;
        part->indexed_before = indexed_before;
    }
}

static void reading_release(struct reading *reading)
{
    bulk_release(&reading->again);
    bulk_release(&reading->suspects);
    free(reading->block);
}

/* Each answer tells the flow one thing: here, where all of it found room, that it came; else
 * back_off() says that it did not. */
static int read_answer(struct sender *sender, struct batch *batch,
                       const struct http_request *request, size_t in_flight, struct error *err)
{
    _cleanup_(reading_release) struct reading reading = {.sender = sender, .batch = batch};
    int64_t indexed = batch->suspect ? batch->indexed_before : sender->totals.indexed;
    bulk_init(&reading.again, batch->bulk.body.maximum);
    bulk_init(&reading.suspects, batch->bulk.body.maximum);
    int result = bulk_read_answer(&batch->bulk, buffer_cstr(&request->response),
                                  request->response.length, settle_item, &reading, err);
    if (result == 0 && !reading.again.count)
        flow_answered(&sender->flow, in_flight, (int64_t)batch->bulk.body.length, clock_us());
    if (result == 0)
        result = answer_flush_rejections(sender, err);
    if (result == 0 && reading.again.count < batch->bulk.count)
        trouble_over(&sender->trouble, sender->options.log, sender->options.index_name);
    if (result == 0 && reading.suspects.count)
        send_suspects(sender, batch, &reading.suspects, indexed);
    if (result == 0 && reading.again.count)
        return send_again(&reading, request->retry_after, err);
    /* A batch that is not accounted for keeps its part open, which is to be read again then. */
    if (result == 0)
        batch_drop(sender, batch);
    return result;
}

/* A whole request was refused for what is in it, or for its size: halve it until the culprit stands
 * alone. */
static int split(struct sender *sender, struct batch *batch, int status, const struct error *why,
                 struct error *err)
{
    size_t count = batch->bulk.count;
    if (count == 1) {
        ACCOUNT(sender, batch->part, rejected);
        rejections_add(&sender->rejections, bulk_item_id(&batch->bulk, 0), status,
                       "request_refused", secrets_mask(sender->options.secrets, why->message));
        if (answer_flush_rejections(sender, err) < 0)
            return -1;
        batch_drop(sender, batch);
        return 0;
    }
    for (size_t half = 0; half < 2; half++) {
        struct batch *part =
            some_of(sender, batch, &batch->bulk, half * (count / 2), half ? count : count / 2);
        part->suspect = batch->suspect;
        part->indexed_before = batch->indexed_before;
    }
    sender->totals.retries += (int64_t)count;
    batch_drop(sender, batch);
    return 0;
}

/* No waiting makes room for a request that is larger than the engine's limit. */
static bool never_fits(const struct batch *batch, const struct http_request *request)
{
    if (request->failure || request->status != 429)
        return false;
    int64_t limit = bulk_limit_in_answer(buffer_cstr(&request->response), request->response.length);
    return limit > 0 && limit < (int64_t)batch->bulk.body.length;
}

int answer_settle(struct sender *sender, struct batch *batch, const struct http_request *request,
                  struct error *err)
{
    _cleanup_(error_release) struct error why = {};
    size_t in_flight = sender->in_flight--;
    if (!request->failure && request->status == 200)
        return read_answer(sender, batch, request, in_flight, err);

    engine_answer_error(request, "bulk", &why);
    if (never_fits(batch, request))
        return split(sender, batch, request->status, &why, err);
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
