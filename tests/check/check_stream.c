/* SPDX-License-Identifier: MIT
 *
 * check_stream.c: bytes: views, lines, counts, everything, sending, and what
 * peers do to them: trickle, reset, half-close, never read.
 */
#include "internal.h"
#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static luatcp_socket *socket_;
static int peer;

/* Every test has a pair; those of a loop get a shared descriptor every second
 * time, so that both ways of waiting are used. */
static void pair_setup(void) {
  peer_setup();
  socket_ = peer_pair(LUATCP_INET, &peer);
}

static void pair_teardown(void) {
  luatcp_free(socket_);
  if (peer >= 0)
    close(peer);
  peer_teardown();
}

static void share_if(int shared) {
  if (shared)
    (void)luatcp_get_descriptor(socket_);
}

static uint64_t received(void) {
  luatcp_statistics s;
  luatcp_get_statistics(socket_, &s);
  return s.received;
}

static uint64_t sent_(void) {
  luatcp_statistics s;
  luatcp_get_statistics(socket_, &s);
  return s.sent;
}

/* The line that is there, or goes on, as luatcp_view_line shows it. */
static void view_line(int ends, int status, const char *want, size_t size) {
  const char *data;
  size_t length;
  luatcp_deadline deadline;
  luatcp_deadline_after(&deadline, status == LUATCP_TIMEOUT ? 0 : 10);
  expect(luatcp_view_line(socket_, &deadline, ends, &data, &length), status);
  ck_assert_uint_eq(length, size);
  ck_assert_int_eq(memcmp(data, want, size), 0);
}

static void text_line(int status, const char *want) {
  view_line(LUATCP_LINE_TEXT, status, want, strlen(want));
  luatcp_release(socket_);
}

static void raw_line(int status, const char *want) {
  view_line(LUATCP_LINE_RAW, status, want, strlen(want));
  luatcp_release(socket_);
}

/* ---- Views ----------------------------------------------------------- */

START_TEST(view_shows_without_consuming) {
  const char *data;
  size_t length;
  share_if(_i);
  peer_send_text(peer, "abcdef");
  peer_wait_readable(socket_);
  expect(luatcp_view(socket_, NULL, 3, 4, &data, &length), LUATCP_OK);
  ck_assert_uint_eq(length, 4);
  ck_assert_int_eq(memcmp(data, "abcd", 4), 0);
  expect(luatcp_view(socket_, NULL, 1, 100, &data, &length), LUATCP_OK);
  ck_assert_uint_eq(length, 6);
  ck_assert_int_eq(memcmp(data, "abcdef", 6), 0);
  ck_assert_uint_eq(received(), 0);
  expect(luatcp_view(socket_, NULL, 2, 2, &data, &length), LUATCP_OK);
  luatcp_release(socket_);
  ck_assert_uint_eq(received(), 2);
  luatcp_release(socket_); /* nothing more to release */
  ck_assert_uint_eq(received(), 2);
  expect(luatcp_view(socket_, NULL, 1, 100, &data, &length), LUATCP_OK);
  ck_assert_uint_eq(length, 4);
  ck_assert_int_eq(memcmp(data, "cdef", 4), 0);
  luatcp_release(socket_);
  ck_assert_uint_eq(luatcp_buffered(socket_), 0);
}
END_TEST

START_TEST(view_limits) {
  const char *data;
  size_t length = 7;
  expect(luatcp_view(socket_, NULL, 0, 4, &data, &length),
         LUATCP_INVALID_ARGUMENT);
  ck_assert_uint_eq(length, 0);
  expect(luatcp_view(socket_, NULL, 5, 4, &data, &length),
         LUATCP_INVALID_ARGUMENT);
  expect(luatcp_view(socket_, NULL, LUATCP_VIEW_MAX + 1, LUATCP_VIEW_MAX + 1,
                     &data, &length),
         LUATCP_INVALID_ARGUMENT);
  peer_send_text(peer, "abc");
  peer_wait_readable(socket_);
  expect(luatcp_view(socket_, NULL, 1, SIZE_MAX, &data, &length), LUATCP_OK);
  ck_assert_uint_eq(length, 3);
}
END_TEST

START_TEST(view_on_failure_shows_what_there_is) {
  const char *data;
  size_t length;
  luatcp_deadline deadline;
  share_if(_i);
  peer_send_text(peer, "abc");
  peer_wait_readable(socket_);
  luatcp_deadline_after(&deadline, 0.02);
  expect(luatcp_view(socket_, &deadline, 10, 20, &data, &length),
         LUATCP_TIMEOUT);
  ck_assert_uint_eq(length, 3);
  ck_assert_int_eq(memcmp(data, "abc", 3), 0);
  close(peer);
  peer = -1;
  expect(luatcp_view(socket_, NULL, 10, 20, &data, &length), LUATCP_CLOSED);
  ck_assert_uint_eq(length, 3);
  luatcp_release(socket_);
  expect(luatcp_view(socket_, NULL, 1, 20, &data, &length), LUATCP_CLOSED);
  ck_assert_uint_eq(length, 0);
}
END_TEST

START_TEST(view_of_the_whole_buffer) {
  static char big[LUATCP_VIEW_MAX];
  const char *data;
  size_t length, i;
  struct peer_step steps[] = {{PEER_SEND, "xyz", 3, 0},
                              {PEER_SEND, big, sizeof big, 0},
                              {PEER_DRAIN, NULL, 0, 0}};
  struct peer_script *script;
  for (i = 0; i < sizeof big; i++)
    big[i] = (char)(i * 31 >> 3);
  script = peer_start(peer, steps, COUNT(steps));
  peer = -1;
  /* the three bytes in front have to make room */
  expect(luatcp_view(socket_, NULL, 3, 3, &data, &length), LUATCP_OK);
  luatcp_release(socket_);
  expect(luatcp_view(socket_, NULL, LUATCP_VIEW_MAX, LUATCP_VIEW_MAX, &data,
                     &length),
         LUATCP_OK);
  ck_assert_uint_eq(length, LUATCP_VIEW_MAX);
  ck_assert_int_eq(memcmp(data, big, sizeof big), 0);
  luatcp_release(socket_);
  luatcp_close(socket_);
  (void)peer_finish(script);
}
END_TEST

