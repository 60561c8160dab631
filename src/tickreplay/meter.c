/* SPDX-License-Identifier: MIT */
#include "meter.h"

#define SECOND_NS 1000000000

static void end_second(struct meter *m)
{
    if (m->seconds == 0 || m->in_second < m->slowest)
        m->slowest = m->in_second;
    if (m->in_second > m->fastest)
        m->fastest = m->in_second;
    m->seconds++;
    m->second++;
    m->in_second = 0;
}

void meter_add(struct meter *m, int64_t due_ns, int64_t now_ns)
{
    if (m->count == 0)
        m->first_ns = now_ns;
    while ((uint64_t)(now_ns - m->first_ns) / SECOND_NS > m->second)
        end_second(m);
    m->in_second++;
    m->count++;
    m->last_ns = now_ns;
    if (now_ns - due_ns > m->behind_max_ns)
        m->behind_max_ns = now_ns - due_ns;
}

double meter_rate(const struct meter *m)
{
    if (m->count < 2 || m->last_ns == m->first_ns)
        return 0;
    return (double)(m->count - 1) * SECOND_NS / (double)(m->last_ns - m->first_ns);
}
