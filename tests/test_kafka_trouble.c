/* SPDX-License-Identifier: MIT */
/* links: kafka_trouble.o */
#include "kafka_trouble.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define TRANSPORT      RD_KAFKA_RESP_ERR__TRANSPORT
#define SSL            RD_KAFKA_RESP_ERR__SSL
#define AUTHENTICATION RD_KAFKA_RESP_ERR__AUTHENTICATION
#define VERSION(x)     ((int)((0x##x << 8) | 0xff))
#define OLD            VERSION(020002)
#define NEW            VERSION(021000)

/* As librdkafka 2.0.2 and 2.16.0 said them to Kafka 4.4. */
static const struct {
    rd_kafka_resp_err_t err;
    const char *text;
    int version;
    const char *cause; /* a part of it; NULL: not ours to explain */
    const char *hint;
    bool certain;
} cases[] = {
    {SSL,
     "ssl://127.0.0.1:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate "
     "verify failed: broker certificate could not be verified, verify that ssl.ca.location is "
     "correctly configured or root CA certificates are installed (install ca-certificates package) "
     "(after 422ms in state SSL_HANDSHAKE)",
     OLD, "certificate is not accepted", "kafka.ssl.ca.location", true},
    {TRANSPORT,
     "ssl://127.0.0.1:1/1: error:0A000086:SSL routines::certificate verify failed (after 5ms in "
     "state SSL_HANDSHAKE)",
     OLD, "certificate is not accepted", "kafka.ssl.ca.location", true},
    {TRANSPORT,
     "ssl://127.0.0.1:1/bootstrap: Receive failed: error:0A000412:SSL routines::sslv3 alert bad "
     "certificate: SSL alert number 42 (after 23ms in state APIVERSION_QUERY)",
     OLD, "wants a certificate", "kafka.ssl.key.location", true},
    {TRANSPORT,
     "ssl://127.0.0.1:1/bootstrap: Receive failed: error:0A000412:SSL routines::ssl/tls alert bad "
     "certificate: SSL alert number 42 (after 8ms in state APIVERSION_QUERY)",
     NEW, "wants a certificate", "kafka.ssl.key.location", true},
    {TRANSPORT,
     "ssl://127.0.0.1:1/bootstrap: Receive failed: error:0A00045C:SSL routines::tlsv13 alert "
     "certificate required: SSL alert number 116",
     NEW, "wants a certificate", "kafka.ssl.key.location", true},
    {TRANSPORT,
     "ssl://127.0.0.1:1/bootstrap: Receive failed: error:0A000416:SSL routines::sslv3 alert "
     "certificate unknown: SSL alert number 46 (after 12ms in state APIVERSION_QUERY)",
     OLD, "does not accept tickd's certificate", "kafka.ssl.certificate.location", true},
    {TRANSPORT, "Receive failed: tlsv1 alert unknown ca: SSL alert number 48", OLD,
     "does not accept tickd's certificate", "kafka.ssl.certificate.location", true},
    {SSL, "SSL handshake failed: sslv3 alert handshake failure: SSL alert number 40", OLD,
     "breaks off the TLS handshake", "ciphers", true},
    {SSL,
     "ssl://127.0.0.1:1/bootstrap: SSL handshake failed: error:0A000126:SSL routines::unexpected "
     "eof while reading (after 139ms in state SSL_HANDSHAKE)",
     OLD, "during the TLS handshake", "kafka.bootstrap.servers", false},
    {TRANSPORT,
     "ssl://127.0.0.1:1/bootstrap: SSL handshake failed: Disconnected: SSL connection closed by "
     "peer: connecting to a PLAINTEXT broker listener? (after 36ms in state SSL_HANDSHAKE)",
     NEW, "during the TLS handshake", "kafka.bootstrap.servers", false},
    {SSL, "SSL handshake failed: error:0A00010B:SSL routines::wrong version number", OLD,
     "does not speak TLS", "kafka.bootstrap.servers", true},
    {TRANSPORT,
     "127.0.0.1:1/bootstrap: Disconnected while requesting ApiVersion: might be caused by "
     "incorrect "
     "security.protocol configuration (connecting to a SSL listener?) or broker version is < 0.10 "
     "(see api.version.request) (after 71ms in state APIVERSION_QUERY)",
     OLD, "at the first request", "sasl_ssl", false},
    {TRANSPORT,
     "127.0.0.1:1/bootstrap: Disconnected: verify that security.protocol is correctly configured, "
     "broker might require SASL authentication (after 22ms in state UP)",
     OLD, "at the first request", "sasl_ssl", false},
    {AUTHENTICATION,
     "sasl_plaintext://127.0.0.1:1/bootstrap: SASL PLAIN mechanism handshake failed: Broker: "
     "Unsupported SASL mechanism: broker's supported mechanisms: SCRAM-SHA-256 (after 419ms in "
     "state AUTH_HANDSHAKE)",
     OLD, "does not offer this SASL mechanism", "kafka.sasl.mechanism", true},
    {AUTHENTICATION,
     "sasl_ssl://127.0.0.1:1/bootstrap: SASL SCRAM-SHA-256 mechanism handshake failed: Broker: "
     "Request not valid in current SASL state: broker's supported mechanisms:  (after 14ms in "
     "state AUTH_HANDSHAKE)",
     OLD, "does not use SASL", "without sasl", true},
    {AUTHENTICATION,
     "sasl_ssl://127.0.0.1:1/bootstrap: SASL authentication error: Authentication failed: Invalid "
     "username or password (after 388ms in state AUTH_REQ)",
     OLD, "refuses the user name or the password", "kafka.sasl.password", true},
    {AUTHENTICATION,
     "sasl_ssl://127.0.0.1:1/bootstrap: SASL authentication error: Authentication failed during "
     "authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256 (after 467ms in "
     "state AUTH_REQ)",
     OLD, "refuses the user name or the password", "librdkafka before 2.6.1", true},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "Broker: Group authorization failed", OLD,
     "into the group", "grant", true},
    {TRANSPORT, "127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused",
     OLD, NULL, NULL, false},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down", NEW, NULL, NULL, false},
};

