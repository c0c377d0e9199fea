/* SPDX-License-Identifier: MIT
 *
 * check_deadline.c: clocks, the arithmetic of limits, sleep.
 */
#include "internal.h"
#include "peer.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <time.h>

START_TEST(seconds_become_nanoseconds) {
  ck_assert_int_eq(luatcp__nanoseconds(0), 0);
  ck_assert_int_eq(luatcp__nanoseconds(1), INT64_C(1000000000));
  ck_assert_int_eq(luatcp__nanoseconds(0.5), INT64_C(500000000));
  ck_assert_int_eq(luatcp__nanoseconds(1e-9), 1);
  /* a fraction of a nanosecond rounds up, never to "do not wait" */
  ck_assert_int_eq(luatcp__nanoseconds(1e-12), 1);
  ck_assert_int_eq(luatcp__nanoseconds(1e-300), 1);
}
END_TEST

START_TEST(odd_seconds) {
  ck_assert_int_eq(luatcp__nanoseconds(-1), INT64_MAX);
  ck_assert_int_eq(luatcp__nanoseconds(-1e-9), INT64_MAX);
  ck_assert_int_eq(luatcp__nanoseconds(-(double)INFINITY), INT64_MAX);
  ck_assert_int_eq(luatcp__nanoseconds((double)INFINITY), INT64_MAX);
  ck_assert_int_eq(luatcp__nanoseconds(1e300), INT64_MAX);
  ck_assert_int_eq(luatcp__nanoseconds(9.3e9), INT64_MAX);
  ck_assert_int_eq(luatcp__nanoseconds((double)NAN), 0);
  ck_assert_int_lt(luatcp__nanoseconds(4e9), INT64_MAX);
}
END_TEST

START_TEST(milliseconds_round_up) {
  ck_assert_int_eq(luatcp__milliseconds(0), 0);
  ck_assert_int_eq(luatcp__milliseconds(1), 1);
  ck_assert_int_eq(luatcp__milliseconds(999999), 1);
  ck_assert_int_eq(luatcp__milliseconds(1000000), 1);
  ck_assert_int_eq(luatcp__milliseconds(1000001), 2);
  ck_assert_int_eq(luatcp__milliseconds(INT64_C(2147483647) * 1000000),
                   INT_MAX);
  /* more than poll can take is as long as it can, not for ever */
  ck_assert_int_eq(luatcp__milliseconds(INT64_C(2147484000) * 1000000),
                   INT_MAX);
  ck_assert_int_eq(luatcp__milliseconds(INT64_MAX - 1), INT_MAX);
  ck_assert_int_eq(luatcp__milliseconds(INT64_MAX), -1);
}
END_TEST

START_TEST(later_does_not_overflow) {
  ck_assert_int_eq(luatcp__later(5, 7), 12);
  ck_assert_int_eq(luatcp__later(5, INT64_MAX), INT64_MAX);
  ck_assert_int_eq(luatcp__later(INT64_MAX, 0), INT64_MAX);
  ck_assert_int_eq(luatcp__later(1, INT64_MAX - 1), INT64_MAX);
  ck_assert_int_eq(luatcp__later(1000, INT64_MAX - 1), INT64_MAX);
}
END_TEST

START_TEST(clocks) {
  double wall = luatcp_time(), before = luatcp_monotonic_time();
  int i;
  ck_assert_double_ge(wall, (double)time(NULL) - 2);
  ck_assert_double_le(wall, (double)time(NULL) + 2);
  for (i = 0; i < 10000; i++) {
    double now = luatcp_monotonic_time();
    ck_assert(now >= before);
    before = now;
  }
}
END_TEST

START_TEST(deadline_after) {
  luatcp_deadline deadline;
  luatcp_deadline_after(&deadline, 0);
  ck_assert(luatcp__immediate(&deadline));
  ck_assert_int_eq(luatcp__remaining(&deadline), 0);
  luatcp_deadline_after(&deadline, (double)NAN);
  ck_assert(luatcp__immediate(&deadline));
  luatcp_deadline_after(&deadline, -1);
  ck_assert(luatcp__unlimited(&deadline));
  ck_assert_int_eq(luatcp__remaining(&deadline), INT64_MAX);
  luatcp_deadline_after(&deadline, 1e300);
  ck_assert(luatcp__unlimited(&deadline));
  luatcp_deadline_after(&deadline, 100);
  ck_assert_int_le(luatcp__remaining(&deadline), INT64_C(100000000000));
  ck_assert_int_gt(luatcp__remaining(&deadline), INT64_C(90000000000));
  ck_assert(!luatcp__expired(&deadline));
}
END_TEST