/* The buffer holds more than a view may show. */
START_TEST(more_than_a_view_is_buffered) {
  enum { FIRST = LUATCP_VIEW_MAX - 5000, ALL = FIRST + 15000 };
  static char text[ALL];
  const char *data;
  size_t length;
  memset(text, 'x', sizeof text);
  text[ALL - 1] = '\n';
  peer_send(peer, text, FIRST);
  expect(luatcp_view(socket_, NULL, FIRST, FIRST, &data, &length), LUATCP_OK);
  peer_send(peer, text + FIRST, ALL - FIRST); /* one segment */
  expect(luatcp_view(socket_, NULL, FIRST + 1, SIZE_MAX, &data, &length),
         LUATCP_OK);
  ck_assert_uint_eq(luatcp_buffered(socket_), ALL);
  ck_assert_uint_eq(length, LUATCP_VIEW_MAX);
  view_line(_i, LUATCP_MORE, text, LUATCP_VIEW_MAX);
  luatcp_release(socket_);
  view_line(_i, LUATCP_OK, text + LUATCP_VIEW_MAX,
            ALL - LUATCP_VIEW_MAX - (_i == LUATCP_LINE_TEXT));
  luatcp_release(socket_);
  ck_assert_uint_eq(luatcp_buffered(socket_), 0);
  ck_assert_uint_eq(received(), ALL);
}
END_TEST

/* The beginning of a message whose rest has not come takes little memory. */
START_TEST(little_is_kept_in_little) {
  static char text[20000];
  const char *data;
  size_t length;
  luatcp_deadline now;
  share_if(_i);
  memset(text, 'x', sizeof text);
  memcpy(text + sizeof text - 4, "\nnex", 4);
  peer_send(peer, text, sizeof text);
  view_line(LUATCP_LINE_TEXT, LUATCP_OK, text, sizeof text - 4);
  ck_assert_uint_ge(socket_->capacity, LUATCP_VIEW_MAX);
  luatcp_release(socket_);
  ck_assert_uint_eq(luatcp_buffered(socket_), 3);
  luatcp_deadline_after(&now, 0);
  expect(luatcp_view(socket_, &now, 5, 5, &data, &length), LUATCP_TIMEOUT);
  ck_assert_uint_eq(length, 3);
  ck_assert_int_eq(memcmp(data, "nex", 3), 0);
  ck_assert_uint_eq(socket_->capacity, 3);
  peer_send_text(peer, "t\n");
  text_line(LUATCP_OK, "next");
  ck_assert_ptr_null(socket_->buffer);
  ck_assert_uint_eq(socket_->capacity, 0);
  ck_assert_uint_eq(received(), sizeof text + 2);
}
END_TEST

/* ---- Lines ----------------------------------------------------------- */

START_TEST(lines_of_text) {
  share_if(_i);
  peer_send_text(peer, "one\ntwo\r\n\n\r\n\ra\r\rb\rc\r\r\nlast");
  close(peer);
  peer = -1;
  text_line(LUATCP_OK, "one");
  ck_assert_uint_eq(received(), 4);
  text_line(LUATCP_OK, "two");
  ck_assert_uint_eq(received(), 9);
  text_line(LUATCP_OK, "");
  text_line(LUATCP_OK, "");
  text_line(LUATCP_OK, "abc");
  text_line(LUATCP_CLOSED, "last");
  text_line(LUATCP_CLOSED, "");
  ck_assert_uint_eq(received(), 9 + 1 + 2 + 10 + 4);
}
END_TEST

START_TEST(raw_lines) {
  share_if(_i);
  peer_send_text(peer, "one\ntwo\r\n\n\ra\rb\nlast\r");
  close(peer);
  peer = -1;
  raw_line(LUATCP_OK, "one\n");
  raw_line(LUATCP_OK, "two\r\n");
  raw_line(LUATCP_OK, "\n");
  raw_line(LUATCP_OK, "\ra\rb\n");
  raw_line(LUATCP_CLOSED, "last\r");
  raw_line(LUATCP_CLOSED, "");
}
END_TEST

START_TEST(unreleased_lines_are_shown_again) {
  peer_send_text(peer, "a\rb\r\nnext\n");
  peer_wait_readable(socket_);
  view_line(LUATCP_LINE_TEXT, LUATCP_OK, "ab", 2);
  view_line(LUATCP_LINE_TEXT, LUATCP_OK, "ab", 2);
  view_line(LUATCP_LINE_TEXT, LUATCP_OK, "ab", 2);
  luatcp_release(socket_);
  text_line(LUATCP_OK, "next");
  ck_assert_uint_eq(received(), 10);
}
END_TEST

START_TEST(a_line_split_between_cr_and_lf) {
  share_if(_i);
  peer_send_text(peer, "half\r");
  peer_wait_readable(socket_);
  view_line(LUATCP_LINE_TEXT, LUATCP_TIMEOUT, "half", 4);
  peer_send_text(peer, "\nnext\n");
  text_line(LUATCP_OK, "half");
  text_line(LUATCP_OK, "next");
}
END_TEST

START_TEST(an_unfinished_line_released_is_gone) {
  peer_send_text(peer, "part");
  peer_wait_readable(socket_);
  view_line(LUATCP_LINE_TEXT, LUATCP_TIMEOUT, "part", 4);
  luatcp_release(socket_);
  peer_send_text(peer, "ial\n");
  text_line(LUATCP_OK, "ial");
}
END_TEST

START_TEST(zeros_and_high_bytes_in_lines) {
  peer_send(peer, "a\0b\xff\n\0\n", 7);
  view_line(LUATCP_LINE_TEXT, LUATCP_OK, "a\0b\xff", 4);
  luatcp_release(socket_);
  view_line(LUATCP_LINE_TEXT, LUATCP_OK, "\0", 1);
  luatcp_release(socket_);
}
END_TEST

