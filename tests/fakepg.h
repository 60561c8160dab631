/* SPDX-License-Identifier: MIT */
/*
 * A PostgreSQL server for tests: speaks protocol 3 after a script, on the loop of the test.
 *
 * A script is a row of letters, one step each:
 *
 *   waits    s  startup packet        q  query               d  end of COPY (done or fail)
 *            b  64 KiB of COPY data   t  the client's Terminate or end of file
 *   says     A  welcome: authentication ok, parameters, backend key
 *            B  the same with standard_conforming_strings = off
 *            Z  ready for query       C  command complete, COMMIT
 *            T  one row, 42           G  wants COPY data      H  offers COPY data
 *            W  warning 01000         K  warning 57P02        n  notification on tickd_pairs
 *            E  error 23505           F  fatal 57P01          P  fatal 28P01
 *            D  fatal 3D000           U  fatal 57P03          ?  nonsense
 *   acts     x  closes                r  closes with a reset  .  neither reads nor answers any more
 *
 * What it says is sent in one piece, as far as the next wait. At the end of a script it only reads.
 */
#ifndef TICKD_FAKEPG_H
#define TICKD_FAKEPG_H

#include <ev.h>
#include <stddef.h>

#define FAKEPG_BACKEND 4711

struct fakepg;

/* Listens on loopback, on a free port, with a small receive buffer. */
struct fakepg *fakepg_new(struct ev_loop *loop);
void fakepg_free(struct fakepg *f);
int fakepg_port(const struct fakepg *f);

/* Each connection takes the next script; the last one is for all further ones. Without any: "sAZ".
 * Static storage. */
void fakepg_script(struct fakepg *f, const char *script);

/* Says something on the newest connection, at once. */
void fakepg_say(struct fakepg *f, const char *steps);

int fakepg_accepted(const struct fakepg *f);
int fakepg_open(const struct fakepg *f); /* connections that neither side has closed */
int fakepg_queries(const struct fakepg *f);
size_t fakepg_copied(const struct fakepg *f); /* bytes of COPY data */
int fakepg_refused(const struct fakepg *f);   /* CopyFail messages */
int fakepg_goodbyes(const struct fakepg *f);  /* Terminate messages */

/* The last startup packet: parameters as "name=value " */
const char *fakepg_startup(const struct fakepg *f);

#endif
