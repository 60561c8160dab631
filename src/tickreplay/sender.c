/* SPDX-License-Identifier: MIT */
/*
 * Usual path: an entry is read, looked into (symbol, time), perhaps rewritten; its due time is
 * waited for, in slices so that deliveries are counted and signals heard; then it goes to the
 * producer.
 *
 * Possible failures: a line or file that cannot be read (said, counted, passed over), a full local
 * queue (waited for), a message that is refused or given up (counted), a producer that cannot go on
 * (ends the run). With `strict` the first error ends the run.
 */
#include "sender.h"

#include "say.h"
#include "scan.h"
#include <signal.h>
#include <string.h>
#include <time.h>

#define SECOND_NS INT64_C(1000000000)
#define MS_NS     INT64_C(1000000)

/* The longest sleep, so that nothing has to wait long: signals, deliveries, the progress line. */
#define SLICE_NS (50 * MS_NS)
#define FULL_MS  10

/* At full speed deliveries are counted after so many messages. */
#define POLL_EVERY 512

/* Errors that are said one by one; the others are only counted. */
#define ERRORS_SAID 10

static volatile sig_atomic_t stops;

/* What a recording holds of what is wanted. */
struct survey {
    uint64_t count;
    int64_t first_ns; /* arrivals; INT64_MIN = none known */
    int64_t last_ns;
    int64_t before_ns; /* arrival of the latest one */
    int64_t cut_ns;    /* what --max-gap takes out of the pauses */
};

struct sender {
    const struct sender_options *o;
    struct recording *recording;
    struct producer *producer;
    struct send_report *report;
    struct pace pace;
    struct scan scan;
    struct buf value;
    struct rewrite rewrite;
    bool shift_known; /* for this pass */
    struct survey survey;
    int64_t start_ns;
    struct progress progress;
};

void sender_stop(void)
{
    stops = stops + 1;
}

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

