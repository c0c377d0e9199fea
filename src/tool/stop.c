/* SPDX-License-Identifier: MIT
 *
 * stop.c: signals become bytes in a pipe, which is waited for like a socket,
 * so that none is missed between a check and a wait; moments on the clock.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int pipe_ends[2] = {-1, -1};
static volatile sig_atomic_t arrived;

static void on_signal(int number) {
  int saved = errno;
  arrived = number;
  if (write(pipe_ends[1], "", 1) < 0) {
    /* full: it is readable already */
  }
  errno = saved;
}

int stop_prepare(void) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
  if (pipe(pipe_ends) < 0)
    return -1;
  for (int i = 0; i < 2; i++)
    if (fcntl(pipe_ends[i], F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl(pipe_ends[i], F_SETFL, O_NONBLOCK) < 0)
      return -1;
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    struct sigaction action, before;
    action.sa_handler = on_signal;
    action.sa_flags = 0;
    sigemptyset(&action.sa_mask);
    /* what nohup and the like have switched off stays off */
    if (sigaction(numbers[i], NULL, &before) == 0 &&
        before.sa_handler != SIG_IGN)
      (void)sigaction(numbers[i], &action, NULL);
  }
  return 0;
}

int stop_descriptor(void) { return pipe_ends[0]; }

bool stop_wanted(void) { return arrived != 0; }

void stop_now(void) {
  if (arrived == 0)
    return;
  (void)signal(arrived, SIG_DFL);
  (void)raise(arrived);
}

double moment_in(double seconds) {
  return seconds < 0 ? -1 : luatcp_monotonic_time() + seconds;
}

bool has_come(double moment) {
  return moment >= 0 && luatcp_monotonic_time() >= moment;
}

double earlier(double one, double other) {
  return one < 0 || (other >= 0 && other < one) ? other : one;
}

double seconds_until(double moment) {
  double left = moment - luatcp_monotonic_time();
  if (moment < 0)
    return -1;
  return left < 0 ? 0 : left;
}
