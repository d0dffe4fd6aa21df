/* cli/commands and cli/help: the tables that help, man pages and completion are made of */
#include "support.h"

#include <stdio.h>

#include "base/memory.h"
#include "command.h"
#include "help.h"

static char *help_of(const struct command *command)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (command)
        help_print_command(out, command);
    else
        help_print_all(out);
    fclose(out);
    return text;
}

TEST(every_command_is_complete)
{
    for (const struct command *const *c = commands; *c; c++) {
        assert_true(*(*c)->summary && *(*c)->about);
        assert_non_null((*c)->run);
        assert_non_null((*c)->examples[0].line);
        assert_non_null((*c)->columns[0].name);
        assert_true((*c)->most_words >= (*c)->fewest_words);
        for (const struct example *e = (*c)->examples; e->line; e++)
            assert_int_equal(strncmp(e->line, (*c)->name, strlen((*c)->name)), 0);
        for (const struct column *column = (*c)->columns; column->name; column++)
            assert_true(*column->help);
    }
}

TEST(every_option_of_a_command_says_what_it_does_there)
{
    for (const struct command *const *c = commands; *c; c++)
        for (const struct command_option *o = (*c)->options; o->id != OPT_COUNT; o++) {
            assert_true(o->id >= OPT_COMMON_END);
            assert_true((o->help != NULL) != (option_spec(o->id)->help != NULL));
        }
}

TEST(help_of_a_command_shows_every_option_it_takes_and_no_other)
{
    _cleanup_free_ char *text = help_of(command_find("es_update"));
    for (enum option_id id = 0; id < OPT_COMMON_END; id++) {
        _cleanup_free_ char *usage = option_usage(option_spec(id));
        assert_contains(text, usage);
    }
    assert_contains(text, "Usage: esmigrate es_update NAME [N] | NAME-N");
    assert_contains(text,
                    "  -o, --output table|json      how the result is printed (default: table)\n");
    assert_contains(text, "      --wait-lock[=SECONDS] ");
    assert_contains(text,
                    "(default: indexes)\n                               [ESMIGRATE_INDEXES]\n");
    assert_contains(text,
                    "      --engine-password-file FILE\n                               file with");
    assert_contains(text, "      --since TIME             read what changed since");
    assert_contains(text, "  130, 143  stopped by a signal\n");
    assert_lacks(text, "--adopt");
}

TEST(help_fits_eighty_columns)
{
    for (const struct command *const *c = commands;; c++) {
        _cleanup_free_ char *text = help_of(*c);
        for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
             line = strtok_r(NULL, "\n", &save))
            if (strlen(line) > 80 && strncmp(line, "Usage: ", 7) != 0)
                fail_msg("%zu columns: %s", strlen(line), line);
        if (!*c)
            break;
    }
}

TEST(commands_are_found_by_name_and_recognised_when_mistyped)
{
    assert_string_equal(command_find("es_drop")->name, "es_drop");
    assert_null(command_find("es_dro"));
    assert_string_equal(command_nearest("es_updat"), "es_update");
    assert_string_equal(command_nearest("update"), "es_update");
    assert_null(command_nearest("reindex"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_complete),
        cmocka_unit_test(every_option_of_a_command_says_what_it_does_there),
        cmocka_unit_test(help_of_a_command_shows_every_option_it_takes_and_no_other),
        cmocka_unit_test(help_fits_eighty_columns),
        cmocka_unit_test(commands_are_found_by_name_and_recognised_when_mistyped),
    };
    return cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
