/* SPDX-License-Identifier: MIT
 *
 * activate.c: activate COUNT PROGRAM [ARGUMENT...] runs a program the way a
 * socket unit of systemd does: listening sockets from descriptor 3 on, and
 * LISTEN_FDS and LISTEN_PID in the environment.  Prints their ports first.
 * ACTIVATE_WRONG=yes names another process, for which they would not be.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "luatcp.h"

#define FIRST 3

static int listen_at(int descriptor) {
  luatcp_socket *server = luatcp_new();
  luatcp_name name;
  int own;
  if (server == NULL ||
      luatcp_bind(server, NULL, "127.0.0.1", "0") != LUATCP_OK ||
      luatcp_listen(server, 16) != LUATCP_OK ||
      luatcp_local_name(server, &name) != LUATCP_OK)
    return -1;
  printf("port %d\n", name.port);
  own = luatcp_detach(server);
  luatcp_free(server);
  if (own == descriptor) /* stays open across exec */
    return fcntl(own, F_SETFD, 0);
  if (dup2(own, descriptor) < 0)
    return -1;
  return close(own);
}

int main(int argc, char **argv) {
  char text[32];
  int count = argc > 2 ? atoi(argv[1]) : 0;
  if (count < 1)
    return 2;
  for (int i = 0; i < count; i++)
    if (listen_at(FIRST + i) < 0) {
      perror("activate");
      return 1;
    }
  fflush(stdout);
  (void)snprintf(text, sizeof text, "%d", count);
  setenv("LISTEN_FDS", text, 1);
  (void)snprintf(text, sizeof text, "%ld",
                 (long)getpid() + (getenv("ACTIVATE_WRONG") != NULL));
  setenv("LISTEN_PID", text, 1);
  execvp(argv[2], argv + 2);
  perror(argv[2]);
  return 1;
}
