/* Compression of request bodies, by zlib. */
#ifndef ESMIGRATE_CLIENTS_GZIP_H
#define ESMIGRATE_CLIENTS_GZIP_H

#include "base/buffer.h"
#include "base/cleanup.h"

struct gzip;

/* At zlib's fastest level: a network that is worth the effort is slower than that. The caller's
 * (gzip_close()); never fails. */
struct gzip *gzip_open(void);
void gzip_close(struct gzip *gzip);
DEFINE_CLEANUP(struct gzip *, gzip_close)

/* Puts into *packed, in place of what it held, `length` bytes of data as one gzip member. */
void gzip_pack(struct gzip *gzip, const void *data, size_t length, struct buffer *packed);

#endif
