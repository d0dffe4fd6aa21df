#include "usecases/alteration.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "sql.h"

static const char no_settings[] = "{}";

/* ---- the mark ---- */

/* The mapping with the create action and this one in _meta; the caller's. */
static char *marked_mapping(const struct alteration *alteration, const char *made_by,
                            const char *action_id, struct error *err)
{
    _cleanup_(json_freep) json *mapping =
        json_parse(alteration->mapping, strlen(alteration->mapping), err);
    if (!mapping)
        return NULL;
    json *mark = json_new_object();
    json_put(mark, "action", json_new_text(made_by));
    json_put(mark, "altered", json_new_text(action_id));
    json_put(json_object_at(mapping, "_meta"), "esmigrate", mark);
    return json_write(mapping);
}

/* Whether the index bears the action's mark. */
static int is_altered(struct engine *engine, const char *index, const char *action_id,
                      bool *ret_altered, struct error *err)
{
    _cleanup_(json_freep) json *answer = NULL;
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf("/%s/_mapping", escaped);
    _cleanup_free_ char *doing = x_printf("read the mapping of \"%s\"", index);
    if (engine_ask(engine, path, NULL, doing, &answer, err) < 0)
        return -1;
    const char *altered =
        json_text(JSON_PATH(answer, index, "mappings", "_meta", "esmigrate", "altered"), "");
    *ret_altered = strcmp(altered, action_id) == 0;
    return 0;
}

/* ---- settings ---- */

struct selection {
    const json *live;
    struct buffer text;
};

static int select_setting(const char *name, json *wanted, void *data)
{
    struct selection *selection = data;
    json *value = json_get(selection->live, name);
    _cleanup_free_ char *text = value ? json_write(value) : x_strdup("null");
    (void)wanted;
    buffer_printf(&selection->text, "%s\"%s\":%s", selection->text.length > 1 ? "," : "{", name,
                  text);
    return 0;
}

/* Those that change, as the live index has them: what undoes the change. The caller's, or NULL. */
static char *settings_now(struct engine *engine, const struct alteration *alteration,
                          struct error *err)
{
    const char *index = alteration->instance->index_name;
    _cleanup_(json_freep) json *wanted =
        json_parse(alteration->settings, strlen(alteration->settings), err);
    _cleanup_(json_freep) json *answer = NULL;
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf("/%s/_settings?flat_settings=true", escaped);
    _cleanup_free_ char *doing = x_printf("read settings of \"%s\"", index);
    if (!wanted || engine_ask(engine, path, NULL, doing, &answer, err) < 0)
        return NULL;
    struct selection selection = {
        .live = JSON_PATH(answer, index, "settings"),
        .text = BUFFER(BUFFER_TEXT_MAX),
    };
    json_each(wanted, select_setting, &selection);
    buffer_text(&selection.text, selection.text.length ? "}" : no_settings);
    return buffer_take(&selection.text);
}

static int put_settings(struct engine *engine, const char *index, const char *settings,
                        struct error *err)
{
    return strcmp(settings, no_settings) == 0 ? 0
                                              : engine_put_settings(engine, index, settings, err);
}

/* ---- making it ---- */

static int record_intent(struct context *context, const char *action_id,
                         const struct alteration *alteration, const char *settings_before,
                         struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_alteration_insert,
                      PG_VALUES(action_id, alteration->body, alteration->fingerprint,
                                settings_before, alteration->settings),
                      &rows, err) < 0)
        return -1;
    return pg_rows_count(rows) ? 0 : action_replaced(err);
}

static int put_mapping(struct context *context, const char *action_id,
                       const struct alteration *alteration, struct error *err)
{
    const char *index = alteration->instance->index_name;
    struct engine *engine = context->engine;
    _cleanup_(engine_index_release) struct engine_index found = {};
    if (engine_find_index(engine, index, &found, err) < 0)
        return -1;
    _cleanup_free_ char *mapping =
        marked_mapping(alteration, found.made_by ? found.made_by : "", action_id, err);
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf("/%s/_mapping", escaped);
    _cleanup_free_ char *doing = x_printf("change the mapping of \"%s\"", index);
    return mapping && action_check(context->history, action_id, err) == 0
               ? engine_call(engine, "PUT", path, mapping, doing, 0, NULL, err)
               : -1;
}

