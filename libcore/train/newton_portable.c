/* SPDX-License-Identifier: Apache-2.0 */
/* Newton-Schulz in f32 for processors of the kind "portable"; compiled with flags of its own. */
#define LANES 4
#define HIGH 4
#include "newton_f32.h"

#include "newton.h"

const newton newton_portable = { "portable", room, run };
