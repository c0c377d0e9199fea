/* SPDX-License-Identifier: MIT
 *
 * check_clock.c: somebody sets the system's clock in the middle of a call.
 * This program's clock_gettime, which the library in it calls, shows the time
 * of day an hour off from a moment on.
 */
#include "internal.h"
#include "peer.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#if defined(SYS_clock_gettime) && defined(__LP64__)
#define CAN_STEP 1
#else
#define CAN_STEP 0 /* struct timespec may not be the system call's */
#endif

#if CAN_STEP

static _Atomic(time_t) step;

int clock_gettime(clockid_t clock, struct timespec *now) {
  int status = (int)syscall(SYS_clock_gettime, clock, now);
  if (clock == CLOCK_REALTIME)
    now->tv_sec += step;
  return status;
}

/* The clock is set a moment after the call has begun to wait. */
static time_t wanted_step;

static void set_clock(int number) {
  (void)number;
  step = wanted_step;
}

static void set_clock_soon(time_t seconds) {
  struct sigaction action = {.sa_handler = set_clock, .sa_flags = SA_RESTART};
  struct itimerval soon = {.it_value = {0, 100000}};
  step = 0;
  wanted_step = seconds;
  ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
  ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
}

static time_t direction(int loop) { return loop == 0 ? -3600 : 3600; }

START_TEST(a_block_limit_keeps_its_length) {
  int peer, status;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  luatcp_deadline deadline;
  double start = luatcp_monotonic_time(), day = luatcp_time();
  char byte;
  size_t received;
  ck_assert_int_eq(luatcp_set_timeout(socket, LUATCP_BLOCK, 0.4), 0);
  luatcp_deadline_start(&deadline, socket);
  set_clock_soon(direction(_i));
  do
    status = luatcp_recv_count(socket, &deadline, &byte, 1, &received);
  while (status == -EINTR);
  expect(status, LUATCP_TIMEOUT);
  ck_assert_double_ge(peer_since(start), 0.4);
  ck_assert_double_le(peer_since(start), 5);
  /* it was set indeed */
  ck_assert_double_ge((double)direction(_i) * (luatcp_time() - day),
                      3000. * 3600);
  luatcp_free(socket);
  close(peer);
}
END_TEST

START_TEST(bytes_that_come_meanwhile_are_read) {
  static const struct peer_step steps[] = {{PEER_TRICKLE, "0123456789", 10, 40},
                                           {PEER_DRAIN, NULL, 0, 0}};
  int peer, status;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  struct peer_script *script = peer_start(peer, steps, 2);
  luatcp_statistics statistics;
  char data[10];
  size_t total = 0, received;
  ck_assert_int_eq(luatcp_set_timeout(socket, LUATCP_BLOCK, 2), 0);
  set_clock_soon(direction(_i));
  do {
    status =
        luatcp_recv_count(socket, NULL, data + total, 10 - total, &received);
    total += received;
  } while (status == -EINTR);
  expect(status, LUATCP_OK);
  ck_assert_uint_eq(total, 10);
  luatcp_get_statistics(socket, &statistics);
  ck_assert_double_ge(statistics.age, 0.3);
  ck_assert_double_le(statistics.age, 10);
  luatcp_free(socket);
  (void)peer_finish(script);
}
END_TEST

START_TEST(a_total_limit_keeps_its_length) {
  char port[8];
  luatcp_socket *server = peer_server(LUATCP_INET, port);
  luatcp_socket *client = luatcp_new();
  luatcp_deadline deadline;
  double start = luatcp_monotonic_time();
  int status;
  luatcp_deadline_after(&deadline, 0.3);
  set_clock_soon(direction(_i));
  do
    status = luatcp_accept(server, &deadline, client);
  while (status == -EINTR);
  expect(status, LUATCP_TIMEOUT);
  ck_assert_double_ge(peer_since(start), 0.3);
  ck_assert_double_le(peer_since(start), 5);
  luatcp_free(client);
  luatcp_free(server);
}
END_TEST

START_TEST(a_sleep_keeps_its_length) {
  luatcp_deadline deadline;
  double start = luatcp_monotonic_time();
  luatcp_deadline_after(&deadline, 0.3);
  set_clock_soon(direction(_i));
  while (luatcp_sleep(&deadline) == -EINTR)
    ;
  ck_assert_double_ge(peer_since(start), 0.3);
  ck_assert_double_le(peer_since(start), 5);
}
END_TEST

static void add(Suite *suite) {
  TCase *made = peer_case(suite, "clock");
  tcase_add_loop_test(made, a_block_limit_keeps_its_length, 0, 2);
  tcase_add_loop_test(made, bytes_that_come_meanwhile_are_read, 0, 2);
  tcase_add_loop_test(made, a_total_limit_keeps_its_length, 0, 2);
  tcase_add_loop_test(made, a_sleep_keeps_its_length, 0, 2);
}

int main(void) { return peer_main("clock", add); }

#else

#include <stdio.h>

int main(void) {
  puts("skipped: the system call for clocks is not known here");
  return 77;
}

#endif
