/* SPDX-License-Identifier: MIT
 *
 * torture.c: what the library is used for, with each allocation and each
 * system call failing in turn.  A call that fails has to say so with the error
 * that its contract has for it; made again, it works, with nothing lost.
 */
#include "faults.h"
#include "plain.h"

#include "luatcp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- Under which limits -------------------------------------------------- */

enum limits { UNLIMITED, BLOCK, TOTAL, IMMEDIATE };

static const int all_limits[] = {UNLIMITED, BLOCK, TOTAL, IMMEDIATE};
#define UNDER(limits) (&all_limits[(limits)])

static void limit(luatcp_socket *socket, int limits) {
  if (limits == BLOCK)
    HOLDS(luatcp_set_timeout(socket, LUATCP_BLOCK, 10) == LUATCP_OK);
  if (limits == TOTAL)
    HOLDS(luatcp_set_timeout(socket, LUATCP_TOTAL, 10) == LUATCP_OK);
  if (limits == IMMEDIATE)
    HOLDS(luatcp_set_timeout(socket, LUATCP_BLOCK, 0) == LUATCP_OK);
}

/* ---- Steps of every scenario -------------------------------------------- */

static luatcp_socket *new_socket(void) {
  luatcp_socket *socket = luatcp_new();
  if (fault_answer(socket != NULL ? LUATCP_OK : -ENOMEM, LUATCP_OK,
                   "luatcp_new", __LINE__))
    return socket;
  socket = luatcp_new();
  HOLDS(socket != NULL);
  return socket;
}

/* The peer's end of a connection. */
static int accept_from(int listener, luatcp_socket *socket) {
  luatcp_name name;
  WORKS(luatcp_local_name(socket, &name));
  return plain_accept_from(listener, name.port);
}

/* A client and its peer, made while nothing can fail. */
static luatcp_socket *connected(int *peer, int limits) {
  char service[8];
  int listener = plain_listen("127.0.0.1", service);
  luatcp_socket *client = new_socket();
  WORKS(luatcp_connect(client, NULL, "127.0.0.1", service));
  *peer = accept_from(listener, client);
  plain_close(listener);
  limit(client, limits);
  return client;
}

/* Waits for an event, at most ten seconds. */
static void wait_for(luatcp_socket *socket, int events) {
  luatcp_wait_item item = {.socket = socket, .events = events};
  luatcp_deadline deadline;
  size_t ready;
  luatcp_deadline_after(&deadline, 10);
  WORKS(luatcp_wait(&deadline, &item, 1, &ready));
  HOLDS(ready == 1 && (item.ready & events) != 0);
}

/* Connects, waiting in between where the limit is 0. */
static void connect_to(luatcp_socket *socket, const char *host,
                       const char *service, int limits) {
  int status, turns = 0;
  if (limits != IMMEDIATE) {
    WORKS(luatcp_connect(socket, NULL, host, service));
    return;
  }
  for (;;) {
    HOLDS(turns++ < 100);
    status = luatcp_connect(socket, NULL, host, service);
    if (status == LUATCP_TIMEOUT || status == -EALREADY)
      wait_for(socket, LUATCP_WRITABLE);
    else if (fault_answer(status, LUATCP_OK, "luatcp_connect", __LINE__))
      return;
  }
}

/* Nobody listens there. */
static void connect_fails(luatcp_socket *socket, const char *host,
                          const char *service) {
  for (;;) {
    int status = luatcp_connect(socket, NULL, host, service);
    if (status == LUATCP_TIMEOUT || status == -EALREADY)
      wait_for(socket, LUATCP_WRITABLE);
    else if (fault_answer(status, -ECONNREFUSED, "luatcp_connect", __LINE__))
      return;
  }
}

/* ---- Reading and writing whatever it takes ------------------------------ */

static char received[1 << 20];

static void expect_bytes(luatcp_socket *socket, const char *wanted,
                         size_t size) {
  size_t total = 0, count;
  while (total < size) {
    int status =
        luatcp_recv_count(socket, NULL, received + total, size - total, &count);
    total += count;
    if (status == LUATCP_TIMEOUT && total < size)
      wait_for(socket, LUATCP_READABLE);
    else if (status != LUATCP_OK)
      (void)fault_answer(status, LUATCP_OK, "luatcp_recv_count", __LINE__);
  }
  HOLDS(total == size && memcmp(received, wanted, size) == 0);
}

/* A view that has run out of time is still in the buffer, and a wait would end
 * at once: so pieces are taken, of lines as well. */
static void expect_line(luatcp_socket *socket, const char *wanted) {
  size_t total = 0, count;
  for (;;) {
    int status = luatcp_recv_line(socket, NULL, LUATCP_LINE_TEXT,
                                  received + total, 100, &count);
    total += count;
    if (status == LUATCP_TIMEOUT)
      wait_for(socket, LUATCP_READABLE);
    else if (fault_answer(status, LUATCP_OK, "luatcp_recv_line", __LINE__))
      break;
  }
  HOLDS(total == strlen(wanted) && memcmp(received, wanted, total) == 0);
}

/* For sockets with time to wait. */
static void expect_view(luatcp_socket *socket, const char *wanted) {
  const char *view;
  size_t size = strlen(wanted), length;
  WORKS(luatcp_view(socket, NULL, size, size, &view, &length));
  HOLDS(length == size && memcmp(view, wanted, size) == 0);
  luatcp_release(socket);
}

