/* SPDX-License-Identifier: MIT */
/*
 * The database, read committed: what a transaction has done is seen by others when it commits, and
 * a key or an offset it has touched makes them wait. Only what tickd sends is understood.
 */
#include "sim.h"

#include "copy_reader.h"
#include "err.h"
#include "fake_decode.h"
#include <libpq-fe.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_SIZE = 8192, TX_MAX = 64, PAST = 3 };

struct staged {
    struct sim_row row;
    int64_t event_us;
    char seq[12];
    bool snapshot;
    const char *outcome; /* NULL: stored */
    const char *sqlstate;
};

struct sim_tx {
    bool open;                /* BEGIN has been executed */
    bool failed;              /* until the end of the transaction */
    bool unchecked;           /* session_replication_role = replica */
    bool locked[SIM_SYMBOLS]; /* pairs that stay until the end */
    struct sim_row *rows;
    size_t row_count, row_cap;
    struct staged *staged;
    size_t staged_count, staged_cap;
    struct sim_letter *letters;
    size_t letter_count, letter_cap;
    bool moved[SIM_PARTITIONS];
    struct sim_offset offsets[SIM_PARTITIONS];
    bool has_gap;
    struct sim_gap gap;
};

static struct sim_tables now;
static struct sim_tables dump;
static struct sim_tables past[PAST]; /* before the last commits, newest first */
static bool dumped;
static int past_count;
static int rows_by_key[INDEX_SIZE]; /* row of `now` + 1, open addressing */
static struct sim_tx *transactions[TX_MAX];
static bool pairs[SIM_SYMBOLS];
static int64_t starts[SIM_PARTITIONS];

/* Makes room for one more in an array that `count` and `cap` are about. */
#define GROW(array, count, cap)                                                                    \
    do {                                                                                           \
        if ((count) == (cap)) {                                                                    \
            (cap) = (cap) ? (cap)*2 : 64;                                                          \
            (array) = err_realloc((array), (cap) * sizeof *(array));                               \
        }                                                                                          \
    } while (0)

/* --- committed rows --- */

static size_t hash(int symbol, int64_t time_us)
{
    uint64_t h = ((uint64_t)time_us << 4 ^ (uint64_t)symbol) * 0x9e3779b97f4a7c15U;
    return (size_t)(h >> 40) % INDEX_SIZE;
}

static int *find_place(int symbol, int64_t time_us)
{
    size_t i = hash(symbol, time_us);
    while (rows_by_key[i]) {
        const struct sim_row *r = &now.rows[rows_by_key[i] - 1];
        if (r->symbol == symbol && r->time_us == time_us)
            break;
        i = (i + 1) % INDEX_SIZE;
    }
    return &rows_by_key[i];
}

static void add_row(const struct sim_row *r)
{
    int *place = find_place(r->symbol, r->time_us);
    if (*place && !r->update)
        sim_fail("a key twice in the table");
    if (*place) {
        now.rows[*place - 1] = *r;
        now.rows[*place - 1].update = false;
        return;
    }
    GROW(now.rows, now.row_count, now.row_cap);
    now.rows[now.row_count++] = *r;
    *place = (int)now.row_count;
    if (now.row_count * 2 > INDEX_SIZE)
        sim_fail("more rows than the simulation is made for");
}

static void index_rows(void)
{
    memset(rows_by_key, 0, sizeof rows_by_key);
    for (size_t i = 0; i < now.row_count; i++)
        *find_place(now.rows[i].symbol, now.rows[i].time_us) = (int)i + 1;
}

/* --- states of the past --- */

static void copy_array(void **to, size_t *to_cap, const void *from, size_t count, size_t size)
{
    if (*to_cap < count) {
        *to = err_realloc(*to, count * size);
        *to_cap = count;
    }
    if (count > 0)
        memcpy(*to, from, count * size);
}

static void copy_tables(struct sim_tables *to, const struct sim_tables *from)
{
    void *rows = to->rows, *letters = to->letters, *gaps = to->gaps;
    copy_array(&rows, &to->row_cap, from->rows, from->row_count, sizeof *from->rows);
    copy_array(&letters, &to->letter_cap, from->letters, from->letter_count, sizeof *from->letters);
    copy_array(&gaps, &to->gap_cap, from->gaps, from->gap_count, sizeof *from->gaps);
    to->rows = rows;
    to->letters = letters;
    to->gaps = gaps;
    to->row_count = from->row_count;
    to->letter_count = from->letter_count;
    to->gap_count = from->gap_count;
    memcpy(to->offsets, from->offsets, sizeof to->offsets);
}

