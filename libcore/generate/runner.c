/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: encode a batch of requests once, then one token of every row at a time over cached
 * states, until each row has ended; then the text becomes what the request asked for. Text streams
 * as whole characters. */
#include "runner.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_STEP 16          /* places of the cache are rounded up to a multiple */

omn_status omn_runner_new(omn_model *m, omn_runner **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_runner *r = calloc(1, sizeof *r);
    if (!r) return omn_fail(err, OMN_ERR_MEMORY, "a runner: out of memory");
    r->model = m;
    r->cancel = omn_cancel_new();
    if (!r->cancel) {
        st = omn_fail(err, OMN_ERR_MEMORY, "a runner: out of memory");
        goto done;
    }
    OMN_TRY(omn_exec_new(m->program, &r->exec, err));
    *out = r;
    return OMN_OK;
done:
    omn_runner_free(r);
    return st;
}

void omn_runner_free(omn_runner *r)
{
    if (!r) return;
    omn_exec_free(r->exec);
    omn_cancel_free(r->cancel);
    free(r);
}

void omn_runner_cancel(omn_runner *r) { omn_cancel_set(r->cancel); }
omn_exec *omn_runner_exec(omn_runner *r) { return r->exec; }

void omn_result_fini(omn_result *r)
{
    omn_value_unref(r->value);
    omn_value_unref(r->text);
    free(r->scores);
    *r = (omn_result){ .size = r->size };
}

/* One row on its way. */
typedef struct row {
    const omn_request *rq;
    int32_t *ids;                 /* what was written, without the start token */
    int32_t n, most;
    bool done, stopped;
    _Alignas(max_align_t) char stream[64]; /* state of the tokenizer's stream */
} row;

typedef struct decoding {
    omn_runner *r;
    omn_call *call;
    const encoded *e;
    const char *output;
    const omn_vocab *vocab;
    const omn_range *location;
    const omn_part *decoder;
    const omn_stream_impl *stream; /* NULL: it cannot */
    row *rows;
    size_t n;
} decoding;

static bool one_box(const omn_answer *a)
{
    return a && a->kind == OMN_ANSWER_BOXES && a->least == 1 && a->most == 1 && !a->labels;
}

/* The next id of a row from its logits. */
static int32_t choose(const decoding *d, const row *w, float *logits, size_t V, size_t item)
{
    const omn_request *rq = w->rq;
    const omn_range *at = d->location;
    if (at && rq->answer && rq->answer->kind == OMN_ANSWER_BOXES) {
        const int32_t low = at->step < 0 ? at->first - at->count + 1 : at->first;
        if (one_box(rq->answer)) {
            if (w->n < 4) omn_force_range(logits, V, low, at->count, -1);
            else return d->vocab->stop;
        } else {
            if (rq->answer->least > 0 && w->n == 0 && d->vocab->stop >= 0)
                logits[d->vocab->stop] = -10000.0f;
            if (rq->answer->force > 0)
                omn_force_range(logits, V, low, at->count, rq->answer->force);
        }
    }
    const uint64_t bits = omn_random_at(rq->seed, item, (uint64_t)w->n);
    return omn_sample(logits, V, rq->temperature, rq->top_k, rq->top_p,
                      (double)(bits >> 11) * 0x1p-53);
}

/* Tell the watcher what is new; false to stop. */
static bool tell(const decoding *d, row *w, int32_t id, bool end)
{
    if (!w->rq->watch) return true;
    omn_buf b;
    bool go_on = true;
    omn_buf_init(&b, (size_t)1 << 20);
    if (d->stream && d->stream->push(d->decoder->self, w->stream, id, end, &b, NULL) == OMN_OK &&
        b.length && !b.failed) {
        const omn_event e = { OMN_FILL(omn_event), .type = "token", .text = b.data,
                              .done = (uint64_t)w->n, .total = (uint64_t)w->most };
        go_on = w->rq->watch(w->rq->user, &e) == 0;
    }
    omn_buf_fini(&b);
    return go_on;
}

