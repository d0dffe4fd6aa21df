#include "domain/dialect.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/* OpenSearch began as a copy of Elasticsearch 7.10, the oldest that the tests run on. */
static const struct dialect dialects[] = {
    {"opensearch", "OpenSearch", "opensearch", 1, 0},
    {"elasticsearch", "Elasticsearch", NULL, 7, 10},
};

static const struct dialect *find(const char *distribution)
{
    for (size_t i = 0; i < ARRAY_SIZE(dialects); i++) {
        const char *own = dialects[i].distribution;
        if (own && distribution ? strcmp(own, distribution) == 0 : own == distribution)
            return &dialects[i];
    }
    return NULL;
}

int dialect_find(const char *distribution, const char *version, const char *url,
                 const struct dialect **ret_dialect, struct error *err)
{
    int major = 0, minor = 0;
    const struct dialect *dialect = find(distribution);
    if (!dialect)
        return error_set(err, ERR_ENGINE, "engine: %s is \"%s\", which esmigrate does not know",
                         url, distribution);
    bool read = sscanf(version, "%d.%d", &major, &minor) == 2;
    if (!read || major < dialect->oldest_major ||
        (major == dialect->oldest_major && minor < dialect->oldest_minor)) {
        error_set(err, ERR_ENGINE, "engine: %s is %s %s, which is too old", url, dialect->title,
                  version);
        return error_hint(err, "esmigrate works with %s %d.%d and later.", dialect->title,
                          dialect->oldest_major, dialect->oldest_minor);
    }
    *ret_dialect = dialect;
    return 0;
}
