/* SPDX-License-Identifier: Apache-2.0 */
/* An episode as tokens. What is seen at a time step stands in one order whatever it is: texts,
 * pictures as rows of patches, numbers, choices; in records by the names of their fields, in lists
 * and tensors as they stand. */
#include "gato.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FIELDS 256u

typedef enum pass { TEXTS, PICTURES, NUMBERS, CHOICES, PASSES } pass;

typedef struct reading {
    const struct gato_episode *p;
    gato_ids ids;
    const omn_part *tokenizer;
    gato_steps *to;
    size_t from, most;                    /* of this observation: its first token, and how many
                                           * there may be */
    pass now;
} reading;

gato_ids gato_ids_of(const struct gato_episode *p)
{
    return (gato_ids){ p->text, p->bins, p->discrete, p->disjoint, p->mu, p->m };
}

static omn_status no_memory(omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "an episode: out of memory");
}

static omn_status put(reading *r, gato_token t, omn_error *err)
{
    gato_steps *s = r->to;
    const size_t n = s->n - r->from;
    if (n == r->most)
        return omn_fail(err, OMN_ERR_DATA, "an observation has more tokens than the %zu that this "
                        "model has places for", r->most);
    if (s->n == s->room) {
        const size_t room = s->room ? 2 * s->room : 64;
        gato_token *more = realloc(s->tokens, room * sizeof *more);
        if (!more) return no_memory(err);
        s->tokens = more;
        s->room = room;
    }
    t.local = (int32_t)n;
    s->tokens[s->n++] = t;
    return OMN_OK;
}

static omn_status put_ids(reading *r, const int32_t *ids, size_t n, int32_t first, int32_t count,
                          const char *what, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < n && st == OMN_OK; i++) {
        if (ids[i] < 0 || ids[i] >= count)
            return omn_fail(err, OMN_ERR_DATA, "%s %d of an observation is outside 0..%d", what,
                            (int)ids[i], (int)count - 1);
        st = put(r, (gato_token){ .id = first + ids[i] }, err);
    }
    return st;
}

static omn_status put_text(reading *r, const omn_value *v, omn_error *err)
{
    size_t length = 0, n = 0;
    if (!r->tokenizer)
        return omn_fail(err, OMN_ERR_MISSING, "an observation has a text, and the model's folder "
                        "no tokenizer.model that reads it");
    const char *text = omn_text_get(v, &length);
    int32_t *ids = calloc(r->most + 1, sizeof *ids);
    if (!ids) return no_memory(err);
    omn_status st = omn_codec_encode(r->tokenizer, text, length, ids, r->most, &n, err);
    if (st == OMN_OK) st = put_ids(r, ids, n, 0, r->ids.text, "word", err);
    free(ids);
    return st;
}

static omn_status put_picture(reading *r, const omn_image *img, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_pixels px = omn_image_pixels(img);
    if (r->p->patch == GATO_NO_PICTURES)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "an observation has a picture: this model sees "
                        "none (patch: none)");
    if (px.width % GATO_PATCH || px.height % GATO_PATCH)
        return omn_fail(err, OMN_ERR_DATA, "a picture of %u x %u pixels is no whole number of "
                        "patches of %d", px.width, px.height, GATO_PATCH);
    const uint32_t rows = px.height / GATO_PATCH, columns = px.width / GATO_PATCH;
    for (uint32_t y = 0; y < rows && st == OMN_OK; y++)
        for (uint32_t x = 0; x < columns && st == OMN_OK; x++)
            st = put(r, (gato_token){ .picture = img, .row = y, .column = x, .rows = rows,
                                      .columns = columns }, err);
    return st;
}

static omn_status put_number(reading *r, double x, omn_error *err)
{
    if (isnan(x)) return omn_fail(err, OMN_ERR_DATA, "a number of an observation is none (NaN)");
    const int32_t bin = gato_bin(r->ids.bins, gato_mu_law(&r->ids, x));
    return put(r, (gato_token){ .id = r->ids.text + bin }, err);
}

/* Floats are numbers, integers choices. */
static omn_status put_tensor(reading *r, const omn_tensor *t, omn_error *err)
{
    omn_status st = OMN_OK;
    if (t->type != OMN_F32 && t->type != OMN_F64 && t->type != OMN_I32)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "an observation has a tensor of %s: f32 and f64 "
                        "are numbers, i32 choices", omn_type_get(t->type)->name);
    if ((t->type == OMN_I32) != (r->now == CHOICES)) return OMN_OK;
    const size_t each = t->type == OMN_F64 ? sizeof(double) : sizeof(float);
    if (t->type == OMN_I32)
        return put_ids(r, t->data, t->bytes / each, gato_first_discrete(&r->ids), r->ids.discrete,
                       "choice", err);
    for (size_t i = 0; i < t->bytes / each && st == OMN_OK; i++)
        st = put_number(r, t->type == OMN_F64 ? ((const double *)t->data)[i]
                                              : (double)((const float *)t->data)[i], err);
    return st;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const omn_named *)a)->name, ((const omn_named *)b)->name);
}

