/* SPDX-License-Identifier: MIT */
/*
 * A whole world in one process, from a seed: a Kafka log, a consumer group, a database with
 * sessions, and one to three tickd (the real writers, pipeline, ingest, copy, batch, ties, offsets
 * and pairs; only what does I/O is a model). Time is virtual. Nothing depends on anything but the
 * seed, so a failure is repeated by its number.
 *
 *     sim_time    events, virtual time, random numbers
 *     sim_log     what is in Kafka's log, and what must become of it
 *     sim_tables  what is in the database: transactions, fence, merge, in a naive form
 *     sim_pg      pg.h: sessions between the two, latency, every way a connection can go
 *     sim_group   the consumer group: rebalances, timeouts
 *     sim_node    one tickd: what app.c does, with pause, kill -9 and stop
 *     sim_check   what must hold
 */
#ifndef TICKD_SIM_H
#define TICKD_SIM_H

#include "pipeline.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SIM_PARTITIONS = 4,
    SIM_WRITERS_MAX = 3, /* of one tickd */
    SIM_SYMBOLS = 10,
    SIM_ITEMS = 6, /* of one message */
    SIM_NODES = 3,
    SIM_IDS = 4096, /* of one partition */
    SIM_INSTANTS = 256,
};

#define SIM_GROUP   "group"
#define SIM_CLUSTER "cluster"
#define SIM_TOPIC   "ticks"

/* Price of a tick that the database refuses. */
#define SIM_POISON 13

/* What this world is like; chosen from the seed. */
struct sim_plan {
    uint64_t seed;
    int nodes;
    int partitions;
    int messages; /* of a partition */
    int writers;  /* of a tickd */
    enum ties_mode ties;
    bool keep_repeats;
    bool jump_gaps;
    size_t tie_memory;
    size_t fk_rows;   /* batches of at least so many rows check the foreign key at once */
    size_t most_rows; /* and dead letters, that the server takes in one transaction */
    struct batch_limits limits;
    int64_t end_of_faults_us;
    /* Faults, per mille of the occasions. 0: never in this world. */
    uint32_t refuse; /* the server answers a request with an error */
    uint32_t cut;    /* the connection goes during a request */
    uint32_t slow;   /* a request takes seconds */
    uint32_t rewind; /* the broker delivers again */
    uint32_t kill;   /* these and the following: per decision, every 100 ms */
    uint32_t pause;
    uint32_t stop;
    uint32_t rebalance;
    uint32_t restart;   /* the database */
    uint32_t step_back; /* ... from a dump, or without the last commits */
    uint32_t toggle;    /* a pair comes or goes */
    uint32_t retention; /* the log's beginning is cut off */
    uint32_t resync;    /* an operator's SIGHUP */
    bool poison;
    bool unblock; /* tickd ends stalled sessions that are in its way */
};

/* What has happened, over all seeds: a simulation that does not do what it is for must fail. */
#define SIM_EVENTS(X)                                                                              \
    X(commits)                                                                                     \
    X(merges)                                                                                      \
    X(clashes)                                                                                     \
    X(refusals)                                                                                    \
    X(fenced)                                                                                      \
    X(lock_waits)                                                                                  \
    X(lock_timeouts)                                                                               \
    X(too_large)                                                                                   \
    X(cuts_before)                                                                                 \
    X(cuts_after)                                                                                  \
    X(late_commits)                                                                                \
    X(commits_lost)                                                                                \
    X(tags_rollback)                                                                               \
    X(resolved)                                                                                    \
    X(rewinds)                                                                                     \
    X(broker_rewinds)                                                                              \
    X(kills)                                                                                       \
    X(pauses)                                                                                      \
    X(stops)                                                                                       \
    X(rebalances)                                                                                  \
    X(kicked)                                                                                      \
    X(orphans)                                                                                     \
    X(releases)                                                                                    \
    X(db_restarts)                                                                                 \
    X(dumps_restored)                                                                              \
    X(commits_forgotten)                                                                           \
    X(pairs_checked)                                                                               \
    X(pairs_missing)                                                                               \
    X(pairs_locked)                                                                                \
    X(pairs_toggled)                                                                               \
    X(gaps)                                                                                        \
    X(jumps)                                                                                       \
    X(operator_jumps)                                                                              \
    X(blockers_ended)                                                                              \
    X(repeats)                                                                                     \
    X(spread)                                                                                      \
    X(dropped)                                                                                     \
    X(unknown_held)                                                                                \
    X(resyncs)                                                                                     \
    X(no_start)                                                                                    \
    X(lost_at_the_end)

