/* SPDX-License-Identifier: MIT
 *
 * check_connect.c: connecting: at once, in steps, over several addresses, under
 * deadlines and signals.  Lists of addresses come from the hosts file.
 */
#include "internal.h"
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const int families[] = {LUATCP_INET, LUATCP_INET6};

#define NEED(family)                                                           \
  do {                                                                         \
    if (!peer_has_family(family))                                              \
      return;                                                                  \
  } while (0)

static void not_waiting(luatcp_socket *socket) {
  expect(luatcp_set_timeout(socket, LUATCP_BLOCK, 0), LUATCP_OK);
}

/* Whether it becomes writable in time. */
static bool writable(luatcp_socket *socket, double seconds) {
  luatcp_wait_item item = {.socket = socket, .events = LUATCP_WRITABLE};
  luatcp_deadline deadline;
  size_t ready;
  int status;
  luatcp_deadline_after(&deadline, seconds);
  status = luatcp_wait(&deadline, &item, 1, &ready);
  if (status == LUATCP_TIMEOUT)
    return false;
  expect(status, LUATCP_OK);
  ck_assert_int_eq(item.ready, LUATCP_WRITABLE);
  return true;
}

static void let_in(int listener, int fillers[4]) {
  int i;
  for (i = 0; i < 4; i++)
    if (fillers[i] >= 0) {
      close(fillers[i]);
      fillers[i] = -1;
    }
  ck_assert_int_eq(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0)
      break;
    close(fd);
  }
}

START_TEST(connects) {
  int family = families[_i], listener, fd;
  char service[8], text[4];
  luatcp_socket *socket;
  luatcp_name name;
  size_t count;
  NEED(family);
  listener = peer_listen(family, 4, service);
  socket = luatcp_new();
  expect(luatcp_connect(socket, NULL, peer_host(family), service), LUATCP_OK);
  ck_assert_int_eq(luatcp_state(socket), LUATCP_CLIENT);
  ck_assert_int_eq(luatcp_get_family(socket), family);
  expect(luatcp_peer_name(socket, &name), LUATCP_OK);
  ck_assert_str_eq(name.address, peer_host(family));
  fd = peer_accept(listener);
  expect(luatcp_send(socket, NULL, "ping", 4, &count), LUATCP_OK);
  peer_receive(fd, text, 4);
  expect(luatcp_connect(socket, NULL, peer_host(family), service), -EISCONN);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", "1"), -EISCONN);
  expect(luatcp_peer_name(socket, &name), LUATCP_OK);
  ck_assert_int_ne(fcntl(luatcp_get_descriptor(socket), F_GETFD) & FD_CLOEXEC,
                   0);
  luatcp_free(socket);
  close(fd);
  close(listener);
}
END_TEST

START_TEST(refused) {
  int family = families[_i];
  char dead[8];
  luatcp_socket *socket;
  NEED(family);
  peer_dead_port(family, dead);
  socket = luatcp_new();
  expect(luatcp_connect(socket, NULL, peer_host(family), dead), -ECONNREFUSED);
  ck_assert_int_eq(luatcp_state(socket), LUATCP_CLIENT);
  expect(luatcp_set_timeout(socket, LUATCP_TOTAL, 5), LUATCP_OK);
  expect(luatcp_connect(socket, NULL, peer_host(family), dead), -ECONNREFUSED);
  expect(luatcp_set_timeout(socket, LUATCP_BLOCK, 5), LUATCP_OK);
  expect(luatcp_connect(socket, NULL, peer_host(family), dead), -ECONNREFUSED);
  luatcp_free(socket);
}
END_TEST

START_TEST(wrong_names) {
  luatcp_socket *socket = luatcp_new();
  expect(luatcp_connect(socket, NULL, "127.0.0.1", "65536"),
         LUATCP_INVALID_PORT);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", ""), LUATCP_INVALID_PORT);
  expect(luatcp_connect(socket, NULL, "localhost", "-1"), LUATCP_INVALID_PORT);
  ck_assert_int_lt(luatcp_connect(socket, NULL, "", "80"), 0);
  ck_assert_int_lt(luatcp_connect(socket, NULL, "no.such.name.invalid", "80"),
                   0);
  ck_assert_int_lt(luatcp_connect(socket, NULL, "127.0.0.1", "no-such-service"),
                   0);
  ck_assert_int_eq(luatcp_get_descriptor(socket), -1);
  luatcp_free(socket);
}
END_TEST

