/* domain/columns: what may stand in documents.sql */
#include "support.h"

#include "clients/postgres.h"
#include "domain/declaration.h"

/* Type oids as in catalog/pg_type.dat. */
enum {
    BOOL = 16,
    BIGINT = 20,
    TEXT = 25,
    JSON = 114,
    DATE = 1082,
    TIMESTAMP = 1114,
    TIMESTAMPTZ = 1184,
    JSONB = 3802,
};

static const char *type_name(unsigned int oid)
{
    switch (oid) {
    case BOOL:
        return "boolean";
    case BIGINT:
        return "bigint";
    case TEXT:
        return "text";
    case JSON:
        return "json";
    case DATE:
        return "date";
    case TIMESTAMP:
        return "timestamp without time zone";
    case TIMESTAMPTZ:
        return "timestamp with time zone";
    default:
        return "jsonb";
    }
}

struct row {
    const char *name; /* NULL: the end */
    unsigned int oid;
};

enum { MOST = 8 };

static int read_columns(const struct row *rows, size_t parameters, const char *zone,
                        struct document_columns *ret_columns, struct error *err)
{
    struct pg_column columns[MOST];
    struct pg_description description = {.columns = columns, .parameters = parameters};
    for (const struct row *row = rows; row->name; row++) {
        columns[description.count++] = (struct pg_column){
            .name = (char *)row->name,
            .type = (char *)type_name(row->oid),
            .type_oid = row->oid,
        };
    }
    return document_columns_read(&description, zone, "documents.sql", ret_columns, err);
}

static void check_read(const struct row *rows, const char *zone,
                       struct document_columns *ret_columns)
{
    _cleanup_(error_release) struct error err = {};
    if (read_columns(rows, 0, zone, ret_columns, &err) < 0)
        fail_msg("%s", err.message);
}

static void check_refused(const struct row *rows, const char *message, const char *hint)
{
    _cleanup_(error_release) struct error err = {};
    struct document_columns columns = {};
    assert_int_equal(read_columns(rows, 0, NULL, &columns, &err), -1);
    assert_error(&err, ERR_USAGE, message);
    assert_contains(err.hint, hint);
    assert_null(columns.id_type);
    assert_null(columns.fields);
}

TEST(other_columns_are_fields_in_order)
{
    static const struct row rows[] = {{"title", TEXT}, {"_id", BIGINT}, {"price", BIGINT},
                                      {"Title", TEXT}, {"a_b", DATE},   {}};
    _cleanup_(document_columns_release) struct document_columns columns = {};
    check_read(rows, NULL, &columns);
    assert_string_equal(columns.id_type, "bigint");
    assert_int_equal(columns.field_count, 4);
    assert_string_equal(columns.fields[0].name, "title");
    assert_string_equal(columns.fields[1].name, "price");
    assert_string_equal(columns.fields[2].name, "Title");
    assert_string_equal(columns.fields[3].name, "a_b");
    assert_false(columns.has_changed_at);
    assert_false(columns.has_deleted);
    assert_false(columns.has_routing);
    assert_false(columns.has_source);
}

TEST(reserved_columns_are_no_fields)
{
    static const struct row rows[] = {
        {"_id", TEXT},      {"_changed_at", TIMESTAMPTZ}, {"_deleted", BOOL},
        {"_routing", TEXT}, {"_source", JSONB},           {},
    };
    _cleanup_(document_columns_release) struct document_columns columns = {};
    check_read(rows, NULL, &columns);
    assert_int_equal(columns.field_count, 0);
    assert_true(columns.has_changed_at);
    assert_true(columns.changed_at_has_zone);
    assert_true(columns.has_deleted);
    assert_true(columns.has_routing);
    assert_true(columns.has_source);
}

TEST(a_document_may_have_no_field_at_all)
{
    static const struct row rows[] = {{"_id", TEXT}, {}};
    _cleanup_(document_columns_release) struct document_columns columns = {};
    check_read(rows, NULL, &columns);
    assert_int_equal(columns.field_count, 0);
}

