/*
 * poster BULK_URL REFRESH_URL CONNECTIONS BODY_BYTES FILE: posts FILE, items of _bulk that index
 * documents (an action line and a document's line each), in bodies of at most BODY_BYTES that are
 * cut before the clock starts, then refreshes. Does nothing else, so that what it reaches is the
 * engine's limit. Prints a JSON object; an answer that is not free of errors ends it.
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 64, ANSWER_KEPT = 256 };

struct body {
    const char *data;
    size_t length;
};

struct bodies {
    struct body *list;
    size_t count;
    size_t documents;
    size_t bytes;
};

struct connection {
    CURL *easy;
    char answer[ANSWER_KEPT]; /* its beginning */
    size_t length;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "poster: %s: %s\n", what, why);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* ---- bodies ---- */

static const char *item_end(const char *item, const char *end)
{
    const char *line = memchr(item, '\n', (size_t)(end - item));
    const char *next = line ? memchr(line + 1, '\n', (size_t)(end - line - 1)) : NULL;
    if (!next)
        die("the items", "the last one is not whole");
    return next + 1;
}

static void add_body(struct bodies *bodies, const char *data, size_t length)
{
    if (!length)
        return;
    bodies->list = realloc(bodies->list, (bodies->count + 1) * sizeof(*bodies->list));
    if (!bodies->list)
        die("the bodies", "no memory");
    bodies->list[bodies->count++] = (struct body){data, length};
    bodies->bytes += length;
}

static struct bodies cut(const char *data, size_t length, size_t body_bytes)
{
    struct bodies bodies = {};
    const char *end = data + length;
    const char *begin = data;
    for (const char *item = data; item < end; bodies.documents++) {
        const char *next = item_end(item, end);
        if ((size_t)(next - begin) > body_bytes && item > begin) {
            add_body(&bodies, begin, (size_t)(item - begin));
            begin = item;
        }
        item = next;
    }
    add_body(&bodies, begin, (size_t)(end - begin));
    return bodies;
}

static struct bodies read_bodies(const char *path, size_t body_bytes)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) < 0)
        die(path, strerror(errno));
    size_t length = (size_t)status.st_size;
    char *data = mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    if (data == MAP_FAILED)
        die(path, strerror(errno));
    close(file);
    return cut(data, length, body_bytes);
}

/* ---- posting ---- */

static size_t keep(char *data, size_t size, size_t count, void *connection_pointer)
{
    struct connection *connection = connection_pointer;
    size_t room = sizeof(connection->answer) - 1 - connection->length;
    size_t taken = size * count < room ? size * count : room;
    memcpy(connection->answer + connection->length, data, taken);
    connection->length += taken;
    connection->answer[connection->length] = '\0';
    return size * count;
}

static void set_up(struct connection *connection, const char *url, struct curl_slist *headers)
{
    CURL *easy = connection->easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, connection);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, connection);
}

static void start(CURLM *multi, struct connection *connection, const struct body *body)
{
    connection->length = 0;
    connection->answer[0] = '\0';
    curl_easy_setopt(connection->easy, CURLOPT_POSTFIELDS, body->data);
    curl_easy_setopt(connection->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->length);
    curl_multi_add_handle(multi, connection->easy);
}

static void check(const struct connection *connection, CURLcode code, const char *expected)
{
    long status = 0;
    curl_easy_getinfo(connection->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        die("a request", curl_easy_strerror(code));
    if (status != 200 || !strstr(connection->answer, expected))
        die("the engine", connection->answer);
}

static void post_all(CURLM *multi, struct connection *connections, size_t count,
                     const struct bodies *bodies)
{
    size_t next = 0, done = 0;
    int running, left;
    while (next < count && next < bodies->count) {
        start(multi, &connections[next], &bodies->list[next]);
        next++;
    }
    while (done < bodies->count) {
        curl_multi_perform(multi, &running);
        for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
            struct connection *connection;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &connection);
            check(connection, message->data.result, "\"errors\":false");
            curl_multi_remove_handle(multi, connection->easy);
            done++;
            if (next < bodies->count)
                start(multi, connection, &bodies->list[next++]);
        }
        curl_multi_perform(multi, &running);
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
}

static size_t number(const char *text)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*end || !value)
        die(text, "not a number");
    return (size_t)value;
}

int main(int argc, char **argv)
{
    struct connection connections[MAX_CONNECTIONS] = {}, refresh = {};
    if (argc != 6)
        die("usage", "poster BULK_URL REFRESH_URL CONNECTIONS BODY_BYTES FILE");
    size_t count = number(argv[3]);
    if (count > MAX_CONNECTIONS)
        die(argv[3], "too many connections");
    struct bodies bodies = read_bodies(argv[5], number(argv[4]));

    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/x-ndjson");
    headers = curl_slist_append(headers, "Expect:"); /* no round trip before each body */
    for (size_t i = 0; i < count; i++)
        set_up(&connections[i], argv[1], headers);
    set_up(&refresh, argv[2], NULL);
    curl_easy_setopt(refresh.easy, CURLOPT_POSTFIELDS, "");

    double cpu = cpu_seconds(), begun = now();
    post_all(multi, connections, count, &bodies);
    double posted = now();
    check(&refresh, curl_easy_perform(refresh.easy), "\"failed\":0");
    double ended = now();
    printf("{\"documents\": %zu, \"bytes\": %zu, \"posted_seconds\": %.6f, \"seconds\": %.6f, "
           "\"cpu_seconds\": %.6f}\n",
           bodies.documents, bodies.bytes, posted - begun, ended - begun, cpu_seconds() - cpu);

    for (size_t i = 0; i < count; i++)
        curl_easy_cleanup(connections[i].easy);
    curl_easy_cleanup(refresh.easy);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    free(bodies.list);
    return 0;
}
