/*
 * What the library says while it works. It never prints: it hands each line to whoever called it,
 * and the caller decides whether and where it is shown.
 */
#ifndef ESMIGRATE_BASE_LOG_H
#define ESMIGRATE_BASE_LOG_H

#include "base/error.h"

enum log_level {
    LOG_WARNING, /* something the user should act on; shown even with -q */
    LOG_NOTICE,  /* what is being done; shown by default */
    LOG_DETAIL,  /* how it is done; shown with -v */
};

struct log {
    void (*write)(void *data, enum log_level level, const char *line); /* NULL: nothing is said */
    void *data;
};

/* One line, without a final newline. */
void log_say(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says, as a warning with its DETAIL and HINT lines, an error that is not the end of the command.
 */
void log_error(const struct log *log, const struct error *err);

#endif
