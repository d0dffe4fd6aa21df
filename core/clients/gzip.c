#include "clients/gzip.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/memory.h"

struct gzip {
    z_stream stream;
};

struct gzip *gzip_open(void)
{
    enum { WINDOW_BITS = 15, GZIP_HEADER = 16, MEMORY_LEVEL = 8 };
    struct gzip *gzip = x_calloc(1, sizeof(*gzip));
    /* Fails only without memory: the arguments are constants. */
    if (deflateInit2(&gzip->stream, Z_BEST_SPEED, Z_DEFLATED, WINDOW_BITS + GZIP_HEADER,
                     MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        __builtin_trap();
    return gzip;
}

void gzip_close(struct gzip *gzip)
{
    if (!gzip)
        return;
    deflateEnd(&gzip->stream);
    free(gzip);
}

void gzip_pack(struct gzip *gzip, const void *data, size_t length, struct buffer *packed)
{
    z_stream *stream = &gzip->stream;
    deflateReset(stream);
    size_t bound = deflateBound(stream, length);
    *packed = (struct buffer){.data = packed->data, .capacity = packed->capacity};
    packed->maximum = bound;
    buffer_reserve(packed, bound);
    stream->next_in = (Bytef *)data;
    stream->next_out = (Bytef *)packed->data;
    size_t left = length, room = bound;
    /* zlib counts in unsigned int. */
    for (int state = Z_OK; state != Z_STREAM_END;) {
        stream->avail_in = left > UINT_MAX ? UINT_MAX : (uInt)left;
        stream->avail_out = room > UINT_MAX ? UINT_MAX : (uInt)room;
        left -= stream->avail_in;
        room -= stream->avail_out;
        state = deflate(stream, left ? Z_NO_FLUSH : Z_FINISH);
        left += stream->avail_in;
        room += stream->avail_out;
    }
    packed->length = bound - room;
    packed->data[packed->length] = '\0';
}
