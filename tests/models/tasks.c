/* SPDX-License-Identifier: Apache-2.0 */
/* What a model is for by its family's word: of every family, and of every task of those that open
 * models of several, the pipeline that is named is the one that such a model was made for, ships,
 * and passes its proof. */
#include "tests/generate/toy.h"

#include <omnio/generate.h>
#include <omnio/plugin.h>

#include <stdio.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

/* Sizes are small, so that proofs are quick; what a row does not say is as published. */
#define CLIP                                                                                       \
    "\"embed_dim\": 8, \"vision_cfg\": {\"image_size\": 12, \"patch_size\": 4, \"width\": 12, "    \
    "\"layers\": 1, \"head_width\": 6}, \"text_cfg\": {\"context_length\": 10, "                   \
    "\"vocab_size\": 574, \"width\": 8, \"heads\": 2, \"layers\": 1}"
#define COCA                                                                                       \
    "\"embed_dim\": 8, \"vision_cfg\": {\"image_size\": 12, \"patch_size\": 4, \"width\": 12, "    \
    "\"layers\": 1, \"head_width\": 6, \"attentional_pool\": true, \"attn_pooler_queries\": 5, "   \
    "\"attn_pooler_heads\": 2}, \"text_cfg\": {\"context_length\": 10, \"vocab_size\": 574, "      \
    "\"width\": 8, \"heads\": 2, \"layers\": 1, \"embed_cls\": true}, \"multimodal_cfg\": "        \
    "{\"context_length\": 10, \"vocab_size\": 574, \"width\": 8, \"heads\": 4, \"layers\": 1}"
#define DALLE                                                                                      \
    "\"model_type\": \"dalle\", \"hidden_size\": 8, \"num_attention_heads\": 4, "                  \
    "\"num_layers\": 1, \"vocab_size\": 76, \"text_seq_length\": 4, \"image_vocab_size\": 16, "    \
    "\"image_tokens_per_dim\": 4, \"omnio\": {\"kernel\": 3, \"n_hid\": 4, \"n_init\": 6, "        \
    "\"n_blk_per_group\": 1, \"group_count\": 2}"
#define STACK                                                                                      \
    "{\"hidden_size\": 12, \"num_attention_heads\": 3, \"intermediate_size\": 24, "                \
    "\"num_hidden_layers\": 1}"
#define FLAVA                                                                                      \
    "\"model_type\": \"flava\", \"hidden_size\": 12, \"image_config\": " STACK                     \
    ", \"text_config\": " STACK ", \"multimodal_config\": " STACK
#define BERT                                                                                       \
    "{\"vocab_size\": 200, \"hidden_size\": 8, \"num_attention_heads\": 2, "                       \
    "\"num_hidden_layers\": 1, \"intermediate_size\": 8, \"max_position_embeddings\": 64}"
#define NET "\"stem\": 6, \"planes\": \"3,4,5,6\", \"blocks\": \"1,1,1,1\", \"side\": 64"
#define GPV                                                                                        \
    "\"model_type\": \"gpv\", \"hidden_dim\": 16, \"omnio\": {\"words\": 9, " NET ", "             \
    "\"bert_config\": " BERT "}"
#define UNITAB(type)                                                                               \
    "\"model_type\": \"" type "\", \"hidden_dim\": 24, \"nheads\": 3, \"enc_layers\": 1, "         \
    "\"dec_layers\": 1, \"omnio\": {" NET "}, \"text_config\": {\"vocab_size\": 351, "             \
    "\"hidden_size\": 20, \"num_attention_heads\": 2, \"num_hidden_layers\": 1}"
#define UNIT(task)                                                                                 \
    "\"model_type\": \"unit\", \"omnio\": {" NET ", \"task\": \"" task "\"}, \"base_args\": "      \
    "{\"encoder_hidden_dim\": 16, \"decoder_hidden_dim\": 16, \"nheads\": 2, \"enc_layers\": 1, "  \
    "\"dec_layers\": 1, \"bert_config\": " BERT "}"
#define PIX2SEQ                                                                                    \
    "\"model\": {\"image_size\": [32, 32], \"resnet_variant\": \"c1\", \"patch_size\": 8, "        \
    "\"num_encoder_layers\": 1, \"dim_att\": 24, \"dim_mlp\": 24, \"num_heads\": 3, "              \
    "\"num_decoder_layers\": 1, \"dim_att_dec\": 32, \"dim_mlp_dec\": 32, \"num_heads_dec\": 4, "  \
    "\"vocab_size\": 3000, \"max_seq_len\": 512}"
