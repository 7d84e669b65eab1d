/* SPDX-License-Identifier: Apache-2.0 */
/* model/beit3: BEiT-3 (Wang et al. 2022), pictures and texts through one stack of layers with two
 * experts. The door, and the reading of the configuration. The published program keeps its numbers
 * in code; here they have the names of its EncoderConfig. What a checkpoint was tuned for, and the
 * side of the pictures that its positions were learned for, stand below "omnio". */
#include "beit3.h"

#include "fixed.h"
#include "verify.h"

#include <omnio/published.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const tasks[] = { "pretrain", "captioning", "vqa",
                                     "nlvr2",    "retrieval",  "imagenet" };
enum { N_TASKS = sizeof tasks / sizeof *tasks };

static beit3_task task_of(omn_open *o, const char *name)
{
    for (int i = 0; i < N_TASKS; i++)
        if (!strcmp(name, tasks[i])) return (beit3_task)i;
    omn_open_fail(o, OMN_ERR_CONFIG,
                  "omnio.task is \"%s\"; pretrain, captioning, vqa, nlvr2, retrieval or imagenet "
                  "is wanted", name);
    return BEIT3_PRETRAIN;
}

/* Of the published program's EncoderConfig, what its models have and nothing else is built of. */
static const fixed_key fixed[] = {
    KEY_EQUALS("layernorm_eps", 1e-5),
    KEY_IS("subln", 1),
    KEY_IS("encoder_normalize_before", 1),
    KEY_IS("multiway", 1),
    KEY_SAYS("activation_fn", "gelu"),
    KEY_IS("layernorm_embedding", 0),
    KEY_IS("no_scale_embedding", 1),
    KEY_IS("deepnorm", 0),
    KEY_IS("xpos_rel_pos", 0),
    KEY_EQUALS("rel_pos_buckets", 0),
    KEY_EQUALS("max_rel_pos", 0),
    KEY_EQUALS("moe_freq", 0),
    KEY_EQUALS("in_chans", 3),
    KEY_EQUALS("vision_embed_dim", NAN),
};

/* Which tasks have the norm behind the last layer is known; a file that says it has to agree. */
static void read_last_norm(const beit3 *b, omn_open *o, omn_config *f)
{
    const bool has = b->task != BEIT3_VQA && b->task != BEIT3_IMAGENET;
    const fixed_key last[] = { KEY_IS("normalize_output", has) };
    keys_refuse(last, 1, "", tasks[b->task], o, f);
}

static void read_sizes(beit3 *b, omn_open *o, omn_config *f)
{
    b->D = omn_config_int_or(f, "encoder_embed_dim", 8, 65536, 768);
    b->H = omn_config_int_or(f, "encoder_attention_heads", 1, 512, 12);
    b->layers = omn_config_int_or(f, "encoder_layers", 1, 512, 12);
    const double ratio = omn_config_double_or(f, "mlp_ratio", 0.01, 64, NAN);
    b->ffn = omn_config_int_or(f, "encoder_ffn_embed_dim", 1, 1 << 20,
                               isnan(ratio) ? 3072 : (int64_t)((double)b->D * ratio));
    b->rows = omn_config_int_or(f, "vocab_size", 8, 1 << 24, 64010);
    b->text_rows = omn_config_int_or(f, "max_source_positions", 8, 1 << 20, 1024);
    b->most = omn_config_int_or(f, "num_max_bpe_tokens", 4, 1 << 16,
                                b->task == BEIT3_CAPTIONING ? 32 : 64);
    if (b->D % b->H)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "encoder_embed_dim: %lld is no multiple of %lld heads", (long long)b->D,
                      (long long)b->H);
    if (b->most + 2 > b->text_rows)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "num_max_bpe_tokens: %lld places, of which the %lld rows of positions have "
                      "%lld", (long long)b->most, (long long)b->text_rows,
                      (long long)b->text_rows - 2);
}