static void clear_tables(struct sim_tables *t)
{
    t->row_count = t->letter_count = t->gap_count = 0;
    memset(t->offsets, 0, sizeof t->offsets);
}

static void free_tables(struct sim_tables *t)
{
    free(t->rows);
    free(t->letters);
    free(t->gaps);
    *t = (struct sim_tables){0};
}

static void remember(void)
{
    if (sim_plan()->step_back == 0)
        return;
    struct sim_tables oldest = past[PAST - 1];
    memmove(past + 1, past, (PAST - 1) * sizeof *past);
    past[0] = oldest;
    copy_tables(&past[0], &now);
    past_count = past_count < PAST ? past_count + 1 : PAST;
}

static void go_back(const struct sim_tables *to)
{
    for (int p = 0; p < sim_plan()->partitions; p++)
        sim_trace("partition %d goes back from %lld to %lld", p, (long long)now.offsets[p].next,
                  (long long)to->offsets[p].next);
    copy_tables(&now, to);
    index_rows();
    past_count = 0;
}

void sim_tables_dump(void)
{
    copy_tables(&dump, &now);
    dumped = true;
}

bool sim_tables_restore(void)
{
    if (dumped)
        go_back(&dump);
    return dumped;
}

bool sim_tables_forget_commits(void)
{
    if (past_count == 0)
        return false;
    go_back(&past[sim_random((uint32_t)past_count)]);
    return true;
}

void sim_tables_reset(void)
{
    clear_tables(&now);
    clear_tables(&dump);
    for (int i = 0; i < PAST; i++)
        clear_tables(&past[i]);
    index_rows();
    dumped = false;
    past_count = 0;
    for (int i = 0; i < SIM_SYMBOLS; i++)
        pairs[i] = sim_symbol_kind(i) != SIM_UNKNOWN;
}

void sim_tables_free(void)
{
    free_tables(&now);
    free_tables(&dump);
    for (int i = 0; i < PAST; i++)
        free_tables(&past[i]);
}

const struct sim_tables *sim_tables(void)
{
    return &now;
}

/* --- pairs --- */

/* Whoever deletes a pair waits for those that have locked it; here, for a better occasion. */
static bool is_locked(int symbol)
{
    for (int i = 0; i < TX_MAX; i++) {
        const struct sim_tx *t = transactions[i];
        if (t && !t->failed && t->locked[symbol])
            return true;
    }
    return false;
}

void sim_pairs_toggle(int symbol)
{
    if (is_locked(symbol)) {
        sim_count(SIM_pairs_locked);
        return;
    }
    pairs[symbol] = !pairs[symbol];
}

bool sim_pairs_has(int symbol)
{
    return pairs[symbol];
}

const char *sim_pairs_list(void)
{
    static char list[SIM_SYMBOLS * 10];
    list[0] = '\0';
    for (int i = 0; i < SIM_SYMBOLS; i++) {
        size_t len = strlen(list);
        bool active = sim_symbol_kind(i) != SIM_INACTIVE;
        if (pairs[i])
            snprintf(list + len, sizeof list - len, "%s%s ", active ? "" : "!", sim_symbol_name(i));
    }
    return list;
}

/* --- transactions --- */

struct sim_tx *sim_tx_new(void)
{
    struct sim_tx *t = err_calloc(1, sizeof *t);
    int i = 0;
    while (i < TX_MAX && transactions[i])
        i++;
    if (i == TX_MAX)
        sim_fail("too many sessions");
    transactions[i] = t;
    return t;
}

void sim_tx_free(struct sim_tx *t)
{
    for (int i = 0; i < TX_MAX; i++) {
        if (transactions[i] == t)
            transactions[i] = NULL;
    }
    free(t->rows);
    free(t->staged);
    free(t->letters);
    free(t);
}

static void end(struct sim_tx *t)
{
    t->open = t->failed = t->has_gap = t->unchecked = false;
    memset(t->locked, 0, sizeof t->locked);
    t->row_count = t->staged_count = t->letter_count = 0;
    memset(t->moved, 0, sizeof t->moved);
}

