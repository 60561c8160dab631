/* SPDX-License-Identifier: MIT */
/*
 * Stands in for log.o in tests: keeps the lines instead of writing them.
 */
#ifndef TICKD_FAKELOG_H
#define TICKD_FAKELOG_H

#include <stddef.h>

/* All lines so far, each "level event: message | fields\n". Cut when full. */
const char *fakelog_text(void);
size_t fakelog_count(const char *event);
void fakelog_clear(void);

#endif
