/* SPDX-License-Identifier: MIT
 *
 * network.c: connects and lookups in a network where hosts are dead, late or
 * refuse, and where the name server is slow or silent.  Runs inside world.sh.
 *
 * Without Check, so that it runs wherever the library does.  Each scenario is a
 * process of its own; it fails by exiting with a message, by a signal, by
 * leaving a descriptor open, or by not ending.
 *
 *   network [NAME...]           all scenarios of this world, or those named
 *   network -- COMMAND [...]    a command, while the name server runs
 */
#include "../sanitizer.h"
#ifndef THREAD_SANITIZER
#include "../isolation/child.h"
#endif
#include "luatcp.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Failing --------------------------------------------------------- */

#define REQUIRE(condition)                                                     \
  do {                                                                         \
    if (!(condition))                                                          \
      fail(__LINE__, #condition);                                              \
  } while (0)

static void fail(int line, const char *what) {
  printf("  line %d: not true: %s\n", line, what);
  fflush(stdout);
  _exit(1);
}

#define STATUS(expected, call) require_status(__LINE__, #call, expected, call)

static void require_status(int line, const char *what, int expected, int got) {
  char wanted[LUATCP_MESSAGE_SIZE], message[LUATCP_MESSAGE_SIZE];
  if (expected == got)
    return;
  printf("  line %d: %s: %s (%d), not %s (%d)\n", line, what,
         luatcp_strerror(got, message, sizeof message), got,
         luatcp_strerror(expected, wanted, sizeof wanted), expected);
  fflush(stdout);
  _exit(1);
}

static double started;

static void start_clock(void) { started = luatcp_monotonic_time(); }

#define TOOK(low, high) require_span(__LINE__, low, high)

/* The ceiling gets a second on top for busy machines. */
static void require_span(int line, double low, double high) {
  double span = luatcp_monotonic_time() - started;
  if (span >= low && span <= high + 1)
    return;
  printf("  line %d: took %.3f s, not %.3f to %.3f\n", line, span, low, high);
  fflush(stdout);
  _exit(1);
}

static unsigned count_entries(const char *directory) {
  DIR *list = opendir(directory);
  unsigned count = 0;
  REQUIRE(list != NULL);
  while (readdir(list) != NULL)
    count++;
  closedir(list);
  return count;
}

/* ---- This host ------------------------------------------------------- */

/* A server on a loopback address, and its port as a service. */
struct server {
  luatcp_socket *socket;
  char port[8];
};

static struct server listen_on(const char *address, const char *port) {
  struct server server;
  luatcp_name name;
  server.socket = luatcp_new();
  REQUIRE(server.socket != NULL);
  STATUS(0, luatcp_bind(server.socket, NULL, address, port));
  STATUS(0, luatcp_listen(server.socket, 8));
  STATUS(0, luatcp_local_name(server.socket, &name));
  snprintf(server.port, sizeof server.port, "%d", name.port);
  return server;
}

/* A port of this host where nobody listens. */
static void free_port(char port[8]) {
  struct server server = listen_on("127.0.0.1", "0");
  memcpy(port, server.port, 8);
  luatcp_free(server.socket);
}

static luatcp_socket *limited(double seconds) {
  luatcp_socket *socket = luatcp_new();
  REQUIRE(socket != NULL);
  STATUS(0, luatcp_set_timeout(socket, LUATCP_BLOCK, seconds));
  return socket;
}

static void require_peer(const luatcp_socket *socket, const char *address) {
  luatcp_name name;
  STATUS(0, luatcp_peer_name(socket, &name));
  REQUIRE(strcmp(name.address, address) == 0);
}

/* The connection carries bytes both ways. */
static void require_alive(luatcp_socket *client, struct server *server) {
  luatcp_socket *accepted = luatcp_new();
  size_t count;
  char byte = 0;
  STATUS(0, luatcp_set_timeout(server->socket, LUATCP_TOTAL, 5));
  STATUS(0, luatcp_accept(server->socket, NULL, accepted));
  STATUS(0, luatcp_send(accepted, NULL, "x", 1, &count));
  STATUS(0, luatcp_recv_count(client, NULL, &byte, 1, &count));
  REQUIRE(byte == 'x');
  luatcp_free(accepted);
}

static int wait_writable(luatcp_socket *socket, double seconds) {
  luatcp_wait_item item = {
      .socket = socket, .descriptor = -1, .events = LUATCP_WRITABLE};
  luatcp_deadline deadline;
  size_t ready;
  luatcp_deadline_after(&deadline, seconds);
  return luatcp_wait(&deadline, &item, 1, &ready);
}

/* ---- The name server ------------------------------------------------- */

/* Reads the name of the first question; its length in the message. */
static size_t read_question(const unsigned char *query, size_t size, char *name,
                            size_t room) {
  size_t at = 12, used = 0;
  while (at < size && query[at] != 0) {
    size_t label = query[at++];
    if (label > 63 || at + label > size || used + label + 2 > room)
      return 0;
    memcpy(name + used, query + at, label);
    used += label;
    name[used++] = '.';
    at += label;
  }
  name[used] = '\0';
  return at + 5 - 12; /* the root's label, type and class */
}

/* 127.0.0.1 for every name, at once or, for "slow", after 1.5 s; nothing at
 * all for "silent".  RFC 1035, 4. */
static void answer(int fd, unsigned char *message, size_t size,
                   const struct sockaddr_in *client) {
  static const unsigned char record[] = {0xc0, 12, 0, 1, 0,   1, 0, 0,
                                         0,    0,  0, 4, 127, 0, 0, 1};
  char name[256];
  size_t question = read_question(message, size, name, sizeof name);
  int is_a;
  if (question == 0 || strncmp(name, "silent", 6) == 0)
    return;
  if (strncmp(name, "slow", 4) == 0) {
    if (fork() != 0)
      return;
    usleep(1500000);
  }
  is_a = message[12 + question - 3] == 1;
  message[2] |= 0x80; /* an answer */
  message[3] = 0x80;  /* recursion available, no error */
  memset(message + 6, 0, 6);
  message[7] = (unsigned char)is_a;
  size = 12 + question;
  if (is_a) {
    memcpy(message + size, record, sizeof record);
    size += sizeof record;
  }
  (void)!sendto(fd, message, size, 0, (const struct sockaddr *)client,
                sizeof *client);
  if (strncmp(name, "slow", 4) == 0)
    _exit(0);
}

static void serve_names(int fd) {
  for (;;) {
    unsigned char message[1024];
    struct sockaddr_in client;
    socklen_t length = sizeof client;
    ssize_t size =
        recvfrom(fd, message, 512, 0, (struct sockaddr *)&client, &length);
    if (size >= 12)
      answer(fd, message, (size_t)size, &client);
  }
}

static pid_t start_name_server(void) {
  struct sockaddr_in address = {0};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  pid_t process;
  address.sin_family = AF_INET;
  address.sin_port = htons(53);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    perror("the name server's port");
    exit(1);
  }
  process = fork();
  if (process == 0) {
    signal(SIGCHLD, SIG_IGN);
    serve_names(fd);
  }
  close(fd);
  return process;
}

