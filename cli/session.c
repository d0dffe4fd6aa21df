#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "command.h"

int session_targets(const struct session *session, struct targets *ret_targets, struct error *err)
{
    return targets_parse(session->options.words, session->options.word_count, ret_targets, err);
}

void session_say_end(const struct session *session, const struct report *report)
{
    if (!report->count && !session->context.skipped)
        log_say(session->context.log, LOG_NOTICE, "there is nothing to do");
    else if (session->context.settings.dry_run)
        log_say(session->context.log, LOG_NOTICE, "dry run: nothing was changed");
}

const struct column result_columns[] = {
    {"id", COLUMN_JSON_ONLY, "the action's id"},
    {"action", 0, "the command without es_"},
    {"master", COLUMN_SPARE, "the logical index"},
    {"instance", COLUMN_RIGHT, "its number"},
    {"index", 0, "its name in the engine"},
    {"result", 0,
     "created, unchanged, recreated, altered_in_place, activated, already_active, writes_switched, "
     "rehearsed, dropped or cleared; of an update its status, and in a plan how much it would "
     "read: full or changed"},
    {NULL, 0, NULL},
};

void session_print_results(const struct session *session, const struct report *report, int result)
{
    struct output *output = output_open(session->format, result_columns);
    for (size_t i = 0; i < report->count; i++) {
        const struct report_item *item = &report->items[i];
        output_row(output);
        output_text(output, *item->id ? item->id : NULL);
        output_text(output, item->action);
        output_text(output, item->master);
        output_number(output, item->number);
        output_text(output, item->index);
        /* An update says how it ended. */
        if (item->result || (item->status && item->mode))
            output_text(output, item->result ? item->result : item->status);
        else
            output_null(output, "failed");
    }
    output_close(output);
    if (result == 0)
        session_say_end(session, report);
}

static void print_plan(const struct report *plan, const char *verb)
{
    fprintf(stderr, "This would %s:\n", verb);
    for (size_t i = 0; i < plan->count; i++)
        fprintf(stderr, "  %s\n", plan->items[i].index);
}

char *session_index_names(const struct report *report)
{
    struct buffer names = BUFFER(BUFFER_TEXT_MAX);
    for (size_t i = 0; i < report->count; i++)
        buffer_printf(&names, "%s%s", i ? ", " : "", report->items[i].index);
    return buffer_take(&names);
}

static int unconfirmed(const struct session *session, const struct report *plan, const char *verb,
                       struct error *err)
{
    _cleanup_free_ char *names = session_index_names(plan);
    error_set(err, ERR_UNCONFIRMED, "%s is not confirmed; nothing was changed",
              session->command->name);
    error_detail(err, "It would %s: %s.", verb, names);
    return error_hint(err, "If that is meant, give --yes.");
}

bool session_can_ask(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

int session_ask(struct error *err)
{
    char answer[16] = "";
    fputs("Go on? [y/N] ", stderr);
    if (fgets(answer, sizeof(answer), stdin) &&
        (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0))
        return 0;
    return error_set(err, ERR_UNCONFIRMED, "not confirmed; nothing was changed");
}

int session_confirm(const struct session *session, const struct report *plan, const char *verb,
                    struct error *err)
{
    if (!plan->count)
        return 0;
    if (!session_can_ask())
        return unconfirmed(session, plan, verb, err);
    print_plan(plan, verb);
    return session_ask(err);
}
