/*
 * What every use case works with: the settings of this process, and the history and the engine,
 * opened when they are first needed.
 */
#ifndef ESMIGRATE_USECASES_CONTEXT_H
#define ESMIGRATE_USECASES_CONTEXT_H

#include <stdbool.h>

#include "base/log.h"
#include "base/secrets.h"
#include "domain/action.h"
#include "domain/engine.h"
#include "domain/history.h"
#include "domain/source.h"
#include "load/progress.h"

/* What options and environment decided; texts are borrowed and never NULL where not said. */
struct settings {
    const char *history;        /* conninfo; "" leaves everything to libpq's environment */
    const char *source;         /* conninfo, or NULL: that of the master, else the history's */
    const char *owner;          /* conninfo of the source as its owner; NULL or "": as source */
    struct http_options engine; /* URLs and what they are opened with, but for the next three; ""
                                   is as good as NULL in these all */
    const char *engine_password_file; /* files whose one line is the secret, or NULL */
    const char *api_key_file;
    const char *bearer_file;
    const char *indexes; /* folder of the declarations */
    bool indexes_named;  /* by the user: it has to be there where it is compared with */
    const char *prefix;
    const char *tag; /* or NULL */
    int wait_lock_s; /* -1: for ever */
    int lock_timeout_s;
    bool skip_if_busy;
    bool dry_run;
    bool verbose; /* how things are done is asked for, and may cost a question more */
};

struct context {
    struct settings settings;
    const struct log *log;
    const struct progress_watch *watch; /* NULL: nobody sees progress */
    struct secrets secrets;
    struct http_options access; /* settings.engine and the secrets out of the files */
    struct action_origin origin;
    struct history *history;
    struct engine *engine;
    const char *parent_id; /* of the actions that have no other parent: what they are parts of */
    bool writing;          /* the history was opened to be written */
    bool skipped;          /* a lock was held that was not waited for; it has been said */
    bool checked_cluster;  /* its indexes are on the cluster that was reached */
    char *recorded_prefix; /* settings.prefix of a reading command: the history's own */
};

/* Learns the secrets of the settings and who runs this. argv, in which connection strings and URLs
 * are in their public form already, is kept for the history. */
void context_init(struct context *context, const struct settings *settings, int argc, char **argv,
                  const struct log *log);
void context_release(struct context *context);

/*
 * Opens the history and checks that this binary may read it, or with `writing` write it. A reading
 * command works with the prefix that the history recorded.
 */
int context_open_history(struct context *context, bool writing, struct error *err);
int context_open_engine(struct context *context, struct error *err);

/* Waits until history and engine answer, for at most that many seconds. */
int context_wait_servers(struct context *context, int seconds, struct error *err);

/* Where the source of a master is: the setting, else `own` (master.json), else the history's.
 * Borrowed from all three. */
struct source_options context_source_options(const struct context *context, const char *own,
                                             const char *search_path);
/* Opens it. */
int context_open_source(struct context *context, const char *own, const char *search_path,
                        struct source **ret_source, struct error *err);

#endif
