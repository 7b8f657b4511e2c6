/* Makes the system calls that its file names, each in a child of its own, and prints what the
 * kernel answered to each. Knows nothing of what should be answered.
 *
 * A line of the file: entry (native or i386), `ticking` or `plain`, number, six arguments. An
 * argument is a number or one of the words below. A line of output: `ok`, the name of an errno,
 * of the signal that ended the child, or `exit-<code>`. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS = 6, TICK_US = 20000, ERRNO_MAX = 4095 };

struct probe {
  int is_i386, is_ticking;
  unsigned long number, arguments[ARGUMENTS];
};

struct answer {
  volatile int is_there;
  volatile long value;
};

static struct answer *shared;
static unsigned long page, path, absent, file, tube, local, inet, mark;

/* Inline, so that a child of vfork and clone returns into no frame. */
static inline __attribute__((always_inline)) long call(unsigned long number,
                                                       const unsigned long *a) {
  register unsigned long r10 __asm__("r10") = a[3];
  register unsigned long r8 __asm__("r8") = a[4];
  register unsigned long r9 __asm__("r9") = a[5];
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static long call_i386(unsigned long number, const unsigned long *a) {
  long result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3]), "D"(a[4])
                   : "r8", "r9", "r10", "r11", "memory");
  return (int)result;
}

static void on_tick(int signal) { (void)signal; }

/* A call that waits is cut short again and again: EINTR says that it was made. */
static void tick(void) {
  struct sigaction action = {.sa_handler = on_tick};
  struct itimerval every = {{0, TICK_US}, {0, TICK_US}};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &every, NULL);
}

static void make(const struct probe *probe) {
  static const unsigned long none[ARGUMENTS];
  if (probe->is_ticking) tick();
  unsigned long before = call(SYS_getpid, none);
  long value = probe->is_i386 ? call_i386(probe->number, probe->arguments)
                              : call(probe->number, probe->arguments);
  if ((unsigned long)call(SYS_getpid, none) != before) call(SYS_exit_group, none);
  shared->value = value;
  shared->is_there = 1;
  call(SYS_exit_group, none);
}

static void print(int status) {
  long value = shared->value;
  if (WIFSIGNALED(status)) printf("SIG%s\n", sigabbrev_np(WTERMSIG(status)));
  else if (!shared->is_there) printf("exit-%d\n", WEXITSTATUS(status));
  else if (value >= 0 || value < -ERRNO_MAX) puts("ok");
  else if (strerrorname_np(-value) != NULL) puts(strerrorname_np(-value));
  else printf("errno %ld\n", -value);
}

static unsigned long argument(const char *word) {
  const struct {
    const char *name;
    unsigned long value;
  } words[] = {{"@page", page},   {"@path", path},   {"@absent", absent}, {"@file", file},
               {"@pipe", tube},   {"@local", local}, {"@inet", inet},     {"@mark", mark}};
  for (size_t at = 0; at < sizeof words / sizeof *words; at += 1)
    if (strcmp(word, words[at].name) == 0) return words[at].value;
  return strtoull(word, NULL, 0);
}

static int parse(char *line, struct probe *probe) {
  const char *entry = strtok(line, " \n"), *pace = strtok(NULL, " \n");
  const char *number = strtok(NULL, " \n");
  if (number == NULL) return 0;
  probe->is_i386 = strcmp(entry, "i386") == 0;
  probe->is_ticking = strcmp(pace, "ticking") == 0;
  probe->number = strtoull(number, NULL, 0);
  for (int at = 0; at < ARGUMENTS; at += 1) {
    const char *word = strtok(NULL, " \n");
    if (word == NULL) return 0;
    probe->arguments[at] = argument(word);
  }
  return 1;
}

static void prepare(void) {
  int pipes[2];
  char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED || pipe(pipes) < 0) exit(2);
  shared = (struct answer *)pages;
  page = (unsigned long)pages + 4096;
  path = (unsigned long)strdup("/work/probe-file");
  absent = (unsigned long)strdup("/work/absent/file");
  mark = (unsigned long)strdup("user.mark");
  file = open((char *)path, O_RDWR | O_CREAT, 0600);
  tube = pipes[0];
  local = socket(AF_UNIX, SOCK_DGRAM, 0);
  inet = socket(AF_INET, SOCK_STREAM, 0);
}

int main(int count, char **words) {
  char line[512];
  FILE *lines = count > 1 ? fopen(words[1], "r") : NULL;
  if (lines == NULL) return 3;
  prepare();
  while (fgets(line, sizeof line, lines) != NULL) {
    struct probe probe;
    int status;
    if (!parse(line, &probe)) return 4;
    memset((char *)page, 0, 4096);
    shared->is_there = 0;
    shared->value = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) return 5;
    if (child == 0) make(&probe);
    while (waitpid(child, &status, 0) != child)
      if (errno != EINTR) return 7;
    print(status);
  }
  return 0;
}
