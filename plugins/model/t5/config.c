/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of T5 as the Transformers library writes it, and what VL-T5's program adds to
 * it. Keys that would change the computation and are not known to are refused. */
#include "t5.h"

#include "fixed.h"

#include <stdio.h>
#include <string.h>

/* "relu", "gated-gelu": what a feed-forward does between its matrices. Gated GELU is the one by
 * tanh, as version 1.1 was trained. */
static void read_act(t5 *m, omn_open *o, omn_config *f, const char *name)
{
    static const struct { const char *name; omn_act act; } acts[] = {
        { "relu", OMN_ACT_RELU },         { "gelu", OMN_ACT_GELU_ERF },
        { "gelu_new", OMN_ACT_GELU_TANH }, { "gelu_pytorch_tanh", OMN_ACT_GELU_TANH },
        { "silu", OMN_ACT_SILU },         { "swish", OMN_ACT_SILU },
    };
    const char *const whole = name;
    m->gated = !strncmp(name, "gated-", 6);
    if (m->gated) name += 6;
    if (!strcmp(whole, "gated-gelu")) name = "gelu_new";
    const fixed_key same[] = { KEY_IS("is_gated_act", m->gated), KEY_SAYS("dense_act_fn", name) };
    keys_refuse(same, 2, "", whole, o, f);
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (!strcmp(name, acts[i].name)) {
            m->act = acts[i].act;
            return;
        }
    omn_open_fail(o, OMN_ERR_CONFIG,
                  "feed_forward_proj is \"%.60s\"; relu, gelu, gelu_new or silu is wanted, or one "
                  "of them behind gated-", whole);
}

static const fixed_key fixed[] = { KEY_IS("is_encoder_decoder", 1), KEY_IS("is_decoder", 0) };

void t5_read(t5 *m, omn_open *o, omn_config *f)
{
    m->D = omn_config_int(f, "d_model", 1, 65536);
    m->H = omn_config_int(f, "num_heads", 1, 512);
    m->K = omn_config_int_or(f, "d_kv", 1, 4096, 64);
    m->ffn = omn_config_int(f, "d_ff", 1, 1 << 20);
    m->n_enc = omn_config_int(f, "num_layers", 1, 512);
    m->n_dec = omn_config_int_or(f, "num_decoder_layers", 1, 512, m->n_enc);
    m->rows = omn_config_int_or(f, "vocab_size", 3, 1 << 24, 32128);
    m->buckets = omn_config_int_or(f, "relative_attention_num_buckets", 4, 1 << 16, 32);
    m->distance = omn_config_int_or(f, "relative_attention_max_distance", 2, 1 << 30, 128);
    m->eps = omn_config_double_or(f, "layer_norm_epsilon", 0, 1, 1e-6);
    m->tied = omn_config_bool_or(f, "tie_word_embeddings", true);
    m->scaled = omn_config_bool_or(f, "scale_decoder_outputs", m->tied);
    m->start = (int32_t)omn_config_int_or(f, "decoder_start_token_id", 0, m->rows - 1, 0);
    m->stop = (int32_t)omn_config_int_or(f, "eos_token_id", 0, m->rows - 1, 1);
    m->pad = (int32_t)omn_config_int_or(f, "pad_token_id", 0, m->rows - 1, 0);
    m->text_in = omn_config_int_or(f, "n_positions", 2, 1 << 16, 512);
    m->text_out = m->text_in;
    read_act(m, o, f, omn_config_string_or(f, "feed_forward_proj", "relu"));
    m->taught = omn_config_has(f, "task_specific_params");
    keys_refuse(fixed, sizeof fixed / sizeof *fixed, "", "T5", o, f);
    if (m->buckets % 2 || m->distance <= m->buckets / 2)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "relative_attention_num_buckets %lld, relative_attention_max_distance %lld: "
                      "an even number, and more than half of it, are wanted", (long long)m->buckets,
                      (long long)m->distance);
}

/* Boxes have four corners; a region knows its picture and its place among others, each part has a
 * norm that texts do not share; what is asked is written, not classified. */
static const fixed_key seen[] = {
    KEY_EQUALS("pos_dim", 4), KEY_IS("use_vis_order_embedding", 1), KEY_IS("use_vis_layer_norm", 1),
    KEY_IS("share_vis_lang_layer_norm", 0), KEY_IS("classifier", 0),
};

void t5_read_visual(t5 *m, omn_open *o, omn_config *f)
{
    const int64_t feat = omn_config_int_or(f, "feat_dim", 1, 1 << 20, 2048);
    const int64_t most = omn_config_int_or(f, "omnio.vis_extra_ids", 1, 100000, 100);
    m->visual = true;
    m->n_dec = m->n_enc;                  /* both stacks are built so deep */
    m->text_in = omn_config_int_or(f, "max_text_length", 2, 1 << 16, 20);
    m->text_out = omn_config_int_or(f, "gen_max_length", 2, 1 << 16, 20);
    m->pictures = omn_config_int_or(f, "n_images", 1, 16, 2);
    m->joint = !omn_config_bool_or(f, "individual_vis_layer_norm", true);
    keys_refuse(seen, sizeof seen / sizeof *seen, "", "VL-T5", o, f);
    if (most > m->rows - 3)
        omn_open_fail(o, OMN_ERR_CONFIG, "omnio.vis_extra_ids: %lld, of %lld words",
                      (long long)most, (long long)m->rows);
    omn_open_part(o, "regions", "omnio.encoder/1", "regions.features", "encoder.visual_embedding",
                  "also=vis_encoder.visual_embedding width=%d features=%d most=%d norm=%s "
                  "eps=%.17g", (int)m->D, (int)feat, (int)most, m->joint ? "false" : "true",
                  m->eps);
}

void t5_open_loss(t5 *m, omn_open *o)
{
    const char *per = omn_config_string_or(omn_open_config(o), "omnio.loss",
                                           m->visual ? "answer" : "token");
    if (omn_open_offers(o, "omnio.objective/1", "cross-entropy"))
        m->loss = omn_open_part(o, "loss", "omnio.objective/1", "cross-entropy", "",
                                "z=0 per=%s", per);
}

void t5_open_text(t5 *m, omn_open *o)
{
    omn_config *f = omn_open_config(o);
    const int visual = m->visual ? (int)omn_config_int_or(f, "omnio.vis_extra_ids", 1, 100000, 100)
                                 : 0;
    const int gaps = (int)omn_config_int_or(f, "omnio.extra_ids", 0, 100000, 100);
    t5_open_tokenizer(m, o, gaps, visual);
    omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "",
                  "table=shared.weight rows=%d width=%d most=%d stop=%d cut=%s", (int)m->rows,
                  (int)m->D, (int)m->text_in, (int)m->stop, m->visual ? "true" : "false");
    omn_part *p = omn_open_part(o, "text", "omnio.decoder/1", "text.tokens", "", "rows=%d stop=%d",
                                (int)m->rows, (int)m->stop);
    const omn_range ranges[2] = { { "codes", 0, (int32_t)m->rows, 1 },
                                  { "regions", (int32_t)m->rows - 1, visual, -1 } };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)m->rows, .start = m->start,
                          .stop = m->stop, .pad = m->pad, .ranges = ranges,
                          .n_ranges = m->visual ? 2 : 1, .table = "shared.weight" };
    omn_open_vocabulary(o, p, &v);
}