static void open_image(beit3 *b, omn_open *o, omn_config *f)
{
    const int64_t patch = omn_config_int_or(f, "patch_size", 1, 256, 16);
    const int64_t side = omn_config_int_or(f, "img_size", 1, 16384, beit3_side(b->task));
    const int64_t learned = omn_config_int_or(f, "omnio.position_size", 1, 16384, side);
    const bool imagenet = b->task == BEIT3_IMAGENET;
    b->grid = side / patch;
    b->table_grid = learned / patch;
    if (side % patch || learned % patch)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "img_size %lld, omnio.position_size %lld: whole numbers of patches of %lld "
                      "are wanted", (long long)side, (long long)learned, (long long)patch);
    omn_open_part(o, "image", "omnio.encoder/1", "image.patches", "beit3.vision_embed",
                  "side=%d patch=%d width=%d fit=%s normalise=%s", (int)side, (int)patch,
                  (int)b->D, imagenet ? "crop" : "squash", imagenet ? "imagenet" : "half");
}

static void open_text(beit3 *b, omn_open *o)
{
    omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "beit3.text_embed",
                  "table=beit3.text_embed.weight rows=%d width=%d most=%d start=0 stop=2 "
                  "cut=true empty=false wanted=beit3.spm", (int)b->rows, (int)b->D, (int)b->most);
}

/* Words: the mask that is fed behind each is taken away again. */
static void open_words(beit3 *b, omn_open *o, omn_config *f, const omn_part *tokenizer)
{
    omn_part *p = omn_open_part(o, "text", "omnio.decoder/1", "text.tokens", "mlm_head",
                                "rows=%d stop=2 wanted=beit3.spm", (int)b->rows);
    int64_t mask = tokenizer ? omn_codec_piece(tokenizer, "<mask>") : -1;
    if (mask < 0)
        mask = omn_config_int_or(f, "omnio.mask", 0, b->rows - 1,
                                 b->rows > 64001 ? 64001 : b->rows - 1);
    if (mask >= b->rows)
        omn_open_fail(o, OMN_ERR_DATA, "the tokenizer's <mask> is %lld, the model has %lld words: "
                      "they do not belong together", (long long)mask, (long long)b->rows);
    const omn_range range = { "codes", 0, (int32_t)b->rows, 1 };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)b->rows, .start = 0, .stop = 2,
                          .pad = 1, .ranges = &range, .n_ranges = 1,
                          .table = "beit3.text_embed.weight", .n_also = 1, .also = (int32_t)mask,
                          .drop = 1 };
    omn_open_vocabulary(o, p, &v);
    b->text = p;
}

/* A list of which an answer is one, or is so many. */
static const omn_part *open_classes(omn_open *o, const char *role, int64_t rows, int64_t count,
                                    const char *file, const char *names)
{
    omn_part *p = omn_open_part(o, role, "omnio.decoder/1", "text.labels", "",
                                "rows=%d count=%d file=%s names=%s", (int)rows, (int)count, file,
                                names);
    const omn_range range = { "codes", 0, (int32_t)rows, 1 };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)rows, .start = 0, .stop = -1,
                          .pad = 0, .ranges = &range, .n_ranges = 1 };
    omn_open_vocabulary(o, p, &v);
    return p;
}

static void open_loss(beit3 *b, omn_open *o, const char *object, const char *settings)
{
    if (omn_open_offers(o, "omnio.objective/1", object))
        b->loss = omn_open_part(o, "loss", "omnio.objective/1", object, "", "%s", settings);
    if (b->task == BEIT3_VQA) omn_open_answer_loss(o, b->loss);
}