static void expect_line_view(luatcp_socket *socket, const char *wanted) {
  const char *line;
  size_t length;
  WORKS(luatcp_view_line(socket, NULL, LUATCP_LINE_TEXT, &line, &length));
  HOLDS(length == strlen(wanted) && memcmp(line, wanted, length) == 0);
  luatcp_release(socket);
}

static void expect_end(luatcp_socket *socket) {
  size_t count;
  for (;;) {
    int status = luatcp_recv(socket, NULL, received, 1, &count);
    if (status == LUATCP_TIMEOUT)
      wait_for(socket, LUATCP_READABLE);
    else if (fault_answer(status, LUATCP_CLOSED, "luatcp_recv", __LINE__))
      break;
  }
  HOLDS(count == 0);
}

static void send_bytes(luatcp_socket *socket, const char *data, size_t size) {
  size_t total = 0, count;
  while (total < size) {
    int status = luatcp_send(socket, NULL, data + total, size - total, &count);
    total += count;
    if (status == LUATCP_TIMEOUT && total < size)
      wait_for(socket, LUATCP_WRITABLE);
    else if (status != LUATCP_OK)
      (void)fault_answer(status, LUATCP_OK, "luatcp_send", __LINE__);
  }
}

/* ---- The scenarios ------------------------------------------------------ */

static void options(const void *data) {
  luatcp_socket *socket = new_socket(), *other = new_socket();
  char device[16];
  size_t length;
  int64_t value;
  (void)data;
  WORKS(luatcp_set_family(other, LUATCP_INET));
  WORKS(luatcp_open(socket, LUATCP_INET));
  WORKS(luatcp_set_option(socket, "reuseaddr", 1));
  WORKS(luatcp_set_option(socket, "linger", 3));
  WORKS(luatcp_set_option(socket, "recv-buffer-size", 4096));
  WORKS(luatcp_get_option(socket, "linger", &value));
  HOLDS(value == 3);
  WORKS(luatcp_get_option(socket, "reuseaddr", &value));
  HOLDS(value == 1);
  WORKS(luatcp_get_option(socket, "error", &value));
  HOLDS(fault_answer((int)value, LUATCP_OK, "the option error", __LINE__) ||
        value < 0);
  WORKS(luatcp_set_option_string(socket, "bindtodevice", "", 0));
  WORKS(luatcp_get_option_string(socket, "bindtodevice", device, sizeof device,
                                 &length));
  HOLDS(length == 0);
  luatcp_free(other);
  luatcp_free(socket);
}

static void ipv6(const void *data) {
  luatcp_socket *socket = new_socket();
  int64_t value;
  (void)data;
  if (plain_has_ipv6() && luatcp_has_feature("ipv6")) {
    luatcp_name name;
    WORKS(luatcp_bind(socket, NULL, "::1", "0"));
    WORKS(luatcp_listen(socket, 4));
    WORKS(luatcp_get_option(socket, "ipv6-v6only", &value));
    HOLDS(value == 1);
    WORKS(luatcp_local_name(socket, &name));
    HOLDS(strcmp(name.address, "::1") == 0 && name.port > 0);
  }
  luatcp_free(socket);
}

static int dialled;

static void hang_up(long fd) { plain_close((int)fd); }

static void dial(long port) {
  char service[8];
  (void)snprintf(service, sizeof service, "%ld", port);
  dialled = plain_connect("127.0.0.1", service);
}

static void accepts(const void *data) {
  int limits = *(const int *)data, turn;
  luatcp_socket *server = new_socket(), *client;
  luatcp_name name;
  WORKS(luatcp_bind(server, NULL, "127.0.0.1", "0"));
  WORKS(luatcp_listen(server, 4));
  WORKS(luatcp_local_name(server, &name));
  limit(server, limits);
  for (turn = 0; turn < 2; turn++) {
    client = new_socket();
    fault_later(dial, name.port);
    for (;;) {
      int status = luatcp_accept(server, NULL, client);
      if (status == LUATCP_TIMEOUT)
        wait_for(server, LUATCP_READABLE);
      else if (fault_answer(status, LUATCP_OK, "luatcp_accept", __LINE__))
        break;
    }
    plain_send(dialled, "well\r\n", 6);
    expect_line(client, "well");
    WORKS(luatcp_peer_name(client, &name));
    HOLDS(strcmp(name.address, "127.0.0.1") == 0);
    WORKS(luatcp_local_name(client, &name));
    plain_close(dialled);
    expect_end(client);
    luatcp_free(client);
  }
  luatcp_free(server);
}

static void connects(const void *data) {
  int limits = *(const int *)data;
  char service[8];
  int listener = plain_listen("127.0.0.1", service), peer;
  luatcp_socket *socket = new_socket();
  luatcp_name name;
  limit(socket, limits);
  connect_to(socket, "127.0.0.1", service, limits);
  GIVES(-EISCONN, luatcp_connect(socket, NULL, "127.0.0.1", service));
  peer = accept_from(listener, socket);
  WORKS(luatcp_peer_name(socket, &name));
  send_bytes(socket, "ping", 4);
  plain_receive(peer, received, 4);
  HOLDS(memcmp(received, "ping", 4) == 0);
  luatcp_free(socket);
  plain_close(peer);
  plain_close(listener);
}

