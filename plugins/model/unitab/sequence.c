/* SPDX-License-Identifier: Apache-2.0 */
/* Words and boxes in one row of ids (Yang et al. 2022): a phrase that is grounded stands between
 * two marks, its box in four numbers behind its words. How such a row is made of a text and its
 * boxes, and what a row that a model wrote says, whether it keeps to that form or not. */
#include "unitab.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool unitab_marks_of(const omn_part *decoder, unitab_marks *out)
{
    const omn_vocab *v = decoder ? omn_part_vocabulary(decoder) : NULL;
    const omn_range *open = v ? omn_vocab_range(v, "open") : NULL;
    const omn_range *close = v ? omn_vocab_range(v, "close") : NULL;
    const omn_range *places = v ? omn_vocab_range(v, "location") : NULL;
    if (!open || !close || !places || places->step != 1 || places->count < 2) return false;
    *out = (unitab_marks){ open->first, open->first, close->first, places->first, places->count };
    return true;
}

void unitab_bins(const float *box, int32_t bins, int32_t *out)
{
    const float last = (float)(bins - 1);
    for (int i = 0; i < 4; i++) {
        const float half = box[2 + i % 2] / 2;
        const float x = truncf(last * (box[i % 2] + (i < 2 ? -half : half)));
        out[i] = x > 0 ? x < last ? (int32_t)x : bins - 1 : 0;      /* not a number: 0 */
    }
}

/* ---- making ---------------------------------------------------------------------------------- */

static int in_order(const void *a, const void *b)
{
    const unitab_span *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* From the last to the first, each in the place of as many ids of the row as it has words: of two
 * with the same words the second is left without its beginning. */
omn_status unitab_inline(const unitab_marks *m, const int32_t *words, size_t n, unitab_span *spans,
                         size_t count, size_t most, int32_t *out, size_t *length, omn_error *err)
{
    size_t room = n, used = n;
    for (size_t i = 0; i < count; i++) {
        if (spans[i].begin < 0 || spans[i].begin >= spans[i].end || (size_t)spans[i].end > n)
            return omn_fail(err, OMN_ERR_DATA, "a box is of words %d to %d of a text of %zu",
                            (int)spans[i].begin, (int)spans[i].end - 1, n);
        room += 6 + (size_t)(spans[i].end - spans[i].begin);
        if (room > ((size_t)1 << 24))
            return omn_fail(err, OMN_ERR_DATA, "a text with %zu boxes is too long", count);
    }
    int32_t *row = calloc(room + 1, sizeof *row);
    if (!row) return omn_fail(err, OMN_ERR_MEMORY, "a text with boxes: out of memory");
    if (n) memcpy(row, words, n * sizeof *row);
    if (count) qsort(spans, count, sizeof *spans, in_order);
    for (size_t i = count; i-- > 0;) {
        const size_t at = (size_t)spans[i].begin, k = (size_t)(spans[i].end - spans[i].begin);
        memmove(row + at + k + 6, row + at + k, (used - at - k) * sizeof *row);
        row[at] = m->open;
        memcpy(row + at + 1, words + at, k * sizeof *row);
        for (size_t b = 0; b < 4; b++) row[at + 1 + k + b] = m->first + spans[i].bin[b];
        row[at + k + 5] = m->close;
        used += 6;
    }
    *length = used < most ? used : most;
    memcpy(out, row, *length * sizeof *row);
    free(row);
    return OMN_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

void unitab_box(const unitab_marks *m, const int32_t *ids, size_t at, float *box)
{
    float v[4];
    for (size_t i = 0; i < 4; i++)
        v[i] = (float)(ids[at - 4 + i] - m->first) / (float)(m->bins - 1);
    for (int i = 0; i < 2; i++) {
        box[i] = fmaxf((v[i] + v[i + 2]) / 2, 0);
        box[i + 2] = fmaxf(v[i + 2] - v[i], 0);
    }
}

static bool is_place(const unitab_marks *m, int32_t id)
{
    return id >= m->first && id < m->first + m->bins;
}

/* Numbers are counted: those of each four are a box, and a word within marks is of the one whose
 * numbers come next, if any do. */
bool unitab_word(const unitab_marks *m, unitab_walk *w, const int32_t *ids, size_t n, size_t *word,
                 int32_t *box)
{
    if (w->at == 0)
        for (size_t i = 0; i < n; i++) w->all += is_place(m, ids[i]);
    for (; w->at < n; w->at++) {
        const int32_t id = ids[w->at];
        if (id == m->open) w->depth++;
        else if (id == m->close) w->depth--;
        else if (is_place(m, id)) w->said++;
        else break;
    }
    if (w->at == n) return false;
    *word = w->at++;
    *box = w->depth && w->said / 4 * 4 < w->all ? w->said / 4 : -1;
    return true;
}