TEST(the_source_may_be_json_or_jsonb)
{
    static const struct row json[] = {{"_source", JSON}, {"_id", TEXT}, {}};
    static const struct row text[] = {{"_id", TEXT}, {"_source", TEXT}, {}};
    _cleanup_(document_columns_release) struct document_columns columns = {};
    check_read(json, NULL, &columns);
    assert_true(columns.has_source);
    check_refused(text, "documents.sql: column _source is text, it must be json or jsonb",
                  "Cast it");
}

TEST(a_timestamp_without_zone_needs_one_in_master_json)
{
    static const struct row rows[] = {{"_id", TEXT}, {"_changed_at", TIMESTAMP}, {}};
    _cleanup_(document_columns_release) struct document_columns columns = {};
    check_refused(rows, "documents.sql: column _changed_at is a timestamp without time zone",
                  "\"changed_at_zone\": \"UTC\" in master.json");
    check_read(rows, "UTC", &columns);
    assert_true(columns.has_changed_at);
    assert_false(columns.changed_at_has_zone);
}

TEST(a_zone_does_no_harm_to_a_timestamp_with_zone)
{
    static const struct row rows[] = {{"_id", TEXT}, {"_changed_at", TIMESTAMPTZ}, {}};
    _cleanup_(document_columns_release) struct document_columns columns = {};
    check_read(rows, "UTC", &columns);
    assert_true(columns.changed_at_has_zone);
}

TEST(reserved_columns_of_another_type_are_refused)
{
    static const struct row date[] = {{"_id", TEXT}, {"_changed_at", DATE}, {}};
    static const struct row text[] = {{"_changed_at", TEXT}, {"_id", TEXT}, {}};
    static const struct row deleted[] = {{"_id", TEXT}, {"_deleted", BIGINT}, {}};
    check_refused(date,
                  "documents.sql: column _changed_at is date, it must be timestamp with time zone",
                  "Cast it");
    check_refused(text,
                  "documents.sql: column _changed_at is text, it must be timestamp with time zone",
                  "Cast it");
    check_refused(deleted, "documents.sql: column _deleted is bigint, it must be boolean",
                  "Cast it");
}

TEST(other_names_with_an_underscore_are_refused)
{
    static const char *const names[] = {"_version", "_index", "_ID", "_id_", "_", "__x"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const struct row rows[] = {{"_id", TEXT}, {names[i], TEXT}, {}};
        _cleanup_(buffer_release) struct buffer wanted = BUFFER(200);
        buffer_printf(&wanted, "documents.sql: column %s: names that begin with \"_\" are reserved",
                      names[i]);
        check_refused(rows, buffer_cstr(&wanted), "Known are _id, _changed_at");
    }
}

TEST(a_name_that_stands_twice_is_refused)
{
    static const struct row field[] = {{"_id", TEXT}, {"a", TEXT}, {"b", TEXT}, {"a", BIGINT}, {}};
    static const struct row id[] = {{"_id", TEXT}, {"_id", BIGINT}, {}};
    static const struct row deleted[] = {{"_deleted", BOOL}, {"_id", TEXT}, {"_deleted", BOOL}, {}};
    check_refused(field, "documents.sql: column a appears twice", "another name with AS");
    check_refused(id, "documents.sql: column _id appears twice", "another name with AS");
    check_refused(deleted, "documents.sql: column _deleted appears twice", "another name with AS");
}

TEST(a_column_without_name_is_refused_by_its_place)
{
    static const struct row first[] = {{"?column?", TEXT}, {"_id", TEXT}, {}};
    static const struct row empty[] = {{"", TEXT}, {"_id", TEXT}, {}};
    check_refused(first, "documents.sql: column 1 has no name", "Name it with AS");
    check_refused(empty, "documents.sql: column 1 has no name", "Name it with AS");
}

