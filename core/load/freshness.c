#include "load/freshness.h"

#include <stdlib.h>

#include "base/memory.h"

int freshness_open(struct freshness *freshness, size_t memory, struct error *err)
{
    *freshness = (struct freshness){
        .most = memory / sizeof(struct changed_row),
        .last = UINT64_MAX,
    };
    return keyed_hash_open(&freshness->hash, err);
}

void freshness_release(struct freshness *freshness)
{
    keyed_hash_close(freshness->hash);
    free(freshness->rows);
    *freshness = (struct freshness){};
}

static uint64_t hash_of(const struct freshness *freshness, struct span id)
{
    return keyed_hash(freshness->hash, id, (struct span){});
}

static bool in_part(const struct freshness *freshness, uint64_t hash)
{
    return hash >= freshness->first && hash <= freshness->last;
}

/* Leaves the upper half of the hashes to a later part. */
static void halve(struct freshness *freshness)
{
    size_t left = 0;
    freshness->last = freshness->first + (freshness->last - freshness->first) / 2;
    for (size_t i = 0; i < freshness->count; i++)
        if (in_part(freshness, freshness->rows[i].hash))
            freshness->rows[left++] = freshness->rows[i];
    freshness->count = left;
}

void freshness_expect(struct freshness *freshness, struct span id, int64_t time)
{
    struct changed_row row = {hash_of(freshness, id), time};
    if (!in_part(freshness, row.hash))
        return;
    while (freshness->count >= freshness->most && freshness->last > freshness->first)
        halve(freshness);
    if (!in_part(freshness, row.hash))
        return;
    freshness->rows =
        x_grow(freshness->rows, freshness->count, &freshness->capacity, sizeof(*freshness->rows));
    freshness->rows[freshness->count++] = row;
}

static int by_hash(const void *a, const void *b)
{
    uint64_t first = ((const struct changed_row *)a)->hash;
    uint64_t second = ((const struct changed_row *)b)->hash;
    return first < second ? -1 : first > second;
}

void freshness_ready(struct freshness *freshness)
{
    if (freshness->count)
        qsort(freshness->rows, freshness->count, sizeof(*freshness->rows), by_hash);
}

bool freshness_is_stale(const struct freshness *freshness, struct span id, int64_t version)
{
    if (!freshness->count)
        return false;
    struct changed_row wanted = {.hash = hash_of(freshness, id)};
    const struct changed_row *row =
        bsearch(&wanted, freshness->rows, freshness->count, sizeof(*freshness->rows), by_hash);
    return row && version < row->time;
}

bool freshness_next(struct freshness *freshness)
{
    freshness->count = 0;
    if (freshness->last == UINT64_MAX)
        return false;
    freshness->first = freshness->last + 1;
    freshness->last = UINT64_MAX;
    return true;
}
