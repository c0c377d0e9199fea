/* SPDX-License-Identifier: MIT
 *
 * process.c: the library changes nothing that belongs to the whole process, and
 * goes on in a child that was forked in the middle of its work.
 */
#include "../sanitizer.h"
#include "luatcp.h"
#ifndef THREAD_SANITIZER
#include "child.h"
#endif
#include "must.h"

#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- What belongs to the process ----------------------------------------- */

/* The first number that is no signal's: the real-time signals count, and those
 * that the C library keeps for itself have no disposition that can be read. */
#ifdef SIGRTMAX
#define SIGNALS_END (SIGRTMAX + 1) /* known when the program runs */
#else
#define SIGNALS_END NSIG
#endif
#define SIGNALS 256 /* room for them */

struct process {
  void (*handlers[SIGNALS])(int);
  int flags[SIGNALS];
  sigset_t mask;
  mode_t umask;
  char locale[256];
  int rounding, exceptions;
  char directory[4096];
  unsigned long environment;
  struct itimerval timer;
  struct rlimit files;
  int descriptors;
};

static int count_descriptors(void) {
  int fd, count = 0;
  for (fd = 0; fd < 512; fd++)
    count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

static unsigned long hash_environment(void) {
  unsigned long hash = 5381;
  char **entry, *byte;
  for (entry = environ; *entry != NULL; entry++)
    for (byte = *entry; *byte != '\0'; byte++)
      hash = hash * 33 + (unsigned char)*byte;
  return hash;
}

static void take_picture(struct process *picture) {
  int number;
  memset(picture, 0, sizeof *picture);
  MUST(SIGNALS_END <= SIGNALS);
  for (number = 1; number < SIGNALS_END; number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0) {
      picture->handlers[number] = action.sa_handler;
      picture->flags[number] = action.sa_flags;
    }
  }
  MUST(sigprocmask(SIG_SETMASK, NULL, &picture->mask) == 0);
  picture->umask = umask(0);
  (void)umask(picture->umask);
  (void)snprintf(picture->locale, sizeof picture->locale, "%s",
                 setlocale(LC_ALL, NULL));
  picture->rounding = fegetround();
  MUST(getcwd(picture->directory, sizeof picture->directory) != NULL);
  picture->environment = hash_environment();
  MUST(getitimer(ITIMER_VIRTUAL, &picture->timer) == 0);
  MUST(getrlimit(RLIMIT_NOFILE, &picture->files) == 0);
  picture->descriptors = count_descriptors();
}

static void compare(const struct process *a, const struct process *b) {
  int number;
  for (number = 1; number < SIGNALS_END; number++) {
    MUST(a->handlers[number] == b->handlers[number]);
    MUST(a->flags[number] == b->flags[number]);
    MUST(sigismember(&a->mask, number) == sigismember(&b->mask, number));
  }
  MUST(a->umask == b->umask);
  MUST(strcmp(a->locale, b->locale) == 0);
  MUST(a->rounding == b->rounding);
  MUST(strcmp(a->directory, b->directory) == 0);
  MUST(a->environment == b->environment);
  MUST(memcmp(&a->timer, &b->timer, sizeof a->timer) == 0);
  MUST(memcmp(&a->files, &b->files, sizeof a->files) == 0);
  MUST(a->descriptors == b->descriptors);
}

/* ---- Work --------------------------------------------------------------- */

static void wait_on_poller(luatcp_poller *poller, void *wanted) {
  luatcp_deadline deadline;
  luatcp_event event;
  size_t count;
  luatcp_deadline_after(&deadline, 30);
  MUST(luatcp_poller_wait(poller, &deadline, &event, 1, &count) == LUATCP_OK);
  MUST(event.data == wanted);
}

static void work(void) {
  luatcp_socket *server = luatcp_new(), *client = luatcp_new(),
                *accepted = luatcp_new();
  luatcp_poller *poller;
  luatcp_deadline deadline;
  luatcp_addresses *addresses;
  luatcp_name name;
  char service[8], text[LUATCP_MESSAGE_SIZE], data[8];
  size_t count;
  int i, status = LUATCP_OK;
  MUST(server != NULL && client != NULL && accepted != NULL);
  luatcp_deadline_after(&deadline, 30);
  MUST(luatcp_bind(server, NULL, "127.0.0.1", "0") == LUATCP_OK);
  MUST(luatcp_listen(server, 4) == LUATCP_OK);
  MUST(luatcp_local_name(server, &name) == LUATCP_OK);
  (void)snprintf(service, sizeof service, "%d", name.port);
  MUST(luatcp_connect(client, &deadline, "127.0.0.1", service) == LUATCP_OK);
  MUST(luatcp_accept(server, &deadline, accepted) == LUATCP_OK);
  /* the lookup's thread; what it finds is the machine's affair */
  if (luatcp_lookup(&deadline, "localhost", NULL, LUATCP_UNSPEC, &addresses) ==
      LUATCP_OK)
    luatcp_addresses_free(addresses);
  MUST(luatcp_poller_new(&poller) == LUATCP_OK);
  MUST(luatcp_poller_add(poller, accepted, -1, LUATCP_READABLE, &name) ==
       LUATCP_OK);
  MUST(luatcp_send(client, &deadline, "ping\r\n", 6, &count) == LUATCP_OK);
  wait_on_poller(poller, &name);
  MUST(luatcp_recv_line(accepted, &deadline, LUATCP_LINE_TEXT, data,
                        sizeof data, &count) == LUATCP_OK);
  MUST(count == 4 && memcmp(data, "ping", 4) == 0);
  /* a send to nobody, where SIGPIPE would come */
  luatcp_close(accepted);
  for (i = 0; i < 1000 && status == LUATCP_OK; i++)
    status = luatcp_send(client, &deadline, data, sizeof data, &count);
  MUST(status == -EPIPE || status == -ECONNRESET);
  luatcp_strerror(-EIO, text, sizeof text);
  luatcp_deadline_after(&deadline, 0.001);
  MUST(luatcp_sleep(&deadline) == LUATCP_OK);
  luatcp_poller_free(poller);
  luatcp_free(accepted);
  luatcp_free(client);
  luatcp_free(server);
}

