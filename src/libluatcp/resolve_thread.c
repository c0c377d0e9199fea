/* SPDX-License-Identifier: MIT
 *
 * resolve_thread.c: jobs on helper threads, so that their owner can keep its
 * deadline although the resolver knows none.  The only file with threads.
 *
 * A worker that has nothing to do waits a little for the next job and goes.
 * Never more than WORKERS exist; jobs beyond that wait in a queue, under their
 * owners' deadlines.  A job is in one stage at a time, guarded by the pool's
 * mutex:
 *
 *   queued     the owner may take it back out
 *   running    the worker has it; if the owner leaves, the worker disposes
 *   left       running, without an owner
 *   finished   the owner has it; nobody else touches it
 *
 * A forked child has the pool's memory but none of its threads, and perhaps a
 * locked mutex: it never touches its parent's pool and makes its own.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_EVENTFD
#include <sys/eventfd.h>
#endif

#define WORKERS 16
#define IDLE_SECONDS 10

enum { QUEUED, RUNNING, LEFT, FINISHED };

struct luatcp__pool {
  int process; /* whose threads these are */
  pthread_mutex_t mutex;
  pthread_cond_t work;
  struct luatcp__job *first, *last; /* the queue */
  unsigned workers;                 /* threads that exist */
  unsigned idle;                    /* of them, waiting for work */
};

static _Atomic(struct luatcp__pool *) current_pool;

bool luatcp__job_has_threads(void) { return true; }

/* ---- Processes ------------------------------------------------------- */

static atomic_int forks; /* that lie between the first process and this one */
static bool forks_are_counted;

static void count_fork(void) { atomic_fetch_add(&forks, 1); }

static void start_counting(void) {
  forks_are_counted = pthread_atfork(NULL, NULL, count_fork) == 0;
}

/* Asked with every wait of a poller: no system call, if that can be. */
int luatcp__process(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, start_counting);
  return forks_are_counted ? atomic_load(&forks) : (int)getpid();
}

/* ---- The pool -------------------------------------------------------- */

static int start_condition(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  int error = pthread_condattr_init(&attributes);
  if (error != 0)
    return error;
#ifdef HAVE_PTHREAD_CONDATTR_SETCLOCK
  error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
  if (error == 0)
    error = pthread_cond_init(condition, &attributes);
  pthread_condattr_destroy(&attributes);
  return error;
}

static void idle_end(struct timespec *end) {
#ifdef HAVE_PTHREAD_CONDATTR_SETCLOCK
  clock_gettime(CLOCK_MONOTONIC, end);
#else
  clock_gettime(CLOCK_REALTIME, end);
#endif
  end->tv_sec += IDLE_SECONDS;
}

static struct luatcp__pool *new_pool(void) {
  struct luatcp__pool *pool = calloc(1, sizeof *pool);
  if (pool == NULL)
    return NULL;
  pool->process = luatcp__process();
  if (pthread_mutex_init(&pool->mutex, NULL) != 0) {
    free(pool);
    return NULL;
  }
  if (start_condition(&pool->work) != 0) {
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
    return NULL;
  }
  return pool;
}

static void free_pool(struct luatcp__pool *pool) {
  pthread_cond_destroy(&pool->work);
  pthread_mutex_destroy(&pool->mutex);
  free(pool);
}

static bool is_own(const struct luatcp__pool *pool) {
  return pool->process == luatcp__process();
}

/* This process's pool.  A child leaves its parent's in memory: what it holds
 * may have been in the middle of a change. */
static struct luatcp__pool *get_pool(void) {
  struct luatcp__pool *pool = atomic_load(&current_pool), *fresh;
  if (pool != NULL && is_own(pool))
    return pool;
  fresh = new_pool();
  if (fresh == NULL)
    return NULL;
  if (atomic_compare_exchange_strong(&current_pool, &pool, fresh))
    return fresh;
  free_pool(fresh); /* another thread was faster */
  return pool;
}

/* ---- Waking the owner ------------------------------------------------ */

static int open_wake(struct luatcp__job *job) {
#ifdef HAVE_EVENTFD
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0)
    return -errno;
  job->descriptor = job->wake_descriptor = fd;
#else
  int ends[2];
#ifdef HAVE_PIPE2
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
    return -errno;
#else
  if (pipe(ends) < 0)
    return -errno;
  (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
#endif
  job->descriptor = ends[0];
  job->wake_descriptor = ends[1];
#endif
  return LUATCP_OK;
}

static void close_wake(struct luatcp__job *job) {
  if (job->descriptor >= 0)
    close(job->descriptor);
  if (job->wake_descriptor >= 0 && job->wake_descriptor != job->descriptor)
    close(job->wake_descriptor);
  job->descriptor = job->wake_descriptor = -1;
}

static void wake(const struct luatcp__job *job) {
  uint64_t one = 1;
  ssize_t written;
  do
    written = write(job->wake_descriptor, &one, sizeof one);
  while (written < 0 && errno == EINTR);
}

static void dispose(struct luatcp__job *job) {
  close_wake(job);
  job->dispose(job);
}

/* ---- Workers --------------------------------------------------------- */

