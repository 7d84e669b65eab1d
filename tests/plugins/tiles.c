/* SPDX-License-Identifier: Apache-2.0 */
/* A model that draws: texts in, the four tiles of a picture out, each the number of the entry of a
 * codebook that is nearest to its mean colour. It may have a second such decoder, "sketch", and one
 * that writes, each with a table of its own. For the tests of codes, and of several decoders. */
#include <omnio/answer.h>

#include <stdlib.h>
#include <string.h>

enum { TEXT_ROWS = 960, WIDTH = 8, TILES = 4, ENTRIES = 8, FIRST = 3, ROWS = FIRST + ENTRIES };

/* ---- the decoder ---- */

#define TILES_PARAMETERS(PAR, S) PAR(S, int, dark, "0", "0..255", NULL, "taken from every colour")
OMN_PARAMS(tiles, TILES_PARAMETERS);

typedef struct decoder { omn_codes codes; int dark; } decoder;

static const omn_port in_port = { "colours", OMN_F32, { .rank = 2, .dim = { TILES, 3 } }, 0 };
static const omn_port out_port = { "colours", OMN_F32, { .rank = 2, .dim = { TILES, 3 } }, 0 };

static omn_status open_tiles(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    decoder *d = calloc(1, sizeof *d);
    (void)c;
    (void)o;
    if (!d) return omn_fail(err, OMN_ERR_MEMORY, "tiles: out of memory");
    d->dark = ((const struct tiles *)params)->dark;
    d->codes = (omn_codes){ OMN_FILL(omn_codes), .codes = ENTRIES, .count = TILES, .stop = -1,
                            .blank = 0, .grid_h = 2, .grid_w = 2 };
    *self = d;
    return OMN_OK;
}

static const omn_codes *codes(const void *self)
{
    return &((const decoder *)self)->codes;
}

static uint32_t ports(const void *self, const omn_port **in, uint32_t *n_out, const omn_port **out)
{
    (void)self;
    *in = &in_port;
    *out = &out_port;
    *n_out = 1;
    return 1;
}

/* The mean colour of each quarter, a little lighter where it is a view of another picture. */
static omn_status prepare(const void *self, omn_call *c, const omn_value *v, const omn_frame *like,
                          omn_feed *out, omn_error *err)
{
    const decoder *d = self;
    const omn_pixels px = omn_image_pixels(omn_value_image(v));
    void *data = NULL;
    (void)c;
    if (px.width < 2 || px.height < 2 || px.channels != 3 || px.type != OMN_U8)
        return omn_fail(err, OMN_ERR_DATA, "tiles: coloured pictures of 2x2 pixels and more");
    const omn_status st = omn_feed_new(out, "colours", OMN_F32, in_port.most, &data, err);
    if (st != OMN_OK) return st;
    for (uint32_t t = 0; t < TILES; t++)
        for (uint32_t k = 0; k < 3; k++) {
            const uint32_t h = px.height / 2, w = px.width / 2;
            double sum = 0;
            for (uint32_t y = t / 2 * h; y < t / 2 * h + h; y++)
                for (uint32_t x = t % 2 * w; x < t % 2 * w + w; x++)
                    sum += ((const uint8_t *)px.data)[(y * (size_t)px.width + x) * 3 + k];
            ((float *)data)[t * 3 + k] =
                (float)(sum / ((double)w * h) - d->dark + (like ? 32 : 0)) / 255;
        }
    return OMN_OK;
}

static omn_node *book(omn_scope *s)
{
    return omn_weight(s, "codebook", omn_dim2(ENTRIES, 3), OMN_INIT_NORMAL, 1);
}

static omn_node *tokenize(const void *self, omn_scope *s, const omn_bundle *in)
{
    (void)self;
    return omn_vector_quantise(s, omn_bundle_get(in, s, "colours"), book(s));
}

static void detokenize(const void *self, omn_scope *s, omn_node *list, omn_bundle *out)
{
    (void)self;
    omn_bundle_put(out, s, "colours", omn_embedding(s, book(s), list));
}

