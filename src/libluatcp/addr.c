/* SPDX-License-Identifier: MIT
 *
 * addr.c: socket addresses to and from text, and ports.  Asks nobody: names
 * are for resolve.c.
 */
#include "internal.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

int luatcp__address_family(const struct luatcp__address *address) {
  if (address->sockaddr.any.sa_family == AF_INET)
    return LUATCP_INET;
#ifdef ENABLE_IPV6
  if (address->sockaddr.any.sa_family == AF_INET6)
    return LUATCP_INET6;
#endif
  return LUATCP_UNSPEC;
}

unsigned luatcp__address_port(const struct luatcp__address *address) {
#ifdef ENABLE_IPV6
  if (luatcp__address_family(address) == LUATCP_INET6)
    return ntohs(address->sockaddr.in6.sin6_port);
#endif
  return ntohs(address->sockaddr.in.sin_port);
}

static void start_ipv4(struct luatcp__address *address, unsigned port) {
  memset(address, 0, sizeof *address);
  address->length = sizeof address->sockaddr.in;
  address->sockaddr.in.sin_family = AF_INET;
  address->sockaddr.in.sin_port = htons((uint16_t)port);
}

#ifdef ENABLE_IPV6
static void start_ipv6(struct luatcp__address *address, unsigned port) {
  memset(address, 0, sizeof *address);
  address->length = sizeof address->sockaddr.in6;
  address->sockaddr.in6.sin6_family = AF_INET6;
  address->sockaddr.in6.sin6_port = htons((uint16_t)port);
}
#endif

void luatcp__address_wildcard(struct luatcp__address *address, int family,
                              unsigned port) {
#ifdef ENABLE_IPV6
  if (family == LUATCP_INET6) {
    start_ipv6(address, port);
    address->sockaddr.in6.sin6_addr = in6addr_any;
    return;
  }
#else
  (void)family;
#endif
  start_ipv4(address, port);
  address->sockaddr.in.sin_addr.s_addr = htonl(INADDR_ANY);
}

bool luatcp__address_is_loopback(const struct luatcp__address *address) {
#ifdef ENABLE_IPV6
  if (luatcp__address_family(address) == LUATCP_INET6)
    return IN6_IS_ADDR_LOOPBACK(&address->sockaddr.in6.sin6_addr);
#endif
  return ntohl(address->sockaddr.in.sin_addr.s_addr) >> 24 == 127;
}

bool luatcp__address_equal(const struct luatcp__address *a,
                           const struct luatcp__address *b) {
  if (a->sockaddr.any.sa_family != b->sockaddr.any.sa_family ||
      luatcp__address_port(a) != luatcp__address_port(b))
    return false;
#ifdef ENABLE_IPV6
  if (luatcp__address_family(a) == LUATCP_INET6)
    return a->sockaddr.in6.sin6_scope_id == b->sockaddr.in6.sin6_scope_id &&
           memcmp(&a->sockaddr.in6.sin6_addr, &b->sockaddr.in6.sin6_addr,
                  sizeof a->sockaddr.in6.sin6_addr) == 0;
#endif
  return a->sockaddr.in.sin_addr.s_addr == b->sockaddr.in.sin_addr.s_addr;
}

/* ---- To text --------------------------------------------------------- */

#ifdef ENABLE_IPV6
/* The zone of a link-local address (RFC 4007, 11): its interface's name. */
static void append_zone(char *text, size_t size, uint32_t zone) {
  char interface[IF_NAMESIZE];
  size_t length = strlen(text);
  if (if_indextoname(zone, interface) != NULL)
    snprintf(text + length, size - length, "%%%s", interface);
  else
    snprintf(text + length, size - length, "%%%lu", (unsigned long)zone);
}
#endif

