/* base/stop; each test in a process of its own, since the flag is never taken back */
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/retry.h"
#include "base/stop.h"

#define check(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static void in_child(void (*body)(void))
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(20); /* ends a wait that ought to have ended */
        body();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool readable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, 0) == 1;
}

/* The signal arrives after so many milliseconds, as from a terminal. */
static void signal_after(int milliseconds)
{
    struct itimerval timer = {.it_value.tv_usec = milliseconds * 1000};
    signal(SIGALRM, stop_request);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void nothing_asked(void)
{
    struct error err = {};
    check(stop_fd() == -1);
    check(stop_signal() == 0);
    check(stop_check(&err) == 0);
    check(!error_is_set(&err));
    stop_prepare();
    check(stop_fd() >= 0);
    check(!readable(stop_fd()));
    int fd = stop_fd();
    stop_prepare();
    check(stop_fd() == fd);
}

static void first_signal(void)
{
    struct error err = {};
    stop_prepare();
    stop_request(SIGTERM);
    stop_request(SIGINT);
    check(stop_signal() == SIGTERM);
    check(stop_check(&err) == -1);
    check(err.kind == ERR_STOPPED);
    check(strcmp(err.message, "stopped by signal 15 (Terminated)") == 0);
    error_release(&err);
}

static void second_signal(void)
{
    stop_prepare();
    stop_request(SIGINT);
    check(!stop_again());
    check(!readable(stop_again_fd()));
    stop_request(SIGINT);
    check(stop_again());
    check(readable(stop_again_fd()));
}

static void descriptor(void)
{
    struct error err = {};
    stop_prepare();
    stop_request(SIGINT);
    check(readable(stop_fd()));
    stop_check(&err);
    stop_sleep(1, &err);
    check(readable(stop_fd())); /* every waiter is woken, not only the first one */
    error_release(&err);
}

static void without_descriptor(void)
{
    struct error err = {};
    int64_t began = clock_ms();
    check(stop_sleep(30, &err) == 0);
    check(clock_ms() - began >= 29);
    stop_request(SIGINT);
    check(stop_check(&err) == -1);
    began = clock_ms();
    check(stop_sleep(15000, &err) == -1);
    check(clock_ms() - began < 5000);
    error_release(&err);
}

static void full_sleep(void)
{
    struct error err = {};
    stop_prepare();
    int64_t began = clock_ms();
    check(stop_sleep(30, &err) == 0);
    check(clock_ms() - began >= 29);
    check(!error_is_set(&err));
}

static void cut_sleep(void)
{
    struct error err = {};
    stop_prepare();
    signal_after(30);
    int64_t began = clock_ms();
    check(stop_sleep(15000, &err) == -1);
    check(clock_ms() - began < 5000);
    check(err.kind == ERR_STOPPED);
    check(stop_signal() == SIGALRM);

    began = clock_ms();
    check(stop_sleep(15000, &err) == -1);
    check(clock_ms() - began < 5000);
    error_release(&err);
}

static void keeps_errno(void)
{
    close(STDIN_FILENO);
    stop_prepare();
    close(stop_fd()); /* so that its write fails */
    errno = EXDEV;
    stop_request(SIGINT);
    check(errno == EXDEV);
}

TEST(without_a_request_nothing_stops)
{
    in_child(nothing_asked);
}

TEST(the_first_signal_counts)
{
    in_child(first_signal);
}

TEST(a_second_signal_asks_again)
{
    in_child(second_signal);
}

TEST(the_descriptor_stays_readable)
{
    in_child(descriptor);
}

TEST(the_flag_works_without_a_descriptor)
{
    in_child(without_descriptor);
}

TEST(a_sleep_takes_its_time)
{
    in_child(full_sleep);
}

TEST(a_sleep_is_cut_short_by_a_signal)
{
    in_child(cut_sleep);
}

TEST(a_request_keeps_errno)
{
    in_child(keeps_errno);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_request_nothing_stops),
        cmocka_unit_test(the_first_signal_counts),
        cmocka_unit_test(a_second_signal_asks_again),
        cmocka_unit_test(the_descriptor_stays_readable),
        cmocka_unit_test(the_flag_works_without_a_descriptor),
        cmocka_unit_test(a_sleep_takes_its_time),
        cmocka_unit_test(a_sleep_is_cut_short_by_a_signal),
        cmocka_unit_test(a_request_keeps_errno),
    };
    return cmocka_run_group_tests_name("stop", tests, NULL, NULL);
}
