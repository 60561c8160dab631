/* SPDX-License-Identifier: MIT */
#include "timestamp.h"

#include "number.h"
#include <endian.h>
#include <stdio.h>
#include <string.h>

#define DAY_S     86400
#define SECOND_US INT64_C(1000000)

/* What is left to read. */
struct cursor {
    const char *p;
    const char *end;
};

/* The fields of a time as written. */
struct fields {
    int year, month, day;
    int hour, minute, second;
    int micros;
    int offset_minutes; /* east of UTC */
};

static bool take(struct cursor *c, char wanted)
{
    if (c->p == c->end || *c->p != wanted)
        return false;
    c->p++;
    return true;
}

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

static bool take_two(struct cursor *c, int *value)
{
    if (c->end - c->p < 2 || !is_digit(c->p[0]) || !is_digit(c->p[1]))
        return false;
    *value = (c->p[0] - '0') * 10 + (c->p[1] - '0');
    c->p += 2;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Eight characters at once, the first in the lowest byte. `form` has '0' where a digit has to be
 * and else the very character; `slack` is 0x7f less 9 for a digit and 0x7f for what has to be
 * equal.
 * `*pairs` has in each byte the number of two digits that begins there. */
static inline bool read_pairs(const char *text, const char *form, const char *slack,
                              uint64_t *pairs)
{
    uint64_t word;
    uint64_t zero;
    uint64_t more;
    memcpy(&word, text, sizeof word);
    memcpy(&zero, form, sizeof zero);
    memcpy(&more, slack, sizeof more);
    word = le64toh(word) - le64toh(zero);
    *pairs = word * 10 + (word >> 8);
    return (((word + le64toh(more)) | word) & UINT64_C(0x8080808080808080)) == 0;
}

/* Date, hour and minute as nearly all write them; else nothing is taken. */
static bool take_usual(struct cursor *c, struct fields *f)
{
    uint64_t date;
    uint64_t clock;
    if (c->end - c->p < 16 ||
        !read_pairs(c->p, "0000-00-", "\x76\x76\x76\x76\x7f\x76\x76\x7f", &date) ||
        !read_pairs(c->p + 8, "00T00:00", "\x76\x76\x7f\x76\x76\x7f\x76\x76", &clock))
        return false;
    f->year = (int)(date & 0xff) * 100 + (int)(date >> 16 & 0xff);
    f->month = (int)(date >> 40 & 0xff);
    f->day = (int)(clock & 0xff);
    f->hour = (int)(clock >> 24 & 0xff);
    f->minute = (int)(clock >> 48 & 0xff);
    c->p += 16;
    return true;
}

/* The same as it may be written. */
static bool take_unusual(struct cursor *c, struct fields *f)
{
    int century;
    if (!take_two(c, &century) || !take_two(c, &f->year) || !take(c, '-') ||
        !take_two(c, &f->month) || !take(c, '-') || !take_two(c, &f->day) ||
        !(take(c, 'T') || take(c, 't') || take(c, ' ')) || !take_two(c, &f->hour) ||
        !take(c, ':') || !take_two(c, &f->minute))
        return false;
    f->year += century * 100;
    return true;
}

static bool is_in_calendar(const struct fields *f)
{
    return f->month >= 1 && f->month <= 12 && f->day >= 1 &&
           f->day <= days_in_month(f->year, f->month) && f->hour <= 23 && f->minute <= 59 &&
           f->second <= 60;
}

static bool take_fraction(struct cursor *c, struct fields *f)
{
    static const int weights[] = {0, 100000, 10000, 1000, 100, 10, 1};
    f->micros = 0;
    if (!take(c, '.'))
        return true;
    const char *first = c->p;
    for (; c->p < c->end && is_digit(*c->p); c->p++) {
        if (c->p - first < 6)
            f->micros = f->micros * 10 + (*c->p - '0');
    }
    ptrdiff_t count = c->p - first;
    f->micros *= weights[count < 6 ? count : 6];
    return count > 0;
}

static bool take_zone(struct cursor *c, struct fields *f)
{
    f->offset_minutes = 0;
    if (c->p == c->end || take(c, 'Z') || take(c, 'z'))
        return true;
    bool west = take(c, '-');
    int hours;
    int minutes;
    if (!west && !take(c, '+'))
        return false;
    if (!take_two(c, &hours) || !take(c, ':') || !take_two(c, &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    f->offset_minutes = (west ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

/* Days from 1970-01-01, with years that begin in March: then the leap day is a year's last. */
static int64_t days_of(const struct fields *f)
{
    int64_t year = f->month > 2 ? f->year : f->year - 1;
    int64_t month = (f->month + 9) % 12;
    int64_t day_of_year = (153 * month + 2) / 5 + f->day - 1;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

bool timestamp_parse_rfc3339(const char *text, size_t len, int64_t *time_us)
{
    struct cursor c = {text, text + len};
    struct fields f;
    if (!(take_usual(&c, &f) || take_unusual(&c, &f)) || !take(&c, ':') ||
        !take_two(&c, &f.second) || !take_fraction(&c, &f) || !take_zone(&c, &f) || c.p != c.end ||
        !is_in_calendar(&f))
        return false;

    int64_t minute = days_of(&f) * (DAY_S / 60) + f.hour * 60 + f.minute - f.offset_minutes;
    bool last_of_day = (minute + 1) % (DAY_S / 60) == 0;
    if (f.second == 60 && !last_of_day)
        return false;
    *time_us = (minute * 60 + f.second) * SECOND_US + f.micros;
    return true;
}

int64_t timestamp_from_integer(int64_t value)
{
    static const int64_t seconds_end = INT64_C(100000000000);
    static const int64_t millis_end = INT64_C(100000000000000);
    static const int64_t micros_end = INT64_C(100000000000000000);
    if (value > -seconds_end && value < seconds_end)
        return value * SECOND_US;
    if (value > -millis_end && value < millis_end)
        return value * 1000;
    if (value > -micros_end && value < micros_end)
        return value;
    return value / 1000;
}

bool timestamp_parse(const char *text, size_t len, int64_t *time_us)
{
    int64_t value;
    bool is_date = len > 4 && text[4] == '-'; /* no integer has a sign there */
    if (!is_date && number_parse_int64(text, len, &value)) {
        *time_us = timestamp_from_integer(value);
        return true;
    }
    return timestamp_parse_rfc3339(text, len, time_us);
}

/* The inverse of days_of(). */
static void date_of(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

const char *timestamp_format(int64_t time_us, char *text)
{
    int64_t day_us = DAY_S * SECOND_US;
    int64_t days = time_us / day_us - (time_us % day_us < 0);
    int64_t rest = time_us % day_us + (time_us % day_us < 0 ? day_us : 0);
    int second = (int)(rest / SECOND_US);
    int64_t year;
    int month;
    int day;
    date_of(days, &year, &month, &day);
    snprintf(text, TIMESTAMP_TEXT_SIZE, "%04lld-%02d-%02dT%02d:%02d:%02d.%06dZ", (long long)year,
             month, day, second / 3600, second / 60 % 60, second % 60, (int)(rest % SECOND_US));
    return text;
}
