/* SPDX-License-Identifier: MIT
 *
 * stream.c: the functions that read, fed with arbitrary bytes in arbitrary
 * fragments, against a model that is slow and obvious: a string of what is
 * still to be read, looked at byte by byte.
 *
 * The other end is this program itself, between the calls, so that the model
 * knows what has arrived.  Inside a call recv(2) is cut into pieces and
 * interrupted as the input says.
 */
#include "fuzz.h"
#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

/* What the peer sends in one run at most. */
#define STREAM_MAX ((size_t)400000)
#define VIEW_MAX ((size_t)LUATCP_VIEW_MAX)

/* ---- recv(2) in pieces ----------------------------------------------- */

static struct {
  size_t sizes[4]; /* what the next calls give at most, in turn; 0: all */
  unsigned next;
  unsigned interrupt; /* this many calls from now one is interrupted; 0: none */
} pieces;

ssize_t recv(int fd, void *data, size_t size, int flags) {
  size_t most = pieces.sizes[pieces.next++ % 4];
  if (pieces.interrupt > 0 && --pieces.interrupt == 0) {
    errno = EINTR;
    return -1;
  }
  if (most != 0 && most < size)
    size = most;
  return recvfrom(fd, data, size, flags, NULL, NULL);
}

/* ---- The model ------------------------------------------------------- */

static struct {
  unsigned char bytes[STREAM_MAX];
  size_t start, end; /* still to be read */
  uint64_t taken; /* what the program was given, line ends and CRs included */
  bool ended;     /* the peer has ended the stream */
  bool dead;      /* reading is forbidden, or the object closed */
} model;

static size_t model_length(void) { return model.end - model.start; }

static const unsigned char *model_data(void) {
  return model.bytes + model.start;
}

static void model_take(size_t count) {
  FUZZ_CLAIM(count <= model_length());
  model.start += count;
  model.taken += count;
}

/* What a call says that had not enough. */
static int model_shortage(void) {
  return model.ended || model.dead ? LUATCP_CLOSED : LUATCP_TIMEOUT;
}

struct line {
  unsigned char text[VIEW_MAX];
  size_t length; /* of text */
  size_t raw;    /* bytes of the stream that it comes from */
  int status;
};

/* The line that a view shows, which is no longer than the buffer. */
static void model_line(int ends, struct line *line) {
  size_t i;
  line->length = 0;
  line->status = model_shortage();
  for (i = 0; i < model_length(); i++) {
    unsigned char byte = model_data()[i];
    if (i == VIEW_MAX) {
      line->status = LUATCP_MORE;
      break;
    }
    if (ends == LUATCP_LINE_RAW || (byte != '\n' && byte != '\r'))
      line->text[line->length++] = byte;
    if (byte == '\n') {
      line->status = LUATCP_OK;
      i++;
      break;
    }
  }
  if (i == VIEW_MAX && line->status != LUATCP_OK)
    line->status = LUATCP_MORE;
  line->raw = i;
}

/* A view of text has dropped the CRs in the stream, but for a last one. */
static void model_drop_returns(const struct line *line) {
  size_t text = line->raw - (line->status == LUATCP_OK ? 1 : 0), i, to;
  unsigned char *data = model.bytes + model.start, *found;
  if (text == 0 || (found = memchr(data, '\r', text)) == NULL ||
      found == data + text - 1)
    return;
  for (i = to = text; i-- > 0;)
    if (data[i] != '\r')
      data[--to] = data[i];
  model_take(to);
}

/* What luatcp_recv_line gives, read byte by byte. */
static int model_recv_line(int ends, unsigned char *text, size_t size,
                           size_t *length) {
  *length = 0;
  while (model_length() > 0) {
    unsigned char byte = *model_data();
    bool end = byte == '\n';
    if ((end || byte == '\r') && ends == LUATCP_LINE_TEXT) {
      model_take(1);
    } else if (*length == size) {
      return LUATCP_MORE;
    } else {
      text[(*length)++] = byte;
      model_take(1);
    }
    if (end)
      return LUATCP_OK;
  }
  return model_shortage();
}

