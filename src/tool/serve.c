/* SPDX-License-Identifier: MIT
 *
 * serve.c: one file for many clients at once.  A poller tells which of them
 * can take more; each has its own position in the file, and none has memory.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_SIZE ((size_t)256 * 1024)
#define EVENTS_MAX 64
#define RETRY_SECONDS 0.1 /* after a lack of descriptors or memory */

typedef struct client {
  struct client *next, *previous;
  luatcp_socket *socket;
  off_t position;
  double idle_end;
  bool sent_all; /* now waits for the other end to close, too */
  bool over;     /* to be freed when the events at hand are done with */
} client;

typedef struct service {
  const settings *chosen;
  luatcp_poller *poller;
  luatcp_socket *const *servers;
  size_t server_count;
  client clients; /* the head of a ring */
  int file;
  uint64_t served, active;
  uint64_t sent, received; /* of all clients */
  double retry;            /* when to accept again; negative: accepting */
  double total_end;
  int status; /* what to exit with */
} service;

static char chunk[CHUNK_SIZE];

/* ---- Clients --------------------------------------------------------- */

static void end_client(client *one) { one->over = true; }

/* Removed before it is freed, so that the poller does not report its end. */
static void free_client(service *all, client *one) {
  int status = luatcp_poller_remove(all->poller, one->socket, -1);
  if (status != LUATCP_OK && status != LUATCP_NOT_WATCHED)
    all->status = report_failure("poller", "", status);
  one->previous->next = one->next;
  one->next->previous = one->previous;
  report_closed(one->socket);
  luatcp_free(one->socket);
  free(one);
  all->active--;
  all->served++;
}

static void free_ended(service *all) {
  client *one = all->clients.next;
  while (one != &all->clients) {
    client *next = one->next;
    if (one->over)
      free_client(all, one);
    one = next;
  }
}

static void fail_client(service *all, client *one, const char *what,
                        int status) {
  luatcp_name name;
  bool named = luatcp_peer_name(one->socket, &name) == LUATCP_OK;
  all->status = report_failure(what, named ? name.address : "a client", status);
  end_client(one);
}

static int add_client(service *all, luatcp_socket *socket) {
  client *one = malloc(sizeof *one);
  int status;
  if (one == NULL)
    return -ENOMEM;
  /* a peer that has vanished without a word is found out some day */
  status = luatcp_set_option(socket, "keepalive", 1);
  if (status == LUATCP_OK)
    status = luatcp_poller_add(all->poller, socket, -1,
                               LUATCP_READABLE | LUATCP_WRITABLE, one);
  if (status != LUATCP_OK) {
    free(one);
    return status;
  }
  one->socket = socket;
  one->position = 0;
  one->sent_all = one->over = false;
  one->idle_end = moment_in(all->chosen->idle);
  one->next = &all->clients;
  one->previous = all->clients.previous;
  one->previous->next = one;
  all->clients.previous = one;
  all->active++;
  report_connected(socket, 0);
  return LUATCP_OK;
}

/* ---- What clients do ------------------------------------------------- */

/* All that was read has been taken by the system: the end, said by a
 * half-close, so that the peer knows that nothing is missing. */
static void end_of_file(service *all, client *one) {
  int status = luatcp_shutdown(one->socket, LUATCP_SHUTDOWN_SEND);
  one->sent_all = true;
  if (status == LUATCP_OK)
    status = luatcp_poller_modify(all->poller, one->socket, -1, LUATCP_READABLE,
                                  one);
  if (status != LUATCP_OK)
    fail_client(all, one, "send to", status);
}

static void send_more(service *all, client *one) {
  luatcp_deadline at_once;
  size_t sent;
  int status;
  ssize_t count = pread(all->file, chunk, sizeof chunk, one->position);
  if (count < 0) {
    all->status = report_failure("read", all->chosen->file, -errno);
    end_client(one);
    return;
  }
  if (count == 0) {
    end_of_file(all, one);
    return;
  }
  luatcp_deadline_after(&at_once, 0);
  status = luatcp_send(one->socket, &at_once, chunk, (size_t)count, &sent);
  one->position += (off_t)sent;
  all->sent += sent;
  if (sent > 0)
    one->idle_end = moment_in(all->chosen->idle);
  if (status != LUATCP_OK && status != LUATCP_TIMEOUT && status != -EINTR)
    fail_client(all, one, "send to", status);
}

/* What a client says is dropped; bytes that nobody has read would turn the end
 * of the connection into a reset. */
static void drop_input(service *all, client *one) {
  static char dropped[16384];
  luatcp_deadline at_once;
  size_t received;
  int status;
  luatcp_deadline_after(&at_once, 0);
  status =
      luatcp_recv(one->socket, &at_once, dropped, sizeof dropped, &received);
  all->received += received;
  if (received > 0)
    one->idle_end = moment_in(all->chosen->idle);
  if (status == LUATCP_CLOSED && one->sent_all)
    end_client(one);
  else if (status == LUATCP_CLOSED) {
    /* it still may want all of the file */
    status = luatcp_poller_modify(all->poller, one->socket, -1, LUATCP_WRITABLE,
                                  one);
    if (status != LUATCP_OK)
      fail_client(all, one, "wait for", status);
  } else if (status != LUATCP_OK && status != LUATCP_TIMEOUT &&
             status != -EINTR)
    fail_client(all, one, "receive from", status);
}

