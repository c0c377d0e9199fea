/* SPDX-License-Identifier: MIT
 *
 * prelude.h: what examples in C that are no whole programs are given. */
#include <luatcp.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern luatcp_socket *s, *server, *client;
extern luatcp_poller *poller;
extern luatcp_deadline limit;
extern int status;
extern char line[256], buffer[4096];
extern const char *data;
extern size_t length;
extern void handle(luatcp_socket *socket);
