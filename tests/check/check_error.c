/* SPDX-License-Identifier: MIT
 *
 * check_error.c: numbers, names and messages of errors.
 */
#include "internal.h"
#include "peer.h"

#include <errno.h>
#include <locale.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static void says(int error, const char *want) {
  char text[LUATCP_MESSAGE_SIZE];
  ck_assert_ptr_eq(luatcp_strerror(error, text, sizeof text), text);
  ck_assert_str_eq(text, want);
}

START_TEST(messages_that_programs_compare) {
  says(LUATCP_TIMEOUT, "timeout");
  says(LUATCP_CLOSED, "closed");
  says(-ETIMEDOUT, "timeout");
  says(-ECONNRESET, "closed");
  says(-EPIPE, "closed");
  says(-ECONNREFUSED, "connection refused");
  says(-EADDRINUSE, "address already in use");
  says(-EISCONN, "already connected");
  says(-EACCES, "permission denied");
  says(-EALREADY, "Operation already in progress");
  says(LUATCP_INVALID_PORT, "invalid port");
}
END_TEST

/* The numbers are the interface: they never change. */
START_TEST(numbers) {
  ck_assert_int_eq(LUATCP_OK, 0);
  ck_assert_int_eq(LUATCP_MORE, 1);
  ck_assert_int_eq(LUATCP_TIMEOUT, -5001);
  ck_assert_int_eq(LUATCP_CLOSED, -5002);
  ck_assert_int_eq(LUATCP_NO_FAMILY, -5003);
  ck_assert_int_eq(LUATCP_WRONG_STATE, -5004);
  ck_assert_int_eq(LUATCP_UNKNOWN_OPTION, -5005);
  ck_assert_int_eq(LUATCP_INVALID_PORT, -5006);
  ck_assert_int_eq(LUATCP_INVALID_ARGUMENT, -5007);
  ck_assert_int_eq(LUATCP_NOT_TCP, -5008);
  ck_assert_int_eq(LUATCP_LOOKUP_AGAIN, -6001);
  ck_assert_int_eq(LUATCP_LOOKUP_NO_NAME, -6005);
  ck_assert_int_eq(LUATCP_LOOKUP_SOCKTYPE, -6008);
}
END_TEST

#define ROW(symbol, number, message) {symbol, #symbol, message},
static const struct {
  int error;
  const char *name, *message;
} rows[] = {LUATCP_ERRORS(ROW)};

START_TEST(every_error_has_name_and_message) {
  size_t i, j;
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    says(rows[i].error, rows[i].message);
    ck_assert_str_eq(luatcp_error_name(rows[i].error), rows[i].name);
    ck_assert_int_eq(luatcp_error_number(rows[i].error), 0);
    ck_assert_int_gt(rows[i].error, LUATCP_ERROR_LAST);
    ck_assert_uint_lt(strlen(rows[i].message), LUATCP_MESSAGE_SIZE);
    for (j = 0; j < i; j++)
      ck_assert_int_ne(rows[i].error, rows[j].error);
  }
}
END_TEST

START_TEST(errors_of_the_system) {
  char text[LUATCP_MESSAGE_SIZE];
  int number;
  ck_assert_str_eq(luatcp_error_name(-ECONNREFUSED), "ECONNREFUSED");
  ck_assert_str_eq(luatcp_error_name(-EINTR), "EINTR");
  ck_assert_str_eq(luatcp_error_name(-EMFILE), "EMFILE");
  ck_assert_str_eq(luatcp_error_name(LUATCP_OK), "LUATCP_OK");
  ck_assert_str_eq(luatcp_error_name(LUATCP_MORE), "LUATCP_MORE");
  says(LUATCP_MORE, "more to come");
  ck_assert_str_eq(luatcp_error_name(-4000), "");
  ck_assert_str_eq(luatcp_error_name(ECONNREFUSED), "");
  ck_assert_str_eq(luatcp_error_name(-123456789), "");
  says(-ENOTCONN, strerror(ENOTCONN));
  says(-EMFILE, strerror(EMFILE));
  for (number = 1; number < 4096; number++) {
    ck_assert_int_eq(luatcp_error_number(-number), number);
    luatcp_strerror(-number, text, sizeof text);
    ck_assert_uint_gt(strlen(text), 0);
    ck_assert_uint_lt(strlen(text), sizeof text);
  }
  ck_assert_int_eq(luatcp_error_number(0), 0);
  ck_assert_int_eq(luatcp_error_number(1), 0);
  ck_assert_int_eq(luatcp_error_number(-5001), 0);
  ck_assert_int_eq(luatcp_error_number(INT32_MIN), 0);
}
END_TEST

