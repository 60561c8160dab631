/* SPDX-License-Identifier: MIT */
#include "namelist.h"

#include "err.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 256

void namelist_init(struct namelist *l)
{
    *l = (struct namelist){.size = FIRST_SIZE};
    l->index = err_calloc(l->size, sizeof *l->index);
}

void namelist_fini(struct namelist *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->names[i]);
    free(l->names);
    free(l->index);
    *l = (struct namelist){0};
}

/* The place of a name in the index, or the free one where it belongs. */
static size_t probe(const struct namelist *l, const char *name, size_t len)
{
    uint32_t h = 2166136261U; /* FNV-1a, 32 bit */
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)name[i]) * 16777619U;
    size_t at = h & (l->size - 1);
    while (l->index[at] != 0) {
        const char *known = l->names[l->index[at] - 1];
        if (strncmp(known, name, len) == 0 && known[len] == '\0')
            break;
        at = (at + 1) & (l->size - 1);
    }
    return at;
}

uint16_t namelist_find(const struct namelist *l, const char *name, size_t len)
{
    uint16_t number = l->index[probe(l, name, len)];
    return number ? (uint16_t)(number - 1) : NAMELIST_NONE;
}

static void grow(struct namelist *l)
{
    l->size *= 2;
    free(l->index);
    l->index = err_calloc(l->size, sizeof *l->index);
    for (size_t i = 0; i < l->count; i++)
        l->index[probe(l, l->names[i], strlen(l->names[i]))] = (uint16_t)(i + 1);
}

uint16_t namelist_add(struct namelist *l, const char *name, size_t len)
{
    size_t at = probe(l, name, len);
    if (l->index[at] != 0)
        return (uint16_t)(l->index[at] - 1);
    if (l->count == NAMELIST_NONE)
        return NAMELIST_NONE;
    l->names = err_realloc(l->names, (l->count + 1) * sizeof *l->names);
    char *copy = err_malloc(len + 1);
    memcpy(copy, name, len);
    copy[len] = '\0';
    l->names[l->count++] = copy;
    l->index[at] = (uint16_t)l->count;
    if (l->count * 2 > l->size)
        grow(l);
    return (uint16_t)(l->count - 1);
}
