/* SPDX-License-Identifier: MIT */
#include "kafka_trouble.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The first librdkafka whose SCRAM is as the standard says; the ones before repeat the nonce, which
 * newer brokers refuse. As rd_kafka_version() gives it. */
enum { SCRAM_MENDED = 0x020601ff };

/* X509_V_ERR_... of <openssl/x509_vfy.h>, whose numbers are part of OpenSSL's interface. */
enum {
    ISSUER_NOT_FOUND = 2,
    NOT_YET_VALID = 9,
    HAS_EXPIRED = 10,
    SELF_SIGNED = 18,
    SELF_SIGNED_IN_CHAIN = 19,
    ISSUER_NOT_FOUND_HERE = 20,
    LEAF_NOT_VERIFIED = 21,
    REVOKED = 23,
    OTHER_HOST = 62,
    OTHER_ADDRESS = 64,
};

/* --- the broker's certificate */

static const struct kafka_trouble untrusted = {
    "the broker's certificate is not signed by a CA that is trusted here",
    "kafka.ssl.ca.location must name a file with the CA that signed the broker's certificate",
    true,
};
static const struct kafka_trouble other_name = {
    "the broker's certificate is for another host name",
    "kafka.bootstrap.servers and the broker's advertised.listeners must use a name that stands in "
    "the certificate (subjectAltName)",
    true,
};
static const struct kafka_trouble expired = {
    "the broker's certificate has expired",
    "renew it on the broker; if it is still valid there, this machine's clock is wrong",
    true,
};
static const struct kafka_trouble not_yet_valid = {
    "the broker's certificate is not valid yet",
    "compare this machine's clock with the broker's; else look at the certificate",
    true,
};
static const struct kafka_trouble revoked = {
    "the broker's certificate is revoked",
    "put another certificate on the broker",
    true,
};
static const struct kafka_trouble not_accepted = {
    "the broker's certificate is not accepted",
    "kafka.ssl.ca.location must name a file with the CA that signed it; it must be valid, and for "
    "the name in kafka.bootstrap.servers",
    true,
};

static const struct {
    int x509_error;
    const struct kafka_trouble *trouble;
} of_certificate[] = {
    {HAS_EXPIRED, &expired},
    {NOT_YET_VALID, &not_yet_valid},
    {REVOKED, &revoked},
    {OTHER_HOST, &other_name},
    {OTHER_ADDRESS, &other_name},
    {ISSUER_NOT_FOUND, &untrusted},
    {SELF_SIGNED, &untrusted},
    {SELF_SIGNED_IN_CHAIN, &untrusted},
    {ISSUER_NOT_FOUND_HERE, &untrusted},
    {LEAF_NOT_VERIFIED, &untrusted},
};

/* --- what the broker has against us */

static const struct kafka_trouble certificate_wanted = {
    "the broker wants a certificate of tickd",
    "set kafka.ssl.certificate.location and kafka.ssl.key.location: the broker has "
    "ssl.client.auth=required",
    true,
};
static const struct kafka_trouble certificate_refused = {
    "the broker does not accept tickd's certificate",
    "the one in kafka.ssl.certificate.location must be valid and signed by a CA that is in the "
    "broker's ssl.truststore; the broker's log says why it was refused",
    true,
};
static const struct kafka_trouble handshake_refused = {
    "the broker breaks off the TLS handshake",
    "it may want a certificate of tickd (kafka.ssl.certificate.location, kafka.ssl.key.location), "
    "or other TLS versions or ciphers: see the broker's log",
    true,
};
static const struct kafka_trouble wrong_password = {
    "the broker refuses the user name or the password",
    "look at kafka.sasl.username and kafka.sasl.password, and at the user on the broker",
    true,
};
static const struct kafka_trouble wrong_password_or_library = {
    "the broker refuses the user name or the password",
    "look at kafka.sasl.username and kafka.sasl.password, and at the user on the broker; if they "
    "are right: brokers of Kafka 4 refuse the SCRAM of librdkafka before 2.6.1, and this one is "
    "older (tickd --version)",
    true,
};
static const struct kafka_trouble other_mechanism = {
    "the broker does not offer this SASL mechanism",
    "set kafka.sasl.mechanism to one that the broker supports, see error",
    true,
};
static const struct kafka_trouble no_group = {
    "the broker does not let tickd into the group",
    "grant the user Read on the group that option group names",
    true,
};

/* --- the wrong port, or protocol */

