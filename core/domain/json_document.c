#include "domain/json_document.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void json_shape_release(struct json_shape *shape)
{
    for (size_t i = 0; i < shape->count; i++)
        free(shape->keys[i].text);
    free(shape->keys);
    *shape = (struct json_shape){};
}

void json_shape_add(struct json_shape *shape, const char *name, enum json_form form)
{
    struct buffer text = BUFFER(BUFFER_TEXT_MAX);
    buffer_char(&text, shape->count ? ',' : '{');
    json_value_put(&text, JSON_FORM_STRING, (struct span){name, strlen(name)});
    buffer_char(&text, ':');
    shape->keys = x_grow(shape->keys, shape->count, &shape->capacity, sizeof(*shape->keys));
    struct json_key *key = &shape->keys[shape->count++];
    *key = (struct json_key){.length = text.length, .form = form};
    key->text = buffer_take(&text);
    shape->may_nest |= form == JSON_FORM_JSON;
}

bool json_row_is_sound(const struct json_row *row)
{
    for (size_t i = 0; i < row->shape->count; i++)
        if (row->values[i].data && !json_value_is_sound(row->shape->keys[i].form, row->values[i]))
            return false;
    return true;
}

void json_row_put(struct buffer *out, const struct json_row *row)
{
    static const char null[] = "null";
    for (size_t i = 0; i < row->shape->count; i++) {
        const struct json_key *key = &row->shape->keys[i];
        const struct span *value = &row->values[i];
        char *to = buffer_room(out, key->length + strlen(null));
        if (!to)
            return;
        memcpy(to, key->text, key->length);
        to += key->length;
        if (!value->data) {
            memcpy(to, null, strlen(null));
            to += strlen(null);
        }
        buffer_end_at(out, to);
        if (value->data)
            json_value_put(out, key->form, *value);
    }
    buffer_char(out, '}');
}
