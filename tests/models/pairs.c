/* SPDX-License-Identifier: Apache-2.0 */
/* Families that read pairs of pictures and texts, against float64 references written from their
 * papers (tests/golden/NAME/make.py): what they make of pictures and texts, losses and gradients of
 * all weights, answers step by step, on every path of kernels; a number that is wrong is found; and
 * configurations that cannot be are refused with a reason. Tolerances stand in
 * plugins/model/golden/plain.c. */
#include "verified.h"

#include <omnio/generate.h>
#include <omnio/kinds.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *golden(const char *family, const char *model, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/%s/%s.%s.safetensors", family, model, name);
    return testing_source(path);
}

static void passes(const char *family, const char *name, size_t least)
{
    verified_passes("tiny_a", name, golden(family, "tiny_a", name), least);
    verified_passes("tiny_b", name, golden(family, "tiny_b", name), least);
}

/* Element 1 of a stage shifted: that stage is wrong, and no other. */
static void wrong(const char *family, const char *name, const char *stage, double plus)
{
    const char *folder = testing_folder();
    const change c = { .tensor = stage, .element = 1, .times = 1, .plus = plus };
    verified_changed(folder, golden(family, "tiny_a", "weights"), NULL);
    verified_finds(folder, golden(family, "tiny_a", name), &c, stage);
}

/* A configuration with one part replaced is refused, and the message says why. */
static void refused(const char *config, const char *was, const char *is, const char *says)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    omn_model *m = NULL;
    char text[2048];
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1,
                                    .only_plugin_path = true,
                                    .plugin_path = testing_build("plugins/.libs") };
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .hollow = true };
    const char *at = strstr(config, was);
    ck_assert_ptr_nonnull(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - config), config, is, at + strlen(was));
    ck_assert_msg(omn_context_new(&how, &ctx, &err) == OMN_OK, "%s", err.text);
    const omn_status st = omn_model_open_text(ctx, text, "test", &setup, &m, &err);
    ck_assert_msg(st == OMN_ERR_CONFIG, "%s: %d %s", is, (int)st, err.text);
    ck_assert_msg(strstr(err.text, says) != NULL, "\"%s\" lacks \"%s\"", err.text, says);
    omn_model_close(m);
    omn_context_free(ctx);
}

/* ---- CoCa ------------------------------------------------------------------------------------ */

START_TEST(coca_as_its_reference)
{
    passes("coca", "embed", 4);
    passes("coca", "teach", 3);
    passes("coca", "steps", 2);
}
END_TEST

START_TEST(coca_losses_and_gradients)
{
    passes("coca", "pairs", 70);
}
END_TEST

START_TEST(coca_wrong_numbers_are_found)
{
    wrong("coca", "embed", "embedding.text", 1e-3);
    wrong("coca", "pairs", "grad.visual.attn_pool.query", 1e-3);
    wrong("coca", "steps", "logits", 3e-3);
}
END_TEST

static const char coca[] =
    "{\"embed_dim\": 8, \"vision_cfg\": {\"image_size\": 12, \"patch_size\": 4, \"width\": 12, "
    "\"layers\": 1, \"head_width\": 6, \"attentional_pool\": true, \"attn_pooler_heads\": 2, "
    "\"attn_pooler_queries\": 5}, \"text_cfg\": {\"context_length\": 10, \"vocab_size\": 574, "
    "\"width\": 8, \"heads\": 2, \"layers\": 1, \"embed_cls\": true}, \"multimodal_cfg\": "
    "{\"context_length\": 10, \"vocab_size\": 574, \"width\": 8, \"heads\": 4, \"layers\": 1}}";

START_TEST(coca_configurations_that_cannot_be)
{
    refused(coca, "\"attentional_pool\": true", "\"attentional_pool\": false", "attentional_pool");
    refused(coca, "\"attn_pooler_heads\": 2", "\"attn_pooler_heads\": 3", "attn_pooler_heads");
    refused(coca, "_queries\": 5", "_queries\": 1", "attn_pooler_queries");
    refused(coca, "\"embed_cls\": true", "\"embed_cls\": false", "text_cfg.embed_cls is false");
    refused(coca, "\"embed_dim\": 8", "\"embed_dim\": 9", "text_cfg.width is 8, embed_dim 9");
    refused(coca, "\"heads\": 4", "\"heads\": 3", "multimodal_cfg.heads");
    refused(coca, "\"heads\": 4", "\"heads\": 4, \"ls_init_value\": 0.1", "multimodal_cfg.ls_init");
    refused(coca, "{\"context_length\": 10", "{\"context_length\": 1", "context_length");
    refused(coca, "\"vocab_size\": 574, \"width\": 8, \"heads\": 4",
            "\"vocab_size\": 575, \"width\": 8, \"heads\": 4", "multimodal_cfg.vocab_size is 575");
    refused(coca, "{\"embed_dim\"", "{\"omnio\": {\"pool\": \"cascade\"}, \"embed_dim\"",
            "omnio.pool is \"cascade\"");
    refused(coca, "{\"embed_dim\"", "{\"omnio\": {\"pool\": \"mean\"}, \"embed_dim\"",
            "one, cascade or parallel");
}
END_TEST

