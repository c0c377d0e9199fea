/* Echoes lines to many clients at once, on a poller.  echo_server [PORT]
 *
 * A client whose answer does not fit into the connection at once is not read
 * until it does; one that sends a line of more than 4096 bytes is dropped. */
#include <luatcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 4096
#define EVENTS 64

typedef struct client {
  luatcp_socket *socket;
  size_t length, sent; /* of the answer, and of it what is gone */
  int answering;
  char line[LINE_SIZE + 1];
} client;

static luatcp_poller *poller;

static int fail(const char *what, int status) {
  char why[LUATCP_MESSAGE_SIZE];
  fprintf(stderr, "%s: %s\n", what, luatcp_strerror(status, why, sizeof why));
  return 1;
}

/* What leaves by being closed is reported once more, with events 0.  What is
 * removed before is not, so that its memory can be freed at once. */
static void drop(client *c) {
  int status = luatcp_poller_remove(poller, c->socket, -1);
  if (status != LUATCP_OK && status != LUATCP_NOT_WATCHED)
    fail("poller", status);
  luatcp_free(c->socket);
  free(c);
}

/* Both return LUATCP_OK when done, LUATCP_TIMEOUT to be called again. */

static int read_line(client *c) {
  luatcp_deadline now;
  size_t count;
  int status;
  luatcp_deadline_after(&now, 0);
  status = luatcp_recv_line(c->socket, &now, LUATCP_LINE_TEXT,
                            c->line + c->length, LINE_SIZE - c->length, &count);
  c->length += count; /* a partial line counts, too */
  if (status == LUATCP_OK)
    c->line[c->length++] = '\n';
  return status;
}

static int send_answer(client *c) {
  luatcp_deadline now;
  size_t count;
  int status;
  luatcp_deadline_after(&now, 0);
  status = luatcp_send(c->socket, &now, c->line + c->sent, c->length - c->sent,
                       &count);
  c->sent += count;
  return status;
}

/* A step: the rest of a line, or of its answer. */
static int step(client *c) {
  int status = c->answering ? send_answer(c) : read_line(c);
  if (status != LUATCP_OK)
    return status;
  if (c->answering)
    c->length = c->sent = 0;
  c->answering = !c->answering;
  return LUATCP_OK;
}

static void serve(client *c) {
  int status = LUATCP_OK;
  for (int turn = 0; turn < 100 && status == LUATCP_OK; turn++)
    status = step(c);
  if (status == LUATCP_OK || status == LUATCP_TIMEOUT)
    status = luatcp_poller_modify(
        poller, c->socket, -1, c->answering ? LUATCP_WRITABLE : LUATCP_READABLE,
        c);
  if (status != LUATCP_OK)
    drop(c);
}

static void accept_one(luatcp_socket *server) {
  luatcp_deadline now;
  client *c = calloc(1, sizeof *c);
  if (c == NULL)
    return;
  c->socket = luatcp_new();
  luatcp_deadline_after(&now, 0);
  if (c->socket == NULL)
    free(c);
  else if (luatcp_accept(server, &now, c->socket) != LUATCP_OK ||
           luatcp_poller_add(poller, c->socket, -1, LUATCP_READABLE, c) !=
               LUATCP_OK)
    drop(c);
}

int main(int argc, char **argv) {
  luatcp_socket *server = luatcp_new();
  luatcp_event events[EVENTS];
  luatcp_name name;
  size_t count;
  int status = server != NULL ? luatcp_open(server, LUATCP_INET) : -1;
  if (status == LUATCP_OK)
    status = luatcp_set_option(server, "reuseaddr", 1);
  if (status == LUATCP_OK)
    status = luatcp_bind(server, NULL, "127.0.0.1", argc > 1 ? argv[1] : "0");
  if (status == LUATCP_OK)
    status = luatcp_listen(server, 1024);
  if (status == LUATCP_OK)
    status = luatcp_local_name(server, &name);
  if (status == LUATCP_OK)
    status = luatcp_poller_new(&poller);
  if (status == LUATCP_OK)
    status = luatcp_poller_add(poller, server, -1, LUATCP_READABLE, NULL);
  if (status != LUATCP_OK)
    return fail("server", status);
  printf("listening on\t%s\t%d\n", name.address, name.port);
  fflush(stdout);
  while ((status = luatcp_poller_wait(poller, NULL, events, EVENTS, &count)) ==
         LUATCP_OK)
    for (size_t i = 0; i < count; i++) {
      if (events[i].data == NULL)
        accept_one(server);
      else
        serve(events[i].data);
    }
  return fail("wait", status);
}
