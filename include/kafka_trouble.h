/* SPDX-License-Identifier: MIT */
/*
 * What librdkafka's complaints about encryption, certificates, passwords and privileges mean, in
 * words that tell an operator what to look at. Pure.
 */
#ifndef TICKD_KAFKA_TROUBLE_H
#define TICKD_KAFKA_TROUBLE_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct kafka_trouble {
    const char *cause; /* what is wrong, short */
    const char *hint;  /* what to look at */
    bool certain;      /* else it may be a broker on its way up or down */
};

/* NULL if the complaint is of another kind: brokers away, topics missing. `version` is librdkafka's
 * own (rd_kafka_version()). Static storage. */
const struct kafka_trouble *kafka_trouble_find(rd_kafka_resp_err_t err, const char *text,
                                               int version);

/* Why a broker's certificate is not accepted: a number of OpenSSL, not 0. Static storage. */
const struct kafka_trouble *kafka_trouble_of_certificate(int x509_error);

/* librdkafka says this and no more of any certificate it does not accept. */
#define KAFKA_TROUBLE_NOT_VERIFIED "certificate verify failed"

/* True if it complains of a certificate, and `line`, of librdkafka's log, is about the same
 * broker's: there it says why. It may name a broker in two ways, "ssl://host:port/bootstrap: ..."
 * as one of bootstrap.servers and "ssl://host:port/1: ..." by its number, and the group's
 * coordinator "GroupCoordinator: ..." in errors and "GroupCoordinator/1: ..." in its log. */
bool kafka_trouble_tells_why(const char *line, const char *complaint);

/* The one of those whose cause stands in `text`; the unknown one if none does. */
const struct kafka_trouble *kafka_trouble_of_words(const char *text);

#endif
