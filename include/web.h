/* SPDX-License-Identifier: MIT */
/*
 * What is served at which path: the one table of documents, and who renders each.
 *
 * Makes the HTTP server from the configuration. `vitals` is asked for whenever something is
 * rendered. Loop thread only.
 */
#ifndef TICKD_WEB_H
#define TICKD_WEB_H

#include "config.h"
#include "err.h"
#include "http.h"
#include "vitals.h"
#include <ev.h>

struct web;

typedef void web_vitals_fn(void *ctx, struct vitals *v);

/* NULL: it cannot listen (`e` names the option, its value and why; `misconfigured` as in
 * http_listen.h). With http_listen = off it serves nothing. */
struct web *web_new(struct ev_loop *loop, const struct config *config, web_vitals_fn *vitals,
                    void *ctx, bool *misconfigured, struct err *e)
    __attribute__((warn_unused_result));
void web_free(struct web *w);

/* All zero if nothing is served. */
struct http_stats web_stats(const struct web *w);

#endif
