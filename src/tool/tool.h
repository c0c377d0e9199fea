/* SPDX-License-Identifier: MIT
 *
 * tool.h: what the files of the program luatcp share.  It knows of the library
 * what luatcp.h says, as any other program does.
 */
#ifndef LUATCP_TOOL_H
#define LUATCP_TOOL_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "luatcp.h"

/* What the program ends with. */
enum {
  EXIT_DONE = 0,   /* all that was asked for */
  EXIT_FAILED = 1, /* the network, a file or a peer failed */
  EXIT_USAGE = 2,  /* the command line makes no sense */
  EXIT_LIMIT = 3   /* a limit of time was reached */
};

/* The command line; no time is negative. */
typedef struct settings {
  const char *host;    /* NULL: every address of this machine */
  const char *service; /* port number or service name */
  const char *file;    /* what to serve */
  int family;
  double wait;      /* for a connection; negative for no limit, like others */
  double idle;      /* while no byte moves */
  double total;     /* from start to end */
  uint64_t clients; /* how many to serve; 0: no end */
  bool receive_only;
  bool json, quiet, progress;
} settings;

/* ---- stop.c: signals, and limits of the whole run -------------------- */

/* From now on SIGINT, SIGTERM and SIGHUP do not end the program but make a
 * descriptor readable, so that it can say how far it came.  0, or -1. */
int stop_prepare(void);

/* The descriptor. */
int stop_descriptor(void);

/* Whether a signal has arrived. */
bool stop_wanted(void);

/* Ends the program by that signal, if there was one; else returns. */
void stop_now(void);

/* Moments are on the monotonic clock; negative ones never come. */
double earlier(double one, double other);

/* Seconds until a moment, 0 when it has come, negative when it never does. */
double seconds_until(double moment);

/* The moment that is so many seconds from now; negative for none. */
double moment_in(double seconds);

/* Whether a moment has come. */
bool has_come(double moment);

/* ---- report.c: what is said on standard error ------------------------ */

void report_start(const settings *chosen);
void report_listening(const luatcp_name *name);
void report_connected(const luatcp_socket *socket, double seconds);

/* One connection is over. */
void report_closed(const luatcp_socket *socket);

/* What is under way; shown now and then.  Size is how much there is to send,
 * negative if that is not known; clients is negative where there is but one. */
void report_progress(uint64_t sent, uint64_t received, int64_t size,
                     int64_t clients);

/* Until when report_progress has to be called again; negative if not. */
double report_due(void);

/* Says what failed, and returns the exit status for that. */
int report_failure(const char *what, const char *which, int error);

/* ---- network.c: connections ------------------------------------------ */

#define SERVERS_MAX 8

/* A connection to the host, or NULL with *status set; what failed was said. */
luatcp_socket *network_connect(const settings *chosen, int *status);

/* Servers for the addresses that were asked for; how many, or 0 with *status
 * set. */
size_t network_listen(const settings *chosen,
                      luatcp_socket *servers[SERVERS_MAX], int *status);

/* The next client of the servers, or NULL with *status set. */
luatcp_socket *network_accept(const settings *chosen,
                              luatcp_socket *const *servers, size_t count,
                              int *status);

/* ---- relay.c, serve.c: bytes ----------------------------------------- */

/* Moves bytes between a connection and two descriptors until both directions
 * have ended.  Output -1 drops what comes; input -1 sends nothing and leaves
 * the direction open.  Returns an exit status. */
int relay(const settings *chosen, luatcp_socket *socket, int input, int output,
          double total_end);

/* Sends a file to every client, many at once.  Returns an exit status. */
int serve(const settings *chosen, luatcp_socket *const *servers, size_t count,
          int file, double total_end);

#endif
