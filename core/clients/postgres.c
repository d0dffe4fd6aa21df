#include "clients/postgres.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/stop.h"
#include "clients/copy_reader.h"
#include "clients/pg_pooler.h"
#include "clients/pg_text.h"

struct pg {
    PGconn *connection;
    char *name;
    bool heeds_stop;
    bool is_default; /* no connection string was given */
    bool is_pooled;
    const struct ticker *ticker;
    char *copy_message; /* the CopyData message that is being read */
    struct copy_reader copy;
    bool streams;  /* rows come as results, not as COPY data */
    PGresult *row; /* of a stream: the one that was given out */
};

struct pg_rows {
    PGresult *result;
};

/* Values must not depend on who runs the program or on the server's configuration (section 2). */
const struct pg_setting pg_value_settings[] = {
    {"TimeZone", "'UTC'"},
    {"DateStyle", "'ISO'"},
    {"IntervalStyle", "'postgres'"},
    {"bytea_output", "'hex'"},
    {"extra_float_digits", "1"},
    {"lc_monetary", "'C'"},
    {},
};

static const char other_settings[] =
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;"
    "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings "
    "WHERE name IN ('idle_session_timeout', 'transaction_timeout');" /* of newer servers */
    "SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off;"
    "SET client_min_messages = 'warning';";

/* ---- errors ---- */

static int connection_error(struct pg *pg, const char *what, struct error *err)
{
    _cleanup_free_ char *text = pg_one_line(PQerrorMessage(pg->connection));
    return error_set(err, ERR_POSTGRES, "%s database: %s: %s", pg->name, what, text);
}

static int result_error(struct pg *pg, const PGresult *result, struct error *err)
{
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (pg->heeds_stop && stop_check(err) < 0)
        return -1; /* the statement was cancelled for it */
    if (!primary)
        return connection_error(pg, "connection failed", err);

    _cleanup_free_ char *message = pg_one_line(primary);
    _cleanup_free_ char *detail = pg_one_line(PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
    _cleanup_free_ char *hint = pg_one_line(PQresultErrorField(result, PG_DIAG_MESSAGE_HINT));
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);

    error_set(err, ERR_POSTGRES, "%s database: %s", pg->name, message);
    if (detail)
        error_detail(err, "%s", detail);
    if (hint)
        error_hint(err, "%s", hint);
    if (state)
        snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", state);
    if (position)
        err->position = atoi(position);
    return -1;
}

/* ---- connection ---- */

/* Waits a while for the socket and, if `or_stop`, for the stop flag. */
static int wait_socket(struct pg *pg, short events, bool or_stop, struct error *err)
{
    struct pollfd wait[] = {
        {.fd = PQsocket(pg->connection), .events = events},
        {.fd = or_stop ? stop_fd() : -1, .events = POLLIN},
    };
    if (poll(wait, 2, ticker_limit(pg->ticker, -1)) < 0 && errno != EINTR)
        return error_set(err, ERR_POSTGRES, "%s database: poll: %s", pg->name, strerror(errno));
    ticker_call(pg->ticker);
    return 0;
}

/* Without libpq's own advice ("Is the server running ...?"), lines that begin with a tab. */
static int cannot_connect(struct pg *pg, struct error *err)
{
    _cleanup_free_ char *text = x_strdup(PQerrorMessage(pg->connection));
    for (char *advice; (advice = strstr(text, "\n\t"));) {
        const char *next = advice + 1 + strcspn(advice + 1, "\n");
        memmove(advice, next, strlen(next) + 1);
    }
    _cleanup_free_ char *line = pg_one_line(text);
    bool is_source = strcmp(pg->name, "source") == 0;
    error_set(err, ERR_POSTGRES, "%s database: cannot connect: %s", pg->name, line);
    if (pg->is_default && !is_source)
        return error_hint(err, "Neither --history nor ESMIGRATE_HISTORY is given; libpq's own "
                               "environment (PGHOST, PGDATABASE, ...) and defaults were used. "
                               "Name the database, for example: --history 'host=localhost "
                               "dbname=app'. Try the same with psql.");
    return error_hint(
        err,
        "Is the server running, and are the connection string (--%s, %s), user and "
        "password right? Try the same with psql.",
        pg->name, is_source ? "ESMIGRATE_SOURCE, \"source\" in master.json" : "ESMIGRATE_HISTORY");
}

