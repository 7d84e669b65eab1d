/* SPDX-License-Identifier: Apache-2.0 */
/* What a stranger may bring to training, for its tests: a world of seven places in a row, an
 * objective that is cross-entropy three times, and a world that lies. */
#include <omnio/learn.h>

#include <math.h>
#include <stdlib.h>

/* ---- line: walk left (-1) or right (1) from the middle; the right end is the goal ------------ */

enum { PLACES = 7 };

#define LINE(PAR, S) PAR(S, int, patience, "20", "1..1000", NULL, "steps until it ends")
OMN_PARAMS(line, LINE);

typedef struct walk {
    int at, left, patience;
} walk;

static omn_status line_open(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)o;
    walk *w = calloc(1, sizeof *w);
    if (!w) return omn_fail(err, OMN_ERR_MEMORY, "line: out of memory");
    w->patience = ((const struct line *)params)->patience;
    *self = w;
    return OMN_OK;
}

static omn_status line_reset(void *self, omn_call *c, uint64_t seed, omn_value **observation,
                             omn_error *err)
{
    (void)c;
    walk *w = self;
    w->at = PLACES / 2 - (int)(seed % 2);
    w->left = w->patience;
    return omn_number_new(w->at, observation, err);
}

static omn_status line_step(void *self, omn_call *c, const omn_value *action, omn_world_step *out,
                            omn_error *err)
{
    (void)c;
    walk *w = self;
    const double a = omn_number_get(action);
    if (fabs(a) > 1 || (a > -1 && a < 1))
        return omn_fail(err, OMN_ERR_DATA, "line: -1 or 1, not %g", a);
    w->at += a > 0 ? 1 : -1;
    if (w->at < 0) w->at = 0;
    out->reward = w->at == PLACES - 1 ? 1 : 0;
    out->done = w->at == PLACES - 1 || --w->left == 0;
    return omn_number_new(w->at, &out->observation, err);
}

static const omn_world_impl line_impl = { NULL, "number",   "number", line_open,
                                          free, line_reset, line_step };

/* ---- fib: shows a text where it promised a number, or a reward that is none ------------------ */

#define FIB(PAR, S) PAR(S, choice, about, "kind", "kind|reward|reset", NULL, "what it lies about")
OMN_PARAMS(fib, FIB);

static omn_status fib_open(omn_call *c, const void *params, omn_open *o, void **self,
                           omn_error *err)
{
    (void)c;
    (void)o;
    struct fib *f = malloc(sizeof *f);
    if (!f) return omn_fail(err, OMN_ERR_MEMORY, "fib: out of memory");
    *f = *(const struct fib *)params;
    *self = f;
    return OMN_OK;
}

static omn_status fib_reset(void *self, omn_call *c, uint64_t seed, omn_value **observation,
                            omn_error *err)
{
    (void)c;
    (void)seed;
    return ((const struct fib *)self)->about == 2 ? omn_text_new("0", 1, observation, err)
                                                  : omn_number_new(0, observation, err);
}

static omn_status fib_step(void *self, omn_call *c, const omn_value *action, omn_world_step *out,
                           omn_error *err)
{
    (void)c;
    (void)action;
    const struct fib *f = self;
    out->reward = f->about == 1 ? (double)NAN : 0;
    return f->about == 0 ? omn_text_new("0", 1, &out->observation, err)
                         : omn_number_new(0, &out->observation, err);
}

static const omn_world_impl fib_impl = { NULL, "number",  "number", fib_open,
                                         free, fib_reset, fib_step };

/* ---- thrice --------------------------------------------------------------------------------- */

static omn_status thrice_open(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)params;
    (void)o;
    (void)err;
    *self = NULL;
    return OMN_OK;
}

static void thrice_close(void *self)
{
    (void)self;
}

static omn_node *thrice(const void *self, omn_scope *s, const omn_bundle *outputs,
                        const omn_target *const *targets, uint32_t n_targets, omn_bundle *out)
{
    (void)self;
    (void)n_targets;
    (void)out;
    omn_node *each = NULL;
    const omn_ce ce = { OMN_FILL(omn_ce) };
    omn_node *one = omn_cross_entropy(s, omn_bundle_get(outputs, s, "logits.text"),
                                      targets[0]->labels, targets[0]->weight, &ce, &each);
    return omn_scale(s, one, 3, 0);
}

static const omn_objective_impl thrice_impl = { NULL, thrice_open, thrice_close, thrice };

/* ---- dial: a number as one vector ------------------------------------------------------------ */

#define DIAL(PAR, S)                                                                               \
    PAR(S, int, width, NULL, "1..65536", NULL, "of the model")                                     \
    PAR(S, double, span, "1", "1e-9..1e9", NULL, "a number that becomes 1")
OMN_PARAMS(dial, DIAL);

static omn_status dial_open(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)o;
    struct dial *d = malloc(sizeof *d);
    if (!d) return omn_fail(err, OMN_ERR_MEMORY, "dial: out of memory");
    *d = *(const struct dial *)params;
    *self = d;
    return OMN_OK;
}

static uint32_t dial_ports(const void *self, const omn_port **list)
{
    static const omn_port ports[] = { { "x", OMN_F32, { .rank = 1, .dim = { 1 } }, 0 },
                                      { "seg", OMN_I32, { .rank = 1, .dim = { 1 } }, 0 },
                                      { "pos", OMN_I32, { .rank = 1, .dim = { 1 } }, 0 } };
    (void)self;
    *list = ports;
    return 3;
}

static omn_status dial_prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                               omn_frame *frame, omn_error *err)
{
    omn_status st = OMN_OK;
    void *x = NULL, *seg = NULL, *pos = NULL;
    (void)c;
    (void)frame;
    OMN_TRY(omn_feed_new(out, "x", OMN_F32, omn_dim1(1), &x, err));
    OMN_TRY(omn_feed_new(out, "seg", OMN_I32, omn_dim1(1), &seg, err));
    OMN_TRY(omn_feed_new(out, "pos", OMN_I32, omn_dim1(1), &pos, err));
    *(float *)x = (float)(omn_number_get(v) / ((const struct dial *)self)->span);
    *(int32_t *)seg = OMN_SEG_SHARED;
done:
    return st;
}

static omn_seq *dial_embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const int width = ((const struct dial *)self)->width;
    omn_node *x = omn_bundle_get(in, s, "x");
    x = omn_reshape(s, x, omn_dim3(omn_node_dim(x, 0), 1, 1));
    x = omn_linear(s, x, omn_weight(s, "weight", omn_dim2(width, 1), OMN_INIT_NORMAL, 0.5),
                   omn_weight(s, "bias", omn_dim1(width), OMN_INIT_ZERO, 0), OMN_ACT_NONE);
    return omn_seq_new(s, x, omn_bundle_get(in, s, "seg"), omn_bundle_get(in, s, "pos"), 0, 0);
}

static const omn_encoder_impl dial_impl = { NULL,       "number",     dial_open, free,
                                            dial_ports, dial_prepare, dial_embed };

static const omn_object objects[] = {
    { "omnio.encoder/1", "lab.dial", "a number as one vector", &dial_impl,
      OMN_OBJECT_PARAMS(dial) },
    { "omnio.world/1", "line", "seven places in a row", &line_impl, OMN_OBJECT_PARAMS(line) },
    { "omnio.world/1", "fib", "a world that lies", &fib_impl, OMN_OBJECT_PARAMS(fib) },
    { "omnio.objective/1", "thrice", "cross-entropy three times", &thrice_impl, NULL, 0, 0 },
};
OMN_PLUGIN("lab", "1", "Apache-2.0", "objects for the tests of training", objects);
