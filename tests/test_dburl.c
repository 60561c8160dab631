/* SPDX-License-Identifier: MIT */
/* links: dburl.o err.o */
#include "dburl.h"

#include <check.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct err e;

/* What a test has to free at its end. */
static char *mended_value;
static PQconninfoOption *parsed;

static void clean_up(void)
{
    free(mended_value);
    PQconninfoFree(parsed);
}

/* The mended value, or NULL; `e` says why. Valid until the next call. */
static const char *mend(const char *url)
{
    free(mended_value);
    mended_value = err_strdup(url);
    return dburl_mend(&mended_value, &e) ? mended_value : NULL;
}

/* What libpq reads for `keyword` in a mended value. Valid until the next call. */
static const char *part(const char *url, const char *keyword)
{
    PQconninfoFree(parsed);
    parsed = PQconninfoParse(url, NULL);
    for (const PQconninfoOption *o = parsed; o && o->keyword; o++) {
        if (strcmp(o->keyword, keyword) == 0)
            return o->val;
    }
    return NULL;
}

static const struct {
    const char *url;
    const char *mended;
} spellings[] = {
    {"", ""},
    {"host=db dbname=x password=p", "host=db dbname=x password=p"},
    {"postgresql://u:p@h:5433/d", "postgresql://u:p@h:5433/d"},
    {"host=a,b,c port=5432,,65535", "host=a,b,c port=5432,,65535"},
    {"postgres://u:p@h/d", "postgresql://u:p@h/d"},
    {"postgresql+asyncpg://u:p@h/d", "postgresql://u:p@h/d"},
    {"postgres+psycopg2://u:p@h/d", "postgresql://u:p@h/d"},
    {"POSTGRESQL+asyncpg://u@h/d", "postgresql://u@h/d"},
    {"postgresql+asyncpg:///d?host=/run/pg", "postgresql:///d?host=/run/pg"},
    {"postgresql+asyncpg://h", "postgresql://h"},
    {"postgresql+asyncpg://[::1]:5432/d", "postgresql://[::1]:5432/d"},
    {"postgresql+asyncpg://u:p@h/d?ssl=require", "postgresql://u:p@h/d?sslmode=require"},
    {"postgresql+asyncpg://h/d?ssl=true", "postgresql://h/d?sslmode=require"},
    {"postgresql+asyncpg://h/d?ssl=False", "postgresql://h/d?sslmode=disable"},
    {"postgresql://h/d?ssl=verify-full", "postgresql://h/d?sslmode=verify-full"},
    {"postgresql+asyncpg://h/d?prepared_statement_cache_size=0&command_timeout=60",
     "postgresql://h/d"},
    {"postgresql+asyncpg://h/d?statement_cache_size=0&application_name=x&async_fallback=true",
     "postgresql://h/d?application_name=x"},
};

START_TEST(spelling_becomes_libpq)
{
    const char *mended = mend(spellings[_i].url);
    ck_assert_msg(mended != NULL, "%s: %s", spellings[_i].url, e.text);
    ck_assert_str_eq(mended, spellings[_i].mended);
}
END_TEST

/* Passwords as SQLAlchemy reads them: up to the '@', percent-decoded where that is possible. */
static const struct {
    const char *userinfo;
    const char *user;
    const char *password;
} userinfos[] = {
    {"u:p", "u", "p"},
    {"u:pa/ss", "u", "pa/ss"},
    {"u:what?#", "u", "what?#"},
    {"u:a:b", "u", "a:b"},
    {"u:p%40ss", "u", "p@ss"},
    {"u:100%sure", "u", "100%sure"},
    {"u:50%", "u", "50%"},
    {"u:a b&c=d;#e", "u", "a b&c=d;#e"},
    {"me@home:p", "me@home", "p"},
    {"me@home", "me@home", NULL},
    {"u:\xC3\xA4", "u", "\xC3\xA4"},
};

START_TEST(password_of_sqlalchemy_is_read_alike)
{
    char url[200];
    snprintf(url, sizeof url, "postgresql+asyncpg://%s@db:5432/nex?ssl=prefer",
             userinfos[_i].userinfo);
    const char *mended = mend(url);
    ck_assert_msg(mended != NULL, "%s: %s", url, e.text);
    ck_assert_str_eq(part(mended, "user"), userinfos[_i].user);
    ck_assert_pstr_eq(part(mended, "password"), userinfos[_i].password);
    ck_assert_str_eq(part(mended, "host"), "db");
    ck_assert_str_eq(part(mended, "port"), "5432");
    ck_assert_str_eq(part(mended, "dbname"), "nex");
    ck_assert_str_eq(part(mended, "sslmode"), "prefer");
}
END_TEST

