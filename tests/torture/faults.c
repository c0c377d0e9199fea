/* SPDX-License-Identifier: MIT
 *
 * faults.c: see faults.h.  Each __wrap_ function is called in place of the
 * system's; __real_ is the linker's name for that one.
 */
#include "config.h"

#include "../sanitizer.h"
#include "faults.h"

#include "luatcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* glibc where it has two sizes of time, told to take the larger one. */
#if defined __USE_TIME64_REDIRECTS ||                                          \
    (defined __USE_TIME_BITS64 && defined __TIMESIZE && __TIMESIZE == 32)
#define OTHER_NAMES 1
#endif

/* ---- The ways to fail -------------------------------------------------- */

#define SYSTEM(error)                                                          \
  { (error), -(error) }
/* The library goes on by itself: no call may end with it. */
#define HIDDEN(error)                                                          \
  { (error), LUATCP_OK }

/* Calls that wait for all are cut short by signals alone. */
#define CUT(how)                                                               \
  { (how), -EINTR }

/* What the manual pages of Linux say, and what security modules do to all. */
static const struct fault ways_socket[] = {
    SYSTEM(EMFILE), SYSTEM(ENFILE), SYSTEM(ENOBUFS),     SYSTEM(ENOMEM),
    SYSTEM(EACCES), SYSTEM(EPERM),  SYSTEM(EAFNOSUPPORT)};
static const struct fault ways_bind[] = {SYSTEM(EADDRINUSE), SYSTEM(EACCES),
                                         SYSTEM(EADDRNOTAVAIL), SYSTEM(ENOBUFS),
                                         SYSTEM(ENOMEM)};
static const struct fault ways_listen[] = {SYSTEM(EADDRINUSE), SYSTEM(EACCES),
                                           SYSTEM(ENOBUFS)};
static const struct fault ways_accept4[] = {
    SYSTEM(EINTR),       HIDDEN(EAGAIN),      SYSTEM(EMFILE),
    SYSTEM(ENFILE),      SYSTEM(ENOBUFS),     SYSTEM(ENOMEM),
    SYSTEM(EPERM),       SYSTEM(ETIMEDOUT),   HIDDEN(ECONNABORTED),
    HIDDEN(EPROTO),      HIDDEN(ENETDOWN),    HIDDEN(EHOSTUNREACH),
    SYSTEM(ECONNRESET),  HIDDEN(ENOPROTOOPT), HIDDEN(EOPNOTSUPP),
    HIDDEN(ENETUNREACH),
#ifdef EHOSTDOWN
    HIDDEN(EHOSTDOWN),
#endif
#ifdef ENONET
    HIDDEN(ENONET),
#endif
};
static const struct fault ways_connect[] = {
    SYSTEM(EINTR),         SYSTEM(ECONNREFUSED), SYSTEM(ENETUNREACH),
    SYSTEM(ETIMEDOUT),     SYSTEM(ECONNRESET),   SYSTEM(ECONNABORTED),
    SYSTEM(EADDRNOTAVAIL), SYSTEM(EADDRINUSE),   SYSTEM(EAGAIN),
    SYSTEM(ENOBUFS),       SYSTEM(ENOMEM),       SYSTEM(EPERM),
    SYSTEM(EHOSTUNREACH),  SYSTEM(ENETDOWN)};
/* What getsockopt gives as the value of that option. */
static const struct fault ways_SO_ERROR[] = {
    SYSTEM(ECONNREFUSED), SYSTEM(ETIMEDOUT), SYSTEM(EHOSTUNREACH),
    SYSTEM(ENETUNREACH), SYSTEM(ECONNRESET)};
static const struct fault ways_shutdown[] = {HIDDEN(ENOTCONN), SYSTEM(ENOBUFS)};
static const struct fault ways_getsockname[] = {SYSTEM(ENOBUFS),
                                                SYSTEM(EACCES)};
static const struct fault ways_getpeername[] = {
    SYSTEM(ENOTCONN), SYSTEM(ENOBUFS), SYSTEM(EACCES)};
static const struct fault ways_recv[] = {
    CUT(FAULT_SHORT),     CUT(FAULT_HALF),      SYSTEM(EINTR),
    HIDDEN(EAGAIN),       SYSTEM(ECONNRESET),   SYSTEM(ETIMEDOUT),
    SYSTEM(ENOBUFS),      SYSTEM(ENOMEM),       SYSTEM(EPIPE),
    SYSTEM(ECONNABORTED), SYSTEM(EHOSTUNREACH), SYSTEM(ENETDOWN)};
static const struct fault ways_send[] = {
    CUT(FAULT_SHORT),     CUT(FAULT_HALF),      SYSTEM(EINTR),
    HIDDEN(EAGAIN),       SYSTEM(ECONNRESET),   SYSTEM(EPIPE),
    SYSTEM(ENOBUFS),      SYSTEM(ENOMEM),       SYSTEM(ETIMEDOUT),
    SYSTEM(ECONNABORTED), SYSTEM(EHOSTUNREACH), SYSTEM(ENETDOWN)};
static const struct fault ways_setsockopt[] = {
    SYSTEM(ENOBUFS), SYSTEM(ENOMEM), SYSTEM(EACCES), SYSTEM(ENOPROTOOPT),
    SYSTEM(EINVAL)};
static const struct fault ways_getsockopt[] = {SYSTEM(ENOBUFS), SYSTEM(EACCES),
                                               SYSTEM(ENOPROTOOPT)};
static const struct fault ways_fcntl[] = {SYSTEM(EACCES), SYSTEM(ENOMEM)};
/* EINVAL: more entries than the process may have descriptors. */
static const struct fault ways_poll[] = {SYSTEM(EINTR), SYSTEM(ENOMEM),
                                         SYSTEM(EAGAIN), SYSTEM(EINVAL)};
