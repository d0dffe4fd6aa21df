/* domain/json_document: a row of any bytes is refused, or it is written as one line of JSON. */
#include "fuzz.h"

#include "base/cleanup.h"
#include "clients/json.h"
#include "domain/json_document.h"

enum { MOST_COLUMNS = 6 };

/* Of memory of its own: a byte read too far is seen. A text is ASCII, so that the document is
 * UTF-8.
 */
static char *take_value(struct input *input, enum json_form form, struct span *ret_value)
{
    bool is_text = form == JSON_FORM_STRING || form == JSON_FORM_NAME;
    size_t length = take_byte(input);
    length = length < input->length ? length : input->length;
    char *bytes = x_malloc(length ? length : 1);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)(is_text ? input->data[i] & 0x7f : input->data[i]);
    input->data += length;
    input->length -= length;
    *ret_value = (struct span){bytes, length};
    return bytes;
}

static int count_key(const char *key, json *value, void *data)
{
    (void)key;
    (void)value;
    ++*(size_t *)data;
    return 0;
}

static void check_document(const struct buffer *out, size_t count, bool is_json)
{
    _cleanup_(error_release) struct error err = {};
    MUST(out->length >= 2 && out->data[0] == '{' && out->data[out->length - 1] == '}');
    MUST(!memchr(out->data, '\n', out->length) && !memchr(out->data, '\r', out->length));
    if (!is_json)
        return;
    _cleanup_(json_freep) json *parsed = json_parse(out->data, out->length, &err);
    size_t found = 0;
    MUST(parsed);
    json_each(parsed, count_key, &found);
    MUST(found == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    _cleanup_(json_shape_release) struct json_shape shape = {};
    _cleanup_(buffer_release) struct buffer out = BUFFER(BUFFER_TEXT_MAX);
    struct span values[MOST_COLUMNS];
    char *memory[MOST_COLUMNS] = {};
    bool is_json = true;
    size_t count = 1 + take_byte(&input) % MOST_COLUMNS;
    for (size_t i = 0; i < count; i++) {
        const char name[] = {(char)('a' + i), (char)(take_byte(&input) & 0x7f), '\0'};
        enum json_form form = (enum json_form)(take_byte(&input) % (JSON_FORM_TIMESTAMPTZ + 1));
        json_shape_add(&shape, name, form);
        memory[i] = take_value(&input, form, &values[i]);
        /* Of these two the server's text is taken for what it is. */
        is_json &= form != JSON_FORM_JSON && form != JSON_FORM_FLOAT;
    }
    struct json_row row = {&shape, values};
    if (json_row_is_sound(&row)) {
        json_row_put(&out, &row);
        MUST(!out.overflow);
        check_document(&out, count, is_json);
    }
    for (size_t i = 0; i < count; i++)
        free(memory[i]);
    return 0;
}
