/* SPDX-License-Identifier: MIT */
/*
 * Usual path: marks are read, the database is looked at, and both meet in lag.h; each second
 * becomes a sample. When the sender has ended, until nothing waits.
 *
 * When a message counts as visible: when the answer to a query has come that shows its partition's
 * offset past it. Rows and offsets are committed together; so that this need not be believed, each
 * sample also counts the rows of the table and the books in one query (an audit), as long as that
 * is quick.
 *
 * Possible failures: the database goes away (looks fail until it is back, which is part of the
 * latencies), tickd ends (its figures stop), the sender ends badly (its exit code is kept).
 */
#include "observe.h"

#include "clock.h"
#include "err.h"
#include "journal.h"
#include "lag.h"
#include "procstat.h"
#include "say.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND_US     INT64_C(1000000)
#define AUDIT_MAX_US  20000
#define CPU_MIN_S     0.25
#define HEADING_EVERY 20
#define MARKS         4096

static volatile sig_atomic_t stops;

void observe_stop(void)
{
    stops = stops + 1;
}

struct observer {
    const struct observe_options *o;
    struct target *target;
    struct measurement *m;
    struct lag *lag;
    struct hist interval;
    pid_t sender; /* 0 = has ended */
    int marks;    /* -1 = at its end */
    int stops_passed_on;
    char part[sizeof(struct journal_mark)]; /* of a mark */
    size_t part_len;
    int64_t start_us;
    int64_t first_us; /* first and last message produced */
    int64_t last_us;
    int64_t sample_us; /* when the last one was taken */
    struct measure_counts base;
    struct measure_counts sum; /* of the look under way */
    struct target_sizes base_sizes;
    bool audit;
    int64_t audit_base; /* rows that the books do not know */
    bool process_known;
    struct procstat process_start;
    struct procstat process_last; /* at the last sample */
    uint64_t lines;
    bool look_failed; /* said */
};

/* --- the sender */

static void take_mark(struct observer *b, const struct journal_mark *mark)
{
    if (b->first_us == 0)
        b->first_us = mark->produced_us;
    b->last_us = mark->produced_us;
    b->m->sent++;
    b->m->bytes += mark->bytes;
    lag_sent(b->lag, mark->partition, mark->offset, mark->produced_us);
}

static void take_marks(struct observer *b, const char *data, size_t len)
{
    struct journal_mark mark;
    for (size_t i = 0; i < len; i++) {
        b->part[b->part_len++] = data[i];
        if (b->part_len < sizeof mark)
            continue;
        memcpy(&mark, b->part, sizeof mark);
        b->part_len = 0;
        take_mark(b, &mark);
    }
}

static void read_marks(struct observer *b)
{
    char data[MARKS * sizeof(struct journal_mark)];
    while (b->marks >= 0) {
        ssize_t n = read(b->marks, data, sizeof data);
        if (n > 0) {
            take_marks(b, data, (size_t)n);
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        } else {
            close(b->marks);
            b->marks = -1;
        }
    }
}

