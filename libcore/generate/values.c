/* SPDX-License-Identifier: Apache-2.0 */
/* Values of decoders: what codes stand for, by the decoder's own words or by its graph, whose run
 * states the model keeps for the next call. */
#include "codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CODES 65536

/* ---- run states that nobody uses now --------------------------------------------------------- */

struct idle_exec { struct idle_exec *next; omn_exec *exec; };

omn_status model_exec_take(omn_model *m, omn_exec **out, omn_error *err)
{
    pthread_mutex_lock(&m->lock);
    struct idle_exec *i = m->idle;
    if (i) m->idle = i->next;
    pthread_mutex_unlock(&m->lock);
    if (!i) return omn_exec_new(m->program, out, err);
    *out = i->exec;
    free(i);
    return OMN_OK;
}

void model_exec_give(omn_model *m, omn_exec *x)
{
    struct idle_exec *i = x ? malloc(sizeof *i) : NULL;
    if (!i) { /* the next one is made anew */
        omn_exec_free(x);
        return;
    }
    pthread_mutex_lock(&m->lock);
    *i = (struct idle_exec){ m->idle, x };
    m->idle = i;
    pthread_mutex_unlock(&m->lock);
}

void model_exec_free_all(omn_model *m)
{
    for (struct idle_exec *i = m->idle, *next; i; i = next) {
        next = i->next;
        omn_exec_free(i->exec);
        free(i);
    }
    m->idle = NULL;
}

/* ---- codes to values ------------------------------------------------------------------------- */

typedef struct order { const omn_part *decoder; const omn_decoder_impl *impl; size_t n; } order;

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const order *o = user;
    omn_node *codes = omn_input(s, "codes", OMN_I32, omn_dim2(1, (int64_t)o->n));
    o->impl->detokenize(o->decoder->self, omn_part_scope(o->decoder, s), codes, out);
}

/* The graph's outputs for its one row, as tensors without that axis. */
static omn_status outputs(const order *o, omn_exec *x, omn_graph *g, omn_feed *to, omn_error *err)
{
    const omn_port *in = NULL, *list = NULL;
    uint32_t n = 0;
    o->impl->ports(o->decoder->self, &in, &n, &list);
    for (uint32_t i = 0; i < n; i++) {
        omn_tensor t;
        void *data = NULL;
        omn_shape one = { 0 };
        omn_status st = omn_exec_output(x, g, list[i].name, &t, err);
        if (st != OMN_OK) return st;
        if (t.shape.rank < 1 || t.shape.dim[0] != 1)
            return omn_fail(err, OMN_ERR_SHAPE, "%s: its \"%s\" has no row for each value",
                            o->decoder->object, list[i].name);
        one.rank = t.shape.rank - 1;
        for (uint32_t d = 0; d < one.rank; d++) one.dim[d] = t.shape.dim[d + 1];
        st = omn_feed_new(to, list[i].name, t.type, one, &data, err);
        if (st != OMN_OK) return st;
        memcpy(data, t.data, t.bytes);
    }
    return OMN_OK;
}

static omn_status graph_of(const order *o, omn_graph **out, omn_error *err)
{
    char key[128];
    snprintf(key, sizeof key, "detokenize %s codes=%zu", o->decoder->role, o->n);
    return omn_program_graph(o->decoder->model->program, key, build, (void *)o, out, err);
}

omn_status values_graph(const omn_part *decoder, bool codes, omn_graph **out, omn_error *err)
{
    const omn_decoder_impl *impl = decoder->impl;
    *out = NULL;
    if (codes ? !!impl->encode : !!impl->decode) return OMN_OK;
    if (codes) return codes_of(decoder) ? codes_once_graph(decoder, out, err) : OMN_OK;
    const omn_codes *is = impl->codes(decoder->self);
    const order o = { decoder, impl, is->count > 0 ? (size_t)is->count : 1 };
    return graph_of(&o, out, err);
}

