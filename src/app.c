/* SPDX-License-Identifier: MIT */
/*
 * Who calls whom: Kafka and the service session tell the writers what happened; the writers ask
 * them for what they want (writers_ops below). Before each wait of the loop advance() lets the
 * writers take what they can and start what is due.
 *
 * Usual path: start -> waiting for ... -> flowing -> SIGTERM -> drained -> left the group -> 0.
 */
#include "app.h"

#include "clock.h"
#include "crashpoint.h"
#include "err.h"
#include "kafka.h"
#include "kafka_conf.h"
#include "log.h"
#include "notify.h"
#include "report.h"
#include "service.h"
#include "watch.h"
#include "writers.h"
#include <ev.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Messages taken per turn of the loop: a few milliseconds of decoding. */
#define INTAKE_BUDGET 1000

/* One of so many messages is measured. */
#define MEASURED 64

/* A commit that takes longer than this is looked at: something may block it. */
#define SLOW_COMMIT_US 1000000

/* Beyond shutdown_timeout_ms. */
#define EXIT_WATCHDOG_S 5

/* Until systemd ends what does not: draining and taking the parts down have a watchdog each. */
#define STOP_SLACK_MS 15000

/* For librdkafka to begin with: it hangs if the machine lets it have no threads. */
#define START_WATCHDOG_S 20

struct app {
    struct ev_loop *loop;
    struct config *config;
    const struct config_source *source;
    int64_t gather_ms; /* how long a fetch may wait, from the start on */
    struct kafka *kafka;
    struct writers *writers;
    struct service *service;
    struct pairs *pairs;
    struct report report;
    struct watch *watch;
    struct watch_flags flags;

    ev_prepare prepare;
    ev_check woken;
    ev_idle more;    /* active while there is input left to take: the loop does not wait */
    ev_timer wake;   /* the writers' next deadline */
    ev_timer second; /* housekeeping */
    ev_timer deadline;
    ev_signal sigterm, sigint, sighup, sigusr1;

    struct offsets assigned; /* waiting for the cluster's id */
    bool assign_waiting;
    bool kafka_commit_due;
    bool closing;
    int64_t turn_ns; /* when this turn of the loop began; 0: it has not */
    uint64_t taken;  /* messages */
    int exit_code;
};

/* --- what the writers want --- */

static void op_assign(void *ctx, const struct offsets *o)
{
    struct app *app = ctx;
    kafka_assign(app->kafka, o);
}

static void op_release(void *ctx)
{
    struct app *app = ctx;
    kafka_release(app->kafka);
}

static void on_start_found(void *ctx, const struct offsets *found, const char *error)
{
    struct app *app = ctx;
    writers_on_start(app->writers, found, error);
}

static void op_find_start(void *ctx, const struct offsets *missing)
{
    struct app *app = ctx;
    kafka_find_start(app->kafka, missing, on_start_found, app);
}

static void op_refresh_pairs(void *ctx)
{
    struct app *app = ctx;
    service_refresh_pairs(app->service);
}

static void commit_to_kafka(struct app *app)
{
    if (app->kafka_commit_due)
        kafka_commit(app->kafka, writers_offsets(app->writers));
    app->kafka_commit_due = false;
}

static void op_committed(void *ctx)
{
    struct app *app = ctx;
    app->kafka_commit_due = true;
    if (writers_facts(app->writers).state == PIPELINE_RELEASING)
        commit_to_kafka(app); /* the partitions are given up next */
}

static void op_broken(void *ctx)
{
    struct app *app = ctx;
    log_error("encoder_broken", "the server cannot read what tickd sends; nothing was lost", NULL);
    log_dump_recorder();
    app->exit_code = EXIT_RUNTIME;
    ev_break(app->loop, EVBREAK_ALL);
}

static void on_tick(void *ctx, uint32_t slot, const struct record *r)
{
    struct app *app = ctx;
    monitor_tick(watch_monitor(app->watch), slot, r);
}

