/* SPDX-License-Identifier: MIT
 *
 * lstream.c: methods that move bytes and count them: patterns, prefixes,
 * ranges and partial results.  How bytes are waited for, the core knows.
 *
 * All arguments are checked before any byte moves, and bytes leave the
 * socket's buffer only once Lua has a copy of them.
 */
#include "lbinding.h"

#include <math.h>

/* Doubles count without gaps up to here, and no string is longer. */
#define COUNT_MAX 9007199254740992.0

/* The memory with which results of unknown size begin. */
#define SMALL_STEP ((size_t)512)
#define LARGE_STEP ((size_t)8192)

/* What large counts have allocated before anything has arrived. */
#define COUNT_STEP ((size_t)1 << 20)

/* Beside the statuses of luatcp.h: the result would be larger than allowed. */
#define OVERSIZED 2

/* ---- receive: arguments ---------------------------------------------- */

enum { WANT_LINE, WANT_RAW_LINE, WANT_ALL, WANT_COUNT };

typedef struct request {
  int want;
  size_t count; /* for WANT_COUNT: what is still to come behind the prefix */
  size_t limit; /* what may come behind the prefix at most */
  const char *prefix;
  size_t prefix_length;
} request;

/* Where a size has 32 bits, more than fits means no limit. */
static size_t to_size(lua_Number count) {
  return count < (lua_Number)SIZE_MAX ? (size_t)count : SIZE_MAX;
}

static size_t check_size(lua_State *L, int arg, int least) {
  int64_t whole;
  if (compat_towhole(L, arg, &whole) && whole >= least &&
      whole <= (int64_t)COUNT_MAX)
    return (uint64_t)whole < SIZE_MAX ? (size_t)whole : SIZE_MAX;
  return to_size(luatcpL_checkwhole(L, arg, least, COUNT_MAX));
}

static void check_count(lua_State *L, request *wanted) {
  wanted->want = WANT_COUNT;
  wanted->count = check_size(L, 2, 0);
}

/* "l", "L" and "a", with a star or without, and the long words "*line" and
 * "*all" that old programs write; -1 for everything else. */
static int pattern_of(const char *pattern, size_t length) {
  if (length > 2) {
    if (length == 5 && memcmp(pattern, "*line", length) == 0)
      return WANT_LINE;
    return length == 4 && memcmp(pattern, "*all", length) == 0 ? WANT_ALL : -1;
  }
  if (length == 2 && *pattern == '*')
    pattern++;
  else if (length != 1)
    return -1;
  switch (*pattern) {
  case 'l':
    return WANT_LINE;
  case 'L':
    return WANT_RAW_LINE;
  case 'a':
    return WANT_ALL;
  default:
    return -1;
  }
}

static void check_pattern(lua_State *L, int type, request *wanted) {
  size_t length;
  const char *pattern = type == LUA_TSTRING ? lua_tolstring(L, 2, &length)
                                            : luaL_checklstring(L, 2, &length);
  wanted->want = pattern_of(pattern, length);
  if (wanted->want >= 0)
    return;
  if (lua_isnumber(L, 2))
    check_count(L, wanted);
  else
    luaL_argerror(L, 2, "invalid receive pattern");
}

/* The limit includes the prefix.  A prefix that fills it or a count beyond it
 * could never succeed. */
static void check_limit(lua_State *L, request *wanted) {
  lua_Number limit = luatcpL_checkwhole(L, 4, 1, COUNT_MAX);
  luaL_argcheck(L, (lua_Number)wanted->prefix_length < limit, 3,
                "prefix is not shorter than the maximal size");
  luaL_argcheck(
      L, wanted->want != WANT_COUNT || (lua_Number)wanted->count <= limit, 4,
      "maximal size is less than the count");
  wanted->limit = to_size(limit) - wanted->prefix_length;
}

static void check_request(lua_State *L, int arguments, request *wanted) {
  int type = arguments < 2 ? LUA_TNIL : lua_type(L, 2);
  wanted->want = WANT_LINE;
  wanted->limit = SIZE_MAX;
  wanted->prefix_length = 0;
  if (type == LUA_TNUMBER)
    check_count(L, wanted);
  else if (type > LUA_TNIL)
    check_pattern(L, type, wanted);
  if (arguments < 3)
    return;
  lua_settop(L, arguments);
  wanted->prefix = luaL_optlstring(L, 3, "", &wanted->prefix_length);
  if (!lua_isnoneornil(L, 4))
    check_limit(L, wanted);
}

/* ---- receive: results ------------------------------------------------ */

/* The value on top is the result, whole or partial.  Programs count on three
 * values in either case. */
