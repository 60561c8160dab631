/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "dburl.h"
#include "http_address.h"
#include "record.h"
#include <ctype.h>
#include <string.h>

static const struct option_choice schema_choices[] = {
    {"normal", SCHEMA_NORMAL}, {"strict", SCHEMA_STRICT}, {NULL, 0}};
static const struct option_choice start_choices[] = {
    {"earliest", START_EARLIEST}, {"latest", START_LATEST}, {NULL, 0}};
static const struct option_choice gap_choices[] = {
    {"stop", GAP_STOP}, {"earliest", GAP_EARLIEST}, {NULL, 0}};
static const struct option_choice decoder_choices[] = {{"auto", DECODER_AUTO},
                                                       {"canonical", DECODER_CANONICAL},
                                                       {"relay", DECODER_RELAY},
                                                       {"pacifica", DECODER_PACIFICA},
                                                       {NULL, 0}};
static const struct option_choice ties_choices[] = {
    {"spread", TIES_SPREAD}, {"first", TIES_FIRST}, {"last", TIES_LAST}, {NULL, 0}};
static const struct option_choice fk_check_choices[] = {
    {"auto", FK_CHECK_AUTO}, {"row", FK_CHECK_ROW}, {"batch", FK_CHECK_BATCH}, {NULL, 0}};
/* The last four are Python's names, for LOG_LEVEL. */
static const struct option_choice level_choices[] = {
    {"error", LEVEL_ERROR}, {"warn", LEVEL_WARN},    {"info", LEVEL_INFO},
    {"debug", LEVEL_DEBUG}, {"warning", LEVEL_WARN}, {"critical", LEVEL_ERROR},
    {"fatal", LEVEL_ERROR}, {"notset", LEVEL_DEBUG}, {NULL, 0}};
static const struct option_choice format_choices[] = {
    {"logfmt", FORMAT_LOGFMT}, {"json", FORMAT_JSON}, {NULL, 0}};

/* Kafka's rule for topic names. */
static bool is_topic(const char *s, size_t len)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    bool dots = len <= 2 && s[0] == '.' && s[len - 1] == '.';
    return len > 0 && len <= 249 && !dots && strspn(s, allowed) >= len;
}

/* True if the name at `item` is also among those that begin before it. */
static bool is_repeated(const char *list, const char *item, size_t len)
{
    for (const char *p = list; p < item; p += strcspn(p, ",") + 1) {
        if (strcspn(p, ",") == len && memcmp(p, item, len) == 0)
            return true;
    }
    return false;
}

static bool mend_topics(char **value, struct err *e)
{
    char *end = *value; /* blanks go */
    for (const char *p = *value; *p; p++) {
        if (*p != ' ' && *p != '\t')
            *end++ = *p;
    }
    *end = '\0';
    for (const char *p = *value;;) {
        size_t len = strcspn(p, ",");
        if (!is_topic(p, len) || is_repeated(*value, p, len)) {
            err_set(e, "%s", len && is_topic(p, len) ? "a topic twice" : "not a list of topics");
            return false;
        }
        if (p[len] == '\0')
            return true;
        p += len + 1;
    }
}

/* The session's application_name is "tickd:<group>", of which PostgreSQL keeps 63 bytes. */
#define GROUP_MAX (63 - 6)

static bool mend_group(char **value, struct err *e)
{
    size_t len = strlen(*value);
    for (size_t i = 0; i < len; i++) {
        if ((*value)[i] <= ' ' || (*value)[i] > '~' || strchr("'\"\\", (*value)[i])) {
            err_set(e, "%s", "not a group name");
            return false;
        }
    }
    if (len > 0 && len <= GROUP_MAX)
        return true;
    err_set(e, "%s", len ? "too long" : "empty");
    return false;
}

static bool mend_exchange(char **value, struct err *e)
{
    size_t len = strlen(*value);
    for (size_t i = 0; i < len; i++) {
        if ((*value)[i] < ' ' || (*value)[i] > '~') {
            err_set(e, "%s", "not printable ASCII");
            return false;
        }
    }
    if (len > 0 && ((*value)[0] == ' ' || (*value)[len - 1] == ' ')) {
        err_set(e, "%s", "blanks at an end");
        return false;
    }
    if (len > 0 && len <= RECORD_EXCHANGE_MAX)
        return true;
    err_set(e, "%s", len ? "too long" : "empty");
    return false;
}

