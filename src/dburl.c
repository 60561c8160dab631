/* SPDX-License-Identifier: MIT */
#include "dburl.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECTED "expected postgresql://user:password@host:port/dbname or host=... dbname=..."

/* What SQLAlchemy or asyncpg reads itself, has no meaning to libpq, and needs none: caches of the
 * driver, and timeouts, for which tickd has options of its own. */
static const char *const python_only[] = {
    "async_fallback",
    "command_timeout",
    "max_cacheable_statement_size",
    "max_cached_statement_lifetime",
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
    "statement_cache_size",
    "timeout",
};

static FILE *open_string(char **text, size_t *size)
{
    FILE *f = open_memstream(text, size);
    if (!f)
        err_out_of_memory();
    return f;
}

static bool is_hex(char c)
{
    return c && strchr("0123456789abcdefABCDEF", c);
}

/* Writes user or password so that libpq reads what SQLAlchemy would have read. */
static void encode(const char *s, size_t len, FILE *out)
{
    for (size_t i = 0; i < len; i++) {
        bool encoded = s[i] == '%' && len - i > 2 && is_hex(s[i + 1]) && is_hex(s[i + 2]);
        if (strchr("/?#@[]: ", s[i]) || (s[i] == '%' && !encoded))
            fprintf(out, "%%%02X", (unsigned)(unsigned char)s[i]);
        else
            fputc(s[i], out);
    }
}

/* Writes user and password as SQLAlchemy finds them; returns what follows the '@'. */
static const char *write_userinfo(const char *rest, FILE *out)
{
    size_t user = strcspn(rest, ":/");
    const char *at = rest[user] == ':' ? strchr(rest + user, '@') : NULL;
    if (at) {
        encode(rest, user, out);
        fputc(':', out);
        encode(rest + user + 1, (size_t)(at - rest) - user - 1, out);
    } else {
        at = memrchr(rest, '@', user);
        if (!at)
            return rest;
        encode(rest, (size_t)(at - rest), out);
    }
    fputc('@', out);
    return at + 1;
}

static bool is_python_only(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof python_only / sizeof python_only[0]; i++) {
        if (strlen(python_only[i]) == len && memcmp(python_only[i], name, len) == 0)
            return true;
    }
    return false;
}

static bool equals(const char *s, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(s, word, len) == 0;
}

/* asyncpg's ssl takes the names of sslmode, and true and false. */
static void write_ssl(const char *value, size_t len, FILE *out)
{
    if (equals(value, len, "true") || equals(value, len, "1"))
        fputs("sslmode=require", out);
    else if (equals(value, len, "false") || equals(value, len, "0"))
        fputs("sslmode=disable", out);
    else
        fprintf(out, "sslmode=%.*s", (int)len, value);
}

/* `query` begins after the '?'. */
static void write_query(const char *query, FILE *out)
{
    char separator = '?';
    for (const char *p = query; *p;) {
        size_t len = strcspn(p, "&");
        size_t name = strcspn(p, "=&");
        if (!is_python_only(p, name)) {
            fputc(separator, out);
            separator = '&';
            if (equals(p, name, "ssl") && p[name] == '=')
                write_ssl(p + name + 1, len - name - 1, out);
            else
                fwrite(p, 1, len, out);
        }
        p += len + (p[len] == '&');
    }
}

/* `rest` begins after the "://" of a URL for PostgreSQL. */
static char *mend_url(const char *rest, bool has_driver)
{
    char *mended = NULL;
    size_t size = 0;
    FILE *out = open_string(&mended, &size);
    fputs("postgresql://", out);
    if (has_driver)
        rest = write_userinfo(rest, out);
    size_t userinfo = strcspn(rest, "@/");
    const char *query = strchr(rest[userinfo] == '@' ? rest + userinfo : rest, '?');
    if (query) {
        fwrite(rest, 1, (size_t)(query - rest), out);
        write_query(query + 1, out);
    } else {
        fputs(rest, out);
    }
    if (fclose(out) != 0)
        err_out_of_memory();
    return mended;
}

/*
 * libpq quotes parts of what it was given, maybe of a password: only what stands before the first
 * quote is shown. The name of an unknown URL parameter is worth an exception, where it is one: a
 * plain word, with no '@' behind it.
 */