enum sim_counter {
#define X(name) SIM_##name,
    SIM_EVENTS(X)
#undef X
        SIM_COUNTERS
};

void sim_count(enum sim_counter what);
void sim_count_more(enum sim_counter what, uint64_t more);
uint64_t sim_counted(enum sim_counter what);
const char *sim_counter_name(enum sim_counter what);

/* The plan of the present world. */
const struct sim_plan *sim_plan(void);

/* Ends the test, naming the seed. */
_Noreturn void sim_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Says what happens, with TICKD_TEST_LOG set. */
void sim_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- time and chance --- */

typedef void sim_event_fn(void *ctx, uint64_t arg);

void sim_time_reset(uint64_t seed);
int64_t sim_now_us(void);
void sim_after(int64_t us, sim_event_fn *fn, void *ctx, uint64_t arg);
/* Runs the next event; false if there is none. */
bool sim_run_next(void);

uint32_t sim_random(uint32_t below);
bool sim_chance(uint32_t permille);
int64_t sim_between(int64_t low, int64_t high); /* both included */

/* --- the log --- */

enum sim_kind { SIM_TRADE, SIM_QUOTE, SIM_BAD, SIM_IGNORED };
enum sim_symbol_kind {
    SIM_STABLE,   /* of one partition, always active */
    SIM_SHARED,   /* of all partitions */
    SIM_TOGGLED,  /* has a row in pairs now and then */
    SIM_INACTIVE, /* has one, never active */
    SIM_UNKNOWN,  /* never has one */
};

struct sim_item {
    enum sim_kind kind;
    int symbol;
    int time_ms;
    int price;
    int id; /* volume; unique for a trade or a new quote, else that of the quote it repeats */
};

struct sim_message {
    int64_t offset;
    int64_t visible_us;
    int count;
    struct sim_item items[SIM_ITEMS];
    char payload[SIM_ITEMS * 24];
};

void sim_log_make(void);
void sim_log_free(void);
enum sim_symbol_kind sim_symbol_kind(int symbol);
const char *sim_symbol_name(int symbol);
int sim_symbol_find(const char *name); /* -1 if there is none */

/* Where a partition begins now, and where it ends for those who read now. */
int64_t sim_log_low(int partition);
int64_t sim_log_high(int partition);
void sim_log_cut(int partition, int64_t low);
/* Everything is visible from now on. */
void sim_log_finish(void);
/* The first visible message at or behind `offset`, or NULL. Low is not looked at. */
const struct sim_message *sim_log_next(int partition, int64_t offset);
/* By number, cut off or not, visible or not; NULL behind the last. */
const struct sim_message *sim_log_at(int partition, int number);
/* Number of the message at exactly this offset, or -1. */
int sim_log_number(int partition, int64_t offset);

/* --- the database --- */

struct sim_row {
    int symbol;
    int64_t time_us;
    double price;
    double volume;
    bool quote;  /* has bid and ask */
    bool update; /* in a transaction: takes the place of a committed row */
};

struct sim_letter {
    int partition;
    int64_t offset;
    int item;
    bool has_payload;
    char reason[24];
};

struct sim_offset {
    bool exists;
    int64_t next;
    int64_t messages, stored, rejected, ignored, dropped;
};

struct sim_gap {
    int partition;
    int64_t from, to;
};

/* Committed. */
struct sim_tables {
    struct sim_row *rows;
    size_t row_count, row_cap;
    struct sim_letter *letters;
    size_t letter_count, letter_cap;
    struct sim_gap *gaps;
    size_t gap_count, gap_cap;
    struct sim_offset offsets[SIM_PARTITIONS];
};

