/* SPDX-License-Identifier: MIT
 *
 * luatcp.h: the whole public interface of libluatcp, TCP sockets with
 * deadlines, buffered reading and connects that find the live address.
 *
 * Conventions, true for every function unless its comment says otherwise:
 *
 *   Results.    An int result is LUATCP_OK (0) when the call did what it says,
 *               LUATCP_MORE (1) when it filled the destination and there is
 *               more to come, or a negative error.  Errors of the system are
 *               -errno (-ECONNREFUSED); those of this library and of name
 *               lookup are the constants below.  Output lengths are always
 *               set, also on failure: what was moved before the failure counts.
 *   Deadlines.  A function that may wait takes a luatcp_deadline.  NULL means
 *               one started now from the socket's own limits (or none, where
 *               no socket is involved).  Give the same deadline to several
 *               calls to bound them together.
 *   Signals.    A wait cut short by a signal handler fails with -EINTR and
 *               loses nothing: call again, with the same deadline, to go on
 *               with the time that is left.
 *   Ownership.  Input strings and memory are borrowed for the call.  What a
 *               function allocates is freed by the function named for it.
 *   Threads.    Any number of threads may use the library, each with its own
 *               objects.  One object must not be used by two threads at once.
 *   Process.    No signal disposition is changed, nothing is printed, every
 *               descriptor is close-on-exec from birth.
 *   Seconds are doubles; a negative number of seconds means "no limit".
 *   Hosts are numeric addresses or names, services are decimal port numbers
 *   (0 to 65535) or service names, as getaddrinfo(3) takes them.
 */
#ifndef LUATCP_H
#define LUATCP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The one home of the version; build-aux/version.sh reads it for configure. */
#define LUATCP_VERSION_MAJOR 0
#define LUATCP_VERSION_MINOR 1
#define LUATCP_VERSION_PATCH 0
#define LUATCP_VERSION "0.1.0"

#if defined(__GNUC__)
#define LUATCP_API __attribute__((visibility("default")))
#define LUATCP_CHECKED LUATCP_API __attribute__((warn_unused_result))
#else
#define LUATCP_API
#define LUATCP_CHECKED LUATCP_API
#endif

/* ---- Types ----------------------------------------------------------- */

/* A TCP object: master, client or server.  From luatcp_new. */
typedef struct luatcp_socket luatcp_socket;

/* The result of a lookup: a list of addresses.  From luatcp_lookup. */
typedef struct luatcp_addresses luatcp_addresses;

/* When a call has to give up, on the monotonic clock, in nanoseconds.
 * Filled by luatcp_deadline_start or luatcp_deadline_after; the members are
 * the library's own.  Lives in the caller's memory, needs no clean-up. */
typedef struct luatcp_deadline {
  int64_t block;    /* longest single wait; INT64_MAX: no limit */
  int64_t wait_end; /* when the wait under way ends; 0: not started */
  int64_t end;      /* hard end of the whole call; INT64_MAX: none */
} luatcp_deadline;

/* Room for any numeric address, a scope ("%eth0") included, and its NUL. */
#define LUATCP_ADDRESS_SIZE 64

/* One end of a connection, or one result of a lookup. */
typedef struct luatcp_name {
  char address[LUATCP_ADDRESS_SIZE]; /* numeric, NUL-terminated */
  int port;                          /* 0 to 65535, host byte order */
  int family;                        /* LUATCP_INET or LUATCP_INET6 */
} luatcp_name;

/* What has passed through a socket. */
typedef struct luatcp_statistics {
  uint64_t received; /* bytes that the program was given */
  uint64_t sent;     /* bytes that the system took */
  double age;        /* seconds since the object was made */
} luatcp_statistics;

/* One thing to wait for, see luatcp_wait. */
typedef struct luatcp_wait_item {
  luatcp_socket *socket; /* a socket, or NULL to wait for descriptor */
  int descriptor;        /* used when socket is NULL; negative: ignored */
  int events;            /* wanted: LUATCP_READABLE, LUATCP_WRITABLE or both */
  int ready;             /* output: those of the wanted events that hold */
} luatcp_wait_item;

