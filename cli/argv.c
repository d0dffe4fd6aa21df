#include "argv.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "clients/http.h"
#include "clients/pg_conninfo.h"

static char *public_conninfo(const char *value)
{
    if (!strpbrk(value, "=:@"))
        return x_strdup(value); /* the plain name of a database */
    char *text = pg_conninfo_public(value);
    return text ? text : x_strdup("***");
}

static char *public_urls(const char *value)
{
    char *text = http_urls_public(value);
    return text ? text : x_strdup("***");
}

/* A command of the user's own may hold a password. */
static char *public_command(const char *value)
{
    return x_strdup(strcmp(value, "none") == 0 ? value : "***");
}

typedef char *make_public(const char *value);

/* What the value of this option must go through; NULL for an option without secrets. getopt_long
 * takes an option's beginning for the option. */
static make_public *filter_of(const char *word, size_t length)
{
    static const struct {
        const char *name;
        make_public *filter;
    } filters[] = {
        {"--history", public_conninfo},      {"--source", public_conninfo},
        {"--owner", public_conninfo},        {"--engine", public_urls},
        {"--stop-indexing", public_command}, {"--resume-indexing", public_command},
    };
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
        if (length > 2 && strncmp(filters[i].name, word, length) == 0)
            return filters[i].filter;
    return NULL;
}

char **argv_public(int argc, char **argv)
{
    char **copy = x_calloc((size_t)argc + 1, sizeof(char *));
    make_public *pending = NULL; /* the option before waits for its value */
    for (int i = 0; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        size_t length = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
        make_public *filter = filter_of(argv[i], length);
        if (pending) {
            copy[i] = pending(argv[i]);
            pending = NULL;
        } else if (filter && equals) {
            char *value = filter(equals + 1);
            copy[i] = x_printf("%.*s=%s", (int)length, argv[i], value);
            free(value);
        } else {
            copy[i] = x_strdup(argv[i]);
            pending = filter;
        }
    }
    return copy;
}

void argv_free(char **argv)
{
    for (char **word = argv; *word; word++)
        free(*word);
    free(argv);
}