static const struct {
    const char *url;
    const char *message; /* part of it */
} refused[] = {
    {"localhost", "neither a URL nor key=value"},
    {"mysql://u:hunter2@h/d", "not a URL of PostgreSQL"},
    {"postgresqlx+asyncpg://u:hunter2@h/d", "not a URL of PostgreSQL"},
    {"\"postgresql://u:hunter2@h/d\"", "begins with a quote"},
    {"postgresql://u:hunter2@h/d?pool_size=5", "unknown parameter pool_size"},
    {"postgresql://u:hunter2@h/d?sslmode", "expected postgresql://"},
    {"postgresql://u:hunter2%zz@h/d", "invalid percent-encoded token"},
    {"postgresql://u:hunter2@[::1/d", "expected postgresql://"},
    {"postgresql://u:hunter2/x?hunter2=y@h/d", "libpq"},
    {"password=a hunter2", "neither a URL nor key=value"},
    {"password='hunter2", "unterminated quoted string"},
    {"password=a hunter2=b", "invalid connection option"},
    {"host=db replication=database", "replication"},
    {"postgresql://u:hunter2@h:port/d", "port: not a number"},
    {"host=a,b password=hunter2 port=5432,x", "port: not a number"},
    {"host=h password=hunter2 port=65536", "port: not a number"},
    {"host=h password=hunter2 port=0", "port: not a number"},
};

START_TEST(refusal_says_why_without_the_password)
{
    ck_assert_ptr_null(mend(refused[_i].url));
    ck_assert_msg(strstr(e.text, refused[_i].message) != NULL, "%s: %s", refused[_i].url, e.text);
    ck_assert_msg(!strstr(e.text, "hunter2"), "%s", e.text);
}
END_TEST

START_TEST(mask_hides_every_form_of_password)
{
    static const char *const urls[] = {
        "postgresql://u:hunter2@h/d",
        "postgresql://u@h/d?password=hunter2",
        "postgresql://u@h/d?p%61ssword=hunter2",
        "postgresql://u@h/d?sslpassword=hunter2",
        "host=h user=u password='hunter2 hunter2'",
        "host=h user=u sslpassword = hunter2",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char *shown = dburl_mask(urls[i]);
        ck_assert(dburl_has_secret(urls[i]));
        ck_assert_ptr_null(strstr(shown, "hunter2"));
        ck_assert_ptr_nonnull(strstr(shown, "=***"));
        ck_assert_str_eq(part(shown, "user"), "u");
        free(shown);
    }
}
END_TEST

START_TEST(value_without_password_is_no_secret)
{
    ck_assert(!dburl_has_secret(""));
    ck_assert(!dburl_has_secret("host=h user=u passfile=/etc/tickd/pgpass"));
    ck_assert(!dburl_has_secret("postgresql://u:@h/d"));
}
END_TEST

START_TEST(masked_value_keeps_what_needs_quotes)
{
    char *shown = dburl_mask("host='/run/my pg' user='o\\'neil' dbname=''");
    ck_assert_str_eq(part(shown, "host"), "/run/my pg");
    ck_assert_str_eq(part(shown, "user"), "o'neil");
    ck_assert_str_eq(part(shown, "dbname"), "");
    free(shown);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

int main(void)
{
    TCase *t = tcase_create("dburl");
    tcase_add_checked_fixture(t, NULL, clean_up);
    tcase_add_loop_test(t, spelling_becomes_libpq, 0, COUNT(spellings));
    tcase_add_loop_test(t, password_of_sqlalchemy_is_read_alike, 0, COUNT(userinfos));
    tcase_add_loop_test(t, refusal_says_why_without_the_password, 0, COUNT(refused));
    tcase_add_test(t, mask_hides_every_form_of_password);
    tcase_add_test(t, value_without_password_is_no_secret);
    tcase_add_test(t, masked_value_keeps_what_needs_quotes);
    Suite *s = suite_create("dburl");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