/* *ret_settings: whether those of the index may be other ones now. */
static int put_all(struct context *context, const char *action_id,
                   const struct alteration *alteration, bool *ret_settings, struct error *err)
{
    const char *index = alteration->instance->index_name;
    *ret_settings = false;
    if (action_check(context->history, action_id, err) < 0)
        return -1;
    int result = put_settings(context->engine, index, alteration->settings, err);
    *ret_settings = result == 0 || !engine_refused(err);
    return result == 0 ? put_mapping(context, action_id, alteration, err) : -1;
}

static int undo(struct context *context, const char *action_id, const char *index,
                const char *settings_before, struct error *err)
{
    if (put_settings(context->engine, index, settings_before, err) < 0)
        return -1;
    return history_query(context->history, sql_history_alteration_undone, PG_VALUES(action_id),
                         NULL, err);
}

static int as_before(const struct alteration *alteration, struct error *err)
{
    const char *master = alteration->instance->master;
    return error_hint(err,
                      "The index is as it was before. If it has drifted, esmigrate es_plan %s "
                      "shows how; or make a new instance: esmigrate es_create %s",
                      master, master);
}

static int not_known(struct error *err)
{
    return error_hint(err, "Whether the index was changed is not known; the next command on this "
                           "master finds out.");
}

int alteration_make(struct context *context, const char *action_id,
                    const struct alteration *alteration, bool *ret_known, struct error *err)
{
    struct engine *engine = context->engine;
    const char *index = alteration->instance->index_name;
    _cleanup_(error_release) struct error second = {};
    _cleanup_free_ char *before = settings_now(engine, alteration, err);
    bool altered = false, has_settings;
    *ret_known = true;
    if (!before || record_intent(context, action_id, alteration, before, err) < 0)
        return -1;
    if (put_all(context, action_id, alteration, &has_settings, err) == 0)
        return 0;
    *ret_known = false;
    if (is_altered(engine, index, action_id, &altered, &second) < 0)
        return not_known(err);
    if (altered) { /* only the answer was lost */
        error_release(err);
        return 0;
    }
    /* Who replaced this run has settled the change, and may have made another one. */
    if (action_check(context->history, action_id, &second) < 0) {
        error_move(err, &second);
        return -1;
    }
    if (undo(context, action_id, index, has_settings ? before : no_settings, &second) < 0)
        return not_known(err);
    *ret_known = true;
    return as_before(alteration, err);
}

int alteration_record(struct context *context, const char *action_id, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_alteration_applied, PG_VALUES(action_id), &rows,
                      err) < 0)
        return -1;
    return pg_rows_count(rows) ? 0 : action_replaced(err);
}

/* ---- after a crash ---- */

int alteration_settle(struct context *context, const char *action_id, char **ret_found,
                      struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_(engine_index_release) struct engine_index found = {};
    bool altered = false;
    *ret_found = NULL;
    if (history_query(context->history, sql_history_alteration_find, PG_VALUES(action_id), &rows,
                      err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return 0;
    const char *index = pg_text(rows, 0, "index_name");
    if (context_open_engine(context, err) < 0 ||
        engine_find_index(context->engine, index, &found, err) < 0)
        return -1;
    /* Gone, or another one in its place: that is for those who need it to say. */
    bool ours = found.exists && strcmp(found.uuid, pg_text(rows, 0, "index_uuid")) == 0;
    if (ours && is_altered(context->engine, index, action_id, &altered, err) < 0)
        return -1;
    *ret_found = x_printf("index \"%s\" %s changed in place", index, altered ? "was" : "was not");
    if (altered)
        return alteration_record(context, action_id, err);
    return undo(context, action_id, index, ours ? pg_text(rows, 0, "settings_before") : no_settings,
                err);
}
