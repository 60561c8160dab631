/* SPDX-License-Identifier: MIT */
#include "sendreport.h"

#include "jsonbuf.h"
#include "outfile.h"
#include "say.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS   1e9
#define INTERVAL_NS 500000000

/* A rate counts as reached if it is missed by no more than this, and no message was later. */
#define RATE_TOLERANCE 0.02
#define BEHIND_MAX_NS  1000000000

void send_report_fini(struct send_report *r)
{
    free(r->shifts_ms);
    r->shifts_ms = NULL;
    r->shift_count = 0;
}

void send_report_add_shift(struct send_report *r, int64_t shift_ms)
{
    r->shifts_ms = err_realloc(r->shifts_ms, (r->shift_count + 1) * sizeof *r->shifts_ms);
    r->shifts_ms[r->shift_count++] = shift_ms;
}

bool send_report_on_time(const struct send_report *r)
{
    if (!r->paced)
        return true;
    bool reached = r->rate_asked <= 0 || r->meter.count < 2 ||
                   meter_rate(&r->meter) >= r->rate_asked * (1 - RATE_TOLERANCE);
    return reached && r->meter.behind_max_ns <= BEHIND_MAX_NS;
}

/* What was achieved: by the schedule's clock, or, without one, until the broker had everything. */
static double achieved(const struct send_report *r, const struct producer_counts *c)
{
    if (r->paced)
        return meter_rate(&r->meter);
    return r->seconds > 0 ? (double)c->sent / r->seconds : 0;
}

static void say_rate(const struct send_report *r, const struct producer_counts *c)
{
    char asked[48] = "";
    if (r->rate_asked > 0)
        snprintf(asked, sizeof asked, ", %.10g asked", r->rate_asked);
    say("sent %" PRIu64 " messages (%" PRIu64 " bytes) in %.1f s, %.1f a second%s%s", c->sent,
        c->bytes, r->seconds, achieved(r, c), asked, r->interrupted ? "; interrupted" : "");
    if (!send_report_on_time(r))
        say("the pace was NOT kept: %.1f a second%s, up to %.1f s behind the schedule",
            achieved(r, c), asked, (double)r->meter.behind_max_ns / SECOND_NS);
}

void send_report_say(const struct send_report *r, const struct producer_counts *c)
{
    say_rate(r, c);
    if (c->failed > 0)
        say("%" PRIu64 " messages FAILED; the first: %s", c->failed, c->why);
    if (r->errors > 0)
        say("%" PRIu64 " lines or files could not be read", r->errors);
    if (r->filtered > 0)
        say("%" PRIu64 " of %" PRIu64 " messages were left out as asked", r->filtered, r->read);
}

static json_t *partitions_of(const struct producer_counts *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->partition_count; i++) {
        const struct producer_partition *p = &c->partitions[i];
        if (p->messages > 0)
            json_array_append_new(list,
                                  json_pack("{sI sI sI sI}", "partition", (json_int_t)i, "first",
                                            (json_int_t)p->first, "last", (json_int_t)p->last,
                                            "messages", (json_int_t)p->messages));
    }
    return list;
}

static json_t *shifts_of(const struct send_report *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->shift_count; i++)
        json_array_append_new(list, json_integer((json_int_t)r->shifts_ms[i]));
    return list;
}

static json_t *to_json(const struct send_report *r, const struct producer_counts *c)
{
    json_t *all = json_object();
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"read", r->read},        {"filtered", r->filtered}, {"errors", r->errors},
        {"produced", c->taken},   {"sent", c->sent},         {"failed", c->failed},
        {"keyless", r->keyless},  {"bytes", c->bytes},       {"passes", r->passes},
        {"queue_full", c->waits},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        json_object_set_new(all, counts[i].name, json_integer((json_int_t)counts[i].value));
    json_object_set_new(all, "seconds", json_real(r->seconds));
    json_object_set_new(all, "rate", json_real(achieved(r, c)));
    json_object_set_new(all, "rate_asked",
                        r->rate_asked > 0 ? json_real(r->rate_asked) : json_null());
    json_object_set_new(all, "on_time", json_boolean(send_report_on_time(r)));
    json_object_set_new(all, "behind_max_ms",
                        json_real(r->paced ? (double)r->meter.behind_max_ns / 1e6 : 0));
    json_object_set_new(all, "second_min", json_integer((json_int_t)r->meter.slowest));
    json_object_set_new(all, "second_max", json_integer((json_int_t)r->meter.fastest));
    json_object_set_new(all, "interrupted", json_boolean(r->interrupted));
    json_object_set_new(all, "why", c->failed > 0 ? json_string(c->why) : json_null());
    json_object_set_new(all, "shifts_ms", shifts_of(r));
    json_object_set_new(all, "partitions", partitions_of(c));
    return all;
}

bool send_report_write(const struct send_report *r, const struct producer_counts *c,
                       const char *path, struct err *e)
{
    struct outfile *f = outfile_open(path, e);
    if (!f)
        return false;
    jsonbuf_put_new(outfile_buf(f), to_json(r, c), 2);
    return outfile_close(f, e);
}

static void put_time(char *text, size_t size, double seconds)
{
    unsigned long s = (unsigned long)(seconds + 0.5);
    if (s < 3600)
        snprintf(text, size, "%lu:%02lu", s / 60, s % 60);
    else
        snprintf(text, size, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
}

void progress_update(struct progress *p, const struct send_report *r,
                     const struct producer_counts *c, double done, int64_t now_ns)
{
    if (!p->shown || now_ns < p->next_ns || r->meter.count == 0)
        return;
    char asked[32] = "", eta[48] = "", elapsed[32], left[32];
    double seconds = (double)(now_ns - r->meter.first_ns) / SECOND_NS;
    double rate = p->last_ns > 0 ? (double)(r->meter.count - p->last_count) * SECOND_NS /
                                       (double)(now_ns - p->last_ns)
                                 : meter_rate(&r->meter);
    if (r->rate_asked > 0)
        snprintf(asked, sizeof asked, " of %.10g", r->rate_asked);
    if (done > 0.001) {
        put_time(left, sizeof left, seconds * (1 - done) / done);
        snprintf(eta, sizeof eta, ", %s left", left);
    }
    put_time(elapsed, sizeof elapsed, seconds);
    fprintf(stderr, "\r%" PRIu64 " sent, %" PRIu64 " failed, %.0f%s a second, %s elapsed%s\033[K",
            c->sent, c->failed, rate, asked, elapsed, eta);
    p->started = true;
    p->last_count = r->meter.count;
    p->last_ns = now_ns;
    p->next_ns = now_ns + INTERVAL_NS;
}

void progress_end(struct progress *p)
{
    if (p->started)
        fputc('\n', stderr);
    p->started = false;
}
