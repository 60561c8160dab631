/* SPDX-License-Identifier: MIT */
#include "fake_vitals.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct vitals vitals;
struct vital_partition fake_partitions[2];
struct schema_report fake_schema;
struct hist fake_hists[HIST_COUNT];
struct vital_example fake_examples[REJECT_COUNT];
struct dbstats fake_database;
struct history fake_history;
struct quotes *fake_quotes;

struct config fake_config;

static struct pairs *pairs;

/* Rows for pairs_load(), as the server would send them. */
static void load_pairs(void)
{
    static const char *const rows[][4] = {{"BTC", "t", "Bitcoin", "major"},
                                          {"OLD", "f", "Old \"one\"", "small-cap"},
                                          {"kBONK", "t", "", "emerging"}};
    static char names[4][8] = {"symbol", "active", "name", "class"};
    PGresAttDesc columns[4] = {
        {.name = names[0]}, {.name = names[1]}, {.name = names[2]}, {.name = names[3]}};
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    struct err e;
    PQsetResultAttrs(result, 4, columns);
    for (int row = 0; row < 3; row++) {
        for (int column = 0; column < 4; column++)
            PQsetvalue(result, row, column, (char *)(uintptr_t)rows[row][column],
                       (int)strlen(rows[row][column]));
    }
    ck_assert_msg(pairs_load(pairs, result, &e), "%s", e.text);
    PQclear(result);
}

void fake_vitals_init(void)
{
    static char *no_environment[] = {NULL};
    static char *no_flags[] = {NULL};
    struct config_source source = {"/dev/null", no_environment, no_flags};
    struct err e;
    ck_assert_msg(config_load(&fake_config, &source, &e), "%s", e.text);
    pairs = pairs_new();
    load_pairs();
    fake_quotes = quotes_new();
    fake_partitions[0] = (struct vital_partition){"ticks", 0, false, 100, 10, 130};
    fake_partitions[1] = (struct vital_partition){"ticks", 1, false, 50, 0, 50};
    vitals = (struct vitals){
        .now = {.mono_us = 60000000, .wall_us = INT64_C(1763225136000000)},
        .started_us = INT64_C(1763225076000000),
        .facts =
            {
                .database_connected = true,
                .database_usable = true,
                .service_connected = true,
                .pairs_loaded = true,
                .kafka_up = true,
                .pipeline = PIPELINE_RUNNING,
                .partitions = fake_partitions,
                .partition_count = 2,
                .schema = &fake_schema,
                .state = "flowing",
                .state_since_us = 10000000,
            },
        .lag = 30,
        .max_lag = 1000,
        .pairs = pairs,
        .quotes = fake_quotes,
        .hists = fake_hists,
        .history = &fake_history,
        .examples = fake_examples,
        .database = &fake_database,
        .config = &fake_config,
    };
}

void fake_vitals_fini(void)
{
    quotes_free(fake_quotes);
    pairs_free(pairs);
    config_fini(&fake_config);
}