/* A set of things to wait for again and again.  From luatcp_poller_new. */
typedef struct luatcp_poller luatcp_poller;

/* What luatcp_poller_wait gives. */
typedef struct luatcp_event {
  void *data; /* the caller's own, from luatcp_poller_add or _modify */
  int events; /* those of the wanted events that hold; 0: see _wait */
} luatcp_event;

/* Address families. */
enum { LUATCP_UNSPEC = 0, LUATCP_INET = 4, LUATCP_INET6 = 6 };

/* States of a socket, see luatcp_state. */
enum { LUATCP_MASTER = 0, LUATCP_CLIENT = 1, LUATCP_SERVER = 2 };

/* The two limits of a socket, see luatcp_set_timeout. */
enum { LUATCP_BLOCK = 0, LUATCP_TOTAL = 1 };

/* Directions, see luatcp_shutdown. */
enum {
  LUATCP_SHUTDOWN_RECEIVE = 0,
  LUATCP_SHUTDOWN_SEND = 1,
  LUATCP_SHUTDOWN_BOTH = 2
};

/* Events, see luatcp_wait; the last for pollers alone. */
enum {
  LUATCP_READABLE = 1,
  LUATCP_WRITABLE = 2,
  LUATCP_ONE_SHOT = 4 /* no second report until luatcp_poller_modify */
};

/* How luatcp_view_line and luatcp_recv_line treat line ends. */
enum {
  LUATCP_LINE_TEXT = 0, /* without the LF and without any CR */
  LUATCP_LINE_RAW = 1   /* untouched, the LF included */
};

/* Kinds of option values, see luatcp_option_kind. */
enum {
  LUATCP_OPTION_BOOLEAN = 0, /* 0 or 1 */
  LUATCP_OPTION_NUMBER = 1,  /* 0 or more, in the option's own unit */
  LUATCP_OPTION_LINGER = 2,  /* seconds, or -1 for off */
  LUATCP_OPTION_STRING = 3,  /* text: luatcp_set_option_string */
  LUATCP_OPTION_ERROR = 4    /* an error of this library, or 0; read-only */
};

/* ---- Errors ---------------------------------------------------------- */

#define LUATCP_OK 0
#define LUATCP_MORE 1

/* Errors other than -errno: symbol, number, message.  Numbers never change;
 * messages are those that programs written for LuaSocket compare with. */
#define LUATCP_ERRORS(X)                                                       \
  X(LUATCP_TIMEOUT, -5001, "timeout") /* the caller's limit was reached */     \
  X(LUATCP_CLOSED, -5002, "closed")   /* end of stream, or a closed object */  \
  X(LUATCP_NO_FAMILY, -5003, "address family not chosen yet")                  \
  X(LUATCP_WRONG_STATE, -5004, "not possible in this state")                   \
  X(LUATCP_UNKNOWN_OPTION, -5005, "unknown option")                            \
  X(LUATCP_INVALID_PORT, -5006, "invalid port")                                \
  X(LUATCP_INVALID_ARGUMENT, -5007, "invalid argument")                        \
  X(LUATCP_NOT_TCP, -5008, "not a TCP socket")                                 \
  X(LUATCP_WATCHED, -5009, "already in the poller")                            \
  X(LUATCP_NOT_WATCHED, -5010, "not in the poller")                            \
  X(LUATCP_LOOKUP_AGAIN, -6001, "temporary failure in name resolution")        \
  X(LUATCP_LOOKUP_FLAGS, -6002, "invalid value for ai_flags")                  \
  X(LUATCP_LOOKUP_FAILED, -6003, "non-recoverable failure in name resolution") \
  X(LUATCP_LOOKUP_FAMILY, -6004, "ai_family not supported")                    \
  X(LUATCP_LOOKUP_NO_NAME, -6005,                                              \
    "host or service not provided, or not known")                              \
  X(LUATCP_LOOKUP_OVERFLOW, -6006, "argument buffer overflow")                 \
  X(LUATCP_LOOKUP_SERVICE, -6007, "service not supported for socket type")     \
  X(LUATCP_LOOKUP_SOCKTYPE, -6008, "ai_socktype not supported")

