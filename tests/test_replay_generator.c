/* SPDX-License-Identifier: MIT */
/* links: generator.o garbage.o schedule.o shape.o profile.o rng.o instrument.o csv.o decimal.o text.o fates.o scan.o rewrite.o decode.o decode_fast.o jscan.o jnumber.o midquote.o decode_canonical.o decode_frame.o decode_item.o detail.o json_text.o number.o timestamp.o utf8.o reject.o record.o validate.o ties.o buf.o err.o */
#include "generator.h"

#include "decode.h"
#include "hot_assert.h"
#include "json_text.h"
#include "rewrite.h"
#include "scan.h"
#include "ties.h"
#include "validate.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* At 250 a second; few enough for valgrind, enough for shares. */
#define MESSAGES 20000
#define START_NS INT64_C(1763208000000000000)
#define SECOND   INT64_C(1000000000)

static struct instruments set;
static struct generator *generator;
static struct buf message;
static struct fates fates;

static struct generator_options options_of(const char *profile)
{
    return (struct generator_options){.seed = 1,
                                      .rate_milli = 250000,
                                      .total = MESSAGES,
                                      .start_ns = START_NS,
                                      .profile = *profile_find(profile)};
}

static void start(const struct generator_options *o)
{
    instruments_init(&set);
    instruments_set_default(&set);
    generator = generator_new(o, &set);
    buf_init(&message);
    fates = (struct fates){0};
}

static void stop(void)
{
    generator_free(generator);
    buf_fini(&message);
    instruments_fini(&set);
}

static int64_t next(void)
{
    buf_clear(&message);
    return generator_next(generator, &message, &fates);
}

/* --- what a consumer makes of it */

struct consumer {
    struct decoded decoded;
    struct ties *ties;
    struct fates found;
};

static void judge(struct consumer *c, struct decode_item *item, int64_t now_us)
{
    static const struct validate_options limits = {.max_ahead_us = 300000000};
    struct pair pair = {.listed = true, .active = true};
    char detail[DECODE_DETAIL_MAX];
    c->found.items++;
    if (item->verdict == DECODE_IGNORED) {
        c->found.ignored++;
        return;
    }
    enum reject_reason reason = item->reason;
    const struct instrument *known = NULL;
    if (item->verdict == DECODE_TICK) {
        known = instruments_find(&set, item->record.symbol, item->record.symbol_len);
        reason = validate_record(&limits, &item->record, known ? &pair : NULL, now_us, detail,
                                 sizeof detail);
    }
    if (reason != REJECT_NONE) {
        c->found.rejected[reason]++;
    } else if (ties_place(c->ties, (uint32_t)(known - set.list), &item->record) == TIE_REPEAT) {
        c->found.ignored++;
        c->found.repeats++;
    } else {
        c->found.ticks++;
    }
}

static void consume(struct consumer *c, int64_t arrival_ns)
{
    static const struct decode_options options = {.max_message_bytes = 1 << 20,
                                                  .max_ticks = 1000,
                                                  .synthetic_spread_bps = 1,
                                                  .default_exchange = "pacifica"};
    struct message m = {
        .timestamp_ms = arrival_ns / 1000000, .payload = message.data, .payload_len = message.len};
    decode_message(&options, &m, &c->decoded);
    c->found.messages++;
    for (size_t i = 0; i < c->decoded.count; i++)
        judge(c, &c->decoded.items[i], arrival_ns / 1000);
}

static const char *const profiles[] = {"default", "steady", "hostile"};

START_TEST(each_item_meets_the_fate_that_was_said)
{
    struct generator_options o = options_of(profiles[_i]);
    struct consumer c = {.ties = ties_new(TIES_MODE_SPREAD, 100000, false)};
    json_text_init();
    decoded_init(&c.decoded);
    start(&o);
    for (int i = 0; i < MESSAGES; i++) {
        int64_t arrival_ns = next();
        consume(&c, arrival_ns);
        hot_assert_msg(memcmp(&c.found, &fates, sizeof fates) == 0, "message %d: %.*s", i,
                       (int)message.len, (const char *)message.data);
    }
    ck_assert_uint_eq(fates.items, fates.ticks + fates.ignored + fates_rejected(&fates));
    stop();
    decoded_fini(&c.decoded);
    ties_free(c.ties);
}
END_TEST

START_TEST(every_sort_of_garbage_and_most_reasons_occur)
{
    struct generator_options o = options_of("hostile");
    start(&o);
    for (int i = 0; i < MESSAGES; i++)
        next();
    int reasons = 0;
    for (int i = 0; i < REJECT_COUNT; i++)
        reasons += fates.rejected[i] > 0;
    /* The others need a database, a limit or a message of a megabyte. */
    ck_assert_int_eq(reasons, 17);
    stop();
}
END_TEST

