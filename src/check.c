/* SPDX-License-Identifier: MIT */
/*
 * A program of its own within the program: synchronous, because nobody waits for it but a person.
 */
#include "check.h"

#include "app.h"
#include "clock.h"
#include "conninfo.h"
#include "err.h"
#include "hostlist.h"
#include "kafka_conf.h"
#include "kafka_log.h"
#include "offsets.h"
#include "pairs.h"
#include "pgtext.h"
#include "schema.h"
#include "session.h"
#include "skew.h"
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KAFKA_TIMEOUT_MS 5000
#define KAFKA_LOOK_MS    250

enum verdict { VERDICT_OK, VERDICT_NOTE, VERDICT_WARN, VERDICT_FAIL };

struct check {
    const struct config *config;
    size_t warnings;
    size_t failures;
};

__attribute__((format(printf, 4, 5))) static void finding(struct check *c, enum verdict verdict,
                                                          const char *what, const char *fmt, ...)
{
    static const char *const words[] = {[VERDICT_OK] = "ok",
                                        [VERDICT_NOTE] = "note",
                                        [VERDICT_WARN] = "WARN",
                                        [VERDICT_FAIL] = "FAIL"};
    c->warnings += verdict == VERDICT_WARN;
    c->failures += verdict == VERDICT_FAIL;
    printf("%-4s  %-34s  ", words[verdict], what);
    va_list ap;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
}

/* Without the newline that libpq's messages end with. */
static const char *first_line(const char *text, char *out, size_t size)
{
    snprintf(out, size, "%s", text);
    out[strcspn(out, "\n")] = '\0';
    return out;
}

static void on_config_warning(void *ctx, const char *text)
{
    finding(ctx, VERDICT_WARN, "configuration", "%s", text);
}

/* --- database --- */

static PGconn *connect_database(struct check *c)
{
    struct err e;
    struct conninfo *info = conninfo_new(c->config->database_url, &e);
    if (!info) {
        finding(c, VERDICT_FAIL, "database", "%s", e.text);
        return NULL;
    }
    struct hostlist hosts;
    struct conninfo_params params;
    struct conninfo_session session = {
        .application = "tickd check",
        .statement_timeout_ms = (uint32_t)c->config->statement_timeout_ms,
        .lock_timeout_ms = (uint32_t)c->config->lock_timeout_ms,
    };
    conninfo_hosts(info, &hosts);
    conninfo_params_init(&params, info, &hosts, 0, &session);
    PGconn *conn = PQconnectdbParams((const char *const *)params.keywords,
                                     (const char *const *)params.values, 0);
    conninfo_params_fini(&params);
    hostlist_fini(&hosts);
    if (PQstatus(conn) != CONNECTION_OK) {
        char line[ERR_MAX];
        char code[6];
        pgtext_flatten(line, sizeof line, PQerrorMessage(conn));
        pgtext_sqlstate(code, line);
        conninfo_mask(info, line);
        const char *hint = pgtext_hint(code, line);
        finding(c, VERDICT_FAIL, "database", "%s%s%s", line, hint ? "; " : "", hint ? hint : "");
        PQfinish(conn);
        conn = NULL;
    }
    conninfo_free(info);
    return conn;
}

/* The result of a query that returns rows, or NULL after saying what is wrong. */
static PGresult *query(struct check *c, PGconn *conn, const char *what, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        return result;
    char line[ERR_MAX];
    finding(c, VERDICT_FAIL, what, "%s",
            first_line(PQresultErrorMessage(result), line, sizeof line));
    PQclear(result);
    return NULL;
}

static bool check_schema(struct check *c, PGconn *conn)
{
    struct schema_options options = session_schema_options(c->config);
    struct schema_report report;
    struct err e;
    PGresult *result = query(c, conn, "schema", schema_sql);
    if (!result)
        return false;
    bool evaluated = schema_evaluate(&options, result, &report, &e);
    PQclear(result);
    if (!evaluated) {
        finding(c, VERDICT_FAIL, "schema", "%s", e.text);
        return false;
    }
    for (size_t i = 0; i < report.count; i++) {
        const struct schema_finding *f = &report.findings[i];
        finding(c, f->severity == SCHEMA_FATAL ? VERDICT_FAIL : VERDICT_WARN, f->object, "%s",
                f->text);
    }
    if (report.count == 0)
        finding(c, VERDICT_OK, "schema", "all objects, columns and privileges are there");
    finding(c, VERDICT_NOTE, "ticks",
            report.hypertable ? "hypertable, TimescaleDB %s" : "plain table%s", report.timescaledb);
    if (!report.fk.refused)
        finding(c, VERDICT_NOTE, "fk_check", "%s: %s", fkcheck_word(&report.fk), report.fk.reason);
    return schema_is_usable(&report);
}

