/* SPDX-License-Identifier: Apache-2.0 */
/* The one place for what compilers and processors add to C11. Elsewhere in the library the language
 * is plain C11. */
#ifndef OMNIO_BASE_COMPILER_H
#define OMNIO_BASE_COMPILER_H

/* Tells the processor that this is a waiting loop: the sibling hardware thread gets its turn. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