/* A name with two addresses; the first one is dead. */
static void connects_by_name(const void *data) {
  int limits = *(const int *)data;
  char service[8];
  int listener = plain_listen("127.0.0.1", service), peer;
  luatcp_socket *socket = new_socket();
  luatcp_name name;
  WORKS(luatcp_open(socket, LUATCP_INET));
  WORKS(luatcp_set_option(socket, "keepalive", 1));
  limit(socket, limits);
  connect_to(socket, "two.test", service, limits);
  WORKS(luatcp_peer_name(socket, &name));
  HOLDS(strcmp(name.address, "127.0.0.1") == 0);
  peer = accept_from(listener, socket);
  luatcp_close(socket);
  luatcp_free(socket);
  plain_close(peer);
  plain_close(listener);
}

/* Descriptors that take the place of another have its options. */
static void keeps_options(const void *data) {
  int limits = *(const int *)data, peer;
  char service[8];
  int listener = plain_listen("127.0.0.1", service);
  luatcp_socket *socket = new_socket();
  luatcp_name name;
  int64_t value;
  WORKS(luatcp_open(socket, LUATCP_INET));
  WORKS(luatcp_bind(socket, NULL, "127.0.0.1", "0"));
  WORKS(luatcp_set_option(socket, "tcp-nodelay", 1));
  WORKS(luatcp_set_option(socket, "keepalive", 1));
  WORKS(luatcp_set_option_string(socket, "bindtodevice", "lo", 2));
  limit(socket, limits);
  connect_fails(socket, "127.0.0.2", service);
  connect_to(socket, "127.0.0.1", service, limits);
  WORKS(luatcp_local_name(socket, &name));
  HOLDS(strcmp(name.address, "127.0.0.1") == 0);
  WORKS(luatcp_get_option(socket, "tcp-nodelay", &value));
  HOLDS(value == 1);
  WORKS(luatcp_get_option(socket, "keepalive", &value));
  HOLDS(value == 1);
  peer = accept_from(listener, socket);
  luatcp_free(socket);
  plain_close(peer);
  plain_close(listener);
}

/* A name whose first address is silent, in which state a listener with a full
 * queue is. */
struct silence {
  char service[8];
  int listener, silent, fillers[2];
};

static void be_silent(struct silence *silence) {
  for (;;) {
    silence->listener = plain_listen("127.0.0.1", silence->service);
    silence->silent =
        plain_listen_full("127.0.0.3", silence->service, silence->fillers);
    if (silence->silent >= 0)
      return;
    plain_close(silence->listener);
  }
}

static void end_silence(const struct silence *silence) {
  plain_close(silence->listener);
  plain_close(silence->silent);
  plain_close(silence->fillers[0]);
  plain_close(silence->fillers[1]);
}

/* Connects a fresh socket, within ten seconds.  When the fault was that of the
 * second address, the silent one is waited for in vain, and another socket has
 * to try. */
static luatcp_socket *connect_beside(const struct silence *silence,
                                     int limits) {
  luatcp_deadline deadline;
  for (;;) {
    luatcp_socket *socket = new_socket();
    int status;
    limit(socket, limits);
    luatcp_deadline_after(&deadline, 10);
    do {
      status = luatcp_connect(socket, limits == IMMEDIATE ? NULL : &deadline,
                              "silent.test", silence->service);
      if (limits == IMMEDIATE &&
          (status == LUATCP_TIMEOUT || status == -EALREADY)) {
        luatcp_wait_item item = {.socket = socket, .events = LUATCP_WRITABLE};
        size_t ready;
        status = luatcp_wait(&deadline, &item, 1, &ready);
        if (status == LUATCP_OK)
          status = -EALREADY;
      }
    } while (status == -EALREADY);
    if (status == LUATCP_OK)
      return socket;
    if (status != LUATCP_TIMEOUT || !fault_excuses())
      (void)fault_answer(status, LUATCP_OK, "connecting beside", __LINE__);
    luatcp_free(socket);
  }
}

static void connects_beside(const void *data) {
  struct silence silence;
  luatcp_socket *socket;
  luatcp_name name;
  int peer;
  be_silent(&silence);
  socket = connect_beside(&silence, *(const int *)data);
  WORKS(luatcp_peer_name(socket, &name));
  HOLDS(strcmp(name.address, "127.0.0.1") == 0);
  peer = accept_from(silence.listener, socket);
  luatcp_free(socket);
  plain_close(peer);
  end_silence(&silence);
}

/* A descriptor that strangers know keeps its number over all addresses. */
static void connects_shared(const void *data) {
  struct silence silence;
  luatcp_socket *socket = new_socket();
  luatcp_name name;
  int peer, fd;
  be_silent(&silence);
  WORKS(luatcp_open(socket, LUATCP_INET));
  fd = luatcp_get_descriptor(socket);
  HOLDS(fd >= 0);
  limit(socket, *(const int *)data);
  connect_to(socket, "silent.test", silence.service, TOTAL);
  HOLDS(luatcp_get_descriptor(socket) == fd);
  WORKS(luatcp_peer_name(socket, &name));
  HOLDS(strcmp(name.address, "127.0.0.1") == 0);
  peer = accept_from(silence.listener, socket);
  luatcp_free(socket);
  plain_close(peer);
  end_silence(&silence);
}