/* ---- Addresses: dead, live, refusing --------------------------------- */

/* Needs the resolver to give an address first, which not all can be told. */
static void require_first(const char *host, const char *address) {
  luatcp_addresses *addresses;
  luatcp_name name;
  int first;
  STATUS(0, luatcp_lookup(NULL, host, NULL, LUATCP_UNSPEC, &addresses));
  STATUS(0, luatcp_addresses_get(addresses, 0, &name));
  first = strcmp(name.address, address) == 0;
  luatcp_addresses_free(addresses);
  if (!first) {
    printf("  this resolver puts %s first\n", name.address);
    fflush(stdout);
    _exit(77);
  }
}

static void connect_to(const char *host, double limit, double low, double high,
                       const char *peer) {
  struct server server = listen_on("127.0.0.1", "0");
  luatcp_socket *client = limited(limit);
  start_clock();
  STATUS(0, luatcp_connect(client, NULL, host, server.port));
  TOOK(low, high);
  require_peer(client, peer);
  require_alive(client, &server);
  luatcp_free(client);
  luatcp_free(server.socket);
}

static void dead_address_first(void) {
  require_first("dead-first.test", "2001:db8:dead::10");
  connect_to("dead-first.test", 5, 0.2, 1.5, "127.0.0.1");
}

