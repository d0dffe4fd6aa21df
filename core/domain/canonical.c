#include "domain/canonical.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "clients/json.h"

enum { DEEPEST = 200 };

static const char end_of_data[] = "unexpected end of data";

struct reader {
    const char *text;
    const char *at;
    int depth;
    struct error *err;
};

struct member {
    char *key;   /* quoted */
    char *value; /* canonical */
};

struct members {
    struct member *list;
    size_t count;
    size_t capacity;
};

static void members_release(struct members *members)
{
    for (size_t i = 0; i < members->count; i++) {
        free(members->list[i].key);
        free(members->list[i].value);
    }
    free(members->list);
}

static int read_value(struct reader *r, struct buffer *out);

static int fail(struct reader *r, const char *place, const char *what)
{
    int line = 1, column = 1;
    for (const char *c = r->text; c < place; c++) {
        if (((unsigned char)*c & 0xc0) != 0x80) /* columns count characters, not bytes */
            column++;
        if (*c == '\n') {
            line++;
            column = 1;
        }
    }
    return error_set(r->err, ERR_USAGE, "line %d, column %d: %s", line, column, what);
}

static void skip_space(struct reader *r)
{
    r->at += strspn(r->at, " \t\r\n");
}

static int expect(struct reader *r, char c, const char *what)
{
    skip_space(r);
    if (*r->at != c)
        return fail(r, r->at, *r->at ? what : end_of_data);
    r->at++;
    return 0;
}

static void put_utf8(struct buffer *out, uint32_t c)
{
    if (c < 0x80) {
        buffer_char(out, (char)c);
    } else if (c < 0x800) {
        buffer_char(out, (char)(0xc0 | c >> 6));
        buffer_char(out, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buffer_char(out, (char)(0xe0 | c >> 12));
        buffer_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
        buffer_char(out, (char)(0x80 | (c & 0x3f)));
    } else {
        buffer_char(out, (char)(0xf0 | c >> 18));
        buffer_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
        buffer_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
        buffer_char(out, (char)(0x80 | (c & 0x3f)));
    }
}

static int read_four_digits(struct reader *r, uint32_t *ret_code)
{
    *ret_code = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        if (!isxdigit((unsigned char)*r->at))
            return fail(r, r->at, "\\u needs four hexadecimal digits");
        char digit[2] = {*r->at, '\0'};
        *ret_code = *ret_code << 4 | (uint32_t)strtoul(digit, NULL, 16);
    }
    return 0;
}

/* One character; above U+FFFF as a pair of surrogates, of which a half alone is none. */
static int read_unicode_escape(struct reader *r, struct buffer *raw)
{
    uint32_t code, low = 0;
    const char *place = r->at;
    if (read_four_digits(r, &code) < 0)
        return -1;
    if (code >= 0xd800 && code < 0xdc00 && strncmp(r->at, "\\u", 2) == 0) {
        r->at += 2;
        if (read_four_digits(r, &low) < 0)
            return -1;
    }
    if (low >= 0xdc00 && low < 0xe000)
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    else if (code >= 0xd800 && code < 0xe000)
        return fail(r, place, "half a surrogate pair");
    put_utf8(raw, code);
    return 0;
}

static int read_escape(struct reader *r, struct buffer *raw)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    if (*r->at == 'u') {
        r->at++;
        return read_unicode_escape(r, raw);
    }
    const char *name = *r->at ? strchr(names, *r->at) : NULL;
    if (!name)
        return fail(r, r->at, "unknown escape");
    buffer_char(raw, values[name - names]);
    r->at++;
    return 0;
}

