/* A temporary folder of declarations, on the real file system. */
#ifndef ESMIGRATE_TESTS_FOLDER_H
#define ESMIGRATE_TESTS_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

#include "base/memory.h"

/* The caller's (folder_remove()). */
static inline char *folder_make(void)
{
    const char *base = getenv("TMPDIR");
    char *path = x_printf("%s/esmigrate-unit-XXXXXX", base && *base ? base : "/tmp");
    assert_non_null(mkdtemp(path));
    return path;
}

static inline int remove_entry(const char *path, const struct stat *state, int type,
                               struct FTW *place)
{
    (void)state;
    (void)type;
    (void)place;
    return remove(path);
}

static inline void folder_remove(char **path)
{
    if (*path)
        nftw(*path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(*path);
    *path = NULL;
}

#define _cleanup_folder_ _cleanup_(folder_remove)

static inline void folder_write_bytes(const char *folder, const char *name, const char *bytes,
                                      size_t length)
{
    _cleanup_free_ char *path = x_printf("%s/%s", folder, name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* NAME may have folders in front; they are made. */
static inline void folder_write(const char *folder, const char *name, const char *text)
{
    folder_write_bytes(folder, name, text, strlen(text));
}

#endif
