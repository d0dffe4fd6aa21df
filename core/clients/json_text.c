#include "clients/json_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "clients/json.h"

static void skip_space(struct json_cursor *cursor)
{
    while (cursor->at < cursor->end && strchr(" \t\r\n", *cursor->at) && *cursor->at)
        cursor->at++;
}

static bool is_at(struct json_cursor *cursor, char c)
{
    skip_space(cursor);
    return cursor->at < cursor->end && *cursor->at == c;
}

static void skip_string(struct json_cursor *cursor)
{
    for (cursor->at++; cursor->at < cursor->end && *cursor->at != '"'; cursor->at++)
        if (*cursor->at == '\\')
            cursor->at++;
    cursor->at = cursor->at < cursor->end ? cursor->at + 1 : cursor->end;
}

/* A string, an object or an array with all that is in it, or a word. */
static struct span take_value(struct json_cursor *cursor)
{
    skip_space(cursor);
    const char *start = cursor->at;
    int depth = 0;
    while (cursor->at < cursor->end) {
        char c = *cursor->at;
        if (c == '"') {
            skip_string(cursor);
        } else if (c == '{' || c == '[') {
            depth++;
            cursor->at++;
        } else if (depth && (c == '}' || c == ']')) {
            depth--;
            cursor->at++;
        } else if (depth) {
            cursor->at++;
            continue;
        } else {
            while (cursor->at < cursor->end && !strchr(",]} \t\r\n", *cursor->at))
                cursor->at++;
        }
        if (!depth)
            break;
    }
    return (struct span){start, (size_t)(cursor->at - start)};
}

struct json_cursor json_cursor(struct span value)
{
    struct json_cursor cursor = {value.data, value.data + value.length};
    if (!value.data)
        return (struct json_cursor){};
    if (is_at(&cursor, '{') || is_at(&cursor, '['))
        cursor.at++;
    else
        cursor.at = cursor.end;
    return cursor;
}

bool json_next_element(struct json_cursor *cursor, struct span *ret_value)
{
    if (is_at(cursor, ','))
        cursor->at++;
    *ret_value = take_value(cursor);
    return ret_value->length > 0;
}

bool json_next_member(struct json_cursor *cursor, struct span *ret_key, struct span *ret_value)
{
    if (is_at(cursor, ','))
        cursor->at++;
    if (!is_at(cursor, '"'))
        return false;
    *ret_key = take_value(cursor);
    if (!is_at(cursor, ':'))
        return false;
    cursor->at++;
    *ret_value = take_value(cursor);
    return ret_value->length > 0;
}

struct span json_member(struct span object, const char *key)
{
    struct json_cursor cursor = json_cursor(object);
    struct span name, value;
    size_t length = strlen(key);
    while (json_next_member(&cursor, &name, &value))
        if (name.length == length + 2 && memcmp(name.data + 1, key, length) == 0)
            return value;
    return (struct span){};
}

int64_t json_text_int(struct span value, int64_t fallback)
{
    char digits[24] = "", *end;
    if (!value.length || value.length >= sizeof(digits))
        return fallback;
    memcpy(digits, value.data, value.length);
    long long number = strtoll(digits, &end, 10);
    return *end ? fallback : number;
}

struct span json_text_string(struct span value)
{
    if (value.length < 2 || *value.data != '"')
        return (struct span){};
    if (!memchr(value.data, '\\', value.length))
        return (struct span){value.data + 1, value.length - 2};
    _cleanup_(error_release) struct error ignored = {};
    _cleanup_free_ char *quoted = x_strndup(value.data, value.length);
    _cleanup_(json_freep) json *string = json_parse(quoted, value.length, &ignored);
    const char *text = json_text(string, "");
    size_t length = strlen(text);
    memcpy((char *)value.data, text, length); /* escapes are longer than what they stand for */
    return (struct span){value.data, length};
}
