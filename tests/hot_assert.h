/* SPDX-License-Identifier: MIT */
/*
 * For loops of thousands: a ck_assert() that holds costs a system call, this one nothing.
 */
#ifndef TICKD_TESTS_HOT_ASSERT_H
#define TICKD_TESTS_HOT_ASSERT_H

#include <check.h>

#define hot_assert_msg(condition, ...)                                                             \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

#define hot_assert(condition) hot_assert_msg(condition, "%s is not so", #condition)

#endif