START_TEST(deadline_of_a_socket) {
  luatcp_deadline deadline;
  luatcp_socket *socket = luatcp_new();
  luatcp_deadline_start(&deadline, socket);
  ck_assert(luatcp__unlimited(&deadline));
  expect(luatcp_set_timeout(socket, LUATCP_BLOCK, 5), LUATCP_OK);
  luatcp_deadline_start(&deadline, socket);
  ck_assert_int_le(luatcp__remaining(&deadline), INT64_C(5000000000));
  ck_assert_int_gt(luatcp__remaining(&deadline), INT64_C(4000000000));
  ck_assert(!luatcp__expired(&deadline));
  expect(luatcp_set_timeout(socket, LUATCP_TOTAL, 3), LUATCP_OK);
  luatcp_deadline_start(&deadline, socket);
  ck_assert_int_le(luatcp__remaining(&deadline), INT64_C(3000000000));
  ck_assert_int_gt(luatcp__remaining(&deadline), INT64_C(2000000000));
  expect(luatcp_set_timeout(socket, LUATCP_BLOCK, 0), LUATCP_OK);
  luatcp_deadline_start(&deadline, socket);
  ck_assert(luatcp__immediate(&deadline));
  expect(luatcp_set_timeout(socket, LUATCP_BLOCK, -1), LUATCP_OK);
  expect(luatcp_set_timeout(socket, LUATCP_TOTAL, 0), LUATCP_OK);
  luatcp_deadline_start(&deadline, socket);
  ck_assert(luatcp__immediate(&deadline));
  luatcp_free(socket);
}
END_TEST

static void rest(long nanoseconds) {
  struct timespec span = {.tv_sec = 0, .tv_nsec = nanoseconds};
  nanosleep(&span, NULL);
}

START_TEST(progress_restarts_the_block_limit_only) {
  luatcp_deadline deadline;
  luatcp_socket *socket = luatcp_new();
  expect(luatcp_set_timeout(socket, LUATCP_BLOCK, 0.03), LUATCP_OK);
  luatcp_deadline_start(&deadline, socket);
  ck_assert_int_gt(luatcp__remaining(&deadline), 0);
  rest(40000000);
  ck_assert_int_eq(luatcp__remaining(&deadline), 0);
  luatcp__progress(&deadline);
  ck_assert_int_gt(luatcp__remaining(&deadline), 0);
  expect(luatcp_set_timeout(socket, LUATCP_TOTAL, 0.03), LUATCP_OK);
  luatcp_deadline_start(&deadline, socket);
  rest(40000000);
  ck_assert(luatcp__expired(&deadline));
  luatcp__progress(&deadline);
  ck_assert(luatcp__expired(&deadline));
  ck_assert_int_eq(luatcp__remaining(&deadline), 0);
  luatcp_free(socket);
}
END_TEST

START_TEST(sleep_sleeps) {
  luatcp_deadline deadline;
  double start = luatcp_monotonic_time();
  luatcp_deadline_after(&deadline, 0.03);
  expect(luatcp_sleep(&deadline), LUATCP_OK);
  ck_assert_double_ge(peer_since(start), 0.03);
  ck_assert_double_le(peer_since(start), 5);
  start = luatcp_monotonic_time();
  expect(luatcp_sleep(&deadline), LUATCP_OK); /* it is over already */
  luatcp_deadline_after(&deadline, 0);
  expect(luatcp_sleep(&deadline), LUATCP_OK);
  ck_assert_double_le(peer_since(start), 1);
}
END_TEST

START_TEST(sleep_is_interrupted_and_goes_on) {
  luatcp_deadline deadline;
  double start = luatcp_monotonic_time();
  int status, turns = 0;
  peer_alarm_start(10, _i != 0);
  luatcp_deadline_after(&deadline, 1);
  while ((status = luatcp_sleep(&deadline)) == -EINTR)
    turns++;
  peer_alarm_stop();
  expect(status, LUATCP_OK);
  ck_assert_int_gt(turns, 0);
  ck_assert_double_ge(peer_since(start), 1);
  ck_assert_double_le(peer_since(start), 20);
}
END_TEST

static void add(Suite *suite) {
  TCase *made = peer_case(suite, "deadline");
  tcase_add_test(made, seconds_become_nanoseconds);
  tcase_add_test(made, odd_seconds);
  tcase_add_test(made, milliseconds_round_up);
  tcase_add_test(made, later_does_not_overflow);
  tcase_add_test(made, clocks);
  tcase_add_test(made, deadline_after);
  tcase_add_test(made, deadline_of_a_socket);
  tcase_add_test(made, progress_restarts_the_block_limit_only);
  tcase_add_test(made, sleep_sleeps);
  tcase_add_loop_test(made, sleep_is_interrupted_and_goes_on, 0, 2);
}

int main(void) { return peer_main("deadline", add); }