static omn_status finish(const void *self, omn_call *c, const omn_feed *in, const omn_frame *like,
                         omn_value **out, omn_error *err)
{
    const omn_tensor *t = omn_feed_get(in, "colours");
    omn_image *img = NULL;
    omn_pixels px;
    (void)self;
    (void)c;
    const omn_status st = omn_image_new(OMN_U8, 2, 2, 3, like, &img, &px, err);
    for (int i = 0; st == OMN_OK && i < TILES * 3; i++) {
        const float x = ((const float *)t->data)[i] * 255;
        ((uint8_t *)px.data)[i] = (uint8_t)(x > 255 ? 255 : x > 0 ? x : 0);
    }
    if (st == OMN_OK) *out = omn_image_give(img);
    return st;
}

static const omn_decoder_impl decoder_impl = {
    .makes = "image",
    .open = open_tiles,
    .close = free,
    .codes = codes,
    .ports = ports,
    .prepare = prepare,
    .tokenize = tokenize,
    .detokenize = detokenize,
    .finish = finish,
};

/* ---- an answer whose second half counts a quarter ---- */

static omn_status half_open(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)params;
    *self = NULL;
    return omn_open_done(o, err);
}

static void half_close(void *self)
{
    (void)self;
}

static omn_status half_rules(const void *self, omn_rules *r, omn_error *err)
{
    (void)self;
    (void)err;
    omn_rules_root(r, omn_rules_repeat(r, omn_rules_range(r, "codes"), TILES, TILES));
    return OMN_OK;
}

static omn_status half_write(const void *self, omn_call *c, const omn_value *v,
                             const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const int32_t *list = NULL;
    const size_t n = omn_tokens_get(v, &list, NULL), from = out->count;
    (void)self;
    (void)c;
    (void)frame;
    if (n != TILES) return omn_fail(err, OMN_ERR_TYPE, "half: four codes are wanted");
    for (size_t i = 0; i < n; i++) omn_ids_put(out, FIRST + list[i]);
    omn_ids_weigh(out, from + n / 2, 0.25);
    return OMN_OK;
}

static omn_status half_read(const void *self, omn_call *c, const omn_heard *h,
                            const omn_frame *frame, omn_value **out, omn_error *err)
{
    int32_t list[TILES] = { 0 };
    (void)self;
    (void)c;
    (void)frame;
    for (size_t i = 0; i < h->n && i < TILES; i++) list[i] = h->ids[i] - FIRST;
    return omn_tokens_new(list, h->n < TILES ? h->n : TILES, "codes", out, err);
}

static const omn_answer_impl half_impl = {
    .makes = "tokens",
    .open = half_open,
    .close = half_close,
    .rules = half_rules,
    .write = half_write,
    .read = half_read,
};

/* ---- the model; "tied": its answers are trained through the codebook ---- */

typedef struct model { bool tied; } model;

static omn_status open_model(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    model *m = calloc(1, sizeof *m);
    (void)c;
    (void)params;
    if (!m) return omn_fail(err, OMN_ERR_MEMORY, "draws: out of memory");
    *self = m;
    m->tied = omn_config_bool_or(omn_open_config(o), "tied", false);
    omn_open_part(o, "tokenizer", "omnio.codec/1", "text.sentencepiece", "",
                  "file=tokenizer.model start_first=true sentinels=0 bins=64");
    omn_open_part(o, "text", "omnio.encoder/1", "text.tokens", "",
                  "table=words.weight rows=%d width=%d most=32", TEXT_ROWS, WIDTH);
    omn_part *d = omn_open_part(o, "image", "omnio.decoder/1", "tiles", "vq", "dark=%d",
                                (int)omn_config_int_or(omn_open_config(o), "dark", 0, 255, 0));
    const omn_range range = { "codes", FIRST, ENTRIES, 1 };
    const bool ends = omn_config_bool_or(omn_open_config(o), "ends", true);
    omn_vocab v = { OMN_FILL(omn_vocab), .rows = ROWS, .start = 0, .stop = ends ? 2 : -1, .pad = 1,
                    .ranges = &range, .n_ranges = 1, .table = "table" };
    omn_open_vocabulary(o, d, &v);
    if (omn_config_bool_or(omn_open_config(o), "sketches", false)) {
        d = omn_open_part(o, "sketch", "omnio.decoder/1", "tiles", "sk", "dark=100");
        v.table = "strokes";
        omn_open_vocabulary(o, d, &v);
    }
    if (omn_config_bool_or(omn_open_config(o), "writes", false)) {
        d = omn_open_part(o, "text", "omnio.decoder/1", "text.tokens", "", "rows=%d", TEXT_ROWS);
        const omn_range places = { "location", TEXT_ROWS - 64, 64, 1 };
        const omn_vocab letters = { OMN_FILL(omn_vocab), .rows = TEXT_ROWS, .start = 0, .stop = 1,
                                    .pad = 0, .ranges = &places, .n_ranges = 1,
                                    .table = "letters" };
        omn_open_vocabulary(o, d, &letters);
    }
    return omn_open_done(o, err);
}