START_TEST(in_steps) {
  int family = families[_i], listener, fd;
  char service[8], text[4];
  luatcp_socket *socket;
  size_t count;
  int status;
  NEED(family);
  listener = peer_listen(family, 4, service);
  socket = luatcp_new();
  not_waiting(socket);
  status = luatcp_connect(socket, NULL, peer_host(family), service);
  ck_assert(status == LUATCP_TIMEOUT || status == LUATCP_OK);
  ck_assert_int_eq(luatcp_state(socket), LUATCP_CLIENT);
  ck_assert(writable(socket, 10));
  if (status == LUATCP_TIMEOUT)
    expect(luatcp_connect(socket, NULL, peer_host(family), service), LUATCP_OK);
  expect(luatcp_connect(socket, NULL, peer_host(family), service), -EISCONN);
  fd = peer_accept(listener);
  expect(luatcp_send(socket, NULL, "ping", 4, &count), LUATCP_OK);
  peer_receive(fd, text, 4);
  luatcp_free(socket);
  close(fd);
  close(listener);
}
END_TEST

START_TEST(used_without_asking_again) {
  int listener, fd;
  char service[8], text[4];
  luatcp_socket *socket = luatcp_new();
  size_t count;
  listener = peer_listen(LUATCP_INET, 4, service);
  not_waiting(socket);
  (void)!luatcp_connect(socket, NULL, "127.0.0.1", service);
  expect(luatcp_set_timeout(socket, LUATCP_BLOCK, 10), LUATCP_OK);
  expect(luatcp_send(socket, NULL, "ping", 4, &count), LUATCP_OK);
  fd = peer_accept(listener);
  peer_receive(fd, text, 4);
  luatcp_free(socket);
  close(fd);
  close(listener);
}
END_TEST

START_TEST(pending_says_so) {
  int fillers[4];
  char service[8], byte;
  int listener = peer_listen_full(LUATCP_INET, service, fillers), fd, i;
  luatcp_socket *socket;
  size_t count;
  int64_t error;
  if (listener < 0)
    return;
  socket = luatcp_new();
  not_waiting(socket);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", service), LUATCP_TIMEOUT);
  for (i = 0; i < 3; i++)
    expect(luatcp_connect(socket, NULL, "127.0.0.1", service), -EALREADY);
  ck_assert(!writable(socket, 0.02));
  fd = luatcp_get_descriptor(socket);
  ck_assert_int_ge(fd, 0);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", service), -EALREADY);
  ck_assert_int_eq(luatcp_get_descriptor(socket), fd);
  expect(luatcp_send(socket, NULL, "x", 1, &count), LUATCP_TIMEOUT);
  ck_assert_uint_eq(count, 0);
  expect(luatcp_recv(socket, NULL, &byte, 1, &count), LUATCP_TIMEOUT);
  expect(luatcp_get_option(socket, "error", &error), LUATCP_OK);
  ck_assert_int_eq(error, 0);
  let_in(listener, fillers);
  ck_assert(writable(socket, 20));
  expect(luatcp_connect(socket, NULL, "127.0.0.1", service), LUATCP_OK);
  luatcp_free(socket);
  close(listener);
}
END_TEST

START_TEST(deadlines_are_kept) {
  int fillers[4];
  char service[8];
  int listener = peer_listen_full(LUATCP_INET, service, fillers), limit;
  if (listener < 0)
    return;
  for (limit = LUATCP_BLOCK; limit <= LUATCP_TOTAL; limit++) {
    luatcp_socket *socket = luatcp_new();
    double start = luatcp_monotonic_time();
    expect(luatcp_set_timeout(socket, limit, 0.06), LUATCP_OK);
    expect(luatcp_connect(socket, NULL, "127.0.0.1", service), LUATCP_TIMEOUT);
    ck_assert_double_ge(peer_since(start), 0.06);
    ck_assert_double_le(peer_since(start), 5);
    /* the attempt is still under way, and gets as much time again */
    start = luatcp_monotonic_time();
    expect(luatcp_connect(socket, NULL, "127.0.0.1", service), LUATCP_TIMEOUT);
    ck_assert_double_ge(peer_since(start), 0.06);
    ck_assert_double_le(peer_since(start), 5);
    luatcp_free(socket);
  }
  let_in(listener, fillers);
  close(listener);
}
END_TEST