/* clang-format off */
enum {
#define LUATCP_ERROR_CONSTANT(symbol, number, message) symbol = (number),
  LUATCP_ERRORS(LUATCP_ERROR_CONSTANT)
#undef LUATCP_ERROR_CONSTANT
  LUATCP_ERROR_LAST = -6999 /* no error is below this */
};
/* clang-format on */

/* Enough for every message of luatcp_strerror. */
#define LUATCP_MESSAGE_SIZE 128

/* Writes the English message of an error to buffer, cut to size, always
 * NUL-terminated when size > 0, and returns buffer.  "timeout", "closed",
 * "connection refused", "address already in use", "already connected",
 * "permission denied" read as in LuaSocket; -ETIMEDOUT is a "timeout" too,
 * -ECONNRESET and -EPIPE are "closed"; other system errors read as strerror(3)
 * has them in the C locale.  Never fails.  Since 0.1. */
LUATCP_API char *luatcp_strerror(int error, char *buffer, size_t size);

/* The symbol of an error, "LUATCP_TIMEOUT" or "ECONNREFUSED"; "" for a number
 * that is no error or has no known name.  The string is static.  Since 0.1. */
LUATCP_API const char *luatcp_error_name(int error);

/* The errno number in an error of the system; 0 for all others.  Since 0.1. */
LUATCP_API int luatcp_error_number(int error);

/* ---- Version, clocks, deadlines -------------------------------------- */

/* The version of the library that is running, "0.1.0".  Since 0.1. */
LUATCP_API const char *luatcp_version(void);

/* 1 when the library was built with a feature, else 0: "ipv6", "threads"
 * (lookups that keep deadlines), "epoll", "kqueue" (what pollers use).  Since
 * 0.1. */
LUATCP_API int luatcp_has_feature(const char *feature);

/* Seconds since 1970-01-01 00:00 UTC, on the wall clock.  Since 0.1. */
LUATCP_API double luatcp_time(void);

/* Seconds on a clock that only goes forward, from an unspecified start.
 * Since 0.1. */
LUATCP_API double luatcp_monotonic_time(void);

/* Starts a deadline from the socket's limits: the block limit bounds each
 * wait and is restarted by progress, the total limit bounds everything done
 * under this deadline.  Since 0.1. */
LUATCP_API void luatcp_deadline_start(luatcp_deadline *deadline,
                                      const luatcp_socket *socket);

/* A deadline so many seconds from now; negative (or huge) for none, 0 to not
 * wait at all.  NaN counts as 0.  Since 0.1. */
LUATCP_API void luatcp_deadline_after(luatcp_deadline *deadline,
                                      double seconds);

/* Sleeps until the deadline.  -EINTR: a signal handler ran.  Since 0.1. */
LUATCP_CHECKED int luatcp_sleep(luatcp_deadline *deadline);

/* ---- Sockets: life, state, limits ------------------------------------ */

/* A new master without a descriptor: luatcp_bind or luatcp_connect choose the
 * family.  NULL when memory is short.  Free with luatcp_free.  Since 0.1. */
LUATCP_API luatcp_socket *luatcp_new(void);

/* Closes the socket and frees it.  NULL is allowed.  Since 0.1. */
LUATCP_API void luatcp_free(luatcp_socket *socket);

/* Closes the descriptor and drops what was buffered.  The object stays, for
 * luatcp_free, and answers LUATCP_CLOSED from now on; closing again does
 * nothing.  With option linger on, may wait up to that time.  Where input was
 * not read, or still comes, the system resets the connection, and the end of
 * the output may not arrive (RFC 1122, 4.2.2.13).  Since 0.1. */
LUATCP_API void luatcp_close(luatcp_socket *socket);

/* Gives a master of no family its descriptor now: LUATCP_INET or LUATCP_INET6
 * (with option ipv6-v6only set, as luatcp_bind sets it too).
 * LUATCP_WRONG_STATE: it has one.  -EAFNOSUPPORT: no such family on this
 * system or in this build.  -EMFILE and the like from socket(2).  Since 0.1. */
