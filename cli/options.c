#include "options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/nearest.h"

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_HISTORY] = {"history", 0, KIND_TEXT, "CONNINFO", "ESMIGRATE_HISTORY", "",
                     "database of the history; libpq's environment fills what is left out"},
    [OPT_SOURCE] = {"source", 0, KIND_TEXT, "CONNINFO", "ESMIGRATE_SOURCE", NULL,
                    "database the documents are read from; left out: the one in master.json, or "
                    "the history's"},
    [OPT_ENGINE] = {"engine", 0, KIND_TEXT, "URL", "ELASTICSEARCH_URL or OPENSEARCH_URL",
                    "http://localhost:9200",
                    "the engine; user:password@ and a path may be in it; several URLs of one "
                    "cluster with commas"},
    [OPT_ENGINE_USER] = {"engine-user", 0, KIND_TEXT, "USER", "ESMIGRATE_ENGINE_USER", NULL,
                         "user of the engine, where its URL has none"},
    [OPT_ENGINE_PASSWORD_FILE] = {"engine-password-file", 0, KIND_FILE, "FILE",
                                  "ESMIGRATE_ENGINE_PASSWORD_FILE", NULL,
                                  "file with the password of that user, or of the URL's"},
    [OPT_API_KEY_FILE] = {"api-key-file", 0, KIND_FILE, "FILE", "ESMIGRATE_API_KEY_FILE", NULL,
                          "file with an API key of the engine (base64 of id:key)"},
    [OPT_BEARER_FILE] = {"bearer-file", 0, KIND_FILE, "FILE", "ESMIGRATE_BEARER_FILE", NULL,
                         "file with a bearer token of the engine"},
    [OPT_CA] = {"ca", 0, KIND_FILE, "FILE", "ESMIGRATE_CA", NULL,
                "certificates that the engine's is checked against"},
    [OPT_CERT] = {"cert", 0, KIND_FILE, "FILE", "ESMIGRATE_CERT", NULL,
                  "client certificate for the engine"},
    [OPT_KEY] = {"key", 0, KIND_FILE, "FILE", "ESMIGRATE_KEY", NULL,
                 "its key, if in a file of its own; without pass phrase"},
    [OPT_INDEXES] = {"indexes", 0, KIND_FOLDER, "DIR", "ESMIGRATE_INDEXES", "indexes",
                     "folder of the declarations"},
    [OPT_PREFIX] = {"prefix", 0, KIND_TEXT, "P", "ESMIGRATE_PREFIX", "",
                    "in front of the name of every index and alias"},
    [OPT_TAG] = {"tag", 0, KIND_TEXT, "T", "ESMIGRATE_TAG", NULL,
                 "kept with the action, for example the release"},
    [OPT_OUTPUT] = {"output", 'o', KIND_CHOICE, "table|json", NULL, "table",
                    "how the result is printed"},
    [OPT_QUIET] = {"quiet", 'q', KIND_FLAG, NULL, NULL, NULL, "say only warnings and errors"},
    [OPT_VERBOSE] = {"verbose", 'v', KIND_FLAG, NULL, NULL, NULL, "say how things are done"},
    [OPT_DRY_RUN] = {"dry-run", 'n', KIND_FLAG, NULL, NULL, NULL,
                     "say what would be done and change nothing"},
    [OPT_YES] = {"yes", 'y', KIND_FLAG, NULL, NULL, NULL, "do not ask for confirmation"},
    [OPT_WAIT_LOCK] = {"wait-lock", 0, KIND_OPTIONAL_NUMBER, "SECONDS", NULL, "0",
                       "wait for another run's lock, without SECONDS for ever"},
    [OPT_IF_BUSY] = {"if-busy", 0, KIND_CHOICE, "skip", NULL, NULL,
                     "when another run holds the lock, do nothing and exit 0"},
    [OPT_LOCK_TIMEOUT] = {"lock-timeout", 0, KIND_NUMBER, "SECONDS", NULL, "10",
                          "PostgreSQL's lock_timeout on source and history; 0: none"},
    [OPT_WAIT_SERVERS] = {"wait-servers", 0, KIND_OPTIONAL_NUMBER, "SECONDS", NULL, NULL,
                          "wait until history and engine answer, without SECONDS a minute"},
    [OPT_HELP] = {"help", 'h', KIND_FLAG, NULL, NULL, NULL, "show this help"},
    [OPT_VERSION] = {"version", 0, KIND_FLAG, NULL, NULL, NULL, "show the version"},
    [OPT_ADOPT] =
        {"adopt", 0, KIND_FLAG, NULL, NULL, NULL,
         "this database replaces the one its history was copied from; or take another prefix, "
         "while there is no index"},
    [OPT_ALL] = {"all", 0, KIND_FLAG, NULL, NULL, NULL, NULL},
    [OPT_FORCE] = {"force", 0, KIND_FLAG, NULL, NULL, NULL, NULL},
    [OPT_ENGINE_ONLY] = {"engine-only", 0, KIND_FLAG, NULL, NULL, NULL,
                         "make again, from the history, the engine indexes that are gone"},
    [OPT_IN_PLACE] = {"in-place", 0, KIND_FLAG, NULL, NULL, NULL,
                      "change the newest instance, if the engine can add what is new to it"},
    [OPT_LAST] = {"last", 0, KIND_FLAG, NULL, NULL, NULL, "the newest instance"},
    [OPT_LATEST] = {"latest", 0, KIND_FLAG, NULL, NULL, NULL, "the same as --last"},
    [OPT_NEWER] = {"newer", 0, KIND_FLAG, NULL, NULL, NULL,
                   "all instances newer than the active one"},
    [OPT_ALL_ACTIVE] = {"all-active", 0, KIND_FLAG, NULL, NULL, NULL,
                        "the active instances of all masters"},
    [OPT_FULL] = {"full", 0, KIND_FLAG, NULL, NULL, NULL,
                  "read everything, and remove what the source no longer has"},
    [OPT_RESTART] = {"restart", 0, KIND_FLAG, NULL, NULL, NULL,
                     "as --full, and begin anew where a full update was cut short"},
    [OPT_WORKERS] = {"workers", 0, KIND_NUMBER, "N", NULL, "1",
                     "read a full update with so many sessions of the source at once, 1 to 16"},
    [OPT_JOIN] = {"join", 0, KIND_FLAG, NULL, NULL, NULL,
                  "work at the full update that is running, on whatever machine; with --wait-lock, "
                  "wait until one is"},
    [OPT_SINCE] = {"since", 0, KIND_TIME, "TIME", NULL, NULL, NULL},
    [OPT_PROGRESS] =
        {"progress", 0, KIND_CHOICE, "auto|always|never", NULL, "auto",
         "show on stderr how far it is; auto: on a terminal a line that is redrawn in place, "
         "elsewhere a plain line every ten seconds, with -q none; always: the redrawn line in any "
         "case"},
    [OPT_COUNT_FIRST] = {"count", 0, KIND_FLAG, NULL, NULL, NULL,
                         "count the documents first, which reads them once more; left out: the "
                         "planner's estimate, with ~ before it"},
    [OPT_ALLOW_REJECTED] = {"allow-rejected", 0, KIND_NUMBER, "N", NULL, "0", NULL},
    [OPT_MAX_REJECTED] =
        {"max-rejected", 0, KIND_NUMBER, "N", NULL, NULL,
         "stop the run, as failed, as soon as it has met more than N rejected documents; left out: "
         "\"max_rejected\" in master.json, or only when the first 1,000 documents are all refused"},
    [OPT_BATCH_BYTES] = {"batch-bytes", 0, KIND_NUMBER, "BYTES", NULL, NULL,
                         "cut bulk requests at so many bytes; left out: \"batch_bytes\" in "
                         "master.json, or 5242880"},
    [OPT_MAX_IN_FLIGHT] = {"max-in-flight", 0, KIND_NUMBER, "N", NULL, NULL,
                           "at most N bulk requests at a time; how many it is, esmigrate finds out "
                           "as it goes; left out: \"max_in_flight\" in master.json, or 6"},
    [OPT_RATE] = {"rate", 0, KIND_NUMBER, "DOCUMENTS", NULL, NULL,
                  "at most so many documents a second; left out: \"rate\" in master.json, or as "
                  "many as the engine takes"},
    [OPT_COMPRESS] = {"compress", 0, KIND_FLAG, NULL, NULL, NULL,
                      "compress bulk requests (gzip), for an engine behind a slow network; also "
                      "\"compress\" in master.json"},
    [OPT_FORCE_MERGE] = {"force-merge", 0, KIND_FLAG, NULL, NULL, NULL,
                         "after a full update, merge each shard to one segment: slow, and for an "
                         "index that is searched much and changed little"},
    [OPT_NO_UPDATE] = {"no-update", 0, KIND_FLAG, NULL, NULL, NULL,
                       "switch to the instance as it is"},
    [OPT_NO_VERIFY] =
        {"no-verify", 0, KIND_FLAG, NULL, NULL, NULL,
         "do not compare the instance with its source, declaration and history first"},
    [OPT_ALLOW_STALE] = {"allow-stale", 0, KIND_FLAG, NULL, NULL, NULL,
                         "switch also when the instance cannot be brought up to date"},
    [OPT_STOP_INDEXING] = {"stop-indexing", 0, KIND_TEXT, "COMMAND", NULL, NULL,
                           "shell command that stops what writes to the source, or none; left out: "
                           "\"stop_indexing\" in master.json"},
    [OPT_RESUME_INDEXING] = {"resume-indexing", 0, KIND_TEXT, "COMMAND", NULL, NULL,
                             "shell command that resumes it, or none; left out: "
                             "\"resume_indexing\" in master.json"},
    [OPT_HOOK_TIMEOUT] = {"hook-timeout", 0, KIND_NUMBER, "SECONDS", NULL, NULL,
                          "how long each of these may take; left out: \"hook_timeout\" in "
                          "master.json, or 60"},
    [OPT_READS_ONLY] = {"reads-only", 0, KIND_FLAG, NULL, NULL, NULL,
                        "all aliases but \"write_alias\" of master.json"},
    [OPT_WRITES_ONLY] = {"writes-only", 0, KIND_FLAG, NULL, NULL, NULL,
                         "\"write_alias\" of master.json alone"},
    [OPT_REPLACE_INDEX] = {"replace-index", 0, KIND_FLAG, NULL, NULL, NULL,
                           "delete an index that bears the name of the alias, in the same atomic "
                           "call; asks, or needs --yes"},
    [OPT_TAKE_ALIAS] = {"take-alias", 0, KIND_FLAG, NULL, NULL, NULL,
                        "take the alias off an index that this history did not make, in the "
                        "same atomic call; the index stays"},
    [OPT_REHEARSE] = {"rehearse", 0, KIND_FLAG, NULL, NULL, NULL,
                      "do it on an alias that nobody reads, and say how long it took"},
    [OPT_WARM] = {"warm", 0, KIND_FLAG, NULL, NULL, NULL, "stop before the switch"},
    [OPT_OLDER] = {"older", 0, KIND_FLAG, NULL, NULL, NULL,
                   "all instances with a number below the active one's"},
    [OPT_UNTIL] = {"until", 0, KIND_TIME, "TIME", NULL, NULL,
                   "only what began before this time (RFC 3339, with a zone)"},
    [OPT_ACTION] = {"action", 0, KIND_TEXT, "ACTION", NULL, NULL,
                    "only this action, for example update"},
    [OPT_STATUS] = {"status", 0, KIND_CHOICE, "running|complete|partial|failed|interrupted", NULL,
                    NULL, "only actions with this status"},
    [OPT_RUNNING] = {"running", 0, KIND_FLAG, NULL, NULL, NULL,
                     "what is going on, on whatever machine, and how far it is"},
    [OPT_LIMIT] = {"limit", 0, KIND_NUMBER, "N", NULL, "50", "show at most N"},
    [OPT_TABLE] = {"table", 0, KIND_TEXT, "TABLE", NULL, NULL,
                   "the table whose changes concern documents, as in SQL: lesson, app.lesson, "
                   "'\"Lesson\"'"},
    [OPT_ID] = {"id", 0, KIND_TEXT, "EXPR", NULL, NULL,
                "SQL expression over a row of it: the _id of the document"},
    [OPT_APPLY] = {"apply", 0, KIND_FLAG, NULL, NULL, NULL, "run the SQL in the source"},
    [OPT_OWNER] = {"owner", 0, KIND_TEXT, "CONNINFO", "ESMIGRATE_SOURCE_OWNER", NULL,
                   "the source as a role that may change it; left out: as --source"},
    [OPT_PRUNE] = {"prune", 0, KIND_FLAG, NULL, NULL, NULL,
                   "remove records that are old and that every live instance has read"},
    [OPT_KEEP] = {"keep", 0, KIND_TEXT, "INTERVAL", NULL, "7 days",
                  "with --prune: younger records stay"},
    [OPT_CONTENT] = {"content", 0, KIND_FLAG, NULL, NULL, NULL,
                     "compare the content of all documents, not of some"},
    [OPT_SAMPLE] = {"sample", 0, KIND_NUMBER, "N", NULL, "1000",
                    "compare the content of N documents chosen at random, of the N that changed "
                    "last, and of some unusual ones"},
    [OPT_REPAIR] = {"repair", 0, KIND_FLAG, NULL, NULL, NULL,
                    "read from the source what differs, send it again, and verify once more"},
    [OPT_QUERY_RUNS] = {"query-runs", 0, KIND_NUMBER, "N", NULL, "100",
                        "run each query of queries.ndjson N times on each instance to measure its "
                        "latency; 0: not at all"},
    [OPT_OLDER_THAN] = {"older-than", 0, KIND_TEXT, "INTERVAL", NULL, NULL,
                        "only instances that were replaced so long ago; left out: \"retain\" in "
                        "master.json, or '7 days'"},
    [OPT_RETAIN] = {"retain", 0, KIND_NUMBER, "N", NULL, "0",
                    "the N that were active last before the active one stay, however old"},
    [OPT_ORPHANS] = {"orphans", 0, KIND_FLAG, NULL, NULL, NULL,
                     "with --all: also drop indexes that this history made and has no instance "
                     "of any more, and end instances whose index is not there"},
    [OPT_HISTORY_OLDER_THAN] = {"history-older-than", 0, KIND_TEXT, "INTERVAL", NULL, NULL,
                                "with --all: of updates older than that which changed nothing "
                                "leave one per instance and day, with the number of the others"},
};

