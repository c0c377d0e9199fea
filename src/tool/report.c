/* SPDX-License-Identifier: MIT
 *
 * report.c: what is said on standard error: lines for people, a line that is
 * written over and over on a terminal, or JSON, one object a line.
 */
#include "tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SHOWN_EVERY 0.2 /* seconds, on a terminal */
#define TOLD_EVERY 1.0  /* in a file or in JSON */

static struct {
  bool json, quiet, progress, overwrite;
  bool measured;  /* the rates below are some */
  bool line_open; /* a line that is to be written over stands there */
  double start, next, last;
  uint64_t last_sent, last_received;
  double send_rate, receive_rate; /* bytes a second, lately */
} state;

void report_start(const settings *chosen) {
  bool terminal = isatty(STDERR_FILENO) == 1;
  state.json = chosen->json;
  state.quiet = chosen->quiet;
  state.progress = chosen->progress || (terminal && !chosen->json);
  if (chosen->quiet)
    state.progress = false;
  state.overwrite = terminal && !chosen->json;
  /* each line in one piece: several programs may share the terminal */
  (void)setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
  state.start = state.last = luatcp_monotonic_time();
  state.next = state.start + (state.overwrite ? SHOWN_EVERY : TOLD_EVERY);
}

/* ---- Pieces ---------------------------------------------------------- */

static void end_line(void) {
  if (state.line_open)
    fputc('\n', stderr);
  state.line_open = false;
}

static void json_string(const char *text) {
  fputc('"', stderr);
  for (; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\')
      fprintf(stderr, "\\%c", c);
    else if (c < 0x20 || c == 0x7f)
      fprintf(stderr, "\\u%04x", c);
    else
      fputc(c, stderr);
  }
  fputc('"', stderr);
}

static void json_name(const char *prefix, const luatcp_name *name) {
  fprintf(stderr, ",\"%saddress\":\"%s\",\"%sport\":%d", prefix, name->address,
          prefix, name->port);
}

/* Writes "1.5 MiB" and the like. */
static const char *size_text(double bytes, char *text, size_t size) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  while (bytes >= 1023.95 && unit + 1 < sizeof units / sizeof units[0]) {
    bytes /= 1024;
    unit++;
  }
  (void)snprintf(text, size, unit == 0 ? "%.0f %s" : "%.1f %s", bytes,
                 units[unit]);
  return text;
}

static void print_name(const luatcp_name *name) {
  fprintf(stderr, name->family == LUATCP_INET6 ? "[%s]:%d" : "%s:%d",
          name->address, name->port);
}

/* ---- Events ---------------------------------------------------------- */

void report_listening(const luatcp_name *name) {
  if (state.quiet)
    return;
  if (state.json) {
    fputs("{\"event\":\"listening\"", stderr);
    json_name("", name);
    fputs("}\n", stderr);
    return;
  }
  end_line();
  fputs("luatcp: listening on ", stderr);
  print_name(name);
  fputc('\n', stderr);
}

void report_connected(const luatcp_socket *socket, double seconds) {
  luatcp_name peer, local;
  if (state.quiet || !(state.json || state.progress) ||
      luatcp_peer_name(socket, &peer) != LUATCP_OK ||
      luatcp_local_name(socket, &local) != LUATCP_OK)
    return;
  if (state.json) {
    fputs("{\"event\":\"connected\"", stderr);
    json_name("", &peer);
    json_name("local_", &local);
    fprintf(stderr, ",\"seconds\":%.6f}\n", seconds);
    return;
  }
  end_line();
  fputs("luatcp: connected to ", stderr);
  print_name(&peer);
  fputc('\n', stderr);
}

void report_closed(const luatcp_socket *socket) {
  luatcp_statistics moved;
  char sent[32], received[32], rate[32];
  double both;
  luatcp_get_statistics(socket, &moved);
  if (state.quiet || !(state.json || state.progress))
    return;
  if (state.json) {
    fprintf(stderr,
            "{\"event\":\"closed\",\"sent\":%" PRIu64 ",\"received\":%" PRIu64
            ",\"seconds\":%.6f}\n",
            moved.sent, moved.received, moved.age);
    return;
  }
  if (state.overwrite)
    fputs("\r\033[K", stderr);
  state.line_open = false;
  both = (double)moved.sent + (double)moved.received;
  fprintf(stderr, "luatcp: sent %s, received %s in %.1f s, %s/s\n",
          size_text((double)moved.sent, sent, sizeof sent),
          size_text((double)moved.received, received, sizeof received),
          moved.age,
          size_text(moved.age > 0 ? both / moved.age : 0, rate, sizeof rate));
}

