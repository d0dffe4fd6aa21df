#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "clients/json.h"
#include "plan.h"

/* ---- for people: as a diff ---- */

static void print_lines(FILE *out, const char *sign, const char *text)
{
    for (const char *line = text; line && *line;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        fprintf(out, "  %s %.*s\n", sign, (int)strcspn(line, "\n"), line);
}

static void print_changes(FILE *out, const struct plan_changes *changes, bool is_drift)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct plan_change *change = &changes->list[i];
        fprintf(out, "%s%s%s: %s", change->part, *change->path ? " " : "", change->path,
                is_drift           ? "drift"
                : change->in_place ? "in place"
                                   : "new instance");
        if (change->reason)
            fprintf(out, " (%s)", change->reason);
        fputc('\n', out);
        print_lines(out, "-", change->before);
        print_lines(out, "+", change->after);
    }
}

void session_print_plan(const struct plan *plan, FILE *out)
{
    print_changes(out, &plan->changes, false);
    print_changes(out, &plan->drift, true);
}

void session_say_plan(const struct session *session, const struct plan *plan)
{
    const struct log *log = session->context.log;
    static const char *const texts[] = {
        [PLAN_CREATE] = "es_create would make instance",
        [PLAN_IN_PLACE] = ("the newest instance can be changed in place, or es_create would make "
                           "instance"),
        [PLAN_UNCHANGED] = "this declaration is that of the newest instance,",
        [PLAN_REVERTED] = "this declaration is that of an older instance,",
    };
    bool has = plan->result == PLAN_UNCHANGED || plan->result == PLAN_REVERTED;
    log_say(log, LOG_NOTICE, "%s: %s %d%s%s", plan->master, texts[plan->result],
            has ? plan->instance : plan->next, plan->fix ? "; next: " : "",
            plan->fix ? plan->fix : "");
    if (plan->drift.count)
        log_say(
            log, LOG_WARNING,
            "%s: the live index is not as it was created: - is what was recorded, + what is there",
            plan->master);
}

/* ---- for programs ---- */

static void write_text(struct buffer *out, const char *name, const char *text)
{
    buffer_printf(out, ",\"%s\":", name);
    if (text)
        json_write_string(out, text, strlen(text));
    else
        buffer_text(out, "null");
}

/* The caller's. */
static char *changes_json(const struct plan_changes *changes, bool is_drift)
{
    struct buffer out = BUFFER(BUFFER_TEXT_MAX);
    buffer_char(&out, '[');
    for (size_t i = 0; i < changes->count; i++) {
        const struct plan_change *change = &changes->list[i];
        buffer_printf(&out, "%s{\"part\":\"%s\"", i ? "," : "", change->part);
        write_text(&out, "path", change->path);
        write_text(&out, "before", change->before);
        write_text(&out, "after", change->after);
        if (!is_drift) {
            buffer_printf(&out, ",\"in_place\":%s", change->in_place ? "true" : "false");
            write_text(&out, "reason", change->reason);
        }
        buffer_char(&out, '}');
    }
    buffer_char(&out, ']');
    return buffer_take(&out);
}

static void print_json(struct output *output, const struct plan *plan)
{
    _cleanup_free_ char *changes = changes_json(&plan->changes, false);
    _cleanup_free_ char *drifts = changes_json(&plan->drift, true);
    output_row(output);
    output_text(output, plan->master);
    output_text(output, plan_result_name(plan->result));
    output_number(output, plan->instance);
    output_number(output, plan->next);
    output_text(output, plan->fix);
    output_json(output, changes);
    output_json(output, drifts);
}

/* ---- the command ---- */

static int run(struct session *session, struct error *err)
{
    bool for_people = session->format == OUTPUT_TABLE;
    struct output *output = for_people ? NULL : output_open(OUTPUT_JSON, session->command->columns);
    int result = 0;
    for (size_t i = 0; i < session->options.word_count && result == 0; i++) {
        _cleanup_(plan_release) struct plan plan = {};
        result = plan_master(&session->context, session->options.words[i], &plan, err);
        if (result < 0)
            break;
        if (output)
            print_json(output, &plan);
        else
            session_print_plan(&plan, stdout);
        session_say_plan(session, &plan);
    }
    if (output)
        output_close(output);
    return result;
}

const struct command es_plan_command = {
    .name = "es_plan",
    .arguments = "NAME...",
    .summary = "Shows what es_create would do, and why",
    .about =
        "Compares the declaration with the newest instance as it was recorded: settings and "
        "mappings, as the engine understands them, and SQL. Each change is in place, when "
        "es_create --in-place can give it to the index that is there, or needs a new instance; "
        "that is found out by making it on an empty scratch index, which is removed again. A "
        "drift is what the live index has become since, by hand or by dynamic fields.\n"
        "\n"
        "The result is create, in_place, unchanged, or reverted: an older instance has the "
        "declaration, and is named. It writes no row; exit code 0 whatever the result.",
    .options =
        (const struct command_option[]){
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_plan course_search", "before es_create"},
            {"es_plan course_search -o json", "for a program"},
            {NULL, NULL},
        },
    .columns =
        (const struct column[]){
            {"master", 0, "the logical index"},
            {"result", 0, "create, in_place, unchanged or reverted"},
            {"instance", 0, "the one that has the declaration, else the newest; null: none"},
            {"next", 0, "the number of the instance that es_create would make"},
            {"fix", 0, "what to type; null: nothing"},
            {"changes", 0,
             "part, path, before (recorded), after (declared), in_place, reason (why it is not)"},
            {"drift", 0, "part, path, before (recorded), after (live)"},
            {NULL, 0, NULL},
        },
    .fewest_words = 1,
    .most_words = ANY_NUMBER,
    .run = run,
};
