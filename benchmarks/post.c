/* A caller that costs next to nothing: for each byte on stdin, sends the HTTP request that stands
 * in a file by then over one kept connection to 127.0.0.1, reads the answer to its end, leaves it
 * in $GOZO_BARE_OUTPUT, and writes the nanoseconds. usage: post PORT REQUEST_FILE */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char request[65536], answer[1 << 20];

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Puts the chunks of a text together (RFC 9112, 7.1). @return 0: not all of them are there yet */
static int join(char *body, char *end)
{
    size_t length = 0;
    if (end - body < 5 || strcmp(end - 5, "0\r\n\r\n") != 0)
        return 0;
    for (char *at = body, *next; (next = strstr(at, "\r\n")) != NULL;) {
        size_t size = strtoul(at, NULL, 16);
        if (size == 0) {
            body[length] = 0;
            return 1;
        }
        memmove(body + length, next + 2, size);
        length += size;
        at = next + 2 + size + 2;
    }
    return 0;
}

/* Reads one answer, with a Content-Length or in chunks; 0 where the peer does not speak HTTP. */
static int read_answer(int peer)
{
    size_t have = 0, want = 0;
    do {
        ssize_t count = read(peer, answer + have, sizeof answer - 1 - have);
        if (count <= 0)
            return 0;
        answer[have += (size_t)count] = 0;
        char *end = strstr(answer, "\r\n\r\n");
        char *length = strcasestr(answer, "content-length:");
        char *chunked = strcasestr(answer, "transfer-encoding: chunked");
        if (end != NULL && chunked != NULL && chunked < end) {
            if (join(end + 4, answer + have))
                return 1;
        } else if (want == 0 && end != NULL && length != NULL)
            want = (size_t)(end + 4 - answer) + (size_t)atol(length + 15);
    } while (want == 0 || have < want);
    return 1;
}

/* Over 127.0.0.1; -1 where nobody listens. */
static int connected(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1, peer = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(peer, (struct sockaddr *)&address, sizeof address) != 0)
        return -1;
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return peer;
}

/* A server ends a connection that was idle for long; before the clock runs, as the next. */
static int still_connected(int peer, uint16_t port)
{
    char byte;

    if (peer >= 0 && recv(peer, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0)
        return peer;
    if (peer >= 0)
        close(peer);
    return connected(port);
}

static size_t read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    size_t length = fread(request, 1, sizeof request, file);
    fclose(file);
    return length;
}

static void leave_answer(const char *path)
{
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    if (file == NULL)
        return;
    fputs(answer, file);
    fclose(file);
}

int main(int argc, char **argv)
{
    char *path = getenv("GOZO_BARE_OUTPUT");
    char byte;
    int peer = -1;

    if (argc != 3)
        return 64;
    uint16_t port = (uint16_t)atoi(argv[1]);
    while (read(0, &byte, 1) == 1) {
        size_t length = read_file(argv[2]);
        peer = still_connected(peer, port);
        if (length == 0 || peer < 0)
            return 69;
        int64_t start = now_ns();
        if (write(peer, request, length) != (ssize_t)length || !read_answer(peer))
            return 1;
        int64_t took = now_ns() - start;
        leave_answer(path);
        printf("%lld\n", (long long)took);
        fflush(stdout);
    }
    return 0;
}
