/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Working memory that kernels borrow while a task runs, so that their large arrays lie on no
 * thread's stack. A device has one such heap of equal blocks. Each queue reserves a block when it
 * is made, for the thread that submits, besides one per worker of the pool: no task ever finds it
 * empty. The block given back last is lent first, so only as many are touched as tasks really run
 * at a time.
 */
#ifndef OMN_CPU_SCRATCH_H
#define OMN_CPU_SCRATCH_H

#include <omnio/base.h>

typedef struct cpu_scratch cpu_scratch;

/* NULL without memory. bytes: of a block. [setup] */
cpu_scratch *cpu_scratch_new(size_t bytes);
void cpu_scratch_free(cpu_scratch *s);
/* One block more can be lent at a time; OMN_ERR_MEMORY. [any] */
omn_status cpu_scratch_reserve(cpu_scratch *s, omn_error *err);
/* One block less: while as many are lent as were reserved, the one that comes back is freed.
 * [any] */
void cpu_scratch_release(cpu_scratch *s);

/* What cpu_par wants: a block at a multiple of 64. [any] */
void *cpu_scratch_take(void *scratch);
void cpu_scratch_give(void *scratch, void *block);

#endif