START_TEST(messages_do_not_follow_the_locale) {
  char before[LUATCP_MESSAGE_SIZE], after[LUATCP_MESSAGE_SIZE];
  static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8",
                                        ""};
  size_t i;
  luatcp_strerror(-ENOTCONN, before, sizeof before);
  for (i = 0; i < sizeof locales / sizeof locales[0]; i++) {
    (void)setlocale(LC_ALL, locales[i]);
    luatcp_strerror(-ENOTCONN, after, sizeof after);
    ck_assert_str_eq(after, before);
  }
}
END_TEST

START_TEST(small_buffers_are_cut_and_ended) {
  char text[8];
  size_t size;
  for (size = 1; size <= sizeof text; size++) {
    memset(text, 'x', sizeof text);
    ck_assert_ptr_eq(luatcp_strerror(-ECONNREFUSED, text, size), text);
    ck_assert_uint_eq(strlen(text), size - 1);
    ck_assert_int_eq(strncmp(text, "connection refused", size - 1), 0);
  }
  text[0] = 'x';
  luatcp_strerror(-ECONNREFUSED, text, 0);
  ck_assert_int_eq(text[0], 'x');
  luatcp_strerror(-999999, text, sizeof text);
  ck_assert_uint_lt(strlen(text), sizeof text);
  luatcp_strerror(42, text, sizeof text);
  ck_assert_uint_lt(strlen(text), sizeof text);
}
END_TEST

START_TEST(errors_of_the_resolver) {
  expect(luatcp__lookup_error(0, 0), LUATCP_OK);
  expect(luatcp__lookup_error(EAI_AGAIN, 0), LUATCP_LOOKUP_AGAIN);
  expect(luatcp__lookup_error(EAI_BADFLAGS, 0), LUATCP_LOOKUP_FLAGS);
  expect(luatcp__lookup_error(EAI_FAIL, 0), LUATCP_LOOKUP_FAILED);
  expect(luatcp__lookup_error(EAI_FAMILY, 0), LUATCP_LOOKUP_FAMILY);
  expect(luatcp__lookup_error(EAI_MEMORY, 0), -ENOMEM);
  expect(luatcp__lookup_error(EAI_NONAME, 0), LUATCP_LOOKUP_NO_NAME);
  expect(luatcp__lookup_error(EAI_SERVICE, 0), LUATCP_LOOKUP_SERVICE);
  expect(luatcp__lookup_error(EAI_SOCKTYPE, 0), LUATCP_LOOKUP_SOCKTYPE);
  expect(luatcp__lookup_error(EAI_SYSTEM, EMFILE), -EMFILE);
  expect(luatcp__lookup_error(EAI_SYSTEM, 0), LUATCP_LOOKUP_FAILED);
#ifdef EAI_OVERFLOW
  expect(luatcp__lookup_error(EAI_OVERFLOW, 0), LUATCP_LOOKUP_OVERFLOW);
#endif
  ck_assert_int_lt(luatcp__lookup_error(-12345, 0), 0);
}
END_TEST

START_TEST(version) {
  char text[32];
  snprintf(text, sizeof text, "%d.%d.%d", LUATCP_VERSION_MAJOR,
           LUATCP_VERSION_MINOR, LUATCP_VERSION_PATCH);
  ck_assert_str_eq(LUATCP_VERSION, text);
  ck_assert_str_eq(luatcp_version(), LUATCP_VERSION);
}
END_TEST

START_TEST(features) {
  int ipv6 = luatcp_has_feature("ipv6");
  int threads = luatcp_has_feature("threads");
  ck_assert(ipv6 == 0 || ipv6 == 1);
  ck_assert(threads == 0 || threads == 1);
  ck_assert_int_eq(threads, luatcp__job_has_threads());
  /* one of them, or poll */
  ck_assert_int_le(luatcp_has_feature("epoll") + luatcp_has_feature("kqueue"),
                   1);
  ck_assert_int_eq(luatcp_has_feature("no such thing"), 0);
  ck_assert_int_eq(luatcp_has_feature(""), 0);
}
END_TEST

static void add(Suite *suite) {
  TCase *made = peer_case(suite, "error");
  tcase_add_test(made, messages_that_programs_compare);
  tcase_add_test(made, numbers);
  tcase_add_test(made, every_error_has_name_and_message);
  tcase_add_test(made, errors_of_the_system);
  tcase_add_test(made, messages_do_not_follow_the_locale);
  tcase_add_test(made, small_buffers_are_cut_and_ended);
  tcase_add_test(made, errors_of_the_resolver);
  tcase_add_test(made, version);
  tcase_add_test(made, features);
}

int main(void) { return peer_main("error", add); }
