#include "options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_HISTORY] = {"history", 0, VALUE_REQUIRED, "CONNINFO", "ESMIGRATE_HISTORY", "",
                     "database of the history; libpq's environment fills what is left out"},
    [OPT_SOURCE] = {"source", 0, VALUE_REQUIRED, "CONNINFO", "ESMIGRATE_SOURCE", NULL,
                    "database the documents are read from (default: the history's)"},
    [OPT_ENGINE] = {"engine", 0, VALUE_REQUIRED, "URL", "ELASTICSEARCH_URL or OPENSEARCH_URL",
                    "http://localhost:9200", "the engine; several of its URLs with commas"},
    [OPT_ENGINE_USER] = {"engine-user", 0, VALUE_REQUIRED, "USER", "ESMIGRATE_ENGINE_USER", NULL,
                         "user of the engine, where its URL has none"},
    [OPT_ENGINE_PASSWORD_FILE] = {"engine-password-file", 0, VALUE_REQUIRED, "FILE",
                                  "ESMIGRATE_ENGINE_PASSWORD_FILE", NULL,
                                  "file with that user's password"},
    [OPT_API_KEY_FILE] = {"api-key-file", 0, VALUE_REQUIRED, "FILE", "ESMIGRATE_API_KEY_FILE", NULL,
                          "file with an API key of the engine (base64 of id:key)"},
    [OPT_BEARER_FILE] = {"bearer-file", 0, VALUE_REQUIRED, "FILE", "ESMIGRATE_BEARER_FILE", NULL,
                         "file with a bearer token of the engine"},
    [OPT_CA] = {"ca", 0, VALUE_REQUIRED, "FILE", "ESMIGRATE_CA", NULL,
                "certificates that the engine's is checked against"},
    [OPT_CERT] = {"cert", 0, VALUE_REQUIRED, "FILE", "ESMIGRATE_CERT", NULL,
                  "client certificate for the engine"},
    [OPT_KEY] = {"key", 0, VALUE_REQUIRED, "FILE", "ESMIGRATE_KEY", NULL,
                 "its key, if that is in a file of its own"},
    [OPT_INDEXES] = {"indexes", 0, VALUE_REQUIRED, "DIR", "ESMIGRATE_INDEXES", "indexes",
                     "folder of the declarations"},
    [OPT_PREFIX] = {"prefix", 0, VALUE_REQUIRED, "P", "ESMIGRATE_PREFIX", "",
                    "in front of the name of every index and alias"},
    [OPT_TAG] = {"tag", 0, VALUE_REQUIRED, "T", "ESMIGRATE_TAG", NULL,
                 "kept with the action, for example the release"},
    [OPT_OUTPUT] = {"output", 'o', VALUE_REQUIRED, "FORMAT", NULL, "table", "table or json"},
    [OPT_QUIET] = {"quiet", 'q', VALUE_NONE, NULL, NULL, NULL, "say only warnings and errors"},
    [OPT_VERBOSE] = {"verbose", 'v', VALUE_NONE, NULL, NULL, NULL, "say how things are done"},
    [OPT_DRY_RUN] = {"dry-run", 'n', VALUE_NONE, NULL, NULL, NULL,
                     "say what would be done and change nothing"},
    [OPT_YES] = {"yes", 'y', VALUE_NONE, NULL, NULL, NULL, "do not ask for confirmation"},
    [OPT_WAIT_LOCK] = {"wait-lock", 0, VALUE_OPTIONAL, "SECONDS", NULL, "0",
                       "wait for another run's lock, without SECONDS for ever"},
    [OPT_IF_BUSY] = {"if-busy", 0, VALUE_REQUIRED, "skip", NULL, NULL,
                     "skip: when another run holds the lock, do nothing and exit 0"},
    [OPT_LOCK_TIMEOUT] = {"lock-timeout", 0, VALUE_REQUIRED, "SECONDS", NULL, "10",
                          "PostgreSQL's lock_timeout on source and history"},
    [OPT_WAIT_SERVERS] = {"wait-servers", 0, VALUE_OPTIONAL, "SECONDS", NULL, NULL,
                          "wait until history and engine answer, without SECONDS a minute"},
    [OPT_HELP] = {"help", 0, VALUE_NONE, NULL, NULL, NULL, "show this help"},
    [OPT_VERSION] = {"version", 0, VALUE_NONE, NULL, NULL, NULL, "show the version"},
    [OPT_ADOPT] = {"adopt", 0, VALUE_NONE, NULL, NULL, NULL,
                   "take over a history that was copied here, or had another prefix"},
    [OPT_ALL] = {"all", 0, VALUE_NONE, NULL, NULL, NULL, "all of them"},
    [OPT_FORCE] = {"force", 0, VALUE_NONE, NULL, NULL, NULL,
                   "do it although the state of things speaks against it"},
    [OPT_ENGINE_ONLY] = {"engine-only", 0, VALUE_NONE, NULL, NULL, NULL,
                         "make again, from the history, the engine indexes that are gone"},
    [OPT_LAST] = {"last", 0, VALUE_NONE, NULL, NULL, NULL, "the newest instance"},
    [OPT_LATEST] = {"latest", 0, VALUE_NONE, NULL, NULL, NULL, "the same as --last"},
    [OPT_NEWER] = {"newer", 0, VALUE_NONE, NULL, NULL, NULL,
                   "all instances newer than the active one"},
    [OPT_ALL_ACTIVE] = {"all-active", 0, VALUE_NONE, NULL, NULL, NULL,
                        "the active instances of all masters"},
    [OPT_FULL] = {"full", 0, VALUE_NONE, NULL, NULL, NULL,
                  "read everything, and remove what the source no longer has"},
    [OPT_SINCE] = {"since", 0, VALUE_REQUIRED, "TIME", NULL, NULL,
                   "begin at this time (RFC 3339, with a zone)"},
    [OPT_ALLOW_REJECTED] = {"allow-rejected", 0, VALUE_REQUIRED, "N", NULL, "0",
                            "so many open rejected documents are no failure"},
    [OPT_OLDER] = {"older", 0, VALUE_NONE, NULL, NULL, NULL,
                   "all instances with a number below the active one's"},
    [OPT_UNTIL] = {"until", 0, VALUE_REQUIRED, "TIME", NULL, NULL,
                   "end before this time (RFC 3339, with a zone)"},
    [OPT_ACTION] = {"action", 0, VALUE_REQUIRED, "ACTION", NULL, NULL,
                    "only this action, for example update"},
    [OPT_STATUS] = {"status", 0, VALUE_REQUIRED, "STATUS", NULL, NULL,
                    "only running, complete, partial, failed or interrupted ones"},
    [OPT_LIMIT] = {"limit", 0, VALUE_REQUIRED, "N", NULL, "50", "show at most N"},
};

