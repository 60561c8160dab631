/* SPDX-License-Identifier: MIT */
/*
 * Usual path: snapshot, messages, rows, books.
 *
 * Possible failures: no database, no right to read it, messages that cannot be read to their end,
 * no room for temporary files. Then nothing is known, and nothing is said of deviations.
 *
 * When a tick was judged is not known to the microsecond: it was after the message came to Kafka
 * and before now. Where that decides (too old, too far ahead), the dead letters tell which it was.
 */
#include "verify.h"

#include "clock.h"
#include "verify_state.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2000-01-01, as docs/formats.md says. */
#define EARLIEST_US INT64_C(946684800000000)

/* Kafka's timestamps are as exact as clocks agree. */
#define CLOCKS_US INT64_C(1000000)

struct verify_book *verify_book(struct verify *v, size_t partition)
{
    if (partition >= v->book_count) {
        v->books = err_realloc(v->books, (partition + 1) * sizeof *v->books);
        while (v->book_count <= partition)
            v->books[v->book_count++] = (struct verify_book){.first = -1};
    }
    return &v->books[partition];
}

const char *verify_where(const struct verify *v, char *text, int partition, int64_t offset,
                         int32_t index)
{
    if (v->has_offsets)
        snprintf(text, VERIFY_TEXT, "offset %d:%lld item %d", partition, (long long)offset,
                 (int)index);
    else
        snprintf(text, VERIFY_TEXT, "message %lld item %d", (long long)offset + 1, (int)index);
    return text;
}

/* --- what must be rejected */

/* Where one message stands while its items are judged. */
struct message_state {
    const struct delivery *d;
    struct verify_book *book;
    bool is_lettered; /* one of its items has a dead letter, which has the payload */
    bool is_hashed;
    uint64_t hash;
};

static struct letter make_key(struct verify *v, struct message_state *m, int32_t index,
                              enum reject_reason reason)
{
    if (!m->is_hashed)
        m->hash = letters_hash(m->d->value, m->d->value_len);
    m->is_hashed = true;
    return (struct letter){.offset = v->has_offsets ? m->d->offset : 0,
                           .payload = m->hash,
                           .item = index,
                           .partition = (uint16_t)m->d->partition,
                           .reason = (uint8_t)reason};
}

static void compare_letter(struct verify *v, struct message_state *m, const struct letter *wanted,
                           const struct letter *found)
{
    struct findings *f = &v->result->findings;
    char where[VERIFY_TEXT];
    verify_where(v, where, m->d->partition, m->d->offset, wanted->item);
    if (found->reason != wanted->reason)
        findings_add(f, FINDING_LETTER_REASON, "%s: %s, not %s", where,
                     found->reason == REJECT_NONE ? "a reason that is unknown"
                                                  : reject_code(found->reason),
                     reject_code(wanted->reason));
    if (m->d->value_len > 0 &&
        (found->payload != wanted->payload || found->has_payload == m->is_lettered))
        findings_add(f, FINDING_LETTER_CHANGED, "%s: %s", where,
                     found->has_payload == m->is_lettered
                         ? "not with its message's first dead letter, and only there"
                         : "not as it was sent");
}

static void expect_letter(struct verify *v, struct message_state *m, int32_t index,
                          enum reject_reason reason)
{
    struct letter wanted = make_key(v, m, index, reason);
    struct letter *found = letters_find(&v->letters, &wanted);
    char where[VERIFY_TEXT];
    m->book->counts.rejected++;
    v->result->sent.reasons[reason]++;
    if (found) {
        found->is_used = true;
        compare_letter(v, m, &wanted, found);
    } else {
        findings_add(&v->result->findings, FINDING_LETTER_MISSING, "%s: %s",
                     verify_where(v, where, m->d->partition, m->d->offset, index),
                     reject_code(reason));
    }
    m->is_lettered = true;
}

/* True if there is a dead letter for it with just this reason. */
static bool has_letter(struct verify *v, struct message_state *m, int32_t index,
                       enum reject_reason reason)
{
    struct letter wanted = make_key(v, m, index, reason);
    struct letter *found = letters_find(&v->letters, &wanted);
    return found && found->reason == wanted.reason;
}

