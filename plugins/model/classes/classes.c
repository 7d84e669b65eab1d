/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of classes as answers. */
#include "classes.h"

#include <omnio/learn.h>

#include <stdio.h>

#define STATE "class_scores"

const omn_part *classes_open(omn_open *o, const char *role, int64_t rows, int64_t count,
                             const char *file, const char *names)
{
    omn_part *p = omn_open_part(o, role, "omnio.decoder/1", "text.labels", "",
                                "rows=%d count=%d file=%s names=%s", (int)rows, (int)count, file,
                                names);
    const omn_range range = { "codes", 0, (int32_t)rows, 1 };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)rows, .start = 0, .stop = -1,
                          .pad = 0, .ranges = &range, .n_ranges = 1 };
    omn_open_vocabulary(o, p, &v);
    return p;
}

const omn_part *classes_loss(omn_open *o, const char *object, const char *settings)
{
    if (!object[0] || !omn_open_offers(o, "omnio.objective/1", object)) return NULL;
    return omn_open_part(o, "loss", "omnio.objective/1", object, "", "%s", settings);
}

/* [B,C] or [B,1,C] as logits [B,T,C] of every place of a target. */
static void spread(omn_scope *s, const omn_target *t, omn_node *x, omn_bundle *out)
{
    const omn_shape bt = omn_node_shape(t->ids);
    const int64_t C = omn_node_dim(x, -1);
    char name[96];
    x = omn_reshape(s, x, omn_dim3(omn_node_dim(x, 0), 1, C));
    snprintf(name, sizeof name, "logits.%s", omn_part_role(t->part));
    omn_bundle_put(out, s, name, omn_expand(s, x, omn_dim3(bt.dim[0], bt.dim[1], C)));
}

bool classes_step(omn_scope *s, const omn_build *rq, int64_t classes, omn_bundle *out)
{
    omn_scope *top = omn_scope_at(s, "/");
    if (rq->phase != OMN_STEP) return false;
    omn_node *x = omn_state_read(top, omn_state_at(top, STATE, OMN_F32,
                                                   omn_dim3(rq->memory_rows, 1, classes)));
    x = omn_gather(top, x, omn_reshape(top, rq->memory_row, omn_dim2(rq->rows, 1)));
    spread(top, rq->targets[0], x, out);
    return true;
}

static void losses(omn_scope *s, const omn_build *rq, const omn_part *loss, omn_bundle *out)
{
    const void *impl = NULL, *self = NULL;
    const omn_target *t = rq->targets[0];
    omn_node *x = NULL, *each = NULL;
    char name[96];
    if (!rq->loss && loss) self = omn_part_self(loss, "omnio.objective/1", &impl);
    if (!rq->loss && !impl) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "the objective of its task is not installed");
    } else if (impl) {
        x = ((const omn_objective_impl *)impl)->loss(self, s, out, rq->targets, rq->n_targets, out);
    } else {
        snprintf(name, sizeof name, "logits.%s", omn_part_role(t->part));
        x = omn_cross_entropy(s, omn_bundle_get(out, s, name), t->labels, t->weight,
                              rq->loss, &each);
        snprintf(name, sizeof name, "loss.%s", omn_part_role(t->part));
        omn_bundle_put(out, s, name, x);
        snprintf(name, sizeof name, "nll.%s", omn_part_role(t->part));
        omn_bundle_put(out, s, name, each);
    }
    if (x) omn_bundle_put(out, s, "loss", x);
}

void classes_put(omn_scope *s, const omn_build *rq, const char *name, omn_node *x,
                 const omn_part *loss, omn_bundle *out)
{
    omn_scope *top = omn_scope_at(s, "/");
    char all[96];
    omn_node_tag(top, x, "scores");
    if (rq->phase == OMN_EMBED) {
        snprintf(all, sizeof all, "class.%s", name);
        omn_bundle_put(out, s, all, x);
    } else if (rq->phase == OMN_ENCODE) {
        x = omn_reshape(top, x, omn_dim3(omn_node_dim(x, 0), 1, omn_node_dim(x, 1)));
        x = omn_state_write(top, omn_state_at(top, STATE, OMN_F32, omn_node_shape(x)), x);
        omn_bundle_put(out, s, "memory", x);
    } else {
        spread(top, rq->targets[0], x, out);
        if (rq->targets[0]->labels) losses(top, rq, loss, out);
    }
}