/* Closed it is all the same. */
static const struct fault ways_close[] = {HIDDEN(EINTR), HIDDEN(EIO)};
static const struct fault ways_dup3[] = {HIDDEN(EINTR), SYSTEM(EMFILE),
                                         SYSTEM(EBUSY)};
static const struct fault ways_eventfd[] = {SYSTEM(EMFILE), SYSTEM(ENFILE),
                                            SYSTEM(ENOMEM)};
static const struct fault ways_write[] = {HIDDEN(EINTR)};
static const struct fault ways_epoll_create1[] = {
    SYSTEM(EMFILE), SYSTEM(ENFILE), SYSTEM(ENOMEM)};
static const struct fault ways_epoll_ctl[] = {SYSTEM(ENOMEM), SYSTEM(ENOSPC)};
static const struct fault ways_epoll_wait[] = {SYSTEM(EINTR)};
static const struct fault ways_nanosleep[] = {SYSTEM(EINTR)};
static const struct fault ways_getaddrinfo[] = {
    {EAI_AGAIN, LUATCP_LOOKUP_AGAIN},
    {EAI_FAIL, LUATCP_LOOKUP_FAILED},
    {EAI_MEMORY, -ENOMEM},
    {EAI_SYSTEM, -EMFILE},
    {EAI_NONAME, LUATCP_LOOKUP_NO_NAME},
    {EAI_FAMILY, LUATCP_LOOKUP_FAMILY},
    {EAI_BADFLAGS, LUATCP_LOOKUP_FLAGS},
    {EAI_SERVICE, LUATCP_INVALID_PORT},
    {EAI_SOCKTYPE, LUATCP_LOOKUP_SOCKTYPE}};
static const struct fault ways_getnameinfo[] = {
    {EAI_AGAIN, LUATCP_LOOKUP_AGAIN},
    {EAI_FAIL, LUATCP_LOOKUP_FAILED},
    {EAI_MEMORY, -ENOMEM},
    {EAI_SYSTEM, -EMFILE},
    {EAI_NONAME, LUATCP_LOOKUP_NO_NAME},
    {EAI_FAMILY, LUATCP_LOOKUP_FAMILY},
    {EAI_OVERFLOW, LUATCP_LOOKUP_OVERFLOW}};
static const struct fault ways_gethostname[] = {
    {ENAMETOOLONG, LUATCP_LOOKUP_OVERFLOW}, SYSTEM(EPERM)};
/* The message says a number instead; the lookup is done by the caller. */
static const struct fault ways_newlocale[] = {HIDDEN(ENOMEM)};
static const struct fault ways_pthread_create[] = {HIDDEN(EAGAIN),
                                                   HIDDEN(EPERM)};
static const struct fault ways_memory[] = {SYSTEM(ENOMEM)};

