/* SPDX-License-Identifier: MIT
 *
 * counterpart.c: starts the program that is measured and is the other end of
 * its connections, the same for every implementation.
 *
 *   counterpart [OPTION...] MODE SIZE COUNT -- PROGRAM ARGUMENT...
 *
 * An argument "@" becomes the port that the counterpart listens on, on all
 * addresses of both families.  Modes:
 *
 *   lines, blocks  send COUNT pieces of SIZE bytes, see pattern.h, to one
 *                  connection, then wait for its end
 *   streams        COUNT connections; each gets one piece and is closed
 *   sink           COUNT pieces number 0 of SIZE bytes have to come, then the
 *                  end
 *   echo           answers COUNT requests, piece 0 of SIZE bytes, with piece 1
 *   http           answers COUNT requests with a page of SIZE bytes
 *   accept         the first connection brings a port number in a line; then
 *                  COUNT connections are made to it
 *   connect        COUNT connections have to come and end
 *   idle           SIZE connections come; then the last one echoes COUNT bytes
 *   each           SIZE connections send a byte each and get it back; then the
 *                  first of them ends
 *   none           no connections at all
 *
 * Options: -p pins both programs to one processor; -d MICROSECONDS waits
 * before each answer, so that it never comes before it is waited for;
 * -E NAME=VALUE and -U NAME change the environment of the program.
 *
 * Prints "peak KILOBYTES" of the program behind what it prints itself.  Fails
 * if the program fails, or if what it sent was not what it should have sent.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_setaffinity, accept4 */
#endif
#include "pattern.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#ifdef __linux__
#include <sched.h>
#endif
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH ((size_t)262144)

/* Connections that wait to be accepted at any one time. */
#define AHEAD 64

/* After so many seconds all is ended. */
#define PATIENCE 600

static pid_t program;
static long answer_delay;

static void stop_program(void) {
  if (program > 0)
    kill(program, SIGKILL);
}

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "counterpart: %s\n", what);
  stop_program();
  exit(1);
}

static _Noreturn void fail_errno(const char *what) {
  fprintf(stderr, "counterpart: %s: %s\n", what, strerror(errno));
  stop_program();
  exit(1);
}

static void on_alarm(int number) {
  (void)number;
  stop_program();
  _exit(1);
}

static void *allocate(size_t size) {
  void *memory = malloc(size);
  if (memory == NULL)
    fail("out of memory");
  return memory;
}

static size_t number_of(const char *text) {
  return (size_t)strtoull(text, NULL, 10);
}

/* ---- Connections ------------------------------------------------------ */

static int listen_on(unsigned *port) {
  struct sockaddr_in6 six = {.sin6_family = AF_INET6};
  struct sockaddr_in four = {.sin_family = AF_INET};
  socklen_t length = sizeof six;
  int off = 0, fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 &&
      setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0 &&
      bind(fd, (struct sockaddr *)&six, sizeof six) == 0 &&
      listen(fd, 4096) == 0 &&
      getsockname(fd, (struct sockaddr *)&six, &length) == 0) {
    *port = ntohs(six.sin6_port);
    return fd;
  }
  if (fd >= 0)
    close(fd);
  fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  length = sizeof four;
  if (fd < 0 || bind(fd, (struct sockaddr *)&four, sizeof four) != 0 ||
      listen(fd, 4096) != 0 ||
      getsockname(fd, (struct sockaddr *)&four, &length) != 0)
    fail_errno("listen");
  *port = ntohs(four.sin_port);
  return fd;
}

/* Closing resets: no port is kept busy for a minute by a connection that is
 * over.  All data has been read by then. */
