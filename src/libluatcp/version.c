/* SPDX-License-Identifier: MIT
 *
 * version.c: what this build of the library is.
 */
#include "poller_backend.h"

#include <string.h>

const char *luatcp_version(void) { return LUATCP_VERSION; }

int luatcp_has_feature(const char *feature) {
  if (strcmp(feature, "ipv6") == 0) {
#ifdef ENABLE_IPV6
    return 1;
#else
    return 0;
#endif
  }
  if (strcmp(feature, "threads") == 0)
    return luatcp__job_has_threads();
  if (strcmp(feature, "epoll") == 0 || strcmp(feature, "kqueue") == 0)
    return strcmp(feature, luatcp__poller_backend.name) == 0;
  return 0;
}