/* Lines longer than the buffer come in pieces. */
static void long_line(size_t size, size_t step, int ends) {
  char *line = malloc(size + 1), *got = malloc(size + 1);
  size_t total = 0, i, length, plain = 0;
  struct peer_step steps[] = {{PEER_SEND, line, size + 1, 0},
                              {PEER_SEND, "after\n", 6, 0},
                              {PEER_DRAIN, NULL, 0, 0}};
  struct peer_script *script;
  int status, pieces = 0;
  for (i = 0; i < size; i++) {
    line[i] = i % step == step - 1 ? '\r' : (char)('a' + i % 23);
    plain += line[i] != '\r';
  }
  line[size] = '\n';
  script = peer_start(peer, steps, COUNT(steps));
  peer = -1;
  do {
    const char *data;
    status = luatcp_view_line(socket_, NULL, ends, &data, &length);
    ck_assert_int_ge(status, 0);
    ck_assert_uint_le(total + length, size + 1);
    memcpy(got + total, data, length);
    total += length;
    pieces++;
    luatcp_release(socket_);
  } while (status == LUATCP_MORE);
  expect(status, LUATCP_OK);
  if (ends == LUATCP_LINE_RAW) {
    ck_assert_uint_eq(total, size + 1);
    ck_assert_int_eq(memcmp(got, line, size + 1), 0);
  } else {
    size_t at = 0;
    ck_assert_uint_eq(total, plain);
    for (i = 0; i < size; i++)
      if (line[i] != '\r') {
        ck_assert_int_eq(got[at], line[i]);
        at++;
      }
  }
  if (size >= LUATCP_VIEW_MAX)
    ck_assert_int_gt(pieces, 1);
  ck_assert_uint_eq(received(), size + 1);
  text_line(LUATCP_OK, "after");
  luatcp_close(socket_);
  (void)peer_finish(script);
  free(line);
  free(got);
}

static const size_t long_sizes[] = {LUATCP_VIEW_MAX - 2, LUATCP_VIEW_MAX - 1,
                                    LUATCP_VIEW_MAX,     LUATCP_VIEW_MAX + 1,
                                    2 * LUATCP_VIEW_MAX, 300001};

START_TEST(long_lines_of_text) {
  long_line(long_sizes[_i], 1000003, LUATCP_LINE_TEXT);
}
END_TEST

START_TEST(long_lines_with_returns) {
  long_line(long_sizes[_i], 7, LUATCP_LINE_TEXT);
}
END_TEST

START_TEST(long_lines_raw) { long_line(long_sizes[_i], 7, LUATCP_LINE_RAW); }
END_TEST

START_TEST(a_buffer_full_of_returns) {
  static char returns[LUATCP_VIEW_MAX + 10];
  struct peer_step steps[] = {{PEER_SEND, returns, sizeof returns, 0},
                              {PEER_SEND, "x\n", 2, 0},
                              {PEER_DRAIN, NULL, 0, 0}};
  struct peer_script *script;
  char line[16];
  size_t total = 0, length;
  int status;
  memset(returns, '\r', sizeof returns);
  script = peer_start(peer, steps, COUNT(steps));
  peer = -1;
  do {
    status = luatcp_recv_line(socket_, NULL, LUATCP_LINE_TEXT, line + total,
                              sizeof line - total, &length);
    total += length;
  } while (status == LUATCP_MORE);
  expect(status, LUATCP_OK);
  ck_assert_uint_eq(total, 1);
  ck_assert_int_eq(line[0], 'x');
  luatcp_close(socket_);
  (void)peer_finish(script);
}
END_TEST

/* Memory larger than the buffer is filled whole. */
START_TEST(a_line_beyond_the_buffer) {
  static char text[LUATCP_VIEW_MAX + 20000], line[LUATCP_VIEW_MAX + 10000];
  struct peer_step steps[] = {{PEER_SEND, text, sizeof text, 0},
                              {PEER_DRAIN, NULL, 0, 0}};
  struct peer_script *script;
  size_t length;
  memset(text, 'x', sizeof text);
  text[5] = '\r';
  text[sizeof text - 1] = '\n';
  script = peer_start(peer, steps, COUNT(steps));
  peer = -1;
  expect(luatcp_recv_line(socket_, NULL, LUATCP_LINE_TEXT, line, sizeof line,
                          &length),
         LUATCP_MORE);
  ck_assert_uint_eq(length, sizeof line);
  expect(luatcp_recv_line(socket_, NULL, LUATCP_LINE_TEXT, line, sizeof line,
                          &length),
         LUATCP_OK);
  ck_assert_uint_eq(length, sizeof text - sizeof line - 2);
  luatcp_close(socket_);
  (void)peer_finish(script);
}
END_TEST

/* Who has filled the memory need not send anything else. */
START_TEST(a_line_that_never_ends) {
  static const int ends[] = {LUATCP_LINE_TEXT, LUATCP_LINE_RAW};
  double start = luatcp_monotonic_time();
  size_t i;
  for (i = 0; i < COUNT(ends); i++) {
    luatcp_deadline deadline;
    char line[8];
    size_t length;
    luatcp_deadline_after(&deadline, 60);
    peer_send_text(peer, "123456789");
    expect(luatcp_recv_line(socket_, &deadline, ends[i], line, 8, &length),
           LUATCP_MORE);
    ck_assert_uint_eq(length, 8);
    expect(luatcp_recv_line(socket_, &deadline, ends[i], line, 0, &length),
           LUATCP_MORE);
    ck_assert_uint_eq(length, 0);
    expect(luatcp_recv_count(socket_, &deadline, line, 1, &length), LUATCP_OK);
    ck_assert_int_eq(line[0], '9');
  }
  ck_assert(peer_since(start) < 50);
}
END_TEST

START_TEST(lines_into_memory) {
  char line[8];
  size_t length;
  peer_send_text(peer, "short\r\nlonger than eight\nx\n");
  expect(luatcp_recv_line(socket_, NULL, LUATCP_LINE_TEXT, line, 8, &length),
         LUATCP_OK);
  ck_assert_uint_eq(length, 5);
  ck_assert_int_eq(memcmp(line, "short", 5), 0);
  expect(luatcp_recv_line(socket_, NULL, LUATCP_LINE_TEXT, line, 8, &length),
         LUATCP_MORE);
  ck_assert_uint_eq(length, 8);
  ck_assert_int_eq(memcmp(line, "longer t", 8), 0);
  ck_assert_uint_eq(received(), 15);
  expect(luatcp_recv_line(socket_, NULL, LUATCP_LINE_TEXT, line, 8, &length),
         LUATCP_MORE);
  ck_assert_int_eq(memcmp(line, "han eigh", 8), 0);
  expect(luatcp_recv_line(socket_, NULL, LUATCP_LINE_TEXT, line, 8, &length),
         LUATCP_OK);
  ck_assert_uint_eq(length, 1);
  ck_assert_int_eq(line[0], 't');
  expect(luatcp_recv_line(socket_, NULL, LUATCP_LINE_TEXT, line, 1, &length),
         LUATCP_OK);
  ck_assert_uint_eq(length, 1);
  ck_assert_uint_eq(received(), 27);
}
END_TEST