int luatcp__address_name(const struct luatcp__address *address,
                         luatcp_name *name) {
  memset(name, 0, sizeof *name);
  name->family = luatcp__address_family(address);
  if (name->family == LUATCP_UNSPEC)
    return LUATCP_NOT_TCP;
  name->port = (int)luatcp__address_port(address);
#ifdef ENABLE_IPV6
  if (name->family == LUATCP_INET6) {
    inet_ntop(AF_INET6, &address->sockaddr.in6.sin6_addr, name->address,
              sizeof name->address);
    if (address->sockaddr.in6.sin6_scope_id != 0)
      append_zone(name->address, sizeof name->address,
                  address->sockaddr.in6.sin6_scope_id);
    return LUATCP_OK;
  }
#endif
  inet_ntop(AF_INET, &address->sockaddr.in.sin_addr, name->address,
            sizeof name->address);
  return LUATCP_OK;
}

/* ---- From text ------------------------------------------------------- */

static bool consists_of(const char *text, const char *characters) {
  return text[0] != '\0' && text[strspn(text, characters)] == '\0';
}

/* Up to 2^32 - 1, which no caller's limit comes near. */
static bool parse_decimal(const char *text, uint32_t *number) {
  uint64_t value = 0;
  if (!consists_of(text, "0123456789"))
    return false;
  for (; *text != '\0'; text++) {
    value = value * 10 + (uint64_t)(*text - '0');
    if (value > UINT32_MAX)
      return false;
  }
  *number = (uint32_t)value;
  return true;
}

/* The short forms (127.1, 0x7f000001) are numeric for getaddrinfo(3) too. */
static bool parse_ipv4(struct luatcp__address *address, const char *host,
                       unsigned port) {
  struct in_addr binary;
  if (inet_pton(AF_INET, host, &binary) != 1 &&
      !(host[0] >= '0' && host[0] <= '9' &&
        consists_of(host, "0123456789abcdefABCDEFxX.") &&
        inet_aton(host, &binary) != 0))
    return false;
  start_ipv4(address, port);
  address->sockaddr.in.sin_addr = binary;
  return true;
}

#ifdef ENABLE_IPV6
static bool parse_zone(const char *text, uint32_t *zone) {
  if (parse_decimal(text, zone))
    return true;
  *zone = if_nametoindex(text);
  return *zone != 0;
}

static bool parse_ipv6(struct luatcp__address *address, const char *host,
                       unsigned port) {
  char text[INET6_ADDRSTRLEN];
  size_t length = strcspn(host, "%");
  struct in6_addr binary;
  uint32_t zone = 0;
  if (length >= sizeof text)
    return false;
  memcpy(text, host, length);
  text[length] = '\0';
  if (inet_pton(AF_INET6, text, &binary) != 1 ||
      (host[length] == '%' && !parse_zone(host + length + 1, &zone)))
    return false;
  start_ipv6(address, port);
  address->sockaddr.in6.sin6_addr = binary;
  address->sockaddr.in6.sin6_scope_id = zone;
  return true;
}
#endif

bool luatcp__address_parse(struct luatcp__address *address, const char *host,
                           unsigned port) {
#ifdef ENABLE_IPV6
  if (strchr(host, ':') != NULL)
    return parse_ipv6(address, host, port);
#endif
  return parse_ipv4(address, host, port);
}

/* A port's name has a letter in it (RFC 6335, 5.1) and no blank. */
static bool may_be_service(const char *text) {
  bool letter = false;
  for (; *text != '\0'; text++) {
    unsigned char byte = (unsigned char)*text;
    if (byte <= ' ' || byte >= 127)
      return false;
    letter |= (byte | 32) >= 'a' && (byte | 32) <= 'z';
  }
  return letter;
}

int luatcp__parse_port(const char *service, unsigned *port) {
  uint32_t number;
  *port = 0;
  if (!parse_decimal(service, &number))
    return may_be_service(service) ? LUATCP_MORE : LUATCP_INVALID_PORT;
  if (number > 65535)
    return LUATCP_INVALID_PORT;
  *port = number;
  return LUATCP_OK;
}
