/* SPDX-License-Identifier: MIT
 *
 * plain.h: sockets of the system without the library, for the other end of a
 * scenario.  In a file that the linker does not wrap; what the system refuses
 * ends the process.  Everything is on loopback, and nothing waits but
 * plain_accept and plain_receive.
 */
#ifndef PLAIN_H
#define PLAIN_H

#include <stdbool.h>
#include <stddef.h>

bool plain_has_ipv6(void);
/* Service gets the text of the port. */
int plain_listen(const char *host, char service[8]);
/* On the port that service has already, with a full queue: connects to it stay
 * under way.  -1: that port is taken on this host. */
int plain_listen_full(const char *host, const char *service, int fillers[2]);
int plain_accept(int listener);
/* The connection that comes from this port; others, of attempts that were given
 * up, are closed. */
int plain_accept_from(int listener, int port);
int plain_connect(const char *host, const char *service);
/* Connects to the listener, keeps that end for plain_other_end, and returns
 * the listener. */
int plain_pair(int listener, const char *service);
int plain_other_end(void);
void plain_send(int fd, const void *data, size_t size);
void plain_receive(int fd, void *data, size_t size);
/* What is there, up to size; 0 when nothing has come for a second. */
size_t plain_drain(int fd, void *data, size_t size);
/* Closes; reset: so that the other end sees a reset. */
void plain_close(int fd);
void plain_reset(int fd);
/* A millisecond. */
void plain_pause(void);

#endif
