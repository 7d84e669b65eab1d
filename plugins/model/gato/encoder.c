/* SPDX-License-Identifier: Apache-2.0 */
/* encoder gato.episode: what was seen in an episode, a vector for each token: words and numbers
 * through the table of ids, patches of pictures through a small network, with where they lie in
 * their picture. Every vector says which of its observation it is. */
#include "gato.h"

#include <stdlib.h>
#include <string.h>

enum { IDS, LOCAL, SEG, POS, PATCH, ROW, COL, PIXELS, PORTS };

typedef struct encoder {
    const struct gato_episode *p;
    const omn_part *tokenizer;
    omn_port ports[PORTS];
    uint32_t n_ports;
} encoder;

static omn_status open_episode(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    static const char *const names[PORTS] = { "ids", "local", "seg", "pos",
                                              "patch", "row", "col", "pixels" };
    (void)c;
    encoder *e = calloc(1, sizeof *e);
    if (!e) return omn_fail(err, OMN_ERR_MEMORY, "gato.episode: out of memory");
    *self = e;
    e->p = params;
    e->tokenizer = omn_open_find(o, "tokenizer");
    for (int i = 0; i < PORTS; i++)
        e->ports[i] = (omn_port){ names[i], OMN_I32, omn_dim1(e->p->context), 1 };
    e->ports[PIXELS].type = OMN_F32;
    e->ports[PIXELS].most = omn_dim4(e->p->context, GATO_PATCH, GATO_PATCH, 3);
    e->n_ports = e->p->patch == GATO_NO_PICTURES ? PATCH : PORTS;
    return OMN_OK;
}

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = ((const encoder *)self)->ports;
    return ((const encoder *)self)->n_ports;
}

omn_status gato_encoder_steps(const void *self, const omn_value *episode, gato_steps *out,
                              omn_error *err)
{
    const encoder *e = self;
    return gato_steps_read(e->p, e->tokenizer, episode, out, err);
}

omn_status gato_model_steps(const omn_model *m, const omn_value *episode, gato_steps *out,
                            omn_error *err)
{
    const void *impl = NULL;
    const omn_part *p = omn_model_encoder(m, "episode");
    *out = (gato_steps){ 0 };
    if (!p || strcmp(omn_part_object(p), "gato.episode"))
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "this model reads no episodes");
    return gato_encoder_steps(omn_part_self(p, "omnio.encoder/1", &impl), episode, out, err);
}

/* One channel of a pixel, grey pictures have one; 0..1, alpha is left aside. */
static float channel(const omn_pixels *px, size_t x, size_t y, size_t k)
{
    const size_t at = (y * px->width + x) * px->channels + (px->channels < 3 ? 0 : k);
    return px->type == OMN_F32 ? ((const float *)px->data)[at]
                               : (float)((const uint8_t *)px->data)[at] / 255.0f;
}

static void put_patch(const gato_token *t, float *to)
{
    const omn_pixels px = omn_image_pixels(t->picture);
    for (size_t y = 0; y < GATO_PATCH; y++)
        for (size_t x = 0; x < GATO_PATCH; x++)
            for (size_t k = 0; k < 3; k++)
                *to++ = channel(&px, t->column * GATO_PATCH + x, t->row * GATO_PATCH + y, k);
}

/* Where row i of n lies, as an id of its table. */
static int32_t interval(uint32_t i, uint32_t n)
{
    return omn_bucket_interval((double)i / n, (double)(i + 1) / n, GATO_INTERVALS);
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const encoder *e = self;
    omn_status st = OMN_OK;
    gato_steps s = { 0 };
    void *to[PORTS] = { NULL };
    (void)c;
    (void)frame;
    OMN_TRY(gato_encoder_steps(e, v, &s, err));
    for (uint32_t i = 0; i < e->n_ports; i++) {
        omn_shape shape = e->ports[i].most;
        shape.dim[0] = (int64_t)s.n;
        OMN_TRY(omn_feed_new(out, e->ports[i].name, e->ports[i].type, shape, &to[i], err));
    }
    for (size_t i = 0; i < s.n; i++) {
        const gato_token *t = &s.tokens[i];
        ((int32_t *)to[IDS])[i] = t->id;
        ((int32_t *)to[LOCAL])[i] = t->local;
        ((int32_t *)to[SEG])[i] = OMN_SEG_SHARED;
        ((int32_t *)to[POS])[i] = (int32_t)i;
        if (!t->picture) continue;
        ((int32_t *)to[PATCH])[i] = 1;
        ((int32_t *)to[ROW])[i] = interval(t->row, t->rows);
        ((int32_t *)to[COL])[i] = interval(t->column, t->columns);
        put_patch(t, (float *)to[PIXELS] + i * GATO_PATCH * GATO_PATCH * 3);
    }
done:
    gato_steps_fini(&s);
    return st;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

omn_node *gato_table(const gato_ids *g, int64_t width, omn_scope *s)
{
    return omn_weight(omn_scope_at(s, "/embed"), "weight", omn_dim2(gato_separator(g) + 1, width),
                      OMN_INIT_NORMAL, 0.02);
}

static omn_node *rows_of(omn_scope *s, const char *table, int64_t n, int64_t width, omn_node *ids)
{
    omn_node *w = omn_weight(omn_scope_at(s, "/%s", table), "weight", omn_dim2(n, width),
                             OMN_INIT_NORMAL, 0.02);
    return omn_embedding(s, w, ids);
}

/* Patches with their places, where there are some, instead of ids. */
static omn_node *with_patches(const struct gato_episode *p, omn_scope *s, const omn_bundle *in,
                              omn_node *x)
{
    omn_scope *top = omn_scope_at(s, "/");
    const int64_t B = omn_node_dim(x, 0), L = omn_node_dim(x, 1), D = p->width;
    omn_node *px = omn_reshape(s, omn_bundle_get(in, s, "pixels"),
                               omn_dim4(B * L, GATO_PATCH, GATO_PATCH, 3));
    omn_node *v = omn_node_tag(top, gato_patches(p, s, px), "patch.vector");
    v = omn_reshape(s, v, omn_dim3(B, L, D));
    v = omn_add(s, v, rows_of(s, "row", GATO_INTERVALS, D, omn_bundle_get(in, s, "row")));
    v = omn_add(s, v, rows_of(s, "col", GATO_INTERVALS, D, omn_bundle_get(in, s, "col")));
    omn_node *is = omn_cast(s, omn_bundle_get(in, s, "patch"), OMN_F32);
    is = omn_reshape(s, is, omn_dim3(B, L, 1));
    return omn_add(s, omn_mul(s, x, omn_scale(s, is, -1, 1)), omn_mul(s, v, is));
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const struct gato_episode *p = ((const encoder *)self)->p;
    const gato_ids ids = gato_ids_of(p);
    omn_node *x = omn_embedding(s, gato_table(&ids, p->width, s), omn_bundle_get(in, s, "ids"));
    if (p->patch != GATO_NO_PICTURES) x = with_patches(p, s, in, x);
    x = omn_add(s, x, rows_of(s, "local", p->local, p->width, omn_bundle_get(in, s, "local")));
    return omn_seq_new(s, x, omn_bundle_get(in, s, "seg"), omn_bundle_get(in, s, "pos"), 0, 0);
}

const omn_encoder_impl gato_episode_impl = { NULL,  "record", open_episode, free,
                                             ports, prepare,  embed };
