/* SPDX-License-Identifier: MIT */
/* links: conninfo.o hostlist.o err.o */
#include "conninfo.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct conninfo_session session = {
    .application = "tickd:test", .statement_timeout_ms = 30000, .lock_timeout_ms = 5000};

static struct conninfo *info;
static struct conninfo_params params;
static struct err e;

static void setup(void)
{
    static const char *const names[] = {"PGHOST",    "PGHOSTADDR",           "PGPORT",
                                        "PGOPTIONS", "PGTARGETSESSIONATTRS", "PGGSSENCMODE",
                                        "PGPASSWORD"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
}

static void teardown(void)
{
    conninfo_params_fini(&params);
    conninfo_free(info);
    info = NULL;
}

/* Parameters for the hosts of `text` themselves. */
static void parse(const char *text)
{
    struct hostlist hosts;
    info = conninfo_new(text, &e);
    ck_assert_msg(info, "%s", e.text);
    conninfo_hosts(info, &hosts);
    conninfo_params_init(&params, info, &hosts, 0, &session);
    hostlist_fini(&hosts);
}

static const char *get(const char *keyword)
{
    for (size_t i = 0; i < params.count; i++)
        if (!strcmp(params.keywords[i], keyword))
            return params.values[i];
    return NULL;
}

START_TEST(url_and_key_value_mean_the_same)
{
    static const char *const texts[] = {
        "postgresql://u:s%40cret@a:1,b:2/d?sslmode=require",
        "host=a,b port=1,2 user=u password=s@cret dbname=d sslmode=require",
    };
    parse(texts[_i]);
    ck_assert_str_eq(get("host"), "a,b");
    ck_assert_str_eq(get("port"), "1,2");
    ck_assert_str_eq(get("user"), "u");
    ck_assert_str_eq(get("password"), "s@cret");
    ck_assert_str_eq(get("dbname"), "d");
    ck_assert_str_eq(get("sslmode"), "require");
}
END_TEST

START_TEST(session_is_set_up_by_the_connection_itself)
{
    parse("host=a");
    ck_assert_str_eq(get("application_name"), "tickd:test");
    ck_assert_str_eq(get("client_encoding"), "UTF8");
    const char *options = get("options");
    ck_assert_ptr_nonnull(strstr(options, "-c statement_timeout=30000 "));
    ck_assert_ptr_nonnull(strstr(options, "-c lock_timeout=5000 "));
    ck_assert_ptr_nonnull(strstr(options, "-c idle_in_transaction_session_timeout="));
    ck_assert_ptr_nonnull(strstr(options, "-c client_min_messages=warning"));
    ck_assert_ptr_nonnull(strstr(options, "-c TimeZone=UTC"));
    ck_assert_ptr_nonnull(strstr(options, "-c standard_conforming_strings=on"));
}
END_TEST

START_TEST(options_of_the_user_are_kept_between_what_yields_and_what_does_not)
{
    parse("host=a options='-c lock_timeout=7 -c TimeZone=CET'");
    const char *user = strstr(get("options"), "-c lock_timeout=7 -c TimeZone=CET");
    ck_assert_ptr_nonnull(user);
    ck_assert(strstr(get("options"), "-c lock_timeout=5000") < user);
    ck_assert(strstr(get("options"), "-c TimeZone=UTC") > user);
}
END_TEST

START_TEST(defaults_yield_to_the_string_and_to_the_environment)
{
    parse("host=a");
    ck_assert_str_eq(get("target_session_attrs"), "read-write");
    ck_assert_str_eq(get("gssencmode"), "disable");
    ck_assert_str_eq(get("keepalives_idle"), "10");
    ck_assert_ptr_null(get("tcp_user_timeout"));
    teardown();
    setenv("PGTARGETSESSIONATTRS", "primary", 1);
    parse("host=a gssencmode=prefer keepalives_idle=60 tcp_user_timeout=1");
    ck_assert_ptr_null(get("target_session_attrs")); /* libpq looks there itself */
    ck_assert_str_eq(get("gssencmode"), "prefer");
    ck_assert_str_eq(get("keepalives_idle"), "60");
    ck_assert_str_eq(get("tcp_user_timeout"), "1");
}
END_TEST

START_TEST(environment_names_hosts_and_options_too)
{
    setenv("PGHOST", "x,y", 1);
    setenv("PGPORT", "6000", 1);
    setenv("PGOPTIONS", "-c work_mem=1MB", 1);
    parse("dbname=d");
    ck_assert_str_eq(get("host"), "x,y");
    ck_assert_str_eq(get("port"), "6000,6000");
    ck_assert_ptr_nonnull(strstr(get("options"), "-c work_mem=1MB"));
}
END_TEST

START_TEST(no_host_is_left_to_libpq)
{
    parse("dbname=d");
    ck_assert_str_eq(get("host"), "");
    ck_assert_str_eq(get("hostaddr"), "");
    ck_assert_str_eq(get("port"), "");
}
END_TEST

START_TEST(hosts_that_were_looked_up_replace_those_of_the_string)
{
    struct hostlist hosts;
    info = conninfo_new("postgresql://u@db:5433/d", &e);
    conninfo_hosts(info, &hosts);
    ck_assert_uint_eq(hosts.count, 1);
    ck_assert(hostlist_has_names(&hosts));
    hostlist_fini(&hosts);
    hostlist_add(&hosts, "db", "10.0.0.1", "5433");
    hostlist_add(&hosts, "db", "10.0.0.2", "5433");
    conninfo_params_init(&params, info, &hosts, 1, &session);
    hostlist_fini(&hosts);
    ck_assert_str_eq(get("host"), "db,db");
    ck_assert_str_eq(get("hostaddr"), "10.0.0.2,10.0.0.1");
    ck_assert_str_eq(get("port"), "5433,5433");
}
END_TEST

START_TEST(lists_end_with_null)
{
    parse("host=a");
    ck_assert_ptr_null(params.keywords[params.count]);
    ck_assert_ptr_null(params.values[params.count]);
}
END_TEST

static const char *const broken[] = {
    "s3cret",
    "password=s3cret nonsense",
    "host='a password=s3cret",
    "postgresql://user:s3cret",
    "postgresql://user:s3cret/x@db/d",
    "postgresql://user:my@s3cret@db/d",
    "postgresql://user@db/d?s3cret=1",
    "postgresql://user:s3cret@[::1/d",
};

START_TEST(broken_string_is_refused_without_being_quoted)
{
    ck_assert_ptr_null(conninfo_new(broken[_i], &e));
    ck_assert_str_ne(e.text, "");
    ck_assert_ptr_null(strstr(e.text, "s3cret"));
}
END_TEST

START_TEST(passwords_are_masked_wherever_they_stand)
{
    char text[] = "a hunter22 b hunter22hunter22";
    parse("host=a password=hunter22");
    conninfo_mask(info, text);
    ck_assert_str_eq(text, "a ******** b ****************");
}
END_TEST

START_TEST(password_of_the_environment_is_masked_too)
{
    char text[] = "no hunter22";
    setenv("PGPASSWORD", "hunter22", 1);
    parse("host=a");
    conninfo_mask(info, text);
    ck_assert_str_eq(text, "no ********");
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("conninfo");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, url_and_key_value_mean_the_same, 0, 2);
    tcase_add_test(t, session_is_set_up_by_the_connection_itself);
    tcase_add_test(t, options_of_the_user_are_kept_between_what_yields_and_what_does_not);
    tcase_add_test(t, defaults_yield_to_the_string_and_to_the_environment);
    tcase_add_test(t, environment_names_hosts_and_options_too);
    tcase_add_test(t, no_host_is_left_to_libpq);
    tcase_add_test(t, hosts_that_were_looked_up_replace_those_of_the_string);
    tcase_add_test(t, lists_end_with_null);
    tcase_add_loop_test(t, broken_string_is_refused_without_being_quoted, 0,
                        (int)(sizeof broken / sizeof broken[0]));
    tcase_add_test(t, passwords_are_masked_wherever_they_stand);
    tcase_add_test(t, password_of_the_environment_is_masked_too);
    Suite *s = suite_create("conninfo");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
