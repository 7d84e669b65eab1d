/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a Flamingo. The published program keeps it in its arguments; here the
 * numbers of its modules have the names of those arguments, "vision_cfg" is that of open_clip and
 * "lang_encoder" the configuration of the language model as it lies beside its own weights. */
#include "flamingo.h"

#include <stdio.h>
#include <string.h>

/* An activation by its word. */
static const char *act_of(omn_open *o, omn_config *f, const char *path)
{
    const char *act = omn_config_string_or(f, path, "gelu");
    if (!strcmp(act, "gelu")) return "gelu_erf";
    if (!strcmp(act, "squared_relu")) return "relu2";
    omn_open_fail(o, OMN_ERR_CONFIG, "%s is \"%.40s\"; gelu or squared_relu is wanted", path, act);
    return "gelu_erf";
}

/* Height and width: a number, or two of them. */
static void side_of(omn_config *f, int *height, int *width)
{
    const char *path = "vision_cfg.image_size";
    const bool two = omn_config_count(f, path) > 0;
    *height = (int)omn_config_int(f, two ? "vision_cfg.image_size.0" : path, 1, 4096);
    *width = two ? (int)omn_config_int(f, "vision_cfg.image_size.1", 1, 4096) : *height;
}

/* The parameters of the tower, commas between. */
static void tower(flamingo *m, omn_open *o, omn_config *f, char *out, size_t room)
{
    int height, width;
    const char *tokens = omn_config_string_or(f, "vision_tokens", "pre_ln_post");
    const bool normed = !strcmp(tokens, "post_ln_post");
    const bool has = omn_config_has(f, "quick_gelu");
    side_of(f, &height, &width);
    m->width = omn_config_int(f, "vision_cfg.width", 2, 65536);
    const int head = (int)omn_config_int_or(f, "vision_cfg.head_width", 1, 65536, 64);
    const double ratio = omn_config_double_or(f, "vision_cfg.mlp_ratio", 0.01, 64, 4);
    if (!has)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "quick_gelu is missing: true for the weights of OpenAI, false for those that "
                      "open_clip trained");
    if (!normed && strcmp(tokens, "pre_ln_post"))
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "vision_tokens is \"%.40s\"; pre_ln_post or post_ln_post is wanted", tokens);
    if (m->width % head)
        omn_open_fail(o, OMN_ERR_CONFIG, "vision_cfg: %d channels are not made of heads of %d",
                      (int)m->width, head);
    const int n = snprintf(
        out, room,
        "names=openai,side=%d,height=%d,patch=%d,width=%d,layers=%d,heads=%d,mlp=%d,act=%s,give=%s,"
        "stage=vision",
        width, height == width ? 0 : height,
        (int)omn_config_int(f, "vision_cfg.patch_size", 1, 1024), (int)m->width,
        (int)omn_config_int(f, "vision_cfg.layers", 1, 512), (int)m->width / head,
        (int)((double)m->width * ratio + 0.5),
        omn_config_bool_or(f, "quick_gelu", true) ? "quick_gelu" : "gelu_erf",
        normed ? "normed" : "patches");
    if (n < 0 || (size_t)n >= room) *out = 0;
}

/* Of features that another program made: so many places of an item. */
static void given(flamingo *m, omn_config *f, char *out, size_t room)
{
    m->width = omn_config_int(f, "vision_features.width", 1, 65536);
    snprintf(out, room, "width=%d,places=%d", (int)m->width,
             (int)omn_config_int(f, "vision_features.places", 1, 1 << 20));
}

static void open_media(flamingo *m, omn_open *o, omn_config *f)
{
    char set[512], usual[1024];
    const bool features = omn_config_has(f, "vision_features");
    if (features) given(m, f, set, sizeof set);
    else tower(m, o, f, set, sizeof set);
    flamingo_refuse(o, f);
    m->latents = omn_config_int_or(f, "perceiver.num_latents", 1, 65536, 64);
    const int frames = (int)omn_config_int_or(f, "omnio.frames", 1, 1024, 8);
    const int videos = (int)omn_config_int_or(f, "omnio.videos", 1, 1024, 1);
    const int frame_rows = (int)omn_config_int_or(f, "perceiver.max_num_frames", 1, 65536, 0);
    const int media_rows = (int)omn_config_int_or(f, "perceiver.max_num_media", 1, 65536, 0);
    const int most = (int)omn_config_int_or(f, "omnio.media", 1, 1024,
                                            media_rows && media_rows < 16 ? media_rows : 16);
    snprintf(usual, sizeof usual,
             "of=%s of_prefix=vision_encoder of_set=%s latents=%d width=%d heads=%d head_width=%d "
             "layers=%d mlp=%d act=%s media_rows=%d",
             features ? "features.given" : "image.clip", set, (int)m->latents, (int)m->width,
             (int)omn_config_int_or(f, "perceiver.heads", 1, 512, 8),
             (int)omn_config_int_or(f, "perceiver.dim_head", 1, 4096, 64),
             (int)omn_config_int_or(f, "perceiver.depth", 1, 512, 6),
             (int)(m->width * omn_config_int_or(f, "perceiver.ff_mult", 1, 64, 4)),
             act_of(o, f, "perceiver.activation"), media_rows);
    const char *prefix = omn_config_string_or(f, "perceiver.prefix", "perceiver");
    /* in this order a request gives them: pictures are numbered so */
    omn_open_part(o, "interleaved", "omnio.encoder/1", "interleaved.perceiver", prefix,
                  "%s most=%d", usual, most);
    if (!media_rows)
        omn_open_part(o, "image", "omnio.encoder/1", "image.perceiver", prefix, "%s most=1", usual);
    omn_open_part(o, "video", "omnio.encoder/1", "video.perceiver", prefix,
                  "%s most=%d media=%d frame_rows=%d", usual, frames * videos, videos, frame_rows);
}

