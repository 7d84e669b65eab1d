/* SPDX-License-Identifier: Apache-2.0 */
/* Newton-Schulz in f32 for processors of the kind "avx2"; compiled with flags of its own. */
#define LANES 8
#define HIGH 4
#include "newton_f32.h"

#include "newton.h"

const newton newton_avx2 = { "avx2", room, run };