const struct option_spec *option_spec(enum option_id id)
{
    return &specs[id];
}

/* Calls visit for the options of a command, its own ones first. */
static void each_option(const enum option_id *own, void (*visit)(enum option_id id, void *data),
                        void *data)
{
    for (const enum option_id *id = own; *id != OPT_COUNT; id++)
        visit(*id, data);
    for (enum option_id id = 0; id < OPT_COMMON_END; id++)
        visit(id, data);
}

struct getopt_tables {
    struct option longs[OPT_COUNT + 1];
    char letters[2 * OPT_COUNT + 3];
    size_t count;
    size_t letter_count;
};

enum { LONG_BASE = 256 }; /* getopt_long answers this + id for an option */

static void add_to_getopt(enum option_id id, void *data)
{
    static const int arguments[] = {
        [VALUE_NONE] = no_argument,
        [VALUE_REQUIRED] = required_argument,
        [VALUE_OPTIONAL] = optional_argument,
    };
    struct getopt_tables *tables = data;
    tables->longs[tables->count++] = (struct option){
        .name = specs[id].name,
        .has_arg = arguments[specs[id].value],
        .val = LONG_BASE + (int)id,
    };
    if (specs[id].letter) {
        tables->letters[tables->letter_count++] = specs[id].letter;
        if (specs[id].value == VALUE_REQUIRED)
            tables->letters[tables->letter_count++] = ':';
    }
}

static enum option_id id_of(int answer)
{
    if (answer >= LONG_BASE)
        return (enum option_id)(answer - LONG_BASE);
    for (enum option_id id = 0; id < OPT_COUNT; id++)
        if (specs[id].letter == answer)
            return id;
    return OPT_COUNT;
}

static int wrong_option(const char *command, int answer, char **argv, struct error *err)
{
    /* Without a value behind it, which may be a secret that met a mistyped option (rule R10). */
    _cleanup_free_ char *word = x_strndup(argv[optind - 1], strcspn(argv[optind - 1], "="));
    if (answer == ':')
        error_set(err, ERR_USAGE, "option %s needs a value", word);
    else if (optopt >= LONG_BASE)
        error_set(err, ERR_USAGE, "option --%s takes no value", specs[optopt - LONG_BASE].name);
    else if (optopt)
        error_set(err, ERR_USAGE, "unknown option -%c", optopt);
    else
        error_set(err, ERR_USAGE, "unknown option %s", word);
    return error_hint(err, "See esmigrate %s --help", command);
}

