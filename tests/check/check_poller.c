/* SPDX-License-Identifier: MIT
 *
 * check_poller.c: the standing set, on whichever backend was built.
 */
#include "internal.h"
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static luatcp_poller *poller;
static luatcp_event events[64];
static size_t count;

static void setup(void) { expect(luatcp_poller_new(&poller), LUATCP_OK); }

static void teardown(void) { luatcp_poller_free(poller); }

static int wait_for(double seconds) {
  luatcp_deadline deadline;
  luatcp_deadline_after(&deadline, seconds);
  count = 77;
  return luatcp_poller_wait(poller, &deadline, events, 64, &count);
}

static int add(luatcp_socket *socket, int wanted, void *data) {
  return luatcp_poller_add(poller, socket, -1, wanted, data);
}

/* The one event that a wait gives is this one. */
static void expect_event(void *data, int happened) {
  expect(wait_for(10), LUATCP_OK);
  ck_assert_uint_eq(count, 1);
  ck_assert_ptr_eq(events[0].data, data);
  ck_assert_int_eq(events[0].events, happened);
}

static void expect_nothing(void) {
  expect(wait_for(0), LUATCP_TIMEOUT);
  ck_assert_uint_eq(count, 0);
}

START_TEST(an_empty_set_waits_for_its_time) {
  double start = luatcp_monotonic_time();
  expect(wait_for(0.03), LUATCP_TIMEOUT);
  ck_assert_uint_eq(count, 0);
  ck_assert_double_ge(peer_since(start), 0.03);
  ck_assert_double_le(peer_since(start), 5);
}
END_TEST

START_TEST(readable_writable_and_again) {
  int peer, data;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  expect(add(socket, LUATCP_READABLE, &data), LUATCP_OK);
  expect_nothing();
  peer_send_text(peer, "x");
  expect_event(&data, LUATCP_READABLE);
  expect_event(&data, LUATCP_READABLE); /* level-triggered */
  expect(luatcp_poller_modify(poller, socket, -1,
                              LUATCP_READABLE | LUATCP_WRITABLE, &count),
         LUATCP_OK);
  expect_event(&count, LUATCP_READABLE | LUATCP_WRITABLE);
  expect(luatcp_poller_modify(poller, socket, -1, LUATCP_WRITABLE, &data),
         LUATCP_OK);
  expect_event(&data, LUATCP_WRITABLE);
  expect(luatcp_poller_modify(poller, socket, -1, 0, &data), LUATCP_OK);
  expect_nothing();
  expect(luatcp_poller_modify(poller, socket, -1, LUATCP_READABLE, &data),
         LUATCP_OK);
  expect_event(&data, LUATCP_READABLE);
  expect(luatcp_poller_remove(poller, socket, -1), LUATCP_OK);
  expect_nothing();
  luatcp_free(socket);
  close(peer);
}
END_TEST

START_TEST(bare_descriptors) {
  int ends[2], data;
  ck_assert_int_eq(pipe(ends), 0);
  expect(luatcp_poller_add(poller, NULL, ends[0], LUATCP_READABLE, &data),
         LUATCP_OK);
  expect_nothing();
  ck_assert_int_eq(write(ends[1], "x", 1), 1);
  expect_event(&data, LUATCP_READABLE);
  expect(luatcp_poller_remove(poller, NULL, ends[0]), LUATCP_OK);
  expect_nothing();
  close(ends[0]);
  close(ends[1]);
}
END_TEST