static void on_rejected(void *ctx, const struct partition *p, const struct message *m,
                        enum reject_reason reason, const char *detail)
{
    struct app *app = ctx;
    monitor_reject(watch_monitor(app->watch), p, m, reason, detail, clock_now().wall_us);
}

static void on_batch_done(void *ctx, const struct batch *b, int64_t took_us)
{
    struct app *app = ctx;
    monitor_commit(watch_monitor(app->watch), b, took_us, clock_now().wall_us);
    log_debug("batch_done", "a batch was committed", "rows=%zu letters=%zu took_ms=%.3f",
              b->row_count, b->letters, (double)took_us / 1000);
}

/* --- what Kafka says --- */

static void start_assigned(struct app *app)
{
    if (!app->assign_waiting || !kafka_cluster_id(app->kafka))
        return;
    app->assign_waiting = false;
    writers_set_owner(app->writers, app->config->group, kafka_cluster_id(app->kafka));
    writers_on_assign(app->writers, &app->assigned);
}

static void on_assign(void *ctx, const struct offsets *partitions)
{
    struct app *app = ctx;
    offsets_copy(&app->assigned, partitions);
    app->assign_waiting = true;
    start_assigned(app);
}

static void on_revoke(void *ctx, bool lost)
{
    struct app *app = ctx;
    if (app->assign_waiting) {
        app->assign_waiting = false;
        kafka_release(app->kafka);
        return;
    }
    CRASHPOINT(revoked);
    commit_to_kafka(app);
    writers_on_revoke(app->writers, lost, clock_now());
    CRASHPOINT_IF(writers_facts(app->writers).state == PIPELINE_RELEASING, revoked_in_commit);
}

static void on_messages(void *ctx)
{
    (void)ctx; /* that the loop woke is enough: advance() comes next */
}

static void on_gap(void *ctx, uint32_t partition, int64_t low, int64_t high)
{
    struct app *app = ctx;
    writers_on_gap(app->writers, partition, low, high);
}

static void on_kafka_up(void *ctx)
{
    struct app *app = ctx;
    app->flags.kafka_up = true;
    app->flags.kafka_connects++;
}

static void on_kafka_down(void *ctx, const char *why)
{
    struct app *app = ctx;
    (void)why; /* kafka has logged it */
    app->flags.kafka_up = false;
}

static void on_kafka_fatal(void *ctx, const char *why)
{
    struct app *app = ctx;
    log_error("kafka_fatal", "the Kafka client cannot go on; restart tickd", "error=%s", why);
    log_dump_recorder();
    app->exit_code = EXIT_RUNTIME;
    ev_break(app->loop, EVBREAK_ALL);
}

static void on_kafka_closed(void *ctx)
{
    struct app *app = ctx;
    ev_break(app->loop, EVBREAK_ALL);
}

/* --- what the database says --- */

static void on_schema(void *ctx, const struct schema_report *schema)
{
    struct app *app = ctx;
    report_schema(&app->report, schema);
    writers_on_schema(app->writers, schema);
}

static void on_pairs(void *ctx)
{
    struct app *app = ctx;
    writers_on_pairs(app->writers);
}

static void on_stats(void *ctx, const PGresult *rows)
{
    struct app *app = ctx;
    watch_on_stats(app->watch, rows);
}

static void on_prices(void *ctx, const PGresult *rows)
{
    struct app *app = ctx;
    watch_on_prices(app->watch, rows);
}

/* --- the loop --- */

/* Takes one message; false: not now. */
static bool take(struct app *app, const struct message *m, struct instant now)
{
    if (app->taken++ % MEASURED != 0)
        return writers_take(app->writers, m, now);
    int64_t began_ns = clock_mono_ns();
    bool taken = writers_take(app->writers, m, now);
    if (taken)
        monitor_take(watch_monitor(app->watch), clock_mono_ns() - began_ns);
    return taken;
}

struct intake {
    bool more;    /* the budget is used up, and more may be there */
    bool blocked; /* what is there cannot be taken now */
};

