/* Small text files, read whole. */
#ifndef ESMIGRATE_BASE_FILE_H
#define ESMIGRATE_BASE_FILE_H

#include <stdbool.h>

#include "base/error.h"

/*
 * The text of a file; the caller's (free()). One that is missing is an error only if it is
 * `required`, otherwise *ret_text is NULL. A file of more than 16 MiB, or with a NUL byte in it,
 * is none of ours. A byte order mark is left out. Errors are ERR_USAGE and begin with the path.
 */
int read_text_file(const char *path, bool required, char **ret_text, struct error *err);

#endif