/* "A or B": both set is an error, since it is not known which is meant. */
static int from_two_variables(struct options *options, enum option_id id, struct error *err)
{
    const char *one = getenv("ELASTICSEARCH_URL"), *other = getenv("OPENSEARCH_URL");
    bool has_one = one && *one, has_other = other && *other;
    if (has_one && has_other) {
        error_set(err, ERR_USAGE, "both ELASTICSEARCH_URL and OPENSEARCH_URL are set");
        return error_hint(err, "Unset one of them, or name the engine with --engine URL.");
    }
    options->values[id] = has_one ? one : has_other ? other : NULL;
    return 0;
}

static int read_environment(struct options *options, struct error *err)
{
    for (enum option_id id = 0; id < OPT_COMMON_END; id++) {
        if (!specs[id].environment || options->values[id])
            continue;
        if (id == OPT_ENGINE) {
            if (from_two_variables(options, id, err) < 0)
                return -1;
            continue;
        }
        const char *value = getenv(specs[id].environment);
        options->values[id] = value && *value ? value : NULL;
    }
    return 0;
}

/* "--wait-lock 2" would make 2 the number of an instance. */
static int check_next(enum option_id id, const char *next, struct error *err)
{
    if (!next || !*next || next[strspn(next, "0123456789")] != '\0')
        return 0;
    error_set(err, ERR_USAGE, "is %s the value of --%s, or an instance?", next, specs[id].name);
    return error_hint(err, "Write --%s=%s, or put the option last.", specs[id].name, next);
}

int options_parse(struct options *options, const char *command, const enum option_id *own, int argc,
                  char **argv, struct error *err)
{
    /* ':' first: a missing value is told apart, and getopt prints nothing itself. */
    struct getopt_tables tables = {.letters = ":", .letter_count = 1};
    each_option(own, add_to_getopt, &tables);
    *options = (struct options){};
    optind = 0;
    opterr = 0;
    for (int answer;
         (answer = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) != -1;) {
        if (answer == '?' || answer == ':')
            return wrong_option(command, answer, argv, err);
        enum option_id id = id_of(answer);
        options->values[id] = optarg ? optarg : "";
        if (specs[id].value == VALUE_OPTIONAL && !optarg && check_next(id, argv[optind], err) < 0)
            return -1;
    }
    options->words = argv + optind;
    options->word_count = (size_t)(argc - optind);
    return read_environment(options, err);
}

bool option_given(const struct options *options, enum option_id id)
{
    return options->values[id] != NULL;
}

const char *option_text(const struct options *options, enum option_id id)
{
    return options->values[id] ? options->values[id] : specs[id].fallback;
}

int option_number(const struct options *options, enum option_id id, long if_empty, long *ret_number,
                  struct error *err)
{
    const char *text = option_text(options, id);
    if (!*text && specs[id].value == VALUE_OPTIONAL) {
        *ret_number = if_empty;
        return 0;
    }
    if (!*text || text[strspn(text, "0123456789")] != '\0' || strlen(text) > 9)
        return error_set(err, ERR_USAGE, "--%s: \"%s\" is not a whole number", specs[id].name,
                         text);
    *ret_number = strtol(text, NULL, 10);
    return 0;
}

/* ---- help ---- */

static void print_option(enum option_id id, void *data)
{
    FILE *out = data;
    const struct option_spec *spec = &specs[id];
    _cleanup_free_ char *letter = spec->letter ? x_printf("-%c, ", spec->letter) : x_strdup("    ");
    _cleanup_free_ char *name =
        spec->value == VALUE_REQUIRED   ? x_printf("--%s %s", spec->name, spec->value_name)
        : spec->value == VALUE_OPTIONAL ? x_printf("--%s[=%s]", spec->name, spec->value_name)
                                        : x_printf("--%s", spec->name);
    fprintf(out, "  %s%-24s %s\n", letter, name, spec->help);
    if (spec->environment)
        fprintf(out, "%30s environment: %s%s%s\n", "", spec->environment,
                spec->fallback && *spec->fallback ? "; default: " : "",
                spec->fallback ? spec->fallback : "");
    else if (spec->fallback && *spec->fallback)
        fprintf(out, "%30s default: %s\n", "", spec->fallback);
}

void options_print_help(FILE *out, const enum option_id *own)
{
    if (*own != OPT_COUNT)
        fputs("\nOptions:\n", out);
    for (const enum option_id *id = own; *id != OPT_COUNT; id++)
        print_option(*id, out);
    fputs("\nCommon options:\n", out);
    for (enum option_id id = 0; id < OPT_COMMON_END; id++)
        print_option(id, out);
}
