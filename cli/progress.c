#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/amount.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/retry.h"

enum {
    FIRST_MS = 1000,
    PLAIN_EVERY_MS = 10000,
    USUAL_COLUMNS = 80,
};

/* ---- texts ---- */

int progress_percent(int64_t done, int64_t total)
{
    if (total < 0 || done > total)
        return -1;
    return total ? (int)((double)done * 100 / (double)total) : 100;
}

char *progress_documents(int64_t done, int64_t total, bool is_estimate)
{
    _cleanup_free_ char *some = amount_count(done), *all = amount_count(total);
    return total < 0 ? x_strdup(some) : x_printf("%s/%s%s", some, is_estimate ? "~" : "", all);
}

/* NULL: there is nothing to say. */
static char *phase_words(const struct progress *progress)
{
    static const char *const words[] = {
        [PROGRESS_PREPARE] = "preparing",      [PROGRESS_SWEEP] = "sweep",
        [PROGRESS_REFRESH] = "refresh",        [PROGRESS_RESTORE] = "restoring settings",
        [PROGRESS_MERGE] = "merging segments", [PROGRESS_VERIFY] = "verifying",
    };
    if (progress->phase == PROGRESS_LOAD)
        return NULL;
    _cleanup_free_ char *time = amount_duration(progress->phase_s);
    return x_printf("%s%s%s, %s", words[progress->phase], progress->part ? " " : "",
                    progress->part ? progress->part : "", time);
}

static char *wait_words(const struct progress *progress)
{
    static const char *const words[] = {
        [WAITS_FOR_ANSWER] = "no answer for",
        [WAITS_FOR_RETRY] = "to be sent again, for",
        [WAITS_FOR_SOURCE] = "waiting for the source,",
    };
    if (progress->waits_for == WAITS_FOR_NOTHING || !progress->waits_s)
        return NULL;
    _cleanup_free_ char *time = amount_duration(progress->waits_s);
    return x_printf("%s %s", words[progress->waits_for], time);
}

/* The parts of the line, in order. */
struct part {
    char *text; /* NULL: not there */
    int weight; /* the least is left out first */
};
enum { PARTS = 11 };

static void make_parts(const struct progress *p, struct part parts[PARTS])
{
    int percent = progress_percent(p->done, p->total);
    bool sends = p->phase != PROGRESS_VERIFY;
    _cleanup_free_ char *documents = progress_documents(p->done, p->total, p->is_estimate);
    _cleanup_free_ char *rate = amount_count((int64_t)(p->documents_per_second + 0.5));
    _cleanup_free_ char *retries = amount_count(p->retries);
    _cleanup_free_ char *rejected = amount_count(p->rejected);
    _cleanup_free_ char *eta = p->eta_s < 0 ? NULL : amount_duration(p->eta_s);
    const struct part all[PARTS] = {
        {x_strdup(p->index_name), 11},
        {phase_words(p), 10},
        {wait_words(p), 9},
        {percent < 0 ? NULL : x_printf("%d %%", percent), 8},
        {x_printf("%s documents", documents), 4},
        {x_printf("%s/s", rate), 5},
        {sends ? x_printf("%.1f MB/s", p->bytes_per_second / 1e6) : NULL, 3},
        {sends ? x_printf("%zu in flight", p->in_flight) : NULL, 2},
        {sends ? x_printf("%s retries", retries) : NULL, p->retries ? 6 : 0},
        {sends ? x_printf("%s rejected", rejected) : NULL, p->rejected ? 7 : 1},
        {eta ? x_printf("ETA %s", eta) : NULL, 8},
    };
    memcpy(parts, all, sizeof(all));
}

/* ASCII but for the name, whose characters may take more bytes than columns. */
static size_t width_of(const char *text)
{
    wchar_t wide[512];
    size_t length = mbstowcs(wide, text, ARRAY_SIZE(wide));
    int width = length >= ARRAY_SIZE(wide) ? -1 : wcswidth(wide, length);
    return width < 0 ? strlen(text) : (size_t)width;
}