static void read_gated(flamingo *m, omn_open *o, omn_config *f)
{
    m->interval = omn_config_int(f, "cross_attn_every_n_layers", 1, 512);
    m->heads = omn_config_int_or(f, "cross_attention.heads", 1, 512, 8);
    m->head_width = omn_config_int_or(f, "cross_attention.dim_head", 1, 4096, 64);
    m->ffn = m->lm.D * omn_config_int_or(f, "cross_attention.ff_mult", 1, 64, 4);
    m->act = !strcmp(act_of(o, f, "cross_attention.activation"), "relu2") ? OMN_ACT_RELU2
                                                                            : OMN_ACT_GELU_ERF;
    m->previous = !omn_config_bool_or(f, "only_attend_immediate_media", true);
    m->whole_table = omn_config_bool_or(f, "omnio.whole_table", false);
    const char *learn = omn_config_string_or(f, "omnio.learn", "answer");
    m->chunks = !strcmp(learn, "chunks");
    if (!m->chunks && strcmp(learn, "answer"))
        omn_open_fail(o, OMN_ERR_CONFIG, "omnio.learn is \"%.40s\"; answer or chunks is wanted",
                      learn);
    if (m->interval > m->lm.layers)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "cross_attn_every_n_layers is %lld: a language model of %lld layers gets no "
                      "gated block", (long long)m->interval, (long long)m->lm.layers);
}

/* An id by its piece, by the configuration, or by its place among the last. */
static int32_t id_of(const flamingo *m, omn_open *o, omn_config *f, const char *piece,
                     const char *path, int64_t usual)
{
    const int32_t found = m->tokenizer ? omn_codec_piece(m->tokenizer, piece) : -1;
    if (m->tokenizer && found < 0 && !omn_config_has(f, path))
        omn_open_fail(o, OMN_ERR_DATA, "the tokenizer has no piece %s: it does not belong to this "
                      "model", piece);
    if (found >= m->lm.rows)
        omn_open_fail(o, OMN_ERR_DATA, "the tokenizer's %s is %d, the model has %lld rows", piece,
                      (int)found, (long long)m->lm.rows);
    if (found >= 0) return found;
    return (int32_t)omn_config_int_or(f, path, 0, m->lm.rows - 1, usual > 0 ? usual : 0);
}

/* added: names that get ids behind the file's own, as the program adds them to what it loads. */
static void open_tokenizer(flamingo *m, omn_open *o, const char *added)
{
    if (omn_open_file(o, "tokenizer.json", false))
        omn_open_part(o, "tokenizer", "omnio.codec/1", "text.bpe", "",
                      "file=tokenizer.json style=json%s", added);
    m->tokenizer = omn_open_find(o, "tokenizer");
}

/* Texts in the row; what is written begins behind them, and ends with `stop`. */
static void open_text(flamingo *m, omn_open *o, const char *table, int32_t stop)
{
    omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "",
                  "table=%s rows=%d width=%d most=%d stop=%d embed=false", table, (int)m->lm.rows,
                  (int)m->width, (int)m->lm.most, (int)stop);
    omn_part *p = omn_open_part(o, "text", "omnio.decoder/1", "text.tokens", "",
                                "rows=%d stop=%d", (int)m->lm.rows, (int)stop);
    const omn_range range = { "codes", 0, (int32_t)m->lm.rows, 1 };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)m->lm.rows, .start = -1,
                          .stop = stop, .pad = m->pad, .ranges = &range, .n_ranges = 1,
                          .option_ends = -1, .table = table,
                          .n_behind = m->eos >= 0, .behind = m->eos };
    omn_open_vocabulary(o, p, &v);
    m->text = p;
    if (omn_open_offers(o, "omnio.objective/1", "cross-entropy"))
        omn_open_part(o, "loss", "omnio.objective/1", "cross-entropy", "", "z=0");
}

