/* domain/bulk and engine_cut_reason: every item is judged once and in order, none is taken for
 * accepted without a status that says so, and a reason does not quote the request. */
#include "fuzz.h"

#include <json-c/json.h>
#include <stdbool.h>

#include "base/utf8.h"
#include "domain/bulk.h"
#include "domain/engine.h"

enum { MOST_ITEMS = 8, LONGEST_REASON = 1000 };

struct reading {
    const struct bulk *bulk;
    struct json_object *items; /* the answer's, read without the code that is tried */
    bool parsed;
    size_t visited;
    size_t stop_at;
};

static struct json_object *result_of(const struct reading *reading, size_t item)
{
    struct json_object *answer = json_object_array_get_idx(reading->items, item), *result = NULL;
    bool is_index = reading->bulk->items[item].kind == BULK_INDEX;
    MUST(json_object_object_get_ex(answer, is_index ? "index" : "delete", &result));
    return result;
}

static void check_accepted(const struct reading *reading, size_t item)
{
    struct json_object *result = result_of(reading, item), *status = NULL;
    MUST(json_object_object_get_ex(result, "status", &status));
    MUST(json_object_is_type(status, json_type_int));
    int64_t number = json_object_get_int64(status);
    bool gone = reading->bulk->items[item].kind == BULK_DELETE && number == 404;
    MUST((number >= 200 && number < 300) || gone);
}

static int visit(size_t item, const struct bulk_result *result, void *data, struct error *err)
{
    struct reading *reading = data;
    MUST(item == reading->visited && item < reading->bulk->count);
    MUST(result->verdict >= BULK_ACCEPTED && result->verdict <= BULK_FATAL);
    if (reading->parsed && result->verdict == BULK_ACCEPTED)
        check_accepted(reading, item);
    if (result->type)
        MUST(!utf8_first_wrong(result->type));
    if (result->reason) {
        MUST(!strstr(result->reason, " at [Source:") && !strpbrk(result->reason, "\t\r\n"));
        MUST(strlen(result->reason) <= 2 * LONGEST_REASON + 2);
        MUST(!utf8_first_wrong(result->reason));
        version_in_reason(result->reason);
    }
    if (item == reading->stop_at)
        return error_set(err, ERR_FAILED, "stopped");
    reading->visited++;
    return 0;
}

static void build(struct bulk *bulk, size_t count, uint8_t kinds)
{
    static const char document[] = "{\"a\":\n1}";
    bulk_init(bulk, 4096);
    for (size_t i = 0; i < count; i++) {
        struct span id = {&"abcdefgh"[i], 1};
        int added = kinds >> i & 1 ? bulk_add_delete(bulk, id, (struct span){}, 7)
                                   : bulk_add_document(bulk, id, id, 7, (struct span){document, 8});
        MUST(added == 0);
    }
}

static void check_cut(const char *text)
{
    _cleanup_free_ char *cut = engine_cut_reason(text);
    MUST(!strstr(cut, " at [Source:") && !strpbrk(cut, "\t\r\n"));
    MUST(strlen(cut) <= LONGEST_REASON && strlen(cut) <= strlen(text));
    MUST(utf8_first_wrong(text) || !utf8_first_wrong(cut));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    _cleanup_(bulk_release) struct bulk bulk = {};
    _cleanup_(error_release) struct error err = {};
    size_t count = take_byte(&input) % (MOST_ITEMS + 1);
    build(&bulk, count, take_byte(&input));
    size_t stop_at = take_byte(&input);
    _cleanup_free_ char *answer = take_rest(&input);
    check_cut(answer);

    struct json_object *parsed = json_tokener_parse(answer), *items = NULL;
    struct reading reading = {.bulk = &bulk, .stop_at = stop_at};
    reading.parsed = strncmp(answer, "{\"errors\":false", 15) != 0 || strstr(answer, "\"noop\"");
    json_object_object_get_ex(parsed, "items", &items);
    reading.items = items;
    int result = bulk_read_answer(&bulk, answer, strlen(answer), visit, &reading, &err);
    MUST((result < 0) == error_is_set(&err));
    if (result == 0)
        MUST(reading.visited == count && stop_at >= count);
    else
        MUST(err.kind == ERR_ENGINE || reading.visited == stop_at);
    json_object_put(parsed);
    return 0;
}
