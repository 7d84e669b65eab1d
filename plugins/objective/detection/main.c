/* SPDX-License-Identifier: Apache-2.0 */
/* objective/detection: the loss of a set (Carion et al. 2020). A detector's rows and the things
 * that are wanted are matched one to one; a row that stands for a thing is to have its classes and
 * its box, every other row the last class, "no thing". Each layer of the decoder is judged by a
 * matching of its own. With rows and words in a space of their own, things and the words that they
 * are called by are drawn together as well (Kamath et al. 2021).
 *
 * What a model puts out: "logits" [B,Q,V] and "boxes" [B,Q,4] of the last layer, of those before
 * "logits.0", "boxes.0" and so on; "wanted.map" [B,M,V], the distribution over classes of each
 * thing, "wanted.boxes" [B,M,4], "wanted.real" [B,M,1], 1 where there is one; and for the alignment
 * "align.rows" (also ".0" and so on), "align.words" [B,L,h], "align.real" [B,L] and "wanted.words"
 * [B,M,L]. A target of its own, as a text that is written, adds its cross-entropy. */
#include "detection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DETECTION(PAR, S)                                                                          \
    PAR(S, double, class, "1", "0..1e6", NULL, "weight of the classes")                            \
    PAR(S, double, box, "5", "0..1e6", NULL, "weight of the distance of boxes")                    \
    PAR(S, double, giou, "2", "0..1e6", NULL, "weight of their intersection over union")           \
    PAR(S, double, align, "1", "0..1e6", NULL, "weight of the alignment with words")               \
    PAR(S, double, temperature, "0.07", "1e-6..1e6", NULL, "of the alignment")                     \
    PAR(S, double, nothing, "0.1", "0..1e6", NULL, "weight of the class of rows without a thing")  \
    PAR(S, choice, by, "things", "things|weights", NULL,                                           \
        "what the classes' loss is divided by: how many things are wanted, or the sum of its "     \
        "weights")                                                                                 \
    MATCH(PAR, S)
OMN_PARAMS(detection, DETECTION);
enum { BY_THINGS, BY_WEIGHTS };

static omn_status open_loss(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)o;
    struct detection *p = malloc(sizeof *p);
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "detection: out of memory");
    *p = *(const struct detection *)params;
    *self = p;
    return OMN_OK;
}

/* One layer's outputs beside what is wanted. */
typedef struct layer {
    const struct detection *p;
    const omn_bundle *in;
    char suffix[16];                      /* "", ".0" */
    omn_node *match;                      /* [B,Q] as omn_gather counts */
    omn_node *hit;                        /* [B,Q,1] f32: stands for a thing */
    omn_node *by;                         /* 1 / number of things, [1,1,1] */
} layer;

static omn_node *found(const layer *l, const char *name)
{
    char all[48];
    snprintf(all, sizeof all, "%s%s", name, l->suffix);
    return omn_bundle_find(l->in, all);
}

static omn_node *match(const layer *l, omn_scope *s)
{
    static const char *const names[] = { "cost_class", "cost_box", "cost_giou" };
    const double costs[] = { l->p->cost_class, l->p->cost_box, l->p->cost_giou };
    char text[3][32];
    omn_setting set[3];
    omn_node *in[] = { found(l, "logits"), found(l, "boxes"),
                       omn_bundle_get(l->in, s, "wanted.map"),
                       omn_bundle_get(l->in, s, "wanted.boxes"),
                       omn_bundle_get(l->in, s, "wanted.real") };
    for (int i = 0; i < 3; i++) {
        omn_format(text[i], sizeof text[i], "%.17g", costs[i]);
        set[i] = (omn_setting){ names[i], text[i], 0, 0 };
    }
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) in[i] = omn_stop_gradient(s, in[i]);
    omn_node *x = omn_op(s, "detection.match", in, 5, set, 3, NULL, 0);
    return omn_node_tag(omn_scope_at(s, "/"), x, "detection.match%s", l->suffix);
}

/* A weight times what is told under its name. */
static omn_node *told(const layer *l, omn_scope *s, const char *name, double weight, omn_node *x)
{
    x = omn_reshape(s, x, omn_dim1(1));
    omn_node_tag(omn_scope_at(s, "/"), x, "detection.%s%s", name, l->suffix);
    return omn_scale(s, x, weight, 0);
}

/* Cross-entropy of every row with the distribution that it should have. */
static omn_node *classes(const layer *l, omn_scope *s)
{
    omn_node *logits = found(l, "logits");
    const int64_t V = omn_node_dim(logits, -1);
    float *last = omn_arena_alloc(omn_scope_arena(s), (size_t)V, sizeof *last);
    if (!last) return omn_scope_fail(s, OMN_ERR_MEMORY, "detection: out of memory");
    memset(last, 0, (size_t)V * sizeof *last);
    last[V - 1] = 1;
    omn_node *none = omn_scale(s, l->hit, -1, 1);
    omn_node *want = omn_gather(s, omn_bundle_get(l->in, s, "wanted.map"), l->match);
    want = omn_add(s, want, omn_mul(s, none, omn_const(s, OMN_F32, omn_dim1(V), last)));
    omn_node *each = omn_sum(s, omn_mul(s, omn_log_softmax(s, logits), want), 1u << 2, true, false);
    omn_node *weight = omn_add(s, l->hit, omn_scale(s, none, l->p->nothing, 0));
    omn_node *by = l->by;
    if (l->p->by == BY_WEIGHTS) by = detection_inverse(s, omn_sum(s, weight, 7, true, false));
    each = omn_sum(s, omn_mul(s, each, weight), 7, true, false);
    return told(l, s, "class", l->p->class, omn_scale(s, omn_mul(s, each, by), -1, 0));
}

