/* SPDX-License-Identifier: MIT
 *
 * check_wait.c: waiting for one descriptor and for many.
 */
#include "internal.h"
#include "peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static luatcp_wait_item on(luatcp_socket *socket, int events) {
  luatcp_wait_item item = {
      .socket = socket, .descriptor = -1, .events = events, .ready = 77};
  return item;
}

static luatcp_wait_item on_descriptor(int fd, int events) {
  luatcp_wait_item item = {
      .socket = NULL, .descriptor = fd, .events = events, .ready = 77};
  return item;
}

static int wait_for(double seconds, luatcp_wait_item *items, size_t count,
                    size_t *ready) {
  luatcp_deadline deadline;
  luatcp_deadline_after(&deadline, seconds);
  *ready = 77;
  return luatcp_wait(&deadline, items, count, ready);
}

START_TEST(nothing_to_wait_for) {
  size_t ready;
  double start = luatcp_monotonic_time();
  expect(wait_for(0.03, NULL, 0, &ready), LUATCP_TIMEOUT);
  ck_assert_uint_eq(ready, 0);
  ck_assert_double_ge(peer_since(start), 0.03);
  ck_assert_double_le(peer_since(start), 5);
  expect(wait_for(0, NULL, 0, &ready), LUATCP_TIMEOUT);
}
END_TEST

START_TEST(readable_and_writable) {
  int peer;
  size_t ready;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  luatcp_wait_item items[2] = {on(socket, LUATCP_READABLE),
                               on_descriptor(peer, LUATCP_READABLE)};
  expect(wait_for(0, items, 2, &ready), LUATCP_TIMEOUT);
  ck_assert_uint_eq(ready, 0);
  ck_assert_int_eq(items[0].ready, 0);
  ck_assert_int_eq(items[1].ready, 0);
  items[0].events = LUATCP_READABLE | LUATCP_WRITABLE;
  expect(luatcp_wait(NULL, items, 2, &ready), LUATCP_OK);
  ck_assert_uint_eq(ready, 1);
  ck_assert_int_eq(items[0].ready, LUATCP_WRITABLE);
  ck_assert_int_eq(items[1].ready, 0);
  peer_send_text(peer, "x");
  items[0].events = LUATCP_READABLE;
  expect(wait_for(10, items, 2, &ready), LUATCP_OK);
  ck_assert_int_eq(items[0].ready, LUATCP_READABLE);
  items[0].events = LUATCP_READABLE | LUATCP_WRITABLE;
  items[1].events = LUATCP_WRITABLE;
  expect(wait_for(10, items, 2, &ready), LUATCP_OK);
  ck_assert_uint_eq(ready, 2);
  ck_assert_int_eq(items[0].ready, LUATCP_READABLE | LUATCP_WRITABLE);
  ck_assert_int_eq(items[1].ready, LUATCP_WRITABLE);
  luatcp_free(socket);
  close(peer);
}
END_TEST

START_TEST(buffered_input_is_readable_at_once) {
  int peer;
  size_t ready, got;
  char line[4];
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer), *other;
  int second;
  luatcp_wait_item items[2];
  other = peer_pair(LUATCP_INET, &second);
  peer_send_text(peer, "one\ntwo\n");
  expect(luatcp_recv_line(socket, NULL, LUATCP_LINE_TEXT, line, 4, &got),
         LUATCP_OK);
  items[0] = on(socket, LUATCP_READABLE);
  items[1] = on(other, LUATCP_READABLE);
  expect(wait_for(10, items, 2, &ready), LUATCP_OK);
  ck_assert_uint_eq(ready, 1);
  ck_assert_int_eq(items[0].ready, LUATCP_READABLE);
  /* others that are ready are found all the same */
  peer_send_text(second, "x");
  peer_wait_readable(other);
  expect(wait_for(10, items, 2, &ready), LUATCP_OK);
  ck_assert_uint_eq(ready, 2);
  /* buffered input does not make it writable by itself, the system does */
  items[0] = on(socket, LUATCP_READABLE | LUATCP_WRITABLE);
  expect(wait_for(10, items, 1, &ready), LUATCP_OK);
  ck_assert_int_eq(items[0].ready, LUATCP_READABLE | LUATCP_WRITABLE);
  luatcp_free(socket);
  luatcp_free(other);
  close(peer);
  close(second);
}
END_TEST