static void apply_moves(const struct sim_tx *t)
{
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        if (t->moved[p]) {
            if (!t->has_gap)
                sim_check_move(p, &now.offsets[p], &t->offsets[p]);
            sim_trace("partition %d goes from %lld to %lld", p, (long long)now.offsets[p].next,
                      (long long)t->offsets[p].next);
            now.offsets[p] = t->offsets[p];
        }
    }
}

static bool has_moved(const struct sim_tx *t)
{
    int p = 0;
    while (p < SIM_PARTITIONS && !t->moved[p])
        p++;
    return p < SIM_PARTITIONS;
}

static void apply(struct sim_tx *t)
{
    if (t->row_count + t->letter_count >= sim_plan()->limits.rows + SIM_ITEMS)
        sim_fail("%zu rows and %zu dead letters in one batch", t->row_count, t->letter_count);
    if (has_moved(t)) /* nothing is written without it */
        remember();
    for (size_t i = 0; i < t->row_count; i++) {
        int symbol = t->rows[i].symbol;
        if (symbol < 0 || !t->locked[symbol] || !pairs[symbol])
            sim_fail("a row goes in without its pair");
        add_row(&t->rows[i]);
    }
    for (size_t i = 0; i < t->letter_count; i++) {
        GROW(now.letters, now.letter_count, now.letter_cap);
        now.letters[now.letter_count++] = t->letters[i];
    }
    apply_moves(t);
    if (t->has_gap) {
        GROW(now.gaps, now.gap_count, now.gap_cap);
        now.gaps[now.gap_count++] = t->gap;
    }
    end(t);
}

/* The transaction's own row with that key, or NULL. */
static struct sim_row *own_row(const struct sim_tx *t, int symbol, int64_t time_us)
{
    for (size_t i = t->row_count; i > 0; i--) {
        if (t->rows[i - 1].symbol == symbol && t->rows[i - 1].time_us == time_us)
            return &t->rows[i - 1];
    }
    return NULL;
}

/* What the transaction sees at a key, or NULL. */
static const struct sim_row *see_row(const struct sim_tx *t, int symbol, int64_t time_us)
{
    const struct sim_row *own = own_row(t, symbol, time_us);
    int place = *find_place(symbol, time_us);
    return own ? own : place ? &now.rows[place - 1] : NULL;
}

/* --- statements --- */

static struct sim_reply refuse(const char *sqlstate)
{
    struct sim_reply r = {.result = SIM_ERROR};
    snprintf(r.sqlstate, sizeof r.sqlstate, "%s", sqlstate);
    return r;
}

static struct sim_reply done(const char *tag)
{
    struct sim_reply r = {.result = SIM_OK};
    snprintf(r.tag, sizeof r.tag, "%s", tag);
    return r;
}

/* A transaction other than `t` that has the key and has not ended. */
static const struct sim_tx *key_holder(const struct sim_tx *t, int symbol, int64_t time_us)
{
    for (int i = 0; i < TX_MAX; i++) {
        const struct sim_tx *other = transactions[i];
        if (other && other != t && !other->failed && own_row(other, symbol, time_us))
            return other;
    }
    return NULL;
}

static const char *fault_of(const struct sim_tx *t, const struct sim_row *r)
{
    if (!t->unchecked && (r->symbol < 0 || !pairs[r->symbol]))
        return "23503";
    return r->price == SIM_POISON ? "22003" : NULL;
}

static void put_own(struct sim_tx *t, const struct sim_row *r)
{
    GROW(t->rows, t->row_count, t->row_cap);
    t->rows[t->row_count++] = *r;
    t->locked[r->symbol] |= !t->unchecked;
}

static struct sim_row read_tick(const struct copy_reader *r, size_t first)
{
    char name[32], exchange[64];
    struct sim_row row = {
        .symbol = sim_symbol_find(copy_reader_text(r, first + 1, name, sizeof name)),
        .time_us = copy_reader_int(r, first) + COPYROW_EPOCH_US - FAKE_DECODE_EPOCH_US,
        .price = copy_reader_number(r, first + 2),
        .volume = copy_reader_number(r, first + 3),
        .quote = !copy_reader_is_null(r, first + 4),
    };
    if (strcmp(copy_reader_text(r, first + 6, exchange, sizeof exchange), "test") != 0)
        sim_fail("another exchange: %s", exchange);
    if (row.quote && (copy_reader_number(r, first + 4) != row.price - 1 ||
                      copy_reader_number(r, first + 5) != row.price + 1))
        sim_fail("another bid or ask");
    return row;
}