START_TEST(another_target_starts_afresh) {
  int fillers[4];
  char service[8], live[8];
  int listener = peer_listen_full(LUATCP_INET, service, fillers);
  int other = peer_listen(LUATCP_INET, 4, live), fd;
  luatcp_socket *socket;
  luatcp_name name;
  char text[8];
  if (listener < 0) {
    close(other);
    return;
  }
  socket = luatcp_new();
  not_waiting(socket);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", service), LUATCP_TIMEOUT);
  expect(luatcp_set_timeout(socket, LUATCP_BLOCK, 10), LUATCP_OK);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", live), LUATCP_OK);
  expect(luatcp_peer_name(socket, &name), LUATCP_OK);
  snprintf(text, sizeof text, "%d", name.port);
  ck_assert_str_eq(text, live);
  fd = peer_accept(other);
  close(fd);
  luatcp_free(socket);
  let_in(listener, fillers);
  close(listener);
  close(other);
}
END_TEST

START_TEST(refused_in_steps) {
  char dead[8];
  luatcp_socket *socket = luatcp_new();
  int64_t error;
  int status;
  peer_dead_port(LUATCP_INET, dead);
  not_waiting(socket);
  status = luatcp_connect(socket, NULL, "127.0.0.1", dead);
  ck_assert(status == LUATCP_TIMEOUT || status == -ECONNREFUSED);
  ck_assert(writable(socket, 10));
  expect(luatcp_get_option(socket, "error", &error), LUATCP_OK);
  ck_assert_int_eq(error, -ECONNREFUSED);
  luatcp_free(socket);
  socket = luatcp_new();
  not_waiting(socket);
  status = luatcp_connect(socket, NULL, "127.0.0.1", dead);
  if (status == LUATCP_TIMEOUT)
    expect(luatcp_connect(socket, NULL, "127.0.0.1", dead), -ECONNREFUSED);
  luatcp_free(socket);
  /* what a wait has found out is told by the next call, once */
  socket = luatcp_new();
  not_waiting(socket);
  status = luatcp_connect(socket, NULL, "127.0.0.1", dead);
  ck_assert(writable(socket, 10));
  if (status == LUATCP_TIMEOUT)
    expect(luatcp_connect(socket, NULL, "127.0.0.1", dead), -ECONNREFUSED);
  expect(luatcp_set_timeout(socket, LUATCP_BLOCK, 10), LUATCP_OK);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", dead), -ECONNREFUSED);
  luatcp_free(socket);
}
END_TEST

START_TEST(local_binding_is_carried_over) {
  char dead[8], service[8];
  int listener = peer_listen(LUATCP_INET, 4, service), fd;
  struct sockaddr_in from;
  socklen_t length = sizeof from;
  luatcp_socket *socket = luatcp_new();
  luatcp_name before, after;
  peer_dead_port(LUATCP_INET, dead);
  expect(luatcp_bind(socket, NULL, "127.0.0.2", "0"), LUATCP_OK);
  expect(luatcp_local_name(socket, &before), LUATCP_OK);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", dead), -ECONNREFUSED);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", dead), -ECONNREFUSED);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", service), LUATCP_OK);
  expect(luatcp_local_name(socket, &after), LUATCP_OK);
  ck_assert_str_eq(after.address, "127.0.0.2");
  fd = accept(listener, (struct sockaddr *)&from, &length);
  ck_assert_int_ge(fd, 0);
  ck_assert_uint_eq(ntohl(from.sin_addr.s_addr), 0x7f000002u);
  close(fd);
  luatcp_free(socket);
  close(listener);
}
END_TEST

START_TEST(a_local_port_is_carried_over) {
  char dead[8], service[8], port[8];
  int listener = peer_listen(LUATCP_INET, 4, service);
  luatcp_socket *socket = luatcp_new();
  luatcp_name name;
  peer_dead_port(LUATCP_INET, dead);
  peer_dead_port(LUATCP_INET, port);
  expect(luatcp_bind(socket, NULL, "127.0.0.1", port), LUATCP_OK);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", dead), -ECONNREFUSED);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", service), LUATCP_OK);
  expect(luatcp_local_name(socket, &name), LUATCP_OK);
  {
    char text[8];
    snprintf(text, sizeof text, "%d", name.port);
    ck_assert_str_eq(text, port);
  }
  luatcp_free(socket);
  close(listener);
}
END_TEST