/* ---- The line reader against an obvious one -------------------------- */

static uint32_t state = 12345;

static uint32_t random_below(uint32_t limit) {
  state = state * 1664525u + 1013904223u;
  return (state >> 8) % limit;
}

/* All lines of a stream, the slow way: each ended by '\n' here. */
static size_t model(const char *stream, size_t size, int ends, char *lines) {
  size_t i, length = 0;
  for (i = 0; i < size; i++) {
    if (ends == LUATCP_LINE_TEXT && stream[i] == '\r')
      continue;
    lines[length++] = stream[i];
  }
  return length;
}

START_TEST(random_fragments) {
  enum { SIZE = 20000 };
  static const char letters[] = "ab\r\n\r\nc";
  char *stream = malloc(SIZE), *want = malloc(SIZE + 1),
       *got = malloc(SIZE + 1);
  size_t sent = 0, got_size = 0, want_size, i;
  int ends = _i & 1 ? LUATCP_LINE_RAW : LUATCP_LINE_TEXT;
  bool ended = false;
  state = 777u + (uint32_t)_i;
  share_if(_i & 2);
  for (i = 0; i < SIZE; i++)
    stream[i] = letters[random_below(sizeof letters - 1)];
  want_size = model(stream, SIZE, ends, want);
  for (;;) {
    luatcp_deadline deadline;
    const char *data;
    char small[13];
    size_t length;
    int status;
    if (sent < SIZE) {
      size_t size = 1 + random_below(50);
      if (size > SIZE - sent)
        size = SIZE - sent;
      peer_send(peer, stream + sent, size);
      sent += size;
    } else if (!ended) {
      close(peer);
      peer = -1;
      ended = true;
    }
    luatcp_deadline_after(&deadline, ended ? 10 : 0);
    if (random_below(3) == 0) {
      status = luatcp_recv_line(socket_, &deadline, ends, small,
                                1 + random_below(sizeof small), &length);
      data = small;
    } else
      status = luatcp_view_line(socket_, &deadline, ends, &data, &length);
    ck_assert_uint_le(got_size + length, want_size);
    if (data != small && status != LUATCP_OK && random_below(2) == 0)
      continue; /* not released: it comes again */
    memcpy(got + got_size, data, length);
    got_size += length;
    if (status == LUATCP_OK && ends == LUATCP_LINE_TEXT)
      got[got_size++] = '\n';
    if (data != small)
      luatcp_release(socket_);
    if (status == LUATCP_CLOSED)
      break;
    ck_assert(status == LUATCP_OK || status == LUATCP_TIMEOUT ||
              status == LUATCP_MORE);
  }
  ck_assert_uint_eq(got_size, want_size);
  ck_assert_int_eq(memcmp(got, want, want_size), 0);
  ck_assert_uint_eq(received(), SIZE);
  free(stream);
  free(want);
  free(got);
}
END_TEST

/* Every reading function by turns must give the stream once and whole. */
START_TEST(random_readers) {
  enum { SIZE = 400000 };
  char *stream = malloc(SIZE), *got = malloc(SIZE + 1);
  size_t total = 0, i;
  struct peer_step steps[] = {{PEER_SEND, stream, SIZE, 0}};
  struct peer_script *script;
  state = 999u + (uint32_t)_i;
  share_if(_i & 1);
  for (i = 0; i < SIZE; i++)
    stream[i] = random_below(40) == 0 ? '\n' : (char)random_below(256);
  script = peer_start(peer, steps, COUNT(steps));
  peer = -1;
  while (total < SIZE) {
    size_t left = SIZE - total, length = 0;
    size_t size = 1 + random_below(random_below(10) == 0 ? 100000 : 300);
    const char *data;
    int status;
    if (size > left)
      size = left;
    switch (random_below(5)) {
    case 0:
      status = luatcp_recv(socket_, NULL, got + total, size, &length);
      break;
    case 1:
      status = luatcp_recv_count(socket_, NULL, got + total, size, &length);
      ck_assert_uint_eq(length, size);
      break;
    case 2:
      status = luatcp_recv_line(socket_, NULL, LUATCP_LINE_RAW, got + total,
                                size, &length);
      break;
    case 3:
      status = luatcp_view(socket_, NULL,
                           size < LUATCP_VIEW_MAX ? size : LUATCP_VIEW_MAX,
                           left, &data, &length);
      memcpy(got + total, data, length);
      luatcp_release(socket_);
      break;
    default:
      status = luatcp_view_line(socket_, NULL, LUATCP_LINE_RAW, &data, &length);
      memcpy(got + total, data, length);
      luatcp_release(socket_);
    }
    ck_assert_int_gt(status, LUATCP_CLOSED - 1);
    ck_assert(status >= 0 ||
              (status == LUATCP_CLOSED && total + length == SIZE));
    total += length;
  }
  ck_assert_uint_eq(total, SIZE);
  ck_assert_int_eq(memcmp(got, stream, SIZE), 0);
  ck_assert_uint_eq(received(), SIZE);
  (void)peer_finish(script);
  free(stream);
  free(got);
}
END_TEST

/* ---- Counts ---------------------------------------------------------- */

START_TEST(counts) {
  char data[16];
  size_t got;
  share_if(_i);
  peer_send_text(peer, "hello\r\nworld");
  expect(luatcp_recv_count(socket_, NULL, data, 7, &got), LUATCP_OK);
  ck_assert_uint_eq(got, 7);
  ck_assert_int_eq(memcmp(data, "hello\r\n", 7), 0);
  expect(luatcp_recv_count(socket_, NULL, data, 0, &got), LUATCP_OK);
  ck_assert_uint_eq(got, 0);
  close(peer);
  peer = -1;
  expect(luatcp_recv_count(socket_, NULL, data, 10, &got), LUATCP_CLOSED);
  ck_assert_uint_eq(got, 5);
  ck_assert_int_eq(memcmp(data, "world", 5), 0);
  expect(luatcp_recv_count(socket_, NULL, data, 10, &got), LUATCP_CLOSED);
  ck_assert_uint_eq(got, 0);
  ck_assert_uint_eq(received(), 12);
}
END_TEST

