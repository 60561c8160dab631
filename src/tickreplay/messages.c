/* SPDX-License-Identifier: MIT */
/*
 * Usual path: lines of files one after the other; or all partitions of the topic assigned from
 * their low watermarks, read until each has reached what was its high watermark.
 *
 * Possible failures: a file that cannot be read to its end, a line that is none of a journal; no
 * broker, no topic, or nothing for a while. All of them end the reading: what is verified must be
 * all there is.
 */
#include "messages.h"

#include "journal.h"
#include "lines.h"
#include "say.h"
#include "scan.h"
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS  10000
#define SILENCE_MS 30000

enum kind { KIND_JOURNAL, KIND_RECORDING_FILE, KIND_TOPIC };

struct messages {
    enum kind kind;
    const char *const *paths; /* journals */
    size_t path_count;
    size_t path_next;
    struct lines *lines;
    struct recording *recording;
    int64_t number; /* of the next message of the recording */
    struct scan scan;
    rd_kafka_t *rk;
    int64_t *ends; /* by partition: high watermark, or -1 when it is reached */
    int partition_count;
    int partitions_left;
    rd_kafka_message_t *message;
};

static struct messages *make(enum kind kind)
{
    struct messages *m = err_calloc(1, sizeof *m);
    m->kind = kind;
    return m;
}

struct messages *messages_from_journals(const char *const *paths, size_t count)
{
    struct messages *m = make(KIND_JOURNAL);
    m->paths = paths;
    m->path_count = count;
    return m;
}

struct messages *messages_from_recording(char *const *paths, size_t count,
                                         enum recording_format format)
{
    struct messages *m = make(KIND_RECORDING_FILE);
    m->recording = recording_new(paths, count, format);
    scan_init(&m->scan);
    return m;
}

void messages_free(struct messages *m)
{
    if (!m)
        return;
    lines_close(m->lines);
    if (m->recording)
        scan_fini(&m->scan);
    recording_free(m->recording);
    if (m->message)
        rd_kafka_message_destroy(m->message);
    if (m->rk) {
        rd_kafka_consumer_close(m->rk);
        rd_kafka_destroy(m->rk);
    }
    free(m->ends);
    free(m);
}

bool messages_have_offsets(const struct messages *m)
{
    return m->kind != KIND_RECORDING_FILE;
}

/* --- files */

/* What is wrong with the line that was read last. */
static enum messages_result bad_line(const struct messages *m, struct err *e)
{
    err_wrap(e, "%s:%llu", m->paths[m->path_next - 1], (unsigned long long)lines_number(m->lines));
    return MESSAGES_FAILED;
}

static enum messages_result next_of_journal(struct messages *m, struct delivery *d, struct err *e)
{
    char *line;
    size_t len;
    for (;;) {
        if (!m->lines && m->path_next == m->path_count)
            return MESSAGES_END;
        if (!m->lines && !(m->lines = lines_open(m->paths[m->path_next++], e)))
            return MESSAGES_FAILED;
        switch (lines_next(m->lines, &line, &len, e)) {
        case LINE_READ:
            return journal_parse(d, line, len, e) ? MESSAGES_ONE : bad_line(m, e);
        case LINE_END:
            lines_close(m->lines);
            m->lines = NULL;
            break;
        case LINE_WAITING:
            break;
        case LINE_TOO_LONG:
            err_set(e, "longer than %d bytes", LINE_MAX_BYTES);
            return bad_line(m, e);
        case LINE_FAILED:
            return bad_line(m, e);
        }
    }
}

/* With the key that `send` gives it. */
static void take_entry(struct messages *m, const struct entry *entry, struct delivery *d)
{
    scan_message(&m->scan, entry->payload, entry->payload_len);
    const struct token *symbol = scan_symbol(&m->scan);
    *d = (struct delivery){
        .offset = m->number++,
        .timestamp_ms = MESSAGES_NO_TIME,
        .key = symbol ? entry->payload + symbol->at : NULL,
        .key_len = symbol ? symbol->len : 0,
        .value = entry->payload,
        .value_len = entry->payload_len,
    };
}

static enum messages_result next_of_recording(struct messages *m, struct delivery *d, struct err *e)
{
    struct entry entry;
    for (;;) {
        switch (recording_next(m->recording, &entry, e)) {
        case RECORDING_ENTRY:
            take_entry(m, &entry, d);
            return MESSAGES_ONE;
        case RECORDING_END:
            return MESSAGES_END;
        case RECORDING_WAITING:
            break;
        case RECORDING_BAD: /* send has passed over it, too */
            say("%s", e->text);
            break;
        }
    }
}

/* --- the topic */

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *e)
{
    char why[ERR_MAX];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return true;
    err_set(e, "kafka.%s: %s", name, config_property_is_secret(name) ? "not accepted" : why);
    return false;
}