/* FNV-1a. */
static uint64_t hash(uint64_t h, const void *data, size_t len)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

static uint64_t hash_of(const struct generator_options *o)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    start(o);
    for (int i = 0; i < MESSAGES; i++) {
        int64_t arrival_ns = next();
        h = hash(h, &arrival_ns, sizeof arrival_ns);
        h = hash(h, message.data, message.len);
    }
    stop();
    return h;
}

START_TEST(seed_decides_every_byte)
{
    struct generator_options o = options_of("default");
    uint64_t first = hash_of(&o);
    ck_assert_uint_eq(hash_of(&o), first);
    o.seed = 2;
    ck_assert_uint_ne(hash_of(&o), first);
}
END_TEST

/* Event times of one symbol, in the order of arrival. */
struct rows {
    int64_t *times_us;
    size_t count;
    int64_t newest_us;
    size_t late;
};

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void add_rows(struct rows *rows, struct decoded *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct record *r = &d->items[i].record;
        if (d->items[i].verdict != DECODE_TICK || r->time_us < START_NS / 1000 - SECOND)
            continue;
        const struct instrument *p = instruments_find(&set, r->symbol, r->symbol_len);
        if (!p || r->time_us > START_NS / 1000 + 1000000 * SECOND)
            continue;
        struct rows *of = &rows[p - set.list];
        of->times_us = realloc(of->times_us, (of->count + 1) * sizeof *of->times_us);
        of->times_us[of->count++] = r->time_us;
        of->late += r->time_us < of->newest_us;
        if (r->time_us > of->newest_us)
            of->newest_us = r->time_us;
    }
}

/* Keys (symbol, time) with 1 row, with 2, ...; index 0 has those with more than ten. */
static void count_keys(struct rows *of, size_t keys[11])
{
    qsort(of->times_us, of->count, sizeof *of->times_us, compare_times);
    for (size_t i = 0, n; i < of->count; i += n) {
        for (n = 1; i + n < of->count && of->times_us[i + n] == of->times_us[i];)
            n++;
        keys[n > 10 ? 0 : n]++;
    }
}

START_TEST(ties_and_lateness_are_those_of_a_real_feed)
{
    static const double real[11] = {1867, 40475, 12711, 4198, 2225, 1293, 910, 738, 547, 443, 315};
    struct generator_options o = options_of("default");
    struct decode_options decode = {
        .max_message_bytes = 1 << 20, .max_ticks = 1000, .synthetic_spread_bps = 1};
    struct decoded d;
    size_t keys[11] = {0}, all = 0, late = 0, count = 0;
    json_text_init();
    decoded_init(&d);
    start(&o);
    struct rows *rows = calloc(set.count, sizeof *rows);
    for (int i = 0; i < MESSAGES; i++) {
        next();
        struct message m = {.timestamp_ms = 1, .payload = message.data, .payload_len = message.len};
        decode_message(&decode, &m, &d);
        add_rows(rows, &d);
    }
    for (size_t i = 0; i < set.count; i++) {
        count_keys(&rows[i], keys);
        late += rows[i].late;
        count += rows[i].count;
        free(rows[i].times_us);
    }
    for (size_t n = 0; n < 11; n++)
        all += keys[n];
    for (size_t n = 0; n < 11; n++)
        ck_assert_msg(fabs((double)keys[n] / (double)all - real[n] / 65722) < 0.03,
                      "%zu rows: %zu of %zu keys", n, keys[n], all);
    ck_assert_double_lt(fabs((double)late / (double)count - 0.09), 0.03);
    free(rows);
    stop();
    decoded_fini(&d);
}
END_TEST

