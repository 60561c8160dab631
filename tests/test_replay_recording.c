/* SPDX-License-Identifier: MIT */
/* links: recording.o lines.o source.o csvtick.o csv.o text.o outfile.o number.o timestamp.o buf.o err.o */
#include "recording.h"

#include "csvtick.h"
#include "hot_assert.h"
#include "lines.h"
#include "outfile.h"
#include "text.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/tickreplay-test-XXXXXX";
static char paths[8][128];
static size_t path_count;
static struct err e;

static void set_up(void)
{
    snprintf(dir, sizeof dir, "/tmp/tickreplay-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    path_count = 0;
}

static void tear_down(void)
{
    for (size_t i = 0; i < path_count; i++)
        unlink(paths[i]);
    rmdir(dir);
}

static char *new_path(const char *name)
{
    snprintf(paths[path_count], sizeof paths[0], "%s/%zu-%s", dir, path_count, name);
    return paths[path_count++];
}

/* A file with this text; packed if its name says so. */
static char *file_of(const char *name, const void *text, size_t len)
{
    char *path = new_path(name);
    struct outfile *f = outfile_open(path, &e);
    ck_assert_msg(f != NULL, "%s", e.text);
    buf_put(outfile_buf(f), text, len);
    ck_assert_msg(outfile_close(f, &e), "%s", e.text);
    return path;
}

/* What is read, entry by entry: arrival, exchange and payload in brackets, and errors without the
 * directory. */
static const char *read_all(struct recording *r)
{
    static char all[4096];
    size_t len = 0;
    struct entry entry;
    all[0] = '\0';
    for (;;) {
        switch (recording_next(r, &entry, &e)) {
        case RECORDING_ENTRY:
            len += (size_t)snprintf(all + len, sizeof all - len, "[");
            if (entry.arrival_ns != RECORDING_NO_TIME)
                len += (size_t)snprintf(all + len, sizeof all - len, "%lld ",
                                        (long long)entry.arrival_ns);
            len += (size_t)snprintf(all + len, sizeof all - len, "%.*s%s%.*s]",
                                    (int)entry.exchange_len, entry.exchange ? entry.exchange : "",
                                    entry.exchange_len ? " " : "", (int)entry.payload_len,
                                    entry.payload);
            break;
        case RECORDING_BAD:
            len += (size_t)snprintf(
                all + len, sizeof all - len, "(%s)",
                strncmp(e.text, dir, strlen(dir)) == 0 ? e.text + strlen(dir) + 1 : e.text);
            break;
        case RECORDING_WAITING:
            break;
        case RECORDING_END:
            return all;
        }
    }
}

static const char *read_as(enum recording_format format, char *path)
{
    char *list[] = {path};
    struct recording *r = recording_new(list, 1, format);
    const char *all = read_all(r);
    recording_free(r);
    return all;
}

static const char *read_text(const char *text)
{
    return read_as(FORMAT_AUTO, file_of("r", text, strlen(text)));
}

START_TEST(json_lines_are_messages)
{
    ck_assert_str_eq(read_text("{\"a\":1}\n\n  \n[2]\nnot json\n{\"b\":\t3}"),
                     "[{\"a\":1}][[2]][not json][{\"b\":\t3}]");
}
END_TEST

START_TEST(time_before_a_tab_is_read_in_its_unit)
{
    ck_assert_str_eq(read_text("1723161480\t{1}\n1723161480000\t{2}\n1723161480000872\t{3}\n"
                               "1723161480000872619\t{4}\n1618677786.799668\t{5}\n"
                               "1618677786799.5\t{6}\n1618677786.1234567891\t{7}\n"),
                     "[1723161480000000000 {1}][1723161480000000000 {2}][1723161480000872000 {3}]"
                     "[1723161480000872619 {4}][1618677786799668000 {5}][1618677786799500000 {6}]"
                     "[1618677786123456789 {7}]");
}
END_TEST

START_TEST(message_keeps_its_own_tabs)
{
    ck_assert_str_eq(
        read_text("1723161480\t{\"a\":\t1}\n1723161480\t\n1723161480\tx\ty\n"),
        "[1723161480000000000 {\"a\":\t1}][1723161480000000000 ][1723161480000000000 x\ty]");
}
END_TEST

START_TEST(second_column_may_be_an_exchange)
{
    ck_assert_str_eq(
        read_text("1618677786.5\tkraken_futures\t{1}\n1618677787\tokx\t{\"a\":\t2}\n"),
        "[1618677786500000000 kraken_futures {1}][1618677787000000000 okx {\"a\":\t2}]");
}
END_TEST

START_TEST(wrong_columns_are_said_with_their_line)
{
    ck_assert_str_eq(
        read_text("1618677786\tokx\t{1}\nx\tokx\t{2}\n1618677787\t{3}\n1\n1618677788\tokx\t{4}\n"),
        "[1618677786000000000 okx {1}](0-r:2: column 1: expected Unix time and a tab)"
        "(0-r:3: column 2: expected the name of an exchange and a tab)"
        "(0-r:4: column 1: expected Unix time and a tab)[1618677788000000000 okx {4}]");
}
END_TEST

START_TEST(csv_rows_become_canonical_ticks)
{
    ck_assert_str_eq(
        read_text("timestamp,symbol,price,volume,bid,ask,exchange\n"
                  "2025-11-15T16:45:36.209097Z,BTC,95993.660,1e-05,,96000,\"a,\"\"b\"\"\"\n"
                  "1763225136,kBONK,abc,0.250,,,\n"
                  ",2Z,1,,,,\"\"\n"
                  "2025-11-15 16:45:36.2+00,BTC,1,,,,\n"
                  "later,BTC,1,,,,\n"),
        "[1763225136209097000 {\"time\":\"2025-11-15T16:45:36.209097Z\",\"symbol\":\"BTC\","
        "\"price\":95993.660,\"volume\":1e-05,\"ask\":96000,\"exchange\":\"a,\\\"b\\\"\"}]"
        "[1763225136000000000 {\"time\":1763225136,\"symbol\":\"kBONK\",\"price\":\"abc\","
        "\"volume\":0.250}]"
        "[{\"symbol\":\"2Z\",\"price\":1,\"exchange\":\"\"}]"
        "[1763225136200000000 {\"time\":\"2025-11-15 "
        "16:45:36.2+00:00\",\"symbol\":\"BTC\",\"price\":1}]"
        "[{\"time\":\"later\",\"symbol\":\"BTC\",\"price\":1}]");
}
END_TEST

START_TEST(csv_of_other_width_is_said_with_its_line)
{
    ck_assert_str_eq(
        read_text("symbol,price\nBTC,1\nBTC\nBTC,1,2\nETH,\"2\nETH,2\n"),
        "[{\"symbol\":\"BTC\",\"price\":1}](0-r:3: 1 columns where the header has 2)"
        "(0-r:4: 3 columns where the header has 2)(0-r:5: column 2: quotes do not match)"
        "[{\"symbol\":\"ETH\",\"price\":2}]");
}
END_TEST

static const struct {
    const char *header;
    const char *complaint;
} bad_headers[] = {
    {"time,symbol\n", "(0-r:1: no column \"price\" in the header)"},
    {"time,price\n", "(0-r:1: no column \"symbol\" in the header)"},
    {"symbol,price,size\nBTC,1,2\n",
     "(0-r:1: column \"size\" is unknown; expected time, symbol, price, "
     "volume, bid, ask, exchange)"},
    {"symbol,price,price\n",
     "(0-r:1: column \"price\" is here twice; expected time, symbol, price, "
     "volume, bid, ask, exchange)"},
    {"hello world\n{}\n",
     "(0-r:1: neither JSON, nor a time and a tab, nor a CSV header; --format says what it is)"},
};

START_TEST(unknown_format_is_not_guessed)
{
    ck_assert_str_eq(read_text(bad_headers[_i].header), bad_headers[_i].complaint);
}
END_TEST

START_TEST(format_can_be_said)
{
    static const char text[] = "hello world\n1\t{}\n";
    ck_assert_str_eq(read_as(FORMAT_JSONL, file_of("r", text, strlen(text))),
                     "[hello world][1\t{}]");
    static const char names[][6] = {"auto", "jsonl", "tsv", "tsv3", "csv"};
    enum recording_format format;
    for (int i = FORMAT_AUTO; i <= FORMAT_CSV; i++) {
        ck_assert(recording_format_parse(names[i], &format));
        ck_assert_int_eq(format, i);
    }
    ck_assert(!recording_format_parse("xml", &format));
}
END_TEST

/* Enough lines for several pieces of every buffer on the way. */
enum { MANY = 60000 };

static char *make_many(size_t *len)
{
    struct buf b;
    buf_init(&b);
    for (int i = 0; i < MANY; i++) {
        text_put(&b, "{\"n\":");
        text_put_int(&b, i * INT64_C(7919));
        text_put(&b, "}\n");
    }
    *len = b.len;
    return (char *)b.data;
}

static void check_many(char *path, int64_t files)
{
    char *list[] = {path};
    struct recording *r = recording_new(list, 1, FORMAT_AUTO);
    struct entry entry;
    for (int64_t i = 0; i < files * MANY; i++) {
        char expected[32];
        while (recording_next(r, &entry, &e) == RECORDING_WAITING)
            ;
        int len = snprintf(expected, sizeof expected, "{\"n\":%lld}",
                           (long long)(i % MANY * INT64_C(7919)));
        hot_assert(entry.payload_len == (size_t)len);
        hot_assert(memcmp(entry.payload, expected, (size_t)len) == 0);
    }
    ck_assert_int_eq(recording_next(r, &entry, &e), RECORDING_END);
    ck_assert_double_eq(recording_progress(r), 1);
    recording_free(r);
}

static const char *const packings[] = {"plain", "a.gz", "a.zst"};

START_TEST(packed_files_are_unpacked)
{
    size_t len;
    char *text = make_many(&len);
    check_many(file_of(packings[_i], text, len), 1);
    free(text);
}
END_TEST

/* The bytes of a file. */
static char *slurp_file(const char *path, size_t *len)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    ck_assert_int_eq(fstat(fd, &st), 0);
    *len = (size_t)st.st_size;
    char *data = malloc(*len * 2);
    ck_assert_int_eq(read(fd, data, *len), st.st_size);
    close(fd);
    return data;
}

