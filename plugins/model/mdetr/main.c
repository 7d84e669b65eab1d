/* SPDX-License-Identifier: Apache-2.0 */
/* model/mdetr: MDETR (Kamath et al. 2021): the things that a text speaks of, found in a picture.
 * A class is a place of the text, so a thing is told by the words that it is called by. The door,
 * and the reading of the configuration, whose keys are options of the original program. */
#include "mdetr.h"

#include "fixed.h"

#include <omnio/published.h>

#include <stdlib.h>
#include <string.h>

/* Heads that the detector of the paper does without. */
static void refuse_others(omn_open *o, omn_config *f)
{
    static const fixed_key own[] = {
        KEY_IS("contrastive_loss", 0), KEY_IS("do_qa", 0),      KEY_IS("masks", 0),
        KEY_IS("predict_final", 0),    KEY_IS("no_detection", 0), KEY_SAYS("mask_model", "none"),
        KEY_SAYS("set_loss", "hungarian"),
    };
    keys_refuse(own, sizeof own / sizeof *own, "", "MDETR", o, f);
}

static void open_text(const mdetr *k, omn_open *o)
{
    const bool merges = omn_open_file(o, "merges.txt", false) != NULL;
    const bool pair = omn_open_file(o, "vocab.json", false) && merges;
    const int V = (int)k->d.text.rows, W = (int)k->classes;
    if (pair || omn_open_file(o, "tokenizer.json", false))
        omn_open_part(o, "tokenizer", "omnio.codec/1", "text.bpe", "", "%s pieces=%d",
                      pair ? "file=merges.txt vocabulary=vocab.json style=roberta"
                           : "file=tokenizer.json style=json", V);
    omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "",
                  "table=transformer.text_encoder.embeddings.word_embeddings.weight rows=%d "
                  "width=%d most=%d start=%d stop=%d cut=true wanted=vocab.json", V,
                  (int)k->d.text.D, W, (int)k->d.start, (int)k->d.stop);
    omn_open_part(o, "phrases", "omnio.encoder/1", "things.phrases", "", "words=%d most=%d", W,
                  (int)k->queries);
}

static void open_loss(const mdetr *k, omn_open *o, omn_config *f)
{
    static const struct { const char *key, *as; double usual; } list[] = {
        { "ce_loss_coef", "class", 1 },    { "bbox_loss_coef", "box", 5 },
        { "giou_loss_coef", "giou", 2 },   { "contrastive_align_loss_coef", "align", 1 },
        { "eos_coef", "nothing", 0.1 },    { "temperature_NCE", "temperature", 0.07 },
        { "set_cost_class", "cost_class", 1 }, { "set_cost_bbox", "cost_box", 5 },
        { "set_cost_giou", "cost_giou", 2 },
    };
    char text[512];
    size_t n = 0;
    if (!omn_open_offers(o, "omnio.objective/1", "detection")) return;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        double x = omn_config_double_or(f, list[i].key, 0, 1e6, list[i].usual);
        if (!strcmp(list[i].as, "align") && !k->align) x = 0;
        n += (size_t)omn_format(text + n, sizeof text - n, "%s=%.17g ", list[i].as, x);
    }
    omn_open_part(o, "loss", "omnio.objective/1", "detection", "", "%s", text);
}

static omn_status mdetr_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)params;
    omn_config *f = omn_open_config(o);
    mdetr *k = calloc(1, sizeof *k);
    if (!k) return omn_fail(err, OMN_ERR_MEMORY, "mdetr: out of memory");
    *self = k;
    refuse_others(o, f);
    detr_configure(&k->d, o, f, "MDETR");
    k->queries = omn_config_int_or(f, "num_queries", 1, 65536, 100);
    k->classes = omn_config_int_or(f, "num_classes", 3, 65535, 255);
    k->each = omn_config_bool_or(f, "aux_loss", true);
    if (omn_config_bool_or(f, "contrastive_align_loss", true))
        k->align = omn_config_int_or(f, "contrastive_loss_hdim", 1, 65536, 64);
    if (k->classes + 2 > k->d.text.places)
        omn_open_fail(o, OMN_ERR_CONFIG, "num_classes: %lld places of a text, of which the text "
                      "encoder has %lld", (long long)k->classes, (long long)k->d.text.places - 2);
    detr_open_image(&k->d, o, f, "backbone.0.body", detr_large(o, f));
    open_text(k, o);
    open_loss(k, o, f);
    return omn_open_done(o, err);
}

static int32_t most_tokens(const void *self, bool answer)
{
    return answer ? 1 : (int32_t)((const mdetr *)self)->classes;
}

static bool claims(omn_config *f)
{
    return !strcmp(omn_config_string_or(f, "model_type", ""), "mdetr");
}

static const void *extension(const char *id)
{
    static const omn_published_impl published = { "pretrained_resnet101_checkpoint.pth and its "
                                                  "like" };
    static const omn_claims_impl known = { claims };
    static const omn_task_impl asked = { .pipeline = "mdetr-ground" };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.published/1")) return &published;
    return strcmp(id, "omnio.verify/1") ? NULL : &mdetr_verify;
}

static const omn_model_impl impl = { extension, mdetr_open, free, mdetr_build, NULL, most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "mdetr", "MDETR: what a text speaks of, found in a picture", &impl, NULL, 0,
      0 },
};
OMN_PLUGIN("model-mdetr", "0.1.0", "Apache-2.0", "the MDETR model family", objects);
