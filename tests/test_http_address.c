/* SPDX-License-Identifier: MIT */
/* links: http_address.o err.o */
#include "http_address.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static struct http_address address;

static bool parse(const char *text)
{
    struct err e = {""};
    bool ok = http_address_parse(&address, text, &e);
    ck_assert_int_eq(ok, e.text[0] == '\0');
    return ok;
}

START_TEST(addresses_are_read)
{
    ck_assert(parse("127.0.0.1:9187"));
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address.address;
    ck_assert_int_eq(v4->sin_family, AF_INET);
    ck_assert_uint_eq(ntohs(v4->sin_port), 9187);
    ck_assert(address.loopback && !address.off);
    ck_assert(parse("[::1]:80"));
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address.address;
    ck_assert_int_eq(v6->sin6_family, AF_INET6);
    ck_assert_uint_eq(ntohs(v6->sin6_port), 80);
    ck_assert(address.loopback);
    ck_assert(parse("0.0.0.0:0"));
    ck_assert(!address.loopback);
    ck_assert(parse("[::]:65535"));
    ck_assert(!address.loopback);
}
END_TEST

START_TEST(socket_and_off_are_read)
{
    ck_assert(parse("unix:/run/tickd/http"));
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address.address;
    ck_assert_int_eq(un->sun_family, AF_UNIX);
    ck_assert_str_eq(un->sun_path, "/run/tickd/http");
    ck_assert(parse("off"));
    ck_assert(address.off);
}
END_TEST

START_TEST(what_is_no_address_is_refused)
{
    static const char *const bad[] = {
        "",          "9187",    "127.0.0.1",   "127.0.0.1:", "1.2.3:80",      "[::1]",
        "::1:80",    "[::1:80", "[::1]80",     "host:80",    "1.2.3.4:65536", "1.2.3.4:-1",
        "unix:http", "unix:",   "1.2.3.4: 80", "Off",        "[1.2.3.4",      "1.2.3.4:080000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!parse(bad[i]), "%s", bad[i]);
    char path[300] = "unix:/";
    memset(path + 6, 'x', 200);
    ck_assert(!parse(path));
}
END_TEST

START_TEST(on_loopback_only_names_of_this_machine_are_answered)
{
    static const char *const good[] = {"localhost",      "LOCALHOST:9187", "127.0.0.1",
                                       "127.0.0.1:9187", "[::1]:9187",     "[::1]",
                                       "192.0.2.1:1"};
    static const char *const bad[] = {"evil.example",
                                      "evil.example:9187",
                                      "localhost.evil.example",
                                      "127.0.0.1.evil.de",
                                      "",
                                      ":9187",
                                      "[",
                                      "]",
                                      "[]:80",
                                      "a:b:c"};
    ck_assert(parse("127.0.0.1:9187"));
    ck_assert(http_address_allows(&address, NULL));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(http_address_allows(&address, good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!http_address_allows(&address, bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(elsewhere_any_name_is_answered)
{
    ck_assert(parse("0.0.0.0:9187"));
    ck_assert(http_address_allows(&address, "tickd:9187"));
    ck_assert(parse("unix:/x"));
    ck_assert(http_address_allows(&address, "anything"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_address");
    TCase *tc = tcase_create("http_address");
    tcase_add_test(tc, addresses_are_read);
    tcase_add_test(tc, socket_and_off_are_read);
    tcase_add_test(tc, what_is_no_address_is_refused);
    tcase_add_test(tc, on_loopback_only_names_of_this_machine_are_answered);
    tcase_add_test(tc, elsewhere_any_name_is_answered);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
