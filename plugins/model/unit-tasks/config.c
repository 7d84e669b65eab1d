/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of UniT: what stands below "model_config.unit" in its program's own, one task
 * of it named below "omnio". */
#include "unit.h"

#include "classes.h"
#include "fixed.h"

#include <stdio.h>
#include <string.h>

#define LENGTH(list) (sizeof(list) / sizeof *(list))

typedef struct task {
    const char *name, *group;
    unit_type type;
    int number, classes, queries;         /* as published */
    bool first;
    const char *role, *file, *names;      /* of its answers, none of detection */
    const char *loss;
    const char *pipeline;                 /* by which it is asked */
} task;

static const task tasks[] = {
    { "detection_coco", "detection", UNIT_DETECTION, 0, 91, 100, false, "", "", "", "",
      "unit-detect" },
    { "detection_visual_genome", "detection", UNIT_DETECTION, 1, 1601, 100, false, "", "", "", "",
      "unit-detect" },
    { "vqa2", "vl", UNIT_BOTH, 3, 3129, 25, false, "answer", "answers.txt", "", "binary",
      "unit-vqa" },
    { "visual_entailment", "vl", UNIT_BOTH, 9, 3, 25, true, "answer", "",
      "entailment,neutral,contradiction", "cross-entropy", "unit-entail" },
    { "glue_sst2", "glue", UNIT_TEXT, 7, 2, 25, true, "answer", "", "negative,positive",
      "cross-entropy", "unit-sentiment" },
};

static const task *find_task(omn_open *o, const char *name)
{
    for (size_t i = 0; i < LENGTH(tasks); i++)
        if (!strcmp(tasks[i].name, name)) return &tasks[i];
    omn_open_fail(o, OMN_ERR_CONFIG, "omnio.task: \"%.60s\" is not supported; detection_coco, "
                  "detection_visual_genome, vqa2, visual_entailment and glue_sst2 are: tasks of "
                  "two texts are not", name);
    return &tasks[0];
}

static void refuse_others(omn_open *o, omn_config *f)
{
    static const fixed_key own[] = {
        KEY_IS("base_args.pre_norm", 0),
        KEY_IS("base_args.pass_pos_and_query", 1),
        KEY_IS("base_args.use_bcl", 0),
        KEY_IS("loss_on_all_hs", 0),
        KEY_IS("predict_attributes", 0),
        KEY_SAYS("base_args.position_embedding", "sine"),
        KEY_SAYS("base_args.backbone", "resnet50"),
        KEY_SAYS("base_args.bert_config.hidden_act", "gelu"),
    };
    keys_refuse(own, LENGTH(own), "", "UniT", o, f);
}

static int64_t of_task(const unit *u, omn_config *f, const char *before, const char *after,
                       int64_t lo, int64_t hi, int64_t deflt)
{
    char path[160];
    snprintf(path, sizeof path, "%s.%s.%s%s", before, u->group, u->task, after);
    return omn_config_int_or(f, path, lo, hi, deflt);
}

static void read_sizes(unit *u, const task *t, omn_open *o, omn_config *f)
{
    char path[160];
    detr *e = &u->encoder, *d = &u->decoder;
    e->D = omn_config_int_or(f, "base_args.encoder_hidden_dim", 4, 65536, 256);
    d->D = omn_config_int_or(f, "base_args.decoder_hidden_dim", 4, 65536, 256);
    e->H = d->H = omn_config_int_or(f, "base_args.nheads", 1, 512, 8);
    e->n_enc = omn_config_int_or(f, "base_args.enc_layers", 1, 512, 6);
    d->n_dec = omn_config_int_or(f, "base_args.dec_layers", 1, DETR_MOST_LAYERS, 6);
    e->ffn = d->ffn = omn_config_int_or(f, "base_args.dim_feedforward", 1, 1 << 20, 2048);
    u->shared = omn_config_bool_or(f, "base_args.share_decoders", false);
    u->residual = omn_config_bool_or(f, "base_args.residual_in_encoder", true);
    u->told_image = omn_config_bool_or(f, "base_args.use_task_embedding_in_img_encoder", false);
    u->told_text = omn_config_bool_or(f, "base_args.use_task_embedding_in_lang_encoder", false);
    u->each = omn_config_bool_or(f, "base_args.aux_loss", true);
    u->queries = of_task(u, f, "base_args.num_queries", "", 1, 65536, t->queries);
    u->number = of_task(u, f, "heads", ".task_idx", 0, UNIT_TASKS - 1, t->number);
    u->classes = of_task(u, f, "heads", t->type == UNIT_DETECTION ? ".num_classes" : ".num_labels",
                         1, 1 << 20, t->classes);
    snprintf(path, sizeof path, "keep_only_bert_cls.%s.%s", u->group, u->task);
    u->first = omn_config_bool_or(f, path, t->first);
    if (e->D % e->H || d->D % d->H)
        omn_open_fail(o, OMN_ERR_CONFIG, "base_args: widths %lld and %lld of %lld heads: multiples "
                      "are wanted", (long long)e->D, (long long)d->D, (long long)e->H);
    u->text = (bert){ .D = 768, .H = 12, .layers = 12, .ffn = 3072, .rows = 30522, .places = 512,
                      .types = 2, .first = 0, .eps = 1e-12 };
    bert_configure(&u->text, o, f, "base_args.bert_config");
    u->most = omn_config_int_or(f, "omnio.most", 3, u->text.places,
                                u->text.places < 128 ? u->text.places : 128);
}

static void open_detection(unit *u, omn_open *o, omn_config *f)
{
    omn_open_part(o, "things", "omnio.encoder/1", "things.classes", "", "classes=%d most=%d",
                  (int)u->classes, (int)u->queries);
    char text[400];
    omn_format(text, sizeof text, "by=weights align=0 nothing=%.17g box=%.17g giou=%.17g "
               "cost_class=%.17g cost_box=%.17g cost_giou=%.17g",
               omn_config_double_or(f, "base_args.eos_coef", 0, 1e6, 0.1),
               omn_config_double_or(f, "base_args.bbox_loss_coef", 0, 1e6, 5),
               omn_config_double_or(f, "base_args.giou_loss_coef", 0, 1e6, 2),
               omn_config_double_or(f, "base_args.set_cost_class", 0, 1e6, 1),
               omn_config_double_or(f, "base_args.set_cost_bbox", 0, 1e6, 5),
               omn_config_double_or(f, "base_args.set_cost_giou", 0, 1e6, 2));
    u->loss = classes_loss(o, "detection", text);
}

void unit_configure(unit *u, omn_open *o, omn_config *f)
{
    const task *t = find_task(o, omn_config_string_or(f, "omnio.task", "detection_coco"));
    u->task = t->name;
    u->group = t->group;
    u->pipeline = t->pipeline;
    u->type = t->type;
    refuse_others(o, f);
    read_sizes(u, t, o, f);
    if (u->type != UNIT_TEXT)
        detr_open_image(&u->encoder, o, f, "unit_base_model.backbone.0.body", false);
    if (u->type == UNIT_DETECTION) {
        open_detection(u, o, f);
        return;
    }
    bert_open_text(&u->text, o, (int)u->most,
                   "bert_model.module.embeddings.word_embeddings.weight");
    classes_open(o, t->role, u->classes, 1, omn_config_string_or(f, "omnio.labels", t->file),
                 u->classes == t->classes ? t->names : "");
    u->loss = classes_loss(o, t->loss, strcmp(t->loss, "binary") ? "z=0" : "");
}