static const struct {
  const char *name;
  const struct fault *ways;
  size_t count;
} calls[] = {
#define CALL(name)                                                             \
  {#name, ways_##name, sizeof ways_##name / sizeof ways_##name[0]},
    FAULT_CALLS(CALL)
#undef CALL
        {"SO_ERROR", ways_SO_ERROR,
         sizeof ways_SO_ERROR / sizeof ways_SO_ERROR[0]},
    {"malloc", ways_memory, 1},
    {"Lua's allocator", ways_memory, 1}};

const char *fault_name(enum fault_call call) { return calls[call].name; }

size_t fault_ways(enum fault_call call, const struct fault **ways) {
  *ways = calls[call].ways;
  return calls[call].count;
}

/* ---- What need not be told ----------------------------------------------- */

/* clang-format off */
#define NEXT "the next address is tried"
#define MORE "the rest is asked for"
#define SLOW "poll waits instead"
static const struct fault_untold everywhere[] = {
  {FAULT_accept4, FAULT_ANY, FAULT_HIDDEN, NULL, "the next one may be well"},
  {FAULT_recv, FAULT_ANY, EAGAIN, NULL, "it is waited for"},
  {FAULT_send, FAULT_ANY, EAGAIN, NULL, "it is waited for"},
  {FAULT_recv, FAULT_PART, FAULT_SHORT, NULL, MORE},
  {FAULT_recv, FAULT_PART, FAULT_HALF, NULL, MORE},
  {FAULT_send, FAULT_PART, FAULT_SHORT, NULL, MORE},
  {FAULT_send, FAULT_PART, FAULT_HALF, NULL, MORE},
  {FAULT_close, FAULT_ANY, FAULT_HIDDEN, NULL, "closed it is all the same"},
  {FAULT_dup3, FAULT_ANY, EINTR, NULL, "it is done again"},
  {FAULT_write, FAULT_ANY, EINTR, NULL, "it is done again"},
  {FAULT_shutdown, FAULT_ANY, ENOTCONN, NULL, "the peer was faster"},
  {FAULT_newlocale, FAULT_ANY, FAULT_HIDDEN, NULL, "a number is the message"},
  {FAULT_pthread_create, FAULT_ANY, FAULT_HIDDEN, NULL, "the caller looks up"},
  {FAULT_poll, FAULT_ANY, EINVAL, NULL, "it is asked with fewer entries"},
  {FAULT_poll, FAULT_LOOKS, FAULT_ANY, NULL, "the next step looks again"},
  {FAULT_connect, FAULT_LAST, EINTR, NULL, "it goes on"},
  {FAULT_connect, FAULT_REFUSING | FAULT_WAITS, EINTR, NULL, "it was over"},
  {FAULT_connect, FAULT_REFUSING, FAULT_ANY, NULL, NEXT},
  {FAULT_connect, FAULT_SILENT, FAULT_ANY, NULL, NEXT},
  {FAULT_SO_ERROR, FAULT_REFUSING, FAULT_ANY, NULL, NEXT},
  {FAULT_SO_ERROR, FAULT_SILENT, FAULT_ANY, NULL, NEXT},
  {FAULT_getsockopt, FAULT_REFUSING, FAULT_ANY, NULL, NEXT},
  {FAULT_getsockopt, FAULT_SILENT, FAULT_ANY, NULL, NEXT},
  {FAULT_getsockopt, FAULT_OPTION(SOL_SOCKET, SO_ACCEPTCONN), ENOPROTOOPT, NULL,
   "whether there is a peer says it too"},
  {FAULT_setsockopt, FAULT_OPTION(SOL_SOCKET, SO_RCVTIMEO), FAULT_ANY, NULL,
   SLOW},
  {FAULT_setsockopt, FAULT_OPTION(SOL_SOCKET, SO_SNDTIMEO), FAULT_ANY, NULL,
   SLOW},
  {FAULT_setsockopt, FAULT_OPTION(IPPROTO_IPV6, IPV6_V6ONLY), ENOPROTOOPT, NULL,
   "a system without it has nothing to switch off"},
};
/* clang-format on */

/* The program's own. */
static const struct fault_untold *declared;
static size_t declared_count;

void fault_declare(const struct fault_untold *rows, size_t count) {
  declared = rows;
  declared_count = count;
}

/* ---- The plan ----------------------------------------------------------- */

/* Lookups run on threads of the library, so all of this may be shared. */
static struct fault_plan plan = {.call = FAULT_NOTHING};
static atomic_bool armed, hit;
static atomic_ulong counts[FAULT_POINTS];
/* What the calls were about that the fault has struck; a row of strikes may
 * have several, and the first ones are enough to judge it by. */
#define SUBJECTS 32
static atomic_ulong subjects[SUBJECTS];
static atomic_int subject_count;
/* How often the fault has come out of a call, and how often it may: a thread
 * that was struck has one error to tell, since nothing fails after that. */
static int told;
static atomic_int tellable;
static atomic_ulong round_number;
static _Thread_local unsigned long struck_in_round;
static pthread_t own_thread; /* the scenario's */

void fault_arm(const struct fault_plan *wanted) {
  int i;
  plan = *wanted;
  own_thread = pthread_self();
  told = 0;
  atomic_store(&tellable, 0);
  atomic_store(&subject_count, 0);
  atomic_fetch_add(&round_number, 1);
  atomic_store(&hit, false);
  for (i = 0; i < FAULT_POINTS; i++)
    atomic_store(&counts[i], 0);
  atomic_store(&armed, true);
}

void fault_disarm(void) { atomic_store(&armed, false); }

bool fault_pause(void) { return atomic_exchange(&armed, false); }

void fault_resume(bool paused) { atomic_store(&armed, paused); }

const struct fault_plan *fault_current(void) { return &plan; }

bool fault_has_hit(void) { return atomic_load(&hit); }

unsigned long fault_count(enum fault_call call) {
  return atomic_load(&counts[call]);
}

static void note_strike(unsigned long subject) {
  unsigned long current = atomic_load(&round_number);
  int place;
  if (struck_in_round != current)
    atomic_fetch_add(&tellable, 1);
  struck_in_round = current;
  place = atomic_fetch_add(&subject_count, 1);
  if (place < SUBJECTS)
    atomic_store(&subjects[place], subject);
  atomic_store(&hit, true);
}

/* Subject: what the call is about, for the table of what is not told. */
static bool strikes_about(enum fault_call call, unsigned long subject) {
  unsigned long number;
  if (!atomic_load(&armed))
    return false;
  number = atomic_fetch_add(&counts[call], 1) + 1;
  if (call != plan.call || number < plan.at || number - plan.at >= plan.count)
    return false;
  note_strike(subject);
  return true;
}

bool fault_strikes(enum fault_call call) {
  return strikes_about(call, plan.count == 1 ? FAULT_ONCE : 0);
}

/* Sets errno when the call is to fail outright. */
static bool fails_about(enum fault_call call, unsigned long subject) {
  if (!strikes_about(call, subject))
    return false;
  errno = plan.fault.error;
  return true;
}

static bool fails(enum fault_call call) { return fails_about(call, 0); }

/* ---- The parent's view --------------------------------------------------- */

/* In memory that both processes have. */
struct report {
  unsigned long counts[FAULT_POINTS];
  bool hit;
  bool done;
  char message[1024];
};

static struct report *report;

void fault_flunk(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  if (report != NULL)
    (void)vsnprintf(report->message, sizeof report->message, format, arguments);
  else {
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
  }
  va_end(arguments);
  _exit(1);
}

static bool may_be_told(void) { return told < atomic_load(&tellable); }

bool fault_excuses(void) {
  if (!may_be_told())
    return false;
  fault_disarm();
  told++;
  return true;
}

bool fault_answer(int got, int wanted, const char *text, int line) {
  char message[LUATCP_MESSAGE_SIZE];
  if (got == wanted) {
    /* what is wanted may be the very error of the fault */
    if (got != LUATCP_OK && got == plan.fault.status && may_be_told())
      told++;
    return true;
  }
  fault_disarm();
  luatcp_strerror(got, message, sizeof message);
  if (!fault_has_hit())
    fault_flunk("line %d: %s gives %d (%s), and nothing was made to fail", line,
                text, got, message);
  if (!may_be_told())
    fault_flunk("line %d: %s gives %d (%s), but the fault was told before",
                line, text, got, message);
  if (got != plan.fault.status)
    fault_flunk("line %d: %s gives %d (%s), want %d or %d", line, text, got,
                message, wanted, plan.fault.status);
  told++;
  return false;
}

/* ---- Memory ------------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static atomic_ulong blocks;

unsigned long fault_blocks(void) { return atomic_load(&blocks); }

static void *count_block(void *block) {
  if (block != NULL)
    atomic_fetch_add(&blocks, 1);
  return block;
}

void *__wrap_malloc(size_t size) {
  return fails_about(FAULT_MEMORY, size) ? NULL
                                         : count_block(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size) {
  return fails_about(FAULT_MEMORY, count * size)
             ? NULL
             : count_block(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size) {
  void *moved;
  if (fails_about(FAULT_MEMORY, size))
    return NULL;
  moved = __real_realloc(block, size);
  return block == NULL ? count_block(moved) : moved;
}

void __wrap_free(void *block) {
  if (block != NULL)
    atomic_fetch_sub(&blocks, 1);
  __real_free(block);
}

/* ---- Time --------------------------------------------------------------- */

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __real_nanosleep(const struct timespec *span, struct timespec *left);
int __wrap_nanosleep(const struct timespec *span, struct timespec *left);

/* By how much time has gone on, in nanoseconds. */
static _Atomic(int64_t) ahead;

static void pass(int64_t nanoseconds) { atomic_fetch_add(&ahead, nanoseconds); }

int __wrap_clock_gettime(clockid_t clock, struct timespec *now) {
  int64_t extra = atomic_load(&ahead);
  int status = __real_clock_gettime(clock, now);
  now->tv_sec += (time_t)(extra / 1000000000);
  now->tv_nsec += (long)(extra % 1000000000);
  if (now->tv_nsec >= 1000000000) {
    now->tv_nsec -= 1000000000;
    now->tv_sec++;
  }
  return status;
}

int __wrap_nanosleep(const struct timespec *span, struct timespec *left) {
  (void)left;
  if (fails(FAULT_nanosleep))
    return -1;
  pass((int64_t)span->tv_sec * 1000000000 + span->tv_nsec);
  return 0;
}

/* ---- The peer's steps --------------------------------------------------- */

#define STEPS 64

static struct {
  void (*take)(long argument);
  long argument;
} steps[STEPS];
static size_t first_step, last_step;

void fault_later(void (*step)(long argument), long argument) {
  if (last_step == STEPS)
    fault_flunk("too many steps");
  steps[last_step].take = step;
  steps[last_step++].argument = argument;
}

/* What the peer does is not the library's doing. */
static bool take_step(void) {
  bool was_armed;
  if (first_step == last_step)
    return false;
  was_armed = atomic_exchange(&armed, false);
  steps[first_step].take(steps[first_step].argument);
  first_step++;
  atomic_store(&armed, was_armed);
  return true;
}

/* ---- The peer's distance ------------------------------------------------ */

static bool far;

void fault_far(void) { far = true; }

/* ---- Lookups ------------------------------------------------------------ */

int __real_getaddrinfo(const char *host, const char *service,
                       const struct addrinfo *hints, struct addrinfo **list);
int __wrap_getaddrinfo(const char *host, const char *service,
                       const struct addrinfo *hints, struct addrinfo **list);
void __real_freeaddrinfo(struct addrinfo *list);
void __wrap_freeaddrinfo(struct addrinfo *list);
int __real_getnameinfo(const struct sockaddr *address, socklen_t length,
                       char *host, socklen_t host_size, char *service,
                       socklen_t service_size, int flags);
int __wrap_getnameinfo(const struct sockaddr *address, socklen_t length,
                       char *host, socklen_t host_size, char *service,
                       socklen_t service_size, int flags);
int __real_gethostname(char *name, size_t size);
int __wrap_gethostname(char *name, size_t size);

int __real_poll(struct pollfd *entries, nfds_t count, int timeout);

static pthread_mutex_t slow_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t slow_end = PTHREAD_COND_INITIALIZER;
static bool slow_may_end;
static atomic_int slow; /* lookups that are not to be waited for */

void fault_world_end(void) {
  first_step = last_step = 0;
  far = false;
  pthread_mutex_lock(&slow_mutex);
  slow_may_end = true;
  pthread_cond_broadcast(&slow_end);
  pthread_mutex_unlock(&slow_mutex);
  while (atomic_load(&slow) > 0)
    (void)__real_poll(NULL, 0, 1);
}

static void be_slow(void) {
  /* no thread was to be had, and the one that there is must not stop here */
  if (pthread_equal(pthread_self(), own_thread))
    return;
  atomic_fetch_add(&slow, 1);
  pthread_mutex_lock(&slow_mutex);
  while (!slow_may_end)
    pthread_cond_wait(&slow_end, &slow_mutex);
  pthread_mutex_unlock(&slow_mutex);
  atomic_fetch_sub(&slow, 1);
}

static struct addrinfo *make_info(const char *host, const char *service,
                                  const struct addrinfo *hints,
                                  struct addrinfo *next) {
  struct addrinfo *info = __real_calloc(1, sizeof *info);
  struct sockaddr_in *address = __real_calloc(1, sizeof *address);
  if (info == NULL || address == NULL)
    abort();
  address->sin_family = AF_INET;
  address->sin_port =
      htons((uint16_t)(service != NULL ? strtoul(service, NULL, 10) : 0));
  (void)inet_pton(AF_INET, host, &address->sin_addr);
  info->ai_family = AF_INET;
  info->ai_socktype = hints->ai_socktype;
  info->ai_addr = (struct sockaddr *)address;
  info->ai_addrlen = sizeof *address;
  info->ai_next = next;
  return info;
}

int __wrap_getaddrinfo(const char *host, const char *service,
                       const struct addrinfo *hints, struct addrinfo **list) {
  const char *before = NULL;
  if (fault_strikes(FAULT_getaddrinfo)) {
    errno = EMFILE; /* for EAI_SYSTEM */
    return plan.fault.error;
  }
  if (host == NULL)
    return __real_getaddrinfo(host, service, hints, list);
  if (strcmp(host, "two.test") == 0)
    before = "127.0.0.2";
  else if (strcmp(host, "silent.test") == 0)
    before = "127.0.0.3";
  else if (strcmp(host, "slow.test") == 0)
    be_slow();
  else if (strcmp(host, "one.test") != 0)
    return EAI_NONAME;
  *list = make_info("127.0.0.1", service, hints, NULL);
  if (before != NULL)
    *list = make_info(before, service, hints, *list);
  return 0;
}

/* Those of the system that a test sees are of "*" with the name of a service,
 * which no test asks for. */
void __wrap_freeaddrinfo(struct addrinfo *list) {
  while (list != NULL) {
    struct addrinfo *next = list->ai_next;
    __real_free(list->ai_addr);
    __real_free(list);
    list = next;
  }
}

int __wrap_getnameinfo(const struct sockaddr *address, socklen_t length,
                       char *host, socklen_t host_size, char *service,
                       socklen_t service_size, int flags) {
  (void)address;
  (void)length;
  (void)flags;
  if (fault_strikes(FAULT_getnameinfo)) {
    errno = EMFILE;
    return plan.fault.error;
  }
  if (host_size > 0)
    (void)snprintf(host, host_size, "one.test");
  if (service_size > 0)
    (void)snprintf(service, service_size, "http");
  return 0;
}

int __wrap_gethostname(char *name, size_t size) {
  return fails(FAULT_gethostname) ? -1 : __real_gethostname(name, size);
}

/* ---- Threads, locales --------------------------------------------------- */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);
locale_t __real_newlocale(int mask, const char *name, locale_t base);
locale_t __wrap_newlocale(int mask, const char *name, locale_t base);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument) {
  if (fault_strikes(FAULT_pthread_create))
    return plan.fault.error;
  return __real_pthread_create(thread, attributes, start, argument);
}

