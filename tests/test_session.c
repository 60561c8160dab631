/* SPDX-License-Identifier: MIT */
/* links: session.o */
#include "session.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char url[] = "postgresql://db/ticks";

static const struct config config = {
    .database_url = url,
    .connect_timeout_ms = 1,
    .statement_timeout_ms = 2,
    .lock_timeout_ms = 3,
    .retry_min_ms = 4,
    .retry_max_ms = 5,
    .schema_check = SCHEMA_STRICT,
    .require_hypertable = true,
    .ties = TIES_LAST,
};

START_TEST(connection_is_as_configured)
{
    struct pg_options o = session_pg_options(&config, "ingest", "tickd:group");
    ck_assert_str_eq(o.name, "ingest");
    ck_assert_ptr_eq(o.conninfo, url);
    ck_assert_str_eq(o.application, "tickd:group");
    ck_assert_uint_eq(o.connect_timeout_ms, 1);
    ck_assert_uint_eq(o.statement_timeout_ms, 2);
    ck_assert_uint_eq(o.lock_timeout_ms, 3);
    ck_assert_uint_eq(o.retry_min_ms, 4);
    ck_assert_uint_eq(o.retry_max_ms, 5);
}
END_TEST

/* By this name a stalled session of the group is found. */
START_TEST(writing_session_is_named_by_its_group)
{
    char name[SESSION_APPLICATION_MAX];
    session_application(name, "eu-1");
    ck_assert_str_eq(name, "tickd:eu-1");
}
END_TEST

START_TEST(schema_is_checked_as_configured)
{
    struct config other = config;
    struct schema_options o = session_schema_options(&config);
    ck_assert(o.strict && o.require_hypertable && o.merge_updates);
    other.schema_check = SCHEMA_NORMAL;
    ck_assert(!session_schema_options(&other).strict);
    other.require_hypertable = false;
    ck_assert(!session_schema_options(&other).require_hypertable);
    other.ties = TIES_FIRST; /* only ties = last writes over rows */
    ck_assert(!session_schema_options(&other).merge_updates);
    other.ties = TIES_SPREAD;
    ck_assert(!session_schema_options(&other).merge_updates);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("session");
    tcase_add_test(t, connection_is_as_configured);
    tcase_add_test(t, writing_session_is_named_by_its_group);
    tcase_add_test(t, schema_is_checked_as_configured);
    Suite *s = suite_create("session");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