/* One message is never too much. */
static bool is_too_much(const struct sim_tx *t)
{
    return t->row_count + t->staged_count + t->letter_count > sim_plan()->most_rows;
}

static struct sim_reply refuse_too_much(void)
{
    sim_count(SIM_too_large);
    return refuse("53200");
}

static struct sim_reply copy_ticks(struct sim_tx *t, struct copy_reader r)
{
    while (copy_reader_next(&r)) {
        struct sim_row row = read_tick(&r, 0);
        const char *fault = fault_of(t, &row);
        if (fault)
            return refuse(fault);
        const struct sim_tx *holder = key_holder(t, row.symbol, row.time_us);
        if (see_row(t, row.symbol, row.time_us)) {
            sim_count(SIM_clashes);
            return refuse("23505");
        }
        if (holder)
            return (struct sim_reply){.result = SIM_BLOCKED, .blocker = holder};
        put_own(t, &row);
        if (is_too_much(t))
            return refuse_too_much();
    }
    return done("COPY");
}

static struct sim_reply copy_staged(struct sim_tx *t, struct copy_reader r)
{
    while (copy_reader_next(&r)) {
        GROW(t->staged, t->staged_count, t->staged_cap);
        struct staged *s = &t->staged[t->staged_count++];
        *s = (struct staged){
            .row = read_tick(&r, 3),
            .event_us = copy_reader_int(&r, 2) + COPYROW_EPOCH_US - FAKE_DECODE_EPOCH_US,
            .snapshot = copy_reader_int(&r, 1),
        };
        snprintf(s->seq, sizeof s->seq, "%d", (int)copy_reader_int(&r, 0));
    }
    return is_too_much(t) ? refuse_too_much() : done("COPY");
}

static struct sim_reply copy_letters(struct sim_tx *t, struct copy_reader r)
{
    while (copy_reader_next(&r)) {
        char topic[16];
        GROW(t->letters, t->letter_count, t->letter_cap);
        struct sim_letter *l = &t->letters[t->letter_count++];
        *l = (struct sim_letter){.partition = (int)copy_reader_int(&r, 3),
                                 .offset = copy_reader_int(&r, 4),
                                 .item = (int)copy_reader_int(&r, 5),
                                 .has_payload = !copy_reader_is_null(&r, 9)};
        copy_reader_text(&r, 6, l->reason, sizeof l->reason);
        if (strcmp(copy_reader_text(&r, 2, topic, sizeof topic), SIM_TOPIC) != 0)
            sim_fail("another topic: %s", topic);
    }
    return is_too_much(t) ? refuse_too_much() : done("COPY");
}

/* --- ingest_check_pairs() --- */

static struct sim_reply check_pairs(struct sim_tx *t, const char *sql)
{
    char name[32];
    int length;
    if (t->unchecked)
        sim_fail("other triggers than those of ticks are switched off");
    sim_count(SIM_pairs_checked);
    for (sql = strchr(sql, '['); sscanf(sql, "%*[[, ]'%31[^']'%n", name, &length) == 1;
         sql += length) {
        int symbol = sim_symbol_find(name);
        if (symbol < 0 || !pairs[symbol]) {
            sim_count(SIM_pairs_missing);
            return refuse("23503");
        }
        t->locked[symbol] = true;
    }
    return done("SELECT");
}

/* --- ingest_merge() --- */

static bool is_equal(const struct sim_row *a, const struct sim_row *b)
{
    return a->price == b->price && a->volume == b->volume;
}

/* Is the row the newest quote stored from its time on, in an unbroken run of microseconds? */
static bool is_repeat(const struct sim_tx *t, const struct sim_row *row, bool run)
{
    const struct sim_row *newest = NULL, *at;
    for (int64_t us = row->time_us; (at = see_row(t, row->symbol, us)); us++) {
        if (at->quote)
            newest = at;
        if (!run)
            break;
    }
    return newest && is_equal(newest, row);
}

/* ties = last: `s` takes the key of `old`, which may be of this batch. */
static void replace(struct sim_tx *t, struct staged *s)
{
    struct sim_row *own = own_row(t, s->row.symbol, s->row.time_us);
    s->outcome = "replaced";
    for (struct staged *before = s; own && before-- > t->staged;) {
        if (before->row.symbol == s->row.symbol && before->row.time_us == s->row.time_us &&
            (!before->outcome || strcmp(before->outcome, "replaced") == 0)) {
            s->outcome = before->outcome;
            before->outcome = "dropped";
            break;
        }
    }
    struct sim_row row = s->row;
    row.update = !own || own->update;
    if (own)
        *own = row;
    else
        put_own(t, &row);
}

