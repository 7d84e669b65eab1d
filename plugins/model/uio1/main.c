/* SPDX-License-Identifier: Apache-2.0 */
/* model/uio1: Unified-IO (Lu et al. 2022), the first of its family: texts, pictures and places in
 * and out. The door, and what its ids are. */
#include "uio1.h"

#include "verify.h"

#include <omnio/published.h>

#include <omnio/answer.h>

#include <stdlib.h>
#include <string.h>

/* Bin b is the piece <extra_id_(100 + b)>, ids fall as bins rise. */
enum { BINS = 1000, FIRST_BIN = 100, PIECES = 1100 };

/* What it takes; a picture with holes is one of which parts are not seen. */
static void open_inputs(uio1 *u, omn_open *o)
{
    static const char *const roles[2] = { "image", "holes" };
    const omn_part *p[2];
    u->in_text = omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "",
                               "table=token_embedder/embedding rows=%d width=%d most=%d",
                               (int)(u->text_rows + u->codes), (int)u->D, (int)u->text_in);
    for (int i = 0; i < 2; i++)
        p[i] = omn_open_part(o, roles[i], "omnio.encoder/1", "image.corner", "",
                             "rows=%d columns=%d patch=%d width=%d alpha=%s "
                             "weight=encoder/image_projection/kernel",
                             (int)u->grid_h, (int)u->grid_w, (int)u->patch, (int)u->D,
                             i ? "hides" : "white");
    u->in_image = p[0];
    u->in_holes = p[1];
    omn_open_encoders(o, "width=%d most=%d", (int)u->D, (int)u->text_in);
}

static void open_text(uio1 *u, omn_open *o, omn_config *f, const omn_part *tokenizer)
{
    omn_part *p = omn_open_part(o, "text", "omnio.decoder/1", "text.tokens", "", "rows=%d",
                                (int)u->text_rows);
    int32_t first = tokenizer ? omn_codec_piece(tokenizer, "<extra_id_100>") : -1;
    if (tokenizer && (first < 0 || omn_codec_pieces(tokenizer) > u->text_rows)) {
        omn_open_fail(o, OMN_ERR_DATA, "the tokenizer has %d pieces, of which the model has %lld: "
                      "they do not belong together", (int)omn_codec_pieces(tokenizer),
                      (long long)u->text_rows);
        return;
    }
    /* without a tokenizer nothing is written: only graphs are looked at */
    if (first < 0)
        first = (int32_t)omn_config_int_or(f, "omnio.location_id", -1, u->text_rows - 1,
                                           u->text_rows == 33152 ? 32999 : -1);
    const bool fits = first - (BINS - 1) >= 0;
    const omn_range ranges[2] = { { "codes", 0, (int32_t)u->text_rows, 1 },
                                  { "location", first, BINS, -1 } };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = (int32_t)u->text_rows, .start = 0,
                          .stop = 1, .pad = 0, .ranges = ranges, .n_ranges = fits ? 2 : 1,
                          /* the original puts an end behind options that have theirs */
                          .option_ends = 2, .table = "token_embedder/embedding" };
    omn_open_vocabulary(o, p, &v);
    u->text = p;
    static const char *const spoken[] = { "location", "location.points" };
    for (size_t i = 0; fits && i < sizeof spoken / sizeof *spoken; i++)
        omn_open_part(o, spoken[i], "omnio.codec/1", spoken[i], "", "bins=%d first=%d width=%d "
                      "height=%d rounding=longer", BINS, FIRST_BIN, (int)u->side, (int)u->side);
}

static void open_image(uio1 *u, omn_open *o, omn_config *f)
{
    omn_part *p = uio1_open_codes(u, o, f);
    const omn_range range = { "codes", UIO1_IMAGE_CODES, (int32_t)u->codes, 1 };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = UIO1_IMAGE_CODES + (int32_t)u->codes,
                          .start = UIO1_IMAGE_START, .stop = -1, .pad = UIO1_IMAGE_FRONT,
                          .ranges = &range, .n_ranges = 1 };
    if (p) omn_open_vocabulary(o, p, &v);
    u->image = p;
}

static omn_status uio1_open(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)params;
    omn_config *f = omn_open_config(o);
    uio1 *u = calloc(1, sizeof *u);
    if (!u) return omn_fail(err, OMN_ERR_MEMORY, "uio1: out of memory");
    *self = u;
    const char *file = omn_open_file(o, "spiece.model", false) ? "spiece.model" : "tokenizer.model";
    if (omn_open_file(o, file, false))
        omn_open_part(o, "tokenizer", "omnio.codec/1", "text.sentencepiece", "",
                      "file=%s gaps=%d", file, PIECES);
    uio1_read(u, o, f);
    open_inputs(u, o);
    open_text(u, o, f, omn_open_find(o, "tokenizer"));
    open_image(u, o, f);
    if (omn_open_offers(o, "omnio.objective/1", "cross-entropy"))
        omn_open_part(o, "loss", "omnio.objective/1", "cross-entropy", "", "z=0");
    return omn_open_done(o, err);
}

static const char *prefix(const void *self, const char *output)
{
    (void)self;
    (void)output;
    return "";
}

static int32_t most_tokens(const void *self, bool answer)
{
    const uio1 *u = self;
    return (int32_t)(answer ? u->text_out : u->text_in);
}

/* Every picture begins with a place of a text. */
static omn_status front(const void *self, omn_call *c, const omn_row_input *const *inputs,
                        uint32_t n, const char *output, omn_ids *out, omn_error *err)
{
    (void)self;
    (void)c;
    (void)inputs;
    (void)n;
    (void)err;
    if (!strcmp(output, "image")) omn_ids_put(out, UIO1_IMAGE_FRONT);
    return OMN_OK;
}

static int32_t most_places(const void *self)
{
    const uio1 *u = self;
    return (int32_t)(u->text_out > u->image_out + 1 ? u->text_out : u->image_out + 1);
}

static const void *extension(const char *id)
{
    static const omn_published_impl published = {
        "small_1000k.bin, base_1000k.bin, large_1000k.bin or "
        "xl_1000k.bin"
    };
    static const omn_claims_impl known = { uio1_known };
    static const omn_row_impl row = { front, most_places };
    static const omn_task_impl asked = { .pipeline = "uio1-vqa" };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.published/1")) return &published;
    if (!strcmp(id, "omnio.verify/1")) return &uio1_verify;
    return strcmp(id, "omnio.row/1") ? NULL : (const void *)&row;
}

static const omn_model_impl impl = { extension, uio1_open, free, uio1_build, prefix,
                                     most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "uio1", "Unified-IO: texts, pictures and places in and out", &impl, NULL, 0,
      0 },
};
OMN_PLUGIN("uio1", "0.1.0", "Apache-2.0", "the Unified-IO model family", objects);
