/* domain/declaration: the files, on a real file system */
#include "folder.h"

#include "base/texts.h"
#include "domain/declaration.h"

static const char body[] = "{\"settings\":{},\"mappings\":{}}";
static const char documents[] = "SELECT id AS _id, title FROM course;\n";

/* A folder with the declaration "course_search". */
static char *make_declaration(void)
{
    char *folder = folder_make();
    folder_write(folder, "course_search/index.json", body);
    folder_write(folder, "course_search/documents.sql", documents);
    return folder;
}

static void read_well(const char *folder, struct declaration *ret_declaration)
{
    _cleanup_(error_release) struct error err = {};
    if (declaration_read(folder, "course_search", ret_declaration, &err) < 0)
        fail_msg("%s", err.message);
}

/* The message must be FOLDER/course_search/FILE and this. */
static void check_refused(const char *folder, const char *file_and_message, const char *hint)
{
    _cleanup_(error_release) struct error err = {};
    struct declaration declaration = {};
    _cleanup_free_ char *wanted = x_printf("%s/course_search/%s", folder, file_and_message);
    assert_int_equal(declaration_read(folder, "course_search", &declaration, &err), -1);
    assert_error(&err, ERR_USAGE, wanted);
    if (hint)
        assert_contains(err.hint, hint);
}

static void check_body_refused(const char *text, const char *message, const char *hint)
{
    _cleanup_folder_ char *folder = make_declaration();
    _cleanup_free_ char *wanted = x_printf("index.json: %s", message);
    folder_write(folder, "course_search/index.json", text);
    check_refused(folder, wanted, hint);
}

static void check_options_refused(const char *text, const char *message)
{
    _cleanup_folder_ char *folder = make_declaration();
    _cleanup_free_ char *wanted = x_printf("master.json: %s", message);
    folder_write(folder, "course_search/master.json", text);
    check_refused(folder, wanted, NULL);
}

/* ---- files ---- */

TEST(the_files_are_kept_verbatim)
{
    _cleanup_folder_ char *folder = make_declaration();
    _cleanup_(declaration_release) struct declaration declaration = {};
    static const char spaced[] = " { \"mappings\" : {} }\r\n";
    static const char changed[] = "SELECT course_id AS _id FROM lesson WHERE at >= $1; -- ;\n\n";
    folder_write(folder, "course_search/index.json", spaced);
    folder_write(folder, "course_search/changed.sql", changed);
    read_well(folder, &declaration);
    assert_string_equal(declaration.name, "course_search");
    assert_string_equal(declaration.content.body, spaced);
    assert_string_equal(declaration.content.documents_sql, documents);
    assert_string_equal(declaration.content.changed_sql, changed);
    assert_null(declaration.content.changed_at_zone);
}

TEST(changed_sql_and_master_json_may_be_missing)
{
    _cleanup_folder_ char *folder = make_declaration();
    _cleanup_(declaration_release) struct declaration declaration = {};
    read_well(folder, &declaration);
    assert_null(declaration.content.changed_sql);
    assert_null(declaration.options.source);
    assert_null(declaration.options.overlap);
    assert_int_equal(declaration.options.max_document_bytes, 0);
    assert_string_equal(declaration.options_json, "{}");
}

TEST(missing_files_are_named)
{
    static const char *const files[] = {"index.json", "documents.sql"};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        _cleanup_folder_ char *folder = make_declaration();
        _cleanup_free_ char *path = x_printf("%s/course_search/%s", folder, files[i]);
        _cleanup_free_ char *wanted = x_printf("%s: No such file or directory", files[i]);
        assert_int_equal(unlink(path), 0);
        check_refused(folder, wanted, "the files index.json and documents.sql");
    }
}

TEST(a_missing_declaration_whose_name_is_nearly_that_of_another_names_it)
{
    _cleanup_folder_ char *folder = make_declaration();
    _cleanup_(error_release) struct error err = {};
    struct declaration declaration = {};
    assert_int_equal(declaration_read(folder, "cuorse_search", &declaration, &err), -1);
    assert_contains(err.hint, "Did you mean course_search?");
}

