#include "load/compare_ids.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { PARTITION_BITS = 16, PARTITIONS = 1 << PARTITION_BITS };

struct partition {
    uint64_t sum[SIDE_COUNT];
    uint64_t count[SIDE_COUNT];
    bool chosen;
};

struct kept_key {
    uint64_t hash;
    uint32_t start; /* of its id in `ids`, where it ends with a NUL */
    enum side side;
};

struct key_sums {
    struct partition partitions[PARTITIONS];
    struct buffer ids;
    struct kept_key *kept;
    size_t kept_count;
    size_t kept_capacity;
};

int id_comparison_open(struct id_comparison *comparison, struct error *err)
{
    *comparison = (struct id_comparison){};
    if (keyed_hash_open(&comparison->hash, err) < 0)
        return -1;
    comparison->sums = x_calloc(1, sizeof(*comparison->sums));
    return 0;
}

void id_comparison_release(struct id_comparison *comparison)
{
    keyed_hash_close(comparison->hash);
    if (comparison->sums) {
        buffer_release(&comparison->sums->ids);
        free(comparison->sums->kept);
    }
    free(comparison->sums);
    *comparison = (struct id_comparison){};
}

static struct partition *partition_of(struct id_comparison *comparison, uint64_t hash)
{
    return &comparison->sums->partitions[hash >> (64 - PARTITION_BITS)];
}

void id_comparison_note(struct id_comparison *comparison, const struct sided_key *key)
{
    uint64_t hash = keyed_hash(comparison->hash, key->id, key->routing);
    struct partition *partition = partition_of(comparison, hash);
    partition->sum[key->side] += hash;
    partition->count[key->side]++;
    comparison->ids[key->side]++;
    comparison->bytes += (int64_t)key->id.length;
}

static bool differs(const struct partition *partition)
{
    return partition->sum[SIDE_SOURCE] != partition->sum[SIDE_INDEX] ||
           partition->count[SIDE_SOURCE] != partition->count[SIDE_INDEX];
}

bool id_comparison_choose(struct id_comparison *comparison, int64_t memory)
{
    struct key_sums *sums = comparison->sums;
    int64_t all = comparison->ids[SIDE_SOURCE] + comparison->ids[SIDE_INDEX];
    int64_t each = (all ? comparison->bytes / all : 0) + 2 + (int64_t)sizeof(struct kept_key);
    int64_t expected = 0;
    bool any = false;
    for (size_t i = 0; i < comparison->next; i++)
        sums->partitions[i].chosen = false;
    for (; comparison->next < PARTITIONS; comparison->next++) {
        struct partition *partition = &sums->partitions[comparison->next];
        if (!differs(partition))
            continue;
        int64_t bytes =
            (int64_t)(partition->count[SIDE_SOURCE] + partition->count[SIDE_INDEX]) * each;
        if (any && expected + bytes > memory)
            break;
        partition->chosen = any = true;
        expected += bytes;
    }
    sums->kept_count = 0;
    buffer_release(&sums->ids);
    sums->ids = BUFFER((size_t)(4 * expected) + 1024 * 1024);
    return any;
}

int id_comparison_keep(struct id_comparison *comparison, const struct sided_key *key,
                       struct error *err)
{
    struct key_sums *sums = comparison->sums;
    uint64_t hash = keyed_hash(comparison->hash, key->id, key->routing);
    if (!partition_of(comparison, hash)->chosen)
        return 0;
    size_t start = sums->ids.length;
    if (buffer_append(&sums->ids, key->id.data, key->id.length) < 0 ||
        buffer_append(&sums->ids, "", 1) < 0 || start > UINT32_MAX) {
        error_set(err, ERR_FAILED, "source and index change too much to be compared");
        return error_hint(err, "Run the same command again.");
    }
    sums->kept = x_grow(sums->kept, sums->kept_count, &sums->kept_capacity, sizeof(*sums->kept));
    sums->kept[sums->kept_count++] = (struct kept_key){hash, (uint32_t)start, key->side};
    return 0;
}

static int by_hash(const void *a, const void *b)
{
    uint64_t first = ((const struct kept_key *)a)->hash;
    uint64_t second = ((const struct kept_key *)b)->hash;
    return first < second ? -1 : first > second;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct differing_key *)a)->id, ((const struct differing_key *)b)->id);
}

/* An id with another routing on either side comes twice. */
static size_t merge_same(struct differing_key *keys, size_t count)
{
    size_t left = 0;
    if (count)
        qsort(keys, count, sizeof(*keys), by_id);
    for (size_t i = 0; i < count; i++) {
        if (!left || strcmp(keys[left - 1].id, keys[i].id) != 0) {
            keys[left++] = keys[i];
            continue;
        }
        keys[left - 1].count[SIDE_SOURCE] += keys[i].count[SIDE_SOURCE];
        keys[left - 1].count[SIDE_INDEX] += keys[i].count[SIDE_INDEX];
        free(keys[i].id);
    }
    return left;
}

size_t id_comparison_differing(struct id_comparison *comparison, struct differing_key **ret_keys)
{
    struct key_sums *sums = comparison->sums;
    struct differing_key *keys = NULL;
    size_t count = 0, capacity = 0;
    if (sums->kept_count)
        qsort(sums->kept, sums->kept_count, sizeof(*sums->kept), by_hash);
    for (size_t i = 0, next; i < sums->kept_count; i = next) {
        struct differing_key key = {};
        for (next = i; next < sums->kept_count && sums->kept[next].hash == sums->kept[i].hash;
             next++)
            key.count[sums->kept[next].side]++;
        if (key.count[SIDE_SOURCE] == key.count[SIDE_INDEX])
            continue;
        key.id = x_strdup(buffer_cstr(&sums->ids) + sums->kept[i].start);
        keys = x_grow(keys, count, &capacity, sizeof(*keys));
        keys[count++] = key;
    }
    *ret_keys = keys;
    return merge_same(keys, count);
}

void differing_keys_free(struct differing_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(keys[i].id);
    free(keys);
}
