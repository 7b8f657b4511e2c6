/* What the machine can do without any sandbox: for each byte on stdin, starts argv[1..] by
 * posix_spawn(3), reads its output to the end, waits for it, and writes the nanoseconds. Where
 * arguments are "--then", another command follows, and the time is that of all. */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

extern char **environ;

static char THEN[] = "--then";

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* What the last program printed, as far as it fits. */
static char output[65536];
static size_t output_length;

static int run(char **argv)
{
    posix_spawn_file_actions_t actions;
    int ends[2], status;
    pid_t pid;
    ssize_t count;
    char rest[65536];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) != 0)
        return -1;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    for (output_length = 0;;) {
        size_t room = sizeof output - output_length;
        count = read(ends[0], room > 0 ? output + output_length : rest,
                     room > 0 ? room : sizeof rest);
        if (count <= 0)
            break;
        output_length += room > 0 ? (size_t)count : 0;
    }
    close(ends[0]);
    if (waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Cuts the arguments at each "--then", and runs one command after the other. */
static int run_all(char **argv)
{
    while (*argv != NULL) {
        char **end = argv;
        int more;
        while (*end != NULL && strcmp(*end, "--then") != 0)
            end++;
        more = *end != NULL;
        *end = NULL;
        if (run(argv) != 0)
            return -1;
        if (more)
            *end = THEN;
        argv = end + more;
    }
    return 0;
}

/* For whoever wants to see that the answer was right; after the time was taken. */
static void leave_output(const char *path)
{
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    if (file == NULL)
        return;
    fwrite(output, 1, output_length, file);
    fclose(file);
}

int main(int argc, char **argv)
{
    char *path = getenv("GOZO_BARE_OUTPUT");
    char byte;
    if (argc < 2)
        return 64;
    while (read(0, &byte, 1) == 1) {
        int64_t start = now_ns();
        if (run_all(argv + 1) != 0)
            return 1;
        start = now_ns() - start;
        leave_output(path);
        printf("%lld\n", (long long)start);
        fflush(stdout);
    }
    return 0;
}
