/* SPDX-License-Identifier: MIT
 *
 * relay.c: bytes between a connection and two descriptors, each direction at
 * its own pace: what one side cannot take is kept, and the other side is not
 * read until it is gone.  Half-closes are passed on.
 *
 * Standard input and output are shared with other programs, so they are not
 * made non-blocking.  They are read and written when they are ready, and not
 * more than a pipe that is ready takes at once.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)256 * 1024)

#ifndef PIPE_BUF
#define PIPE_BUF 512
#endif

/* One direction. */
typedef struct direction {
  size_t start, end; /* what is still to be delivered */
  bool ended;        /* nothing more comes */
  bool done;         /* and all of it has been delivered */
  char bytes[BUFFER_SIZE];
} direction;

typedef struct relay_state {
  const settings *chosen;
  luatcp_socket *socket;
  int input, output;
  size_t write_step;
  bool interactive; /* a person types the input */
  double idle_end, total_end;
  int64_t size; /* of the input, if that is known */
} relay_state;

/* What is sent, and what is received. */
static direction up, down;

static bool is_empty(const direction *way) { return way->start == way->end; }

static void begin(direction *way) {
  way->start = way->end = 0;
  way->ended = way->done = false;
}

/* ---- The four things that can happen --------------------------------- */
/* Each returns LUATCP_OK also when there was nothing to do, or an error. */

static int read_input(relay_state *state) {
  ssize_t count;
  do
    count = read(state->input, up.bytes, sizeof up.bytes);
  while (count < 0 && errno == EINTR && !stop_wanted());
  if (count < 0)
    return errno == EAGAIN || errno == EINTR ? LUATCP_OK : -errno;
  up.start = 0;
  up.end = (size_t)count;
  up.ended = count == 0;
  return LUATCP_OK;
}

static int write_output(relay_state *state) {
  size_t size = down.end - down.start;
  ssize_t count;
  if (state->output < 0) {
    down.start = down.end;
    return LUATCP_OK;
  }
  if (size > state->write_step)
    size = state->write_step;
  do
    count = write(state->output, down.bytes + down.start, size);
  while (count < 0 && errno == EINTR && !stop_wanted());
  if (count < 0)
    return errno == EAGAIN || errno == EINTR ? LUATCP_OK : -errno;
  down.start += (size_t)count;
  return LUATCP_OK;
}

static int receive(relay_state *state) {
  luatcp_deadline at_once;
  int status;
  luatcp_deadline_after(&at_once, 0);
  down.start = 0;
  status = luatcp_recv(state->socket, &at_once, down.bytes, sizeof down.bytes,
                       &down.end);
  if (status == LUATCP_CLOSED) {
    down.ended = true;
    return LUATCP_OK;
  }
  return status == LUATCP_TIMEOUT || status == -EINTR ? LUATCP_OK : status;
}

static int send_bytes(relay_state *state) {
  luatcp_deadline at_once;
  size_t sent;
  int status;
  luatcp_deadline_after(&at_once, 0);
  status = luatcp_send(state->socket, &at_once, up.bytes + up.start,
                       up.end - up.start, &sent);
  up.start += sent;
  return status == LUATCP_TIMEOUT || status == -EINTR ? LUATCP_OK : status;
}

/* ---- Turns ----------------------------------------------------------- */

enum { SOCKET, INPUT, OUTPUT, STOP, ITEMS };

static void want(luatcp_wait_item *item, luatcp_socket *socket, int descriptor,
                 int events) {
  item->socket = events != 0 ? socket : NULL;
  item->descriptor = events != 0 ? descriptor : -1;
  item->events = events;
  item->ready = 0;
}

static bool wants_input(const relay_state *state) {
  return state->input >= 0 && !up.ended && is_empty(&up);
}

static int wait_for_turn(relay_state *state, luatcp_wait_item *items) {
  luatcp_deadline limit;
  size_t ready;
  int events = 0, status;
  if (!down.ended && is_empty(&down))
    events |= LUATCP_READABLE;
  if (!is_empty(&up))
    events |= LUATCP_WRITABLE;
  want(&items[SOCKET], state->socket, -1, events);
  want(&items[INPUT], NULL, state->input,
       wants_input(state) ? LUATCP_READABLE : 0);
  want(&items[OUTPUT], NULL, state->output,
       state->output >= 0 && !is_empty(&down) ? LUATCP_WRITABLE : 0);
  want(&items[STOP], NULL, stop_descriptor(), LUATCP_READABLE);
  luatcp_deadline_after(
      &limit, seconds_until(earlier(earlier(state->idle_end, state->total_end),
                                    report_due())));
  status = luatcp_wait(&limit, items, ITEMS, &ready);
  return status == LUATCP_TIMEOUT || status == -EINTR ? LUATCP_OK : status;
}

