/* SPDX-License-Identifier: MIT
 *
 * limit.c: the workloads in plain C with the fewest system calls, as the limit
 * that all others are compared with.
 *
 *   limit WORKLOAD SIZE WARM COUNT PORT
 *
 * What is measured lies between pairs of calls of clock(), as in pattern.lua.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif
#include "pattern.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#ifdef __linux__
#include <sys/epoll.h>
#endif
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Small pieces are taken out of reads of this size. */
#define ROOM ((size_t)262144)

/* So much of a large one is waited for at once. */
#define LARGE ((size_t)1048576)

typedef struct job {
  const char *workload;
  size_t size, warm, count;
  unsigned port;
} job;

static clock_t started, total;

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "limit: %s (%s)\n", what, strerror(errno));
  exit(1);
}

static void start(void) { started = clock(); }

static void stop(void) { total += clock() - started; }

static void report(void) {
  printf("cpu %.6f\n", (double)total / CLOCKS_PER_SEC);
}

static void *allocate(size_t size) {
  void *memory = malloc(size);
  if (memory == NULL)
    fail("malloc");
  return memory;
}

static int connect_four(unsigned port) {
  struct sockaddr_in to = {.sin_family = AF_INET};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons((uint16_t)port);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
    fail("connect");
  return fd;
}

static int connect_six(unsigned port) {
  struct sockaddr_in6 to = {.sin6_family = AF_INET6};
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  to.sin6_addr = in6addr_loopback;
  to.sin6_port = htons((uint16_t)port);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
    fail("connect");
  return fd;
}

static int connect_name(const char *name, unsigned port) {
  struct addrinfo hints, *list, *one;
  char service[16];
  int fd = -1;
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  snprintf(service, sizeof service, "%u", port);
  if (getaddrinfo(name, service, &hints, &list) != 0)
    fail("getaddrinfo");
  for (one = list; one != NULL && fd < 0; one = one->ai_next) {
    fd = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) != 0) {
      close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(list);
  if (fd < 0)
    fail("connect");
  return fd;
}

