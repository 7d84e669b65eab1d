/* SPDX-License-Identifier: Apache-2.0 */
/* The answers "grounded", "grounded_text" and "grounded_boxes": a text in whose row of ids the
 * boxes of its phrases stand. Whatever the model says is one of them; what follows the first id of
 * a start, a padding or an end is not looked at. */
#include "unitab.h"

#include <omnio/kinds_of_values.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BOXES 100
#define LAST_SPECIAL 2                    /* start, padding, end */

typedef struct grounded {
    const struct grounded_boxes *p;
    const omn_part *decoder, *tokenizer;
    unitab_marks marks;
} grounded;

static omn_status open_grounded(omn_call *c, const void *params, omn_open *o, void **self,
                                omn_error *err)
{
    (void)c;
    grounded *g = calloc(1, sizeof *g);
    *self = g;
    if (!g) return omn_fail(err, OMN_ERR_MEMORY, "grounded: out of memory");
    g->p = params;
    g->decoder = omn_open_decoder(o);
    g->tokenizer = omn_open_find_part(o, "omnio.codec/1", "tokenizer");
    if (!unitab_marks_of(g->decoder, &g->marks))
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "this model has no words for boxes within a text");
    if (g->tokenizer) return OMN_OK;
    return omn_fail(err, OMN_ERR_MISSING, "the model's folder has no tokenizer (vocab.json and "
                    "merges.txt, or tokenizer.json): copy the files that belong to these weights "
                    "there");
}

