/* A caller that costs next to nothing: for each byte on stdin, sends the HTTP request that stands
 * in a file over one kept connection to 127.0.0.1, reads the answer to its end, and writes the
 * nanoseconds. usage: post PORT REQUEST_FILE TEXT_THAT_THE_ANSWER_HOLDS */
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

/* Reads one answer with a Content-Length; 0 where the peer does not speak HTTP. */
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
        if (want == 0 && end != NULL && length != NULL)
            want = (size_t)(end + 4 - answer) + (size_t)atol(length + 15);
    } while (want == 0 || have < want);
    return 1;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char byte;
    int one = 1;

    if (argc != 4)
        return 64;
    FILE *file = fopen(argv[2], "r");
    if (file == NULL)
        return 66;
    size_t length = fread(request, 1, sizeof request, file);
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(peer, (struct sockaddr *)&address, sizeof address) != 0)
        return 69;
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    while (read(0, &byte, 1) == 1) {
        int64_t start = now_ns();
        if (write(peer, request, length) != (ssize_t)length || !read_answer(peer))
            return 1;
        int64_t took = now_ns() - start;
        if (strstr(answer, argv[3]) == NULL)
            return 2;
        printf("%lld\n", (long long)took);
        fflush(stdout);
    }
    return 0;
}