static enum reject_reason check_pair(const struct verify *v, const struct record *r)
{
    uint16_t number = namelist_find(&v->symbols, r->symbol, r->symbol_len);
    enum verify_pair pair =
        number < v->pair_cap ? (enum verify_pair)v->pairs[number] : PAIR_UNKNOWN;
    switch (pair) {
    case PAIR_ACTIVE:
        return REJECT_NONE;
    case PAIR_INACTIVE:
        return REJECT_INACTIVE_SYMBOL;
    case PAIR_UNKNOWN:
        break;
    }
    return REJECT_UNKNOWN_SYMBOL;
}

/* The reason that depends on when the tick was judged, if it was judged then. */
static enum reject_reason check_age(const struct verify *v, int64_t time_us, int64_t judged_us)
{
    if (v->o->max_age_us > 0 && judged_us - time_us > v->o->max_age_us)
        return REJECT_TOO_OLD;
    return time_us - judged_us > v->o->max_ahead_us ? REJECT_TOO_FAR_AHEAD : REJECT_NONE;
}

static enum reject_reason check_time(struct verify *v, struct message_state *m, int32_t index,
                                     int64_t time_us)
{
    int64_t came_ms = m->d->timestamp_ms;
    int64_t came_us = came_ms == MESSAGES_NO_TIME || came_ms < 0 || came_ms > v->now_us / 1000
                          ? 0
                          : came_ms * 1000 - CLOCKS_US;
    if (time_us < EARLIEST_US)
        return REJECT_TIME_TOO_EARLY;
    enum reject_reason at_first = check_age(v, time_us, came_us);
    enum reject_reason at_last = check_age(v, time_us, v->now_us);
    if (at_first == at_last)
        return at_first;
    if (at_first != REJECT_NONE && has_letter(v, m, index, at_first))
        return at_first;
    return at_last != REJECT_NONE && has_letter(v, m, index, at_last) ? at_last : REJECT_NONE;
}

/* --- messages */

/* What items must have in common to have an order: their partition. Where that is not known,
 * messages with the same key are known to share one. */
static uint16_t order_of(const struct verify *v, const struct delivery *d)
{
    return v->has_offsets ? (uint16_t)d->partition
                          : namelist_find(&v->symbols, d->key ? d->key : "", d->key_len);
}

static bool add_item(struct verify *v, const struct message_state *m, int32_t index,
                     const struct record *r, struct err *e)
{
    struct item i = {
        .time_us = r->time_us,
        .offset = m->d->offset,
        .price = r->price,
        .volume = r->volume,
        .bid = r->bid,
        .ask = r->ask,
        .index = index,
        .partition = order_of(v, m->d),
        .symbol = namelist_find(&v->symbols, r->symbol, r->symbol_len),
        .exchange = namelist_add(&v->exchanges, r->exchange, r->exchange_len),
        .snapshot = record_is_snapshot(r),
    };
    if (i.exchange == NAMELIST_NONE) {
        err_set(e, "more than %d names of exchanges", NAMELIST_NONE);
        return false;
    }
    if (r->time_us < v->min_us)
        v->min_us = r->time_us;
    if (r->time_us > v->max_us)
        v->max_us = r->time_us;
    return itemsort_add(v->items, &i, e);
}

static bool take_item(struct verify *v, struct message_state *m, int32_t index,
                      const struct decode_item *item, struct err *e)
{
    enum reject_reason reason = REJECT_NONE;
    v->result->sent.items++;
    switch (item->verdict) {
    case DECODE_IGNORED:
        m->book->counts.ignored++;
        return true;
    case DECODE_REJECTED:
        reason = item->reason;
        break;
    case DECODE_TICK:
        reason = check_pair(v, &item->record);
        if (reason == REJECT_NONE)
            reason = check_time(v, m, index, item->record.time_us);
        break;
    }
    if (reason == REJECT_NONE)
        return add_item(v, m, index, &item->record, e);
    expect_letter(v, m, index, reason);
    return true;
}

