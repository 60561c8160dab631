/* SPDX-License-Identifier: MIT */
/*
 * Where HTTP is served, as the option http_listen says it; and which names of that place a browser
 * may use.
 *
 * Pure: addresses are numeric, nothing is resolved.
 */
#ifndef TICKD_HTTP_ADDRESS_H
#define TICKD_HTTP_ADDRESS_H

#include "err.h"
#include <stdbool.h>
#include <sys/socket.h>

struct http_address {
    bool off;
    bool loopback; /* only this machine reaches it */
    struct sockaddr_storage address;
    socklen_t len;
};

/* Reads "127.0.0.1:9187", "[::1]:9187", "unix:/path" or "off". */
bool http_address_parse(struct http_address *a, const char *text, struct err *e)
    __attribute__((warn_unused_result));

/* For the table of options: true if it can be read. */
bool http_address_mend(char **value, struct err *e);

/*
 * True if a request with this Host header (NULL: none) may be answered. A page from elsewhere can
 * make a browser ask 127.0.0.1 under the page's own name (DNS rebinding), and would read the
 * answer; so where only this machine reaches us, the name has to be one of this machine.
 */
bool http_address_allows(const struct http_address *a, const char *host);

#endif
