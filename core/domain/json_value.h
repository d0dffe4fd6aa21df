/*
 * Values of PostgreSQL as JSON, byte for byte as its row_to_json() writes them in a session whose
 * settings are pinned as pg_open() does (DateStyle ISO, TimeZone UTC). They come as COPY BINARY
 * has them: what the type's send function writes.
 */
#ifndef ESMIGRATE_DOMAIN_JSON_VALUE_H
#define ESMIGRATE_DOMAIN_JSON_VALUE_H

#include <stdbool.h>

#include "base/buffer.h"

/* How a value comes, and with it how it is written. */
enum json_form {
    JSON_FORM_JSON,  /* as JSON that the server wrote; line breaks become spaces */
    JSON_FORM_FLOAT, /* as the text of a float4 or float8 */
    JSON_FORM_STRING,
    JSON_FORM_NAME, /* a string, of less than 64 bytes */
    JSON_FORM_BOOL,
    JSON_FORM_INT2,
    JSON_FORM_INT4,
    JSON_FORM_INT8,
    JSON_FORM_OID,
    JSON_FORM_NUMERIC,
    JSON_FORM_UUID,
    JSON_FORM_DATE,
    JSON_FORM_TIMESTAMP,
    JSON_FORM_TIMESTAMPTZ,
};

/* The form of a type; JSON_FORM_JSON for one that the server has to write. */
enum json_form json_form_of(unsigned int type_oid);

/* Whether these bytes, which may be any, are a value of the form. */
bool json_value_is_sound(enum json_form form, struct span value);

/*
 * Appends a value that is sound. Up to some kilobytes more than it takes are asked of the buffer,
 * so it may overflow that much early. The closing NUL of the buffer is left to the next append.
 */
void json_value_put(struct buffer *out, enum json_form form, struct span value);

#endif