static void quick_end(int fd) {
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static int accept_one(int server) {
  int on = 1, fd;
  do
    fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
  while (fd < 0 && errno == EINTR);
  if (fd < 0)
    fail_errno("accept");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static void send_all(int fd, const char *data, size_t size) {
  while (size > 0) {
    ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0)
      fail_errno("send");
    data += sent;
    size -= (size_t)sent;
  }
}

/* 0 when the connection has ended. */
static size_t receive_some(int fd, char *data, size_t size) {
  for (;;) {
    ssize_t received = recv(fd, data, size, 0);
    if (received >= 0)
      return (size_t)received;
    if (errno != EINTR)
      fail_errno("recv");
  }
}

static void receive_all(int fd, char *data, size_t size) {
  while (size > 0) {
    size_t received = receive_some(fd, data, size);
    if (received == 0)
      fail("the connection ended too early");
    data += received;
    size -= received;
  }
}

static void expect_end(int fd) {
  char byte;
  if (receive_some(fd, &byte, 1) != 0)
    fail("more came than expected");
  quick_end(fd);
  close(fd);
}

static void wait_before_answer(void) {
  struct timespec span = {.tv_nsec = answer_delay * 1000};
  if (answer_delay > 0)
    nanosleep(&span, NULL);
}

/* ---- Modes -------------------------------------------------------------- */

static void send_pieces(int server, size_t size, size_t count, int line) {
  size_t period = PIECES(size), i, total = size * period;
  char *pieces = allocate(total);
  int fd;
  for (i = 0; i < period; i++)
    pattern_piece(pieces + i * size, size, i, line);
  fd = accept_one(server);
  while (count > 0) {
    size_t now = count < period ? count : period, at, step;
    for (at = 0; at < now * size; at += step) {
      step = now * size - at < BATCH ? now * size - at : BATCH;
      send_all(fd, pieces + at, step);
    }
    count -= now;
  }
  free(pieces);
  expect_end(fd);
}

static void streams(int server, size_t size, size_t count) {
  char *piece = allocate(size);
  pattern_piece(piece, size, 0, 0);
  while (count-- > 0) {
    int fd = accept_one(server);
    send_all(fd, piece, size);
    if (shutdown(fd, SHUT_WR) != 0)
      fail_errno("shutdown");
    expect_end(fd);
  }
  free(piece);
}

static void sink(int server, size_t size, size_t count) {
  /* the stream repeats after size bytes: compare with two pieces in a row */
  size_t room = size < BATCH ? BATCH / size * size : size, at = 0, i;
  char *expected = allocate(room), *data = allocate(BATCH);
  size_t missing = size * count;
  int fd;
  for (i = 0; i < room; i += size)
    pattern_piece(expected + i, size, 0, 0);
  fd = accept_one(server);
  while (missing > 0) {
    size_t most = room - at < BATCH ? room - at : BATCH;
    size_t received = receive_some(fd, data, most);
    if (received == 0 || received > missing)
      fail("too few or too many bytes came");
    if (memcmp(data, expected + at, received) != 0)
      fail("wrong bytes came");
    missing -= received;
    at = (at + received) % room;
  }
  expect_end(fd);
  free(expected);
  free(data);
}

static void echo(int server, size_t size, size_t count) {
  char *request = allocate(size), *expected = allocate(size),
       *answer = allocate(size);
  int fd = accept_one(server);
  pattern_piece(expected, size, 0, 0);
  pattern_piece(answer, size, 1, 0);
  while (count-- > 0) {
    receive_all(fd, request, size);
    if (memcmp(request, expected, size) != 0)
      fail("wrong request");
    wait_before_answer();
    send_all(fd, answer, size);
  }
  expect_end(fd);
  free(request);
  free(expected);
  free(answer);
}

/* Reads a request up to its empty line, that of request number i. */
static void receive_request(int fd, char *data, size_t room, size_t i) {
  size_t length = 0;
  char expected[64];
  int expected_length =
      snprintf(expected, sizeof expected, "GET /page/%zu HTTP/1.1\r\n", i);
  do {
    size_t received = receive_some(fd, data + length, room - 1 - length);
    if (received == 0 || length + received == room - 1)
      fail("wrong request");
    length += received;
    data[length] = '\0';
  } while (length < 4 || memcmp(data + length - 4, "\r\n\r\n", 4) != 0);
  if (strncmp(data, expected, (size_t)expected_length) != 0)
    fail("wrong request");
}

static void http(int server, size_t size, size_t count) {
  char request[4096], *answer = allocate(size + 1024);
  size_t i;
  int fd = accept_one(server);
  for (i = 1; i <= count; i++) {
    int head;
    receive_request(fd, request, sizeof request, i);
    head = snprintf(answer, 1024,
                    "HTTP/1.1 200 OK\r\n"
                    "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                    "Server: counterpart\r\n"
                    "Content-Type: text/plain; charset=us-ascii\r\n"
                    "Content-Length: %zu\r\n"
                    "Cache-Control: no-cache\r\n"
                    "ETag: \"%zu\"\r\n"
                    "Vary: Accept-Encoding\r\n"
                    "Connection: keep-alive\r\n"
                    "\r\n",
                    size, i);
    pattern_piece(answer + head, size, i, 0);
    wait_before_answer();
    send_all(fd, answer, (size_t)head + size);
  }
  expect_end(fd);
  free(answer);
}

static int connect_to(unsigned port) {
  struct sockaddr_in to = {.sin_family = AF_INET};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons((uint16_t)port);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
    fail_errno("connect");
  quick_end(fd);
  return fd;
}

static void connect_many(int server, size_t count) {
  int control = accept_one(server), open[AHEAD];
  size_t made, ended = 0;
  char line[16] = "";
  size_t length = receive_some(control, line, sizeof line - 1);
  unsigned port;
  if (length < 2 || line[length - 1] != '\n')
    fail("no port number");
  port = (unsigned)number_of(line);
  for (made = 0; made < count; made++) {
    if (made - ended == AHEAD)
      expect_end(open[ended++ % AHEAD]);
    open[made % AHEAD] = connect_to(port);
  }
  while (ended < made)
    expect_end(open[ended++ % AHEAD]);
  expect_end(control);
}

static void accept_many(int server, size_t count) {
  while (count-- > 0)
    expect_end(accept_one(server));
}

/* The first connections are just held, the last one is active. */
static void idle(int server, size_t connections, size_t count) {
  int *held = allocate(connections * sizeof *held);
  size_t i;
  char byte;
  for (i = 0; i < connections; i++) {
    held[i] = accept_one(server);
    quick_end(held[i]);
  }
  while (count-- > 0) {
    receive_all(held[connections - 1], &byte, 1);
    wait_before_answer();
    send_all(held[connections - 1], &byte, 1);
  }
  expect_end(held[connections - 1]);
  for (i = 0; i + 1 < connections; i++)
    close(held[i]);
  free(held);
}

static void each(int server, size_t connections) {
  int *held = allocate(connections * sizeof *held);
  size_t i;
  char byte;
  for (i = 0; i < connections; i++) {
    held[i] = accept_one(server);
    quick_end(held[i]);
    receive_all(held[i], &byte, 1);
    send_all(held[i], &byte, 1);
  }
  expect_end(held[0]);
  for (i = 1; i < connections; i++)
    close(held[i]);
  free(held);
}

static void serve(int server, const char *mode, size_t size, size_t count) {
  if (strcmp(mode, "lines") == 0)
    send_pieces(server, size, count, 1);
  else if (strcmp(mode, "blocks") == 0)
    send_pieces(server, size, count, 0);
  else if (strcmp(mode, "streams") == 0)
    streams(server, size, count);
  else if (strcmp(mode, "sink") == 0)
    sink(server, size, count);
  else if (strcmp(mode, "echo") == 0)
    echo(server, size, count);
  else if (strcmp(mode, "http") == 0)
    http(server, size, count);
  else if (strcmp(mode, "accept") == 0)
    connect_many(server, count);
  else if (strcmp(mode, "connect") == 0)
    accept_many(server, count);
  else if (strcmp(mode, "idle") == 0)
    idle(server, size, count);
  else if (strcmp(mode, "each") == 0)
    each(server, size);
  else if (strcmp(mode, "none") != 0)
    fail("unknown mode");
}

/* ---- The program -------------------------------------------------------- */

static void pin(void) {
#ifdef __linux__
  cpu_set_t had, one;
  size_t i;
  if (sched_getaffinity(0, sizeof had, &had) != 0)
    return;
  for (i = CPU_SETSIZE; i-- > 0;)
    if (CPU_ISSET(i, &had)) {
      CPU_ZERO(&one);
      CPU_SET(i, &one);
      (void)sched_setaffinity(0, sizeof one, &one);
      return;
    }
#endif
}

static void raise_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
      limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

static void start_program(char **arguments, unsigned port) {
  static char text[16];
  char **argument;
  sigset_t child;
  snprintf(text, sizeof text, "%u", port);
  for (argument = arguments; *argument != NULL; argument++)
    if (strcmp(*argument, "@") == 0)
      *argument = text;
  /* so that on_child knows whom it hears of */
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, NULL);
  program = fork();
  if (program < 0)
    fail_errno("fork");
  sigprocmask(SIG_UNBLOCK, &child, NULL);
  if (program > 0)
    return;
  execvp(arguments[0], arguments);
  fprintf(stderr, "counterpart: %s: %s\n", arguments[0], strerror(errno));
  _exit(127);
}

