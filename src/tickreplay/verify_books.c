/* SPDX-License-Identifier: MIT */
/*
 * Offsets and counters of ingest_offsets against what the messages come to, and recorded gaps.
 */
#include "verify_state.h"

#include <stdio.h>
#include <stdlib.h>

/* A row of ingest_offsets. */
struct stored_book {
    int partition;
    int64_t next;
    int64_t counters[5];
};

static const char *const counter_names[] = {"messages", "stored", "rejected", "ignored", "dropped"};

static int64_t number(const PGresult *r, int row, int column)
{
    return strtoll(PQgetvalue(r, row, column), NULL, 10);
}

static struct stored_book read_book(const PGresult *r, int row)
{
    struct stored_book b = {.partition = (int)number(r, row, 0), .next = number(r, row, 1)};
    for (int i = 0; i < 5; i++)
        b.counters[i] = number(r, row, 2 + i);
    return b;
}

static uint64_t counter_of(const struct verify_counts *c, int i)
{
    const uint64_t counters[] = {c->messages, c->stored, c->rejected, c->ignored, c->dropped};
    return counters[i];
}

/* Where ticks of several partitions were tied, nobody knows whose was stored and whose was ignored
 * or dropped: the partitions have the same messages and dead letters in any case, and the same
 * sums. */
static bool is_known(const struct verify *v, int i)
{
    return !v->orders_unknown || i == 0 || i == 2;
}

static void compare_counters(struct verify *v, const char *where, const struct verify_counts *sent,
                             const int64_t *stored, bool all)
{
    for (int i = 0; i < 5; i++) {
        if (!all && !is_known(v, i))
            continue;
        uint64_t wanted = counter_of(sent, i);
        if ((int64_t)wanted != stored[i])
            findings_add(&v->result->findings, FINDING_COUNT, "%s: %s is %lld, not %llu", where,
                         counter_names[i], (long long)stored[i], (unsigned long long)wanted);
    }
}

static void compare_partition(struct verify *v, const struct stored_book *stored)
{
    const struct verify_book *sent = verify_book(v, (size_t)stored->partition);
    char where[VERIFY_TEXT];
    snprintf(where, sizeof where, "partition %d", stored->partition);
    if (sent->first < 0)
        return; /* nothing is known to have been sent there */
    if (stored->next != sent->next)
        findings_add(&v->result->findings, FINDING_OFFSET, "%s: next_offset is %lld, not %lld",
                     where, (long long)stored->next, (long long)sent->next);
    if (sent->first == 0)
        compare_counters(v, where, &sent->counts, stored->counters, false);
    else
        v->result->counters_known = false;
}

/* Partitions with messages, of which the database knows nothing. */
static void tell_unread(struct verify *v, const PGresult *r)
{
    for (size_t i = 0; i < v->book_count; i++) {
        bool found = v->books[i].first < 0;
        for (int row = 0; row < PQntuples(r) && !found; row++)
            found = number(r, row, 0) == (int64_t)i;
        if (!found)
            findings_add(&v->result->findings, FINDING_OFFSET,
                         "partition %zu: no offset is stored, it should be %lld", i,
                         (long long)v->books[i].next);
    }
}

static void add_counts(struct verify_counts *sum, const struct verify_counts *c)
{
    sum->messages += c->messages;
    sum->stored += c->stored;
    sum->rejected += c->rejected;
    sum->ignored += c->ignored;
    sum->dropped += c->dropped;
}

/* Without partitions only the sums can be compared; and no partition can have counted more messages
 * than its offset tells. */
static void compare_sums(struct verify *v, const PGresult *r)
{
    int64_t sums[5] = {0};
    for (int row = 0; row < PQntuples(r); row++) {
        struct stored_book b = read_book(r, row);
        for (int i = 0; i < 5; i++)
            sums[i] += b.counters[i];
        if (b.next < b.counters[0])
            findings_add(&v->result->findings, FINDING_OFFSET,
                         "partition %d: next_offset is %lld after %lld messages", b.partition,
                         (long long)b.next, (long long)b.counters[0]);
    }
    struct verify_counts sent = {0};
    for (size_t i = 0; i < v->book_count; i++)
        add_counts(&sent, &v->books[i].counts);
    compare_counters(v, "all partitions", &sent, sums, true);
}

static bool tell_gaps(struct verify *v, const char *const *values, struct err *e)
{
    PGresult *r = verify_query(v,
                               "SELECT kafka_partition, from_offset, to_offset, reason"
                               " FROM ingest_gaps WHERE group_id = $1 AND topic = $2"
                               " AND cluster_id = $3 ORDER BY id",
                               3, values, e);
    if (!r)
        return false;
    for (int i = 0; i < PQntuples(r); i++)
        findings_add(&v->result->findings, FINDING_GAP, "partition %s: from %s to %s, %s",
                     PQgetvalue(r, i, 0), PQgetvalue(r, i, 1), PQgetvalue(r, i, 2),
                     PQgetvalue(r, i, 3));
    PQclear(r);
    return true;
}

bool verify_books(struct verify *v, struct err *e)
{
    const char *const values[] = {v->o->group, v->o->topic, v->cluster};
    PGresult *r = verify_query(v,
                               "SELECT kafka_partition, next_offset, messages, stored, rejected,"
                               " ignored, dropped FROM ingest_offsets WHERE group_id = $1"
                               " AND topic = $2 AND cluster_id = $3 ORDER BY kafka_partition",
                               3, values, e);
    if (!r)
        return false;
    if (!v->has_offsets) {
        compare_sums(v, r);
    } else {
        for (int i = 0; i < PQntuples(r); i++) {
            struct stored_book b = read_book(r, i);
            compare_partition(v, &b);
        }
        tell_unread(v, r);
        if (v->orders_unknown && v->result->counters_known)
            compare_sums(v, r);
    }
    PQclear(r);
    return tell_gaps(v, values, e);
}
