/*
 * Writes what documents the command line, from the tables that parse it: `make docs` runs it, and
 * `make check-docs` fails when the files of the repository say something else.
 *
 *     docs completion | man esmigrate | man COMMAND | readme
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/version.h"
#include "command.h"
#include "help.h"

static void print_replaced(const char *text, char from, const char *to)
{
    for (; *text; text++)
        if (*text == from)
            fputs(to, stdout);
        else
            putchar(*text);
}

static const char *help_of(const struct command_option *option)
{
    return option->help ? option->help : option_spec(option->id)->help;
}

/* "ELASTICSEARCH_URL or OPENSEARCH_URL", or NULL. */
static const char *twin_of(const struct command_option *option)
{
    return option_spec(option->id)->environment;
}

static const char *default_of(const struct command_option *option)
{
    const char *fallback = option_spec(option->id)->fallback;
    return fallback && *fallback ? fallback : NULL;
}

/* ---- man pages ---- */

/* roff takes '-' for a hyphen, and a '.' or a quote that begins a line for a request. */
static void roff(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '-')
            fputs("\\-", stdout);
        else if (*c == '\\')
            fputs("\\e", stdout);
        else if ((*c == '.' || *c == '\'') && (c == text || c[-1] == '\n'))
            printf("\\&%c", *c);
        else
            putchar(*c);
    }
}

static void roff_paragraphs(const char *text)
{
    for (const char *end; (end = strstr(text, "\n\n")); text = end + 2) {
        _cleanup_free_ char *paragraph = x_strndup(text, (size_t)(end - text));
        roff(paragraph);
        fputs("\n.PP\n", stdout);
    }
    roff(text);
    putchar('\n');
}

static void man_option(const struct command_option *option)
{
    const struct option_spec *spec = option_spec(option->id);
    fputs(".TP\n\\fB", stdout);
    if (spec->letter)
        printf("\\-%c\\fR, \\fB", spec->letter);
    printf("\\-\\-");
    roff(spec->name);
    fputs("\\fR", stdout);
    if (spec->kind != KIND_FLAG)
        printf(spec->kind == KIND_OPTIONAL_NUMBER ? "[=\\fI%s\\fR]" : " \\fI%s\\fR",
               spec->value_name);
    putchar('\n');
    roff(help_of(option));
    if (default_of(option)) {
        fputs(" (default: ", stdout);
        roff(default_of(option));
        putchar(')');
    }
    if (twin_of(option))
        printf(" [%s]", twin_of(option));
    putchar('\n');
}

