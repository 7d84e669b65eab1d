/* SPDX-License-Identifier: Apache-2.0 */
/* Answers are opened like parts of a model, beside them: they find its tokenizer, codecs and
 * vocabulary, and their rules are compiled at once, so that what cannot be is told before anything
 * runs. */
#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

omn_status model_spelling(omn_model *m, const omn_part *decoder, bool sorted, const spelling **out,
                          omn_error *err)
{
    omn_status st = OMN_OK;
    omn_part *p = (omn_part *)decoder;        /* the host's own field of a part that it owns */
    const omn_vocab *v = omn_part_vocabulary(decoder);
    *out = NULL;
    if (!v) return omn_fail(err, OMN_ERR_UNSUPPORTED, "this model has no vocabulary for \"%s\"",
                            decoder->role);
    pthread_mutex_lock(&m->lock);
    if (!p->spelling) st = spelling_new(p, v, &p->spelling, err);
    if (st == OMN_OK && sorted && !p->spelling->at[1].order) st = spelling_sort(p->spelling, err);
    if (st == OMN_OK) *out = p->spelling;
    pthread_mutex_unlock(&m->lock);
    return st;
}

/* The rules of the object, compiled; none for any text. */
static omn_status compile(omn_answer *a, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_rules *r = NULL;
    if (!a->impl->rules) goto spell;
    OMN_TRY(rules_new(a->vocab, omn_open_find_part(a->open, "omnio.codec/1", "tokenizer"), &r,
                      err));
    OMN_TRY(a->impl->rules(a->part->self, r, err));
    OMN_TRY(rules_compile(r, &a->program, err));
spell:
    OMN_TRY(model_spelling(a->model, a->decoder, a->program && a->program->text, &a->spell, err));
    if (a->program && a->program->any && !a->spell->spells)
        st = omn_fail(err, OMN_ERR_UNSUPPORTED,
                      "this model's tokenizer does not tell what its ids say");
done:
    rules_free(r);
    return st;
}

omn_status omn_answer_open(omn_model *m, omn_call *c, const omn_answer_setup *how,
                           omn_answer **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *object = how->object ? how->object : "text";
    const char *output = how->output ? how->output : "text";
    omn_answer *a = calloc(1, sizeof *a);
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "an answer: out of memory");
    a->model = m;
    snprintf(a->output, sizeof a->output, "%s", output);
    snprintf(a->of, sizeof a->of, "%s", how->of ? how->of : "image");
    if (how->size >= sizeof *how) a->of_number = how->of_number;
    a->decoder = omn_model_decoder(m, output);
    a->vocab = omn_part_vocabulary(a->decoder);
    if (!a->decoder || !a->vocab) {
        char lacks[LACKS_ROOM];
        st = omn_fail(err, OMN_ERR_UNSUPPORTED, "%s", model_lacks(m, output, lacks, sizeof lacks));
        goto done;
    }
    OMN_TRY(open_begin(m->ctx, c, m->open, NULL, m->open->dir, &a->open, err));
    a->open->decoder = a->decoder;
    a->open->file = how->file ? how->file : "";
    a->open->set = how->set;
    a->open->n_set = how->n_set;
    a->open->values = how->values;
    a->open->n_values = how->n_values;
    a->part = part_open_settings(a->open, "answer", "omnio.answer/1", object, how->set, how->n_set,
                                 how->file ? how->file : "", &a->open->first);
    OMN_TRY(omn_open_done(a->open, err));
    a->open->call = NULL;
    a->open->set = NULL;
    a->open->n_set = 0;
    a->impl = a->part->impl;
    a->candidates = a->impl->extension ? a->impl->extension("omnio.candidates/1") : NULL;
    if (!a->candidates) OMN_TRY(compile(a, err));
    *out = a;
    return OMN_OK;
done:
    omn_answer_close(a);
    return st;
}

void omn_answer_close(omn_answer *a)
{
    if (!a) return;
    rules_program_free(a->program);
    open_end(a->open);
    free(a);
}

const char *omn_answer_makes(const omn_answer *a)
{
    return a->impl->makes ? a->impl->makes : omn_decoder_makes(a->decoder);
}

const char *omn_answer_object(const omn_answer *a) { return a->part->object; }
const char *omn_answer_of(const omn_answer *a) { return a->of; }

omn_status answer_walk(const omn_answer *a, rules_walk **out, omn_error *err)
{
    *out = NULL;
    return a && a->program ? rules_walk_new(a->program, a->spell, a->vocab->rows, out, err)
                           : OMN_OK;
}