/* Any words, marks and places in any order. */
static omn_status rules(const void *self, omn_rules *r, omn_error *err)
{
    (void)self;
    (void)err;
    const omn_rule *one[] = { omn_rules_any(r), omn_rules_range(r, "open"),
                              omn_rules_range(r, "close"), omn_rules_range(r, "location") };
    omn_rules_root(r, omn_rules_repeat(r, omn_rules_either(r, one, 4), 0, OMN_NO_END));
    return OMN_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* What was said, taken apart. */
typedef struct said {
    omn_buf text;
    size_t *ends;                         /* of each word in the text */
    int32_t *box, *word;                  /* which box it is of; its id */
    size_t words;
    float of[MOST_BOXES][4];              /* centre and size */
    size_t boxes;
    bool first;                           /* the first mark behind a box has one in front of it */
} said;

static void said_end(said *s)
{
    omn_buf_fini(&s->text);
    free(s->ends);
    free(s->box);
    *s = (said){ 0 };
}

static omn_status listen(const grounded *g, const omn_heard *h, said *s, omn_error *err)
{
    unitab_walk w = { 0 };
    size_t n = 0, at = 0;
    *s = (said){ 0 };
    omn_buf_init(&s->text, OMN_TEXT_MOST);
    while (n < h->n && h->ids[n] > LAST_SPECIAL) n++;
    s->ends = calloc(n + 1, sizeof *s->ends);
    s->box = calloc(2 * (n + 1), sizeof *s->box);
    if (!s->ends || !s->box) return omn_fail(err, OMN_ERR_MEMORY, "grounded: out of memory");
    s->word = s->box + n + 1;
    for (int32_t box = 0; unitab_word(&g->marks, &w, h->ids, n, &at, &box);) {
        s->box[s->words] = box;
        s->word[s->words++] = h->ids[at];
    }
    bool met = false;
    for (size_t i = 0; i < n && s->boxes < MOST_BOXES; i++) {
        if (h->ids[i] != g->marks.close) continue;
        if (!met) s->first = i >= 4;
        met = true;
        if (i >= 4) unitab_box(&g->marks, h->ids, i, s->of[s->boxes++]);
    }
    return omn_decoder_text(g->decoder, s->word, s->words, &s->text, s->ends, err);
}

/* The bytes of the text that box number i is of, without blanks at both ends; false: it has no
 * words. */
static bool part_of(const said *s, size_t i, int32_t *span)
{
    size_t from = 0, to = 0;
    bool any = false;
    const char *text = s->text.data;
    for (size_t k = 0; k < s->words; k++) {
        if (s->box[k] != (int32_t)i) continue;
        if (!any) from = k ? s->ends[k - 1] : 0;
        to = s->ends[k];
        any = true;
    }
    while (from < to && text[from] == ' ') from++;
    while (to > from && text[to - 1] == ' ') to--;
    span[0] = (int32_t)from;
    span[1] = (int32_t)to;
    return from < to;
}

/* In pixels of the source; numbers are parts of what the model saw. */
static void in_pixels(const float *box, const omn_frame *f, double *out)
{
    const double w = (double)box[2] / 2, h = (double)box[3] / 2;
    omn_frame_to_source(f, (double)box[0] - w, (double)box[1] - h, &out[0], &out[1]);
    omn_frame_to_source(f, (double)box[0] + w, (double)box[1] + h, &out[2], &out[3]);
}

static omn_status want_frame(const omn_frame *frame, omn_error *err)
{
    return frame ? OMN_OK
                 : omn_fail(err, OMN_ERR_ARGUMENT, "an answer with boxes wants the picture that "
                            "they lie in among the inputs");
}

static omn_status read_grounded(const void *self, omn_call *c, const omn_heard *h,
                                const omn_frame *frame, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    said s = { 0 };
    int32_t span[2 * MOST_BOXES];
    double box[4 * MOST_BOXES];
    int64_t n = 0;
    const omn_kind *kind = NULL;
    OMN_TRY(omn_kind_find(c, "grounded", &kind, err));
    OMN_TRY(want_frame(frame, err));
    OMN_TRY(listen(self, h, &s, err));
    for (size_t i = 0; i < s.boxes; i++) {
        if (!part_of(&s, i, span + 2 * n)) continue;
        in_pixels(s.of[i], frame, box + 4 * n++);
    }
    const char *text = s.text.data ? s.text.data : "";
    const omn_filled columns[] = { omn_fill("text", OMN_STRING, (omn_shape){ 0 }, &text),
                                   omn_fill("span", OMN_I32, omn_dim2(n, 2), span),
                                   omn_fill("box", OMN_F64, omn_dim2(n, 4), box) };
    st = omn_value_make(kind, columns, 3, frame, out, err);
done:
    said_end(&s);
    return st;
}

static omn_status read_text(const void *self, omn_call *c, const omn_heard *h,
                            const omn_frame *frame, omn_value **out, omn_error *err)
{
    said s = { 0 };
    (void)c;
    (void)frame;
    omn_status st = listen(self, h, &s, err);
    if (st == OMN_OK) st = omn_text_new(s.text.data ? s.text.data : "", s.text.length, out, err);
    said_end(&s);
    return st;
}

static omn_status read_boxes(const void *self, omn_call *c, const omn_heard *h,
                             const omn_frame *frame, omn_value **out, omn_error *err)
{
    const grounded *g = self;
    omn_status st = OMN_OK;
    said s = { 0 };
    omn_region list[MOST_BOXES];
    char *label[MOST_BOXES] = { NULL };
    (void)c;
    OMN_TRY(want_frame(frame, err));
    OMN_TRY(listen(g, h, &s, err));
    const size_t n = g->p->grounded_boxes ? s.first : s.boxes;
    for (size_t i = 0; i < n; i++) {
        double px[4];
        int32_t span[2];
        in_pixels(s.of[i], frame, px);
        if (part_of(&s, i, span))
            label[i] = strndup(s.text.data + span[0], (size_t)(span[1] - span[0]));
        list[i] = (omn_region){ px[0], px[1], px[2], px[3], NAN, label[i] };
    }
    st = omn_regions_new(list, n, frame, out, err);
done:
    for (size_t i = 0; i < MOST_BOXES; i++) free(label[i]);
    said_end(&s);
    return st;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* The words of a text: their ids, and where each ends. */
typedef struct words { omn_ids ids; omn_buf text; size_t *ends; } words;

static omn_status cut(const grounded *g, const char *text, size_t length, size_t most, words *w,
                      omn_error *err)
{
    omn_ids_init(&w->ids, most);
    omn_buf_init(&w->text, OMN_TEXT_MOST);
    w->ends = NULL;
    omn_status st = omn_ids_text(&w->ids, g->tokenizer, text, length, err);
    if (st != OMN_OK) return st;
    w->ends = calloc(w->ids.count + 1, sizeof *w->ends);
    if (!w->ends) return omn_fail(err, OMN_ERR_MEMORY, "grounded: out of memory");
    return omn_decoder_text(g->decoder, w->ids.ids, w->ids.count, &w->text, w->ends, err);
}

static void words_end(words *w)
{
    omn_ids_fini(&w->ids);
    omn_buf_fini(&w->text);
    free(w->ends);
}

/* The word that a byte is in. */
static int32_t word_of(const words *w, size_t byte)
{
    size_t k = 0;
    while (k < w->ids.count && w->ends[k] <= byte) k++;
    return (int32_t)k;
}

/* A box in pixels as the numbers of centre and size that the original counts in. */
static omn_status bins_of(const grounded *g, const double *px, const omn_frame *f, int32_t *bin,
                          omn_error *err)
{
    double v[4];
    for (int i = 0; i < 4; i += 2)
        if (!omn_frame_from_source(f, px[i], px[i + 1], &v[i], &v[i + 1]))
            return omn_fail(err, OMN_ERR_DATA, "a box lies in a picture that nothing is seen of");
    const float box[4] = { (float)((v[0] + v[2]) / 2), (float)((v[1] + v[3]) / 2),
                           (float)(v[2] - v[0]), (float)(v[3] - v[1]) };
    unitab_bins(box, g->marks.bins, bin);
    return OMN_OK;
}

static omn_status write_parts(const grounded *g, const omn_value *v, const omn_frame *frame,
                              omn_ids *out, omn_error *err)
{
    omn_status st = OMN_OK;
    words w = { 0 };
    unitab_span *spans = NULL;
    int32_t *row = NULL;
    const char *text = *(const char *const *)omn_value_column(v, "text")->data;
    const int32_t *bytes = omn_value_column(v, "span")->data;
    const double *box = omn_value_column(v, "box")->data;
    const size_t n = omn_value_count(v);
    size_t length = 0, most = 0;
    OMN_TRY(want_frame(frame, err));
    OMN_TRY(cut(g, text, strlen(text), out->most - out->count, &w, err));
    spans = calloc(n + 1, sizeof *spans);
    if (!spans) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "grounded: out of memory"));
    for (size_t i = 0; i < n; i++) {
        spans[i].begin = word_of(&w, (size_t)bytes[2 * i]);
        spans[i].end = word_of(&w, (size_t)bytes[2 * i + 1] - 1) + 1;
        spans[i].number = (int32_t)i;
        OMN_TRY(bins_of(g, box + 4 * i, frame, spans[i].bin, err));
    }
    most = w.ids.count + 6 * n;
    if (most > out->most - out->count)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "a text of %zu tokens with %zu boxes has more than the "
                         "%zu that are possible", w.ids.count, n, out->most - out->count));
    row = calloc(most + 1, sizeof *row);
    if (!row) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "grounded: out of memory"));
    OMN_TRY(unitab_inline(&g->marks, w.ids.ids, w.ids.count, spans, n, most, row, &length, err));
    for (size_t i = 0; i < length; i++) omn_ids_put(out, row[i]);
