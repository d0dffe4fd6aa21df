#include "load/trouble.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/retry.h"

enum { FIRST_SAID_MS = 3000, SAID_EVERY_MS = 30000 };

void trouble_release(struct trouble *trouble)
{
    free(trouble->reason);
    *trouble = (struct trouble){};
}

void trouble_met(struct trouble *trouble, const char *reason, int64_t until)
{
    if (!trouble->reason)
        trouble->began = clock_ms();
    free(trouble->reason);
    size_t length = strlen(reason);
    while (length && strchr(";. ", reason[length - 1])) /* a clause follows */
        length--;
    trouble->reason = x_strndup(reason, length);
    trouble->until = until;
}

void trouble_say(struct trouble *trouble, const struct log *log, const char *name)
{
    int64_t now = clock_ms();
    if (!trouble->reason || now - trouble->began < FIRST_SAID_MS ||
        (trouble->said && now - trouble->said < SAID_EVERY_MS))
        return;
    int64_t left = trouble->until > now ? (trouble->until - now + 999) / 1000 : 0;
    log_say(log, LOG_WARNING, "%s: %s; trying again, for at most %" PRId64 " more second%s", name,
            trouble->reason, left, left == 1 ? "" : "s");
    trouble->said = now;
}

void trouble_over(struct trouble *trouble, const struct log *log, const char *name)
{
    if (trouble->said)
        log_say(log, LOG_NOTICE, "%s: the engine takes documents again", name);
    trouble_release(trouble);
}
