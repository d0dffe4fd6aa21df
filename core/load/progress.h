/*
 * How far a run is: what es_update, es_retry and es_verify show while they work, and write into the
 * history every second, where es_history --running finds it from any machine.
 *
 * The library never prints: as struct log does, it hands what there is to whoever called it.
 */
#ifndef ESMIGRATE_LOAD_PROGRESS_H
#define ESMIGRATE_LOAD_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ticker.h"
#include "domain/engine.h"
#include "domain/history.h"
#include "domain/load_worker.h"
#include "load/sender.h"
#include "load/window.h"

/* What a run is at; the names are those of the history. */
enum progress_phase {
    PROGRESS_PREPARE, /* nothing is read yet */
    PROGRESS_LOAD,    /* documents are read and sent */
    PROGRESS_SWEEP,   /* what the source no longer has is removed */
    PROGRESS_REFRESH, /* the engine makes it visible to searches */
    PROGRESS_RESTORE, /* refresh and replicas are put back, and waited for */
    PROGRESS_MERGE,   /* --force-merge */
    PROGRESS_VERIFY,  /* an instance is compared with its source */
};
const char *progress_phase_name(enum progress_phase phase);

/* Whom it waits for, with nothing else to do. */
enum progress_wait {
    WAITS_FOR_NOTHING,
    WAITS_FOR_ANSWER, /* requests are in flight, and none is answered */
    WAITS_FOR_RETRY,  /* the engine was busy or gone, and is to be asked again */
    WAITS_FOR_SOURCE, /* PostgreSQL has returned nothing */
};

struct progress {
    const char *index_name;
    enum progress_phase phase;
    const char *part; /* what is verified, the name of a check; else NULL */
    int64_t phase_s;  /* for how long, seconds; of a part, if there is one */
    int64_t done;  /* documents sent and accounted for; with those of a resumed update, and of the
                      ranges that others have finished; or compared */
    int64_t total; /* documents that are expected; -1: not known */
    bool is_estimate;
    double documents_per_second; /* over the last ten seconds, as the next one */
    double bytes_per_second;
    int64_t bytes_sent;
    size_t in_flight; /* requests */
    size_t limit;     /* of them at this moment */
    int64_t retries;  /* documents sent again */
    int64_t rejected;
    int64_t eta_s; /* -1: not known */
    enum progress_wait waits_for;
    int64_t waits_s; /* since when, seconds; 0 if for less than three */
};

/* Who wants to see it; `progress` is NULL at the end of a run. */
struct progress_watch {
    void (*show)(void *data, const struct progress *progress);
    void *data;
};

/* Fills it, for one run. */
struct meter {
    struct progress now;
    const struct progress_watch *watch; /* or NULL */
    struct history *history;
    const char *action_id;
    struct engine *engine;       /* while it ticks; NULL: it has ended */
    const struct sender *sender; /* NULL: not opened yet */
    struct load_worker *worker;  /* whose lease is renewed in a tick, or NULL; borrowed */
    struct ticker ticker;
    const struct ticker *aside; /* someone who has something to do meanwhile, or NULL; borrowed */
    struct window window;
    int64_t before;     /* documents that were done before this run, or by others meanwhile */
    int64_t began_with; /* of these, when it began */
    int64_t phase_began;
    int64_t load_ms;              /* that PROGRESS_LOAD took */
    int64_t shown_at, written_at; /* monotonic ms, as the next ones */
    int64_t waits_since;
    int64_t seen_sent, seen_settled; /* when something came last */
    bool writes;
};

/*
 * From now on everybody is told, at most every TICK_MS, and after its first second the history; in
 * each wait for the engine, and for those databases that were given meter->ticker. Nor does the
 * lease of meter->worker run out there, however silent a server is. What is given is borrowed. The
 * history's connection is used in a tick: between meter_begin() and meter_end() it must be in no
 * transaction.
 */
void meter_begin(struct meter *meter, const struct progress_watch *watch, struct history *history,
                 struct engine *engine, const char *action_id, const char *index_name);

/* Nothing is shown or written after it. Also of a meter that never began, or has ended. */
void meter_end(struct meter *meter);

void meter_phase(struct meter *meter, enum progress_phase phase);

/* PROGRESS_VERIFY, of a check; the documents that it has compared are counted anew. */
void meter_verify(struct meter *meter, const char *part);

/* How many documents there will be, `before` of them done by an earlier run. NULL: no meter. */
void meter_expect(struct meter *meter, int64_t total, bool is_estimate, int64_t before);

/* So many of them are done by others, who work at the same full update. NULL: no meter. */
void meter_others(struct meter *meter, int64_t documents);

/* Documents a second, of all who work at it, in PROGRESS_LOAD so far, or once that is over. */
double meter_rate(const struct meter *meter);

/* What is known at that moment, into meter->now; monotonic ms. */
void meter_look(struct meter *meter, int64_t now);

#endif
