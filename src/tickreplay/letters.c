/* SPDX-License-Identifier: MIT */
#include "letters.h"

#include "err.h"
#include <stdlib.h>
#include <string.h>

/* rejected_ticks.payload is cut there (docs/operations.md). */
#define KEPT_MAX ((size_t)1 << 20)

void letters_init(struct letters *l, bool by_payload)
{
    *l = (struct letters){.by_payload = by_payload};
}

void letters_fini(struct letters *l)
{
    free(l->list);
    *l = (struct letters){0};
}

void letters_add(struct letters *l, const struct letter *letter)
{
    if (l->count == l->cap) {
        l->cap = l->cap ? l->cap + l->cap / 2 : 256;
        l->list = err_realloc(l->list, l->cap * sizeof *l->list);
    }
    l->list[l->count++] = *letter;
}

static int sign(bool less, bool more)
{
    return more - less;
}

static int compare_offset(const void *x, const void *y)
{
    const struct letter *a = x, *b = y;
    if (a->partition != b->partition)
        return sign(a->partition<b->partition, a->partition> b->partition);
    if (a->offset != b->offset)
        return sign(a->offset<b->offset, a->offset> b->offset);
    return sign(a->item<b->item, a->item> b->item);
}

static int compare_payload(const void *x, const void *y)
{
    const struct letter *a = x, *b = y;
    if (a->payload != b->payload)
        return sign(a->payload<b->payload, a->payload> b->payload);
    return sign(a->item<b->item, a->item> b->item);
}

void letters_sort(struct letters *l)
{
    if (l->count > 0)
        qsort(l->list, l->count, sizeof *l->list, l->by_payload ? compare_payload : compare_offset);
}

struct letter *letters_find(struct letters *l, const struct letter *like)
{
    int (*compare)(const void *, const void *) = l->by_payload ? compare_payload : compare_offset;
    size_t low = 0, high = l->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&l->list[middle], like) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    struct letter *other = NULL;
    for (; low < l->count && compare(&l->list[low], like) == 0; low++) {
        struct letter *found = &l->list[low];
        if (!found->is_used && found->reason == like->reason)
            return found;
        if (!found->is_used && !other)
            other = found;
    }
    return other;
}

uint64_t letters_hash(const void *payload, size_t len)
{
    const uint8_t *p = payload;
    uint64_t h = 14695981039346656037U; /* FNV-1a, 64 bit */
    for (size_t i = 0; i < len && i < KEPT_MAX; i++)
        h = (h ^ p[i]) * 1099511628211U;
    return h ^ len;
}
