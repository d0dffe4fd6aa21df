#include "usecases/owner_source.h"

#include <string.h>

#include "base/memory.h"
#include "sql.h"

static const char lock_not_available[] = "55P03", no_privilege[] = "42501"; /* SQLSTATE */

int owner_source_open(struct context *context, const char *own, struct source **ret_source,
                      struct error *err)
{
    const char *owner = context->settings.owner;
    if (!owner || !*owner)
        return context_open_source(context, own, NULL, ret_source, err);
    struct source_options options = {
        .conninfo = owner,
        .lock_timeout_s = context->settings.lock_timeout_s,
    };
    if (source_open(&options, ret_source, err) == 0)
        return 0;
    if (err->kind == ERR_POSTGRES && !err->sqlstate[0])
        error_hint(err, "Is the server running, and are the connection string (--owner, "
                        "ESMIGRATE_SOURCE_OWNER), user and password right? Try the same with "
                        "psql.");
    return -1;
}

int owner_source_check(const struct source *source, const char *system_identifier,
                       const char *database_oid, const char *database, struct error *err)
{
    if (strcmp(source->system_identifier, system_identifier) == 0 &&
        strcmp(source->database_oid, database_oid) == 0)
        return 0;
    error_set(err, ERR_USAGE, "--owner names another database than the source");
    error_detail(err, "It is \"%s\"; the source is \"%s\".", pg_database(source->pg), database);
    return error_hint(err, "Name the same server and database, with the role that owns the table.");
}

int owner_source_failed(struct source *source, const char *table, struct error *err)
{
    _cleanup_(error_release) struct error ignored = {};
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (strcmp(err->sqlstate, no_privilege) == 0)
        return error_hint(err, "Name a role that owns the table and may CREATE in the database, "
                               "with --owner CONNINFO or ESMIGRATE_SOURCE_OWNER.");
    if (strcmp(err->sqlstate, lock_not_available) != 0)
        return -1;
    error_set(err, ERR_POSTGRES,
              "source database: gave up waiting for a table that another transaction has locked; "
              "nothing was changed");
    error_hint(err, "Let that transaction end, then run the same command again; or wait longer for "
                    "it with --lock-timeout SECONDS: writers of the table wait meanwhile.");
    if (pg_run(source->pg, "ROLLBACK", &ignored) < 0 ||
        pg_query(source->pg, sql_source_track_blockers, PG_VALUES(table), &rows, &ignored) < 0 ||
        !pg_rows_count(rows))
        return -1;
    _cleanup_free_ char *since = time_rfc3339(pg_text(rows, 0, "since"));
    return error_detail(err, "The session with pid %s (%s) locks %s%s%s.", pg_text(rows, 0, "pid"),
                        pg_text(rows, 0, "application"), pg_text(rows, 0, "relation"),
                        since ? ", in a transaction since " : "", since ? since : "");
}
