/* SPDX-License-Identifier: MIT */
#include "conninfo.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Shorter ones would blot out innocent text. */
#define SECRET_MIN 4

struct conninfo {
    PQconninfoOption *options;
    struct hostlist hosts;
};

/* Unless the connection string or the environment says otherwise. */
static const struct {
    const char *keyword;
    const char *value;
} defaults[] = {
    {"target_session_attrs", "read-write"},
    /* Asking for a Kerberos ticket may hold up the loop. */
    {"gssencmode", "disable"},
    /* A dead peer is noticed within 25 s, also when nothing is sent. No tcp_user_timeout: it would
     * take the place of keepalives_count, and end a connection whose server reads nothing for a
     * while, say because COPY waits for a lock. Requests have a deadline of their own. */
    {"keepalives", "1"},
    {"keepalives_idle", "10"},
    {"keepalives_interval", "5"},
    {"keepalives_count", "3"},
};

static const char *const secrets[] = {"password", "sslpassword"};

/* What the connection string says, else the environment, else "". */
static const char *find_value(const struct conninfo *c, const char *keyword)
{
    for (const PQconninfoOption *o = c->options; o->keyword; o++) {
        if (strcmp(o->keyword, keyword) != 0)
            continue;
        const char *value = o->val;
        if (!value && o->envvar)
            value = getenv(o->envvar);
        return value ? value : "";
    }
    return "";
}

/* NULL: not a connection string. libpq's own message is not passed on: it quotes what it stumbled
 * over. */
static PQconninfoOption *parse(const char *text)
{
    char *why;
    PQconninfoOption *options = PQconninfoParse(text, &why);
    if (!options && (!why || strcmp(why, "out of memory\n") == 0))
        err_out_of_memory();
    PQfreemem(why);
    return options;
}

struct conninfo *conninfo_new(const char *text, struct err *e)
{
    PQconninfoOption *options = parse(text);
    if (!options) {
        err_set(e, "the connection string is not one that libpq takes");
        return NULL;
    }
    struct conninfo *c = err_calloc(1, sizeof *c);
    c->options = options;
    if (hostlist_parse(&c->hosts, find_value(c, "host"), find_value(c, "hostaddr"),
                       find_value(c, "port"), e))
        return c;
    err_wrap(e, "connection string");
    conninfo_free(c);
    return NULL;
}

void conninfo_free(struct conninfo *c)
{
    if (!c)
        return;
    for (const PQconninfoOption *o = c->options; o->keyword; o++)
        if (o->val)
            explicit_bzero(o->val, strlen(o->val));
    PQconninfoFree(c->options);
    hostlist_fini(&c->hosts);
    free(c);
}

void conninfo_hosts(const struct conninfo *c, struct hostlist *out)
{
    hostlist_copy(out, &c->hosts);
}

/* Takes `value`. Replaces what was set before. */
static void set_take(struct conninfo_params *p, const char *keyword, char *value)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->keywords[i], keyword) != 0)
            continue;
        free(p->values[i]);
        p->values[i] = value;
        return;
    }
    p->keywords = err_realloc(p->keywords, (p->count + 2) * sizeof *p->keywords);
    p->values = err_realloc(p->values, (p->count + 2) * sizeof *p->values);
    p->keywords[p->count] = err_strdup(keyword);
    p->values[p->count] = value;
    p->count++;
    p->keywords[p->count] = NULL;
    p->values[p->count] = NULL;
}

static void set(struct conninfo_params *p, const char *keyword, const char *value)
{
    set_take(p, keyword, err_strdup(value));
}

/*
 * Settings as the server's command line: of two, the later counts. So ours that are a matter of
 * taste stand before the user's, and those our SQL depends on behind.
 */
static char *make_options(const char *user, const struct conninfo_session *session)
{
    static const char fmt[] = "-c statement_timeout=%u -c lock_timeout=%u"
                              " -c idle_in_transaction_session_timeout=15000"
                              " -c client_min_messages=warning"
                              " %s"
                              " -c TimeZone=UTC -c DateStyle=ISO -c standard_conforming_strings=on";
    int len = snprintf(NULL, 0, fmt, session->statement_timeout_ms, session->lock_timeout_ms, user);
    size_t size = (size_t)len + 1;
    char *options = err_malloc(size);
    snprintf(options, size, fmt, session->statement_timeout_ms, session->lock_timeout_ms, user);
    return options;
}

void conninfo_params_init(struct conninfo_params *p, const struct conninfo *c,
                          const struct hostlist *hosts, size_t first,
                          const struct conninfo_session *session)
{
    *p = (struct conninfo_params){0};
    for (const PQconninfoOption *o = c->options; o->keyword; o++)
        if (o->val)
            set(p, o->keyword, o->val);
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        if (!*find_value(c, defaults[i].keyword))
            set(p, defaults[i].keyword, defaults[i].value);
    set_take(p, "host", hostlist_join(hosts, first, HOSTLIST_NAME));
    set_take(p, "hostaddr", hostlist_join(hosts, first, HOSTLIST_ADDR));
    set_take(p, "port", hostlist_join(hosts, first, HOSTLIST_PORT));
    set(p, "application_name", session->application);
    set(p, "client_encoding", "UTF8");
    set_take(p, "options", make_options(find_value(c, "options"), session));
}

void conninfo_params_fini(struct conninfo_params *p)
{
    for (size_t i = 0; i < p->count; i++) {
        explicit_bzero(p->values[i], strlen(p->values[i]));
        free(p->keywords[i]);
        free(p->values[i]);
    }
    free(p->keywords);
    free(p->values);
    *p = (struct conninfo_params){0};
}

void conninfo_mask(const struct conninfo *c, char *text)
{
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        const char *secret = find_value(c, secrets[i]);
        size_t len = strlen(secret);
        if (len < SECRET_MIN)
            continue;
        for (char *at = text; (at = strstr(at, secret)); at += len)
            memset(at, '*', len);
    }
}
