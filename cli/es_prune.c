#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "command.h"
#include "usecases/fold.h"
#include "usecases/orphans.h"
#include "usecases/remove.h"
#include "usecases/scratch.h"

/* What is to be done, as it was found, and as the user has confirmed it. */
struct plan {
    struct remove_request retired;
    struct report drops;    /* retired instances, and then what else is to be dropped */
    size_t retired_count;   /* of drops */
    size_t orphan_count;    /* of those behind them; then come rows without index */
    struct report leftover; /* what is only named */
};

static void plan_release(struct plan *plan)
{
    targets_release(&plan->retired.targets);
    report_release(&plan->drops);
    report_release(&plan->leftover);
}

/* ---- output ---- */

static const struct column prune_columns[] = {
    {"id", COLUMN_JSON_ONLY, "the action's id; null where nothing was done"},
    {"action", 0, "prune"},
    {"master", COLUMN_SPARE, "the logical index"},
    {"instance", COLUMN_RIGHT, "its number"},
    {"index", 0, "its name in the engine"},
    {"result", 0,
     "dropped; scratch (of a crashed es_check or es_plan, removed); orphan, orphan_in_use (an "
     "alias points to it), other_history (an index that another history made), foreign (an index "
     "that bears no mark of esmigrate, or is a copy), missing (an instance without its index) or "
     "missing_in_use (the same, active or kept, or another index bears its name), which are left "
     "as they are; or folded"},
    {"folded", COLUMN_RIGHT, "rows of the history that were folded"},
    {NULL, 0, NULL},
};

static void print_items(struct output *output, const struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct report_item *item = &report->items[i];
        output_row(output);
        output_text(output, *item->id ? item->id : NULL);
        output_text(output, item->action);
        output_text(output, item->master);
        output_number(output, item->number);
        output_text(output, item->index);
        if (item->result)
            output_text(output, item->result);
        else
            output_null(output, "failed");
        output_number(output, (int)item->folded);
    }
}

static void print_results(const struct session *session, const struct report *done,
                          const struct report *leftover)
{
    struct output *output = output_open(session->format, prune_columns);
    print_items(output, done);
    print_items(output, leftover);
    output_close(output);
}

/* What to type next for each kind of what is left. */
static void say_leftover(const struct session *session, const struct report *leftover)
{
    const struct {
        const char *result, *hint;
    } kinds[] = {
        {"orphan", "orphans are dropped with --orphans"},
        {"other_history", "what another history made is never dropped here; if nobody needs it, "
                          "delete it by hand"},
        {"foreign", "what bears no mark of esmigrate, or is a copy, is never dropped here; if "
                    "nobody needs it, delete it by hand"},
        {"missing", "an instance without its index: es_create NAME --engine-only makes it again, "
                    "--orphans ends it"},
        {"missing_in_use", "an instance without its index that is active or kept, or whose name "
                           "another index bears: see es_list NAME; es_create NAME --engine-only "
                           "makes it again"},
    };
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
        for (size_t i = 0; i < leftover->count; i++)
            if (strcmp(leftover->items[i].result, kinds[k].result) == 0) {
                log_say(session->context.log, LOG_NOTICE, "%s", kinds[k].hint);
                break;
            }
}

/* ---- the plan ---- */

static int read_request(struct session *session, struct plan *plan, struct error *err)
{
    const struct options *options = &session->options;
    bool all = option_given(options, OPT_ALL);
    plan->retired = (struct remove_request){
        .choice = REMOVE_RETIRED,
        .retention =
            {
                .older_than = option_text(options, OPT_OLDER_THAN),
                .retain = option_number(options, OPT_RETAIN, 0),
            },
    };
    if (all == (options->word_count > 0)) {
        error_set(err, ERR_USAGE,
                  all ? "--all and names exclude each other" : "es_prune needs a name, or --all");
        return error_hint(err, "See esmigrate es_prune --help");
    }
    if (!all &&
        (option_given(options, OPT_ORPHANS) || option_given(options, OPT_HISTORY_OLDER_THAN)))
        return error_set(err, ERR_USAGE, "--orphans and --history-older-than go with --all");
    if (all)
        return 0;
    if (session_targets(session, &plan->retired.targets, err) < 0)
        return -1;
    for (size_t i = 0; i < plan->retired.targets.count; i++)
        if (plan->retired.targets.list[i].number) {
            error_set(err, ERR_USAGE, "es_prune takes names of masters, not instances");
            return error_hint(err, "One instance is dropped by es_drop. See esmigrate es_drop "
                                   "--help");
        }
    return 0;
}

/* A retired instance without its index is dropped as what it is. */
static bool is_retired(const struct plan *plan, const struct report_item *item)
{
    for (size_t i = 0; i < plan->retired_count; i++)
        if (strcmp(plan->drops.items[i].index, item->index) == 0)
            return true;
    return false;
}

static void leave(struct plan *plan, const struct report_item *item)
{
    struct report_item *left = report_add(&plan->leftover, item->action, item->master);
    left->number = item->number;
    left->index = x_strdup(item->index);
    left->result = item->result;
}

/* What is asked for moves to what is dropped: first indexes without a row, which are found first,
 * then rows without an index. */
