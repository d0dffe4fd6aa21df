#include "usecases/targets.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "domain/names.h"

void targets_release(struct targets *targets)
{
    for (size_t i = 0; i < targets->count; i++)
        free(targets->list[i].name);
    free(targets->list);
    *targets = (struct targets){};
}

int targets_parse(char *const *words, size_t count, struct targets *ret_targets, struct error *err)
{
    _cleanup_(targets_release) struct targets targets = {};
    targets.list = x_calloc(count, sizeof(*targets.list));
    for (size_t i = 0; i < count; i++) {
        struct target *last = targets.count ? &targets.list[targets.count - 1] : NULL;
        int number = name_parse_number(words[i]);
        if (!number && words[i][strspn(words[i], "0123456789")] == '\0')
            return error_set(err, ERR_USAGE,
                             "\"%s\" is neither a name nor the number of an instance", words[i]);
        if (number) {
            if (!last || last->number) {
                error_set(err, ERR_USAGE, "the number %d does not follow a name", number);
                return error_hint(err, "Write NAME %d or NAME-%d. Digits alone cannot be a name.",
                                  number, number);
            }
            last->number = number;
            continue;
        }
        size_t length = name_split_instance(words[i], &number);
        targets.list[targets.count++] = (struct target){
            .name = length ? x_strndup(words[i], length) : x_strdup(words[i]),
            .number = length ? number : 0,
        };
    }
    *ret_targets = TAKE(targets);
    return 0;
}

int targets_declared(struct context *context, struct targets *ret_targets, struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    if (declarations_check(context->settings.indexes, err) < 0 ||
        declaration_names(context->settings.indexes, &names, &count, err) < 0)
        return -1;
    ret_targets->list = x_calloc(count, sizeof(*ret_targets->list));
    ret_targets->count = count;
    for (size_t i = 0; i < count; i++)
        ret_targets->list[i].name = names[i];
    free(names);
    return 0;
}

void choice_release(struct choice *choice)
{
    master_release(&choice->master);
    instances_release(&choice->instances);
    free(choice->chosen);
    *choice = (struct choice){};
}

int unknown_master(struct context *context, const char *name, struct error *err)
{
    _cleanup_(error_release) struct error ignored = {};
    _cleanup_(masters_release) struct masters masters = {};
    error_set(err, ERR_USAGE, "the history knows no master \"%s\"", name);
    if (declaration_exists(context->settings.indexes, name))
        return error_hint(err, "It is declared: esmigrate es_create %s", name);
    history_all_masters(context->history, &masters, &ignored);
    _cleanup_free_ const char **names = x_calloc(masters.count, sizeof(char *));
    for (size_t i = 0; i < masters.count; i++)
        names[i] = masters.list[i].name;
    const char *nearest = nearest_name(name, names, masters.count);
    if (nearest)
        return error_hint(err, "Did you mean %s? See which there are: esmigrate es_list", nearest);
    return error_hint(err, "See which there are: esmigrate es_list");
}

int choice_open(struct context *context, const char *name, struct choice *ret_choice,
                struct error *err)
{
    _cleanup_(choice_release) struct choice choice = {};
    if (history_find_master(context->history, name, &choice.master, err) < 0)
        return -1;
    if (!choice.master.id)
        return unknown_master(context, name, err);
    if (history_find_instances(context->history, choice.master.id, &choice.instances, err) < 0)
        return -1;
    *ret_choice = TAKE(choice);
    return 0;
}

void choice_add(struct choice *choice, const struct instance *instance)
{
    choice->chosen =
        x_realloc(choice->chosen, (choice->chosen_count + 1) * sizeof(*choice->chosen));
    choice->chosen[choice->chosen_count++] = (size_t)(instance - choice->instances.list);
}

/* "1, 2 and 5"-like list of the live numbers; the caller's. */
static char *live_numbers(const struct instances *instances)
{
    struct buffer text = BUFFER(BUFFER_TEXT_MAX);
    for (size_t i = 0; i < instances->count; i++)
        if (instance_is_live(&instances->list[i]))
            buffer_printf(&text, "%s%d", text.length ? ", " : "", instances->list[i].number);
    return buffer_take(&text);
}

int choice_add_number(struct choice *choice, int number, struct error *err)
{
    const struct instance *found = instances_by_number(&choice->instances, number);
    if (found) {
        choice_add(choice, found);
        return 0;
    }
    _cleanup_free_ char *live = live_numbers(&choice->instances);
    error_set(err, ERR_FAILED, "%s has no live instance %d", choice->master.name, number);
    return *live
               ? error_hint(err, "There are: %s. See esmigrate es_list %s", live,
                            choice->master.name)
               : error_hint(err, "It has none at all: esmigrate es_create %s", choice->master.name);
}