/* What a decoder is called in a graph. */
typedef struct names { const char *role, *table, *logits, *loss, *nll; int64_t rows; } names;

static const names *names_of(const omn_part *part)
{
    static const names all[] = {
        { "image", "table", "logits.image", "loss.image", "nll.image", ROWS },
        { "sketch", "strokes", "logits.sketch", "loss.sketch", "nll.sketch", ROWS },
        { "text", "letters", "logits.text", "loss.text", "nll.text", TEXT_ROWS },
    };
    size_t i = 0;
    while (i < 2 && strcmp(all[i].role, omn_part_role(part))) i++;
    return &all[i];
}

/* The sum of the words, [B,1,WIDTH]: what ENCODE leaves for each STEP. */
static omn_node *said(omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    if (rq->phase == OMN_STEP) {
        const omn_shape all = omn_dim3(rq->memory_rows, 1, WIDTH);
        omn_node *kept = omn_state_read(s, omn_state_at(s, "said", OMN_F32, all));
        kept = omn_reshape(s, kept, omn_dim2(rq->memory_rows, WIDTH));
        kept = omn_embedding(s, kept, rq->memory_row);
        return omn_reshape(s, kept, omn_dim3(rq->rows, 1, WIDTH));
    }
    omn_node *words = omn_seq_get_x(omn_encoder_embed(rq->inputs[0].part, s, rq->inputs[0].in));
    omn_node *sum = omn_sum(s, words, 2, true, true);
    if (rq->phase != OMN_ENCODE) return sum;
    omn_bundle_put(out, s, "memory", words);
    return omn_state_write(s, omn_state_at(s, "said", OMN_F32, omn_node_shape(sum)), sum);
}

static void build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out)
{
    const model *m = self;
    omn_node *what = said(s, rq, out);
    if (rq->phase == OMN_ENCODE) return;
    if (rq->phase == OMN_EMBED) {
        omn_scope_fail(s, OMN_ERR_UNSUPPORTED, "this model embeds nothing");
        return;
    }
    const omn_target *t = rq->targets[0];
    const names *k = names_of(t->part);
    omn_node *each = NULL;
    omn_node *table = omn_weight(s, k->table, omn_dim2(k->rows, WIDTH), OMN_INIT_NORMAL, 0.1);
    omn_node *x = omn_add(s, omn_embedding(s, table, t->ids), what);
    if (m->tied && k->rows == ROWS) {
        omn_node *all = omn_sum(s, book(omn_part_scope(t->part, s)), 3, false, true);
        x = omn_add(s, x, omn_reshape(s, all, omn_dim3(1, 1, 1)));
    }
    omn_node *logits = omn_linear(s, x, table, NULL, OMN_ACT_NONE);
    omn_bundle_put(out, s, k->logits, logits);
    if (!t->labels) return;
    const omn_ce usual = { OMN_FILL(omn_ce), .z_loss = 1e-4 };
    omn_node *loss = omn_cross_entropy(s, logits, t->labels, t->weight,
                                       rq->loss ? rq->loss : &usual, &each);
    omn_bundle_put(out, s, k->loss, loss);
    omn_bundle_put(out, s, "loss", loss);
    omn_bundle_put(out, s, k->nll, each);
}

static const omn_model_impl model_impl = { NULL, open_model, free, build, NULL, NULL };
static const omn_object objects[] = {
    { "omnio.decoder/1", "tiles", "four tiles of a picture", &decoder_impl,
      OMN_OBJECT_PARAMS(tiles) },
    { "omnio.answer/1", "half", "four codes, the last two of less weight", &half_impl, NULL, 0,
      0 },
    { "omnio.model/1", "draws", "a model that draws", &model_impl, NULL, 0, 0 },
};
OMN_PLUGIN("tiles", "0.1.0", "Apache-2.0", "a model that draws, for tests", objects);
