/* SPDX-License-Identifier: MIT */
/*
 * Random bits for jitter; not for secrets.
 */
#ifndef TICKD_ENTROPY_H
#define TICKD_ENTROPY_H

#include <stdint.h>

/* Never blocks: very early at boot, when there is no entropy, the clock has to do. */
uint32_t entropy_bits(void);

#endif
