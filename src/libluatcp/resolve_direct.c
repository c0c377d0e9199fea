/* SPDX-License-Identifier: MIT
 *
 * resolve_direct.c: jobs without threads (--disable-threads).  A job runs
 * where it is started, so a lookup takes the time that the resolver takes,
 * whatever the deadline.
 */
#include "internal.h"

#include <unistd.h>

int luatcp__process(void) { return (int)getpid(); }

bool luatcp__job_has_threads(void) { return false; }

int luatcp__job_start(struct luatcp__job *job) {
  job->run(job);
  return LUATCP_OK;
}

bool luatcp__job_finished(struct luatcp__job *job) {
  (void)job;
  return true;
}

void luatcp__job_leave(struct luatcp__job *job) { job->dispose(job); }