static const size_t count_sizes[] = {1,
                                     100,
                                     4096,
                                     LUATCP_VIEW_MAX - 1,
                                     LUATCP_VIEW_MAX,
                                     LUATCP_VIEW_MAX + 1,
                                     3 * LUATCP_VIEW_MAX + 17,
                                     1000000};

/* Counts that begin in the buffer and end far beyond it. */
START_TEST(counts_across_the_buffer) {
  size_t size = count_sizes[_i % (int)COUNT(count_sizes)], i, got;
  char *data = malloc(size), *copy = malloc(size);
  struct peer_step steps[] = {{PEER_SEND, "line\n", 5, 0},
                              {PEER_SEND, data, size, 0},
                              {PEER_SEND, "behind", 6, 0},
                              {PEER_DRAIN, NULL, 0, 0}};
  struct peer_script *script;
  share_if(_i >= (int)COUNT(count_sizes));
  for (i = 0; i < size; i++)
    data[i] = (char)(i * 7 >> 2);
  script = peer_start(peer, steps, COUNT(steps));
  peer = -1;
  text_line(LUATCP_OK, "line");
  expect(luatcp_recv_count(socket_, NULL, copy, size, &got), LUATCP_OK);
  ck_assert_uint_eq(got, size);
  ck_assert_int_eq(memcmp(copy, data, size), 0);
  expect(luatcp_recv_count(socket_, NULL, copy, size < 6 ? 1 : 6, &got),
         LUATCP_OK);
  ck_assert_int_eq(memcmp(copy, "behind", got), 0);
  luatcp_close(socket_);
  (void)peer_finish(script);
  free(data);
  free(copy);
}
END_TEST

START_TEST(recv_gives_what_is_there) {
  char data[100];
  size_t got;
  luatcp_deadline deadline;
  share_if(_i);
  peer_send_text(peer, "abcdef");
  peer_wait_readable(socket_);
  expect(luatcp_recv(socket_, NULL, data, 4, &got), LUATCP_OK);
  ck_assert_uint_eq(got, 4);
  expect(luatcp_recv(socket_, NULL, data, sizeof data, &got), LUATCP_OK);
  ck_assert_uint_eq(got, 2);
  luatcp_deadline_after(&deadline, 0);
  expect(luatcp_recv(socket_, &deadline, data, sizeof data, &got),
         LUATCP_TIMEOUT);
  ck_assert_uint_eq(got, 0);
  luatcp_deadline_after(&deadline, 0.02);
  expect(luatcp_recv(socket_, &deadline, data, sizeof data, &got),
         LUATCP_TIMEOUT);
  close(peer);
  peer = -1;
  expect(luatcp_recv(socket_, NULL, data, sizeof data, &got), LUATCP_CLOSED);
  ck_assert_uint_eq(got, 0);
}
END_TEST

START_TEST(until_closed) {
  char data[32];
  size_t got;
  share_if(_i);
  peer_send_text(peer, "0123456789abcdef");
  expect(luatcp_recv_until_closed(socket_, NULL, data, 10, &got), LUATCP_MORE);
  ck_assert_uint_eq(got, 10);
  close(peer);
  peer = -1;
  expect(luatcp_recv_until_closed(socket_, NULL, data, 32, &got), LUATCP_OK);
  ck_assert_uint_eq(got, 6);
  ck_assert_int_eq(memcmp(data, "abcdef", 6), 0);
  expect(luatcp_recv_until_closed(socket_, NULL, data, 32, &got), LUATCP_OK);
  ck_assert_uint_eq(got, 0);
}
END_TEST

START_TEST(until_closed_fails) {
  char data[32];
  size_t got;
  luatcp_deadline deadline;
  share_if(_i);
  peer_send_text(peer, "abc");
  peer_wait_readable(socket_);
  luatcp_deadline_after(&deadline, 0.02);
  expect(luatcp_recv_until_closed(socket_, &deadline, data, 32, &got),
         LUATCP_TIMEOUT);
  ck_assert_uint_eq(got, 3);
  peer_send_text(peer, "de");
  peer_wait_readable(socket_);
  expect(luatcp_recv(socket_, NULL, data, 1, &got), LUATCP_OK);
  peer_reset(peer);
  peer = -1;
  expect(luatcp_recv_until_closed(socket_, NULL, data, 32, &got), -ECONNRESET);
  ck_assert_uint_eq(got, 1);
}
END_TEST

START_TEST(test_for_life) {
  char byte;
  size_t got;
  luatcp_deadline deadline;
  share_if(_i);
  luatcp_deadline_after(&deadline, 0);
  expect(luatcp_recv_test(socket_, &deadline), LUATCP_TIMEOUT);
  peer_send_text(peer, "ab");
  expect(luatcp_recv_test(socket_, NULL), LUATCP_OK);
  expect(luatcp_recv_test(socket_, NULL), LUATCP_OK);
  ck_assert_uint_eq(received(), 0);
  expect(luatcp_recv(socket_, NULL, &byte, 1, &got), LUATCP_OK);
  ck_assert_int_eq(byte, 'a');
  expect(luatcp_recv_test(socket_, NULL), LUATCP_OK);
  expect(luatcp_recv(socket_, NULL, &byte, 1, &got), LUATCP_OK);
  ck_assert_int_eq(byte, 'b');
  close(peer);
  peer = -1;
  expect(luatcp_recv_test(socket_, NULL), LUATCP_CLOSED);
  expect(luatcp_recv_test(socket_, NULL), LUATCP_CLOSED);
}
END_TEST

START_TEST(resets) {
  char byte;
  size_t got;
  share_if(_i);
  peer_reset(peer);
  peer = -1;
  expect(luatcp_recv(socket_, NULL, &byte, 1, &got), -ECONNRESET);
  /* afterwards the system has forgotten why */
  ck_assert_int_lt(luatcp_recv(socket_, NULL, &byte, 1, &got), 0);
  expect(luatcp_send(socket_, NULL, "x", 1, &got), -EPIPE);
  ck_assert_uint_eq(got, 0);
}
END_TEST