static void watch_sender(struct observer *b)
{
    int status;
    if (b->sender > 0 && stops > b->stops_passed_on) {
        b->stops_passed_on = stops;
        b->m->interrupted = true;
        kill(b->sender, SIGINT);
    }
    if (b->sender > 0 && waitpid(b->sender, &status, WNOHANG) == b->sender) {
        b->sender = 0;
        b->m->sender_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
}

/* --- the database */

static void on_partition(void *ctx, const struct target_partition *p)
{
    struct observer *b = ctx;
    b->sum.messages += p->messages;
    b->sum.stored += p->stored;
    b->sum.rejected += p->rejected;
    b->sum.ignored += p->ignored;
    b->sum.dropped += p->dropped;
    /* When the query began is not when its answer was seen. */
    lag_seen(b->lag, p->partition, p->next, clock_now().mono_us);
}

static struct measure_counts minus(struct measure_counts a, const struct measure_counts *b)
{
    a.messages -= b->messages;
    a.stored -= b->stored;
    a.rejected -= b->rejected;
    a.ignored -= b->ignored;
    a.dropped -= b->dropped;
    return a;
}

static void look(struct observer *b)
{
    struct err e;
    b->sum = (struct measure_counts){0};
    b->m->looks++;
    if (target_look(b->target, on_partition, b, &e)) {
        b->m->seen = minus(b->sum, &b->base);
        b->look_failed = false;
        return;
    }
    b->m->failed_looks++;
    if (!b->look_failed)
        say("%s", e.text);
    b->look_failed = true;
}

static void audit(struct observer *b)
{
    struct err e;
    struct target_audit a;
    int64_t before_us = clock_now().mono_us;
    if (!b->audit || !target_audit(b->target, &a, &e))
        return;
    b->m->audits++;
    if (a.rows - a.stored != b->audit_base) {
        b->m->audits_failed++;
        if (b->m->audits_failed == 1)
            say("rows and books do not agree: %" PRId64 " rows more than before, %" PRId64
                " stored",
                a.rows - b->audit_base, a.stored);
    }
    b->audit = clock_now().mono_us - before_us < AUDIT_MAX_US;
}

/* --- samples */

static void sample_process(struct observer *b, struct sample *s)
{
    struct procstat now;
    s->cpu_pct = -1;
    if (!b->process_known || !procstat_read(&now, b->o->pid))
        return;
    /* The kernel counts in ticks of 10 ms. */
    if (s->length_s >= CPU_MIN_S)
        s->cpu_pct = (now.cpu_s - b->process_last.cpu_s) * 100 / s->length_s;
    s->rss_bytes = now.rss_bytes;
    b->process_last = now;
}

static void sample_sizes(struct observer *b, struct sample *s)
{
    struct err e;
    struct target_sizes sizes;
    if (!target_sizes(b->target, &sizes, &e))
        return;
    s->database_bytes = sizes.database_bytes;
    s->ticks_bytes = sizes.ticks_bytes;
    b->m->database_growth = sizes.database_bytes - b->base_sizes.database_bytes;
    b->m->ticks_growth = sizes.ticks_bytes - b->base_sizes.ticks_bytes;
}

static void say_progress(struct observer *b, const struct sample *s)
{
    char process[48] = "";
    int64_t every = b->o->progress_seconds;
    if (every == 0 || s->length_s < 0.5 || (int64_t)(s->at_s + 0.5) % every != 0)
        return;
    if (b->lines++ % HEADING_EVERY == 0)
        fprintf(stderr, "%6s %9s %9s %9s %8s %8s %8s %9s %9s%s\n", "time", "sent", "visible",
                "stored", "rejected", "ignored", "waiting", "p50", "p99",
                b->process_known ? "   tickd cpu      rss" : "");
    if (s->cpu_pct >= 0)
        snprintf(process, sizeof process, " %10.1f %% %5.1f MiB", s->cpu_pct,
                 (double)s->rss_bytes / 1048576);
    fprintf(stderr,
            "%5.0fs %9" PRIu64 " %9" PRId64 " %9" PRId64 " %8" PRId64 " %8" PRId64 " %8" PRIu64
            " %6.1f ms %6.1f ms%s\n",
            s->at_s, s->sent, s->seen.messages, s->seen.stored, s->seen.rejected, s->seen.ignored,
            s->waiting, (double)s->p50_us / 1000, (double)s->p99_us / 1000, process);
}

static void take_sample(struct observer *b, int64_t now_us)
{
    struct sample s = {
        .at_s = (double)(now_us - b->start_us) / 1e6,
        .length_s = (double)(now_us - b->sample_us) / 1e6,
        .sent = b->m->sent,
        .seen = b->m->seen,
        .waiting = lag_waiting(b->lag),
        .latencies = b->interval.count,
        .p50_us = hist_percentile(&b->interval, 50),
        .p99_us = hist_percentile(&b->interval, 99),
        .max_us = b->interval.max,
    };
    b->sample_us = now_us;
    b->interval = (struct hist){0};
    sample_process(b, &s);
    sample_sizes(b, &s);
    audit(b);
    measurement_add(b->m, &s);
    say_progress(b, &s);
}

/* --- the run */

static bool begin(struct observer *b, struct err *e)
{
    struct target_audit a;
    struct instant now = clock_now();
    time_t seconds = (time_t)(now.wall_us / SECOND_US);
    struct tm utc;
    strftime(b->m->started, sizeof b->m->started, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    if (!target_look(b->target, on_partition, b, e) ||
        !target_sizes(b->target, &b->base_sizes, e) || !target_audit(b->target, &a, e))
        return false;
    b->base = b->sum;
    b->audit = true;
    b->audit_base = a.rows - a.stored;
    b->process_known = b->o->pid > 0 && procstat_read(&b->process_start, b->o->pid);
    if (b->o->pid > 0 && !b->process_known)
        say("there is no process %" PRId64, b->o->pid);
    b->process_last = b->process_start;
    b->start_us = b->sample_us = clock_now().mono_us;
    return true;
}

static bool is_over(struct observer *b, int64_t now_us, int64_t *drain_end_us)
{
    if (b->sender > 0 || b->marks >= 0)
        return false;
    if (*drain_end_us == 0)
        *drain_end_us = now_us + b->o->drain_us;
    return lag_waiting(b->lag) == 0 || now_us >= *drain_end_us || stops > 1;
}

static void finish(struct observer *b)
{
    struct procstat now;
    struct measurement *m = b->m;
    int64_t now_us = clock_now().mono_us;
    if (now_us > b->sample_us)
        take_sample(b, now_us);
    m->run_s = (double)(now_us - b->start_us) / 1e6;
    m->sending_s = (double)(b->last_us - b->first_us) / 1e6;
    m->waiting = lag_waiting(b->lag);
    m->process_known = b->process_known && procstat_read(&now, b->o->pid);
    if (m->process_known) {
        m->cpu_pct = (now.cpu_s - b->process_start.cpu_s) * 100 / m->run_s;
        m->rss_bytes = now.rss_bytes;
        m->rss_peak_bytes = now.rss_peak_bytes;
    }
}

static void pause_us(int64_t us)
{
    struct timespec t = {us / SECOND_US, us % SECOND_US * 1000};
    nanosleep(&t, NULL);
}

static void run(struct observer *b)
{
    int64_t drain_end_us = 0;
    for (;;) {
        watch_sender(b);
        read_marks(b);
        look(b);
        read_marks(b);
        int64_t now_us = clock_now().mono_us;
        if (now_us - b->sample_us >= SECOND_US)
            take_sample(b, now_us);
        if (is_over(b, now_us, &drain_end_us))
            return;
        pause_us(b->o->poll_us);
    }
}

bool observe_run(const struct observe_options *o, struct target *target, pid_t sender, int marks,
                 struct measurement *m, struct err *e)
{
    struct observer *b = err_calloc(1, sizeof *b);
    b->o = o;
    b->target = target;
    b->m = m;
    b->sender = sender;
    b->marks = marks;
    b->lag = lag_new(&m->latency, &b->interval);
    m->poll_ms = (double)o->poll_us / 1000;
    bool ok = begin(b, e);
    if (ok) {
        run(b);
        finish(b);
    }
    lag_free(b->lag);
    free(b);
    return ok;
}