/* Takes what there is for a writer, up to the budget. */
static void take_lane(struct app *app, size_t lane, struct instant now, struct intake *intake)
{
    struct message m;
    for (int taken = 0; taken < INTAKE_BUDGET; taken++) {
        if (!writers_want_input(app->writers, lane)) {
            intake->blocked |= kafka_has_queued(app->kafka, lane);
            return;
        }
        if (!kafka_peek(app->kafka, lane, &m))
            return;
        if (!take(app, &m, now)) {
            intake->blocked = true;
            return;
        }
        kafka_advance(app->kafka, lane);
    }
    intake->more = true;
}

static struct intake take_input(struct app *app, struct instant now)
{
    struct intake intake = {0};
    for (size_t lane = 0; lane < (size_t)app->config->writers; lane++)
        take_lane(app, lane, now, &intake);
    return intake;
}

static void arm_wake(struct app *app, struct instant now)
{
    int64_t at = writers_wake_us(app->writers);
    ev_timer_stop(app->loop, &app->wake);
    if (at == INT64_MAX)
        return;
    ev_now_update(app->loop);
    double after = at > now.mono_us ? (double)(at - now.mono_us) / 1e6 : 0.;
    ev_timer_set(&app->wake, after, 0.);
    ev_timer_start(app->loop, &app->wake);
}

static void close_when_drained(struct app *app)
{
    if (!app->flags.stopping || app->closing || !writers_are_drained(app->writers))
        return;
    app->closing = true;
    CRASHPOINT(drained);
    commit_to_kafka(app);
    kafka_close(app->kafka, on_kafka_closed, app);
}

static void set_busy(struct app *app, bool busy)
{
    if (busy)
        ev_idle_start(app->loop, &app->more);
    else
        ev_idle_stop(app->loop, &app->more);
}

static void advance(struct app *app)
{
    start_assigned(app);
    struct instant now = clock_now();
    writers_step(app->writers, now);
    struct intake intake = take_input(app, now);
    writers_step(app->writers, now);
    close_when_drained(app);
    set_busy(app, intake.more);
    monitor_backpressure(watch_monitor(app->watch), intake.blocked, now.mono_us);
    arm_wake(app, now);
}

static void on_prepare(struct ev_loop *loop, ev_prepare *w, int revents)
{
    (void)loop;
    (void)revents;
    struct app *app = w->data;
    advance(app);
    if (app->turn_ns != 0)
        monitor_turn(watch_monitor(app->watch), (clock_mono_ns() - app->turn_ns) / 1000);
}

/* The wait is over: a turn begins. */
static void on_woken(struct ev_loop *loop, ev_check *w, int revents)
{
    (void)loop;
    (void)revents;
    struct app *app = w->data;
    app->turn_ns = clock_mono_ns();
}

static void on_more(struct ev_loop *loop, ev_idle *w, int revents)
{
    (void)loop;
    (void)w;
    (void)revents; /* only there so that the loop does not wait */
}

static void on_wake(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)w;
    (void)revents; /* likewise: advance() comes next */
}

static void look_at_slow_commit(struct app *app, int64_t now_us)
{
    int pid = writers_slow_backend(app->writers, now_us, SLOW_COMMIT_US);
    if (pid != 0)
        service_unblock(app->service, pid);
}

/* The service session looks at the schema also while nothing is written. */
static bool is_usable(const struct app *app, const struct writers_facts *writers)
{
    bool complete = !app->report.schema_known || schema_is_usable(&app->report.schema);
    return writers->usable && complete;
}

static void tell_state(struct app *app, int64_t now_us)
{
    struct writers_facts writers = writers_facts(app->writers);
    struct report_facts facts = {
        .stopping = app->flags.stopping,
        .database_connected = writers.connected,
        .database_usable = is_usable(app, &writers),
        .pairs_loaded = pairs_loaded(app->pairs),
        .kafka_up = app->flags.kafka_up,
        .pipeline = writers.state,
        .partitions = writers.partitions,
        .partitions_stopped = writers.stopped,
        .commit_failures = writers.failures,
    };
    report_state(&app->report, &facts, now_us);
}

