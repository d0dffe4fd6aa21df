#include "base/uptime.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"

int64_t uptime_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

char *uptime_boot(void)
{
    _cleanup_(error_release) struct error ignored = {};
    char *text = NULL;
    if (read_text_file("/proc/sys/kernel/random/boot_id", false, &text, &ignored) < 0 || !text)
        return NULL;
    text[strcspn(text, "\n")] = '\0';
    return text;
}