/* A program that fails leaves the counterpart waiting for it. */
static void on_child(int number) {
  siginfo_t info;
  (void)number;
  info.si_pid = 0;
  if (waitid(P_PID, (id_t)program, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
      info.si_pid == program &&
      (info.si_code != CLD_EXITED || info.si_status != 0))
    _exit(info.si_code == CLD_EXITED ? info.si_status : 1);
}

static int finish(void) {
  struct rusage usage;
  int status;
  pid_t got;
  do
    got = wait4(program, &status, 0, &usage);
  while (got < 0 && errno == EINTR);
  if (got < 0)
    fail_errno("wait4");
  program = 0;
  printf("peak %ld\n", usage.ru_maxrss);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void set_up(int argc, char **argv) {
  struct sigaction action;
  int option;
  while ((option = getopt(argc, argv, "+d:pE:U:")) != -1)
    switch (option) {
    case 'd':
      answer_delay = (long)number_of(optarg);
      break;
    case 'p':
      pin();
      break;
    case 'E':
      putenv(optarg);
      break;
    case 'U':
      unsetenv(optarg);
      break;
    default:
      exit(2);
    }
  memset(&action, 0, sizeof action);
  action.sa_handler = on_child;
  action.sa_flags = SA_RESTART;
  sigaction(SIGCHLD, &action, NULL);
  action.sa_handler = on_alarm;
  sigaction(SIGALRM, &action, NULL);
  alarm(PATIENCE);
  raise_limit();
}

int main(int argc, char **argv) {
  unsigned port = 0;
  int server;
  set_up(argc, argv);
  argv += optind;
  if (argc - optind < 5 || strcmp(argv[3], "--") != 0)
    fail("usage: counterpart [OPTION...] MODE SIZE COUNT -- PROGRAM ...");
  server = listen_on(&port);
  fflush(stdout);
  start_program(argv + 4, port);
  serve(server, argv[0], number_of(argv[1]), number_of(argv[2]));
  return finish();
}
