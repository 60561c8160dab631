/* SPDX-License-Identifier: MIT */
#include "schedule.h"

#include "profile.h"

#define SECOND_NS    INT64_C(1000000000)
#define WINDOW_NS    INT64_C(100000000)
#define WINDOW_PER_S 10

/* Busy windows come in runs: so many neighbours are alike. With them the busiest second has about
 * five times the mean, as in the recording. */
#define RUN_WINDOWS 4

/* The first messages of `seconds` seconds. */
static uint64_t messages_in(const struct schedule *s, uint64_t seconds)
{
    return seconds / 1000 * s->rate_milli + seconds % 1000 * s->rate_milli / 1000;
}

static void shuffle_runs(int64_t intensities[SCHEDULE_WINDOWS], struct rng *r)
{
    for (uint32_t i = SCHEDULE_WINDOWS / RUN_WINDOWS - 1; i > 0; i--) {
        uint32_t j = rng_below(r, i + 1);
        for (uint32_t k = 0; k < RUN_WINDOWS; k++) {
            int64_t kept = intensities[i * RUN_WINDOWS + k];
            intensities[i * RUN_WINDOWS + k] = intensities[j * RUN_WINDOWS + k];
            intensities[j * RUN_WINDOWS + k] = kept;
        }
    }
}

/* Shares the block's messages among its windows. Each hundredth of the distribution gives one
 * window, so that no block is without its burst, or has many. */
static void fill_block(struct schedule *s, struct rng *r)
{
    int64_t intensities[SCHEDULE_WINDOWS];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < SCHEDULE_WINDOWS; i++) {
        intensities[i] = profile_intensity((i * PPM + rng_below(r, PPM)) / SCHEDULE_WINDOWS);
        sum += (uint64_t)intensities[i];
    }
    shuffle_runs(intensities, r);

    uint64_t seconds = s->block * (SCHEDULE_WINDOWS / WINDOW_PER_S);
    uint64_t first = messages_in(s, seconds);
    uint64_t count = messages_in(s, seconds + SCHEDULE_WINDOWS / WINDOW_PER_S) - first;
    uint64_t before = 0;
    for (uint32_t i = 0; i < SCHEDULE_WINDOWS; i++) {
        s->until[i] = first + count * before / sum;
        before += (uint64_t)intensities[i];
    }
    s->until[SCHEDULE_WINDOWS] = first + count;
    s->window = 0;
}

void schedule_init(struct schedule *s, int64_t start_ns, uint64_t rate_milli, bool bursts,
                   struct rng *r)
{
    *s = (struct schedule){
        .start_ns = start_ns, .rate_milli = rate_milli, .bursts = bursts, .last_ns = start_ns - 1};
    if (bursts)
        fill_block(s, r);
}

static int64_t even_ns(const struct schedule *s)
{
    uint64_t milli = s->emitted * 1000;
    uint64_t rest = milli % s->rate_milli;
    /* The rest is below 10^10, so its billionfold fits where halves of it are multiplied. */
    uint64_t micro = rest * 1000000 / s->rate_milli;
    uint64_t nano = rest * 1000000 % s->rate_milli * 1000 / s->rate_milli;
    return s->start_ns + (int64_t)(milli / s->rate_milli) * SECOND_NS +
           (int64_t)(micro * 1000 + nano);
}

/* The place of the next message in the window that still has room. */
static int64_t burst_ns(struct schedule *s, struct rng *r)
{
    while (s->emitted >= s->until[s->window + 1]) {
        if (++s->window == SCHEDULE_WINDOWS) {
            s->block++;
            fill_block(s, r);
        }
    }
    uint64_t room = s->until[s->window + 1] - s->until[s->window];
    uint64_t done = s->emitted - s->until[s->window];
    uint64_t step = (uint64_t)WINDOW_NS / room;
    return s->start_ns + ((int64_t)s->block * SCHEDULE_WINDOWS + s->window) * WINDOW_NS +
           (int64_t)(done * step + rng_below(r, (uint32_t)step));
}

int64_t schedule_next(struct schedule *s, bool together, struct rng *r)
{
    int64_t gap_ns = profile_draw_gap_ns(r);
    /* Faster feeds have shorter gaps, or a group would not fit into its time. */
    int64_t longest_ns = (int64_t)(1000 * (uint64_t)SECOND_NS / s->rate_milli / 2);
    int64_t at = s->last_ns + (gap_ns < longest_ns ? gap_ns : longest_ns) + 1;
    if (!s->bursts) {
        at = even_ns(s);
    } else if (!together) {
        int64_t planned = burst_ns(s, r);
        at = planned > at ? planned : at;
    }
    s->emitted++;
    s->last_ns = at;
    return at;
}