/* What a row begins with: a token of the configuration in families that are trained so. */
static int32_t begin_of(const flamingo *m, omn_config *f, const char *path)
{
    if (!omn_config_bool_or(f, "omnio.begin", m->lm.begins)) return -1;
    return (int32_t)omn_config_int_or(f, path, 0, m->lm.rows - 1, m->lm.rows > 1 ? 1 : 0);
}

/* Texts of pictures end with it in the original's lessons, behind the end of their chunk. Of rows
 * whose chunks are learnt nothing counts there, so it is left away. */
static int32_t eos_of(const flamingo *m, omn_config *f)
{
    const int32_t piece = m->tokenizer ? omn_codec_piece(m->tokenizer, "<|endoftext|>") : -1;
    const int64_t usual =
        omn_config_int_or(f, "lang_encoder.eos_token_id", 0, 1 << 24, piece < 0 ? -1 : piece);
    const int64_t id = omn_config_int_or(f, "omnio.eos", -1, m->lm.rows - 1, usual);
    return m->chunks || id >= m->lm.rows ? -1 : (int32_t)id;
}

void flamingo_configure(flamingo *m, omn_open *o, omn_config *f)
{
    char table[64];
    if (!flamingo_preset(o, f)) return;
    m->silent = omn_config_bool_or(f, "omnio.media_only", false);
    open_media(m, o, f);
    if (m->silent) {
        m->interval = 1;
        return;
    }
    m->lm.root = "lang_encoder";
    m->lm.block = "decoder_layer";
    language_configure(&m->lm, o, f, "lang_encoder");
    open_tokenizer(m, o, " added=<|endofchunk|>,<image>,<PAD> added_silent=true");
    m->lm.rows = omn_config_int_or(f, "omnio.rows", 4, 1 << 24,
                                   m->tokenizer ? omn_codec_pieces(m->tokenizer) : m->lm.rows);
    read_gated(m, o, f);
    m->chunk_end = id_of(m, o, f, "<|endofchunk|>", "omnio.chunk_end", m->lm.rows - 3);
    m->media = id_of(m, o, f, "<image>", "omnio.media_id", m->lm.rows - 2);
    m->pad = id_of(m, o, f, "<PAD>", "omnio.pad", m->lm.rows - 1);
    m->begin = begin_of(m, f, "lang_encoder.bos_token_id");
    m->eos = eos_of(m, f);
    language_table(&m->lm, table, sizeof table);
    open_text(m, o, table, m->chunk_end);
}

/* The id that ends an answer; of a list the last, which in models that talk ends a turn. */
static int32_t stop_of(const flamingo *m, omn_config *f)
{
    char last[48] = "eos_token_id";
    const size_t n = omn_config_count(f, last);
    if (n) snprintf(last, sizeof last, "eos_token_id.%d", (int)n - 1);
    const int64_t usual = m->lm.begins && m->lm.rows > 2 ? 2 : 0;
    return (int32_t)omn_config_int_or(f, "omnio.stop", 0, m->lm.rows - 1,
                                      omn_config_int_or(f, last, 0, m->lm.rows - 1, usual));
}

/* Llama's own file, or the one of byte pair encoding. */
static void open_own(flamingo *m, omn_open *o)
{
    const char *file = "tokenizer.model";
    if (m->lm.form != LANGUAGE_LLAMA || !omn_open_file(o, file, false)) {
        open_tokenizer(m, o, "");
    } else {
        omn_open_part(o, "tokenizer", "omnio.codec/1", "text.sentencepiece", "", "file=%s", file);
        m->tokenizer = omn_open_find(o, "tokenizer");
    }
    if (m->tokenizer && omn_codec_pieces(m->tokenizer) > m->lm.rows)
        omn_open_fail(o, OMN_ERR_DATA, "the tokenizer has %lld pieces, vocab_size is %lld: they do "
                      "not belong together", (long long)omn_codec_pieces(m->tokenizer),
                      (long long)m->lm.rows);
}

void flamingo_alone(flamingo *m, omn_open *o, omn_config *f)
{
    char table[64];
    m->lm.root = m->lm.block = "";
    m->width = 1;
    language_configure(&m->lm, o, f, "");
    open_own(m, o);
    m->media = m->chunk_end = m->eos = -1;
    m->begin = begin_of(m, f, "bos_token_id");
    m->pad = stop_of(m, f);
    language_table(&m->lm, table, sizeof table);
    open_text(m, o, table, m->pad);
}
