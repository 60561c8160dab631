/* SPDX-License-Identifier: MIT */
/*
 * What goes into one transaction: encoded rows, encoded dead letters, and for each partition the
 * span of offsets they came from, with the counts that are advanced together with it.
 *
 * Pure, owns its buffers and keeps them from use to use. A batch never holds half a message.
 *
 *     rows  [header|tick|tick|tick|...]     COPY ticks, or staged for a merge
 *     dead  [header|dead letter|...]        COPY rejected_ticks
 *     kept  [key payload key payload ...]   the messages behind the rows, should the database
 * refuse one
 */
#ifndef TICKD_BATCH_H
#define TICKD_BATCH_H

#include "buf.h"
#include "copyrow.h"
#include "message.h"
#include "offsets.h"
#include "record.h"
#include "reject.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Items by what became of them; they add up to the items consumed. */
struct batch_count {
    int64_t messages;
    int64_t stored;
    int64_t rejected;
    int64_t ignored;
    int64_t dropped;
};

/* Offsets [from, next) of one partition. from == OFFSETS_UNKNOWN: nothing of it in this batch. */
struct batch_span {
    int64_t from;
    int64_t next;
    struct batch_count taken;  /* as decided when the messages were taken */
    struct batch_count merged; /* what the merge under way has changed about it */
};

struct batch_row {
    int64_t event_us; /* when it happened; ties may have moved the tick in `rows` behind that */
    uint32_t at;      /* of the encoded tick in `rows` */
    uint32_t message; /* index in `messages` */
    int32_t item;     /* index within the message */
    bool may_repeat;
};

/* A message of which at least one tick was accepted. */
struct batch_message {
    uint32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    size_t at; /* of the key in `kept`; the payload follows */
    size_t key_len;
    size_t payload_len;
    bool has_key;
    bool lettered;          /* an item's dead letter holds the payload already */
    bool lettered_by_merge; /* likewise, one made by the merge under way */
};

/* One symbol of the rows. */
struct batch_symbol {
    char text[RECORD_SYMBOL_MAX + 1];
};

struct batch_limits {
    size_t rows;
    size_t bytes;
    int64_t linger_us;
};

/* Who writes: goes into every dead letter. Borrowed. */
struct batch_owner {
    const char *group_id;
    const char *cluster_id;
};

struct batch {
    struct buf rows;
    struct buf dead;
    struct buf kept;
    struct batch_row *row;
    size_t row_count, row_cap;
    struct batch_message *message;
    size_t message_count, message_cap;
    struct batch_span *span; /* by partition index */
    size_t span_count, span_cap;
    struct batch_symbol *symbol; /* each symbol of the rows once */
    size_t symbol_count, symbol_cap;
    uint64_t *slot_seen; /* a bit for each slot of `pairs` whose symbol is among them */
    size_t slot_words;
    size_t letters;        /* dead letters in `dead` */
    size_t letters_taken;  /* those of them decided when their messages were taken, */
    size_t dead_taken;     /* and the length of `dead` up to there; what follows is from a merge */
    int64_t first_us;      /* monotonic, since when its first message waits */
    size_t consumed;       /* messages, of every kind */
    bool must_merge;       /* ties = last met a taken key: plain COPY would fail */
    bool current_kept;     /* of the message that is being put in */
    bool current_lettered; /* likewise */
};

void batch_init(struct batch *b);
void batch_fini(struct batch *b);

/* Empties it and makes it ready for an assignment of `partitions`. Memory above what `limits` need
 * is given back. */
void batch_clear(struct batch *b, size_t partitions, const struct batch_limits *limits);

/* Putting in one message: begin, then its items in order, then end. `p` is the message's partition;
 * `since_mono_us`: since when it waits. */
void batch_begin_message(struct batch *b, const struct message *m, const struct partition *p,
                         int64_t since_mono_us);
/* `slot`: that of its pair. `event_us`: its time as it came; that in `r` is its place among ties.
 * `may_repeat`: one that equals the newest quote of its instant is not stored, also if only the
 * database remembers that quote. */
void batch_add_tick(struct batch *b, const struct message *m, int32_t item, const struct record *r,
                    uint32_t slot, int64_t event_us, bool may_repeat);
void batch_add_rejected(struct batch *b, const struct message *m, int32_t item,
                        const struct batch_owner *owner, const struct partition *p,
                        enum reject_reason reason, const char *detail);
void batch_add_ignored(struct batch *b, const struct message *m);
void batch_add_dropped(struct batch *b, const struct message *m);
void batch_end_message(struct batch *b);

bool batch_is_empty(const struct batch *b); /* no message in it */
bool batch_is_full(const struct batch *b, const struct batch_limits *limits);

/* When it should fly even if not full; monotonic us. Must not be empty. */
int64_t batch_due_us(const struct batch *b, const struct batch_limits *limits);

/* Complete COPY data of the ticks and of the dead letters; borrowed until the batch changes. */
struct span batch_rows(struct batch *b);
struct span batch_letters(struct batch *b);

/* Encodes the rows from `first` on, `count` at most, for the staging table into `out` (replaced).
 * Returns the row behind the last. */
size_t batch_stage(const struct batch *b, size_t first, size_t count, struct buf *out);

/* The database's verdicts on staged rows. batch_merge_begin() takes back those of an earlier
 * attempt. */
enum batch_verdict { VERDICT_DROPPED, VERDICT_REPEAT, VERDICT_REJECTED };

/* Why a row was refused; borrowed, and looked at only for VERDICT_REJECTED. */
struct batch_refusal {
    enum reject_reason reason;
    const char *sqlstate;
    const char *message;
};

void batch_merge_begin(struct batch *b);
void batch_merge_row(struct batch *b, size_t row, enum batch_verdict verdict,
                     const struct batch_owner *owner, const struct offsets *o,
                     const struct batch_refusal *why);

/* True if the last merge has refused rows that had been accepted. */
bool batch_has_refusals(const struct batch *b);

/* Sum of what was taken and merged for one partition. */
struct batch_count batch_span_count(const struct batch_span *span);
struct batch_count batch_total(const struct batch *b);

#endif
