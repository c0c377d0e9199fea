/* SPDX-License-Identifier: MIT
 *
 * internal.h: what the files of libluatcp share.  Never installed; no file
 * here or below knows Lua.  Every .c file of the library includes it first.
 *
 * Calls go one way: tcp, connect, stream and options stand on wait, resolve
 * and addr, those on deadline and fd, and fd on the kernel.
 */
#ifndef LUATCP_INTERNAL_H
#define LUATCP_INTERNAL_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "luatcp.h"

/* Kept out of its callers, so that these are short where it is not called. */
#ifdef __GNUC__
#define LUATCP__SELDOM __attribute__((noinline))
#else
#define LUATCP__SELDOM
#endif

/* What is so because of what has been done before, for analysers that look at
 * a function by itself. */
#ifdef __clang_analyzer__
#define LUATCP__KNOWN(condition)                                               \
  ((condition) ? (void)0 : __builtin_unreachable())
#else
#define LUATCP__KNOWN(condition) ((void)0)
#endif

/* ---- struct luatcp_socket -------------------------------------------- */

struct luatcp__connecting;
struct luatcp__setup;
struct luatcp__watch;

struct luatcp_socket {
  int fd;                /* -1: none */
  unsigned char state;   /* LUATCP_MASTER, LUATCP_CLIENT, LUATCP_SERVER */
  unsigned char wanted;  /* families that bind and connect may use */
  unsigned char family;  /* of fd; LUATCP_UNSPEC: none, or not asked yet */
  bool closed;           /* by close or detach: answers "closed" for ever */
  bool shared;           /* strangers know fd: never wait inside the kernel */
  bool nonblocking;      /* O_NONBLOCK is set, unless a stranger changed it */
  bool used;             /* connect(2) was called on fd: not to be reused */
  bool connected;        /* the connection stands, or stood */
  bool receive_shut;     /* shutdown forbade receiving */
  bool send_timer;       /* SO_SNDTIMEO is set, see luatcp__send_how */
  int error;             /* last failure of the connection, for "error" */
  int64_t receive_timer; /* what SO_RCVTIMEO is set to; 0: not set */
  int64_t block, total;  /* limits in nanoseconds; INT64_MAX: none */
  int64_t birth;         /* on the monotonic clock */
  uint64_t received, sent;
  char *buffer;        /* NULL: nothing is kept */
  uint32_t capacity;   /* of buffer: a whole one, or what little it holds */
  uint32_t start, end; /* unread is [start, end) of buffer */
  uint32_t viewed;     /* luatcp_release consumes so much */
  struct luatcp__connecting *connecting; /* connect.c: NULL if none pending */
  struct luatcp__connecting *unreported; /* ended; connect has to say how */
  struct luatcp__setup *setup;   /* options.c: for the next fresh descriptor */
  struct luatcp__watch *watches; /* poller.c: one for each poller it is in */
};

/* ---- addr.c: socket addresses and their text ------------------------- */

struct luatcp__address {
  socklen_t length;
  union {
    struct sockaddr any;
    struct sockaddr_in in;
#ifdef ENABLE_IPV6
    struct sockaddr_in6 in6;
#endif
  } sockaddr; /* no room for other families: they are refused by number */
};

/* LUATCP_INET or LUATCP_INET6; LUATCP_UNSPEC for anything else. */
int luatcp__address_family(const struct luatcp__address *address);
/* LUATCP_NOT_TCP for a family that is neither IPv4 nor IPv6. */
int luatcp__address_name(const struct luatcp__address *address,
                         luatcp_name *name);
/* Parses a numeric address without asking anyone: true when it was one. */
bool luatcp__address_parse(struct luatcp__address *address, const char *host,
                           unsigned port);
void luatcp__address_wildcard(struct luatcp__address *address, int family,
                              unsigned port);
unsigned luatcp__address_port(const struct luatcp__address *address);
bool luatcp__address_is_loopback(const struct luatcp__address *address);
bool luatcp__address_equal(const struct luatcp__address *a,
                           const struct luatcp__address *b);
/* LUATCP_OK and the port for "0" to "65535", LUATCP_MORE for what may be the
 * name of a service, LUATCP_INVALID_PORT for the rest. */
int luatcp__parse_port(const char *service, unsigned *port);

/* ---- deadline.c: clocks and limits ----------------------------------- */

int64_t luatcp__now(void);
/* now + span, INT64_MAX when either is or the sum would be. */
int64_t luatcp__later(int64_t now, int64_t span);
/* Seconds as callers give them: negative and huge become INT64_MAX, NaN 0,
 * fractions of a nanosecond round up. */
int64_t luatcp__nanoseconds(double seconds);
/* Starts a wait of the block limit, when none has started. */
void luatcp__start_wait(luatcp_deadline *deadline);
/* Time left, 0 when it is up, INT64_MAX without a limit.  Starts the wait. */
int64_t luatcp__remaining(luatcp_deadline *deadline);
/* For poll(2): rounded up, -1 for no limit. */
int luatcp__milliseconds(int64_t nanoseconds);

