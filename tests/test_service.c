/* SPDX-License-Identifier: MIT */
/* links: service.o session.o copy.o batch.o copyrow.o offsets.o sqlstate.o buf.o record.o reject.o commit.o dbstats.o lastprices.o quotes.o pairs.o schema.o schema_sql.o fkcheck.o skew.o clock.o err.o fake_pg.o stub_log.o */
#include "service.h"

#include "fake_pg.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct ev_loop *loop;
static struct pairs *pairs;
static struct service *service;
static struct pg *pg;

static void ignore(void *ctx)
{
    (void)ctx;
}

static void set_up(void)
{
    static char url[] = "", group[] = "group";
    struct config config = {.database_url = url,
                            .group = group,
                            .pairs_refresh_ms = 3600000,
                            .schema_check_interval_ms = 3600000};
    struct service_callbacks on = {.on_pairs = ignore};
    loop = ev_loop_new(0);
    pairs = pairs_new();
    service = service_new(loop, &config, pairs, &on);
    pg = fake_pg_made();
    service_start(service);
    fake_pg_up(pg);
}

static void tear_down(void)
{
    service_free(service);
    pairs_free(pairs);
    ev_loop_destroy(loop);
}

static bool last_is_listen(void)
{
    return strcmp(fake_pg_sql(pg, fake_pg_count(pg) - 1), "LISTEN tickd_pairs") == 0;
}

START_TEST(listen_comes_before_pairs)
{
    ck_assert(last_is_listen());
    fake_pg_ok(pg, "LISTEN");
    ck_assert_uint_eq(fake_pg_count(pg), 2);
    ck_assert(!last_is_listen());
}
END_TEST

START_TEST(refused_listen_pauses_and_holds_up_nothing)
{
    fake_pg_error(pg, "25006");
    ck_assert_uint_eq(fake_pg_count(pg), 2);
    ck_assert(!last_is_listen()); /* pairs */
    fake_pg_error(pg, "42501");
    ck_assert_uint_eq(fake_pg_count(pg), 2);
    while (fake_pg_count(pg) == 2) /* until the timer has fired */
        ev_run(loop, EVRUN_ONCE);
    ck_assert_uint_eq(fake_pg_count(pg), 3);
    ck_assert(last_is_listen());
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("service");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 30);
    tcase_add_test(t, listen_comes_before_pairs);
    tcase_add_test(t, refused_listen_pauses_and_holds_up_nothing);
    Suite *s = suite_create("service");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