static omn_status by_graph(const order *o, omn_call *c, const int32_t *codes, const omn_frame *like,
                           omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_model *m = o->decoder->model;
    omn_feed *in = NULL, *made = NULL;
    omn_exec *x = NULL;
    omn_graph *g = NULL;
    void *data = NULL;
    OMN_TRY(graph_of(o, &g, err));
    OMN_TRY(omn_feed_make(&in, err));
    OMN_TRY(omn_feed_make(&made, err));
    OMN_TRY(omn_feed_new(in, "codes", OMN_I32, omn_dim2(1, (int64_t)o->n), &data, err));
    memcpy(data, codes, o->n * sizeof *codes);
    OMN_TRY(model_exec_take(m, &x, err));
    OMN_TRY(omn_exec_run(x, g, in, c, err));
    OMN_TRY(outputs(o, x, g, made, err));
    OMN_TRY(o->impl->finish(o->decoder->self, c, made, like, out, err));
done:
    if (x) model_exec_give(m, x);
    omn_feed_free(made);
    omn_feed_free(in);
    return st;
}

/* As many as it wants, none that it does not have. */
static omn_status sane(const omn_part *d, const omn_codes *is, const int32_t *codes, size_t n,
                       omn_error *err)
{
    if (!n || n > MOST_CODES || (is->count > 0 && n != (size_t)is->count))
        return is->count > 0 ? omn_fail(err, OMN_ERR_DATA, "%s makes a value of %d codes, not of "
                                        "%zu", d->object, (int)is->count, n)
                             : omn_fail(err, OMN_ERR_DATA, "%s makes a value of 1 to %d codes, not "
                                        "of %zu", d->object, MOST_CODES, n);
    for (size_t i = 0; i < n; i++)
        if (codes[i] < 0 || codes[i] >= is->codes)
            return omn_fail(err, OMN_ERR_DATA, "code %d (number %zu) is none of %s, which has 0 to "
                            "%d", (int)codes[i], i + 1, d->object, (int)is->codes - 1);
    return OMN_OK;
}

omn_status omn_decoder_value(const omn_part *decoder, omn_call *c, const int32_t *codes, size_t n,
                             const omn_frame *like, omn_value **out, omn_error *err)
{
    const order o = { decoder, decoder->impl, n };
    if (o.impl->decode) return o.impl->decode(decoder->self, c, codes, n, out, err);
    if (!o.impl->codes || !decoder->model)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "%s makes no values here", decoder->object);
    const omn_status st = sane(decoder, o.impl->codes(decoder->self), codes, n, err);
    return st == OMN_OK ? by_graph(&o, c, codes, like, out, err) : st;
}

const char *omn_decoder_makes(const omn_part *decoder)
{
    return ((const omn_decoder_impl *)decoder->impl)->makes;
}

/* ---- values to codes ------------------------------------------------------------------------- */

/* Without a graph. More codes than the first guess holds are asked for again. */
static omn_status by_encode(const omn_part *decoder, omn_call *c, const omn_value *v,
                            omn_value **out, omn_error *err)
{
    const omn_decoder_impl *impl = decoder->impl;
    size_t room = 16, n = 0;
    omn_text_get(v, &n);
    room += n;
    for (int round = 0;; round++) {
        omn_error why = OMN_ERROR_INIT;
        int32_t *codes = calloc(room, sizeof *codes);
        if (!codes) return omn_fail(err, OMN_ERR_MEMORY, "%zu codes: out of memory", room);
        n = 0;
        omn_status st = impl->encode(decoder->self, c, v, codes, room, &n, &why);
        if (st == OMN_OK) st = omn_tokens_new(codes, n, "codes", out, &why);
        free(codes);
        if (st == OMN_OK) return st;
        if (round > 2 || st != OMN_ERR_DATA || n <= room) {
            if (err) *err = why;
            return st;
        }
        room = n > 8 * room ? n : 8 * room; /* a refusal may come before the last is counted */
    }
}

omn_status omn_decoder_codes(const omn_part *decoder, omn_call *c, const omn_value *v,
                             const omn_frame *like, omn_value **out, omn_error *err)
{
    const omn_decoder_impl *impl = decoder->impl;
    const codes_want want = { v, like };
    *out = NULL;
    if (!omn_value_is(v, impl->makes))
        return omn_fail(err, OMN_ERR_TYPE, "%s makes codes of %s, not of %s", decoder->object,
                        impl->makes, omn_value_kind_name(v));
    if (impl->encode) return by_encode(decoder, c, v, out, err);
    if (!codes_of(decoder) || !decoder->model)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "%s makes no codes", decoder->object);
    return codes_once(decoder, c, &want, out, err);
}
