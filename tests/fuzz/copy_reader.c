/* clients/copy_reader: rows are read out of messages of any length; fields lie in their message,
 * and written again they are the bytes that were read. */
#include "fuzz.h"

#include "base/buffer.h"
#include "clients/copy_reader.h"

enum { MOST_COLUMNS = 8, MOST_MESSAGES = 64 };

static void put_number(struct buffer *out, uint32_t value, int bytes)
{
    while (bytes--)
        buffer_char(out, (char)(value >> (8 * bytes)));
}

static void check_row(const struct copy_reader *reader, size_t before, const struct span *fields,
                      size_t count)
{
    _cleanup_(buffer_release) struct buffer row = BUFFER(BUFFER_TEXT_MAX);
    put_number(&row, (uint32_t)count, 2);
    for (size_t i = 0; i < count; i++) {
        if (!fields[i].data) {
            put_number(&row, UINT32_MAX, 4);
            continue;
        }
        MUST(fields[i].data >= reader->message + before);
        MUST(fields[i].data + fields[i].length <= reader->message + reader->position);
        put_number(&row, (uint32_t)fields[i].length, 4);
        buffer_append(&row, fields[i].data, fields[i].length);
    }
    /* The first row may have the header in front. */
    MUST(before + row.length <= reader->position);
    MUST(memcmp(reader->message + reader->position - row.length, row.data, row.length) == 0);
}

static enum copy_state read_message(struct copy_reader *reader, size_t count)
{
    struct span fields[MOST_COLUMNS];
    for (;;) {
        size_t before = reader->position;
        bool began = reader->began;
        enum copy_state state = copy_reader_next(reader, fields, count);
        MUST(reader->position >= before && reader->position <= reader->length);
        if (state == COPY_ROW) {
            MUST(reader->began && reader->position > before);
            check_row(reader, before, fields, count);
            MUST(!began || reader->position - before >= 2 + 4 * count);
            continue;
        }
        MUST(state == COPY_MORE || state == COPY_TRAILER || state == COPY_BROKEN);
        MUST(state != COPY_MORE || reader->position == reader->length);
        MUST(state != COPY_TRAILER || reader->began);
        return state;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct copy_reader reader = {};
    size_t count = take_byte(&input) % MOST_COLUMNS;
    enum copy_state state = COPY_MORE;
    for (int i = 0; i < MOST_MESSAGES && input.length && state == COPY_MORE; i++) {
        /* Of memory of its own: a byte too far is seen, and so is one kept from the last. */
        size_t length = take_byte(&input);
        length = length < input.length ? length : input.length;
        _cleanup_free_ char *message = x_malloc(length ? length : 1);
        memcpy(message, input.data, length);
        input.data += length;
        input.length -= length;
        copy_reader_give(&reader, message, length);
        state = read_message(&reader, count);
    }
    return 0;
}