static int plan_orphans(struct session *session, struct plan *plan, struct error *err)
{
    struct report found = {};
    bool wanted = option_given(&session->options, OPT_ORPHANS);
    int result = orphans_find(&session->context, &found, err);
    for (size_t i = 0; i < found.count && result == 0; i++) {
        const struct report_item *item = &found.items[i];
        if (is_retired(plan, item))
            continue;
        if (wanted && strcmp(item->result, "orphan") == 0) {
            result = orphans_drop(&session->context, item->index, &plan->drops, err);
            plan->orphan_count = plan->drops.count - plan->retired_count;
        } else if (wanted && strcmp(item->result, "missing") == 0) {
            result =
                orphans_drop_row(&session->context, item->master, item->number, &plan->drops, err);
        } else {
            leave(plan, item);
        }
    }
    report_release(&found);
    return result;
}

/* All of it in a dry run. */
static int make_plan(struct session *session, struct plan *plan, struct error *err)
{
    session->context.settings.dry_run = true;
    int result = prune_instances(&session->context, &plan->retired, &plan->drops, err);
    plan->retired_count = plan->drops.count;
    if (result == 0 && option_given(&session->options, OPT_ALL))
        result = plan_orphans(session, plan, err);
    session->context.settings.dry_run = option_given(&session->options, OPT_DRY_RUN);
    return result;
}

/* ---- the run ---- */

/* What was planned is what is dropped, if it still may be. */
static int drop_planned(struct session *session, struct plan *plan, struct report *report,
                        struct error *err)
{
    struct targets *targets = &plan->retired.targets;
    targets_release(targets);
    targets->list = x_calloc(plan->retired_count, sizeof(*targets->list));
    for (; targets->count < plan->retired_count; targets->count++)
        targets->list[targets->count] = (struct target){
            .name = x_strdup(plan->drops.items[targets->count].master),
            .number = plan->drops.items[targets->count].number,
        };
    if (targets->count && prune_instances(&session->context, &plan->retired, report, err) < 0)
        return -1;
    for (size_t i = plan->retired_count; i < plan->drops.count; i++) {
        const struct report_item *item = &plan->drops.items[i];
        bool is_index = i < plan->retired_count + plan->orphan_count;
        if ((is_index ? orphans_drop(&session->context, item->index, report, err)
                      : orphans_drop_row(&session->context, item->master, item->number, report,
                                         err)) < 0)
            return -1;
    }
    return 0;
}

/* Of what was named, or of all: what nobody works with any more. It is empty, so nobody is asked.
 */
static int remove_scratch(struct session *session, struct report *report, struct error *err)
{
    const struct options *options = &session->options;
    if (!options->word_count)
        return scratch_prune(&session->context, NULL, report, err);
    for (size_t i = 0; i < options->word_count; i++)
        if (scratch_prune(&session->context, options->words[i], report, err) < 0)
            return -1;
    return 0;
}

static int execute(struct session *session, struct plan *plan, struct report *report,
                   struct error *err)
{
    const char *older_than = option_text(&session->options, OPT_HISTORY_OLDER_THAN);
    if (!session->context.settings.dry_run && drop_planned(session, plan, report, err) < 0)
        return -1;
    if (remove_scratch(session, report, err) < 0)
        return -1;
    return older_than ? fold_history(&session->context, older_than, report, err) : 0;
}

static int run(struct session *session, struct error *err)
{
    _cleanup_(plan_release) struct plan plan = {};
    _cleanup_(report_release) struct report report = {};
    bool dry_run = session->context.settings.dry_run;
    if (read_request(session, &plan, err) < 0 || make_plan(session, &plan, err) < 0)
        return -1;
    if (!dry_run && !option_given(&session->options, OPT_YES) &&
        session_confirm(session, &plan.drops, "drop these indexes", err) < 0)
        return -1;
    struct report *done = dry_run ? &plan.drops : &report;
    int result = execute(session, &plan, done, err);
    print_results(session, done, &plan.leftover);
    if (result == 0) {
        say_leftover(session, &plan.leftover);
        session_say_end(session, done);
    }
    return result;
}

const struct command es_prune_command = {
    .name = "es_prune",
    .arguments = "NAME... | --all",
    .summary = "Drops what the active instances replaced long ago, and tidies up",
    .about =
        "Retired is an instance with a number below the active one's, since the alias left it; "
        "one that never was active, since the active one is. It is dropped once that is longer "
        "ago than --older-than. The active one, one that is kept for es_rollback, one that is "
        "newer than the active one and one that any alias points to are never dropped. Asks on a "
        "terminal; elsewhere it needs --yes. The rows of the history stay, as after es_drop. Empty "
        "indexes that a crashed es_check or es_plan left behind are removed without a question.\n"
        "\n"
        "--all also names what does not belong together: indexes that this history made and has "
        "no live instance of (orphan), indexes with this prefix that another history of esmigrate "
        "made (other_history) or that bear no mark of it (foreign), instances whose index is not "
        "there (missing). --orphans drops orphans, and ends instances that are missing; never what "
        "an alias points to, what is active or kept, or what others made.\n"
        "\n"
        "--history-older-than keeps the history small where es_update runs every minute: of the "
        "updates of a day that found no change and differ in no more than their times, the last "
        "one stays, and es_history says for how many it stands. Everything else stays for ever.",
    .options =
        (const struct command_option[]){
            {OPT_ALL, "all masters of the history"},
            {OPT_OLDER_THAN, NULL},
            {OPT_RETAIN, NULL},
            {OPT_ORPHANS, NULL},
            {OPT_HISTORY_OLDER_THAN, NULL},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_prune course_search --older-than '2 days'", "asks first"},
            {"es_prune --all --dry-run", "what would be dropped, and what is left over"},
            {"es_prune --all --retain 1 --yes --if-busy=skip", "in cron, once a day"},
            {NULL, NULL},
        },
    .columns = prune_columns,
    .most_words = ANY_NUMBER,
    .run = run,
};
