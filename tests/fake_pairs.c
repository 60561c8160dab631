/* SPDX-License-Identifier: MIT */
#include "fake_pairs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 4 };

static void require(int holds)
{
    if (!holds)
        abort();
}

static void set_value(PGresult *rows, int row, int column, const char *value, size_t len)
{
    char text[64];
    require(len < sizeof text);
    memcpy(text, value, len);
    text[len] = '\0';
    require(PQsetvalue(rows, row, column, text, (int)len));
}

static void add_row(PGresult *rows, const char *symbol, size_t len)
{
    int row = PQntuples(rows);
    bool active = *symbol != '!';
    set_value(rows, row, 0, active ? symbol : symbol + 1, active ? len : len - 1);
    set_value(rows, row, 1, active ? "t" : "f", 1);
    set_value(rows, row, 2, "", 0);
    set_value(rows, row, 3, "major", 5);
}

void fake_pairs_load(struct pairs *pairs, const char *list)
{
    static char name[] = "column";
    PGresAttDesc columns[COLUMNS];
    struct err e;
    for (int i = 0; i < COLUMNS; i++)
        columns[i] = (PGresAttDesc){.name = name, .typid = 25, .typlen = -1};
    PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    require(PQsetResultAttrs(rows, COLUMNS, columns));
    for (const char *at = list + strspn(list, " "); *at; at += strspn(at, " ")) {
        add_row(rows, at, strcspn(at, " "));
        at += strcspn(at, " ");
    }
    require(pairs_load(pairs, rows, &e));
    PQclear(rows);
}
