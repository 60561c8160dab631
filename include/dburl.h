/* SPDX-License-Identifier: MIT */
/*
 * The database's address: what libpq takes, and what the old db-writer took (SQLAlchemy's spelling
 * of URLs), turned into what libpq takes. Pure: nothing is connected to, no name is resolved.
 */
#ifndef TICKD_DBURL_H
#define TICKD_DBURL_H

#include "err.h"
#include <stdbool.h>

/*
 * Replaces `*url` (heap) by what libpq takes; "" stays. False if libpq would not take it; `e` then
 * never holds a part of the value that might be a password.
 *
 * SQLAlchemy's "postgresql+driver://" loses its driver, and its password, which SQLAlchemy takes as
 * it stands up to the '@', is percent-encoded where libpq would stumble. In any URL, parameters
 * that only Python's drivers know are translated (ssl becomes sslmode) or left out (caches and
 * timeouts of the driver; docs/configuration.md lists them). All others are libpq's to accept or
 * refuse.
 */
bool dburl_mend(char **url, struct err *e) __attribute__((warn_unused_result));

/* True if a mended `url` holds a password, of whatever kind. */
bool dburl_has_secret(const char *url);

/* A mended `url` as "key=value ..." with secrets shown as "***"; on the heap. */
char *dburl_mask(const char *url);

#endif