TEST(a_missing_folder_of_declarations_is_told_from_a_missing_declaration)
{
    _cleanup_folder_ char *folder = folder_make();
    _cleanup_(error_release) struct error err = {};
    _cleanup_free_ char *none = x_printf("%s/none", folder);
    _cleanup_free_ char *wanted = x_printf("there is no folder of declarations \"%s\"", none);
    assert_int_equal(declarations_check(folder, &err), 0);
    assert_int_equal(declarations_check(none, &err), -1);
    assert_error(&err, ERR_USAGE, wanted);
    assert_int_equal(declaration_missing(none, "course_search", &err), -1);
    assert_error(&err, ERR_USAGE, wanted);
}

TEST(a_byte_order_mark_is_left_out)
{
    _cleanup_folder_ char *folder = make_declaration();
    _cleanup_(declaration_release) struct declaration declaration = {};
    folder_write(folder, "course_search/index.json", "\xef\xbb\xbf{}");
    folder_write(folder, "course_search/documents.sql", "\xef\xbb\xbfSELECT 1 AS _id");
    read_well(folder, &declaration);
    assert_string_equal(declaration.content.body, "{}");
    assert_string_equal(declaration.content.documents_sql, "SELECT 1 AS _id");
}

TEST(a_missing_declaration_says_how_to_make_one)
{
    _cleanup_folder_ char *folder = folder_make();
    _cleanup_(error_release) struct error err = {};
    struct declaration declaration = {};
    _cleanup_free_ char *wanted = x_printf("there is no declaration %s/course_search", folder);
    assert_int_equal(declaration_read(folder, "course_search", &declaration, &err), -1);
    assert_error(&err, ERR_USAGE, wanted);
    assert_contains(err.hint, "--indexes");
    assert_false(declaration_exists(folder, "course_search"));

    folder_write(folder, "course_search", "a file is no declaration");
    assert_false(declaration_exists(folder, "course_search"));
    assert_int_equal(declaration_read(folder, "course_search", &declaration, &err), -1);
}

TEST(a_nul_byte_is_refused)
{
    _cleanup_folder_ char *folder = make_declaration();
    folder_write_bytes(folder, "course_search/documents.sql", "SELECT 1\0;", 10);
    check_refused(folder, "documents.sql: there is a NUL byte in it", NULL);
}

TEST(a_folder_in_the_place_of_a_file_is_refused)
{
    _cleanup_folder_ char *folder = make_declaration();
    folder_write(folder, "course_search/changed.sql/x", "");
    check_refused(folder, "changed.sql: Is a directory", NULL);
}

TEST(a_file_larger_than_16_mib_is_refused)
{
    _cleanup_folder_ char *folder = make_declaration();
    _cleanup_free_ char *path = x_printf("%s/course_search/documents.sql", folder);
    assert_int_equal(truncate(path, 16 * 1024 * 1024 + 1), 0);
    check_refused(folder, "documents.sql: larger than 16777216 bytes", NULL);
}

TEST(declarations_are_listed_by_name)
{
    _cleanup_folder_ char *folder = folder_make();
    _cleanup_(error_release) struct error err = {};
    char **names = NULL;
    size_t count = 0;
    folder_write(folder, "tags/index.json", "");
    folder_write(folder, "courses/index.json", "");
    folder_write(folder, "courses_2/index.json", "");
    folder_write(folder, ".git/index.json", "");
    folder_write(folder, "README.md", "");
    assert_int_equal(declaration_names(folder, &names, &count, &err), 0);
    assert_int_equal(count, 3);
    assert_string_equal(names[0], "courses");
    assert_string_equal(names[1], "courses_2");
    assert_string_equal(names[2], "tags");
    texts_free(names, count);
}