START_TEST(a_shared_descriptor_keeps_its_number) {
  char dead[8], service[8];
  int listener = peer_listen(LUATCP_INET, 4, service), fd;
  luatcp_socket *socket = luatcp_new();
  peer_dead_port(LUATCP_INET, dead);
  expect(luatcp_open(socket, LUATCP_INET), LUATCP_OK);
  fd = luatcp_get_descriptor(socket);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", dead), -ECONNREFUSED);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", service), LUATCP_OK);
  ck_assert_int_eq(luatcp_get_descriptor(socket), fd);
  ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  luatcp_free(socket);
  close(listener);
}
END_TEST

START_TEST(connect_is_interrupted_and_goes_on) {
  int fillers[4];
  char service[8];
  int listener = peer_listen_full(LUATCP_INET, service, fillers);
  luatcp_socket *socket;
  luatcp_deadline deadline;
  double start;
  int status;
  if (listener < 0)
    return;
  socket = luatcp_new();
  if (_i & 2) {
    expect(luatcp_open(socket, LUATCP_INET), LUATCP_OK);
    (void)luatcp_get_descriptor(socket);
  }
  /* without a limit it may wait inside connect(2) */
  luatcp_deadline_after(&deadline, _i & 4 ? 60 : -1);
  peer_alarm_start(20, (_i & 1) != 0);
  start = luatcp_monotonic_time();
  status = luatcp_connect(socket, &deadline, "127.0.0.1", service);
  peer_alarm_stop();
  expect(status, -EINTR);
  ck_assert_double_le(peer_since(start), 5);
  let_in(listener, fillers);
  peer_alarm_start(50, (_i & 1) != 0);
  do
    status = luatcp_connect(socket, &deadline, "127.0.0.1", service);
  while (status == -EINTR);
  peer_alarm_stop();
  expect(status, LUATCP_OK);
  luatcp_free(socket);
  close(listener);
}
END_TEST

START_TEST(a_name_in_steps) {
  char service[8];
  int listener = peer_listen(LUATCP_INET, 4, service), status, turns = 0;
  luatcp_socket *socket = luatcp_new();
  double start = luatcp_monotonic_time();
  expect(luatcp_set_family(socket, LUATCP_INET), LUATCP_OK);
  not_waiting(socket);
  status = luatcp_connect(socket, NULL, "localhost", service);
  ck_assert_double_le(peer_since(start), 2);
  while (status != LUATCP_OK && turns++ < 100) {
    ck_assert(status == LUATCP_TIMEOUT || status == -EALREADY);
    ck_assert(writable(socket, 10));
    status = luatcp_connect(socket, NULL, "localhost", service);
  }
  expect(status, LUATCP_OK);
  luatcp_free(socket);
  close(listener);
}
END_TEST

START_TEST(a_descriptor_in_the_middle_of_a_lookup) {
  char service[8];
  int listener = peer_listen(LUATCP_INET, 4, service), fd, status;
  luatcp_socket *socket = luatcp_new();
  expect(luatcp_set_family(socket, LUATCP_INET), LUATCP_OK);
  not_waiting(socket);
  (void)!luatcp_connect(socket, NULL, "localhost", service);
  fd = luatcp_get_descriptor(socket);
  ck_assert_int_ge(fd, 0);
  ck_assert(writable(socket, 10));
  status = luatcp_connect(socket, NULL, "localhost", service);
  ck_assert(status == LUATCP_OK || status == -EISCONN);
  ck_assert_int_eq(luatcp_get_descriptor(socket), fd);
  luatcp_free(socket);
  close(listener);
}
END_TEST

/* It is the caller's, who goes on with it. */
START_TEST(detached_in_the_middle) {
  char service[8], byte = 'x';
  int listener = peer_listen(LUATCP_INET, 4, service), fd, peer;
  luatcp_socket *socket = luatcp_new(), *other = luatcp_new();
  size_t count;
  not_waiting(socket);
  (void)!luatcp_connect(socket, NULL, "127.0.0.1", service);
  fd = luatcp_detach(socket);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq(luatcp_is_closed(socket), 1);
  luatcp_free(socket);
  peer = peer_accept(listener);
  expect(luatcp_adopt(other, fd), LUATCP_OK);
  expect(luatcp_send(other, NULL, &byte, 1, &count), LUATCP_OK);
  peer_receive(peer, &byte, 1);
  luatcp_free(other);
  close(peer);
  close(listener);
}
END_TEST

