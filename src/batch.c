/* SPDX-License-Identifier: MIT */
#include "batch.h"

#include "err.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A dead letter keeps at most this much of a payload; payload_bytes tells the whole size. */
#define PAYLOAD_KEPT_MAX ((size_t)1 << 20)

#define REFUSAL_MAX 512

void batch_init(struct batch *b)
{
    *b = (struct batch){0};
}

void batch_fini(struct batch *b)
{
    buf_fini(&b->rows);
    buf_fini(&b->dead);
    buf_fini(&b->kept);
    free(b->row);
    free(b->message);
    free(b->span);
    free(b->symbol);
    free(b->slot_seen);
    *b = (struct batch){0};
}

static void reset_buffer(struct buf *b, size_t keep)
{
    buf_clear(b);
    buf_shrink(b, keep);
}

static void reset_spans(struct batch *b, size_t partitions)
{
    if (partitions > b->span_cap) {
        b->span = err_realloc(b->span, partitions * sizeof *b->span);
        b->span_cap = partitions;
    }
    b->span_count = partitions;
    for (size_t i = 0; i < partitions; i++)
        b->span[i] = (struct batch_span){.from = OFFSETS_UNKNOWN, .next = OFFSETS_UNKNOWN};
}

void batch_clear(struct batch *b, size_t partitions, const struct batch_limits *limits)
{
    reset_buffer(&b->rows, limits->bytes * 2);
    reset_buffer(&b->dead, limits->bytes * 2);
    reset_buffer(&b->kept, limits->bytes * 2);
    copyrow_header(&b->rows);
    copyrow_header(&b->dead);
    reset_spans(b, partitions);
    b->row_count = b->message_count = b->consumed = 0;
    b->symbol_count = 0;
    for (size_t i = 0; i < b->slot_words; i++)
        b->slot_seen[i] = 0;
    b->letters = b->letters_taken = 0;
    b->dead_taken = b->dead.len;
    b->first_us = 0;
    b->must_merge = false;
}

void batch_begin_message(struct batch *b, const struct message *m, const struct partition *p,
                         int64_t since_mono_us)
{
    assert(m->partition < b->span_count);
    struct batch_span *span = &b->span[m->partition];
    if (b->consumed++ == 0)
        b->first_us = since_mono_us;
    if (span->from == OFFSETS_UNKNOWN)
        span->from = p->expected;
    span->next = m->offset + 1;
    span->taken.messages++;
    b->current_kept = b->current_lettered = false;
}

static void keep_message(struct batch *b, const struct message *m)
{
    if (b->message_count == b->message_cap) {
        b->message_cap = b->message_cap ? b->message_cap * 2 : 256;
        b->message = err_realloc(b->message, b->message_cap * sizeof *b->message);
    }
    b->message[b->message_count++] = (struct batch_message){
        .partition = m->partition,
        .offset = m->offset,
        .timestamp_ms = m->timestamp_ms,
        .at = b->kept.len,
        .has_key = m->key != NULL,
        .key_len = m->key ? m->key_len : 0,
        .payload_len = m->payload_len,
    };
    buf_put(&b->kept, m->key, m->key ? m->key_len : 0);
    buf_put(&b->kept, m->payload, m->payload_len);
    b->current_kept = true;
}

static void grow_slots(struct batch *b, size_t words)
{
    b->slot_seen = err_realloc(b->slot_seen, words * sizeof *b->slot_seen);
    while (b->slot_words < words)
        b->slot_seen[b->slot_words++] = 0;
}

static void note_symbol(struct batch *b, uint32_t slot, const struct record *r)
{
    size_t word = slot / 64;
    uint64_t bit = UINT64_C(1) << slot % 64;
    if (word >= b->slot_words)
        grow_slots(b, word + 1);
    if (b->slot_seen[word] & bit)
        return;
    b->slot_seen[word] |= bit;
    if (b->symbol_count == b->symbol_cap) {
        b->symbol_cap = b->symbol_cap ? b->symbol_cap * 2 : 64;
        b->symbol = err_realloc(b->symbol, b->symbol_cap * sizeof *b->symbol);
    }
    memcpy(b->symbol[b->symbol_count++].text, r->symbol, sizeof r->symbol);
}

