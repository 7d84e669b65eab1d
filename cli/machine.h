/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine has. */
#ifndef OMNIO_CLI_MACHINE_H
#define OMNIO_CLI_MACHINE_H

#include <stdint.h>

/* Bytes; 0: unknown. most: what the group that this process is in may take at the most. all is no
 * more than most, free no more than all. */
typedef struct machine_memory { uint64_t all, free, most; } machine_memory;
machine_memory machine_memory_now(void);

#endif