static const struct kafka_trouble no_sasl = {
    "the broker does not use SASL at this port",
    "take the port of a SASL listener in kafka.bootstrap.servers, or a kafka.security.protocol "
    "without sasl",
    true,
};
static const struct kafka_trouble no_tls = {
    "the broker does not speak TLS at this port",
    "take the port of a TLS listener in kafka.bootstrap.servers, or look at "
    "kafka.security.protocol",
    true,
};
static const struct kafka_trouble perhaps_no_tls = {
    "the broker ended the connection during the TLS handshake",
    "if this goes on: does the port in kafka.bootstrap.servers speak TLS? If not, take the one "
    "that "
    "does, or look at kafka.security.protocol",
    false,
};
static const struct kafka_trouble perhaps_tls = {
    "the broker ended the connection at the first request",
    "if this goes on: does the port in kafka.bootstrap.servers speak TLS? Then "
    "kafka.security.protocol must be ssl or sasl_ssl",
    false,
};
static const struct kafka_trouble perhaps_sasl = {
    "the broker ended the connection at the first request",
    "if this goes on: does the port in kafka.bootstrap.servers want a password? Then "
    "kafka.security.protocol must be sasl_ssl",
    false,
};

/*
 * In librdkafka's words, of 2.0 up to 2.16. The first that matches counts.
 *
 * Which alert a broker sends in want of a certificate depends on the TLS version and on its Java:
 * bad_certificate (42), certificate_required (116) or handshake_failure (40), which may mean other
 * things as well; 43 to 48 are about a certificate that it has got.
 */
static const struct {
    rd_kafka_resp_err_t err; /* NO_ERROR: whatever it is */
    const char *text;        /* a part of it */
    int before;              /* only in versions before this one; 0: in all */
    const struct kafka_trouble *trouble;
} of_words[] = {
    {RD_KAFKA_RESP_ERR_NO_ERROR, KAFKA_TROUBLE_NOT_VERIFIED, 0, &not_accepted},
    {RD_KAFKA_RESP_ERR_NO_ERROR, "SSL alert number 42", 0, &certificate_wanted},
    {RD_KAFKA_RESP_ERR_NO_ERROR, "SSL alert number 116", 0, &certificate_wanted},
    {RD_KAFKA_RESP_ERR_NO_ERROR, "SSL alert number 40", 0, &handshake_refused},
    {RD_KAFKA_RESP_ERR_NO_ERROR, "SSL alert number 4", 0, &certificate_refused},
    {RD_KAFKA_RESP_ERR_NO_ERROR, "wrong version number", 0, &no_tls},
    {RD_KAFKA_RESP_ERR_NO_ERROR, "unexpected eof while reading", 0, &perhaps_no_tls},
    {RD_KAFKA_RESP_ERR_NO_ERROR, "connecting to a PLAINTEXT broker listener?", 0, &perhaps_no_tls},
    {RD_KAFKA_RESP_ERR_NO_ERROR, "connecting to a SSL listener?", 0, &perhaps_tls},
    {RD_KAFKA_RESP_ERR_NO_ERROR, "might require SASL authentication", 0, &perhaps_sasl},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, "Unsupported SASL mechanism", 0, &other_mechanism},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, "not valid in current SASL state", 0, &no_sasl},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, "SCRAM", SCRAM_MENDED, &wrong_password_or_library},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, "", 0, &wrong_password},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, "", 0, &wrong_password},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "", 0, &no_group},
};

const struct kafka_trouble *kafka_trouble_find(rd_kafka_resp_err_t err, const char *text,
                                               int version)
{
    for (size_t i = 0; i < COUNT(of_words); i++) {
        bool same_error = of_words[i].err == RD_KAFKA_RESP_ERR_NO_ERROR || of_words[i].err == err;
        bool old_enough = of_words[i].before == 0 || version < of_words[i].before;
        if (same_error && old_enough && strstr(text, of_words[i].text))
            return of_words[i].trouble;
    }
    return NULL;
}

const struct kafka_trouble *kafka_trouble_of_certificate(int x509_error)
{
    for (size_t i = 0; i < COUNT(of_certificate); i++) {
        if (of_certificate[i].x509_error == x509_error)
            return of_certificate[i].trouble;
    }
    return &not_accepted;
}

const struct kafka_trouble *kafka_trouble_of_words(const char *text)
{
    for (size_t i = 0; i < COUNT(of_certificate); i++) {
        if (strstr(text, of_certificate[i].trouble->cause))
            return of_certificate[i].trouble;
    }
    return &not_accepted;
}

bool kafka_trouble_tells_why(const char *line, const char *complaint)
{
    char broker[128];
    snprintf(broker, sizeof broker, "]: %.*s", (int)strcspn(complaint, " "), complaint);
    char *name = strrchr(broker, '/'), *colon = strrchr(broker, ':');
    if (name && name[-1] != '/')
        name[1] = '\0';
    else if (colon)
        colon[0] = '\0';
    return strstr(complaint, KAFKA_TROUBLE_NOT_VERIFIED) && strstr(line, broker);
}
