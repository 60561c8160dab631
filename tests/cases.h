/* SPDX-License-Identifier: MIT */
/*
 * Test cases that are files: a payload, taken byte for byte, and beside it the expected result. See
 * tests/data/README.md.
 */
#ifndef TICKD_TEST_CASES_H
#define TICKD_TEST_CASES_H

#include "decode.h"
#include <stddef.h>

/* What the cases are made for; integration tests configure tickd so. */
#define CASES_MAX_MESSAGE_BYTES 65536
#define CASES_MAX_TICKS         1000
#define CASES_KAFKA_MS          INT64_C(1763225137000) /* 2025-11-15T16:45:37Z */

struct test_case {
    char path[512];
    char *payload; /* its memory ends with it, so that reading on is seen by sanitizers */
    size_t payload_len;
    char *expected; /* NUL-terminated */
};

typedef void case_fn(const struct test_case *c);

/* Calls `run` for each case in tests/data/<directory>, by name. Fails the test if there is none, or
 * if a payload or an expected result has no partner. Returns how many. */
size_t cases_run(const char *directory, case_fn *run);

/* Decodes the payload with the options that the cases are made for. */
void cases_decode(const struct test_case *c, struct decoded *out);

/* The items as an expected result is written, in memory to be freed. */
char *cases_print(const struct decoded *d);

#endif
