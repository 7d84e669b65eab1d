/* SPDX-License-Identifier: Apache-2.0 */
/* model/unitab: UniTAB (Yang et al. 2022), a picture and a text in, a text with boxes out, words
 * and places in one row of ids. The door, and the reading of the configuration, whose keys are
 * options of the original program; the text encoder's are those of its own library. */
#include "unitab.h"

#include "fixed.h"
#include "verify.h"

#include <stdlib.h>
#include <string.h>

/* What the program and the text encoder's library can be told and the released models are not. */
static void refuse_others(omn_open *o, omn_config *f)
{
    static const fixed_key own[] = {
        KEY_IS("pre_norm", 0),
        KEY_IS("dilation", 0),
        KEY_IS("pass_pos_and_query", 1),
        KEY_SAYS("position_embedding", "sine"),
    };
    static const fixed_key text[] = {
        KEY_SAYS("model_type", "roberta"),
        KEY_SAYS("hidden_act", "gelu"),
        KEY_SAYS("position_embedding_type", "absolute"),
        KEY_IS("is_decoder", 0),
        KEY_IS("add_cross_attention", 0),
        KEY_EQUALS("bos_token_id", 0),
        KEY_EQUALS("pad_token_id", 1),
        KEY_EQUALS("eos_token_id", 2),
    };
    /* sizes by a name are those of one alone */
    static const fixed_key base[] = { KEY_SAYS("text_encoder_type", "roberta-base") };
    keys_refuse(own, sizeof own / sizeof *own, "", "UniTAB", o, f);
    keys_refuse(text, sizeof text / sizeof *text, "text_config.", "text encoder", o, f);
    if (!omn_config_has(f, "text_config")) keys_refuse(base, 1, "", "text encoder", o, f);
}

static void read_sizes(unitab *u, omn_open *o, omn_config *f)
{
    u->D = omn_config_int_or(f, "hidden_dim", 4, 65536, 256);
    u->H = omn_config_int_or(f, "nheads", 1, 512, 8);
    u->n_enc = omn_config_int_or(f, "enc_layers", 1, 512, 6);
    u->n_dec = omn_config_int_or(f, "dec_layers", 1, 512, 6);
    u->ffn = omn_config_int_or(f, "dim_feedforward", 1, 1 << 20, 2048);
    u->most = omn_config_int_or(f, "max_decoding_step", 4, 65536, 256);
    u->text.rows = omn_config_int_or(f, "text_config.vocab_size", 8, 1 << 24, 50265);
    u->text.D = omn_config_int_or(f, "text_config.hidden_size", 4, 65536, 768);
    u->text.H = omn_config_int_or(f, "text_config.num_attention_heads", 1, 512, 12);
    u->text.layers = omn_config_int_or(f, "text_config.num_hidden_layers", 1, 512, 12);
    u->text.ffn = omn_config_int_or(f, "text_config.intermediate_size", 1, 1 << 20, 3072);
    u->text.places = omn_config_int_or(f, "text_config.max_position_embeddings", 4, 1 << 20, 514);
    u->text.types = omn_config_int_or(f, "text_config.type_vocab_size", 1, 1024, 1);
    u->text.eps = omn_config_double_or(f, "text_config.layer_norm_eps", 0, 1, 1e-5);
    u->start = 0;
    u->stop = 2;
    if (u->D % u->H || u->text.D % u->text.H)
        omn_open_fail(o, OMN_ERR_CONFIG, "hidden_dim %lld of %lld heads, text_config.hidden_size "
                      "%lld of %lld: multiples are wanted", (long long)u->D, (long long)u->H,
                      (long long)u->text.D, (long long)u->text.H);
    if (u->most + 2 > u->text.places)
        omn_open_fail(o, OMN_ERR_CONFIG, "max_decoding_step: %lld places, of which the text "
                      "encoder has %lld", (long long)u->most, (long long)u->text.places - 2);
}

static void open_image(const unitab *u, omn_open *o, omn_config *f)
{
    const char *net = omn_config_string_or(f, "backbone", "resnet101");
    const bool large = !strcmp(net, "resnet101");
    const int64_t longest = omn_config_int_or(f, "omnio.longest", 1, 16384, 1333);
    const int64_t canvas = (longest + 31) / 32 * 32;
    if (!large && strcmp(net, "resnet50"))
        omn_open_fail(o, OMN_ERR_UNSUPPORTED,
                      "backbone: \"%s\" is not supported, resnet50 and resnet101 are", net);
    omn_open_part(o, "image", "omnio.encoder/1", "image.unitab", "backbone.0.body",
                  "side=%d longest=%d height=%d width=%d blocks=%s stem=%d planes=%s positions=%d",
                  (int)omn_config_int_or(f, "omnio.side", 1, 16384, 800), (int)longest,
                  (int)omn_config_int_or(f, "omnio.canvas_height", 1, 16384, canvas),
                  (int)omn_config_int_or(f, "omnio.canvas_width", 1, 16384, canvas),
                  omn_config_string_or(f, "omnio.blocks", large ? "3,4,23,3" : "3,4,6,3"),
                  (int)omn_config_int_or(f, "omnio.stem", 1, 65536, 64),
                  omn_config_string_or(f, "omnio.planes", "64,128,256,512"), (int)u->D);
}

