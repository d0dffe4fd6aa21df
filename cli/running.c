#include "running.h"

#include "base/amount.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "output.h"
#include "progress.h"

static const struct column columns[] = {
    {"id", 0, NULL},
    {"index", 0, NULL},
    {"action", 0, NULL},
    {"alive", 0, NULL},
    {"seconds", COLUMN_RIGHT, NULL},
    {"phase", 0, NULL},
    {"done", COLUMN_RIGHT, NULL},
    {"documents", COLUMN_RIGHT, NULL},
    {"docs_per_second", COLUMN_RIGHT, NULL},
    {"eta", COLUMN_RIGHT, NULL},
    {"unanswered", COLUMN_SPARE | COLUMN_RIGHT, NULL},
    {"retries", COLUMN_SPARE | COLUMN_RIGHT, NULL},
    {"rejected", COLUMN_SPARE | COLUMN_RIGHT, NULL},
    {"host", COLUMN_SPARE, NULL},
    {"pid", COLUMN_SPARE | COLUMN_RIGHT, NULL},
    {"written", COLUMN_RIGHT, NULL},
    {NULL, 0, NULL},
};

/* Takes the text over. */
static void put(struct output *output, char *text)
{
    _cleanup_free_ char *own = text;
    output_text(output, own);
}

static void put_progress(struct output *output, const struct action_record *r)
{
    int percent = progress_percent(r->done, r->total);
    output_text(output, r->phase);
    put(output, percent < 0 ? NULL : x_printf("%d %%", percent));
    put(output, progress_documents(r->done, r->total, r->is_estimate));
    put(output, amount_count(r->docs_per_second));
    put(output, r->eta_s < 0 ? NULL : amount_duration(r->eta_s));
    output_int(output, r->unanswered);
    output_int(output, r->retries);
    output_int(output, r->rejected);
}

static void put_record(struct output *output, const struct action_record *r)
{
    enum { PROGRESS_CELLS = 8 };
    output_row(output);
    put(output, x_strndup(r->id, 8));
    output_text(output, r->index ? r->index : r->master ? r->master : "(several)");
    output_text(output, r->action);
    output_text(output, r->alive ? "yes" : "no");
    output_seconds(output, r->seconds);
    if (r->phase)
        put_progress(output, r);
    for (int i = 0; !r->phase && i < PROGRESS_CELLS; i++)
        output_text(output, NULL);
    output_text(output, r->host);
    output_number(output, r->pid);
    _cleanup_free_ char *age = amount_duration((int64_t)r->progress_age);
    put(output, r->phase ? x_printf("%s ago", age) : NULL);
}

void running_print(const struct action_records *records)
{
    struct output *output = output_open(OUTPUT_TABLE, columns);
    for (size_t i = 0; i < records->count; i++)
        put_record(output, &records->list[i]);
    output_close(output);
}

void running_say_crashed(const struct log *log, const struct action_records *records)
{
    size_t crashed = 0;
    for (size_t i = 0; i < records->count; i++)
        crashed += !records->list[i].alive;
    if (crashed)
        log_say(log, LOG_WARNING,
                "%zu of them %s not alive: crashed, since the lock is free. The next command that "
                "writes to the same index settles that",
                crashed, crashed == 1 ? "is" : "are");
}
