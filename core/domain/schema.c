#include "domain/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/version.h"
#include "domain/lock.h"
#include "sql.h"

static int newest_version(void)
{
    return migrations[migration_count - 1].version;
}

static int schema_exists(struct history *history, bool *ret_exists, bool *ret_namespace,
                         struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_schema_exists, PG_NO_VALUES, &rows, err) < 0)
        return -1;
    *ret_exists = pg_bool(rows, 0, "present");
    *ret_namespace = pg_bool(rows, 0, "namespace_present");
    return 0;
}

/* "1.10.0" against "1.9.2", number by number. */
static int compare_versions(const char *a, const char *b)
{
    while (*a || *b) {
        char *a_end, *b_end;
        long a_number = strtol(a, &a_end, 10), b_number = strtol(b, &b_end, 10);
        if (a_number != b_number)
            return a_number < b_number ? -1 : 1;
        if (a_end == a && b_end == b)
            return 0;
        a = *a_end == '.' ? a_end + 1 : a_end;
        b = *b_end == '.' ? b_end + 1 : b_end;
    }
    return 0;
}

/* ---- whose it is ---- */

static bool same(const struct pg_rows *state, const char *column, const char *recorded)
{
    const char *a = pg_text(state, 0, column), *b = pg_text(state, 0, recorded);
    return a && b && strcmp(a, b) == 0;
}

/* A dump restored elsewhere, a database made from a template, a cloned server. */
static bool is_copied(const struct pg_rows *state)
{
    return pg_text(state, 0, "prefix") &&
           (!same(state, "system_identifier", "recorded_system_identifier") ||
            !same(state, "database_oid", "recorded_database_oid"));
}

/*
 * Whether the original is still used, only the user knows. A copy beside it must have a history of
 * its own: with the copied one it would write to, or drop, what the original's readers search.
 */
static int hint_at_copies(const struct pg_rows *state, const char *prefix, struct error *err)
{
    const char *recorded = pg_text(state, 0, "prefix");
    bool other = prefix && strcmp(prefix, recorded) != 0;
    return error_hint(err,
                      "If this database is used beside the original: DROP SCHEMA esmigrate CASCADE "
                      "here, then esmigrate es_init --prefix P with a prefix that the original "
                      "does not have. If it replaces the original (restored from a dump, moved): "
                      "esmigrate es_init --adopt%s%s%s",
                      other ? " --prefix '" : "", other ? recorded : "", other ? "'" : "");
}

/* ---- upgrade ---- */

static int changed_migration(const char *name, struct error *err)
{
    error_set(err, ERR_FAILED, "migration %s was applied to the history with another content",
              name);
    return error_hint(err, "This esmigrate, or the one that applied it, is no release: use the "
                           "released version.");
}

/* What is applied must be what this binary has under the same number. */
static int check_applied(struct history *history, int *ret_version, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_schema_migrations, PG_NO_VALUES, &rows, err) < 0)
        return -1;
    *ret_version = 0;
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        *ret_version = (int)pg_int(rows, i, "version");
        for (size_t m = 0; m < migration_count; m++) {
            char hex[SHA256_HEX_SIZE];
            if (migrations[m].version != *ret_version)
                continue;
            sha256_hex(migrations[m].sql, strlen(migrations[m].sql), hex);
            if (strcmp(hex, pg_text(rows, i, "sha256")) != 0)
                return changed_migration(pg_text(rows, i, "name"), err);
        }
    }
    return 0;
}

static int apply(struct history *history, const struct migration *migration, struct error *err)
{
    char hex[SHA256_HEX_SIZE];
    sha256_hex(migration->sql, strlen(migration->sql), hex);
    if (pg_run(history->pg, migration->sql, err) < 0)
        return error_prefix(err, "migration %s", migration->name);
    return history_query(history, sql_history_schema_record,
                         PG_VALUES(pg_number(migration->version).text, migration->name, hex,
                                   migration->oldest_binary),
                         NULL, err);
}

static int read_state(struct history *history, struct pg_rows **ret_state, struct error *err)
{
    return history_query(history, sql_history_schema_state, PG_NO_VALUES, ret_state, err);
}