static char *write_raw(const char *name, const char *data, size_t len)
{
    char *path = new_path(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
    close(fd);
    return path;
}

START_TEST(joined_packed_files_are_one)
{
    size_t len;
    char *text = make_many(&len);
    char *packed = slurp_file(file_of(packings[_i], text, len), &len);
    memcpy(packed + len, packed, len);
    check_many(write_raw("joined", packed, 2 * len), 2);
    free(packed);
    free(text);
}
END_TEST

/* Reads to the end of a file that breaks off; returns the entries. */
static int count_until_bad(char *path, const char *complaint)
{
    char *list[] = {path};
    struct recording *r = recording_new(list, 1, FORMAT_AUTO);
    struct entry entry;
    int count = 0;
    enum recording_result result;
    while ((result = recording_next(r, &entry, &e)) != RECORDING_BAD) {
        hot_assert(result != RECORDING_END);
        count += result == RECORDING_ENTRY;
    }
    /* What is damaged may have had blank lines in it. */
    ck_assert_msg(strncmp(e.text, path, strlen(path)) == 0, "%s", e.text);
    ck_assert_int_gt(strtol(e.text + strlen(path) + 1, NULL, 10), count);
    ck_assert_msg(strstr(e.text, complaint) != NULL, "%s", e.text);
    ck_assert_int_eq(recording_next(r, &entry, &e), RECORDING_END);
    recording_free(r);
    return count;
}

START_TEST(truncated_file_gives_what_it_has_and_says_where)
{
    size_t len;
    char *text = make_many(&len);
    char *packed = slurp_file(file_of(packings[_i], text, len), &len);
    int count = count_until_bad(write_raw("cut", packed, len / 2),
                                _i == 1 ? "truncated gzip" : "truncated zstd");
    ck_assert_int_gt(count, MANY / 10);
    ck_assert_int_lt(count, MANY);
    free(packed);
    free(text);
}
END_TEST

START_TEST(damaged_file_is_said)
{
    size_t len;
    char *text = make_many(&len);
    char *packed = slurp_file(file_of(packings[_i], text, len), &len);
    memset(packed + len / 2, 0xff, 64);
    count_until_bad(write_raw("bad", packed, len), _i == 1 ? "damaged gzip" : "damaged zstd");
    free(packed);
    free(text);
}
END_TEST

START_TEST(files_follow_each_other_whatever_happens)
{
    char missing[128];
    snprintf(missing, sizeof missing, "%s/missing", dir);
    char *list[] = {file_of("a", "{1}\n", 4), missing, dir, file_of("b", "5,6\n", 4),
                    file_of("c", "1\t{2}\n", 6)};
    struct recording *r = recording_new(list, 5, FORMAT_AUTO);
    const char *all = read_all(r);
    ck_assert_msg(strstr(all, "[{1}](missing: No such file or directory)(") == all, "%s", all);
    ck_assert_ptr_nonnull(strstr(all, "is a directory)(1-b:1: column \"5\" is unknown"));
    ck_assert_ptr_nonnull(strstr(all, "[1000000000 {2}]"));
    recording_rewind(r);
    ck_assert_ptr_nonnull(strstr(read_all(r), "[{1}]"));
    recording_free(r);
}
END_TEST

START_TEST(too_long_a_line_is_passed_over)
{
    size_t len = LINE_MAX_BYTES + 100000;
    char *text = malloc(len + 16);
    memset(text, ' ', len);
    memcpy(text, "{1}\n{", 5);
    memcpy(text + len, "\n{2}\n", 5);
    ck_assert_str_eq(read_as(FORMAT_AUTO, file_of("long", text, len + 5)),
                     "[{1}](0-long:2: longer than 16777216 bytes)[{2}]");
    free(text);
}
END_TEST

START_TEST(quiet_pipe_keeps_nobody_waiting)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    char path[32];
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    char *list[] = {path};
    struct recording *r = recording_new(list, 1, FORMAT_AUTO);
    struct entry entry;
    ck_assert_int_eq(recording_next(r, &entry, &e), RECORDING_WAITING);
    ck_assert_int_eq(write(ends[1], "{1}\n{2", 6), 6);
    ck_assert_int_eq(recording_next(r, &entry, &e), RECORDING_ENTRY);
    ck_assert_int_eq(recording_next(r, &entry, &e), RECORDING_WAITING);
    ck_assert_double_lt(recording_progress(r), 0);
    close(ends[1]);
    ck_assert_int_eq(recording_next(r, &entry, &e), RECORDING_ENTRY);
    ck_assert_int_eq(recording_next(r, &entry, &e), RECORDING_END);
    recording_free(r);
    close(ends[0]);
}
END_TEST