/* True if no staged row is bad and none of the symbol's keys is staged twice or taken: its rows
 * then go where they are. */
static bool is_free(const struct sim_tx *t, int symbol)
{
    for (size_t i = 0; i < t->staged_count; i++) {
        const struct sim_row *row = &t->staged[i].row;
        if (fault_of(t, row))
            return false;
        for (size_t k = 0; k < i && row->symbol == symbol; k++) {
            if (t->staged[k].row.symbol == symbol && t->staged[k].row.time_us == row->time_us)
                return false;
        }
        if (row->symbol == symbol && see_row(t, symbol, row->time_us))
            return false;
    }
    return true;
}

static void sort_staged(struct sim_tx *t)
{
    bool free_symbol[SIM_SYMBOLS];
    for (int symbol = 0; symbol < SIM_SYMBOLS; symbol++)
        free_symbol[symbol] = is_free(t, symbol);
    for (size_t i = 0; i < t->staged_count; i++) {
        struct staged *s = &t->staged[i];
        if (s->row.symbol >= 0 && free_symbol[s->row.symbol])
            s->snapshot = false;
        else
            s->row.time_us = s->event_us;
    }
}

/* Places one staged row. Returns who is in the way, if anybody is. */
static const struct sim_tx *place(struct sim_tx *t, enum ties_mode ties, struct staged *s)
{
    struct sim_row row = s->row;
    s->sqlstate = fault_of(t, &row);
    s->outcome = s->sqlstate ? "rejected" : NULL;
    if (s->sqlstate)
        return NULL;
    if (s->snapshot && is_repeat(t, &row, ties == TIES_MODE_SPREAD)) {
        s->outcome = "repeat";
        return NULL;
    }
    while (ties == TIES_MODE_SPREAD && see_row(t, row.symbol, row.time_us))
        row.time_us++;
    const struct sim_tx *holder = key_holder(t, row.symbol, row.time_us);
    if (holder)
        return holder;
    if (!see_row(t, row.symbol, row.time_us))
        put_own(t, &row);
    else if (ties == TIES_MODE_FIRST)
        s->outcome = "dropped";
    else
        replace(t, s);
    return NULL;
}

static void *make_result(int columns)
{
    static char name[] = "column";
    PGresAttDesc attributes[4];
    for (int i = 0; i < columns; i++)
        attributes[i] = (PGresAttDesc){.name = name, .typid = 25, .typlen = -1};
    PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PQsetResultAttrs(rows, columns, attributes);
    return rows;
}

static void set_value(PGresult *rows, int row, int column, const char *value)
{
    char text[64];
    snprintf(text, sizeof text, "%s", value ? value : "");
    PQsetvalue(rows, row, column, text, value ? (int)strlen(text) : -1);
}

static struct sim_reply merge(struct sim_tx *t, const char *mode)
{
    static const char *const modes[] = {"spread", "first", "last"};
    int ties = 0;
    while (strcmp(mode, modes[ties]) != 0)
        ties++;
    sort_staged(t);
    for (size_t i = 0; i < t->staged_count; i++) {
        const struct sim_tx *holder = place(t, (enum ties_mode)ties, &t->staged[i]);
        if (holder)
            return (struct sim_reply){.result = SIM_BLOCKED, .blocker = holder};
    }
    struct sim_reply r = done("SELECT");
    r.rows = make_result(4);
    for (size_t i = 0; i < t->staged_count; i++) {
        const struct staged *s = &t->staged[i];
        int row = PQntuples(r.rows);
        if (!s->outcome)
            continue;
        set_value(r.rows, row, 0, s->seq);
        set_value(r.rows, row, 1, s->outcome);
        set_value(r.rows, row, 2, s->sqlstate);
        set_value(r.rows, row, 3, s->sqlstate ? "refused" : NULL);
    }
    t->staged_count = 0;
    sim_count(SIM_merges);
    return r;
}

/* --- offsets --- */

static struct sim_offset *own_offset(struct sim_tx *t, int p)
{
    if (!t->moved[p])
        t->offsets[p] = now.offsets[p];
    return &t->offsets[p];
}

