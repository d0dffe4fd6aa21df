/*
 * An HTTP server in a child process that gives the answers it was told, one connection each, and
 * remembers what it was asked. For what a real engine cannot be made to answer on demand.
 */
#ifndef ESMIGRATE_TESTS_SERVER_H
#define ESMIGRATE_TESTS_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

struct server_answer {
    int status;          /* 0: the connection is closed without an answer */
    const char *headers; /* further ones, each with its "\r\n"; or NULL */
    const char *body;    /* or NULL */
};

struct server {
    pid_t pid;
    int asked;    /* what the child was asked comes out here */
    char url[48]; /* "http://ADDRESS:PORT" */
};

/* A socket that listens on a free port of the loopback address. */
static inline int server_listen(char *ret_url, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(ret_url, size, "http://127.0.0.1:%d", ntohs(address.sin_port));
    return fd;
}

/* Reads one request to its end: the head, and as much body as the head announces. */
static inline void server_read(int connection, struct buffer *request)
{
    char block[4096];
    size_t wanted = SIZE_MAX;
    while (request->length < wanted) {
        ssize_t got = read(connection, block, sizeof(block));
        if (got <= 0)
            return;
        buffer_append(request, block, (size_t)got);
        const char *head_end = strstr(buffer_cstr(request), "\r\n\r\n");
        if (!head_end || wanted != SIZE_MAX)
            continue;
        const char *announced = strcasestr(request->data, "\r\nContent-Length:");
        wanted = (size_t)(head_end - request->data) + 4;
        if (announced && announced < head_end)
            wanted += strtoul(announced + strlen("\r\nContent-Length:"), NULL, 10);
    }
}

static inline void server_answer(int connection, const struct server_answer *answer)
{
    _cleanup_(buffer_release) struct buffer text = BUFFER(BUFFER_TEXT_MAX);
    const char *headers = answer->headers ? answer->headers : "";
    const char *body = answer->body ? answer->body : "";
    if (!answer->status)
        return;
    buffer_printf(&text, "HTTP/1.1 %d X\r\nConnection: close\r\n%s", answer->status, headers);
    if (!strstr(headers, "Content-Length:"))
        buffer_printf(&text, "Content-Length: %zu\r\n", strlen(body));
    buffer_printf(&text, "\r\n%s", body);
    (void)!write(connection, text.data, text.length);
}

static inline void server_run(int fd, int asked, const struct server_answer *answers, size_t count)
{
    signal(SIGPIPE, SIG_IGN);
    alarm(60); /* no child outlives a test that has failed */
    for (size_t i = 0; i < count; i++) {
        struct buffer request = BUFFER(BUFFER_TEXT_MAX);
        int connection = accept(fd, NULL, NULL);
        server_read(connection, &request);
        /* No more than fits the pipe, which nobody reads before the end. */
        (void)!write(asked, buffer_cstr(&request), request.length < 4096 ? request.length : 4096);
        (void)!write(asked, "\x1e", 1);
        server_answer(connection, &answers[i]);
        close(connection);
        buffer_release(&request);
    }
    pause(); /* further connections are neither refused nor answered */
    _exit(0);
}

static inline void server_start(struct server *server, const struct server_answer *answers,
                                size_t count)
{
    int asked[2];
    int fd = server_listen(server->url, sizeof(server->url));
    setenv("no_proxy", "*", 1); /* whatever the environment has libcurl use */
    assert_int_equal(pipe(asked), 0);
    fflush(NULL);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0)
        server_run(fd, asked[1], answers, count);
    close(fd);
    close(asked[1]);
    server->asked = asked[0];
}

/* Ends the child; the requests it got, each with '\x1e' behind it, are the caller's (free()). */
static inline char *server_stop(struct server *server)
{
    struct buffer requests = BUFFER(BUFFER_TEXT_MAX);
    char block[4096];
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    for (ssize_t got; (got = read(server->asked, block, sizeof(block))) > 0;)
        buffer_append(&requests, block, (size_t)got);
    close(server->asked);
    return buffer_take(&requests);
}

#endif
