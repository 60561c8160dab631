/* SPDX-License-Identifier: MIT */
#include "validate.h"

#include "detail.h"
#include "timestamp.h"

/* 2000-01-01: nothing was traded here before, and each wild day would make a chunk of its own. */
#define EARLIEST_US INT64_C(946684800000000)

static enum reject_reason check_pair(const struct pair *pair)
{
    if (!pair || !pair->listed)
        return REJECT_UNKNOWN_SYMBOL;
    return pair->active ? REJECT_NONE : REJECT_INACTIVE_SYMBOL;
}

static enum reject_reason check_time(const struct validate_options *options, int64_t time_us,
                                     int64_t now_us)
{
    if (time_us < EARLIEST_US)
        return REJECT_TIME_TOO_EARLY;
    /* Differences cannot overflow: the event time is positive here, and so is a clock's. */
    if (options->max_age_us > 0 && now_us - time_us > options->max_age_us)
        return REJECT_TOO_OLD;
    if (time_us - now_us > options->max_ahead_us)
        return REJECT_TOO_FAR_AHEAD;
    return REJECT_NONE;
}

enum reject_reason validate_record(const struct validate_options *options, const struct record *r,
                                   const struct pair *pair, int64_t now_us, char *detail,
                                   size_t detail_size)
{
    struct detail d = detail_start(detail, detail_size);
    enum reject_reason reason = check_pair(pair);
    if (reason != REJECT_NONE) {
        detail_print(&d, "symbol: ");
        detail_quote(&d, r->symbol, r->symbol_len, RECORD_SYMBOL_MAX * 6);
        return reason;
    }
    reason = check_time(options, r->time_us, now_us);
    if (reason != REJECT_NONE) {
        char event[TIMESTAMP_TEXT_SIZE];
        char now[TIMESTAMP_TEXT_SIZE];
        detail_print(&d, "time: %s, now: %s", timestamp_format(r->time_us, event),
                     timestamp_format(now_us, now));
    }
    return reason;
}