static void check_pairs(struct check *c, PGconn *conn)
{
    struct err e;
    PGresult *result = query(c, conn, "pairs", pairs_sql);
    if (!result)
        return;
    struct pairs *pairs = pairs_new();
    if (!pairs_load(pairs, result, &e))
        finding(c, VERDICT_FAIL, "pairs", "%s", e.text);
    else
        finding(c, pairs_active_count(pairs) > 0 ? VERDICT_OK : VERDICT_WARN, "pairs",
                "%zu, %zu of them active", pairs_count(pairs), pairs_active_count(pairs));
    pairs_free(pairs);
    PQclear(result);
}

static void check_clock(struct check *c, PGconn *conn)
{
    int64_t asked_us = clock_now().wall_us;
    PGresult *result = query(c, conn, "clock", skew_sql);
    if (!result)
        return;
    int64_t ahead_us = skew_us(PQgetvalue(result, 0, 0), asked_us, clock_now().wall_us);
    if (llabs(ahead_us) > SKEW_MAX_US)
        finding(c, VERDICT_WARN, "clock", "the database's is %.1f s %s this machine's",
                (double)llabs(ahead_us) / 1e6, ahead_us > 0 ? "ahead of" : "behind");
    PQclear(result);
}

static PGconn *check_database(struct check *c, bool *usable)
{
    PGconn *conn = connect_database(c);
    *usable = false;
    if (!conn)
        return NULL;
    finding(c, VERDICT_OK, "database", "PostgreSQL %s, database %s as role %s",
            PQparameterStatus(conn, "server_version"), PQdb(conn), PQuser(conn));
    check_clock(c, conn);
    *usable = check_schema(c, conn);
    if (*usable)
        check_pairs(c, conn);
    return conn;
}

/* --- Kafka --- */

/* Stored next_offset of a partition, or OFFSETS_UNKNOWN. */
static int64_t stored_offset(struct check *c, PGconn *conn, const char *cluster, const char *topic,
                             int32_t partition)
{
    char number[16];
    snprintf(number, sizeof number, "%" PRId32, partition);
    const char *values[] = {c->config->group, cluster, topic, number};
    PGresult *result = PQexecParams(conn,
                                    "SELECT next_offset FROM ingest_offsets WHERE group_id = $1"
                                    " AND cluster_id = $2 AND topic = $3 AND kafka_partition = $4",
                                    4, NULL, values, NULL, NULL, 0);
    int64_t offset = OFFSETS_UNKNOWN;
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1)
        offset = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return offset;
}

static void check_partition(struct check *c, rd_kafka_t *rk, PGconn *conn, const char *cluster,
                            const char *topic, int32_t partition)
{
    char what[320];
    int64_t low, high;
    snprintf(what, sizeof what, "%s [%" PRId32 "]", topic, partition);
    rd_kafka_resp_err_t error =
        rd_kafka_query_watermark_offsets(rk, topic, partition, &low, &high, KAFKA_TIMEOUT_MS);
    if (error) {
        finding(c, VERDICT_FAIL, what, "%s", rd_kafka_err2str(error));
        return;
    }
    int64_t stored = conn ? stored_offset(c, conn, cluster, topic, partition) : OFFSETS_UNKNOWN;
    if (stored == OFFSETS_UNKNOWN)
        finding(c, VERDICT_OK, what, "log %" PRId64 "..%" PRId64 ", no offset stored yet", low,
                high);
    else if (stored < low || stored > high)
        finding(c, VERDICT_FAIL, what,
                "log %" PRId64 "..%" PRId64 ", but the next offset is %" PRId64
                ": see on_offset_gap",
                low, high, stored);
    else
        finding(c, VERDICT_OK, what,
                "log %" PRId64 "..%" PRId64 ", next offset %" PRId64 ", lag %" PRId64, low, high,
                stored, high - stored);
}