START_TEST(ends_and_resets_are_ready) {
  int peer;
  size_t ready;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  luatcp_wait_item item = on(socket, LUATCP_READABLE);
  close(peer);
  expect(wait_for(10, &item, 1, &ready), LUATCP_OK);
  ck_assert_int_eq(item.ready, LUATCP_READABLE);
  luatcp_free(socket);
  socket = peer_pair(LUATCP_INET, &peer);
  item = on(socket, LUATCP_READABLE | LUATCP_WRITABLE);
  peer_reset(peer);
  item.events = LUATCP_READABLE;
  expect(wait_for(10, &item, 1, &ready), LUATCP_OK);
  item.events = LUATCP_WRITABLE;
  expect(wait_for(10, &item, 1, &ready), LUATCP_OK);
  ck_assert_int_eq(item.ready, LUATCP_WRITABLE);
  luatcp_free(socket);
}
END_TEST

START_TEST(a_server_with_a_client) {
  char service[8];
  size_t ready;
  luatcp_socket *server = peer_server(LUATCP_INET, service);
  luatcp_socket *client = luatcp_new();
  luatcp_wait_item item = on(server, LUATCP_READABLE);
  expect(wait_for(0, &item, 1, &ready), LUATCP_TIMEOUT);
  expect(luatcp_connect(client, NULL, "127.0.0.1", service), LUATCP_OK);
  expect(wait_for(10, &item, 1, &ready), LUATCP_OK);
  ck_assert_int_eq(item.ready, LUATCP_READABLE);
  luatcp_free(client);
  luatcp_free(server);
}
END_TEST

START_TEST(what_has_no_descriptor_is_never_ready) {
  luatcp_socket *fresh = luatcp_new(), *closed = luatcp_new();
  luatcp_wait_item items[4];
  size_t ready;
  int i;
  expect(luatcp_open(closed, LUATCP_INET), LUATCP_OK);
  luatcp_close(closed);
  items[0] = on(fresh, LUATCP_READABLE | LUATCP_WRITABLE);
  items[1] = on(closed, LUATCP_READABLE | LUATCP_WRITABLE);
  items[2] = on_descriptor(-1, LUATCP_READABLE);
  items[3] = on_descriptor(-5, LUATCP_WRITABLE);
  expect(wait_for(0.02, items, 4, &ready), LUATCP_TIMEOUT);
  ck_assert_uint_eq(ready, 0);
  for (i = 0; i < 4; i++)
    ck_assert_int_eq(items[i].ready, 0);
  luatcp_free(fresh);
  luatcp_free(closed);
}
END_TEST

START_TEST(no_events_are_never_ready) {
  int peer;
  size_t ready;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  luatcp_wait_item item = on(socket, 0);
  peer_send_text(peer, "x");
  peer_wait_readable(socket);
  expect(wait_for(0.02, &item, 1, &ready), LUATCP_TIMEOUT);
  ck_assert_int_eq(item.ready, 0);
  luatcp_free(socket);
  close(peer);
}
END_TEST

START_TEST(a_descriptor_that_is_not_open) {
  int peer;
  size_t ready;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  luatcp_wait_item items[2] = {on(socket, LUATCP_WRITABLE),
                               on_descriptor(497, LUATCP_READABLE)};
  expect(wait_for(0, items, 2, &ready), -EBADF);
  ck_assert_uint_eq(ready, 0);
  expect(wait_for(10, items, 2, &ready), -EBADF);
  luatcp_free(socket);
  close(peer);
}
END_TEST

