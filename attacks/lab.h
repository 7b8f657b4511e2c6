/* Included by every attack in C. One word on stdout says how the operation went. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static inline int report(long result) {
  if (result < 0) printf("REFUSED %s\n", strerrorname_np(errno));
  else puts("REACHED");
  return 0;
}

/* A child that only waits: something of one's own to aim at. */
static inline pid_t sibling(void) {
  pid_t child = fork();
  if (child == 0) for (;;) pause();
  return child;
}
