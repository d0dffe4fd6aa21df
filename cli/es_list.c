#include "base/cleanup.h"
#include "command.h"
#include "usecases/list.h"

static void print(const struct session *session, const struct listing *listing)
{
    struct output *output = output_open(session->format, session->command->columns);
    for (size_t i = 0; i < listing->count; i++) {
        const struct list_entry *entry = &listing->entries[i];
        output_row(output);
        output_text(output, entry->master);
        output_number(output, entry->number);
        output_text(output, entry->index);
        output_bool(output, entry->active);
        output_text(output, entry->state);
        entry->docs == LIST_NO_INDEX ? output_text(output, NULL) : output_int(output, entry->docs);
        output_time(output, entry->changed_through);
        output_text(output, entry->deletes);
        output_time(output, entry->kept_until);
        output_time(output, entry->created_at);
        output_text(output, entry->tag);
    }
    output_close(output);
}

static int run(struct session *session, struct error *err)
{
    _cleanup_(listing_release) struct listing listing = {};
    if (list_instances(&session->context, session->options.words, session->options.word_count,
                       &listing, err) < 0)
        return -1;
    print(session, &listing);
    if (!listing.count)
        log_say(session->context.log, LOG_NOTICE,
                "there is no master yet: declare one in %s/NAME/ and esmigrate es_create NAME",
                session->context.settings.indexes);
    return 0;
}

const struct command es_list_command = {
    .name = "es_list",
    .arguments = "[NAME...]",
    .summary = "Shows every master and its instances",
    .about = "Also masters that are declared but not created, and indexes that are missing in the "
             "engine or not ours. With the engine down the history is shown all the same; docs is "
             "unknown then.",
    .options =
        (const struct command_option[]){
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_list", "all of them"},
            {"es_list course_search -o json", "for a program"},
            {NULL, NULL},
        },
    .columns =
        (const struct column[]){
            {"master", 0, "the logical index"},
            {"instance", COLUMN_RIGHT, "its number; null for a master without instances"},
            {"index", 0, "its name in the engine"},
            {"active", 0, "whether the alias of the master points to it"},
            {"state", 0, "empty, loading, ready, cleared, missing or dropped"},
            {"docs", COLUMN_RIGHT, "documents in the engine; null: the engine does not say"},
            {"changed_through", 0, "every change in the source up to this time is in the index"},
            {"deletes", COLUMN_SPARE,
             "tracked, or full only: rows that vanish are found by --full alone"},
            {"kept_until", COLUMN_JSON_ONLY,
             "updated with the active one for es_rollback until then (\"keep\" in master.json); "
             "null: it is not"},
            {"created_at", COLUMN_SPARE, "when it was created"},
            {"tag", COLUMN_SPARE, "--tag of the command that created it"},
            {NULL, 0, NULL},
        },
    .most_words = ANY_NUMBER,
    .run = run,
};
