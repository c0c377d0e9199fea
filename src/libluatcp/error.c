/* SPDX-License-Identifier: MIT
 *
 * error.c: names and messages of errors, and the translation of the
 * resolver's.  Nobody else turns an error into text.
 */
#include "internal.h"

#include <errno.h>
#include <locale.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

/* System errors whose message programs know by LuaSocket's word for it, or
 * whose wording differs between systems. */
static const struct {
  int number;
  const char *message;
} known_messages[] = {
    {EADDRINUSE, "address already in use"},
    {EISCONN, "already connected"},
    {EACCES, "permission denied"},
    {ECONNREFUSED, "connection refused"},
    {ECONNABORTED, "closed"},
    {ECONNRESET, "closed"},
    {EPIPE, "closed"},
    {ETIMEDOUT, "timeout"},
    {EALREADY, "Operation already in progress"},
};

/* Those that have numbers of their own on every system. */
/* clang-format off */
#define SYSTEM_ERRORS(X)                                                       \
  X(EACCES) X(EADDRINUSE) X(EADDRNOTAVAIL) X(EAFNOSUPPORT) X(EAGAIN)           \
  X(EALREADY) X(EBADF) X(ECONNABORTED) X(ECONNREFUSED) X(ECONNRESET) X(EDOM)   \
  X(EEXIST) X(EFAULT) X(EHOSTUNREACH) X(EINPROGRESS) X(EINTR) X(EINVAL)        \
  X(EIO) X(EISCONN) X(EMFILE) X(EMSGSIZE) X(ENETDOWN) X(ENETRESET)             \
  X(ENETUNREACH) X(ENFILE) X(ENOBUFS) X(ENODEV) X(ENOENT) X(ENOMEM)            \
  X(ENOPROTOOPT) X(ENOSYS) X(ENOTCONN) X(ENOTSOCK) X(EOPNOTSUPP) X(EPERM)      \
  X(EPIPE) X(EPROTO) X(EPROTONOSUPPORT) X(EPROTOTYPE) X(ERANGE) X(ETIMEDOUT)
/* clang-format on */

static void copy_text(char *buffer, size_t size, const char *text) {
  size_t length = strlen(text);
  if (size == 0)
    return;
  if (length >= size)
    length = size - 1;
  memcpy(buffer, text, length);
  buffer[length] = '\0';
}

/* strerror(3) proper may use static memory and the program's language. */
static void copy_system_text(int number, char *buffer, size_t size) {
#if defined(HAVE_STRERROR_L) && defined(HAVE_NEWLOCALE)
  locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (locale != (locale_t)0) {
    copy_text(buffer, size, strerror_l(number, locale));
    freelocale(locale);
    return;
  }
#endif
  if (size > 0)
    snprintf(buffer, size, "system error %d", number);
}

static void copy_system_message(int number, char *buffer, size_t size) {
  size_t i;
  for (i = 0; i < sizeof known_messages / sizeof known_messages[0]; i++)
    if (known_messages[i].number == number) {
      copy_text(buffer, size, known_messages[i].message);
      return;
    }
  copy_system_text(number, buffer, size);
}

char *luatcp_strerror(int error, char *buffer, size_t size) {
  switch (error) {
  case LUATCP_OK:
    copy_text(buffer, size, "no error");
    break;
  case LUATCP_MORE:
    copy_text(buffer, size, "more to come");
    break;
#define MESSAGE_CASE(symbol, number, message)                                  \
  case symbol:                                                                 \
    copy_text(buffer, size, message);                                          \
    break;
    LUATCP_ERRORS(MESSAGE_CASE)
#undef MESSAGE_CASE
  default:
    if (luatcp_error_number(error) != 0)
      copy_system_message(luatcp_error_number(error), buffer, size);
    else if (size > 0)
      snprintf(buffer, size, "unknown error %d", error);
  }
  return buffer;
}

const char *luatcp_error_name(int error) {
  switch (error) {
  case LUATCP_OK:
    return "LUATCP_OK";
  case LUATCP_MORE:
    return "LUATCP_MORE";
#define NAME_CASE(symbol, number, message)                                     \
  case symbol:                                                                 \
    return #symbol;
    LUATCP_ERRORS(NAME_CASE)
#undef NAME_CASE
#define SYSTEM_CASE(symbol)                                                    \
  case -symbol:                                                                \
    return #symbol;
    SYSTEM_ERRORS(SYSTEM_CASE)
#undef SYSTEM_CASE
  default:
    return "";
  }
}

int luatcp_error_number(int error) {
  /* below -4096 begin the library's own, on every system known */
  return error < 0 && error > -4096 ? -error : 0;
}

int luatcp__lookup_error(int code, int system_error) {
  switch (code) {
  case 0:
    return LUATCP_OK;
  case EAI_AGAIN:
    return LUATCP_LOOKUP_AGAIN;
  case EAI_BADFLAGS:
    return LUATCP_LOOKUP_FLAGS;
  case EAI_FAIL:
    return LUATCP_LOOKUP_FAILED;
  case EAI_FAMILY:
    return LUATCP_LOOKUP_FAMILY;
  case EAI_MEMORY:
    return -ENOMEM;
#ifdef EAI_OVERFLOW
  case EAI_OVERFLOW:
    return LUATCP_LOOKUP_OVERFLOW;
#endif
  case EAI_SERVICE:
    return LUATCP_LOOKUP_SERVICE;
  case EAI_SOCKTYPE:
    return LUATCP_LOOKUP_SOCKTYPE;
  case EAI_SYSTEM:
    return system_error > 0 ? -system_error : LUATCP_LOOKUP_FAILED;
  default:
    /* EAI_NONAME, and what some systems say besides: EAI_NODATA (a name
       without addresses), EAI_ADDRFAMILY (none of the family asked for) */
    return LUATCP_LOOKUP_NO_NAME;
  }
}