/* Calls on what a connect has left behind tell why that failed. */
START_TEST(never_connected) {
  luatcp_socket *socket = luatcp_new();
  char byte, dead[8];
  size_t got;
  peer_dead_port(LUATCP_INET, dead);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", dead), -ECONNREFUSED);
  expect(luatcp_recv(socket, NULL, &byte, 1, &got), -ECONNREFUSED);
  ck_assert_uint_eq(got, 0);
  expect(luatcp_send(socket, NULL, "x", 1, &got), -ECONNREFUSED);
  ck_assert_uint_eq(got, 0);
  expect(luatcp_recv_test(socket, NULL), -ECONNREFUSED);
  luatcp_free(socket);
}
END_TEST

/* ---- Limits ------------------------------------------------------------- */

START_TEST(block_limit_restarts_with_progress) {
  static const struct peer_step steps[] = {{PEER_TRICKLE, "12345678\n", 9, 50},
                                           {PEER_DRAIN, NULL, 0, 0}};
  struct peer_script *script = peer_start(peer, steps, COUNT(steps));
  double start = luatcp_monotonic_time();
  char data[9];
  size_t got;
  peer = -1;
  share_if(_i & 1);
  expect(luatcp_set_timeout(socket_, LUATCP_BLOCK, 0.35), LUATCP_OK);
  if (_i & 2)
    expect(luatcp_recv_line(socket_, NULL, LUATCP_LINE_TEXT, data, 9, &got),
           LUATCP_OK);
  else
    expect(luatcp_recv_count(socket_, NULL, data, 8, &got), LUATCP_OK);
  ck_assert_uint_eq(got, 8);
  ck_assert_double_ge(peer_since(start), 0.36);
  luatcp_close(socket_);
  (void)peer_finish(script);
}
END_TEST

START_TEST(total_limit_is_hard) {
  static const struct peer_step steps[] = {
      {PEER_TRICKLE, "1234567890123456789012345678901234567890", 40, 20}};
  struct peer_script *script = peer_start(peer, steps, COUNT(steps));
  double start = luatcp_monotonic_time();
  char data[40];
  size_t got;
  peer = -1;
  share_if(_i & 1);
  expect(luatcp_set_timeout(socket_, LUATCP_TOTAL, 0.15), LUATCP_OK);
  if (_i & 2)
    expect(luatcp_set_timeout(socket_, LUATCP_BLOCK, 5), LUATCP_OK);
  expect(luatcp_recv_count(socket_, NULL, data, 40, &got), LUATCP_TIMEOUT);
  ck_assert_double_ge(peer_since(start), 0.15);
  ck_assert_double_le(peer_since(start), 5);
  ck_assert_uint_lt(got, 40);
  ck_assert_int_eq(
      memcmp(data, "1234567890123456789012345678901234567890", got), 0);
  luatcp_close(socket_);
  (void)peer_finish(script);
}
END_TEST

/* With the time up, a line without end is not read on and on. */
START_TEST(total_limit_holds_for_long_lines) {
  static char data[16 * LUATCP_VIEW_MAX];
  luatcp_deadline deadline;
  size_t total = 0, length;
  size_t there = 0;
  ssize_t count;
  int status;
  memset(data, 'x', sizeof data);
  /* as much as the system holds, until nothing moves any more */
  do {
    (void)poll(NULL, 0, 20);
    count = send(peer, data, sizeof data, MSG_DONTWAIT);
    there += count > 0 ? (size_t)count : 0;
  } while (count > 0 && there < 32 * LUATCP_VIEW_MAX);
  if (there < 8 * LUATCP_VIEW_MAX)
    return; /* this system holds less than it takes to see it */
  luatcp_deadline_after(&deadline, 1e-9);
  do {
    const char *view;
    status =
        luatcp_view_line(socket_, &deadline, LUATCP_LINE_TEXT, &view, &length);
    luatcp_release(socket_);
    total += length;
  } while (status == LUATCP_MORE);
  expect(status, LUATCP_TIMEOUT);
  ck_assert_uint_le(total, 2 * LUATCP_VIEW_MAX);
}
END_TEST

START_TEST(limits_end_a_silence) {
  static const double limits[] = {0, 0.0005, 0.001, 0.03};
  size_t i, got;
  char byte;
  share_if(_i & 1);
  for (i = 0; i < COUNT(limits); i++) {
    double start = luatcp_monotonic_time();
    expect(luatcp_set_timeout(socket_, _i & 2 ? LUATCP_BLOCK : LUATCP_TOTAL,
                              limits[i]),
           LUATCP_OK);
    expect(luatcp_recv(socket_, NULL, &byte, 1, &got), LUATCP_TIMEOUT);
    ck_assert_double_ge(peer_since(start), limits[i]);
    ck_assert_double_le(peer_since(start), limits[i] + 2);
  }
}
END_TEST

START_TEST(one_deadline_over_several_calls) {
  luatcp_deadline deadline;
  double start = luatcp_monotonic_time();
  char byte;
  size_t got;
  luatcp_deadline_after(&deadline, 0.05);
  expect(luatcp_recv(socket_, &deadline, &byte, 1, &got), LUATCP_TIMEOUT);
  expect(luatcp_recv(socket_, &deadline, &byte, 1, &got), LUATCP_TIMEOUT);
  expect(luatcp_recv_test(socket_, &deadline), LUATCP_TIMEOUT);
  ck_assert_double_ge(peer_since(start), 0.05);
  ck_assert_double_le(peer_since(start), 5);
}
END_TEST

/* ---- Signals ------------------------------------------------------------ */

/* Bit 0: SA_RESTART, bit 1: shared descriptor, bit 2: with a block limit. */
static void alarm_setup(int way, int milliseconds) {
  share_if(way & 2);
  if (way & 4)
    expect(luatcp_set_timeout(socket_, LUATCP_BLOCK, 20), LUATCP_OK);
  peer_alarm_start(milliseconds, (way & 1) != 0);
}

START_TEST(receive_is_interrupted) {
  char data[100];
  const char *view;
  size_t got;
  int a, b, c;
  alarm_setup(_i, 20);
  a = luatcp_recv(socket_, NULL, data, sizeof data, &got);
  b = luatcp_recv_test(socket_, NULL);
  c = luatcp_view_line(socket_, NULL, LUATCP_LINE_TEXT, &view, &got);
  peer_alarm_stop();
  expect(a, -EINTR);
  expect(b, -EINTR);
  expect(c, -EINTR);
  ck_assert_uint_eq(got, 0);
}
END_TEST