/* Words of the vocabulary's file, then the marks of a box, then places. Only what is written may
 * say them: in a text that is read they are characters as any. */
static void open_words(unitab *u, omn_open *o, omn_config *f)
{
    const int32_t V = (int32_t)u->text.rows;
    const int32_t bins = (int32_t)omn_config_int_or(f, "num_bins", 2, 100000, 200);
    u->rows = V + 2 + bins;
    const bool pair = omn_open_file(o, "merges.txt", false) &&
                      omn_open_file(o, "vocab.json", false);
    if (pair || omn_open_file(o, "tokenizer.json", false))
        omn_open_part(o, "tokenizer", "omnio.codec/1", "text.bpe", "",
                      "%s pieces=%d added=<obj>,</obj>,<bin_0..%d> added_read=false",
                      pair ? "file=merges.txt vocabulary=vocab.json style=roberta"
                           : "file=tokenizer.json style=json", (int)u->rows, bins - 1);
    omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "",
                  "table=transformer.text_encoder.embeddings.word_embeddings.weight rows=%d "
                  "width=%d most=%d start=%d stop=%d cut=true", V, (int)u->text.D, (int)u->most,
                  (int)u->start, (int)u->stop);
    omn_part *p = omn_open_part(o, "text", "omnio.decoder/1", "text.tokens", "",
                                "rows=%d stop=%d", (int)u->rows, (int)u->stop);
    const omn_range ranges[] = { { "codes", 0, V, 1 },
                                 { "open", V, 1, 1 },
                                 { "close", V + 1, 1, 1 },
                                 { "location", V + 2, bins, 1 } };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)u->rows, .start = u->start,
                          .stop = u->stop, .pad = 1, .ranges = ranges, .n_ranges = 4,
                          .table = "transformer.embedding.word_embeddings.weight" };
    omn_open_vocabulary(o, p, &v);
    u->answer = p;
}

static omn_status unitab_open(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)params;
    omn_config *f = omn_open_config(o);
    unitab *u = calloc(1, sizeof *u);
    if (!u) return omn_fail(err, OMN_ERR_MEMORY, "unitab: out of memory");
    *self = u;
    refuse_others(o, f);
    read_sizes(u, o, f);
    open_image(u, o, f);
    open_words(u, o, f);
    if (omn_open_offers(o, "omnio.objective/1", "cross-entropy"))
        u->loss = omn_open_part(o, "loss", "omnio.objective/1", "cross-entropy", "", "%s", "z=0");
    return omn_open_done(o, err);
}

/* Encode, step, teach, and vectors without writing. */
static void build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const unitab *u = self;
    omn_scope *d = omn_scope_at(s, "/transformer.decoder");
    unitab_memory m = { 0 };
    if (rq->in_map) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "unitab packs no inputs of several examples");
        return;
    }
    if (rq->phase == OMN_STEP)
        m.seg = omn_state_read(d, omn_state_at(d, "memory_seg", OMN_I32,
                                               omn_dim2(rq->memory_rows, rq->memory_length)));
    else m = unitab_encode(u, s, rq);
    if (rq->phase == OMN_EMBED) {
        omn_bundle_put(out, s, "tokens.memory", m.x);
        omn_bundle_put(out, s, "seg.memory", m.seg);
    } else if (rq->phase == OMN_ENCODE) {
        omn_state_write(d, omn_state_at(d, "memory_seg", OMN_I32, omn_node_shape(m.seg)), m.seg);
        unitab_remember(u, s, rq, &m);
        omn_bundle_put(out, s, "memory", m.x);
    } else {
        unitab_decode(u, s, rq, &m, out);
    }
}

static const char *prefix(const void *self, const char *output)
{
    (void)self;
    (void)output;
    return "";
}

static int32_t most_tokens(const void *self, bool answer)
{
    (void)answer;
    return (int32_t)((const unitab *)self)->most;
}

static bool claims(omn_config *f)
{
    return !strcmp(omn_config_string_or(f, "model_type", ""), "unitab");
}

static const void *extension(const char *id)
{
    static const omn_claims_impl known = { claims };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    return strcmp(id, "omnio.verify/1") ? NULL : &unitab_verify;
}

enum { N_IMAGE_PARAMS = 8 };
static const omn_param grounded_boxes_params[] = { UNITAB_BOXES(OMN_S_ROW, grounded_boxes) };

static const omn_model_impl impl = { extension, unitab_open, free, build, prefix, most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "unitab", "UniTAB: texts with boxes about a picture", &impl, NULL, 0, 0 },
    { "omnio.encoder/1", "image.unitab", "pictures of any shape through a residual network",
      &unitab_image_impl, unitab_image_params, N_IMAGE_PARAMS, sizeof(struct unitab_image) },
    { "omnio.answer/1", "grounded", "a text with the boxes of its words", &unitab_grounded, NULL, 0,
      0 },
    { "omnio.answer/1", "grounded_text", "the words of such a text", &unitab_grounded_text, NULL, 0,
      0 },
    { "omnio.answer/1", "grounded_boxes", "the boxes of such a text, labelled with their words",
      &unitab_grounded_boxes, OMN_OBJECT_PARAMS(grounded_boxes) },
};
OMN_PLUGIN("unitab", "0.1.0", "Apache-2.0", "the UniTAB model family", objects);
