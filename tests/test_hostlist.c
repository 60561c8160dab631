/* SPDX-License-Identifier: MIT */
/* links: hostlist.o err.o */
#include "hostlist.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct hostlist list;
static struct err e;

static void assert_joined(size_t first, enum hostlist_field field, const char *expected)
{
    char *text = hostlist_join(&list, first, field);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(lists_are_taken_apart_and_put_together)
{
    ck_assert(hostlist_parse(&list, "a,b,,/run/pg", NULL, "1,,3,4", &e));
    ck_assert_uint_eq(list.count, 4);
    ck_assert_str_eq(list.items[1].name, "b");
    ck_assert_str_eq(list.items[1].port, "");
    ck_assert_str_eq(list.items[2].name, "");
    assert_joined(0, HOSTLIST_NAME, "a,b,,/run/pg");
    assert_joined(0, HOSTLIST_ADDR, ",,,");
    assert_joined(0, HOSTLIST_PORT, "1,,3,4");
    hostlist_fini(&list);
}
END_TEST

START_TEST(one_port_is_for_all)
{
    ck_assert(hostlist_parse(&list, "a,b", NULL, "5433", &e));
    assert_joined(0, HOSTLIST_PORT, "5433,5433");
    hostlist_fini(&list);
}
END_TEST

START_TEST(nothing_is_one_empty_entry)
{
    ck_assert(hostlist_parse(&list, NULL, NULL, NULL, &e));
    ck_assert_uint_eq(list.count, 1);
    assert_joined(0, HOSTLIST_NAME, "");
    ck_assert(!hostlist_has_names(&list));
    hostlist_fini(&list);
}
END_TEST

START_TEST(joining_can_begin_anywhere)
{
    ck_assert(hostlist_parse(&list, "a,b,c", NULL, "1,2,3", &e));
    assert_joined(2, HOSTLIST_NAME, "c,a,b");
    assert_joined(7, HOSTLIST_PORT, "2,3,1");
    hostlist_fini(&list);
}
END_TEST

START_TEST(addresses_may_stand_without_names)
{
    ck_assert(hostlist_parse(&list, NULL, "10.0.0.1,10.0.0.2", NULL, &e));
    assert_joined(0, HOSTLIST_NAME, ",");
    assert_joined(0, HOSTLIST_ADDR, "10.0.0.1,10.0.0.2");
    ck_assert(!hostlist_has_names(&list));
    hostlist_fini(&list);
}
END_TEST

static const struct {
    const char *name, *addr;
    bool is_name;
} entries[] = {
    {"db", "", true},       {"db.example.org", "", true},   {"localhost", "", true},
    {"1.2.3", "", true},    {"127.0.0.1", "", false},       {"::1", "", false},
    {"fe80::1", "", false}, {"/run/postgresql", "", false}, {"@abstract", "", false},
    {"", "", false},        {"db", "10.0.0.1", false},
};

START_TEST(only_names_need_the_resolver)
{
    hostlist_init(&list);
    hostlist_add(&list, entries[_i].name, entries[_i].addr, "");
    ck_assert(host_is_name(&list.items[0]) == entries[_i].is_name);
    ck_assert(hostlist_has_names(&list) == entries[_i].is_name);
    hostlist_fini(&list);
}
END_TEST

static const struct {
    const char *names, *addrs, *ports, *error;
} refused[] = {
    {"a,b", "10.0.0.1", NULL, "2 host names for 1 host addresses"},
    {"a,b,c", NULL, "1,2", "2 ports for 3 hosts"},
    {"ret@db", NULL, "5432", "the host name contains '@'"},
    {"user", NULL, "sec", "the port is not a number"},
    {"a", NULL, "-1", "the port is not a number"},
};

START_TEST(bad_list_is_refused_without_being_quoted)
{
    ck_assert(!hostlist_parse(&list, refused[_i].names, refused[_i].addrs, refused[_i].ports, &e));
    ck_assert_ptr_nonnull(strstr(e.text, refused[_i].error));
    ck_assert_ptr_null(strstr(e.text, "ret"));
    ck_assert_ptr_null(strstr(e.text, "sec"));
    ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(length_is_bounded)
{
    char names[2 * (HOSTLIST_MAX + 1)];
    memset(names, ',', sizeof names);
    names[HOSTLIST_MAX - 1] = '\0'; /* one item more than commas */
    ck_assert(hostlist_parse(&list, names, NULL, NULL, &e));
    ck_assert(!hostlist_add(&list, "a", "", ""));
    hostlist_fini(&list);
    names[HOSTLIST_MAX - 1] = ',';
    names[HOSTLIST_MAX] = '\0';
    ck_assert(!hostlist_parse(&list, names, NULL, NULL, &e));
}
END_TEST

START_TEST(copy_is_independent)
{
    struct hostlist copy;
    ck_assert(hostlist_parse(&list, "a,b", "1.1.1.1,2.2.2.2", "7", &e));
    hostlist_copy(&copy, &list);
    hostlist_fini(&list);
    ck_assert_uint_eq(copy.count, 2);
    ck_assert_str_eq(copy.items[1].name, "b");
    ck_assert_str_eq(copy.items[1].addr, "2.2.2.2");
    ck_assert_str_eq(copy.items[1].port, "7");
    hostlist_fini(&copy);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("hostlist");
    tcase_add_test(t, lists_are_taken_apart_and_put_together);
    tcase_add_test(t, one_port_is_for_all);
    tcase_add_test(t, nothing_is_one_empty_entry);
    tcase_add_test(t, joining_can_begin_anywhere);
    tcase_add_test(t, addresses_may_stand_without_names);
    tcase_add_loop_test(t, only_names_need_the_resolver, 0,
                        (int)(sizeof entries / sizeof entries[0]));
    tcase_add_loop_test(t, bad_list_is_refused_without_being_quoted, 0,
                        (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(t, length_is_bounded);
    tcase_add_test(t, copy_is_independent);
    Suite *s = suite_create("hostlist");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
