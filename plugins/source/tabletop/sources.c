/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources share. */
#include "sources.h"

#include <stdlib.h>
#include <string.h>

omn_status source_open(const void *params, size_t size, void **self, omn_error *err)
{
    *self = malloc(size);
    if (!*self)
        return omn_fail(err, OMN_ERR_MEMORY, "tabletop: no memory");
    memcpy(*self, params, size);
    return OMN_OK;
}

uint64_t source_endless(const void *self, omn_split split)
{
    (void)self;
    (void)split;
    return OMN_ENDLESS;
}

uint64_t source_scene(int64_t scenes, int64_t round, uint64_t index, uint32_t *words)
{
    const uint64_t n = (uint64_t)scenes;
    *words = (uint32_t)((uint64_t)round + (n ? index / n : 0));
    return n ? index % n : index;
}