int instance_again(struct context *context, const struct instance *before,
                   struct instances *ret_now, const struct instance **ret_instance,
                   struct error *err)
{
    if (history_find_instances(context->history, before->master_id, ret_now, err) < 0)
        return -1;
    *ret_instance = instances_by_id(ret_now, before->id);
    if (*ret_instance && instance_is_live(*ret_instance))
        return 0;
    error_set(err, ERR_FAILED, "index \"%s\" was dropped meanwhile", before->index_name);
    return error_hint(err, "See which instances there are: esmigrate es_list %s", before->master);
}

int choice_check_declared(struct context *context, const struct choice *choice, const char *command,
                          struct error *err)
{
    const char *name = choice->master.name;
    const struct instance *newest = instances_newest(&choice->instances);
    _cleanup_(declaration_release) struct declaration declared = {};
    /* A mistyped folder must not switch the comparison off. */
    if (newest && context->settings.indexes_named &&
        declarations_check(context->settings.indexes, err) < 0)
        return -1;
    if (!newest || !declaration_exists(context->settings.indexes, name))
        return 0;
    if (declaration_read(context->settings.indexes, name, &declared, err) < 0)
        return -1;
    if (strcmp(newest->fingerprint, declared.fingerprint) == 0)
        return 0;
    const struct instance *has = instances_by_fingerprint(&choice->instances, declared.fingerprint);
    error_set(err, ERR_FAILED,
              "%s: the newest instance, %d, was made from another declaration "
              "than %s/%s",
              name, newest->number, context->settings.indexes, name);
    if (has)
        return error_hint(err,
                          "Instance %d was made from it: esmigrate %s %s %d. If you mean instance "
                          "%d all the same: esmigrate %s %s %d",
                          has->number, command, name, has->number, newest->number, command, name,
                          newest->number);
    return error_hint(err,
                      "No instance was made from it yet: esmigrate es_create %s. If you mean "
                      "instance %d all the same: esmigrate %s %s %d",
                      name, newest->number, command, name, newest->number);
}

int check_ours(struct context *context, const struct instance *instance,
               struct engine_index *ret_index, struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index index = {};
    if (context_open_engine(context, err) < 0 ||
        engine_find_index(context->engine, instance->index_name, &index, err) < 0)
        return -1;
    if (!index.exists) {
        _cleanup_free_ char *activate =
            instance->active
                ? x_printf(". Then give it the alias again: esmigrate es_activate %s %d",
                           instance->master, instance->number)
                : x_strdup("");
        error_set(err, ERR_FAILED, "index \"%s\" is gone from the engine", instance->index_name);
        return error_hint(err,
                          "Make it again, empty, with its own declaration: esmigrate es_create %s "
                          "--engine-only. Then fill it: esmigrate es_update %s %d%s",
                          instance->master, instance->master, instance->number, activate);
    }
    if (strcmp(index.uuid, instance->index_uuid) != 0) {
        error_set(err, ERR_FAILED, "index \"%s\" in the engine is not the one esmigrate made",
                  instance->index_name);
        error_detail(err, "Its uuid is %s, the history has %s.", index.uuid, instance->index_uuid);
        return error_hint(
            err,
            "Is this the right cluster (--engine)? If it is, someone made or restored "
            "the index: delete it by hand, then: esmigrate es_create %s --engine-only",
            instance->master);
    }
    if (ret_index) {
        *ret_index = TAKE(index);
    }
    return 0;
}

int check_durable(struct context *context, const struct instance *instance, struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index index = {};
    if (check_ours(context, instance, &index, err) < 0)
        return -1;
    if (!index.async_translog)
        return 0;
    error_set(
        err, ERR_FAILED,
        "index \"%s\" has translog.durability \"async\": it would lose acknowledged documents",
        instance->index_name);
    error_detail(err,
                 "changed_through would say that they are there. Someone changed the setting.");
    return error_hint(
        err,
        "Set it back: curl -X PUT -H 'Content-Type: application/json' "
        "'ENGINE/%s/_settings' -d '{\"index.translog.durability\":\"request\"}'. Then, in "
        "case documents were lost: esmigrate es_update %s %d --restart",
        instance->index_name, instance->master, instance->number);
}

int explain_lost(struct context *context, const struct instance *instance, struct error *err)
{
    _cleanup_(error_release) struct error lost = {};
    bool may_be_lost = err->kind == ERR_FAILED || err->http_code == 404;
    if (may_be_lost && check_ours(context, instance, NULL, &lost) < 0 && lost.kind == ERR_FAILED)
        error_move(err, &lost);
    return -1;
}