#define TEXT(field) .name = #field, .kind = OPTION_TEXT, .offset = offsetof(struct config, field)
#define SWITCH(field)                                                                              \
    .name = #field, .kind = OPTION_SWITCH, .offset = offsetof(struct config, field)
#define WHOLE(field, low, high)                                                                    \
    .name = #field, .kind = OPTION_WHOLE, .offset = offsetof(struct config, field), .min = (low),  \
    .max = (high)
#define NUMBER(field, low, high)                                                                   \
    .name = #field, .kind = OPTION_NUMBER, .offset = offsetof(struct config, field), .min = (low), \
    .max = (high)
#define CHOICE(field, list)                                                                        \
    .name = #field, .kind = OPTION_CHOICE, .offset = offsetof(struct config, field),               \
    .choices = (list)

#define DATABASE "Database"
#define KAFKA    "Kafka"
#define DECODING "Decoding and validation"
#define BATCHING "Batches"
#define TROUBLE  "Trouble"
#define HTTP     "HTTP"
#define LOGGING  "Log"

#define DAY_MS     86400000
#define CENTURY_S  INT64_C(3153600000)
#define COPY_BYTES 4194304

const struct option option_table[] = {
    {TEXT(database_url), .section = DATABASE, .fallback = "", .unit = "", .mend = dburl_mend,
     .holds_secret = dburl_has_secret, .mask = dburl_mask, .expected = "a libpq URL or conninfo",
     .alias = "DATABASE_URL",
     .help =
         "Where the database is: postgresql://user:password@host:port/dbname or host=... "
         "dbname=... as libpq takes it. SQLAlchemy's spelling (postgresql+asyncpg://...) is "
         "understood. Empty: libpq's own PGHOST, PGUSER, ... A password is better kept in a file: "
         "TICKD_DATABASE_URL_FILE, or passfile= in the URL."},
    {WHOLE(connect_timeout_ms, 100, 600000), .section = DATABASE, .fallback = "5000", .unit = "ms",
     .help = "How long one attempt to connect may take."},
    {WHOLE(statement_timeout_ms, 100, 3600000), .section = DATABASE, .fallback = "30000",
     .unit = "ms",
     .help = "The session's statement_timeout. A batch that takes longer is rolled back and tried "
             "again."},
    {WHOLE(lock_timeout_ms, 100, 3600000), .section = DATABASE, .fallback = "5000", .unit = "ms",
     .help =
         "The session's lock_timeout; below statement_timeout_ms. A batch that waits longer for "
         "a lock is rolled back, tickd looks who holds the lock, and tries again."},
    {WHOLE(stalled_session_ms, 100, 3600000), .section = DATABASE, .fallback = "5000", .unit = "ms",
     .help = "A session of the same group that blocks a batch and has not moved for this long is "
             "ended (pg_terminate_backend). It is what a killed or frozen tickd leaves behind."},
    {SWITCH(require_hypertable), .section = DATABASE, .fallback = "yes", .unit = "",
     .help = "Whether ticks must be a TimescaleDB hypertable. With no, a plain table will do."},
    {CHOICE(schema_check, schema_choices), .section = DATABASE, .fallback = "normal", .unit = "",
     .help =
         "With strict, tickd also waits for the tables that only other services use; with normal, "
         "it warns of them."},
    {WHOLE(schema_check_interval_ms, 100, 3600000), .section = DATABASE, .fallback = "10000",
     .unit = "ms", .help = "How often an incomplete schema is looked at again."},
    {WHOLE(pairs_refresh_ms, 100, DAY_MS), .section = DATABASE, .fallback = "60000", .unit = "ms",
     .help = "How often the pairs table is read again. Changes are also taken at once when the "
             "database notifies of them."},
    {WHOLE(pairs_refresh_min_ms, 10, DAY_MS), .section = DATABASE, .fallback = "1000", .unit = "ms",
     .reloadable = true,
     .help = "An unknown symbol makes tickd read pairs early, at most once in this time."},

    {TEXT(topics), .section = KAFKA, .fallback = "ticks", .unit = "", .mend = mend_topics,
     .expected = "topic names (letters, digits, '.', '_', '-') separated by commas",
     .help = "Topics to read, separated by commas."},
    {TEXT(group), .section = KAFKA, .fallback = "tickd", .unit = "", .mend = mend_group,
     .expected = "1 to 57 printable ASCII characters without blanks, quotes and backslashes",
     .help =
         "Consumer group. All tickd of one group share the partitions, and one set of offsets in "
         "the database."},
    {CHOICE(start_from, start_choices), .section = KAFKA, .fallback = "earliest", .unit = "",
     .help =
         "Where a partition begins for which neither the database nor Kafka has an offset of the "
         "group."},
    {CHOICE(on_offset_gap, gap_choices), .section = KAFKA, .fallback = "stop", .unit = "",
     .reloadable = true,
     .help =
         "What to do when the wanted offset is gone from Kafka. stop: the partition waits for an "
         "operator. earliest: go on at the oldest message left, and record the gap in "
         "ingest_gaps."},

    {CHOICE(decoder, decoder_choices), .section = DECODING, .fallback = "auto", .unit = "",
     .help =
         "Message shape. auto tells the shapes apart by their content; the others accept one only "
         "(docs/formats.md)."},
    {TEXT(default_exchange), .section = DECODING, .fallback = "pacifica", .unit = "",
     .mend = mend_exchange, .expected = "1 to 50 printable ASCII characters",
     .help = "Exchange of ticks that name none."},
    {NUMBER(synthetic_spread_bps, 0, 10000), .section = DECODING, .fallback = "1", .unit = "bps",
     .help = "Bid and ask of a price feed that has only a mid price: mid minus and plus this. 0: "
             "none."},
    {WHOLE(max_message_bytes, 64, 104857600), .section = DECODING, .fallback = "1048576",
     .unit = "bytes", .reloadable = true,
     .help = "A larger message is dead-lettered without being parsed."},
    {WHOLE(max_ticks_per_message, 1, 1000000), .section = DECODING, .fallback = "10000",
     .unit = "ticks", .reloadable = true, .help = "A message with more is dead-lettered whole."},
    {WHOLE(max_age, 0, CENTURY_S), .section = DECODING, .fallback = "0", .unit = "s",
     .reloadable = true, .help = "A tick with an older event time is dead-lettered. 0: any age."},
    {WHOLE(max_ahead, 0, CENTURY_S), .section = DECODING, .fallback = "300", .unit = "s",
     .reloadable = true,
     .help = "A tick whose event time is further in the future is dead-lettered."},
    {CHOICE(ties, ties_choices), .section = DECODING, .fallback = "spread", .unit = "",
     .help = "Several ticks of one symbol at one instant. spread: each is stored, at the next free "
             "microsecond. first, last: one of them is stored, the others are counted as dropped."},
    {WHOLE(tie_memory, 1, 16777216), .section = DECODING, .fallback = "65536", .unit = "keys",
     .help =
         "How many recent (symbol, instant) keys are remembered to find ties before the database "
         "does."},
    {SWITCH(keep_repeats), .section = DECODING, .fallback = "no", .unit = "",
     .help = "Whether a quote that a feed sends again unchanged is stored again."},

    {WHOLE(batch_rows, 1, 1000000), .section = BATCHING, .fallback = "10000", .unit = "rows",
     .alias = "BATCH_SIZE", .reloadable = true,
     .help = "A batch of this many rows is sent at once. Smaller ones are what there is when "
             "linger_ms is over; only a backlog fills them. Larger ones drain it hardly faster."},
    {WHOLE(batch_bytes, 1024, COPY_BYTES), .section = BATCHING, .fallback = "4194304",
     .unit = "bytes", .reloadable = true, .help = "A batch of this size is sent at once."},
    {WHOLE(linger_ms, 0, 60000), .section = BATCHING, .fallback = "100", .unit = "ms",
     .alias = "WRITE_INTERVAL_SEC", .alias_scale = 1000, .reloadable = true,
     .help =
         "How long a tick may wait until a batch that is not full is sent, in Kafka and here. In "
         "Kafka a fetch gathers ticks for as long as this was at the start, at most 100 ms, and "
         "not at all up to 10 ms."},
    {WHOLE(writers, 1, 64), .section = BATCHING, .fallback = "1", .unit = "connections",
     .help = "Connections that write, each for its share of the partitions. One keeps up with any "
             "feed; more help to drain a backlog where the database has cores to spare and the "
             "topic has partitions enough. Each has two batches in memory."},

    {CHOICE(fk_check, fk_check_choices), .section = BATCHING, .fallback = "auto", .unit = "",
     .help =
         "How the foreign key of ticks is looked after. row: the database checks each row. "
         "batch: tickd locks the pairs of a batch and checks each symbol once, several times as "
         "fast and as safe; without the rights for that, or where ticks has a trigger, it does "
         "not write and says why. auto: batch where it is possible and worth it, else row."},

    {WHOLE(retry_min_ms, 10, 60000), .section = TROUBLE, .fallback = "100", .unit = "ms",
     .help = "Shortest pause before something that failed is tried again."},
    {WHOLE(retry_max_ms, 10, 3600000), .section = TROUBLE, .fallback = "10000", .unit = "ms",
     .help = "Longest pause; it doubles, with jitter, from retry_min_ms to this."},
    {WHOLE(shutdown_timeout_ms, 0, 600000), .section = TROUBLE, .fallback = "10000", .unit = "ms",
     .reloadable = true,
     .help = "How long SIGTERM waits for the batch that is under way. Nothing is lost by ending "
             "earlier: it is read again."},

    {TEXT(http_listen), .section = HTTP, .fallback = "127.0.0.1:9187", .unit = "",
     .mend = http_address_mend, .expected = "address:port, [address]:port, unix:/path or off",
     .help = "Where /metrics, the status page and the API are served: an IP address and a port, "
             "unix:/path for a socket, or off. There is no password: whoever reaches it may read "
             "prices, settings (without secrets) and examples of rejected messages."},
    {WHOLE(http_connections, 4, 10000), .section = HTTP, .fallback = "128", .unit = "connections",
     .help = "How many HTTP connections may be open at once. When there are more, the one that has "
             "been idle longest without asking for anything makes room."},
    {WHOLE(ready_max_lag, 0, INT64_MAX), .section = HTTP, .fallback = "100000", .unit = "messages",
     .reloadable = true,
     .help = "With more messages than this waiting in Kafka, /readyz says no. 0: no limit."},
    {WHOLE(database_stats_interval_ms, 1000, DAY_MS), .section = HTTP, .fallback = "60000",
     .unit = "ms",
     .help = "How often the database is asked for sizes, chunks and the archiving of its log, for "
             "the metrics."},
    {WHOLE(database_capacity_bytes, 0, INT64_MAX), .section = HTTP, .fallback = "0",
     .unit = "bytes", .reloadable = true,
     .help = "How large the database may grow, which PostgreSQL cannot say of its disk. Only for "
             "the metrics, so that an alert can tell when it will be full. 0: not known."},

    {CHOICE(log_level, level_choices), .section = LOGGING, .fallback = "info", .unit = "",
     .alias = "LOG_LEVEL", .reloadable = true,
     .help = "What is logged: this and what is worse. Python's names are understood."},
    {CHOICE(log_format, format_choices), .section = LOGGING, .fallback = "logfmt", .unit = "",
     .help = "How log lines look."},
    {WHOLE(stats_interval_ms, 0, DAY_MS), .section = LOGGING, .fallback = "60000", .unit = "ms",
     .help = "How often a summary is logged. 0: never."},
};
const size_t option_count = sizeof option_table / sizeof option_table[0];

