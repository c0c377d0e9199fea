/* SPDX-License-Identifier: MIT
 *
 * check_resolve.c: lookups, forward and reverse, their deadlines and what
 * becomes of abandoned ones.  Needs no name server: localhost is in a file.
 */
#include "internal.h"
#include "peer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void one_address(const char *host, const char *service, int family,
                        const char *address, int port) {
  luatcp_addresses *list;
  luatcp_name name;
  expect(luatcp_lookup(NULL, host, service, family, &list), LUATCP_OK);
  ck_assert_uint_eq(luatcp_addresses_count(list), 1);
  expect(luatcp_addresses_get(list, 0, &name), LUATCP_OK);
  ck_assert_str_eq(name.address, address);
  ck_assert_int_eq(name.port, port);
  expect(luatcp_addresses_get(list, 1, &name), LUATCP_INVALID_ARGUMENT);
  ck_assert_str_eq(name.address, "");
  expect(luatcp_addresses_get(list, (size_t)-1, &name),
         LUATCP_INVALID_ARGUMENT);
  ck_assert_ptr_nonnull(luatcp_addresses_canonical_name(list));
  luatcp_addresses_free(list);
}

START_TEST(numeric) {
  one_address("127.0.0.1", NULL, LUATCP_UNSPEC, "127.0.0.1", 0);
  one_address("127.0.0.1", "0", LUATCP_INET, "127.0.0.1", 0);
  one_address("127.0.0.1", "65535", LUATCP_INET, "127.0.0.1", 65535);
  if (luatcp_has_feature("ipv6")) {
    one_address("::1", "80", LUATCP_UNSPEC, "::1", 80);
    one_address("::1", "80", LUATCP_INET6, "::1", 80);
  }
  luatcp_addresses_free(NULL);
}
END_TEST

START_TEST(failures) {
  luatcp_addresses *list = (luatcp_addresses *)&list;
  ck_assert_int_lt(luatcp_lookup(NULL, "127.0.0.1", NULL, LUATCP_INET6, &list),
                   0);
  ck_assert_ptr_null(list);
  expect(luatcp_lookup(NULL, "127.0.0.1", "65536", LUATCP_UNSPEC, &list),
         LUATCP_INVALID_PORT);
  ck_assert_ptr_null(list);
  expect(luatcp_lookup(NULL, "localhost", "65536", LUATCP_UNSPEC, &list),
         LUATCP_INVALID_PORT);
  ck_assert_int_lt(luatcp_lookup(NULL, "", NULL, LUATCP_UNSPEC, &list), 0);
  ck_assert_int_lt(luatcp_lookup(NULL, "*", NULL, LUATCP_UNSPEC, &list), 0);
  ck_assert_int_lt(
      luatcp_lookup(NULL, "no.such.name.invalid", NULL, LUATCP_UNSPEC, &list),
      0);
  ck_assert_ptr_null(list);
  ck_assert_int_lt(
      luatcp_lookup(NULL, "127.0.0.1", "no-such-service", LUATCP_UNSPEC, &list),
      0);
  ck_assert_ptr_null(list);
  expect(luatcp_lookup(NULL, "127.0.0.1", NULL, 9, &list),
         LUATCP_INVALID_ARGUMENT);
  ck_assert_ptr_null(list);
}
END_TEST

START_TEST(localhost) {
  luatcp_addresses *list;
  luatcp_name name;
  size_t i, j;
  luatcp_deadline deadline;
  /* once by this thread, once by a helper */
  if (_i == 0)
    luatcp_deadline_after(&deadline, -1);
  else
    luatcp_deadline_after(&deadline, 30);
  expect(luatcp_lookup(&deadline, "localhost", "80", LUATCP_UNSPEC, &list),
         LUATCP_OK);
  ck_assert_uint_ge(luatcp_addresses_count(list), 1);
  for (i = 0; i < luatcp_addresses_count(list); i++) {
    expect(luatcp_addresses_get(list, i, &name), LUATCP_OK);
    ck_assert_int_eq(name.port, 80);
    ck_assert(strcmp(name.address, "127.0.0.1") == 0 ||
              strcmp(name.address, "::1") == 0);
    for (j = 0; j < i; j++) {
      luatcp_name other;
      expect(luatcp_addresses_get(list, j, &other), LUATCP_OK);
      ck_assert(strcmp(other.address, name.address) != 0);
    }
  }
  ck_assert_ptr_nonnull(luatcp_addresses_canonical_name(list));
  luatcp_addresses_free(list);
  expect(luatcp_lookup(&deadline, "localhost", NULL, LUATCP_INET, &list),
         LUATCP_OK);
  expect(luatcp_addresses_get(list, 0, &name), LUATCP_OK);
  ck_assert_str_eq(name.address, "127.0.0.1");
  luatcp_addresses_free(list);
}
END_TEST