#define UIO1                                                                                       \
    "\"omnio\": {\"model\": \"uio1\"}, \"emb_dim\": 24, \"num_heads\": 3, \"head_dim\": 4, "       \
    "\"mlp_dim\": 16, \"num_encoder_layers\": 1, \"num_decoder_layers\": 1, "                      \
    "\"vocab_size\": 1200, \"image_vocab_size\": 40, \"ch\": 32"
#define T5                                                                                         \
    "\"model_type\": \"t5\", \"d_model\": 16, \"d_kv\": 8, \"d_ff\": 16, \"num_layers\": 1, "      \
    "\"num_heads\": 2, \"vocab_size\": 300"
#define V11 T5 ", \"feed_forward_proj\": \"gated-gelu\", \"tie_word_embeddings\": false"
#define LANGUAGE(type)                                                                             \
    "\"model_type\": \"" type "\", \"hidden_size\": 16, \"intermediate_size\": 16, "               \
    "\"num_attention_heads\": 2, \"num_hidden_layers\": 1, \"vocab_size\": 300"
#define MPT(type)                                                                                  \
    "\"model_type\": \"" type "\", \"d_model\": 16, \"n_heads\": 2, \"n_layers\": 1, "             \
    "\"vocab_size\": 300, \"alibi\": true, \"no_bias\": true"
#define FLAMINGO                                                                                   \
    "\"cross_attn_every_n_layers\": 1, \"quick_gelu\": true, \"vision_cfg\": {\"image_size\": 12, "\
    "\"patch_size\": 4, \"width\": 12, \"layers\": 1, \"head_width\": 6}, \"lang_encoder\": {"     \
    MPT("mosaic_gpt") "}, \"perceiver\": {\"depth\": 1, \"num_latents\": 5}"
#define BEIT3(task)                                                                                \
    "\"omnio\": {\"model\": \"beit3\", \"task\": \"" task "\"}, \"encoder_embed_dim\": 24, "       \
    "\"encoder_attention_heads\": 3, \"encoder_layers\": 1, \"encoder_ffn_embed_dim\": 32, "       \
    "\"img_size\": 16, \"patch_size\": 8, \"vocab_size\": 200"
#define VILBERT(task)                                                                              \
    "\"model_type\": \"vilbert\", \"omnio\": {\"task\": \"" task "\"}, \"hidden_size\": 8, "       \
    "\"num_attention_heads\": 2, \"num_hidden_layers\": 1, \"intermediate_size\": 8, "             \
    "\"v_feature_size\": 10, \"v_hidden_size\": 8, \"v_num_hidden_layers\": 1, "                   \
    "\"v_num_attention_heads\": 2, \"v_intermediate_size\": 8, \"bi_hidden_size\": 8, "            \
    "\"bi_num_attention_heads\": 2, \"v_biattention_id\": [0], \"t_biattention_id\": [0]"
#define VLMO(type, task)                                                                           \
    "\"omnio\": {\"model\": \"" type "\", \"task\": \"" task "\", \"start\": 572, "                \
    "\"stop\": 573, \"mask\": 571}, \"embed_dim\": 12, \"num_heads\": 3, \"depth\": 3, "           \
    "\"vlffn_start_layer_index\": 2, \"image_size\": 12, \"patch_size\": 4, \"vocab_size\": 574"
#define UVIM(more)                                                                                 \
    "\"model_type\": \"uvim\", \"input_size\": 32, \"base\": {\"code_len\": 4, \"width\": 6, "     \
    "\"mlp_dim\": 8, \"num_heads\": 2, \"enc_depth\": 1, \"dec_depth\": 1}, \"lm\": "              \
    "{\"emb_dim\": 6, \"mlp_dim\": 8, \"num_heads\": 3, \"num_layers\": 1}" more
#define OFA(task)                                                                                  \
    "\"omnio\": {\"model\": \"ofa\", \"writes_images\": true}, \"cfg\": {\"task\": "               \
    "{\"_name\": \"" task "\"}, \"model\": {\"arch\": \"ofa_tiny\"}}"

