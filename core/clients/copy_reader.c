#include "clients/copy_reader.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

static const char signature[11] = "PGCOPY\n\377\r\n"; /* with its final NUL */

void copy_reader_give(struct copy_reader *reader, const char *message, size_t length)
{
    reader->message = message;
    reader->length = length;
    reader->position = 0;
}

static bool take(struct copy_reader *reader, void *ret_value, size_t size)
{
    if (reader->length - reader->position < size)
        return false;
    memcpy(ret_value, reader->message + reader->position, size);
    reader->position += size;
    return true;
}

/* Signature, flags, and an extension that may be skipped. */
static bool take_header(struct copy_reader *reader)
{
    char found[sizeof(signature)];
    uint32_t flags, extension;
    if (!take(reader, found, sizeof(found)) || memcmp(found, signature, sizeof(found)) != 0 ||
        !take(reader, &flags, sizeof(flags)) || !take(reader, &extension, sizeof(extension)))
        return false;
    if (ntohl(extension) > reader->length - reader->position)
        return false;
    reader->position += ntohl(extension);
    reader->began = true;
    return true;
}

static bool take_field(struct copy_reader *reader, struct span *ret_field)
{
    uint32_t network_length;
    if (!take(reader, &network_length, sizeof(network_length)))
        return false;
    int32_t length = (int32_t)ntohl(network_length);
    *ret_field = (struct span){};
    if (length < 0)
        return length == -1;
    if ((size_t)length > reader->length - reader->position)
        return false;
    ret_field->data = reader->message + reader->position;
    ret_field->length = (size_t)length;
    reader->position += (size_t)length;
    return true;
}

enum copy_state copy_reader_next(struct copy_reader *reader, struct span *ret_fields, size_t count)
{
    uint16_t network_count;
    if (reader->position < reader->length && !reader->began && !take_header(reader))
        return COPY_BROKEN;
    if (reader->position == reader->length)
        return COPY_MORE;
    if (!take(reader, &network_count, sizeof(network_count)))
        return COPY_BROKEN;
    if (ntohs(network_count) == UINT16_MAX)
        return COPY_TRAILER;
    if (ntohs(network_count) != count)
        return COPY_BROKEN;
    for (size_t i = 0; i < count; i++)
        if (!take_field(reader, &ret_fields[i]))
            return COPY_BROKEN;
    return COPY_ROW;
}
