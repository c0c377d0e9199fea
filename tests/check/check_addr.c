/* SPDX-License-Identifier: MIT
 *
 * check_addr.c: addresses and ports, to and from text.
 */
#include "internal.h"
#include "peer.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

static void parses(const char *text, const char *want, int family) {
  struct luatcp__address address;
  luatcp_name name;
  ck_assert_msg(luatcp__address_parse(&address, text, 4711), "%s", text);
  ck_assert_int_eq(luatcp__address_family(&address), family);
  ck_assert_uint_eq(luatcp__address_port(&address), 4711);
  expect(luatcp__address_name(&address, &name), LUATCP_OK);
  ck_assert_str_eq(name.address, want);
  ck_assert_int_eq(name.port, 4711);
  ck_assert_int_eq(name.family, family);
}

START_TEST(ipv4) {
  parses("127.0.0.1", "127.0.0.1", LUATCP_INET);
  parses("0.0.0.0", "0.0.0.0", LUATCP_INET);
  parses("255.255.255.255", "255.255.255.255", LUATCP_INET);
  /* getaddrinfo takes these for numbers too */
  parses("127.1", "127.0.0.1", LUATCP_INET);
}
END_TEST

START_TEST(ipv6) {
  if (!luatcp_has_feature("ipv6"))
    return;
  parses("::1", "::1", LUATCP_INET6);
  parses("::", "::", LUATCP_INET6);
  parses("0:0:0:0:0:0:0:1", "::1", LUATCP_INET6);
  parses("2001:DB8::a", "2001:db8::a", LUATCP_INET6);
  parses("::ffff:1.2.3.4", "::ffff:1.2.3.4", LUATCP_INET6);
}
END_TEST

START_TEST(zones) {
  struct luatcp__address address;
  char text[64];
  char name[IF_NAMESIZE];
  if (!luatcp_has_feature("ipv6"))
    return;
  /* whatever the loopback interface is called */
  if (if_indextoname(1, name) == NULL)
    return;
  snprintf(text, sizeof text, "fe80::1%%%s", name);
  parses(text, text, LUATCP_INET6);
  parses("fe80::1%1", text, LUATCP_INET6);
  parses("fe80::1%4000000000", "fe80::1%4000000000", LUATCP_INET6);
  ck_assert(!luatcp__address_parse(&address, "fe80::1%no-such-if", 1));
  ck_assert(!luatcp__address_parse(&address, "fe80::1%", 1));
  ck_assert(!luatcp__address_parse(&address, "fe80::1%99999999999", 1));
}
END_TEST

START_TEST(what_is_no_address) {
  static const char *const texts[] = {"",          "localhost",  "127.0.0.256",
                                      "1.2.3.4.5", ":::",        "::1::",
                                      "[::1]",     "127.0.0.1 ", " 127.0.0.1",
                                      "12345::",   "::1/128",    "1.2.3.4:80",
                                      "g::1",      "a.b.c.d",    "example.com",
                                      "%",         "::%",        "1.2.3.4%lo",
                                      "*"};
  struct luatcp__address address;
  char longest[5000];
  size_t i;
  for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
    ck_assert_msg(!luatcp__address_parse(&address, texts[i], 1), "%s",
                  texts[i]);
  memset(longest, ':', sizeof longest);
  longest[sizeof longest - 1] = '\0';
  ck_assert(!luatcp__address_parse(&address, longest, 1));
  memset(longest, '1', sizeof longest - 1);
  ck_assert(!luatcp__address_parse(&address, longest, 1));
}
END_TEST

START_TEST(wildcards) {
  struct luatcp__address address;
  luatcp_name name;
  luatcp__address_wildcard(&address, LUATCP_INET, 80);
  expect(luatcp__address_name(&address, &name), LUATCP_OK);
  ck_assert_str_eq(name.address, "0.0.0.0");
  ck_assert_int_eq(name.port, 80);
  if (!luatcp_has_feature("ipv6"))
    return;
  luatcp__address_wildcard(&address, LUATCP_INET6, 65535);
  expect(luatcp__address_name(&address, &name), LUATCP_OK);
  ck_assert_str_eq(name.address, "::");
  ck_assert_int_eq(name.port, 65535);
}
END_TEST