static void on_second(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    struct app *app = w->data;
    struct instant now = clock_now();
    look_at_slow_commit(app, now.mono_us);
    commit_to_kafka(app);
    tell_state(app, now.mono_us);
    struct pipeline_stats stats = writers_stats(app->writers);
    report_stats(&app->report, &stats, now.mono_us);
    watch_second(app->watch, now);
    notify_alive(!app->report.was_ready && !app->flags.stopping);
}

/* --- watchdog --- */

static int watchdog_code;

/* From a signal handler. */
static _Noreturn void leave(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
    _exit(watchdog_code);
}

static void on_alarm(int signum)
{
    (void)signum;
    log_dump_recorder();
    leave("tickd: librdkafka does not come back; leaving without it\n");
}

/* At the start, and from a stop on, the process ends within this time whatever a library is still
 * doing: making a librdkafka consumer can hang, and closing one. Nothing is lost by it, because
 * offsets are committed with the rows.
 */
static void start_watchdog(unsigned seconds, int code)
{
    watchdog_code = code;
    signal(SIGALRM, on_alarm);
    alarm(seconds);
}

/*
 * librdkafka 2.0.2 can also crash while it closes, when no coordinator answers (mended in 2.14.2).
 * Everything of ours is done by then; the stop counts as what it was. Sanitizers see it as it is.
 */
static void on_crash(int signum)
{
    (void)signum;
    log_dump_recorder();
    leave("tickd: librdkafka has crashed in closing; leaving without it\n");
}

static void free_kafka(struct kafka *k)
{
#ifndef __SANITIZE_ADDRESS__
    signal(SIGSEGV, on_crash);
#else
    (void)on_crash;
#endif
    kafka_free(k);
    log_catch_faults();
}

/* --- signals --- */

static void on_stop(struct ev_loop *loop, ev_signal *w, int revents)
{
    (void)revents;
    struct app *app = w->data;
    if (app->flags.stopping) {
        log_warn("stop_forced", "second signal: leaving without draining", "signal=%d", w->signum);
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    int64_t limit_ms = app->config->shutdown_timeout_ms;
    log_info("stopping", "draining", "signal=%d timeout_ms=%" PRId64, w->signum, limit_ms);
    notify_stopping((limit_ms + STOP_SLACK_MS) * 1000);
    app->flags.stopping = true;
    tell_state(app, clock_now().mono_us);
    writers_stop(app->writers);
    ev_timer_set(&app->deadline, (double)limit_ms / 1000, 0.);
    ev_timer_start(loop, &app->deadline);
    start_watchdog((unsigned)(limit_ms / 1000) + EXIT_WATCHDOG_S, EXIT_OK);
}

/* Giving up on draining loses nothing: what is not committed is read again by whoever comes next.
 */
static void on_deadline(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)w;
    (void)revents;
    log_warn("shutdown_timeout", "leaving with an uncommitted batch; it will be read again", NULL);
    ev_break(loop, EVBREAK_ALL);
}

static struct pipeline_options pipeline_options_of(const struct app *app);

static void apply_reload(struct app *app)
{
    log_set_level((enum log_level)app->config->log_level);
    struct pipeline_options options = pipeline_options_of(app);
    writers_set_options(app->writers, &options);
    service_refresh_pairs(app->service);
    if (writers_facts(app->writers).stopped > 0)
        writers_resync(app->writers);
}

static void on_reload(struct ev_loop *loop, ev_signal *w, int revents)
{
    (void)loop;
    (void)revents;
    struct app *app = w->data;
    struct config fresh;
    struct err e;
    char ignored[512];
    /* To systemd, the end of a reload is readiness: a start or a stop must not be told of one. */
    bool told = app->report.was_ready && !app->flags.stopping;
    if (told)
        notify_reloading();
    app->flags.reload_failed = !config_load(&fresh, app->source, &e);
    if (app->flags.reload_failed) {
        log_error("reload_failed", "the configuration stays as it was", "error=%s", e.text);
    } else {
        size_t changed = config_reload(app->config, &fresh, ignored, sizeof ignored);
        config_fini(&fresh);
        apply_reload(app);
        app->flags.configured_us = clock_now().wall_us;
        log_info("reloaded", "configuration read again", "changed=%zu needs_restart=%s", changed,
                 ignored);
    }
    if (told)
        notify_reloaded();
}

