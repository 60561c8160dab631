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
