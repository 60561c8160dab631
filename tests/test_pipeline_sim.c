/* SPDX-License-Identifier: MIT */
/* links: sim_time.o sim_log.o sim_tables.o sim_pg.o sim_group.o sim_node.o sim_check.o writers.o pipeline.o ingest.o session.o copy.o ties.o batch.o copyrow.o commit.o offsets.o pairs.o validate.o detail.o timestamp.o number.o utf8.o record.o reject.o sqlstate.o backoff.o buf.o entropy.o err.o stub_log.o fake_decode.o fake_pairs.o copy_reader.o */
/*
 * Exactly once through any fault, in thousands of worlds made from seeds (sim.h).
 *
 *     test_pipeline_sim             SIM_SEEDS worlds (default 2000) from SIM_FIRST (default 1)
 *     test_pipeline_sim 4711        the world of seed 4711
 *     test_pipeline_sim 1 100000    the worlds of seeds 1 to 100000, without the report of check
 *
 * With TICKD_TEST_LOG set, what happens and tickd's log lines are shown.
 */
#include "sim.h"

#include <check.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DECISION_US 100000
#define HEAL_US     INT64_C(120000000) /* by then everything must be done after the last fault */
#define AFTER_US    5000000            /* and then stay as it is */

enum { BLOCKS = 20, SEEDS = 2000, SEEDS_VALGRIND = 20, EVENTS_MAX = 3000000 };

static struct sim_plan plan;
static bool in_check;
static bool healed;
static uint64_t *counters; /* shared by check's processes */

/* --- failing --- */

void sim_fail(const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (in_check)
        ck_abort_msg("seed %llu, %.6f s: %s", (unsigned long long)plan.seed,
                     (double)sim_now_us() / 1e6, text);
    fprintf(stderr, "seed %llu, %.6f s: %s\n", (unsigned long long)plan.seed,
            (double)sim_now_us() / 1e6, text);
    exit(EXIT_FAILURE);
}

