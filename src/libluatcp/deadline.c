/* SPDX-License-Identifier: MIT
 *
 * deadline.c: clocks, and the arithmetic of block and total limits.  The only
 * conversion to milliseconds lives here.  No descriptors.
 */
#include "internal.h"

#include <limits.h>
#include <time.h>

#define NANOSECONDS_PER_SECOND INT64_C(1000000000)
#define NANOSECONDS_PER_MILLISECOND INT64_C(1000000)

int64_t luatcp__now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * NANOSECONDS_PER_SECOND + now.tv_nsec;
}

int64_t luatcp__later(int64_t now, int64_t span) {
  return span > INT64_MAX - now ? INT64_MAX : now + span;
}

int64_t luatcp__nanoseconds(double seconds) {
  /* volatile: on i386 more digits than a double has would round 0.1 up */
  volatile double exact;
  int64_t whole;
  if (seconds != seconds)
    return 0;
  /* 292 years are beyond int64_t; so is anybody's patience */
  if (seconds < 0 || seconds >= 9.2e9)
    return INT64_MAX;
  exact = seconds * 1e9;
  whole = (int64_t)exact;
  return whole + ((double)whole < exact);
}

LUATCP__SELDOM static int64_t later_from_now(int64_t span) {
  return luatcp__later(luatcp__now(), span);
}

/* No clock is read for "no limit" and for "do not wait". */
static int64_t end_of(int64_t total) {
  return total == INT64_MAX || total == 0 ? total : later_from_now(total);
}

void luatcp_deadline_start(luatcp_deadline *deadline,
                           const luatcp_socket *socket) {
  deadline->block = socket->block;
  deadline->wait_end = 0;
  deadline->end = end_of(socket->total);
}

void luatcp_deadline_after(luatcp_deadline *deadline, double seconds) {
  deadline->block = INT64_MAX;
  deadline->wait_end = 0;
  deadline->end = end_of(luatcp__nanoseconds(seconds));
}

luatcp_deadline *luatcp__deadline_or_own(luatcp_deadline *deadline,
                                         luatcp_deadline *own,
                                         const luatcp_socket *socket) {
  if (deadline != NULL)
    return deadline;
  luatcp_deadline_start(own, socket);
  return own;
}

luatcp_deadline *luatcp__deadline_or_never(luatcp_deadline *deadline,
                                           luatcp_deadline *never) {
  if (deadline != NULL)
    return deadline;
  luatcp_deadline_after(never, -1);
  return never;
}

void luatcp__start_wait(luatcp_deadline *deadline) {
  deadline->wait_end = later_from_now(deadline->block);
}

int64_t luatcp__remaining(luatcp_deadline *deadline) {
  int64_t now, end;
  if (luatcp__unlimited(deadline))
    return INT64_MAX;
  if (luatcp__immediate(deadline))
    return 0;
  now = luatcp__now();
  if (deadline->wait_end == 0)
    deadline->wait_end = luatcp__later(now, deadline->block);
  end = deadline->wait_end < deadline->end ? deadline->wait_end : deadline->end;
  if (end == INT64_MAX)
    return INT64_MAX;
  return end > now ? end - now : 0;
}

int luatcp__milliseconds(int64_t nanoseconds) {
  if (nanoseconds == INT64_MAX)
    return -1;
  nanoseconds = nanoseconds / NANOSECONDS_PER_MILLISECOND +
                (nanoseconds % NANOSECONDS_PER_MILLISECOND != 0);
  return nanoseconds < INT_MAX ? (int)nanoseconds : INT_MAX;
}

double luatcp_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double luatcp_monotonic_time(void) { return (double)luatcp__now() / 1e9; }
