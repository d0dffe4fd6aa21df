/*
 * sink ENGINE_PORT [FILE]: an engine that has nothing to do for a bulk request. It listens on a
 * free port of 127.0.0.1, which it prints; answers every _bulk as if all of it was accepted, and
 * _count with the number of documents it has swallowed (bodies that only index, two lines each);
 * passes every other request on to the engine on 127.0.0.1, one at a time. With FILE, the bodies
 * of _bulk are appended to it, each whole. One thread; ends by a signal.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024, SOCKETS = 256 };

struct text {
    char *data;
    size_t length, capacity;
};

struct client {
    int socket;
    bool in_body;
    bool is_bulk;
    struct text head; /* and, of a request that is kept, its body */
    size_t head_length;
    size_t left; /* bytes of the body still to come */
};

static struct {
    uint16_t engine_port;
    FILE *record;
    size_t lines;
    struct client clients[SOCKETS]; /* by their sockets */
    char block[BLOCK];
} sink;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void append(struct text *text, const char *data, size_t length)
{
    if (text->length + length + 1 > text->capacity) {
        text->capacity = 2 * (text->length + length + 1);
        text->data = realloc(text->data, text->capacity);
        if (!text->data)
            die("sink");
    }
    memcpy(text->data + text->length, data, length);
    text->length += length;
    text->data[text->length] = '\0';
}

/* ---- sockets ---- */

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 ||
        listen(listener, SOCKETS) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        die("listen");
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

/* -1 if the other side is gone. */
static int send_all(int socket, const char *data, size_t length)
{
    while (length) {
        ssize_t sent = send(socket, data, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = socket, .events = POLLOUT};
            poll(&wait, 1, -1);
        } else if (sent < 0 && errno != EINTR) {
            return -1;
        } else if (sent > 0) {
            data += sent;
            length -= (size_t)sent;
        }
    }
    return 0;
}

/* ---- answers ---- */

static int answer_json(const struct client *client, const char *json)
{
    char answer[256];
    int length = snprintf(answer, sizeof(answer),
                          "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=UTF-8\r\n"
                          "content-length: %zu\r\n\r\n%s",
                          strlen(json), json);
    return send_all(client->socket, answer, (size_t)length);
}

static int answer_bulk(struct client *client)
{
    if (sink.record) {
        size_t length = client->head.length - client->head_length;
        if (fwrite(client->head.data + client->head_length, 1, length, sink.record) != length ||
            fflush(sink.record) != 0)
            die("the recorded bodies");
    }
    return answer_json(client, "{\"errors\":false}");
}

static int answer_count(const struct client *client)
{
    char json[128];
    snprintf(json, sizeof(json),
             "{\"count\":%zu,\"_shards\":{\"total\":1,\"successful\":1,\"failed\":0}}",
             sink.lines / 2);
    return answer_json(client, json);
}

/* The engine closes after its answer, which is how its end is known; so does the client then. */
static void pass_on(const struct client *client)
{
    struct sockaddr_in address = loopback(sink.engine_port);
    int engine = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const char *rest = strstr(client->head.data, "\r\n") + 2;
    size_t first = (size_t)(rest - client->head.data);
    static const char close_it[] = "Connection: close\r\n";
    if (engine < 0 || connect(engine, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        send_all(engine, client->head.data, first) < 0 ||
        send_all(engine, close_it, sizeof(close_it) - 1) < 0 ||
        send_all(engine, rest, client->head.length - first) < 0)
        die("the engine");
    for (ssize_t got; (got = recv(engine, sink.block, BLOCK, 0)) != 0;) {
        if (got < 0)
            die("the engine");
        if (send_all(client->socket, sink.block, (size_t)got) < 0)
            break;
    }
    close(engine);
}

/* ---- requests ---- */

static bool path_ends(const struct client *client, const char *word)
{
    const char *path = strchr(client->head.data, ' ') + 1;
    size_t length = strcspn(path, " ?");
    size_t word_length = strlen(word);
    return length >= word_length && strncmp(path + length - word_length, word, word_length) == 0;
}

static void count_lines(const char *data, size_t length)
{
    const char *end = data + length;
    for (const char *c = data; (c = memchr(c, '\n', (size_t)(end - c))); c++)
        sink.lines++;
}

/* The head is whole: what kind of request is it? */
static void begin_body(struct client *client)
{
    const char *field = strcasestr(client->head.data, "\r\ncontent-length:");
    client->left = field ? strtoull(strchr(field, ':') + 1, NULL, 10) : 0;
    client->is_bulk = path_ends(client, "/_bulk");
    client->in_body = true;
}

/* -1: the connection is to be closed. */
static int end_request(struct client *client)
{
    int result = -1;
    if (client->is_bulk)
        result = answer_bulk(client);
    else if (path_ends(client, "/_count"))
        result = answer_count(client);
    else
        pass_on(client);
    client->in_body = false;
    client->head.length = 0;
    return result;
}

static size_t take_head(struct client *client, const char *data, size_t length)
{
    size_t before = client->head.length;
    append(&client->head, data, length);
    /* The blank line may have begun in an earlier block. */
    char *end = strstr(client->head.data + (before > 3 ? before - 3 : 0), "\r\n\r\n");
    if (!end)
        return length;
    client->head_length = (size_t)(end - client->head.data) + 4;
    client->head.length = client->head_length;
    client->head.data[client->head_length] = '\0';
    begin_body(client);
    return client->head_length - before;
}

static size_t take_body(struct client *client, const char *data, size_t length)
{
    size_t taken = length < client->left ? length : client->left;
    if (client->is_bulk)
        count_lines(data, taken);
    if (!client->is_bulk || sink.record)
        append(&client->head, data, taken);
    client->left -= taken;
    return taken;
}

static int take(struct client *client, const char *data, size_t length)
{
    while (length) {
        size_t taken =
            client->in_body ? take_body(client, data, length) : take_head(client, data, length);
        data += taken;
        length -= taken;
        if (client->in_body && !client->left && end_request(client) < 0)
            return -1;
    }
    return 0;
}

/* ---- the loop ---- */

static void add(int loop, int socket)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = socket}};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, socket, &event) < 0)
        die("epoll");
}

static void accept_client(int loop, int listener)
{
    int yes = 1;
    int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0)
        return;
    if (socket >= SOCKETS) {
        close(socket);
        return;
    }
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    sink.clients[socket].socket = socket;
    add(loop, socket);
}

static void serve(struct client *client)
{
    ssize_t got = recv(client->socket, sink.block, BLOCK, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0 && take(client, sink.block, (size_t)got) == 0)
        return;
    close(client->socket);
    free(client->head.data);
    *client = (struct client){};
}

int main(int argc, char **argv)
{
    struct epoll_event events[SOCKETS];
    if (argc < 2 || argc > 3) {
        fputs("usage: sink ENGINE_PORT [FILE]\n", stderr);
        return 2;
    }
    sink.engine_port = (uint16_t)strtoul(argv[1], NULL, 10);
    if (argc == 3 && !(sink.record = fopen(argv[2], "we")))
        die(argv[2]);
    int loop = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_somewhere();
    add(loop, listener);
    for (;;) {
        int count = epoll_wait(loop, events, SOCKETS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_client(loop, listener);
            else
                serve(&sink.clients[events[i].data.fd]);
        }
    }
}
