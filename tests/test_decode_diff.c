/* SPDX-License-Identifier: MIT */
/* links: decode_diff.o decode.o decode_fast.o jscan.o jnumber.o midquote.o decode_item.o decode_canonical.o decode_frame.o json_text.o number.o timestamp.o detail.o utf8.o buf.o err.o */
/* Replays what the fuzzer has collected (tests/fuzz.mk). */
#include "decode_diff.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define CORPUS "tests/data/fuzz/decode_diff"

static size_t files;
static size_t scanned;

static void replay(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, CORPUS "/%s", name);
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s: cannot be opened", path);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    size_t size = (size_t)ftell(f);
    rewind(f);
    uint8_t *data = malloc(size ? size : 1); /* ends with the payload: what reads on is seen */
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(fread(data, 1, size, f), size);
    fclose(f);
    const char *difference = decode_diff(data, size, &scanned);
    ck_assert_msg(!difference, "%s: scanner and parser differ: %s", path, difference);
    free(data);
    files++;
}

START_TEST(scanner_and_parser_agree_on_the_corpus)
{
    DIR *d = opendir(CORPUS);
    ck_assert_msg(d != NULL, CORPUS ": cannot be opened");
    for (const struct dirent *entry; (entry = readdir(d));) {
        if (entry->d_name[0] != '.')
            replay(entry->d_name);
    }
    closedir(d);
    /* It is not the parser against itself. */
    ck_assert_uint_gt(files, 100);
    ck_assert_msg(scanned * 8 > files, "%zu of %zu are scanned", scanned, files);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decode_diff");
    TCase *tc = tcase_create("decode_diff");
    tcase_add_test(tc, scanner_and_parser_agree_on_the_corpus);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