START_TEST(what_cannot_be_added) {
  int peer, data;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  luatcp_socket *closed = luatcp_new();
  luatcp_close(closed);
  expect(add(closed, LUATCP_READABLE, &data), LUATCP_CLOSED);
  expect(add(socket, 8, &data), LUATCP_INVALID_ARGUMENT);
  expect(luatcp_poller_add(poller, NULL, -1, LUATCP_READABLE, &data), -EBADF);
  expect(luatcp_poller_add(poller, NULL, 987, LUATCP_READABLE, &data), -EBADF);
  expect(luatcp_poller_remove(poller, socket, -1), LUATCP_NOT_WATCHED);
  expect(luatcp_poller_remove(poller, NULL, 987), LUATCP_NOT_WATCHED);
  expect(luatcp_poller_modify(poller, socket, -1, LUATCP_READABLE, &data),
         LUATCP_NOT_WATCHED);
  expect(add(socket, LUATCP_READABLE, &data), LUATCP_OK);
  expect(add(socket, LUATCP_READABLE, &data), LUATCP_WATCHED);
  expect(luatcp_poller_modify(poller, socket, -1, 16, &data),
         LUATCP_INVALID_ARGUMENT);
  expect_nothing();
  expect(luatcp_poller_wait(poller, NULL, events, 0, &count),
         LUATCP_INVALID_ARGUMENT);
  luatcp_free(closed);
  luatcp_free(socket);
  close(peer);
}
END_TEST

/* A number that a stranger gives is not believed. */
START_TEST(a_number_that_is_no_descriptor) {
  enum { LARGE = 60000000 };
  struct rusage before, after;
  ck_assert_int_eq(getrusage(RUSAGE_SELF, &before), 0);
  expect(luatcp_poller_add(poller, NULL, LARGE, _i, NULL), -EBADF);
  ck_assert_int_eq(getrusage(RUSAGE_SELF, &after), 0);
  /* the unit differs between systems */
  ck_assert_int_lt(after.ru_maxrss, 16 * before.ru_maxrss);
  expect(luatcp_poller_remove(poller, NULL, LARGE), LUATCP_NOT_WATCHED);
}
END_TEST

START_TEST(buffered_input_is_reported) {
  int peer, data;
  const char *view;
  size_t length;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  expect(add(socket, LUATCP_READABLE, &data), LUATCP_OK);
  peer_send_text(peer, "one\ntwo\n");
  expect_event(&data, LUATCP_READABLE);
  expect(luatcp_view_line(socket, NULL, LUATCP_LINE_TEXT, &view, &length),
         LUATCP_OK);
  luatcp_release(socket);
  /* the kernel has nothing more */
  expect_event(&data, LUATCP_READABLE);
  expect_event(&data, LUATCP_READABLE);
  expect(luatcp_view_line(socket, NULL, LUATCP_LINE_TEXT, &view, &length),
         LUATCP_OK);
  luatcp_release(socket);
  expect_nothing();
  luatcp_free(socket);
  close(peer);
}
END_TEST

START_TEST(buffered_before_it_was_added) {
  int peer, data;
  const char *view;
  size_t length;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  peer_send_text(peer, "one\ntwo\n");
  expect(luatcp_view(socket, NULL, 8, 8, &view, &length), LUATCP_OK);
  expect(add(socket, LUATCP_READABLE | LUATCP_WRITABLE, &data), LUATCP_OK);
  /* one event for what is buffered and what the kernel says */
  expect_event(&data, LUATCP_READABLE | LUATCP_WRITABLE);
  luatcp_free(socket);
  close(peer);
}
END_TEST

START_TEST(one_shots) {
  int peer, data;
  const char *view;
  size_t length;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  expect(add(socket, LUATCP_READABLE | LUATCP_ONE_SHOT, &data), LUATCP_OK);
  peer_send_text(peer, "one\ntwo\n");
  expect_event(&data, LUATCP_READABLE);
  expect_nothing();
  expect(luatcp_poller_modify(poller, socket, -1,
                              LUATCP_READABLE | LUATCP_ONE_SHOT, &data),
         LUATCP_OK);
  expect_event(&data, LUATCP_READABLE);
  expect_nothing();
  /* the same for input that only the buffer has */
  expect(luatcp_view_line(socket, NULL, LUATCP_LINE_TEXT, &view, &length),
         LUATCP_OK);
  luatcp_release(socket);
  expect_nothing();
  expect(luatcp_poller_modify(poller, socket, -1,
                              LUATCP_READABLE | LUATCP_ONE_SHOT, &data),
         LUATCP_OK);
  expect_event(&data, LUATCP_READABLE);
  peer_send_text(peer, "more");
  expect_nothing();
  /* also for the end of the stream, which some kernels always report */
  close(peer);
  expect_nothing();
  expect_nothing();
  luatcp_free(socket);
}
END_TEST