static bool take_message(struct verify *v, const struct delivery *d, struct decoded *decoded,
                         struct err *e)
{
    struct verify_book *book = verify_book(v, (size_t)d->partition);
    struct message_state state = {.d = d, .book = book};
    const struct message m = {
        .offset = d->offset,
        .timestamp_ms = d->timestamp_ms,
        .key = d->key,
        .key_len = d->key_len,
        .payload = d->value,
        .payload_len = d->value_len,
    };
    if (d->partition >= UINT16_MAX || (book->first >= 0 && d->offset < book->next)) {
        err_set(e, "offset %d:%lld comes after %lld: is a journal given twice?", d->partition,
                (long long)d->offset, (long long)book->next - 1);
        return false;
    }
    if (book->first < 0)
        book->first = d->offset;
    book->next = d->offset + 1;
    book->counts.messages++;
    decode_message(&v->o->decode, &m, decoded);
    for (size_t i = 0; i < decoded->count; i++) {
        if (!take_item(v, &state, (int32_t)i, &decoded->items[i], e))
            return false;
    }
    return true;
}

static bool take_messages(struct verify *v, struct messages *messages, struct err *e)
{
    struct delivery d;
    struct decoded decoded;
    enum messages_result result;
    bool ok = true;
    decoded_init(&decoded);
    while (ok && (result = messages_next(messages, &d, e)) != MESSAGES_END)
        ok = result == MESSAGES_ONE && take_message(v, &d, &decoded, e);
    decoded_fini(&decoded);
    return ok && itemsort_finish(v->items, e);
}

/* --- what is left over */

/* Dead letters of messages from before those that are known do not count. */
static void tell_letters(struct verify *v)
{
    char where[VERIFY_TEXT];
    for (size_t i = 0; i < v->letters.count; i++) {
        const struct letter *l = &v->letters.list[i];
        const struct verify_book *book = verify_book(v, l->partition);
        if (l->is_used || (v->has_offsets && book->first > l->offset))
            continue;
        snprintf(where, sizeof where, "offset %d:%lld item %d", (int)l->partition,
                 (long long)l->offset, (int)l->item);
        findings_add(&v->result->findings, FINDING_LETTER_EXTRA, "%s: %s", where,
                     reject_code(l->reason));
    }
}

static void add_up(struct verify *v)
{
    struct verify_counts *sum = &v->result->sent;
    for (size_t i = 0; i < v->book_count; i++) {
        const struct verify_counts *c = &v->books[i].counts;
        sum->messages += c->messages;
        sum->stored += c->stored;
        sum->rejected += c->rejected;
        sum->ignored += c->ignored;
        sum->dropped += c->dropped;
    }
}

static void free_state(struct verify *v)
{
    verify_close(v);
    for (size_t i = 0; i < v->group_count; i++)
        tiegroup_fini(&v->groups[i]);
    free(v->groups);
    free(v->books);
    free(v->pairs);
    free(v->cluster);
    itemsort_free(v->items);
    letters_fini(&v->letters);
    namelist_fini(&v->symbols);
    namelist_fini(&v->exchanges);
}

bool verify_run(const struct verify_options *o, struct messages *messages, struct verify_result *r,
                struct err *e)
{
    struct verify v = {.o = o, .result = r, .min_us = INT64_MAX, .max_us = INT64_MIN};
    *r = (struct verify_result){.counters_known = true};
    findings_init(&r->findings, o->examples);
    v.has_offsets = messages_have_offsets(messages);
    v.items = itemsort_new(o->in_memory);
    namelist_init(&v.symbols);
    namelist_init(&v.exchanges);
    letters_init(&v.letters, !v.has_offsets);
    bool ok = verify_open(&v, e);
    v.now_us = clock_now().wall_us;
    ok = ok && take_messages(&v, messages, e) && verify_rows(&v, e);
    if (ok)
        tell_letters(&v);
    ok = ok && verify_books(&v, e);
    if (ok)
        add_up(&v);
    free_state(&v);
    return ok;
}

void verify_result_fini(struct verify_result *r)
{
    findings_fini(&r->findings);
}
