/* SPDX-License-Identifier: Apache-2.0 */
/* A small encoder-decoder with everything that training needs, for tests of plans and passes. */
#ifndef OMNIO_TESTS_GRAPH_SMALL_H
#define OMNIO_TESTS_GRAPH_SMALL_H

#include <omnio/graph.h>

typedef struct small {
    int64_t batch, tokens, size, width, heads, hidden, vocabulary; /* size: of the picture */
    int encoders, decoders;
    bool tag_all; /* so that keep_tagged leaves nothing to fuse or share */
} small;

/* Inputs "image", "tokens", "seg", "labels", "weight"; outputs "loss" and "each". */
void small_build(void *user, omn_scope *s, omn_bundle *out);

#endif