/* Until the fault is told, the first step of a connect.  The one that a signal
 * has ended may still be under way. */
static void start_connect(luatcp_socket *socket, const char *host,
                          const char *service) {
  bool interrupted = false;
  int status;
  limit(socket, IMMEDIATE);
  for (;;) {
    status = luatcp_connect(socket, NULL, host, service);
    if ((interrupted && status == -EALREADY) ||
        fault_answer(status, LUATCP_TIMEOUT, "luatcp_connect", __LINE__))
      return;
    interrupted = status == -EINTR;
  }
}

/* A stranger asks for the descriptor while attempts are under way. */
static void materialises(const void *data) {
  struct silence silence;
  luatcp_socket *socket = new_socket();
  luatcp_deadline deadline;
  luatcp_wait_item item = {.socket = socket, .events = LUATCP_WRITABLE};
  luatcp_name name;
  size_t ready;
  int peer, fd, status;
  (void)data;
  be_silent(&silence);
  start_connect(socket, "silent.test", silence.service);
  /* long enough for the first attempt, too short for the second */
  luatcp_deadline_after(&deadline, 0.1);
  status = luatcp_wait(&deadline, &item, 1, &ready);
  if (status != LUATCP_OK)
    (void)fault_answer(status, LUATCP_TIMEOUT, "luatcp_wait", __LINE__);
  fd = luatcp_get_descriptor(socket);
  fault_disarm();
  /* the connect may have failed, or gone on to the second address */
  HOLDS((status == LUATCP_TIMEOUT && fd >= 0) || fault_has_hit());
  status = luatcp_connect(socket, NULL, "silent.test", silence.service);
  if (status != LUATCP_OK && status != -EISCONN && status != LUATCP_TIMEOUT)
    (void)fault_answer(status, -EALREADY, "luatcp_connect", __LINE__);
  if (luatcp_peer_name(socket, &name) != LUATCP_OK)
    connect_to(socket, "two.test", silence.service, IMMEDIATE);
  HOLDS(fd < 0 || luatcp_get_descriptor(socket) == fd);
  peer = accept_from(silence.listener, socket);
  luatcp_free(socket);
  plain_close(peer);
  end_silence(&silence);
}

/* Nobody listens; then somebody does. */
static void refused(const void *data) {
  int limits = *(const int *)data;
  char service[8];
  int listener = plain_listen("127.0.0.1", service);
  luatcp_socket *socket = new_socket();
  limit(socket, limits);
  connect_fails(socket, "127.0.0.2", service);
  connect_to(socket, "127.0.0.1", service, limits);
  luatcp_free(socket);
  plain_close(listener);
}

/* The same with a peer that takes a while, and whose answer SO_ERROR has. */
static void connects_far(const void *data) {
  fault_far();
  connects(data);
}

static void connects_far_by_name(const void *data) {
  fault_far();
  connects_by_name(data);
}

static void refused_far(const void *data) {
  fault_far();
  refused(data);
}

static void say(long fd) { plain_send((int)fd, "lo\r", 3); }

static void say_more(long fd) { plain_send((int)fd, "\nsome and the", 13); }

static void say_rest(long fd) { plain_send((int)fd, " rest", 5); }

/* Each way of reading, from pieces that come one at a time. */
static void receives(const void *data) {
  int limits = *(const int *)data, peer, status;
  luatcp_socket *socket = connected(&peer, limits);
  luatcp_statistics statistics;
  size_t count, total = 0;
  plain_send(peer, "one\r\nhel", 8);
  fault_later(say, peer);
  fault_later(say_more, peer);
  fault_later(say_rest, peer);
  if (limits == IMMEDIATE) {
    expect_line(socket, "one");
    expect_line(socket, "hello");
    expect_bytes(socket, "some", 4);
  } else {
    expect_line_view(socket, "one");
    expect_line_view(socket, "hello");
    expect_view(socket, "some");
  }
  expect_bytes(socket, " and the rest", 13);
  GIVES(LUATCP_OK, luatcp_set_timeout(socket, LUATCP_BLOCK, 0));
  GIVES(LUATCP_TIMEOUT, luatcp_recv_test(socket, NULL));
  limit(socket, BLOCK);
  plain_send(peer, "x", 1);
  WORKS(luatcp_recv_test(socket, NULL));
  WORKS(luatcp_recv(socket, NULL, received, 1, &count));
  HOLDS(count == 1 && received[0] == 'x');
  fault_later(say_rest, peer);
  fault_later(hang_up, peer);
  for (;;) {
    status = luatcp_recv_until_closed(socket, NULL, received + total,
                                      sizeof received - total, &count);
    total += count;
    if (fault_answer(status, LUATCP_OK, "luatcp_recv_until_closed", __LINE__))
      break;
  }
  HOLDS(total == 5 && memcmp(received, " rest", 5) == 0);
  expect_end(socket);
  luatcp_get_statistics(socket, &statistics);
  HOLDS(statistics.received == 8 + 3 + 13 + 5 + 1 + 5);
  luatcp_free(socket);
}

#define LARGE 300000
static char large[LARGE];

static void push_large(long fd) {
  static size_t at;
  size_t size = LARGE - at < 70000 ? LARGE - at : 70000;
  plain_send((int)fd, large + at, size);
  at = (at + size) % LARGE;
}

