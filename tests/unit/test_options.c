/* cli/options: parsing, environment, the table */
#include "support.h"

#include "base/memory.h"
#include "options.h"

enum { MOST_WORDS = 16 };

/* A command line, and what became of it; words and texts live as long as it. */
struct line {
    char *text;
    char *argv[MOST_WORDS + 1];
    struct options options;
    struct error err;
};

static void line_release(struct line *line)
{
    free(line->text);
    error_release(&line->err);
}

#define _cleanup_line_ _cleanup_(line_release)

static const struct command_option own[] = {{OPT_FULL, NULL},
                                            {OPT_SINCE, "a time"},
                                            {OPT_LIMIT, NULL},
                                            {OPT_OWNER, NULL},
                                            {OPT_COUNT, NULL}};

/* Parses the words, separated by one space each, as those of a command with the options above. */
static int parse(struct line *line, const char *words)
{
    int argc = 0;
    line->text = x_printf("es_test %s", words);
    for (char *save = NULL, *word = strtok_r(line->text, " ", &save); word;
         word = strtok_r(NULL, " ", &save))
        line->argv[argc++] = word;
    return options_parse(&line->options, "es_test", own, argc, line->argv, &line->err);
}

static void parse_well(struct line *line, const char *words)
{
    if (parse(line, words) < 0)
        fail_msg("%s: %s", words, line->err.message);
}

static void check_refused(const char *words, const char *message)
{
    _cleanup_line_ struct line line = {};
    assert_int_equal(parse(&line, words), -1);
    assert_error(&line.err, ERR_USAGE, message);
    assert_string_equal(line.err.hint, "See esmigrate es_test --help");
}

/* Each test begins without any of our variables. */
static int clear_environment(void **state)
{
    (void)state;
    for (enum option_id id = 0; id < OPT_COUNT; id++)
        if (option_spec(id)->environment)
            unsetenv(option_spec(id)->environment);
    unsetenv("ELASTICSEARCH_URL");
    unsetenv("OPENSEARCH_URL");
    unsetenv("POSIXLY_CORRECT");
    return 0;
}

/* ---- parsing ---- */

TEST(nothing_given_is_the_defaults)
{
    _cleanup_line_ struct line line = {};
    parse_well(&line, "");
    for (enum option_id id = 0; id < OPT_COUNT; id++)
        assert_false(option_given(&line.options, id));
    assert_int_equal(line.options.word_count, 0);
    assert_string_equal(option_text(&line.options, OPT_HISTORY), "");
    assert_null(option_text(&line.options, OPT_SOURCE));
    assert_string_equal(option_text(&line.options, OPT_ENGINE), "http://localhost:9200");
    assert_string_equal(option_text(&line.options, OPT_INDEXES), "indexes");
    assert_string_equal(option_text(&line.options, OPT_PREFIX), "");
    assert_null(option_text(&line.options, OPT_TAG));
    assert_string_equal(option_text(&line.options, OPT_OUTPUT), "table");
    assert_null(option_text(&line.options, OPT_IF_BUSY));
}

TEST(values_stand_behind_a_space_or_an_equals_sign)
{
    _cleanup_line_ struct line line = {};
    parse_well(&line, "--history dbname=x --source=dbname=y -o json --tag=");
    assert_string_equal(option_text(&line.options, OPT_HISTORY), "dbname=x");
    assert_string_equal(option_text(&line.options, OPT_SOURCE), "dbname=y");
    assert_string_equal(option_text(&line.options, OPT_OUTPUT), "json");
    assert_true(option_given(&line.options, OPT_TAG));
    assert_string_equal(option_text(&line.options, OPT_TAG), "");
}

TEST(letters_may_be_joined)
{
    _cleanup_line_ struct line line = {};
    parse_well(&line, "-qvny -ojson");
    assert_true(option_given(&line.options, OPT_QUIET));
    assert_true(option_given(&line.options, OPT_VERBOSE));
    assert_true(option_given(&line.options, OPT_DRY_RUN));
    assert_true(option_given(&line.options, OPT_YES));
    assert_string_equal(option_text(&line.options, OPT_OUTPUT), "json");
    assert_false(option_given(&line.options, OPT_HELP));
}

TEST(options_may_stand_between_the_words)
{
    _cleanup_line_ struct line line = {};
    parse_well(&line, "course --full 2 --limit 7 other");
    assert_true(option_given(&line.options, OPT_FULL));
    assert_int_equal(line.options.word_count, 3);
    assert_string_equal(line.options.words[0], "course");
    assert_string_equal(line.options.words[1], "2");
    assert_string_equal(line.options.words[2], "other");
}

TEST(two_dashes_end_the_options)
{
    _cleanup_line_ struct line line = {};
    parse_well(&line, "-q -- --full -v");
    assert_true(option_given(&line.options, OPT_QUIET));
    assert_false(option_given(&line.options, OPT_FULL));
    assert_int_equal(line.options.word_count, 2);
    assert_string_equal(line.options.words[0], "--full");
    assert_string_equal(line.options.words[1], "-v");
}

