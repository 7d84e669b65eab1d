/* SPDX-License-Identifier: Apache-2.0 */
/* encoder features.given: vectors that another program has made of a picture, as they are: a tensor
 * [places, width]. */
#include "history.h"

#include <stdlib.h>
#include <string.h>

typedef struct given_self {
    const struct given *p;
    omn_port port;
} given_self;

static omn_status given_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)o;
    given_self *g = calloc(1, sizeof *g);
    if (!g) return omn_fail(err, OMN_ERR_MEMORY, "features.given: out of memory");
    *self = g;
    g->p = params;
    g->port = (omn_port){ "x", OMN_F32, omn_dim2(g->p->places, g->p->width), 0 };
    return OMN_OK;
}

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = &((const given_self *)self)->port;
    return 1;
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const given_self *g = self;
    char text[96];
    void *data = NULL;
    (void)c;
    (void)frame;
    const omn_tensor *t = omn_value_tensor(v);
    if (!t)
        return omn_fail(err, OMN_ERR_TYPE, "features.given takes tensors, not %s",
                        omn_value_kind_name(v));
    if (t->type != OMN_F32 || !omn_shape_equal(&t->shape, &g->port.most))
        return omn_fail(err, OMN_ERR_DATA, "the features are %s %s; f32 [%d, %d] is wanted",
                        omn_type_get(t->type)->name, omn_shape_text(&t->shape, text, sizeof text),
                        g->p->places, g->p->width);
    const omn_status st = omn_feed_new(out, "x", OMN_F32, g->port.most, &data, err);
    if (st == OMN_OK) memcpy(data, t->data, t->bytes);
    return st;
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    static const history_items name = { .name = "features.given" };
    omn_node *x = omn_bundle_get(in, s, "x");
    const int64_t B = omn_node_dim(x, 0), n = omn_node_dim(x, 1);
    (void)self;
    return omn_seq_new(s, x, items_ones(&name, s, B, n), items_places(&name, s, B, n, n), 0, 0);
}

const omn_encoder_impl given_impl = { NULL, "tensor", given_open, free, ports, prepare, embed };