static int64_t now_mono(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static void sleep_until(int64_t at_ns)
{
    struct timespec t = {at_ns / SECOND_NS, at_ns % SECOND_NS};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* --- when to end */

static bool is_over(const struct sender *s, int64_t now_ns)
{
    const struct sender_options *o = s->o;
    const struct producer_counts *c = producer_counts(s->producer);
    return stops > 0 || producer_is_broken(s->producer) ||
           (o->duration_ns > 0 && now_ns - s->start_ns >= o->duration_ns) ||
           (o->count > 0 && s->report->meter.count >= o->count) ||
           (o->strict && (s->report->errors > 0 || c->failed > 0));
}

static double share_done(const struct sender *s, int64_t now_ns)
{
    const struct sender_options *o = s->o;
    double by_time = -1, by_files = -1;
    if (o->duration_ns > 0)
        by_time = (double)(now_ns - s->start_ns) / (double)o->duration_ns;
    double pass = recording_progress(s->recording);
    if (o->loops > 0 && pass >= 0)
        by_files = ((double)s->report->passes + pass) / (double)o->loops;
    if (o->count > 0 && (double)s->report->meter.count / (double)o->count > by_files)
        by_files = (double)s->report->meter.count / (double)o->count;
    return by_time > by_files ? by_time : by_files;
}

static void look_around(struct sender *s, int64_t now_ns)
{
    producer_poll(s->producer, 0);
    if (s->progress.shown && now_ns >= s->progress.next_ns)
        progress_update(&s->progress, s->report, producer_counts(s->producer),
                        share_done(s, now_ns), now_ns);
}

/* False if the run ended meanwhile. *now_ns gets the time. */
static bool wait_until(struct sender *s, int64_t due_ns, int64_t *now_ns)
{
    *now_ns = now_mono();
    if (due_ns <= *now_ns && s->report->meter.count % POLL_EVERY != 0)
        return true;
    for (;;) {
        look_around(s, *now_ns);
        if (is_over(s, *now_ns))
            return false;
        *now_ns = now_mono();
        if (due_ns <= *now_ns)
            return true;
        sleep_until(due_ns - *now_ns < SLICE_NS ? due_ns : *now_ns + SLICE_NS);
        *now_ns = now_mono();
    }
}

/* --- one message */

static bool is_listed(const char *list, const char *name, size_t len)
{
    for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',') {
        if (strcspn(p, ",") == len && memcmp(p, name, len) == 0)
            return true;
    }
    return false;
}

static bool has_listed_symbol(const struct sender *s, const char *text)
{
    for (size_t i = 0; i < s->scan.count; i++) {
        const struct token *t = &s->scan.tokens[i];
        const char *name;
        size_t len;
        if (t->kind != TOKEN_SYMBOL)
            continue;
        symbol_map_find(&s->o->map, text + t->at, t->len, &name, &len);
        if (is_listed(s->o->symbols, name, len))
            return true;
    }
    return false;
}

/* The entry has been scanned. */
static bool is_wanted(const struct sender *s, const struct entry *entry)
{
    const struct sender_options *o = s->o;
    if (entry->arrival_ns != RECORDING_NO_TIME &&
        (entry->arrival_ns < o->from_ns || entry->arrival_ns >= o->to_ns))
        return false;
    if (o->exchanges && !is_listed(o->exchanges, entry->exchange, entry->exchange_len))
        return false;
    return !o->symbols || has_listed_symbol(s, entry->payload);
}

/* How much sooner after the first message the last one is sent than it was recorded. */
static int64_t time_saved(const struct sender *s)
{
    const struct survey *v = &s->survey;
    int64_t recorded_ns = v->first_ns == RECORDING_NO_TIME ? 0 : v->last_ns - v->first_ns;
    int64_t saved_ns = recorded_ns - pace_span(&s->pace, v->count, recorded_ns - v->cut_ns);
    return saved_ns > 0 ? saved_ns : 0;
}

/* Event times are moved so that the first message of the pass happens when it is due; or, if the
 * recording is sent faster than it was made, the last one: no event may lie in the future. */
static void choose_shift(struct sender *s, const struct entry *entry, int64_t due_ns)
{
    if (!s->o->shift_to_now || s->shift_known || entry->arrival_ns == RECORDING_NO_TIME)
        return;
    int64_t due_wall_ns = read_clock(CLOCK_REALTIME) + (due_ns - now_mono());
    s->rewrite.shift_ms = (due_wall_ns - time_saved(s) - entry->arrival_ns) / MS_NS;
    s->shift_known = true;
    send_report_add_shift(s->report, s->rewrite.shift_ms);
}

/* The value to send: the entry's own text, or one that is rewritten. */
static void make_value(struct sender *s, const struct entry *entry, const char **value, size_t *len)
{
    *value = entry->payload;
    *len = entry->payload_len;
    if (s->rewrite.shift_ms == 0 && s->o->map.count == 0)
        return;
    buf_clear(&s->value);
    rewrite_message(&s->rewrite, &s->scan, entry->payload, entry->payload_len, &s->value);
    *value = (const char *)s->value.data;
    *len = s->value.len;
}

/* False if the run is over: stopped before there was room, or by a refusal it may not survive. */
static bool hand_over(struct sender *s, const struct entry *entry, int64_t due_ns, int64_t now_ns)
{
    const struct token *symbol = scan_symbol(&s->scan);
    const char *key = NULL, *value;
    size_t key_len = 0, value_len;
    if (symbol)
        symbol_map_find(&s->o->map, entry->payload + symbol->at, symbol->len, &key, &key_len);
    else
        s->report->keyless++;
    make_value(s, entry, &value, &value_len);
    enum producer_result result;
    while ((result = producer_send(s->producer, key, key_len, value, value_len)) == PRODUCER_FULL) {
        producer_poll(s->producer, FULL_MS);
        now_ns = now_mono();
        look_around(s, now_ns);
        if (is_over(s, now_ns))
            return false;
    }
    meter_add(&s->report->meter, s->pace.mode == PACE_MAX ? now_ns : due_ns, now_ns);
    return result == PRODUCER_TAKEN || !s->o->strict;
}

/* Looks into the message; if the recording has no arrivals, its event time stands for one. */
static void look_into(struct sender *s, struct entry *entry)
{
    int64_t time_us;
    scan_message(&s->scan, entry->payload, entry->payload_len);
    if (entry->arrival_ns == RECORDING_NO_TIME && scan_time(&s->scan, entry->payload, &time_us) &&
        time_us < INT64_MAX / 1000 && time_us > INT64_MIN / 1000)
        entry->arrival_ns = time_us * 1000;
}

static bool send_entry(struct sender *s, struct entry *entry)
{
    int64_t now_ns;
    s->report->read++;
    look_into(s, entry);
    if (!is_wanted(s, entry)) {
        s->report->filtered++;
        return true;
    }
    int64_t due_ns = pace_due(&s->pace, entry->arrival_ns);
    choose_shift(s, entry, due_ns);
    return wait_until(s, due_ns, &now_ns) && hand_over(s, entry, due_ns, now_ns);
}

/* --- the run */

static void on_bad(struct sender *s, const struct err *e)
{
    if (++s->report->errors > ERRORS_SAID)
        return;
    progress_end(&s->progress);
    say("%s", e->text);
    if (s->report->errors == ERRORS_SAID)
        say("more of these are only counted");
}

/* Reads the recording once. False if the run is over. */
static bool send_pass(struct sender *s)
{
    struct entry entry;
    struct err e;
    for (;;) {
        switch (recording_next(s->recording, &entry, &e)) {
        case RECORDING_ENTRY:
            if (!send_entry(s, &entry))
                return false;
            if (s->o->count > 0 && s->report->meter.count >= s->o->count)
                return false;
            break;
        case RECORDING_END:
            s->report->passes++;
            return true;
        case RECORDING_WAITING:
            look_around(s, now_mono());
            break;
        case RECORDING_BAD:
            on_bad(s, &e);
            break;
        }
        if (stops > 0 || (s->o->strict && s->report->errors > 0))
            return false;
    }
}

static void survey_entry(struct sender *s, struct entry *entry)
{
    struct survey *v = &s->survey;
    look_into(s, entry);
    if (!is_wanted(s, entry))
        return;
    v->count++;
    if (entry->arrival_ns == RECORDING_NO_TIME)
        return;
    if (v->first_ns == RECORDING_NO_TIME)
        v->first_ns = v->last_ns = v->before_ns = entry->arrival_ns;
    if (entry->arrival_ns > v->last_ns)
        v->last_ns = entry->arrival_ns;
    int64_t pause_ns = entry->arrival_ns - v->before_ns;
    if (s->pace.max_gap_ns > 0 && pause_ns > s->pace.max_gap_ns)
        v->cut_ns += pause_ns - s->pace.max_gap_ns;
    v->before_ns = entry->arrival_ns;
}

/* Reads the recording once without sending anything. What is wrong in it is said later. */
static void survey_all(struct sender *s)
{
    struct entry entry;
    struct err e;
    enum recording_result result;
    do {
        result = recording_next(s->recording, &entry, &e);
        if (result == RECORDING_ENTRY)
            survey_entry(s, &entry);
    } while (result != RECORDING_END && stops == 0);
    recording_rewind(s->recording);
}

/* The length of the recording matters if it is to be squeezed, or could run ahead of the clock. */
static bool needs_survey(const struct sender_options *o)
{
    bool may_run_ahead = o->shift_to_now && (o->pace.mode != PACE_RECORDED || o->pace.speed > 1 ||
                                             o->pace.max_gap_ns > 0);
    return o->can_survey && (o->burst_rate > 0 || may_run_ahead);
}

static void prepare(struct sender *s)
{
    struct survey *v = &s->survey;
    v->first_ns = v->last_ns = RECORDING_NO_TIME;
    if (needs_survey(s->o))
        survey_all(s);
    if (s->o->burst_rate > 0 && v->last_ns > v->first_ns)
        s->pace.speed = s->o->burst_rate * (double)(v->last_ns - v->first_ns - v->cut_ns) /
                        SECOND_NS / (double)v->count;
}

static void send_all(struct sender *s)
{
    for (uint64_t pass = 0; s->o->loops == 0 || pass < s->o->loops; pass++) {
        uint64_t before = s->report->meter.count;
        if (pass > 0) {
            recording_rewind(s->recording);
            pace_repeat(&s->pace);
            s->shift_known = false;
        }
        if (!send_pass(s) || is_over(s, now_mono()))
            return;
        /* Nothing in it would be nothing for ever. */
        if (s->report->meter.count == before)
            return;
    }
}

/* Waits until everything is acknowledged or given up; what is not, in time, is given up. */
static void flush(struct sender *s)
{
    int64_t end_ns = now_mono() + s->o->flush_ns;
    int seen = stops;
    while (producer_pending(s->producer) > 0) {
        int64_t now_ns = now_mono();
        producer_poll(s->producer, FULL_MS);
        look_around(s, now_ns);
        if (now_ns >= end_ns || stops > (seen > 0 ? seen : 1) || producer_is_broken(s->producer))
            break;
    }
    producer_purge(s->producer);
    while (producer_pending(s->producer) > 0)
        producer_poll(s->producer, FULL_MS);
    producer_poll(s->producer, 0);
}

void sender_run(const struct sender_options *o, struct recording *recording,
                struct producer *producer, struct send_report *report)
{
    struct sender s = {.o = o, .recording = recording, .producer = producer, .report = report};
    *report = (struct send_report){.rate_asked = o->burst_rate, .paced = o->pace.mode != PACE_MAX};
    if (o->pace.mode == PACE_RATE)
        report->rate_asked = o->pace.rate;
    s.rewrite = (struct rewrite){0, &o->map};
    s.progress.shown = o->progress;
    scan_init(&s.scan);
    buf_init(&s.value);
    s.pace = o->pace;
    prepare(&s);
    s.start_ns = now_mono();
    pace_start(&s.pace, s.start_ns);
    send_all(&s);
    report->interrupted = stops > 0;
    flush(&s);
    report->seconds = (double)(now_mono() - s.start_ns) / (double)SECOND_NS;
    progress_end(&s.progress);
    buf_fini(&s.value);
    scan_fini(&s.scan);
}
