/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 as PostgreSQL and RFC 3629 define it: no overlong forms, no surrogates, nothing above
 * U+10FFFF. Pure.
 */
#ifndef TICKD_UTF8_H
#define TICKD_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed character at the start of `s` (1-4), or 0 if there is none. `code`, if
 * not NULL, gets its code point. */
size_t utf8_next(const char *s, size_t len, uint32_t *code);

/* How many bytes from the start are well-formed: `len` if all are. */
size_t utf8_valid_prefix(const char *s, size_t len);

#endif
