/* SPDX-License-Identifier: MIT */
#include "history.h"

void history_add(struct history *h, const struct history_sample *sample)
{
    h->items[h->next] = *sample;
    h->next = (h->next + 1) % HISTORY_SAMPLES;
    if (h->count < HISTORY_SAMPLES)
        h->count++;
}

const struct history_sample *history_get(const struct history *h, size_t i)
{
    return &h->items[(h->next + HISTORY_SAMPLES - h->count + i) % HISTORY_SAMPLES];
}
