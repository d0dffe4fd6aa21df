/*
 * Reads PostgreSQL's binary COPY format ("COPY", File Formats, Binary Format, in the PostgreSQL
 * documentation) out of the messages it arrives in. Nothing is copied: fields point into the
 * message, which must live until the next one is given.
 */
#ifndef ESMIGRATE_CLIENTS_COPY_READER_H
#define ESMIGRATE_CLIENTS_COPY_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

struct copy_reader {
    const char *message;
    size_t length;
    size_t position;
    bool began; /* the header was read */
};

enum copy_state {
    COPY_ROW,     /* a row is in the fields */
    COPY_MORE,    /* the message is used up, the next one is wanted */
    COPY_TRAILER, /* the data has come to its end */
    COPY_BROKEN,  /* this is not what COPY writes, or rows have another number of columns */
};

/* Zero-initialise the reader for each COPY, then give it message after message. */
void copy_reader_give(struct copy_reader *reader, const char *message, size_t length);

/* The next row's fields (data NULL: SQL NULL) into *ret_fields, `count` of them. */
enum copy_state copy_reader_next(struct copy_reader *reader, struct span *ret_fields, size_t count);

#endif