LUATCP_CHECKED int luatcp_open(luatcp_socket *socket, int family);

/* Restricts which addresses luatcp_bind and luatcp_connect may use, without
 * making a descriptor: LUATCP_INET, LUATCP_INET6, or LUATCP_UNSPEC for both.
 * LUATCP_WRONG_STATE: the descriptor exists already.  Since 0.1. */
LUATCP_CHECKED int luatcp_set_family(luatcp_socket *socket, int family);

/* LUATCP_INET, LUATCP_INET6, or LUATCP_UNSPEC while not chosen.  Since 0.1. */
LUATCP_API int luatcp_get_family(const luatcp_socket *socket);

/* LUATCP_MASTER, LUATCP_SERVER after luatcp_listen, LUATCP_CLIENT once a
 * connect was attempted or for an accepted one; kept by a closed object.
 * Since 0.1. */
LUATCP_API int luatcp_state(const luatcp_socket *socket);

/* 1 after luatcp_close or luatcp_detach, else 0.  Since 0.1. */
LUATCP_API int luatcp_is_closed(const luatcp_socket *socket);

/* Sets the LUATCP_BLOCK limit (longest single wait) or the LUATCP_TOTAL limit
 * (whole call), in seconds; negative for none, which both are at first.  With
 * either at 0 no call waits.  LUATCP_INVALID_ARGUMENT: NaN, or no such limit.
 * Since 0.1. */
LUATCP_CHECKED int luatcp_set_timeout(luatcp_socket *socket, int limit,
                                      double seconds);

/* The limit in seconds, -1 when there is none.  Since 0.1. */
LUATCP_API double luatcp_get_timeout(const luatcp_socket *socket, int limit);

/* ---- Sockets: connecting --------------------------------------------- */

/* Binds a master to a local address.  Host "*" is the wildcard address of the
 * socket's family, IPv4 where that is not chosen; the addresses of a name are
 * tried in the resolver's order.  Service "0": the system picks the port.  The
 * deadline bounds the lookup; a limit of 0 does not, as there would be no call
 * to go on with.  LUATCP_WRONG_STATE: no master.  LUATCP_INVALID_PORT,
 * LUATCP_LOOKUP_*, LUATCP_TIMEOUT: from the lookup.  -EADDRINUSE,
 * -EADDRNOTAVAIL, -EACCES, -EINVAL (bound already): from bind(2).  Since 0.1.
 */
LUATCP_CHECKED int luatcp_bind(luatcp_socket *socket, luatcp_deadline *deadline,
                               const char *host, const char *service);

/* Turns a master into a server with a queue of so many connections (the
 * system has its own maximum).  LUATCP_NO_FAMILY: not bound, and no family
 * chosen.  LUATCP_WRONG_STATE: no master.  Since 0.1. */
LUATCP_CHECKED int luatcp_listen(luatcp_socket *socket, int backlog);

/* Waits for a connection and gives it to client, a fresh object of
 * luatcp_new.  LUATCP_TIMEOUT: none came.  -EMFILE, -ENFILE: out of
 * descriptors; the connection stays queued, so back off before trying again.
 * A connection that died in the queue is passed over.  LUATCP_WRONG_STATE:
 * no server, or client is in use.  Since 0.1. */
LUATCP_CHECKED int luatcp_accept(luatcp_socket *server,
                                 luatcp_deadline *deadline,
                                 luatcp_socket *client);

/* Connects to the first address of host that answers, in the resolver's
 * order, each on a fresh descriptor that has the options and the local address
 * of this one; where that has port 0, the system chooses a port for each.
 * While an address is silent the next one starts beside it, 250 ms later, and
 * the first to answer wins (RFC 8305, 5).  A socket that is
 * bound to a port, or whose descriptor was handed out, tries one address at a
 * time and gives each a fair share of the deadline; with a limit of 0, and in
 * luatcp_wait and pollers, it stays with one until the system gives up.  The
 * deadline covers the lookup and every address; as nothing is progress before
 * the connection stands, both limits bound the whole call.
 *
 * LUATCP_TIMEOUT leaves the attempt under way: wait until it is writable, or
 * call again with the same host and service to go on.  With a limit of 0 each
 * call takes one step: the first starts (LUATCP_TIMEOUT), later ones say
 * -EALREADY while it is pending, LUATCP_OK once it stands, and start on the
 * next address when it failed.  Another host or service starts afresh.
 *
 * -EISCONN: connected already, nothing changed.  LUATCP_WRONG_STATE: a server.
 * LUATCP_INVALID_PORT, LUATCP_LOOKUP_*: from the lookup.  -ECONNREFUSED,
 * -ETIMEDOUT (the system's own limit), -ENETUNREACH, ...: the last address's
 * failure.  Since 0.1. */
