/* SPDX-License-Identifier: MIT */
/*
 * The socket on which HTTP is served.
 */
#ifndef TICKD_HTTP_LISTEN_H
#define TICKD_HTTP_LISTEN_H

#include "err.h"
#include "http_address.h"

/* A listening, non-blocking socket, or -1 (`e`; `misconfigured`: it stays so until somebody changes
 * something). A unix socket that nobody listens on any more is replaced. */
int http_listen_open(const struct http_address *a, bool *misconfigured, struct err *e)
    __attribute__((warn_unused_result));

/* Closes it, and removes a unix socket's file. */
void http_listen_close(const struct http_address *a, int fd);

#endif