START_TEST(no_time_at_all) {
  luatcp_addresses *list;
  luatcp_deadline deadline;
  int i, status;
  luatcp_deadline_after(&deadline, 0);
  /* numeric ones need none */
  expect(luatcp_lookup(&deadline, "127.0.0.1", "80", LUATCP_UNSPEC, &list),
         LUATCP_OK);
  luatcp_addresses_free(list);
  for (i = 0; i < 20; i++) {
    luatcp_deadline_after(&deadline, 0);
    status = luatcp_lookup(&deadline, "localhost", NULL, LUATCP_UNSPEC, &list);
    ck_assert(status == LUATCP_OK || status == LUATCP_TIMEOUT ||
              status == LUATCP_LOOKUP_AGAIN);
    ck_assert((status == LUATCP_OK) == (list != NULL));
    luatcp_addresses_free(list);
  }
}
END_TEST

START_TEST(reverse) {
  luatcp_name name = {"127.0.0.1", 0, LUATCP_INET};
  char host[LUATCP_HOST_SIZE], service[LUATCP_SERVICE_SIZE], tiny[2];
  luatcp_deadline deadline;
  luatcp_deadline_after(&deadline, _i == 0 ? -1 : 30);
  expect(luatcp_reverse_lookup(&deadline, &name, host, sizeof host, service,
                               sizeof service),
         LUATCP_OK);
  ck_assert_uint_gt(strlen(host), 0);
  expect(luatcp_reverse_lookup(&deadline, &name, host, sizeof host, NULL, 0),
         LUATCP_OK);
  expect(luatcp_reverse_lookup(&deadline, &name, NULL, 0, NULL, 0), LUATCP_OK);
  expect(luatcp_reverse_lookup(&deadline, &name, tiny, sizeof tiny, NULL, 0),
         LUATCP_LOOKUP_OVERFLOW);
  name.port = 65536;
  expect(luatcp_reverse_lookup(&deadline, &name, host, sizeof host, NULL, 0),
         LUATCP_INVALID_PORT);
  name.port = -1;
  expect(luatcp_reverse_lookup(&deadline, &name, host, sizeof host, NULL, 0),
         LUATCP_INVALID_PORT);
  name.port = 54321; /* nobody's: its number is its name */
  expect(
      luatcp_reverse_lookup(&deadline, &name, NULL, 0, service, sizeof service),
      LUATCP_OK);
  ck_assert_str_eq(service, "54321");
  strcpy(name.address, "not numeric");
  ck_assert_int_lt(
      luatcp_reverse_lookup(&deadline, &name, host, sizeof host, NULL, 0), 0);
  ck_assert_str_eq(host, "");
}
END_TEST

START_TEST(host_name) {
  char name[LUATCP_HOST_SIZE], want[LUATCP_HOST_SIZE] = "";
  expect(luatcp_host_name(name, sizeof name), LUATCP_OK);
  ck_assert_int_eq(gethostname(want, sizeof want - 1), 0);
  ck_assert_str_eq(name, want);
  ck_assert_int_lt(luatcp_host_name(name, 0), 0);
  memset(name, 'x', sizeof name);
  (void)!luatcp_host_name(name, 2);
  ck_assert_uint_lt(strlen(name), 2);
}
END_TEST

