/* domain/sqltext */
#include "support.h"

#include "domain/sqltext.h"

struct row {
    const char *sql;
    const char *wanted; /* NULL: it stays as it is */
};

static void check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *wanted = rows[i].wanted ? rows[i].wanted : rows[i].sql;
        _cleanup_free_ char *statement = sqltext_statement(rows[i].sql);
        if (strcmp(statement, wanted) != 0)
            fail_msg("[%s] became [%s], not [%s]", rows[i].sql, statement, wanted);
    }
}

TEST(the_final_semicolon_and_what_follows_it_is_cut)
{
    static const struct row rows[] = {
        {"SELECT 1;", "SELECT 1"},
        {"SELECT 1 ;\n\n", "SELECT 1 "},
        {"SELECT 1;;;", "SELECT 1"},
        {"SELECT 1; ; \n;", "SELECT 1"},
        {"SELECT 1; -- the end", "SELECT 1"},
        {"SELECT 1; /* the end; */ ; -- ;", "SELECT 1"},
        {"SELECT 1; /* a /* b */ c */", "SELECT 1"},
        {"SELECT 1 -- one\n;", "SELECT 1 -- one\n"},
        {";", ""},
    };
    check(rows, ARRAY_SIZE(rows));
}

TEST(without_a_final_semicolon_nothing_is_cut)
{
    static const struct row rows[] = {
        {"SELECT 1", NULL},
        {"SELECT 1\n", NULL},
        {"SELECT 1 -- no;", NULL},
        {"SELECT 1 /* no; */", NULL},
        {"SELECT 1; SELECT 2", NULL},
        {"SELECT 1; -- c\n\"x\"", NULL},
        {"", NULL},
        {"-- only a comment;\n", NULL},
    };
    check(rows, ARRAY_SIZE(rows));
}

/* Where scan.l of PostgreSQL is easily read too quickly. */
TEST(tokens_end_where_they_end_for_postgresql)
{
    static const struct row rows[] = {
        {"SELECT 1 -- one\r;", "SELECT 1 -- one\r"},
        {"SELECT E'a'\r'b\\'; c';", "SELECT E'a'\r'b\\'; c'"},
        {"SELECT E'a' -- b'\n 'c\\'; d';", "SELECT E'a' -- b'\n 'c\\'; d'"},
        {"SELECT E'a' -- b\n -- c\n'\\'; d';", "SELECT E'a' -- b\n -- c\n'\\'; d'"},
        {"SELECT $1$a$;$a$;", "SELECT $1$a$;$a$"},
        {"SELECT 1$$;$$;", "SELECT 1$$;$$"},
        {"SELECT a1$$;", "SELECT a1$$"},
    };
    check(rows, ARRAY_SIZE(rows));
}

TEST(of_two_statements_only_the_last_semicolon_is_cut)
{
    static const struct row rows[] = {
        {"SELECT 1; SELECT 2;", "SELECT 1; SELECT 2"},
        {"SELECT 1; SELECT 2;; -- x", "SELECT 1; SELECT 2"},
    };
    check(rows, ARRAY_SIZE(rows));
}

TEST(comments_nest)
{
    static const struct row rows[] = {
        {"SELECT 1; /* /* */ ; */ x", NULL},
        {"SELECT /* /* ; */ */ 1;", "SELECT /* /* ; */ */ 1"},
        {"SELECT 1 /* /* */ ;", NULL},           /* not closed */
        {"SELECT 1; /*/ */", "SELECT 1"},        /* the slash belongs to the opening */
        {"SELECT '/*'; -- '*/ x", "SELECT '/*'"} /* a string hides it */
        ,
        {"SELECT 1 -- /*\n;", "SELECT 1 -- /*\n"},
        {"SELECT \"--\" AS a;", "SELECT \"--\" AS a"},
    };
    check(rows, ARRAY_SIZE(rows));
}

TEST(semicolons_in_strings_are_text)
{
    static const struct row rows[] = {
        {"SELECT ';'", NULL},
        {"SELECT 'a;b';", "SELECT 'a;b'"},
        {"SELECT 'it''s;'", NULL},
        {"SELECT 'it''s' ;", "SELECT 'it''s' "},
        {"SELECT '--;\n', '/*;*/';", "SELECT '--;\n', '/*;*/'"},
        {"SELECT ';", NULL},
        {"SELECT \";\"\";\" FROM t", NULL},
        {"SELECT \"a;b\" FROM t;", "SELECT \"a;b\" FROM t"},
        {"SELECT \"it's\";", "SELECT \"it's\""},
        {"SELECT '\"' ; -- \"", "SELECT '\"' "},
        {"SELECT U&'\\0041;' ;", "SELECT U&'\\0041;' "},
        {"SELECT U&\"d;\\0061t\" ;", "SELECT U&\"d;\\0061t\" "},
        {"SELECT B'1;', X'1;', N';' ;", "SELECT B'1;', X'1;', N';' "},
    };
    check(rows, ARRAY_SIZE(rows));
}

TEST(a_backslash_escapes_only_in_e_strings)
{
    static const struct row rows[] = {
        {"SELECT E'\\'; -- ' ;", "SELECT E'\\'; -- ' "},
        {"SELECT e'\\\\' ; -- '", "SELECT e'\\\\' "},
        {"SELECT E'a''b\\';' ;", "SELECT E'a''b\\';' "},
        {"SELECT '\\' ; -- '", "SELECT '\\' "},
        {"SELECT U&'\\' ; -- '", "SELECT U&'\\' "},
        {"SELECT E'\\", NULL},
    };
    check(rows, ARRAY_SIZE(rows));
}