static int compare_counts(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

START_TEST(arrivals_rise_in_the_bursts_of_a_real_feed)
{
    enum { WINDOWS = MESSAGES / 25 };
    static uint32_t windows[WINDOWS];
    struct generator_options o = options_of("default");
    memset(windows, 0, sizeof windows);
    start(&o);
    int64_t before = 0;
    for (int i = 0; i < MESSAGES; i++) {
        int64_t at = next();
        hot_assert(at > before);
        before = at;
        hot_assert((at - START_NS) / (SECOND / 10) < WINDOWS);
        windows[(at - START_NS) / (SECOND / 10)]++;
    }
    qsort(windows, WINDOWS, sizeof *windows, compare_counts);
    /* The mean is 25: half of the windows are below it, the busiest has many times as much. */
    ck_assert_uint_lt(windows[WINDOWS / 2], 20);
    ck_assert_uint_gt(windows[WINDOWS - 1], 250);
    stop();
}
END_TEST

START_TEST(even_profile_keeps_its_rate_in_every_second)
{
    struct generator_options o = options_of("steady");
    start(&o);
    for (int64_t i = 0; i < MESSAGES; i++)
        hot_assert(next() == START_NS + i * 4000000);
    stop();
}
END_TEST

START_TEST(sequence_numbers_every_item_once)
{
    struct generator_options o = options_of("default");
    struct decode_options decode = {
        .max_message_bytes = 1 << 20, .max_ticks = 1000, .synthetic_spread_bps = 1};
    struct decoded d;
    o.sequence = SEQUENCE_VOLUME;
    o.profile.weight[KIND_BBO] = o.profile.weight[KIND_RELAY] = 0;
    o.profile.garbage = o.profile.control = 0;
    json_text_init();
    decoded_init(&d);
    start(&o);
    double seq = 0;
    for (int i = 0; i < MESSAGES; i++) {
        next();
        struct message m = {.timestamp_ms = 1, .payload = message.data, .payload_len = message.len};
        decode_message(&decode, &m, &d);
        for (size_t k = 0; k < d.count; k++)
            hot_assert(d.items[k].record.volume == ++seq);
    }
    ck_assert_double_eq(seq, (double)fates.items);
    stop();
    decoded_fini(&d);
}
END_TEST

START_TEST(messages_of_real_size)
{
    struct generator_options o = options_of("default");
    static uint32_t sizes[MESSAGES];
    start(&o);
    for (int i = 0; i < MESSAGES; i++) {
        next();
        sizes[i] = (uint32_t)message.len;
    }
    qsort(sizes, MESSAGES, sizeof *sizes, compare_counts);
    ck_assert_uint_gt(sizes[MESSAGES / 2], 120);
    ck_assert_uint_lt(sizes[MESSAGES / 2], 220);
    ck_assert_uint_gt(sizes[MESSAGES - 1], 1000);
    stop();
}
END_TEST

static void decode_text(const struct buf *text, struct decoded *d)
{
    static const struct decode_options options = {.max_message_bytes = 1 << 20,
                                                  .max_ticks = 1000,
                                                  .synthetic_spread_bps = 1,
                                                  .default_exchange = "pacifica"};
    struct message m = {.timestamp_ms = 1, .payload = text->data, .payload_len = text->len};
    decode_message(&options, &m, d);
}

START_TEST(shift_moves_what_the_decoder_reads_and_nothing_else)
{
    static const int64_t shift_ms = INT64_C(31968123456);
    static const struct symbol_map no_map = {NULL, 0};
    struct rewrite rewrite = {shift_ms, &no_map};
    struct generator_options o = options_of("hostile");
    struct decoded before, after;
    struct scan scan;
    struct buf moved;
    json_text_init();
    decoded_init(&before);
    decoded_init(&after);
    scan_init(&scan);
    buf_init(&moved);
    start(&o);
    for (int i = 0; i < MESSAGES; i++) {
        next();
        scan_message(&scan, (const char *)message.data, message.len);
        buf_clear(&moved);
        rewrite_message(&rewrite, &scan, (const char *)message.data, message.len, &moved);
        decode_text(&message, &before);
        decode_text(&moved, &after);
        hot_assert(before.count == after.count);
        for (size_t k = 0; k < before.count; k++) {
            struct decode_item *x = &before.items[k], *y = &after.items[k];
            hot_assert(x->verdict == y->verdict);
            hot_assert(x->reason == y->reason);
            if (x->verdict != DECODE_TICK)
                continue;
            x->record.time_us += shift_ms * 1000;
            hot_assert_msg(record_equal(&x->record, &y->record), "%.*s", (int)message.len,
                           (const char *)message.data);
        }
    }
    stop();
    buf_fini(&moved);
    scan_fini(&scan);
    decoded_fini(&before);
    decoded_fini(&after);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replay_generator");
    TCase *t = tcase_create("generator");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, each_item_meets_the_fate_that_was_said, 0, 3);
    tcase_add_test(t, every_sort_of_garbage_and_most_reasons_occur);
    tcase_add_test(t, seed_decides_every_byte);
    tcase_add_test(t, ties_and_lateness_are_those_of_a_real_feed);
    tcase_add_test(t, arrivals_rise_in_the_bursts_of_a_real_feed);
    tcase_add_test(t, even_profile_keeps_its_rate_in_every_second);
    tcase_add_test(t, sequence_numbers_every_item_once);
    tcase_add_test(t, messages_of_real_size);
    tcase_add_test(t, shift_moves_what_the_decoder_reads_and_nothing_else);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
