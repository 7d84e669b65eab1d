/* SPDX-License-Identifier: Apache-2.0 */
/* What Gato says: the decoder gato.tokens, ids as they are, and the answer control, which makes one
 * moment of actions of them. Which numbers an action has is told by actions of the same columns,
 * those that were done so far for example. */
#include "gato.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- decoder --------------------------------------------------------------------------------- */

static omn_status open_tokens(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)o;
    omn_codes *k = calloc(1, sizeof *k);
    *self = k;
    if (!k) return omn_fail(err, OMN_ERR_MEMORY, "gato.tokens: out of memory");
    /* the separator, the last id, is no part of what is said */
    const int32_t rows = ((const struct gato_tokens *)params)->rows;
    *k = (omn_codes){ OMN_FILL(omn_codes), .codes = rows, .stop = rows - 1, .blank = -1 };
    return OMN_OK;
}

static const omn_codes *codes(const void *self) { return self; }

static omn_status encode(const void *self, omn_call *c, const omn_value *v, int32_t *out,
                         size_t most, size_t *count, omn_error *err)
{
    const int32_t *ids = NULL;
    (void)c;
    if (!omn_value_is(v, "tokens"))
        return omn_fail(err, OMN_ERR_TYPE, "gato.tokens writes tokens, not %s",
                        omn_value_kind_name(v));
    *count = omn_tokens_get(v, &ids, NULL);
    if (*count > most)
        return omn_fail(err, OMN_ERR_DATA, "%zu tokens, %zu at most are wanted", *count, most);
    for (size_t i = 0; i < *count; i++) {
        if (ids[i] < 0 || ids[i] >= ((const omn_codes *)self)->codes)
            return omn_fail(err, OMN_ERR_DATA, "token %d is outside 0..%d", (int)ids[i],
                            (int)((const omn_codes *)self)->codes - 1);
        out[i] = ids[i];
    }
    return OMN_OK;
}

static omn_status decode(const void *self, omn_call *c, const int32_t *ids, size_t n,
                         omn_value **out, omn_error *err)
{
    (void)self;
    (void)c;
    return omn_tokens_new(ids, n, "gato", out, err);
}

const omn_decoder_impl gato_tokens_impl = { NULL,   "tokens", open_tokens, free, codes, encode,
                                            decode, NULL,     NULL,        NULL, NULL,  NULL };

/* ---- answer ---------------------------------------------------------------------------------- */

typedef struct control {
    const omn_value *like;
    omn_range continuous, discrete;
    gato_act acts[GATO_MOST_ACTS];
    size_t n;
} control;

static omn_status open_control(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    const struct gato_control *p = params;
    const omn_part *d = omn_open_decoder(o);
    const omn_vocab *v = d ? omn_part_vocabulary(d) : NULL;
    const omn_range *numbers = v ? omn_vocab_range(v, "continuous") : NULL;
    const omn_range *choices = v ? omn_vocab_range(v, "discrete") : NULL;
    (void)c;
    control *k = calloc(1, sizeof *k);
    *self = k;
    if (!k) return omn_fail(err, OMN_ERR_MEMORY, "control: out of memory");
    if (!numbers || !choices)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "control: this model has no ids for numbers and "
                        "choices (ranges \"continuous\" and \"discrete\")");
    if (!p->control)
        return omn_fail(err, OMN_ERR_CONFIG, "control: actions are wanted that say what can be "
                        "done, as control: $episode.actions");
    k->like = p->control;
    k->continuous = *numbers;
    k->discrete = *choices;
    omn_status st = gato_acts(k->like, k->acts, &k->n, err);
    for (size_t i = 0; i < k->n && st == OMN_OK; i++)
        if (k->acts[i].choice && k->acts[i].most >= k->discrete.count)
            st = omn_fail(err, OMN_ERR_CONFIG, "control: choice %zu of an action goes to %g, this "
                          "model knows 0..%d", k->acts[i].column + 1, k->acts[i].most,
                          (int)k->discrete.count - 1);
    return st;
}