void batch_add_tick(struct batch *b, const struct message *m, int32_t item, const struct record *r,
                    uint32_t slot, int64_t event_us, bool may_repeat)
{
    if (!b->current_kept)
        keep_message(b, m);
    if (b->row_count == b->row_cap) {
        b->row_cap = b->row_cap ? b->row_cap * 2 : 256;
        b->row = err_realloc(b->row, b->row_cap * sizeof *b->row);
    }
    b->row[b->row_count++] = (struct batch_row){
        .event_us = event_us,
        .at = (uint32_t)b->rows.len,
        .message = (uint32_t)b->message_count - 1,
        .item = item,
        .may_repeat = may_repeat,
    };
    copyrow_tick(&b->rows, r);
    note_symbol(b, slot, r);
    b->span[m->partition].taken.stored++;
}

/* The first dead letter of a message carries its payload, so that a message with thousands of bad
 * items is not kept thousands of times. */
static void put_letter(struct batch *b, struct dead_letter *d, bool *payload_done)
{
    d->payload_bytes = d->payload_len;
    if (*payload_done)
        d->payload = NULL;
    if (d->payload_len > PAYLOAD_KEPT_MAX)
        d->payload_len = PAYLOAD_KEPT_MAX;
    *payload_done = true;
    copyrow_rejected(&b->dead, d);
    b->letters++;
}

void batch_add_rejected(struct batch *b, const struct message *m, int32_t item,
                        const struct batch_owner *owner, const struct partition *p,
                        enum reject_reason reason, const char *detail)
{
    struct dead_letter d = {
        .group_id = owner->group_id,
        .cluster_id = owner->cluster_id,
        .topic = p->topic,
        .kafka_partition = p->id,
        .kafka_offset = m->offset,
        .item = item,
        .reason = reason,
        .detail = detail,
        .key = m->key,
        .key_len = m->key_len,
        .payload = m->payload,
        .payload_len = m->payload_len,
        .time_ms = m->timestamp_ms,
    };
    put_letter(b, &d, &b->current_lettered);
    b->span[m->partition].taken.rejected++;
}

void batch_add_ignored(struct batch *b, const struct message *m)
{
    b->span[m->partition].taken.ignored++;
}

void batch_add_dropped(struct batch *b, const struct message *m)
{
    b->span[m->partition].taken.dropped++;
}

void batch_end_message(struct batch *b)
{
    if (b->current_kept)
        b->message[b->message_count - 1].lettered = b->current_lettered;
    b->letters_taken = b->letters;
    b->dead_taken = b->dead.len;
}

bool batch_is_empty(const struct batch *b)
{
    return b->consumed == 0;
}

bool batch_is_full(const struct batch *b, const struct batch_limits *limits)
{
    return b->row_count + b->letters >= limits->rows ||
           b->rows.len + b->dead.len >= limits->bytes || b->kept.len >= limits->bytes;
}

int64_t batch_due_us(const struct batch *b, const struct batch_limits *limits)
{
    assert(b->consumed > 0);
    return b->first_us + limits->linger_us;
}

/* The trailer stands behind `len`, so that sealing can be repeated after a merge added letters. */
static struct span seal(struct buf *b)
{
    copyrow_trailer(b);
    struct span whole = {b->data, b->len};
    b->len -= COPYROW_TRAILER_SIZE;
    return whole;
}

struct span batch_rows(struct batch *b)
{
    return seal(&b->rows);
}

struct span batch_letters(struct batch *b)
{
    return seal(&b->dead);
}

