/* SPDX-License-Identifier: Apache-2.0 */
/* Rotary positions of language models, made once for all layers. Contexts that were made longer
 * after training have slower frequencies ("linear": all of them; "llama3": those whose waves are
 * long beside the context of before), as the Transformers library counts them, in single
 * precision. */
#include "flamingo.h"

#include <math.h>

#define TURN 6.28318530717958647692

static float frequency(const language *l, int64_t c)
{
    const stretch *h = &l->stretch;
    const float f = 1.0f / powf((float)l->base, (float)(2 * c) / (float)l->rotary);
    const float slow = f / (float)h->factor;
    if (!(h->old > 0)) return slow;
    const float wave = (float)TURN / f;
    if (wave > (float)(h->old / h->low)) return slow;
    if (wave < (float)(h->old / h->high)) return f;
    const float fast = ((float)h->old / wave - (float)h->low) / (float)(h->high - h->low);
    return (1 - fast) * slow + fast * f;
}

/* Rows [B,T,rotary] of a table of n places whose frequencies are stretched. */
static omn_node *stretched(const language *l, omn_scope *s, omn_node *pos, int64_t n)
{
    const int64_t couples = l->rotary / 2;
    float *x = omn_arena_alloc(omn_scope_arena(s), (size_t)(n * l->rotary), sizeof *x);
    if (!x) return omn_scope_fail(s, OMN_ERR_MEMORY, "a language model: out of memory");
    for (int64_t c = 0; c < couples; c++) {
        const float f = frequency(l, c);
        for (int64_t i = 0; i < n; i++) {
            x[i * l->rotary + 2 * c] = cosf((float)i * f);
            x[i * l->rotary + 2 * c + 1] = sinf((float)i * f);
        }
    }
    return omn_embedding(s, omn_const(s, OMN_F32, omn_dim2(n, l->rotary), x), pos);
}

omn_node *language_turn(const language *l, omn_scope *s, const omn_build *rq)
{
    omn_node *pos = rq->targets[0]->pos;
    if (!l->rotary || omn_scope_failed(s)) return NULL;
    const int64_t n = rq->phase == OMN_STEP ? rq->capacity : omn_node_dim(pos, 1);
    if (l->stretch.factor > 0) return stretched(l, s, pos, n);
    return omn_rope_rows(s, pos, 0, 0, n, l->rotary, l->base, 1);
}
