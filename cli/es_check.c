#include "base/cleanup.h"
#include "command.h"
#include "usecases/check.h"

static void put(struct output *output, const struct check_item *item)
{
    output_row(output);
    output_text(output, item->master);
    output_text(output, item->check);
    output_text(output, check_verdict_name(item->verdict));
    output_text(output, item->value);
    output_text(output, item->limit);
    output_text(output, item->fix);
}

/* People look at what is last: the worst of what was found. */
static void print(const struct session *session, const struct check_report *report)
{
    bool sorted = session->format == OUTPUT_TABLE;
    struct output *output = output_open(session->format, session->command->columns);
    for (int verdict = CHECK_OK; verdict <= CHECK_FAILED; verdict++) {
        for (size_t i = 0; i < report->count; i++)
            if (!sorted || (int)report->items[i].verdict == verdict)
                put(output, &report->items[i]);
        if (!sorted)
            break;
    }
    output_close(output);
}

static int judge(const struct check_report *report, struct error *err)
{
    static const char fixes[] = "What to type or do stands behind each of them, as fix.";
    size_t failed = check_report_count(report, CHECK_FAILED);
    size_t pending = check_report_count(report, CHECK_PENDING);
    if (failed) {
        error_set(err, ERR_FAILED, "%zu of %zu checks failed", failed, report->count);
        return error_hint(err, fixes);
    }
    if (!pending)
        return 0;
    error_set(err, ERR_PENDING, "work is pending");
    return error_hint(err, fixes);
}

static int run(struct session *session, struct error *err)
{
    _cleanup_(check_report_release) struct check_report report = {};
    int result = 0;
    for (size_t i = 0; i < session->options.word_count && result == 0; i++)
        result = check_master(&session->context, session->options.words[i], &report, err);
    print(session, &report);
    return result < 0 ? -1 : judge(&report, err);
}

const struct command es_check_command = {
    .name = "es_check",
    .arguments = "NAME...",
    .summary = "Checks what a deploy needs, and whether work is pending",
    .about =
        "A line for each check: of the declaration, the history, the engine and the source. "
        "Verdicts are ok, warning, pending (there is something to type) and failed; the table has "
        "them in this order, so that the worst stands last. Exit 1 if a "
        "check failed, else 3 if work is pending, else 0. What could not be checked because "
        "something before it failed has no line.\n"
        "\n"
        "It writes no row. A scratch index, PREFIX + NAME + \"-scratch.\" + eight characters, "
        "shows whether the engine takes index.json and the first 100 documents, and which right "
        "is missing; it is removed again, and one that a crash left behind is removed by the next "
        "es_check of the master, or by es_prune. That is so with --dry-run too.",
    .options =
        (const struct command_option[]){
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_check course_search", "in a pipeline, before the deploy"},
            {"es_check course_search book_search -o json", "for a program"},
            {NULL, NULL},
        },
    .columns =
        (const struct column[]){
            {"master", COLUMN_SPARE, "the logical index"},
            {"check", 0, "what was checked"},
            {"verdict", 0, "ok, warning, pending or failed"},
            {"value", 0, "what was found"},
            {"limit", COLUMN_SPARE, "what it is measured against"},
            {"fix", COLUMN_BELOW, "what to type or do"},
            {NULL, 0, NULL},
        },
    .fewest_words = 1,
    .most_words = ANY_NUMBER,
    .run = run,
};
