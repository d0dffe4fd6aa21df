#include "base/amount.h"

#include <inttypes.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/memory.h"

char *amount_count(int64_t count)
{
    struct buffer text = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *digits = x_printf("%" PRId64, count);
    size_t length = strlen(digits);
    for (size_t i = 0; i < length; i++) {
        if (i && digits[i - 1] != '-' && (length - i) % 3 == 0)
            buffer_char(&text, ',');
        buffer_char(&text, digits[i]);
    }
    return buffer_take(&text);
}

char *amount_duration(int64_t seconds)
{
    enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };
    if (seconds < MINUTE)
        return x_printf("%" PRId64 " s", seconds);
    if (seconds < HOUR)
        return x_printf("%" PRId64 " min %" PRId64 " s", seconds / MINUTE, seconds % MINUTE);
    if (seconds < DAY)
        return x_printf("%" PRId64 " h %" PRId64 " min", seconds / HOUR, seconds % HOUR / MINUTE);
    return x_printf("%" PRId64 " d %" PRId64 " h", seconds / DAY, seconds % DAY / HOUR);
}
