/* domain/canonical: one form for one meaning. What it takes is JSON to json-c as well. */
#include "fuzz.h"

#include "base/buffer.h"
#include "base/utf8.h"
#include "clients/json.h"
#include "domain/canonical.h"

/* The value with white space wherever it may stand. */
static char *with_spaces(const char *canonical, uint8_t seed)
{
    static const char spaces[] = " \t\r\n";
    struct buffer spaced = BUFFER(BUFFER_TEXT_MAX);
    bool in_string = false;
    for (const char *c = canonical; *c; c++) {
        bool mark = !in_string && strchr("{}[]:,", *c);
        if (mark)
            buffer_char(&spaced, spaces[seed++ % 4]);
        buffer_char(&spaced, *c);
        if (mark)
            buffer_char(&spaced, spaces[seed++ % 4]);
        if (in_string && *c == '\\')
            buffer_char(&spaced, *++c);
        else if (*c == '"')
            in_string = !in_string;
    }
    return buffer_take(&spaced);
}

static void check_same(const char *text, const char *wanted)
{
    _cleanup_(error_release) struct error err = {};
    _cleanup_free_ char *again = canonical_json(text, &err);
    MUST(again && strcmp(again, wanted) == 0);
}

static void check_refused(const char *text, const char *message)
{
    _cleanup_(error_release) struct error err = {};
    _cleanup_free_ char *canonical = canonical_json(text, &err);
    MUST(!canonical && err.kind == ERR_USAGE);
    MUST(strstr(err.message, message) || strstr(err.message, "nested too deep"));
}

static void check_in_objects(const char *value)
{
    _cleanup_free_ char *sorted = x_printf("{\"a\":%s,\"b\":%s}", value, value);
    _cleanup_free_ char *turned = x_printf("{\"\\u0062\":%s , \"\\u0061\":%s}", value, value);
    _cleanup_free_ char *twice = x_printf("{\"a\":%s,\"b\":1,\"\\u0061\":%s}", value, value);
    _cleanup_(error_release) struct error err = {};
    _cleanup_free_ char *canonical = canonical_json(turned, &err);
    if (canonical)
        MUST(strcmp(canonical, sorted) == 0);
    else
        MUST(strstr(err.message, "nested too deep"));
    check_refused(twice, "appears twice");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    uint8_t seed = take_byte(&input);
    _cleanup_free_ char *text = take_rest(&input);
    _cleanup_(error_release) struct error err = {}, parse_error = {};
    _cleanup_free_ char *canonical = canonical_json(text, &err);
    MUST(!canonical == error_is_set(&err));
    if (!canonical) {
        MUST(err.kind == ERR_USAGE && strncmp(err.message, "line ", 5) == 0);
        return 0;
    }
    MUST(!utf8_first_wrong(canonical));
    check_same(canonical, canonical);
    _cleanup_free_ char *spaced = with_spaces(canonical, seed);
    check_same(spaced, canonical);
    check_in_objects(canonical);

    /* json-c says the same of it, but has no room for a null of its own. */
    _cleanup_(json_freep) json *parsed = json_parse(text, strlen(text), &parse_error);
    MUST(parsed || strcmp(canonical, "null") == 0 || strstr(parse_error.message, "deep"));
    return 0;
}