int report_failure(const char *what, const char *which, int error) {
  char message[LUATCP_MESSAGE_SIZE];
  const char *name = luatcp_error_name(error);
  (void)luatcp_strerror(error, message, sizeof message);
  if (state.json) {
    fputs("{\"event\":\"error\",\"what\":", stderr);
    json_string(what);
    fputs(",\"which\":", stderr);
    json_string(which);
    fputs(",\"name\":", stderr);
    json_string(name);
    fputs(",\"message\":", stderr);
    json_string(message);
    fputs("}\n", stderr);
  } else {
    end_line();
    fprintf(stderr, "luatcp: %s%s%s: %s\n", what, *which != '\0' ? " " : "",
            which, message);
  }
  return error == LUATCP_TIMEOUT ? EXIT_LIMIT : EXIT_FAILED;
}

/* ---- Progress -------------------------------------------------------- */

double report_due(void) { return state.progress ? state.next : -1; }

/* The newest interval counts for half, the first for all. */
static void measure(uint64_t sent, uint64_t received, double now) {
  double span = now - state.last, send_rate, receive_rate;
  if (span <= 0)
    return;
  /* another connection may have begun to count */
  if (sent < state.last_sent || received < state.last_received)
    state.last_sent = state.last_received = 0;
  send_rate = (double)(sent - state.last_sent) / span;
  receive_rate = (double)(received - state.last_received) / span;
  if (state.measured) {
    send_rate = (state.send_rate + send_rate) / 2;
    receive_rate = (state.receive_rate + receive_rate) / 2;
  }
  state.measured = true;
  state.send_rate = send_rate;
  state.receive_rate = receive_rate;
  state.last = now;
  state.last_sent = sent;
  state.last_received = received;
}

static void show_json(uint64_t sent, uint64_t received, int64_t size,
                      int64_t clients) {
  fprintf(stderr,
          "{\"event\":\"progress\",\"sent\":%" PRIu64 ",\"received\":%" PRIu64
          ",\"send_rate\":%.0f,\"receive_rate\":%.0f",
          sent, received, state.send_rate, state.receive_rate);
  if (size >= 0)
    fprintf(stderr, ",\"size\":%" PRId64, size);
  if (clients >= 0)
    fprintf(stderr, ",\"clients\":%" PRId64, clients);
  fputs("}\n", stderr);
}

static void show_text(uint64_t sent, uint64_t received, int64_t size,
                      int64_t clients, double seconds) {
  char amount[32], rate[32];
  if (state.overwrite)
    fputs("\r\033[K", stderr);
  if (clients >= 0)
    fprintf(stderr, "%" PRId64 " clients  ", clients);
  fprintf(stderr, "sent %s", size_text((double)sent, amount, sizeof amount));
  if (size > 0)
    fprintf(stderr, " of %s, %.0f %%",
            size_text((double)size, rate, sizeof rate),
            100.0 * (double)sent / (double)size);
  fprintf(stderr, ", %s/s  ", size_text(state.send_rate, rate, sizeof rate));
  fprintf(stderr, "received %s",
          size_text((double)received, amount, sizeof amount));
  fprintf(stderr, ", %s/s  ", size_text(state.receive_rate, rate, sizeof rate));
  fprintf(stderr, "%" PRId64 ":%02d", (int64_t)seconds / 60,
          (int)((int64_t)seconds % 60));
  if (!state.overwrite)
    fputc('\n', stderr);
  (void)fflush(stderr);
  state.line_open = state.overwrite;
}

void report_progress(uint64_t sent, uint64_t received, int64_t size,
                     int64_t clients) {
  double now;
  if (!state.progress)
    return;
  now = luatcp_monotonic_time();
  if (now < state.next)
    return;
  measure(sent, received, now);
  if (state.json)
    show_json(sent, received, size, clients);
  else
    show_text(sent, received, size, clients, now - state.start);
  state.next = now + (state.overwrite ? SHOWN_EVERY : TOLD_EVERY);
}
