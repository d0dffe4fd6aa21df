#include "domain/json_value.h"

#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "clients/postgres.h"
#include "domain/type_oids.h"

enum {
    LONGEST_FIXED = 64, /* bytes that a value of a type of fixed length takes at most */
    SLICE = 1024,       /* bytes of a string for which room is made at once */
    LONGEST_ESCAPE = 6, /* \u001f */
};

static const struct {
    unsigned int type_oid;
    enum json_form form;
} forms[] = {
    {BOOL_OID, JSON_FORM_BOOL},
    {INT2_OID, JSON_FORM_INT2},
    {INT4_OID, JSON_FORM_INT4},
    {INT8_OID, JSON_FORM_INT8},
    {OID_OID, JSON_FORM_OID},
    {NUMERIC_OID, JSON_FORM_NUMERIC},
    {FLOAT4_OID, JSON_FORM_FLOAT},
    {FLOAT8_OID, JSON_FORM_FLOAT},
    {TEXT_OID, JSON_FORM_STRING},
    {VARCHAR_OID, JSON_FORM_STRING},
    {BPCHAR_OID, JSON_FORM_STRING},
    {NAME_OID, JSON_FORM_NAME},
    {UUID_OID, JSON_FORM_UUID},
    {DATE_OID, JSON_FORM_DATE},
    {TIMESTAMP_OID, JSON_FORM_TIMESTAMP},
    {PG_TIMESTAMPTZ_OID, JSON_FORM_TIMESTAMPTZ},
};

enum json_form json_form_of(unsigned int type_oid)
{
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
        if (forms[i].type_oid == type_oid)
            return forms[i].form;
    return JSON_FORM_JSON;
}

/* ---- network order ---- */

static uint16_t read_16(const char *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return be16toh(value);
}

static uint32_t read_32(const char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return be32toh(value);
}

static uint64_t read_64(const char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return be64toh(value);
}

/* ---- strings ---- */

/* The letter behind the backslash; 'u' for \u00XX, 0 for a byte that stands for itself. */
static const char escapes[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b',         't',           'n', 'u',
    'f', 'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         'u',           'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\',
};

/* Whether one of eight bytes may have to be escaped ("Bit Twiddling Hacks": hasless, hasvalue). */
static bool has_special(uint64_t bytes)
{
    const uint64_t each = 0x0101010101010101, high = 0x8080808080808080;
    uint64_t quote = bytes ^ each * '"', backslash = bytes ^ each * '\\';
    return ((((bytes - each * 0x20) & ~bytes) | ((quote - each) & ~quote) |
             ((backslash - each) & ~backslash)) &
            high) != 0;
}

static char *put_byte(char *to, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    char escape = escapes[c];
    if (!escape) {
        *to++ = (char)c;
        return to;
    }
    *to++ = '\\';
    *to++ = escape;
    if (escape != 'u')
        return to;
    *to++ = '0';
    *to++ = '0';
    *to++ = digits[c >> 4];
    *to++ = digits[c & 15];
    return to;
}

static char *put_slice(char *to, const char *from, size_t length)
{
    const char *end = from + length;
    while ((size_t)(end - from) >= sizeof(uint64_t)) {
        uint64_t bytes;
        memcpy(&bytes, from, sizeof(bytes));
        if (has_special(bytes)) {
            for (size_t i = 0; i < sizeof(bytes); i++)
                to = put_byte(to, (unsigned char)from[i]);
        } else {
            memcpy(to, &bytes, sizeof(bytes));
            to += sizeof(bytes);
        }
        from += sizeof(bytes);
    }
    while (from < end)
        to = put_byte(to, (unsigned char)*from++);
    return to;
}

static void put_string(struct buffer *out, struct span value)
{
    size_t done = 0;
    char quote = '"';
    do {
        size_t length = value.length - done < SLICE ? value.length - done : SLICE;
        char *to = buffer_room(out, LONGEST_ESCAPE * length + 2);
        if (!to)
            return;
        if (done == 0)
            *to++ = quote;
        to = put_slice(to, value.data + done, length);
        done += length;
        if (done == value.length)
            *to++ = quote;
        buffer_end_at(out, to);
    } while (done < value.length);
}

/* ---- JSON of the server ---- */

static void put_json(struct buffer *out, struct span value)
{
    char *to = buffer_room(out, value.length);
    if (!to)
        return;
    memcpy(to, value.data, value.length);
    char *end = to + value.length;
    /* Inside a JSON string a line break is always escaped, so a raw one is white space. */
    for (char *c = to; (c = memchr(c, '\n', (size_t)(end - c)));)
        *c = ' ';
    for (char *c = to; (c = memchr(c, '\r', (size_t)(end - c)));)
        *c = ' ';
    buffer_end_at(out, end);
}

/* ---- numbers ---- */

