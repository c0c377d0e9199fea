/* SPDX-License-Identifier: MIT
 *
 * resolve.c: lookups of hosts and addresses: what the system's resolver is
 * asked, and how it answers.  How a lookup keeps a deadline is settled in
 * resolve_thread.c and resolve_direct.c.
 */
#include "internal.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Lists of addresses ---------------------------------------------- */

size_t luatcp_addresses_count(const luatcp_addresses *addresses) {
  return addresses->count;
}

int luatcp_addresses_get(const luatcp_addresses *addresses, size_t index,
                         luatcp_name *name) {
  *name = (luatcp_name){0};
  if (index >= addresses->count)
    return LUATCP_INVALID_ARGUMENT;
  return luatcp__address_name(&addresses->list[index], name);
}

const char *luatcp_addresses_canonical_name(const luatcp_addresses *addresses) {
  return addresses->canonical_name;
}

void luatcp_addresses_free(luatcp_addresses *addresses) { free(addresses); }

/* Room for count addresses, none of them there yet, and the name. */
static luatcp_addresses *new_addresses(size_t count, const char *name) {
  size_t size =
      sizeof(luatcp_addresses) + count * sizeof(struct luatcp__address);
  size_t name_size = name != NULL ? strlen(name) + 1 : 0;
  luatcp_addresses *addresses = malloc(size + name_size);
  if (addresses == NULL)
    return NULL;
  addresses->count = 0;
  addresses->canonical_name = NULL;
  if (name != NULL) {
    addresses->canonical_name = (char *)addresses + size;
    memcpy(addresses->canonical_name, name, name_size);
  }
  return addresses;
}

/* Some resolvers list an address once for each line of the hosts file. */
static bool listed(const luatcp_addresses *addresses,
                   const struct luatcp__address *address) {
  size_t i;
  for (i = 0; i < addresses->count; i++)
    if (luatcp__address_equal(&addresses->list[i], address))
      return true;
  return false;
}

static void add_address(luatcp_addresses *addresses,
                        const struct addrinfo *info) {
  struct luatcp__address *address = &addresses->list[addresses->count];
  if (info->ai_addrlen > sizeof address->sockaddr)
    return;
  memset(address, 0, sizeof *address);
  memcpy(&address->sockaddr, info->ai_addr, info->ai_addrlen);
  address->length = (socklen_t)info->ai_addrlen;
  if (luatcp__address_family(address) != LUATCP_UNSPEC &&
      !listed(addresses, address))
    addresses->count++;
}

static int collect(const struct addrinfo *infos, const char *host,
                   luatcp_addresses **addresses) {
  const struct addrinfo *info;
  const char *name = infos->ai_canonname != NULL ? infos->ai_canonname : host;
  size_t count = 0;
  for (info = infos; info != NULL; info = info->ai_next)
    count++;
  *addresses = new_addresses(count, name);
  if (*addresses == NULL)
    return -ENOMEM;
  for (info = infos; info != NULL; info = info->ai_next)
    add_address(*addresses, info);
  if ((*addresses)->count > 0)
    return LUATCP_OK;
  luatcp_addresses_free(*addresses);
  *addresses = NULL;
  return LUATCP_LOOKUP_NO_NAME;
}

/* ---- Jobs under a deadline ------------------------------------------- */

/* Has a job done, by this thread where the caller would wait for ever anyhow.
 * The job is the caller's to read and leave when it says LUATCP_OK, and gone
 * otherwise.  Signals do not end the wait: there would be no going on. */
static int run_job(struct luatcp__job *job, luatcp_deadline *deadline) {
  int status;
  if (luatcp__unlimited(deadline)) {
    job->run(job);
    return LUATCP_OK;
  }
  status = luatcp__job_start(job);
  if (status != LUATCP_OK) {
    job->dispose(job);
    return status;
  }
  while (!luatcp__job_finished(job)) {
    status = luatcp__wait_one(job->descriptor, POLLIN, deadline);
    if (status == LUATCP_TIMEOUT && !luatcp__job_finished(job)) {
      luatcp__job_leave(job);
      return status;
    }
  }
  return LUATCP_OK;
}

/* ---- From a host to addresses ---------------------------------------- */

struct luatcp__lookup {
  struct luatcp__job job; /* first: a job is its lookup */
  int family;
  int flags;
  int status;
  luatcp_addresses *addresses;
  const char *service; /* behind host; NULL: none */
  char host[];
};

static int system_family(int family) {
#ifdef ENABLE_IPV6
  if (family == LUATCP_INET6)
    return AF_INET6;
  return family == LUATCP_INET ? AF_INET : AF_UNSPEC;
#else
  (void)family;
  return AF_INET;
#endif
}

static bool is_wildcard(const char *host, int flags) {
  return flags & LUATCP__PASSIVE && strcmp(host, "*") == 0;
}

