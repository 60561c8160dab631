/* SPDX-License-Identifier: MIT */
/*
 * Where a database may be found: what libpq takes as comma lists of host, hostaddr and port, as one
 * list.
 *
 * Pure. Owns its strings. Errors never quote what they are about: with a password that is not
 * percent-encoded, parts of it end up in these fields.
 */
#ifndef TICKD_HOSTLIST_H
#define TICKD_HOSTLIST_H

#include "err.h"
#include <stdbool.h>
#include <stddef.h>

/* Absent fields are "". */
struct host {
    char *name; /* DNS name, address, or directory of a unix socket */
    char
        *addr; /* numeric address: goes before the name for connecting, not for TLS and passwords */
    char *port;
};

struct hostlist {
    struct host *items;
    size_t count;
};

enum hostlist_field { HOSTLIST_NAME, HOSTLIST_ADDR, HOSTLIST_PORT };

#define HOSTLIST_MAX 64

void hostlist_init(struct hostlist *l);
void hostlist_fini(struct hostlist *l);
void hostlist_copy(struct hostlist *to, const struct hostlist *from);

/* Takes comma lists (or NULL) by libpq's rules: one port, or one for each host. Nothing at all is
 * one entry with nothing in it: libpq's default. On false `l` is empty. */
bool hostlist_parse(struct hostlist *l, const char *names, const char *addrs, const char *ports,
                    struct err *e) __attribute__((warn_unused_result));

/* Adds copies; false when HOSTLIST_MAX is reached. */
bool hostlist_add(struct hostlist *l, const char *name, const char *addr, const char *port);

/* True if connecting would ask the resolver: a name that is neither an address nor a path. */
bool host_is_name(const struct host *h);
bool hostlist_has_names(const struct hostlist *l);

/* Comma list of one field, beginning with entry `first` modulo count and going round. The caller
 * frees. */
char *hostlist_join(const struct hostlist *l, size_t first, enum hostlist_field field);

#endif
