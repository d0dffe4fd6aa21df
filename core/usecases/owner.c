#include "usecases/owner.h"

#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "domain/names.h"
#include "sql.h"

enum owner {
    OWNER_OURS,          /* made by an action of this history */
    OWNER_OTHER_HISTORY, /* made by esmigrate, and this history does not know it */
    OWNER_LATER_HISTORY, /* the same, seemingly by this history, which was restored from before */
    OWNER_UNKNOWN,       /* nothing says that esmigrate made it */
    OWNER_NONE,          /* there is no such index */
};

/* An index may have been cloned or restored as another: whose write alias it has is left open. */
bool owner_is_esmigrate(const struct engine_index *index)
{
    for (size_t i = 0; i < index->alias_count; i++)
        if (name_is_write_alias(index->aliases[i]))
            return true;
    return index->made_by != NULL;
}

const char *owner_reading_alias(const struct engine_index *index)
{
    for (size_t i = 0; i < index->alias_count; i++)
        if (!name_is_write_alias(index->aliases[i]))
            return index->aliases[i];
    return NULL;
}

static int find_owner(struct context *context, const char *index_name, enum owner *ret_owner,
                      struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index index = {};
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    *ret_owner = OWNER_UNKNOWN;
    if (engine_find_index(context->engine, index_name, &index, err) < 0) {
        /* Someone else's index, which this user may not look at. */
        if (err->http_code != 403)
            return -1;
        error_release(err);
        return 0;
    }
    if (!index.exists) {
        *ret_owner = OWNER_NONE;
        return 0;
    }
    if (history_query(context->history, sql_history_index_known,
                      PG_VALUES(index.uuid, index.made_by), &rows, err) < 0)
        return -1;
    if (pg_bool(rows, 0, "known"))
        *ret_owner = OWNER_OURS;
    else if (owner_is_esmigrate(&index))
        *ret_owner = OWNER_OTHER_HISTORY;
    return 0;
}

/* ---- a history that was restored from before ---- */

/*
 * The N of PREFIX + MASTER + "-" + N, if this history has never given it, and has an active
 * instance, so that the master's names are its own; else 0.
 */
static int later_number(struct context *context, const struct instances *instances,
                        const char *master, const char *index_name)
{
    _cleanup_free_ char *alias = x_printf("%s%s", context->settings.prefix, master);
    int number;
    size_t length = name_split_instance(index_name, &number);
    if (length != strlen(alias) || strncmp(index_name, alias, length) != 0)
        return 0;
    for (size_t i = 0; i < instances->count; i++)
        if (instances->list[i].number == number)
            return 0;
    return instances_active(instances) ? number : 0;
}

static int find_instances(struct context *context, const char *master, struct instances *ret,
                          struct error *err)
{
    _cleanup_(master_release) struct master found = {};
    if (history_find_master(context->history, master, &found, err) < 0)
        return -1;
    return found.id ? history_find_instances(context->history, found.id, ret, err) : 0;
}

/* Of an index that the master's alias is on. *ret_active (may be NULL): the number of the active
 * instance, 0 for none. */
static int find_owner_on_alias(struct context *context, const char *master, const char *index_name,
                               enum owner *ret_owner, int *ret_active, struct error *err)
{
    _cleanup_(instances_release) struct instances instances = {};
    if (find_owner(context, index_name, ret_owner, err) < 0 ||
        find_instances(context, master, &instances, err) < 0)
        return -1;
    const struct instance *active = instances_active(&instances);
    if (*ret_owner == OWNER_OTHER_HISTORY && later_number(context, &instances, master, index_name))
        *ret_owner = OWNER_LATER_HISTORY;
    if (ret_active)
        *ret_active = active ? active->number : 0;
    return 0;
}