static int connection(const job *what) {
  int on = 1, fd = connect_four(what->port);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static size_t receive(int fd, char *data, size_t size, int flags) {
  ssize_t received = recv(fd, data, size, flags);
  if (received < 0)
    fail("recv");
  return (size_t)received;
}

static void send_whole(int fd, const char *data, size_t size) {
  if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
    fail("send");
}

/* ---- Receiving ---------------------------------------------------------- */

static void check_piece(const char *data, size_t size, size_t number,
                        int line) {
  char digits[DIGITS];
  size_t i;
  pattern_number(digits, number % PIECES(size));
  if (memcmp(data, digits, DIGITS) != 0 || (line && data[size - 1] != '\n'))
    fail("wrong piece");
  for (i = DIGITS; i < size - (size_t)line; i++)
    if (data[i] != pattern_letter(i))
      fail("wrong bytes");
}

typedef struct reader {
  int fd;
  size_t start, end, done;
  char data[2 * ROOM];
} reader;

static void fill(reader *from) {
  size_t received;
  if (from->start > 0) {
    memmove(from->data, from->data + from->start, from->end - from->start);
    from->end -= from->start;
    from->start = 0;
  }
  received = receive(from->fd, from->data + from->end, ROOM, 0);
  if (received == 0)
    fail("too few bytes");
  from->end += received;
}

static const char *next_line(reader *from, size_t *length) {
  size_t searched = 0;
  for (;;) {
    const char *line = from->data + from->start;
    const char *feed =
        memchr(line + searched, '\n', from->end - from->start - searched);
    if (feed != NULL) {
      *length = (size_t)(feed - line) + 1;
      from->start += *length;
      return line;
    }
    searched = from->end - from->start;
    fill(from);
  }
}

static const char *next_block(reader *from, size_t size) {
  const char *block;
  while (from->end - from->start < size)
    fill(from);
  block = from->data + from->start;
  from->start += size;
  return block;
}

static void pieces(reader *from, const job *what, size_t count, int line,
                   int checked) {
  const char *data = NULL;
  for (; count > 0; count--) {
    size_t length = what->size;
    data = line ? next_line(from, &length) : next_block(from, length);
    if (length != what->size)
      fail("wrong length");
    if (checked)
      check_piece(data, what->size, from->done, line);
    from->done++;
  }
  if (data != NULL)
    check_piece(data, what->size, from->done - 1, line);
}

static void receive_pieces(const job *what, int line) {
  reader *from = allocate(sizeof *from);
  from->start = from->end = from->done = 0;
  from->fd = connection(what);
  pieces(from, what, what->warm, line, 1);
  start();
  pieces(from, what, what->count, line, 0);
  stop();
  free(from);
}

static void run_lines(const job *what) { receive_pieces(what, 1); }

/* In memory that stays warm, as nobody needs it all at once. */
static void receive_large(int fd, size_t size, char *data, int measured) {
  static char expected[LARGE + SEGMENT];
  size_t done = 0;
  pattern_fill(expected, sizeof expected);
  pattern_number(expected, 0);
  while (done < size) {
    size_t most = size - done < LARGE ? size - done : LARGE, received;
    if (measured)
      start();
    received = receive(fd, data, most, MSG_WAITALL);
    if (measured)
      stop();
    if (received == 0)
      fail("too few bytes");
    if (memcmp(data, expected + done % SEGMENT, received) != 0)
      fail("wrong bytes");
    done += received;
    pattern_fill(expected, DIGITS); /* only the beginning has digits */
  }
}

static void run_blocks(const job *what) {
  size_t i;
  char *data;
  int fd;
  if (what->size < 65536) {
    receive_pieces(what, 0);
    return;
  }
  data = allocate(LARGE);
  fd = connection(what);
  for (i = 0; i < what->warm + what->count; i++)
    receive_large(fd, what->size, data, i >= what->warm);
  free(data);
}

static void run_streams(const job *what) {
  char *data = allocate(LARGE);
  size_t i;
  for (i = 0; i < what->warm + what->count; i++) {
    int measured = i >= what->warm, fd = connection(what);
    receive_large(fd, what->size, data, measured);
    if (measured)
      start();
    if (receive(fd, data, 1, 0) != 0)
      fail("too many bytes");
    if (measured)
      stop();
    close(fd);
  }
  free(data);
}

/* ---- Sending, requests and answers -------------------------------------- */

static void run_send(const job *what) {
  char *data = allocate(what->size);
  size_t i;
  int fd = connection(what);
  pattern_piece(data, what->size, 0, 0);
  for (i = 0; i < what->warm; i++)
    send_whole(fd, data, what->size);
  start();
  for (i = 0; i < what->count; i++)
    send_whole(fd, data, what->size);
  stop();
  close(fd);
  free(data);
}

/* Tries first, like all that must not block. */
static void receive_polling(struct pollfd *entry, char *data, size_t size) {
  size_t done = 0;
  while (done < size) {
    ssize_t received = recv(entry->fd, data + done, size - done, MSG_DONTWAIT);
    if (received > 0)
      done += (size_t)received;
    else if (received == 0 || errno != EAGAIN || poll(entry, 1, -1) != 1)
      fail("no answer");
  }
}

static void run_echo(const job *what, int polling) {
  char *request = allocate(what->size), *answer = allocate(what->size),
       *expected = allocate(what->size);
  struct pollfd entry = {.events = POLLIN};
  size_t i;
  entry.fd = connection(what);
  pattern_piece(request, what->size, 0, 0);
  pattern_piece(expected, what->size, 1, 0);
  for (i = 0; i < what->warm + what->count; i++) {
    if (i == what->warm)
      start();
    send_whole(entry.fd, request, what->size);
    if (polling)
      receive_polling(&entry, answer, what->size);
    else if (receive(entry.fd, answer, what->size, MSG_WAITALL) != what->size)
      fail("no answer");
    if (memcmp(answer, expected, what->size) != 0)
      fail("wrong answer");
  }
  stop();
  close(entry.fd);
  free(request);
  free(answer);
  free(expected);
}

static void run_pp(const job *what) { run_echo(what, 0); }
static void run_pp_t0(const job *what) { run_echo(what, 1); }

/* The head and the body of an answer with one call, and just what is needed
 * of the head. */
static void exchange(int fd, const job *what, size_t number, char *data) {
  char request[512], tag[32];
  size_t length = 0, head = 0, body = 0;
  int size = snprintf(request, sizeof request,
                      "GET /page/%zu HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                      "User-Agent: benchmark\r\nAccept: text/plain\r\n"
                      "Accept-Encoding: identity\r\n"
                      "Connection: keep-alive\r\n\r\n",
                      number);
  send_whole(fd, request, (size_t)size);
  while (head == 0 || length < head + body) {
    const char *found;
    size_t received = receive(fd, data + length, what->size + 1024 - length, 0);
    if (received == 0)
      fail("no answer");
    length += received;
    data[length] = '\0';
    found = head == 0 ? strstr(data, "\r\n\r\n") : NULL;
    if (found != NULL) {
      head = (size_t)(found - data) + 4;
      found = strstr(data, "Content-Length: ");
      body = found != NULL ? (size_t)strtoull(found + 16, NULL, 10) : 0;
    }
  }
  snprintf(tag, sizeof tag, "ETag: \"%zu\"", number);
  if (strncmp(data, "HTTP/1.1 200", 12) != 0 || strstr(data, tag) == NULL ||
      body != what->size || length != head + body)
    fail("wrong answer");
  pattern_number(request, number);
  if (memcmp(data + head, request, DIGITS) != 0)
    fail("wrong page");
}

static void run_http(const job *what) {
  char *data = allocate(what->size + 1025);
  size_t i;
  int fd = connection(what);
  for (i = 1; i <= what->warm + what->count; i++) {
    if (i == what->warm + 1)
      start();
    exchange(fd, what, i, data);
  }
  stop();
  close(fd);
  free(data);
}

/* ---- Connections -------------------------------------------------------- */

static void run_accept(const job *what) {
  struct sockaddr_in own = {.sin_family = AF_INET};
  socklen_t length = sizeof own;
  char line[16];
  size_t i;
  int control, server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(server, (struct sockaddr *)&own, sizeof own) != 0 ||
      listen(server, 1024) != 0 ||
      getsockname(server, (struct sockaddr *)&own, &length) != 0)
    fail("listen");
  control = connection(what);
  snprintf(line, sizeof line, "%d\n", ntohs(own.sin_port));
  send_whole(control, line, strlen(line));
  for (i = 0; i < what->warm + what->count; i++) {
    int fd;
    if (i == what->warm)
      start();
    fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
      fail("accept");
    close(fd);
  }
  stop();
  close(control);
}

