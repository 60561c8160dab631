/* SPDX-License-Identifier: MIT */
/* links: buf.o err.o */
#include "buf.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct buf b;

static void set_up(void)
{
    buf_init(&b);
}

static void tear_down(void)
{
    buf_fini(&b);
}

static void assert_bytes(const char *expected, size_t len)
{
    ck_assert_uint_eq(b.len, len);
    ck_assert_mem_eq(b.data, expected, len);
}

START_TEST(new_buffer_is_empty_and_has_no_memory)
{
    ck_assert_uint_eq(b.len, 0);
    ck_assert_uint_eq(b.cap, 0);
    ck_assert_ptr_null(b.data);
}
END_TEST

START_TEST(bytes_stand_one_after_the_other)
{
    buf_put(&b, "abc", 3);
    buf_put(&b, NULL, 0);
    buf_put(&b, "\0d", 2);
    assert_bytes("abc\0d", 5);
}
END_TEST

START_TEST(integers_are_in_network_byte_order)
{
    buf_put_u8(&b, 0xfe);
    buf_put_i16(&b, 0x0102);
    buf_put_i16(&b, -2);
    buf_put_i32(&b, 0x01020304);
    buf_put_i32(&b, -1);
    buf_put_i64(&b, 0x0102030405060708);
    buf_put_i64(&b, INT64_MIN);
    assert_bytes("\xfe\x01\x02\xff\xfe\x01\x02\x03\x04\xff\xff\xff\xff"
                 "\x01\x02\x03\x04\x05\x06\x07\x08\x80\0\0\0\0\0\0\0",
                 29);
}
END_TEST

/* IEEE 754: 1 = 0x3ff0..., -2 = 0xc000... */
START_TEST(numbers_are_ieee_in_network_byte_order)
{
    buf_put_f64(&b, 1.0);
    buf_put_f64(&b, -2.0);
    buf_put_f64(&b, 0.1);
    buf_put_f64(&b, DBL_MAX);
    assert_bytes("\x3f\xf0\0\0\0\0\0\0"
                 "\xc0\0\0\0\0\0\0\0"
                 "\x3f\xb9\x99\x99\x99\x99\x99\x9a"
                 "\x7f\xef\xff\xff\xff\xff\xff\xff",
                 32);
}
END_TEST

START_TEST(it_grows_and_keeps_what_it_has)
{
    for (int32_t i = 0; i < 100000; i++)
        buf_put_i32(&b, i);
    ck_assert_uint_eq(b.len, 400000);
    for (uint32_t i = 0; i < 100000; i++) {
        const uint8_t *at = b.data + (size_t)4 * i;
        uint32_t v = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
        ck_assert_uint_eq(v, i);
    }
}
END_TEST

START_TEST(clearing_keeps_the_memory)
{
    buf_reserve(&b, 100000);
    const uint8_t *memory = b.data;
    size_t cap = b.cap;
    buf_put(&b, "abc", 3);
    buf_clear(&b);
    ck_assert_uint_eq(b.len, 0);
    buf_put(&b, "abc", 3);
    ck_assert_ptr_eq(b.data, memory);
    ck_assert_uint_eq(b.cap, cap);
}
END_TEST

START_TEST(reserved_room_is_there_and_adds_nothing)
{
    buf_put(&b, "abc", 3);
    uint8_t *at = buf_reserve(&b, 1000000);
    ck_assert_ptr_eq(at, b.data + 3);
    ck_assert_uint_eq(b.len, 3);
    ck_assert_uint_ge(b.cap, 1000003);
    memset(at, 'x', 1000000);
    assert_bytes("abc", 3);
}
END_TEST

START_TEST(shrinking_gives_back_what_is_over)
{
    buf_reserve(&b, 1000000);
    buf_shrink(&b, 5000);
    ck_assert_uint_eq(b.cap, 5000);
    buf_shrink(&b, 6000);
    ck_assert_uint_eq(b.cap, 5000);
    buf_put(&b, "abc", 3);
    assert_bytes("abc", 3);
}
END_TEST

START_TEST(shrunk_to_nothing_it_can_be_used_again)
{
    buf_reserve(&b, 10);
    buf_shrink(&b, 0);
    ck_assert_uint_eq(b.cap, 0);
    buf_put(&b, "abc", 3);
    assert_bytes("abc", 3);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("buf");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, new_buffer_is_empty_and_has_no_memory);
    tcase_add_test(t, bytes_stand_one_after_the_other);
    tcase_add_test(t, integers_are_in_network_byte_order);
    tcase_add_test(t, numbers_are_ieee_in_network_byte_order);
    tcase_add_test(t, it_grows_and_keeps_what_it_has);
    tcase_add_test(t, clearing_keeps_the_memory);
    tcase_add_test(t, reserved_room_is_there_and_adds_nothing);
    tcase_add_test(t, shrinking_gives_back_what_is_over);
    tcase_add_test(t, shrunk_to_nothing_it_can_be_used_again);
    Suite *s = suite_create("buf");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
