/* SPDX-License-Identifier: MIT */
/*
 * The daemon's life: makes the parts, wires them to each other, runs the loop until it is told to
 * stop, and takes them down in reverse order.
 */
#ifndef TICKD_APP_H
#define TICKD_APP_H

#include "config.h"

/* Exit codes of the program. */
#define EXIT_OK      0
#define EXIT_RUNTIME 1
#define EXIT_USAGE   2
#define EXIT_CONFIG  78 /* EX_CONFIG of sysexits.h */

/* Runs until SIGTERM or SIGINT. `source` is read again on SIGHUP; `config` is changed by that.
 * Returns the exit code. */
int app_run(struct config *config, const struct config_source *source);

#endif