static const struct { const char *family, *pipeline, *config; } rows[] = {
    { "clip", "classify", "\"quick_gelu\": true, " CLIP },
    { "coca", "coca-caption", COCA },
    { "dalle", "dalle-image", DALLE },
    { "flava", "flava-match", FLAVA },
    { "flava", "flava-classify", "\"architectures\": [\"FlavaModel\"], " FLAVA },
    { "gpv", "gpv-ask", GPV },
    { "mdetr", "mdetr-ground", UNITAB("mdetr") },
    { "unitab", "unitab-caption", UNITAB("unitab") },
    { "pix2seq", "pix2seq-detect", PIX2SEQ },
    { "uio1", "uio1-vqa", UIO1 },
    { "vlt5", "vlt5-vqa", T5 ", \"feat_dim\": 12" },
    { "t5", "t5-translate", T5 },
    { "t5", "t5-fill", V11 },
    { "t5", "t5-translate", V11 ", \"task_specific_params\": {}" },
    { "language", "llama-complete", LANGUAGE("llama") },
    { "language", "llama-complete", LANGUAGE("mistral") },
    { "language", "llama-complete", LANGUAGE("qwen2") },
    { "language", "llama-complete", LANGUAGE("gpt_neox") },
    { "language", "llama-complete", MPT("mosaic_gpt") },
    { "flamingo", "flamingo-caption", FLAMINGO },
    { "beit3", NULL, BEIT3("pretrain") },
    { "beit3", "beit3-caption", BEIT3("captioning") },
    { "beit3", "beit3-vqa", BEIT3("vqa") },
    { "beit3", "beit3-compare", BEIT3("nlvr2") },
    { "beit3", "beit3-match", BEIT3("retrieval") },
    { "beit3", "beit3-classify", BEIT3("imagenet") },
    { "vilbert", "vilbert-vqa", VILBERT("vqa") },
    { "vilbert", "vilbert-vqa", VILBERT("genome_qa") },
    { "vilbert", "vilbert-vqa", VILBERT("gqa") },
    { "vilbert", "vilbert-dialogue", VILBERT("visual_dialog") },
    { "vilbert", "vilbert-point", VILBERT("visual7w") },
    { "vilbert", "vilbert-match", VILBERT("retrieval_coco") },
    { "vilbert", "vilbert-match", VILBERT("retrieval_flickr30k") },
    { "vilbert", "vilbert-refer", VILBERT("refcoco") },
    { "vilbert", "vilbert-refer", VILBERT("refcoco+") },
    { "vilbert", "vilbert-refer", VILBERT("refcocog") },
    { "vilbert", "vilbert-refer", VILBERT("flickr_grounding") },
    { "vilbert", "vilbert-compare", VILBERT("nlvr2") },
    { "vilbert", "vilbert-entail", VILBERT("visual_entailment") },
    { "vilbert", "vilbert-guess", VILBERT("guesswhat") },
    { "vilbert", "vilbert-guess-point", VILBERT("guesswhat_pointing") },
    { "unit", "unit-detect", UNIT("detection_coco") },
    { "unit", "unit-detect", UNIT("detection_visual_genome") },
    { "unit", "unit-vqa", UNIT("vqa2") },
    { "unit", "unit-entail", UNIT("visual_entailment") },
    { "unit", "unit-sentiment", UNIT("glue_sst2") },
    { "vlmo", "vlmo-match", VLMO("vlmo", "pretrain") },
    { "vlmo", "vlmo-vqa", VLMO("vlmo", "vqa") },
    { "ufo", "ufo-match", VLMO("ufo", "pretrain") },
    { "ufo", "ufo-vqa", VLMO("ufo", "vqa") },
    { "uvim", "uvim-depth", UVIM("") },
    { "uvim", "uvim-colour", UVIM(", \"maps\": \"red,green,blue\", \"levels\": \"6,6,6\"") },
    { "uvim", "uvim-panoptic", UVIM(", \"maps\": \"semantics,instances\", \"levels\": \"8,9\"") },
    { "ofa", "ofa-ask", "\"arch\": \"ofa_tiny\", \"omnio\": {\"model\": \"ofa\"}" },
    { "ofa", "ofa-ask", OFA("unify_task") },
    { "ofa", "ofa-caption", OFA("caption") },
    { "ofa", "ofa-vqa", OFA("vqa_gen") },
    { "ofa", "ofa-locate", OFA("refcoco") },
    { "ofa", "ofa-entail", OFA("snli_ve") },
    { "ofa", "ofa-image", OFA("image_gen") },
    { "ofa", "ofa-classify", OFA("image_classify") },
    { "ofa", "ofa-summary", OFA("gigaword") },
    { "ofa", "ofa-read", OFA("ocr") },
    { "ofa", "ofa-sentiment", OFA("sst2") },
    { "ofa", "ofa-same", OFA("mrpc") },
    { "ofa", "ofa-equal", OFA("qqp") },
    { "ofa", "ofa-imply", OFA("mnli") },
};
enum { N_ROWS = sizeof rows / sizeof *rows };

