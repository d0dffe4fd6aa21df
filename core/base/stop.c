#include "base/stop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static volatile sig_atomic_t stopped_by;
static volatile sig_atomic_t asked_again;
static volatile sig_atomic_t event_fd = -1;
static volatile sig_atomic_t again_fd = -1;

void stop_prepare(void)
{
    if (event_fd < 0)
        event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (again_fd < 0)
        again_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void wake(int fd)
{
    uint64_t one = 1;
    if (fd >= 0)
        (void)!write(fd, &one, sizeof(one));
}

void stop_request(int signal_number)
{
    int saved = errno;
    if (stopped_by) {
        asked_again = 1;
        wake(again_fd);
    } else {
        stopped_by = signal_number;
        wake(event_fd);
    }
    errno = saved;
}

int stop_signal(void)
{
    return stopped_by;
}

int stop_fd(void)
{
    return event_fd;
}

bool stop_again(void)
{
    return asked_again;
}

int stop_again_fd(void)
{
    return again_fd;
}

int stop_check(struct error *err)
{
    if (!stopped_by)
        return 0;
    return error_set(err, ERR_STOPPED, "stopped by signal %d (%s)", (int)stopped_by,
                     strsignal(stopped_by));
}

int stop_sleep(int milliseconds, struct error *err)
{
    struct pollfd wait = {.fd = event_fd, .events = POLLIN};
    if (!stopped_by)
        (void)poll(&wait, 1, milliseconds);
    return stop_check(err);
}
