/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder series.patches: eight readings are one vector, as a patch of a picture is (PatchTST:
 * Nie et al. 2023): their mean, what each differs from it, and a learnt vector for the place. The
 * mean is told by tents, 1 at its own level and 0 at the next, for digits are no straight line. */
#include <omnio/kinds.h>

#include <math.h>
#include <stdlib.h>

enum { PATCH = 8, SCALE = 10, TENTS = 16, LOW = -30, APART = 5, ROW = TENTS + PATCH };

#define PATCHES(PAR, S)                                                                            \
    PAR(S, int, width, "192", "8..8192", NULL, "width of the model")                               \
    PAR(S, int, most, "16", "1..512", NULL, "most patches")
OMN_PARAMS(patches, PATCHES);

typedef struct encoder {
    const struct patches *p;
    omn_port ports[3];
} encoder;

static omn_status open_encoder(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    encoder *e = *self = calloc(1, sizeof *e);
    if (!e) return omn_fail(err, OMN_ERR_MEMORY, "series.patches: out of memory");
    e->p = params;
    e->ports[0] = (omn_port){ "patches", OMN_F32, omn_dim2(e->p->most, ROW), 1 };
    e->ports[1] = (omn_port){ "seg", OMN_I32, omn_dim1(e->p->most), 1 };
    e->ports[2] = (omn_port){ "pos", OMN_I32, omn_dim1(e->p->most), 1 };
    return OMN_OK;
}

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = ((const encoder *)self)->ports;
    return 3;
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const encoder *e = self;
    void *data[3] = { 0 };
    if (!omn_value_is(v, "series"))
        return omn_fail(err, OMN_ERR_TYPE, "series.patches reads series, not %s",
                        omn_value_kind_name(v));
    const omn_tensor *t = omn_value_column(v, "value");
    const float *x = t->data;
    const int64_t n = t->shape.dim[0], L = (n + PATCH - 1) / PATCH;
    if (n < 1 || L > e->p->most)
        return omn_fail(err, OMN_ERR_DATA, "%d readings; 1 to %d can be encoded", (int)n,
                        e->p->most * PATCH);
    for (int i = 0; i < 3; i++) {
        const omn_shape shape = i ? omn_dim1(L) : omn_dim2(L, ROW);
        const omn_status st =
            omn_feed_new(out, e->ports[i].name, e->ports[i].type, shape, &data[i], err);
        if (st != OMN_OK) return st;
    }
    for (int64_t k = 0; k < L; k++) {
        float *row = (float *)data[0] + k * ROW, mean = 0;
        for (int64_t i = 0; i < PATCH; i++) { /* the last reading stands for what is missing */
            row[TENTS + i] = x[k * PATCH + i < n ? k * PATCH + i : n - 1];
            mean += row[TENTS + i] / PATCH;
        }
        for (int i = 0; i < PATCH; i++) row[TENTS + i] = (row[TENTS + i] - mean) / SCALE;
        for (int i = 0; i < TENTS; i++)
            row[i] = fmaxf(0, 1 - fabsf(mean - LOW - APART * i) / APART);
        ((int32_t *)data[1])[k] = OMN_SEG_SHARED; /* all questions about one series see it */
        ((int32_t *)data[2])[k] = (int32_t)k;
    }
    return OMN_OK;
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const struct patches *p = ((const encoder *)self)->p;
    const int64_t D = p->width;
    omn_node *x = omn_bundle_get(in, s, "patches"), *pos = omn_bundle_get(in, s, "pos");
    x = omn_linear(s, x, omn_weight(s, "in.weight", omn_dim2(D, ROW), OMN_INIT_FAN_IN, 1),
                   omn_weight(s, "in.bias", omn_dim1(D), OMN_INIT_ZERO, 0), OMN_ACT_GELU_TANH);
    x = omn_linear(s, x, omn_weight(s, "out.weight", omn_dim2(D, D), OMN_INIT_FAN_IN, 1), NULL,
                   OMN_ACT_NONE);
    omn_node *place = omn_weight(s, "positions", omn_dim2(p->most, D), OMN_INIT_NORMAL, 0.3);
    x = omn_add(s, x, omn_embedding(s, place, pos));
    return omn_seq_new(s, x, omn_bundle_get(in, s, "seg"), pos, 0, 0);
}

static const omn_encoder_impl impl = { .accepts = "series", .open = open_encoder, .close = free,
                                       .ports = ports, .prepare = prepare, .embed = embed };
static const omn_object objects[] = {
    { "omnio.encoder/1", "series.patches", "a series as vectors of eight readings each", &impl,
      OMN_OBJECT_PARAMS(patches) },
};
OMN_PLUGIN("series-encoder", "1.0", "Apache-2.0", "series as input of a model", objects);