/* The pipeline that a model names is this one, and can be asked of it. */
static void names(omn_context *ctx, omn_model *m, const char *what, const char *pipeline)
{
    omn_error err = OMN_ERROR_INIT;
    char path[128];
    omn_pipeline *p = NULL;
    omn_pipeline_cost cost = { OMN_FILL(omn_pipeline_cost) };
    const char *is = omn_model_task(m);
    ck_assert_msg(pipeline ? is && !strcmp(is, pipeline) : !is, "%s: %s", what, is ? is : "none");
    if (!is) return;
    snprintf(path, sizeof path, "pipelines/%s.yaml", is);
    WORKS(omn_pipeline_open(ctx, testing_source(path), &p, &err));
    ck_assert_msg(omn_pipeline_check(p, m, &cost, &err) == OMN_OK, "%s: %s: %s", what, is,
                  err.text);
    omn_pipeline_close(p);
}

START_TEST(a_family_says_what_its_model_is_for)
{
    omn_context *ctx = toy_context(1);
    const omn_model_setup hollow = { OMN_FILL(omn_model_setup), .hollow = true };
    const char *folder = testing_folder();
    for (size_t i = 0; i < N_ROWS; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_model *m = NULL;
        char text[2048];
        const int n = snprintf(text, sizeof text, "{%s}", rows[i].config);
        ck_assert(n > 0 && (size_t)n < sizeof text);
        testing_write(folder, "config.json", text, (size_t)n);
        ck_assert_msg(omn_model_open(ctx, folder, &hollow, &m, &err) == OMN_OK, "row %zu, %s: %s",
                      i, rows[i].family, err.text);
        ck_assert_str_eq(omn_model_object(m), rows[i].family);
        names(ctx, m, text, rows[i].pipeline);
        omn_model_close(m);
    }
    omn_context_free(ctx);
}
END_TEST

START_TEST(models_that_ship_say_what_they_are_for)
{
    static const char *const models[][2] = { { "nano", "vqa" }, { "control", "control" },
                                             { "codec", NULL } };
    omn_context *ctx = toy_context(1);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_model *m = NULL;
        char path[64];
        snprintf(path, sizeof path, "models/%s", models[i][0]);
        WORKS(omn_model_open(ctx, testing_source(path), NULL, &m, &err));
        names(ctx, m, models[i][0], models[i][1]);
        omn_model_close(m);
    }
    omn_context_free(ctx);
}
END_TEST

/* Codecs that are learnt alone are asked nothing; nano and control are of the families that have no
 * row. */
static int walk(void *user, const omn_listed *l)
{
    static const char *const others[] = { "vqgan", "dvae", "vitvqgan", "uio2", "gato" };
    size_t *n = user;
    bool met = !l->name;
    for (size_t i = 0; i < sizeof others / sizeof *others && !met; i++)
        met = !strcmp(l->name, others[i]);
    for (size_t i = 0; i < N_ROWS && !met; i++) met = !strcmp(l->name, rows[i].family);
    ck_assert_msg(met, "%s: no row says what its models are for", l->name);
    ++*n;
    return 0;
}

START_TEST(every_family_has_a_row)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = toy_context(1);
    size_t n = 0;
    WORKS(omn_registry_list(ctx, "omnio.model/1", walk, &n, &err));
    ck_assert_uint_gt(n, 20);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { a_family_says_what_its_model_is_for,
                                 models_that_ship_say_what_they_are_for, every_family_has_a_row };
    return TESTING_RUN("models/tasks", all, 60);
}
