/* SPDX-License-Identifier: MIT */
/*
 * The status page, compiled in: one document made from web/ by scripts/page when tickd is built.
 */
#ifndef TICKD_PAGE_H
#define TICKD_PAGE_H

#include <stddef.h>

extern const unsigned char page_html[];
extern const size_t page_html_len;

/* Its Content-Security-Policy. */
extern const char page_policy[];

#endif
