/* What the machine can do without any sandbox: for each byte on stdin, starts argv[1..] by
 * posix_spawn(3), reads its output to the end, waits for it, and writes the nanoseconds. Where
 * arguments are "--then", another command follows, and the time is that of all. */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
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

static int run(char **argv)
{
    posix_spawn_file_actions_t actions;
    int output[2], status;
    pid_t pid;
    char buffer[65536];

    if (pipe2(output, O_CLOEXEC) != 0)
        return -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output[1], 1);
    if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) != 0)
        return -1;
    posix_spawn_file_actions_destroy(&actions);
    close(output[1]);
    while (read(output[0], buffer, sizeof buffer) > 0)
        ;
    close(output[0]);
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

int main(int argc, char **argv)
{
    char byte;
    if (argc < 2)
        return 64;
    while (read(0, &byte, 1) == 1) {
        int64_t start = now_ns();
        if (run_all(argv + 1) != 0)
            return 1;
        printf("%lld\n", (long long)(now_ns() - start));
        fflush(stdout);
    }
    return 0;
}