/* What is said to one family's descriptors is nothing to the other's. */
START_TEST(an_option_of_the_other_family) {
  char service[8], dead[8];
  int listener = peer_listen(LUATCP_INET, 4, service);
  luatcp_socket *socket = luatcp_new();
  if (!peer_has_family(LUATCP_INET6)) {
    luatcp_free(socket);
    close(listener);
    return;
  }
  peer_dead_port(LUATCP_INET6, dead);
  expect(luatcp_connect(socket, NULL, "::1", dead), -ECONNREFUSED);
  expect(luatcp_set_option(socket, "ipv6-v6only", 1), LUATCP_OK);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", service), LUATCP_OK);
  luatcp_free(socket);
  close(listener);
}
END_TEST

START_TEST(abandoned_in_the_middle) {
  char service[8];
  int fillers[4], i;
  int listener = peer_listen_full(LUATCP_INET, service, fillers);
  if (listener < 0)
    return;
  for (i = 0; i < 10; i++) {
    luatcp_socket *socket = luatcp_new();
    not_waiting(socket);
    (void)!luatcp_connect(socket, NULL, i & 1 ? "localhost" : "127.0.0.1",
                          service);
    if (i & 2)
      luatcp_close(socket);
    luatcp_free(socket);
  }
  let_in(listener, fillers);
  close(listener);
}
END_TEST

/* The first address of localhost may be refused, the second not. */
START_TEST(the_second_address) {
  luatcp_addresses *addresses;
  luatcp_name first, second;
  int listener, step;
  char service[8];
  expect(luatcp_lookup(NULL, "localhost", NULL, LUATCP_UNSPEC, &addresses),
         LUATCP_OK);
  if (luatcp_addresses_count(addresses) < 2) {
    luatcp_addresses_free(addresses);
    return;
  }
  expect(luatcp_addresses_get(addresses, 0, &first), LUATCP_OK);
  expect(luatcp_addresses_get(addresses, 1, &second), LUATCP_OK);
  luatcp_addresses_free(addresses);
  if (!peer_has_family(second.family) || first.family == second.family)
    return;
  listener = peer_listen(second.family, 4, service);
  for (step = 0; step < 3; step++) {
    luatcp_socket *socket = luatcp_new();
    luatcp_name name;
    int status, turns = 0;
    if (step == 0)
      status = luatcp_connect(socket, NULL, "localhost", service);
    else {
      expect(luatcp_set_timeout(socket, LUATCP_TOTAL, step == 1 ? 10 : 0),
             LUATCP_OK);
      do {
        status = luatcp_connect(socket, NULL, "localhost", service);
        if (status == LUATCP_TIMEOUT || status == -EALREADY)
          (void)writable(socket, 10);
      } while ((status == LUATCP_TIMEOUT || status == -EALREADY) &&
               turns++ < 50);
    }
    expect(status, LUATCP_OK);
    expect(luatcp_peer_name(socket, &name), LUATCP_OK);
    ck_assert_str_eq(name.address, second.address);
    luatcp_free(socket);
  }
  close(listener);
}
END_TEST

static void add(Suite *suite) {
  TCase *made = peer_case(suite, "connect");
  tcase_add_loop_test(made, connects, 0, 2);
  tcase_add_loop_test(made, refused, 0, 2);
  tcase_add_test(made, wrong_names);
  tcase_add_loop_test(made, in_steps, 0, 2);
  tcase_add_test(made, used_without_asking_again);
  tcase_add_test(made, pending_says_so);
  tcase_add_test(made, deadlines_are_kept);
  tcase_add_test(made, another_target_starts_afresh);
  tcase_add_test(made, refused_in_steps);
  tcase_add_test(made, local_binding_is_carried_over);
  tcase_add_test(made, a_local_port_is_carried_over);
  tcase_add_test(made, a_shared_descriptor_keeps_its_number);
  tcase_add_test(made, detached_in_the_middle);
  tcase_add_test(made, an_option_of_the_other_family);
  tcase_add_loop_test(made, connect_is_interrupted_and_goes_on, 0, 8);
  tcase_add_test(made, a_name_in_steps);
  tcase_add_test(made, a_descriptor_in_the_middle_of_a_lookup);
  tcase_add_test(made, abandoned_in_the_middle);
  tcase_add_test(made, the_second_address);
}

int main(void) { return peer_main("connect", add); }