/* Moves a partition's offset for `t`, unless it is elsewhere or somebody else is moving it. */
static struct sim_reply move(struct sim_tx *t, int p, int64_t expected, int64_t next)
{
    for (int i = 0; i < TX_MAX; i++) {
        struct sim_tx *other = transactions[i];
        if (other && other != t && !other->failed && other->moved[p])
            return (struct sim_reply){.result = SIM_BLOCKED, .blocker = other};
    }
    struct sim_offset *o = own_offset(t, p);
    if (!o->exists || o->next != expected) {
        sim_count(SIM_fenced);
        return refuse("TK001");
    }
    t->moved[p] = true;
    o->next = next;
    return done("SELECT");
}

static struct sim_reply advance(struct sim_tx *t, const char *sql)
{
    int p;
    long long n[7];
    if (sscanf(sql,
               "SELECT ingest_advance('group', 'cluster', 'ticks', %d, %lld, %lld, %lld, "
               "%lld, %lld, %lld, %lld)",
               &p, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6]) != 8)
        sim_fail("not understood: %s", sql);
    struct sim_reply r = move(t, p, n[0], n[1]);
    if (r.result != SIM_OK)
        return r;
    struct sim_offset *o = &t->offsets[p];
    for (int i = 2; i < 7; i++) {
        if (n[i] < 0)
            sim_fail("a count below zero: %s", sql);
    }
    o->messages += n[2];
    o->stored += n[3];
    o->rejected += n[4];
    o->ignored += n[5];
    o->dropped += n[6];
    return r;
}

static struct sim_reply jump(struct sim_tx *t, const char *sql)
{
    int p;
    long long expected, next;
    if (sscanf(sql, "SELECT ingest_jump('group', 'cluster', 'ticks', %d, %lld, %lld, '", &p,
               &expected, &next) != 3)
        sim_fail("not understood: %s", sql);
    struct sim_reply r = move(t, p, expected, next);
    if (r.result == SIM_OK) {
        sim_count(SIM_jumps);
        t->has_gap = true;
        t->gap = (struct sim_gap){p, expected, next};
    }
    return r;
}

static void start_at(struct sim_tables *t, int p, int64_t offset)
{
    if (!t->offsets[p].exists)
        t->offsets[p] = (struct sim_offset){.exists = true, .next = offset};
}

/* Committed at once, as it is in a transaction of its own. No state of the past is without it:
 * where a partition begins is Kafka's to say, and changes. */
static struct sim_reply start(const char *sql)
{
    int p;
    long long offset;
    if (sscanf(sql, "SELECT ingest_start('group', 'cluster', 'ticks', %d, %lld)", &p, &offset) != 2)
        sim_fail("not understood: %s", sql);
    if (!now.offsets[p].exists)
        starts[p] = offset;
    start_at(&now, p, offset);
    start_at(&dump, p, offset);
    for (int i = 0; i < PAST; i++)
        start_at(&past[i], p, offset);
    return done("SELECT");
}

int64_t sim_tables_start(int partition)
{
    return starts[partition];
}

static struct sim_reply read_offsets(void)
{
    struct sim_reply r = done("SELECT");
    char text[24];
    r.rows = make_result(3);
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        if (!now.offsets[p].exists)
            continue;
        int row = PQntuples(r.rows);
        set_value(r.rows, row, 0, SIM_TOPIC);
        snprintf(text, sizeof text, "%d", p);
        set_value(r.rows, row, 1, text);
        snprintf(text, sizeof text, "%lld", (long long)now.offsets[p].next);
        set_value(r.rows, row, 2, text);
    }
    return r;
}

void sim_operator_jump(int partition, int64_t next)
{
    struct sim_offset *o = &now.offsets[partition];
    sim_count(SIM_operator_jumps);
    GROW(now.gaps, now.gap_count, now.gap_cap);
    now.gaps[now.gap_count++] = (struct sim_gap){partition, o->next, next};
    o->next = next;
}

/* --- requests --- */

static bool begins(const char *sql, const char *with)
{
    return strncmp(sql, with, strlen(with)) == 0;
}

static struct sim_reply end_by(struct sim_tx *t, const char *sql, bool rollback)
{
    if (begins(sql, "COMMIT") && !t->failed && !rollback) {
        sim_count(SIM_commits);
        apply(t);
        return done("COMMIT");
    }
    end(t);
    return done("ROLLBACK");
}

