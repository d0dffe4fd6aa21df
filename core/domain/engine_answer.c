#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "domain/engine.h"

/* ---- texts ---- */

/* The text's first `length` bytes as one line, at most `longest` of them: then it ends with a whole
 * word, since half a secret would not be recognised as one (rule R10). The caller's. */
static char *shortened(const char *text, size_t length, size_t longest)
{
    static const char blanks[] = " \t\r\n";
    if (length > longest) {
        size_t word = length = utf8_cut(text, longest);
        while (word && !strchr(blanks, text[word]))
            word--;
        length = word ? word : length;
    }
    while (length && strchr(blanks, text[length - 1]))
        length--;
    char *line = x_strndup(text, length);
    for (char *c = line; (c = strpbrk(c, blanks)); c++)
        *c = ' ';
    return line;
}

/* Where it begins to quote the request, or its end. */
static size_t length_before_quote(const char *line)
{
    static const char mark[] = "at [Source:";
    const char *quoted = line;
    while ((quoted = strstr(quoted, mark)) && quoted > line && quoted[-1] != ' ')
        quoted++;
    if (!quoted)
        return strlen(line);
    return quoted > line ? (size_t)(quoted - line) - 1 : 0;
}

char *engine_cut_reason(const char *reason)
{
    /* Made one line first: that must not make the mark of what is no longer looked for. */
    _cleanup_free_ char *line = shortened(reason, strlen(reason), SIZE_MAX);
    return shortened(line, length_before_quote(line), 1000);
}

/* Of an answer that is not the engine's; the caller's. */
static char *first_line(const struct buffer *response)
{
    _cleanup_free_ char *clean = utf8_clean(buffer_cstr(response));
    return shortened(clean, strcspn(clean, "\r\n"), 200);
}

/* ---- whose answer it is ---- */

/* In Elasticsearch's words, and in OpenSearch's: {"error":{"type":...}}, of an alias
 * {"error":"alias [x] missing"}; and the health that was waited for in vain. */
static bool is_in_its_words(int status, const json *answer)
{
    static const char alias[] = "alias";
    json *error = json_get(answer, "error");
    if (json_text(json_get(error, "type"), NULL))
        return true;
    if (status == 408)
        return json_get(answer, "timed_out") != NULL;
    return strncmp(json_text(error, ""), alias, strlen(alias)) == 0;
}

static bool is_engines(int status, const json *answer)
{
    return (status != 404 && status != 408) || is_in_its_words(status, answer);
}

static json *parse_answer(const struct http_request *request)
{
    _cleanup_(error_release) struct error ignored = {};
    return json_parse(buffer_cstr(&request->response), request->response.length, &ignored);
}

bool engine_is_answer(const struct http_request *request)
{
    _cleanup_(json_freep) json *answer = parse_answer(request);
    return is_engines(request->status, answer);
}

bool engine_refused(const struct error *err)
{
    return err->http_code >= 400 && err->http_code < 500;
}

/* ---- errors ---- */

static int moved(const struct http_request *request, const char *doing, struct error *err)
{
    error_set(err, ERR_ENGINE, "engine: %s: HTTP %d: moved to %s", doing, request->status,
              request->redirect);
    err->http_code = request->status;
    return error_hint(err, "If the engine is there, name that URL with --engine.");
}

static int advise_on_access(enum http_access access, struct error *err)
{
    static const char *const advice[] = {
        [HTTP_ANONYMOUS] = "The engine wants to know who asks: give --engine-user and "
                           "--engine-password-file, --api-key-file or --bearer-file.",
        [HTTP_BASIC] = "Check the user and the password: those of --engine-user and "
                       "--engine-password-file, or of the URL.",
        [HTTP_API_KEY] = "Check the key of --api-key-file: it must be the base64 of id:key.",
        [HTTP_BEARER] = "Check the token of --bearer-file.",
    };
    return error_hint(err, "%s", advice[access]);
}

static int found_member(const char *key, json *value, void *data)
{
    (void)key;
    (void)value;
    (void)data;
    return 1;
}

/* What the engine says of a pipeline that is not there; nothing is deleted on the strength of it.
 */
static bool is_empty(const json *answer)
{
    return json_is_object(answer) && json_each(answer, found_member, NULL) == 0;
}

static int not_from_engine(const struct http_request *request, const char *doing, struct error *err)
{
    _cleanup_free_ char *line = first_line(&request->response);
    _cleanup_free_ char *words = engine_cut_reason(line);
    error_set(err, ERR_ENGINE, "engine: %s: HTTP %d, not from the engine%s%s", doing,
              request->status, *words ? ": " : "", words);
    error_detail(err, "A gateway or load balancer answered in its place.");
    return error_hint(err, "See that it has the engine behind it, and that --engine has the right "
                           "path; then run the same command again.");
}

int engine_answer_error(const struct http_request *request, const char *doing, struct error *err)
{
    if (request->failure)
        return error_set(err, ERR_ENGINE, "engine: %s: %s", doing, request->failure);
    if (request->redirect)
        return moved(request, doing, err);

    _cleanup_(json_freep) json *answer = parse_answer(request);
    if (!is_engines(request->status, answer) && !is_empty(answer))
        return not_from_engine(request, doing, err);
    json *error = json_get(answer, "error");
    const char *type = json_text(json_get(error, "type"), NULL);
    /* What stands between may answer in words of its own, for example "Bad Gateway". */
    _cleanup_free_ char *plain = answer ? x_strdup("") : first_line(&request->response);
    const char *reason = json_text(json_get(error, "reason"), json_text(error, plain));
    _cleanup_free_ char *cut = engine_cut_reason(reason);
    if (type)
        error_set(err, ERR_ENGINE, "engine: %s: %s: %s", doing, type, cut);
    else
        error_set(err, ERR_ENGINE, "engine: %s: HTTP %d%s%s", doing, request->status,
                  *cut ? ": " : "", cut);
    /* What a search says of its shards ("all shards failed") names no cause on some. */
    json *cause = json_get(error, "caused_by"), *roots = json_get(error, "root_cause");
    if (!cause && json_length(roots))
        cause = json_at(roots, 0);
    const char *cause_type = json_text(json_get(cause, "type"), NULL);
    if (cause_type) {
        _cleanup_free_ char *why = engine_cut_reason(json_text(json_get(cause, "reason"), ""));
        if (!strstr(err->message, why)) /* it often says the same again */
            error_detail(err, "%s: %s", cause_type, why);
    }
    if (request->status == 401)
        advise_on_access(request->access, err);
    err->http_code = request->status;
    return -1;
}
