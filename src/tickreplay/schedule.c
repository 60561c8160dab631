/* SPDX-License-Identifier: MIT */
#include "schedule.h"

#include "profile.h"

#define SECOND_NS INT64_C(1000000000)

/* The longest block; its windows are then of 100 ms. */
#define BLOCK_MS 10000

/* Busy windows come in runs: so many neighbours are alike. With them the busiest second has about
 * five times the mean, as in the recording. */
#define RUN_WINDOWS 4

uint64_t schedule_total(uint64_t rate_milli, int64_t duration_ns)
{
    double total = (double)rate_milli * (double)duration_ns / 1e12;
    if (total >= (double)SCHEDULE_TOTAL_MAX)
        return SCHEDULE_TOTAL_MAX;
    return (uint64_t)(total + 0.5);
}

/* Messages before a block: the blocks share them evenly. Without a product of the two, which could
 * be too large. */
static uint64_t messages_before(const struct schedule *s, uint64_t block)
{
    return s->total / s->blocks * block + s->total % s->blocks * block / s->blocks;
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

    uint64_t first = messages_before(s, s->block);
    uint64_t count = messages_before(s, s->block + 1) - first;
    uint64_t before = 0;
    for (uint32_t i = 0; i < SCHEDULE_WINDOWS; i++) {
        s->until[i] = first + count * before / sum;
        before += (uint64_t)intensities[i];
    }
    s->until[SCHEDULE_WINDOWS] = first + count;
    s->window = 0;
}

void schedule_init(struct schedule *s, int64_t start_ns, uint64_t rate_milli, uint64_t total,
                   bool bursts, struct rng *r)
{
    uint64_t ms = total * 1000 / rate_milli * 1000 + total * 1000 % rate_milli * 1000 / rate_milli;
    *s = (struct schedule){.start_ns = start_ns,
                           .rate_milli = rate_milli,
                           .bursts = bursts,
                           .total = total,
                           .blocks = ms / BLOCK_MS + (ms % BLOCK_MS > 0 || ms == 0),
                           .last_ns = start_ns - 1};
    s->window_ns = (int64_t)(ms * 1000 / s->blocks * 1000 / SCHEDULE_WINDOWS) + 1;
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
    uint64_t step = (uint64_t)s->window_ns / room;
    return s->start_ns + ((int64_t)s->block * SCHEDULE_WINDOWS + s->window) * s->window_ns +
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
