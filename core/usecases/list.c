#include "usecases/list.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "domain/names.h"
#include "sql.h"

void listing_release(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        struct list_entry *entry = &listing->entries[i];
        free(entry->master);
        free(entry->index);
        free(entry->state);
        free(entry->changed_through);
        free(entry->deletes);
        free(entry->kept_until);
        free(entry->created_at);
        free(entry->tag);
    }
    free(listing->entries);
    *listing = (struct listing){};
}

static struct list_entry *add_entry(struct listing *listing, const char *master)
{
    listing->entries =
        x_grow(listing->entries, listing->count, &listing->capacity, sizeof(*listing->entries));
    struct list_entry *entry = &listing->entries[listing->count++];
    *entry = (struct list_entry){.master = x_strdup(master), .docs = LIST_NO_INDEX};
    return entry;
}

/* ---- the engine's side ---- */

struct engine_view {
    bool up;
    struct engine_entry *indexes;
    size_t count;
};

static void engine_view_release(struct engine_view *view)
{
    engine_entries_free(view->indexes, view->count);
}

/* With the engine down the history is printed all the same; not so with wrong options for it. */
static int look_at_engine(struct context *context, struct engine_view *ret_view, struct error *err)
{
    _cleanup_free_ char *pattern = x_printf("%s*", context->settings.prefix);
    if (context_open_engine(context, err) == 0 &&
        engine_list_indexes(context->engine, pattern, &ret_view->indexes, &ret_view->count, err) ==
            0) {
        ret_view->up = true;
        return 0;
    }
    if (err->kind == ERR_USAGE)
        return -1;
    error_prefix(err, "the documents are not counted");
    log_error(context->log, err);
    error_release(err);
    return 0;
}

static const struct engine_entry *find_index(const struct engine_view *view, const char *name)
{
    for (size_t i = 0; i < view->count; i++)
        if (strcmp(view->indexes[i].name, name) == 0)
            return &view->indexes[i];
    return NULL;
}

/* What cannot be counted is unknown, and said; the list is printed all the same. */
static void count_documents(struct context *context, const struct engine_view *view,
                            const struct instance *instance, struct list_entry *entry)
{
    const struct engine_entry *index = find_index(view, instance->index_name);
    _cleanup_(error_release) struct error err = {};
    if (instance->dropped_at)
        return;
    entry->docs = LIST_DOCS_UNKNOWN;
    if (!view->up)
        return;
    if (!index || !instance->index_uuid || strcmp(index->uuid, instance->index_uuid) != 0) {
        free(entry->state);
        entry->state = x_strdup("missing");
        entry->docs = LIST_NO_INDEX;
        if (index)
            log_say(context->log, LOG_WARNING,
                    "index \"%s\" in the engine is not the one esmigrate made",
                    instance->index_name);
        return;
    }
    if (engine_count(context->engine, instance->index_name, &entry->docs, &err) < 0)
        log_say(context->log, LOG_WARNING, "%s", err.message);
}

/* Indexes that look like instances of the master, but the history does not know them. */
static void say_foreign(struct context *context, const struct engine_view *view, const char *master,
                        const struct instances *instances)
{
    _cleanup_free_ char *wanted = x_printf("%s%s", context->settings.prefix, master);
    for (size_t i = 0; i < view->count; i++) {
        const char *name = view->indexes[i].name;
        int number;
        size_t length = name_split_instance(name, &number);
        bool known = false;
        if (length != strlen(wanted) || strncmp(name, wanted, length) != 0)
            continue;
        for (size_t j = 0; j < instances->count; j++)
            known = known || (strcmp(instances->list[j].index_name, name) == 0 &&
                              !instances->list[j].dropped_at);
        if (!known)
            log_say(context->log, LOG_WARNING,
                    "the engine has an index \"%s\" that is not of this history", name);
    }
}

static void check_alias(struct context *context, const char *master,
                        const struct instances *instances)
{
    char **names = NULL;
    size_t count = 0;
    _cleanup_(error_release) struct error err = {};
    const struct instance *active = instances_active(instances);
    _cleanup_free_ char *alias = x_printf("%s%s", context->settings.prefix, master);
    if (engine_alias_indexes(context->engine, alias, &names, &count, &err) < 0) {
        log_say(context->log, LOG_WARNING, "%s", err.message);
        return;
    }
    bool agrees = active ? count == 1 && strcmp(names[0], active->index_name) == 0 : count == 0;
    if (!agrees)
        log_say(context->log, LOG_WARNING,
                "alias \"%s\" points to %s%s in the engine, but the history has %s as active",
                alias, count ? names[0] : "no index", count > 1 ? " and others" : "",
                active ? active->index_name : "none");
    texts_free(names, count);
}