static void explain(const char *url, const char *message, struct err *e)
{
    static const char parameter[] = "invalid URI query parameter: \"";
    size_t safe = strcspn(message, "\"\n");
    if (strncmp(message, parameter, strlen(parameter)) == 0) {
        const char *name = message + strlen(parameter);
        size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz_");
        const char *query = strrchr(url, '?');
        if (len >= 3 && name[len] == '"' && query && !strchr(query, '@')) {
            err_set(e, "unknown parameter %.*s; " EXPECTED, (int)len, name);
            return;
        }
    }
    if (strncmp(message, "missing \"=\"", strlen("missing \"=\"")) == 0) {
        err_set(e, "neither a URL nor key=value pairs (value not shown); " EXPECTED);
        return;
    }
    while (safe > 0 && strchr(" :", message[safe - 1]))
        safe--;
    err_set(e, "libpq: %.*s (value not shown); " EXPECTED, (int)safe, message);
}

/* NULL if it cannot be parsed, with libpq's `message`, to be freed with PQfreemem(). */
static PQconninfoOption *parse(const char *url, char **message)
{
    PQconninfoOption *options = PQconninfoParse(url, message);
    if (!options && (!*message || strcmp(*message, "out of memory\n") == 0))
        err_out_of_memory();
    return options;
}

/* One for each host, separated by commas; an empty one is the default. */
static bool are_ports(const char *list)
{
    for (const char *p = list;; p++) {
        size_t len = strspn(p, "0123456789");
        long port = len ? strtol(p, NULL, 10) : 1;
        if (port < 1 || port > 65535 || (p[len] && p[len] != ','))
            return false;
        p += len;
        if (!*p)
            return true;
    }
}

/* What libpq would say at each attempt to connect only. */
static bool check_value(const char *keyword, const char *value, struct err *e)
{
    if (strcmp(keyword, "replication") == 0) {
        err_set(e, "replication: a replication connection takes no rows; leave it out");
        return false;
    }
    if (strcmp(keyword, "port") == 0 && !are_ports(value)) {
        err_set(e, "port: not a number from 1 to 65535 (value not shown); " EXPECTED);
        return false;
    }
    return true;
}

static bool check(const char *url, struct err *e)
{
    char *message;
    PQconninfoOption *options = parse(url, &message);
    if (!options) {
        explain(url, message, e);
        PQfreemem(message);
        return false;
    }
    bool ok = true;
    for (const PQconninfoOption *o = options; ok && o->keyword; o++)
        ok = !o->val || check_value(o->keyword, o->val, e);
    PQconninfoFree(options);
    return ok;
}

bool dburl_mend(char **url, struct err *e)
{
    if (**url == '\0')
        return true;
    if (**url == '"' || **url == '\'') {
        err_set(e, "begins with a quote: quotes are not taken off; write the value without");
        return false;
    }
    const char *scheme_end = strstr(*url, "://");
    size_t scheme = strspn(*url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    bool has_driver = (*url)[scheme] == '+';
    size_t driver =
        has_driver ? 1 + strspn(*url + scheme + 1, "abcdefghijklmnopqrstuvwxyz_0123456789") : 0;
    if (scheme_end == *url + scheme + driver) {
        if (!equals(*url, scheme, "postgresql") && !equals(*url, scheme, "postgres")) {
            err_set(e, "not a URL of PostgreSQL; " EXPECTED);
            return false;
        }
        char *mended = mend_url(scheme_end + 3, has_driver);
        free(*url);
        *url = mended;
    }
    return check(*url, e);
}

static bool is_secret(const PQconninfoOption *o)
{
    return o->dispchar[0] == '*' || strstr(o->keyword, "password") ||
           strstr(o->keyword, "secret") || strncmp(o->keyword, "scram_", 6) == 0;
}

bool dburl_has_secret(const char *url)
{
    char *message;
    PQconninfoOption *options = parse(url, &message);
    PQfreemem(message);
    bool found = false;
    for (const PQconninfoOption *o = options; o && o->keyword; o++)
        found = found || (o->val && *o->val && is_secret(o));
    PQconninfoFree(options);
    return found;
}

/* Writes a value with libpq's quoting. */
static void write_value(const char *value, FILE *out)
{
    if (*value && !strpbrk(value, " \t\n\r\f\v'\\")) {
        fputs(value, out);
        return;
    }
    fputc('\'', out);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            fputc('\\', out);
        fputc(*value, out);
    }
    fputc('\'', out);
}

char *dburl_mask(const char *url)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_string(&text, &size);
    char *message;
    PQconninfoOption *options = parse(url, &message);
    PQfreemem(message);
    const char *separator = "";
    for (const PQconninfoOption *o = options; o && o->keyword; o++) {
        if (!o->val)
            continue;
        fprintf(out, "%s%s=", separator, o->keyword);
        write_value(is_secret(o) ? "***" : o->val, out);
        separator = " ";
    }
    PQconninfoFree(options);
    if (fclose(out) != 0)
        err_out_of_memory();
    return text;
}