static void receives_large(const void *data) {
  int limits = *(const int *)data, peer, i;
  luatcp_socket *socket = connected(&peer, limits);
  for (i = 0; i < LARGE; i += 70000)
    fault_later(push_large, peer);
  expect_bytes(socket, large, LARGE);
  luatcp_free(socket);
  plain_close(peer);
}

/* Lines longer than the buffer come in pieces. */
static void receives_long_line(const void *data) {
  int peer;
  luatcp_socket *socket = connected(&peer, UNLIMITED);
  size_t total = 0, count;
  (void)data;
  plain_send(peer, large, 100000);
  plain_send(peer, "\n", 1);
  for (;;) {
    int status = luatcp_recv_line(socket, NULL, LUATCP_LINE_RAW,
                                  received + total, 70000, &count);
    total += count;
    if (status != LUATCP_MORE &&
        fault_answer(status, LUATCP_OK, "luatcp_recv_line", __LINE__))
      break;
  }
  HOLDS(total == 100001 && received[100000] == '\n');
  HOLDS(memcmp(received, large, 100000) == 0);
  luatcp_free(socket);
  plain_close(peer);
}

static size_t drained;

static void drain(long fd) {
  drained +=
      plain_drain((int)fd, received + drained, sizeof received - drained);
}

static void sends(const void *data) {
  int limits = *(const int *)data, peer, i;
  luatcp_socket *socket = connected(&peer, limits);
  luatcp_statistics statistics;
  drained = 0;
  WORKS(luatcp_set_option(socket, "send-buffer-size", 16384));
  for (i = 0; i < 60; i++)
    fault_later(drain, peer);
  send_bytes(socket, large, LARGE);
  luatcp_get_statistics(socket, &statistics);
  HOLDS(statistics.sent == LARGE);
  luatcp_free(socket);
  for (i = 0; i < 1000 && drained < LARGE; i++) {
    plain_pause();
    drain(peer);
  }
  HOLDS(drained == LARGE && memcmp(received, large, LARGE) == 0);
  plain_close(peer);
}

static void shuts_down(const void *data) {
  int peer;
  luatcp_socket *socket = connected(&peer, BLOCK);
  size_t count;
  (void)data;
  WORKS(luatcp_shutdown(socket, LUATCP_SHUTDOWN_SEND));
  plain_send(peer, "bye", 3);
  expect_bytes(socket, "bye", 3);
  WORKS(luatcp_shutdown(socket, LUATCP_SHUTDOWN_BOTH));
  GIVES(LUATCP_CLOSED, luatcp_recv(socket, NULL, received, 1, &count));
  luatcp_close(socket);
  GIVES(LUATCP_CLOSED, luatcp_recv(socket, NULL, received, 1, &count));
  luatcp_free(socket);
  plain_close(peer);
}

/* So many that luatcp_wait needs memory for them. */
#define MANY 100

static void waits(const void *data) {
  int peer, spare, i;
  luatcp_socket *socket = connected(&peer, BLOCK);
  luatcp_socket *connecting = new_socket();
  luatcp_wait_item items[MANY];
  luatcp_deadline deadline;
  char service[8];
  int listener = plain_listen("127.0.0.1", service);
  size_t ready;
  (void)data;
  spare = plain_accept(plain_pair(listener, service));
  start_connect(connecting, "two.test", service);
  for (i = 0; i < MANY; i++)
    items[i] =
        (luatcp_wait_item){.descriptor = spare, .events = LUATCP_READABLE};
  items[3] = (luatcp_wait_item){.socket = socket, .events = LUATCP_READABLE};
  items[4] =
      (luatcp_wait_item){.socket = connecting, .events = LUATCP_WRITABLE};
  for (;;) {
    int status;
    luatcp_deadline_after(&deadline, 10);
    WORKS(luatcp_wait(&deadline, items, MANY, &ready));
    HOLDS(ready == 1 && items[4].ready == LUATCP_WRITABLE);
    status = luatcp_connect(connecting, NULL, "two.test", service);
    if (status != LUATCP_TIMEOUT &&
        fault_answer(status, LUATCP_OK, "luatcp_connect", __LINE__))
      break;
  }
  luatcp_deadline_after(&deadline, 10);
  fault_later(say, peer);
  items[4].events = LUATCP_READABLE;
  WORKS(luatcp_wait(&deadline, items, MANY, &ready));
  HOLDS(ready == 1 && items[3].ready == LUATCP_READABLE);
  items[3].events = 0;
  GIVES(LUATCP_TIMEOUT, luatcp_wait(&deadline, items, MANY, &ready));
  WORKS(luatcp_sleep(&deadline));
  luatcp_deadline_after(&deadline, 1);
  WORKS(luatcp_sleep(&deadline));
  luatcp_free(socket);
  luatcp_free(connecting);
  plain_close(spare);
  plain_close(plain_other_end());
  plain_close(listener);
  plain_close(peer);
}

/* Waits for one event of a poller. */
static luatcp_event next_event(luatcp_poller *poller) {
  luatcp_deadline deadline;
  luatcp_event event;
  size_t count;
  luatcp_deadline_after(&deadline, 10);
  WORKS(luatcp_poller_wait(poller, &deadline, &event, 1, &count));
  HOLDS(count == 1);
  return event;
}