static void on_dump(struct ev_loop *loop, ev_signal *w, int revents)
{
    (void)loop;
    (void)revents;
    struct app *app = w->data;
    watch_dump(app->watch);
}

/* --- life --- */

static struct pipeline_options pipeline_options_of(const struct app *app)
{
    const struct config *c = app->config;
    struct pipeline_options o = {
        .decode = {.shape = (enum decode_shape)c->decoder,
                   .max_message_bytes = (size_t)c->max_message_bytes,
                   .max_ticks = (size_t)c->max_ticks_per_message,
                   .synthetic_spread_bps = c->synthetic_spread_bps},
        .validate = {.max_age_us = c->max_age * 1000000, .max_ahead_us = c->max_ahead * 1000000},
        .limits = {.rows = (size_t)c->batch_rows,
                   .bytes = (size_t)c->batch_bytes,
                   .linger_us = c->linger_ms * 1000},
        .gather_us = app->gather_ms * 1000,
        .ties = (enum ties_mode)c->ties,
        .tie_memory = (size_t)c->tie_memory,
        .keep_repeats = c->keep_repeats,
        .jump_gaps = c->on_offset_gap == GAP_EARLIEST,
        .pairs_refresh_min_us = c->pairs_refresh_min_ms * 1000,
        .release_timeout_us = c->shutdown_timeout_ms * 1000,
        .retry_min_ms = (uint32_t)c->retry_min_ms,
        .retry_max_ms = (uint32_t)c->retry_max_ms,
    };
    strncpy(o.decode.default_exchange, c->default_exchange, RECORD_EXCHANGE_MAX);
    return o;
}

static bool make_parts(struct app *app, bool *misconfigured, struct err *e)
{
    struct kafka_callbacks on_kafka = {
        .on_assign = on_assign,
        .on_revoke = on_revoke,
        .on_messages = on_messages,
        .on_gap = on_gap,
        .on_up = on_kafka_up,
        .on_down = on_kafka_down,
        .on_fatal = on_kafka_fatal,
        .ctx = app,
    };
    struct service_callbacks on_service = {
        .on_pairs = on_pairs,
        .on_schema = on_schema,
        .on_stats = on_stats,
        .on_prices = on_prices,
        .ctx = app,
    };
    struct writers_ops ops = {
        .assign = op_assign,
        .release = op_release,
        .find_start = op_find_start,
        .refresh_pairs = op_refresh_pairs,
        .committed = op_committed,
        .broken = op_broken,
        .on_schema = on_schema,
        .tick = on_tick,
        .rejected = on_rejected,
        .batch_done = on_batch_done,
        .ctx = app,
    };
    app->pairs = pairs_new();
    app->watch = watch_new(app->loop, app->config, app->pairs, misconfigured, e);
    if (!app->watch)
        goto no_watch;
    start_watchdog(START_WATCHDOG_S, EXIT_RUNTIME);
    app->kafka = kafka_new(app->loop, app->config, &on_kafka, misconfigured, e);
    alarm(0);
    if (!app->kafka)
        goto no_kafka;
    app->gather_ms = kafka_conf_gather_ms(app->config->linger_ms);
    struct pipeline_options options = pipeline_options_of(app);
    app->writers = writers_new(app->loop, app->config, &options, app->pairs, &ops);
    app->service = service_new(app->loop, app->config, app->pairs, &on_service);
    offsets_init(&app->assigned);
    report_init(&app->report, app->config->stats_interval_ms * 1000, clock_now().mono_us);
    app->flags.configured_us = clock_now().wall_us;
    struct watch_parts parts = {app->kafka, app->writers, app->service, &app->report, &app->flags};
    watch_start(app->watch, &parts);
    return true;

no_kafka:
    watch_free(app->watch);
no_watch:
    pairs_free(app->pairs);
    return false;
}