TEST(an_e_at_the_end_of_a_word_begins_no_e_string)
{
    static const struct row rows[] = {
        {"SELECT date'\\' ; -- '", "SELECT date'\\' "},
        {"SELECT some_e'\\' ; -- '", "SELECT some_e'\\' "},
        {"SELECT x1E'\\' ; -- '", "SELECT x1E'\\' "},
        {"SELECT a$e'\\' ; -- '", "SELECT a$e'\\' "},
        {"SELECT \xc3\xa4"
         "e'\\' ; -- '",
         "SELECT \xc3\xa4"
         "e'\\' "},
        {"SELECT(e'\\'' ; -- ') ;", "SELECT(e'\\'' "},
        {"SELECT e ;", "SELECT e "},
    };
    check(rows, ARRAY_SIZE(rows));
}

TEST(an_e_string_goes_on_in_the_next_line)
{
    static const struct row rows[] = {
        {"SELECT E'a'\n  'b\\';c' ;", "SELECT E'a'\n  'b\\';c' "},
        {"SELECT 'a'\n  'b\\' ; -- '", "SELECT 'a'\n  'b\\' "},
    };
    check(rows, ARRAY_SIZE(rows));
}

TEST(dollar_quotes_end_at_their_own_tag)
{
    static const struct row rows[] = {
        {"SELECT $$;$$", NULL},
        {"SELECT $$;'$$ ;", "SELECT $$;'$$ "},
        {"SELECT $a$ $$;$$ $b$ ; $a$ ;", "SELECT $a$ $$;$$ $b$ ; $a$ "},
        {"SELECT $a$ $A$ ; -- $a$ ;", "SELECT $a$ $A$ ; -- $a$ "},
        {"SELECT $a$x$b$a$ ;", "SELECT $a$x$b$a$ "},
        {"SELECT $a1_$;$a1_$;", "SELECT $a1_$;$a1_$"},
        {"SELECT $\xc3\xa4$;$\xc3\xa4$;", "SELECT $\xc3\xa4$;$\xc3\xa4$"},
        {"SELECT $$ ;", NULL},
        {"SELECT $a$ ; $a ;", NULL},
        {"SELECT '$$' ; -- $$", "SELECT '$$' "},
    };
    check(rows, ARRAY_SIZE(rows));
}

TEST(parameters_and_dollars_in_names_are_no_quotes)
{
    static const struct row rows[] = {
        {"SELECT $1;", "SELECT $1"},
        {"SELECT $1, $2 ; -- $1", "SELECT $1, $2 "},
        {"SELECT id FROM t WHERE at >= $1 AND b < $1;",
         "SELECT id FROM t WHERE at >= $1 AND b < $1"},
        {"SELECT a$b$ ; -- $b$", "SELECT a$b$ "},
        {"SELECT a$$ ; -- $$", "SELECT a$$ "},
        {"SELECT $ ;", "SELECT $ "},
        {"SELECT $a ;", "SELECT $a "},
        {"SELECT $1a$ ; -- $1a$", "SELECT $1a$ "},
    };
    check(rows, ARRAY_SIZE(rows));
}

TEST(the_text_before_the_semicolon_stays_byte_for_byte)
{
    static const char sql[] = "-- courses\r\nWITH c AS (\n\tSELECT 1 -- ;\n)\nSELECT id AS _id,\n"
                              "       'a;' || $t$;$t$ AS \"x;y\" /* ; */\nFROM c\n";
    _cleanup_(buffer_release) struct buffer whole = BUFFER(1000);
    buffer_printf(&whole, "%s;\n-- end;\n", sql);
    _cleanup_free_ char *statement = sqltext_statement(buffer_cstr(&whole));
    assert_string_equal(statement, sql);
}

TEST(white_space_comments_and_semicolons_are_no_statement)
{
    static const char *const empty[] = {"", " \t\r\n", ";", "-- SELECT 1", "/* ; */ ;\n-- x\n"};
    static const char *const full[] = {"SELECT 1", "-- x\nSELECT 1", ";SELECT 1", "''", "x"};
    for (size_t i = 0; i < ARRAY_SIZE(empty); i++)
        assert_true(sqltext_is_empty(empty[i]));
    for (size_t i = 0; i < ARRAY_SIZE(full); i++)
        assert_false(sqltext_is_empty(full[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_final_semicolon_and_what_follows_it_is_cut),
        cmocka_unit_test(without_a_final_semicolon_nothing_is_cut),
        cmocka_unit_test(tokens_end_where_they_end_for_postgresql),
        cmocka_unit_test(of_two_statements_only_the_last_semicolon_is_cut),
        cmocka_unit_test(comments_nest),
        cmocka_unit_test(semicolons_in_strings_are_text),
        cmocka_unit_test(a_backslash_escapes_only_in_e_strings),
        cmocka_unit_test(an_e_at_the_end_of_a_word_begins_no_e_string),
        cmocka_unit_test(an_e_string_goes_on_in_the_next_line),
        cmocka_unit_test(dollar_quotes_end_at_their_own_tag),
        cmocka_unit_test(parameters_and_dollars_in_names_are_no_quotes),
        cmocka_unit_test(the_text_before_the_semicolon_stays_byte_for_byte),
        cmocka_unit_test(white_space_comments_and_semicolons_are_no_statement),
    };
    return cmocka_run_group_tests_name("sqltext", tests, NULL, NULL);
}