START_TEST(unwritable_file_is_said)
{
    char path[128];
    snprintf(path, sizeof path, "%s/none/x", dir);
    ck_assert_ptr_null(outfile_open(path, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "No such file"));

    struct outfile *f = outfile_open("/dev/full", &e);
    ck_assert_ptr_nonnull(f);
    buf_put(outfile_buf(f), "x", 1);
    ck_assert(!outfile_close(f, &e));
    ck_assert_str_eq(e.text, "/dev/full: No space left on device");
    ck_assert_int_eq(access("/dev/full", W_OK), 0);
}
END_TEST

START_TEST(discarded_file_leaves_nothing)
{
    char *path = new_path("x");
    struct outfile *f = outfile_open(path, &e);
    buf_put(outfile_buf(f), "x", 1);
    outfile_discard(f);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(rmdir(dir), 0);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replay_recording");
    TCase *t = tcase_create("recording");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, json_lines_are_messages);
    tcase_add_test(t, time_before_a_tab_is_read_in_its_unit);
    tcase_add_test(t, message_keeps_its_own_tabs);
    tcase_add_test(t, second_column_may_be_an_exchange);
    tcase_add_test(t, wrong_columns_are_said_with_their_line);
    tcase_add_test(t, csv_rows_become_canonical_ticks);
    tcase_add_test(t, csv_of_other_width_is_said_with_its_line);
    tcase_add_loop_test(t, unknown_format_is_not_guessed, 0,
                        (int)(sizeof bad_headers / sizeof *bad_headers));
    tcase_add_test(t, format_can_be_said);
    tcase_add_loop_test(t, packed_files_are_unpacked, 0, 3);
    tcase_add_loop_test(t, joined_packed_files_are_one, 0, 3);
    tcase_add_loop_test(t, truncated_file_gives_what_it_has_and_says_where, 1, 3);
    tcase_add_loop_test(t, damaged_file_is_said, 1, 3);
    tcase_add_test(t, files_follow_each_other_whatever_happens);
    tcase_add_test(t, too_long_a_line_is_passed_over);
    tcase_add_test(t, quiet_pipe_keeps_nobody_waiting);
    tcase_add_test(t, unwritable_file_is_said);
    tcase_add_test(t, discarded_file_leaves_nothing);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
