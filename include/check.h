/* SPDX-License-Identifier: MIT */
/*
 * `tickd check`: looks at everything the daemon depends on, once, and prints what it found as a
 * table.
 */
#ifndef TICKD_CHECK_H
#define TICKD_CHECK_H

#include "config.h"

/* Exit code: EXIT_OK only if all is well, EXIT_CONFIG if librdkafka refuses the configuration, else
 * EXIT_RUNTIME. Blocks, for some seconds at most if a side does not answer. */
int check_run(const struct config *config);

#endif
