/* SPDX-License-Identifier: Apache-2.0 */
/* A model that only looks: the sum of a text's rows as an embedding, and three classes of it. For
 * the tests of what models make without writing. */
#include <omnio/kinds.h>

#include <stdlib.h>

enum { ROWS = 960, WIDTH = 8 };

typedef struct looker { omn_part *text; } looker;

static omn_status classes_open(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    (void)c;
    (void)params;
    looker *l = calloc(1, sizeof *l);
    if (!l) return omn_fail(err, OMN_ERR_MEMORY, "classes: out of memory");
    *self = l;
    omn_open_part(o, "tokenizer", "omnio.codec/1", "text.sentencepiece", "",
                  "file=tokenizer.model start_first=true sentinels=0 bins=64");
    l->text = omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "",
                            "table=table.weight rows=%d width=%d most=16", ROWS, WIDTH);
    return omn_open_done(o, err);
}

static void build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    (void)self;
    if (rq->phase != OMN_EMBED) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "classes only looks");
        return;
    }
    omn_seq *q = omn_encoder_embed(rq->inputs[0].part, s, rq->inputs[0].in);
    omn_node *seg = omn_cast(s, omn_seq_get_seg(q), OMN_F32); /* 0 where nothing stands */
    const omn_shape shape = omn_node_shape(seg);
    seg = omn_reshape(s, seg, omn_dim3(shape.dim[0], shape.dim[1], 1));
    omn_node *sum = omn_sum(s, omn_mul(s, omn_seq_get_x(q), seg), 1u << 1, false, false);
    omn_node *head = omn_weight(s, "head.weight", omn_dim2(3, WIDTH), OMN_INIT_NORMAL, 1);
    omn_bundle_put(out, s, "embedding.text", omn_l2_norm(s, sum, 1e-6));
    omn_bundle_put(out, s, "class.mood", omn_linear(s, sum, head, NULL, OMN_ACT_NONE));
}

static const omn_model_impl impl = { NULL, classes_open, free, build, NULL, NULL };
static const omn_object objects[] = {
    { "omnio.model/1", "classes", "a model that only looks", &impl, NULL, 0, 0 },
};
OMN_PLUGIN("classes", "0.1.0", "Apache-2.0", "a model for tests", objects);
