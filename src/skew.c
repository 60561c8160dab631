/* SPDX-License-Identifier: MIT */
#include "skew.h"

#include <stdlib.h>

const char skew_sql[] = "SELECT (extract(epoch from clock_timestamp()) * 1000000)::bigint";

int64_t skew_us(const char *answer, int64_t asked_us, int64_t answered_us)
{
    int64_t server_us = strtoll(answer, NULL, 10);
    if (server_us < asked_us)
        return server_us - asked_us;
    return server_us > answered_us ? server_us - answered_us : 0;
}