static void polls(const void *data) {
  int peer, i;
  char tags[32];
  char service[8];
  int listener = plain_listen("127.0.0.1", service), bare[20];
  luatcp_socket *socket = connected(&peer, BLOCK);
  luatcp_poller *poller;
  luatcp_event event;
  luatcp_deadline deadline;
  size_t count;
  (void)data;
  WORKS(luatcp_poller_new(&poller));
  WORKS(luatcp_poller_add(poller, socket, -1, LUATCP_READABLE, &tags[30]));
  GIVES(LUATCP_WATCHED,
        luatcp_poller_add(poller, socket, -1, LUATCP_READABLE, NULL));
  /* so many that its tables grow */
  for (i = 0; i < 20; i++) {
    bare[i] = plain_listen("127.0.0.1", service);
    WORKS(luatcp_poller_add(poller, NULL, bare[i], LUATCP_READABLE, &tags[i]));
  }
  fault_later(say, peer);
  event = next_event(poller);
  HOLDS(event.data == &tags[30] && event.events == LUATCP_READABLE);
  expect_bytes(socket, "lo", 2); /* and a CR stays in the buffer */
  event = next_event(poller);
  HOLDS(event.data == &tags[30]);
  expect_bytes(socket, "\r", 1);
  WORKS(luatcp_poller_modify(poller, socket, -1,
                             LUATCP_WRITABLE | LUATCP_ONE_SHOT, &tags[29]));
  event = next_event(poller);
  HOLDS(event.data == &tags[29] && event.events == LUATCP_WRITABLE);
  fault_later(dial, atol(service));
  event = next_event(poller);
  HOLDS(event.data == &tags[19]);
  plain_close(plain_accept(bare[19]));
  plain_close(dialled);
  for (i = 0; i < 20; i++) {
    WORKS(luatcp_poller_remove(poller, NULL, bare[i]));
    plain_close(bare[i]);
  }
  luatcp_close(socket);
  event = next_event(poller);
  HOLDS(event.data == &tags[29] && event.events == 0);
  GIVES(LUATCP_NOT_WATCHED, luatcp_poller_remove(poller, socket, -1));
  luatcp_deadline_after(&deadline, 1);
  GIVES(LUATCP_TIMEOUT,
        luatcp_poller_wait(poller, &deadline, &event, 1, &count));
  luatcp_poller_free(poller);
  luatcp_free(socket);
  plain_close(listener);
  plain_close(peer);
}

/* A poller follows a connect over lookup and addresses. */
static void polls_connecting(const void *data) {
  struct silence silence;
  luatcp_socket *socket;
  luatcp_poller *poller;
  int peer;
  be_silent(&silence);
  WORKS(luatcp_poller_new(&poller));
  for (;;) {
    int turns = 0, status;
    socket = new_socket();
    limit(socket, IMMEDIATE);
    WORKS(luatcp_poller_add(poller, socket, -1, LUATCP_WRITABLE, NULL));
    do {
      luatcp_deadline deadline;
      luatcp_event event;
      size_t count;
      HOLDS(turns++ < 100);
      status = luatcp_connect(socket, NULL, data, silence.service);
      if (status == LUATCP_TIMEOUT || status == -EALREADY) {
        luatcp_deadline_after(&deadline, 10);
        status = luatcp_poller_wait(poller, &deadline, &event, 1, &count);
        if (status == LUATCP_OK)
          status = -EALREADY;
      }
    } while (status == -EALREADY);
    if (status == LUATCP_OK)
      break;
    /* the second address has failed, and the first one is silent */
    if (status != LUATCP_TIMEOUT || !fault_excuses())
      (void)fault_answer(status, LUATCP_OK, "polling", __LINE__);
    WORKS(luatcp_poller_remove(poller, socket, -1));
    luatcp_free(socket);
  }
  peer = accept_from(silence.listener, socket);
  luatcp_free(socket);
  luatcp_poller_free(poller);
  plain_close(peer);
  end_silence(&silence);
}

static void polls_connecting_far(const void *data) {
  fault_far();
  polls_connecting(data);
}

/* A stranger has closed a descriptor that is still watched, and a copy of it
 * is open: the kernel goes on reporting it. */
static void polls_strays(const void *data) {
  int peer, copy;
  luatcp_socket *socket = connected(&peer, BLOCK);
  luatcp_poller *poller;
  luatcp_event event;
  luatcp_deadline deadline;
  size_t count;
  (void)data;
  WORKS(luatcp_poller_new(&poller));
  WORKS(luatcp_poller_add(poller, socket, -1, LUATCP_WRITABLE, NULL));
  WORKS(luatcp_poller_add(poller, NULL, peer, LUATCP_READABLE, NULL));
  copy = dup(luatcp_get_descriptor(socket));
  plain_close(luatcp_get_descriptor(socket));
  luatcp_set_descriptor(socket, -1);
  WORKS(luatcp_poller_remove(poller, socket, -1));
  luatcp_deadline_after(&deadline, 1);
  GIVES(LUATCP_TIMEOUT,
        luatcp_poller_wait(poller, &deadline, &event, 1, &count));
  fault_later(hang_up, copy);
  event = next_event(poller);
  HOLDS(event.events == LUATCP_READABLE);
  luatcp_poller_free(poller);
  luatcp_free(socket);
  plain_close(peer);
}

