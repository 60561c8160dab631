/* SPDX-License-Identifier: MIT */
/*
 * A resolver for tests: linked into a test program it takes the place of the C library's
 * getaddrinfo(). Numeric addresses are handed on to the real one.
 *
 *     one.test      127.0.0.1
 *     two.test      127.0.0.1 and 127.0.0.2
 *     slow.test     127.0.0.1, but not before fakedns_release()
 *     others        not found
 */
#ifndef TICKD_FAKEDNS_H
#define TICKD_FAKEDNS_H

/* As at the start; nothing may be waiting. */
void fakedns_reset(void);

/* Lookups of slow.test that hang now. */
int fakedns_waiting(void);

/* Lets them go, and later ones pass. */
void fakedns_release(void);

/* Releases, and waits until this is the only thread of the process. */
void fakedns_end_threads(void);

/* Names looked up since the start, numeric addresses not counted. */
int fakedns_lookups(void);

#endif