static int changed_prefix_is_free(struct history *history, const struct pg_rows *state,
                                  const char *prefix, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_instances_live, PG_NO_VALUES, &rows, err) < 0)
        return -1;
    const char *recorded = pg_text(state, 0, "prefix");
    if (!pg_rows_count(rows) || !recorded || strcmp(recorded, prefix) == 0)
        return 0;
    error_set(err, ERR_FAILED,
              "the history has live instances with the prefix \"%s\", so \"%s\" cannot replace it",
              recorded, prefix);
    /* To drop them would be to drop the indexes of the original. */
    if (is_copied(state)) {
        error_detail(err, "It was copied here from another database; they are the original's.");
        return hint_at_copies(state, prefix, err);
    }
    return error_hint(
        err, "Give --prefix '%s', or drop the instances first: esmigrate es_drop NAME --all",
        recorded);
}

/* Asks for no right that is not needed: the schema may be there, and this role its owner only. */
static int make_namespace(struct history *history, bool *ret_exists, struct error *err)
{
    bool namespace_exists;
    if (schema_exists(history, ret_exists, &namespace_exists, err) < 0)
        return -1;
    return namespace_exists ? 0 : pg_run(history->pg, sql_history_schema_namespace, err);
}

static int upgrade_in_transaction(struct history *history, const char *prefix, bool adopt,
                                  struct schema_upgrade *upgrade, struct error *err)
{
    bool exists;
    if (make_namespace(history, &exists, err) < 0 ||
        (exists && check_applied(history, &upgrade->from, err) < 0))
        return -1;
    upgrade->to = upgrade->from;
    for (size_t i = 0; i < migration_count; i++) {
        if (exists && migrations[i].version <= upgrade->from)
            continue;
        if (apply(history, &migrations[i], err) < 0)
            return -1;
        upgrade->to = migrations[i].version;
    }
    if (history_query(history, sql_history_installation_record, PG_VALUES(prefix), NULL, err) < 0)
        return -1;
    if (!adopt)
        return 0;
    _cleanup_(pg_rows_freep) struct pg_rows *state = NULL;
    if (read_state(history, &state, err) < 0 ||
        changed_prefix_is_free(history, state, prefix, err) < 0)
        return -1;
    upgrade->copied = is_copied(state);
    return history_query(history, sql_history_installation_adopt, PG_VALUES(prefix), NULL, err);
}

int schema_upgrade(struct history *history, const char *prefix, bool adopt,
                   struct schema_upgrade *ret_upgrade, struct error *err)
{
    struct schema_upgrade upgrade = {};
    if (lock_take(history, LOCK_SCHEMA, 0, -1, err) < 0 || history_begin(history, err) < 0)
        return -1;
    int result = upgrade_in_transaction(history, prefix, adopt, &upgrade, err);
    if (result == 0)
        result = history_commit(history, err);
    else
        history_rollback(history);
    lock_release(history, LOCK_SCHEMA, 0);
    if (result == 0 && !adopt)
        result = schema_check(history, prefix, true, NULL, NULL, err);
    *ret_upgrade = upgrade;
    return result;
}

/* ---- check ---- */

int schema_check_cluster(struct history *history, const char *cluster_uuid, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_cluster_record, PG_VALUES(cluster_uuid), &rows, err) < 0)
        return -1;
    const char *recorded = pg_text(rows, 0, "cluster_uuid");
    if (!recorded || strcmp(recorded, cluster_uuid) == 0)
        return 0;
    error_set(err, ERR_FAILED, "this is another engine than the one that has the indexes");
    error_detail(err, "Its cluster_uuid is %s, the history has %s.", cluster_uuid, recorded);
    return error_hint(err, "Check --engine and its environment. If the indexes have moved here "
                           "for good: esmigrate es_init --adopt");
}