LUATCP_CHECKED int luatcp_connect(luatcp_socket *socket,
                                  luatcp_deadline *deadline, const char *host,
                                  const char *service);

/* Ends sending, receiving or both (RFC 9293, 3.6: half-close).  After
 * LUATCP_SHUTDOWN_RECEIVE reads fail with LUATCP_CLOSED at once, and what was
 * buffered is gone.  Nothing to do when the peer has reset the connection:
 * LUATCP_OK.  -ENOTCONN: never connected.  LUATCP_WRONG_STATE: no client. Since
 * 0.1. */
LUATCP_CHECKED int luatcp_shutdown(luatcp_socket *socket, int direction);

/* ---- Sockets: bytes -------------------------------------------------- */
/* Input is buffered, output is not.  Errors common to the reading functions:
 * LUATCP_TIMEOUT; LUATCP_CLOSED: the peer ended the stream; -ECONNRESET,
 * -ETIMEDOUT (the path died): from the system; -ENOTCONN: never connected;
 * -ENOMEM: no read buffer; LUATCP_WRONG_STATE: no client.  A socket whose
 * connect is under way finishes that first, within the deadline; one whose
 * connect has failed gives that failure. */

/* The most that one view can show. */
#define LUATCP_VIEW_MAX 65536

/* Waits until at least minimum bytes are buffered and shows up to maximum of
 * them without copying or consuming: the view (data, length) is valid until
 * the next call on this socket.  Limits: 1 <= minimum <= maximum, and minimum
 * <= LUATCP_VIEW_MAX, else LUATCP_INVALID_ARGUMENT.  On failure the view shows
 * what there is.  Consume with luatcp_release.  Since 0.1. */
LUATCP_CHECKED int luatcp_view(luatcp_socket *socket, luatcp_deadline *deadline,
                               size_t minimum, size_t maximum,
                               const char **data, size_t *length);

/* Waits for a whole line and shows it like luatcp_view; LUATCP_LINE_TEXT or
 * LUATCP_LINE_RAW says how.  LUATCP_MORE: the view is a piece of a line that
 * is longer than the buffer; release it and call again for the next piece.
 * On failure the view shows the unfinished line.  Since 0.1. */
LUATCP_CHECKED int luatcp_view_line(luatcp_socket *socket,
                                    luatcp_deadline *deadline, int ends,
                                    const char **data, size_t *length);

/* Consumes what the last view showed (its line end included).  Without it the
 * same bytes are shown again.  Since 0.1. */
LUATCP_API void luatcp_release(luatcp_socket *socket);

/* Reads at least one byte and at most size; with size 0 does what
 * luatcp_recv_test does.  Since 0.1. */
LUATCP_CHECKED int luatcp_recv(luatcp_socket *socket, luatcp_deadline *deadline,
                               void *data, size_t size, size_t *received);

/* Reads exactly size bytes; large counts bypass the buffer.  On failure, and
 * that is -EINTR too, *received bytes are in data: go on behind them.  With
 * size 0 LUATCP_OK in every state, of masters and closed objects too.  Since
 * 0.1. */
LUATCP_CHECKED int luatcp_recv_count(luatcp_socket *socket,
                                     luatcp_deadline *deadline, void *data,
                                     size_t size, size_t *received);

/* Reads a line into data, not NUL-terminated.  LUATCP_MORE: size bytes are
 * there and the line goes on; call again for the rest.  Since 0.1. */