static void check_topic(struct check *c, rd_kafka_t *rk, PGconn *conn, const char *cluster,
                        const char *topic)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
    rd_kafka_resp_err_t error = rd_kafka_metadata(rk, 0, rkt, &metadata, KAFKA_TIMEOUT_MS);
    rd_kafka_topic_destroy(rkt);
    if (error) {
        finding(c, VERDICT_FAIL, topic, "%s", rd_kafka_err2str(error));
        return;
    }
    const struct rd_kafka_metadata_topic *t = &metadata->topics[0];
    if (t->err)
        finding(c, VERDICT_FAIL, topic, "%s", rd_kafka_err2str(t->err));
    else
        finding(c, VERDICT_OK, topic, "topic with %d partition(s)", t->partition_cnt);
    for (int i = 0; !t->err && i < t->partition_cnt; i++)
        check_partition(c, rk, conn, cluster, topic, t->partitions[i].id);
    rd_kafka_metadata_destroy(metadata);
}

/* The last complaint while no broker answered. */
struct complaint {
    struct kafka_log log; /* for what explains it; nothing is logged */
    const struct kafka_trouble *trouble;
    char text[ERR_MAX];
};

static void hear(struct complaint *last, rd_kafka_event_t *event)
{
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_LOG)
        kafka_log_remember(&last->log, event);
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_ERROR ||
        error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        return;
    const char *text = rd_kafka_event_error_string(event);
    last->trouble = kafka_log_explain(&last->log, error, &text);
    snprintf(last->text, sizeof last->text, "%s", text);
}

/* The cluster's id, once a broker answers; NULL when time is up, or when a broker has refused us
 * for a reason that time does not mend. */
static char *find_cluster(rd_kafka_t *rk, struct complaint *last)
{
    char *cluster = NULL;
    rd_kafka_set_log_queue(rk, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(rk);
    for (int waited = 0; !cluster && waited < KAFKA_TIMEOUT_MS; waited += KAFKA_LOOK_MS) {
        rd_kafka_event_t *event;
        cluster = rd_kafka_clusterid(rk, KAFKA_LOOK_MS);
        while ((event = rd_kafka_queue_poll(queue, 0))) {
            hear(last, event);
            rd_kafka_event_destroy(event);
        }
        if (last->trouble && last->trouble->certain)
            break;
    }
    rd_kafka_queue_destroy(queue);
    return cluster;
}

static void report_complaint(struct check *c, const struct complaint *last)
{
    if (last->trouble)
        finding(c, VERDICT_FAIL, "kafka", "%s; %s (%s)", last->trouble->cause, last->trouble->hint,
                last->text);
    else
        finding(c, VERDICT_FAIL, "kafka", "no broker answered within %d ms%s%s", KAFKA_TIMEOUT_MS,
                last->text[0] ? ": " : "", last->text);
}

/* False if librdkafka refuses the configuration. */
static bool check_kafka(struct check *c, PGconn *conn)
{
    struct err e;
    rd_kafka_topic_partition_list_t *topics = kafka_conf_topics(c->config, &e);
    rd_kafka_t *rk = topics ? kafka_conf_client(c->config, &e) : NULL;
    if (!rk) {
        finding(c, VERDICT_FAIL, "kafka", "%s", e.text);
        if (topics)
            rd_kafka_topic_partition_list_destroy(topics);
        return false;
    }
    struct complaint last = {.trouble = NULL};
    char *cluster = find_cluster(rk, &last);
    if (!cluster) {
        report_complaint(c, &last);
    } else {
        finding(c, VERDICT_OK, "kafka", "cluster %s, group %s", cluster, c->config->group);
        for (int i = 0; i < topics->cnt; i++)
            check_topic(c, rk, conn, cluster, topics->elems[i].topic);
        rd_kafka_mem_free(rk, cluster);
    }
    rd_kafka_topic_partition_list_destroy(topics);
    rd_kafka_destroy(rk);
    return true;
}

int check_run(const struct config *config)
{
    struct check c = {.config = config};
    bool usable;
    config_each_warning(config, on_config_warning, &c);
    PGconn *conn = check_database(&c, &usable);
    bool configured = check_kafka(&c, usable ? conn : NULL);
    PQfinish(conn);
    printf("\n%zu failure(s), %zu warning(s)\n", c.failures, c.warnings);
    if (!configured)
        return EXIT_CONFIG;
    return c.failures + c.warnings > 0 ? EXIT_RUNTIME : EXIT_OK;
}
