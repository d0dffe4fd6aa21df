#include "load/both_sides.h"

#include "base/stop.h"

enum { WAIT_MS = 1000, ROWS_BETWEEN_POLLS = 1024 };

struct reading {
    struct source *source;
    struct engine *engine;
    struct scroll scroll;
    struct page page;
    visit_key *visit;
    void *data;
    bool source_ended;
};

/* As many rows as have arrived, up to a limit; *ret_waits: there is none just now. */
static int read_rows(struct reading *reading, bool *ret_waits, struct error *err)
{
    *ret_waits = false;
    for (int rows = 0; rows < ROWS_BETWEEN_POLLS; rows++) {
        struct sided_key key = {.side = SIDE_SOURCE};
        switch (source_next_key(reading->source, &key.id, &key.routing, err)) {
        case PG_COPY_ROWS:
            if (reading->visit(reading->data, &key, err) < 0)
                return -1;
            break;
        case PG_COPY_WAIT:
            *ret_waits = true;
            return 0;
        case PG_COPY_END:
            reading->source_ended = true;
            return 0;
        default:
            reading->source_ended = true; /* the reading is over, the connection free */
            return -1;
        }
    }
    return 0;
}

static int read_page(struct reading *reading, struct error *err)
{
    if (scroll_take(&reading->scroll, &reading->page, err) < 0)
        return -1;
    for (size_t i = 0; i < reading->page.count; i++) {
        const struct page_hit *hit = &reading->page.hits[i];
        struct sided_key key = {SIDE_INDEX, hit->id, hit->routing, hit->version};
        if (reading->visit(reading->data, &key, err) < 0)
            return -1;
    }
    return 0;
}

static int read_all(struct reading *reading, struct error *err)
{
    while (!reading->source_ended || !reading->scroll.ended) {
        bool waits = true;
        if (!reading->source_ended && read_rows(reading, &waits, err) < 0)
            return -1;
        struct pollfd others[] = {
            {.fd = stop_fd(), .events = POLLIN},
            {.fd = reading->source_ended ? -1 : pg_socket(reading->source->pg), .events = POLLIN},
        };
        if (http_wait(reading->engine->http, others, ARRAY_SIZE(others), waits ? WAIT_MS : 0, err) <
                0 ||
            stop_check(err) < 0)
            return -1;
        if (http_next_done(reading->engine->http) && read_page(reading, err) < 0)
            return -1;
    }
    return 0;
}

int both_sides_read(struct source *source, struct engine *engine, const char *index,
                    size_t page_size, visit_key *visit, void *data, struct error *err)
{
    struct reading reading = {
        .source = source,
        .engine = engine,
        .visit = visit,
        .data = data,
        .source_ended = true,
    };
    int result = scroll_open(&reading.scroll, engine, index, page_size, err);
    if (result == 0 && source_read_keys(source, err) < 0)
        result = -1;
    if (result == 0) {
        reading.source_ended = false;
        result = read_all(&reading, err);
    }
    if (!reading.source_ended)
        source_cancel(source);
    scroll_close(&reading.scroll);
    page_release(&reading.page);
    return result;
}