LUATCP_CHECKED int luatcp_recv_line(luatcp_socket *socket,
                                    luatcp_deadline *deadline, int ends,
                                    char *data, size_t size, size_t *received);

/* Reads until the peer ends the stream, which is LUATCP_OK here, or until
 * data is full: LUATCP_MORE; with size 0 it is full in every state, of masters
 * and closed objects too.  Since 0.1. */
LUATCP_CHECKED int luatcp_recv_until_closed(luatcp_socket *socket,
                                            luatcp_deadline *deadline,
                                            void *data, size_t size,
                                            size_t *received);

/* Waits until there is something to read, without reading: LUATCP_OK, or
 * LUATCP_CLOSED when the stream has ended, or LUATCP_TIMEOUT.  Since 0.1. */
LUATCP_CHECKED int luatcp_recv_test(luatcp_socket *socket,
                                    luatcp_deadline *deadline);

/* How many bytes are buffered, ready to be read without waiting.  Since 0.1.
 */
LUATCP_API size_t luatcp_buffered(const luatcp_socket *socket);

/* Sends size bytes; *sent says how many the system took, also on failure, so
 * that the caller can go on behind them.  LUATCP_TIMEOUT; -EINTR; -EPIPE,
 * -ECONNRESET: the connection is gone; -ENOTCONN: never connected;
 * LUATCP_CLOSED: the object is closed; LUATCP_WRONG_STATE: no client.  Never
 * raises SIGPIPE. Since 0.1. */
LUATCP_CHECKED int luatcp_send(luatcp_socket *socket, luatcp_deadline *deadline,
                               const void *data, size_t size, size_t *sent);

/* Reads and sets the statistics, in every state.  Setting: an age that is NaN
 * or beyond 9.2e9 seconds (292 years), of either sign, is
 * LUATCP_INVALID_ARGUMENT.  Since 0.1. */
LUATCP_API void luatcp_get_statistics(const luatcp_socket *socket,
                                      luatcp_statistics *statistics);
LUATCP_CHECKED int luatcp_set_statistics(luatcp_socket *socket,
                                         const luatcp_statistics *statistics);

/* ---- Sockets: names, options, descriptors ---------------------------- */

/* The local and the remote end.  LUATCP_NO_FAMILY: no descriptor yet.
 * -ENOTCONN: no peer.  LUATCP_CLOSED.  Since 0.1. */
LUATCP_CHECKED int luatcp_local_name(const luatcp_socket *socket,
                                     luatcp_name *name);
LUATCP_CHECKED int luatcp_peer_name(const luatcp_socket *socket,
                                    luatcp_name *name);

/* The kind of value that an option takes, LUATCP_OPTION_BOOLEAN and so on, or
 * LUATCP_UNKNOWN_OPTION.  Options and units (all can be set and read but
 * error):
 *   boolean  keepalive reuseaddr reuseport tcp-nodelay tcp-cork tcp-quickack
 *            tcp-fastopen-connect ipv6-v6only
 *   number   tcp-keepidle, tcp-keepintvl, tcp-defer-accept (seconds),
 *            tcp-keepcnt (probes), tcp-user-timeout (milliseconds),
 *            tcp-fastopen (queue length), recv-buffer-size, send-buffer-size
 *            (bytes)
 *   linger   linger
 *   string   bindtodevice
 *   error    error: the last failure of the connection, kept when read
 * Since 0.1. */
LUATCP_API int luatcp_option_kind(const char *option);

/* Sets and reads every kind but strings.  Options set before the connection
 * stands are given to each descriptor that luatcp_connect makes.
 * LUATCP_NO_FAMILY: no descriptor yet.  LUATCP_UNKNOWN_OPTION.
 * LUATCP_INVALID_ARGUMENT: out of range for the kind, or another kind.
 * -ENOPROTOOPT: this system lacks it.  Others: setsockopt(2).  Since 0.1. */
LUATCP_CHECKED int luatcp_set_option(luatcp_socket *socket, const char *option,
                                     int64_t value);
LUATCP_CHECKED int luatcp_get_option(luatcp_socket *socket, const char *option,
                                     int64_t *value);

