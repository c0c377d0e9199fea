/* SPDX-License-Identifier: MIT
 *
 * child.h: forks a child while threads of the library may be at work.
 */
#ifndef CHILD_H
#define CHILD_H

#include "../sanitizer.h"
#include "must.h"

#include <dirent.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

static bool is_child;

#ifdef ADDRESS_SANITIZER
/* The child has what its parent's threads had allocated, but not them: the leak
 * sanitizer asks here whether to look. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return is_child; }
#endif

/* False too where this can't be known. */
static bool a_thread_runs(void) {
  DIR *directory = opendir("/proc/self/task");
  struct dirent *entry;
  int running = 0;
  if (directory == NULL)
    return false;
  while ((entry = readdir(directory)) != NULL) {
    char name[300], state = 'S';
    FILE *file;
    (void)snprintf(name, sizeof name, "/proc/self/task/%s/stat", entry->d_name);
    if (entry->d_name[0] == '.' || (file = fopen(name, "r")) == NULL)
      continue;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) == 1)
      running += state != 'S';
    (void)fclose(file);
  }
  (void)closedir(directory);
  return running > 1; /* this thread does */
}

/* The C library's own locks, which a thread has while it begins a lookup, would
 * stay locked in the child: forks once the threads wait for something. */
static pid_t fork_child(void) {
  int quiet, tries = 3000;
  pid_t child;
  for (quiet = 0; quiet < 2 && tries-- > 0; (void)poll(NULL, 0, 10))
    quiet = a_thread_runs() ? 0 : quiet + 1;
  (void)fflush(NULL);
  child = fork();
  MUST(child >= 0);
  if (child == 0) {
    is_child = true;
    (void)alarm(60);
  }
  return child;
}

#endif