static struct sim_reply execute_one(struct sim_tx *t, const char *sql, const void *data, size_t len,
                                    bool rollback)
{
    char mode[8];
    if (begins(sql, "COMMIT") || begins(sql, "ROLLBACK"))
        return end_by(t, sql, rollback);
    if (begins(sql, "REFUSE"))
        return refuse("XX000");
    if (t->failed)
        return refuse("25P02");
    if (begins(sql, "BEGIN")) {
        t->open = true;
        return done("BEGIN");
    }
    if (begins(sql, "COPY ticks ("))
        return copy_ticks(t, copy_reader_start(data, len));
    if (begins(sql, "COPY tickd_staging ("))
        return copy_staged(t, copy_reader_start(data, len));
    if (begins(sql, "COPY rejected_ticks ("))
        return copy_letters(t, copy_reader_start(data, len));
    if (begins(sql, "SELECT ingest_staging()") || begins(sql, "SCHEMA"))
        return done("SELECT");
    if (sscanf(sql, "SELECT seq, outcome, sqlstate, detail FROM ingest_merge('%7[a-z]', 0)",
               mode) == 1)
        return merge(t, mode);
    if (begins(sql, "SET LOCAL session_replication_role = ")) {
        t->unchecked = strstr(sql, "= replica") && strstr(sql, "= replica") < strchr(sql, ';');
        return done("SET");
    }
    if (begins(sql, "SELECT ingest_check_pairs(ARRAY["))
        return check_pairs(t, sql);
    if (begins(sql, "SELECT ingest_advance("))
        return advance(t, sql);
    if (begins(sql, "SELECT ingest_jump("))
        return jump(t, sql);
    if (begins(sql, "SELECT ingest_start("))
        return start(sql);
    if (begins(sql, "SELECT topic, kafka_partition, next_offset FROM ingest_offsets "
                    "WHERE group_id = 'group' AND cluster_id = 'cluster'"))
        return read_offsets();
    sim_fail("not understood: %s", sql);
}

/* What a request has done is undone when it has to wait: it begins anew. */
struct savepoint {
    size_t rows, staged, letters;
    bool open, unchecked, locked[SIM_SYMBOLS], moved[SIM_PARTITIONS];
    struct sim_offset offsets[SIM_PARTITIONS];
};

static void keep(const struct sim_tx *t, struct savepoint *s)
{
    *s = (struct savepoint){.rows = t->row_count,
                            .staged = t->staged_count,
                            .letters = t->letter_count,
                            .open = t->open,
                            .unchecked = t->unchecked};
    memcpy(s->locked, t->locked, sizeof s->locked);
    memcpy(s->moved, t->moved, sizeof s->moved);
    memcpy(s->offsets, t->offsets, sizeof s->offsets);
}

static void undo(struct sim_tx *t, const struct savepoint *s)
{
    t->row_count = s->rows;
    t->staged_count = s->staged;
    t->letter_count = s->letters;
    t->open = s->open;
    t->unchecked = s->unchecked;
    memcpy(t->locked, s->locked, sizeof t->locked);
    memcpy(t->moved, s->moved, sizeof t->moved);
    memcpy(t->offsets, s->offsets, sizeof t->offsets);
}

static void settle(struct sim_tx *t, struct sim_reply *r, const struct savepoint *s)
{
    if (r->result == SIM_BLOCKED)
        undo(t, s);
    else if (r->result == SIM_ERROR && t->open)
        t->failed = true;
    else if (r->result == SIM_ERROR)
        end(t);
    else if (!t->open)
        apply(t);
    if (r->result != SIM_OK) {
        PQclear(r->rows);
        r->rows = NULL;
    }
}

struct sim_reply sim_tx_execute(struct sim_tx *t, const char *sql, const void *data, size_t len,
                                bool rollback)
{
    struct savepoint before;
    struct sim_reply r = {.result = SIM_OK};
    void *rows = NULL;
    keep(t, &before);
    for (const char *at = sql; *at && r.result == SIM_OK; at += strspn(at, "; ")) {
        r = execute_one(t, at, data, len, rollback);
        if (r.rows) {
            PQclear(rows);
            rows = r.rows;
        }
        at += strcspn(at, ";");
    }
    r.rows = rows;
    settle(t, &r, &before);
    return r;
}