static rd_kafka_t *make_consumer(const struct config *config, struct err *e)
{
    /* Not the group's: nothing is committed, and nobody's partitions are touched. */
    static const char *const own[][2] = {{"group.id", "tickreplay-verify"},
                                         {"client.id", "tickreplay-verify"},
                                         {"enable.auto.commit", "false"},
                                         {"auto.offset.reset", "error"},
                                         {"enable.partition.eof", "true"},
                                         {"check.crcs", "true"},
                                         {"log_level", "3"}};
    char why[ERR_MAX];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = true;
    for (size_t i = 0; ok && i < config->kafka_count; i++)
        ok = set(conf, config->kafka[i].name, config->kafka[i].value, e);
    for (size_t i = 0; ok && i < sizeof own / sizeof *own; i++)
        ok = set(conf, own[i][0], own[i][1], e);
    rd_kafka_t *rk = ok ? rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why) : NULL;
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        if (ok)
            err_set(e, "Kafka client: %s", why);
        return NULL;
    }
    rd_kafka_poll_set_consumer(rk);
    return rk;
}

static int count_partitions(rd_kafka_t *rk, const char *topic, struct err *e)
{
    const struct rd_kafka_metadata *all;
    int count = 0;
    rd_kafka_resp_err_t rc = rd_kafka_metadata(rk, 1, NULL, &all, ANSWER_MS);
    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR) {
        err_set(e, "no broker answers: %s", rd_kafka_err2str(rc));
        return 0;
    }
    for (int i = 0; i < all->topic_cnt; i++) {
        if (strcmp(all->topics[i].topic, topic) == 0)
            count = all->topics[i].partition_cnt;
    }
    rd_kafka_metadata_destroy(all);
    if (count == 0)
        err_set(e, "topic \"%s\" does not exist", topic);
    return count;
}

/* Assigns every partition that has something, from its beginning. */
static bool assign(struct messages *m, const char *topic, struct err *e)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(m->partition_count);
    rd_kafka_resp_err_t rc = RD_KAFKA_RESP_ERR_NO_ERROR;
    m->ends = err_calloc((size_t)m->partition_count, sizeof *m->ends);
    for (int i = 0; i < m->partition_count && rc == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        int64_t low, high;
        rc = rd_kafka_query_watermark_offsets(m->rk, topic, i, &low, &high, ANSWER_MS);
        if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
        m->ends[i] = high > low ? high : -1;
        if (high <= low)
            continue;
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = low;
        m->partitions_left++;
    }
    if (rc == RD_KAFKA_RESP_ERR_NO_ERROR)
        rc = rd_kafka_assign(m->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
        err_set(e, "topic \"%s\": %s", topic, rd_kafka_err2str(rc));
    return rc == RD_KAFKA_RESP_ERR_NO_ERROR;
}

struct messages *messages_from_topic(const struct config *config, const char *topic, struct err *e)
{
    struct messages *m = make(KIND_TOPIC);
    m->rk = make_consumer(config, e);
    if (m->rk && (m->partition_count = count_partitions(m->rk, topic, e)) > 0 &&
        assign(m, topic, e))
        return m;
    messages_free(m);
    return NULL;
}

/* True if the message is one to give out. Keeps count of the partitions that are done. */
static bool take(struct messages *m, const rd_kafka_message_t *message)
{
    int64_t *end = &m->ends[message->partition];
    bool wanted = !message->err && *end >= 0 && message->offset < *end;
    bool done = message->err ? message->offset >= *end : message->offset + 1 >= *end;
    if (*end >= 0 && done) {
        *end = -1;
        m->partitions_left--;
    }
    return wanted;
}

static enum messages_result next_of_topic(struct messages *m, struct delivery *d, struct err *e)
{
    rd_kafka_timestamp_type_t type;
    while (m->partitions_left > 0) {
        if (m->message)
            rd_kafka_message_destroy(m->message);
        m->message = rd_kafka_consumer_poll(m->rk, SILENCE_MS);
        const rd_kafka_message_t *r = m->message;
        if (!r || (r->err && r->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)) {
            err_set(e, "reading the topic: %s",
                    r ? rd_kafka_message_errstr(r) : "nothing comes any more");
            return MESSAGES_FAILED;
        }
        if (!take(m, r))
            continue;
        int64_t timestamp_ms = rd_kafka_message_timestamp(r, &type);
        *d = (struct delivery){
            .partition = r->partition,
            .offset = r->offset,
            .timestamp_ms =
                type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? MESSAGES_NO_TIME : timestamp_ms,
            .key = r->key,
            .key_len = r->key_len,
            .value = r->payload,
            .value_len = r->len,
        };
        return MESSAGES_ONE;
    }
    return MESSAGES_END;
}

enum messages_result messages_next(struct messages *m, struct delivery *d, struct err *e)
{
    switch (m->kind) {
    case KIND_JOURNAL:
        return next_of_journal(m, d, e);
    case KIND_RECORDING_FILE:
        return next_of_recording(m, d, e);
    case KIND_TOPIC:
        break;
    }
    return next_of_topic(m, d, e);
}