static void open_task(beit3 *b, omn_open *o, omn_config *f, const omn_part *tokenizer)
{
    const char *file;
    char keep[64];
    switch (b->task) {
    case BEIT3_PRETRAIN:
        b->codes = omn_config_int_or(f, "omnio.codes", 2, 1 << 24, 8192);
        open_text(b, o);
        open_words(b, o, f, tokenizer);
        b->image = open_classes(o, "codes", b->codes, b->grid * b->grid, "", "");
        open_loss(b, o, "cross-entropy", "z=0");
        break;
    case BEIT3_CAPTIONING:
        open_words(b, o, f, tokenizer);
        omn_format(keep, sizeof keep, "smoothing=0.1 keep=%.17g",
                   omn_config_double_or(f, "omnio.keep", 0, 1, 1));
        open_loss(b, o, "smoothed", keep);
        break;
    case BEIT3_VQA:
        open_text(b, o);
        b->classes = omn_config_int_or(f, "num_classes", 2, 1 << 20, 3129);
        file = omn_config_string_or(f, "omnio.labels", "answer2label.txt");
        b->label = open_classes(o, "answer", b->classes, 1, file, "");
        open_loss(b, o, "binary", "");
        break;
    case BEIT3_NLVR2:
        open_text(b, o);
        b->classes = 2;
        b->label = open_classes(o, "answer", 2, 1, "", "false,true");
        open_loss(b, o, "cross-entropy", "z=0");
        break;
    case BEIT3_RETRIEVAL:
        open_text(b, o);
        open_loss(b, o, "contrastive", "");
        break;
    case BEIT3_IMAGENET:
        b->classes = omn_config_int_or(f, "num_classes", 2, 1 << 20, 1000);
        file = omn_config_string_or(f, "omnio.labels", "labels.txt");
        b->label = open_classes(o, "label", b->classes, 1, file, "");
        open_loss(b, o, "cross-entropy", "z=0 smoothing=0.1");
        break;
    }
}

static omn_status beit3_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)params;
    omn_config *f = omn_open_config(o);
    beit3 *b = calloc(1, sizeof *b);
    if (!b) return omn_fail(err, OMN_ERR_MEMORY, "beit3: out of memory");
    *self = b;
    beit3_sizes(b, o, f);
    b->task = task_of(o, omn_config_string_or(f, "omnio.task", "pretrain"));
    read_sizes(b, o, f);
    keys_refuse(fixed, sizeof fixed / sizeof *fixed, "", "BEiT-3", o, f);
    read_last_norm(b, o, f);
    const char *file = omn_open_file(o, "beit3.spm", false) ? "beit3.spm" : "tokenizer.model";
    if (omn_open_file(o, file, false))
        omn_open_part(o, "tokenizer", "omnio.codec/1", "text.sentencepiece", "",
                      "file=%s fairseq=true to_end=false", file);
    open_image(b, o, f);
    open_task(b, o, f, omn_open_find(o, "tokenizer"));
    return omn_open_done(o, err);
}

static const char *prefix(const void *self, const char *output)
{
    (void)self;
    (void)output;
    return "";
}

/* Of a caption's places the first word and the mask take two, and the last ones that there is room
 * for are never asked: so the published search ends. */
static int32_t most_tokens(const void *self, bool answer)
{
    const beit3 *b = self;
    return (int32_t)(answer ? b->most - 2 : b->most);
}

static bool claims(omn_config *f)
{
    return !strcmp(omn_config_string_or(f, "model_type", ""), "beit3") || beit3_measurable(f);
}

static const char *main_task(const void *self)
{
    switch (((const beit3 *)self)->task) {
    case BEIT3_CAPTIONING: return "beit3-caption";
    case BEIT3_VQA: return "beit3-vqa";
    case BEIT3_NLVR2: return "beit3-compare";
    case BEIT3_RETRIEVAL: return "beit3-match";
    case BEIT3_IMAGENET: return "beit3-classify";
    case BEIT3_PRETRAIN: break;           /* hidden words and patches: nothing that ships asks it */
    }
    return NULL;
}

static const void *extension(const char *id)
{
    static const omn_published_impl published = {
        "beit3_base_patch16_224.pth, beit3_base_patch16_480_vqa.pth "
        "and their like"
    };
    static const omn_claims_impl known = { claims };
    static const omn_task_impl asked = { .of = main_task };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.published/1")) return &published;
    return strcmp(id, "omnio.verify/1") ? NULL : &beit3_verify;
}

static const omn_model_impl impl = { extension, beit3_open, free, beit3_build, prefix,
                                     most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "beit3", "BEiT-3: captions, answers, classes and places of pictures", &impl,
      NULL, 0, 0 },
};
OMN_PLUGIN("beit3", "0.1.0", "Apache-2.0", "the BEiT-3 model family", objects);
