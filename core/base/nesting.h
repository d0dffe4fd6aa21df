/* How deeply a JSON text is nested, without parsing it. */
#ifndef ESMIGRATE_BASE_NESTING_H
#define ESMIGRATE_BASE_NESTING_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether objects and arrays are nested in each other more than `levels` deep. The text is
 * well-formed JSON. One with few brackets is told by memchr(), which costs next to nothing.
 */
bool nested_deeper(const char *json, size_t length, size_t levels);

#endif