/* All rows, token by token. */
static omn_status decode(decoding *d, omn_error *err)
{
    omn_status st = OMN_OK;
    int32_t most = 1;
    int32_t *ids = calloc(d->n, sizeof *ids), *memory = calloc(d->n, sizeof *memory);
    if (!ids || !memory) {
        st = omn_fail(err, OMN_ERR_MEMORY, "decoding: out of memory");
        goto done;
    }
    for (size_t i = 0; i < d->n; i++) {
        if (d->rows[i].most > most) most = d->rows[i].most;
        ids[i] = d->vocab->start;
        memory[i] = (int32_t)i;
    }
    const int32_t capacity = (most + CAPACITY_STEP - 1) / CAPACITY_STEP * CAPACITY_STEP;
    float *mine = omn_call_scratch(d->call, (size_t)d->vocab->rows, sizeof *mine);
    if (!mine) {
        st = omn_fail(err, OMN_ERR_MEMORY, "decoding: out of memory");
        goto done;
    }
    for (int32_t t = 0; t < most; t++) {
        omn_tensor logits;
        bool all = true;
        for (size_t i = 0; i < d->n; i++) all = all && d->rows[i].done;
        if (all || omn_cancel_get(d->r->cancel)) break;
        OMN_TRY(runner_step(d->r, d->call, d->e, d->output, (int64_t)d->n, 1, capacity, ids, t,
                            memory, &logits, err));
        const size_t V = (size_t)d->vocab->rows;
        for (size_t i = 0; i < d->n; i++) {
            row *w = &d->rows[i];
            if (w->done) continue;
            memcpy(mine, (const float *)logits.data + i * V, V * sizeof *mine);
            const int32_t id = choose(d, w, mine, V, i);
            ids[i] = id;
            if (id == d->vocab->stop) {
                w->done = w->stopped = true;
                tell(d, w, -1, true);
                continue;
            }
            w->ids[w->n++] = id;
            if (!tell(d, w, id, false)) w->done = true;
            if (w->n == w->most) {
                w->done = true;
                tell(d, w, -1, true);
            }
        }
    }
    if (omn_cancel_get(d->r->cancel)) st = omn_fail(err, OMN_ERR_CANCELLED, "stopped");
done:
    free(memory);
    free(ids);
    return st;
}

/* Ids to the value that was asked for. */
static omn_status finish(decoding *d, size_t i, omn_result *out, omn_error *err)
{
    omn_status st = OMN_OK;
    row *w = &d->rows[i];
    const omn_part *dec = omn_model_decoder(d->r->model, d->output);
    const omn_decoder_impl *impl = dec->impl;
    OMN_TRY(impl->decode(dec->self, d->call, w->ids, (size_t)w->n, &out->text, err));
    out->tokens = (uint32_t)w->n;
    out->stopped = w->stopped;
    if (!w->rq->answer || w->rq->answer->kind == OMN_ANSWER_TEXT) {
        out->value = omn_value_ref(out->text);
        return OMN_OK;
    }
    const omn_part *codec = omn_model_codec(d->r->model, "regions");
    size_t n = 0;
    const char *text = omn_text_get(out->text, &n);
    if (!codec) {
        st = omn_fail(err, OMN_ERR_UNSUPPORTED, "this model has no words for boxes");
        goto done;
    }
    if (!d->e->has_frame[i]) {
        st = omn_fail(err, OMN_ERR_ARGUMENT,
                      "an answer in boxes wants a picture \"%s\" among the inputs",
                      w->rq->answer->of ? w->rq->answer->of : "image");
        goto done;
    }
    OMN_TRY(omn_codec_read(codec, d->call, text, n, &d->e->frames[i], &out->value, err));
done:
    return st;
}