START_TEST(ends_and_resets) {
  int ended, reset;
  luatcp_socket *a = peer_pair(LUATCP_INET, &ended);
  luatcp_socket *b = peer_pair(LUATCP_INET, &reset);
  expect(add(a, LUATCP_READABLE, &ended), LUATCP_OK);
  close(ended);
  expect_event(&ended, LUATCP_READABLE);
  expect(luatcp_poller_remove(poller, a, -1), LUATCP_OK);
  expect(add(b, LUATCP_READABLE, &reset), LUATCP_OK);
  peer_reset(reset);
  expect_event(&reset, LUATCP_READABLE);
  expect(luatcp_poller_modify(poller, b, -1, LUATCP_READABLE | LUATCP_WRITABLE,
                              &reset),
         LUATCP_OK);
  expect_event(&reset, LUATCP_READABLE | LUATCP_WRITABLE);
  luatcp_free(a);
  luatcp_free(b);
}
END_TEST

START_TEST(closed_sockets_leave) {
  int peers[2], data[2];
  luatcp_socket *a = peer_pair(LUATCP_INET, &peers[0]);
  luatcp_socket *b = peer_pair(LUATCP_INET, &peers[1]);
  expect(add(a, LUATCP_READABLE, &data[0]), LUATCP_OK);
  expect(add(b, LUATCP_READABLE, &data[1]), LUATCP_OK);
  luatcp_close(a);
  expect_event(&data[0], 0);
  expect_nothing();
  expect(luatcp_poller_remove(poller, a, -1), LUATCP_NOT_WATCHED);
  luatcp_free(a);
  luatcp_free(b);
  expect_event(&data[1], 0);
  expect_nothing();
  close(peers[0]);
  close(peers[1]);
}
END_TEST

/* A number that is used again is another watch. */
START_TEST(numbers_come_back) {
  int peers[2], data[2], fd;
  luatcp_socket *a = peer_pair(LUATCP_INET, &peers[0]);
  luatcp_socket *b = peer_pair(LUATCP_INET, &peers[1]);
  fd = luatcp_get_descriptor(a);
  expect(add(a, LUATCP_READABLE, &data[0]), LUATCP_OK);
  expect(add(b, LUATCP_READABLE, &data[1]), LUATCP_OK);
  luatcp_close(a);
  ck_assert_int_eq(dup2(luatcp_get_descriptor(b), fd), fd);
  expect(luatcp_poller_add(poller, NULL, fd, LUATCP_READABLE, &fd), LUATCP_OK);
  expect_event(&data[0], 0);
  peer_send_text(peers[1], "x");
  expect(wait_for(10), LUATCP_OK);
  ck_assert_uint_eq(count, 2);
  expect(luatcp_poller_remove(poller, NULL, fd), LUATCP_OK);
  close(fd);
  expect_event(&data[1], LUATCP_READABLE);
  luatcp_free(a);
  luatcp_free(b);
  close(peers[0]);
  close(peers[1]);
}
END_TEST

/* Closed by a stranger while a copy lives on: epoll goes on reporting what
 * nobody can take out of its set any more. */