void sim_trace(const char *fmt, ...)
{
    static int wanted = -1;
    va_list ap;
    if (wanted < 0)
        wanted = getenv("TICKD_TEST_LOG") != NULL;
    if (!wanted)
        return;
    fprintf(stderr, "%11.6f ", (double)sim_now_us() / 1e6);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

/* For assertions and sanitizers, which do not know the seed. */
static void say_seed(void)
{
    char text[64];
    int len = snprintf(text, sizeof text, "seed %llu\n", (unsigned long long)plan.seed);
    ssize_t ignored = write(STDERR_FILENO, text, (size_t)len);
    (void)ignored;
}

static void on_abort(int signal_number)
{
    say_seed();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

#if defined __SANITIZE_ADDRESS__
void __sanitizer_set_death_callback(void (*callback)(void));
#else
static void __sanitizer_set_death_callback(void (*callback)(void))
{
    (void)callback;
}
#endif

/* --- counting --- */

static const char *const counter_names[] = {
#define X(name) #name,
    SIM_EVENTS(X)
#undef X
};

void sim_count_more(enum sim_counter what, uint64_t more)
{
    counters[what] += more;
}

void sim_count(enum sim_counter what)
{
    counters[what]++;
}

uint64_t sim_counted(enum sim_counter what)
{
    return counters[what];
}

const char *sim_counter_name(enum sim_counter what)
{
    return counter_names[what];
}

/* --- the plan --- */

const struct sim_plan *sim_plan(void)
{
    return &plan;
}

/* Each fault is missing from half of the worlds, so that every mixture comes. */
static uint32_t maybe(uint32_t most)
{
    return sim_chance(500) ? 1 + sim_random(most) : 0;
}

static void make_plan(uint64_t seed)
{
    plan = (struct sim_plan){.seed = seed};
    plan.nodes = 1 + (int)sim_random(SIM_NODES);
    plan.partitions = 1 + (int)sim_random(SIM_PARTITIONS);
    plan.writers = sim_chance(500) ? 1 : 1 + (int)sim_random(SIM_WRITERS_MAX);
    plan.messages = 20 + (int)sim_random(100);
    plan.ties = sim_chance(600)   ? TIES_MODE_SPREAD
                : sim_chance(500) ? TIES_MODE_FIRST
                                  : TIES_MODE_LAST;
    plan.keep_repeats = sim_chance(200);
    plan.jump_gaps = sim_chance(500);
    plan.tie_memory = sim_chance(500) ? 1000 : 1 + sim_random(30);
    plan.limits = (struct batch_limits){
        .rows = 1 + sim_random(30),
        .bytes = sim_chance(200) ? 300 + sim_random(1000) : 100000,
        .linger_us = sim_between(0, 50000),
    };
    plan.most_rows = sim_chance(700) ? SIZE_MAX : SIM_ITEMS + sim_random(20);
    plan.fk_rows = sim_chance(300) ? SIZE_MAX : sim_chance(500) ? 0 : sim_random(10);
    plan.end_of_faults_us = sim_between(2000000, 15000000);
    plan.refuse = maybe(50);
    plan.cut = maybe(50);
    plan.slow = maybe(30);
    plan.rewind = maybe(50);
    plan.kill = maybe(40);
    plan.pause = maybe(60);
    plan.stop = maybe(30);
    plan.rebalance = maybe(60);
    plan.restart = maybe(50);
    plan.step_back = maybe(700);
    plan.toggle = maybe(50);
    plan.retention = maybe(40);
    plan.resync = maybe(20);
    plan.poison = plan.ties == TIES_MODE_SPREAD && sim_chance(300);
    plan.unblock = sim_chance(500);
}

/* --- what happens --- */

static struct sim_node *any_node(void)
{
    return sim_node((int)sim_random((uint32_t)plan.nodes));
}

static void on_start(void *ctx, uint64_t arg)
{
    (void)arg;
    sim_node_start(ctx);
}

static void on_resume(void *ctx, uint64_t life)
{
    if (sim_node_life(ctx) == life)
        sim_node_resume(ctx);
}

static void on_server_up(void *ctx, uint64_t arg)
{
    (void)ctx;
    (void)arg;
    sim_server_up();
}

static void restart_server(void)
{
    if (!sim_server_is_up())
        return;
    sim_count(SIM_db_restarts);
    sim_trace("the server goes");
    sim_server_down();
    if (sim_chance(plan.step_back)) {
        if (sim_chance(500) && sim_tables_restore())
            sim_count(SIM_dumps_restored);
        else if (sim_tables_forget_commits())
            sim_count(SIM_commits_forgotten);
    }
    sim_after(sim_between(1000, 2000000), on_server_up, NULL, 0);
}

static void toggle_pair(void)
{
    int symbol = (int)sim_random(SIM_SYMBOLS);
    if (sim_symbol_kind(symbol) != SIM_TOGGLED)
        return;
    sim_count(SIM_pairs_toggled);
    sim_pairs_toggle(symbol);
    for (int i = 0; i < plan.nodes; i++) {
        if (sim_node_is_alive(sim_node(i)) && sim_chance(700))
            sim_node_notify_pairs(sim_node(i));
    }
}

static void cut_log(void)
{
    int p = (int)sim_random((uint32_t)plan.partitions);
    int64_t low = sim_log_low(p), high = sim_log_high(p);
    if (high > low)
        sim_log_cut(p, sim_between(low, high));
}

static void decide_about_nodes(void)
{
    struct sim_node *n = any_node();
    if (sim_chance(plan.kill)) {
        sim_node_kill(n);
        sim_after(sim_between(1000, 3000000), on_start, n, 0);
    }
    n = any_node();
    if (sim_chance(plan.pause)) {
        sim_node_pause(n);
        sim_after(sim_between(10000, 5000000), on_resume, n, sim_node_life(n));
    }
    n = any_node();
    if (sim_chance(plan.stop)) {
        sim_node_stop(n);
        sim_after(sim_between(2100000, 4000000), on_start, n, 0);
    }
    if (sim_chance(plan.rewind))
        sim_node_rewind(any_node());
    if (sim_chance(plan.resync))
        sim_node_resync(any_node());
}

static void heal(void);

static void on_decision(void *ctx, uint64_t arg)
{
    if (sim_now_us() >= plan.end_of_faults_us) {
        heal();
        return;
    }
    decide_about_nodes();
    if (sim_chance(plan.rebalance))
        sim_group_rebalance();
    if (plan.step_back && sim_chance(50))
        sim_tables_dump();
    if (sim_chance(plan.restart))
        restart_server();
    if (sim_chance(plan.toggle))
        toggle_pair();
    if (sim_chance(plan.retention))
        cut_log();
    if (sim_chance(50))
        sim_check_tables();
    sim_after(DECISION_US, on_decision, ctx, arg);
}

/* Its owner has said that it stopped, and has nothing of it under way. */
static bool is_stopped(int partition)
{
    for (int i = 0; i < plan.nodes; i++) {
        if (sim_node_has_stopped_at(sim_node(i), partition, sim_tables()->offsets[partition].next))
            return true;
    }
    return false;
}

/* Who is paid for it starts what is not running, and looks after partitions that have stopped. */
static void on_operator(void *ctx, uint64_t arg)
{
    for (int p = 0; p < plan.partitions; p++) {
        if (sim_tables()->offsets[p].next < sim_log_low(p) && is_stopped(p))
            sim_operator_jump(p, sim_log_low(p));
    }
    for (int i = 0; i < plan.nodes; i++) {
        sim_node_resume(sim_node(i));
        sim_node_start(sim_node(i));
        if (sim_node_has_stopped(sim_node(i)))
            sim_node_resync(sim_node(i));
    }
    sim_after(1000000, on_operator, ctx, arg);
}

static void heal(void)
{
    plan.refuse = plan.cut = plan.slow = 0;
    healed = true;
    sim_server_up();
    sim_log_finish();
    on_operator(NULL, 0);
}

/* --- one world --- */

static void make_world(uint64_t seed)
{
    sim_time_reset(seed);
    make_plan(seed);
    sim_log_make();
    sim_tables_reset();
    sim_pg_reset();
    sim_group_reset();
    sim_nodes_make();
    healed = false;
    for (int i = 0; i < plan.nodes; i++)
        sim_after(sim_between(0, 1000000), on_start, sim_node(i), 0);
    sim_after(DECISION_US, on_decision, NULL, 0);
}

static void end_world(void)
{
    sim_nodes_free();
    sim_pg_free_all();
    sim_tables_free();
    sim_log_free();
}

static void run_until(int64_t end_us, bool no_longer_than_needed)
{
    for (int events = 0; sim_now_us() < end_us; events++) {
        if (no_longer_than_needed && healed && sim_check_lag_is_zero())
            return;
        if (!sim_run_next() || events > EVENTS_MAX)
            sim_fail("the world stands still, or is too busy");
    }
}

static void check_lag(void)
{
    for (int p = 0; p < plan.partitions; p++) {
        const struct sim_offset *o = &sim_tables()->offsets[p];
        if (!sim_check_lag_is_zero() && o->next < sim_log_high(p))
            sim_fail("long after the last fault has healed partition %d of [%lld, %lld) is at "
                     "%lld",
                     p, (long long)sim_log_low(p), (long long)sim_log_high(p),
                     (long long)(o->exists ? o->next : OFFSETS_UNKNOWN));
    }
}

/* With nothing new in the log, only the comparison after a reconnect can tell that commits are
 * gone. */
static void lose_commits_at_the_end(void)
{
    if (sim_tables_forget_commits()) {
        sim_count(SIM_lost_at_the_end);
        sim_server_down();
        sim_server_up();
    }
}

static void run_world(uint64_t seed)
{
    make_world(seed);
    run_until(plan.end_of_faults_us + HEAL_US, true);
    check_lag();
    sim_check_tables();
    run_until(sim_now_us() + AFTER_US, false);
    lose_commits_at_the_end();
    run_until(sim_now_us() + AFTER_US, false);
    check_lag();
    sim_check_tables();
    end_world();
}

/* --- all of them --- */

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t count_seeds(void)
{
    const char *preload = getenv("LD_PRELOAD");
    bool valgrind = preload && strstr(preload, "vgpreload");
    return number_from("SIM_SEEDS", valgrind ? SEEDS_VALGRIND : SEEDS);
}

START_TEST(everything_is_stored_exactly_once_through_any_fault)
{
    uint64_t each = (count_seeds() + BLOCKS - 1) / BLOCKS;
    uint64_t first = number_from("SIM_FIRST", 1) + (uint64_t)_i * each;
    for (uint64_t seed = first; seed < first + each; seed++)
        run_world(seed);
}
END_TEST

/* Else it would prove nothing. */
START_TEST(the_worlds_have_had_every_kind_of_fault)
{
    for (int i = 0; i < SIM_COUNTERS && count_seeds() >= SEEDS / 2; i++)
        ck_assert_msg(counters[i] > 0, "never happened: %s", counter_names[i]);
}
END_TEST

static int run_some(uint64_t first, uint64_t count)
{
    for (uint64_t seed = first; seed < first + count; seed++)
        run_world(seed);
    for (int i = 0; i < SIM_COUNTERS; i++)
        printf("%-18s %llu\n", counter_names[i], (unsigned long long)counters[i]);
    return EXIT_SUCCESS;
}

static int run_checks(void)
{
    in_check = true;
    TCase *t = tcase_create("simulation");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, everything_is_stored_exactly_once_through_any_fault, 0, BLOCKS);
    tcase_add_test(t, the_worlds_have_had_every_kind_of_fault);
    Suite *s = suite_create("simulation");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    counters = mmap(NULL, SIM_COUNTERS * sizeof *counters, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counters == MAP_FAILED)
        return EXIT_FAILURE;
    signal(SIGABRT, on_abort);
    __sanitizer_set_death_callback(say_seed);
    if (argc == 1)
        return run_checks();
    return run_some(strtoull(argv[1], NULL, 10), argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
}
