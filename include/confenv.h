/* SPDX-License-Identifier: MIT */
/*
 * What the environment says of the options.
 *
 * Each option has TICKD_<NAME>, some the name that the old db-writer read; a librdkafka property
 * has TICKD_KAFKA_<NAME, '_' for '.'>. With _FILE behind it, a variable names a file that holds the
 * value; one newline at its end is cut. An empty variable counts as not set. Both forms at once are
 * refused, and so is a TICKD_ variable that is no option, unless it looks like one of those that
 * Kubernetes makes for a service.
 */
#ifndef TICKD_CONFENV_H
#define TICKD_CONFENV_H

#include "err.h"
#include "setting.h"
#include <stdbool.h>

/* Calls `fn` with each setting found in the NULL-terminated list. False: `e` names the variable. */
bool confenv_read(char *const *environ_, setting_fn *fn, void *ctx, struct err *e)
    __attribute__((warn_unused_result));

/* "TICKD_LINGER_MS" for "linger_ms"; on the heap. */
char *confenv_name(const char *option);

#endif