static struct luatcp__job *take_first(struct luatcp__pool *pool) {
  struct luatcp__job *job = pool->first;
  if (job != NULL) {
    pool->first = job->next;
    if (pool->first == NULL)
      pool->last = NULL;
    job->stage = RUNNING;
  }
  return job;
}

/* Waits for work under the mutex; NULL when none has come for a while. */
static struct luatcp__job *next_job(struct luatcp__pool *pool) {
  struct luatcp__job *job = take_first(pool);
  struct timespec end;
  int error = 0;
  if (job != NULL)
    return job;
  idle_end(&end);
  pool->idle++;
  while (pool->first == NULL && error == 0)
    error = pthread_cond_timedwait(&pool->work, &pool->mutex, &end);
  pool->idle--;
  return take_first(pool);
}

static void *work(void *argument) {
  struct luatcp__pool *pool = argument;
  struct luatcp__job *job;
  pthread_mutex_lock(&pool->mutex);
  while ((job = next_job(pool)) != NULL) {
    pthread_mutex_unlock(&pool->mutex);
    job->run(job);
    pthread_mutex_lock(&pool->mutex);
    if (job->stage == LEFT)
      dispose(job);
    else {
      job->stage = FINISHED;
      /* under the mutex, so that the owner can't close it meanwhile */
      wake(job);
    }
  }
  pool->workers--;
  pthread_mutex_unlock(&pool->mutex);
  return NULL;
}

/* In a forked child glibc takes the stack of a thread that was lost for a new
 * one, if it is large enough, and with it the name server's socket that the
 * lost thread had: parent and child would get each other's answers.  So each
 * generation's stacks are larger than its parent's. */
static void outgrow_parent(pthread_attr_t *attributes) {
  int generation = forks_are_counted ? atomic_load(&forks) : 1;
  size_t size;
  if (generation > 0 && pthread_attr_getstacksize(attributes, &size) == 0)
    (void)pthread_attr_setstacksize(
        attributes, size + ((size_t)(generation < 64 ? generation : 64) << 16));
}

/* Signals are for the program's own threads. */
static int start_worker(struct luatcp__pool *pool) {
  sigset_t all, before;
  pthread_attr_t attributes;
  pthread_t thread;
  int error = pthread_attr_init(&attributes);
  if (error != 0)
    return error;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  outgrow_parent(&attributes);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  error = pthread_create(&thread, &attributes, work, pool);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return error;
}

/* ---- The owner's side ------------------------------------------------ */

static void enqueue(struct luatcp__pool *pool, struct luatcp__job *job) {
  job->stage = QUEUED;
  job->next = NULL;
  if (pool->last != NULL)
    pool->last->next = job;
  else
    pool->first = job;
  pool->last = job;
}

static void unqueue(struct luatcp__pool *pool, struct luatcp__job *job) {
  struct luatcp__job **link = &pool->first, *before = NULL;
  while (*link != job) {
    before = *link;
    link = &before->next;
  }
  *link = job->next;
  if (pool->last == job)
    pool->last = before;
}

static size_t queue_length(const struct luatcp__pool *pool) {
  const struct luatcp__job *job;
  size_t length = 0;
  for (job = pool->first; job != NULL; job = job->next)
    length++;
  return length;
}

/* Hands a job to the workers, under the mutex: an idle one, a new one, or
 * whichever is done first.  An errno when there is no worker at all. */
static int hand_over(struct luatcp__pool *pool, struct luatcp__job *job) {
  if (pool->idle <= queue_length(pool) && pool->workers < WORKERS) {
    int error = start_worker(pool);
    if (error == 0)
      pool->workers++;
    else if (pool->workers == 0)
      return error;
  }
  enqueue(pool, job);
  pthread_cond_signal(&pool->work);
  return 0;
}

int luatcp__job_start(struct luatcp__job *job) {
  struct luatcp__pool *pool = get_pool();
  int status, error;
  if (pool == NULL)
    return -ENOMEM;
  status = open_wake(job);
  if (status != LUATCP_OK)
    return status;
  job->pool = pool;
  pthread_mutex_lock(&pool->mutex);
  error = hand_over(pool, job);
  pthread_mutex_unlock(&pool->mutex);
  if (error == 0)
    return LUATCP_OK;
  /* no thread to be had: late is better than never */
  close_wake(job);
  job->pool = NULL;
  job->run(job);
  return LUATCP_OK;
}

bool luatcp__job_finished(struct luatcp__job *job) {
  struct luatcp__pool *pool = job->pool;
  bool finished;
  if (pool == NULL || !is_own(pool))
    return true;
  pthread_mutex_lock(&pool->mutex);
  finished = job->stage == FINISHED;
  pthread_mutex_unlock(&pool->mutex);
  return finished;
}

void luatcp__job_leave(struct luatcp__job *job) {
  struct luatcp__pool *pool = job->pool;
  bool running = false;
  /* in a child this frees the child's copy; the parent's is not touched */
  if (pool != NULL && is_own(pool)) {
    pthread_mutex_lock(&pool->mutex);
    if (job->stage == QUEUED)
      unqueue(pool, job);
    running = job->stage == RUNNING;
    if (running) {
      job->stage = LEFT;
      close_wake(job);
    }
    pthread_mutex_unlock(&pool->mutex);
  }
  if (!running)
    dispose(job);
}