START_TEST(complaint_is_explained)
{
    const struct kafka_trouble *t =
        kafka_trouble_find(cases[_i].err, cases[_i].text, cases[_i].version);
    if (!cases[_i].cause) {
        ck_assert_ptr_null(t);
        return;
    }
    ck_assert_msg(t != NULL, "not explained: %s", cases[_i].text);
    ck_assert_msg(strstr(t->cause, cases[_i].cause) != NULL, "%s: %s", t->cause, cases[_i].text);
    ck_assert_msg(strstr(t->hint, cases[_i].hint) != NULL, "%s: %s", t->hint, cases[_i].text);
    ck_assert_msg(t->certain == cases[_i].certain, "%s", cases[_i].text);
}
END_TEST

START_TEST(new_library_is_not_blamed_for_a_wrong_scram_password)
{
    const char *text = "Authentication failed ... with SASL mechanism SCRAM-SHA-512";
    int versions[] = {VERSION(020601), NEW};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        const struct kafka_trouble *t = kafka_trouble_find(AUTHENTICATION, text, versions[i]);
        ck_assert_ptr_null(strstr(t->hint, "librdkafka"));
    }
    ck_assert_ptr_nonnull(
        strstr(kafka_trouble_find(AUTHENTICATION, text, VERSION(020600))->hint, "librdkafka"));
}
END_TEST

START_TEST(reasons_against_a_certificate_are_told_apart)
{
    /* The numbers of OpenSSL. */
    static const struct {
        int number;
        const char *cause;
    } reasons[] = {{2, "CA"},
                   {18, "CA"},
                   {19, "CA"},
                   {20, "CA"},
                   {21, "CA"},
                   {10, "has expired"},
                   {9, "valid yet"},
                   {23, "revoked"},
                   {62, "another host"},
                   {64, "another host"},
                   {79, "not accepted"}};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        const struct kafka_trouble *t = kafka_trouble_of_certificate(reasons[i].number);
        ck_assert_msg(strstr(t->cause, reasons[i].cause) != NULL, "%d: %s", reasons[i].number,
                      t->cause);
        ck_assert_str_ne(t->hint, "");
    }
}
END_TEST

START_TEST(reason_is_found_in_the_line_that_tells_it)
{
    const struct kafka_trouble *expired = kafka_trouble_of_certificate(10);
    char line[512];
    snprintf(line, sizeof line,
             "[thrd:ssl://b:1/1]: ssl://b:1/1: Certificate (subject=/CN=b, issuer=/CN=ca) "
             "verification callback failed: %s",
             expired->cause);
    ck_assert_ptr_eq(kafka_trouble_of_words(line), expired);
    ck_assert_ptr_eq(kafka_trouble_of_words("no reason"), kafka_trouble_of_certificate(79));
}
END_TEST

START_TEST(line_about_the_same_broker_tells_why)
{
    static const struct {
        const char *name_there;
        const char *name_here;
        bool same;
    } brokers[] = {
        {"ssl://b:1/bootstrap", "ssl://b:1/bootstrap", true},
        {"ssl://b:1/bootstrap", "ssl://b:1/7", true},
        {"ssl://b:1/7", "ssl://b:1/bootstrap", true},
        {"ssl://b:10/7", "ssl://b:1/7", false},
        {"GroupCoordinator/7", "GroupCoordinator", true},
        {"GroupCoordinator", "GroupCoordinator", true},
        {"GroupCoordinator/7", "ssl://b:1/7", false},
        {"ssl://b:1/7", "GroupCoordinator", false},
    };
    for (size_t i = 0; i < sizeof brokers / sizeof *brokers; i++) {
        char line[256], complaint[256];
        snprintf(line, sizeof line,
                 "[thrd:%s]: %s: Certificate (subject=/CN=b, issuer=/CN=ca) verification callback "
                 "failed: the broker's certificate has expired",
                 brokers[i].name_there, brokers[i].name_there);
        snprintf(complaint, sizeof complaint, "%s: b:1: SSL handshake failed: ... %s",
                 brokers[i].name_here, KAFKA_TROUBLE_NOT_VERIFIED);
        ck_assert_msg(kafka_trouble_tells_why(line, complaint) == brokers[i].same, "%s, %s",
                      brokers[i].name_there, brokers[i].name_here);
        *strstr(complaint, KAFKA_TROUBLE_NOT_VERIFIED) = '\0';
        ck_assert(!kafka_trouble_tells_why(line, complaint));
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("kafka_trouble");
    tcase_add_loop_test(t, complaint_is_explained, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(t, new_library_is_not_blamed_for_a_wrong_scram_password);
    tcase_add_test(t, reasons_against_a_certificate_are_told_apart);
    tcase_add_test(t, reason_is_found_in_the_line_that_tells_it);
    tcase_add_test(t, line_about_the_same_broker_tells_why);
    Suite *s = suite_create("kafka_trouble");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