static char *put_unsigned(char *to, uint64_t value)
{
    char digits[20];
    char *first = digits + sizeof(digits);
    do {
        *--first = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    size_t length = (size_t)(digits + sizeof(digits) - first);
    memcpy(to, first, length);
    return to + length;
}

/* With leading zeros. */
static char *put_digits(char *to, unsigned int value, int count)
{
    for (int i = count; i-- > 0; value /= 10)
        to[i] = (char)('0' + value % 10);
    return to + count;
}

static char *put_signed(char *to, int64_t value)
{
    if (value >= 0)
        return put_unsigned(to, (uint64_t)value);
    *to++ = '-';
    return put_unsigned(to, -(uint64_t)value);
}

static char *put_oid(char *to, uint32_t value)
{
    *to++ = '"';
    to = put_unsigned(to, value);
    *to++ = '"';
    return to;
}

/* NaN and the infinities are no numbers of JSON; all others end with a digit. */
static void put_float(struct buffer *out, struct span value)
{
    char last = value.data[value.length - 1];
    if (last >= '0' && last <= '9')
        put_json(out, value);
    else
        put_string(out, value);
}

/*
 * numeric_send(): number of digits, weight of the first one, sign, digits behind the point that are
 * shown; then the digits, of base 10,000.
 */
enum {
    NUMERIC_HEAD = 8,
    NUMERIC_NEGATIVE = 0x4000,
    NUMERIC_NAN = 0xc000,
    NUMERIC_INFINITY = 0xd000,
    NUMERIC_MINUS_INFINITY = 0xf000,
    NUMERIC_MOST_SCALE = 0x3fff,
    NUMERIC_BASE = 10000,
    NUMERIC_WIDTH = 4, /* of a digit, in decimal ones */
};

static bool numeric_is_sound(struct span value)
{
    if (value.length < NUMERIC_HEAD)
        return false;
    uint16_t count = read_16(value.data), sign = read_16(value.data + 4);
    if (value.length != NUMERIC_HEAD + sizeof(uint16_t) * count ||
        read_16(value.data + 6) > NUMERIC_MOST_SCALE)
        return false;
    for (size_t i = 0; i < count; i++)
        if (read_16(value.data + NUMERIC_HEAD + sizeof(uint16_t) * i) >= NUMERIC_BASE)
            return false;
    if (count && !read_16(value.data + NUMERIC_HEAD))
        return false; /* a zero in front */
    return sign == 0 || sign == NUMERIC_NEGATIVE || sign == NUMERIC_NAN ||
           sign == NUMERIC_INFINITY || sign == NUMERIC_MINUS_INFINITY;
}

/* The digit at a place, that of the first one being 0. */
static unsigned int numeric_digit(struct span value, int place)
{
    if (place < 0 || place >= read_16(value.data))
        return 0;
    return read_16(value.data + NUMERIC_HEAD + sizeof(uint16_t) * (size_t)place);
}

static void put_numeric(struct buffer *out, struct span value)
{
    int weight = (int16_t)read_16(value.data + 2), scale = read_16(value.data + 6);
    uint16_t sign = read_16(value.data + 4);
    size_t before = weight > 0 ? NUMERIC_WIDTH * (size_t)(weight + 1) : NUMERIC_WIDTH;
    char *to = buffer_room(out, before + (size_t)scale + NUMERIC_WIDTH + LONGEST_FIXED);
    if (!to)
        return;
    if (sign == NUMERIC_NAN)
        return buffer_end_at(out, stpcpy(to, "\"NaN\""));
    if (sign == NUMERIC_INFINITY)
        return buffer_end_at(out, stpcpy(to, "\"Infinity\""));
    if (sign == NUMERIC_MINUS_INFINITY)
        return buffer_end_at(out, stpcpy(to, "\"-Infinity\""));
    if (sign == NUMERIC_NEGATIVE)
        *to++ = '-';
    to = put_unsigned(to, weight < 0 ? 0 : numeric_digit(value, 0));
    for (int place = 1; place <= weight; place++)
        to = put_digits(to, numeric_digit(value, place), NUMERIC_WIDTH);
    if (scale > 0) {
        *to++ = '.';
        char *end = to + scale;
        for (int place = weight + 1; to < end; place++)
            to = put_digits(to, numeric_digit(value, place), NUMERIC_WIDTH);
        to = end;
    }
    buffer_end_at(out, to);
}

/* ---- uuid ---- */

enum { UUID_LENGTH = 16 };

static char *put_uuid(char *to, const char *value)
{
    static const char digits[] = "0123456789abcdef";
    *to++ = '"';
    for (int i = 0; i < UUID_LENGTH; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = digits[(unsigned char)value[i] >> 4];
        *to++ = digits[value[i] & 15];
    }
    *to++ = '"';
    return to;
}

/* ---- times ---- */

static const int64_t day_us = 86400LL * 1000 * 1000;

/* The day and the year, which are those of PostgreSQL's EncodeDateOnly(): there is no year 0.
 * Days are counted from 2000-01-01. "civil_from_days" of Hinnant, chrono-Compatible Low-Level Date
 * Algorithms. */
static char *put_day(char *to, int64_t days, bool *ret_before_christ)
{
    int64_t z = days + 730425; /* from 0000-03-01 */
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned int of_era = (unsigned int)(z - era * 146097);
    unsigned int year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned int of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned int march_month = (5 * of_year + 2) / 153;
    unsigned int day = of_year - (153 * march_month + 2) / 5 + 1;
    unsigned int month = march_month < 10 ? march_month + 3 : march_month - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2);
    *ret_before_christ = year <= 0;
    uint64_t shown = (uint64_t)(year > 0 ? year : 1 - year);
    to = shown < 10000 ? put_digits(to, (unsigned int)shown, 4) : put_unsigned(to, shown);
    *to++ = '-';
    to = put_digits(to, month, 2);
    *to++ = '-';
    return put_digits(to, day, 2);
}

