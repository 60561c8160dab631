/* SPDX-License-Identifier: MIT */
/* links: resolve.o hostlist.o err.o fakedns.o */
#include "resolve.h"

#include "fakedns.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct ev_loop *loop;
static struct hostlist wanted;

struct answer {
    int calls;
    char names[256], addrs[256], ports[256];
    struct err error;
};

static void setup(void)
{
    loop = ev_loop_new(EVFLAG_AUTO);
    hostlist_init(&wanted);
    fakedns_reset();
}

static void teardown(void)
{
    fakedns_end_threads(); /* or valgrind counts what belongs to them as lost */
    hostlist_fini(&wanted);
    ev_loop_destroy(loop);
}

static void take_field(char *to, const struct hostlist *l, enum hostlist_field field)
{
    char *text = hostlist_join(l, 0, field);
    strcpy(to, text);
    free(text);
}

static void on_answer(void *ctx, const struct hostlist *found, const char *error)
{
    struct answer *a = ctx;
    a->calls++;
    take_field(a->names, found, HOSTLIST_NAME);
    take_field(a->addrs, found, HOSTLIST_ADDR);
    take_field(a->ports, found, HOSTLIST_PORT);
    err_set(&a->error, "%s", error);
}

static void start(struct answer *a, const char *names, const char *ports)
{
    struct err e;
    ck_assert(hostlist_parse(&wanted, names, NULL, ports, &e));
    *a = (struct answer){0};
    resolve_start(loop, &wanted, on_answer, a);
    hostlist_fini(&wanted); /* it was copied */
    ck_assert_int_eq(a->calls, 0);
}

/* The loop ends by itself when nothing is waited for any more. */
static struct answer ask(const char *names, const char *ports)
{
    struct answer a;
    start(&a, names, ports);
    ev_run(loop, 0);
    ck_assert_int_eq(a.calls, 1);
    return a;
}

START_TEST(name_becomes_one_entry_for_each_address)
{
    struct answer a = ask("one.test,two.test", "5432,5433");
    ck_assert_str_eq(a.names, "one.test,two.test,two.test");
    ck_assert_str_eq(a.addrs, "127.0.0.1,127.0.0.1,127.0.0.2");
    ck_assert_str_eq(a.ports, "5432,5433,5433");
    ck_assert_str_eq(a.error.text, "");
}
END_TEST

START_TEST(addresses_and_paths_are_not_looked_up)
{
    struct answer a = ask("::1,/run/pg.test,10.1.2.3,", "1,2,3,4");
    ck_assert_str_eq(a.names, "::1,/run/pg.test,10.1.2.3,");
    ck_assert_str_eq(a.addrs, ",,,");
    ck_assert_str_eq(a.ports, "1,2,3,4");
    ck_assert_int_eq(fakedns_lookups(), 0);
}
END_TEST

START_TEST(unknown_name_is_left_out_and_named)
{
    struct answer a = ask("no.test,one.test", "1,2");
    ck_assert_str_eq(a.names, "one.test");
    ck_assert_str_eq(a.ports, "2");
    ck_assert_ptr_nonnull(strstr(a.error.text, "cannot look up host \"no.test\": "));
}
END_TEST

START_TEST(all_unknown_names_are_named)
{
    struct answer a = ask("no.test,nor.test", NULL);
    ck_assert_str_eq(a.names, "");
    ck_assert_ptr_nonnull(strstr(a.error.text, "\"no.test\""));
    ck_assert_ptr_nonnull(strstr(a.error.text, "; cannot look up host \"nor.test\""));
}
END_TEST

START_TEST(real_resolver_knows_localhost)
{
    struct answer a = ask("localhost", NULL);
    ck_assert_msg(strstr(a.addrs, "127.0.0.1") || strstr(a.addrs, "::1"), "%s", a.error.text);
}
END_TEST

static void wait_for_waiting(int n)
{
    while (fakedns_waiting() != n)
        usleep(1000);
}

static void on_tick(struct ev_loop *l, struct ev_timer *w, int revents)
{
    (void)revents;
    ++*(int *)w->data;
    ev_timer_stop(l, w);
}

