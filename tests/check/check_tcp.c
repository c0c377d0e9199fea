/* SPDX-License-Identifier: MIT
 *
 * check_tcp.c: the life of the object: opened, bound, listening, accepting,
 * shut down, closed; limits, statistics, names and descriptors.
 */
#include "internal.h"
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static const int families[] = {LUATCP_INET, LUATCP_INET6};
/* Loop tests run once per family. */
#define NEED(family)                                                           \
  do {                                                                         \
    if (!peer_has_family(family))                                              \
      return;                                                                  \
  } while (0)

static int socket_of(int family) {
  int fd = socket(family == LUATCP_INET6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
  ck_assert_int_ge(fd, 0);
  return fd;
}

START_TEST(fresh_object) {
  luatcp_socket *socket = luatcp_new();
  luatcp_name name;
  ck_assert_int_eq(luatcp_state(socket), LUATCP_MASTER);
  ck_assert_int_eq(luatcp_is_closed(socket), 0);
  ck_assert_int_eq(luatcp_get_family(socket), LUATCP_UNSPEC);
  ck_assert_int_eq(luatcp_get_descriptor(socket), -1);
  ck_assert_uint_eq(luatcp_buffered(socket), 0);
  ck_assert_double_eq(luatcp_get_timeout(socket, LUATCP_BLOCK), -1);
  ck_assert_double_eq(luatcp_get_timeout(socket, LUATCP_TOTAL), -1);
  expect(luatcp_local_name(socket, &name), LUATCP_NO_FAMILY);
  expect(luatcp_peer_name(socket, &name), LUATCP_NO_FAMILY);
  expect(luatcp_listen(socket, 1), LUATCP_NO_FAMILY);
  luatcp_free(socket);
  luatcp_free(NULL);
}
END_TEST

START_TEST(open_gives_a_descriptor) {
  int family = families[_i], fd;
  luatcp_socket *socket;
  luatcp_name name;
  NEED(family);
  socket = luatcp_new();
  expect(luatcp_open(socket, family), LUATCP_OK);
  ck_assert_int_eq(luatcp_get_family(socket), family);
  ck_assert_int_eq(luatcp_state(socket), LUATCP_MASTER);
  fd = luatcp_get_descriptor(socket);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  expect(luatcp_open(socket, family), LUATCP_WRONG_STATE);
  expect(luatcp_set_family(socket, LUATCP_UNSPEC), LUATCP_WRONG_STATE);
  expect(luatcp_local_name(socket, &name), LUATCP_OK);
  ck_assert_int_eq(name.port, 0);
  ck_assert_int_eq(name.family, family);
  expect(luatcp_peer_name(socket, &name), -ENOTCONN);
  luatcp_free(socket);
}
END_TEST

START_TEST(open_with_odd_families) {
  luatcp_socket *socket = luatcp_new();
  ck_assert_int_lt(luatcp_open(socket, LUATCP_UNSPEC), 0);
  ck_assert_int_lt(luatcp_open(socket, 5), 0);
  ck_assert_int_lt(luatcp_open(socket, -1), 0);
  ck_assert_int_lt(luatcp_set_family(socket, 5), 0);
  if (!luatcp_has_feature("ipv6"))
    expect(luatcp_open(socket, LUATCP_INET6), -EAFNOSUPPORT);
  luatcp_close(socket);
  expect(luatcp_open(socket, LUATCP_INET), LUATCP_CLOSED);
  luatcp_free(socket);
}
END_TEST

START_TEST(family_restricts) {
  luatcp_socket *socket = luatcp_new();
  char service[8];
  int listener = peer_listen(LUATCP_INET, 4, service);
  expect(luatcp_set_family(socket, LUATCP_INET6), LUATCP_OK);
  ck_assert_int_eq(luatcp_get_family(socket), LUATCP_INET6);
  ck_assert_int_lt(luatcp_bind(socket, NULL, "127.0.0.1", "0"), 0);
  ck_assert_int_lt(luatcp_connect(socket, NULL, "127.0.0.1", service), 0);
  ck_assert_int_eq(luatcp_get_descriptor(socket), -1);
  expect(luatcp_set_family(socket, LUATCP_INET), LUATCP_OK);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", service), LUATCP_OK);
  luatcp_free(socket);
  close(listener);
}
END_TEST

START_TEST(bind_listen_accept) {
  int family = families[_i], peer;
  luatcp_socket *server, *client;
  luatcp_name name, other;
  char service[8], text[8];
  NEED(family);
  server = luatcp_new();
  expect(luatcp_bind(server, NULL, peer_host(family), "0"), LUATCP_OK);
  ck_assert_int_eq(luatcp_state(server), LUATCP_MASTER);
  ck_assert_int_eq(luatcp_get_family(server), family);
  expect(luatcp_local_name(server, &name), LUATCP_OK);
  ck_assert_str_eq(name.address, peer_host(family));
  ck_assert_int_gt(name.port, 0);
  ck_assert_int_eq(name.family, family);
  expect(luatcp_bind(server, NULL, peer_host(family), "0"), -EINVAL);
  expect(luatcp_local_name(server, &other), LUATCP_OK);
  ck_assert_int_eq(other.port, name.port);
  expect(luatcp_listen(server, 4), LUATCP_OK);
  ck_assert_int_eq(luatcp_state(server), LUATCP_SERVER);
  expect(luatcp_listen(server, 4), LUATCP_WRONG_STATE);
  expect(luatcp_bind(server, NULL, peer_host(family), "0"), LUATCP_WRONG_STATE);
  snprintf(service, sizeof service, "%d", name.port);

  client = luatcp_new();
  expect(luatcp_connect(client, NULL, peer_host(family), service), LUATCP_OK);
  {
    luatcp_socket *accepted = luatcp_new();
    luatcp_name here, there;
    expect(luatcp_accept(server, NULL, accepted), LUATCP_OK);
    ck_assert_int_eq(luatcp_state(accepted), LUATCP_CLIENT);
    ck_assert_int_eq(luatcp_get_family(accepted), family);
    expect(luatcp_peer_name(accepted, &there), LUATCP_OK);
    expect(luatcp_local_name(client, &here), LUATCP_OK);
    ck_assert_int_eq(here.port, there.port);
    ck_assert_str_eq(here.address, there.address);
    expect(luatcp_peer_name(client, &there), LUATCP_OK);
    ck_assert_int_eq(there.port, name.port);
    peer = luatcp_get_descriptor(accepted);
    ck_assert_int_ne(fcntl(peer, F_GETFD) & FD_CLOEXEC, 0);
    peer_send_text(peer, "hello");
    {
      size_t got;
      expect(luatcp_recv_count(client, NULL, text, 5, &got), LUATCP_OK);
      ck_assert_int_eq(memcmp(text, "hello", 5), 0);
    }
    /* what is in use is no place for a new connection */
    expect(luatcp_accept(server, NULL, accepted), LUATCP_WRONG_STATE);
    expect(luatcp_accept(server, NULL, server), LUATCP_WRONG_STATE);
    expect(luatcp_accept(client, NULL, accepted), LUATCP_WRONG_STATE);
    luatcp_free(accepted);
  }
  luatcp_free(client);
  luatcp_free(server);
}
END_TEST

START_TEST(wildcards) {
  luatcp_socket *socket = luatcp_new();
  luatcp_name name;
  expect(luatcp_bind(socket, NULL, "*", "0"), LUATCP_OK);
  expect(luatcp_local_name(socket, &name), LUATCP_OK);
  ck_assert_str_eq(name.address, "0.0.0.0");
  luatcp_free(socket);
  if (!peer_has_family(LUATCP_INET6))
    return;
  socket = luatcp_new();
  expect(luatcp_set_family(socket, LUATCP_INET6), LUATCP_OK);
  expect(luatcp_bind(socket, NULL, "*", "0"), LUATCP_OK);
  expect(luatcp_local_name(socket, &name), LUATCP_OK);
  ck_assert_str_eq(name.address, "::");
  luatcp_free(socket);
}
END_TEST

START_TEST(bind_failures) {
  luatcp_socket *socket = luatcp_new();
  char service[8];
  int listener = peer_listen(LUATCP_INET, 1, service);
  expect(luatcp_bind(socket, NULL, "127.0.0.1", service), -EADDRINUSE);
  ck_assert_int_eq(luatcp_get_descriptor(socket), -1);
  expect(luatcp_bind(socket, NULL, "203.0.113.9", "0"), -EADDRNOTAVAIL);
  expect(luatcp_bind(socket, NULL, "127.0.0.1", "65536"), LUATCP_INVALID_PORT);
  expect(luatcp_bind(socket, NULL, "127.0.0.1", ""), LUATCP_INVALID_PORT);
  ck_assert_int_lt(luatcp_bind(socket, NULL, "", "0"), 0);
  ck_assert_int_lt(luatcp_bind(socket, NULL, "no.such.name.invalid", "0"), 0);
  expect(luatcp_bind(socket, NULL, "127.0.0.1", "0"), LUATCP_OK);
  luatcp_free(socket);
  close(listener);
}
END_TEST

START_TEST(bind_takes_a_name) {
  luatcp_socket *socket = luatcp_new();
  luatcp_name name;
  expect(luatcp_set_family(socket, LUATCP_INET), LUATCP_OK);
  expect(luatcp_bind(socket, NULL, "localhost", "0"), LUATCP_OK);
  expect(luatcp_local_name(socket, &name), LUATCP_OK);
  ck_assert_str_eq(name.address, "127.0.0.1");
  luatcp_free(socket);
}
END_TEST

START_TEST(listen_without_bind) {
  luatcp_socket *socket = luatcp_new();
  luatcp_name name;
  expect(luatcp_open(socket, LUATCP_INET), LUATCP_OK);
  expect(luatcp_listen(socket, 1), LUATCP_OK);
  expect(luatcp_local_name(socket, &name), LUATCP_OK);
  ck_assert_int_gt(name.port, 0);
  luatcp_free(socket);
}
END_TEST

START_TEST(accept_keeps_its_deadline) {
  char service[8];
  luatcp_socket *server = peer_server(LUATCP_INET, service);
  luatcp_socket *client = luatcp_new();
  luatcp_deadline deadline;
  double start;
  int round;
  for (round = 0; round < 2; round++) {
    luatcp_deadline_after(&deadline, 0);
    start = luatcp_monotonic_time();
    expect(luatcp_accept(server, &deadline, client), LUATCP_TIMEOUT);
    ck_assert_double_le(peer_since(start), 1);
    luatcp_deadline_after(&deadline, 0.04);
    start = luatcp_monotonic_time();
    expect(luatcp_accept(server, &deadline, client), LUATCP_TIMEOUT);
    ck_assert_double_ge(peer_since(start), 0.04);
    ck_assert_double_le(peer_since(start), 5);
    expect(luatcp_set_timeout(server, LUATCP_BLOCK, 0.04), LUATCP_OK);
    start = luatcp_monotonic_time();
    expect(luatcp_accept(server, NULL, client), LUATCP_TIMEOUT);
    ck_assert_double_ge(peer_since(start), 0.04);
    ck_assert_double_le(peer_since(start), 5);
    ck_assert_int_eq(luatcp_state(client), LUATCP_MASTER);
    /* once more on a descriptor that strangers know */
    (void)luatcp_get_descriptor(server);
  }
  luatcp_free(client);
  luatcp_free(server);
}
END_TEST

START_TEST(accept_passes_over_a_dead_connection) {
  char service[8];
  luatcp_socket *server = peer_server(LUATCP_INET, service);
  luatcp_socket *first = luatcp_new(), *second = luatcp_new();
  luatcp_socket *accepted = luatcp_new();
  luatcp_deadline deadline;
  int status;
  expect(luatcp_connect(first, NULL, "127.0.0.1", service), LUATCP_OK);
  expect(luatcp_set_option(first, "linger", 0), LUATCP_OK);
  luatcp_close(first);
  expect(luatcp_connect(second, NULL, "127.0.0.1", service), LUATCP_OK);
  luatcp_deadline_after(&deadline, 5);
  status = luatcp_accept(server, &deadline, accepted);
  expect(status, LUATCP_OK); /* this one or that, as the system has it */
  luatcp_free(accepted);
  luatcp_free(first);
  luatcp_free(second);
  luatcp_free(server);
}
END_TEST

START_TEST(out_of_descriptors) {
  char service[8];
  luatcp_socket *server = peer_server(LUATCP_INET, service);
  luatcp_socket *client = luatcp_new(), *accepted = luatcp_new();
  luatcp_socket *more = luatcp_new();
  struct rlimit before, few;
  int hoard[512], count = 0;
  expect(luatcp_connect(client, NULL, "127.0.0.1", service), LUATCP_OK);
  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
  few = before;
  few.rlim_cur = 256;
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
  while (count < 512 && (hoard[count] = dup(2)) >= 0)
    count++;
  expect(luatcp_accept(server, NULL, accepted), -EMFILE);
  ck_assert_int_eq(luatcp_state(accepted), LUATCP_MASTER);
  expect(luatcp_open(more, LUATCP_INET), -EMFILE);
  expect(luatcp_bind(more, NULL, "127.0.0.1", "0"), -EMFILE);
  expect(luatcp_connect(more, NULL, "127.0.0.1", service), -EMFILE);
  /* the connection has stayed in the queue */
  close(hoard[--count]);
  expect(luatcp_accept(server, NULL, accepted), LUATCP_OK);
  while (count > 0)
    close(hoard[--count]);
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
  luatcp_free(more);
  luatcp_free(accepted);
  luatcp_free(client);
  luatcp_free(server);
}
END_TEST

START_TEST(accept_is_interrupted) {
  char service[8];
  luatcp_socket *server = peer_server(LUATCP_INET, service);
  luatcp_socket *client = luatcp_new();
  int status;
  peer_alarm_start(20, (_i & 1) != 0);
  if (_i & 2)
    (void)luatcp_get_descriptor(server);
  if (_i & 4)
    expect(luatcp_set_timeout(server, LUATCP_BLOCK, 20), LUATCP_OK);
  status = luatcp_accept(server, NULL, client);
  peer_alarm_stop();
  expect(status, -EINTR);
  ck_assert_int_gt(peer_alarm_count(), 0);
  luatcp_free(client);
  luatcp_free(server);
}
END_TEST

START_TEST(limits) {
  luatcp_socket *socket = luatcp_new();
  expect(luatcp_set_timeout(socket, LUATCP_BLOCK, 1.5), LUATCP_OK);
  expect(luatcp_set_timeout(socket, LUATCP_TOTAL, 0), LUATCP_OK);
  ck_assert_double_eq(luatcp_get_timeout(socket, LUATCP_BLOCK), 1.5);
  ck_assert_double_eq(luatcp_get_timeout(socket, LUATCP_TOTAL), 0);
  expect(luatcp_set_timeout(socket, LUATCP_BLOCK, (double)NAN),
         LUATCP_INVALID_ARGUMENT);
  expect(luatcp_set_timeout(socket, 2, 1), LUATCP_INVALID_ARGUMENT);
  expect(luatcp_set_timeout(socket, -1, 1), LUATCP_INVALID_ARGUMENT);
  ck_assert_double_eq(luatcp_get_timeout(socket, LUATCP_BLOCK), 1.5);
  expect(luatcp_set_timeout(socket, LUATCP_BLOCK, -5), LUATCP_OK);
  ck_assert_double_eq(luatcp_get_timeout(socket, LUATCP_BLOCK), -1);
  expect(luatcp_set_timeout(socket, LUATCP_BLOCK, (double)INFINITY), LUATCP_OK);
  ck_assert_double_eq(luatcp_get_timeout(socket, LUATCP_BLOCK), -1);
  luatcp_free(socket);
}
END_TEST

START_TEST(statistics) {
  luatcp_socket *socket = luatcp_new();
  luatcp_statistics s = {.received = 5, .sent = 6, .age = 100};
  luatcp_get_statistics(socket, &s);
  ck_assert_uint_eq(s.received, 0);
  ck_assert_uint_eq(s.sent, 0);
  ck_assert(s.age >= 0 && s.age < 10);
  s = (luatcp_statistics){.received = UINT64_MAX - 1, .sent = 7, .age = 1e6};
  expect(luatcp_set_statistics(socket, &s), LUATCP_OK);
  luatcp_get_statistics(socket, &s);
  ck_assert_uint_eq(s.received, UINT64_MAX - 1);
  ck_assert_uint_eq(s.sent, 7);
  ck_assert(s.age >= 1e6 && s.age < 1e6 + 10);
  s.age = (double)NAN;
  s.sent = 8;
  expect(luatcp_set_statistics(socket, &s), LUATCP_INVALID_ARGUMENT);
  luatcp_get_statistics(socket, &s);
  ck_assert_uint_eq(s.sent, 7);
  luatcp_close(socket);
  luatcp_get_statistics(socket, &s);
  ck_assert_uint_eq(s.sent, 7);
  expect(luatcp_set_statistics(socket, &s), LUATCP_OK);
  luatcp_free(socket);
}
END_TEST

START_TEST(closed_object) {
  int peer;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  luatcp_name name;
  char byte;
  size_t count;
  peer_send_text(peer, "one\ntwo\n");
  peer_wait_readable(socket);
  {
    const char *line;
    expect(luatcp_view_line(socket, NULL, LUATCP_LINE_TEXT, &line, &count),
           LUATCP_OK);
    luatcp_release(socket);
  }
  ck_assert_uint_eq(luatcp_buffered(socket), 4);
  luatcp_close(socket);
  luatcp_close(socket);
  ck_assert_int_eq(luatcp_is_closed(socket), 1);
  ck_assert_int_eq(luatcp_state(socket), LUATCP_CLIENT);
  ck_assert_int_eq(luatcp_get_descriptor(socket), -1);
  ck_assert_uint_eq(luatcp_buffered(socket), 0);
  expect(luatcp_recv(socket, NULL, &byte, 1, &count), LUATCP_CLOSED);
  ck_assert_uint_eq(count, 0);
  expect(luatcp_recv_test(socket, NULL), LUATCP_CLOSED);
  expect(luatcp_recv_until_closed(socket, NULL, &byte, 1, &count),
         LUATCP_CLOSED);
  expect(luatcp_send(socket, NULL, "x", 1, &count), LUATCP_CLOSED);
  ck_assert_uint_eq(count, 0);
  expect(luatcp_send(socket, NULL, "", 0, &count), LUATCP_CLOSED);
  expect(luatcp_shutdown(socket, LUATCP_SHUTDOWN_BOTH), LUATCP_CLOSED);
  expect(luatcp_local_name(socket, &name), LUATCP_CLOSED);
  expect(luatcp_peer_name(socket, &name), LUATCP_CLOSED);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", "1"), LUATCP_CLOSED);
  expect(luatcp_bind(socket, NULL, "127.0.0.1", "0"), LUATCP_CLOSED);
  expect(luatcp_listen(socket, 1), LUATCP_CLOSED);
  luatcp_free(socket);
  close(peer);
}
END_TEST

START_TEST(states_refuse_what_is_not_theirs) {
  char service[8], byte;
  size_t count;
  luatcp_socket *server = peer_server(LUATCP_INET, service);
  luatcp_socket *master = luatcp_new();
  int i;
  for (i = 0; i < 2; i++) {
    luatcp_socket *socket = i == 0 ? server : master;
    const char *view;
    expect(luatcp_recv(socket, NULL, &byte, 1, &count), LUATCP_WRONG_STATE);
    expect(luatcp_recv_count(socket, NULL, &byte, 1, &count),
           LUATCP_WRONG_STATE);
    expect(luatcp_recv_line(socket, NULL, 0, &byte, 1, &count),
           LUATCP_WRONG_STATE);
    expect(luatcp_recv_test(socket, NULL), LUATCP_WRONG_STATE);
    expect(luatcp_view(socket, NULL, 1, 1, &view, &count), LUATCP_WRONG_STATE);
    ck_assert_uint_eq(count, 0);
    expect(luatcp_send(socket, NULL, "x", 1, &count), LUATCP_WRONG_STATE);
    ck_assert_uint_eq(count, 0);
    expect(luatcp_shutdown(socket, LUATCP_SHUTDOWN_SEND), LUATCP_WRONG_STATE);
  }
  expect(luatcp_connect(server, NULL, "127.0.0.1", "1"), LUATCP_WRONG_STATE);
  ck_assert_int_eq(luatcp_state(server), LUATCP_SERVER);
  luatcp_free(master);
  luatcp_free(server);
}
END_TEST

START_TEST(shutdown_ways) {
  int peer;
  char text[8];
  size_t count;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  expect(luatcp_shutdown(socket, 7), LUATCP_INVALID_ARGUMENT);
  expect(luatcp_shutdown(socket, LUATCP_SHUTDOWN_SEND), LUATCP_OK);
  ck_assert_int_eq(recv(peer, text, 1, 0), 0);
  expect(luatcp_send(socket, NULL, "x", 1, &count), -EPIPE);
  peer_send_text(peer, "answer");
  expect(luatcp_recv_count(socket, NULL, text, 6, &count), LUATCP_OK);
  luatcp_free(socket);
  close(peer);

  socket = peer_pair(LUATCP_INET, &peer);
  expect(luatcp_shutdown(socket, LUATCP_SHUTDOWN_RECEIVE), LUATCP_OK);
  peer_send_text(peer, "late");
  expect(luatcp_recv(socket, NULL, text, 1, &count), LUATCP_CLOSED);
  expect(luatcp_recv_until_closed(socket, NULL, text, 8, &count),
         LUATCP_CLOSED);
  expect(luatcp_send(socket, NULL, "still", 5, &count), LUATCP_OK);
  peer_receive(peer, text, 5);
  luatcp_free(socket);
  close(peer);

  socket = peer_pair(LUATCP_INET, &peer);
  expect(luatcp_shutdown(socket, LUATCP_SHUTDOWN_BOTH), LUATCP_OK);
  expect(luatcp_recv(socket, NULL, text, 1, &count), LUATCP_CLOSED);
  expect(luatcp_send(socket, NULL, "x", 1, &count), -EPIPE);
  luatcp_free(socket);
  close(peer);
}
END_TEST

START_TEST(shutdown_of_what_is_not_connected) {
  luatcp_socket *socket = luatcp_new();
  char dead[8];
  peer_dead_port(LUATCP_INET, dead);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", dead), -ECONNREFUSED);
  expect(luatcp_shutdown(socket, LUATCP_SHUTDOWN_BOTH), -ENOTCONN);
  luatcp_free(socket);
}
END_TEST

START_TEST(descriptor_is_shared_non_blocking) {
  int peer, fd;
  size_t count;
  char byte;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  luatcp_deadline deadline;
  fd = luatcp_get_descriptor(socket);
  ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  ck_assert_int_eq(luatcp_get_descriptor(socket), fd);
  /* whatever a stranger does to the flags, limits are kept */
  ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
  luatcp_deadline_after(&deadline, 0.02);
  expect(luatcp_recv(socket, &deadline, &byte, 1, &count), LUATCP_TIMEOUT);
  luatcp_deadline_after(&deadline, 0);
  expect(luatcp_recv(socket, &deadline, &byte, 1, &count), LUATCP_TIMEOUT);
  peer_send_text(peer, "x");
  expect(luatcp_recv(socket, NULL, &byte, 1, &count), LUATCP_OK);
  luatcp_free(socket);
  close(peer);
}
END_TEST

/* A stranger sets the flag of a descriptor that waits in the kernel, or clears
 * it on one that he was told is non-blocking. */
static void change_flags(luatcp_socket *socket, int shared) {
  int fd = shared ? luatcp_get_descriptor(socket) : socket->fd;
  ck_assert_int_eq(fcntl(fd, F_SETFL, shared ? 0 : O_NONBLOCK), 0);
}

static luatcp_deadline *soon(luatcp_deadline *deadline) {
  luatcp_deadline_after(deadline, 0.05);
  return deadline;
}

START_TEST(limits_hold_whatever_strangers_do_to_the_flags) {
  static char data[8 << 20];
  double start = luatcp_monotonic_time();
  int peer;
  size_t count;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  luatcp_deadline deadline;
  change_flags(socket, _i);
  expect(luatcp_recv_count(socket, soon(&deadline), data, 2, &count),
         LUATCP_TIMEOUT);
  peer_send_text(peer, "ab");
  expect(luatcp_recv_count(socket, NULL, data, 2, &count), LUATCP_OK);
  change_flags(socket, _i);
  expect(luatcp_recv_line(socket, soon(&deadline), LUATCP_LINE_TEXT, data, 9,
                          &count),
         LUATCP_TIMEOUT);
  change_flags(socket, _i);
  expect(luatcp_send(socket, soon(&deadline), data, sizeof data, &count),
         LUATCP_TIMEOUT);
  ck_assert_uint_gt(count, 0);
  ck_assert_uint_lt(count, sizeof data);
  luatcp_free(socket);
  close(peer);
  ck_assert(peer_since(start) > 0.14 && peer_since(start) < 10);
}
END_TEST

START_TEST(accept_waits_whatever_strangers_do_to_the_flags) {
  double start = luatcp_monotonic_time();
  char port[8];
  luatcp_socket *server = peer_server(LUATCP_INET, port);
  luatcp_socket *client = luatcp_new(), *accepted = luatcp_new();
  luatcp_deadline deadline;
  change_flags(server, _i);
  expect(luatcp_accept(server, soon(&deadline), accepted), LUATCP_TIMEOUT);
  ck_assert(peer_since(start) > 0.04 && peer_since(start) < 10);
  expect(luatcp_connect(client, NULL, "127.0.0.1", port), LUATCP_OK);
  expect(luatcp_accept(server, NULL, accepted), LUATCP_OK);
  luatcp_free(accepted);
  luatcp_free(client);
  luatcp_free(server);
}
END_TEST

START_TEST(set_descriptor_replaces) {
  int one, two, fd;
  size_t count;
  char byte;
  luatcp_socket *a = peer_pair(LUATCP_INET, &one);
  luatcp_socket *b = peer_pair(LUATCP_INET, &two);
  fd = luatcp_get_descriptor(a);
  luatcp_set_descriptor(a, -1);
  ck_assert_int_eq(luatcp_get_descriptor(a), -1);
  ck_assert_int_eq(luatcp_is_closed(a), 1);
  ck_assert_int_eq(luatcp_state(a), LUATCP_CLIENT);
  {
    int old = luatcp_get_descriptor(b);
    luatcp_set_descriptor(b, fd);
    ck_assert_int_ge(fcntl(old, F_GETFD), 0); /* dropped, not closed */
    close(old);
  }
  peer_send_text(one, "x");
  expect(luatcp_recv(b, NULL, &byte, 1, &count), LUATCP_OK);
  ck_assert_int_eq(byte, 'x');
  ck_assert_int_eq(luatcp_get_family(b), LUATCP_INET);
  luatcp_free(a);
  luatcp_free(b);
  close(one);
  close(two);
}
END_TEST

START_TEST(detach_and_adopt) {
  int family = families[_i], peer, fd;
  size_t count;
  char byte, service[8];
  luatcp_socket *socket, *other;
  NEED(family);
  socket = peer_pair(family, &peer);
  fd = luatcp_detach(socket);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  ck_assert_int_eq(luatcp_is_closed(socket), 1);
  ck_assert_int_eq(luatcp_detach(socket), -1);
  luatcp_free(socket);
  ck_assert_int_eq(fcntl(fd, F_SETFD, 0), 0);
  other = luatcp_new();
  expect(luatcp_adopt(other, fd), LUATCP_OK);
  ck_assert_int_eq(luatcp_state(other), LUATCP_CLIENT);
  ck_assert_int_eq(luatcp_get_family(other), family);
  ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  peer_send_text(peer, "x");
  expect(luatcp_recv(other, NULL, &byte, 1, &count), LUATCP_OK);
  expect(luatcp_adopt(other, fd), LUATCP_WRONG_STATE);
  luatcp_free(other);
  close(peer);

  fd = peer_listen(family, 1, service);
  other = luatcp_new();
  expect(luatcp_adopt(other, fd), LUATCP_OK);
  ck_assert_int_eq(luatcp_state(other), LUATCP_SERVER);
  luatcp_free(other);

  fd = socket_of(family);
  other = luatcp_new();
  expect(luatcp_adopt(other, fd), LUATCP_OK);
  ck_assert_int_eq(luatcp_state(other), LUATCP_MASTER);
  ck_assert_int_eq(luatcp_get_family(other), family);
  luatcp_free(other);
}
END_TEST

START_TEST(adopt_refuses) {
  int pipes[2], fd, pair[2];
  luatcp_socket *other = luatcp_new();
  expect(luatcp_adopt(other, -1), -EBADF);
  expect(luatcp_adopt(other, 500), -EBADF);
  ck_assert_int_eq(pipe(pipes), 0);
  expect(luatcp_adopt(other, pipes[0]), -ENOTSOCK);
  ck_assert_int_ge(fcntl(pipes[0], F_GETFD), 0);
  fd = socket(AF_INET, SOCK_DGRAM, 0);
  expect(luatcp_adopt(other, fd), LUATCP_NOT_TCP);
  ck_assert_int_ge(fcntl(fd, F_GETFD), 0); /* it stays the caller's */
  close(fd);
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  expect(luatcp_adopt(other, pair[0]), LUATCP_NOT_TCP);
  close(pair[0]);
  close(pair[1]);
  close(pipes[0]);
  close(pipes[1]);
  ck_assert_int_eq(luatcp_state(other), LUATCP_MASTER);
  expect(luatcp_bind(other, NULL, "127.0.0.1", "0"), LUATCP_OK);
  luatcp_free(other);
}
END_TEST

static void add(Suite *suite) {
  TCase *made = peer_case(suite, "tcp");
  tcase_add_test(made, fresh_object);
  tcase_add_loop_test(made, open_gives_a_descriptor, 0, 2);
  tcase_add_test(made, open_with_odd_families);
  tcase_add_test(made, family_restricts);
  tcase_add_loop_test(made, bind_listen_accept, 0, 2);
  tcase_add_test(made, wildcards);
  tcase_add_test(made, bind_failures);
  tcase_add_test(made, bind_takes_a_name);
  tcase_add_test(made, listen_without_bind);
  tcase_add_test(made, accept_keeps_its_deadline);
  tcase_add_test(made, accept_passes_over_a_dead_connection);
  /* memcheck accepts, sees its own limit, and closes again */
  if (getenv("LUATCP_MEMCHECK") == NULL)
    tcase_add_test(made, out_of_descriptors);
  tcase_add_loop_test(made, accept_is_interrupted, 0, 8);
  tcase_add_test(made, limits);
  tcase_add_test(made, statistics);
  tcase_add_test(made, closed_object);
  tcase_add_test(made, states_refuse_what_is_not_theirs);
  tcase_add_test(made, shutdown_ways);
  tcase_add_test(made, shutdown_of_what_is_not_connected);
  tcase_add_test(made, descriptor_is_shared_non_blocking);
  tcase_add_loop_test(made, limits_hold_whatever_strangers_do_to_the_flags, 0,
                      2);
  tcase_add_loop_test(made, accept_waits_whatever_strangers_do_to_the_flags, 0,
                      2);
  tcase_add_test(made, set_descriptor_replaces);
  tcase_add_loop_test(made, detach_and_adopt, 0, 2);
  tcase_add_test(made, adopt_refuses);
}

int main(void) { return peer_main("tcp", add); }
