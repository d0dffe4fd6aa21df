#include "clients/pg_question.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct pg_question {
    PGconn *connection;
    PostgresPollingStatusType opening; /* PGRES_POLLING_OK: it is open */
    char *name;
    char *settings;    /* which are run first */
    char *search_path; /* or NULL */
    PGresult *result;  /* the last one that came */
    bool asked;
};

static int failed(struct pg_question *question, const char *what, struct error *err)
{
    _cleanup_free_ char *text = pg_one_line(PQerrorMessage(question->connection));
    return error_set(err, ERR_POSTGRES, "%s database: %s: %s", question->name, what, text);
}

static void ignore_notice(void *data, const char *message)
{
    (void)data;
    (void)message;
}

int pg_question_open(const struct pg_options *options, int timeout_ms, const char *first,
                     struct pg_question **ret_question, struct error *err)
{
    const char *keywords[] = {"dbname", "fallback_application_name", "client_encoding", NULL};
    const char *values[] = {options->conninfo, "esmigrate", "UTF8", NULL};
    struct buffer settings = BUFFER(BUFFER_TEXT_MAX);
    struct pg_question *question = x_calloc(1, sizeof(*question));
    pg_settings(options, &settings);
    buffer_printf(&settings,
                  "SET statement_timeout = %d; SET default_transaction_read_only = on;%s;",
                  timeout_ms, first);
    question->name = x_strdup(options->name);
    question->search_path = x_strdup(options->search_path);
    question->settings = buffer_take(&settings);
    question->opening = PGRES_POLLING_WRITING;
    question->connection = PQconnectStartParams(keywords, values, 1);
    if (!question->connection || PQstatus(question->connection) == CONNECTION_BAD) {
        failed(question, "cannot connect", err);
        pg_question_close(question);
        return -1;
    }
    PQsetNoticeProcessor(question->connection, ignore_notice, NULL);
    *ret_question = question;
    return 0;
}

void pg_question_close(struct pg_question *question)
{
    if (!question)
        return;
    PQclear(question->result);
    PQfinish(question->connection);
    free(question->name);
    free(question->settings);
    free(question->search_path);
    free(question);
}

static bool is_ready(const struct pg_question *question, short events)
{
    struct pollfd now = {.fd = PQsocket(question->connection), .events = events};
    return poll(&now, 1, 0) > 0;
}

static int run_settings(struct pg_question *question, struct error *err)
{
    PGconn *connection = question->connection;
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    buffer_text(&sql, question->settings);
    if (question->search_path) {
        char *path =
            PQescapeLiteral(connection, question->search_path, strlen(question->search_path));
        buffer_printf(&sql, "SELECT pg_catalog.set_config('search_path', %s, false);",
                      path ? path : "''");
        PQfreemem(path);
    }
    if (PQsetnonblocking(connection, 1) < 0 || !PQsendQuery(connection, buffer_cstr(&sql)))
        return failed(question, "cannot send a statement", err);
    return 0;
}

static enum pg_answer go_on_opening(struct pg_question *question, struct error *err)
{
    while (question->opening != PGRES_POLLING_OK) {
        if (question->opening == PGRES_POLLING_FAILED) {
            failed(question, "cannot connect", err);
            return PG_ANSWER_ERROR;
        }
        if (!is_ready(question, question->opening == PGRES_POLLING_READING ? POLLIN : POLLOUT))
            return PG_ANSWER_LATER;
        question->opening = PQconnectPoll(question->connection);
        if (question->opening == PGRES_POLLING_OK && run_settings(question, err) < 0)
            return PG_ANSWER_ERROR;
    }
    return PG_ANSWER_HERE;
}

/* The results that are there; NULL at the end of what was asked. */
static enum pg_answer take_results(struct pg_question *question, struct error *err)
{
    while (!PQisBusy(question->connection)) {
        PGresult *result = PQgetResult(question->connection);
        if (!result)
            return PG_ANSWER_HERE;
        PQclear(question->result);
        question->result = result;
        ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
            const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
            _cleanup_free_ char *text = pg_one_line(primary ? primary : "connection lost");
            error_set(err, ERR_POSTGRES, "%s database: %s", question->name, text);
            return PG_ANSWER_ERROR;
        }
    }
    return PG_ANSWER_LATER;
}

enum pg_answer pg_question_look(struct pg_question *question, const char **ret_text,
                                struct error *err)
{
    enum pg_answer opened = go_on_opening(question, err);
    *ret_text = NULL;
    if (opened != PG_ANSWER_HERE)
        return opened;
    if (PQflush(question->connection) < 0 || !PQconsumeInput(question->connection)) {
        failed(question, "connection lost", err);
        return PG_ANSWER_ERROR;
    }
    enum pg_answer answer = take_results(question, err);
    const PGresult *result = question->result;
    if (answer == PG_ANSWER_HERE && question->asked && PQntuples(result) &&
        !PQgetisnull(result, 0, 0))
        *ret_text = PQgetvalue(result, 0, 0);
    return answer;
}

int pg_question_ask(struct pg_question *question, const char *sql, const char *value,
                    struct error *err)
{
    if (!PQsendQueryParams(question->connection, sql, value ? 1 : 0, NULL, &value, NULL, NULL, 0))
        return failed(question, "cannot send a statement", err);
    question->asked = true;
    return 0;
}
