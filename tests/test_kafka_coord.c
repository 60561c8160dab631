/* SPDX-License-Identifier: MIT */
/* links: kafka_coord.o */
#include "kafka_coord.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char refused[] =
    "GroupCoordinator: 127.0.0.1:24864: Connect to ipv4#127.0.0.1:24864 failed: Connection refused "
    "(after 0ms in state CONNECT, 16 identical error(s) suppressed)";

static void see(struct kafka_coord *c, const char *brokers, int times)
{
    while (times-- > 0)
        kafka_coord_see(c, brokers);
}

START_TEST(address_that_no_broker_has_is_gone)
{
    struct kafka_coord c = {0};
    kafka_coord_note(&c, refused);
    ck_assert_str_eq(c.address, "127.0.0.1:24864");
    see(&c, " 127.0.0.1:18127 127.0.0.1:248640 1127.0.0.1:24864 ", 4);
    ck_assert(!kafka_coord_is_gone(&c));
    see(&c, " 127.0.0.1:18127 ", 1);
    ck_assert(kafka_coord_is_gone(&c));
}
END_TEST

START_TEST(address_that_a_broker_has_is_not_gone)
{
    struct kafka_coord c = {0};
    kafka_coord_note(&c, refused);
    see(&c, " b:9092 ", 4);
    see(&c, " a:9092 127.0.0.1:24864 ", 1);
    see(&c, " b:9092 ", 4);
    ck_assert(!kafka_coord_is_gone(&c));
}
END_TEST

START_TEST(another_address_begins_anew)
{
    struct kafka_coord c = {0};
    kafka_coord_note(&c, refused);
    see(&c, " b:9092 ", 4);
    kafka_coord_note(&c, "GroupCoordinator: [::1]:9092/3: Disconnected (after 3ms in state UP)");
    ck_assert_str_eq(c.address, "[::1]:9092");
    see(&c, " b:9092 ", 4);
    ck_assert(!kafka_coord_is_gone(&c));
}
END_TEST

START_TEST(same_address_goes_on_counting)
{
    struct kafka_coord c = {0};
    kafka_coord_note(&c, refused);
    see(&c, " b:9092 ", 4);
    kafka_coord_note(&c, refused);
    see(&c, " b:9092 ", 1);
    ck_assert(kafka_coord_is_gone(&c));
}
END_TEST

START_TEST(what_is_found_is_not_suspect)
{
    struct kafka_coord c = {0};
    see(&c, " b:9092 ", 9);
    ck_assert(!kafka_coord_is_suspect(&c) && !kafka_coord_is_gone(&c));
    kafka_coord_note(&c, refused);
    ck_assert(kafka_coord_is_suspect(&c));
    kafka_coord_forget(&c);
    see(&c, " b:9092 ", 9);
    ck_assert(!kafka_coord_is_suspect(&c) && !kafka_coord_is_gone(&c));
}
END_TEST

START_TEST(trouble_with_others_is_passed_over)
{
    static const char *const others[] = {
        "127.0.0.1:24864/bootstrap: Connect to ipv4#127.0.0.1:24864 failed: Connection refused",
        "127.0.0.1:24864/1: Disconnected (after 1ms in state UP)",
        "GroupCoordinator: Disconnected while requesting ApiVersion: might be caused by ...",
        "GroupCoordinator: ",
        "GroupCoordinator",
        "",
    };
    struct kafka_coord c = {0};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        kafka_coord_note(&c, others[i]);
    ck_assert(!kafka_coord_is_suspect(&c));
}
END_TEST

START_TEST(address_too_long_is_passed_over)
{
    char text[600] = "GroupCoordinator: ";
    memset(text + strlen(text), 'h', 400);
    strcat(text, ":9092: Disconnected");
    struct kafka_coord c = {0};
    kafka_coord_note(&c, text);
    ck_assert(!kafka_coord_is_suspect(&c));
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("kafka_coord");
    tcase_add_test(tc, address_that_no_broker_has_is_gone);
    tcase_add_test(tc, address_that_a_broker_has_is_not_gone);
    tcase_add_test(tc, another_address_begins_anew);
    tcase_add_test(tc, same_address_goes_on_counting);
    tcase_add_test(tc, what_is_found_is_not_suspect);
    tcase_add_test(tc, trouble_with_others_is_passed_over);
    tcase_add_test(tc, address_too_long_is_passed_over);
    Suite *suite = suite_create("kafka_coord");
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