static void dead_address_first_without_limit(void) {
  require_first("dead-first.test", "2001:db8:dead::10");
  connect_to("dead-first.test", -1, 0.2, 1.5, "127.0.0.1");
}

static void dead_ipv4_address_first(void) {
  require_first("dead-ipv4-first.test", "198.51.100.10");
  connect_to("dead-ipv4-first.test", 5, 0.2, 1.5, "127.0.0.1");
}

static void live_address_first(void) {
  require_first("live-first.test", "127.0.0.1");
  connect_to("live-first.test", 5, 0, 0.2, "127.0.0.1");
}

static void refusing_address_first(void) {
  connect_to("refused-first.test", 5, 0, 0.2, "127.0.0.1");
}

/* Nothing listens on ::1, or there is no ::1. */
static void dead_ipv6_first(void) {
  connect_to("dual.test", 5, 0, 0.2, "127.0.0.1");
}

static void all_addresses_dead(void) {
  luatcp_socket *client = limited(0.7);
  start_clock();
  STATUS(LUATCP_TIMEOUT, luatcp_connect(client, NULL, "all-dead.test", "80"));
  TOOK(0.7, 1.4);
  luatcp_free(client);
}

static void total_limit_covers_all_addresses(void) {
  luatcp_socket *client = luatcp_new();
  STATUS(0, luatcp_set_timeout(client, LUATCP_TOTAL, 0.4));
  start_clock();
  STATUS(LUATCP_TIMEOUT, luatcp_connect(client, NULL, "all-dead.test", "80"));
  TOOK(0.4, 1.1);
  luatcp_free(client);
}

static void limit_of_the_system(void) {
  luatcp_socket *client = luatcp_new();
  int64_t error;
  start_clock();
  STATUS(-ETIMEDOUT, luatcp_connect(client, NULL, "198.51.100.10", "80"));
  TOOK(1, 15);
  STATUS(0, luatcp_get_option(client, "error", &error));
  REQUIRE(error == -ETIMEDOUT);
  luatcp_free(client);
}

static void last_failure_is_reported(void) {
  luatcp_socket *client = limited(5);
  char port[8];
  free_port(port);
  start_clock();
  STATUS(-ECONNREFUSED,
         luatcp_connect(client, NULL, "refused-first.test", port));
  TOOK(0, 0.5);
  luatcp_free(client);
}

/* One descriptor only can have the port, so the addresses share the limit. */
static void bound_to_a_port(void) {
  struct server server = listen_on("127.0.0.1", "0");
  luatcp_socket *client = limited(2);
  luatcp_name before, after;
  require_first("dead-ipv4-first.test", "198.51.100.10");
  STATUS(0, luatcp_set_family(client, LUATCP_INET));
  STATUS(0, luatcp_bind(client, NULL, "*", "0"));
  STATUS(0, luatcp_local_name(client, &before));
  luatcp_free(client);
  client = limited(2);
  {
    char port[8];
    snprintf(port, sizeof port, "%d", before.port);
    STATUS(0, luatcp_bind(client, NULL, "*", port));
  }
  start_clock();
  STATUS(0, luatcp_connect(client, NULL, "dead-ipv4-first.test", server.port));
  TOOK(0.8, 1.8);
  STATUS(0, luatcp_local_name(client, &after));
  REQUIRE(after.port == before.port);
  require_alive(client, &server);
  luatcp_free(client);
  luatcp_free(server.socket);
}