START_TEST(loop_goes_on_while_the_resolver_hangs)
{
    struct answer a;
    int ticks = 0;
    struct ev_timer timer;
    start(&a, "slow.test", NULL);
    wait_for_waiting(1);
    ev_timer_init(&timer, on_tick, 0., 0.);
    timer.data = &ticks;
    ev_timer_start(loop, &timer);
    while (!ticks)
        ev_run(loop, EVRUN_ONCE);
    ck_assert_int_eq(a.calls, 0);
    fakedns_release();
    ev_run(loop, 0);
    ck_assert_int_eq(a.calls, 1);
    ck_assert_str_eq(a.addrs, "127.0.0.1");
}
END_TEST

static struct resolve *start_slow(struct answer *a)
{
    struct err e;
    ck_assert(hostlist_parse(&wanted, "slow.test", NULL, NULL, &e));
    *a = (struct answer){0};
    struct resolve *r = resolve_start(loop, &wanted, on_answer, a);
    hostlist_fini(&wanted);
    return r;
}

START_TEST(cancelled_lookup_holds_up_nothing_and_never_answers)
{
    struct answer a;
    struct resolve *r = start_slow(&a);
    wait_for_waiting(1);
    resolve_cancel(r);
    ev_run(loop, 0); /* nothing is left to wait for, although the thread still hangs */
    ck_assert_int_eq(fakedns_waiting(), 1);
    ev_loop_destroy(loop); /* the late answer must not touch it */
    fakedns_release();
    wait_for_waiting(0);
    loop = ev_loop_new(EVFLAG_AUTO);
    ck_assert_int_eq(a.calls, 0);
}
END_TEST

static struct resolve *pair[2];
static int pair_calls;

static void on_first_of_pair(void *ctx, const struct hostlist *found, const char *error)
{
    (void)found;
    (void)error;
    pair_calls++;
    resolve_cancel(pair[!*(int *)ctx]);
}

START_TEST(answer_that_has_come_can_still_be_cancelled)
{
    static int indexes[2] = {0, 1};
    struct err e;
    ck_assert(hostlist_parse(&wanted, "slow.test", NULL, NULL, &e));
    for (int i = 0; i < 2; i++)
        pair[i] = resolve_start(loop, &wanted, on_first_of_pair, &indexes[i]);
    wait_for_waiting(2);
    fakedns_release();
    wait_for_waiting(0);
    ev_run(loop, 0);
    ck_assert_int_eq(pair_calls, 1);
}
END_TEST

START_TEST(number_of_hanging_lookups_is_bounded)
{
    struct answer a[RESOLVE_THREADS_MAX], refused;
    struct resolve *r[RESOLVE_THREADS_MAX];
    for (int i = 0; i < RESOLVE_THREADS_MAX; i++)
        r[i] = start_slow(&a[i]);
    wait_for_waiting(RESOLVE_THREADS_MAX);
    for (int i = 0; i < RESOLVE_THREADS_MAX; i++)
        resolve_cancel(r[i]);
    refused = ask("one.test", NULL);
    ck_assert_str_eq(refused.names, "");
    ck_assert_ptr_nonnull(strstr(refused.error.text, "unanswered"));
    fakedns_release();
    wait_for_waiting(0);
    do /* the threads are about to end */
        refused = ask("one.test", NULL);
    while (!*refused.names);
    ck_assert_str_eq(refused.addrs, "127.0.0.1");
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("resolve");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, name_becomes_one_entry_for_each_address);
    tcase_add_test(t, addresses_and_paths_are_not_looked_up);
    tcase_add_test(t, unknown_name_is_left_out_and_named);
    tcase_add_test(t, all_unknown_names_are_named);
    tcase_add_test(t, real_resolver_knows_localhost);
    tcase_add_test(t, loop_goes_on_while_the_resolver_hangs);
    tcase_add_test(t, cancelled_lookup_holds_up_nothing_and_never_answers);
    tcase_add_test(t, answer_that_has_come_can_still_be_cancelled);
    tcase_add_test(t, number_of_hanging_lookups_is_bounded);
    Suite *s = suite_create("resolve");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