const struct option_spec *option_spec(enum option_id id)
{
    return &specs[id];
}

struct getopt_tables {
    struct option longs[OPT_COUNT + 1];
    const char *names[OPT_COUNT];
    char letters[2 * OPT_COUNT + 3];
    size_t count;
    size_t letter_count;
};

enum { LONG_BASE = 256 }; /* getopt_long answers this + id for an option */

static void add_to_getopt(enum option_id id, struct getopt_tables *tables)
{
    const struct option_spec *spec = &specs[id];
    int argument = spec->kind == KIND_FLAG              ? no_argument
                   : spec->kind == KIND_OPTIONAL_NUMBER ? optional_argument
                                                        : required_argument;
    tables->names[tables->count] = spec->name;
    tables->longs[tables->count++] = (struct option){
        .name = spec->name,
        .has_arg = argument,
        .val = LONG_BASE + (int)id,
    };
    if (spec->letter) {
        tables->letters[tables->letter_count++] = spec->letter;
        if (argument == required_argument)
            tables->letters[tables->letter_count++] = ':';
    }
}

static void fill_getopt(struct getopt_tables *tables, const struct command_option *own)
{
    /* ':' first: a missing value is told apart, and getopt prints nothing itself. */
    *tables = (struct getopt_tables){.letters = ":", .letter_count = 1};
    for (const struct command_option *option = own; option->id != OPT_COUNT; option++)
        add_to_getopt(option->id, tables);
    for (enum option_id id = 0; id < OPT_COMMON_END; id++)
        add_to_getopt(id, tables);
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

static int unknown_option(const char *command, const struct getopt_tables *tables, const char *word,
                          struct error *err)
{
    const char *nearest = nearest_name(word + strspn(word, "-"), tables->names, tables->count);
    error_set(err, ERR_USAGE, "unknown option %s", word);
    if (nearest)
        return error_hint(err, "Did you mean --%s? See esmigrate %s --help", nearest, command);
    return error_hint(err, "See esmigrate %s --help", command);
}

static int wrong_option(const char *command, const struct getopt_tables *tables, int answer,
                        char **argv, struct error *err)
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
        return unknown_option(command, tables, word, err);
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
    for (enum option_id id = 0; id < OPT_COUNT; id++) {
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

/* Whether `value` is one of the words of `choices`, '|' between them. */
static bool is_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);
    for (const char *word = choices; word; word = strchr(word, '|') ? strchr(word, '|') + 1 : NULL)
        if (strcspn(word, "|") == length && strncmp(word, value, length) == 0)
            return true;
    return false;
}