locale_t __wrap_newlocale(int mask, const char *name, locale_t base) {
  return fails(FAULT_newlocale) ? (locale_t)0
                                : __real_newlocale(mask, name, base);
}

/* ---- Descriptors -------------------------------------------------------- */

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __real_bind(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length);
int __real_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog);
int __real_shutdown(int fd, int how);
int __wrap_shutdown(int fd, int how);
int __real_getsockname(int fd, struct sockaddr *address, socklen_t *length);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *length);
int __real_getpeername(int fd, struct sockaddr *address, socklen_t *length);
int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *length);
int __real_setsockopt(int fd, int level, int option, const void *value,
                      socklen_t length);
int __wrap_setsockopt(int fd, int level, int option, const void *value,
                      socklen_t length);
int __real_getsockopt(int fd, int level, int option, void *value,
                      socklen_t *length);
int __wrap_getsockopt(int fd, int level, int option, void *value,
                      socklen_t *length);
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_dup3(int fd, int number, int flags);
int __wrap_dup3(int fd, int number, int flags);
int __real_eventfd(unsigned initial, int flags);
int __wrap_eventfd(unsigned initial, int flags);
ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);

/* ---- Connects ------------------------------------------------------------ */

#define DESCRIPTORS 256

/* By descriptor: the last byte of the address that it connects to, and why that
 * has failed, for who asks later. */
