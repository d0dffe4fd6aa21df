/*
 * Walks through a JSON text without a tree: what a value looks like stays as it was written, which
 * json-c does not warrant of numbers, and nothing is allocated. The text must be well-formed, as
 * engines and PostgreSQL write it; of one that is not some members are missed, and nothing is read
 * outside of it.
 */
#ifndef ESMIGRATE_CLIENTS_JSON_TEXT_H
#define ESMIGRATE_CLIENTS_JSON_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

/* What is left of the members of an object, or of the elements of an array. */
struct json_cursor {
    const char *at;
    const char *end;
};

/* At the first member or element; of anything else there is none. */
struct json_cursor json_cursor(struct span value);

/* The next one; false at the end. Key and value are as they are written, a string with its quotes.
 */
bool json_next_member(struct json_cursor *cursor, struct span *ret_key, struct span *ret_value);
bool json_next_element(struct json_cursor *cursor, struct span *ret_value);

/* The value of a member; data NULL: there is none. `key` is without quotes, and needs no escapes.
 */
struct span json_member(struct span object, const char *key);

/* The number; `fallback` of what is none, or not whole. */
int64_t json_text_int(struct span value, int64_t fallback);
/* The text of a string, decoded where it stands: `value` must be of memory that may be written.
 * Data NULL of what is not a string. */
struct span json_text_string(struct span value);

#endif