START_TEST(a_descriptor_closed_by_a_stranger) {
  int ends[2], copy, data, other[2];
  double start;
  ck_assert_int_eq(pipe(ends), 0);
  ck_assert_int_eq(pipe(other), 0);
  expect(luatcp_poller_add(poller, NULL, ends[0], LUATCP_READABLE, &data),
         LUATCP_OK);
  expect(luatcp_poller_add(poller, NULL, other[0], LUATCP_READABLE, &other),
         LUATCP_OK);
  copy = dup(ends[0]);
  close(ends[0]);
  ck_assert_int_eq(write(ends[1], "x", 1), 1);
  expect(luatcp_poller_remove(poller, NULL, ends[0]), LUATCP_OK);
  start = luatcp_monotonic_time();
  expect(wait_for(0.02), LUATCP_TIMEOUT);
  ck_assert_double_ge(peer_since(start), 0.02);
  ck_assert_int_eq(write(other[1], "x", 1), 1);
  expect_event(&other, LUATCP_READABLE);
  close(copy);
  close(ends[1]);
  close(other[0]);
  close(other[1]);
}
END_TEST

START_TEST(a_descriptor_opened_again_by_a_stranger) {
  int first[2], second[2], data;
  ck_assert_int_eq(pipe(first), 0);
  ck_assert_int_eq(pipe(second), 0);
  expect(luatcp_poller_add(poller, NULL, first[0], LUATCP_READABLE, &data),
         LUATCP_OK);
  ck_assert_int_eq(dup2(second[0], first[0]), first[0]);
  ck_assert_int_eq(write(second[1], "x", 1), 1);
  expect(luatcp_poller_modify(poller, NULL, first[0], LUATCP_READABLE, &data),
         LUATCP_OK);
  expect_event(&data, LUATCP_READABLE);
  close(first[0]);
  close(first[1]);
  close(second[0]);
  close(second[1]);
}
END_TEST

/* What was watched was closed by a stranger, and a socket has its number: it is
 * the socket's from then on, whatever becomes of the other.  With a copy (_i),
 * epoll goes on reporting what was closed; kqueue forgets it, but for its test
 * double. */
START_TEST(a_number_that_is_used_again) {
  int ends[2], number, copy = -1, peer, data;
  double start;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  int own = luatcp_get_descriptor(socket);
  ck_assert_int_eq(pipe(ends), 0);
  number = ends[0];
  expect(luatcp_poller_add(poller, NULL, number, LUATCP_READABLE, &data),
         LUATCP_OK);
  if (_i != 0 && !luatcp_has_feature("kqueue"))
    copy = dup(number);
  ck_assert_int_eq(write(ends[1], "x", 1), 1);
  ck_assert_int_eq(close(number), 0);
  ck_assert_int_eq(dup2(own, number), number);
  luatcp_set_descriptor(socket, number);
  expect(add(socket, LUATCP_READABLE, socket), LUATCP_OK);
  expect(luatcp_poller_modify(poller, NULL, number, LUATCP_READABLE, &data),
         LUATCP_WATCHED);
  start = luatcp_monotonic_time();
  expect(wait_for(0.02), LUATCP_TIMEOUT);
  ck_assert_double_ge(peer_since(start), 0.02);
  peer_send_text(peer, "x");
  expect_event(socket, LUATCP_READABLE);
  expect(luatcp_poller_remove(poller, NULL, number), LUATCP_OK);
  expect_event(socket, LUATCP_READABLE);
  expect(luatcp_poller_modify(poller, socket, -1,
                              LUATCP_READABLE | LUATCP_WRITABLE, socket),
         LUATCP_OK);
  expect_event(socket, LUATCP_READABLE | LUATCP_WRITABLE);
  luatcp_free(socket);
  expect_event(socket, 0);
  close(own);
  close(ends[1]);
  if (copy >= 0)
    close(copy);
  close(peer);
}
END_TEST