static omn_status put_leaf(reading *r, const omn_value *v, omn_error *err)
{
    const int32_t *ids = NULL;
    const bool text = omn_value_is(v, "text"), tokens = omn_value_is(v, "tokens");
    const bool number = omn_value_is(v, "number");
    const omn_image *img = omn_value_image(v);
    const omn_tensor *t = omn_value_tensor(v);
    if (!text && !tokens && !number && !img && !t)
        return omn_fail(err, OMN_ERR_TYPE, "an observation has a value of type %s: texts, "
                        "pictures, numbers, tensors, lists and records are read",
                        omn_value_kind_name(v));
    if (text && r->now == TEXTS) return put_text(r, v, err);
    if (tokens && r->now == TEXTS) {
        const size_t n = omn_tokens_get(v, &ids, NULL);
        return put_ids(r, ids, n, 0, r->ids.text, "word", err);
    }
    if (img && r->now == PICTURES) return put_picture(r, img, err);
    if (number && r->now == NUMBERS) return put_number(r, omn_number_get(v), err);
    if (t && (r->now == NUMBERS || r->now == CHOICES)) return put_tensor(r, t, err);
    return OMN_OK;
}

/* What of a value belongs to this pass. Values are at most 63 deep. */
static omn_status put_value(reading *r, const omn_value *v, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t n = omn_record_count(v);
    if (omn_value_is(v, "list")) {
        for (size_t i = 0; i < omn_list_count(v) && st == OMN_OK; i++)
            st = put_value(r, omn_list_at(v, i), err);
        return st;
    }
    if (!omn_value_is(v, "record")) return put_leaf(r, v, err);
    if (n > MOST_FIELDS)
        return omn_fail(err, OMN_ERR_DATA, "an observation has %zu fields, %u at most are read", n,
                        MOST_FIELDS);
    omn_named *fields = calloc(n + 1, sizeof *fields);
    if (!fields) return no_memory(err);
    for (size_t i = 0; i < n; i++)
        fields[i].value = (omn_value *)(uintptr_t)omn_record_at(v, i, &fields[i].name);
    qsort(fields, n, sizeof *fields, by_name);
    for (size_t i = 0; i < n && st == OMN_OK; i++) st = put_value(r, fields[i].value, err);
    free(fields);
    return st;
}

static omn_status put_observation(reading *r, const omn_value *v, omn_error *err)
{
    omn_status st = OMN_OK;
    r->from = r->to->n;
    for (int i = 0; i < PASSES && st == OMN_OK; i++) {
        r->now = (pass)i;
        st = put_value(r, v, err);
    }
    if (st == OMN_OK && r->to->n == r->from)
        st = omn_fail(err, OMN_ERR_DATA, "an observation shows nothing");
    return st;
}

/* The parts of an episode, and whether they belong together. */
static omn_status open_episode(const omn_value *v, const omn_value **seen, gato_steps *out,
                               omn_error *err)
{
    omn_status st = OMN_OK;
    *seen = omn_record_get(v, "observations");
    out->actions = omn_record_get(v, "actions");
    if (!omn_value_is(*seen, "list") || (out->actions && !omn_value_is(out->actions, "actions")))
        return omn_fail(err, OMN_ERR_DATA, "an episode is a record of observations, a list, and "
                        "actions, of kind actions");
    const size_t n = omn_list_count(*seen);
    const size_t done = out->actions ? omn_value_count(out->actions) : 0;
    if (!n || done + 1 != n)
        return omn_fail(err, OMN_ERR_DATA, "an episode of %zu observations and %zu actions: one "
                        "action stands between two observations", n, done);
    if (out->actions) OMN_TRY(gato_acts(out->actions, out->acts, &out->n_acts, err));
done:
    return st;
}

/* Steps were read from the newest to the oldest: turn them round. */
static omn_status turn(gato_steps *s, omn_error *err)
{
    gato_token *tokens = malloc((s->n + 1) * sizeof *tokens);
    size_t *ends = malloc((s->kept + 1) * sizeof *ends), at = 0;
    if (!tokens || !ends) {
        free(tokens);
        free(ends);
        return no_memory(err);
    }
    for (size_t i = 0; i < s->kept; i++) {
        const size_t k = s->kept - 1 - i, from = k ? s->ends[k - 1] : 0;
        memcpy(tokens + at, s->tokens + from, (s->ends[k] - from) * sizeof *tokens);
        ends[i] = at += s->ends[k] - from;
    }
    free(s->tokens);
    free(s->ends);
    s->tokens = tokens;
    s->ends = ends;
    return OMN_OK;
}

omn_status gato_steps_read(const struct gato_episode *p, const omn_part *tokenizer,
                           const omn_value *episode, gato_steps *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_value *seen = NULL;
    size_t total = 0;
    *out = (gato_steps){ 0 };
    OMN_TRY(open_episode(episode, &seen, out, err));
    const size_t n = omn_list_count(seen), context = (size_t)p->context;
    const size_t each = 1 + (out->n_acts ? out->n_acts : 1);
    if (each >= context)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "actions of %zu numbers have no room in a context of "
                         "%zu places", out->n_acts, context));
    /* a step takes at least a token, the separator and its actions */
    out->ends = calloc(context, sizeof *out->ends);
    if (!out->ends) OMN_TRY(no_memory(err));
    for (size_t i = 0; i < n; i++) {
        const size_t local = (size_t)p->local, room = context - each;
        reading r = { .p = p, .ids = gato_ids_of(p), .tokenizer = tokenizer, .to = out,
                      .most = local < room ? local : room };
        const size_t from = out->n;
        OMN_TRY(put_observation(&r, omn_list_at(seen, n - 1 - i), err));
        const size_t own = out->n - from + each;
        if (total + own > context) {
            out->n = from;
            break;
        }
        total += own;
        out->ends[out->kept++] = out->n;
    }
    out->first = n - out->kept;
    out->total = total;
    OMN_TRY(turn(out, err));
    return OMN_OK;
done:
    gato_steps_fini(out);
    return st;
}

void gato_steps_fini(gato_steps *s)
{
    free(s->tokens);
    free(s->ends);
    *s = (gato_steps){ 0 };
}