static int connect_and_wait(struct pg *pg, struct error *err)
{
    for (PostgresPollingStatusType state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
        if (state == PGRES_POLLING_FAILED || PQstatus(pg->connection) == CONNECTION_BAD)
            return cannot_connect(pg, err);
        short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (wait_socket(pg, events, true, err) < 0 || stop_check(err) < 0)
            return -1;
        state = PQconnectPoll(pg->connection);
    }
    return 0;
}

static void ignore_notice(void *data, const char *message)
{
    (void)data;
    (void)message;
}

void pg_settings(const struct pg_options *options, struct buffer *sql)
{
    for (const struct pg_setting *pinned = pg_value_settings; pinned->name; pinned++)
        buffer_printf(sql, "SET %s = %s;", pinned->name, pinned->value);
    buffer_printf(sql, "%sSET lock_timeout = '%ds';", other_settings, options->lock_timeout_s);
}

static int apply_settings(struct pg *pg, const struct pg_options *options, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    pg_settings(options, &sql);
    if (pg_run(pg, buffer_cstr(&sql), err) < 0)
        return -1;
    if (!options->search_path)
        return 0;
    return pg_query(pg, "SELECT pg_catalog.set_config('search_path', $1, false)",
                    PG_VALUES(options->search_path), NULL, err);
}

const char *pg_database(const struct pg *pg)
{
    return PQdb(pg->connection);
}

int pg_announced_pid(const struct pg *pg)
{
    return PQbackendPID(pg->connection);
}

bool pg_is_pooled(const struct pg *pg)
{
    return pg->is_pooled;
}

int pg_open(const struct pg_options *options, struct pg **ret_pg, struct error *err)
{
    /* A parse error is told without libpq's text, which quotes the string with its password. A
     * plain database name is no connection string, but libpq takes it as psql does. */
    PQconninfoOption *parsed = PQconninfoParse(options->conninfo, NULL);
    if (!parsed && strpbrk(options->conninfo, "=:")) {
        error_set(err, ERR_USAGE, "the connection string of the %s database is malformed",
                  options->name);
        return error_hint(err, "Write keyword=value pairs (host=... dbname=...) or a URI "
                               "(postgresql://user@host/dbname).");
    }
    PQconninfoFree(parsed);

    const char *keywords[] = {"dbname", "fallback_application_name", "client_encoding", NULL};
    const char *values[] = {options->conninfo, "esmigrate", "UTF8", NULL};
    _cleanup_(pg_closep) struct pg *pg = x_calloc(1, sizeof(*pg));
    pg->name = x_strdup(options->name);
    pg->heeds_stop = options->heeds_stop;
    pg->is_default = !*options->conninfo;
    pg->connection = PQconnectStartParams(keywords, values, 1);
    if (!pg->connection)
        return error_set(err, ERR_POSTGRES, "%s database: cannot connect", options->name);
    if (connect_and_wait(pg, err) < 0)
        return -1;
    PQsetNoticeProcessor(pg->connection, ignore_notice, NULL);
    if (PQsetnonblocking(pg->connection, 1) < 0)
        return connection_error(pg, "cannot switch to non-blocking", err);
    if (!options->bare && (pg_pooler_refuse(pg, options, &pg->is_pooled, err) < 0 ||
                           apply_settings(pg, options, err) < 0))
        return -1;
    *ret_pg = TAKE_PTR(pg);
    return 0;
}

void pg_close(struct pg *pg)
{
    if (!pg)
        return;
    PQfreemem(pg->copy_message);
    PQclear(pg->row);
    PQfinish(pg->connection);
    free(pg->name);
    free(pg);
}

int pg_check(struct pg *pg, struct error *err)
{
    if (!PQconsumeInput(pg->connection) || PQstatus(pg->connection) != CONNECTION_OK)
        return connection_error(pg, "connection lost", err);
    return 0;
}

