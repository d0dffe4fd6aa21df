#include "domain/master_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "clients/json.h"
#include "domain/canonical.h"

enum option_type {
    TYPE_TEXT,
    TYPE_FLAG,
    TYPE_POSITIVE, /* a whole number, 1 or more */
    TYPE_LIMIT,    /* max_rejected: 0 or more, and that it is set counts */
};

static const struct {
    const char *key;
    enum option_type type;
    size_t offset;    /* of its place in struct master_options */
    const char *unit; /* of a number */
} known[] = {
#define AT(member) offsetof(struct master_options, member)
    {"source", TYPE_TEXT, AT(source), NULL},
    {"overlap", TYPE_TEXT, AT(overlap), NULL},
    {"changed_at_zone", TYPE_TEXT, AT(changed_at_zone), NULL},
    {"max_document_bytes", TYPE_POSITIVE, AT(max_document_bytes), "bytes"},
    {"range_documents", TYPE_POSITIVE, AT(range_documents), "documents"},
    {"max_rejected", TYPE_LIMIT, AT(max_rejected), "documents"},
    {"batch_bytes", TYPE_POSITIVE, AT(sending.batch_bytes), "bytes"},
    {"max_in_flight", TYPE_POSITIVE, AT(sending.max_in_flight), "requests"},
    {"rate", TYPE_POSITIVE, AT(sending.rate), "documents a second"},
    {"compress", TYPE_FLAG, AT(sending.compress), NULL},
#undef AT
};

void master_options_release(struct master_options *options)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (known[i].type == TYPE_TEXT)
            free(*(char **)((char *)options + known[i].offset));
    *options = (struct master_options){};
}

struct reading {
    struct master_options *options;
    const char *place;
    struct error *err;
};

static int wrong(const struct reading *r, const char *key, const char *what, const char *unit)
{
    return error_set(r->err, ERR_USAGE, "%s: \"%s\" must be %s%s", r->place, key, what, unit);
}

static int read_known(struct reading *r, size_t at, json *value)
{
    const char *key = known[at].key, *unit = known[at].unit;
    void *slot = (char *)r->options + known[at].offset;
    int64_t *number = slot;
    switch (known[at].type) {
    case TYPE_TEXT:
        if (!json_is_string(value))
            return wrong(r, key, "a text", "");
        *(char **)slot = x_strdup(json_text(value, ""));
        return 0;
    case TYPE_FLAG:
        *(bool *)slot = json_flag(value, false);
        return json_flag(value, true) == *(bool *)slot ? 0 : wrong(r, key, "true or false", "");
    case TYPE_POSITIVE:
        *number = json_int(value, -1);
        return *number > 0 ? 0 : wrong(r, key, "a number of ", unit);
    case TYPE_LIMIT:
        *number = json_int(value, -1);
        r->options->limits_rejected = *number >= 0;
        return *number >= 0 ? 0 : wrong(r, key, "a number of ", unit);
    }
    return 0;
}

static int unknown_key(const struct reading *r, const char *key)
{
    _cleanup_(buffer_release) struct buffer keys = BUFFER(BUFFER_TEXT_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        buffer_printf(&keys, "%s%s",
                      i == 0                       ? ""
                      : i == ARRAY_SIZE(known) - 1 ? " and "
                                                   : ", ",
                      known[i].key);
    error_set(r->err, ERR_USAGE, "%s: unknown key \"%s\"", r->place, key);
    return error_hint(r->err, "Known are %s.", buffer_cstr(&keys));
}

static int read_option(const char *key, json *value, void *data)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strcmp(known[i].key, key) == 0)
            return read_known(data, i, value);
    return unknown_key(data, key);
}

int master_options_parse(const char *text, const char *place, struct master_options *ret_options,
                         struct error *err)
{
    _cleanup_free_ char *canonical = canonical_json(text, err);
    _cleanup_(json_freep) json *value = canonical ? json_parse(text, strlen(text), err) : NULL;
    if (!value) {
        err->kind = ERR_USAGE;
        return error_prefix(err, "%s", place);
    }
    _cleanup_(master_options_release) struct master_options options = {};
    struct reading reading = {.options = &options, .place = place, .err = err};
    if (!json_is_object(value))
        return error_set(err, ERR_USAGE, "%s: not a JSON object", place);
    if (json_each(value, read_option, &reading))
        return -1;
    *ret_options = TAKE(options);
    return 0;
}