TEST(the_last_of_several_values_counts)
{
    _cleanup_line_ struct line line = {};
    parse_well(&line, "--prefix a --prefix b");
    assert_string_equal(option_text(&line.options, OPT_PREFIX), "b");
}

TEST(each_parsing_begins_anew)
{
    _cleanup_line_ struct line first = {}, second = {};
    parse_well(&first, "a -q b --full");
    parse_well(&second, "-v c");
    assert_false(option_given(&second.options, OPT_QUIET));
    assert_true(option_given(&second.options, OPT_VERBOSE));
    assert_int_equal(second.options.word_count, 1);
    assert_string_equal(second.options.words[0], "c");
}

TEST(unknown_options_are_refused)
{
    check_refused("--nope", "unknown option --nope");
    check_refused("course --nope=3", "unknown option --nope"); /* the value may be a secret */
    check_refused("-x", "unknown option -x");
    check_refused("-qx", "unknown option -x");
}

TEST(a_mistyped_option_is_recognised)
{
    _cleanup_line_ struct line line = {};
    assert_int_equal(parse(&line, "--ful2l"), -1);
    assert_error(&line.err, ERR_USAGE, "unknown option --ful2l");
    assert_string_equal(line.err.hint, "Did you mean --full? See esmigrate es_test --help");
}

TEST(options_of_other_commands_are_unknown)
{
    check_refused("--force", "unknown option --force");
    check_refused("--adopt", "unknown option --adopt");
    check_refused("--older 1", "unknown option --older");
}

TEST(a_missing_value_is_told)
{
    check_refused("--history", "option --history needs a value");
    check_refused("course -o", "option -o needs a value");
    check_refused("--since", "option --since needs a value");
}

TEST(a_value_too_many_is_told)
{
    check_refused("--yes=1", "option --yes takes no value");
    check_refused("--full=", "option --full takes no value");
}

TEST(an_option_with_optional_value_takes_it_only_with_an_equals_sign)
{
    _cleanup_line_ struct line without = {}, with = {}, apart = {};
    parse_well(&without, "--wait-lock");
    assert_int_equal(option_number(&without.options, OPT_WAIT_LOCK, -1), -1);

    parse_well(&with, "--wait-lock=30");
    assert_int_equal(option_number(&with.options, OPT_WAIT_LOCK, -1), 30);

    parse_well(&apart, "--wait-lock course");
    assert_int_equal(option_number(&apart.options, OPT_WAIT_LOCK, -1), -1);
    assert_string_equal(apart.options.words[0], "course");
}

TEST(a_number_behind_such_an_option_is_asked_about)
{
    _cleanup_line_ struct line refused = {}, last = {};
    assert_int_equal(parse(&refused, "course --wait-lock 2"), -1);
    assert_error(&refused.err, ERR_USAGE, "is 2 the value of --wait-lock, or an instance?");
    assert_string_equal(refused.err.hint, "Write --wait-lock=2, or put the option last.");

    parse_well(&last, "course 2 --wait-servers");
    assert_int_equal(last.options.word_count, 2);
}

/* ---- numbers and choices ---- */

TEST(numbers_have_a_default)
{
    _cleanup_line_ struct line line = {};
    parse_well(&line, "");
    assert_int_equal(option_number(&line.options, OPT_WAIT_LOCK, -1), 0);
    assert_int_equal(option_number(&line.options, OPT_LOCK_TIMEOUT, 0), 10);
    assert_int_equal(option_number(&line.options, OPT_LIMIT, 0), 50);
}

TEST(whole_numbers_are_read)
{
    static const struct {
        const char *words;
        long wanted;
    } rows[] = {{"--limit 0", 0}, {"--limit 007", 7}, {"--limit=999999999", 999999999}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_line_ struct line line = {};
        parse_well(&line, rows[i].words);
        assert_int_equal(option_number(&line.options, OPT_LIMIT, 0), rows[i].wanted);
    }
}

/* The empty text is as from --limit="$UNSET". */
TEST(what_is_not_a_whole_number_is_refused)
{
    static const char *const values[] = {"-1", "1.5", "x", "1x", "+1", "1e3", "1000000000", ""};
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        _cleanup_free_ char *words = x_printf("--limit=%s", values[i]);
        _cleanup_free_ char *wanted =
            x_printf("option --limit takes a whole number, not \"%s\"", values[i]);
        check_refused(words, wanted);
    }
    check_refused("--wait-lock=x", "option --wait-lock takes a whole number, not \"x\"");
}

TEST(only_what_is_offered_can_be_chosen)
{
    check_refused("-o xml", "option --output takes table|json, not \"xml\"");
    check_refused("--output=tab", "option --output takes table|json, not \"tab\"");
    check_refused("--output=", "option --output takes table|json, not \"\"");
    check_refused("--output=table|json", "option --output takes table|json, not \"table|json\"");
    check_refused("--if-busy=wait", "option --if-busy takes skip, not \"wait\"");
}

/* ---- environment ---- */

