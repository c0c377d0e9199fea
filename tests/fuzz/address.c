/* SPDX-License-Identifier: MIT
 *
 * address.c: numeric addresses, zones, ports and service names, parsed by the
 * library and, for comparison, by the system or the simplest rule there is.
 * The resolver is never asked.
 */
#include "fuzz.h"
#include "internal.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>

/* ---- Ports ----------------------------------------------------------- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool all_digits(const char *text) {
  size_t i, length = strlen(text);
  for (i = 0; i < length; i++)
    if (!is_digit(text[i]))
      return false;
  return length > 0;
}

/* The value of digits, cut at a million. */
static unsigned long value_of(const char *text) {
  unsigned long value = 0;
  for (; *text != '\0'; text++)
    if (value < 1000000)
      value = value * 10 + (unsigned long)(*text - '0');
  return value;
}

static bool is_name(const char *text) {
  bool letter = false;
  for (; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    if (c < 33 || c > 126)
      return false;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
      letter = true;
  }
  return letter;
}

static void try_port(const char *text) {
  unsigned port = 77;
  int status = luatcp__parse_port(text, &port);
  if (all_digits(text)) {
    bool good = value_of(text) <= 65535;
    FUZZ_CLAIM(status == (good ? LUATCP_OK : LUATCP_INVALID_PORT));
    FUZZ_CLAIM(port == (good ? value_of(text) : 0));
  } else {
    FUZZ_CLAIM(status == (is_name(text) ? LUATCP_MORE : LUATCP_INVALID_PORT));
    FUZZ_CLAIM(port == 0);
  }
}

/* ---- Addresses ------------------------------------------------------- */

/* Whether getaddrinfo(3), told to ask nobody, takes the text for a number. */
static bool system_parses(const char *text, struct addrinfo **list) {
  struct addrinfo hints;
  memset(&hints, 0, sizeof hints);
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  return getaddrinfo(text, "4711", &hints, list) == 0;
}

/* Systems differ on what may stand for a zone; the rest has to be the same. */
static void compare_with_system(const char *text, bool parsed,
                                const struct luatcp__address *address) {
  struct addrinfo *list;
  bool zone = strchr(text, '%') != NULL;
  if (strcmp(text, "*") == 0) /* the wildcard for some systems, a name for us */
    return;
  if (!system_parses(text, &list)) {
    FUZZ_CLAIM(!parsed || zone);
    return;
  }
  if (parsed) {
    struct luatcp__address other;
    FUZZ_CLAIM(list->ai_addrlen <= sizeof other.sockaddr);
    other.length = (socklen_t)list->ai_addrlen;
    memset(&other.sockaddr, 0, sizeof other.sockaddr);
    memcpy(&other.sockaddr, list->ai_addr, list->ai_addrlen);
    FUZZ_CLAIM(luatcp__address_equal(address, &other));
  } else if (list->ai_family == AF_INET || luatcp_has_feature("ipv6"))
    FUZZ_CLAIM(zone);
  freeaddrinfo(list);
}

/* The text that is made of an address is read back as the same address. */
static void go_around(const struct luatcp__address *address) {
  struct luatcp__address again;
  luatcp_name name;
  FUZZ_CLAIM(luatcp__address_name(address, &name) == LUATCP_OK);
  FUZZ_CLAIM(memchr(name.address, '\0', sizeof name.address) != NULL);
  FUZZ_CLAIM(name.port == 4711);
  FUZZ_CLAIM(name.family == luatcp__address_family(address));
  FUZZ_CLAIM(luatcp__address_parse(&again, name.address, 4711));
  FUZZ_CLAIM(luatcp__address_equal(address, &again));
}

static void try_address(const char *text) {
  struct luatcp__address address;
  unsigned char binary[16];
  bool parsed = luatcp__address_parse(&address, text, 4711);
  if (inet_pton(AF_INET, text, binary) == 1) {
    FUZZ_CLAIM(parsed && luatcp__address_family(&address) == LUATCP_INET);
    FUZZ_CLAIM(memcmp(&address.sockaddr.in.sin_addr, binary, 4) == 0);
  }
  if (luatcp_has_feature("ipv6") && inet_pton(AF_INET6, text, binary) == 1)
    FUZZ_CLAIM(parsed && luatcp__address_family(&address) == LUATCP_INET6);
  if (parsed) {
    FUZZ_CLAIM(luatcp__address_port(&address) == 4711);
    go_around(&address);
  }
  compare_with_system(text, parsed, &address);
}

/* ---- Both together, as bind and connect meet them --------------------- */

static void try_endpoint(const char *host, const char *service, int family,
                         int flags) {
  luatcp_addresses *list = NULL;
  luatcp_name name, beyond;
  struct luatcp__address address;
  unsigned port;
  int ports = luatcp__parse_port(service, &port);
  bool numeric = luatcp__address_parse(&address, host, 0);
  int status = luatcp__resolve_numeric(host, service, family, flags, &list);
  FUZZ_CLAIM((status == LUATCP_OK) == (list != NULL));
  if (ports == LUATCP_INVALID_PORT &&
      (family != LUATCP_INET6 || luatcp_has_feature("ipv6")))
    FUZZ_CLAIM(status == LUATCP_INVALID_PORT);
  if (status == LUATCP_OK) {
    FUZZ_CLAIM(ports == LUATCP_OK);
    FUZZ_CLAIM(numeric || (strcmp(host, "*") == 0 && flags & LUATCP__PASSIVE));
    FUZZ_CLAIM(luatcp_addresses_count(list) == 1);
    FUZZ_CLAIM(luatcp_addresses_get(list, 0, &name) == LUATCP_OK);
    FUZZ_CLAIM(luatcp_addresses_get(list, 1, &beyond) ==
               LUATCP_INVALID_ARGUMENT);
    FUZZ_CLAIM(name.port == (int)port);
    FUZZ_CLAIM(family == LUATCP_UNSPEC || name.family == family);
  }
  luatcp_addresses_free(list);
}

/* The input: a byte of flags, a host, a NUL, a service. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int families[] = {LUATCP_UNSPEC, LUATCP_INET, LUATCP_INET6,
                                 LUATCP_UNSPEC};
  char *host, *service;
  size_t length;
  unsigned flags;
  if (size == 0)
    return 0;
  flags = *data++;
  size--;
  host = malloc(size + 1);
  FUZZ_CLAIM(host != NULL);
  memcpy(host, data, size);
  host[size] = '\0';
  length = strlen(host);
  service = host + length + (length < size);
  try_address(host);
  try_port(host);
  try_port(service);
  try_endpoint(host, service, families[flags & 3],
               (flags & 4 ? LUATCP__PASSIVE : 0) |
                   (flags & 8 ? LUATCP__CANONICAL : 0));
  free(host);
  return 0;
}
