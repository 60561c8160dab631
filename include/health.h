/* SPDX-License-Identifier: MIT */
/*
 * tickd health: asks a running tickd whether it is ready, over its own HTTP address. For health
 * checks of containers, where there is no other client.
 */
#ifndef TICKD_HEALTH_H
#define TICKD_HEALTH_H

#include "config.h"

/* Prints what is missing. EXIT_OK if ticks can flow, EXIT_RUNTIME if not or if nobody answers
 * within a few seconds. */
int health_run(const struct config *config);

#endif