/* Choices between bounds, those of the range that are left. */
static void choices_of(const control *k, const gato_act *a, int32_t *first, int32_t *count)
{
    const int32_t last = isnan(a->most) ? k->discrete.count - 1 : (int32_t)floor(a->most);
    *first = a->least > 0 ? (int32_t)ceil(a->least) : 0;
    *count = last - *first + 1;
}

static omn_status rules(const void *self, omn_rules *r, omn_error *err)
{
    const control *k = self;
    const omn_rule *list[GATO_MOST_ACTS];
    (void)err;
    for (size_t i = 0; i < k->n; i++) {
        int32_t first = 0, count = k->continuous.count;
        const bool choice = k->acts[i].choice;
        if (choice) choices_of(k, &k->acts[i], &first, &count);
        if (count < 1) omn_rules_fail(r, OMN_ERR_CONFIG, "control: no choice lies in its bounds");
        list[i] = omn_rules_part(r, choice ? "discrete" : "continuous", first, count);
    }
    omn_rules_root(r, omn_rules_seq(r, list, k->n));
    return OMN_OK;
}

static omn_status write(const void *self, omn_call *c, const omn_value *v, const omn_frame *frame,
                        omn_ids *out, omn_error *err)
{
    const control *k = self;
    const omn_tensor *t = omn_value_is(v, "actions") ? omn_value_column(v, "action") : NULL;
    (void)c;
    (void)frame;
    if (!t || t->shape.dim[0] != 1 || t->shape.dim[1] != (int64_t)k->n)
        return omn_fail(err, OMN_ERR_DATA, "control: what is wanted is one moment of actions of "
                        "%zu numbers", k->n);
    for (size_t i = 0; i < k->n; i++) {
        const gato_act *a = &k->acts[i];
        const omn_range *of = a->choice ? &k->discrete : &k->continuous;
        int32_t code = 0;
        const omn_status st = gato_act_code(a, k->continuous.count, k->discrete.count,
                                            (double)((const float *)t->data)[a->column], &code,
                                            err);
        if (st != OMN_OK) return st;
        omn_ids_put(out, of->first + of->step * code);
    }
    return OMN_OK;
}

/* A moment with the columns of those that say what can be done. */
static omn_status moment(const control *k, const float *x, omn_value **out, omn_error *err)
{
    static const char *const more[] = { "unit", "least", "most" };
    const double time = 0;
    omn_filled columns[6] = {
        omn_fill("action", OMN_F32, omn_dim2(1, (int64_t)k->n), x),
        omn_fill("time", OMN_F64, omn_dim1(1), &time),
        { "name", *omn_value_column(k->like, "name") },
    };
    size_t n = 3;
    for (size_t i = 0; i < 3; i++) {
        const omn_tensor *t = omn_value_column(k->like, more[i]);
        if (t) columns[n++] = (omn_filled){ more[i], *t };
    }
    return omn_value_make(omn_value_kind(k->like), columns, n, NULL, out, err);
}

static omn_status read(const void *self, omn_call *c, const omn_heard *h, const omn_frame *frame,
                       omn_value **out, omn_error *err)
{
    const control *k = self;
    float x[GATO_MOST_ACTS] = { 0 };
    (void)c;
    (void)frame;
    if (h->n != k->n)
        return omn_fail(err, OMN_ERR_DATA, "control: %zu ids were said, an action has %zu", h->n,
                        k->n);
    for (size_t i = 0; i < k->n; i++) {
        const gato_act *a = &k->acts[i];
        const omn_range *of = a->choice ? &k->discrete : &k->continuous;
        const int32_t code = (h->ids[i] - of->first) / of->step;
        if (code < 0 || code >= of->count || of->first + of->step * code != h->ids[i])
            return omn_fail(err, OMN_ERR_DATA, "control: id %d is none of \"%s\"", (int)h->ids[i],
                            of->name);
        x[a->column] = (float)gato_act_value(a, k->continuous.count, code);
    }
    return moment(k, x, out, err);
}

const omn_answer_impl gato_control_impl = { NULL,  "actions", open_control, free,
                                            rules, write,     read };