/* The name alone is wider than the terminal. */
static void cut(char *name, size_t columns)
{
    size_t length = strlen(name);
    while (length && width_of(name) > columns) {
        do
            length--;
        while (length && ((unsigned char)name[length] & 0xc0) == 0x80);
        name[length] = '\0';
    }
}

static size_t width_of_all(const struct part parts[PARTS])
{
    size_t width = 0;
    for (size_t i = 0; i < PARTS; i++)
        if (parts[i].text)
            width += width_of(parts[i].text) + (width ? 2 : 0);
    return width;
}

/* True while there was something to leave out but the name. */
static bool drop_least(struct part parts[PARTS])
{
    struct part *least = &parts[0]; /* the name, which outweighs all */
    for (size_t i = 1; i < PARTS; i++)
        if (parts[i].text && parts[i].weight < least->weight)
            least = &parts[i];
    if (least == &parts[0])
        return false;
    free(least->text);
    least->text = NULL;
    return true;
}

char *progress_line(const struct progress *progress, size_t columns)
{
    struct buffer line = BUFFER(BUFFER_TEXT_MAX);
    struct part parts[PARTS];
    make_parts(progress, parts);
    while (columns && width_of_all(parts) > columns && drop_least(parts))
        ;
    if (columns)
        cut(parts[0].text, columns);
    for (size_t i = 0; i < PARTS; i++) {
        if (parts[i].text)
            buffer_printf(&line, "%s%s", line.length ? "  " : "", parts[i].text);
        free(parts[i].text);
    }
    return buffer_take(&line);
}

/* ---- where it is shown ---- */

/* One less than there are: a terminal may wrap at the last one. Asked for each time, since the
 * window may have been resized. */
static size_t room(void)
{
    struct winsize size = {};
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return (known ? size.ws_col : USUAL_COLUMNS) - 1U;
}

void progress_erase(struct progress_view *view)
{
    if (view->drawn)
        fputs("\r\033[K", stderr);
    view->drawn = false;
}

static void redraw(struct progress_view *view, const struct progress *progress)
{
    _cleanup_free_ char *line = progress_line(progress, room());
    /* One write: nobody is to see the line empty. */
    fprintf(stderr, "%s%s", view->drawn ? "\r\033[K" : "", line);
    view->drawn = true;
}

static void say(struct progress_view *view, const struct progress *progress, int64_t now)
{
    if (now - view->said_at < PLAIN_EVERY_MS)
        return;
    _cleanup_free_ char *line = progress_line(progress, 0);
    fprintf(stderr, "esmigrate: %s\n", line);
    view->said_at = now;
}

static void show(void *data, const struct progress *progress)
{
    struct progress_view *view = data;
    int64_t now = clock_ms();
    if (!progress) {
        progress_erase(view);
        view->began_at = 0;
        return;
    }
    if (!view->began_at)
        view->began_at = view->said_at = now;
    if (view->style == PROGRESS_PLAIN)
        say(view, progress, now);
    else if (now - view->began_at >= FIRST_MS)
        redraw(view, progress);
}

static enum progress_style choose_style(const struct options *options)
{
    const char *choice = option_text(options, OPT_PROGRESS), *terminal = getenv("TERM");
    if (strcmp(choice, "always") == 0)
        return PROGRESS_REDRAWN;
    if (strcmp(choice, "never") == 0 || option_given(options, OPT_QUIET))
        return PROGRESS_NONE;
    bool moves = isatty(STDERR_FILENO) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
    return moves ? PROGRESS_REDRAWN : PROGRESS_PLAIN;
}

const struct progress_watch *progress_open(struct progress_view *view,
                                           const struct options *options)
{
    *view = (struct progress_view){.style = choose_style(options), .watch = {show, view}};
    return view->style == PROGRESS_NONE ? NULL : &view->watch;
}
