/* SPDX-License-Identifier: MIT */
/*
 * The reasons for which a tick is dead-lettered. The code of a reason is what stands in
 * rejected_ticks.reason, in logs and in metrics; it never changes once released.
 */
#ifndef TICKD_REJECT_H
#define TICKD_REJECT_H

#include <stddef.h>

/* code, what an operator reads in the documentation */
#define REJECT_TABLE(X)                                                                            \
    X(TOO_LARGE, "too_large", "message larger than max_message_bytes")                             \
    X(BAD_UTF8, "bad_utf8", "message is not UTF-8")                                                \
    X(BAD_JSON, "bad_json", "message is not one JSON text")                                        \
    X(TOO_DEEP, "too_deep", "JSON nested deeper than the parser goes")                             \
    X(NUL_BYTE, "nul_byte", "a string contains a NUL byte, which PostgreSQL cannot store")         \
    X(UNKNOWN_SHAPE, "unknown_shape", "JSON, but none of the message shapes")                      \
    X(TOO_MANY_TICKS, "too_many_ticks", "more ticks in one message than max_ticks_per_message")    \
    X(NO_SYMBOL, "no_symbol", "symbol missing or empty")                                           \
    X(BAD_SYMBOL, "bad_symbol", "symbol is not a string")                                          \
    X(TEXT_TOO_LONG, "text_too_long", "symbol over 20 bytes or exchange over 50 bytes")            \
    X(BAD_EXCHANGE, "bad_exchange", "exchange is not a string")                                    \
    X(NO_PRICE, "no_price", "price missing")                                                       \
    X(BAD_PRICE, "bad_price", "price is not a finite number above zero")                           \
    X(BAD_VOLUME, "bad_volume", "volume is not a finite number of zero or more")                   \
    X(BAD_QUOTE, "bad_quote", "bid or ask is not a finite number above zero")                      \
    X(NO_TIME, "no_time", "no event time, and the Kafka message has none either")                  \
    X(BAD_TIME, "bad_time", "event time unreadable")                                               \
    X(TIME_TOO_EARLY, "time_too_early", "event time before 2000-01-01")                            \
    X(TOO_OLD, "too_old", "event time older than max_age")                                         \
    X(TOO_FAR_AHEAD, "too_far_ahead", "event time more than max_ahead in the future")              \
    X(UNKNOWN_SYMBOL, "unknown_symbol", "symbol is not in the pairs table")                        \
    X(INACTIVE_SYMBOL, "inactive_symbol", "the pair is not active")                                \
    X(DATABASE, "database", "the database refused the row; detail has SQLSTATE and message")

enum reject_reason {
    REJECT_NONE = 0,
#define X(name, code, text) REJECT_##name,
    REJECT_TABLE(X)
#undef X
        REJECT_COUNT
};

/* The code of a reason ("unknown_symbol"); "none" for REJECT_NONE. Static storage. */
const char *reject_code(enum reject_reason reason);

/* What the reason means, for people. Static storage. */
const char *reject_text(enum reject_reason reason);

#endif