static atomic_int targets[DESCRIPTORS], outcomes[DESCRIPTORS];

static void forget_connect(int fd) {
  if (fd >= 0 && fd < DESCRIPTORS) {
    atomic_store(&targets[fd], 0);
    atomic_store(&outcomes[fd], 0);
  }
}

/* The subject of a connect. */
static unsigned long note_target(int fd, const struct sockaddr *address) {
  bool waits = (__real_fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
  struct sockaddr_in inet = {0};
  int last;
  if (address->sa_family != AF_INET || fd < 0 || fd >= DESCRIPTORS)
    return 0;
  memcpy(&inet, address, sizeof inet);
  last = (int)(ntohl(inet.sin_addr.s_addr) & 255);
  atomic_store(&targets[fd], last);
  return (unsigned long)last + (waits ? FAULT_WAITS : 0);
}

/* What the other end makes of a connect is known at once on one machine; for a
 * descriptor that does not wait it is kept back. */
static int answer_later(int fd, int status) {
  if (!far || fd < 0 || fd >= DESCRIPTORS ||
      (__real_fcntl(fd, F_GETFL) & O_NONBLOCK) == 0)
    return status;
  if (status < 0 && errno != EINPROGRESS)
    atomic_store(&outcomes[fd], errno);
  errno = EINPROGRESS;
  return -1;
}

static unsigned long target_of(int fd) {
  return fd >= 0 && fd < DESCRIPTORS ? (unsigned long)atomic_load(&targets[fd])
                                     : 0;
}

/* The value of SO_ERROR. */
static void replace_error(int fd, int *error) {
  if (fd >= 0 && fd < DESCRIPTORS && *error == 0)
    *error = atomic_exchange(&outcomes[fd], 0);
  if (strikes_about(FAULT_SO_ERROR, target_of(fd)))
    *error = plan.fault.error;
}

int fault_descriptors(void) {
  int fd, count = 0;
  for (fd = 0; fd < DESCRIPTORS; fd++)
    count += __real_fcntl(fd, F_GETFD) >= 0;
  return count;
}

int __wrap_socket(int domain, int type, int protocol) {
  return fails(FAULT_socket) ? -1 : __real_socket(domain, type, protocol);
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length) {
  return fails(FAULT_bind) ? -1 : __real_bind(fd, address, length);
}

int __wrap_listen(int fd, int backlog) {
  return fails(FAULT_listen) ? -1 : __real_listen(fd, backlog);
}

int __wrap_shutdown(int fd, int how) {
  return fails(FAULT_shutdown) ? -1 : __real_shutdown(fd, how);
}

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *length) {
  return fails(FAULT_getsockname) ? -1
                                  : __real_getsockname(fd, address, length);
}

int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *length) {
  return fails(FAULT_getpeername) ? -1
                                  : __real_getpeername(fd, address, length);
}

int __wrap_setsockopt(int fd, int level, int option, const void *value,
                      socklen_t length) {
  return fails_about(FAULT_setsockopt, FAULT_OPTION(level, option))
             ? -1
             : __real_setsockopt(fd, level, option, value, length);
}

