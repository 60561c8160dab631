/* SPDX-License-Identifier: MIT */
#include "pgtext.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char location[] = "LOCATION:";

void pgtext_flatten(char *out, size_t size, const char *text)
{
    size_t len = 0;
    while (*text) {
        text += strspn(text, "\n\t ");
        size_t line = strcspn(text, "\n");
        if (line && strncmp(text, location, sizeof location - 1) != 0) {
            int n = snprintf(out + len, size - len, "%s%.*s", len ? " " : "", (int)line, text);
            len = len + (size_t)n < size ? len + (size_t)n : size - 1;
        }
        text += line;
    }
    out[len] = '\0';
}

void pgtext_describe(char *out, size_t size, const PGresult *error)
{
    const char *primary = PQresultErrorField(error, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(error, PG_DIAG_MESSAGE_DETAIL);
    if (!primary)
        pgtext_flatten(out, size, PQresultErrorMessage(error));
    else
        snprintf(out, size, "%s%s%s", primary, detail ? ": " : "", detail ? detail : "");
}

static bool is_code(const char *s)
{
    return strspn(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && s[5] == ':';
}

/* "FATAL:  28P01: password authentication failed", and the severity may be in any language. */
void pgtext_sqlstate(char out[6], const char *text)
{
    static const char mark[] = ":  ";
    out[0] = '\0';
    while ((text = strstr(text, mark))) {
        text += sizeof mark - 1;
        if (is_code(text))
            snprintf(out, 6, "%.5s", text);
    }
}

#define PASSWORD_HINT "look at user and password in database_url, and at the role on the server"
#define HBA_HINT                                                                                   \
    "pg_hba.conf on the server must let this role into this database from here; its hostssl "      \
    "lines "                                                                                       \
    "want TLS: sslmode=verify-full in database_url"

/* The first that matches counts, by either of the two. libpq's own words have no SQLSTATE, and the
 * server's may be in any language. */
static const struct {
    const char *sqlstate;
    const char *text; /* a part of it */
    const char *hint;
} hints[] = {
    {NULL, "certificate verify failed",
     "the server's certificate is not signed by a CA in the sslrootcert of database_url, or has "
     "expired, or this machine's clock is wrong; openssl s_client -starttls postgres -connect "
     "HOST:PORT -CAfile FILE tells which"},
    {NULL, "does not match host name",
     "the host in database_url must be a name in the server's certificate (subjectAltName)"},
    {NULL, "does not support SSL",
     "switch TLS on in the server (ssl = on), or look at host and port in database_url; its "
     "sslmode forbids to go on without"},
    {NULL, "root certificate file",
     "sslrootcert in database_url must name a file with the CA of the server's certificate"},
    {NULL, "alert unknown ca",
     "the server's ssl_ca_file must have the CA of the sslcert in database_url"},
    {NULL, "no password supplied",
     "give one: database_url in a file of its own (TICKD_DATABASE_URL_FILE), or passfile= in it"},
    {"28P01", "password authentication failed", PASSWORD_HINT},
    {"28000", "no pg_hba.conf entry", HBA_HINT},
    {"3D000", NULL, "create the database, or mend its name in database_url"},
};

const char *pgtext_hint(const char *sqlstate, const char *text)
{
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if ((hints[i].sqlstate && strcmp(sqlstate, hints[i].sqlstate) == 0) ||
            (hints[i].text && strstr(text, hints[i].text)))
            return hints[i].hint;
    }
    return NULL;
}