START_TEST(counts_are_interrupted_and_lose_nothing) {
  enum { SIZE = 200000 };
  static char data[SIZE], copy[SIZE];
  static const struct peer_step steps[] = {
      {PEER_SEND, data, 70000, 0},          {PEER_WAIT, NULL, 0, 60},
      {PEER_SEND, data + 70000, 60000, 0},  {PEER_WAIT, NULL, 0, 60},
      {PEER_SEND, data + 130000, 70000, 0}, {PEER_DRAIN, NULL, 0, 0}};
  struct peer_script *script;
  luatcp_deadline deadline;
  size_t total = 0, got, i;
  int status, interrupts = 0;
  for (i = 0; i < SIZE; i++)
    data[i] = (char)(i * 13 >> 4);
  script = peer_start(peer, steps, COUNT(steps));
  peer = -1;
  alarm_setup(_i, 20);
  luatcp_deadline_start(&deadline, socket_);
  do {
    status =
        luatcp_recv_count(socket_, &deadline, copy + total, SIZE - total, &got);
    total += got;
    interrupts += status == -EINTR;
  } while (status == -EINTR);
  peer_alarm_stop();
  expect(status, LUATCP_OK);
  ck_assert_int_gt(interrupts, 0);
  ck_assert_uint_eq(total, SIZE);
  ck_assert_int_eq(memcmp(copy, data, SIZE), 0);
  luatcp_close(socket_);
  (void)peer_finish(script);
}
END_TEST

/* Interrupted again and again, the limit is still the limit. */
START_TEST(interrupts_do_not_stretch_the_limit) {
  luatcp_deadline deadline;
  char byte;
  size_t got;
  double start;
  int status;
  share_if(_i & 2);
  expect(luatcp_set_timeout(socket_, _i & 4 ? LUATCP_BLOCK : LUATCP_TOTAL, 0.1),
         LUATCP_OK);
  peer_alarm_start(15, (_i & 1) != 0);
  start = luatcp_monotonic_time();
  luatcp_deadline_start(&deadline, socket_);
  do
    status = luatcp_recv(socket_, &deadline, &byte, 1, &got);
  while (status == -EINTR && peer_since(start) < 10);
  peer_alarm_stop();
  expect(status, LUATCP_TIMEOUT);
  ck_assert_double_ge(peer_since(start), 0.1);
  ck_assert_double_le(peer_since(start), 2);
}
END_TEST

START_TEST(send_is_interrupted_and_goes_on) {
  enum { SIZE = 24 * 1024 * 1024 };
  char *data = calloc(1, SIZE);
  luatcp_deadline deadline;
  size_t total = 0, count;
  int status, interrupts = 0;
  static const struct peer_step steps[] = {{PEER_DRAIN, NULL, 0, 0}};
  struct peer_script *script;
  /* before each send memcheck looks at all of the memory, which takes longer */
  alarm_setup(_i, getenv("LUATCP_MEMCHECK") == NULL ? 20 : 500);
  luatcp_deadline_start(&deadline, socket_);
  do {
    status =
        luatcp_send(socket_, &deadline, data + total, SIZE - total, &count);
    total += count;
    interrupts++;
  } while (status == -EINTR && interrupts < 3);
  expect(status, -EINTR);
  script = peer_start(peer, steps, COUNT(steps));
  peer = -1;
  do {
    status =
        luatcp_send(socket_, &deadline, data + total, SIZE - total, &count);
    total += count;
  } while (status == -EINTR);
  peer_alarm_stop();
  expect(status, LUATCP_OK);
  ck_assert_uint_eq(total, SIZE);
  ck_assert_uint_eq(sent_(), SIZE);
  luatcp_close(socket_);
  ck_assert_uint_eq(peer_finish(script), SIZE);
  free(data);
}
END_TEST

/* ---- Sending ------------------------------------------------------------ */

START_TEST(send_sends) {
  char data[8];
  size_t count = 99;
  share_if(_i);
  expect(luatcp_send(socket_, NULL, "", 0, &count), LUATCP_OK);
  ck_assert_uint_eq(count, 0);
  expect(luatcp_send(socket_, NULL, "hello", 5, &count), LUATCP_OK);
  ck_assert_uint_eq(count, 5);
  peer_receive(peer, data, 5);
  ck_assert_int_eq(memcmp(data, "hello", 5), 0);
  ck_assert_uint_eq(sent_(), 5);
}
END_TEST

START_TEST(send_to_one_who_reads_slowly) {
  enum { SIZE = 8 * 1024 * 1024 };
  char *data = calloc(1, SIZE);
  size_t count;
  static const struct peer_step steps[] = {{PEER_WAIT, NULL, 0, 30},
                                           {PEER_READ, NULL, 1000000, 0},
                                           {PEER_WAIT, NULL, 0, 30},
                                           {PEER_DRAIN, NULL, 0, 0}};
  struct peer_script *script = peer_start(peer, steps, COUNT(steps));
  peer = -1;
  share_if(_i & 1);
  if (_i & 2)
    expect(luatcp_set_timeout(socket_, LUATCP_BLOCK, 10), LUATCP_OK);
  if (_i & 4)
    expect(luatcp_set_timeout(socket_, LUATCP_TOTAL, 30), LUATCP_OK);
  expect(luatcp_send(socket_, NULL, data, SIZE, &count), LUATCP_OK);
  ck_assert_uint_eq(count, SIZE);
  luatcp_close(socket_);
  ck_assert_uint_eq(peer_finish(script), SIZE);
  free(data);
}
END_TEST