TEST(the_environment_fills_what_was_not_given)
{
    static const struct {
        const char *variable;
        enum option_id id;
    } rows[] = {
        {"ESMIGRATE_HISTORY", OPT_HISTORY},
        {"ESMIGRATE_SOURCE", OPT_SOURCE},
        {"ESMIGRATE_SOURCE_OWNER", OPT_OWNER},
        {"ESMIGRATE_ENGINE_USER", OPT_ENGINE_USER},
        {"ESMIGRATE_ENGINE_PASSWORD_FILE", OPT_ENGINE_PASSWORD_FILE},
        {"ESMIGRATE_API_KEY_FILE", OPT_API_KEY_FILE},
        {"ESMIGRATE_BEARER_FILE", OPT_BEARER_FILE},
        {"ESMIGRATE_CA", OPT_CA},
        {"ESMIGRATE_CERT", OPT_CERT},
        {"ESMIGRATE_KEY", OPT_KEY},
        {"ESMIGRATE_INDEXES", OPT_INDEXES},
        {"ESMIGRATE_PREFIX", OPT_PREFIX},
        {"ESMIGRATE_TAG", OPT_TAG},
        {"ELASTICSEARCH_URL", OPT_ENGINE},
        {"OPENSEARCH_URL", OPT_ENGINE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_line_ struct line filled = {}, given = {};
        _cleanup_free_ char *words = x_printf("--%s from-flag", option_spec(rows[i].id)->name);
        setenv(rows[i].variable, "from-environment", 1);
        parse_well(&filled, "");
        assert_string_equal(option_text(&filled.options, rows[i].id), "from-environment");
        parse_well(&given, words);
        assert_string_equal(option_text(&given.options, rows[i].id), "from-flag");
        unsetenv(rows[i].variable);
    }
}

TEST(an_empty_variable_is_as_none)
{
    _cleanup_line_ struct line line = {};
    setenv("ESMIGRATE_INDEXES", "", 1);
    setenv("ESMIGRATE_TAG", "", 1);
    setenv("ELASTICSEARCH_URL", "", 1);
    setenv("OPENSEARCH_URL", "http://other:9200", 1);
    parse_well(&line, "");
    assert_string_equal(option_text(&line.options, OPT_INDEXES), "indexes");
    assert_null(option_text(&line.options, OPT_TAG));
    assert_string_equal(option_text(&line.options, OPT_ENGINE), "http://other:9200");
}

TEST(an_empty_flag_beats_the_environment)
{
    _cleanup_line_ struct line line = {};
    setenv("ESMIGRATE_PREFIX", "qa_", 1);
    parse_well(&line, "--prefix=");
    assert_string_equal(option_text(&line.options, OPT_PREFIX), "");
}

TEST(two_engines_in_the_environment_are_refused)
{
    _cleanup_line_ struct line refused = {}, given = {};
    setenv("ELASTICSEARCH_URL", "http://one:9200", 1);
    setenv("OPENSEARCH_URL", "http://other:9200", 1);
    assert_int_equal(parse(&refused, ""), -1);
    assert_error(&refused.err, ERR_USAGE, "both ELASTICSEARCH_URL and OPENSEARCH_URL are set");
    assert_contains(refused.err.hint, "--engine URL");

    parse_well(&given, "--engine http://third:9200");
    assert_string_equal(option_text(&given.options, OPT_ENGINE), "http://third:9200");
}

/* ---- the table ---- */

TEST(every_option_is_complete_and_unique)
{
    for (enum option_id id = 0; id < OPT_COUNT; id++) {
        const struct option_spec *spec = option_spec(id);
        assert_non_null(spec->name);
        assert_true(id >= OPT_COMMON_END || spec->help);
        assert_int_equal(spec->kind == KIND_FLAG, spec->value_name == NULL);
        for (enum option_id other = 0; other < id; other++) {
            assert_string_not_equal(spec->name, option_spec(other)->name);
            assert_true(!spec->letter || spec->letter != option_spec(other)->letter);
        }
    }
}

#define options_test(name) cmocka_unit_test_setup(name, clear_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        options_test(nothing_given_is_the_defaults),
        options_test(values_stand_behind_a_space_or_an_equals_sign),
        options_test(letters_may_be_joined),
        options_test(options_may_stand_between_the_words),
        options_test(two_dashes_end_the_options),
        options_test(the_last_of_several_values_counts),
        options_test(each_parsing_begins_anew),
        options_test(unknown_options_are_refused),
        options_test(a_mistyped_option_is_recognised),
        options_test(options_of_other_commands_are_unknown),
        options_test(a_missing_value_is_told),
        options_test(a_value_too_many_is_told),
        options_test(an_option_with_optional_value_takes_it_only_with_an_equals_sign),
        options_test(a_number_behind_such_an_option_is_asked_about),
        options_test(numbers_have_a_default),
        options_test(whole_numbers_are_read),
        options_test(what_is_not_a_whole_number_is_refused),
        options_test(only_what_is_offered_can_be_chosen),
        options_test(the_environment_fills_what_was_not_given),
        options_test(an_empty_variable_is_as_none),
        options_test(an_empty_flag_beats_the_environment),
        options_test(two_engines_in_the_environment_are_refused),
        options_test(every_option_is_complete_and_unique),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
