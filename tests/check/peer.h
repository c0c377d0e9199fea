/* SPDX-License-Identifier: MIT
 *
 * peer.h: the other end of a connection, for tests: a plain socket of the
 * system that does as a script says, from a thread of its own.  It knows
 * nothing of the library but its objects' names.
 */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "luatcp.h"

/* ---- Plain sockets --------------------------------------------------- */

/* Families are LUATCP_INET and LUATCP_INET6; everything is on loopback.  All
 * of these abort the test when the system refuses. */
bool peer_has_family(int family);
const char *peer_host(int family);

/* A listening socket; service gets the text of its port. */
int peer_listen(int family, int backlog, char service[8]);
int peer_accept(int listener);
/* The text of a port on which nobody listens. */
void peer_dead_port(int family, char service[8]);
/* A listening socket whose queue is full: connects to it stay under way.  -1
 * where the system does not do that.  What fills it is in fillers. */
int peer_listen_full(int family, char service[8], int fillers[4]);

/* A connected pair: a client object without limits, and the peer's socket. */
luatcp_socket *peer_pair(int family, int *peer);
/* A server object and the text of its port. */
luatcp_socket *peer_server(int family, char service[8]);

void peer_send(int fd, const void *data, size_t size);
void peer_send_text(int fd, const char *text);
/* Reads so many bytes, or fails the test. */
void peer_receive(int fd, void *data, size_t size);
/* Closes so that the other end sees a reset. */
void peer_reset(int fd);

/* ---- Scripts --------------------------------------------------------- */

enum peer_action {
  PEER_SEND,    /* data, size */
  PEER_TRICKLE, /* the same, byte by byte, milliseconds before each */
  PEER_WAIT,    /* milliseconds */
  PEER_READ,    /* size bytes, thrown away */
  PEER_DRAIN,   /* until the end of the stream */
  PEER_SHUT,    /* ends sending */
  PEER_RESET,   /* resets the connection; the socket is closed */
  PEER_CLOSE
};

struct peer_step {
  enum peer_action action;
  const char *data;
  size_t size;
  int milliseconds;
};

#define PEER_TEXT(text)                                                        \
  { PEER_SEND, (text), sizeof(text) - 1, 0 }

struct peer_script;
/* Runs the steps on a socket, which the script owns and closes at its end. */
struct peer_script *peer_start(int fd, const struct peer_step *steps,
                               size_t count);
/* Waits for its end; how many bytes it has read. */
size_t peer_finish(struct peer_script *script);

/* ---- Signals --------------------------------------------------------- */

/* Sends SIGALRM to the process every few milliseconds, to a handler that does
 * nothing, with or without SA_RESTART; the signal goes to the calling thread.
 */
void peer_alarm_start(int milliseconds, bool restart);
void peer_alarm_stop(void);
int peer_alarm_count(void);

/* ---- Checks ---------------------------------------------------------- */

/* Open descriptors of the process. */
int peer_descriptors(void);
/* Fixtures: the number of them after a test is that before it. */
void peer_setup(void);
void peer_teardown(void);

/* Fails the test unless the error is the wanted one, and tells both names. */
void peer_expect(int got, int want, const char *file, int line);
#define expect(got, want) peer_expect((got), (want), __FILE__, __LINE__)

/* Waits until the object can be read, at most ten seconds. */
void peer_wait_readable(luatcp_socket *socket);

/* Seconds spent since a moment of luatcp_monotonic_time. */
double peer_since(double start);

/* Runs a suite of cases made by add and ends as main has to. */
#include <check.h>
int peer_main(const char *name, void (*add)(Suite *suite));
/* A case with the fixtures of above. */
TCase *peer_case(Suite *suite, const char *name);

#endif