static void looks_up(const void *data) {
  int limits = *(const int *)data;
  luatcp_deadline deadline;
  luatcp_addresses *list;
  luatcp_name name;
  char host[LUATCP_HOST_SIZE], service[LUATCP_SERVICE_SIZE];
  luatcp_deadline_after(&deadline, limits == UNLIMITED ? -1 : 10);
  WORKS(luatcp_lookup(&deadline, "127.0.0.1", NULL, LUATCP_UNSPEC, &list));
  luatcp_addresses_free(list);
  WORKS(luatcp_lookup(&deadline, "two.test", "80", LUATCP_UNSPEC, &list));
  HOLDS(luatcp_addresses_count(list) == 2);
  HOLDS(strcmp(luatcp_addresses_canonical_name(list), "two.test") == 0);
  WORKS(luatcp_addresses_get(list, 1, &name));
  luatcp_addresses_free(list);
  GIVES(LUATCP_LOOKUP_NO_NAME,
        luatcp_lookup(&deadline, "none.test", NULL, LUATCP_INET, &list));
  HOLDS(list == NULL);
  WORKS(luatcp_reverse_lookup(&deadline, &name, host, sizeof host, service,
                              sizeof service));
  HOLDS(strcmp(host, "one.test") == 0 && strcmp(service, "http") == 0);
  WORKS(luatcp_host_name(host, sizeof host));
}

/* The resolver takes longer than the caller may wait. */
static void gives_up_lookups(const void *data) {
  luatcp_deadline deadline;
  luatcp_addresses *list;
  luatcp_socket *socket = new_socket();
  int status;
  (void)data;
  fault_far();
  if (luatcp_has_feature("threads")) {
    luatcp_deadline_after(&deadline, 1);
    status = luatcp_lookup(&deadline, "slow.test", NULL, LUATCP_UNSPEC, &list);
    if (status == LUATCP_OK && fault_excuses()) /* there was no thread */
      luatcp_addresses_free(list);
    else if (!fault_answer(status, LUATCP_TIMEOUT, "luatcp_lookup", __LINE__))
      GIVES(LUATCP_TIMEOUT,
            luatcp_lookup(&deadline, "slow.test", NULL, LUATCP_UNSPEC, &list));
    do {
      start_connect(socket, "slow.test", "80");
      status = luatcp_connect(socket, NULL, "slow.test", "80");
      /* there was no thread, and nobody listens there */
      if (status == -ECONNREFUSED && fault_excuses())
        break;
    } while (!fault_answer(status, -EALREADY, "luatcp_connect", __LINE__));
  }
  fault_world_end();
  luatcp_free(socket);
}

static void adopts(const void *data) {
  char service[8];
  int listener = plain_listen("127.0.0.1", service), peer, fd;
  luatcp_socket *server = new_socket(), *client = new_socket();
  (void)data;
  peer = plain_accept(plain_pair(listener, service));
  WORKS(luatcp_adopt(server, listener));
  /* ENOPROTOOPT and ENOTCONN mean something: nothing is asked again then */
  HOLDS(luatcp_state(server) == LUATCP_SERVER || fault_excuses());
  WORKS(luatcp_adopt(client, peer));
  HOLDS(luatcp_state(client) == LUATCP_CLIENT || fault_excuses());
  HOLDS(luatcp_get_family(client) == LUATCP_INET);
  fd = luatcp_detach(client);
  HOLDS(fd == peer);
  plain_close(fd);
  plain_close(plain_other_end());
  luatcp_free(client);
  luatcp_free(server);
}

static void explains(const void *data) {
  char text[LUATCP_MESSAGE_SIZE];
  (void)data;
  HOLDS(strcmp(luatcp_strerror(-ENOSPC, text, sizeof text),
               "No space left on device") == 0 ||
        fault_has_hit());
  HOLDS(strlen(text) > 5);
}

/* Work left undone: freed in the middle of everything. */
static void leaves(const void *data) {
  struct silence silence;
  int peer;
  luatcp_socket *socket = connected(&peer, IMMEDIATE), *other = new_socket();
  luatcp_poller *poller;
  const char *line;
  size_t length;
  (void)data;
  be_silent(&silence);
  WORKS(luatcp_poller_new(&poller));
  WORKS(luatcp_poller_add(poller, socket, -1, LUATCP_READABLE, NULL));
  WORKS(luatcp_poller_add(poller, other, -1, LUATCP_READABLE, NULL));
  plain_send(peer, "half a line", 11);
  GIVES(LUATCP_TIMEOUT,
        luatcp_view_line(socket, NULL, LUATCP_LINE_TEXT, &line, &length));
  HOLDS(length == 11 || fault_excuses());
  start_connect(other, "silent.test", silence.service);
  luatcp_poller_free(poller);
  luatcp_free(other);
  luatcp_free(socket);
  plain_close(peer);
  end_silence(&silence);
}

