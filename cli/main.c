#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "argv.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/version.h"
#include "command.h"
#include "help.h"

/* ---- signals ---- */

/*
 * The first signal asks to stop: what is in flight is finished. The second one asks not to wait for
 * that, and leaves a moment for the row in the history; the third ends the process on the spot.
 */
static void on_signal(int number)
{
    enum { MOMENT_S = 2 };
    if (number == SIGALRM || stop_again())
        _exit(128 + stop_signal());
    stop_request(number);
    if (stop_again())
        alarm(MOMENT_S);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    stop_prepare();
}

/* ---- talking ---- */

static void say(void *data, enum log_level level, const char *line)
{
    struct session *session = data;
    const struct options *options = &session->options;
    if ((level == LOG_NOTICE && option_given(options, OPT_QUIET)) ||
        (level == LOG_DETAIL && !option_given(options, OPT_VERBOSE)))
        return;
    _cleanup_free_ char *masked = secrets_mask(&session->context.secrets, line);
    progress_erase(&session->progress);
    fprintf(stderr, "esmigrate: %s%s\n", level == LOG_WARNING ? "warning: " : "", masked);
}

static void print_line(const struct secrets *secrets, const char *label, const char *text)
{
    _cleanup_free_ char *masked = secrets_mask(secrets, text);
    if (masked)
        fprintf(stderr, "%s%s\n", label, masked);
}

static int exit_code(const struct error *err)
{
    return err->kind == ERR_STOPPED ? 128 + stop_signal() : (int)err->kind;
}

static int report_error(const struct secrets *secrets, const struct error *err)
{
    print_line(secrets, "esmigrate: error: ", err->message);
    print_line(secrets, "DETAIL: ", err->detail);
    print_line(secrets, "HINT: ", err->hint);
    return exit_code(err);
}

/* ---- running ---- */

static struct settings read_settings(const struct options *options)
{
    return (struct settings){
        .history = option_text(options, OPT_HISTORY),
        .source = option_text(options, OPT_SOURCE),
        .owner = option_text(options, OPT_OWNER),
        .engine =
            {
                .urls = option_text(options, OPT_ENGINE),
                .user = option_text(options, OPT_ENGINE_USER),
                .ca = option_text(options, OPT_CA),
                .certificate = option_text(options, OPT_CERT),
                .key = option_text(options, OPT_KEY),
            },
        .engine_password_file = option_text(options, OPT_ENGINE_PASSWORD_FILE),
        .api_key_file = option_text(options, OPT_API_KEY_FILE),
        .bearer_file = option_text(options, OPT_BEARER_FILE),
        .indexes = option_text(options, OPT_INDEXES),
        .indexes_named = option_given(options, OPT_INDEXES),
        .prefix = option_text(options, OPT_PREFIX),
        .tag = option_text(options, OPT_TAG),
        .wait_lock_s = (int)option_number(options, OPT_WAIT_LOCK, -1),
        .lock_timeout_s = (int)option_number(options, OPT_LOCK_TIMEOUT, 0),
        .skip_if_busy = option_given(options, OPT_IF_BUSY),
        .dry_run = option_given(options, OPT_DRY_RUN),
        .verbose = option_given(options, OPT_VERBOSE),
    };
}

static int check_words(const struct session *session, struct error *err)
{
    const struct command *command = session->command;
    size_t count = session->options.word_count;
    if (count >= command->fewest_words && count <= command->most_words)
        return 0;
    if (count < command->fewest_words)
        error_set(err, ERR_USAGE, "%s needs %s", command->name, command->arguments);
    else
        error_set(err, ERR_USAGE, "%s: unexpected argument \"%s\"", command->name,
                  session->options.words[command->most_words]);
    return error_hint(err, "See esmigrate %s --help", command->name);
}

static int wait_for_servers(struct session *session, struct error *err)
{
    enum { PATIENCE_S = 60 };
    if (!option_given(&session->options, OPT_WAIT_SERVERS))
        return 0;
    long seconds = option_number(&session->options, OPT_WAIT_SERVERS, PATIENCE_S);
    return context_wait_servers(&session->context, (int)seconds, err);
}

