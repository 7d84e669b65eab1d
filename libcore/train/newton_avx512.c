/* SPDX-License-Identifier: Apache-2.0 */
/* Newton-Schulz in f32 for processors of the kind "avx512"; compiled with flags of its own. */
#define LANES 16
#define HIGH 8
#include "newton_f32.h"

#include "newton.h"

const newton newton_avx512 = { "avx512", room, run };