/* ---- what a switch has left ---- */

/* Whoever looks for why the index falls behind finds it here. */
static int say_standstill(struct context *context, const struct master *master, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_action_standing_still,
                      PG_VALUES(pg_number(master->id).text), &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return 0;
    _cleanup_free_ char *began = time_rfc3339(pg_text(rows, 0, "started_at"));
    _cleanup_free_ char *stopped = time_rfc3339(pg_text(rows, 0, "stopped_at"));
    log_say(context->log, LOG_WARNING,
            "%s: the es_%s begun at %s stopped indexing at %s, and nothing has resumed it since; "
            "what to type: esmigrate es_check %s",
            master->name, pg_text(rows, 0, "action"), began, stopped, master->name);
    return 0;
}

static void say_kept(struct context *context, const struct instance *instance,
                     struct list_entry *entry)
{
    _cleanup_free_ char *until = time_rfc3339(instance->kept_until);
    entry->kept_until = x_strdup(instance->kept_until);
    log_say(context->log, LOG_NOTICE, "%s: kept up to date for es_rollback until %s",
            instance->index_name, until);
}

/* ---- the listing ---- */

static int list_master(struct context *context, const struct engine_view *view,
                       const struct master *master, bool named, struct listing *listing,
                       struct error *err)
{
    _cleanup_(instances_release) struct instances instances = {};
    if (history_find_instances(context->history, master->id, &instances, err) < 0)
        return -1;
    /* What an es_create that failed left behind is of no interest once nobody declares it. */
    if (!instances.count && !named && !declaration_exists(context->settings.indexes, master->name))
        return 0;
    if (!instances.count)
        add_entry(listing, master->name)->created_at = x_strdup(master->created_at);
    for (size_t i = 0; i < instances.count; i++) {
        const struct instance *instance = &instances.list[i];
        struct list_entry *entry = add_entry(listing, master->name);
        entry->number = instance->number;
        entry->index = x_strdup(instance->index_name);
        entry->active = instance->active;
        entry->state = x_strdup(instance->state);
        entry->changed_through = x_strdup(instance->changed_through);
        entry->deletes = x_strdup(instance->deletes);
        entry->created_at = x_strdup(instance->created_at);
        entry->tag = x_strdup(instance->tag);
        count_documents(context, view, instance, entry);
        if (instance->kept && instance_is_live(instance) && entry->docs != LIST_NO_INDEX)
            say_kept(context, instance, entry);
    }
    if (view->up) {
        say_foreign(context, view, master->name, &instances);
        check_alias(context, master->name, &instances);
    }
    return say_standstill(context, master, err);
}

static bool is_wanted(const char *name, char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return count == 0;
}

static bool is_listed(const struct listing *listing, const char *name)
{
    for (size_t i = 0; i < listing->count; i++)
        if (strcmp(listing->entries[i].master, name) == 0)
            return true;
    return false;
}

/* Masters that are declared but have never been created. */
static int list_declared(struct context *context, char *const *names, size_t count,
                         struct listing *listing, struct error *err)
{
    char **declared = NULL;
    size_t declared_count = 0;
    if (declaration_names(context->settings.indexes, &declared, &declared_count, err) < 0)
        return -1;
    for (size_t i = 0; i < declared_count; i++)
        if (is_wanted(declared[i], names, count) && !is_listed(listing, declared[i]))
            add_entry(listing, declared[i]);
    texts_free(declared, declared_count);
    return 0;
}

int list_instances(struct context *context, char *const *names, size_t count,
                   struct listing *listing, struct error *err)
{
    _cleanup_(masters_release) struct masters masters = {};
    _cleanup_(engine_view_release) struct engine_view view = {};
    if (context_open_history(context, false, err) < 0 ||
        history_all_masters(context->history, &masters, err) < 0 ||
        look_at_engine(context, &view, err) < 0)
        return -1;
    for (size_t i = 0; i < masters.count; i++)
        if (is_wanted(masters.list[i].name, names, count) &&
            list_master(context, &view, &masters.list[i], count > 0, listing, err) < 0)
            return -1;
    if (list_declared(context, names, count, listing, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (is_listed(listing, names[i]))
            continue;
        error_set(err, ERR_USAGE, "there is no master \"%s\", neither in the history nor in %s/",
                  names[i], context->settings.indexes);
        return error_hint(err, "See which there are: esmigrate es_list");
    }
    return 0;
}
