/* SPDX-License-Identifier: MIT
 *
 * peer.c: see peer.h.
 */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* ---- Plain sockets --------------------------------------------------- */

union address {
  struct sockaddr any;
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
};

static socklen_t loopback(union address *address, int family, uint16_t port) {
  memset(address, 0, sizeof *address);
  if (family == LUATCP_INET6) {
    address->in6.sin6_family = AF_INET6;
    address->in6.sin6_port = htons(port);
    address->in6.sin6_addr = in6addr_loopback;
    return sizeof address->in6;
  }
  address->in.sin_family = AF_INET;
  address->in.sin_port = htons(port);
  address->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return sizeof address->in;
}

static int plain_socket(int family) {
  int fd = socket(family == LUATCP_INET6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  ck_assert_int_ge(fd, 0);
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
}

const char *peer_host(int family) {
  return family == LUATCP_INET6 ? "::1" : "127.0.0.1";
}

bool peer_has_family(int family) {
  union address address;
  socklen_t length = loopback(&address, family, 0);
  int fd = socket(family == LUATCP_INET6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  bool usable = fd >= 0 && bind(fd, &address.any, length) == 0;
  if (fd >= 0)
    close(fd);
  return usable && (family != LUATCP_INET6 || luatcp_has_feature("ipv6"));
}

static uint16_t local_port(int fd) {
  union address address;
  socklen_t length = sizeof address;
  ck_assert_int_eq(getsockname(fd, &address.any, &length), 0);
  return ntohs(address.any.sa_family == AF_INET6 ? address.in6.sin6_port
                                                 : address.in.sin_port);
}

int peer_listen(int family, int backlog, char service[8]) {
  union address address;
  socklen_t length = loopback(&address, family, 0);
  int fd = plain_socket(family);
  ck_assert_int_eq(bind(fd, &address.any, length), 0);
  ck_assert_int_eq(listen(fd, backlog), 0);
  snprintf(service, 8, "%u", (unsigned)local_port(fd));
  return fd;
}

int peer_accept(int listener) {
  struct pollfd entry = {.fd = listener, .events = POLLIN, .revents = 0};
  int fd;
  ck_assert_int_eq(poll(&entry, 1, 10000), 1);
  fd = accept(listener, NULL, NULL);
  ck_assert_int_ge(fd, 0);
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
}

void peer_dead_port(int family, char service[8]) {
  union address address;
  socklen_t length = loopback(&address, family, 0);
  int fd = plain_socket(family);
  ck_assert_int_eq(bind(fd, &address.any, length), 0);
  snprintf(service, 8, "%u", (unsigned)local_port(fd));
  close(fd);
}

int peer_listen_full(int family, char service[8], int fillers[4]) {
  int listener = peer_listen(family, 0, service), i;
  bool full = false;
  for (i = 0; i < 4; i++)
    fillers[i] = -1;
  for (i = 0; i < 4 && !full; i++) {
    union address address;
    socklen_t length = loopback(&address, family, (uint16_t)atoi(service));
    struct pollfd entry = {.events = POLLOUT, .revents = 0};
    fillers[i] = plain_socket(family);
    (void)fcntl(fillers[i], F_SETFL, O_NONBLOCK);
    (void)connect(fillers[i], &address.any, length);
    entry.fd = fillers[i];
    full = poll(&entry, 1, 50) == 0;
  }
  if (full)
    return listener;
  for (i = 0; i < 4; i++)
    if (fillers[i] >= 0)
      close(fillers[i]);
  close(listener);
  return -1;
}

luatcp_socket *peer_pair(int family, int *peer) {
  char service[8];
  int listener = peer_listen(family, 4, service);
  luatcp_socket *client = luatcp_new();
  ck_assert_ptr_nonnull(client);
  ck_assert_int_eq(luatcp_connect(client, NULL, peer_host(family), service),
                   LUATCP_OK);
  *peer = peer_accept(listener);
  close(listener);
  return client;
}

luatcp_socket *peer_server(int family, char service[8]) {
  luatcp_socket *server = luatcp_new();
  luatcp_name name;
  ck_assert_ptr_nonnull(server);
  ck_assert_int_eq(luatcp_bind(server, NULL, peer_host(family), "0"),
                   LUATCP_OK);
  ck_assert_int_eq(luatcp_listen(server, 16), LUATCP_OK);
  ck_assert_int_eq(luatcp_local_name(server, &name), LUATCP_OK);
  snprintf(service, 8, "%d", name.port);
  return server;
}

/* Like send(2) of everything; false when the connection is gone. */
static bool send_all(int fd, const char *data, size_t size) {
  while (size > 0) {
    ssize_t count = send(fd, data, size, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return false;
    data += count;
    size -= (size_t)count;
  }
  return true;
}

void peer_send(int fd, const void *data, size_t size) {
  ck_assert(send_all(fd, data, size));
}

void peer_send_text(int fd, const char *text) {
  peer_send(fd, text, strlen(text));
}

void peer_receive(int fd, void *data, size_t size) {
  char *to = data;
  while (size > 0) {
    ssize_t count = recv(fd, to, size, 0);
    if (count < 0 && errno == EINTR)
      continue;
    ck_assert_int_gt(count, 0);
    to += count;
    size -= (size_t)count;
  }
}

void peer_reset(int fd) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(fd);
}

/* ---- Scripts --------------------------------------------------------- */

struct peer_script {
  pthread_t thread;
  int fd;
  const struct peer_step *steps;
  size_t count;
  size_t received;
};

static void wait_milliseconds(int milliseconds) {
  struct timespec span = {.tv_sec = milliseconds / 1000,
                          .tv_nsec = milliseconds % 1000 * 1000000L};
  while (nanosleep(&span, &span) < 0 && errno == EINTR)
    ;
}

static void read_away(struct peer_script *script, size_t size) {
  char scrap[65536];
  while (size > 0) {
    ssize_t count =
        recv(script->fd, scrap, size < sizeof scrap ? size : sizeof scrap, 0);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return;
    script->received += (size_t)count;
    size -= (size_t)count;
  }
}

static void run_step(struct peer_script *script, const struct peer_step *step) {
  size_t i;
  switch (step->action) {
  case PEER_SEND:
    (void)send_all(script->fd, step->data, step->size);
    break;
  case PEER_TRICKLE:
    for (i = 0; i < step->size; i++) {
      wait_milliseconds(step->milliseconds);
      if (!send_all(script->fd, step->data + i, 1))
        return;
    }
    break;
  case PEER_WAIT:
    wait_milliseconds(step->milliseconds);
    break;
  case PEER_READ:
    read_away(script, step->size);
    break;
  case PEER_DRAIN:
    read_away(script, SIZE_MAX);
    break;
  case PEER_SHUT:
    (void)shutdown(script->fd, SHUT_WR);
    break;
  case PEER_RESET:
    peer_reset(script->fd);
    script->fd = -1;
    break;
  case PEER_CLOSE:
    close(script->fd);
    script->fd = -1;
    break;
  }
}

static void *run_script(void *argument) {
  struct peer_script *script = argument;
  size_t i;
  for (i = 0; i < script->count && script->fd >= 0; i++)
    run_step(script, &script->steps[i]);
  if (script->fd >= 0)
    close(script->fd);
  return NULL;
}

struct peer_script *peer_start(int fd, const struct peer_step *steps,
                               size_t count) {
  struct peer_script *script = calloc(1, sizeof *script);
  sigset_t all, before;
  int status;
  ck_assert_ptr_nonnull(script);
  script->fd = fd;
  script->steps = steps;
  script->count = count;
  /* signals are for the thread under test */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  status = pthread_create(&script->thread, NULL, run_script, script);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  ck_assert_int_eq(status, 0);
  return script;
}

size_t peer_finish(struct peer_script *script) {
  size_t received;
  ck_assert_int_eq(pthread_join(script->thread, NULL), 0);
  received = script->received;
  free(script);
  return received;
}

/* ---- Signals --------------------------------------------------------- */

static volatile sig_atomic_t alarms;

static void count_alarm(int number) {
  (void)number;
  alarms++;
}

void peer_alarm_start(int milliseconds, bool restart) {
  struct sigaction action = {0};
  struct itimerval timer = {0};
  action.sa_handler = count_alarm;
  action.sa_flags = restart ? SA_RESTART : 0;
  sigemptyset(&action.sa_mask);
  alarms = 0;
  ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
  timer.it_value.tv_usec = timer.it_interval.tv_usec = milliseconds * 1000;
  ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

void peer_alarm_stop(void) {
  struct itimerval timer = {0};
  (void)setitimer(ITIMER_REAL, &timer, NULL);
  (void)signal(SIGALRM, SIG_IGN); /* one may be on its way */
}

int peer_alarm_count(void) { return (int)alarms; }

/* ---- Checks ---------------------------------------------------------- */

int peer_descriptors(void) {
  int fd, count = 0;
  for (fd = 0; fd < 512; fd++)
    count += fcntl(fd, F_GETFD) >= 0;
  return count;
}

static int descriptors_before;

void peer_setup(void) { descriptors_before = peer_descriptors(); }

void peer_teardown(void) {
  int count, tries = 1500;
  /* a thread of the resolver may still have files open, or open the next */
  while ((count = peer_descriptors()) != descriptors_before && tries-- > 0)
    wait_milliseconds(10);
  ck_assert_msg(count == descriptors_before,
                "%d descriptors are open, before the test it was %d", count,
                descriptors_before);
}

void peer_expect(int got, int want, const char *file, int line) {
  char a[LUATCP_MESSAGE_SIZE], b[LUATCP_MESSAGE_SIZE];
  ck_assert_msg(got == want, "%s:%d: got %d (%s), want %d (%s)", file, line,
                got, luatcp_strerror(got, a, sizeof a), want,
                luatcp_strerror(want, b, sizeof b));
}

void peer_wait_readable(luatcp_socket *socket) {
  luatcp_deadline deadline;
  luatcp_deadline_after(&deadline, 10);
  expect(luatcp_recv_test(socket, &deadline), LUATCP_OK);
}

double peer_since(double start) { return luatcp_monotonic_time() - start; }

TCase *peer_case(Suite *suite, const char *name) {
  TCase *made = tcase_create(name);
  tcase_add_checked_fixture(made, peer_setup, peer_teardown);
  tcase_set_timeout(made, 60);
  suite_add_tcase(suite, made);
  return made;
}

int peer_main(const char *name, void (*add)(Suite *suite)) {
  Suite *suite = suite_create(name);
  SRunner *runner;
  int failed;
  add(suite);
  runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