int owner_next_number(struct context *context, const char *master,
                      const struct instances *instances, int *ret_number, struct error *err)
{
    _cleanup_free_ char *alias = x_printf("%s%s", context->settings.prefix, master);
    char **names = NULL;
    size_t count = 0;
    *ret_number = instances_next_number(instances);
    if (engine_alias_indexes(context->engine, alias, &names, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        int number = later_number(context, instances, master, names[i]);
        if (number >= *ret_number)
            *ret_number = number + 1;
    }
    texts_free(names, count);
    return 0;
}

/* ---- what is said ---- */

#define OWN_NAMES                                                                                  \
    "give this history a prefix of its own (esmigrate es_init --adopt --prefix P), or the master " \
    "another name"

/* By-hand work comes last: it would break what the other application searches. */
static int explain_other_history(const char *last_resort, struct error *err)
{
    error_detail(err, "Another history of esmigrate made that index.");
    return error_hint(err,
                      "Another application, or an older history, seems to use this name: " OWN_NAMES
                      ". Only if nobody searches that index any more: %s.",
                      last_resort);
}

/* Readers stay on that index until one atomic call. */
static int explain_later_history(const char *master, int active, struct error *err)
{
    error_detail(
        err, "esmigrate made that index, and this history does not know its number: it seems to be "
             "restored from before that.");
    return error_hint(err,
                      "To make the next instance of the files at hand behind it, and to put the "
                      "alias on that once it is filled: esmigrate es_deploy %s --take-alias. To go "
                      "back to instance %d at once: esmigrate es_activate %s %d --take-alias. That "
                      "index stays, to be deleted by hand. If another application searches through "
                      "this alias, give the master another name.",
                      master, active, master, active);
}

int owner_refuse_alias(struct context *context, const char *master, const char *index_name,
                       struct error *err)
{
    _cleanup_free_ char *alias = x_printf("%s%s", context->settings.prefix, master);
    enum owner owner;
    int active;
    if (find_owner_on_alias(context, master, index_name, &owner, &active, err) < 0)
        return -1;
    error_set(err, ERR_FAILED, "alias \"%s\" points to \"%s\", which is no instance of %s", alias,
              index_name, master);
    if (owner == OWNER_LATER_HISTORY)
        return explain_later_history(master, active, err);
    if (owner == OWNER_OTHER_HISTORY)
        return explain_other_history("take the alias off it by hand, then run the same command "
                                     "again",
                                     err);
    if (owner == OWNER_UNKNOWN)
        return error_hint(err,
                          "If another application searches through this alias, " OWN_NAMES
                          ". If it is the application that moves to esmigrate: esmigrate "
                          "es_activate %s --take-alias puts it on the instance in one call, "
                          "and leaves that index as it is.",
                          master);
    return error_hint(err, "Someone has moved it. See es_list for what the instances are; when "
                           "nobody needs the alias where it is, take it off that index by hand and "
                           "run the same command again.");
}

/* ---- the checks ---- */

int owner_check_index(struct context *context, const char *index_name, struct error *err)
{
    enum owner owner;
    if (find_owner(context, index_name, &owner, err) < 0)
        return -1;
    if (owner == OWNER_NONE)
        return 0;
    error_set(err, ERR_FAILED, "the engine has an index \"%s\" that is not of this history",
              index_name);
    if (owner == OWNER_OTHER_HISTORY)
        return explain_other_history("delete it by hand, then run the same command again", err);
    return error_hint(err, "If nobody needs it, delete it by hand and run the same command again. "
                           "If somebody does, esmigrate needs a history with another --prefix.");
}

int owner_refuse_alias_name(const char *alias, const char *master, struct error *err)
{
    error_set(err, ERR_FAILED, "the engine has an index named \"%s\", which %s needs as its alias",
              alias, master);
    return error_hint(err,
                      "If the instance is to take its place: esmigrate es_activate %s "
                      "--replace-index deletes it and puts the alias there in one call. If not, "
                      "give the declaration another name.",
                      master);
}

/* The caller's, if there is an index of the alias's name; else NULL. */
static int find_index_of_alias_name(struct context *context, const char *master, char **ret_alias,
                                    struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index index = {};
    _cleanup_free_ char *alias = x_printf("%s%s", context->settings.prefix, master);
    *ret_alias = NULL;
    if (engine_find_index(context->engine, alias, &index, err) < 0)
        return -1;
    if (index.exists)
        *ret_alias = TAKE_PTR(alias);
    return 0;
}

int owner_check_alias_name(struct context *context, const char *master, struct error *err)
{
    _cleanup_free_ char *alias = NULL;
    if (find_index_of_alias_name(context, master, &alias, err) < 0)
        return -1;
    return alias ? owner_refuse_alias_name(alias, master, err) : 0;
}

int owner_warn_alias_name(struct context *context, const char *master, struct error *err)
{
    _cleanup_free_ char *alias = NULL;
    if (find_index_of_alias_name(context, master, &alias, err) < 0)
        return -1;
    if (alias)
        log_say(context->log, LOG_WARNING,
                "the engine has an index named \"%s\", which %s needs as its alias: es_activate "
                "refuses until --replace-index lets it delete that index",
                alias, master);
    return 0;
}

/* What is to be said of each index of the alias that this history did not make. */
typedef void say_foreign(struct context *context, const char *alias, const char *index,
                         const char *not_by);

static int look_for_foreign(struct context *context, const char *master, say_foreign *say,
                            size_t *ret_count, struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    _cleanup_free_ char *alias = x_printf("%s%s", context->settings.prefix, master);
    *ret_count = 0;
    if (engine_alias_indexes(context->engine, alias, &names, &count, err) < 0)
        return -1;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        enum owner owner;
        result = find_owner_on_alias(context, master, names[i], &owner, NULL, err);
        if (result == 0 && owner == OWNER_OTHER_HISTORY)
            result = owner_refuse_alias(context, master, names[i], err);
        if (result < 0 || (owner != OWNER_UNKNOWN && owner != OWNER_LATER_HISTORY))
            continue;
        say(context, alias, names[i], owner == OWNER_UNKNOWN ? "esmigrate" : "this history");
        *ret_count += 1;
    }
    texts_free(names, count);
    return result;
}

static void say_refused(struct context *context, const char *alias, const char *index,
                        const char *not_by)
{
    log_say(context->log, LOG_WARNING,
            "alias \"%s\" points to \"%s\", which %s did not make: es_activate refuses until "
            "--take-alias lets it take the alias off that index",
            alias, index, not_by);
}

static void say_taken(struct context *context, const char *alias, const char *index,
                      const char *not_by)
{
    (void)not_by;
    log_say(context->log, LOG_NOTICE, "alias \"%s\" is taken off \"%s\", which stays", alias,
            index);
}

int owner_check_alias(struct context *context, const char *master, struct error *err)
{
    size_t count;
    return look_for_foreign(context, master, say_refused, &count, err);
}

int owner_find_foreign_alias(struct context *context, const char *master, bool *ret_foreign,
                             struct error *err)
{
    size_t count;
    if (look_for_foreign(context, master, say_taken, &count, err) < 0)
        return -1;
    *ret_foreign = count > 0;
    return 0;
}
