/* load/progress and cli/progress: what is known of a run, and the line that says it */
#include "support.h"

#include <locale.h>

#include "load/progress.h"
#include "progress.h"

static const struct progress usual = {
    .index_name = "course_search-2",
    .phase = PROGRESS_LOAD,
    .done = 430112,
    .total = 1000000,
    .is_estimate = true,
    .documents_per_second = 71204.4,
    .bytes_per_second = 14.83e6,
    .in_flight = 4,
    .eta_s = 8,
};

static void check_line(const struct progress *progress, size_t columns, const char *wanted)
{
    _cleanup_free_ char *line = progress_line(progress, columns);
    assert_string_equal(line, wanted);
}

/* ---- the line ---- */

TEST(the_line_says_everything_where_there_is_room)
{
    static const char line[] = "course_search-2  43 %  430,112/~1,000,000 documents  71,204/s  "
                               "14.8 MB/s  4 in flight  0 retries  0 rejected  ETA 8 s";
    check_line(&usual, 0, line);
    check_line(&usual, strlen(line), line);
    check_line(&usual, strlen(line) - 1,
               "course_search-2  43 %  430,112/~1,000,000 documents  71,204/s  14.8 MB/s  "
               "4 in flight  0 rejected  ETA 8 s");
}

TEST(a_narrow_terminal_keeps_what_matters_most)
{
    check_line(&usual, 80,
               "course_search-2  43 %  430,112/~1,000,000 documents  71,204/s  ETA 8 s");
    check_line(&usual, 40, "course_search-2  43 %  71,204/s  ETA 8 s");
    check_line(&usual, 20, "course_search-2");
}

TEST(no_line_is_wider_than_the_terminal_while_the_name_fits)
{
    for (size_t columns = strlen(usual.index_name); columns < 130; columns++) {
        _cleanup_free_ char *line = progress_line(&usual, columns);
        assert_true(strlen(line) <= columns);
    }
}

TEST(a_name_too_long_is_cut)
{
    struct progress long_name = usual;
    long_name.index_name = "grüße_an_alle-1";
    check_line(&long_name, 8, "grüße_an");
    check_line(&long_name, 4, "grüß");
}

TEST(trouble_stays_on_a_narrow_terminal)
{
    struct progress trouble = usual;
    trouble.retries = 1200;
    trouble.rejected = 3;
    check_line(&trouble, 64, "course_search-2  43 %  1,200 retries  3 rejected  ETA 8 s");
}

TEST(an_exact_total_has_no_tilde)
{
    struct progress exact = usual;
    exact.is_estimate = false;
    check_line(&exact, 72, "course_search-2  43 %  430,112/1,000,000 documents  71,204/s  ETA 8 s");
}

TEST(an_unknown_total_leaves_out_what_follows_from_it)
{
    struct progress unknown = usual;
    unknown.total = -1;
    unknown.eta_s = -1;
    check_line(&unknown, 0,
               "course_search-2  430,112 documents  71,204/s  14.8 MB/s  4 in flight  0 retries  "
               "0 rejected");
}

TEST(a_hundred_percent_is_all_of_them)
{
    assert_int_equal(progress_percent(999999, 1000000), 99);
    assert_int_equal(progress_percent(1000000, 1000000), 100);
    assert_int_equal(progress_percent(0, 1000000), 0);
    assert_int_equal(progress_percent(0, 0), 100);
    assert_int_equal(progress_percent(1000001, 1000000), -1);
    assert_int_equal(progress_percent(5, -1), -1);
}

TEST(a_silent_server_is_named)
{
    struct progress silent = usual;
    silent.documents_per_second = silent.bytes_per_second = 0;
    silent.eta_s = -1;
    silent.waits_for = WAITS_FOR_ANSWER;
    silent.waits_s = 34;
    check_line(&silent, 80,
               "course_search-2  no answer for 34 s  43 %  430,112/~1,000,000 documents  0/s");
    silent.waits_for = WAITS_FOR_SOURCE;
    silent.waits_s = 12;
    check_line(&silent, 60, "course_search-2  waiting for the source, 12 s  43 %  0/s");
    silent.waits_for = WAITS_FOR_RETRY;
    check_line(&silent, 60, "course_search-2  to be sent again, for 12 s  43 %  0/s");
}