/* ---- The cases ----------------------------------------------------------- */

/* A handler, a mask and a rounding of the program's own stay what they are. */
static void leaves_the_process_alone(void) {
  struct process before, after;
  sigset_t mask;
  int tries = 3000;
  (void)setlocale(LC_ALL, "");
  (void)umask(027);
  (void)signal(SIGPIPE, SIG_DFL);
  (void)signal(SIGUSR1, SIG_IGN);
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR2);
  MUST(sigprocmask(SIG_BLOCK, &mask, NULL) == 0);
  MUST(fesetround(FE_TOWARDZERO) == 0);
  take_picture(&before);
  work();
  /* the lookup's thread may be a moment late */
  while (count_descriptors() != before.descriptors && tries-- > 0)
    (void)poll(NULL, 0, 10);
  take_picture(&after);
  compare(&before, &after);
  MUST(fesetround(FE_TONEAREST) == 0);
}

#ifndef THREAD_SANITIZER
static bool child_works(void (*in_child)(void *), void *data) {
  int status;
  const pid_t child = fork_child();
  if (child == 0) {
    in_child(data);
    work();
    /* as programs end that do not exec: through all that is registered */
    exit(0);
  }
  MUST(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void use_nothing(void *data) { (void)data; }

struct busy {
  luatcp_socket *socket; /* its connect is under way */
  luatcp_poller *poller; /* it is watched here */
};

static void use_all(void *data) {
  struct busy *busy = data;
  luatcp_deadline deadline;
  luatcp_event event;
  size_t count;
  luatcp_deadline_after(&deadline, 0.01);
  (void)!luatcp_poller_wait(busy->poller, &deadline, &event, 1, &count);
  luatcp_free(busy->socket);
  luatcp_poller_free(busy->poller);
}

static void free_all(void *data) {
  struct busy *busy = data;
  luatcp_free(busy->socket);
  luatcp_poller_free(busy->poller);
}

/* With a lookup on its thread, a connect under way and a poller. */
static void forks_in_the_middle(void) {
  void (*const cases[])(void *) = {use_nothing, free_all, use_all};
  size_t i;
  for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct busy busy = {luatcp_new(), NULL};
    luatcp_deadline deadline;
    luatcp_event event;
    size_t count;
    int status;
    MUST(busy.socket != NULL);
    MUST(luatcp_poller_new(&busy.poller) == LUATCP_OK);
    MUST(luatcp_set_timeout(busy.socket, LUATCP_BLOCK, 0) == LUATCP_OK);
    MUST(luatcp_poller_add(busy.poller, busy.socket, -1, LUATCP_WRITABLE,
                           &busy) == LUATCP_OK);
    /* a name that no hosts file has, at a port where nobody listens */
    (void)!luatcp_connect(busy.socket, NULL, "no-such-host.invalid", "9");
    MUST(child_works(cases[i], &busy));
    /* the parent hears of its connect all the same */
    luatcp_deadline_after(&deadline, 60);
    status = luatcp_poller_wait(busy.poller, &deadline, &event, 1, &count);
    MUST(status == LUATCP_OK && event.data == &busy);
    luatcp_free(busy.socket);
    luatcp_poller_free(busy.poller);
    work();
  }
}

#endif

int main(void) {
  (void)alarm(300);
  leaves_the_process_alone();
#ifdef THREAD_SANITIZER
  puts("the process is as it was; the thread sanitizer lets no child of it be");
#else
  const char *runner = getenv("TEST_RUNNER");
  if (runner != NULL && strstr(runner, "qemu") != NULL) {
    puts("the process is as it was; qemu breaks in children of threads");
    return 0;
  }
  forks_in_the_middle();
  puts("the process is as it was; forked children and their parents work");
#endif
  return 0;
}