START_TEST(equality) {
  struct luatcp__address a, b;
  ck_assert(luatcp__address_parse(&a, "127.0.0.1", 80));
  ck_assert(luatcp__address_parse(&b, "127.0.0.1", 80));
  ck_assert(luatcp__address_equal(&a, &b));
  ck_assert(luatcp__address_parse(&b, "127.0.0.1", 81));
  ck_assert(!luatcp__address_equal(&a, &b));
  ck_assert(luatcp__address_parse(&b, "127.0.0.2", 80));
  ck_assert(!luatcp__address_equal(&a, &b));
  if (!luatcp_has_feature("ipv6"))
    return;
  ck_assert(luatcp__address_parse(&b, "::ffff:127.0.0.1", 80));
  ck_assert(!luatcp__address_equal(&a, &b));
  ck_assert(luatcp__address_parse(&a, "fe80::1%1", 80));
  ck_assert(luatcp__address_parse(&b, "fe80::1%1", 80));
  ck_assert(luatcp__address_equal(&a, &b));
  ck_assert(luatcp__address_parse(&b, "fe80::1", 80));
  ck_assert(!luatcp__address_equal(&a, &b));
}
END_TEST

START_TEST(another_family_is_not_tcp) {
  struct luatcp__address address;
  luatcp_name name;
  memset(&address, 0, sizeof address);
  address.sockaddr.any.sa_family = AF_UNIX;
  address.length = sizeof address.sockaddr.any;
  ck_assert_int_eq(luatcp__address_family(&address), LUATCP_UNSPEC);
  expect(luatcp__address_name(&address, &name), LUATCP_NOT_TCP);
}
END_TEST

START_TEST(ports) {
  static const struct {
    const char *text;
    int status;
    unsigned port;
  } cases[] = {
      {"0", LUATCP_OK, 0},
      {"1", LUATCP_OK, 1},
      {"80", LUATCP_OK, 80},
      {"65535", LUATCP_OK, 65535},
      {"65536", LUATCP_INVALID_PORT, 0},
      {"131152", LUATCP_INVALID_PORT, 0},
      {"4294967376", LUATCP_INVALID_PORT, 0},
      {"18446744073709551696", LUATCP_INVALID_PORT, 0},
      {"99999999999999999999999999", LUATCP_INVALID_PORT, 0},
      {"", LUATCP_INVALID_PORT, 0},
      {" ", LUATCP_INVALID_PORT, 0},
      {" 80", LUATCP_INVALID_PORT, 0},
      {"80 ", LUATCP_INVALID_PORT, 0},
      {"-1", LUATCP_INVALID_PORT, 0},
      {"+80", LUATCP_INVALID_PORT, 0},
      {"80.5", LUATCP_INVALID_PORT, 0},
      {"http", LUATCP_MORE, 0},
      {"x11-1", LUATCP_MORE, 0},
  };
  size_t i;
  for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    unsigned port = 7;
    int status = luatcp__parse_port(cases[i].text, &port);
    ck_assert_msg(status == cases[i].status && port == cases[i].port,
                  "\"%s\": %d, port %u", cases[i].text, status, port);
  }
}
END_TEST

START_TEST(every_port) {
  char text[16];
  unsigned want, port;
  for (want = 0; want < 70000; want++) {
    int status;
    snprintf(text, sizeof text, "%u", want);
    status = luatcp__parse_port(text, &port);
    if (want < 65536) {
      expect(status, LUATCP_OK);
      ck_assert_uint_eq(port, want);
    } else {
      expect(status, LUATCP_INVALID_PORT);
    }
  }
}
END_TEST

static void add(Suite *suite) {
  TCase *made = peer_case(suite, "addr");
  tcase_add_test(made, ipv4);
  tcase_add_test(made, ipv6);
  tcase_add_test(made, zones);
  tcase_add_test(made, what_is_no_address);
  tcase_add_test(made, wildcards);
  tcase_add_test(made, equality);
  tcase_add_test(made, another_family_is_not_tcp);
  tcase_add_test(made, ports);
  tcase_add_test(made, every_port);
}

int main(void) { return peer_main("addr", add); }