static const struct scenario scenarios[] = {
    {"options", options, NULL},
    {"ipv6", ipv6, NULL},
    {"accept", accepts, UNDER(UNLIMITED)},
    {"accept, block limit", accepts, UNDER(BLOCK)},
    {"accept, total limit", accepts, UNDER(TOTAL)},
    {"accept, at once", accepts, UNDER(IMMEDIATE)},
    {"connect", connects, UNDER(UNLIMITED)},
    {"connect, total limit", connects, UNDER(TOTAL)},
    {"connect, at once", connects, UNDER(IMMEDIATE)},
    {"connect by name", connects_by_name, UNDER(UNLIMITED)},
    {"connect by name, block limit", connects_by_name, UNDER(BLOCK)},
    {"connect by name, at once", connects_by_name, UNDER(IMMEDIATE)},
    {"connect with options", keeps_options, UNDER(UNLIMITED)},
    {"connect with options, total limit", keeps_options, UNDER(TOTAL)},
    {"connect beside", connects_beside, UNDER(UNLIMITED)},
    {"connect beside, at once", connects_beside, UNDER(IMMEDIATE)},
    {"connect in turns", connects_shared, UNDER(TOTAL)},
    {"connect, descriptor", materialises, NULL},
    {"refused", refused, UNDER(UNLIMITED)},
    {"refused, at once", refused, UNDER(IMMEDIATE)},
    {"connect, far", connects_far, UNDER(TOTAL)},
    {"connect, far, at once", connects_far, UNDER(IMMEDIATE)},
    {"connect by name, far", connects_far_by_name, UNDER(BLOCK)},
    {"connect by name, far, at once", connects_far_by_name, UNDER(IMMEDIATE)},
    {"refused, far", refused_far, UNDER(TOTAL)},
    {"refused, far, at once", refused_far, UNDER(IMMEDIATE)},
    {"receive", receives, UNDER(UNLIMITED)},
    {"receive, block limit", receives, UNDER(BLOCK)},
    {"receive, total limit", receives, UNDER(TOTAL)},
    {"receive, at once", receives, UNDER(IMMEDIATE)},
    {"receive much", receives_large, UNDER(UNLIMITED)},
    {"receive much, block limit", receives_large, UNDER(BLOCK)},
    {"receive much, at once", receives_large, UNDER(IMMEDIATE)},
    {"receive a long line", receives_long_line, NULL},
    {"send", sends, UNDER(UNLIMITED)},
    {"send, block limit", sends, UNDER(BLOCK)},
    {"send, at once", sends, UNDER(IMMEDIATE)},
    {"shutdown", shuts_down, NULL},
    {"wait", waits, NULL},
    {"poller, connecting", polls_connecting, "two.test"},
    {"poller, connecting, beside", polls_connecting, "silent.test"},
    {"poller, connecting, far", polls_connecting_far, "two.test"},
    {"lookup", looks_up, UNDER(UNLIMITED)},
    {"lookup, total limit", looks_up, UNDER(TOTAL)},
    {"lookup, given up", gives_up_lookups, NULL},
    {"adopt, detach", adopts, NULL},
    {"strerror", explains, NULL},
    {"leave", leaves, NULL},
    /* the last ones, see DOUBLED */
    {"poller", polls, NULL},
    {"poller, strays", polls_strays, NULL},
};

/* clang-format off */
#define NEXT "the next address is tried"
#define NO_STATUS "luatcp_get_descriptor has none, and no call counts on it"
#define FREED "the socket is freed before the thread is there"
static const struct fault_untold untold[] = {
  {FAULT_socket, FAULT_ANY, FAULT_ANY, "connect beside", NEXT},
  {FAULT_socket, FAULT_ANY, FAULT_ANY, "connect, descriptor", NEXT},
  {FAULT_socket, FAULT_ANY, FAULT_ANY, "poller, connecting", NEXT},
  {FAULT_socket, FAULT_ANY, FAULT_ANY, "leave", NEXT},
  {FAULT_socket, FAULT_ANY, FAULT_ANY, "wait", NEXT},
  {FAULT_fcntl, FAULT_MODE, FAULT_ANY, "connect by name", NEXT},
  {FAULT_fcntl, FAULT_MODE, FAULT_ANY, "connect in turns", NO_STATUS},
  {FAULT_fcntl, FAULT_MODE, FAULT_ANY, "connect, descriptor", NO_STATUS},
  {FAULT_fcntl, FAULT_MODE, FAULT_ANY, "poller, strays", NO_STATUS},
  {FAULT_fcntl, FAULT_MODE, FAULT_ANY, "adopt", "no call counts on it"},
  {FAULT_epoll_ctl, FAULT_ANY, FAULT_ANY, "poller, connecting", "asked again"},
  {FAULT_MEMORY, FAULT_ANY, ENOMEM, "poller, connecting", "asked again"},
  {FAULT_poll, FAULT_WAITS, FAULT_ANY, "lookup", "the wait goes on"},
  {FAULT_getaddrinfo, FAULT_ANY, FAULT_ANY, "lookup, given up", FREED},
  {FAULT_MEMORY, FAULT_ANY, FAULT_ANY, "lookup, given up", FREED},
  {FAULT_MEMORY, 11, ENOMEM, "leave", "half a line stays in the large buffer"},
};
/* clang-format on */

/* How many scenarios see calls of the test double of kqueue, which are not the
 * library's. */
#ifdef POLLER_KQUEUE
#define DOUBLED 2
#else
#define DOUBLED 0
#endif

int main(void) {
  size_t i, count = sizeof scenarios / sizeof scenarios[0] - DOUBLED;
  for (i = 0; i < LARGE; i++)
    large[i] = (char)('a' + i % 23);
  fault_declare(untold, sizeof untold / sizeof untold[0]);
  return fault_run("the library", scenarios, count, fault_step(11)) == 0
             ? EXIT_SUCCESS
             : EXIT_FAILURE;
}
