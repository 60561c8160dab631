/* SPDX-License-Identifier: MIT */
/*
 * The settings in force and where each came from: defaults, then the file, then the environment,
 * then flags. One table (options.h) describes every option once; parsing, --help, --print-config,
 * the sample file and the documentation loop over it.
 *
 * Owns its strings. Read-only after loading, but for config_reload().
 */
#ifndef TICKD_CONFIG_H
#define TICKD_CONFIG_H

#include "err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum config_start { START_EARLIEST, START_LATEST };
enum config_gap { GAP_STOP, GAP_EARLIEST };
enum config_fk_check { FK_CHECK_AUTO, FK_CHECK_ROW, FK_CHECK_BATCH };
enum config_ties { TIES_SPREAD, TIES_FIRST, TIES_LAST };
enum config_schema { SCHEMA_NORMAL, SCHEMA_STRICT };
enum config_level { LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG };
enum config_format { FORMAT_LOGFMT, FORMAT_JSON };
enum config_decoder { DECODER_AUTO, DECODER_CANONICAL, DECODER_RELAY, DECODER_PACIFICA };

/* A librdkafka property given as kafka.<name>. */
struct config_property {
    char *name; /* without "kafka." */
    char *value;
    char *origin; /* "default", "tickd.conf:12", "environment KAFKA_X", "command line" */
};

struct config {
    /* database */
    char *database_url; /* libpq URI or conninfo; SQLAlchemy's spelling already mended; secret */
    int64_t connect_timeout_ms;
    int64_t statement_timeout_ms;
    int64_t lock_timeout_ms;
    int64_t stalled_session_ms; /* end a blocking session of our own group that stalls this long */
    bool require_hypertable;
    enum config_schema schema_check;
    int64_t schema_check_interval_ms;
    int64_t pairs_refresh_ms;
    int64_t pairs_refresh_min_ms; /* at most one early refresh in this time */
    /* Kafka */
    char *topics; /* comma-separated */
    char *group;
    enum config_start start_from;
    enum config_gap on_offset_gap;
    struct config_property *kafka;
    size_t kafka_count;
    /* decoding and validation */
    enum config_decoder decoder;
    char *default_exchange;
    double synthetic_spread_bps;
    int64_t max_message_bytes;
    int64_t max_ticks_per_message;
    int64_t max_age;   /* s; 0 = no limit */
    int64_t max_ahead; /* s */
    enum config_ties ties;
    int64_t tie_memory; /* keys remembered */
    bool keep_repeats;
    /* batching */
    int64_t batch_rows;
    int64_t batch_bytes;
    int64_t linger_ms;
    enum config_fk_check fk_check;
    int64_t writers; /* connections that write, each for a share of the partitions */
    /* trouble */
    int64_t retry_min_ms;
    int64_t retry_max_ms;
    int64_t shutdown_timeout_ms;
    /* HTTP */
    char *http_listen; /* address:port, [address]:port, unix:/path, or off */
    int64_t http_connections;
    int64_t ready_max_lag; /* messages; 0 = no limit */
    int64_t database_stats_interval_ms;
    int64_t database_capacity_bytes; /* 0 = not known */
    /* log */
    enum config_level log_level;
    enum config_format log_format;
    int64_t stats_interval_ms; /* summary line; 0 = none */

    /* where each option's value came from, in the order of option_table */
    char **origins;
};

/* How a command line asks for things; see config_load(). */
struct config_source {
    const char *path;      /* file; NULL = CONFIG_DEFAULT_PATH if it exists, else none */
    char *const *environ_; /* NULL-terminated "NAME=value" list */
    char *const *flags;    /* NULL-terminated "name=value" list, names as in the file */
};

#define CONFIG_DEFAULT_PATH "/etc/tickd/tickd.conf"

/* Fills `c` from all sources. False: `e` names file and line (or variable, or command line), key,
 * value and what would be right; `c` is then empty and needs no config_fini(). */
bool config_load(struct config *c, const struct config_source *source, struct err *e)
    __attribute__((warn_unused_result));
void config_fini(struct config *c);

/* Takes those options from `fresh` that may change while running; writes the names of changed ones
 * that need a restart to `ignored` (comma-separated, cut to fit). Returns how many were taken. */
size_t config_reload(struct config *c, const struct config *fresh, char *ignored, size_t size);

/* Calls `fn` with each setting that weakens security or is likely to be meant otherwise, as one
 * line without secrets: to be logged at start. */
void config_each_warning(const struct config *c, void (*fn)(void *ctx, const char *text),
                         void *ctx);

/* Sets `e` to what config_load() would say of a property which librdkafka refuses: origin, name,
 * value unless it is secret, and `why`. */
void config_property_error(const struct config_property *p, const char *why, struct err *e);

/* True if the property's value must never be shown (passwords, keys, tokens). */
bool config_property_is_secret(const char *name);

/* Prints every option, its value with secrets masked, and its origin: a valid config file. */
void config_print(const struct config *c, FILE *out);

/* The value of an option as it may be shown, secrets masked; on the heap. */
char *config_shown(const struct config *c, const char *name);

/* Calls `fn` with every option and every kafka.* property as it may be shown. */
void config_each_shown(const struct config *c,
                       void (*fn)(void *ctx, const char *name, const char *value,
                                  const char *origin),
                       void *ctx);

/* Prints the options as text for --help. */
void config_print_help(FILE *out);

/* Prints "name<TAB>section<TAB>env<TAB>default<TAB>unit<TAB>range<TAB>reload<TAB>help" for each
 * option, for documentation and lint. `env` is the variable's name, and after a comma that of the
 * old db-writer; `reload` is yes or no. */
void config_print_table(FILE *out);

#endif