/* What was written has to be what the rules allow: else a lesson teaches what is never sampled. */
static omn_status accepts(const omn_answer *a, const omn_ids *ids, omn_error *err)
{
    omn_status st = OMN_OK;
    rules_walk *w = NULL;
    bool may_end = true;
    OMN_TRY(answer_walk(a, &w, err));
    if (!w) goto done;
    int32_t state = rules_walk_start(w);
    for (size_t i = 0; i < ids->count && state != RULES_DEAD; i++)
        OMN_TRY(rules_walk_step(w, state, ids->ids[i], &state, err));
    if (state != RULES_DEAD) may_end = rules_walk_ends(w, state);
    if (state == RULES_DEAD || !may_end)
        st = omn_fail(err, OMN_ERR_DATA, "the value is not what the answer \"%s\" allows",
                      a->part->object);
done:
    rules_walk_free(w);
    return st;
}

omn_status omn_answer_write(const omn_answer *a, omn_call *c, const omn_value *v,
                            const omn_frame *frame, omn_ids *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t before = out->count;
    OMN_TRY(a->impl->write(a->part->self, c, v, frame, out, err));
    if (out->failed) {
        st = out->count < out->most
                 ? omn_fail(err, OMN_ERR_MEMORY, "the tokens of an answer: out of memory")
                 : omn_fail(err, OMN_ERR_DATA, "the answer has more than %zu tokens", out->most);
        goto done;
    }
    const size_t count = out->count - before; /* without any there may be no array */
    const omn_ids mine = { .ids = count ? out->ids + before : NULL, .count = count };
    OMN_TRY(accepts(a, &mine, err));
done:
    return st;
}

omn_status answer_feed(const omn_answer *a, omn_call *c, const omn_ids *want, int32_t **out,
                       omn_error *err)
{
    const omn_fed_impl *impl = a->impl->extension ? a->impl->extension("omnio.fed/1") : NULL;
    *out = NULL;
    if (!impl) return OMN_OK;
    int32_t *fed = malloc((want->count + 1) * sizeof *fed);
    if (!fed) return omn_fail(err, OMN_ERR_MEMORY, "what a lesson feeds: out of memory");
    fed[0] = -1;
    if (want->count) memcpy(fed + 1, want->ids, want->count * sizeof *fed);
    omn_status st = impl->feed(a->part->self, c, want->ids, want->count, fed, err);
    for (size_t i = 0; i <= want->count && st == OMN_OK; i++)
        if (fed[i] < (i ? 0 : -1) || fed[i] >= a->vocab->rows)
            st = omn_fail(err, OMN_ERR_PLUGIN, "the answer \"%s\" feeds the id %d, the vocabulary "
                                               "has %d", a->part->object, (int)fed[i],
                          (int)a->vocab->rows);
    if (st == OMN_OK) *out = fed;
    else free(fed);
    return st;
}

omn_status omn_answer_read(const omn_answer *a, omn_call *c, const omn_heard *h,
                           const omn_frame *frame, omn_value **out, omn_error *err)
{
    return a->impl->read(a->part->self, c, h, frame, out, err);
}

omn_status omn_decoder_text(const omn_part *decoder, const int32_t *ids, size_t n, omn_buf *out,
                            size_t *ends, omn_error *err)
{
    omn_status st = OMN_OK;
    _Alignas(max_align_t) char state[64] = { 0 };
    const omn_decoder_impl *d = decoder->impl;
    const omn_stream_impl *s = part_extension(decoder, "omnio.stream/1");
    omn_value *whole = NULL;
    if (ends && !s)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "%s cannot stream its text", decoder->object);
    if (!ends && !d->decode)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "%s makes no text", decoder->object);
    if (!ends) {
        size_t length = 0;
        OMN_TRY(d->decode(decoder->self, NULL, ids, n, &whole, err));
        const char *text = omn_text_get(whole, &length);
        omn_buf_put(out, text, length);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        OMN_TRY(s->push(decoder->self, state, ids[i], false, out, err));
        ends[i] = out->length;
    }
    OMN_TRY(s->push(decoder->self, state, -1, true, out, err));
    if (n) ends[n - 1] = out->length;
done:
    omn_value_unref(whole);
    if (st == OMN_OK && out->failed)
        st = omn_fail(err, OMN_ERR_MEMORY, "the text of an answer: out of memory");
    return st;
}
