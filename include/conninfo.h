/* SPDX-License-Identifier: MIT */
/*
 * A connection string, parsed once, and the parameters of a connection made from it.
 *
 * Pure, but for the PG* environment variables, which libpq would take too. Owns its strings. Text
 * in errors never comes from the connection string: it may be a password.
 *
 * What the string says goes before what is only a default here (see `defaults` in conninfo.c).
 * tickd insists on some settings, because its SQL depends on them: client_encoding, TimeZone,
 * DateStyle, standard_conforming_strings, application_name. A host that only a service file names
 * is looked up by libpq itself, which holds up the loop.
 */
#ifndef TICKD_CONNINFO_H
#define TICKD_CONNINFO_H

#include "err.h"
#include "hostlist.h"
#include <stdint.h>

struct conninfo;

/* `text` is a URI or key=value. NULL with `e` set if libpq would not take it. */
struct conninfo *conninfo_new(const char *text, struct err *e) __attribute__((warn_unused_result));
void conninfo_free(struct conninfo *c);

/* Where to connect, names not looked up. The caller's to fini. */
void conninfo_hosts(const struct conninfo *c, struct hostlist *out);

/* What tickd asks of the session. */
struct conninfo_session {
    const char *application;
    uint32_t statement_timeout_ms;
    uint32_t lock_timeout_ms;
};

/* For PQconnectStartParams(); both end with NULL. */
struct conninfo_params {
    char **keywords;
    char **values;
    size_t count;
};

/* Parameters to try `hosts`, which must not be empty, beginning with number `first` (modulo count).
 */
void conninfo_params_init(struct conninfo_params *p, const struct conninfo *c,
                          const struct hostlist *hosts, size_t first,
                          const struct conninfo_session *session);
void conninfo_params_fini(struct conninfo_params *p);

/* Overwrites the connection string's passwords in `text` with '*'. Servers and libraries have no
 * reason to repeat them; this is for the day one does. */
void conninfo_mask(const struct conninfo *c, char *text);

#endif