/* The first one is watched, the other one when the first has left. */
START_TEST(two_sockets_with_one_descriptor) {
  int peers[2], old;
  double start;
  luatcp_socket *a = peer_pair(LUATCP_INET, &peers[0]);
  luatcp_socket *b = peer_pair(LUATCP_INET, &peers[1]);
  expect(add(a, LUATCP_READABLE, a), LUATCP_OK);
  expect(add(b, LUATCP_READABLE, b), LUATCP_OK);
  old = luatcp_get_descriptor(b);
  luatcp_set_descriptor(b, luatcp_get_descriptor(a));
  start = luatcp_monotonic_time();
  expect(wait_for(0.02), LUATCP_TIMEOUT);
  ck_assert_double_ge(peer_since(start), 0.02);
  peer_send_text(peers[0], "x");
  expect_event(a, LUATCP_READABLE);
  expect(luatcp_poller_modify(poller, b, -1, LUATCP_READABLE, b),
         LUATCP_WATCHED);
  expect_event(a, LUATCP_READABLE);
  expect(luatcp_poller_remove(poller, b, -1), LUATCP_OK);
  expect(add(b, LUATCP_READABLE, b), LUATCP_WATCHED);
  expect_event(a, LUATCP_READABLE);
  luatcp_set_descriptor(b, old);
  expect(add(b, LUATCP_READABLE, b), LUATCP_OK);
  luatcp_set_descriptor(b, luatcp_get_descriptor(a));
  expect_event(a, LUATCP_READABLE);
  if (_i == 0)
    expect(luatcp_poller_remove(poller, a, -1), LUATCP_OK);
  else
    luatcp_set_descriptor(a, old);
  expect_event(b, LUATCP_READABLE);
  luatcp_free(b);
  expect_event(b, 0);
  if (_i == 0)
    close(old);
  luatcp_free(a);
  close(peers[0]);
  close(peers[1]);
}
END_TEST

START_TEST(a_server) {
  char port[8];
  luatcp_socket *server = peer_server(LUATCP_INET, port);
  luatcp_socket *client = luatcp_new(), *accepted = luatcp_new();
  expect(add(server, LUATCP_READABLE, server), LUATCP_OK);
  expect_nothing();
  expect(luatcp_connect(client, NULL, "127.0.0.1", port), LUATCP_OK);
  expect_event(server, LUATCP_READABLE);
  expect(luatcp_accept(server, NULL, accepted), LUATCP_OK);
  expect_nothing();
  luatcp_free(accepted);
  luatcp_free(client);
  luatcp_free(server);
}
END_TEST

/* Added before it has a descriptor, it is carried through its connect. */
START_TEST(a_connect_is_carried) {
  char port[8];
  luatcp_socket *server = peer_server(LUATCP_INET, port);
  luatcp_socket *client = luatcp_new();
  expect(luatcp_set_timeout(client, LUATCP_BLOCK, 0), LUATCP_OK);
  expect(add(client, LUATCP_WRITABLE, client), LUATCP_OK);
  expect_nothing();
  expect(luatcp_connect(client, NULL, "127.0.0.1", port), LUATCP_TIMEOUT);
  expect_event(client, LUATCP_WRITABLE);
  expect(luatcp_connect(client, NULL, "127.0.0.1", port), LUATCP_OK);
  expect_event(client, LUATCP_WRITABLE);
  luatcp_free(client);
  luatcp_free(server);
}
END_TEST

START_TEST(a_name_is_carried) {
  char port[8];
  luatcp_socket *server = peer_server(LUATCP_INET, port);
  luatcp_socket *client = luatcp_new();
  int status;
  expect(luatcp_set_timeout(client, LUATCP_BLOCK, 0), LUATCP_OK);
  expect(luatcp_set_family(client, LUATCP_INET), LUATCP_OK);
  status = luatcp_connect(client, NULL, "localhost", port);
  ck_assert(status == LUATCP_TIMEOUT || status == LUATCP_OK);
  expect(add(client, LUATCP_WRITABLE, client), LUATCP_OK);
  expect_event(client, LUATCP_WRITABLE);
  status = luatcp_connect(client, NULL, "localhost", port);
  ck_assert(status == LUATCP_OK || status == -EISCONN);
  luatcp_free(client);
  luatcp_free(server);
}
END_TEST

