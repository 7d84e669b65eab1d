/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of Newton-Schulz that this build has. */
#ifndef OMNIO_TRAIN_NEWTON_H
#define OMNIO_TRAIN_NEWTON_H

#include "inside.h"

extern const newton newton_portable;
#if defined(__x86_64__)
extern const newton newton_avx2, newton_avx512, newton_avx512bf16, newton_amx;
#endif

#endif
