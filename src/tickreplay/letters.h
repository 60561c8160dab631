/* SPDX-License-Identifier: MIT */
/*
 * The dead letters of a database, to be looked up for messages that must be rejected; what nobody
 * asks for is left over. Owns its memory. Pure.
 *
 * A letter is found by partition, offset and item; where the offsets of messages are not known, by
 * the payload and the item.
 */
#ifndef TICKREPLAY_LETTERS_H
#define TICKREPLAY_LETTERS_H

#include "reject.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct letter {
    int64_t offset;
    uint64_t payload; /* letters_hash() of it; letters of one message have that of the first */
    int32_t item;
    uint16_t partition;
    uint8_t reason; /* enum reject_reason; REJECT_NONE: none that is known */
    bool has_payload;
    bool is_used;
};

struct letters {
    struct letter *list;
    size_t count;
    size_t cap;
    bool by_payload;
};

void letters_init(struct letters *l, bool by_payload);
void letters_fini(struct letters *l);
void letters_add(struct letters *l, const struct letter *letter);

/* Must be called between adding and looking up. */
void letters_sort(struct letters *l);

/*
 * An unused letter for that item, one with that reason if there is one, or else with another; NULL:
 * there is none. The caller marks it used. `like` has the fields to look by.
 */
struct letter *letters_find(struct letters *l, const struct letter *like);

/* Of a payload, as far as a dead letter keeps it. */
uint64_t letters_hash(const void *payload, size_t len);

#endif
