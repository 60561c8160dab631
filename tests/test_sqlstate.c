/* SPDX-License-Identifier: MIT */
/* links: sqlstate.o */
#include "sqlstate.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *code;
    enum sqlstate_class expected;
} cases[] = {
    {NULL, SQLSTATE_LOST},
    {"", SQLSTATE_LOST},
    {"08000", SQLSTATE_LOST},
    {"08006", SQLSTATE_LOST},
    {"57P01", SQLSTATE_LOST}, /* terminated by an administrator, or shutting down */
    {"57P02", SQLSTATE_LOST}, /* another backend crashed */
    {"57P03", SQLSTATE_LOST}, /* starting up */
    {"57P04", SQLSTATE_LOST}, /* database dropped */
    {"57P05", SQLSTATE_LOST}, /* idle session timeout */
    {"53300", SQLSTATE_LOST}, /* too many connections */
    {"25006", SQLSTATE_LOST}, /* read-only: this is the standby */
    {"40001", SQLSTATE_RETRY},
    {"40P01", SQLSTATE_RETRY},     /* deadlock */
    {"55P03", SQLSTATE_RETRY},     /* lock timeout */
    {"57014", SQLSTATE_RETRY},     /* statement timeout */
    {"53100", SQLSTATE_RESOURCE},  /* disk full */
    {"53200", SQLSTATE_TOO_LARGE}, /* out of memory, also for locks */
    {"53400", SQLSTATE_RESOURCE},
    {"54000", SQLSTATE_TOO_LARGE},
    {"54001", SQLSTATE_TOO_LARGE},
    {"58030", SQLSTATE_RESOURCE}, /* I/O error */
    {"23505", SQLSTATE_CLASH},
    {"23502", SQLSTATE_BAD_ROW},
    {"23503", SQLSTATE_BAD_ROW},
    {"23514", SQLSTATE_BAD_ROW},
    {"22001", SQLSTATE_BAD_ROW},
    {"22003", SQLSTATE_BAD_ROW},
    {"22008", SQLSTATE_BAD_ROW},
    {"22021", SQLSTATE_BAD_ROW},
    {"P0001", SQLSTATE_BAD_ROW}, /* raised by a trigger */
    {"TK001", SQLSTATE_FENCED},
    {"TK003", SQLSTATE_CHANGED},
    {"28P01", SQLSTATE_MISCONFIG},
    {"28000", SQLSTATE_MISCONFIG},
    {"3D000", SQLSTATE_MISCONFIG},
    {"3F000", SQLSTATE_MISCONFIG},
    {"42501", SQLSTATE_MISCONFIG},
    {"42P01", SQLSTATE_MISCONFIG},
    {"42703", SQLSTATE_MISCONFIG},
    {"0A000", SQLSTATE_MISCONFIG},
    {"22P04", SQLSTATE_ENCODER},
    {"08P01", SQLSTATE_ENCODER},
    {"XX000", SQLSTATE_CORRUPT},
    {"XX001", SQLSTATE_CORRUPT},
    /* Unknown, or not a code at all: hold. */
    {"25P02", SQLSTATE_MISCONFIG},
    {"57000", SQLSTATE_MISCONFIG},
    {"P0002", SQLSTATE_MISCONFIG},
    {"TK002", SQLSTATE_MISCONFIG},
    {"ZZZZZ", SQLSTATE_MISCONFIG},
    {"2350", SQLSTATE_MISCONFIG},
    {"235051", SQLSTATE_MISCONFIG},
};

START_TEST(code_means)
{
    ck_assert_msg(sqlstate_classify(cases[_i].code) == cases[_i].expected, "%s is %s",
                  cases[_i].code, sqlstate_class_name(sqlstate_classify(cases[_i].code)));
}
END_TEST

START_TEST(every_class_has_a_name_of_its_own)
{
    for (int a = SQLSTATE_LOST; a <= SQLSTATE_CORRUPT; a++)
        for (int b = SQLSTATE_LOST; b < a; b++)
            ck_assert_str_ne(sqlstate_class_name((enum sqlstate_class)a),
                             sqlstate_class_name((enum sqlstate_class)b));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("sqlstate");
    tcase_add_loop_test(t, code_means, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(t, every_class_has_a_name_of_its_own);
    Suite *s = suite_create("sqlstate");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
