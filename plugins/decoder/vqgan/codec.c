/* SPDX-License-Identifier: Apache-2.0 */
/* A VQGAN that is learnt here: pictures become vectors, each vector the entry of the codebook that
 * is nearest to it, those entries pictures again. What a recipe lowers is the distance of both
 * pictures and of vectors and entries (objective reconstruction); at the choice of an entry, which
 * has no slope, the gradient passes straight through (van den Oord et al. 2017). In a codebook that
 * is a grid and stays one (Mentzer et al. 2023 round to one) no entry is too far away to be chosen.
 *
 * Its configuration is that of the program of taming transformers: ddconfig.ch, .ch_mult,
 * .num_res_blocks, .attn_resolutions, .resolution, .z_channels, embed_dim, n_embed. "omnio":
 * groups, grid (places of the codebook along each axis; n_embed is grid to the power of embed_dim
 * then). */
#include "vqgan.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the encoder of its pictures ------------------------------------------------------------- */

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = &((const vqgan_self *)self)->port;
    return 1;
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const omn_image *in = omn_value_image(v);
    const omn_status st = vqgan_prepare(self, c, v, NULL, out, err);
    const omn_frame *own = in ? omn_image_frame(in) : NULL;
    if (frame && own) *frame = *own;
    return st;
}

static const vqgan_self *self_of(const omn_part *p)
{
    const void *impl = NULL;
    return omn_part_self(p, "omnio.encoder/1", &impl);
}

/* The entry that is nearest to each vector. */
static omn_node *entries(const vqgan_self *v, omn_scope *s, omn_node *vectors)
{
    omn_node *book = vqgan_book(v, s);
    return omn_reshape(s, omn_embedding(s, book, omn_vector_quantise(s, vectors, book)),
                       omn_node_shape(vectors));
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const vqgan_self *v = self;
    omn_node *x = omn_bundle_get(in, s, "pixels");
    const int64_t B = omn_node_dim(x, 0), N = v->codes.count;
    if (v->p->network == NETWORK_DVAE) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "image.vqgan: the codes of a dVAE have no vectors");
        return NULL;
    }
    x = entries(v, s, vqgan_vectors(v, s, x));
    const omn_shape places = omn_dim2(B, N);
    int32_t *data = omn_arena_alloc(omn_scope_arena(s), (size_t)(2 * B * N), sizeof *data);
    if (!data) {
        omn_scope_fail(s, OMN_ERR_MEMORY, "image.vqgan: out of memory");
        return NULL;
    }
    for (int64_t i = 0; i < B * N; i++) {
        data[i] = 1;
        data[B * N + i] = (int32_t)(i % N);
    }
    return omn_seq_new(s, omn_reshape(s, x, omn_dim3(B, N, v->p->embed)),
                       omn_const(s, OMN_I32, places, data),
                       omn_const(s, OMN_I32, places, data + B * N), v->grid_h, v->grid_w);
}

const omn_encoder_impl vqgan_pictures = { NULL, "image", vqgan_open, free, ports, prepare, embed };

/* ---- the model ------------------------------------------------------------------------------- */

/* "1,2,2,4" of a list of whole numbers; `deflt` where there is none. */
static const char *list_of(omn_open *o, omn_config *f, const char *path, const char *deflt,
                           char out[128])
{
    const size_t n = omn_config_count(f, path);
    size_t at = 0;
    if (!omn_config_has(f, path)) return deflt;
    out[0] = 0;
    for (size_t i = 0; i < n; i++) {
        char item[64];
        snprintf(item, sizeof item, "%s.%zu", path, i);
        const int64_t x = omn_config_int(f, item, 1, 8192);
        if (at + 8 > 128) {
            omn_open_fail(o, OMN_ERR_CONFIG, "%s: more numbers than anything has", path);
            return deflt;
        }
        at += (size_t)snprintf(out + at, 128 - at, i ? ",%d" : "%d", (int)x);
    }
    return out;
}

static omn_status model_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)params;
    char mult[128], attention[128];
    omn_config *f = omn_open_config(o);
    *self = (void *)(uintptr_t)&learnt_nothing;
    const char *levels = list_of(o, f, "ddconfig.ch_mult", "1,2,2,4", mult);
    const char *sides = list_of(o, f, "ddconfig.attn_resolutions", "", attention);
    char all[512];
    omn_format(all, sizeof all,
               "ch=%d ch_mult=%s blocks=%d z=%d embed=%d n_embed=%d attention=%s resolution=%d "
               "groups=%d grid=%d names=taming fit=cover",
               (int)omn_config_int(f, "ddconfig.ch", 1, 8192), levels,
               (int)omn_config_int_or(f, "ddconfig.num_res_blocks", 1, 64, 2),
               (int)omn_config_int(f, "ddconfig.z_channels", 1, 8192),
               (int)omn_config_int(f, "embed_dim", 1, 8192),
               (int)omn_config_int(f, "n_embed", 1, 1 << 24), sides,
               (int)omn_config_int(f, "ddconfig.resolution", 1, 8192),
               (int)omn_config_int_or(f, "omnio.groups", 1, 8192, 32),
               (int)omn_config_int_or(f, "omnio.grid", 2, 4096, 0));
    omn_open_part(o, "image", "omnio.encoder/1", "image.vqgan", "", "%s", all);
    omn_open_part(o, "image", "omnio.decoder/1", "image.vqgan", "", "%s", all);
    omn_open_part(o, "loss", "omnio.objective/1", "reconstruction", "", " ");
    return omn_open_done(o, err);
}

static void teach(const vqgan_self *v, omn_scope *s, const omn_given *given, omn_bundle *out)
{
    omn_node *pixels = omn_bundle_get(given->in, s, "pixels");
    omn_node *x = vqgan_vectors(v, s, pixels);
    /* moves both towards each other; a codebook that stays is one that the recipe freezes */
    omn_node *off = omn_add(s, entries(v, s, x), omn_scale(s, x, -1, 0));
    /* the entry, with the gradient of the vector */
    omn_node *through = omn_add(s, x, omn_stop_gradient(s, off));
    omn_bundle_put(out, s, "wanted.image", pixels);
    omn_bundle_put(out, s, "made.image", vqgan_pixels(v, s, through));
    omn_bundle_put(out, s, "off.image", off);
}

static void build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const omn_given *given = rq->inputs;
    (void)self;
    if (rq->n_inputs != 1 || (rq->phase != OMN_EMBED && rq->phase != OMN_TEACH)) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                       "a VQGAN writes nothing: it embeds one picture, embedding.image");
        return;
    }
    if (rq->phase == OMN_TEACH) {
        teach(self_of(given->part), s, given, out);
        return;
    }
    const omn_seq *q = omn_encoder_embed(given->part, s, given->in);
    omn_bundle_put(out, s, "tokens.image", omn_seq_get_x(q));
    omn_bundle_put(out, s, "seg.image", omn_seq_get_seg(q));
}

const char learnt_nothing;

int32_t learnt_most_tokens(const void *self, bool answer)
{
    (void)self;
    (void)answer;
    return 1;
}

void learnt_close(void *self) { (void)self; }

const omn_model_impl vqgan_model = { NULL,  model_open, learnt_close,
                                     build, NULL,       learnt_most_tokens };