static void man_begin(const char *name, const char *summary)
{
    _cleanup_free_ char *title = x_strdup(name);
    for (char *c = title; *c; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
    printf(".\\\" Made by \"make docs\" from the tables of the command line.\n"
           ".TH %s 1 " ESMIGRATE_DATE " \"esmigrate %s\" \"esmigrate\"\n.SH NAME\n%s \\- ",
           title, ESMIGRATE_VERSION, name);
    roff(summary);
    putchar('\n');
}

static void man_exit_codes(void)
{
    fputs(".SH EXIT STATUS\n", stdout);
    for (const struct exit_code *code = exit_codes; code->code; code++)
        printf(".TP\n\\fB%s\\fR\n%s\n", code->code, code->meaning);
}

static void man_command(const struct command *command)
{
    man_begin(command->name, command->summary);
    printf(".SH SYNOPSIS\n\\fBesmigrate %s\\fR ", command->name);
    roff(command->arguments);
    fputs(" [\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n", stdout);
    roff_paragraphs(command->about);
    if (command->options->id != OPT_COUNT)
        fputs(".SH OPTIONS\n", stdout);
    for (const struct command_option *option = command->options; option->id != OPT_COUNT; option++)
        man_option(option);
    fputs(".PP\nThe options common to all commands are in\n.BR esmigrate (1).\n"
          ".SH OUTPUT\nWith \\fB\\-o json\\fR an array with these fields:\n",
          stdout);
    for (const struct column *column = command->columns; column->name; column++) {
        printf(".TP\n\\fB%s\\fR\n", column->name);
        roff(column->help);
        putchar('\n');
    }
    fputs(".SH EXAMPLES\n", stdout);
    for (const struct example *example = command->examples; example->line; example++) {
        fputs(".TP\n\\fBesmigrate ", stdout);
        roff(example->line);
        fputs("\\fR\n", stdout);
        roff(example->what);
        putchar('\n');
    }
    man_exit_codes();
    fputs(".SH SEE ALSO\n.BR esmigrate (1)\n", stdout);
}

static void man_all(void)
{
    man_begin("esmigrate", "builds, fills and switches search indexes, with a history");
    fputs(".SH SYNOPSIS\n\\fBesmigrate\\fR \\fICOMMAND\\fR [\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]\n"
          ".SH DESCRIPTION\n",
          stdout);
    roff_paragraphs(about_esmigrate);
    fputs(".SH COMMANDS\n", stdout);
    for (const struct command *const *command = commands; *command; command++)
        printf(".TP\n.BR %s (1)\n%s\n", (*command)->name, (*command)->summary);
    fputs(".SH COMMON OPTIONS\nA flag beats its environment variable (in brackets), which beats "
          "\\fImaster.json\\fR, which beats the default.\n",
          stdout);
    for (enum option_id id = 0; id < OPT_COMMON_END; id++)
        man_option(&(struct command_option){.id = id});
    man_exit_codes();
}

/* ---- README ---- */

static void markdown_option(const struct command_option *option)
{
    const struct option_spec *spec = option_spec(option->id);
    _cleanup_free_ char *usage = option_usage(spec);
    printf("| `");
    if (spec->letter)
        printf("-%c`, `", spec->letter);
    print_replaced(usage, '|', "\\|");
    fputs("` | ", stdout);
    print_replaced(help_of(option), '|', "\\|");
    if (default_of(option))
        printf(" (default: `%s`)", default_of(option));
    fputs(" |", stdout);
}

static void markdown_common(void)
{
    fputs("### Options of all commands\n\n"
          "A flag beats its environment variable, which beats `master.json`, which beats the "
          "default.\n\n| option | | environment |\n|---|---|---|\n",
          stdout);
    for (enum option_id id = 0; id < OPT_COMMON_END; id++) {
        const struct command_option option = {.id = id};
        markdown_option(&option);
        const char *twin = twin_of(&option);
        printf(twin ? " `%s` |\n" : "%s |\n", twin ? twin : "");
    }
}

static void markdown_command(const struct command *command)
{
    printf("### %s\n\n%s.\n\n```\nesmigrate %s%s%s [OPTIONS]\n```\n\n%s\n", command->name,
           command->summary, command->name, *command->arguments ? " " : "", command->arguments,
           command->about);
    if (command->options->id != OPT_COUNT)
        fputs("\n| option | |\n|---|---|\n", stdout);
    for (const struct command_option *option = command->options; option->id != OPT_COUNT;
         option++) {
        markdown_option(option);
        putchar('\n');
    }
    fputs("\n```\n", stdout);
    for (const struct example *example = command->examples; example->line; example++)
        printf("%-42s # %s\n", example->line, example->what);
    fputs("```\n\nJSON: ", stdout);
    for (const struct column *column = command->columns; column->name; column++)
        printf("`%s`%s", column->name, column[1].name ? ", " : ".\n\n");
}

static void readme(void)
{
    fputs("| command | |\n|---|---|\n", stdout);
    for (const struct command *const *command = commands; *command; command++)
        printf("| [`%s`](#%s) | %s |\n", (*command)->name, (*command)->name, (*command)->summary);
    putchar('\n');
    for (const struct command *const *command = commands; *command; command++)
        markdown_command(*command);
    markdown_common();
    fputs("\n### Exit codes\n\n| code | |\n|---|---|\n", stdout);
    for (const struct exit_code *code = exit_codes; code->code; code++)
        printf("| %s | %s |\n", code->code, code->meaning);
}

/* ---- completion ---- */

static void completion_names(const struct command_option *options)
{
    for (; options->id != OPT_COUNT; options++)
        printf(" --%s", option_spec(options->id)->name);
}

static void completion_values(enum option_kind kind, const char *action)
{
    const char *separator = "    ";
    for (enum option_id id = 0; id < OPT_COUNT; id++)
        if (option_spec(id)->kind == kind) {
            printf("%s--%s", separator, option_spec(id)->name);
            separator = " | ";
        }
    printf(")%s%s ;;\n", *action ? " " : "", action);
}

static void completion_choices(void)
{
    for (enum option_id id = 0; id < OPT_COUNT; id++) {
        const struct option_spec *spec = option_spec(id);
        if (spec->kind != KIND_CHOICE)
            continue;
        fputs("    ", stdout);
        if (spec->letter)
            printf("-%c | ", spec->letter);
        printf("--%s) mapfile -t COMPREPLY < <(compgen -W '", spec->name);
        print_replaced(spec->value_name, '|', " ");
        fputs("' -- \"$word\") ;;\n", stdout);
    }
}

static void completion(void)
{
    fputs(
        "# Completion of esmigrate for bash. Made by \"make docs\" from the tables of the command "
        "line.\n\n_esmigrate_options() { # COMMAND\n    case $1 in\n",
        stdout);
    for (const struct command *const *command = commands; *command; command++) {
        printf("    %s) echo", (*command)->name);
        completion_names((*command)->options);
        fputs(" ;;\n", stdout);
    }
    fputs("    esac\n    echo", stdout);
    for (enum option_id id = 0; id < OPT_COMMON_END; id++)
        printf(" --%s", option_spec(id)->name);
    fputs("\n}\n\n# The values of an option; nothing for one without.\n"
          "_esmigrate_values() { # OPTION WORD\n    local word=$2\n    case $1 in\n",
          stdout);
    completion_choices();
    completion_values(
        KIND_FILE,
        "mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); compopt -o filenames 2>/dev/null");
    completion_values(
        KIND_FOLDER,
        "mapfile -t COMPREPLY < <(compgen -d -- \"$word\"); compopt -o filenames 2>/dev/null");
    completion_values(KIND_TEXT, "");
    completion_values(KIND_TIME, "");
    fputs("    *) return 1 ;;\n    esac\n    return 0\n}\n\n_esmigrate_commands='", stdout);
    for (const struct command *const *command = commands; *command; command++)
        printf("%s%s", *command == commands[0] ? "" : " ", (*command)->name);
    /* What takes the names of masters. */
    fputs("'\n_esmigrate_named=' ", stdout);
    for (const struct command *const *command = commands; *command; command++)
        if ((*command)->most_words)
            printf("%s ", (*command)->name);
    fputs("'\n\n", stdout);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    const struct command *command = argc > 2 ? command_find(argv[2]) : NULL;
    if (strcmp(what, "completion") == 0)
        completion();
    else if (strcmp(what, "readme") == 0)
        readme();
    else if (strcmp(what, "man") == 0 && command)
        man_command(command);
    else if (strcmp(what, "man") == 0)
        man_all();
    else
        return EXIT_FAILURE;
    return EXIT_SUCCESS;
}
