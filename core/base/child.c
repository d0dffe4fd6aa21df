#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/retry.h"
#include "base/stop.h"

enum { GRACE_MS = 2000, NOT_RUN = 127 };

/* Between fork() and exec(): only what is safe in a signal handler, but for putenv(), as this
 * process has one thread. */
__attribute__((noreturn)) static void become(const struct child_options *options, pid_t parent)
{
    sigset_t none;
    setpgid(0, 0);
    if (!options->ignores_stop && (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent))
        _exit(NOT_RUN);
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        _exit(NOT_RUN);
    for (const char *const *variable = options->environment; variable && *variable; variable++)
        putenv((char *)*variable);
    execl("/bin/sh", "sh", "-c", options->command, (char *)NULL);
    _exit(NOT_RUN);
}

/* Whether it ended within that time, or before the stop that is heeded. */
static bool ends_within(int process, int64_t milliseconds, int stop)
{
    struct pollfd wait[] = {{.fd = process, .events = POLLIN}, {.fd = stop, .events = POLLIN}};
    int64_t until = clock_ms() + milliseconds;
    for (int64_t left; (left = until - clock_ms()) > 0;) {
        int ready = poll(wait, ARRAY_SIZE(wait), left > INT_MAX ? INT_MAX : (int)left);
        if (ready < 0 && errno != EINTR)
            return false;
        if (ready > 0 && wait[0].revents)
            return true;
        if (ready > 0)
            return false;
    }
    return false;
}

static int judge(int status, struct error *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status))
        return error_set(err, ERR_FAILED, "it ended with exit status %d", WEXITSTATUS(status));
    return error_set(err, ERR_FAILED, "it was ended by signal %d (%s)", WTERMSIG(status),
                     strsignal(WTERMSIG(status)));
}

/* With all that it has started, which is its process group. */
static void end(pid_t child, int process)
{
    kill(-child, SIGTERM);
    if (!ends_within(process, GRACE_MS, -1))
        kill(-child, SIGKILL);
}

int child_run(const struct child_options *options, struct error *err)
{
    int stop = options->ignores_stop ? stop_again_fd() : stop_fd();
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0)
        become(options, parent);
    if (child < 0)
        return error_set(err, ERR_FAILED, "no process can be started: %s", strerror(errno));
    setpgid(child, child); /* so that it is one before it is ended */
    int process = pidfd_open(child, 0);
    bool ended = process >= 0 && ends_within(process, (int64_t)options->timeout_s * 1000, stop);
    bool stopped = !ended && (options->ignores_stop ? stop_again() : stop_signal() != 0);
    int status = 0;
    if (!ended)
        end(child, process);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (process >= 0)
        close(process);
    if (stopped)
        return error_set(err, ERR_STOPPED, "stopped while it ran");
    if (!ended)
        return error_set(err, ERR_FAILED, "it did not end within %d seconds and was ended",
                         options->timeout_s);
    return judge(status, err);
}
