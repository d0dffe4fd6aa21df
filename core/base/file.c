#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/memory.h"

/* Some editors put it in front of UTF-8; neither JSON nor SQL knows it. */
static const char byte_order_mark[] = "\xef\xbb\xbf";

static const size_t largest_file = (size_t)16 * 1024 * 1024;

static void close_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

int read_text_file(const char *path, bool required, char **ret_text, struct error *err)
{
    _cleanup_(close_file) FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT && !required) {
        *ret_text = NULL;
        return 0;
    }
    if (!file)
        return error_set(err, ERR_USAGE, "%s: %s", path, strerror(errno));

    _cleanup_(buffer_release) struct buffer text = BUFFER(largest_file);
    char block[16384];
    size_t length;
    while ((length = fread(block, 1, sizeof(block), file)) > 0)
        if (buffer_append(&text, block, length) < 0)
            return error_set(err, ERR_USAGE, "%s: larger than %zu bytes", path, largest_file);
    if (ferror(file))
        return error_set(err, ERR_USAGE, "%s: %s", path, strerror(errno));
    if (memchr(buffer_cstr(&text), '\0', text.length)) {
        error_set(err, ERR_USAGE, "%s: there is a NUL byte in it", path);
        return error_hint(err, "It may be UTF-16: save the file as UTF-8.");
    }
    if (strncmp(buffer_cstr(&text), byte_order_mark, strlen(byte_order_mark)) == 0)
        *ret_text = x_strdup(buffer_cstr(&text) + strlen(byte_order_mark));
    else
        *ret_text = buffer_take(&text);
    return 0;
}