int pg_socket(const struct pg *pg)
{
    return PQsocket(pg->connection);
}

void pg_set_ticker(struct pg *pg, const struct ticker *ticker)
{
    pg->ticker = ticker;
}

/* ---- statements ---- */

static void cancel(struct pg *pg)
{
    char ignored[256];
    PGcancel *handle = PQgetCancel(pg->connection);
    if (handle)
        PQcancel(handle, ignored, sizeof(ignored));
    PQfreeCancel(handle);
}

static int flush(struct pg *pg, struct error *err)
{
    for (;;) {
        int state = PQflush(pg->connection);
        if (state == 0)
            return 0;
        if (state < 0)
            return connection_error(pg, "cannot send", err);
        if (wait_socket(pg, POLLIN | POLLOUT, false, err) < 0 || pg_check(pg, err) < 0)
            return -1;
    }
}

/* The next result, waited for; NULL at the end of the statement. A stop cancels it, once. */
static int next_result(struct pg *pg, bool *cancelled, PGresult **ret_result, struct error *err)
{
    while (PQisBusy(pg->connection)) {
        if (pg->heeds_stop && stop_signal() && !*cancelled) {
            cancel(pg);
            *cancelled = true;
        }
        if (wait_socket(pg, POLLIN, pg->heeds_stop && !*cancelled, err) < 0 ||
            pg_check(pg, err) < 0)
            return -1;
    }
    *ret_result = PQgetResult(pg->connection);
    return 0;
}

static void drain(struct pg *pg)
{
    PGresult *result;
    while ((result = PQgetResult(pg->connection)))
        PQclear(result);
}

/*
 * Collects the results of what was sent: the last one goes to *ret_result, the first error wins.
 * A result that opens a COPY is the last one that is waited for.
 */
static int collect(struct pg *pg, PGresult **ret_result, struct error *err)
{
    PGresult *last = NULL;
    bool failed = false, cancelled = false;
    for (;;) {
        PGresult *result = NULL;
        if (next_result(pg, &cancelled, &result, err) < 0) {
            PQclear(last);
            return -1;
        }
        if (!result)
            break;
        ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_COPY_OUT &&
            !failed) {
            result_error(pg, result, err);
            failed = true;
        }
        PQclear(last);
        last = result;
        if (status == PGRES_COPY_OUT)
            break;
    }
    if (failed) {
        PQclear(last);
        return -1;
    }
    *ret_result = last;
    return 0;
}

int pg_run(struct pg *pg, const char *sql, struct error *err)
{
    PGresult *result = NULL;
    if (!PQsendQuery(pg->connection, sql))
        return connection_error(pg, "cannot send a statement", err);
    if (flush(pg, err) < 0 || collect(pg, &result, err) < 0)
        return -1;
    PQclear(result);
    return 0;
}

int pg_query(struct pg *pg, const char *sql, const char *const *values, size_t count,
             struct pg_rows **ret_rows, struct error *err)
{
    PGresult *result = NULL;
    if (!PQsendQueryParams(pg->connection, sql, (int)count, NULL, values, NULL, NULL, 0))
        return connection_error(pg, "cannot send a statement", err);
    if (flush(pg, err) < 0 || collect(pg, &result, err) < 0)
        return -1;
    if (!ret_rows) {
        PQclear(result);
        return 0;
    }
    struct pg_rows *rows = x_calloc(1, sizeof(*rows));
    rows->result = result;
    *ret_rows = rows;
    return 0;
}

size_t pg_rows_count(const struct pg_rows *rows)
{
    return (size_t)PQntuples(rows->result);
}

const char *pg_text(const struct pg_rows *rows, size_t row, const char *column)
{
    int number = PQfnumber(rows->result, column);
    if (number < 0)
        __builtin_trap(); /* a statement of ours and its reader have drifted apart */
    if (PQgetisnull(rows->result, (int)row, number))
        return NULL;
    return PQgetvalue(rows->result, (int)row, number);
}

void pg_rows_free(struct pg_rows *rows)
{
    if (!rows)
        return;
    PQclear(rows->result);
    free(rows);
}