static int read_string(struct reader *r, struct buffer *out)
{
    _cleanup_(buffer_release) struct buffer raw = BUFFER(BUFFER_TEXT_MAX);
    if (expect(r, '"', "expected '\"'") < 0)
        return -1;
    while (*r->at != '"') {
        if ((unsigned char)*r->at < 0x20)
            return fail(r, r->at, "a string is not closed, or has a control character in it");
        if (*r->at != '\\') {
            buffer_char(&raw, *r->at++);
            continue;
        }
        r->at++;
        if (read_escape(r, &raw) < 0)
            return -1;
    }
    r->at++;
    json_write_string(out, buffer_cstr(&raw), raw.length);
    return 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static int read_member(struct reader *r, struct members *members)
{
    _cleanup_(buffer_release) struct buffer key = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_(buffer_release) struct buffer value = BUFFER(BUFFER_TEXT_MAX);
    skip_space(r);
    const char *place = r->at;
    if (read_string(r, &key) < 0 || expect(r, ':', "expected ':'") < 0 || read_value(r, &value) < 0)
        return -1;
    for (size_t i = 0; i < members->count; i++) {
        if (strcmp(members->list[i].key, buffer_cstr(&key)) != 0)
            continue;
        _cleanup_free_ char *what = x_printf("the key %s appears twice", buffer_cstr(&key));
        return fail(r, place, what);
    }
    members->list =
        x_grow(members->list, members->count, &members->capacity, sizeof(struct member));
    members->list[members->count++] = (struct member){
        .key = buffer_take(&key),
        .value = buffer_take(&value),
    };
    return 0;
}

static int read_object(struct reader *r, struct buffer *out)
{
    _cleanup_(members_release) struct members members = {};
    r->at++;
    skip_space(r);
    if (*r->at == '}') {
        r->at++;
        return buffer_text(out, "{}");
    }
    for (;;) {
        if (read_member(r, &members) < 0)
            return -1;
        skip_space(r);
        if (*r->at != ',')
            break;
        r->at++;
    }
    if (expect(r, '}', "expected ',' or '}'") < 0)
        return -1;
    qsort(members.list, members.count, sizeof(struct member), by_key);
    for (size_t i = 0; i < members.count; i++)
        buffer_printf(out, "%c%s:%s", i ? ',' : '{', members.list[i].key, members.list[i].value);
    return buffer_char(out, '}');
}

static int read_array(struct reader *r, struct buffer *out)
{
    r->at++;
    buffer_char(out, '[');
    skip_space(r);
    if (*r->at == ']') {
        r->at++;
        return buffer_char(out, ']');
    }
    for (;;) {
        if (read_value(r, out) < 0)
            return -1;
        skip_space(r);
        if (*r->at != ',')
            break;
        r->at++;
        buffer_char(out, ',');
    }
    return expect(r, ']', "expected ',' or ']'") < 0 ? -1 : buffer_char(out, ']');
}

/* RFC 8259: a minus, an integer without superfluous zeros, a fraction, an exponent. NULL if none
 * begins here. */
static const char *number_end(const char *at)
{
    static const char digits[] = "0123456789";
    at += *at == '-';
    size_t integer = strspn(at, digits);
    if (!integer || (integer > 1 && *at == '0'))
        return NULL;
    at += integer;
    if (*at == '.') {
        size_t fraction = strspn(at + 1, digits);
        if (!fraction)
            return NULL;
        at += 1 + fraction;
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '-' || *at == '+';
        size_t exponent = strspn(at, digits);
        if (!exponent)
            return NULL;
        at += exponent;
    }
    return at;
}

static int read_word(struct reader *r, struct buffer *out)
{
    static const char *const words[] = {"true", "false", "null"};
    const char *end = number_end(r->at);
    for (size_t i = 0; i < ARRAY_SIZE(words) && !end; i++)
        if (strncmp(r->at, words[i], strlen(words[i])) == 0)
            end = r->at + strlen(words[i]);
    if (!end || isalnum((unsigned char)*end))
        return fail(r, r->at, *r->at ? "expected a value" : end_of_data);
    buffer_append(out, r->at, (size_t)(end - r->at));
    r->at = end;
    return 0;
}

static int read_value(struct reader *r, struct buffer *out)
{
    if (r->depth == DEEPEST)
        return fail(r, r->at, "nested too deep");
    r->depth++;
    skip_space(r);
    int result = *r->at == '{'   ? read_object(r, out)
                 : *r->at == '[' ? read_array(r, out)
                 : *r->at == '"' ? read_string(r, out)
                                 : read_word(r, out);
    r->depth--;
    return result;
}

char *canonical_json(const char *text, struct error *err)
{
    _cleanup_(buffer_release) struct buffer out = BUFFER(BUFFER_TEXT_MAX);
    struct reader r = {.text = text, .at = text, .err = err};
    const char *wrong = utf8_first_wrong(text);
    if (wrong) {
        fail(&r, wrong, "not UTF-8");
        return NULL;
    }
    if (read_value(&r, &out) < 0)
        return NULL;
    skip_space(&r);
    if (*r.at) {
        fail(&r, r.at, "there is more text after the end of the JSON value");
        return NULL;
    }
    return buffer_take(&out);
}