/* The wildcard of a socket that may have either family is that of IPv4. */
static int wildcard_family(int family) {
  return family == LUATCP_INET6 ? LUATCP_INET6 : LUATCP_INET;
}

static void run_lookup(struct luatcp__job *job) {
  struct luatcp__lookup *lookup = (struct luatcp__lookup *)job;
  bool wildcard = is_wildcard(lookup->host, lookup->flags);
  struct addrinfo hints = {0}, *infos = NULL;
  int code;
  hints.ai_family = system_family(wildcard ? wildcard_family(lookup->family)
                                           : lookup->family);
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_protocol = IPPROTO_TCP;
  if (lookup->flags & LUATCP__PASSIVE)
    hints.ai_flags |= AI_PASSIVE;
  if (lookup->flags & LUATCP__CANONICAL)
    hints.ai_flags |= AI_CANONNAME;
  code = getaddrinfo(wildcard ? NULL : lookup->host, lookup->service, &hints,
                     &infos);
  lookup->status = luatcp__lookup_error(code, errno);
  if (lookup->status == LUATCP_LOOKUP_SERVICE)
    lookup->status = LUATCP_INVALID_PORT; /* it was no number either */
  if (lookup->status == LUATCP_OK)
    lookup->status = collect(infos, lookup->host, &lookup->addresses);
  if (infos != NULL)
    freeaddrinfo(infos);
}

static void dispose_lookup(struct luatcp__job *job) {
  struct luatcp__lookup *lookup = (struct luatcp__lookup *)job;
  luatcp_addresses_free(lookup->addresses);
  free(lookup);
}

static struct luatcp__lookup *new_lookup(const char *host, const char *service,
                                         int family, int flags) {
  size_t host_size = strlen(host) + 1;
  size_t service_size = service != NULL ? strlen(service) + 1 : 0;
  struct luatcp__lookup *lookup =
      malloc(sizeof *lookup + host_size + service_size);
  if (lookup == NULL)
    return NULL;
  memset(lookup, 0, sizeof *lookup);
  lookup->job.run = run_lookup;
  lookup->job.dispose = dispose_lookup;
  lookup->job.descriptor = lookup->job.wake_descriptor = -1;
  lookup->family = family;
  lookup->flags = flags;
  lookup->status = LUATCP_LOOKUP_AGAIN;
  memcpy(lookup->host, host, host_size);
  if (service != NULL) {
    memcpy(lookup->host + host_size, service, service_size);
    lookup->service = lookup->host + host_size;
  }
  return lookup;
}

/* Parses what needs no resolver into one address. */
static int parse(const char *host, const char *service, int family, int flags,
                 struct luatcp__address *address) {
  unsigned port = 0;
  int status = service != NULL ? luatcp__parse_port(service, &port) : LUATCP_OK;
#ifndef ENABLE_IPV6
  if (family == LUATCP_INET6)
    return -EAFNOSUPPORT;
#endif
  if (status != LUATCP_OK)
    return status;
  if (is_wildcard(host, flags)) {
    luatcp__address_wildcard(address, wildcard_family(family), port);
    return LUATCP_OK;
  }
  if (host[0] == '\0')
    return LUATCP_LOOKUP_NO_NAME;
  if (!luatcp__address_parse(address, host, port))
    return LUATCP_MORE;
  return family == LUATCP_UNSPEC || luatcp__address_family(address) == family
             ? LUATCP_OK
             : LUATCP_LOOKUP_NO_NAME;
}

int luatcp__resolve_numeric(const char *host, const char *service, int family,
                            int flags, luatcp_addresses **addresses) {
  struct luatcp__address address;
  int status = parse(host, service, family, flags, &address);
  *addresses = NULL;
  if (status != LUATCP_OK)
    return status;
  *addresses = new_addresses(1, flags & LUATCP__CANONICAL ? host : NULL);
  if (*addresses == NULL)
    return -ENOMEM;
  (*addresses)->list[0] = address;
  (*addresses)->count = 1;
  return LUATCP_OK;
}

int luatcp__lookup_start(const char *host, const char *service, int family,
                         int flags, struct luatcp__lookup **lookup) {
  int status;
  *lookup = new_lookup(host, service, family, flags);
  if (*lookup == NULL)
    return -ENOMEM;
  status = luatcp__job_start(&(*lookup)->job);
  if (status != LUATCP_OK) {
    dispose_lookup(&(*lookup)->job);
    *lookup = NULL;
  }
  return status;
}

int luatcp__lookup_descriptor(const struct luatcp__lookup *lookup) {
  return lookup->job.descriptor;
}

bool luatcp__lookup_finished(struct luatcp__lookup *lookup) {
  return luatcp__job_finished(&lookup->job);
}

