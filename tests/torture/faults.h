/* SPDX-License-Identifier: MIT
 *
 * faults.h: the system as the library meets it under torture.  The linker puts
 * the functions of faults.c between the library and the system (--wrap); a plan
 * says which one of their calls fails, and how.
 *
 * The clock is part of it: where the library would wait, the next step of the
 * scenario's peer is taken instead, and when there is none, time goes on by as
 * much as the library wanted to wait.  So scenarios need no thread of their
 * own, take no time, and make the same calls every time.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/* ---- What fails ------------------------------------------------------- */

/* The functions that can be made to fail: the name, and the errors that each
 * may give, see faults.c. */
#define FAULT_CALLS(X)                                                         \
  X(socket)                                                                    \
  X(bind)                                                                      \
  X(listen)                                                                    \
  X(accept4)                                                                   \
  X(connect)                                                                   \
  X(shutdown)                                                                  \
  X(getsockname)                                                               \
  X(getpeername)                                                               \
  X(recv)                                                                      \
  X(send)                                                                      \
  X(setsockopt)                                                                \
  X(getsockopt)                                                                \
  X(fcntl)                                                                     \
  X(poll)                                                                      \
  X(close)                                                                     \
  X(dup3)                                                                      \
  X(eventfd)                                                                   \
  X(write)                                                                     \
  X(epoll_create1)                                                             \
  X(epoll_ctl)                                                                 \
  X(epoll_wait)                                                                \
  X(nanosleep)                                                                 \
  X(getaddrinfo)                                                               \
  X(getnameinfo)                                                               \
  X(gethostname)                                                               \
  X(newlocale)                                                                 \
  X(pthread_create)

enum fault_call {
#define FAULT_CALL(name) FAULT_##name,
  FAULT_CALLS(FAULT_CALL)
#undef FAULT_CALL
      FAULT_SO_ERROR, /* what getsockopt says is not 0 */
  FAULT_MEMORY,       /* malloc, calloc, realloc */
  FAULT_LUA,          /* Lua's allocator */
  FAULT_POINTS,
  FAULT_NOTHING
};

const char *fault_name(enum fault_call call);

/* One way for a call to fail. */
struct fault {
  int error;  /* errno, or the resolver's code, or one of the below */
  int status; /* what the library has to make of it when it can't go on */
};
/* Fewer bytes than were asked for: one of them, half of them. */
enum { FAULT_SHORT = -10000, FAULT_HALF };

/* The ways for a call to fail; how many. */
size_t fault_ways(enum fault_call call, const struct fault **ways);

/* ---- What need not be told ---------------------------------------------- */

/* A fault that no call has told must be declared: the library takes it upon
 * itself, or it can't matter.  A row is as narrow as can be. */
struct fault_untold {
  enum fault_call call;
  unsigned long subject; /* what the call was about, or FAULT_ANY */
  int error;             /* or FAULT_ANY, or FAULT_HIDDEN */
  const char *scenario;  /* also with what follows a comma; NULL: any */
  const char *reason;
};

#define FAULT_ANY 0
/* Errors with which no call may end. */
#define FAULT_HIDDEN (-20000)

/* Subjects.  An option has its number; SO_ERROR and connect have the last byte
 * of the address, see the names below: in a list others come behind 2 and 3.
 * An allocation has its size. */
#define FAULT_OPTION(level, option)                                            \
  ((unsigned long)(level) << 16 | (unsigned long)(option))
#define FAULT_LAST 1ul
#define FAULT_REFUSING 2ul
#define FAULT_SILENT 3ul
/* connect (added to the address), recv, send, poll: the call may wait; recv for
 * all of several bytes.  If not: */
#define FAULT_WAITS 256ul
#define FAULT_PART 1ul  /* recv, send */
#define FAULT_LOOKS 1ul /* poll */
#define FAULT_MODE 1ul  /* fcntl for O_NONBLOCK */
#define FAULT_ONCE 1ul  /* an allocation of Lua: the next one works */

/* What only the program's own scenarios need. */
void fault_declare(const struct fault_untold *rows, size_t count);

/* ---- The plan ----------------------------------------------------------- */

struct fault_plan {
  enum fault_call call; /* FAULT_NOTHING: none */
  unsigned long at;     /* the first call to fail, from 1 */
  unsigned long count;  /* how many fail from there on */
  struct fault fault;
};

/* Starts counting calls from 0, under a plan. */
void fault_arm(const struct fault_plan *plan);
/* From now on nothing fails, and nothing is counted. */
void fault_disarm(void);
bool fault_has_hit(void);
/* Between them nothing fails and nothing is counted either. */
bool fault_pause(void);
void fault_resume(bool paused);
/* The plan of this run. */
const struct fault_plan *fault_current(void);
/* How often each of the calls was made since fault_arm. */
unsigned long fault_count(enum fault_call call);
/* Whether this call is to fail; counts it.  For Lua's allocator. */
bool fault_strikes(enum fault_call call);

/* ---- The world around ------------------------------------------------- */

/* What the peer does when the library waits next; steps are taken in order,
 * each once, and fault_world_end forgets those that were not. */
void fault_later(void (*step)(long argument), long argument);
void fault_world_end(void);

/* Connects that do not wait take a while, as with a peer on another machine,
 * until fault_world_end. */
void fault_far(void);

/* Names that getaddrinfo knows here: "two.test" is 127.0.0.2, where nobody
 * listens, then 127.0.0.1; "silent.test" is 127.0.0.3, then 127.0.0.1;
 * "one.test" is 127.0.0.1; "slow.test" is not answered before fault_world_end;
 * all others are unknown. */

/* ---- Checks ------------------------------------------------------------ */

/* Blocks of memory that the library has; descriptors of the process. */
unsigned long fault_blocks(void);
int fault_descriptors(void);

/* Ends the process with a message that the parent prints. */
void fault_flunk(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* ---- Running ----------------------------------------------------------- */

struct scenario {
  const char *name;
  /* Runs once, and leaves nothing behind.  Data is the scenario's own. */
  void (*run)(const void *data);
  const void *data;
};

/* Runs each scenario in a child process, clean once to count its calls, then
 * once for each of them that can fail; every step-th in turn.  A message for
 * each that goes wrong; the number of them.  Prints how many points failed. */
int fault_run(const char *what, const struct scenario *scenarios, size_t count,
              unsigned step);
/* The step that the environment asks for, TORTURE_STEP. */
unsigned fault_step(unsigned quick);

/* For scenarios: the status of a call, which is the wanted one, or what the
 * fault has to come out as.  Then nothing fails any more, and the answer is
 * false: the call has to be made again. */
bool fault_answer(int got, int wanted, const char *text, int line);

/* A fault may have another effect than a status: true, once, when there was a
 * fault that was not told. */
bool fault_excuses(void);

#define GIVES(wanted, call)                                                    \
  do {                                                                         \
    if (!fault_answer((call), (wanted), #call, __LINE__))                      \
      (void)fault_answer((call), (wanted), #call, __LINE__);                   \
  } while (0)
#define WORKS(call) GIVES(LUATCP_OK, call)

#define HOLDS(condition)                                                       \
  do {                                                                         \
    if (!(condition))                                                          \
      fault_flunk("line %d: not true: %s", __LINE__, #condition);              \
  } while (0)

#endif