struct sim_tx;

enum sim_result { SIM_OK, SIM_ERROR, SIM_BLOCKED };

struct sim_reply {
    enum sim_result result;
    char sqlstate[6];
    char tag[16];
    void *rows; /* PGresult, owned by whoever gets the reply */
    const struct sim_tx *blocker;
};

void sim_tables_reset(void);
void sim_tables_free(void);
const struct sim_tables *sim_tables(void);

struct sim_tx *sim_tx_new(void);
void sim_tx_free(struct sim_tx *t); /* rolls back */

/* Executes a request as tickd sends it. `rollback`: COMMIT finds that the transaction has failed.
 */
struct sim_reply sim_tx_execute(struct sim_tx *t, const char *sql, const void *data, size_t len,
                                bool rollback);

/* Where the partition's row in ingest_offsets began. */
int64_t sim_tables_start(int partition);

/* Keeps the present state as a dump; goes back to it. Sessions must be gone. */
void sim_tables_dump(void);
bool sim_tables_restore(void);
/* Goes back by the last few commits, as a crash with asynchronous commit does. */
bool sim_tables_forget_commits(void);

/* pairs; changes are committed at once. */
void sim_pairs_toggle(int symbol);
bool sim_pairs_has(int symbol);
/* "S0 !I1 ...", as fake_pairs_load() takes it. */
const char *sim_pairs_list(void);

/* An operator moves a stopped partition on to `next`, and records it. */
void sim_operator_jump(int partition, int64_t next);

/* --- sessions --- */

struct sim_node;

void sim_pg_reset(void);
void sim_pg_free_all(void);
/* The server goes, with every session. While it is away nobody connects. */
void sim_server_down(void);
void sim_server_up(void);
bool sim_server_is_up(void);
/* Whose connection the next pg_new() makes. */
void sim_pg_set_owner(struct sim_node *n);

/* --- the group --- */

void sim_group_reset(void);
void sim_group_join(struct sim_node *n);
/* The node, which has nothing under way, gives up what it holds and leaves. */
void sim_group_close(struct sim_node *n);
/* The node has given its partitions up. */
void sim_group_released(struct sim_node *n);
void sim_group_rebalance(void);

/* --- nodes --- */

void sim_nodes_make(void);
void sim_nodes_free(void);
struct sim_node *sim_node(int i);
int sim_node_index(const struct sim_node *n);
bool sim_node_is_alive(const struct sim_node *n);
bool sim_node_is_paused(const struct sim_node *n);
/* Changes whenever a new process takes the node's place. */
uint64_t sim_node_life(const struct sim_node *n);

void sim_node_start(struct sim_node *n);
void sim_node_kill(struct sim_node *n);
void sim_node_pause(struct sim_node *n);
void sim_node_resume(struct sim_node *n);
void sim_node_stop(struct sim_node *n);
void sim_node_resync(struct sim_node *n);
/* A partition of its has stopped at a gap. */
bool sim_node_has_stopped(const struct sim_node *n);
/* ... this one, at this offset. */
bool sim_node_has_stopped_at(const struct sim_node *n, int partition, int64_t offset);
void sim_node_rewind(struct sim_node *n);
void sim_node_notify_pairs(struct sim_node *n);

/* Tells the node something, now or, if it is paused, when it goes on; never if that life is over.
 */
void sim_node_tell(struct sim_node *n, uint64_t life, sim_event_fn *fn, void *ctx, uint64_t arg);
/* The same after a while. */
void sim_node_tell_after(struct sim_node *n, int64_t us, sim_event_fn *fn, void *ctx, uint64_t arg);

/* What the group tells it. */
void sim_node_assign(struct sim_node *n, const struct offsets *partitions);
void sim_node_revoke(struct sim_node *n, bool lost);

/* --- what must hold --- */

/* As the offset of a partition moves, in a commit. */
void sim_check_move(int partition, const struct sim_offset *from, const struct sim_offset *to);
/* At any time. */
void sim_check_tables(void);
/* True if everything in the log is done with. */
bool sim_check_lag_is_zero(void);

#endif
