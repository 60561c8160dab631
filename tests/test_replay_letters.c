/* SPDX-License-Identifier: MIT */
/* links: letters.o err.o */
#include "letters.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct letters letters;

static void add(uint16_t partition, int64_t offset, int32_t item, enum reject_reason reason,
                const char *payload)
{
    const struct letter l = {.partition = partition,
                             .offset = offset,
                             .item = item,
                             .reason = (uint8_t)reason,
                             .payload = letters_hash(payload, strlen(payload))};
    letters_add(&letters, &l);
}

static struct letter *find(uint16_t partition, int64_t offset, int32_t item,
                           enum reject_reason reason, const char *payload)
{
    const struct letter like = {.partition = partition,
                                .offset = offset,
                                .item = item,
                                .reason = (uint8_t)reason,
                                .payload = letters_hash(payload, strlen(payload))};
    return letters_find(&letters, &like);
}

static void tear_down(void)
{
    letters_fini(&letters);
}

START_TEST(letter_is_found_by_its_place)
{
    letters_init(&letters, false);
    for (uint16_t p = 0; p < 3; p++) {
        for (int64_t o = 9; o >= 0; o--)
            add(p, o, (int32_t)(o % 2), REJECT_BAD_JSON, "x");
    }
    letters_sort(&letters);
    struct letter *l = find(1, 5, 1, REJECT_BAD_JSON, "any");
    ck_assert_ptr_nonnull(l);
    ck_assert_int_eq(l->partition, 1);
    ck_assert_int_eq(l->offset, 5);
    ck_assert_ptr_null(find(1, 5, 0, REJECT_BAD_JSON, "any"));
    ck_assert_ptr_null(find(3, 5, 1, REJECT_BAD_JSON, "any"));
}
END_TEST

START_TEST(used_letter_is_not_found_again)
{
    letters_init(&letters, false);
    add(0, 1, 0, REJECT_NO_PRICE, "x");
    letters_sort(&letters);
    find(0, 1, 0, REJECT_NO_PRICE, "x")->is_used = true;
    ck_assert_ptr_null(find(0, 1, 0, REJECT_NO_PRICE, "x"));
}
END_TEST

START_TEST(right_reason_goes_before_another)
{
    letters_init(&letters, false);
    add(0, 1, 0, REJECT_NO_PRICE, "x");
    add(0, 1, 0, REJECT_BAD_PRICE, "x");
    letters_sort(&letters);
    ck_assert_int_eq(find(0, 1, 0, REJECT_BAD_PRICE, "x")->reason, REJECT_BAD_PRICE);
    ck_assert_int_eq(find(0, 1, 0, REJECT_NO_PRICE, "x")->reason, REJECT_NO_PRICE);
    ck_assert_ptr_nonnull(find(0, 1, 0, REJECT_TOO_OLD, "x"));
}
END_TEST

START_TEST(letter_is_found_by_its_payload)
{
    letters_init(&letters, true);
    add(2, 7, 0, REJECT_BAD_JSON, "{");
    add(0, 3, 0, REJECT_BAD_JSON, "}");
    add(0, 4, 0, REJECT_BAD_JSON, "{");
    letters_sort(&letters);
    for (int i = 0; i < 2; i++) {
        struct letter *l = find(0, 0, 0, REJECT_BAD_JSON, "{");
        ck_assert_ptr_nonnull(l);
        l->is_used = true;
    }
    ck_assert_ptr_null(find(0, 0, 0, REJECT_BAD_JSON, "{"));
    ck_assert_ptr_null(find(0, 0, 1, REJECT_BAD_JSON, "}"));
}
END_TEST

START_TEST(none_is_found_among_none)
{
    letters_init(&letters, false);
    letters_sort(&letters);
    ck_assert_ptr_null(find(0, 0, 0, REJECT_BAD_JSON, ""));
}
END_TEST

START_TEST(hash_knows_the_length)
{
    ck_assert_uint_ne(letters_hash("ab", 2), letters_hash("a", 1));
    ck_assert_uint_ne(letters_hash("", 0), letters_hash("\0", 1));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("letters");
    TCase *t = tcase_create("letters");
    tcase_add_checked_fixture(t, NULL, tear_down);
    tcase_add_test(t, letter_is_found_by_its_place);
    tcase_add_test(t, used_letter_is_not_found_again);
    tcase_add_test(t, right_reason_goes_before_another);
    tcase_add_test(t, letter_is_found_by_its_payload);
    tcase_add_test(t, none_is_found_among_none);
    tcase_add_test(t, hash_knows_the_length);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