START_TEST(lookups_are_interrupted_by_nothing) {
  luatcp_addresses *list;
  luatcp_deadline deadline;
  int i;
  peer_alarm_start(1, _i != 0);
  for (i = 0; i < 200; i++) {
    luatcp_deadline_after(&deadline, 30);
    expect(luatcp_lookup(&deadline, "localhost", NULL, LUATCP_INET, &list),
           LUATCP_OK);
    luatcp_addresses_free(list);
  }
  peer_alarm_stop();
}
END_TEST

START_TEST(steps_by_hand) {
  struct luatcp__lookup *lookup;
  luatcp_addresses *list = NULL;
  int status, turns = 0;
  expect(luatcp__lookup_start("localhost", "80", LUATCP_INET, 0, &lookup),
         LUATCP_OK);
  while ((status = luatcp__lookup_finish(lookup, &list)) == -EINPROGRESS &&
         turns++ < 1000) {
    int fd = luatcp__lookup_descriptor(lookup);
    luatcp_deadline deadline;
    luatcp_deadline_after(&deadline, 10);
    ck_assert_int_ge(fd, 0);
    expect(luatcp__wait_one(fd, POLLIN, &deadline), LUATCP_OK);
  }
  expect(status, LUATCP_OK);
  ck_assert_uint_eq(luatcp_addresses_count(list), 1);
  luatcp_addresses_free(list);
}
END_TEST

START_TEST(abandoned_lookups) {
  int i, status;
  for (i = 0; i < 100; i++) {
    struct luatcp__lookup *lookup;
    status = luatcp__lookup_start("localhost", NULL, LUATCP_UNSPEC, 0, &lookup);
    ck_assert(status == LUATCP_OK || status == LUATCP_LOOKUP_AGAIN);
    if (status == LUATCP_OK)
      luatcp__lookup_abandon(lookup);
  }
}
END_TEST

/* A forked child has no worker: it must neither hang nor crash. */
START_TEST(forked_in_the_middle) {
  struct luatcp__lookup *lookup;
  luatcp_addresses *list;
  pid_t child;
  int status = 0;
  expect(luatcp__lookup_start("localhost", NULL, LUATCP_INET, 0, &lookup),
         LUATCP_OK);
  child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    luatcp_deadline deadline;
    alarm(20);
    luatcp__lookup_abandon(lookup);
    luatcp_deadline_after(&deadline, 10);
    status = luatcp_lookup(&deadline, "127.0.0.1", NULL, LUATCP_INET, &list);
    _exit(status == LUATCP_OK ? 0 : 1);
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
  luatcp__lookup_abandon(lookup);
}
END_TEST

static void *look_up(void *argument) {
  int i, *failed = argument;
  for (i = 0; i < 50; i++) {
    luatcp_addresses *list;
    luatcp_deadline deadline;
    luatcp_deadline_after(&deadline, 30);
    if (luatcp_lookup(&deadline, "localhost", "80", LUATCP_INET, &list) !=
            LUATCP_OK ||
        luatcp_addresses_count(list) != 1)
      ++*failed;
    else
      luatcp_addresses_free(list);
  }
  return NULL;
}

START_TEST(several_threads) {
  enum { THREADS = 4 };
  pthread_t threads[THREADS];
  int failed[THREADS] = {0}, i;
  for (i = 0; i < THREADS; i++)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, look_up, &failed[i]), 0);
  for (i = 0; i < THREADS; i++) {
    ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(failed[i], 0);
  }
}
END_TEST

static void add(Suite *suite) {
  TCase *made = peer_case(suite, "resolve");
  tcase_add_test(made, numeric);
  tcase_add_test(made, failures);
  tcase_add_loop_test(made, localhost, 0, 2);
  tcase_add_test(made, no_time_at_all);
  tcase_add_loop_test(made, reverse, 0, 2);
  tcase_add_test(made, host_name);
  tcase_add_loop_test(made, lookups_are_interrupted_by_nothing, 0, 2);
  tcase_add_test(made, steps_by_hand);
  tcase_add_test(made, abandoned_lookups);
  tcase_add_test(made, forked_in_the_middle);
  tcase_add_test(made, several_threads);
}

int main(void) { return peer_main("resolve", add); }