/* ---- VLMo and UFO ---------------------------------------------------------------------------- */

START_TEST(vlmo_as_its_reference)
{
    passes("vlmo", "embed", 3);
    passes("vlmo", "masked", 2);
    passes("vlmo", "masked_text", 2);
    passes("vlmo", "vqa", 1);
}
END_TEST

START_TEST(ufo_as_its_reference)
{
    passes("ufo", "embed", 3);
    passes("ufo", "masked", 2);
    passes("ufo", "masked_text", 2);
    passes("ufo", "vqa", 1);
}
END_TEST

START_TEST(vlmo_and_ufo_losses_and_gradients)
{
    passes("vlmo", "pairs", 50);
    passes("ufo", "pairs", 30);
}
END_TEST

START_TEST(vlmo_and_ufo_wrong_numbers_are_found)
{
    wrong("vlmo", "embed", "class.match", 1e-3);
    wrong("vlmo", "pairs", "logits.match", 1e-3);
    wrong("ufo", "masked", "nll.text", 2e-3);
}
END_TEST

static const char vlmo[] =
    "{\"model_type\": \"vlmo\", \"embed_dim\": 12, \"num_heads\": 3, \"depth\": 2, "
    "\"image_size\": 12, \"patch_size\": 4, \"max_text_len\": 9, \"vocab_size\": 574, "
    "\"omnio\": {\"task\": \"pretrain\"}}";

START_TEST(vlmo_configurations_that_cannot_be)
{
    refused(vlmo, "\"num_heads\": 3", "\"num_heads\": 5", "heads");
    refused(vlmo, "\"patch_size\": 4", "\"patch_size\": 5", "image_size");
    refused(vlmo, "\"max_text_len\": 9", "\"max_text_len\": 200", "max_text_len_of_initckpt");
    refused(vlmo, "pretrain", "irtr", "omnio.task is \"irtr\"");
    refused(vlmo, "\"depth\": 2", "\"depth\": 0", "depth");
    refused(vlmo, "\"depth\": 2", "\"model_arch\": \"ufo_base_patch16\"", "model_arch");
    refused(vlmo, "\"task\"", "\"mask\": 574, \"task\"", "omnio.mask");
}
END_TEST

/* ---- FLAVA ----------------------------------------------------------------------------------- */

START_TEST(flava_as_its_reference)
{
    passes("flava", "embed", 3);
    passes("flava", "mim", 1);
    passes("flava", "mlm", 1);
}
END_TEST

START_TEST(flava_losses_and_gradients)
{
    passes("flava", "pairs", 70);
    passes("flava", "mmm", 70);
}
END_TEST

START_TEST(flava_wrong_numbers_are_found)
{
    wrong("flava", "embed", "class.match", 1e-3);
    wrong("flava", "mmm", "grad.flava.image_model.embeddings.mask_token", 1e-3);
}
END_TEST

static const char flava[] =
    "{\"model_type\": \"flava\", \"hidden_size\": 12, "
    "\"architectures\": [\"FlavaForPreTraining\"], "
    "\"image_config\": {\"hidden_size\": 12, \"num_attention_heads\": 3, \"image_size\": 12, "
    "\"patch_size\": 4}, \"text_config\": {\"hidden_size\": 12, \"num_attention_heads\": 2}, "
    "\"multimodal_config\": {\"hidden_size\": 12, \"num_attention_heads\": 4}}";

START_TEST(flava_configurations_that_cannot_be)
{
    refused(flava, "\"num_attention_heads\": 2", "\"num_attention_heads\": 5", "text_config");
    refused(flava, "\"patch_size\": 4", "\"patch_size\": 5", "image_config.image_size");
    refused(flava, "\"patch_size\": 4", "\"hidden_act\": \"relu\"", "image_config.hidden_act");
    refused(flava, "{\"hidden_size\": 12, \"num_attention_heads\": 4",
            "{\"hidden_size\": 16, \"num_attention_heads\": 4", "multimodal_config.hidden_size");
    refused(flava, "\"num_attention_heads\": 4",
            "\"num_attention_heads\": 4, \"use_cls_token\": false", "use_cls_token");
    refused(flava, "FlavaForPreTraining", "FlavaTextModel", "architectures");
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        coca_as_its_reference,
        coca_losses_and_gradients,
        coca_wrong_numbers_are_found,
        coca_configurations_that_cannot_be,
        vlmo_as_its_reference,
        ufo_as_its_reference,
        vlmo_and_ufo_losses_and_gradients,
        vlmo_and_ufo_wrong_numbers_are_found,
        vlmo_configurations_that_cannot_be,
        flava_as_its_reference,
        flava_losses_and_gradients,
        flava_wrong_numbers_are_found,
        flava_configurations_that_cannot_be,
    };
    return TESTING_RUN("models/pairs", all, 30);
}