START_TEST(a_failed_connect_is_ready) {
  char port[8];
  luatcp_socket *client = luatcp_new();
  peer_dead_port(LUATCP_INET, port);
  expect(luatcp_set_timeout(client, LUATCP_BLOCK, 0), LUATCP_OK);
  expect(add(client, LUATCP_READABLE | LUATCP_WRITABLE, client), LUATCP_OK);
  expect(luatcp_connect(client, NULL, "127.0.0.1", port), LUATCP_TIMEOUT);
  expect_event(client, LUATCP_READABLE | LUATCP_WRITABLE);
  expect(luatcp_connect(client, NULL, "127.0.0.1", port), -ECONNREFUSED);
  luatcp_free(client);
}
END_TEST

START_TEST(two_pollers_and_one_socket) {
  int peer, data;
  const char *view;
  size_t length;
  luatcp_poller *first = poller, *second;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  expect(luatcp_poller_new(&second), LUATCP_OK);
  expect(luatcp_poller_add(first, socket, -1, LUATCP_READABLE, &data),
         LUATCP_OK);
  expect(luatcp_poller_add(second, socket, -1, LUATCP_READABLE, &peer),
         LUATCP_OK);
  peer_send_text(peer, "one\ntwo\n");
  expect_event(&data, LUATCP_READABLE);
  expect(luatcp_view_line(socket, NULL, LUATCP_LINE_TEXT, &view, &length),
         LUATCP_OK);
  luatcp_release(socket);
  expect_event(&data, LUATCP_READABLE);
  poller = second;
  expect_event(&peer, LUATCP_READABLE);
  luatcp_poller_free(second);
  poller = first;
  expect_event(&data, LUATCP_READABLE);
  luatcp_free(socket);
  expect_event(&data, 0);
  close(peer);
}
END_TEST

START_TEST(the_set_goes_before_its_sockets) {
  int peer;
  const char *view;
  size_t length;
  luatcp_poller *gone;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  expect(luatcp_poller_new(&gone), LUATCP_OK);
  expect(luatcp_poller_add(gone, socket, -1, LUATCP_READABLE, NULL), LUATCP_OK);
  luatcp_poller_free(gone);
  peer_send_text(peer, "x");
  expect(luatcp_view(socket, NULL, 1, 1, &view, &length), LUATCP_OK);
  luatcp_free(socket);
  close(peer);
}
END_TEST

/* No more than the room there is, and nobody starves. */
START_TEST(more_ready_than_room) {
  enum { MANY = 20 };
  int peers[MANY], seen[MANY] = {0}, i, turn;
  luatcp_socket *sockets[MANY];
  for (i = 0; i < MANY; i++) {
    sockets[i] = peer_pair(LUATCP_INET, &peers[i]);
    expect(add(sockets[i], LUATCP_READABLE, &seen[i]), LUATCP_OK);
    peer_send_text(peers[i], "x");
    peer_wait_readable(sockets[i]);
  }
  for (turn = 0; turn < 2 * MANY; turn++) {
    size_t at;
    expect(luatcp_poller_wait(poller, NULL, events, 3, &count), LUATCP_OK);
    ck_assert_uint_le(count, 3);
    for (at = 0; at < count; at++)
      ++*(int *)events[at].data;
  }
  for (i = 0; i < MANY; i++) {
    ck_assert_int_gt(seen[i], 0);
    luatcp_free(sockets[i]);
    close(peers[i]);
  }
}
END_TEST

/* Connections with lines in their buffers, more than are read here, and one
 * with fresh input. */
enum { LINES = 4 };

