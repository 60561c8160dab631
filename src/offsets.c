/* SPDX-License-Identifier: MIT */
#include "offsets.h"

#include "err.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void offsets_init(struct offsets *o)
{
    *o = (struct offsets){0};
}

void offsets_fini(struct offsets *o)
{
    free(o->items);
    *o = (struct offsets){0};
}

void offsets_clear(struct offsets *o)
{
    o->count = 0;
}

static void reserve(struct offsets *o, size_t count)
{
    if (count <= o->cap)
        return;
    size_t cap = o->cap ? o->cap * 2 : 8;
    if (cap < count)
        cap = count;
    o->items = err_realloc(o->items, cap * sizeof *o->items);
    o->cap = cap;
}

void offsets_copy(struct offsets *to, const struct offsets *from)
{
    reserve(to, from->count);
    if (from->count > 0)
        memcpy(to->items, from->items, from->count * sizeof *from->items);
    to->count = from->count;
}

size_t offsets_add(struct offsets *o, const char *topic, int32_t id)
{
    reserve(o, o->count + 1);
    struct partition *p = &o->items[o->count];
    *p = (struct partition){
        .id = id,
        .durable = OFFSETS_UNKNOWN,
        .expected = OFFSETS_UNKNOWN,
        .gap_low = OFFSETS_UNKNOWN,
    };
    snprintf(p->topic, sizeof p->topic, "%s", topic);
    return o->count++;
}

size_t offsets_find(const struct offsets *o, const char *topic, int32_t id)
{
    size_t i = 0;
    while (i < o->count && !(o->items[i].id == id && strcmp(o->items[i].topic, topic) == 0))
        i++;
    return i;
}