static void handle_client(service *all, client *one, int events) {
  if (one->over)
    return;
  if (events & LUATCP_READABLE)
    drop_input(all, one);
  if (events & LUATCP_WRITABLE && !one->over && !one->sent_all)
    send_more(all, one);
}

/* ---- Accepting ------------------------------------------------------- */

static bool wants_more(const service *all) {
  return all->chosen->clients == 0 ||
         all->served + all->active < all->chosen->clients;
}

static int watch_servers(service *all, int events) {
  int status = LUATCP_OK;
  for (size_t i = 0; i < all->server_count && status == LUATCP_OK; i++)
    status =
        luatcp_poller_modify(all->poller, all->servers[i], -1, events, all);
  return status;
}

static bool is_lack(int status) {
  return status == -EMFILE || status == -ENFILE || status == -ENOBUFS ||
         status == -ENOMEM || status == -ENOSPC;
}

/* Takes what is in one queue.  When the system lacks something, the others go
 * on, and the queue waits. */
static int accept_clients(service *all, luatcp_socket *server) {
  while (wants_more(all)) {
    luatcp_deadline at_once;
    luatcp_socket *socket = luatcp_new();
    int status = socket != NULL ? LUATCP_OK : -ENOMEM;
    luatcp_deadline_after(&at_once, 0);
    if (status == LUATCP_OK)
      status = luatcp_accept(server, &at_once, socket);
    if (status == LUATCP_OK)
      status = add_client(all, socket);
    if (status == LUATCP_OK)
      continue;
    luatcp_free(socket);
    if (is_lack(status)) {
      all->retry = moment_in(RETRY_SECONDS);
      return watch_servers(all, 0);
    }
    return status == LUATCP_TIMEOUT || status == -EINTR ? LUATCP_OK : status;
  }
  return watch_servers(all, 0);
}

static int accept_all(service *all) {
  int status = LUATCP_OK;
  for (size_t i = 0; i < all->server_count && status == LUATCP_OK; i++)
    status = accept_clients(all, all->servers[i]);
  return status;
}

/* ---- Turns ----------------------------------------------------------- */

static void check_idle(service *all) {
  for (client *one = all->clients.next; one != &all->clients; one = one->next)
    if (!one->over && has_come(one->idle_end))
      fail_client(all, one, "limit without a byte for", LUATCP_TIMEOUT);
}

static double next_moment(const service *all) {
  double next = earlier(earlier(all->retry, all->total_end), report_due());
  /* limits of clients are looked at now and then, not each on its own */
  if (all->chosen->idle >= 0 && all->active > 0)
    next = earlier(next, moment_in(all->chosen->idle < 1 ? 0.1 : 0.5));
  return next;
}

static int wait_once(service *all) {
  luatcp_event events[EVENTS_MAX];
  luatcp_deadline limit;
  size_t count;
  int status;
  luatcp_deadline_after(&limit, seconds_until(next_moment(all)));
  status = luatcp_poller_wait(all->poller, &limit, events, EVENTS_MAX, &count);
  if (status != LUATCP_OK)
    return status == LUATCP_TIMEOUT || status == -EINTR ? LUATCP_OK : status;
  for (size_t i = 0; i < count && status == LUATCP_OK; i++) {
    if (events[i].data == all)
      status = accept_all(all);
    else if (events[i].data != NULL)
      handle_client(all, events[i].data, events[i].events);
  }
  return status;
}

static int run(service *all) {
  while (wants_more(all) || all->active > 0) {
    int status = wait_once(all);
    free_ended(all);
    if (status == LUATCP_OK && has_come(all->retry)) {
      all->retry = -1;
      status = watch_servers(all, LUATCP_READABLE);
    }
    if (status != LUATCP_OK)
      return report_failure("wait", "", status);
    if (stop_wanted())
      return EXIT_FAILED;
    check_idle(all);
    free_ended(all);
    report_progress(all->sent, all->received, -1, (int64_t)all->active);
    if (has_come(all->total_end))
      return report_failure("limit for all", "", LUATCP_TIMEOUT);
  }
  return all->status;
}

static int watch_all(service *all) {
  int status = luatcp_poller_new(&all->poller);
  if (status == LUATCP_OK)
    status = luatcp_poller_add(all->poller, NULL, stop_descriptor(),
                               LUATCP_READABLE, NULL);
  for (size_t i = 0; i < all->server_count && status == LUATCP_OK; i++)
    status = luatcp_poller_add(all->poller, all->servers[i], -1,
                               LUATCP_READABLE, all);
  return status;
}

int serve(const settings *chosen, luatcp_socket *const *servers, size_t count,
          int file, double total_end) {
  service all = {0};
  int status;
  all.chosen = chosen;
  all.servers = servers;
  all.server_count = count;
  all.clients.next = all.clients.previous = &all.clients;
  all.file = file;
  all.retry = -1;
  all.total_end = total_end;
  status = watch_all(&all);
  status = status == LUATCP_OK ? run(&all) : report_failure("wait", "", status);
  for (client *one = all.clients.next; one != &all.clients; one = one->next)
    end_client(one);
  free_ended(&all);
  luatcp_poller_free(all.poller);
  return status;
}