/* The same for options of kind string.  Reading NUL-terminates; *length is
 * without the NUL.  Since 0.1. */
LUATCP_CHECKED int luatcp_set_option_string(luatcp_socket *socket,
                                            const char *option,
                                            const char *value, size_t length);
LUATCP_CHECKED int luatcp_get_option_string(luatcp_socket *socket,
                                            const char *option, char *value,
                                            size_t size, size_t *length);

/* The descriptor, for use with other libraries, or -1 when there is none.  It
 * is made non-blocking, and stays the socket's: do not close it.  While a
 * connect is under way, the attempt on the next address takes its place behind
 * the same number: an event loop has to register it again.  Since 0.1. */
LUATCP_API int luatcp_get_descriptor(luatcp_socket *socket);

/* Replaces the descriptor: the old one is dropped without being closed, the
 * new one is not examined; state and buffer stay.  Negative: none, and the
 * object counts as closed, though what is buffered can still be read.  Since
 * 0.1. */
LUATCP_API void luatcp_set_descriptor(luatcp_socket *socket, int descriptor);

/* Adopts an open TCP descriptor (socket activation, inherited or received
 * ones) into a fresh socket: the kernel is asked for state and family, and it
 * becomes close-on-exec.  From now on it is the socket's to close; on failure
 * it stays the caller's.  LUATCP_NOT_TCP: a datagram, Unix or other socket.
 * -EBADF, -ENOTSOCK.  LUATCP_WRONG_STATE: socket is in use.  Since 0.1. */
LUATCP_CHECKED int luatcp_adopt(luatcp_socket *socket, int descriptor);

/* The reverse: returns the descriptor, which is the caller's now, in
 * non-blocking mode, and leaves the object closed.  -1: there was none.  What
 * is buffered is lost, so check luatcp_buffered first.  Since 0.1. */
LUATCP_CHECKED int luatcp_detach(luatcp_socket *socket);

/* ---- Waiting for many ------------------------------------------------ */

/* Waits until one of the items is ready, and says in *ready how many are.  No
 * limit on the number of items or on descriptors' values.  A socket with
 * buffered input is readable; a socket that is connecting is writable when the
 * connection stands or has failed for good, and moves on to its next address
 * by itself meanwhile; a socket without descriptor is never ready, unless its
 * connect has failed: then it is ready for all that is wanted.
 * LUATCP_TIMEOUT: none in time (*ready is 0).  -EBADF: an item's descriptor is
 * not open.  -ENOMEM.  A NULL deadline waits for ever.  Since 0.1. */
LUATCP_CHECKED int luatcp_wait(luatcp_deadline *deadline,
                               luatcp_wait_item *items, size_t count,
                               size_t *ready);

/* ---- Pollers --------------------------------------------------------- */
/* Like luatcp_wait, for a set that stays: what a wait costs depends on what is
 * ready, not on how many are waited for (on epoll(7) and kqueue(2); elsewhere
 * poll(2) does the work).  Level-triggered: what stays ready is reported again.
 *
 * As in a luatcp_wait_item, what is meant is the socket or, when that is NULL,
 * the descriptor.  A socket may be in several pollers, once in each.  When it
 * gets another descriptor, while connecting for example, its pollers follow;
 * when it is closed or freed, it leaves them.  A descriptor must be removed
 * before it is closed; else its number is lost to the next one added that has
 * it.  Of two that come to have one descriptor the first is watched, the other
 * when that has left.  The rules for threads hold for a poller and all sockets
 * in it together.  A forked child that goes on with a poller has its own set in
 * the kernel from then on; whatever it does, the parent's stays. */

/* -EMFILE, -ENFILE, -ENOMEM.  Since 0.1. */
LUATCP_CHECKED int luatcp_poller_new(luatcp_poller **poller);

/* NULL is allowed.  The sockets are not touched.  Since 0.1. */
LUATCP_API void luatcp_poller_free(luatcp_poller *poller);

