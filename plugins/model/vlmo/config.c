/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: the options of VLMo's program and the arguments of its network by their names.
 * UFO has no program that is published; it has the same keys without those of experts. What weights
 * are for stands below "omnio" ("task"), as do the ids of a text's marks, BERT's unless others are
 * named. */
#include "vlmo.h"

#include "openclip.h"

#include <omnio/kinds.h>

#include <math.h>
#include <string.h>

typedef struct arch {
    const char *name;
    int64_t D, H, layers, fused;
    bool relative;                        /* else learned positions, and no layer scale */
} arch;
static const arch archs[] = {
    { "vlmo_base_patch16", 768, 12, 12, 10, true },
    { "vlmo_large_patch16", 1024, 16, 24, 21, true },
    { "vlmo_base_plus_patch16", 544, 16, 24, 21, false },
    { "ufo_base_patch16", 768, 12, 12, 12, false },
    { "ufo_large_patch16", 1024, 16, 24, 24, false },
};
enum { N_ARCHS = sizeof archs / sizeof *archs };

static const arch *arch_of(const vlmo *v, omn_open *o, omn_config *f)
{
    const char *family = v->split ? "vlmo_" : "ufo_";
    const char *name = omn_config_string_or(f, "model_arch",
                                            v->split ? archs[0].name : archs[3].name);
    for (int i = 0; i < N_ARCHS; i++)
        if (!strcmp(name, archs[i].name) && !strncmp(name, family, strlen(family)))
            return &archs[i];
    omn_open_fail(o, OMN_ERR_CONFIG, "model_arch is \"%.40s\"; %sbase_patch16, %s%slarge_patch16 "
                  "is wanted", name, family, v->split ? "vlmo_base_plus_patch16 or " : "or ",
                  family);
    return &archs[v->split ? 0 : 3];
}

static void read_sizes(vlmo *v, omn_open *o, omn_config *f)
{
    const arch *a = arch_of(v, o, f);
    v->D = omn_config_int_or(f, "embed_dim", 8, 65536, a->D);
    v->H = omn_config_int_or(f, "num_heads", 1, 1024, a->H);
    v->layers = omn_config_int_or(f, "depth", 1, 512, a->layers);
    v->ffn = (int64_t)((double)v->D * omn_config_double_or(f, "mlp_ratio", 0.01, 64, 4));
    v->fused = v->split ? omn_config_int_or(f, "vlffn_start_layer_index", 0, 512, a->fused)
                        : v->layers;
    v->relative = omn_config_bool_or(f, "need_relative_position_embed", a->relative);
    v->absolute = omn_config_bool_or(f, "use_abs_pos_emb", !a->relative);
    v->layer_scale = omn_config_double_or(f, "layer_scale_init_values", 0, 10,
                                          a->relative ? 0.1 : 0);
    v->scaled = v->layer_scale > 0;
    v->most = omn_config_int_or(f, "max_text_len", 3, 65536, 40);
    v->most_table = omn_config_int_or(f, "max_text_len_of_initckpt", 3, 65536, 196);
    v->rows = omn_config_int_or(f, "vocab_size", 8, 1 << 24, 30522);
    v->scale_init = log(1 / 0.07);
    if (v->D % v->H || v->ffn < 1)
        omn_open_fail(o, OMN_ERR_CONFIG, "embed_dim: %lld is no multiple of %lld heads",
                      (long long)v->D, (long long)v->H);
    if (v->relative && v->most > v->most_table)
        omn_open_fail(o, OMN_ERR_CONFIG, "max_text_len is %lld, of which the table of relative "
                      "positions knows %lld (max_text_len_of_initckpt)", (long long)v->most,
                      (long long)v->most_table);
}

static void open_image(vlmo *v, omn_open *o, omn_config *f)
{
    const int64_t patch = omn_config_int_or(f, "patch_size", 1, 256, 16);
    const int64_t side = omn_config_int_or(f, "image_size", 1, 16384, 224);
    v->grid = side / patch;
    if (side % patch)
        omn_open_fail(o, OMN_ERR_CONFIG, "image_size: %lld is no whole number of patches of %lld",
                      (long long)side, (long long)patch);
    v->image = omn_open_part(o, "image", "omnio.encoder/1", "image.patches",
                             "transformer.patch_embed",
                             "side=%d patch=%d width=%d fit=squash normalise=half", (int)side,
                             (int)patch, (int)v->D);
}

static void open_words(vlmo *v, omn_open *o, omn_config *f)
{
    static const char *const table = "text_embeddings.word_embeddings.weight";
    const int rows = (int)v->rows;
    const int start = (int)omn_config_int_or(f, "omnio.start", 0, rows - 1, 101 % rows);
    const int stop = (int)omn_config_int_or(f, "omnio.stop", 0, rows - 1, 102 % rows);
    v->mask = (int32_t)omn_config_int_or(f, "omnio.mask", 0, rows - 1, 103 % rows);
    openclip_tokenizer(o, f, rows);
    v->words = omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "",
                             "table=%s rows=%d width=%d most=%d start=%d stop=%d cut=true "
                             "wanted=merges.txt", table, rows, (int)v->D, (int)v->most, start,
                             stop);
    if (v->task != VLMO_PRETRAIN) return;
    omn_part *p = omn_open_part(o, "text", "omnio.decoder/1", "text.tokens", "mlm_score",
                                "rows=%d stop=%d wanted=merges.txt", rows, stop);
    const omn_range range = { "codes", 0, rows, 1 };
    const omn_vocab vocab = { OMN_FILL(omn_vocab), .rows = rows, .start = start, .stop = stop,
                              .pad = 0, .ranges = &range, .n_ranges = 1, .table = table,
                              .n_also = 1, .also = v->mask, .drop = 1 };
    omn_open_vocabulary(o, p, &vocab);
    v->text = p;
}

static void open_answers(vlmo *v, omn_open *o, omn_config *f)
{
    const char *file = omn_config_string_or(f, "omnio.labels", "answer2label.txt");
    v->classes = omn_config_int_or(f, "vqav2_label_size", 2, 1 << 20, 3129);
    omn_part *p = omn_open_part(o, "answer", "omnio.decoder/1", "text.labels", "",
                                "rows=%d count=1 file=%s", (int)v->classes, file);
    const omn_range range = { "codes", 0, (int32_t)v->classes, 1 };
    const omn_vocab vocab = { OMN_FILL(omn_vocab), .rows = (int32_t)v->classes, .start = 0,
                              .stop = -1, .pad = 0, .ranges = &range, .n_ranges = 1 };
    omn_open_vocabulary(o, p, &vocab);
    v->answer = p;
}

void vlmo_configure(vlmo *v, omn_open *o, omn_config *f)
{
    const char *task = omn_config_string_or(f, "omnio.task", "pretrain");
    v->task = !strcmp(task, "vqa") ? VLMO_VQA : VLMO_PRETRAIN;
    if (v->task == VLMO_PRETRAIN && strcmp(task, "pretrain"))
        omn_open_fail(o, OMN_ERR_CONFIG, "omnio.task is \"%.40s\"; pretrain or vqa is wanted",
                      task);
    read_sizes(v, o, f);
    open_image(v, o, f);
    open_words(v, o, f);
    if (v->task == VLMO_VQA) open_answers(v, o, f);
    const char *loss = v->task == VLMO_VQA ? "binary" : "pairs";
    if (!omn_open_offers(o, "omnio.objective/1", loss)) return;
    const omn_part *own = omn_open_part(o, "loss", "omnio.objective/1", loss, "", "%s", "");
    if (v->task == VLMO_VQA) omn_open_answer_loss(o, own);
}