TEST(a_missing_directory_has_no_declarations)
{
    _cleanup_folder_ char *folder = folder_make();
    _cleanup_(error_release) struct error err = {};
    _cleanup_free_ char *missing = x_printf("%s/indexes", folder);
    char **names = NULL;
    size_t count = 9;
    assert_int_equal(declaration_names(missing, &names, &count, &err), 0);
    assert_int_equal(count, 0);
    texts_free(names, count);

    folder_write(folder, "indexes", "");
    assert_int_equal(declaration_names(missing, &names, &count, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    assert_contains(err.message, "/indexes: Not a directory");
}

/* ---- index.json ---- */

TEST(aliases_are_refused)
{
    check_body_refused("{\"aliases\":{\"x\":{}}}", "\"aliases\" would put an empty index live",
                       "es_activate");
    check_body_refused("{\"mappings\":{},\"aliases\":{}}",
                       "\"aliases\" would put an empty index live", "es_activate");
}

TEST(unknown_keys_are_refused)
{
    check_body_refused("{\"setings\":{}}", "unknown key \"setings\"", "\"settings\"");
    check_body_refused("{\"settings\":{},\"properties\":{}}", "unknown key \"properties\"", NULL);
    check_body_refused("{\"Mappings\":{}}", "unknown key \"Mappings\"", NULL);
}

TEST(what_is_not_an_object_is_refused)
{
    check_body_refused("[]", "not a JSON object", NULL);
    check_body_refused("\"x\"", "not a JSON object", NULL);
    check_body_refused("7", "not a JSON object", NULL);
    check_body_refused("", "line 1, column 1: unexpected end of data", NULL);
}

TEST(syntax_errors_have_the_file_and_the_place)
{
    check_body_refused("{\n  \"mappings\": {},\n}", "line 3, column 1: expected '\"'", NULL);
    check_body_refused("{\n  \"mappings\": {\"a\":1,\n \"a\":2}\n}",
                       "line 3, column 2: the key \"a\" appears twice", NULL);
}

TEST(a_request_line_is_explained)
{
    _cleanup_folder_ char *folder = make_declaration();
    folder_write(folder, "course_search/index.json", "PUT /course_search\n{}");
    check_refused(folder, "index.json: line 1, column 1: expected a value",
                  "Leave out the request line");
    folder_write(folder, "course_search/index.json", "POST /course_search\n{}");
    check_refused(folder, "index.json: line 1, column 1: expected a value",
                  "Leave out the request line");
}

TEST(esmigrates_own_mark_is_refused)
{
    check_body_refused("{\"mappings\":{\"_meta\":{\"esmigrate\":{}}}}",
                       "mappings._meta.esmigrate is esmigrate's own", NULL);
    check_body_refused("{\"mappings\":{\"_meta\":{\"esmigrate\":\"x\",\"a\":1}}}",
                       "mappings._meta.esmigrate is esmigrate's own", NULL);

    _cleanup_folder_ char *folder = make_declaration();
    _cleanup_(declaration_release) struct declaration declaration = {};
    folder_write(folder, "course_search/index.json",
                 "{\"mappings\":{\"_meta\":{\"owner\":\"esmigrate\"}}}");
    read_well(folder, &declaration);
}

static const char async_message[] =
    "translog.durability \"async\" would lose acknowledged documents";

TEST(an_asynchronous_translog_is_refused_in_every_spelling)
{
    static const char *const settings[] = {
        "{\"index\":{\"translog\":{\"durability\":\"async\"}}}",
        "{\"index\":{\"translog.durability\":\"async\"}}",
        "{\"index.translog\":{\"durability\":\"async\"}}",
        "{\"index.translog.durability\":\"async\"}",
        "{\"translog\":{\"durability\":\"async\"}}",
        "{\"translog.durability\":\"async\"}",
        "{\"index\":{\"translog\":{\"\\u0064urability\":\"async\"}}}",
        "{\"number_of_shards\":1,\"index\":{\"x\":{\"y\":1},\"translog\":{\"z\":1,"
        "\"durability\":\"async\"}}}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        _cleanup_free_ char *text = x_printf("{\"settings\":%s}", settings[i]);
        check_body_refused(text, async_message, "changed_through");
    }
}

TEST(a_null_in_place_of_what_rules_need_is_refused)
{
    static const char gc_message[] =
        "gc_deletes null would be the engine's default, which is too short";
    check_body_refused("{\"settings\":{\"gc_deletes\":null}}", gc_message, "es_create");
    check_body_refused("{\"settings\":{\"index\":{\"gc_deletes\":null}}}", gc_message, NULL);
    check_body_refused("{\"settings\":{\"index.gc_deletes\":null}}", gc_message, NULL);
    check_body_refused("{\"settings\":{\"translog.durability\":null}}",
                       "translog.durability \"null\" would lose acknowledged documents", NULL);
}

TEST(an_asynchronous_translog_does_not_hide_behind_another_spelling)
{
    check_body_refused("{\"settings\":{\"translog.durability\":\"request\","
                       "\"index\":{\"translog\":{\"durability\":\"async\"}}}}",
                       async_message, NULL);
}

TEST(a_synchronous_translog_is_accepted)
{
    static const char *const texts[] = {
        "{\"settings\":{\"translog.durability\":\"request\"}}",
        "{\"settings\":{\"index\":{\"translog\":{\"durability\":\"REQUEST\"}}}}",
        "{\"settings\":{\"index\":{\"translog\":{\"sync_interval\":\"5s\"}}}}",
        "{\"settings\":{},\"mappings\":{\"properties\":{\"translog.durability\":"
        "{\"type\":\"async\"}}}}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        _cleanup_folder_ char *folder = make_declaration();
        _cleanup_(declaration_release) struct declaration declaration = {};
        folder_write(folder, "course_search/index.json", texts[i]);
        read_well(folder, &declaration);
    }
}

/* The body is sent out of a tree, which has no room for such a number. */
TEST(a_number_reaches_the_engine_as_it_was_written_or_is_refused)
{
    static const char number[] = "123456789012345678901234567890";
    _cleanup_folder_ char *folder = make_declaration();
    _cleanup_(declaration_release) struct declaration declaration = {};
    _cleanup_(error_release) struct error err = {};
    _cleanup_free_ char *text = x_printf("{\"mappings\":{\"_meta\":{\"n\":%s}}}", number);
    _cleanup_free_ char *made = NULL;
    folder_write(folder, "course_search/index.json", text);
    if (declaration_read(folder, "course_search", &declaration, &err) == 0)
        made = content_create_body(&declaration.content, "alias", "id", &err);
    if (made)
        assert_contains(made, number);
    else
        assert_int_equal(err.kind, ERR_USAGE);
}

/* ---- master.json ---- */

TEST(the_options_of_a_master_are_read)
{
    _cleanup_folder_ char *folder = make_declaration();
    _cleanup_(declaration_release) struct declaration declaration = {};
    folder_write(folder, "course_search/master.json",
                 "{\"source\":\"host=db dbname=app\",\"overlap\":\"5 seconds\","
                 "\"changed_at_zone\":\"Europe/Berlin\",\"max_document_bytes\":1048576,"
                 "\"range_documents\":1000}");
    read_well(folder, &declaration);
    assert_string_equal(declaration.options.source, "host=db dbname=app");
    assert_string_equal(declaration.options.overlap, "5 seconds");
    assert_string_equal(declaration.options.changed_at_zone, "Europe/Berlin");
    assert_int_equal(declaration.options.max_document_bytes, 1048576);
    assert_int_equal(declaration.options.range_documents, 1000);
    assert_string_equal(declaration.content.changed_at_zone, "Europe/Berlin");
}

TEST(wrong_options_are_refused_by_name)
{
    check_options_refused("{\"overlapp\":\"5s\"}", "unknown key \"overlapp\"");
    check_options_refused("{\"source\":7}", "\"source\" must be a text");
    check_options_refused("{\"overlap\":5}", "\"overlap\" must be a text");
    check_options_refused("{\"overlap\":null}", "\"overlap\" must be a text");
    check_options_refused("{\"changed_at_zone\":[]}", "\"changed_at_zone\" must be a text");
    check_options_refused("{\"range_documents\":0}",
                          "\"range_documents\" must be a number of documents");
    check_options_refused("{\"max_document_bytes\":\"1\"}",
                          "\"max_document_bytes\" must be a number of bytes");
    check_options_refused("{\"max_document_bytes\":0}",
                          "\"max_document_bytes\" must be a number of bytes");
    check_options_refused("{\"max_document_bytes\":-1}",
                          "\"max_document_bytes\" must be a number of bytes");
    check_options_refused("{\"max_document_bytes\":1.5}",
                          "\"max_document_bytes\" must be a number of bytes");
    check_options_refused("[]", "not a JSON object");
    check_options_refused("{\n\"overlap\":}", "line 2, column 11: expected a value");
    check_options_refused("{\"source\":\"nonsense\"}", "\"source\" is not a connection string");
    check_options_refused("{\"source\":\"postgresql://u%80@h/d\"}",
                          "\"source\" is not a connection string");
}

TEST(further_aliases_are_refused_that_are_something_else)
{
    static const char *const names[][2] = {
        {"course_search", "that is the master's own, which moves anyway"},
        {"course_search-1.W1", "so end the aliases through which esmigrate writes documents"},
        {"other-12.W345", "so end the aliases through which esmigrate writes documents"},
        {"course_search-1", "\"-digits\" at its end is the name of an instance"},
        {"course_search.rehearsal", "so ends the alias of es_rollback --rehearse"},
        {"", "it is empty"},
        {"_all", "it must not begin with \"_\", \"-\", \"+\" or \".\""},
        {"course*", "the engine refuses space and any of \"*\\<|,>/?#:"},
        {"a,b", "the engine refuses space and any of \"*\\<|,>/?#:"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        _cleanup_free_ char *one = x_printf("{\"read_alias\":\"%s\"}", names[i][0]);
        _cleanup_free_ char *many = x_printf("{\"aliases\":[\"good\",\"%s\"]}", names[i][0]);
        _cleanup_free_ char *of_one = x_printf(
            "\"read_alias\": \"%s\" cannot be a further alias: %s", names[i][0], names[i][1]);
        _cleanup_free_ char *of_many =
            x_printf("\"aliases\": \"%s\" cannot be a further alias: %s", names[i][0], names[i][1]);
        check_options_refused(one, of_one);
        check_options_refused(many, of_many);
    }
    check_options_refused("{\"read_alias\":\"a\",\"write_alias\":\"a\"}",
                          "\"write_alias\": \"a\" cannot be a further alias: it is there twice");
    check_options_refused("{\"aliases\":[\"a\",\"b\",\"a\"]}",
                          "\"aliases\": \"a\" cannot be a further alias: it is there twice");
}

TEST(what_an_engine_takes_may_be_a_further_alias)
{
    _cleanup_folder_ char *folder = make_declaration();
    _cleanup_(declaration_release) struct declaration declaration = {};
    folder_write(folder, "course_search/master.json",
                 "{\"read_alias\":\"Courses_Read\",\"write_alias\":\"courses.W\","
                 "\"aliases\":[\"courses-v2\",\"cours_été\",\"course_search-a\"]}");
    read_well(folder, &declaration);
    assert_int_equal(declaration.options.alias_count, 3);
}

TEST(an_option_that_stands_twice_is_refused)
{
    check_options_refused("{\"overlap\":\"1 hour\",\"overlap\":\"5 seconds\"}",
                          "line 1, column 21: the key \"overlap\" appears twice");
}

TEST(the_password_of_the_source_is_not_stored)
{
    static const char *const sources[] = {
        "host=db user=app password=geheim dbname=app",
        "host=db dbname=app password = 'geheim' sslpassword='geheim'",
        "postgresql://app:geheim@db/app",
        "postgresql://app@db/app?password=geheim",
    };
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
        _cleanup_folder_ char *folder = make_declaration();
        _cleanup_(declaration_release) struct declaration declaration = {};
        _cleanup_free_ char *text =
            x_printf("{\"overlap\":\"7 seconds\",\"source\":\"%s\"}", sources[i]);
        folder_write(folder, "course_search/master.json", text);
        read_well(folder, &declaration);
        assert_string_equal(declaration.options.source, sources[i]);
        assert_lacks(declaration.options_json, "geheim");
        assert_contains(declaration.options_json, "host='db'");
        assert_contains(declaration.options_json, "dbname='app'");
        assert_contains(declaration.options_json, "\"overlap\":\"7 seconds\"");
    }
}

TEST(stored_options_are_read_back)
{
    _cleanup_folder_ char *folder = make_declaration();
    _cleanup_(declaration_release) struct declaration declaration = {};
    _cleanup_(master_options_release) struct master_options stored = {};
    _cleanup_(error_release) struct error err = {};
    folder_write(folder, "course_search/master.json",
                 "{\"source\":\"dbname=it\\\\'s\",\"max_document_bytes\":77}");
    read_well(folder, &declaration);
    assert_int_equal(
        master_options_parse(declaration.options_json, "history", "course_search", &stored, &err),
        0);
    assert_string_equal(stored.source, "dbname='it\\'s'");
    assert_int_equal(stored.max_document_bytes, 77);

    assert_int_equal(
        master_options_parse("{\"x\":1}", "the history", "course_search", &stored, &err), -1);
    assert_error(&err, ERR_USAGE, "the history: unknown key \"x\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_files_are_kept_verbatim),
        cmocka_unit_test(changed_sql_and_master_json_may_be_missing),
        cmocka_unit_test(missing_files_are_named),
        cmocka_unit_test(a_missing_declaration_whose_name_is_nearly_that_of_another_names_it),
        cmocka_unit_test(a_missing_folder_of_declarations_is_told_from_a_missing_declaration),
        cmocka_unit_test(a_byte_order_mark_is_left_out),
        cmocka_unit_test(a_missing_declaration_says_how_to_make_one),
        cmocka_unit_test(a_nul_byte_is_refused),
        cmocka_unit_test(a_folder_in_the_place_of_a_file_is_refused),
        cmocka_unit_test(a_file_larger_than_16_mib_is_refused),
        cmocka_unit_test(declarations_are_listed_by_name),
        cmocka_unit_test(a_missing_directory_has_no_declarations),
        cmocka_unit_test(aliases_are_refused),
        cmocka_unit_test(unknown_keys_are_refused),
        cmocka_unit_test(what_is_not_an_object_is_refused),
        cmocka_unit_test(syntax_errors_have_the_file_and_the_place),
        cmocka_unit_test(a_request_line_is_explained),
        cmocka_unit_test(esmigrates_own_mark_is_refused),
        cmocka_unit_test(an_asynchronous_translog_is_refused_in_every_spelling),
        cmocka_unit_test(a_null_in_place_of_what_rules_need_is_refused),
        cmocka_unit_test(an_asynchronous_translog_does_not_hide_behind_another_spelling),
        cmocka_unit_test(a_synchronous_translog_is_accepted),
        cmocka_unit_test(a_number_reaches_the_engine_as_it_was_written_or_is_refused),
        cmocka_unit_test(the_options_of_a_master_are_read),
        cmocka_unit_test(wrong_options_are_refused_by_name),
        cmocka_unit_test(further_aliases_are_refused_that_are_something_else),
        cmocka_unit_test(what_an_engine_takes_may_be_a_further_alias),
        cmocka_unit_test(an_option_that_stands_twice_is_refused),
        cmocka_unit_test(the_password_of_the_source_is_not_stored),
        cmocka_unit_test(stored_options_are_read_back),
    };
    return cmocka_run_group_tests_name("declaration", tests, NULL, NULL);
}
