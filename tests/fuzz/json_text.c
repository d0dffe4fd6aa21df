/* clients/json_text: of a well-formed text every member and element is found with its value, of
 * any other nothing is read or written outside of it. */
#include "fuzz.h"

#include <json-c/json.h>
#include <stdbool.h>

#include "clients/json.h"
#include "clients/json_text.h"

static void check_inside(struct span outer, struct span inner)
{
    MUST(inner.data >= outer.data && inner.data + inner.length <= outer.data + outer.length);
}

/* The text of a string, decoded in memory of its own: what is walked through stays as it is. */
static void check_string(struct span value, struct json_object *parsed)
{
    _cleanup_free_ char *memory = x_strndup(value.data, value.length);
    struct span text = json_text_string((struct span){memory, value.length});
    if (text.data)
        check_inside((struct span){memory, value.length}, text);
    if (!json_object_is_type(parsed, json_type_string))
        return;
    const char *expected = json_object_get_string(parsed);
    MUST(text.data && text.length == strlen(expected));
    MUST(memcmp(text.data, expected, text.length) == 0);
}

static void check_number(struct span value, struct json_object *parsed)
{
    enum { LONGEST = 18 }; /* digits that no number of 64 bits is too small for */
    int64_t number = json_text_int(value, -1);
    if (json_object_is_type(parsed, json_type_int) && value.length <= LONGEST)
        MUST(number == json_object_get_int64(parsed));
}

static void walk(struct span value, struct json_object *parsed);

static size_t count_members(struct span value)
{
    struct json_cursor cursor = json_cursor(value);
    struct span key, member;
    size_t count = 0;
    while (json_next_member(&cursor, &key, &member))
        count++;
    return count;
}

/* `parsed` NULL: nothing is known of the text. */
static void walk_object(struct span value, struct json_object *parsed)
{
    struct json_cursor cursor = json_cursor(value);
    struct span key, member;
    size_t known = parsed ? (size_t)json_object_object_length(parsed) : 0;
    /* Of equal keys json-c keeps the last one: then it tells nothing of their values. */
    bool tells = parsed && count_members(value) == known;
    MUST(!parsed || count_members(value) >= known);
    while (json_next_member(&cursor, &key, &member)) {
        check_inside(value, key);
        check_inside(value, member);
        _cleanup_free_ char *memory = x_strndup(key.data, key.length);
        struct span name = json_text_string((struct span){memory, key.length});
        _cleanup_free_ char *text = x_strndup(name.data ? name.data : "", name.length);
        struct json_object *child = NULL;
        MUST(!tells || json_object_object_get_ex(parsed, text, &child));
        if (tells && !memchr(key.data, '\\', key.length))
            MUST(json_member(value, text).data == member.data);
        walk(member, child);
    }
}

static void walk_array(struct span value, struct json_object *parsed)
{
    struct json_cursor cursor = json_cursor(value);
    struct span element;
    size_t count = 0;
    while (json_next_element(&cursor, &element)) {
        check_inside(value, element);
        walk(element, parsed ? json_object_array_get_idx(parsed, count) : NULL);
        count++;
    }
    if (parsed)
        MUST(count == json_object_array_length(parsed));
}

static void walk(struct span value, struct json_object *parsed)
{
    char first = value.length ? *value.data : '\0';
    MUST(value.length);
    MUST(!json_object_is_type(parsed, json_type_object) || first == '{');
    MUST(!json_object_is_type(parsed, json_type_array) || first == '[');
    check_string(value, parsed);
    check_number(value, parsed);
    if (first == '{')
        walk_object(value, parsed);
    else if (first == '[')
        walk_array(value, parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    _cleanup_free_ char *text = take_rest(&input);
    struct span all = {text, strlen(text)};
    struct json_tokener *tokener = json_tokener_new();
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *parsed = json_tokener_parse_ex(tokener, text, (int)all.length + 1);
    /* As an element, it begins where its space ends. */
    _cleanup_free_ char *array = x_printf("[%s]", text);
    struct json_cursor cursor = json_cursor((struct span){array, all.length + 2});
    struct span value;
    if (json_next_element(&cursor, &value))
        walk(value, parsed);
    json_object_put(parsed);
    json_tokener_free(tokener);
    return 0;
}