static omn_node *boxes(const layer *l, omn_scope *s)
{
    omn_node *is = found(l, "boxes");
    omn_node *want = omn_gather(s, omn_bundle_get(l->in, s, "wanted.boxes"), l->match);
    omn_node *apart = omn_activate(s, omn_add(s, is, omn_scale(s, want, -1, 0)), OMN_ACT_ABS);
    apart = omn_sum(s, omn_mul(s, apart, l->hit), 7, true, false);
    omn_node *less = omn_scale(s, detection_giou(s, is, want), -1, 1);
    less = omn_sum(s, omn_mul(s, less, l->hit), 7, true, false);
    return omn_add(s, told(l, s, "box", l->p->box, omn_mul(s, apart, l->by)),
                   told(l, s, "giou", l->p->giou, omn_mul(s, less, l->by)));
}

static omn_node *one(layer *l, omn_scope *s)
{
    omn_node *real = omn_bundle_get(l->in, s, "wanted.real");
    l->match = match(l, s);
    l->hit = omn_gather(s, real, l->match);
    omn_node *sum = omn_add(s, classes(l, s), boxes(l, s));
    omn_node *rows = found(l, "align.rows");
    if (!rows || l->p->align <= 0) return sum;
    omn_node *belongs = omn_gather(s, omn_bundle_get(l->in, s, "wanted.words"), l->match);
    omn_node *x = detection_align(s, rows, omn_bundle_get(l->in, s, "align.words"),
                                  omn_bundle_get(l->in, s, "align.real"), belongs,
                                  l->p->temperature);
    x = omn_mul(s, x, omn_reshape(s, l->by, omn_dim1(1)));
    return omn_add(s, sum, told(l, s, "align", l->p->align, x));
}

/* What is written beside what is found. */
static omn_node *written(omn_scope *s, const omn_bundle *in, const omn_target *t, omn_bundle *out)
{
    char name[96];
    const omn_ce plain = { OMN_FILL(omn_ce) };
    omn_node *each = NULL;
    snprintf(name, sizeof name, "logits.%s", omn_part_role(t->part));
    omn_node *x = omn_cross_entropy(s, omn_bundle_get(in, s, name), t->labels, t->weight, &plain,
                                    &each);
    snprintf(name, sizeof name, "loss.%s", omn_part_role(t->part));
    omn_bundle_put(out, s, name, x);
    return x;
}

static omn_node *loss(const void *self, omn_scope *s, const omn_bundle *outputs,
                      const omn_target *const *targets, uint32_t n_targets, omn_bundle *out)
{
    layer l = { .p = self, .in = outputs };
    omn_node *real = omn_bundle_find(outputs, "wanted.real"), *sum = NULL;
    for (uint32_t i = 0; i < n_targets; i++) {
        omn_node *x = written(s, outputs, targets[i], out);
        sum = sum ? omn_add(s, sum, x) : x;
    }
    if (!real && sum) return sum;
    if (!found(&l, "logits") || !found(&l, "boxes") || !real)
        return omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "detection: \"logits\" and \"boxes\" of a "
                              "detector and \"wanted.real\", what it should have found, are "
                              "wanted: the task gives the model no boxes to learn");
    omn_node *count = omn_sum(s, real, 7, true, false);
    count = omn_scale(s, omn_activate(s, omn_scale(s, count, 1, -1), OMN_ACT_RELU), 1, 1);
    l.by = detection_inverse(s, count);
    for (int i = -1; i < 64; i++) {
        if (i >= 0) snprintf(l.suffix, sizeof l.suffix, ".%d", i);
        if (!found(&l, "logits")) break;
        omn_node *x = one(&l, s);
        sum = sum ? omn_add(s, sum, x) : x;
    }
    return sum;
}

static const omn_objective_impl impl = { NULL, open_loss, free, loss };
static const omn_param match_params[] = { MATCH(OMN_S_ROW, match) };
static const omn_object objects[] = {
    { "omnio.objective/1", "detection", "each thing that is wanted is found by one row", &impl,
      OMN_OBJECT_PARAMS(detection) },
    { "omnio.op/1", "detection.match", "the cheapest assignment of what is wanted to rows",
      &detection_match, OMN_OBJECT_PARAMS(match) },
};
OMN_PLUGIN("objective-detection", "0.1.0", "Apache-2.0", "the loss of a set as objective", objects);
