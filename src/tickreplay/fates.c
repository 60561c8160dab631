/* SPDX-License-Identifier: MIT */
#include "fates.h"

#include "text.h"
#include <stdbool.h>

uint64_t fates_rejected(const struct fates *f)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < REJECT_COUNT; i++)
        sum += f->rejected[i];
    return sum;
}

static void put_count(struct buf *b, const char *name, uint64_t count)
{
    text_put(b, "  \"");
    text_put(b, name);
    text_put(b, "\": ");
    text_put_int(b, (int64_t)count);
    text_put(b, ",\n");
}

void fates_put(struct buf *b, const struct fates *f)
{
    text_put(b, "{\n");
    put_count(b, "messages", f->messages);
    put_count(b, "items", f->items);
    put_count(b, "ticks", f->ticks);
    put_count(b, "rejected", fates_rejected(f));
    put_count(b, "ignored", f->ignored);
    put_count(b, "repeats", f->repeats);
    text_put(b, "  \"reasons\": {");
    bool first = true;
    for (int i = 0; i < REJECT_COUNT; i++) {
        if (f->rejected[i] == 0)
            continue;
        text_put(b, first ? "\n    \"" : ",\n    \"");
        text_put(b, reject_code((enum reject_reason)i));
        text_put(b, "\": ");
        text_put_int(b, (int64_t)f->rejected[i]);
        first = false;
    }
    text_put(b, first ? "}\n}\n" : "\n  }\n}\n");
}
