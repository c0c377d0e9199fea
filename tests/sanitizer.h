/* SPDX-License-Identifier: MIT
 *
 * sanitizer.h: THREAD_SANITIZER where a program is built with it.  There a
 * child of a process that had threads can't have any.
 */
#ifndef SANITIZER_H
#define SANITIZER_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#endif

#endif
