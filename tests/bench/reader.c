/*
 * reader URL RATE CONNECTIONS: asks for URL, a search, RATE times a second (0: as often as answers
 * come) on CONNECTIONS connections that stay open, until its stdin is closed. What is not HTTP 200
 * with a hit is wrong. Prints a JSON object: how many requests, how long, how many failed (no
 * answer), were errors (another status) or empty (no hit), when the first and the last of these
 * came after the start, and the longest time an answer took; then the wrong ones, at most a
 * hundred.
 */
#include <curl/curl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 64, ANSWER_KEPT = 1024, MAX_SHOWN = 100, SHOWN_LENGTH = 200 };

struct connection {
    CURL *easy;
    bool busy;
    double asked;
    char answer[ANSWER_KEPT]; /* its beginning */
    size_t length;
};

struct wrong {
    double at; /* seconds after the start */
    long status;
    char answer[SHOWN_LENGTH];
};

struct reading {
    CURLM *multi;
    struct connection connections[MAX_CONNECTIONS];
    size_t count;
    double began;
    long requests, failed, errors, empty;
    double slowest;
    double first_wrong, last_wrong;
    struct wrong shown[MAX_SHOWN];
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "reader: %s: %s\n", what, why);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static size_t keep(char *data, size_t size, size_t count, void *connection_pointer)
{
    struct connection *connection = connection_pointer;
    size_t room = sizeof(connection->answer) - 1 - connection->length;
    size_t taken = size * count < room ? size * count : room;
    memcpy(connection->answer + connection->length, data, taken);
    connection->length += taken;
    return size * count;
}

/* ---- requests ---- */

static void prepare(struct reading *reading, const char *url)
{
    reading->multi = curl_multi_init();
    for (size_t i = 0; i < reading->count; i++) {
        struct connection *connection = &reading->connections[i];
        CURL *easy = connection->easy = curl_easy_init();
        if (!easy || curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK)
            die(url, "cannot be asked for");
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(easy, CURLOPT_TIMEOUT, 60L);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, connection);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, connection);
    }
}

static void ask(struct reading *reading, struct connection *connection)
{
    connection->busy = true;
    connection->length = 0;
    connection->asked = now();
    if (curl_multi_add_handle(reading->multi, connection->easy) != CURLM_OK)
        die("a request", "cannot be sent");
}

static void note_wrong(struct reading *reading, long *kind, long status, const char *answer)
{
    long before = reading->failed + reading->errors + reading->empty;
    double at = now() - reading->began;
    if (!before)
        reading->first_wrong = at;
    reading->last_wrong = at;
    (*kind)++;
    if (before >= MAX_SHOWN)
        return;
    struct wrong *wrong = &reading->shown[before];
    wrong->at = at;
    wrong->status = status;
    snprintf(wrong->answer, sizeof(wrong->answer), "%s", answer);
}

static void take(struct reading *reading, const CURLMsg *message)
{
    struct connection *connection;
    CURL *easy = message->easy_handle;
    CURLcode code = message->data.result;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&connection);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(reading->multi, easy);
    connection->busy = false;
    connection->answer[connection->length] = '\0';
    double took = now() - connection->asked;
    reading->slowest = took > reading->slowest ? took : reading->slowest;
    reading->requests++;
    if (code != CURLE_OK)
        note_wrong(reading, &reading->failed, 0, curl_easy_strerror(code));
    else if (status != 200)
        note_wrong(reading, &reading->errors, status, connection->answer);
    else if (!strstr(connection->answer, "\"_id\""))
        note_wrong(reading, &reading->empty, status, connection->answer);
}

static void take_all(struct reading *reading)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(reading->multi, &left));)
        if (message->msg == CURLMSG_DONE)
            take(reading, message);
}

/* ---- the pace ---- */

static bool is_due(const struct reading *reading, double rate, long asked)
{
    return rate <= 0 || (double)asked < (now() - reading->began) * rate;
}

/* What finds no free connection when it is due is late, and made up for. */
static void ask_what_is_due(struct reading *reading, double rate, long *asked)
{
    for (size_t i = 0; i < reading->count; i++) {
        struct connection *connection = &reading->connections[i];
        if (connection->busy || !is_due(reading, rate, *asked))
            continue;
        ask(reading, connection);
        ++*asked;
    }
}

static size_t busy_ones(const struct reading *reading)
{
    size_t busy = 0;
    for (size_t i = 0; i < reading->count; i++)
        busy += reading->connections[i].busy;
    return busy;
}

static bool is_over(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, 0) > 0;
}

static void read_until_over(struct reading *reading, double rate)
{
    long asked = 0;
    reading->began = now();
    for (bool over = false; !over || busy_ones(reading);) {
        int running;
        over = over || is_over();
        if (!over)
            ask_what_is_due(reading, rate, &asked);
        if (curl_multi_perform(reading->multi, &running) != CURLM_OK)
            die("the requests", "cannot go on");
        take_all(reading);
        /* A millisecond is as long as one has to wait for the next at a thousand a second. */
        curl_multi_poll(reading->multi, NULL, 0, 1, NULL);
    }
}

/* ---- the result ---- */

static void print_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if ((unsigned char)*text < ' ')
            continue;
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('"');
}

static void print(const struct reading *reading)
{
    long count = reading->failed + reading->errors + reading->empty;
    double seconds = now() - reading->began;
    printf("{\"requests\": %ld, \"seconds\": %.3f, \"rate\": %.1f, \"failed\": %ld, "
           "\"errors\": %ld, \"empty\": %ld, \"first_wrong\": %.4f, \"last_wrong\": %.4f, "
           "\"slowest\": %.4f, \"wrong\": [",
           reading->requests, seconds, (double)reading->requests / seconds, reading->failed,
           reading->errors, reading->empty, reading->first_wrong, reading->last_wrong,
           reading->slowest);
    for (long i = 0; i < count && i < MAX_SHOWN; i++) {
        printf("%s{\"at\": %.4f, \"status\": %ld, \"answer\": ", i ? ", " : "",
               reading->shown[i].at, reading->shown[i].status);
        print_text(reading->shown[i].answer);
        putchar('}');
    }
    printf("]}\n");
}

int main(int argc, char **argv)
{
    static struct reading reading;
    if (argc != 4)
        die("usage", "reader URL RATE CONNECTIONS");
    double rate = strtod(argv[2], NULL);
    reading.count = strtoul(argv[3], NULL, 10);
    if (reading.count < 1 || reading.count > MAX_CONNECTIONS)
        die("CONNECTIONS", "1 to 64");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    prepare(&reading, argv[1]);
    read_until_over(&reading, rate);
    print(&reading);
    return 0;
}
