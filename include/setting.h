/* SPDX-License-Identifier: MIT */
/*
 * One value on its way from a source into struct config. Plain data, borrowed for the call.
 */
#ifndef TICKD_SETTING_H
#define TICKD_SETTING_H

#include "err.h"
#include <stdbool.h>

struct setting {
    const char *origin; /* "tickd.conf:12", "environment LOG_LEVEL", "command line" */
    const char *name;   /* an option's name, or "kafka." and a property's */
    const char *value;
    const char *exposed; /* why a secret must not come this way, or NULL */
};

/* What a secret in a file that everyone may read is refused with. */
#define SETTING_PUBLIC_FILE                                                                        \
    "a secret in a file that every user may read; chmod 640 it (a mounted secret: mode 0400)"

typedef bool setting_fn(void *ctx, const struct setting *s, struct err *e);

#endif