static void make_buffered(luatcp_socket **sockets, int *peers) {
  const char *view;
  size_t length;
  int i;
  for (i = 0; i < LINES; i++) {
    sockets[i] = peer_pair(LUATCP_INET, &peers[i]);
    peer_send_text(peers[i], "one\ntwo\n");
    expect(luatcp_view(sockets[i], NULL, 8, 8, &view, &length), LUATCP_OK);
  }
  sockets[LINES] = peer_pair(LUATCP_INET, &peers[LINES]);
  peer_send_text(peers[LINES], "x");
  peer_wait_readable(sockets[LINES]);
}

static void free_buffered(luatcp_socket **sockets, const int *peers) {
  int i;
  for (i = 0; i <= LINES; i++) {
    luatcp_free(sockets[i]);
    close(peers[i]);
  }
}

START_TEST(buffered_input_leaves_room) {
  luatcp_socket *sockets[LINES + 1];
  int peers[LINES + 1], seen[LINES + 1] = {0}, i;
  make_buffered(sockets, peers);
  for (i = 0; i <= LINES; i++)
    expect(add(sockets[i], LUATCP_READABLE, &seen[i]), LUATCP_OK);
  for (i = 0; i < 4 * LINES; i++) {
    size_t at;
    expect(luatcp_poller_wait(poller, NULL, events, (size_t)_i, &count),
           LUATCP_OK);
    ck_assert_int_eq((int)count, _i);
    for (at = 0; at < count; at++)
      ++*(int *)events[at].data;
  }
  for (i = 0; i <= LINES; i++)
    ck_assert_int_ge(seen[i], 2);
  free_buffered(sockets, peers);
}
END_TEST

/* However little room there is, and however the kernel tells of them. */
START_TEST(all_events_that_hold) {
  enum { BOTH = LUATCP_READABLE | LUATCP_WRITABLE };
  luatcp_socket *sockets[LINES + 1];
  int peers[LINES + 1], seen[LINES + 1] = {0}, i, turn;
  make_buffered(sockets, peers);
  for (i = 0; i <= LINES; i++)
    expect(add(sockets[i], BOTH | LUATCP_ONE_SHOT, &seen[i]), LUATCP_OK);
  for (turn = 0; turn <= LINES; turn++) {
    size_t at;
    expect(luatcp_poller_wait(poller, NULL, events, (size_t)_i, &count),
           LUATCP_OK);
    for (at = 0; at < count; at++) {
      ck_assert_int_eq(events[at].events, BOTH);
      ++*(int *)events[at].data;
    }
    for (at = 0, i = 0; i <= LINES; i++)
      at += (size_t)seen[i];
    if (at == LINES + 1)
      break;
  }
  for (i = 0; i <= LINES; i++)
    ck_assert_int_eq(seen[i], 1);
  expect_nothing();
  free_buffered(sockets, peers);
}
END_TEST

START_TEST(many_with_one_active) {
  enum { MANY = 150 };
  int peers[MANY], data[MANY], i;
  luatcp_socket *sockets[MANY];
  for (i = 0; i < MANY; i++) {
    sockets[i] = peer_pair(LUATCP_INET, &peers[i]);
    expect(add(sockets[i], LUATCP_READABLE, &data[i]), LUATCP_OK);
  }
  expect_nothing();
  for (i = 0; i < MANY; i += 7) {
    char byte;
    size_t received;
    peer_send_text(peers[i], "x");
    expect_event(&data[i], LUATCP_READABLE);
    expect(luatcp_recv(sockets[i], NULL, &byte, 1, &received), LUATCP_OK);
  }
  for (i = 0; i < MANY; i += 2)
    expect(luatcp_poller_remove(poller, sockets[i], -1), LUATCP_OK);
  peer_send_text(peers[1], "x");
  expect_event(&data[1], LUATCP_READABLE);
  for (i = 0; i < MANY; i++) {
    luatcp_free(sockets[i]);
    close(peers[i]);
  }
}
END_TEST

