#include "help.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"

enum { WIDTH = 80, OPTION_INDENT = 31 };

const char about_esmigrate[] =
    "esmigrate is to search indexes what schema migrations are to tables: it builds each new "
    "version of an index beside the old one, fills it from PostgreSQL, keeps it current, and "
    "switches readers to it with no downtime.";

/* Ends with a line break. `column` is where the cursor stands; further lines begin at `indent`. */
static void print_wrapped(FILE *out, const char *text, size_t column, size_t indent)
{
    while (*text) {
        size_t length = strcspn(text, " \n");
        if (column > indent && column + 1 + length > WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fwrite(text, 1, length, out);
        column += length;
        text += length;
        if (strncmp(text, "\n\n", 2) == 0) {
            fprintf(out, "\n\n%*s", (int)indent, "");
            column = indent;
        }
        text += strspn(text, " \n");
    }
    fputc('\n', out);
}

char *option_usage(const struct option_spec *spec)
{
    if (spec->kind == KIND_FLAG)
        return x_printf("--%s", spec->name);
    if (spec->kind == KIND_OPTIONAL_NUMBER)
        return x_printf("--%s[=%s]", spec->name, spec->value_name);
    return x_printf("--%s %s", spec->name, spec->value_name);
}

static void print_option(FILE *out, const struct command_option *option)
{
    const struct option_spec *spec = option_spec(option->id);
    _cleanup_free_ char *usage = option_usage(spec);
    _cleanup_free_ char *letter = spec->letter ? x_printf("-%c,", spec->letter) : x_strdup("");
    _cleanup_free_ char *fallback =
        spec->fallback && *spec->fallback ? x_printf(" (default: %s)", spec->fallback) : NULL;
    _cleanup_free_ char *twin =
        spec->environment ? x_printf(" [%s]", spec->environment) : x_strdup("");
    _cleanup_free_ char *text = x_printf("%s%s%s", option->help ? option->help : spec->help,
                                         fallback ? fallback : "", twin);
    int used = fprintf(out, "  %-3s %s", letter, usage);
    /* One that is too wide has its text on the next line. */
    if (used >= OPTION_INDENT)
        used = fprintf(out, "\n") - 1;
    fprintf(out, "%*s", OPTION_INDENT - used, "");
    print_wrapped(out, text, OPTION_INDENT, OPTION_INDENT);
}

static void print_exit_codes(FILE *out)
{
    fputs("\nExit codes:\n", out);
    for (const struct exit_code *code = exit_codes; code->code; code++)
        fprintf(out, "  %-9s %s\n", code->code, code->meaning);
}

void help_print_all(FILE *out)
{
    fputs("Usage: esmigrate COMMAND [ARGUMENTS] [OPTIONS]\n\n", out);
    print_wrapped(out, about_esmigrate, 0, 0);
    fputs("\nCommands:\n", out);
    for (const struct command *const *command = commands; *command; command++)
        fprintf(out, "  %-12s %s\n", (*command)->name, (*command)->summary);
    fputs("\nesmigrate COMMAND --help tells more about a command.\n", out);
}

void help_print_command(FILE *out, const struct command *command)
{
    fprintf(out, "Usage: esmigrate %s%s%s [OPTIONS]\n\n%s.\n\n", command->name,
            *command->arguments ? " " : "", command->arguments, command->summary);
    print_wrapped(out, command->about, 0, 0);
    fputs("\nExamples:\n", out);
    for (const struct example *example = command->examples; example->line; example++)
        fprintf(out, "  esmigrate %s\n      %s\n", example->line, example->what);
    if (command->options->id != OPT_COUNT)
        fputs("\nOptions:\n", out);
    for (const struct command_option *option = command->options; option->id != OPT_COUNT; option++)
        print_option(out, option);
    fputs("\nCommon options (in brackets their environment variables):\n", out);
    for (enum option_id id = 0; id < OPT_COMMON_END; id++)
        print_option(out, &(struct command_option){.id = id});
    print_exit_codes(out);
}