static void descriptor_known_to_strangers(void) {
  struct server server = listen_on("127.0.0.1", "0");
  luatcp_socket *client = limited(2);
  int fd;
  require_first("dead-ipv4-first.test", "198.51.100.10");
  STATUS(0, luatcp_open(client, LUATCP_INET));
  fd = luatcp_get_descriptor(client);
  REQUIRE(fd >= 0);
  start_clock();
  STATUS(0, luatcp_connect(client, NULL, "dead-ipv4-first.test", server.port));
  TOOK(0.8, 1.8);
  REQUIRE(luatcp_get_descriptor(client) == fd);
  REQUIRE((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  REQUIRE((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  require_alive(client, &server);
  luatcp_free(client);
  luatcp_free(server.socket);
}

/* Begun without a limit, it has one to share out later. */
static void begun_without_waiting(void) {
  struct server server = listen_on("127.0.0.1", "0");
  luatcp_socket *client = limited(0);
  require_first("dead-ipv4-first.test", "198.51.100.10");
  STATUS(0, luatcp_open(client, LUATCP_INET));
  (void)luatcp_get_descriptor(client);
  STATUS(LUATCP_TIMEOUT,
         luatcp_connect(client, NULL, "dead-ipv4-first.test", server.port));
  STATUS(0, luatcp_set_timeout(client, LUATCP_BLOCK, 5));
  start_clock();
  STATUS(0, luatcp_connect(client, NULL, "dead-ipv4-first.test", server.port));
  TOOK(0, 4.8);
  require_alive(client, &server);
  luatcp_free(client);
  luatcp_free(server.socket);
}

static void options_go_with_the_object(void) {
  struct server server = listen_on("127.0.0.1", "0");
  luatcp_socket *client = limited(0.1);
  int64_t value;
  STATUS(LUATCP_TIMEOUT, luatcp_connect(client, NULL, "198.51.100.10", "80"));
  STATUS(0, luatcp_set_option(client, "keepalive", 1));
  STATUS(0, luatcp_set_timeout(client, LUATCP_BLOCK, 5));
  STATUS(0, luatcp_connect(client, NULL, "127.0.0.1", server.port));
  STATUS(0, luatcp_get_option(client, "keepalive", &value));
  REQUIRE(value == 1);
  require_peer(client, "127.0.0.1");
  luatcp_free(client);
  luatcp_free(server.socket);
}

static void options_go_with_the_race(void) {
  struct server server = listen_on("127.0.0.1", "0");
  luatcp_socket *client = limited(5);
  int64_t value;
  require_first("dead-ipv4-first.test", "198.51.100.10");
  STATUS(0, luatcp_open(client, LUATCP_INET));
  STATUS(0, luatcp_set_option(client, "tcp-nodelay", 1));
  STATUS(0, luatcp_connect(client, NULL, "dead-ipv4-first.test", server.port));
  STATUS(0, luatcp_get_option(client, "tcp-nodelay", &value));
  REQUIRE(value == 1);
  luatcp_free(client);
  luatcp_free(server.socket);
}

/* Its queue is full, so it is silent until the system asks again. */
static void host_that_answers_late(void) {
  struct sockaddr_in address = {0};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), fillers[4], i;
  luatcp_socket *client = limited(8);
  char port[8];
  pid_t process;
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(bind(listener, (struct sockaddr *)&address, length) == 0);
  REQUIRE(listen(listener, 0) == 0);
  REQUIRE(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
  for (i = 0; i < 4; i++) {
    fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)!connect(fillers[i], (struct sockaddr *)&address, length);
  }
  process = fork();
  if (process == 0) {
    usleep(200000);
    for (;;)
      (void)accept(listener, NULL, NULL);
  }
  snprintf(port, sizeof port, "%d", ntohs(address.sin_port));
  start_clock();
  STATUS(0, luatcp_connect(client, NULL, "127.0.0.1", port));
  TOOK(0.2, 7);
  luatcp_free(client);
  for (i = 0; i < 4; i++)
    close(fillers[i]);
  close(listener);
  kill(process, SIGKILL);
  waitpid(process, NULL, 0);
}

/* ---- Limit 0 ------------------------------------------------------------ */

static void without_waiting(const char *host, double low, double high) {
  struct server server = listen_on("127.0.0.1", "0");
  luatcp_socket *client = limited(0);
  start_clock();
  STATUS(LUATCP_TIMEOUT, luatcp_connect(client, NULL, host, server.port));
  TOOK(0, 0.1);
  STATUS(0, wait_writable(client, 5));
  TOOK(low, high);
  STATUS(0, luatcp_connect(client, NULL, host, server.port));
  STATUS(-EISCONN, luatcp_connect(client, NULL, host, server.port));
  require_peer(client, "127.0.0.1");
  STATUS(0, luatcp_set_timeout(client, LUATCP_BLOCK, 5));
  require_alive(client, &server);
  luatcp_free(client);
  luatcp_free(server.socket);
}

static void without_waiting_dead_ipv6_first(void) {
  without_waiting("dual.test", 0, 0.4);
}

static void without_waiting_dead_address_first(void) {
  require_first("dead-first.test", "2001:db8:dead::10");
  without_waiting("dead-first.test", 0.2, 1.5);
}

static void without_waiting_slow_name(void) {
  without_waiting("slow-a.test", 1.4, 3);
}

/* Calls of connect alone, no luatcp_wait between them. */
static void without_waiting_connect_goes_on(void) {
  struct server server = listen_on("127.0.0.1", "0");
  luatcp_socket *client = limited(0);
  int status, calls = 0;
  start_clock();
  do {
    status = luatcp_connect(client, NULL, "refused-first.test", server.port);
    REQUIRE(status == 0 || status == LUATCP_TIMEOUT || status == -EALREADY);
    REQUIRE(calls > 0 || status == LUATCP_TIMEOUT);
    calls++;
    usleep(1000);
    TOOK(0, 5);
  } while (status != 0);
  REQUIRE(calls >= 2);
  require_alive(client, &server);
  luatcp_free(client);
  luatcp_free(server.socket);
}

static void without_waiting_already(void) {
  luatcp_socket *client = limited(0);
  STATUS(LUATCP_TIMEOUT, luatcp_connect(client, NULL, "198.51.100.10", "80"));
  STATUS(-EALREADY, luatcp_connect(client, NULL, "198.51.100.10", "80"));
  /* another target is another attempt */
  STATUS(LUATCP_TIMEOUT, luatcp_connect(client, NULL, "198.51.100.11", "80"));
  STATUS(LUATCP_TIMEOUT, wait_writable(client, 0.1));
  luatcp_free(client);
}

static void without_waiting_failed_for_good(void) {
  luatcp_socket *client = limited(0);
  int64_t error;
  size_t count;
  char port[8];
  free_port(port);
  STATUS(LUATCP_TIMEOUT,
         luatcp_connect(client, NULL, "refused-first.test", port));
  STATUS(0, wait_writable(client, 5));
  STATUS(0, luatcp_get_option(client, "error", &error));
  REQUIRE(error == -ECONNREFUSED);
  STATUS(-ECONNREFUSED, luatcp_send(client, NULL, "x", 1, &count));
  luatcp_free(client);
}

/* ---- Names -------------------------------------------------------------- */

static void silent_name_server(void) {
  luatcp_socket *client = limited(0.3);
  start_clock();
  STATUS(LUATCP_TIMEOUT, luatcp_connect(client, NULL, "silent.test", "80"));
  TOOK(0.3, 0.9);
  luatcp_free(client);
}

static void silent_name_server_without_waiting(void) {
  luatcp_socket *client = limited(0);
  start_clock();
  STATUS(LUATCP_TIMEOUT, luatcp_connect(client, NULL, "silent.test", "80"));
  STATUS(-EALREADY, luatcp_connect(client, NULL, "silent.test", "80"));
  TOOK(0, 0.1);
  STATUS(LUATCP_TIMEOUT, wait_writable(client, 0.2));
  TOOK(0.2, 0.8);
  luatcp_close(client);
  TOOK(0.2, 0.8);
  luatcp_free(client);
}

static void silent_lookup(void) {
  luatcp_deadline deadline;
  luatcp_addresses *addresses;
  start_clock();
  luatcp_deadline_after(&deadline, 0.25);
  STATUS(LUATCP_TIMEOUT,
         luatcp_lookup(&deadline, "silent.test", NULL, 0, &addresses));
  REQUIRE(addresses == NULL);
  TOOK(0.25, 0.9);
}

static void silent_reverse_lookup(void) {
  luatcp_name name = {.address = "192.0.2.77", .family = LUATCP_INET};
  char host[LUATCP_HOST_SIZE];
  luatcp_deadline deadline;
  int status;
  start_clock();
  luatcp_deadline_after(&deadline, 0);
  status = luatcp_reverse_lookup(&deadline, &name, host, sizeof host, NULL, 0);
  REQUIRE(status == LUATCP_TIMEOUT);
  TOOK(0, 0.5);
}

/* Many callers give up; threads and memory stay bounded. */
static void abandoned_lookups_are_bounded(void) {
  unsigned before = count_entries("/proc/self/task");
  int i;
  for (i = 0; i < 60; i++) {
    luatcp_socket *client = limited(0.005);
    STATUS(LUATCP_TIMEOUT, luatcp_connect(client, NULL, "silent.test", "80"));
    luatcp_free(client);
  }
  REQUIRE(count_entries("/proc/self/task") - before <= 20);
}

static void slow_name_server(void) {
  connect_to("slow-b.test", 5, 1.4, 3, "127.0.0.1");
}

/* The lookup is not thrown away: the second call goes on with it, or the two
 * would take 2.4 s. */
static void slow_name_server_in_two_calls(void) {
  struct server server = listen_on("127.0.0.1", "0");
  luatcp_socket *client = limited(0.9);
  start_clock();
  STATUS(LUATCP_TIMEOUT,
         luatcp_connect(client, NULL, "slow-c.test", server.port));
  TOOK(0.9, 0.9);
  STATUS(0, luatcp_set_timeout(client, LUATCP_BLOCK, 5));
  STATUS(0, luatcp_connect(client, NULL, "slow-c.test", server.port));
  TOOK(1.4, 1.3);
  require_alive(client, &server);
  luatcp_free(client);
  luatcp_free(server.socket);
}

/* A stranger asks in the middle: the lookup is finished, the connect begun. */
static void descriptor_in_the_middle_of_a_lookup(void) {
  struct server server = listen_on("127.0.0.1", "0");
  luatcp_socket *client = limited(0);
  struct pollfd entry = {.events = POLLOUT};
  STATUS(LUATCP_TIMEOUT,
         luatcp_connect(client, NULL, "slow-d.test", server.port));
  start_clock();
  entry.fd = luatcp_get_descriptor(client);
  REQUIRE(entry.fd >= 0);
  TOOK(0, 3);
  REQUIRE(poll(&entry, 1, 5000) == 1);
  STATUS(0, luatcp_connect(client, NULL, "slow-d.test", server.port));
  REQUIRE(luatcp_get_descriptor(client) == entry.fd);
  STATUS(0, luatcp_set_timeout(client, LUATCP_BLOCK, 5));
  require_alive(client, &server);
  luatcp_free(client);
  luatcp_free(server.socket);
}

static void descriptor_in_the_middle_of_a_race(void) {
  struct server server = listen_on("127.0.0.1", "0");
  luatcp_socket *client = limited(0.35);
  int fd;
  STATUS(LUATCP_TIMEOUT,
         luatcp_connect(client, NULL, "all-dead.test", server.port));
  fd = luatcp_get_descriptor(client);
  REQUIRE(fd >= 0);
  STATUS(LUATCP_TIMEOUT,
         luatcp_connect(client, NULL, "all-dead.test", server.port));
  REQUIRE(luatcp_get_descriptor(client) == fd);
  luatcp_free(client);
  luatcp_free(server.socket);
}

static void fork_in_the_middle_of_a_lookup(void) {
#ifdef THREAD_SANITIZER
  printf("  the thread sanitizer has no threads in a child of threads\n");
  fflush(stdout);
  _exit(77);
#else
  struct server server = listen_on("127.0.0.1", "0");
  luatcp_socket *client = limited(0);
  const char *runner = getenv("TEST_RUNNER");
  int status;
  pid_t child;
  if (runner != NULL && strstr(runner, "qemu") != NULL) {
    printf("  qemu breaks in children of threads\n");
    fflush(stdout);
    _exit(77);
  }
  STATUS(LUATCP_TIMEOUT,
         luatcp_connect(client, NULL, "slow-e.test", server.port));
  child = fork_child();
  if (child == 0) {
    /* the parent's lookup is not the child's, but it may make its own */
    luatcp_socket *own = limited(5);
    luatcp_free(client);
    STATUS(0, luatcp_connect(own, NULL, "quick.test", server.port));
    luatcp_free(own);
    _exit(0);
  }
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  STATUS(0, wait_writable(client, 5));
  STATUS(0, luatcp_connect(client, NULL, "slow-e.test", server.port));
  luatcp_free(client);
  luatcp_free(server.socket);
#endif
}

static void exit_in_the_middle_of_a_lookup(void) {
  pid_t child = fork();
  int status;
  if (child == 0) {
    luatcp_socket *client = limited(0.05);
    (void)!luatcp_connect(client, NULL, "silent.test", "80");
    luatcp_free(client);
    exit(0); /* with all that a program does at its end */
  }
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
}

static void numeric_addresses_start_no_thread(void) {
  static const char *const hosts[] = {"127.0.0.1", "127.1", "::1", "fe80::1%lo",
                                      "::ffff:127.0.0.1"};
  /* to a library without IPv6 the others are no addresses */
  size_t count =
      luatcp_has_feature("ipv6") ? sizeof hosts / sizeof hosts[0] : 2;
  unsigned threads = count_entries("/proc/self/task");
  size_t i;
  for (i = 0; i < count; i++) {
    luatcp_socket *client = limited(0.2);
    (void)!luatcp_connect(client, NULL, hosts[i], "9");
    REQUIRE(count_entries("/proc/self/task") == threads);
    luatcp_free(client);
  }
}

/* ---- The path dies ------------------------------------------------------ */

static void established_path_dies(void) {
  struct server server = listen_on("127.0.0.1", "0");
  luatcp_socket *client = limited(-1), *accepted = luatcp_new();
  size_t count;
  char byte;
  int64_t error;
  STATUS(0, luatcp_connect(client, NULL, "127.0.0.1", server.port));
  STATUS(0, luatcp_accept(server.socket, NULL, accepted));
  if (luatcp_set_option(client, "tcp-user-timeout", 300) != 0) {
    printf("  no tcp-user-timeout here\n");
    _exit(77);
  }
  REQUIRE(system("ip link set lo down") == 0);
  STATUS(0, luatcp_send(client, NULL, "x", 1, &count));
  start_clock();
  /* the system's verdict, not the caller's limit, of which there is none */
  STATUS(-ETIMEDOUT, luatcp_recv_count(client, NULL, &byte, 1, &count));
  STATUS(0, luatcp_get_option(client, "error", &error));
  REQUIRE(error == -ETIMEDOUT);
  REQUIRE(system("ip link set lo up") == 0);
  luatcp_free(accepted);
  luatcp_free(client);
  luatcp_free(server.socket);
}

/* ---- Running ------------------------------------------------------------ */

#define BOTH 1       /* with and without IPv6 */
#define UNTHREADED 2 /* does not need lookups to keep deadlines */

static const struct scenario {
  const char *name;
  void (*run)(void);
  int where;
} scenarios[] = {
#define SCENARIO(name, where)                                                  \
  { #name, name, where }
    SCENARIO(dead_address_first, UNTHREADED),
    SCENARIO(dead_address_first_without_limit, UNTHREADED),
    SCENARIO(dead_ipv4_address_first, UNTHREADED),
    SCENARIO(live_address_first, UNTHREADED),
    SCENARIO(refusing_address_first, BOTH | UNTHREADED),
    SCENARIO(dead_ipv6_first, BOTH | UNTHREADED),
    SCENARIO(all_addresses_dead, UNTHREADED),
    SCENARIO(total_limit_covers_all_addresses, UNTHREADED),
    SCENARIO(limit_of_the_system, UNTHREADED),
    SCENARIO(last_failure_is_reported, UNTHREADED),
    SCENARIO(bound_to_a_port, UNTHREADED),
    SCENARIO(descriptor_known_to_strangers, UNTHREADED),
    SCENARIO(begun_without_waiting, UNTHREADED),
    SCENARIO(options_go_with_the_object, UNTHREADED),
    SCENARIO(options_go_with_the_race, UNTHREADED),
    SCENARIO(host_that_answers_late, UNTHREADED),
    SCENARIO(without_waiting_dead_ipv6_first, BOTH | UNTHREADED),
    SCENARIO(without_waiting_dead_address_first, UNTHREADED),
    SCENARIO(without_waiting_slow_name, 0),
    SCENARIO(without_waiting_connect_goes_on, UNTHREADED),
    SCENARIO(without_waiting_already, UNTHREADED),
    SCENARIO(without_waiting_failed_for_good, UNTHREADED),
    SCENARIO(silent_name_server, 0),
    SCENARIO(silent_name_server_without_waiting, 0),
    SCENARIO(silent_lookup, 0),
    SCENARIO(silent_reverse_lookup, 0),
    SCENARIO(abandoned_lookups_are_bounded, 0),
    SCENARIO(slow_name_server, BOTH | UNTHREADED),
    SCENARIO(slow_name_server_in_two_calls, 0),
    SCENARIO(descriptor_in_the_middle_of_a_lookup, 0),
    SCENARIO(descriptor_in_the_middle_of_a_race, UNTHREADED),
    SCENARIO(fork_in_the_middle_of_a_lookup, 0),
    SCENARIO(exit_in_the_middle_of_a_lookup, 0),
    SCENARIO(numeric_addresses_start_no_thread, BOTH | UNTHREADED),
    SCENARIO(established_path_dies, UNTHREADED),
};

static int run_guarded(const struct scenario *scenario) {
  pid_t process = fork();
  int status;
  if (process == 0) {
    unsigned before = count_entries("/proc/self/fd"), after;
    double end;
    alarm(60);
    scenario->run();
    /* abandoned lookups close theirs when the resolver lets go of them */
    end = luatcp_monotonic_time() + 25;
    while ((after = count_entries("/proc/self/fd")) != before &&
           luatcp_monotonic_time() < end)
      usleep(20000);
    if (after != before)
      printf("  descriptors: %u before, %u after\n", before, after);
    fflush(stdout);
    _exit(after != before);
  }
  while (waitpid(process, &status, 0) < 0 && errno == EINTR)
    ;
  if (WIFSIGNALED(status))
    printf("  killed by signal %d\n", WTERMSIG(status));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int wanted(const struct scenario *scenario, int argc, char **argv) {
  const char *world = getenv("LUATCP_WORLD");
  int i;
  if (world != NULL && strcmp(world, "no-ipv6") == 0 &&
      !(scenario->where & BOTH))
    return 0;
  if (!luatcp_has_feature("threads") && !(scenario->where & UNTHREADED))
    return 0;
  for (i = 1; i < argc; i++)
    if (strcmp(argv[i], scenario->name) == 0)
      return 1;
  return argc == 1;
}

static int run_command(char **command, pid_t name_server) {
  pid_t process = fork();
  int status;
  if (process == 0) {
    execvp(command[0], command);
    perror(command[0]);
    _exit(127);
  }
  while (waitpid(process, &status, 0) < 0 && errno == EINTR)
    ;
  kill(name_server, SIGTERM);
  waitpid(name_server, NULL, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv) {
  pid_t name_server;
  int passed = 0, failed = 0, skipped = 0;
  size_t i;
  setvbuf(stdout, NULL, _IOLBF, 0);
  name_server = start_name_server();
  if (argc > 2 && strcmp(argv[1], "--") == 0)
    return run_command(argv + 2, name_server);
  for (i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
    double start = luatcp_monotonic_time();
    int status;
    if (!wanted(&scenarios[i], argc, argv))
      continue;
    status = run_guarded(&scenarios[i]);
    printf("%s %s (%.2f s)\n",
           status == 0    ? "ok"
           : status == 77 ? "skipped"
                          : "FAILED",
           scenarios[i].name, luatcp_monotonic_time() - start);
    passed += status == 0;
    skipped += status == 77;
    failed += status != 0 && status != 77;
  }
  kill(name_server, SIGTERM);
  waitpid(name_server, NULL, 0);
  printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
  return failed != 0 || passed == 0;
}
