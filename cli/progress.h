/*
 * Progress on stderr. On a terminal one line that is redrawn in place, erased before anything else
 * is printed; elsewhere a plain line every ten seconds. What is done within a second shows nothing.
 */
#ifndef ESMIGRATE_CLI_PROGRESS_H
#define ESMIGRATE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "load/progress.h"
#include "options.h"

enum progress_style { PROGRESS_NONE, PROGRESS_PLAIN, PROGRESS_REDRAWN };

struct progress_view {
    enum progress_style style;
    struct progress_watch watch;
    bool drawn;       /* there is a line to be erased */
    int64_t began_at; /* of the run; monotonic ms; 0: none */
    int64_t said_at;  /* of the last plain line */
};

/* By --progress, -q and what stderr is. Whom to hand progress to, or NULL. */
const struct progress_watch *progress_open(struct progress_view *view,
                                           const struct options *options);

/* Takes the line off the terminal, if there is one. */
void progress_erase(struct progress_view *view);

/* ---- texts; each is the caller's (free()) ---- */

/*
 * "course_search-2  43 %  430,112/~1,000,000 documents  71,204/s ...", in at most so many columns
 * (0: any number): what matters least is left out first.
 */
char *progress_line(const struct progress *progress, size_t columns);

/* "430,112/~1,000,000"; a negative total is not known. */
char *progress_documents(int64_t done, int64_t total, bool is_estimate);

/* 0 to 100; -1: not known. 100 is all of them. */
int progress_percent(int64_t done, int64_t total);

#endif
