/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of a decoder by their bytes. A piece may say something else at the beginning of a text
 * than later on (a first space is dropped), so there are two tables. */
#include "spelling.h"

#include "open.h"

#include <stdlib.h>
#include <string.h>

#define MOST_BYTES ((size_t)256 << 20)

static omn_status no_memory(int32_t rows, omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "the spelling of %d ids: out of memory", (int)rows);
}

static omn_status gather(const omn_part *d, spelling *s, bool first, omn_spelt *kinds,
                         omn_error *err)
{
    omn_status st = OMN_OK;
    spelled *at = &s->at[first];
    omn_buf b;
    omn_buf_init(&b, MOST_BYTES);
    at->offset = calloc((size_t)s->rows + 1, sizeof *at->offset);
    if (!at->offset) OMN_TRY(no_memory(s->rows, err));
    for (int32_t id = 0; id < s->rows; id++) {
        OMN_TRY(omn_part_spell(d, id, first, &b, &kinds[id], err));
        at->offset[id + 1] = (uint32_t)b.length;
    }
    omn_buf_put(&b, "", 0);
    at->bytes = omn_buf_take(&b);
    if (!at->bytes) st = no_memory(s->rows, err);
done:
    omn_buf_fini(&b);
    return st;
}

const omn_range *vocab_stands_for(const omn_vocab *v, int32_t id)
{
    for (uint32_t i = 0; v && i < v->n_ranges; i++) {
        const omn_range *r = &v->ranges[i];
        if (!strcmp(r->name, "codes") || !strcmp(r->name, "text")) continue;
        const int64_t at = ((int64_t)id - r->first) * r->step;
        if (at >= 0 && at < r->count && (r->step == 1 || r->step == -1)) return r;
    }
    return NULL;
}

omn_status spelling_new(const omn_part *decoder, const omn_vocab *v, spelling **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_spelt *kinds = NULL;
    spelling *s = calloc(1, sizeof *s);
    if (!s) return no_memory(v->rows, err);
    s->rows = v->rows;
    s->words = ((size_t)v->rows + 63) / 64;
    s->sayable = calloc(s->words, sizeof *s->sayable);
    s->plain = calloc(s->words, sizeof *s->plain);
    s->banned = calloc((size_t)v->rows, sizeof *s->banned);
    kinds = calloc((size_t)v->rows, sizeof *kinds);
    if (!s->sayable || !s->plain || !s->banned || !kinds) OMN_TRY(no_memory(v->rows, err));
    s->spells = part_extension(decoder, "omnio.spelling/1") != NULL;
    for (int first = 1; s->spells && first >= 0; first--)
        OMN_TRY(gather(decoder, s, first, kinds, err));
    for (int32_t id = 0; id < v->rows; id++) {
        const bool apart = vocab_stands_for(v, id);
        if (s->spells && kinds[id] == OMN_SPELT_NONE && !apart && id != v->stop) {
            s->banned[s->n_banned++] = id;
            continue;
        }
        if (id != v->stop) bit_set(s->sayable, id);
        if (kinds[id] == OMN_SPELT_TEXT && !apart && id != v->stop) bit_set(s->plain, id);
    }
    *out = s;
    s = NULL;
done:
    free(kinds);
    spelling_free(s);
    return st;
}

int spelled_alike(const spelled_id *x, const spelled_id *y)
{
    const int c = memcmp(x->bytes, y->bytes, x->n < y->n ? x->n : y->n);
    return c ? c : (x->n > y->n) - (x->n < y->n);
}

int spelled_by_bytes(const void *a, const void *b)
{
    const spelled_id *x = a, *y = b;
    const int c = spelled_alike(x, y);
    return c ? c : (x->id > y->id) - (x->id < y->id);
}

static omn_status sort(const spelling *s, spelled *at, omn_error *err)
{
    spelled_id *all = calloc((size_t)s->rows, sizeof *all);
    int32_t *order = calloc((size_t)s->rows, sizeof *order);
    uint32_t *same = calloc((size_t)s->rows, sizeof *same);
    if (!all || !order || !same) {
        free(all);
        free(order);
        free(same);
        return no_memory(s->rows, err);
    }
    size_t n = 0;
    for (int32_t id = 0; id < s->rows; id++) {
        const uint32_t length = at->offset[id + 1] - at->offset[id];
        if (length && bit_get(s->plain, id))
            all[n++] = (spelled_id){ at->bytes + at->offset[id], length, id };
    }
    qsort(all, n, sizeof *all, spelled_by_bytes);
    for (size_t i = 0; i < n; i++) {
        order[i] = all[i].id;
        if (i == 0) continue;
        const uint32_t most = all[i].n < all[i - 1].n ? all[i].n : all[i - 1].n;
        while (same[i] < most && all[i].bytes[same[i]] == all[i - 1].bytes[same[i]]) same[i]++;
    }
    free(all);
    at->order = order;
    at->same = same;
    at->n = n;
    return OMN_OK;
}

omn_status spelling_sort(spelling *s, omn_error *err)
{
    omn_status st = OMN_OK;
    if (!s->spells)
        return omn_fail(err, OMN_ERR_UNSUPPORTED,
                        "this model's tokenizer does not tell what its ids say, so no answer can "
                        "be kept to a form of text");
    for (int first = 0; first < 2; first++)
        if (!s->at[first].order) OMN_TRY(sort(s, &s->at[first], err));
done:
    return st;
}

const char *spelling_get(const spelling *s, int32_t id, bool first, size_t *n)
{
    const spelled *at = &s->at[first];
    *n = at->offset[id + 1] - at->offset[id];
    return at->bytes + at->offset[id];
}

void spelling_free(spelling *s)
{
    if (!s) return;
    for (int i = 0; i < 2; i++) {
        free(s->at[i].bytes);
        free(s->at[i].offset);
        free(s->at[i].order);
        free(s->at[i].same);
    }
    free(s->sayable);
    free(s->plain);
    free(s->banned);
    free(s);
}
