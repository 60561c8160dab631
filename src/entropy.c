/* SPDX-License-Identifier: MIT */
#include "entropy.h"

#include "clock.h"
#include <sys/random.h>

uint32_t entropy_bits(void)
{
    uint32_t bits;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits)
        bits = (uint32_t)clock_now().mono_us * UINT32_C(2654435761);
    return bits;
}