TEST(what_comes_after_the_documents_is_named)
{
    static const struct {
        enum progress_phase phase;
        const char *line;
    } cases[] = {
        {PROGRESS_PREPARE, "course_search-2  preparing, 1 min 2 s"},
        {PROGRESS_SWEEP, "course_search-2  sweep, 1 min 2 s"},
        {PROGRESS_REFRESH, "course_search-2  refresh, 1 min 2 s"},
        {PROGRESS_RESTORE, "course_search-2  restoring settings, 1 min 2 s"},
        {PROGRESS_MERGE, "course_search-2  merging segments, 1 min 2 s"},
        {PROGRESS_VERIFY, "course_search-2  verifying, 1 min 2 s"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct progress progress = usual;
        progress.phase = cases[i].phase;
        progress.phase_s = 62;
        progress.total = progress.eta_s = -1;
        progress.documents_per_second = 0;
        check_line(&progress, strlen(cases[i].line), cases[i].line);
    }
}

TEST(a_verification_says_what_it_compares_and_sends_nothing)
{
    const struct progress progress = {
        .index_name = "course_search-2",
        .phase = PROGRESS_VERIFY,
        .part = "ids",
        .phase_s = 62,
        .done = 1200000,
        .total = -1,
        .documents_per_second = 200000,
        .eta_s = -1,
    };
    check_line(&progress, 100,
               "course_search-2  verifying ids, 1 min 2 s  1,200,000 documents  200,000/s");
}

/* ---- what is known ---- */

static struct meter begun(int64_t total)
{
    struct meter meter = {.now = {.index_name = "i", .phase = PROGRESS_LOAD, .total = total}};
    meter_expect(&meter, total, true, 0);
    return meter;
}

TEST(nobody_waits_for_less_than_three_seconds)
{
    struct meter meter = begun(-1);
    meter_look(&meter, 1000);
    meter_look(&meter, 3900);
    assert_int_equal(meter.now.waits_for, WAITS_FOR_SOURCE);
    assert_int_equal(meter.now.waits_s, 0);
    meter_look(&meter, 4000);
    assert_int_equal(meter.now.waits_s, 3);
    meter_look(&meter, 13999);
    assert_int_equal(meter.now.waits_s, 12);
}

TEST(documents_of_an_earlier_run_are_done)
{
    struct meter meter = begun(100);
    meter_expect(&meter, 100, false, 40);
    meter_look(&meter, 1000);
    assert_int_equal(meter.now.done, 40);
    assert_int_equal(meter.now.eta_s, -1);
}

TEST(documents_of_others_are_done_and_bring_the_end_nearer)
{
    struct meter meter = begun(100);
    meter_expect(&meter, 100, false, 40);
    meter_others(&meter, 60);
    meter_others(&meter, 0); /* not known */
    meter_look(&meter, 10000);
    assert_int_equal(meter.now.done, 60);
    assert_int_equal(meter.now.eta_s, 20);
    assert_true(meter.now.documents_per_second == 0); /* which this run itself has written */
    meter_others(NULL, 60);
}

TEST(more_than_expected_is_an_unknown_number)
{
    struct meter meter = begun(10);
    meter_expect(&meter, 10, true, 11);
    meter_look(&meter, 1000);
    assert_int_equal(meter.now.done, 11);
    assert_int_equal(meter.now.total, -1);
}

TEST(once_all_are_read_their_number_is_known)
{
    struct meter meter = begun(10);
    meter_expect(&meter, 10, true, 7);
    meter_phase(&meter, PROGRESS_REFRESH);
    assert_int_equal(meter.now.total, 7);
    assert_false(meter.now.is_estimate);
}

TEST(every_phase_has_a_name)
{
    for (int phase = PROGRESS_PREPARE; phase <= PROGRESS_VERIFY; phase++) {
        assert_non_null(progress_phase_name((enum progress_phase)phase));
        for (int other = PROGRESS_PREPARE; other < phase; other++)
            assert_string_not_equal(progress_phase_name((enum progress_phase)phase),
                                    progress_phase_name((enum progress_phase)other));
    }
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_says_everything_where_there_is_room),
        cmocka_unit_test(a_narrow_terminal_keeps_what_matters_most),
        cmocka_unit_test(no_line_is_wider_than_the_terminal_while_the_name_fits),
        cmocka_unit_test(a_name_too_long_is_cut),
        cmocka_unit_test(trouble_stays_on_a_narrow_terminal),
        cmocka_unit_test(an_exact_total_has_no_tilde),
        cmocka_unit_test(an_unknown_total_leaves_out_what_follows_from_it),
        cmocka_unit_test(a_hundred_percent_is_all_of_them),
        cmocka_unit_test(a_silent_server_is_named),
        cmocka_unit_test(what_comes_after_the_documents_is_named),
        cmocka_unit_test(a_verification_says_what_it_compares_and_sends_nothing),
        cmocka_unit_test(nobody_waits_for_less_than_three_seconds),
        cmocka_unit_test(documents_of_an_earlier_run_are_done),
        cmocka_unit_test(documents_of_others_are_done_and_bring_the_end_nearer),
        cmocka_unit_test(more_than_expected_is_an_unknown_number),
        cmocka_unit_test(once_all_are_read_their_number_is_known),
        cmocka_unit_test(every_phase_has_a_name),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