int __wrap_getsockopt(int fd, int level, int option, void *value,
                      socklen_t *length) {
  bool asks_outcome = level == SOL_SOCKET && option == SO_ERROR;
  if (fails_about(FAULT_getsockopt,
                  asks_outcome ? target_of(fd) : FAULT_OPTION(level, option)))
    return -1;
  if (__real_getsockopt(fd, level, option, value, length) < 0)
    return -1;
  if (asks_outcome)
    replace_error(fd, value);
  return 0;
}

int __wrap_fcntl(int fd, int command, ...) {
  va_list arguments;
  int value;
  va_start(arguments, command);
  value = va_arg(arguments, int);
  va_end(arguments);
  return fails_about(FAULT_fcntl, command != F_SETFD ? FAULT_MODE : 0)
             ? -1
             : __real_fcntl(fd, command, value);
}

int __wrap_close(int fd) {
  forget_connect(fd);
  if (!fails(FAULT_close))
    return __real_close(fd);
  (void)__real_close(fd);
  errno = plan.fault.error;
  return -1;
}

int __wrap_dup3(int fd, int number, int flags) {
  return fails(FAULT_dup3) ? -1 : __real_dup3(fd, number, flags);
}

int __wrap_eventfd(unsigned initial, int flags) {
  return fails(FAULT_eventfd) ? -1 : __real_eventfd(initial, flags);
}

ssize_t __wrap_write(int fd, const void *data, size_t size) {
  return fails(FAULT_write) ? -1 : __real_write(fd, data, size);
}

/* ---- Waiting ------------------------------------------------------------ */

int __wrap_poll(struct pollfd *entries, nfds_t count, int timeout);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_epoll_ctl(int set, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int set, int operation, int fd, struct epoll_event *event);
int __real_epoll_wait(int set, struct epoll_event *events, int count,
                      int timeout);
int __wrap_epoll_wait(int set, struct epoll_event *events, int count,
                      int timeout);

/* An eventfd says that a lookup on another thread has ended, and that is
 * really waited for, unless it is a slow one. */
static bool is_eventfd(int fd) {
  char path[32], target[32];
  ssize_t length;
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  length = readlink(path, target, sizeof target - 1);
  if (length < 0)
    return false;
  target[length] = '\0';
  return strstr(target, "eventfd") != NULL;
}

static bool any_lookup(void) {
  int fd;
  if (atomic_load(&slow) > 0)
    return false;
  for (fd = 3; fd < 64; fd++)
    if (is_eventfd(fd))
      return true;
  return false;
}

/* Lets something happen while the library waits for so many milliseconds, of
 * which *waited are over: false when time is up. */
static bool let_pass(int timeout, int *waited) {
  if (take_step())
    return true;
  if (any_lookup() && *waited < 15000) {
    (void)__real_poll(NULL, 0, 1);
    (*waited)++;
    return true;
  }
  if (timeout < 0)
    fault_flunk("it waits for ever");
  pass((int64_t)timeout * 1000000);
  return false;
}

int __wrap_poll(struct pollfd *entries, nfds_t count, int timeout) {
  int waited = 0;
  if (fails_about(FAULT_poll, timeout != 0 ? FAULT_WAITS : FAULT_LOOKS))
    return -1;
  for (;;) {
    int ready = __real_poll(entries, count, 0);
    if (ready != 0 || timeout == 0 || !let_pass(timeout, &waited))
      return ready;
  }
}

int __wrap_epoll_create1(int flags) {
  return fails(FAULT_epoll_create1) ? -1 : __real_epoll_create1(flags);
}

int __wrap_epoll_ctl(int set, int operation, int fd,
                     struct epoll_event *event) {
  /* taking out needs no memory */
  return operation != EPOLL_CTL_DEL && fails(FAULT_epoll_ctl)
             ? -1
             : __real_epoll_ctl(set, operation, fd, event);
}

int __wrap_epoll_wait(int set, struct epoll_event *events, int count,
                      int timeout) {
  int waited = 0;
  if (fails(FAULT_epoll_wait))
    return -1;
  for (;;) {
    int ready = __real_epoll_wait(set, events, count, 0);
    if (ready != 0 || timeout == 0 || !let_pass(timeout, &waited))
      return ready;
  }
}

/* ---- Calls that wait inside --------------------------------------------- */

int __real_connect(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);
int __real_accept4(int fd, struct sockaddr *address, socklen_t *length,
                   int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length,
                   int flags);
ssize_t __real_recv(int fd, void *data, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags);
ssize_t __real_send(int fd, const void *data, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t size, int flags);

/* An interrupted connect goes on; one that is refused at once is not
 * interrupted. */
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length) {
  if (!fails_about(FAULT_connect, note_target(fd, address)))
    return answer_later(fd, __real_connect(fd, address, length));
  if (plan.fault.error == EINTR &&
      answer_later(fd, __real_connect(fd, address, length)) < 0 &&
      errno != EINPROGRESS)
    return -1;
  errno = plan.fault.error;
  return -1;
}