static void start_watchers(struct app *app)
{
    ev_prepare_init(&app->prepare, on_prepare);
    ev_check_init(&app->woken, on_woken);
    ev_set_priority(&app->woken, EV_MAXPRI);
    ev_idle_init(&app->more, on_more);
    ev_timer_init(&app->wake, on_wake, 0., 0.);
    ev_timer_init(&app->second, on_second, 0., 1.);
    ev_timer_init(&app->deadline, on_deadline, 0., 0.);
    ev_signal_init(&app->sigterm, on_stop, SIGTERM);
    ev_signal_init(&app->sigint, on_stop, SIGINT);
    ev_signal_init(&app->sighup, on_reload, SIGHUP);
    ev_signal_init(&app->sigusr1, on_dump, SIGUSR1);
    app->prepare.data = app->second.data = app->sigterm.data = app->sigint.data = app;
    app->sighup.data = app->sigusr1.data = app->woken.data = app;
    ev_prepare_start(app->loop, &app->prepare);
    ev_check_start(app->loop, &app->woken);
    ev_timer_start(app->loop, &app->second);
    ev_signal_start(app->loop, &app->sigterm);
    ev_signal_start(app->loop, &app->sigint);
    ev_signal_start(app->loop, &app->sighup);
    ev_signal_start(app->loop, &app->sigusr1);
}

/* A signal that comes before there is a watcher, or when there is none any more, waits. */
static void block_signals(bool block)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigprocmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void stop_watchers(struct app *app)
{
    ev_prepare_stop(app->loop, &app->prepare);
    ev_check_stop(app->loop, &app->woken);
    ev_idle_stop(app->loop, &app->more);
    ev_timer_stop(app->loop, &app->wake);
    ev_timer_stop(app->loop, &app->second);
    ev_timer_stop(app->loop, &app->deadline);
    ev_signal_stop(app->loop, &app->sigterm);
    ev_signal_stop(app->loop, &app->sigint);
    ev_signal_stop(app->loop, &app->sighup);
    ev_signal_stop(app->loop, &app->sigusr1);
}

static void free_parts(struct app *app)
{
    start_watchdog(EXIT_WATCHDOG_S, app->exit_code);
    watch_free(app->watch);
    service_free(app->service);
    writers_free(app->writers);
    free_kafka(app->kafka);
    pairs_free(app->pairs);
    offsets_fini(&app->assigned);
    alarm(0);
}

/* What the machine lacks now it may have after a restart. */
static int refuse_start(bool misconfigured, const struct err *e)
{
    if (misconfigured)
        log_error("config_invalid", "the configuration cannot be used", "error=%s", e->text);
    else
        log_error("start_failed", "what is needed is not to be had now", "error=%s", e->text);
    return misconfigured ? EXIT_CONFIG : EXIT_RUNTIME;
}

int app_run(struct config *config, const struct config_source *source)
{
    struct err e;
    struct app app = {
        .loop = ev_default_loop(0), .config = config, .source = source, .exit_code = EXIT_OK};
    signal(SIGPIPE, SIG_IGN);
    log_catch_faults();
    block_signals(true);
    bool misconfigured;
    if (!make_parts(&app, &misconfigured, &e))
        return refuse_start(misconfigured, &e);
    start_watchers(&app);
    block_signals(false);
    log_info("started", "tickd is running", "version=%s topics=%s group=%s", TICKD_VERSION,
             config->topics, config->group);
    writers_start(app.writers);
    service_start(app.service);
    if (!kafka_start(app.kafka, &e)) {
        log_error("kafka_failed", "the consumer could not be started", "error=%s", e.text);
        log_dump_recorder();
        app.exit_code = EXIT_RUNTIME;
    } else {
        ev_run(app.loop, 0);
    }
    block_signals(true);
    stop_watchers(&app);
    struct pipeline_stats stats = writers_stats(app.writers);
    report_final(&app.report, &stats, app.exit_code);
    free_parts(&app);
    ev_loop_destroy(app.loop);
    return app.exit_code;
}
