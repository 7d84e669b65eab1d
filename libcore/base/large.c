/* SPDX-License-Identifier: Apache-2.0 */
/* Large pages for large blocks: a product that walks along columns of weights and rows of results
 * touches a page of 4 KiB for a few cache lines, and looks up more pages than the processor
 * remembers. */
#include <omnio/base.h>

#include <stdint.h>
#include <sys/mman.h>

#define LARGE ((uintptr_t)2 << 20)

void omn_large_pages(void *p, size_t n)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t from = ((uintptr_t)p + LARGE - 1) / LARGE * LARGE,
                    to = ((uintptr_t)p + n) / LARGE * LARGE;
    /* a wish: where the system has none, or is told to give none, nothing is lost */
    if (from < to) (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
#else
    (void)p;
    (void)n;
#endif
}
