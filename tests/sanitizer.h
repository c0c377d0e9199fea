/* SPDX-License-Identifier: MIT
 *
 * sanitizer.h: THREAD_SANITIZER and ADDRESS_SANITIZER where a program is built
 * with them.  With the first, a child of a process that had threads can't have
 * any.
 */
#ifndef SANITIZER_H
#define SANITIZER_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#else
#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#endif
#endif

#endif
