/* SPDX-License-Identifier: MIT */
#include "recorder.h"

#include <stdbool.h>
#include <string.h>

/*      0        next                          end
 *      |newer...|oldest, cut|oldest whole ....|        once it is full */
static char ring[RECORDER_BYTES];
static size_t next;
static bool full;

static void put_piece(const char *text, size_t len)
{
    memcpy(ring + next, text, len);
    next += len;
    if (next == sizeof ring) {
        next = 0;
        full = true;
    }
}

void recorder_put(const char *line, size_t len)
{
    if (len > sizeof ring)
        return;
    size_t first = sizeof ring - next < len ? sizeof ring - next : len;
    put_piece(line, first);
    if (len > first)
        put_piece(line + first, len - first);
}

void recorder_read(struct recorder_piece pieces[2])
{
    pieces[0] = (struct recorder_piece){ring, 0};
    pieces[1] = (struct recorder_piece){ring, next};
    if (!full)
        return;
    /* The oldest line may have been written over in part. */
    const char *cut = memchr(ring + next, '\n', sizeof ring - next);
    if (cut) {
        pieces[0] = (struct recorder_piece){cut + 1, (size_t)(ring + sizeof ring - (cut + 1))};
        return;
    }
    cut = memchr(ring, '\n', next);
    const char *begin = cut ? cut + 1 : ring + next;
    pieces[1] = (struct recorder_piece){begin, (size_t)(ring + next - begin)};
}

void recorder_clear(void)
{
    next = 0;
    full = false;
}