/* Takes the result out of a finished lookup and ends it. */
static int take_result(struct luatcp__lookup *lookup,
                       luatcp_addresses **addresses) {
  int status = lookup->status;
  *addresses = lookup->addresses;
  lookup->addresses = NULL;
  luatcp__job_leave(&lookup->job);
  return status;
}

int luatcp__lookup_finish(struct luatcp__lookup *lookup,
                          luatcp_addresses **addresses) {
  *addresses = NULL;
  if (!luatcp__job_finished(&lookup->job))
    return -EINPROGRESS;
  return take_result(lookup, addresses);
}

void luatcp__lookup_abandon(struct luatcp__lookup *lookup) {
  luatcp__job_leave(&lookup->job);
}

int luatcp__resolve_name(luatcp_deadline *deadline, const char *host,
                         const char *service, int family, int flags,
                         luatcp_addresses **addresses) {
  struct luatcp__lookup *lookup;
  int status;
  *addresses = NULL;
  lookup = new_lookup(host, service, family, flags);
  if (lookup == NULL)
    return -ENOMEM;
  status = run_job(&lookup->job, deadline);
  return status == LUATCP_OK ? take_result(lookup, addresses) : status;
}

int luatcp__resolve(luatcp_deadline *deadline, const char *host,
                    const char *service, int family, int flags,
                    luatcp_addresses **addresses) {
  int status = luatcp__resolve_numeric(host, service, family, flags, addresses);
  return status == LUATCP_MORE ? luatcp__resolve_name(deadline, host, service,
                                                      family, flags, addresses)
                               : status;
}

int luatcp_lookup(luatcp_deadline *deadline, const char *host,
                  const char *service, int family,
                  luatcp_addresses **addresses) {
  luatcp_deadline never;
  *addresses = NULL;
  if (family != LUATCP_UNSPEC && family != LUATCP_INET &&
      family != LUATCP_INET6)
    return LUATCP_INVALID_ARGUMENT;
  return luatcp__resolve(luatcp__deadline_or_never(deadline, &never), host,
                         service, family, LUATCP__CANONICAL, addresses);
}

/* ---- From an address to names ---------------------------------------- */

struct reverse {
  struct luatcp__job job; /* first: a job is its reverse lookup */
  struct luatcp__address address;
  int status;
  char host[LUATCP_HOST_SIZE];
  char service[LUATCP_SERVICE_SIZE];
};

static void run_reverse(struct luatcp__job *job) {
  struct reverse *reverse = (struct reverse *)job;
  int code = getnameinfo(
      &reverse->address.sockaddr.any, reverse->address.length, reverse->host,
      sizeof reverse->host, reverse->service, sizeof reverse->service, 0);
  reverse->status = luatcp__lookup_error(code, errno);
}

static void dispose_reverse(struct luatcp__job *job) { free(job); }

static int copy_result(char *to, size_t size, const char *text) {
  if (size == 0)
    return LUATCP_OK;
  if (strlen(text) >= size)
    return LUATCP_LOOKUP_OVERFLOW;
  memcpy(to, text, strlen(text) + 1);
  return LUATCP_OK;
}

int luatcp_reverse_lookup(luatcp_deadline *deadline, const luatcp_name *name,
                          char *host, size_t host_size, char *service,
                          size_t service_size) {
  luatcp_deadline never;
  struct reverse *reverse;
  int status;
  if (host_size > 0)
    host[0] = '\0';
  if (service_size > 0)
    service[0] = '\0';
  if (name->port < 0 || name->port > 65535)
    return LUATCP_INVALID_PORT;
  reverse = calloc(1, sizeof *reverse);
  if (reverse == NULL)
    return -ENOMEM;
  reverse->job.run = run_reverse;
  reverse->job.dispose = dispose_reverse;
  reverse->job.descriptor = reverse->job.wake_descriptor = -1;
  reverse->status = LUATCP_LOOKUP_AGAIN;
  if (!luatcp__address_parse(&reverse->address, name->address,
                             (unsigned)name->port)) {
    free(reverse);
    return LUATCP_INVALID_ARGUMENT;
  }
  status = run_job(&reverse->job, luatcp__deadline_or_never(deadline, &never));
  if (status != LUATCP_OK)
    return status;
  status = reverse->status;
  if (status == LUATCP_OK)
    status = copy_result(host, host_size, reverse->host);
  if (status == LUATCP_OK)
    status = copy_result(service, service_size, reverse->service);
  luatcp__job_leave(&reverse->job);
  return status;
}

int luatcp_host_name(char *name, size_t size) {
  if (size == 0)
    return LUATCP_INVALID_ARGUMENT;
  /* whether a name that was cut has a NUL is not specified */
  name[size - 1] = '\0';
  if (gethostname(name, size - 1) < 0) {
    name[0] = '\0';
    return errno == ENAMETOOLONG ? LUATCP_LOOKUP_OVERFLOW : -errno;
  }
  return LUATCP_OK;
}
