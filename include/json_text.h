/* SPDX-License-Identifier: MIT */
/*
 * Parses JSON with jansson, and mends what its parser does differently from what tickd promises:
 *
 * - a raw NUL byte is an error (jansson skips one after a number or a word);
 * - a number beyond int64 or double is not an error of the whole text: it is a number like any
 * other, which may stand in a field that nobody reads. An integer becomes the nearest real, what is
 * beyond a double's range becomes JSON_TEXT_HUGE;
 * - a text that is not UTF-8 is called so wherever else it is broken.
 *
 * Duplicate keys are an error: which of two values was meant cannot be known. Any JSON value is
 * taken, and \u0000 in strings (not in keys): whoever reads a string has to use its length.
 */
#ifndef TICKD_JSON_TEXT_H
#define TICKD_JSON_TEXT_H

#include "detail.h"
#include "reject.h"
#include <float.h>
#include <jansson.h>
#include <stddef.h>

/* Stands for numbers beyond the range of a double, of either sign: negative, so that no field of a
 * tick accepts it. */
#define JSON_TEXT_HUGE (-DBL_MAX)

/* Makes jansson's allocations end the process when memory runs out, as all others do: its parser
 * reports some failures as syntax errors, which would dead-letter a good message. Once, before the
 * first json_text_parse(); more often does no harm. */
void json_text_init(void);

/* The value, owned by the caller, or NULL: then `reason` is one of BAD_UTF8, BAD_JSON, NUL_BYTE,
 * TOO_DEEP, and `why` has been told what and where. */
json_t *json_text_parse(const char *text, size_t len, enum reject_reason *reason,
                        struct detail *why);

/* Appends the value as it is best shown in a short text: strings quoted and cut. NULL is "nothing".
 */
void json_text_describe(const json_t *value, struct detail *d);

#endif
