#include "domain/master_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/texts.h"
#include "clients/json.h"
#include "domain/canonical.h"
#include "domain/names.h"

enum option_type {
    TYPE_TEXT,
    TYPE_TEXTS,
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
    {"read_alias", TYPE_TEXT, AT(read_alias), NULL},
    {"write_alias", TYPE_TEXT, AT(write_alias), NULL},
    {"aliases", TYPE_TEXTS, AT(aliases), NULL},
    {"keep", TYPE_TEXT, AT(keep), NULL},
    {"retain", TYPE_TEXT, AT(retain), NULL},
    {"stop_indexing", TYPE_TEXT, AT(stop_indexing), NULL},
    {"resume_indexing", TYPE_TEXT, AT(resume_indexing), NULL},
    {"hook_timeout", TYPE_TEXT, AT(hook_timeout), NULL},
    {"require_stop_indexing", TYPE_FLAG, AT(require_stop_indexing), NULL},
#undef AT
};

void master_options_release(struct master_options *options)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (known[i].type == TYPE_TEXT)
            free(*(char **)((char *)options + known[i].offset));
    texts_free(options->aliases, options->alias_count);
    *options = (struct master_options){};
}

struct reading {
    struct master_options *options;
    const char *place;
    struct error *err;
};

static int read_texts(struct master_options *options, json *value)
{
    size_t count = json_length(value);
    if (!json_is_array(value))
        return -1;
    options->aliases = x_calloc(count, sizeof(char *));
    for (; options->alias_count < count; options->alias_count++) {
        json *text = json_at(value, options->alias_count);
        if (!json_is_string(text))
            return -1;
        options->aliases[options->alias_count] = x_strdup(json_text(text, ""));
    }
    return 0;
}

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
    case TYPE_TEXTS:
        return read_texts(r->options, value) < 0 ? wrong(r, key, "an array of texts", "") : 0;
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

/* ---- further aliases ---- */

struct named_alias *master_options_aliases(const struct master_options *options, size_t *ret_count)
{
    struct named_alias *aliases = x_calloc(options->alias_count + 2, sizeof(*aliases));
    size_t count = 0;
    if (options->read_alias)
        aliases[count++] = (struct named_alias){"read_alias", options->read_alias};
    if (options->write_alias)
        aliases[count++] = (struct named_alias){"write_alias", options->write_alias};
    for (size_t i = 0; i < options->alias_count; i++)
        aliases[count++] = (struct named_alias){"aliases", options->aliases[i]};
    *ret_count = count;
    return aliases;
}

struct named_duration *master_options_durations(const struct master_options *options,
                                                size_t *ret_count)
{
    const struct named_duration all[] = {
        {"keep", options->keep},
        {"retain", options->retain},
        {"hook_timeout", options->hook_timeout},
    };
    struct named_duration *durations = x_calloc(ARRAY_SIZE(all), sizeof(*durations));
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i].text)
            durations[count++] = all[i];
    *ret_count = count;
    return durations;
}

static int wrong_alias(const struct reading *r, const struct named_alias *alias, const char *why)
{
    error_set(r->err, ERR_USAGE, "%s: \"%s\": \"%s\" cannot be a further alias: %s", r->place,
              alias->key, alias->name, why);
    return error_hint(r->err, "Give it another name, without the prefix, or take it out.");
}

/* A switch moves them: one that is something else would be taken away from that, or never be where
 * it should. */
static int check_aliases(const struct reading *r, const char *master)
{
    size_t count;
    _cleanup_free_ struct named_alias *aliases = master_options_aliases(r->options, &count);
    for (size_t i = 0; i < count; i++) {
        const char *why = name_alias_wrong(aliases[i].name);
        if (strcmp(aliases[i].name, master) == 0)
            why = "that is the master's own, which moves anyway";
        for (size_t j = 0; j < i; j++)
            if (strcmp(aliases[i].name, aliases[j].name) == 0)
                why = "it is there twice";
        if (why)
            return wrong_alias(r, &aliases[i], why);
    }
    return 0;
}

int master_options_parse(const char *text, const char *place, const char *master,
                         struct master_options *ret_options, struct error *err)
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
    if (json_each(value, read_option, &reading) || check_aliases(&reading, master) < 0)
        return -1;
    *ret_options = TAKE(options);
    return 0;
}