/* ---- One run --------------------------------------------------------- */

static struct fuzz_input input;
static luatcp_socket *subject;
static int peer;
static struct line line;
static unsigned char got[STREAM_MAX], want[STREAM_MAX];

/* A connected object whose descriptor is one end of a local stream. */
static void start(const uint8_t *data, size_t size) {
  int pair[2], room = 1 << 20;
  FUZZ_CLAIM(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  (void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  subject = luatcp_new();
  FUZZ_CLAIM(subject != NULL);
  subject->fd = pair[0];
  subject->state = LUATCP_CLIENT;
  subject->connected = true;
  peer = pair[1];
  input.data = data;
  input.left = size;
  memset(&pieces, 0, sizeof pieces);
  model.start = model.end = 0;
  model.taken = 0;
  model.ended = model.dead = false;
}

static void finish(void) {
  luatcp_free(subject);
  if (peer >= 0)
    close(peer);
}

/* A deadline with which a call that has enough succeeds, and one that has not
 * comes back at once.  NULL: the object's own limits. */
static luatcp_deadline *choose_deadline(luatcp_deadline *deadline,
                                        bool enough) {
  unsigned kind = fuzz_byte(&input);
  double seconds = 0;
  int limit = kind & 1 ? LUATCP_BLOCK : LUATCP_TOTAL;
  if (enough || model.ended || model.dead)
    seconds = kind & 2 ? -1 : kind & 4 ? 60 : 0;
  if (kind & 8) {
    luatcp_deadline_after(deadline, seconds);
    return deadline;
  }
  FUZZ_CLAIM(luatcp_set_timeout(subject, LUATCP_BLOCK, -1) == LUATCP_OK);
  FUZZ_CLAIM(luatcp_set_timeout(subject, LUATCP_TOTAL, -1) == LUATCP_OK);
  FUZZ_CLAIM(luatcp_set_timeout(subject, limit, seconds) == LUATCP_OK);
  if (kind & 16)
    return NULL;
  luatcp_deadline_start(deadline, subject);
  return deadline;
}

static void send_bytes(const unsigned char *data, size_t size) {
  ssize_t sent;
  if (peer < 0 || model.ended || size > STREAM_MAX - model.end)
    return;
  sent = send(peer, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent <= 0 || model.dead)
    return;
  memcpy(model.bytes + model.end, data, (size_t)sent);
  model.end += (size_t)sent;
}

static void peer_sends_literally(void) {
  unsigned char data[64];
  size_t i, size = fuzz_byte(&input) % sizeof data;
  for (i = 0; i < size; i++)
    data[i] = (unsigned char)fuzz_byte(&input);
  send_bytes(data, size);
}

/* Many times the same few bytes. */
static void peer_repeats(void) {
  static unsigned char data[1 << 17];
  unsigned char period[4];
  size_t i, length = 1 + fuzz_byte(&input) % sizeof period;
  size_t size = fuzz_size(&input);
  for (i = 0; i < length; i++)
    period[i] = (unsigned char)fuzz_byte(&input);
  for (i = 0; i < size; i++)
    data[i] = period[i % length];
  send_bytes(data, size);
}

static void peer_ends(void) {
  if (peer < 0 || model.ended)
    return;
  FUZZ_CLAIM(shutdown(peer, SHUT_WR) == 0);
  model.ended = true;
}

static void cut_receives(void) {
  size_t i;
  for (i = 0; i < 4; i++)
    pieces.sizes[i] = fuzz_size(&input);
  pieces.interrupt = fuzz_byte(&input) & 7;
}

static void claim_bytes(const void *data, size_t length) {
  FUZZ_CLAIM(length <= model_length());
  FUZZ_CLAIM(memcmp(data, model_data(), length) == 0);
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static void call_view(void) {
  luatcp_deadline own, *deadline;
  size_t minimum = fuzz_size(&input), maximum = fuzz_size(&input), length;
  bool enough = model_length() >= minimum && !model.dead;
  const char *data;
  int status;
  deadline = choose_deadline(&own, enough);
  do
    status = luatcp_view(subject, deadline, minimum, maximum, &data, &length);
  while (status == -EINTR);
  if (minimum < 1 || minimum > maximum || minimum > VIEW_MAX) {
    FUZZ_CLAIM(status == LUATCP_INVALID_ARGUMENT && length == 0);
    return;
  }
  claim_bytes(data, length);
  if (enough) {
    FUZZ_CLAIM(status == LUATCP_OK);
    FUZZ_CLAIM(length >= minimum && length <= maximum);
  } else {
    FUZZ_CLAIM(status == model_shortage());
    FUZZ_CLAIM(length == model_length());
  }
  if (fuzz_byte(&input) & 1) {
    luatcp_release(subject);
    model_take(length);
  }
}

/* What there was before the signal was shown as well, and fewer CRs leave room
 * for more of the line. */
static void model_interrupted_view(int ends) {
  luatcp_statistics statistics;
  luatcp_get_statistics(subject, &statistics);
  line.raw =
      luatcp_buffered(subject) + (size_t)(statistics.received - model.taken);
  line.status = -EINTR;
  if (ends == LUATCP_LINE_TEXT)
    model_drop_returns(&line);
  FUZZ_CLAIM(statistics.received == model.taken);
  model_line(ends, &line);
}

static void call_view_line(void) {
  luatcp_deadline own, *deadline;
  int status, ends = fuzz_byte(&input) & 1;
  const char *data;
  size_t length;
  model_line(ends, &line);
  deadline = choose_deadline(&own, line.status >= 0);
  while ((status = luatcp_view_line(subject, deadline, ends, &data, &length)) ==
         -EINTR) {
    model_interrupted_view(ends);
    deadline = choose_deadline(&own, line.status >= 0);
  }
  FUZZ_CLAIM(status == line.status);
  FUZZ_CLAIM(length == line.length);
  FUZZ_CLAIM(memcmp(data, line.text, length) == 0);
  if (fuzz_byte(&input) & 3) {
    luatcp_release(subject);
    model_take(line.raw);
  } else if (ends == LUATCP_LINE_TEXT)
    model_drop_returns(&line);
}

static void call_recv_line(void) {
  luatcp_deadline own, *deadline;
  int status, expected, ends = fuzz_byte(&input) & 1;
  size_t size = fuzz_size(&input), length = 0, more;
  size_t expected_length;
  model_line(ends, &line);
  expected = model_recv_line(ends, want, size, &expected_length);
  deadline = choose_deadline(&own, expected >= 0);
  do {
    status = luatcp_recv_line(subject, deadline, ends, (char *)got + length,
                              size - length, &more);
    length += more;
  } while (status == -EINTR);
  FUZZ_CLAIM(status == expected);
  FUZZ_CLAIM(length == expected_length);
  FUZZ_CLAIM(memcmp(got, want, length) == 0);
}

static void call_recv(void) {
  luatcp_deadline own, *deadline;
  size_t size = fuzz_size(&input), length;
  bool enough = model_length() > 0;
  int status;
  deadline = choose_deadline(&own, enough);
  do
    status = luatcp_recv(subject, deadline, got, size, &length);
  while (status == -EINTR);
  claim_bytes(got, length);
  FUZZ_CLAIM(status == (enough ? LUATCP_OK : model_shortage()));
  FUZZ_CLAIM(length <= size && (length > 0) == (enough && size > 0));
  model_take(length);
}

static void call_recv_count(bool until_closed) {
  luatcp_deadline own, *deadline;
  size_t size = fuzz_size(&input), length = 0, more;
  bool enough = model_length() >= size && (!model.dead || size == 0);
  int status, expected;
  deadline = choose_deadline(&own, enough);
  do {
    status = until_closed
                 ? luatcp_recv_until_closed(subject, deadline, got + length,
                                            size - length, &more)
                 : luatcp_recv_count(subject, deadline, got + length,
                                     size - length, &more);
    length += more;
  } while (status == -EINTR);
  if (enough)
    expected = until_closed ? LUATCP_MORE : LUATCP_OK;
  else if (until_closed && model.ended && !model.dead)
    expected = LUATCP_OK;
  else
    expected = model_shortage();
  FUZZ_CLAIM(status == expected);
  FUZZ_CLAIM(length == smaller(size, model_length()));
  claim_bytes(got, length);
  model_take(length);
}

static void call_recv_test(void) {
  luatcp_deadline own, *deadline;
  bool enough = model_length() > 0;
  int status;
  deadline = choose_deadline(&own, enough);
  do
    status = luatcp_recv_test(subject, deadline);
  while (status == -EINTR);
  FUZZ_CLAIM(status == (enough ? LUATCP_OK : model_shortage()));
}

/* What is sent arrives; as much as the system takes. */
static void call_send(void) {
  luatcp_deadline own;
  size_t size = fuzz_size(&input), sent, i;
  ssize_t arrived;
  int status;
  for (i = 0; i < size; i++)
    got[i] = (unsigned char)(i * 7 + size);
  luatcp_deadline_after(&own, 0);
  status = luatcp_send(subject, &own, got, size, &sent);
  FUZZ_CLAIM(sent <= size);
  FUZZ_CLAIM(status == (sent == size && !subject->closed ? LUATCP_OK
                        : subject->closed                ? LUATCP_CLOSED
                                                         : LUATCP_TIMEOUT));
  for (i = 0; i < sent; i += (size_t)arrived) {
    arrived = recvfrom(peer, want + i, sent - i, MSG_DONTWAIT, NULL, NULL);
    FUZZ_CLAIM(arrived > 0);
  }
  FUZZ_CLAIM(memcmp(got, want, sent) == 0);
}

static void call_shutdown(void) {
  if (subject->closed)
    return;
  FUZZ_CLAIM(luatcp_shutdown(subject, LUATCP_SHUTDOWN_RECEIVE) == LUATCP_OK);
  model.dead = true;
  model.start = model.end;
}

static void call_close(void) {
  luatcp_close(subject);
  model.dead = true;
  model.start = model.end;
}

static void claim_accounts(void) {
  luatcp_statistics statistics;
  luatcp_get_statistics(subject, &statistics);
  FUZZ_CLAIM(statistics.received == model.taken);
  FUZZ_CLAIM(luatcp_buffered(subject) <= model_length());
}

static void step(void) {
  switch (fuzz_byte(&input) % 20) {
  case 0:
  case 1:
  case 2:
    peer_sends_literally();
    break;
  case 3:
  case 4:
    peer_repeats();
    break;
  case 5:
    peer_ends();
    break;
  case 6:
  case 7:
    cut_receives();
    break;
  case 8:
    call_view();
    break;
  case 9:
  case 10:
    call_view_line();
    break;
  case 11:
  case 12:
    call_recv_line();
    break;
  case 13:
    call_recv();
    break;
  case 14:
    call_recv_count(false);
    break;
  case 15:
    call_recv_count(true);
    break;
  case 16:
    call_recv_test();
    break;
  case 17:
    call_send();
    break;
  case 18: /* strangers know the descriptor */
    FUZZ_CLAIM((luatcp_get_descriptor(subject) >= 0) == !subject->closed);
    break;
  default: /* rare, as nothing comes after it */
    if (fuzz_byte(&input) % 8 == 0)
      call_close();
    else if (fuzz_byte(&input) % 8 == 0)
      call_shutdown();
  }
  claim_accounts();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  start(data, size);
  while (input.left > 0)
    step();
  finish();
  return 0;
}