static int check_version(const struct pg_rows *state, struct error *err)
{
    int version = (int)pg_int(state, 0, "version");
    if (version < newest_version()) {
        error_set(err, ERR_FAILED,
                  "the history has schema version %d, this esmigrate needs version %d", version,
                  newest_version());
        return error_hint(err, "Upgrade it: esmigrate es_init");
    }
    _cleanup_free_ char *oldest = x_strdup(pg_text(state, 0, "oldest_binaries"));
    for (char *save = NULL, *word = strtok_r(oldest, " ", &save); word;
         word = strtok_r(NULL, " ", &save)) {
        if (compare_versions(ESMIGRATE_VERSION, word) >= 0)
            continue;
        error_set(err, ERR_FAILED,
                  "the history was upgraded for esmigrate %s or newer, this one is %s", word,
                  ESMIGRATE_VERSION);
        return error_hint(err, "Install esmigrate %s or newer.", word);
    }
    return 0;
}

static int check_identity(const struct pg_rows *state, const char *prefix, struct error *err)
{
    const char *recorded = pg_text(state, 0, "prefix");
    if (!recorded) {
        error_set(err, ERR_FAILED, "the history has no prefix recorded");
        return error_hint(err, "Complete it: esmigrate es_init");
    }
    if (is_copied(state)) {
        error_set(err, ERR_FAILED, "the history was copied here from another database");
        error_detail(err, "The indexes it names belong to the original, which may still write to "
                          "them.");
        return hint_at_copies(state, prefix, err);
    }
    if (strcmp(prefix, recorded) != 0) {
        error_set(err, ERR_FAILED, "the history belongs to the prefix \"%s\", not to \"%s\"",
                  recorded, prefix);
        return error_hint(err,
                          "Give --prefix '%s' (or ESMIGRATE_PREFIX), or take the history over "
                          "for \"%s\": esmigrate es_init --adopt --prefix '%s'",
                          recorded, prefix, prefix);
    }
    return 0;
}

/* The usual reason is another database than was meant, so the message names it. */
static int schema_missing(struct history *history, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_schema_exists, PG_NO_VALUES, &rows, err) < 0)
        return -1;
    error_set(err, ERR_FAILED, "the history schema is missing in the database \"%s\"",
              pg_text(rows, 0, "database"));
    return error_hint(err, "If it is the right database, create the schema: esmigrate es_init. If "
                           "not, name the right one with --history (ESMIGRATE_HISTORY).");
}

int schema_check(struct history *history, const char *prefix, bool writing, char **ret_prefix,
                 bool *ret_copied, struct error *err)
{
    bool exists, namespace_exists;
    if (schema_exists(history, &exists, &namespace_exists, err) < 0)
        return -1;
    if (!exists)
        return schema_missing(history, err);
    _cleanup_(pg_rows_freep) struct pg_rows *state = NULL;
    if (read_state(history, &state, err) < 0 || check_version(state, err) < 0 ||
        (writing && check_identity(state, prefix, err) < 0))
        return -1;
    if (ret_prefix)
        *ret_prefix = x_strdup(pg_text(state, 0, "prefix"));
    if (ret_copied)
        *ret_copied = is_copied(state);
    return 0;
}

/* What es_init would find wrong once everything is applied. */
static int plan_identity(struct history *history, const char *prefix, bool adopt, bool *ret_copied,
                         struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *state = NULL;
    if (read_state(history, &state, err) < 0)
        return -1;
    *ret_copied = is_copied(state);
    if (adopt)
        return changed_prefix_is_free(history, state, prefix, err);
    return pg_text(state, 0, "prefix") ? check_identity(state, prefix, err) : 0;
}

int schema_plan(struct history *history, const char *prefix, bool adopt,
                struct schema_upgrade *ret_upgrade, struct error *err)
{
    bool exists, namespace_exists;
    *ret_upgrade = (struct schema_upgrade){.to = newest_version()};
    if (schema_exists(history, &exists, &namespace_exists, err) < 0)
        return -1;
    if (exists && check_applied(history, &ret_upgrade->from, err) < 0)
        return -1;
    if (ret_upgrade->from > ret_upgrade->to)
        ret_upgrade->to = ret_upgrade->from;
    return ret_upgrade->from ? plan_identity(history, prefix, adopt, &ret_upgrade->copied, err) : 0;
}
