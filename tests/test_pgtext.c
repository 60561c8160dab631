/* SPDX-License-Identifier: MIT */
/* links: pgtext.o */
#include "pgtext.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text;
    const char *flat;
    const char *code;
} texts[] = {
    {"", "", ""},
    {"\n \t\n", "", ""},
    {"plain", "plain", ""},
    {"connection to server at \"db\", port 5432 failed: Connection refused\n"
     "\tIs the server running on that host?\n",
     "connection to server at \"db\", port 5432 failed: Connection refused "
     "Is the server running on that host?",
     ""},
    {"connection to server failed: FATAL:  28P01: password authentication failed\n"
     "LOCATION:  auth_failed, auth.c:335\n",
     "connection to server failed: FATAL:  28P01: password authentication failed", "28P01"},
    {"FATAL:  no code\n", "FATAL:  no code", ""},
    {"FATAL:  28p01: lower case", "FATAL:  28p01: lower case", ""},
    {"FATAL:  28P0: short", "FATAL:  28P0: short", ""},
    {"FATAL:  28P011: long", "FATAL:  28P011: long", ""},
    {"FATAL:  57P03: first\nFATAL:  3D000: last\n", "FATAL:  57P03: first FATAL:  3D000: last",
     "3D000"},
};

START_TEST(message_becomes_one_line)
{
    char out[512];
    pgtext_flatten(out, sizeof out, texts[_i].text);
    ck_assert_str_eq(out, texts[_i].flat);
}
END_TEST

START_TEST(code_is_found_in_the_message)
{
    char code[6];
    pgtext_sqlstate(code, texts[_i].text);
    ck_assert_str_eq(code, texts[_i].code);
}
END_TEST

START_TEST(line_is_cut_to_fit)
{
    static const char text[] = "abc\ndef\nghi";
    for (size_t size = 1; size <= sizeof text; size++) {
        char out[16];
        memset(out, '#', sizeof out);
        pgtext_flatten(out, size, text);
        ck_assert_uint_eq(strlen(out), size - 1);
        ck_assert_int_eq(strncmp(out, "abc def ghi", size - 1), 0);
        ck_assert_int_eq(out[size], '#');
    }
}
END_TEST

START_TEST(result_without_fields_gives_its_message)
{
    char out[64];
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_FATAL_ERROR);
    pgtext_describe(out, sizeof out, result);
    ck_assert_str_eq(out, PQresultErrorMessage(result));
    PQclear(result);
}
END_TEST

static const struct {
    const char *sqlstate;
    const char *text;
    const char *hint; /* a part of it, NULL: none */
} hints[] = {
    {"", "connection to server at \"db\", port 5432 failed: SSL error: certificate verify failed",
     "sslrootcert"},
    {"",
     "connection to server at \"db\", port 5432 failed: server certificate for \"a\" (and 1 other "
     "name) does not match host name \"db\"",
     "subjectAltName"},
    {"",
     "connection to server at \"db\", port 5432 failed: server does not support SSL, but SSL was "
     "required",
     "ssl = on"},
    {"", "root certificate file \"/x\" does not exist", "sslrootcert"},
    {"", "SSL error: tlsv1 alert unknown ca", "ssl_ca_file"},
    {"", "fe_sendauth: no password supplied", "passfile="},
    {"28P01", "FATAL:  28P01: Passwort-Authentifizierung fehlgeschlagen", "the role"},
    {"", "FATAL:  password authentication failed for user \"tickd\"", "the role"},
    {"28000", "FATAL:  28000: no pg_hba.conf entry for host \"h\", no encryption", "hostssl"},
    {"3D000", "FATAL:  3D000: database \"d\" does not exist", "create the database"},
    {"", "connection to server at \"db\", port 5432 failed: Connection refused", NULL},
    {"57P03", "FATAL:  57P03: the database system is starting up", NULL},
};

START_TEST(what_somebody_has_to_mend_has_a_hint)
{
    const char *hint = pgtext_hint(hints[_i].sqlstate, hints[_i].text);
    if (hints[_i].hint)
        ck_assert_msg(hint && strstr(hint, hints[_i].hint), "%s: %s", hints[_i].text, hint);
    else
        ck_assert_ptr_null(hint);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("pgtext");
    int count = (int)(sizeof texts / sizeof texts[0]);
    tcase_add_loop_test(t, message_becomes_one_line, 0, count);
    tcase_add_loop_test(t, code_is_found_in_the_message, 0, count);
    tcase_add_test(t, line_is_cut_to_fit);
    tcase_add_test(t, result_without_fields_gives_its_message);
    tcase_add_loop_test(t, what_somebody_has_to_mend_has_a_hint, 0,
                        (int)(sizeof hints / sizeof hints[0]));
    Suite *s = suite_create("pgtext");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
