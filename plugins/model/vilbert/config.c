/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of ViLBERT, as its program's bert_base_6layer_6conect.json has it, and below
 * "omnio" which of the tasks of 12-in-1 it is asked. */
#include "vilbert.h"

#include "classes.h"
#include "fixed.h"

#include <stdio.h>
#include <string.h>

#define LENGTH(list) (sizeof(list) / sizeof *(list))

typedef struct task {
    const char *name;
    vilbert_type type;
    int number, classes, most;            /* as published; tokens of a text, 0: 128 */
    const char *head, *file, *names;      /* of its answers */
    const char *pipeline;                 /* by which it is asked */
} task;

static const task tasks[] = {
    { "vqa", VILBERT_ANSWER, 1, 3129, 0, "vil_prediction", "answers.txt", "", "vilbert-vqa" },
    { "genome_qa", VILBERT_ANSWER, 2, 3129, 0, "vil_prediction", "answers.txt", "", "vilbert-vqa" },
    { "visual_dialog", VILBERT_MATCH, 3, 1, 50, "vil_logit", "", "", "vilbert-dialogue" },
    { "visual7w", VILBERT_CHOICE, 4, 0, 0, "vision_logit", "", "", "vilbert-point" },
    { "retrieval_coco", VILBERT_MATCH, 7, 1, 0, "vil_logit", "", "", "vilbert-match" },
    { "retrieval_flickr30k", VILBERT_MATCH, 8, 1, 0, "vil_logit", "", "", "vilbert-match" },
    { "refcoco", VILBERT_REGION, 9, 0, 0, "vision_logit", "", "", "vilbert-refer" },
    { "refcoco+", VILBERT_REGION, 10, 0, 0, "vision_logit", "", "", "vilbert-refer" },
    { "refcocog", VILBERT_REGION, 11, 0, 0, "vision_logit", "", "", "vilbert-refer" },
    { "nlvr2", VILBERT_PAIR, 12, 2, 0, "vil_binary_prediction", "", "false,true",
      "vilbert-compare" },
    { "visual_entailment", VILBERT_ANSWER, 13, 3, 0, "vil_tri_prediction", "",
      "contradiction,neutral,entailment", "vilbert-entail" },
    { "guesswhat", VILBERT_ANSWER, 14, 3, 0, "vil_tri_prediction", "", "yes,no,n/a",
      "vilbert-guess" },
    { "gqa", VILBERT_ANSWER, 15, 1533, 0, "vil_prediction_gqa", "answers.txt", "", "vilbert-vqa" },
    { "guesswhat_pointing", VILBERT_CHOICE, 17, 0, 256, "vision_logit", "", "",
      "vilbert-guess-point" },
    { "flickr_grounding", VILBERT_REGION, 18, 0, 0, "vision_logit", "", "", "vilbert-refer" },
};