START_TEST(one_thing_listed_twice) {
  int peer;
  size_t ready;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  luatcp_wait_item items[3] = {on(socket, LUATCP_READABLE),
                               on(socket, LUATCP_WRITABLE),
                               on(socket, LUATCP_READABLE | LUATCP_WRITABLE)};
  peer_send_text(peer, "x");
  peer_wait_readable(socket);
  expect(wait_for(10, items, 3, &ready), LUATCP_OK);
  ck_assert_uint_eq(ready, 3);
  ck_assert_int_eq(items[0].ready, LUATCP_READABLE);
  ck_assert_int_eq(items[1].ready, LUATCP_WRITABLE);
  ck_assert_int_eq(items[2].ready, LUATCP_READABLE | LUATCP_WRITABLE);
  luatcp_free(socket);
  close(peer);
}
END_TEST

START_TEST(very_many) {
  enum { MANY = 3000 };
  luatcp_wait_item *items = calloc(MANY, sizeof *items);
  int peer, i;
  size_t ready;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  for (i = 0; i < MANY; i++)
    items[i] = on(socket, LUATCP_READABLE);
  expect(wait_for(0, items, MANY, &ready), LUATCP_TIMEOUT);
  peer_send_text(peer, "x");
  expect(wait_for(10, items, MANY, &ready), LUATCP_OK);
  ck_assert_uint_eq(ready, MANY);
  for (i = 0; i < MANY; i++)
    ck_assert_int_eq(items[i].ready, LUATCP_READABLE);
  luatcp_free(socket);
  close(peer);
  free(items);
}
END_TEST

START_TEST(large_descriptor_numbers) {
  struct rlimit limit;
  int peer, large;
  size_t ready;
  luatcp_socket *socket;
  luatcp_wait_item item;
  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < 2100)
    return;
  limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  socket = peer_pair(LUATCP_INET, &peer);
  large = dup2(luatcp_get_descriptor(socket), 2050);
  ck_assert_int_eq(large, 2050);
  item = on_descriptor(large, LUATCP_READABLE);
  expect(wait_for(0, &item, 1, &ready), LUATCP_TIMEOUT);
  peer_send_text(peer, "x");
  expect(wait_for(10, &item, 1, &ready), LUATCP_OK);
  close(large);
  luatcp_free(socket);
  close(peer);
}
END_TEST

START_TEST(waiting_is_interrupted_and_goes_on) {
  int peer, status, interrupts = 0;
  size_t ready;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  luatcp_wait_item item = on(socket, LUATCP_READABLE);
  luatcp_deadline deadline;
  double start = luatcp_monotonic_time();
  luatcp_deadline_after(&deadline, 0.1);
  peer_alarm_start(15, _i != 0);
  do {
    status = luatcp_wait(&deadline, &item, 1, &ready);
    interrupts += status == -EINTR;
  } while (status == -EINTR);
  peer_alarm_stop();
  expect(status, LUATCP_TIMEOUT);
  ck_assert_int_gt(interrupts, 0);
  ck_assert_double_ge(peer_since(start), 0.1);
  ck_assert_double_le(peer_since(start), 5);
  luatcp_free(socket);
  close(peer);
}
END_TEST

START_TEST(connecting_sockets_are_carried_on) {
  char dead[8], service[8];
  int listener = peer_listen(LUATCP_INET, 4, service);
  luatcp_socket *good = luatcp_new(), *bad = luatcp_new(),
                *named = luatcp_new();
  luatcp_wait_item items[3];
  bool seen[3] = {false, false, false};
  int turns;
  size_t ready, i;
  peer_dead_port(LUATCP_INET, dead);
  expect(luatcp_set_family(named, LUATCP_INET), LUATCP_OK);
  expect(luatcp_set_timeout(good, LUATCP_TOTAL, 0), LUATCP_OK);
  expect(luatcp_set_timeout(bad, LUATCP_TOTAL, 0), LUATCP_OK);
  expect(luatcp_set_timeout(named, LUATCP_TOTAL, 0), LUATCP_OK);
  (void)!luatcp_connect(good, NULL, "127.0.0.1", service);
  (void)!luatcp_connect(bad, NULL, "127.0.0.1", dead);
  (void)!luatcp_connect(named, NULL, "localhost", service);
  for (turns = 0; turns < 50 && !(seen[0] && seen[1] && seen[2]); turns++) {
    /* those that were ready would be so again and again */
    items[0] = on(good, seen[0] ? 0 : LUATCP_WRITABLE);
    items[1] = on(bad, seen[1] ? 0 : LUATCP_WRITABLE);
    items[2] = on(named, seen[2] ? 0 : LUATCP_WRITABLE);
    expect(wait_for(10, items, 3, &ready), LUATCP_OK);
    for (i = 0; i < 3; i++)
      seen[i] |= items[i].ready == LUATCP_WRITABLE;
  }
  ck_assert(seen[0] && seen[1] && seen[2]);
  expect(luatcp_connect(named, NULL, "localhost", service), LUATCP_OK);
  luatcp_free(good);
  luatcp_free(bad);
  luatcp_free(named);
  close(listener);
}
END_TEST

