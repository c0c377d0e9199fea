/* SPDX-License-Identifier: MIT
 *
 * check_options.c: the table of options, their values, and what fresh
 * descriptors inherit.
 */
#include "internal.h"
#include "peer.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const booleans[] = {"keepalive",
                                       "reuseaddr",
                                       "reuseport",
                                       "tcp-nodelay",
                                       "tcp-cork",
                                       "tcp-quickack",
                                       "tcp-fastopen-connect",
                                       "ipv6-v6only"};
static const char *const numbers[] = {"tcp-keepidle",     "tcp-keepintvl",
                                      "tcp-defer-accept", "tcp-keepcnt",
                                      "tcp-user-timeout", "tcp-fastopen",
                                      "recv-buffer-size", "send-buffer-size"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static int64_t get(luatcp_socket *socket, const char *option) {
  int64_t value = -77;
  expect(luatcp_get_option(socket, option, &value), LUATCP_OK);
  return value;
}

static luatcp_socket *opened(int family) {
  luatcp_socket *socket = luatcp_new();
  expect(luatcp_open(socket, family), LUATCP_OK);
  return socket;
}

START_TEST(kinds) {
  size_t i;
  for (i = 0; i < COUNT(booleans); i++)
    ck_assert_int_eq(luatcp_option_kind(booleans[i]), LUATCP_OPTION_BOOLEAN);
  for (i = 0; i < COUNT(numbers); i++)
    ck_assert_int_eq(luatcp_option_kind(numbers[i]), LUATCP_OPTION_NUMBER);
  ck_assert_int_eq(luatcp_option_kind("linger"), LUATCP_OPTION_LINGER);
  ck_assert_int_eq(luatcp_option_kind("bindtodevice"), LUATCP_OPTION_STRING);
  ck_assert_int_eq(luatcp_option_kind("error"), LUATCP_OPTION_ERROR);
  expect(luatcp_option_kind("keep-alive"), LUATCP_UNKNOWN_OPTION);
  expect(luatcp_option_kind(""), LUATCP_UNKNOWN_OPTION);
  expect(luatcp_option_kind("keepalive "), LUATCP_UNKNOWN_OPTION);
}
END_TEST

START_TEST(booleans_are_set_and_read) {
  static const char *const sure[] = {"keepalive", "reuseaddr", "tcp-nodelay"};
  int peer;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  size_t i;
  for (i = 0; i < COUNT(sure); i++) {
    expect(luatcp_set_option(socket, sure[i], 1), LUATCP_OK);
    ck_assert_int_eq(get(socket, sure[i]), 1);
    expect(luatcp_set_option(socket, sure[i], 0), LUATCP_OK);
    ck_assert_int_eq(get(socket, sure[i]), 0);
    expect(luatcp_set_option(socket, sure[i], 2), LUATCP_INVALID_ARGUMENT);
    expect(luatcp_set_option(socket, sure[i], -1), LUATCP_INVALID_ARGUMENT);
    ck_assert_int_eq(get(socket, sure[i]), 0);
  }
  luatcp_free(socket);
  close(peer);
}
END_TEST

/* What a system lacks says so; the rest reads back as it was set. */
START_TEST(other_options_work_or_are_missing) {
  luatcp_socket *socket = opened(LUATCP_INET);
  size_t i;
  for (i = 0; i < COUNT(booleans); i++) {
    int status = luatcp_set_option(socket, booleans[i], 1);
    int64_t value;
    if (strcmp(booleans[i], "ipv6-v6only") == 0 ||
        strcmp(booleans[i], "tcp-quickack") == 0)
      continue; /* for another family; not sticky */
    if (status == LUATCP_OK)
      ck_assert_int_eq(get(socket, booleans[i]), 1);
    else {
      ck_assert_int_ne(luatcp_error_number(status), 0);
      status = luatcp_get_option(socket, booleans[i], &value);
      ck_assert(status == LUATCP_OK || luatcp_error_number(status) != 0);
    }
  }
  luatcp_free(socket);
}
END_TEST

START_TEST(numbers_are_set_and_read) {
  static const struct {
    const char *name;
    int64_t value;
  } cases[] = {{"tcp-keepidle", 33},
               {"tcp-keepintvl", 11},
               {"tcp-keepcnt", 4},
               {"tcp-user-timeout", 12345}};
  luatcp_socket *socket = opened(LUATCP_INET);
  size_t i;
  for (i = 0; i < COUNT(cases); i++) {
    int status = luatcp_set_option(socket, cases[i].name, cases[i].value);
    if (status == -ENOPROTOOPT)
      continue;
    expect(status, LUATCP_OK);
    ck_assert_int_eq(get(socket, cases[i].name), cases[i].value);
    expect(luatcp_set_option(socket, cases[i].name, -1),
           LUATCP_INVALID_ARGUMENT);
    expect(luatcp_set_option(socket, cases[i].name, (int64_t)INT_MAX + 1),
           LUATCP_INVALID_ARGUMENT);
    expect(luatcp_set_option(socket, cases[i].name, INT64_MAX),
           LUATCP_INVALID_ARGUMENT);
    expect(luatcp_set_option(socket, cases[i].name, INT64_MIN),
           LUATCP_INVALID_ARGUMENT);
    ck_assert_int_eq(get(socket, cases[i].name), cases[i].value);
  }
  expect(luatcp_set_option(socket, "send-buffer-size", 30000), LUATCP_OK);
  ck_assert_int_ge(get(socket, "send-buffer-size"), 30000);
  luatcp_free(socket);
}
END_TEST

START_TEST(linger_has_seconds_or_is_off) {
  luatcp_socket *socket = opened(LUATCP_INET);
  ck_assert_int_eq(get(socket, "linger"), -1);
  expect(luatcp_set_option(socket, "linger", 0), LUATCP_OK);
  ck_assert_int_eq(get(socket, "linger"), 0);
  expect(luatcp_set_option(socket, "linger", 65536), LUATCP_OK);
  ck_assert_int_eq(get(socket, "linger"), 65536);
  expect(luatcp_set_option(socket, "linger", -2), LUATCP_INVALID_ARGUMENT);
  ck_assert_int_eq(get(socket, "linger"), 65536);
  expect(luatcp_set_option(socket, "linger", -1), LUATCP_OK);
  ck_assert_int_eq(get(socket, "linger"), -1);
  luatcp_free(socket);
}
END_TEST

START_TEST(errors_of_use) {
  luatcp_socket *socket = luatcp_new();
  int64_t value = 5;
  char text[64];
  size_t length = 5;
  expect(luatcp_set_option(socket, "keepalive", 1), LUATCP_NO_FAMILY);
  expect(luatcp_get_option(socket, "keepalive", &value), LUATCP_NO_FAMILY);
  ck_assert_int_eq(value, 0);
  expect(luatcp_set_option(socket, "no such", 1), LUATCP_UNKNOWN_OPTION);
  expect(luatcp_get_option(socket, "no such", &value), LUATCP_UNKNOWN_OPTION);
  expect(luatcp_set_option(socket, "bindtodevice", 1), LUATCP_INVALID_ARGUMENT);
  expect(luatcp_get_option(socket, "bindtodevice", &value),
         LUATCP_INVALID_ARGUMENT);
  expect(luatcp_set_option(socket, "error", 1), LUATCP_INVALID_ARGUMENT);
  expect(luatcp_set_option_string(socket, "keepalive", "x", 1),
         LUATCP_INVALID_ARGUMENT);
  expect(
      luatcp_get_option_string(socket, "keepalive", text, sizeof text, &length),
      LUATCP_INVALID_ARGUMENT);
  ck_assert_uint_eq(length, 0);
  ck_assert_str_eq(text, "");
  expect(luatcp_set_option_string(socket, "no such", "x", 1),
         LUATCP_UNKNOWN_OPTION);
  luatcp_close(socket);
  expect(luatcp_set_option(socket, "keepalive", 1), LUATCP_CLOSED);
  expect(luatcp_get_option(socket, "keepalive", &value), LUATCP_CLOSED);
  expect(luatcp_set_option(socket, "no such", 1), LUATCP_UNKNOWN_OPTION);
  luatcp_free(socket);
}
END_TEST

START_TEST(the_system_refuses) {
  luatcp_socket *socket = opened(LUATCP_INET);
  int status = luatcp_set_option(socket, "tcp-keepidle", 1000000);
  if (status != -ENOPROTOOPT)
    expect(status, -EINVAL);
  ck_assert_int_lt(luatcp_set_option(socket, "ipv6-v6only", 1), 0);
  luatcp_free(socket);
}
END_TEST

START_TEST(device_names) {
  luatcp_socket *socket = opened(LUATCP_INET);
  char text[64];
  size_t length;
  int status = luatcp_get_option_string(socket, "bindtodevice", text,
                                        sizeof text, &length);
  if (status != -ENOPROTOOPT) {
    /* qemu reads it as a number */
    const char *runner = getenv("TEST_RUNNER");
    bool can_be_read = runner == NULL || strstr(runner, "qemu") == NULL;
    if (can_be_read) {
      expect(status, LUATCP_OK);
      ck_assert_uint_eq(length, 0);
      ck_assert_str_eq(text, "");
    }
    ck_assert_int_lt(
        luatcp_set_option_string(socket, "bindtodevice", "nosuchdev0", 10), 0);
    memset(text, 'x', sizeof text);
    expect(luatcp_set_option_string(socket, "bindtodevice", text, sizeof text),
           LUATCP_INVALID_ARGUMENT);
    expect(luatcp_set_option_string(socket, "bindtodevice", "l\0o", 3),
           LUATCP_INVALID_ARGUMENT);
    /* needs a right on older systems */
    if (luatcp_set_option_string(socket, "bindtodevice", "lo", 2) ==
            LUATCP_OK &&
        can_be_read) {
      expect(luatcp_get_option_string(socket, "bindtodevice", text, sizeof text,
                                      &length),
             LUATCP_OK);
      ck_assert_str_eq(text, "lo");
      ck_assert_uint_eq(length, 2);
      expect(luatcp_get_option_string(socket, "bindtodevice", text, 2, &length),
             LUATCP_INVALID_ARGUMENT);
      ck_assert_str_eq(text, "");
      ck_assert_uint_eq(length, 0);
    }
  }
  luatcp_free(socket);
}
END_TEST

START_TEST(v6only_is_on) {
  luatcp_socket *socket;
  if (!peer_has_family(LUATCP_INET6))
    return;
  socket = opened(LUATCP_INET6);
  ck_assert_int_eq(get(socket, "ipv6-v6only"), 1);
  expect(luatcp_set_option(socket, "ipv6-v6only", 0), LUATCP_OK);
  ck_assert_int_eq(get(socket, "ipv6-v6only"), 0);
  luatcp_free(socket);
  socket = luatcp_new();
  expect(luatcp_bind(socket, NULL, "::1", "0"), LUATCP_OK);
  ck_assert_int_eq(get(socket, "ipv6-v6only"), 1);
  luatcp_free(socket);
}
END_TEST

/* A refused connect costs the descriptor; the options come back on the next. */
START_TEST(options_survive_a_failed_connect) {
  luatcp_socket *socket = opened(LUATCP_INET);
  char dead[8], service[8];
  int listener = peer_listen(LUATCP_INET, 4, service), peer;
  peer_dead_port(LUATCP_INET, dead);
  expect(luatcp_set_option(socket, "keepalive", 1), LUATCP_OK);
  expect(luatcp_set_option(socket, "linger", 9), LUATCP_OK);
  expect(luatcp_set_option(socket, "tcp-nodelay", 1), LUATCP_OK);
  expect(luatcp_set_option(socket, "tcp-nodelay", 0), LUATCP_OK);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", dead), -ECONNREFUSED);
  expect(luatcp_set_option(socket, "tcp-nodelay", 1), LUATCP_OK);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", dead), -ECONNREFUSED);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", service), LUATCP_OK);
  ck_assert_int_eq(get(socket, "keepalive"), 1);
  ck_assert_int_eq(get(socket, "linger"), 9);
  ck_assert_int_eq(get(socket, "tcp-nodelay"), 1);
  peer = peer_accept(listener);
  luatcp_free(socket);
  close(peer);
  close(listener);
}
END_TEST