/* ---- description ---- */

static int name_types(struct pg *pg, PGresult *described, struct pg_description *description,
                      struct error *err)
{
    _cleanup_(buffer_release) struct buffer oids = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    for (size_t i = 0; i < description->count; i++)
        buffer_printf(&oids, "%c%u", i ? ',' : '{', PQftype(described, (int)i));
    buffer_text(&oids, description->count ? "}" : "{}");
    if (pg_query(pg,
                 "SELECT pg_catalog.format_type(t.oid, -1) AS type"
                 " FROM pg_catalog.unnest($1::oid[]) WITH ORDINALITY t (oid, place) ORDER BY place",
                 PG_VALUES(buffer_cstr(&oids)), &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < description->count; i++) {
        struct pg_column *column = &description->columns[i];
        column->name = x_strdup(PQfname(described, (int)i));
        column->type_oid = PQftype(described, (int)i);
        column->table_oid = PQftable(described, (int)i);
        column->table_column = PQftablecol(described, (int)i);
        column->modifier = PQfmod(described, (int)i);
        column->type = x_strdup(pg_text(rows, i, "type"));
    }
    return 0;
}

int pg_describe(struct pg *pg, const char *sql, struct pg_description *ret_description,
                struct error *err)
{
    static const char statement[] = "esmigrate_description";
    PGresult *result = NULL;
    if (!PQsendPrepare(pg->connection, statement, sql, 0, NULL))
        return connection_error(pg, "cannot send a statement", err);
    if (flush(pg, err) < 0 || collect(pg, &result, err) < 0)
        return -1;
    PQclear(result);
    result = NULL;
    if (!PQsendDescribePrepared(pg->connection, statement))
        return connection_error(pg, "cannot send a statement", err);
    if (flush(pg, err) < 0 || collect(pg, &result, err) < 0)
        return -1;

