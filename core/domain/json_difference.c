#include "domain/json_difference.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/memory.h"
#include "clients/json_text.h"
#include "domain/canonical.h"

/* ---- numbers ---- */

/* digits * 10^exponent; the digits have no zeros at either end, and zero has none at all. */
struct decimal {
    bool negative;
    struct buffer digits;
    long exponent;
};

static struct decimal read_decimal(struct span number)
{
    struct decimal decimal = {.digits = BUFFER(BUFFER_TEXT_MAX)};
    const char *at = number.data, *end = number.data + number.length;
    bool fraction = false;
    decimal.negative = *at == '-';
    for (at += decimal.negative; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        decimal.exponent -= fraction;
        if (*at != '0' || decimal.digits.length)
            buffer_char(&decimal.digits, *at);
    }
    _cleanup_free_ char *rest = x_strndup(at, (size_t)(end - at));
    if (*rest)
        decimal.exponent += strtol(rest + 1, NULL, 10);
    while (decimal.digits.length && decimal.digits.data[decimal.digits.length - 1] == '0') {
        buffer_truncate(&decimal.digits, decimal.digits.length - 1);
        decimal.exponent++;
    }
    if (!decimal.digits.length) {
        decimal.negative = false;
        decimal.exponent = 0;
    }
    return decimal;
}

static bool is_number(struct span value)
{
    return value.length && (*value.data == '-' || isdigit((unsigned char)*value.data));
}

static bool same_text(struct span first, struct span second)
{
    return first.length == second.length && memcmp(first.data, second.data, first.length) == 0;
}

static bool same_scalar(struct span first, struct span second)
{
    if (same_text(first, second))
        return true;
    if (!is_number(first) || !is_number(second))
        return false;
    struct decimal a = read_decimal(first), b = read_decimal(second);
    bool same = a.negative == b.negative && a.exponent == b.exponent &&
                strcmp(buffer_cstr(&a.digits), buffer_cstr(&b.digits)) == 0;
    buffer_release(&a.digits);
    buffer_release(&b.digits);
    return same;
}

/* ---- values in canonical form ---- */

static bool values_differ(struct span first, struct span second, struct buffer *path);

static bool objects_differ(struct span first, struct span second, struct buffer *path)
{
    struct json_cursor one = json_cursor(first), other = json_cursor(second);
    for (;;) {
        struct span key = {}, value = {}, other_key = {}, other_value = {};
        bool more = json_next_member(&one, &key, &value);
        bool other_more = json_next_member(&other, &other_key, &other_value);
        if (!more && !other_more)
            return false;
        size_t length = path->length;
        /* Keys are in order: the smaller of two is the one that the other object has not. */
        size_t shorter = key.length < other_key.length ? key.length : other_key.length;
        int order = !more ? 1 : !other_more ? -1 : memcmp(key.data, other_key.data, shorter);
        struct span name = order > 0 ? other_key : key;
        if (length)
            buffer_char(path, '.');
        buffer_append(path, name.data + 1, name.length - 2);
        if (order != 0 || key.length != other_key.length || values_differ(value, other_value, path))
            return true;
        buffer_truncate(path, length);
    }
}

static bool arrays_differ(struct span first, struct span second, struct buffer *path)
{
    struct json_cursor one = json_cursor(first), other = json_cursor(second);
    for (size_t i = 0;; i++) {
        struct span value = {}, other_value = {};
        bool more = json_next_element(&one, &value);
        bool other_more = json_next_element(&other, &other_value);
        if (!more && !other_more)
            return false;
        size_t length = path->length;
        buffer_printf(path, "[%zu]", i);
        if (!more || !other_more || values_differ(value, other_value, path))
            return true;
        buffer_truncate(path, length);
    }
}

static bool values_differ(struct span first, struct span second, struct buffer *path)
{
    if (*first.data == '{' && *second.data == '{')
        return objects_differ(first, second, path);
    if (*first.data == '[' && *second.data == '[')
        return arrays_differ(first, second, path);
    return !same_scalar(first, second);
}

bool json_differ(struct span first, struct span second, char **ret_field)
{
    _cleanup_(error_release) struct error ignored = {};
    _cleanup_(buffer_release) struct buffer path = BUFFER(BUFFER_TEXT_MAX);
    *ret_field = NULL;
    if (same_text(first, second))
        return false;
    _cleanup_free_ char *text = x_strndup(first.data, first.length);
    _cleanup_free_ char *other_text = x_strndup(second.data, second.length);
    _cleanup_free_ char *one = canonical_json(text, &ignored);
    _cleanup_free_ char *other = one ? canonical_json(other_text, &ignored) : NULL;
    bool differ = !other || values_differ((struct span){one, strlen(one)},
                                          (struct span){other, strlen(other)}, &path);
    if (differ)
        *ret_field = x_strdup(buffer_cstr(&path));
    return differ;
}

/* ---- less what is unstable ---- */

/* Of an object in canonical form; data NULL: there is none. */
static struct span member(struct span object, struct span wanted)
{
    struct json_cursor cursor = json_cursor(object);
    struct span key, value;
    while (json_next_member(&cursor, &key, &value))
        if (same_text(key, wanted))
            return value;
    return (struct span){};
}

static bool is_stable(struct span key, struct span first, struct span again)
{
    struct span one = member(first, key), other = member(again, key);
    _cleanup_(buffer_release) struct buffer path = BUFFER(BUFFER_TEXT_MAX);
    if (!one.data || !other.data)
        return one.data == other.data;
    return !values_differ(one, other, &path);
}

/* The caller's; what is no JSON is an empty object. */
static char *canonical(struct span value)
{
    _cleanup_(error_release) struct error ignored = {};
    _cleanup_free_ char *text = x_strndup(value.data, value.length);
    char *found = canonical_json(text, &ignored);
    return found ? found : x_strdup("{}");
}

char *json_less_unstable(struct span object, struct span first, struct span again)
{
    _cleanup_free_ char *whole = canonical(object), *one = canonical(first),
                        *other = canonical(again);
    struct json_cursor cursor = json_cursor((struct span){whole, strlen(whole)});
    struct span key, value;
    struct buffer stable = BUFFER(BUFFER_TEXT_MAX);
    buffer_char(&stable, '{');
    while (json_next_member(&cursor, &key, &value)) {
        if (!is_stable(key, (struct span){one, strlen(one)}, (struct span){other, strlen(other)}))
            continue;
        buffer_text(&stable, stable.length > 1 ? "," : "");
        buffer_append(&stable, key.data, key.length);
        buffer_char(&stable, ':');
        buffer_append(&stable, value.data, value.length);
    }
    buffer_char(&stable, '}');
    return buffer_take(&stable);
}