/* Waits for events from now on: LUATCP_READABLE and LUATCP_WRITABLE, with
 * LUATCP_ONE_SHOT once.  LUATCP_WATCHED: there already, or another with the
 * same descriptor is.  LUATCP_CLOSED.  -EBADF, -EPERM: a descriptor that is not
 * open, or that can't be waited for (a file). LUATCP_INVALID_ARGUMENT: other
 * events.  -ENOMEM, -ENOSPC.  Since 0.1. */
LUATCP_CHECKED int luatcp_poller_add(luatcp_poller *poller,
                                     luatcp_socket *socket, int descriptor,
                                     int events, void *data);

/* Waits for other events (none is allowed) with other data, and rearms one
 * shots.  LUATCP_NOT_WATCHED.  Else like luatcp_poller_add.  Since 0.1. */
LUATCP_CHECKED int luatcp_poller_modify(luatcp_poller *poller,
                                        luatcp_socket *socket, int descriptor,
                                        int events, void *data);

/* LUATCP_NOT_WATCHED: not there, or gone because it was closed.  Since 0.1. */
LUATCP_CHECKED int luatcp_poller_remove(luatcp_poller *poller,
                                        luatcp_socket *socket, int descriptor);

/* Waits until something is ready and writes up to capacity events, and how many
 * to *count; what finds no room comes in its turn in the waits to come.  A
 * socket that has left because it was closed is reported once with events 0, so
 * that its data can be freed.  LUATCP_TIMEOUT: nothing in time.  -EINTR.
 * -EMFILE, -ENFILE, -ENOMEM: no new set, after a fork or when a descriptor was
 * closed without being removed; nothing is lost, call again.  A NULL deadline
 * waits for ever.  Since 0.1. */
LUATCP_CHECKED int luatcp_poller_wait(luatcp_poller *poller,
                                      luatcp_deadline *deadline,
                                      luatcp_event *events, size_t capacity,
                                      size_t *count);

/* ---- Lookups --------------------------------------------------------- */
/* The system's resolver does the work, on a helper thread that is abandoned at
 * the deadline; without a limit, in the calling thread.  Builds without threads
 * (luatcp_has_feature) take the time that the resolver takes.  Signals do not
 * end a lookup. */

/* Looks a host up and gives its addresses in the resolver's order, each once.
 * Family LUATCP_UNSPEC: both.  Service may be NULL: port 0.  Free the list
 * with luatcp_addresses_free; it is NULL on failure.  Numeric addresses never
 * reach the resolver.  LUATCP_INVALID_PORT, LUATCP_LOOKUP_*, LUATCP_TIMEOUT,
 * -ENOMEM.  Since 0.1. */
LUATCP_CHECKED int luatcp_lookup(luatcp_deadline *deadline, const char *host,
                                 const char *service, int family,
                                 luatcp_addresses **addresses);

/* How many there are; the one at index (0-based, LUATCP_INVALID_ARGUMENT
 * beyond the end); the host's canonical name, borrowed from the list.  The
 * list may be NULL for luatcp_addresses_free.  Since 0.1. */
LUATCP_API size_t luatcp_addresses_count(const luatcp_addresses *addresses);
LUATCP_CHECKED int luatcp_addresses_get(const luatcp_addresses *addresses,
                                        size_t index, luatcp_name *name);
LUATCP_API const char *
luatcp_addresses_canonical_name(const luatcp_addresses *addresses);
LUATCP_API void luatcp_addresses_free(luatcp_addresses *addresses);

/* Room for any host or service name and its NUL. */
#define LUATCP_HOST_SIZE 1025
#define LUATCP_SERVICE_SIZE 64

/* Reverse lookup: the host name of an address (its numeric form where it has
 * none) and the service name of its port.  Either output may be NULL with
 * size 0.  LUATCP_LOOKUP_*, LUATCP_TIMEOUT.  Since 0.1. */
LUATCP_CHECKED int luatcp_reverse_lookup(luatcp_deadline *deadline,
                                         const luatcp_name *name, char *host,
                                         size_t host_size, char *service,
                                         size_t service_size);

/* The name of this machine.  Since 0.1. */
LUATCP_CHECKED int luatcp_host_name(char *name, size_t size);

#ifdef __cplusplus
}
#endif
#endif