static bool may_wait(int fd, int flags) {
  return (flags & MSG_DONTWAIT) == 0 &&
         (__real_fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

/* What the socket's timer allows, in milliseconds; -1: for ever, as good as. */
static int timer_of(int fd, int option) {
  struct timeval timer = {0};
  socklen_t length = sizeof timer;
  (void)__real_getsockopt(fd, SOL_SOCKET, option, &timer, &length);
  if ((timer.tv_sec == 0 && timer.tv_usec == 0) || timer.tv_sec > 100000)
    return -1;
  return (int)(timer.tv_sec * 1000 + (timer.tv_usec + 999) / 1000);
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length,
                   int flags) {
  struct pollfd entry = {.fd = fd, .events = POLLIN};
  int waited = 0;
  if (fails(FAULT_accept4))
    return -1;
  if (may_wait(fd, 0))
    while (__real_poll(&entry, 1, 0) == 0)
      if (!let_pass(timer_of(fd, SO_RCVTIMEO), &waited)) {
        errno = EAGAIN;
        return -1;
      }
  return __real_accept4(fd, address, length, flags);
}

/* Whether the fault makes the call move fewer bytes instead of failing. */
static bool is_short(size_t *size) {
  if (plan.fault.error == FAULT_SHORT)
    *size = 1;
  else if (plan.fault.error == FAULT_HALF)
    *size = (*size + 1) / 2;
  else
    return false;
  return true;
}

ssize_t __wrap_recv(int fd, void *data, size_t size, int flags) {
  size_t total = 0;
  int waited = 0;
  if (strikes_about(FAULT_recv, (flags & MSG_WAITALL) != 0 && size > 1
                                    ? FAULT_WAITS
                                    : FAULT_PART)) {
    errno = plan.fault.error;
    if (!is_short(&size))
      return -1;
    flags &= ~MSG_WAITALL;
  }
  for (;;) {
    ssize_t count = __real_recv(fd, (char *)data + total, size - total,
                                (flags & ~MSG_WAITALL) | MSG_DONTWAIT);
    if (count > 0) {
      total += (size_t)count;
      if (total == size || (flags & MSG_WAITALL) == 0)
        return (ssize_t)total;
    } else if (count == 0 || errno != EAGAIN || !may_wait(fd, flags))
      return total > 0 ? (ssize_t)total : count;
    else if (!let_pass(timer_of(fd, SO_RCVTIMEO), &waited)) {
      errno = EAGAIN;
      return total > 0 ? (ssize_t)total : -1;
    }
  }
}

ssize_t __wrap_send(int fd, const void *data, size_t size, int flags) {
  size_t total = 0;
  int waited = 0;
  if (strikes_about(FAULT_send, may_wait(fd, flags) && size > 1 ? FAULT_WAITS
                                                                : FAULT_PART)) {
    errno = plan.fault.error;
    if (!is_short(&size))
      return -1;
  }
  for (;;) {
    ssize_t count = __real_send(fd, (const char *)data + total, size - total,
                                flags | MSG_DONTWAIT);
    if (count > 0)
      total += (size_t)count;
    else if (errno != EAGAIN)
      return total > 0 ? (ssize_t)total : -1;
    if (total == size || !may_wait(fd, flags))
      return total > 0 ? (ssize_t)total : -1;
    if (!let_pass(timer_of(fd, SO_SNDTIMEO), &waited)) {
      errno = EAGAIN;
      return total > 0 ? (ssize_t)total : -1;
    }
  }
}

/* ---- Running ------------------------------------------------------------ */

unsigned fault_step(unsigned quick) {
  const char *text = getenv("TORTURE_STEP");
  unsigned long step = text != NULL ? strtoul(text, NULL, 10) : 0;
  return step > 0 && step < UINT_MAX ? (unsigned)step : quick;
}

static bool covers_error(int error) {
  return error == FAULT_ANY || error == plan.fault.error ||
         (error == FAULT_HIDDEN && plan.fault.status == LUATCP_OK);
}

static bool covers_scenario(const char *pattern, const char *name) {
  size_t length = pattern != NULL ? strlen(pattern) : 0;
  return pattern == NULL || (strncmp(pattern, name, length) == 0 &&
                             (name[length] == '\0' || name[length] == ','));
}

static bool is_among(const struct fault_untold *rows, size_t count,
                     unsigned long subject, const char *scenario) {
  size_t i;
  for (i = 0; i < count; i++)
    if (rows[i].call == plan.call &&
        (rows[i].subject == FAULT_ANY || rows[i].subject == subject) &&
        covers_error(rows[i].error) &&
        covers_scenario(rows[i].scenario, scenario))
      return true;
  return false;
}

/* No call has told of the fault: each of its strikes has to be one that the
 * library takes upon itself. */
static void demand_declared(const char *scenario) {
  int i, count = atomic_load(&subject_count);
  for (i = 0; i < count && i < SUBJECTS; i++) {
    unsigned long subject = atomic_load(&subjects[i]);
    if (!is_among(everywhere, sizeof everywhere / sizeof everywhere[0], subject,
                  scenario) &&
        !is_among(declared, declared_count, subject, scenario))
      fault_flunk("no call has told of it (subject %#lx)", subject);
  }
}

static const struct fault_plan no_fault = {.call = FAULT_NOTHING};

/* Threads of the library may be a moment late with what they give back. */
static void settle(int descriptors, unsigned long held) {
  int tries = 5000;
  while ((fault_descriptors() != descriptors || fault_blocks() != held) &&
         tries-- > 0)
    (void)__real_poll(NULL, 0, 1);
}

static void run_once(const struct scenario *scenario,
                     const struct fault_plan *wanted) {
  int i;
  slow_may_end = false;
  fault_arm(wanted);
  scenario->run(scenario->data);
  fault_disarm();
  if (fault_has_hit() && told == 0)
    demand_declared(scenario->name);
  fault_world_end();
  for (i = 0; i < FAULT_POINTS; i++)
    report->counts[i] = fault_count((enum fault_call)i);
  report->hit = fault_has_hit();
}

/* Once under the plan, then once without.  The library keeps a buffer and the
 * pool of its threads for next time: held blocks, found by the clean run. */
static void run_child(const struct scenario *scenario,
                      const struct fault_plan *wanted, long *held) {
  int before = fault_descriptors();
  unsigned long counted[FAULT_POINTS];
  bool was_hit;
  (void)alarm(60);
  run_once(scenario, wanted);
  memcpy(counted, report->counts, sizeof counted);
  was_hit = report->hit;
  if (*held >= 0)
    settle(before, fault_blocks());
  if (fault_descriptors() != before)
    fault_flunk("%d descriptors are open, before it was %d",
                fault_descriptors(), before);
  run_once(scenario, &no_fault);
  if (*held < 0) {
    if (counted[FAULT_pthread_create] > 0)
      (void)__real_poll(NULL, 0, 200);
    settle(before, fault_blocks());
    *held = (long)fault_blocks();
  }
  settle(before, (unsigned long)*held);
  if (fault_descriptors() != before)
    fault_flunk(
        "%d descriptors are open after the second run, before it was %d",
        fault_descriptors(), before);
  if (fault_blocks() != (unsigned long)*held)
    fault_flunk("%lu blocks of memory are left, without a fault it is %ld",
                fault_blocks(), *held);
  memcpy(report->counts, counted, sizeof counted);
  report->hit = was_hit;
  report->done = true;
}

static bool run(const struct scenario *scenario,
                const struct fault_plan *wanted, long *held) {
  pid_t process;
  int status;
  memset(report, 0, sizeof *report);
  (void)fflush(stdout);
  process = fork();
  if (process < 0) {
    perror("fork");
    exit(1);
  }
  if (process == 0) {
    run_child(scenario, wanted, held);
    exit(0); /* leak checkers and coverage count on it */
  }
  while (waitpid(process, &status, 0) < 0 && errno == EINTR)
    ;
  if (WIFSIGNALED(status) && report->message[0] == '\0')
    (void)snprintf(report->message, sizeof report->message, "%s",
                   WTERMSIG(status) == SIGALRM ? "it hangs"
                                               : strsignal(WTERMSIG(status)));
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0 &&
      report->message[0] == '\0')
    (void)snprintf(report->message, sizeof report->message, "exit status %d",
                   WEXITSTATUS(status));
  return report->done && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct tally {
  unsigned step;
  unsigned long turn; /* of the points that could fail */
  unsigned long memory, calls, missed;
  int flunked;
};

static const char *following(unsigned long count) {
  static char text[64];
  if (count == ULONG_MAX)
    return " and all following";
  if (count == 1)
    return "";
  (void)snprintf(text, sizeof text, " and %lu following", count - 1);
  return text;
}

static void run_point(const struct scenario *scenario, long *held,
                      const struct fault_plan *wanted, struct tally *tally) {
  if (tally->turn++ % tally->step != 0)
    return;
  if (!run(scenario, wanted, held)) {
    tally->flunked++;
    printf("FAILED %s, %s number %lu%s, error %d: %s\n", scenario->name,
           fault_name(wanted->call), wanted->at, following(wanted->count),
           wanted->fault.error, report->message);
  } else if (!report->hit)
    tally->missed++; /* threads: it was not made this time */
  else if (wanted->call >= FAULT_MEMORY)
    tally->memory++;
  else
    tally->calls++;
}

/* How many in a row have to fail: one, and for memory also two, as Lua collects
 * garbage and tries again, and all.  For errors that stay for a while, too; and
 * some more of those that a loop is there for. */
static void run_way(const struct scenario *scenario, long *held,
                    struct fault_plan *wanted, struct tally *tally) {
  bool memory = wanted->call >= FAULT_MEMORY;
  int error = wanted->fault.error;
  wanted->count = 1;
  run_point(scenario, held, wanted, tally);
  if (memory) {
    wanted->count = 2;
    run_point(scenario, held, wanted, tally);
  }
  if (error == EINTR || error == EAGAIN || error == ECONNABORTED) {
    wanted->count = 20;
    run_point(scenario, held, wanted, tally);
  }
  if (memory || error == EMFILE || error == ENFILE) {
    wanted->count = ULONG_MAX;
    run_point(scenario, held, wanted, tally);
  }
}

static void run_scenario(const struct scenario *scenario, long *held,
                         struct tally *tally) {
  unsigned long counted[FAULT_POINTS];
  int call;
  *held = -1;
  if (!run(scenario, &no_fault, held)) {
    tally->flunked++;
    printf("FAILED %s, although nothing was made to fail: %s\n", scenario->name,
           report->message);
    return;
  }
  memcpy(counted, report->counts, sizeof counted);
  for (call = 0; call < FAULT_POINTS; call++) {
    const struct fault *ways;
    size_t i, count = fault_ways((enum fault_call)call, &ways);
    unsigned long at;
    for (at = 1; at <= counted[call]; at++)
      for (i = 0; i < count; i++) {
        struct fault_plan wanted = {(enum fault_call)call, at, 1, ways[i]};
        run_way(scenario, held, &wanted, tally);
      }
  }
}

static void *share(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    perror("mmap");
    exit(1);
  }
  return memory;
}

/* Which of the points are tried. */
static const char *points(unsigned step) {
  static char text[48];
  if (step == 1)
    return "every point";
  (void)snprintf(text, sizeof text, "one point in %u", step);
  return text;
}

int fault_run(const char *what, const struct scenario *scenarios, size_t count,
              unsigned step) {
  struct tally tally = {.step = step};
  long *held = share(sizeof *held);
  const char *only = getenv("TORTURE_ONLY");
  size_t i;
#ifdef THREAD_SANITIZER
  printf(
      "skipped: under the thread sanitizer threads come too late for plans\n");
  exit(77);
#endif
#ifdef OTHER_NAMES
  printf("skipped: with 64 bits of time the calls have other names\n");
  exit(77);
#endif
  report = share(sizeof *report);
  for (i = 0; i < count; i++)
    if (only == NULL || strcmp(only, scenarios[i].name) == 0)
      run_scenario(&scenarios[i], held, &tally);
  printf("%s: %zu scenarios, %lu allocations and %lu system calls were made to "
         "fail (%s), %d times it went wrong\n",
         what, count, tally.memory, tally.calls, points(step), tally.flunked);
  if (tally.missed > 0)
    printf(
        "%lu calls of other threads came in another order and did not fail\n",
        tally.missed);
  if (tally.memory + tally.calls == 0 && tally.flunked == 0) {
    printf("nothing was made to fail\n");
    tally.flunked++;
  }
  return tally.flunked;
}