static omn_status answer_texts(omn_runner *r, omn_call *c, const encoded *e, const omn_request *rq,
                               size_t n, omn_result *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const uint64_t t0 = runner_now();
    decoding d = { .r = r, .call = c, .e = e, .output = rq->output ? rq->output : "text", .n = n };
    const omn_part *dec = omn_model_decoder(r->model, d.output);
    const int32_t limit = model_most_tokens(r->model, true);
    int32_t *ids = NULL;
    if (!dec || !((const omn_decoder_impl *)dec->impl)->decode) {
        st = omn_fail(err, OMN_ERR_UNSUPPORTED, "this model writes no \"%s\"", d.output);
        goto done;
    }
    d.vocab = omn_part_vocabulary(dec);
    d.location = omn_vocab_range(d.vocab, "location");
    const omn_decoder_impl *impl = dec->impl;
    d.decoder = dec;
    d.stream = impl->extension ? impl->extension("omnio.stream/1") : NULL;
    d.rows = calloc(n, sizeof *d.rows);
    ids = calloc(n, (size_t)limit * sizeof *ids);
    if (!d.rows || !ids || !d.vocab) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%zu answers: out of memory", n);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        const int32_t most =
            rq[i].max_tokens > 0 && rq[i].max_tokens < limit ? rq[i].max_tokens : limit;
        d.rows[i] = (row){ .rq = &rq[i], .ids = ids + i * (size_t)limit, .most = most };
    }
    st = decode(&d, err);
    if (st != OMN_OK && st != OMN_ERR_CANCELLED) goto done;
    for (size_t i = 0; i < n; i++) {
        const omn_status each = finish(&d, i, &out[i], err);
        if (st == OMN_OK) st = each;
        out[i].decode_ns = (runner_now() - t0) / n;
    }
done:
    free(ids);
    free(d.rows);
    return st;
}

static bool alike(const omn_request *a, const omn_request *b)
{
    if (a->n_inputs != b->n_inputs || !a->prompt != !b->prompt) return false;
    if (strcmp(a->output ? a->output : "text", b->output ? b->output : "text")) return false;
    for (uint32_t i = 0; i < a->n_inputs; i++)
        if (strcmp(a->inputs[i].name, b->inputs[i].name)) return false;
    return true;
}

omn_status omn_generate_batch(omn_runner *r, const omn_request *rq, size_t n, omn_result *out,
                              omn_error *err)
{
    omn_status st = OMN_OK;
    omn_arena *a = NULL;
    omn_call *c = NULL;
    encoded e = { 0 };
    if (!n || n > MOST_ROWS)
        return omn_fail(err, OMN_ERR_ARGUMENT, "a batch has 1 to %d requests, not %zu", MOST_ROWS,
                        n);
    for (size_t i = 0; i < n; i++) {
        if (!alike(rq, &rq[i]))
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "the requests of a batch have the same inputs and output");
        out[i] = (omn_result){ OMN_FILL(omn_result) };
    }
    a = omn_arena_new(0);
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "a batch of %zu requests: out of memory", n);
    OMN_TRY(omn_context_call(r->model->ctx, rq->seed, 0, r->cancel, &c, err));
    OMN_TRY(runner_encode(r, c, rq, n, a, &e, out, err));
    if (rq->answer && rq->answer->kind == OMN_ANSWER_OPTIONS) {
        for (size_t i = 0; i < n; i++) {
            const uint64_t t0 = runner_now();
            OMN_TRY(runner_score(r, c, &e, (int32_t)i, &rq[i], &out[i], err));
            out[i].decode_ns = runner_now() - t0;
        }
    } else {
        OMN_TRY(answer_texts(r, c, &e, rq, n, out, err));
    }
done:
    omn_call_free(c);
    omn_arena_free(a);
    if (st != OMN_OK && st != OMN_ERR_CANCELLED)
        for (size_t i = 0; i < n; i++) omn_result_fini(&out[i]);
    return st;
}

omn_status omn_generate(omn_runner *r, const omn_request *rq, omn_result *out, omn_error *err)
{
    return omn_generate_batch(r, rq, 1, out, err);
}