TEST(the_place_of_a_column_counts_the_reserved_ones)
{
    static const struct row rows[] = {
        {"_id", TEXT}, {"_deleted", BOOL}, {"a", TEXT}, {"?column?", TEXT}, {}};
    check_refused(rows, "documents.sql: column 4 has no name", "Name it with AS");
}

TEST(without_id_there_is_no_document)
{
    static const struct row rows[] = {{"id", TEXT}, {"title", TEXT}, {}};
    static const struct row none[] = {{}};
    check_refused(rows, "documents.sql: there is no column _id", "AS _id");
    check_refused(none, "documents.sql: there is no column _id", "AS _id");
}

TEST(a_field_beside_the_whole_document_is_refused)
{
    static const struct row rows[] = {
        {"_id", TEXT}, {"title", TEXT}, {"_source", JSON}, {"b", TEXT}, {}};
    check_refused(rows,
                  "documents.sql: _source is the whole document, so there cannot be a column "
                  "title too",
                  "Put the field into _source");
}

TEST(other_ids_become_of_the_type_of_the_id)
{
    static const struct {
        const char *type;
        unsigned int oid;
        int modifier;
        const char *cast;
        bool is_exact;
    } rows[] = {
        {"bigint", 20, -1, "bigint", true},
        {"uuid", 2950, -1, "uuid", true},
        {"character varying", 1043, 12, "character varying", true}, /* its 8 would cut */
        {"numeric", 1700, -1, "numeric", false},
        {"numeric", 1700, (10 << 16 | 2) + 4, "numeric(10,2)", false},
        {"numeric", 1700, (3 << 16 | 0x7fe) + 4, "numeric(3,-2)", false},
        {"citext", 16400, -1, "citext", false},
        {"double precision", 701, -1, "double precision", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(error_release) struct error err = {};
        _cleanup_(document_columns_release) struct document_columns columns = {};
        struct pg_column id = {.name = (char *)"_id",
                               .type = (char *)rows[i].type,
                               .type_oid = rows[i].oid,
                               .modifier = rows[i].modifier};
        struct pg_description description = {.columns = &id, .count = 1};
        assert_int_equal(document_columns_read(&description, NULL, "documents.sql", &columns, &err),
                         0);
        assert_string_equal(columns.id_cast, rows[i].cast);
        assert_int_equal(columns.id_is_exact, rows[i].is_exact);
    }
}

TEST(parameters_are_refused)
{
    static const struct row rows[] = {{"_id", TEXT}, {}};
    _cleanup_(error_release) struct error err = {};
    struct document_columns columns = {};
    assert_int_equal(read_columns(rows, 1, NULL, &columns, &err), -1);
    assert_error(&err, ERR_USAGE, "documents.sql: it must not have parameters such as $1");
    assert_contains(err.hint, "changed.sql");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_columns_are_fields_in_order),
        cmocka_unit_test(reserved_columns_are_no_fields),
        cmocka_unit_test(a_document_may_have_no_field_at_all),
        cmocka_unit_test(the_source_may_be_json_or_jsonb),
        cmocka_unit_test(a_timestamp_without_zone_needs_one_in_master_json),
        cmocka_unit_test(a_zone_does_no_harm_to_a_timestamp_with_zone),
        cmocka_unit_test(reserved_columns_of_another_type_are_refused),
        cmocka_unit_test(other_names_with_an_underscore_are_refused),
        cmocka_unit_test(a_name_that_stands_twice_is_refused),
        cmocka_unit_test(a_column_without_name_is_refused_by_its_place),
        cmocka_unit_test(the_place_of_a_column_counts_the_reserved_ones),
        cmocka_unit_test(without_id_there_is_no_document),
        cmocka_unit_test(a_field_beside_the_whole_document_is_refused),
        cmocka_unit_test(other_ids_become_of_the_type_of_the_id),
        cmocka_unit_test(parameters_are_refused),
    };
    return cmocka_run_group_tests_name("columns", tests, NULL, NULL);
}
