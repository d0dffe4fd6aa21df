#include "command.h"

const struct column feed_columns[] = {
    {"id", COLUMN_JSON_ONLY, "the action's id"},
    {"action", COLUMN_JSON_ONLY, "the command without es_"},
    {"master", COLUMN_JSON_ONLY, "the logical index"},
    {"instance", COLUMN_JSON_ONLY, "its number"},
    {"index", 0, "its name in the engine"},
    {"mode", COLUMN_SPARE, "full, or changed: only what changed; null of es_retry"},
    {"status", 0, "complete, partial (rejected documents are open), failed, interrupted"},
    {"indexed", COLUMN_RIGHT, "documents that the engine took"},
    {"deleted", COLUMN_RIGHT, "deletes that the engine took, also of documents it did not have"},
    {"rejected", COLUMN_RIGHT, "documents that the engine refused for their content"},
    {"superseded", COLUMN_SPARE | COLUMN_RIGHT, "documents that a newer read had overtaken"},
    {"retried", COLUMN_SPARE | COLUMN_RIGHT,
     "how often a document was sent again to a busy engine"},
    {"changed_from", COLUMN_SPARE, "from where the changes were read; null: everything"},
    {"changed_through", 0, "every change in the source up to this time is in the index"},
    {"seconds", COLUMN_RIGHT, "how long it took"},
    {"rejected_types", COLUMN_JSON_ONLY,
     "the rejected documents that are open: an array of objects with error_type, documents "
     "(how many) and examples (ids); null of a run that failed"},
    {NULL, 0, NULL},
};

void session_print_feed(const struct session *session, const struct report *report)
{
    struct output *output = output_open(session->format, feed_columns);
    for (size_t i = 0; i < report->count; i++) {
        const struct report_item *item = &report->items[i];
        output_row(output);
        output_text(output, *item->id ? item->id : NULL);
        output_text(output, item->action);
        output_text(output, item->master);
        output_number(output, item->number);
        output_text(output, item->index);
        output_text(output, item->mode);
        output_text(output, item->status);
        output_int(output, item->totals.indexed);
        output_int(output, item->totals.deleted);
        output_int(output, item->totals.rejected);
        output_int(output, item->totals.superseded);
        output_int(output, item->totals.retries);
        output_time(output, item->changed_from);
        output_time(output, item->changed_through);
        output_seconds(output, item->seconds);
        output_json(output, item->rejected_types);
    }
    output_close(output);
}

struct rejected_limits session_rejected_limits(const struct session *session)
{
    const struct options *options = &session->options;
    bool stops = option_given(options, OPT_MAX_REJECTED);
    return (struct rejected_limits){
        .allowed = option_number(options, OPT_ALLOW_REJECTED, 0),
        .stops = stops,
        .most = stops ? option_number(options, OPT_MAX_REJECTED, 0) : 0,
    };
}

static int64_t number_or_zero(const struct options *options, enum option_id id)
{
    return option_given(options, id) ? option_number(options, id, 0) : 0;
}

struct send_limits session_send_limits(const struct session *session)
{
    const struct options *options = &session->options;
    return (struct send_limits){
        .batch_bytes = number_or_zero(options, OPT_BATCH_BYTES),
        .max_in_flight = number_or_zero(options, OPT_MAX_IN_FLIGHT),
        .rate = number_or_zero(options, OPT_RATE),
        .compress = option_given(options, OPT_COMPRESS),
    };
}
