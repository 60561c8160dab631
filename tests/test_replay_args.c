/* SPDX-License-Identifier: MIT */
/* links: args.o decimal.o text.o number.o timestamp.o buf.o err.o */
#include "args.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    bool flag;
    uint64_t count;
    double number;
    uint64_t rate_milli;
    uint32_t share;
    uint32_t weight;
    int64_t duration_ns;
    int64_t time_us;
    const char *text;
    struct arg_texts texts;
    struct arg_texts properties;
};

#define AT(field) offsetof(struct options, field)

static const struct arg args[] = {
    {"", ARG_HEADING, 0, NULL, "Things:"},
    {"flag", ARG_FLAG, AT(flag), NULL, "a flag"},
    {"count", ARG_COUNT, AT(count), "N", "a count"},
    {"number", ARG_NUMBER, AT(number), "X", "a number"},
    {"rate", ARG_RATE, AT(rate_milli), "N", "a rate"},
    {"share", ARG_SHARE, AT(share), "P", "a share"},
    {"weight", ARG_WEIGHT, AT(weight), "N", "a weight"},
    {"duration", ARG_DURATION, AT(duration_ns), "TIME", "a duration\nof two lines"},
    {"time", ARG_TIME, AT(time_us), "TIME", "a time"},
    {"text", ARG_TEXT, AT(text), "TEXT", "a text"},
    {"texts", ARG_TEXTS, AT(texts), "TEXT", "texts"},
    {"kafka.", ARG_PREFIX, AT(properties), "NAME=VALUE", "properties"},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct options o;
static struct arg_files files;
static struct err e;

static void set_up(void)
{
    memset(&o, 0, sizeof o);
    memset(&e, 0, sizeof e);
}

static void tear_down(void)
{
    arg_texts_fini(&o.texts);
    arg_texts_fini(&o.properties);
}

/* A command line of up to 15 arguments, NULL-terminated. */
static bool parse(const char *const *line)
{
    static char *argv[16];
    int argc = 1;
    argv[0] = (char *)(uintptr_t) "send";
    while (line[argc - 1]) {
        argv[argc] = (char *)(uintptr_t)line[argc - 1];
        argc++;
    }
    return args_parse(args, COUNT(args), &o, argc, argv, &files, &e);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

START_TEST(values_follow_or_are_joined)
{
    ck_assert(
        PARSE("--flag", "--count", "3", "--rate=250", "a.tsv", "--text=x=y", "-", "--", "--b"));
    ck_assert(o.flag);
    ck_assert_uint_eq(o.count, 3);
    ck_assert_uint_eq(o.rate_milli, 250000);
    ck_assert_str_eq(o.text, "x=y");
    ck_assert_uint_eq(files.count, 3);
    ck_assert_str_eq(files.list[0], "a.tsv");
    ck_assert_str_eq(files.list[1], "-");
    ck_assert_str_eq(files.list[2], "--b");
}
END_TEST

START_TEST(lists_gather_what_is_given_several_times)
{
    ck_assert(PARSE("--texts", "a", "--kafka.linger.ms=5", "--texts=b", "--kafka.x=", "f"));
    ck_assert_uint_eq(o.texts.count, 2);
    ck_assert_str_eq(o.texts.list[1], "b");
    ck_assert_uint_eq(o.properties.count, 2);
    ck_assert_str_eq(o.properties.list[0], "linger.ms=5");
    ck_assert_str_eq(o.properties.list[1], "x=");
}
END_TEST

START_TEST(units_are_understood)
{
    ck_assert(
        PARSE("--count=1.5k", "--duration=250ms", "--share=1.5%", "--rate=0.25", "--weight=0"));
    ck_assert_uint_eq(o.count, 1500);
    ck_assert_int_eq(o.duration_ns, 250000000);
    ck_assert_uint_eq(o.share, 15000);
    ck_assert_uint_eq(o.rate_milli, 250);
    ck_assert(PARSE("--count=2M", "--duration=1.5h", "--share=1", "--rate=300k", "--number=2.5"));
    ck_assert_uint_eq(o.count, 2000000);
    ck_assert_int_eq(o.duration_ns, 5400000000000);
    ck_assert_uint_eq(o.share, 1000000);
    ck_assert_uint_eq(o.rate_milli, 300000000);
    ck_assert_double_eq(o.number, 2.5);
    ck_assert(PARSE("--time", "2025-11-15T16:45:36.5Z"));
    ck_assert_int_eq(o.time_us, 1763225136500000);
    ck_assert(PARSE("--time=1763225136"));
    ck_assert_int_eq(o.time_us, 1763225136000000);
}
END_TEST

/* What is refused, and the option that the message must name. */
static const struct {
    const char *argument;
    const char *named;
} bad[] = {
    {"--nope", "--nope"},
    {"--nope=secret", "--nope"},
    {"-x", "-x"},
    {"--flag=yes", "--flag"},
    {"--count", "--count"},
    {"--count=", "--count"},
    {"--count=-1", "--count"},
    {"--count=1x", "--count"},
    {"--count=99999999999999999999", "--count"},
    {"--count=9999999999999G", "--count"},
    {"--number=0", "--number"},
    {"--number=1e999", "--number"},
    {"--rate=0", "--rate"},
    {"--rate=11M", "--rate"},
    {"--share=1.1", "--share"},
    {"--share=101%", "--share"},
    {"--weight=-1", "--weight"},
    {"--weight=1.5", "--weight"},
    {"--duration=0", "--duration"},
    {"--duration=5x", "--duration"},
    {"--time=yesterday", "--time"},
    {"--kafka.sasl.password", "--kafka."},
};

START_TEST(wrong_value_is_refused_by_name)
{
    ck_assert(!PARSE(bad[_i].argument));
    ck_assert_msg(strstr(e.text, bad[_i].named) != NULL, "%s", e.text);
    /* What stands behind an unknown name may be a password. */
    ck_assert_ptr_null(strstr(e.text, "secret"));
}
END_TEST

START_TEST(help_has_every_option)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    args_help(out, args, COUNT(args));
    fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "\nThings:\n"));
    for (size_t i = 1; i < COUNT(args); i++) {
        char option[32];
        snprintf(option, sizeof option, "\n  --%s", args[i].name);
        ck_assert_msg(strstr(text, option) != NULL, "%s", option);
    }
    ck_assert_ptr_nonnull(strstr(text, "  --kafka.NAME=VALUE"));
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replay_args");
    TCase *t = tcase_create("args");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, values_follow_or_are_joined);
    tcase_add_test(t, lists_gather_what_is_given_several_times);
    tcase_add_test(t, units_are_understood);
    tcase_add_loop_test(t, wrong_value_is_refused_by_name, 0, (int)COUNT(bad));
    tcase_add_test(t, help_has_every_option);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
