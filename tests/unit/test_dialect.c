/* domain/dialect: which engines are known, and from which version on */
#include "support.h"

#include "domain/dialect.h"

static const struct dialect *found(const char *distribution, const char *version)
{
    _cleanup_(error_release) struct error err = {};
    const struct dialect *dialect = NULL;
    if (dialect_find(distribution, version, "http://e:9200", &dialect, &err) < 0)
        fail_msg("%s", err.message);
    return dialect;
}

static void check_refused(const char *distribution, const char *version, const char *message,
                          const char *hint)
{
    _cleanup_(error_release) struct error err = {};
    const struct dialect *dialect = NULL;
    assert_int_equal(dialect_find(distribution, version, "http://e:9200", &dialect, &err), -1);
    assert_error(&err, ERR_ENGINE, message);
    assert_int_equal(hint == NULL, err.hint == NULL);
    if (hint)
        assert_string_equal(err.hint, hint);
    assert_null(dialect);
}

TEST(both_families_are_known)
{
    assert_string_equal(found("opensearch", "2.19.6")->title, "OpenSearch");
    assert_string_equal(found("opensearch", "1.0.0")->family, "opensearch");
    assert_string_equal(found(NULL, "7.10.2")->title, "Elasticsearch");
    assert_string_equal(found(NULL, "10.0.0-SNAPSHOT")->family, "elasticsearch");
    /* With compatibility.override_main_response_version, for old clients. */
    assert_string_equal(found("opensearch", "7.10.2")->family, "opensearch");
}

TEST(an_old_engine_is_refused)
{
    check_refused(NULL, "6.8.23", "engine: http://e:9200 is Elasticsearch 6.8.23, which is too old",
                  "esmigrate works with Elasticsearch 7.10 and later.");
    check_refused(NULL, "7.9.3", "engine: http://e:9200 is Elasticsearch 7.9.3, which is too old",
                  "esmigrate works with Elasticsearch 7.10 and later.");
    check_refused("opensearch", "0.9", "engine: http://e:9200 is OpenSearch 0.9, which is too old",
                  "esmigrate works with OpenSearch 1.0 and later.");
}

TEST(an_unknown_engine_is_refused)
{
    check_refused("othersearch", "3.0.0",
                  "engine: http://e:9200 is \"othersearch\", which esmigrate does not know", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_families_are_known),
        cmocka_unit_test(an_old_engine_is_refused),
        cmocka_unit_test(an_unknown_engine_is_refused),
    };
    return cmocka_run_group_tests_name("dialect", tests, NULL, NULL);
}
