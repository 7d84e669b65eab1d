/* SPDX-License-Identifier: Apache-2.0 */
/* A discrete VAE that is learnt here (Ramesh et al. 2021, section 2.1 and appendix A.2). A choice
 * of codes has no slope; in its place stand shares of all codes, softmax((scores + g) / tau) with g
 * drawn from the Gumbel distribution for each picture, which is a draw of one code where tau, the
 * temperature, is 0 (Jang et al. 2016, Maddison et al. 2016). The temperature falls with the step
 * and is the number "temperature" of the recipe's schedules. What a recipe lowers is made of what
 * is put out here: the picture between eps and 1 - eps, the distribution of each of its numbers
 * that came back, and the scores (objective logit-laplace).
 *
 * Its configuration has the names of the program that was published with the weights: n_hid,
 * n_init, n_blk_per_group, group_count, vocab_size; resolution is the side of the pictures. */
#include "vqgan.h"

#include <math.h>
#include <stdlib.h>

/* ---- the encoder of its pictures ------------------------------------------------------------- */

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = ((const vqgan_self *)self)->learnt;
    return 2;
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const vqgan_self *d = self;
    const omn_image *in = omn_value_image(v);
    const size_t n = (size_t)d->codes.count * (size_t)d->codes.codes;
    void *noise = NULL;
    omn_status st = vqgan_prepare(self, c, v, NULL, out, err);
    if (st == OMN_OK) st = omn_feed_new(out, "noise", OMN_F32, d->learnt[1].most, &noise, err);
    if (st != OMN_OK) return st;
    const uint64_t seed = omn_call_random(c);
    for (size_t i = 0; i < n; i++) {
        const double u = ((double)(omn_random_at(seed, 0, i) >> 11) + 0.5) * 0x1p-53;
        ((float *)noise)[i] = (float)-log(-log(u));
    }
    const omn_frame *own = in ? omn_image_frame(in) : NULL;
    if (frame && own) *frame = *own;
    return OMN_OK;
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    (void)self;
    (void)in;
    omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "image.dvae: the codes of a dVAE have no vectors");
    return NULL;
}

const omn_encoder_impl dvae_pictures = { NULL, "image", vqgan_open, free, ports, prepare, embed };

/* ---- the model ------------------------------------------------------------------------------- */

static omn_status model_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)params;
    omn_config *f = omn_open_config(o);
    const int groups = (int)omn_config_int_or(f, "group_count", 1, MOST_LEVELS, 4);
    char all[400], mult[96] = "1";
    *self = (void *)(uintptr_t)&learnt_nothing;
    size_t at = 1;
    for (int i = 1; i < groups; i++) {
        omn_format(mult + at, sizeof mult - at, ",%d", 1 << i);
        while (mult[at]) at++;
    }
    omn_format(all, sizeof all,
               "network=dvae ch=%d ch_mult=%s blocks=%d embed=%d n_embed=%d attention= "
               "resolution=%d fit=cover",
               (int)omn_config_int_or(f, "n_hid", 4, 8192, 256), mult,
               (int)omn_config_int_or(f, "n_blk_per_group", 1, 64, 2),
               (int)omn_config_int_or(f, "n_init", 1, 8192, 128),
               (int)omn_config_int_or(f, "vocab_size", 2, 1 << 24, 8192),
               (int)omn_config_int_or(f, "resolution", 1, 8192, 256));
    omn_open_part(o, "image", "omnio.encoder/1", "image.dvae", "", "%s", all);
    omn_open_part(o, "image", "omnio.decoder/1", "image.vqgan", "", "%s", all);
    omn_open_part(o, "loss", "omnio.objective/1", "logit-laplace", "", " ");
    return omn_open_done(o, err);
}

/* 1 / temperature, [1] */
static omn_node *coldness(omn_scope *s)
{
    omn_node *t = omn_input(s, "schedule.temperature", OMN_F32, omn_dim1(1));
    t = omn_scale(s, omn_activate(s, t, OMN_ACT_LOG), -1, 0);
    return omn_activate(s, t, OMN_ACT_EXP);
}

static void build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const omn_given *given = rq->inputs;
    const void *impl = NULL;
    (void)self;
    if (rq->n_inputs != 1 || rq->phase != OMN_TEACH) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED,
                       "a dVAE writes and embeds nothing: its decoder makes codes of pictures");
        return;
    }
    const vqgan_self *v = omn_part_self(given->part, "omnio.encoder/1", &impl);
    omn_node *pixels = omn_bundle_get(given->in, s, "pixels");
    omn_node *noise = omn_bundle_get(given->in, s, "noise");
    omn_node *scores = dvae_scores(v, s, pixels);
    omn_node *shares = omn_softmax(s, omn_mul(s, omn_add(s, scores, noise), coldness(s)));
    omn_bundle_put(out, s, "wanted.image", omn_scale(s, pixels, 0.5 * (1 - 2 * v->p->eps), 0.5));
    omn_bundle_put(out, s, "made.image", dvae_spread(v, s, shares));
    omn_bundle_put(out, s, "scores.image", scores);
}

const omn_model_impl dvae_model = { NULL,  model_open, learnt_close,
                                     build, NULL,       learnt_most_tokens };
