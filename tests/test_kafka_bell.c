/* SPDX-License-Identifier: MIT */
/* links: kafka_bell.o err.o */
#include "kafka_bell.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LONG_NS 200000000

static struct kafka_bell bell;
static bool no_timers;

/* The linker puts the second in place of the C library's (unit.mk). */
int __real_timerfd_create(clockid_t clock, int flags);
int __wrap_timerfd_create(clockid_t clock, int flags);

int __wrap_timerfd_create(clockid_t clock, int flags)
{
    if (!no_timers)
        return __real_timerfd_create(clock, flags);
    errno = ENOSYS;
    return -1;
}

static void make(int64_t delay_ns)
{
    struct err e;
    ck_assert_msg(kafka_bell_init(&bell, delay_ns, &e), "%s", e.text);
}

/* Rings at once, rings after a nanosecond, has no timer to ring with. */
static void make_kind(int kind)
{
    no_timers = kind == 2;
    make(kind == 1);
}

static void tear_down(void)
{
    kafka_bell_fini(&bell);
}

static void pull(void)
{
    kafka_bell_pull(NULL, &bell);
}

/* Whether it rings within so many milliseconds. */
static bool rings(int within_ms)
{
    struct pollfd p = {.fd = bell.fd, .events = POLLIN};
    return poll(&p, 1, within_ms) == 1;
}

START_TEST(nobody_has_pulled_a_new_one)
{
    make_kind(_i);
    ck_assert(!rings(0));
}
END_TEST

START_TEST(it_rings_until_it_is_heard)
{
    make_kind(_i);
    for (int i = 0; i < 3; i++) {
        pull();
        pull();
        ck_assert(rings(-1));
        ck_assert(rings(0));
        kafka_bell_heard(&bell);
        ck_assert(!rings(0));
    }
}
END_TEST

START_TEST(pulling_again_does_not_put_it_off)
{
    make(LONG_NS);
    pull();
    while (!rings(10))
        pull();
    kafka_bell_heard(&bell);
    ck_assert(!rings(0));
}
END_TEST

START_TEST(who_listens_too_early_has_not_heard_it)
{
    make(LONG_NS);
    pull();
    kafka_bell_heard(&bell);
    pull();
    ck_assert(rings(-1));
    kafka_bell_heard(&bell);
    ck_assert(!rings(0));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("bell");
    tcase_add_checked_fixture(t, NULL, tear_down);
    tcase_add_loop_test(t, nobody_has_pulled_a_new_one, 0, 3);
    tcase_add_loop_test(t, it_rings_until_it_is_heard, 0, 3);
    tcase_add_test(t, pulling_again_does_not_put_it_off);
    tcase_add_test(t, who_listens_too_early_has_not_heard_it);
    Suite *s = suite_create("kafka bell");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