START_TEST(send_to_one_who_never_reads) {
  enum { SIZE = 32 * 1024 * 1024 };
  char *data = calloc(1, SIZE);
  size_t count, more;
  double start;
  luatcp_deadline deadline;
  share_if(_i & 1);
  if (_i & 2)
    expect(luatcp_set_timeout(socket_, LUATCP_BLOCK, 0.05), LUATCP_OK);
  else
    expect(luatcp_set_timeout(socket_, LUATCP_TOTAL, 0.05), LUATCP_OK);
  start = luatcp_monotonic_time();
  expect(luatcp_send(socket_, NULL, data, SIZE, &count), LUATCP_TIMEOUT);
  ck_assert_double_ge(peer_since(start), 0.05);
  ck_assert_double_le(peer_since(start), 5);
  ck_assert_uint_gt(count, 0);
  ck_assert_uint_lt(count, SIZE);
  ck_assert_uint_eq(sent_(), count);
  luatcp_deadline_after(&deadline, 0);
  expect(luatcp_send(socket_, &deadline, data, SIZE, &more), LUATCP_TIMEOUT);
  ck_assert_uint_eq(sent_(), count + more);
  /* and what it took arrives */
  luatcp_close(socket_);
  {
    static const struct peer_step steps[] = {{PEER_DRAIN, NULL, 0, 0}};
    struct peer_script *script = peer_start(peer, steps, COUNT(steps));
    peer = -1;
    ck_assert_uint_eq(peer_finish(script), count + more);
  }
  free(data);
}
END_TEST

START_TEST(send_without_sigpipe) {
  size_t count;
  int status = LUATCP_OK, i;
  luatcp_deadline deadline;
  share_if(_i);
  close(peer);
  peer = -1;
  luatcp_deadline_after(&deadline, 0.005);
  for (i = 0; i < 200 && status == LUATCP_OK; i++) {
    status = luatcp_send(socket_, NULL, "x", 1, &count);
    (void)poll(NULL, 0, 5);
  }
  ck_assert(status == -EPIPE || status == -ECONNRESET);
  ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(half_close_by_the_peer) {
  char data[8];
  size_t got;
  share_if(_i);
  peer_send_text(peer, "bye");
  ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
  expect(luatcp_recv_count(socket_, NULL, data, 8, &got), LUATCP_CLOSED);
  ck_assert_uint_eq(got, 3);
  expect(luatcp_send(socket_, NULL, "answer", 6, &got), LUATCP_OK);
  peer_receive(peer, data, 6);
  ck_assert_int_eq(memcmp(data, "answer", 6), 0);
}
END_TEST

/* ---- Memory ------------------------------------------------------------- */

START_TEST(an_idle_socket_has_no_buffer) {
  ck_assert_ptr_null(socket_->buffer);
  peer_send_text(peer, "a\nb\n");
  text_line(LUATCP_OK, "a");
  ck_assert_ptr_nonnull(socket_->buffer);
  ck_assert_uint_eq(luatcp_buffered(socket_), 2);
  text_line(LUATCP_OK, "b");
  ck_assert_ptr_null(socket_->buffer);
  view_line(LUATCP_LINE_TEXT, LUATCP_TIMEOUT, "", 0);
  ck_assert_ptr_null(socket_->buffer);
}
END_TEST

static void add(Suite *suite) {
  TCase *made = tcase_create("stream");
  tcase_add_checked_fixture(made, pair_setup, pair_teardown);
  tcase_set_timeout(made, 120);
  suite_add_tcase(suite, made);
  tcase_add_loop_test(made, view_shows_without_consuming, 0, 2);
  tcase_add_test(made, view_limits);
  tcase_add_loop_test(made, view_on_failure_shows_what_there_is, 0, 2);
  tcase_add_test(made, view_of_the_whole_buffer);
  tcase_add_loop_test(made, more_than_a_view_is_buffered, LUATCP_LINE_TEXT,
                      LUATCP_LINE_RAW + 1);
  tcase_add_loop_test(made, little_is_kept_in_little, 0, 2);
  tcase_add_loop_test(made, lines_of_text, 0, 2);
  tcase_add_loop_test(made, raw_lines, 0, 2);
  tcase_add_test(made, unreleased_lines_are_shown_again);
  tcase_add_loop_test(made, a_line_split_between_cr_and_lf, 0, 2);
  tcase_add_test(made, an_unfinished_line_released_is_gone);
  tcase_add_test(made, zeros_and_high_bytes_in_lines);
  tcase_add_loop_test(made, long_lines_of_text, 0, (int)COUNT(long_sizes));
  tcase_add_loop_test(made, long_lines_with_returns, 0, (int)COUNT(long_sizes));
  tcase_add_loop_test(made, long_lines_raw, 0, (int)COUNT(long_sizes));
  tcase_add_test(made, a_buffer_full_of_returns);
  tcase_add_test(made, a_line_beyond_the_buffer);
  tcase_add_test(made, a_line_that_never_ends);
  tcase_add_test(made, lines_into_memory);
  tcase_add_loop_test(made, random_fragments, 0, 8);
  tcase_add_loop_test(made, random_readers, 0, 4);
  tcase_add_loop_test(made, counts, 0, 2);
  tcase_add_loop_test(made, counts_across_the_buffer, 0,
                      2 * (int)COUNT(count_sizes));
  tcase_add_loop_test(made, recv_gives_what_is_there, 0, 2);
  tcase_add_loop_test(made, until_closed, 0, 2);
  tcase_add_loop_test(made, until_closed_fails, 0, 2);
  tcase_add_loop_test(made, test_for_life, 0, 2);
  tcase_add_loop_test(made, resets, 0, 2);
  tcase_add_test(made, never_connected);
  tcase_add_loop_test(made, block_limit_restarts_with_progress, 0, 4);
  tcase_add_loop_test(made, total_limit_is_hard, 0, 4);
  tcase_add_test(made, total_limit_holds_for_long_lines);
  tcase_add_loop_test(made, limits_end_a_silence, 0, 4);
  tcase_add_test(made, one_deadline_over_several_calls);
  tcase_add_loop_test(made, receive_is_interrupted, 0, 8);
  tcase_add_loop_test(made, counts_are_interrupted_and_lose_nothing, 0, 8);
  tcase_add_loop_test(made, interrupts_do_not_stretch_the_limit, 0, 8);
  tcase_add_loop_test(made, send_is_interrupted_and_goes_on, 0, 8);
  tcase_add_loop_test(made, send_sends, 0, 2);
  tcase_add_loop_test(made, send_to_one_who_reads_slowly, 0, 8);
  tcase_add_loop_test(made, send_to_one_who_never_reads, 0, 4);
  tcase_add_loop_test(made, send_without_sigpipe, 0, 2);
  tcase_add_loop_test(made, half_close_by_the_peer, 0, 2);
  tcase_add_test(made, an_idle_socket_has_no_buffer);
}

int main(void) { return peer_main("stream", add); }