static bool is_number(const char *value)
{
    return *value && value[strspn(value, "0123456789")] == '\0' && strlen(value) <= 9;
}

static int check_value(enum option_id id, const char *value, struct error *err)
{
    const struct option_spec *spec = &specs[id];
    bool number = spec->kind == KIND_NUMBER || (spec->kind == KIND_OPTIONAL_NUMBER && *value);
    if (number && !is_number(value))
        return error_set(err, ERR_USAGE, "option --%s takes a whole number, not \"%s\"", spec->name,
                         value);
    if (spec->kind == KIND_CHOICE && !is_choice(spec->value_name, value))
        return error_set(err, ERR_USAGE, "option --%s takes %s, not \"%s\"", spec->name,
                         spec->value_name, value);
    return 0;
}

int options_parse(struct options *options, const char *command, const struct command_option *own,
                  int argc, char **argv, struct error *err)
{
    struct getopt_tables tables;
    fill_getopt(&tables, own);
    *options = (struct options){};
    optind = 0;
    opterr = 0;
    for (int answer;
         (answer = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) != -1;) {
        if (answer == '?' || answer == ':')
            return wrong_option(command, &tables, answer, argv, err);
        enum option_id id = id_of(answer);
        options->values[id] = optarg ? optarg : "";
        if (check_value(id, options->values[id], err) < 0)
            return error_hint(err, "See esmigrate %s --help", command);
        if (specs[id].kind == KIND_OPTIONAL_NUMBER && !optarg &&
            check_next(id, argv[optind], err) < 0)
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

long option_number(const struct options *options, enum option_id id, long if_empty)
{
    const char *text = option_text(options, id);
    return *text ? strtol(text, NULL, 10) : if_empty;
}