/* Ends what has ended. */
static int finish_directions(relay_state *state) {
  int status = LUATCP_OK;
  if (up.ended && is_empty(&up) && !up.done) {
    up.done = true;
    status = luatcp_shutdown(state->socket, LUATCP_SHUTDOWN_SEND);
  }
  if (down.ended && is_empty(&down))
    down.done = true;
  /* without input nothing else can end the connection, and a person has seen
     that it is over */
  if (down.done && (state->input < 0 || (state->interactive && is_empty(&up))))
    up.done = true;
  return status;
}

/* What was received stays received when the connection fails.  At the end of
 * a limit there is no time left to wait for whoever reads it. */
static void flush_output(relay_state *state, bool may_wait) {
  while (!is_empty(&down)) {
    luatcp_wait_item items[2];
    luatcp_deadline limit;
    size_t ready;
    want(&items[0], NULL, state->output, LUATCP_WRITABLE);
    want(&items[1], NULL, stop_descriptor(), LUATCP_READABLE);
    luatcp_deadline_after(&limit,
                          may_wait ? seconds_until(state->total_end) : 0);
    if (luatcp_wait(&limit, items, 2, &ready) != LUATCP_OK || stop_wanted() ||
        write_output(state) != LUATCP_OK)
      return;
  }
}

static int fail(relay_state *state, const char *what, int status) {
  flush_output(state, status != LUATCP_TIMEOUT);
  return report_failure(what, "", status);
}

/* Moves what can be moved; an exit status, or -1 to go on. */
static int turn(relay_state *state, const luatcp_wait_item *items) {
  int status = LUATCP_OK;
  if (items[OUTPUT].ready)
    status = write_output(state);
  if (status != LUATCP_OK)
    return report_failure("write", "", status);
  if (items[SOCKET].ready & LUATCP_READABLE)
    status = receive(state);
  if (status != LUATCP_OK)
    return fail(state, "receive", status);
  if (state->output < 0)
    down.start = down.end;
  if (items[INPUT].ready)
    status = read_input(state);
  if (status != LUATCP_OK)
    return fail(state, "read", status);
  if (!is_empty(&up))
    status = send_bytes(state);
  if (status == LUATCP_OK)
    status = finish_directions(state);
  if (status != LUATCP_OK)
    return fail(state, "send", status);
  return -1;
}

static uint64_t moved(const luatcp_socket *socket, luatcp_statistics *counts) {
  luatcp_get_statistics(socket, counts);
  return counts->sent + counts->received;
}

static int run(relay_state *state) {
  luatcp_statistics counts;
  uint64_t before = moved(state->socket, &counts);
  size_t waiting = 0;
  while (!up.done || !down.done) {
    luatcp_wait_item items[ITEMS];
    int status = wait_for_turn(state, items);
    if (status != LUATCP_OK)
      return fail(state, "wait", status);
    if (stop_wanted())
      return EXIT_FAILED;
    status = turn(state, items);
    if (status >= 0)
      return status;
    if (moved(state->socket, &counts) != before ||
        down.end - down.start != waiting)
      state->idle_end = moment_in(state->chosen->idle);
    before = counts.sent + counts.received;
    waiting = down.end - down.start;
    report_progress(counts.sent, counts.received, state->size, -1);
    if (has_come(state->total_end) || has_come(state->idle_end))
      return fail(state,
                  has_come(state->total_end) ? "limit for all"
                                             : "limit without a byte",
                  LUATCP_TIMEOUT);
  }
  return EXIT_DONE;
}

/* ---- The descriptors ------------------------------------------------- */

static int64_t size_of(int descriptor) {
  struct stat about;
  if (descriptor < 0 || fstat(descriptor, &about) < 0 ||
      !S_ISREG(about.st_mode))
    return -1;
  return (int64_t)about.st_size;
}

/* A pipe can be opened once more where there is /proc: not to wait in that
 * disturbs nobody.  Elsewhere a pipe that is ready takes PIPE_BUF bytes. */
static int prepare_output(relay_state *state, int output) {
  char path[40];
  struct stat about;
  int again;
  state->output = output;
  state->write_step = PIPE_BUF;
  if (output < 0 || fstat(output, &about) < 0)
    return -1;
  if (S_ISREG(about.st_mode))
    state->write_step = BUFFER_SIZE;
  if (!S_ISFIFO(about.st_mode))
    return -1;
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", output);
  again = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (again >= 0) {
    state->output = again;
    state->write_step = BUFFER_SIZE;
  }
  return again;
}

int relay(const settings *chosen, luatcp_socket *socket, int input, int output,
          double total_end) {
  relay_state state;
  int again, status;
  begin(&up);
  begin(&down);
  state.chosen = chosen;
  state.socket = socket;
  state.input = input;
  state.interactive = input >= 0 && isatty(input) == 1;
  state.size = size_of(input);
  state.idle_end = moment_in(chosen->idle);
  state.total_end = total_end;
  again = prepare_output(&state, output);
  status = run(&state);
  if (again >= 0)
    (void)close(again);
  report_closed(socket);
  return status;
}