    struct pg_description description = {
        .count = (size_t)PQnfields(result),
        .parameters = (size_t)PQnparams(result),
        .parameter_oid = PQnparams(result) ? PQparamtype(result, 0) : 0,
    };
    description.columns = x_calloc(description.count, sizeof(*description.columns));
    int named = name_types(pg, result, &description, err);
    PQclear(result);
    if (named < 0 || pg_run(pg, "DEALLOCATE esmigrate_description", err) < 0) {
        pg_description_release(&description);
        return -1;
    }
    *ret_description = description;
    return 0;
}

void pg_description_release(struct pg_description *description)
{
    for (size_t i = 0; i < description->count; i++) {
        free(description->columns[i].name);
        free(description->columns[i].type);
    }
    free(description->columns);
    *description = (struct pg_description){};
}

/* ---- rows one by one ---- */

int pg_copy_start(struct pg *pg, const char *sql, struct error *err)
{
    PGresult *result = NULL;
    if (!PQsendQuery(pg->connection, sql))
        return connection_error(pg, "cannot send a statement", err);
    if (flush(pg, err) < 0 || collect(pg, &result, err) < 0)
        return -1;
    bool opened = PQresultStatus(result) == PGRES_COPY_OUT;
    PQclear(result);
    if (!opened)
        return error_set(err, ERR_POSTGRES, "%s database: the statement opened no COPY", pg->name);
    pg->copy = (struct copy_reader){};
    pg->streams = false;
    return 0;
}

int pg_stream_start(struct pg *pg, const char *sql, const char *const *values, size_t count,
                    struct error *err)
{
    if (!PQsendQueryParams(pg->connection, sql, (int)count, NULL, values, NULL, NULL, 1) ||
        !PQsetSingleRowMode(pg->connection))
        return connection_error(pg, "cannot send a statement", err);
    pg->streams = true;
    return flush(pg, err);
}

static void drop_message(struct pg *pg)
{
    PQclear(pg->row);
    pg->row = NULL;
    PQfreemem(pg->copy_message);
    pg->copy_message = NULL;
    copy_reader_give(&pg->copy, NULL, 0);
}

static enum pg_copy copy_broken(struct pg *pg, struct error *err)
{
    pg_copy_cancel(pg);
    error_set(err, ERR_POSTGRES, "%s database: malformed binary COPY data", pg->name);
    return PG_COPY_ERROR;
}

/* The end of the stream: its trailer was read and the command's result decides. */
static enum pg_copy copy_finish(struct pg *pg, struct error *err)
{
    PGresult *result = NULL;
    drop_message(pg);
    if (collect(pg, &result, err) < 0)
        return PG_COPY_ERROR;
    PQclear(result);
    return PG_COPY_END;
}

/* The next message of the COPY into the reader. */
static enum pg_copy next_message(struct pg *pg, struct error *err)
{
    drop_message(pg);
    int length = PQgetCopyData(pg->connection, &pg->copy_message, 1);
    if (length == 0) {
        if (pg_check(pg, err) < 0)
            return PG_COPY_ERROR;
        length = PQgetCopyData(pg->connection, &pg->copy_message, 1);
    }
    if (length == 0)
        return PG_COPY_WAIT;
    if (length == -1)
        return copy_finish(pg, err);
    if (length < 0) {
        connection_error(pg, "COPY failed", err);
        return PG_COPY_ERROR;
    }
    copy_reader_give(&pg->copy, pg->copy_message, (size_t)length);
    return PG_COPY_ROWS;
}

/* As pg_copy_next(), of a stream. Its results: one for each row, one for the end, or an error. */
static enum pg_copy stream_next(struct pg *pg, struct span *ret_fields, size_t count,
                                struct error *err)
{
    drop_message(pg);
    if (PQisBusy(pg->connection) && pg_check(pg, err) < 0)
        return PG_COPY_ERROR;
    if (PQisBusy(pg->connection))
        return PG_COPY_WAIT;
    pg->row = PQgetResult(pg->connection);
    ExecStatusType status = PQresultStatus(pg->row);
    if (status != PGRES_SINGLE_TUPLE || PQnfields(pg->row) != (int)count) {
        int result = status == PGRES_TUPLES_OK ? 0 : result_error(pg, pg->row, err);
        drop_message(pg);
        drain(pg);
        return result < 0 ? PG_COPY_ERROR : PG_COPY_END;
    }
    for (int i = 0; i < (int)count; i++) {
        ret_fields[i].data = PQgetisnull(pg->row, 0, i) ? NULL : PQgetvalue(pg->row, 0, i);
        ret_fields[i].length = (size_t)PQgetlength(pg->row, 0, i);
    }
    return PG_COPY_ROWS;
}

enum pg_copy pg_copy_next(struct pg *pg, struct span *ret_fields, size_t count, struct error *err)
{
    if (pg->streams)
        return stream_next(pg, ret_fields, count, err);
    for (;;) {
        enum pg_copy state;
        switch (copy_reader_next(&pg->copy, ret_fields, count)) {
        case COPY_ROW:
            return PG_COPY_ROWS;
        case COPY_BROKEN:
            return copy_broken(pg, err);
        case COPY_MORE:
        case COPY_TRAILER: /* what follows is the end of the stream */
            state = next_message(pg, err);
            if (state != PG_COPY_ROWS)
                return state;
        }
    }
}

int pg_copy_wait(struct pg *pg, struct error *err)
{
    return wait_socket(pg, POLLIN, true, err) < 0 ? -1 : stop_check(err);
}

void pg_copy_cancel(struct pg *pg)
{
    cancel(pg);
    drop_message(pg);
    char *message;
    while (!pg->streams && PQgetCopyData(pg->connection, &message, 0) > 0)
        PQfreemem(message);
    drain(pg);
}

/* ---- texts ---- */

char *pg_literal(struct pg *pg, const char *text)
{
    char *quoted = PQescapeLiteral(pg->connection, text, strlen(text));
    char *copy = x_strdup(quoted ? quoted : "NULL");
    PQfreemem(quoted);
    return copy;
}

char *pg_identifier(struct pg *pg, const char *name)
{
    char *quoted = PQescapeIdentifier(pg->connection, name, strlen(name));
    char *copy = x_strdup(quoted ? quoted : "\"\"");
    PQfreemem(quoted);
    return copy;
}