static inline bool luatcp__unlimited(const luatcp_deadline *deadline) {
  return deadline->block == INT64_MAX && deadline->end == INT64_MAX;
}

/* No call under this deadline may wait at all. */
static inline bool luatcp__immediate(const luatcp_deadline *deadline) {
  return deadline->block == 0 || deadline->end == 0;
}

/* Bytes moved: the block limit starts again with the next wait. */
static inline void luatcp__progress(luatcp_deadline *deadline) {
  deadline->wait_end = 0;
}

/* The total limit is reached: asked on every turn of a loop that moves data.
 * A limit of 0 says not to wait, and takes what is there. */
static inline bool luatcp__expired(const luatcp_deadline *deadline) {
  return deadline->end != INT64_MAX && deadline->end != 0 &&
         luatcp__now() >= deadline->end;
}

/* The deadline to use: the one given, or own started from the limits. */
luatcp_deadline *luatcp__deadline_or_own(luatcp_deadline *deadline,
                                         luatcp_deadline *own,
                                         const luatcp_socket *socket);
/* The same where no socket has limits: the one given, or never. */
luatcp_deadline *luatcp__deadline_or_never(luatcp_deadline *deadline,
                                           luatcp_deadline *never);

/* ---- wait.c: where the library waits --------------------------------- */

/* Waits for POLLIN or POLLOUT on one descriptor.  LUATCP_OK also when it has
 * failed: the next call on it says how.  LUATCP_TIMEOUT, -EINTR. */
int luatcp__wait_one(int fd, short events, luatcp_deadline *deadline);
/* Those of the wanted events that need no poll: buffered input is there, or a
 * connect has come to nothing. */
static inline int luatcp__ready_already(const luatcp_socket *socket,
                                        int wanted) {
  if (socket->closed)
    return 0;
  if (socket->state == LUATCP_CLIENT && !socket->connected &&
      socket->connecting == NULL && socket->error != 0)
    return wanted & (LUATCP_READABLE | LUATCP_WRITABLE);
  return socket->end > socket->start ? wanted & LUATCP_READABLE : 0;
}
/* Event constants to poll(2)'s, and poll's answer back: a failed descriptor is
 * ready for whatever is tried on it. */
short luatcp__poll_events(int events);
int luatcp__ready_events(int wanted, short happened);

/* ---- error.c --------------------------------------------------------- */

/* The error behind a result of getaddrinfo and getnameinfo. */
int luatcp__lookup_error(int code, int system_error);

/* ---- options.c: the table, and what fresh descriptors inherit -------- */

/* Memory for the record: LUATCP_OK or -ENOMEM. */
int luatcp__setup_reserve(luatcp_socket *socket);
/* The local address asked for, to be bound again on fresh descriptors; there
 * is memory for it. */
void luatcp__setup_bound(luatcp_socket *socket,
                         const struct luatcp__address *local);
const struct luatcp__address *luatcp__setup_local(const luatcp_socket *socket);
/* Gives fd the recorded options, then the local address. */
int luatcp__setup_apply(const luatcp_socket *socket, int fd, int family);
void luatcp__setup_free(luatcp_socket *socket);

/* ---- tcp.c: the object ----------------------------------------------- */

/* What the calls that need a client with a connection ask first: LUATCP_OK, or
 * LUATCP_CLOSED, LUATCP_WRONG_STATE, -ENOTCONN, the failure of the connect;
 * finishes a pending connect under the deadline. */
int luatcp__wait_connection(luatcp_socket *socket, luatcp_deadline *deadline);
static inline int luatcp__need_connection(luatcp_socket *socket,
                                          luatcp_deadline *deadline) {
  return socket->connected && !socket->closed && socket->connecting == NULL &&
                 socket->state == LUATCP_CLIENT
             ? LUATCP_OK
             : luatcp__wait_connection(socket, deadline);
}
/* Makes fd, which is of this family, the socket's descriptor in place of the
 * one it has, under the same number where strangers know that. */
int luatcp__replace_descriptor(luatcp_socket *socket, int fd, int family,
                               bool nonblocking);
/* How to call recv and send (LUATCP__WAIT or 0): inside the kernel may wait
 * who alone knows the descriptor, when the limit is one that the kernel can
 * keep.  Elsewhere try, poll, try. */
int luatcp__receive_how(luatcp_socket *socket, luatcp_deadline *deadline);
int luatcp__send_how(luatcp_socket *socket, const luatcp_deadline *deadline);

/* ---- poller.c: what the other files tell it -------------------------- */

/* The socket has input, or its descriptor or connect is not what it was: its
 * pollers look at it before they wait again. */