START_TEST(descriptors_are_replaced) {
  int peers[2], data, old, fresh;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peers[0]);
  luatcp_socket *other = peer_pair(LUATCP_INET, &peers[1]);
  expect(add(socket, LUATCP_READABLE, &data), LUATCP_OK);
  old = luatcp_get_descriptor(socket);
  fresh = dup(luatcp_get_descriptor(other));
  luatcp_set_descriptor(socket, fresh);
  peer_send_text(peers[0], "x");
  expect_nothing();
  peer_send_text(peers[1], "x");
  expect_event(&data, LUATCP_READABLE);
  close(old);
  luatcp_free(socket);
  luatcp_free(other);
  expect_event(&data, 0);
  close(peers[0]);
  close(peers[1]);
}
END_TEST

START_TEST(a_signal_ends_the_wait) {
  peer_alarm_start(20, _i != 0);
  expect(wait_for(5), -EINTR);
  peer_alarm_stop();
}
END_TEST

/* What a forked child does to its copy leaves the parent's alone. */
static bool works_in_child(luatcp_socket *socket, int peer, bool use) {
  int status;
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    bool good = true;
    if (use)
      good = wait_for(0) == LUATCP_TIMEOUT && write(peer, "c", 1) == 1 &&
             wait_for(10) == LUATCP_OK && count == 1 &&
             events[0].data == socket;
    luatcp_free(socket);
    luatcp_poller_free(poller);
    _exit(good ? 0 : 1);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  return status == 0;
}

START_TEST(forked_children) {
  int peer;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  expect(add(socket, LUATCP_READABLE, socket), LUATCP_OK);
  ck_assert(works_in_child(socket, peer, false));
  ck_assert(works_in_child(socket, peer, true));
  expect_event(socket, LUATCP_READABLE);
  luatcp_free(socket);
  close(peer);
}
END_TEST

static void add_tests(Suite *suite) {
  TCase *made = peer_case(suite, "poller");
  tcase_add_checked_fixture(made, setup, teardown);
  tcase_add_test(made, forked_children);
  tcase_add_test(made, an_empty_set_waits_for_its_time);
  tcase_add_test(made, readable_writable_and_again);
  tcase_add_test(made, bare_descriptors);
  tcase_add_test(made, what_cannot_be_added);
  tcase_add_loop_test(made, a_number_that_is_no_descriptor, 0, 4);
  tcase_add_test(made, buffered_input_is_reported);
  tcase_add_test(made, buffered_before_it_was_added);
  tcase_add_test(made, one_shots);
  tcase_add_test(made, ends_and_resets);
  tcase_add_test(made, closed_sockets_leave);
  tcase_add_test(made, numbers_come_back);
  tcase_add_test(made, a_descriptor_closed_by_a_stranger);
  tcase_add_test(made, a_descriptor_opened_again_by_a_stranger);
  tcase_add_loop_test(made, a_number_that_is_used_again, 0, 2);
  tcase_add_loop_test(made, two_sockets_with_one_descriptor, 0, 2);
  tcase_add_test(made, a_server);
  tcase_add_test(made, a_connect_is_carried);
  tcase_add_test(made, a_name_is_carried);
  tcase_add_test(made, a_failed_connect_is_ready);
  tcase_add_test(made, two_pollers_and_one_socket);
  tcase_add_test(made, the_set_goes_before_its_sockets);
  tcase_add_test(made, more_ready_than_room);
  tcase_add_loop_test(made, buffered_input_leaves_room, 1, LINES + 1);
  tcase_add_loop_test(made, all_events_that_hold, 1, LINES + 3);
  tcase_add_test(made, many_with_one_active);
  tcase_add_test(made, descriptors_are_replaced);
  tcase_add_loop_test(made, a_signal_ends_the_wait, 0, 2);
}

int main(void) { return peer_main("poller", add_tests); }
