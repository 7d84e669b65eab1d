/* SPDX-License-Identifier: Apache-2.0 */
/* model/unitab: UniTAB (Yang et al. 2022), a picture and a text in, a text with boxes out, words
 * and places in one row of ids. The door, and the reading of the configuration, whose keys are
 * options of the original program; the text encoder's are those of its own library. */
#include "unitab.h"

#include "shapes.h"
#include "verify.h"

#include <omnio/published.h>

#include <stdlib.h>
#include <string.h>

static void read_sizes(unitab *u, omn_open *o, omn_config *f)
{
    detr_configure(&u->d, o, f, "UniTAB");
    u->most = omn_config_int_or(f, "max_decoding_step", 4, 65536, 256);
    if (u->most + 2 > u->d.text.places)
        omn_open_fail(o, OMN_ERR_CONFIG, "max_decoding_step: %lld places, of which the text "
                      "encoder has %lld", (long long)u->most, (long long)u->d.text.places - 2);
}

/* Words of the vocabulary's file, then the marks of a box, then places. Only what is written may
 * say them: in a text that is read they are characters as any. */
static void open_words(unitab *u, omn_open *o, omn_config *f)
{
    const int32_t V = (int32_t)u->d.text.rows;
    const int32_t bins = (int32_t)omn_config_int_or(f, "num_bins", 2, 100000, 200);
    u->rows = V + 2 + bins;
    const bool merges = omn_open_file(o, "merges.txt", false) != NULL;
    const bool pair = omn_open_file(o, "vocab.json", false) && merges;
    if (pair || omn_open_file(o, "tokenizer.json", false))
        omn_open_part(o, "tokenizer", "omnio.codec/1", "text.bpe", "",
                      "%s pieces=%d added=<obj>,</obj>,<bin_0..%d> added_read=false",
                      pair ? "file=merges.txt vocabulary=vocab.json style=roberta"
                           : "file=tokenizer.json style=json", (int)u->rows, bins - 1);
    omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "",
                  "table=transformer.text_encoder.embeddings.word_embeddings.weight rows=%d "
                  "width=%d most=%d start=%d stop=%d cut=true", V, (int)u->d.text.D, (int)u->most,
                  (int)u->d.start, (int)u->d.stop);
    omn_part *p = omn_open_part(o, "text", "omnio.decoder/1", "text.tokens", "",
                                "rows=%d stop=%d", (int)u->rows, (int)u->d.stop);
    const omn_range ranges[] = { { "codes", 0, V, 1 },
                                 { "open", V, 1, 1 },
                                 { "close", V + 1, 1, 1 },
                                 { "location", V + 2, bins, 1 } };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)u->rows, .start = u->d.start,
                          .stop = u->d.stop, .pad = 1, .ranges = ranges, .n_ranges = 4,
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
    read_sizes(u, o, f);
    detr_open_image(&u->d, o, f, "backbone.0.body", detr_large(o, f));
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
    detr_memory m = { 0 };
    if (rq->in_map) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "unitab packs no inputs of several examples");
        return;
    }
    if (rq->phase == OMN_STEP)
        m.seg = omn_state_read(d, omn_state_at(d, "memory_seg", OMN_I32,
                                               omn_dim2(rq->memory_rows, rq->memory_length)));
    else m = detr_encode(&u->d, "unitab", s, rq);
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
    /* its checkpoints have one size: its names without a configuration are enough */
    return !strcmp(omn_config_string_or(f, "model_type", ""), "unitab") ||
           (shapes_has(f, "coordclass_embed.bias") &&
            shapes_has(f, "transformer.resizer.fc.weight"));
}

static const void *extension(const char *id)
{
    static const omn_published_impl published = { "the .pth of its program" };
    static const omn_claims_impl known = { claims };
    static const omn_task_impl asked = { .pipeline = "unitab-caption" };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.published/1")) return &published;
    return strcmp(id, "omnio.verify/1") ? NULL : &unitab_verify;
}

enum { N_IMAGE_PARAMS = 9 };
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