void luatcp__watch_input(const luatcp_socket *socket);
void luatcp__watch_changed(const luatcp_socket *socket);
/* A descriptor that the socket has is about to be closed or given away. */
void luatcp__watch_forget(const luatcp_socket *socket, int fd);
/* The socket is about to be closed. */
void luatcp__watch_end(luatcp_socket *socket);

/* ---- connect.c: one connect, over lookup and addresses --------------- */

/* The most descriptors that one pending connect waits for at once. */
#define LUATCP__RACERS 4

/* Moves a pending connect on without waiting, by at most one new address.
 * LUATCP_OK: it stands; -EINPROGRESS: pending; else it has failed for good.
 * The deadline (or NULL) is what addresses share that can't race. */
int luatcp__connect_step(luatcp_socket *socket, luatcp_deadline *deadline);
/* What to poll for until the next step can do something: fills entries, which
 * has room for LUATCP__RACERS, and returns how many there are.  Lowers *wake
 * to when to step at the latest. */
size_t luatcp__connect_poll(const luatcp_socket *socket, struct pollfd *entries,
                            int64_t *wake);
/* For calls that need the connection: waits for it under the deadline. */
int luatcp__connect_finish(luatcp_socket *socket, luatcp_deadline *deadline);
/* For strangers who ask for the descriptor: ends the lookup, then leaves one
 * attempt, on the socket's own descriptor. */
void luatcp__connect_materialise(luatcp_socket *socket);
/* The program knows how the connect ended. */
void luatcp__connect_told(luatcp_socket *socket);
/* Forgets a pending connect and closes what it opened. */
void luatcp__connect_abandon(luatcp_socket *socket);

/* ---- stream.c -------------------------------------------------------- */

void luatcp__buffer_drop(luatcp_socket *socket);

/* ---- resolve.c: lookups ---------------------------------------------- */

struct luatcp_addresses {
  size_t count;
  char *canonical_name;          /* in the same block of memory, or NULL */
  struct luatcp__address list[]; /* count of them */
};

struct luatcp__lookup;

enum { LUATCP__PASSIVE = 1, LUATCP__CANONICAL = 2 };

/* The list of one address, when host and service are numeric (or host is "*"
 * and the lookup is passive): LUATCP_OK.  LUATCP_MORE when the resolver is
 * needed.  Else why it can't be. */
int luatcp__resolve_numeric(const char *host, const char *service, int family,
                            int flags, luatcp_addresses **addresses);
/* Starts a lookup in the background, or does it at once where that cannot be.
 * Fails with -ENOMEM and the like. */
int luatcp__lookup_start(const char *host, const char *service, int family,
                         int flags, struct luatcp__lookup **lookup);
/* Readable when the lookup is done. */
int luatcp__lookup_descriptor(const struct luatcp__lookup *lookup);
bool luatcp__lookup_finished(struct luatcp__lookup *lookup);
/* -EINPROGRESS, or the end: the list, or an error.  The lookup is then gone. */
int luatcp__lookup_finish(struct luatcp__lookup *lookup,
                          luatcp_addresses **addresses);
void luatcp__lookup_abandon(struct luatcp__lookup *lookup);
/* The whole lookup, waiting under the deadline; LUATCP_INVALID_PORT,
 * LUATCP_LOOKUP_*, LUATCP_TIMEOUT, -EINTR, -ENOMEM. */
int luatcp__resolve(luatcp_deadline *deadline, const char *host,
                    const char *service, int family, int flags,
                    luatcp_addresses **addresses);
/* The same after luatcp__resolve_numeric has said LUATCP_MORE. */
int luatcp__resolve_name(luatcp_deadline *deadline, const char *host,
                         const char *service, int family, int flags,
                         luatcp_addresses **addresses);

/* ---- resolve_thread.c, resolve_direct.c: lookups and deadlines -------- */

/* Something that the resolver does for one caller.  The owner starts it and
 * leaves it once, finished or not; whoever comes last, worker or owner,
 * disposes of it. */
struct luatcp__job {
  void (*run)(struct luatcp__job *job);
  void (*dispose)(struct luatcp__job *job);
  struct luatcp__job *next;  /* in the queue */
  struct luatcp__pool *pool; /* of workers; NULL: ran at once */
  int descriptor;            /* readable when finished; -1: finished at once */
  int wake_descriptor;       /* what is written to for that */
  unsigned char stage;       /* see resolve_thread.c */
};

/* Runs a job in the background; at once where that can't be.  -EMFILE and the
 * like: not started, and still the caller's. */
int luatcp__job_start(struct luatcp__job *job);
/* True in a forked child too, whose worker does not exist: the job's result is
 * then what it was before it ran. */
bool luatcp__job_finished(struct luatcp__job *job);
void luatcp__job_leave(struct luatcp__job *job);
bool luatcp__job_has_threads(void);

/* A number that is another one in a forked child. */
int luatcp__process(void);

#endif