done:
    words_end(&w);
    free(spans);
    free(row);
    return st;
}

static omn_status write_text(const grounded *g, const omn_value *v, omn_ids *out, omn_error *err)
{
    size_t n = 0;
    if (!omn_value_is(v, "text"))
        return omn_fail(err, OMN_ERR_TYPE, "the wanted answer is %s, a text is wanted",
                        omn_value_kind_name(v));
    const char *text = omn_text_get(v, &n);
    return omn_ids_text(out, g->tokenizer, text, n, err);
}

static omn_status write_grounded(const void *self, omn_call *c, const omn_value *v,
                                 const omn_frame *frame, omn_ids *out, omn_error *err)
{
    (void)c;
    return omn_value_is(v, "grounded") ? write_parts(self, v, frame, out, err)
                                       : write_text(self, v, out, err);
}

/* Each label with its box behind it, one behind the other. */
static omn_status write_boxes(const void *self, omn_call *c, const omn_value *v,
                              const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const grounded *g = self;
    omn_status st = want_frame(frame, err);
    const omn_region *list = NULL;
    (void)c;
    if (st == OMN_OK && !omn_value_is(v, "regions"))
        st = omn_fail(err, OMN_ERR_TYPE, "the wanted answer is %s, regions are wanted",
                      omn_value_kind_name(v));
    const size_t n = st == OMN_OK ? omn_regions_get(v, &list) : 0;
    for (size_t i = 0; i < n && st == OMN_OK && !(g->p->grounded_boxes && i); i++) {
        const double px[4] = { list[i].x0, list[i].y0, list[i].x1, list[i].y1 };
        const char *label = list[i].label ? list[i].label : "";
        int32_t bin[4];
        st = bins_of(g, px, frame, bin, err);
        omn_ids_put(out, g->marks.open);
        if (st == OMN_OK && *label)
            st = omn_ids_text(out, g->tokenizer, label, strlen(label), err);
        for (int k = 0; k < 4; k++) omn_ids_put(out, g->marks.first + bin[k]);
        omn_ids_put(out, g->marks.close);
    }
    return st;
}

static omn_status write_words(const void *self, omn_call *c, const omn_value *v,
                              const omn_frame *frame, omn_ids *out, omn_error *err)
{
    (void)c;
    (void)frame;
    return write_text(self, v, out, err);
}

const omn_answer_impl unitab_grounded = { NULL,  "grounded",     open_grounded, free,
                                          rules, write_grounded, read_grounded };
const omn_answer_impl unitab_grounded_text = { NULL,  "text",      open_grounded, free,
                                               rules, write_words, read_text };
const omn_answer_impl unitab_grounded_boxes = { NULL,  "regions",   open_grounded, free,
                                                rules, write_boxes, read_boxes };