const struct option *option_find(const char *name)
{
    for (size_t i = 0; i < option_count; i++) {
        if (strcmp(option_table[i].name, name) == 0)
            return &option_table[i];
    }
    return NULL;
}

size_t option_index(const struct option *o)
{
    return (size_t)(o - option_table);
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

#define SUGGEST_MAX 40 /* no option's name is longer */

/* Levenshtein's distance, one row at a time; a large number for names too long to be meant. */
static size_t distance(const char *a, const char *b)
{
    size_t row[SUGGEST_MAX + 1];
    size_t len = strlen(b);
    if (len > SUGGEST_MAX || strlen(a) > SUGGEST_MAX)
        return SUGGEST_MAX;
    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= len; j++) {
            size_t replaced = diagonal + (tolower(a[i - 1]) != tolower(b[j - 1]));
            diagonal = row[j];
            row[j] = min3(row[j] + 1, row[j - 1] + 1, replaced);
        }
    }
    return row[len];
}

const char *option_suggest(const char *name)
{
    const char *best = NULL;
    size_t best_distance = strlen(name) / 3 + 2; /* further is another word */
    for (size_t i = 0; i < option_count; i++) {
        size_t d = distance(name, option_table[i].name);
        if (d < best_distance) {
            best = option_table[i].name;
            best_distance = d;
        }
    }
    return best;
}