static int give(lua_State *L, int status) {
  if (status == LUATCP_OK) {
    lua_pushnil(L);
    lua_pushnil(L);
    return 3;
  }
  if (status != OVERSIZED)
    return luatcpL_failwith(L, status);
  lua_pushnil(L);
  lua_pushliteral(L, "oversized");
  lua_pushvalue(L, -3);
  return 3;
}

/* Gives and consumes what a view shows. */
static int give_view(lua_State *L, luatcp_socket *const *box, int status,
                     const char *data, size_t length) {
  compat_pushview(L, data, length);
  if (*box != NULL) /* the collector may have run */
    luatcp_release(*box);
  return give(L, status);
}

static int give_buffer(lua_State *L, luatcpL_buffer *buffer, int status) {
  luatcpL_pushbuffer(buffer);
  return give(L, status);
}

/* With room for some bytes behind the prefix. */
static void start_buffer(lua_State *L, luatcpL_buffer *buffer,
                         const request *wanted, size_t size) {
  luatcpL_startbuffer(L, buffer, wanted->prefix_length + size);
  if (wanted->prefix_length == 0)
    return;
  memcpy(buffer->data, wanted->prefix, wanted->prefix_length);
  buffer->length = wanted->prefix_length;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* ---- receive: lines -------------------------------------------------- */

/* At the limit a line may still be complete: when nothing but its end comes.
 * A limit that time runs out at is reached all the same, so that a partial
 * result of "timeout" is always fit to be a prefix. */
static int limited_line_end(lua_State *L, luatcp_socket *const *box,
                            luatcp_deadline *deadline, int ends) {
  const char *data;
  size_t length;
  int status;
  if (ends == LUATCP_LINE_RAW)
    return OVERSIZED;
  for (;;) {
    do
      status = luatcp_view(*box, deadline, 1, 1, &data, &length);
    while (luatcpL_again(L, status, box));
    if (status != LUATCP_OK)
      return status == LUATCP_TIMEOUT ? OVERSIZED : status;
    if (*data != '\r' && *data != '\n')
      return OVERSIZED;
    status = *data;
    luatcp_release(*box);
    if (status == '\n')
      return LUATCP_OK;
  }
}

/* A line that is long, limited, or has a prefix. */
static int buffered_line(lua_State *L, luatcp_socket *const *box,
                         luatcp_deadline *deadline, int ends, size_t step,
                         const request *wanted) {
  luatcpL_buffer buffer;
  size_t room = wanted->limit;
  int status;
  start_buffer(L, &buffer, wanted, smaller(step, room));
  do {
    size_t received, size;
    char *data = luatcpL_bufferroom(&buffer, room, &size);
    status = luatcp_recv_line(luatcpL_unbox(L, box), deadline, ends, data, size,
                              &received);
    buffer.length += received;
    room -= received;
  } while ((status == LUATCP_MORE && room > 0) ||
           luatcpL_again(L, status, box));
  if (room == 0 && status == LUATCP_MORE)
    status = limited_line_end(L, box, deadline, ends);
  else if (room == 0 && status == LUATCP_TIMEOUT)
    status = OVERSIZED;
  return give_buffer(L, &buffer, status);
}

static int receive_line(lua_State *L, luatcp_socket *const *box, int ends,
                        request *wanted) {
  luatcp_deadline deadline;
  const char *data;
  size_t length;
  int status;
  luatcp_deadline_start(&deadline, *box);
  if (wanted->prefix_length > 0 || wanted->limit != SIZE_MAX)
    return buffered_line(L, box, &deadline, ends, SMALL_STEP, wanted);
  do
    status = luatcp_view_line(*box, &deadline, ends, &data, &length);
  while (luatcpL_again(L, status, box));
  if (status == LUATCP_MORE || length > COMPAT_VIEW_MAX)
    return buffered_line(L, box, &deadline, ends, length + 1, wanted);
  return give_view(L, box, status, data, length);
}

/* ---- receive: counts ------------------------------------------------- */

/* Nothing is wanted but to know whether the connection is alive. */
static int receive_test(lua_State *L, luatcp_socket *const *box) {
  luatcp_deadline deadline;
  int status;
  luatcp_deadline_start(&deadline, *box);
  do
    status = luatcp_recv_test(*box, &deadline);
  while (luatcpL_again(L, status, box));
  lua_pushliteral(L, "");
  return give(L, status);
}

/* Memory grows with what has arrived: a count that nobody ever sends costs
 * COUNT_STEP. */
static int buffered_count(lua_State *L, luatcp_socket *const *box,
                          const request *wanted) {
  luatcpL_buffer buffer;
  luatcp_deadline deadline;
  size_t missing = wanted->count;
  int status;
  luatcp_deadline_start(&deadline, *box);
  start_buffer(L, &buffer, wanted, smaller(COUNT_STEP, missing));
  do {
    size_t received, size;
    char *data = luatcpL_bufferroom(&buffer, missing, &size);
    status = luatcp_recv_count(luatcpL_unbox(L, box), &deadline, data, size,
                               &received);
    buffer.length += received;
    missing -= received;
  } while ((status == LUATCP_OK && missing > 0) ||
           luatcpL_again(L, status, box));
  return give_buffer(L, &buffer, status);
}

static int receive_count(lua_State *L, luatcp_socket *const *box,
                         request *wanted) {
  luatcp_deadline deadline;
  const char *data;
  size_t length;
  int status;
  if (wanted->count <= wanted->prefix_length) {
    if (wanted->prefix_length == 0)
      return receive_test(L, box);
    lua_settop(L, 3);
    return give(L, LUATCP_OK); /* the prefix */
  }
  wanted->count -= wanted->prefix_length;
  if (wanted->prefix_length > 0 ||
      wanted->count > smaller(LUATCP_VIEW_MAX, COMPAT_VIEW_MAX))
    return buffered_count(L, box, wanted);
  luatcp_deadline_start(&deadline, *box);
  do
    status = luatcp_view(*box, &deadline, wanted->count, wanted->count, &data,
                         &length);
  while (luatcpL_again(L, status, box));
  return give_view(L, box, status, data, length);
}

/* ---- receive: all ---------------------------------------------------- */

/* The end of the stream counts for more than the limit. */
static int limited_all_end(lua_State *L, luatcp_socket *const *box,
                           luatcp_deadline *deadline) {
  int status;
  do
    status = luatcp_recv_test(*box, deadline);
  while (luatcpL_again(L, status, box));
  if (status == LUATCP_CLOSED)
    return LUATCP_OK;
  return status == LUATCP_OK || status == LUATCP_TIMEOUT ? OVERSIZED : status;
}

static int receive_all(lua_State *L, luatcp_socket *const *box,
                       const request *wanted) {
  luatcpL_buffer buffer;
  luatcp_deadline deadline;
  size_t total = 0;
  int status;
  luatcp_deadline_start(&deadline, *box);
  start_buffer(L, &buffer, wanted, smaller(LARGE_STEP, wanted->limit));
  do {
    size_t received, size;
    char *data = luatcpL_bufferroom(&buffer, wanted->limit - total, &size);
    status = luatcp_recv_until_closed(luatcpL_unbox(L, box), &deadline, data,
                                      size, &received);
    buffer.length += received;
    total += received;
  } while ((status == LUATCP_MORE && total < wanted->limit) ||
           luatcpL_again(L, status, box));
  if (total == wanted->limit && status == LUATCP_MORE)
    status = limited_all_end(L, box, &deadline);
  else if (total == wanted->limit && status == LUATCP_TIMEOUT)
    status = OVERSIZED;
  if (status == LUATCP_OK && total == 0)
    status = LUATCP_CLOSED; /* an end with nothing before it is a failure */
  return give_buffer(L, &buffer, status);
}

static int method_receive(lua_State *L) {
  request wanted;
  int arguments = lua_gettop(L);
  luatcp_socket **box = luatcpL_checkself(L, LUATCP_CLIENT);
  check_request(L, arguments, &wanted);
  switch (wanted.want) {
  case WANT_LINE:
    return receive_line(L, box, LUATCP_LINE_TEXT, &wanted);
  case WANT_COUNT:
    return receive_count(L, box, &wanted);
  case WANT_RAW_LINE:
    return receive_line(L, box, LUATCP_LINE_RAW, &wanted);
  default:
    return receive_all(L, box, &wanted);
  }
}

/* ---- receiveany ------------------------------------------------------ */

/* What is there is more than a view shows, or than may be pushed from one. */
static int buffered_any(lua_State *L, luatcp_socket *const *box,
                        luatcp_deadline *deadline, size_t size) {
  luatcpL_buffer buffer;
  char *data;
  int status;
  luatcpL_startbuffer(L, &buffer, size);
  data = luatcpL_bufferroom(&buffer, size, &size);
  do
    status = luatcp_recv(luatcpL_unbox(L, box), deadline, data, size,
                         &buffer.length);
  while (luatcpL_again(L, status, box));
  return give_buffer(L, &buffer, status);
}

static int method_receiveany(lua_State *L) {
  luatcp_socket **box = luatcpL_checkclass(L, LUATCP_CLIENT);
  size_t maximum = check_size(L, 2, 1);
  luatcp_deadline deadline;
  const char *data;
  size_t length;
  int status;
  luatcp_deadline_start(&deadline, *box);
  do
    status = luatcp_view(*box, &deadline, 1, smaller(maximum, LUATCP_VIEW_MAX),
                         &data, &length);
  while (luatcpL_again(L, status, box));
  if (length == LUATCP_VIEW_MAX && maximum > length)
    return buffered_any(L, box, &deadline, smaller(maximum, COUNT_STEP));
  if (length > COMPAT_VIEW_MAX)
    return buffered_any(L, box, &deadline, length);
  return give_view(L, box, status, data, length);
}

/* ---- send ------------------------------------------------------------ */

typedef struct range {
  const char *data;
  size_t size;
  size_t start; /* bytes of the string before data */
} range;

/* A position as in string.sub: negative ones count from the end.  Infinity
 * will do for a position, NaN will not. */
static lua_Number check_position(lua_State *L, int arg, size_t size) {
  lua_Number position = luatcpL_checkwhole(L, arg, -HUGE_VAL, HUGE_VAL);
  return position < 0 ? position + (lua_Number)size + 1 : position;
}

static void check_range(lua_State *L, range *part) {
  size_t size = part->size;
  lua_Number first = 1, last = (lua_Number)size;
  if (!lua_isnoneornil(L, 3))
    first = check_position(L, 3, size);
  if (!lua_isnoneornil(L, 4))
    last = check_position(L, 4, size);
  if (first < 1)
    first = 1;
  if (last > (lua_Number)size)
    last = (lua_Number)size;
  /* where nothing is sent, the last index sent is the one before the first;
     no sane program looks at it beyond the end */
  part->start = to_size(first <= COUNT_MAX ? first - 1 : (lua_Number)size);
  part->size = last >= first ? (size_t)(last - first) + 1 : 0;
  part->data += part->size > 0 ? part->start : 0;
}

static int method_send(lua_State *L) {
  int status, arguments = lua_gettop(L);
  luatcp_socket **box = luatcpL_checkself(L, LUATCP_CLIENT);
  luatcp_deadline deadline;
  range part;
  size_t total = 0;
  part.start = 0;
  if (arguments == 2 && lua_type(L, 2) == LUA_TSTRING)
    part.data = lua_tolstring(L, 2, &part.size);
  else {
    lua_settop(L, arguments);
    part.data = luaL_checklstring(L, 2, &part.size);
    check_range(L, &part);
  }
  luatcp_deadline_start(&deadline, *box);
  do {
    size_t sent;
    status = luatcp_send(*box, &deadline, part.data + total, part.size - total,
                         &sent);
    total += sent;
  } while (luatcpL_again(L, status, box));
  compat_pushinteger(L, (int64_t)(part.start + total));
  return give(L, status);
}

/* ---- The buffer and the statistics ----------------------------------- */

static int method_dirty(lua_State *L) {
  luatcp_socket **box = luatcpL_checkbox(L);
  lua_pushboolean(L, *box != NULL && luatcp_buffered(*box) > 0);
  return 1;
}

static int method_getstats(lua_State *L) {
  luatcp_statistics statistics;
  luatcp_get_statistics(*luatcpL_checkany(L), &statistics);
  compat_pushinteger(L, (int64_t)statistics.received);
  compat_pushinteger(L, (int64_t)statistics.sent);
  lua_pushnumber(L, statistics.age);
  return 3;
}

/* What is not given stays as it is. */
static int method_setstats(lua_State *L) {
  luatcp_statistics statistics;
  luatcp_socket **box = luatcpL_checkany(L);
  luatcp_get_statistics(*box, &statistics);
  if (!lua_isnoneornil(L, 2))
    statistics.received = (uint64_t)luatcpL_checkwhole(L, 2, 0, COUNT_MAX);
  if (!lua_isnoneornil(L, 3))
    statistics.sent = (uint64_t)luatcpL_checkwhole(L, 3, 0, COUNT_MAX);
  statistics.age = luaL_optnumber(L, 4, statistics.age);
  luaL_argcheck(L, statistics.age - statistics.age == 0, 4, /* NaN, inf */
                "number out of range");
  return luatcpL_result(L, luatcp_set_statistics(*box, &statistics));
}

const luaL_Reg luatcpL_stream_methods[] = {{"dirty", method_dirty},
                                           {"getstats", method_getstats},
                                           {"receive", method_receive},
                                           {"receiveany", method_receiveany},
                                           {"send", method_send},
                                           {"setstats", method_setstats},
                                           {NULL, NULL}};
