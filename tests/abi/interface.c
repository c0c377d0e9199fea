/* SPDX-License-Identifier: MIT
 *
 * interface.c: what programs that were built against a release count on,
 * written by "make abi-baseline".  check-interface.sh compiles it with the
 * luatcp.h of today, for any machine: a line that is refused is something that
 * was changed or removed.
 */
/* clang-format off */
#include <luatcp.h>
#include <stddef.h>

#define CONSTANT(name, value) \
  _Static_assert((name) == (value), #name " has another value");
#define SIZE(type) \
  _Static_assert(sizeof(type) == sizeof(struct old_##type), \
                 #type " has another size");
/* of the same type, at the same place */
#define MEMBER(type, member) \
  _Static_assert(offsetof(type, member) == offsetof(struct old_##type, member), \
                 #type "." #member " has moved"); \
  static int type##_##member(const type *is, const struct old_##type *was) { \
    return &is->member == &was->member; \
  }

CONSTANT(LUATCP_ADDRESS_SIZE, 64)
CONSTANT(LUATCP_BLOCK, 0)
CONSTANT(LUATCP_CLIENT, 1)
CONSTANT(LUATCP_CLOSED, -5002)
CONSTANT(LUATCP_ERROR_LAST, -6999)
CONSTANT(LUATCP_HOST_SIZE, 1025)
CONSTANT(LUATCP_INET, 4)
CONSTANT(LUATCP_INET6, 6)
CONSTANT(LUATCP_INVALID_ARGUMENT, -5007)
CONSTANT(LUATCP_INVALID_PORT, -5006)
CONSTANT(LUATCP_LINE_RAW, 1)
CONSTANT(LUATCP_LINE_TEXT, 0)
CONSTANT(LUATCP_LOOKUP_AGAIN, -6001)
CONSTANT(LUATCP_LOOKUP_FAILED, -6003)
CONSTANT(LUATCP_LOOKUP_FAMILY, -6004)
CONSTANT(LUATCP_LOOKUP_FLAGS, -6002)
CONSTANT(LUATCP_LOOKUP_NO_NAME, -6005)
CONSTANT(LUATCP_LOOKUP_OVERFLOW, -6006)
CONSTANT(LUATCP_LOOKUP_SERVICE, -6007)
CONSTANT(LUATCP_LOOKUP_SOCKTYPE, -6008)
CONSTANT(LUATCP_MASTER, 0)
CONSTANT(LUATCP_MESSAGE_SIZE, 128)
CONSTANT(LUATCP_MORE, 1)
CONSTANT(LUATCP_NOT_TCP, -5008)
CONSTANT(LUATCP_NOT_WATCHED, -5010)
CONSTANT(LUATCP_NO_FAMILY, -5003)
CONSTANT(LUATCP_OK, 0)
CONSTANT(LUATCP_ONE_SHOT, 4)
CONSTANT(LUATCP_OPTION_BOOLEAN, 0)
CONSTANT(LUATCP_OPTION_ERROR, 4)
CONSTANT(LUATCP_OPTION_LINGER, 2)
CONSTANT(LUATCP_OPTION_NUMBER, 1)
CONSTANT(LUATCP_OPTION_STRING, 3)
CONSTANT(LUATCP_READABLE, 1)
CONSTANT(LUATCP_SERVER, 2)
CONSTANT(LUATCP_SERVICE_SIZE, 64)
CONSTANT(LUATCP_SHUTDOWN_BOTH, 2)
CONSTANT(LUATCP_SHUTDOWN_RECEIVE, 0)
CONSTANT(LUATCP_SHUTDOWN_SEND, 1)
CONSTANT(LUATCP_TIMEOUT, -5001)
CONSTANT(LUATCP_TOTAL, 1)
CONSTANT(LUATCP_UNKNOWN_OPTION, -5005)
CONSTANT(LUATCP_UNSPEC, 0)
CONSTANT(LUATCP_VIEW_MAX, 65536)
CONSTANT(LUATCP_WATCHED, -5009)
CONSTANT(LUATCP_WRITABLE, 2)
CONSTANT(LUATCP_WRONG_STATE, -5004)

struct old_luatcp_deadline {
  int64_t block;
  int64_t wait_end;
  int64_t end;
};
SIZE(luatcp_deadline)
MEMBER(luatcp_deadline, block)
MEMBER(luatcp_deadline, wait_end)
MEMBER(luatcp_deadline, end)

struct old_luatcp_name {
  char address[LUATCP_ADDRESS_SIZE];
  int port;
  int family;
};
SIZE(luatcp_name)
MEMBER(luatcp_name, address)
MEMBER(luatcp_name, port)
MEMBER(luatcp_name, family)

struct old_luatcp_statistics {
  uint64_t received;
  uint64_t sent;
  double age;
};
SIZE(luatcp_statistics)
MEMBER(luatcp_statistics, received)
MEMBER(luatcp_statistics, sent)
MEMBER(luatcp_statistics, age)

struct old_luatcp_wait_item {
  luatcp_socket *socket;
  int descriptor;
  int events;
  int ready;
};
SIZE(luatcp_wait_item)
MEMBER(luatcp_wait_item, socket)
MEMBER(luatcp_wait_item, descriptor)
MEMBER(luatcp_wait_item, events)
MEMBER(luatcp_wait_item, ready)

struct old_luatcp_event {
  void *data;
  int events;
};
SIZE(luatcp_event)
MEMBER(luatcp_event, data)
MEMBER(luatcp_event, events)

/* luatcp_accept LUATCP_0.1 */
static int (*const old_luatcp_accept)(luatcp_socket *server, luatcp_deadline
    *deadline, luatcp_socket *client) = luatcp_accept;
/* luatcp_addresses_canonical_name LUATCP_0.1 */
static const char *(*const old_luatcp_addresses_canonical_name)(const
    luatcp_addresses *addresses) = luatcp_addresses_canonical_name;
/* luatcp_addresses_count LUATCP_0.1 */
static size_t (*const old_luatcp_addresses_count)(const luatcp_addresses
    *addresses) = luatcp_addresses_count;
/* luatcp_addresses_free LUATCP_0.1 */
static void (*const old_luatcp_addresses_free)(luatcp_addresses *addresses) =
    luatcp_addresses_free;
/* luatcp_addresses_get LUATCP_0.1 */
static int (*const old_luatcp_addresses_get)(const luatcp_addresses
    *addresses, size_t index, luatcp_name *name) = luatcp_addresses_get;
/* luatcp_adopt LUATCP_0.1 */
static int (*const old_luatcp_adopt)(luatcp_socket *socket, int descriptor) =
    luatcp_adopt;
/* luatcp_bind LUATCP_0.1 */
static int (*const old_luatcp_bind)(luatcp_socket *socket, luatcp_deadline
    *deadline, const char *host, const char *service) = luatcp_bind;
/* luatcp_buffered LUATCP_0.1 */
static size_t (*const old_luatcp_buffered)(const luatcp_socket *socket) =
    luatcp_buffered;
/* luatcp_close LUATCP_0.1 */
static void (*const old_luatcp_close)(luatcp_socket *socket) = luatcp_close;
/* luatcp_connect LUATCP_0.1 */
static int (*const old_luatcp_connect)(luatcp_socket *socket, luatcp_deadline
    *deadline, const char *host, const char *service) = luatcp_connect;
/* luatcp_deadline_after LUATCP_0.1 */
static void (*const old_luatcp_deadline_after)(luatcp_deadline *deadline,
    double seconds) = luatcp_deadline_after;
/* luatcp_deadline_start LUATCP_0.1 */
static void (*const old_luatcp_deadline_start)(luatcp_deadline *deadline,
    const luatcp_socket *socket) = luatcp_deadline_start;
/* luatcp_detach LUATCP_0.1 */
static int (*const old_luatcp_detach)(luatcp_socket *socket) = luatcp_detach;
/* luatcp_error_name LUATCP_0.1 */
static const char *(*const old_luatcp_error_name)(int error) =
    luatcp_error_name;
/* luatcp_error_number LUATCP_0.1 */
static int (*const old_luatcp_error_number)(int error) = luatcp_error_number;
/* luatcp_free LUATCP_0.1 */
static void (*const old_luatcp_free)(luatcp_socket *socket) = luatcp_free;
/* luatcp_get_descriptor LUATCP_0.1 */
static int (*const old_luatcp_get_descriptor)(luatcp_socket *socket) =
    luatcp_get_descriptor;
/* luatcp_get_family LUATCP_0.1 */
static int (*const old_luatcp_get_family)(const luatcp_socket *socket) =
    luatcp_get_family;
/* luatcp_get_option_string LUATCP_0.1 */
static int (*const old_luatcp_get_option_string)(luatcp_socket *socket, const
    char *option, char *value, size_t size, size_t *length) =
    luatcp_get_option_string;
/* luatcp_get_option LUATCP_0.1 */
static int (*const old_luatcp_get_option)(luatcp_socket *socket, const char
    *option, int64_t *value) = luatcp_get_option;
/* luatcp_get_statistics LUATCP_0.1 */
static void (*const old_luatcp_get_statistics)(const luatcp_socket *socket,
    luatcp_statistics *statistics) = luatcp_get_statistics;
/* luatcp_get_timeout LUATCP_0.1 */
static double (*const old_luatcp_get_timeout)(const luatcp_socket *socket, int
    limit) = luatcp_get_timeout;
/* luatcp_has_feature LUATCP_0.1 */
static int (*const old_luatcp_has_feature)(const char *feature) =
    luatcp_has_feature;
/* luatcp_host_name LUATCP_0.1 */
static int (*const old_luatcp_host_name)(char *name, size_t size) =
    luatcp_host_name;
/* luatcp_is_closed LUATCP_0.1 */
static int (*const old_luatcp_is_closed)(const luatcp_socket *socket) =
    luatcp_is_closed;
/* luatcp_listen LUATCP_0.1 */
static int (*const old_luatcp_listen)(luatcp_socket *socket, int backlog) =
    luatcp_listen;
/* luatcp_local_name LUATCP_0.1 */
static int (*const old_luatcp_local_name)(const luatcp_socket *socket,
    luatcp_name *name) = luatcp_local_name;
/* luatcp_lookup LUATCP_0.1 */
static int (*const old_luatcp_lookup)(luatcp_deadline *deadline, const char
    *host, const char *service, int family, luatcp_addresses **addresses) =
    luatcp_lookup;
/* luatcp_monotonic_time LUATCP_0.1 */
static double (*const old_luatcp_monotonic_time)(void) = luatcp_monotonic_time;
/* luatcp_new LUATCP_0.1 */
static luatcp_socket *(*const old_luatcp_new)(void) = luatcp_new;
/* luatcp_open LUATCP_0.1 */
static int (*const old_luatcp_open)(luatcp_socket *socket, int family) =
    luatcp_open;
/* luatcp_option_kind LUATCP_0.1 */
static int (*const old_luatcp_option_kind)(const char *option) =
    luatcp_option_kind;
/* luatcp_peer_name LUATCP_0.1 */
static int (*const old_luatcp_peer_name)(const luatcp_socket *socket,
    luatcp_name *name) = luatcp_peer_name;
/* luatcp_poller_add LUATCP_0.1 */
static int (*const old_luatcp_poller_add)(luatcp_poller *poller, luatcp_socket
    *socket, int descriptor, int events, void *data) = luatcp_poller_add;
/* luatcp_poller_free LUATCP_0.1 */
static void (*const old_luatcp_poller_free)(luatcp_poller *poller) =
    luatcp_poller_free;
/* luatcp_poller_modify LUATCP_0.1 */
static int (*const old_luatcp_poller_modify)(luatcp_poller *poller,
    luatcp_socket *socket, int descriptor, int events, void *data) =
    luatcp_poller_modify;
/* luatcp_poller_new LUATCP_0.1 */
static int (*const old_luatcp_poller_new)(luatcp_poller **poller) =
    luatcp_poller_new;
/* luatcp_poller_remove LUATCP_0.1 */
static int (*const old_luatcp_poller_remove)(luatcp_poller *poller,
    luatcp_socket *socket, int descriptor) = luatcp_poller_remove;
/* luatcp_poller_wait LUATCP_0.1 */
static int (*const old_luatcp_poller_wait)(luatcp_poller *poller,
    luatcp_deadline *deadline, luatcp_event *events, size_t capacity, size_t
    *count) = luatcp_poller_wait;
/* luatcp_recv_count LUATCP_0.1 */
static int (*const old_luatcp_recv_count)(luatcp_socket *socket,
    luatcp_deadline *deadline, void *data, size_t size, size_t *received) =
    luatcp_recv_count;
/* luatcp_recv_line LUATCP_0.1 */
static int (*const old_luatcp_recv_line)(luatcp_socket *socket,
    luatcp_deadline *deadline, int ends, char *data, size_t size, size_t
    *received) = luatcp_recv_line;
/* luatcp_recv_test LUATCP_0.1 */
static int (*const old_luatcp_recv_test)(luatcp_socket *socket,
    luatcp_deadline *deadline) = luatcp_recv_test;
/* luatcp_recv_until_closed LUATCP_0.1 */
static int (*const old_luatcp_recv_until_closed)(luatcp_socket *socket,
    luatcp_deadline *deadline, void *data, size_t size, size_t *received) =
    luatcp_recv_until_closed;
/* luatcp_recv LUATCP_0.1 */
static int (*const old_luatcp_recv)(luatcp_socket *socket, luatcp_deadline
    *deadline, void *data, size_t size, size_t *received) = luatcp_recv;
/* luatcp_release LUATCP_0.1 */
static void (*const old_luatcp_release)(luatcp_socket *socket) =
    luatcp_release;
/* luatcp_reverse_lookup LUATCP_0.1 */
static int (*const old_luatcp_reverse_lookup)(luatcp_deadline *deadline, const
    luatcp_name *name, char *host, size_t host_size, char *service, size_t
    service_size) = luatcp_reverse_lookup;
/* luatcp_send LUATCP_0.1 */
static int (*const old_luatcp_send)(luatcp_socket *socket, luatcp_deadline
    *deadline, const void *data, size_t size, size_t *sent) = luatcp_send;
/* luatcp_set_descriptor LUATCP_0.1 */
static void (*const old_luatcp_set_descriptor)(luatcp_socket *socket, int
    descriptor) = luatcp_set_descriptor;
/* luatcp_set_family LUATCP_0.1 */
static int (*const old_luatcp_set_family)(luatcp_socket *socket, int family) =
    luatcp_set_family;
/* luatcp_set_option_string LUATCP_0.1 */
static int (*const old_luatcp_set_option_string)(luatcp_socket *socket, const
    char *option, const char *value, size_t length) = luatcp_set_option_string;
/* luatcp_set_option LUATCP_0.1 */
static int (*const old_luatcp_set_option)(luatcp_socket *socket, const char
    *option, int64_t value) = luatcp_set_option;
/* luatcp_set_statistics LUATCP_0.1 */
static int (*const old_luatcp_set_statistics)(luatcp_socket *socket, const
    luatcp_statistics *statistics) = luatcp_set_statistics;
/* luatcp_set_timeout LUATCP_0.1 */
static int (*const old_luatcp_set_timeout)(luatcp_socket *socket, int limit,
    double seconds) = luatcp_set_timeout;
/* luatcp_shutdown LUATCP_0.1 */
static int (*const old_luatcp_shutdown)(luatcp_socket *socket, int direction)
    = luatcp_shutdown;
/* luatcp_sleep LUATCP_0.1 */
static int (*const old_luatcp_sleep)(luatcp_deadline *deadline) = luatcp_sleep;
/* luatcp_state LUATCP_0.1 */
static int (*const old_luatcp_state)(const luatcp_socket *socket) =
    luatcp_state;
/* luatcp_strerror LUATCP_0.1 */
static char *(*const old_luatcp_strerror)(int error, char *buffer, size_t
    size) = luatcp_strerror;
/* luatcp_time LUATCP_0.1 */
static double (*const old_luatcp_time)(void) = luatcp_time;
/* luatcp_version LUATCP_0.1 */
static const char *(*const old_luatcp_version)(void) = luatcp_version;
/* luatcp_view_line LUATCP_0.1 */
static int (*const old_luatcp_view_line)(luatcp_socket *socket,
    luatcp_deadline *deadline, int ends, const char **data, size_t *length) =
    luatcp_view_line;
/* luatcp_view LUATCP_0.1 */
static int (*const old_luatcp_view)(luatcp_socket *socket, luatcp_deadline
    *deadline, size_t minimum, size_t maximum, const char **data, size_t *length)
    = luatcp_view;
/* luatcp_wait LUATCP_0.1 */
static int (*const old_luatcp_wait)(luatcp_deadline *deadline,
    luatcp_wait_item *items, size_t count, size_t *ready) = luatcp_wait;
