/* SPDX-License-Identifier: Apache-2.0 */
/* A ViT-VQGAN that is learnt here: spectrograms become vectors, each vector the entry of the
 * codebook that is nearest to it, those entries spectrograms again. What a recipe lowers is the
 * distance of both spectrograms and of vectors and entries (objective reconstruction, a spectrogram
 * being a picture of one channel); at the choice of an entry, which has no slope, the gradient
 * passes straight through (van den Oord et al. 2017). Where the codebook is the corners of a cube
 * and stays so (Zhao, Xiong and Kraehenbuehl 2024, binary spherical quantisation), every entry is
 * as near as the others and none dies.
 *
 * Its configuration is audio_vqgan of Unified-IO 2, at the top: vocab_size, proj_dim,
 * encoder_hidden_size, encoder_num_layers, encoder_mlp_dim, encoder_num_heads, encoder_head_dim and
 * those of the decoder, default_input_size [bands, frames], patch_size. "omnio": book, silent, as
 * the decoder has them. */
#include "vitvqgan.h"

#include <stdlib.h>

/* ---- the encoder of its sounds --------------------------------------------------------------- */

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = &((const vitvqgan_self *)self)->in;
    return 1;
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    (void)frame;
    return vitvqgan_prepare(self, c, v, NULL, out, err);
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const vitvqgan_self *v = self;
    omn_node *x = omn_bundle_get(in, s, "spectrogram");
    const int64_t B = omn_node_dim(x, 0), N = v->codes.count;
    if (!x) return NULL;
    x = vitvqgan_entries(v, s, vitvqgan_vectors(v, s, x));
    const omn_shape places = omn_dim2(B, N);
    int32_t *data = omn_arena_alloc(omn_scope_arena(s), (size_t)(2 * B * N), sizeof *data);
    if (!data) {
        omn_scope_fail(s, OMN_ERR_MEMORY, "audio.vitvqgan: out of memory");
        return NULL;
    }
    for (int64_t i = 0; i < B * N; i++) {
        data[i] = 1;
        data[B * N + i] = (int32_t)(i % N);
    }
    return omn_seq_new(s, x, omn_const(s, OMN_I32, places, data),
                       omn_const(s, OMN_I32, places, data + B * N), v->codes.grid_h,
                       v->codes.grid_w);
}

const omn_encoder_impl vitvqgan_sounds = { NULL, "audio", vitvqgan_open, free, ports, prepare,
                                           embed };

/* ---- the model ------------------------------------------------------------------------------- */

typedef struct learner { const omn_part *sounds; } learner;

static int number(omn_config *f, const char *path, int64_t lo, int64_t hi, int64_t deflt)
{
    return (int)omn_config_int_or(f, path, lo, hi, deflt);
}

static omn_status model_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)params;
    omn_config *f = omn_open_config(o);
    char all[640];
    learner *l = calloc(1, sizeof *l);
    *self = l;
    if (!l) return omn_fail(err, OMN_ERR_MEMORY, "vitvqgan: out of memory");
    const int width = number(f, "encoder_hidden_size", 4, 8192, 512);
    if (number(f, "decoder_hidden_size", 4, 8192, width) != width)
        omn_open_fail(o, OMN_ERR_CONFIG, "decoder_hidden_size: both transformers are as wide as "
                      "encoder_hidden_size says, %d", width);
    const int patch = number(f, "patch_size.0", 1, 256, 8);
    if (number(f, "patch_size.1", 1, 256, patch) != patch)
        omn_open_fail(o, OMN_ERR_CONFIG, "patch_size: a square is wanted, [%d, %d]", patch, patch);
    omn_format(all, sizeof all,
               "codes=%d embed=%d width=%d encoder_layers=%d encoder_mlp=%d encoder_heads=%d "
               "encoder_head_width=%d decoder_layers=%d decoder_mlp=%d decoder_heads=%d "
               "decoder_head_width=%d frames=%d bands=%d patch=%d book=%s silent=%s",
               number(f, "vocab_size", 1, 1 << 24, 8192), number(f, "proj_dim", 1, 8192, 32), width,
               number(f, "encoder_num_layers", 1, 256, 8),
               number(f, "encoder_mlp_dim", 1, 65536, 2048),
               number(f, "encoder_num_heads", 1, 256, 8),
               number(f, "encoder_head_dim", 1, 1024, 64),
               number(f, "decoder_num_layers", 1, 256, 8),
               number(f, "decoder_mlp_dim", 1, 65536, 2048),
               number(f, "decoder_num_heads", 1, 256, 8),
               number(f, "decoder_head_dim", 1, 1024, 64),
               number(f, "default_input_size.1", 2, 16384, 256),
               number(f, "default_input_size.0", 1, 4096, 128), patch,
               omn_config_string_or(f, "omnio.book", "free"),
               omn_config_string_or(f, "omnio.silent", "zero"));
    l->sounds = omn_open_part(o, "audio", "omnio.encoder/1", "audio.vitvqgan", "", "%s", all);
    omn_open_part(o, "audio", "omnio.decoder/1", "audio.vitvqgan", "", "%s", all);
    omn_open_part(o, "loss", "omnio.objective/1", "reconstruction", "", "wanted=wanted.audio "
                  "made=made.audio off=off.audio");
    return omn_open_done(o, err);
}

/* Spectrograms as pictures of one channel, for the objective. */
static omn_node *picture(omn_scope *s, omn_node *x)
{
    return omn_reshape(s, x, omn_dim4(omn_node_dim(x, 0), omn_node_dim(x, 1), omn_node_dim(x, 2),
                                      1));
}

static void teach(const learner *l, const omn_given *given, omn_scope *s, omn_bundle *out)
{
    const void *impl = NULL;
    const vitvqgan_self *v = omn_part_self(l->sounds, "omnio.encoder/1", &impl);
    omn_node *heard = omn_bundle_get(given->in, s, "spectrogram");
    omn_node *x = vitvqgan_vectors(v, s, heard);
    /* moves both towards each other; a codebook that stays is one that the recipe freezes */
    omn_node *off = omn_add(s, vitvqgan_entries(v, s, x), omn_scale(s, x, -1, 0));
    /* the entry, with the gradient of the vector */
    omn_node *through = omn_add(s, x, omn_stop_gradient(s, off));
    omn_bundle_put(out, s, "wanted.audio", picture(s, heard));
    omn_bundle_put(out, s, "made.audio", picture(s, vitvqgan_spectrogram(v, s, through)));
    omn_bundle_put(out, s, "off.audio", off);
}

static void build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const omn_given *given = rq->inputs;
    if (rq->n_inputs != 1 || (rq->phase != OMN_EMBED && rq->phase != OMN_TEACH)) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                       "a ViT-VQGAN writes nothing: it embeds one sound, embedding.audio");
        return;
    }
    if (rq->phase == OMN_TEACH) {
        teach(self, given, s, out);
        return;
    }
    const omn_seq *q = omn_encoder_embed(given->part, s, given->in);
    omn_bundle_put(out, s, "tokens.audio", omn_seq_get_x(q));
    omn_bundle_put(out, s, "seg.audio", omn_seq_get_seg(q));
}

static int32_t most_tokens(const void *self, bool answer)
{
    (void)self;
    (void)answer;
    return 1;
}

const omn_model_impl vitvqgan_model = { NULL, model_open, free, build, NULL, most_tokens };