static void run_connect4(const job *what) {
  size_t i;
  for (i = 0; i < what->warm + what->count; i++) {
    if (i == what->warm)
      start();
    close(connect_four(what->port));
  }
  stop();
}

static void run_connect6(const job *what) {
  size_t i;
  for (i = 0; i < what->warm + what->count; i++) {
    if (i == what->warm)
      start();
    close(connect_six(what->port));
  }
  stop();
}

static void run_connect_localhost(const job *what) {
  size_t i;
  for (i = 0; i < what->warm + what->count; i++) {
    if (i == what->warm)
      start();
    close(connect_name("localhost", what->port));
  }
  stop();
}

/* ---- Many connections --------------------------------------------------- */

#ifdef __linux__
static void run_select(const job *what) {
  struct epoll_event event = {.events = EPOLLIN};
  char byte = 'x';
  size_t i;
  int set = epoll_create1(EPOLL_CLOEXEC), active = -1;
  for (i = 0; i < what->size; i++) {
    active = connection(what);
    event.data.fd = active;
    if (epoll_ctl(set, EPOLL_CTL_ADD, active, &event) != 0)
      fail("epoll_ctl");
  }
  for (i = 0; i < what->warm + what->count; i++) {
    if (i == what->warm)
      start();
    send_whole(active, &byte, 1);
    if (epoll_wait(set, &event, 1, -1) != 1 || event.data.fd != active ||
        receive(active, &byte, 1, 0) != 1 || byte != 'x')
      fail("the wrong one is ready");
  }
  stop();
  close(active);
}
#else
static void run_select(const job *what) {
  struct pollfd *set = allocate(what->size * sizeof *set);
  char byte = 'x';
  size_t i, last = what->size - 1;
  for (i = 0; i < what->size; i++) {
    set[i].fd = connection(what);
    set[i].events = POLLIN;
  }
  for (i = 0; i < what->warm + what->count; i++) {
    if (i == what->warm)
      start();
    send_whole(set[last].fd, &byte, 1);
    if (poll(set, (nfds_t)what->size, -1) != 1 || set[last].revents == 0 ||
        receive(set[last].fd, &byte, 1, 0) != 1 || byte != 'x')
      fail("the wrong one is ready");
  }
  stop();
  close(set[last].fd);
}
#endif

/* ---- Which one ---------------------------------------------------------- */

typedef struct workload {
  const char *name;
  void (*run)(const job *what);
} workload;

static const workload workloads[] = {
    {"lines", run_lines},
    {"blocks", run_blocks},
    {"streams", run_streams},
    {"send", run_send},
    {"pp", run_pp},
    {"pp_t5", run_pp},
    {"pp_t0", run_pp_t0},
    {"pp_poller", run_pp_t0},
    {"http", run_http},
    {"accept", run_accept},
    {"connect4", run_connect4},
    {"connect6", run_connect6},
    {"connect_localhost", run_connect_localhost},
    {"select", run_select},
    {"poller", run_select},
};

static size_t number_of(const char *text) {
  return (size_t)strtoull(text, NULL, 10);
}

int main(int argc, char **argv) {
  size_t i;
  job what;
  if (argc != 6) {
    fputs("usage: limit WORKLOAD SIZE WARM COUNT PORT\n", stderr);
    return 2;
  }
  what.workload = argv[1];
  what.size = number_of(argv[2]);
  what.warm = number_of(argv[3]);
  what.count = number_of(argv[4]);
  what.port = (unsigned)number_of(argv[5]);
  for (i = 0; i < sizeof workloads / sizeof workloads[0]; i++)
    if (strcmp(workloads[i].name, what.workload) == 0) {
      workloads[i].run(&what);
      report();
      return 0;
    }
  fputs("limit: unknown workload\n", stderr);
  return 2;
}
