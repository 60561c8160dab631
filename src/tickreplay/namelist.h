/* SPDX-License-Identifier: MIT */
/*
 * Names and their numbers, 0 to 65534. Owns copies of the names. Pure.
 */
#ifndef TICKREPLAY_NAMELIST_H
#define TICKREPLAY_NAMELIST_H

#include <stddef.h>
#include <stdint.h>

#define NAMELIST_NONE UINT16_MAX

struct namelist {
    char **names;
    size_t count;
    uint16_t *index; /* open addressing; number + 1, 0 = free */
    size_t size;     /* power of two */
};

void namelist_init(struct namelist *l);
void namelist_fini(struct namelist *l);

/* The number of a name, or NAMELIST_NONE. */
uint16_t namelist_find(const struct namelist *l, const char *name, size_t len);

/* The same, but a new name gets the next number; NONE if there are no more. */
uint16_t namelist_add(struct namelist *l, const char *name, size_t len);

#endif