static size_t row_end(const struct batch *b, size_t row)
{
    return row + 1 < b->row_count ? b->row[row + 1].at : b->rows.len;
}

size_t batch_stage(const struct batch *b, size_t first, size_t count, struct buf *out)
{
    size_t end = b->row_count - first < count ? b->row_count : first + count;
    buf_clear(out);
    copyrow_header(out);
    for (size_t i = first; i < end; i++) {
        const struct batch_row *row = &b->row[i];
        struct staged_row staged = {(int32_t)i, row->may_repeat, row->event_us};
        copyrow_staged(out, &staged, b->rows.data + row->at, row_end(b, i) - row->at);
    }
    copyrow_trailer(out);
    return end;
}

void batch_merge_begin(struct batch *b)
{
    b->letters = b->letters_taken;
    b->dead.len = b->dead_taken;
    for (size_t i = 0; i < b->message_count; i++)
        b->message[i].lettered_by_merge = false;
    for (size_t i = 0; i < b->span_count; i++)
        b->span[i].merged = (struct batch_count){0};
}

/* A text cut by snprintf may end within a character, which PostgreSQL would refuse. */
static void drop_partial_character(char *s)
{
    size_t len = strlen(s), start = len;
    while (start > 0 && ((uint8_t)s[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0)
        return;
    uint8_t lead = (uint8_t)s[start - 1];
    size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (len - (start - 1) < wanted)
        s[start - 1] = '\0';
}

static void letter_row(struct batch *b, const struct batch_row *row, struct batch_message *m,
                       const struct batch_owner *owner, const struct partition *p,
                       const struct batch_refusal *why)
{
    char detail[REFUSAL_MAX];
    snprintf(detail, sizeof detail, "%s: %s", why->sqlstate, why->message);
    drop_partial_character(detail);
    const uint8_t *key = b->kept.data + m->at;
    struct dead_letter d = {
        .group_id = owner->group_id,
        .cluster_id = owner->cluster_id,
        .topic = p->topic,
        .kafka_partition = p->id,
        .kafka_offset = m->offset,
        .item = row->item,
        .reason = why->reason,
        .detail = detail,
        .key = m->has_key ? key : NULL,
        .key_len = m->key_len,
        .payload = key + m->key_len,
        .payload_len = m->payload_len,
        .time_ms = m->timestamp_ms,
    };
    bool done = m->lettered || m->lettered_by_merge;
    put_letter(b, &d, &done);
    m->lettered_by_merge = true;
}

void batch_merge_row(struct batch *b, size_t row, enum batch_verdict verdict,
                     const struct batch_owner *owner, const struct offsets *o,
                     const struct batch_refusal *why)
{
    assert(row < b->row_count);
    struct batch_message *m = &b->message[b->row[row].message];
    struct batch_count *merged = &b->span[m->partition].merged;
    merged->stored--;
    switch (verdict) {
    case VERDICT_DROPPED:
        merged->dropped++;
        break;
    case VERDICT_REPEAT:
        merged->ignored++;
        break;
    case VERDICT_REJECTED:
        merged->rejected++;
        letter_row(b, &b->row[row], m, owner, &o->items[m->partition], why);
        break;
    }
}

bool batch_has_refusals(const struct batch *b)
{
    return b->letters > b->letters_taken;
}

static void add(struct batch_count *sum, const struct batch_count *c)
{
    sum->messages += c->messages;
    sum->stored += c->stored;
    sum->rejected += c->rejected;
    sum->ignored += c->ignored;
    sum->dropped += c->dropped;
}

struct batch_count batch_span_count(const struct batch_span *span)
{
    struct batch_count sum = span->taken;
    add(&sum, &span->merged);
    return sum;
}

struct batch_count batch_total(const struct batch *b)
{
    struct batch_count sum = {0};
    for (size_t i = 0; i < b->span_count; i++) {
        struct batch_count c = batch_span_count(&b->span[i]);
        add(&sum, &c);
    }
    return sum;
}
