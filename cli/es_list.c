#include "base/cleanup.h"
#include "command.h"
#include "usecases/list.h"

static void print(const struct session *session, const struct listing *listing)
{
    static const struct column columns[] = {
        {"master", 0},     {"instance", COLUMN_RIGHT}, {"index", 0},           {"active", 0},
        {"state", 0},      {"docs", COLUMN_RIGHT},     {"changed_through", 0}, {"deletes", 0},
        {"created_at", 0}, {"tag", COLUMN_TRUNCATE},
    };
    struct output *output = output_open(session->format, columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < listing->count; i++) {
        const struct list_entry *entry = &listing->entries[i];
        output_row(output);
        output_text(output, entry->master);
        output_number(output, entry->number);
        output_text(output, entry->index);
        output_bool(output, entry->active);
        output_text(output, entry->state);
        output_int(output, entry->docs);
        output_time(output, entry->changed_through);
        output_text(output, entry->deletes);
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
    .about = "With the engine down the history is shown all the same; the documents are unknown\n"
             "then.",
    .options = (const enum option_id[]){OPT_COUNT},
    .most_words = ANY_NUMBER,
    .run = run,
};
