#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "argv.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "base/stop.h"
#include "base/version.h"
#include "command.h"

static const struct command *const commands[] = {
    &es_init_command,     &es_list_command,  &es_create_command, &es_update_command,
    &es_activate_command, &es_clear_command, &es_drop_command,   &es_history_command,
};

/* ---- signals ---- */

/* The first signal asks to stop, the second one ends the process on the spot. */
static void on_signal(int number)
{
    if (stop_signal())
        _exit(128 + number);
    stop_request(number);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    stop_prepare();
}

/* ---- talking ---- */

static void say(void *data, enum log_level level, const char *line)
{
    const struct session *session = data;
    const struct options *options = &session->options;
    if ((level == LOG_NOTICE && option_given(options, OPT_QUIET)) ||
        (level == LOG_DETAIL && !option_given(options, OPT_VERBOSE)))
        return;
    _cleanup_free_ char *masked = secrets_mask(&session->context.secrets, line);
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

/* ---- help ---- */

static void print_usage(FILE *out)
{
    fputs(
        "Usage: esmigrate COMMAND [ARGUMENTS] [OPTIONS]\n\n"
        "esmigrate is to search indexes what schema migrations are to tables: it builds each new\n"
        "version of an index beside the old one, fills it from PostgreSQL, keeps it current, and\n"
        "switches readers to it with no downtime.\n\nCommands:\n",
        out);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\nesmigrate COMMAND --help tells more about a command.\n", out);
}

static void print_command_help(const struct command *command)
{
    printf("Usage: esmigrate %s%s%s [OPTIONS]\n\n%s.\n", command->name,
           *command->arguments ? " " : "", command->arguments, command->summary);
    if (command->about)
        printf("\n%s\n", command->about);
    options_print_help(stdout, command->options);
    fputs("\nExit codes: 0 done; 1 failed or refused by state; 2 wrong use or wrong declaration;\n"
          "4 finished, rejected documents are open; 5 PostgreSQL; 6 engine; 7 another run holds\n"
          "the lock; 8 not confirmed; 130, 143 stopped by a signal.\n",
          stdout);
}

/* ---- running ---- */

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int read_settings(const struct options *options, struct settings *ret, struct error *err)
{
    long lock_timeout, wait_lock;
    const char *busy = option_text(options, OPT_IF_BUSY);
    if (option_number(options, OPT_LOCK_TIMEOUT, 0, &lock_timeout, err) < 0 ||
        option_number(options, OPT_WAIT_LOCK, -1, &wait_lock, err) < 0)
        return -1;
    if (busy && strcmp(busy, "skip") != 0)
        return error_set(err, ERR_USAGE, "--if-busy: only \"skip\" is known, not \"%s\"", busy);
    *ret = (struct settings){
        .history = option_text(options, OPT_HISTORY),
        .source = option_text(options, OPT_SOURCE),
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
        .prefix = option_text(options, OPT_PREFIX),
        .tag = option_text(options, OPT_TAG),
        .wait_lock_s = (int)wait_lock,
        .lock_timeout_s = (int)lock_timeout,
        .skip_if_busy = busy != NULL,
        .dry_run = option_given(options, OPT_DRY_RUN),
    };
    return 0;
}

static int read_format(const struct options *options, enum output_format *ret, struct error *err)
{
    const char *format = option_text(options, OPT_OUTPUT);
    *ret = strcmp(format, "json") == 0 ? OUTPUT_JSON : OUTPUT_TABLE;
    if (*ret == OUTPUT_TABLE && strcmp(format, "table") != 0)
        return error_set(err, ERR_USAGE, "--output: \"table\" or \"json\", not \"%s\"", format);
    return 0;
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
    long seconds;
    if (!option_given(&session->options, OPT_WAIT_SERVERS))
        return 0;
    if (option_number(&session->options, OPT_WAIT_SERVERS, 60, &seconds, err) < 0)
        return -1;
    return context_wait_servers(&session->context, (int)seconds, err);
}

static void free_typed(char ***typed)
{
    argv_free(*typed);
}

static int run_command(struct session *session, int argc, char **argv, struct error *err)
{
    struct settings settings;
    const struct command *command = session->command;
    struct log log = {.write = say, .data = session};
    /* getopt moves the words of argv about; the history keeps them as they were typed. */
    _cleanup_(free_typed) char **typed = argv_public(argc, argv);

    if (options_parse(&session->options, command->name, command->options, argc, argv, err) < 0)
        return -1;
    if (option_given(&session->options, OPT_HELP)) {
        print_command_help(command);
        return 0;
    }
    if (option_given(&session->options, OPT_VERSION)) {
        puts("esmigrate " ESMIGRATE_VERSION);
        return 0;
    }
    if (read_format(&session->options, &session->format, err) < 0 ||
        read_settings(&session->options, &settings, err) < 0 || check_words(session, err) < 0)
        return -1;
    context_init(&session->context, &settings, argc, typed, &log);
    int result = wait_for_servers(session, err);
    return result < 0 ? -1 : command->run(session, err);
}

static int unknown_command(const char *word, struct error *err)
{
    const char *names[ARRAY_SIZE(commands)];
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        names[i] = commands[i]->name;
    const char *nearest = nearest_name(word, names, ARRAY_SIZE(names));
    error_set(err, ERR_USAGE, "unknown command \"%s\"", word);
    if (nearest)
        return error_hint(err, "Did you mean %s? See esmigrate --help", nearest);
    return error_hint(err, "See esmigrate --help");
}

/* "es_list ..." by an installed link, or "esmigrate es_list ...". */
static const struct command *choose_command(int *argc, char ***argv, struct error *err)
{
    const char *slash = strrchr((*argv)[0], '/');
    const struct command *command = find_command(slash ? slash + 1 : (*argv)[0]);
    if (command)
        return command;
    if (*argc < 2) {
        error_set(err, ERR_USAGE, "no command is given");
        error_hint(err, "See esmigrate --help");
    } else {
        command = find_command((*argv)[1]);
        if (command) {
            --*argc;
            ++*argv;
            return command;
        }
        unknown_command((*argv)[1], err);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    _cleanup_(error_release) struct error err = {};
    struct session session = {};
    setlocale(LC_CTYPE, "");
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("esmigrate " ESMIGRATE_VERSION);
        return 0;
    }
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        print_usage(stdout);
        return 0;
    }
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