static const task *find_task(omn_open *o, const char *name)
{
    char list[512];
    size_t n = 0;
    for (size_t i = 0; i < LENGTH(tasks); i++)
        if (!strcmp(tasks[i].name, name)) return &tasks[i];
    for (size_t i = 0; i < LENGTH(tasks); i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", tasks[i].name);
    omn_open_fail(o, OMN_ERR_CONFIG, "omnio.task: \"%.60s\" is not supported; %s are", name, list);
    return &tasks[0];
}

static void refuse_others(omn_open *o, omn_config *f)
{
    static const fixed_key own[] = {
        KEY_SAYS("model", "bert"),
        KEY_SAYS("hidden_act", "gelu"),
        KEY_SAYS("v_hidden_act", "gelu"),
        KEY_IS("dynamic_attention", 0),
        KEY_IS("fast_mode", 0),
        KEY_IS("in_batch_pairs", 0),
        KEY_IS("with_coattention", 1),
    };
    keys_refuse(own, LENGTH(own), "", "ViLBERT", o, f);
}

/* In front of which layers the streams meet: a list that rises, as long as the other. */
static void read_meetings(omn_open *o, omn_config *f, const char *key, int64_t layers, int64_t n,
                          int64_t usual, int64_t *out)
{
    char path[64];
    const size_t given = omn_config_count(f, key);
    for (int64_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s.%d", key, (int)i);
        out[i] = given ? omn_config_int(f, path, 0, layers - 1) : usual + i;
        if (out[i] >= layers || (i && out[i] < out[i - 1]))
            omn_open_fail(o, OMN_ERR_CONFIG, "%s: layers 0 to %lld in order are wanted", key,
                          (long long)layers - 1);
    }
}

static void read_sizes(vilbert *k, omn_open *o, omn_config *f)
{
    bert *w = &k->words, *r = &k->regions;
    *w = (bert){ .D = 768, .H = 12, .layers = 12, .ffn = 3072, .rows = 30522, .places = 512,
                 .types = 2, .first = 0, .eps = 1e-12 };
    bert_configure(w, o, f, "");
    *r = (bert){ .D = omn_config_int_or(f, "v_hidden_size", 1, 65536, 1024),
                 .H = omn_config_int_or(f, "v_num_attention_heads", 1, 512, 8),
                 .layers = omn_config_int_or(f, "v_num_hidden_layers", 1, 512, 6),
                 .ffn = omn_config_int_or(f, "v_intermediate_size", 1, 1 << 20, 1024),
                 .eps = w->eps };
    k->features = omn_config_int_or(f, "v_feature_size", 1, 1 << 20, 2048);
    k->inner = omn_config_int_or(f, "bi_hidden_size", 1, 65536, 1024);
    k->heads = omn_config_int_or(f, "bi_num_attention_heads", 1, 512, 8);
    k->told = omn_config_bool_or(f, "task_specific_tokens", true);
    if (r->D % r->H || k->inner % k->heads)
        omn_open_fail(o, OMN_ERR_CONFIG, "v_hidden_size %lld of %lld heads, bi_hidden_size %lld of "
                      "%lld: multiples are wanted", (long long)r->D, (long long)r->H,
                      (long long)k->inner, (long long)k->heads);
    const char *way = omn_config_string_or(f, "fusion_method",
                                           omn_config_string_or(f, "pooling_method", "mul"));
    k->sum = !strcmp(way, "sum");
    if (!k->sum && strcmp(way, "mul"))
        omn_open_fail(o, OMN_ERR_CONFIG, "fusion_method: \"%.40s\" is not supported, mul and sum "
                      "are", way);
    const size_t given = omn_config_count(f, "v_biattention_id");
    k->meetings = given ? (int64_t)given : 6;
    if (given != omn_config_count(f, "t_biattention_id") || k->meetings > VILBERT_MOST_MEETINGS) {
        omn_open_fail(o, OMN_ERR_CONFIG, "v_biattention_id and t_biattention_id: as many layers of "
                      "one as of the other, at most %d", VILBERT_MOST_MEETINGS);
        k->meetings = 0;
    }
    read_meetings(o, f, "v_biattention_id", r->layers, k->meetings, 0, k->regions_at);
    read_meetings(o, f, "t_biattention_id", w->layers, k->meetings, 6, k->words_at);
}

/* The answer of a task that finds: one of the regions that were given. */
static void open_regions(const vilbert *k, omn_open *o)
{
    omn_part *p = omn_open_part(o, "answer", "omnio.decoder/1", "text.labels", "", "rows=%d "
                                "count=%d", (int)k->classes, (int)k->classes);
    const omn_range ranges[] = { { "codes", 0, (int32_t)k->classes, 1 },
                                 { "regions", 0, (int32_t)k->classes, 1 } };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)k->classes, .start = 0, .stop = -1,
                          .pad = 0, .ranges = ranges, .n_ranges = LENGTH(ranges) };
    omn_open_vocabulary(o, p, &v);
}

void vilbert_configure(vilbert *k, omn_open *o, omn_config *f)
{
    const task *t = find_task(o, omn_config_string_or(f, "omnio.task", "vqa"));
    k->task = t->name;
    k->type = t->type;
    k->head = t->head;
    k->pipeline = t->pipeline;
    k->number = t->number;
    k->dialogue = !strcmp(t->name, "visual_dialog");
    refuse_others(o, f);
    read_sizes(k, o, f);
    const int64_t regions = omn_config_int_or(f, "omnio.regions", 1, 65536,
                                              t->type == VILBERT_CHOICE ? 204 : 200);
    const int64_t most = t->most ? t->most : 128;
    const bool finds = vilbert_finds(t->type);
    k->classes = finds ? regions : omn_config_int_or(f, "omnio.classes", 1, 1 << 20, t->classes);
    k->most = omn_config_int_or(f, "omnio.most", 3, k->words.places,
                                k->words.places < most ? k->words.places : most);
    /* its own projection and places: of the encoder only what it is fed */
    omn_open_part(o, "regions", "omnio.encoder/1", "regions.features", "",
                  "width=%d features=%d most=%d", (int)k->regions.D, (int)k->features,
                  (int)regions);
    (k->dialogue ? bert_open_texts : bert_open_text)(&k->words, o, (int)k->most,
                                                     "bert.embeddings.word_embeddings.weight");
    if (k->type == VILBERT_MATCH) {
        k->loss = classes_loss(o, "pairs", "");
        return;
    }
    if (finds) open_regions(k, o);
    else
        classes_open(o, "answer", k->classes, 1,
                     omn_config_string_or(f, "omnio.labels", t->file),
                     k->classes == t->classes ? t->names : "");
    k->loss = classes_loss(o, "binary", "");
}