static char *put_date(char *to, int32_t days)
{
    bool before_christ;
    if (days == INT32_MAX)
        return stpcpy(to, "\"infinity\"");
    if (days == INT32_MIN)
        return stpcpy(to, "\"-infinity\"");
    *to++ = '"';
    to = put_day(to, days, &before_christ);
    return stpcpy(to, before_christ ? " BC\"" : "\"");
}

/* Without zeros at the end of the fraction. */
static char *put_time_of_day(char *to, int64_t us)
{
    unsigned int seconds = (unsigned int)(us / 1000000), fraction = (unsigned int)(us % 1000000);
    to = put_digits(to, seconds / 3600, 2);
    *to++ = ':';
    to = put_digits(to, seconds / 60 % 60, 2);
    *to++ = ':';
    to = put_digits(to, seconds % 60, 2);
    if (!fraction)
        return to;
    *to++ = '.';
    to = put_digits(to, fraction, 6);
    while (to[-1] == '0')
        to--;
    return to;
}

static char *put_timestamp(char *to, int64_t us, const char *zone)
{
    bool before_christ;
    if (us == INT64_MAX)
        return stpcpy(to, "\"infinity\"");
    if (us == INT64_MIN)
        return stpcpy(to, "\"-infinity\"");
    int64_t days = us / day_us, of_day = us % day_us;
    if (of_day < 0) {
        of_day += day_us;
        days--;
    }
    *to++ = '"';
    to = put_day(to, days, &before_christ);
    *to++ = 'T';
    to = put_time_of_day(to, of_day);
    to = stpcpy(to, zone);
    return stpcpy(to, before_christ ? " BC\"" : "\"");
}

/* ---- any ---- */

bool json_value_is_sound(enum json_form form, struct span value)
{
    switch (form) {
    case JSON_FORM_JSON:
    case JSON_FORM_STRING:
    case JSON_FORM_NAME:
        return true;
    case JSON_FORM_FLOAT:
        return value.length > 0;
    case JSON_FORM_BOOL:
        return value.length == 1;
    case JSON_FORM_INT2:
        return value.length == sizeof(int16_t);
    case JSON_FORM_INT4:
    case JSON_FORM_OID:
    case JSON_FORM_DATE:
        return value.length == sizeof(int32_t);
    case JSON_FORM_INT8:
    case JSON_FORM_TIMESTAMP:
    case JSON_FORM_TIMESTAMPTZ:
        return value.length == sizeof(int64_t);
    case JSON_FORM_NUMERIC:
        return numeric_is_sound(value);
    case JSON_FORM_UUID:
        return value.length == UUID_LENGTH;
    }
    return false;
}

static char *put_fixed(char *to, enum json_form form, const char *value)
{
    switch (form) {
    case JSON_FORM_BOOL:
        return stpcpy(to, *value ? "true" : "false");
    case JSON_FORM_INT2:
        return put_signed(to, (int16_t)read_16(value));
    case JSON_FORM_INT4:
        return put_signed(to, (int32_t)read_32(value));
    case JSON_FORM_INT8:
        return put_signed(to, (int64_t)read_64(value));
    case JSON_FORM_OID:
        return put_oid(to, read_32(value));
    case JSON_FORM_UUID:
        return put_uuid(to, value);
    case JSON_FORM_DATE:
        return put_date(to, (int32_t)read_32(value));
    case JSON_FORM_TIMESTAMP:
        return put_timestamp(to, (int64_t)read_64(value), "");
    default:
        return put_timestamp(to, (int64_t)read_64(value), "+00:00");
    }
}

void json_value_put(struct buffer *out, enum json_form form, struct span value)
{
    switch (form) {
    case JSON_FORM_JSON:
        put_json(out, value);
        return;
    case JSON_FORM_FLOAT:
        put_float(out, value);
        return;
    case JSON_FORM_STRING:
    case JSON_FORM_NAME:
        put_string(out, value);
        return;
    case JSON_FORM_NUMERIC:
        put_numeric(out, value);
        return;
    default:
        break;
    }
    char *to = buffer_room(out, LONGEST_FIXED);
    if (to)
        buffer_end_at(out, put_fixed(to, form, value.data));
}
