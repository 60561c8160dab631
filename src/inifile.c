/* SPDX-License-Identifier: MIT */
#include "inifile.h"

#include <string.h>

static const char blanks[] = " \t\r\f\v";

static char *trim(char *s)
{
    s += strspn(s, blanks);
    size_t len = strlen(s);
    while (len > 0 && strchr(blanks, s[len - 1]))
        len--;
    s[len] = '\0';
    return s;
}

static bool is_key(const char *s)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return *s && s[strspn(s, allowed)] == '\0';
}

static bool parse_line(char *line, unsigned number, inifile_fn *fn, void *ctx, const char *name,
                       struct err *e)
{
    line = trim(line);
    if (*line == '\0' || *line == '#' || *line == ';')
        return true;
    if (*line == '[') {
        err_set(e, "%s:%u: section: there are none; keys stand alone", name, number);
        return false;
    }
    char *equals = strchr(line, '=');
    if (!equals) {
        err_set(e, "%s:%u: no '='; expected: key = value", name, number);
        return false;
    }
    *equals = '\0';
    const char *key = trim(line);
    if (!is_key(key)) {
        err_set(e, "%s:%u: not a key before '='; expected letters, digits, '_', '.', '-'", name,
                number);
        return false;
    }
    return fn(ctx, number, key, trim(equals + 1), e);
}

bool inifile_parse(const char *name, char *text, size_t len, inifile_fn *fn, void *ctx,
                   struct err *e)
{
    static const char bom[] = "\xEF\xBB\xBF";
    char *end = text + len;
    *end = '\0';
    char *line = len >= 3 && memcmp(text, bom, 3) == 0 ? text + 3 : text;
    for (unsigned number = 1; line < end; number++) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        char *stop = newline ? newline : end;
        *stop = '\0';
        if (strlen(line) != (size_t)(stop - line)) {
            err_set(e, "%s:%u: a NUL byte: not a text file", name, number);
            return false;
        }
        if (!parse_line(line, number, fn, ctx, name, e))
            return false;
        line = stop + 1;
    }
    return true;
}