START_TEST(one_descriptor) {
  int peer;
  luatcp_deadline deadline;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  int fd = luatcp_get_descriptor(socket);
  double start;
  luatcp_deadline_after(&deadline, 0);
  expect(luatcp__wait_one(fd, POLLIN, &deadline), LUATCP_TIMEOUT);
  luatcp_deadline_after(&deadline, 0.03);
  start = luatcp_monotonic_time();
  expect(luatcp__wait_one(fd, POLLIN, &deadline), LUATCP_TIMEOUT);
  ck_assert_double_ge(peer_since(start), 0.03);
  luatcp_deadline_after(&deadline, 10);
  expect(luatcp__wait_one(fd, POLLOUT, &deadline), LUATCP_OK);
  close(peer);
  expect(luatcp__wait_one(fd, POLLIN, &deadline), LUATCP_OK);
  luatcp_free(socket);
}
END_TEST

/* poll(2) takes no more entries than there may be descriptors. */
START_TEST(more_entries_than_descriptors) {
  enum { PAIRS = 20 };
  luatcp_socket *sockets[PAIRS];
  luatcp_wait_item items[3 * PAIRS];
  int peers[PAIRS], i;
  struct rlimit limit;
  size_t ready;
  for (i = 0; i < PAIRS; i++) {
    sockets[i] = peer_pair(LUATCP_INET, &peers[i]);
    items[i] = items[2 * PAIRS + i] = on(sockets[i], LUATCP_READABLE);
    items[PAIRS + i] = on(sockets[i], LUATCP_WRITABLE);
  }
  peer_send_text(peers[3], "x");
  peer_wait_readable(sockets[3]);
  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = 3 * PAIRS - 1;
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  expect(wait_for(10, items, 3 * PAIRS, &ready), LUATCP_OK);
  ck_assert_uint_eq(ready, PAIRS + 2);
  for (i = 0; i < PAIRS; i++) {
    ck_assert_int_eq(items[i].ready, i == 3 ? LUATCP_READABLE : 0);
    ck_assert_int_eq(items[PAIRS + i].ready, LUATCP_WRITABLE);
    ck_assert_int_eq(items[2 * PAIRS + i].ready, items[i].ready);
    luatcp_free(sockets[i]);
    close(peers[i]);
  }
}
END_TEST

static void add(Suite *suite) {
  TCase *made = peer_case(suite, "wait");
  tcase_add_test(made, nothing_to_wait_for);
  tcase_add_test(made, readable_and_writable);
  tcase_add_test(made, buffered_input_is_readable_at_once);
  tcase_add_test(made, ends_and_resets_are_ready);
  tcase_add_test(made, a_server_with_a_client);
  tcase_add_test(made, what_has_no_descriptor_is_never_ready);
  tcase_add_test(made, no_events_are_never_ready);
  tcase_add_test(made, a_descriptor_that_is_not_open);
  tcase_add_test(made, one_thing_listed_twice);
  tcase_add_test(made, very_many);
  tcase_add_test(made, large_descriptor_numbers);
  tcase_add_test(made, more_entries_than_descriptors);
  tcase_add_loop_test(made, waiting_is_interrupted_and_goes_on, 0, 2);
  tcase_add_test(made, connecting_sockets_are_carried_on);
  tcase_add_test(made, one_descriptor);
}

int main(void) { return peer_main("wait", add); }