START_TEST(the_error_option) {
  int peer;
  size_t got;
  char byte;
  luatcp_socket *socket = peer_pair(LUATCP_INET, &peer);
  ck_assert_int_eq(get(socket, "error"), 0);
  peer_reset(peer);
  expect(luatcp_recv(socket, NULL, &byte, 1, &got), -ECONNRESET);
  ck_assert_int_eq(get(socket, "error"), -ECONNRESET);
  ck_assert_int_eq(get(socket, "error"), -ECONNRESET);
  luatcp_free(socket);
  /* unread, it is asked of the kernel, and kept */
  socket = peer_pair(LUATCP_INET, &peer);
  peer_reset(peer);
  while (get(socket, "error") == 0)
    ;
  ck_assert_int_eq(get(socket, "error"), -ECONNRESET);
  ck_assert_int_eq(get(socket, "error"), -ECONNRESET);
  luatcp_free(socket);
  socket = luatcp_new();
  ck_assert_int_eq(get(socket, "error"), 0);
  luatcp_free(socket);
}
END_TEST

START_TEST(the_error_of_a_failed_connect) {
  luatcp_socket *socket = luatcp_new();
  char dead[8];
  peer_dead_port(LUATCP_INET, dead);
  expect(luatcp_connect(socket, NULL, "127.0.0.1", dead), -ECONNREFUSED);
  ck_assert_int_eq(get(socket, "error"), -ECONNREFUSED);
  luatcp_free(socket);
}
END_TEST

static void add(Suite *suite) {
  TCase *made = peer_case(suite, "options");
  tcase_add_test(made, kinds);
  tcase_add_test(made, booleans_are_set_and_read);
  tcase_add_test(made, other_options_work_or_are_missing);
  tcase_add_test(made, numbers_are_set_and_read);
  tcase_add_test(made, linger_has_seconds_or_is_off);
  tcase_add_test(made, errors_of_use);
  tcase_add_test(made, the_system_refuses);
  tcase_add_test(made, device_names);
  tcase_add_test(made, v6only_is_on);
  tcase_add_test(made, options_survive_a_failed_connect);
  tcase_add_test(made, the_error_option);
  tcase_add_test(made, the_error_of_a_failed_connect);
}

int main(void) { return peer_main("options", add); }
