#include "clients/json.h"

#include <json-c/json.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

enum { DEEPEST = 200 };

static void line_and_column(const char *text, size_t offset, size_t *ret_line, size_t *ret_column)
{
    *ret_line = *ret_column = 1;
    for (size_t i = 0; i < offset; i++) {
        ++*ret_column;
        if (text[i] == '\n') {
            ++*ret_line;
            *ret_column = 1;
        }
    }
}

json *json_parse(const char *text, size_t length, struct error *err)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEEPEST);
    if (!tokener)
        __builtin_trap();
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    /* The final NUL belongs to what is parsed: it ends a number that stands alone. */
    json *value = json_tokener_parse_ex(tokener, text, (int)length + 1);
    enum json_tokener_error code = json_tokener_get_error(tokener);
    size_t end = json_tokener_get_parse_end(tokener);
    json_tokener_free(tokener);

    /* json-c's own check lets overlong forms and surrogates through, which PostgreSQL refuses. */
    const char *wrong = utf8_first_wrong(text);
    if (wrong && (size_t)(wrong - text) <= end) {
        code = json_tokener_error_parse_utf8_string;
        end = (size_t)(wrong - text);
    }
    if (code == json_tokener_success && end < length)
        code = json_tokener_error_parse_unexpected;
    if (code == json_tokener_success && value)
        return value;
    if (code == json_tokener_success) {
        error_set(err, ERR_FAILED, "line 1, column 1: null is not an object");
        return NULL;
    }
    size_t line, column;
    line_and_column(text, end < length ? end : length, &line, &column);
    json_object_put(value);
    error_set(err, ERR_FAILED, "line %zu, column %zu: %s", line, column,
              code == json_tokener_continue ? "unexpected end of data"
                                            : json_tokener_error_desc(code));
    return NULL;
}

void json_free(json *value)
{
    json_object_put(value);
}

bool json_is_object(const json *value)
{
    return json_object_is_type(value, json_type_object);
}

bool json_is_array(const json *value)
{
    return json_object_is_type(value, json_type_array);
}

bool json_is_string(const json *value)
{
    return json_object_is_type(value, json_type_string);
}

json *json_get(const json *value, const char *key)
{
    json *found = NULL;
    if (json_is_object(value))
        json_object_object_get_ex(value, key, &found);
    return found;
}

json *json_path(const json *value, const char *const *keys, size_t count)
{
    json *at = NULL;
    for (size_t i = 0; i < count; i++) {
        at = json_get(i ? at : value, keys[i]);
        if (!at)
            return NULL;
    }
    return at;
}

const char *json_text(const json *value, const char *fallback)
{
    return json_is_string(value) ? json_object_get_string((json *)value) : fallback;
}

int64_t json_int(const json *value, int64_t fallback)
{
    return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : fallback;
}

double json_number(const json *value, double fallback)
{
    bool number =
        json_object_is_type(value, json_type_double) || json_object_is_type(value, json_type_int);
    return number ? json_object_get_double(value) : fallback;
}

bool json_flag(const json *value, bool fallback)
{
    return json_object_is_type(value, json_type_boolean) ? json_object_get_boolean(value)
                                                         : fallback;
}

size_t json_length(const json *array)
{
    return json_is_array(array) ? json_object_array_length(array) : 0;
}

json *json_at(const json *array, size_t index)
{
    return json_object_array_get_idx(array, index);
}

int json_each(const json *object, int (*visit)(const char *key, json *value, void *data),
              void *data)
{
    if (!json_is_object(object))
        return 0;
    json_object_object_foreach((json *)object, key, value)
    {
        int result = visit(key, value, data);
        if (result)
            return result;
    }
    return 0;
}

json *json_new_object(void)
{
    return json_object_new_object();
}

json *json_new_array(void)
{
    return json_object_new_array();
}

json *json_new_text(const char *text)
{
    return text ? json_object_new_string(text) : NULL;
}

void json_put(json *object, const char *key, json *value)
{
    json_object_object_add(object, key, value);
}

void json_push(json *array, json *value)
{
    json_object_array_add(array, value);
}

json *json_object_at(json *object, const char *key)
{
    json *found = json_get(object, key);
    if (!found) {
        found = json_new_object();
        json_put(object, key, found);
    }
    return json_is_object(found) ? found : NULL;
}

char *json_write(const json *value)
{
    return x_strdup(json_object_to_json_string_ext(
        (json *)value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

void json_write_string(struct buffer *out, const char *text, size_t length)
{
    buffer_char(out, '"');
    size_t copied = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buffer_append(out, text + copied, i - copied);
        copied = i + 1;
        if (c == '"' || c == '\\') {
            char escaped[2] = {'\\', (char)c};
            buffer_append(out, escaped, 2);
        } else {
            buffer_printf(out, "\\u%04x", c);
        }
    }
    buffer_append(out, text + copied, length - copied);
    buffer_char(out, '"');
}