static void free_typed(char ***typed)
{
    argv_free(*typed);
}

static int run_command(struct session *session, int argc, char **argv, struct error *err)
{
    const struct command *command = session->command;
    struct log log = {.write = say, .data = session};
    /* getopt moves the words of argv about; the history keeps them as they were typed. */
    _cleanup_(free_typed) char **typed = argv_public(argc, argv);

    if (options_parse(&session->options, command->name, command->options, argc, argv, err) < 0)
        return -1;
    if (option_given(&session->options, OPT_HELP)) {
        help_print_command(stdout, command);
        return 0;
    }
    if (option_given(&session->options, OPT_VERSION)) {
        puts("esmigrate " ESMIGRATE_VERSION);
        return 0;
    }
    if (check_words(session, err) < 0)
        return -1;
    session->format = strcmp(option_text(&session->options, OPT_OUTPUT), "json") == 0
                          ? OUTPUT_JSON
                          : OUTPUT_TABLE;
    struct settings settings = read_settings(&session->options);
    context_init(&session->context, &settings, argc, typed, &log);
    session->context.watch = progress_open(&session->progress, &session->options);
    int result = wait_for_servers(session, err);
    return result < 0 ? -1 : command->run(session, err);
}

static int unknown_command(const char *word, struct error *err)
{
    const char *nearest = command_nearest(word);
    if (*word == '-') {
        /* Not what is behind '=', which may be a secret (rule R10). */
        error_set(err, ERR_USAGE, "the command comes first, before %.*s", (int)strcspn(word, "="),
                  word);
        return error_hint(err, "See esmigrate --help");
    }
    error_set(err, ERR_USAGE, "unknown command \"%s\"", word);
    if (nearest)
        return error_hint(err, "Did you mean %s? See esmigrate --help", nearest);
    return error_hint(err, "See esmigrate --help");
}

/* The one that this program is called by the name of, through an installed link; or NULL. */
static const struct command *linked_command(const char *program)
{
    const char *slash = strrchr(program, '/');
    return command_find(slash ? slash + 1 : program);
}

/* "es_list ..." or "esmigrate es_list ...". */
static const struct command *choose_command(int *argc, char ***argv, struct error *err)
{
    const struct command *command = linked_command((*argv)[0]);
    if (command)
        return command;
    if (*argc < 2) {
        error_set(err, ERR_USAGE, "no command is given");
        error_hint(err, "See esmigrate --help");
        return NULL;
    }
    command = command_find((*argv)[1]);
    if (!command) {
        unknown_command((*argv)[1], err);
        return NULL;
    }
    --*argc;
    ++*argv;
    return command;
}

/* "--version", "--help", "help", "help es_list": what needs no command. */
static bool answer_question(int argc, char **argv)
{
    const char *word = argc >= 2 ? argv[1] : "";
    bool help = strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
    const struct command *command = help && argc == 3 ? command_find(argv[2]) : NULL;
    if (argc == 2 && strcmp(word, "--version") == 0)
        puts("esmigrate " ESMIGRATE_VERSION);
    else if (argc == 2 && help)
        help_print_all(stdout);
    else if (command)
        help_print_command(stdout, command);
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    _cleanup_(error_release) struct error err = {};
    struct session session = {};
    setlocale(LC_CTYPE, "");
    if (!linked_command(argv[0]) && answer_question(argc, argv))
        return 0;
    session.command = choose_command(&argc, &argv, &err);
    if (!session.command)
        return report_error(&session.context.secrets, &err);

    catch_signals();
    int code = 0;
    if (run_command(&session, argc, argv, &err) < 0)
        code = report_error(&session.context.secrets, &err);
    if (fflush(stdout) != 0 && code == 0) {
        fputs("esmigrate: error: cannot write to standard output\n", stderr);
        code = ERR_FAILED;
    }
    context_release(&session.context);
    return code;
}
