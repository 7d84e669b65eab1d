/* SPDX-License-Identifier: Apache-2.0 */
/* A question before it is asked: the texts with their ids as the model would read them, how the
 * answer is searched for, and which ids it may be made of. Nothing of the model runs, so all of it
 * can be known of one that has a configuration and no weights. */
#include "answer.h"
#include "runner.h"

#include "../value/kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SPANS 16             /* of ids that are told one by one */
#define MOST_FIELDS 24

/* ---- which ids ------------------------------------------------------------------------------- */

/* What holds where no rules do: ids that say nothing are left out. */
static omn_status free_ids(omn_model *m, const omn_part *decoder, omn_ids *out, omn_error *err)
{
    const spelling *s = NULL;
    const omn_status st = model_spelling(m, decoder, false, &s, err);
    if (st != OMN_OK) return st;
    for (int32_t id = 0; id < s->rows; id++)
        if (bit_get(s->sayable, id)) omn_ids_put(out, id);
    return OMN_OK;
}

static omn_status ruled_ids(const omn_answer *a, rules_walk *w, const int32_t *ids, size_t n,
                            omn_ids *out, bool *may_end, omn_error *err)
{
    omn_status st = OMN_OK;
    const uint64_t *bits = NULL;
    size_t count = 0;
    int32_t state = rules_walk_start(w);
    for (size_t i = 0; i < n && state != RULES_DEAD; i++)
        OMN_TRY(rules_walk_step(w, state, ids[i], &state, err));
    if (state == RULES_DEAD)
        return omn_fail(err, OMN_ERR_DATA, "the answer \"%s\" does not allow these ids",
                        a->part->object);
    OMN_TRY(rules_walk_allowed(w, state, &bits, &count, may_end, err));
    for (int32_t id = 0; id < a->vocab->rows; id++)
        if (bit_get(bits, id)) omn_ids_put(out, id);
done:
    return st;
}

omn_status omn_request_allowed(omn_model *m, const omn_request *rq, const int32_t *ids, size_t n,
                               omn_ids *out, bool *may_end, omn_error *err)
{
    omn_status st = OMN_OK;
    rules_walk *w = NULL;
    const omn_part *decoder = omn_model_decoder(m, request_output(rq));
    *may_end = true;
    char lacks[LACKS_ROOM];
    if (!decoder || !omn_part_vocabulary(decoder))
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "%s",
                        model_lacks(m, request_output(rq), lacks, sizeof lacks));
    if (rq->answer && rq->answer->candidates)
        return omn_fail(err, OMN_ERR_ARGUMENT, "candidates are scored whole, not id by id");
    OMN_TRY(answer_walk(rq->answer, &w, err));
    OMN_TRY(w ? ruled_ids(rq->answer, w, ids, n, out, may_end, err)
              : free_ids(m, decoder, out, err));
    if (out->failed) st = omn_fail(err, OMN_ERR_MEMORY, "the ids of a step: out of memory");
done:
    rules_walk_free(w);
    return st;
}

/* ---- the record ------------------------------------------------------------------------------ */

typedef struct fields {
    omn_named list[MOST_FIELDS];
    size_t n;
} fields;

static void fields_fini(fields *f)
{
    for (size_t i = 0; i < f->n; i++) omn_value_unref(f->list[i].value);
    f->n = 0;
}

static omn_status add(fields *f, const char *name, omn_value *taken)
{
    f->list[f->n++] = (omn_named){ name, taken };
    return OMN_OK;
}

static omn_status add_text(fields *f, const char *name, const char *text, omn_error *err)
{
    omn_value *v = NULL;
    const omn_status st = omn_text_new(text, strlen(text), &v, err);
    return st == OMN_OK ? add(f, name, v) : st;
}

static omn_status add_number(fields *f, const char *name, double x, omn_error *err)
{
    omn_value *v = NULL;
    const omn_status st = omn_number_new(x, &v, err);
    return st == OMN_OK ? add(f, name, v) : st;
}

/* The list is emptied. */
static omn_status add_list(fields *f, const char *name, omn_value **items, size_t n,
                           omn_error *err)
{
    omn_value *v = NULL;
    const omn_status st = omn_list_new(items, n, &v, err);
    for (size_t i = 0; i < n; i++) {
        omn_value_unref(items[i]);
        items[i] = NULL;
    }
    return st == OMN_OK ? add(f, name, v) : st;
}

static omn_status numbers(const int32_t *ids, size_t n, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value **list = calloc(n + 1, sizeof(omn_value *));
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "%zu ids: out of memory", n);
    for (size_t i = 0; i < n; i++) OMN_TRY(omn_number_new(ids[i], &list[i], err));
    st = omn_list_new(list, n, out, err);
done:
    for (size_t i = 0; i < n; i++) omn_value_unref(list[i]);
    free(list);
    return st;
}

static omn_status add_ids(fields *f, const char *name, const int32_t *ids, size_t n,
                          omn_error *err)
{
    omn_value *v = NULL;
    const omn_status st = numbers(ids, n, &v, err);
    return st == OMN_OK ? add(f, name, v) : st;
}

/* "32000-32999 1" */
static omn_status add_spans(fields *f, const char *name, const int32_t *ids, size_t n,
                            omn_error *err)
{
    omn_buf b;
    size_t spans = 0, from = 0;
    omn_buf_init(&b, 4096);
    for (size_t i = 1; i <= n; i++) {
        if (i < n && ids[i] == ids[i - 1] + 1) continue;
        if (spans++ == MOST_SPANS) {
            omn_buf_puts(&b, " ...");
            break;
        }
        omn_buf_printf(&b, spans > 1 ? " %d" : "%d", (int)ids[from]);
        if (from + 1 < i) omn_buf_printf(&b, "-%d", (int)ids[i - 1]);
        from = i;
    }
    omn_status st = omn_buf_check(&b, name, err);
    if (st == OMN_OK) st = add_text(f, name, b.data ? b.data : "", err);
    omn_buf_fini(&b);
    return st;
}

static omn_status record_of(fields *f, omn_value **out, omn_error *err)
{
    const omn_status st = omn_record_new(f->list, f->n, out, err);
    fields_fini(f);
    return st;
}

/* An input as its encoder makes it: how many places it takes, a text with its prefix and its
 * ids. */
static omn_status add_read(const omn_model *m, omn_call *c, const omn_request *rq,
                           const char *role, const omn_value *v, bool first, fields *f,
                           omn_error *err)
{
    omn_status st = OMN_OK;
    const bool is_text = !strcmp(role, "text");
    omn_value *text = NULL;
    omn_feed *feed = NULL;
    omn_frame frame = { 0 };
    if (is_text) OMN_TRY(runner_text(m, rq, v, first, &text, err));
    if (is_text) OMN_TRY(add(f, "text", omn_value_ref(text)));
    OMN_TRY(omn_feed_make(&feed, err));
    OMN_TRY(omn_model_prepare(m, c, role, is_text ? text : v, feed, &frame, err));
    OMN_TRY(add_number(f, "tokens", runner_places(omn_model_encoder(m, role), feed), err));
    const omn_tensor *ids = omn_feed_get(feed, "ids");
    if (is_text && ids && ids->type == OMN_I32)
        st = add_ids(f, "ids", ids->data, ids->bytes / sizeof(int32_t), err);
done:
    omn_feed_free(feed);
    omn_value_unref(text);
    return st;
}

/* One input as it is given; the prompt, v NULL, is a text behind the others. */
static omn_status input_record(const omn_model *m, omn_call *c, const omn_request *rq,
                               const char *role, const omn_value *v, bool first, omn_value **out,
                               omn_error *err)
{
    omn_status st = OMN_OK;
    fields f = { .n = 0 };
    const int64_t w = v ? value_axis(v, "w") : 0, h = v ? value_axis(v, "h") : 0;
    OMN_TRY(add_text(&f, "role", role, err));
    OMN_TRY(add_text(&f, "kind", v ? omn_value_kind_name(v) : "text", err));
    if (w > 0 && h > 0) OMN_TRY(add_number(&f, "width", (double)w, err));
    if (w > 0 && h > 0) OMN_TRY(add_number(&f, "height", (double)h, err));
    OMN_TRY(add_read(m, c, rq, role, v, first, &f, err));
    st = record_of(&f, out, err);
done:
    fields_fini(&f);
    return st;
}

static omn_status add_inputs(const omn_model *m, omn_call *c, const omn_request *rq, fields *f,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    size_t n = 0, texts = 0;
    omn_value **list = calloc(rq->n_inputs + 2u, sizeof(omn_value *));
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "a request: out of memory");
    for (uint32_t i = 0; i <= rq->n_inputs; i++) {
        const bool last = i == rq->n_inputs;
        const char *role = last ? "text" : rq->inputs[i].name;
        const omn_value *v = last ? NULL : rq->inputs[i].value;
        if (last ? !rq->prompt : !v) continue;
        if (!omn_model_encoder(m, role))
            OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED, "this model takes no input \"%s\"", role));
        const bool first = !strcmp(role, "text") && texts++ == 0;
        OMN_TRY(input_record(m, c, rq, role, v, first, &list[n], err));
        n++;
    }
    st = add_list(f, "inputs", list, n, err);
done:
    for (size_t i = 0; i < n; i++) omn_value_unref(list[i]);
    free(list);
    return st;
}

static omn_status add_conditions(const omn_model *m, omn_call *c, const omn_request *rq,
                                 fields *f, omn_error *err)
{
    omn_status st = OMN_OK;
    fields one = { .n = 0 };
    size_t n = 0;
    omn_value **list = calloc(rq->n_conditions + 1u, sizeof(omn_value *));
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "a request: out of memory");
    for (; n < rq->n_conditions; n++) {
        const omn_condition *k = &rq->conditions[n];
        const omn_request plain = { OMN_FILL(omn_request), .inputs = k->inputs,
                                    .n_inputs = k->n_inputs, .prompt = k->prompt,
                                    .output = request_output(rq) };
        OMN_TRY(add_number(&one, "weight", k->weight, err));
        OMN_TRY(add_inputs(m, c, &plain, &one, err));
        OMN_TRY(record_of(&one, &list[n], err));
    }
    if (n) st = add_list(f, "guidance", list, n, err);
done:
    fields_fini(&one);
    for (size_t i = 0; i < n; i++) omn_value_unref(list[i]);
    free(list);
    return st;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static omn_status add_candidates(const omn_answer *a, fields *f, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t n = a->candidates->count(a->part->self);
    size_t k = 0;
    omn_ids ids;
    omn_ids_init(&ids, OMN_TEXT_MOST);
    omn_value **list = calloc(n + 1, sizeof(omn_value *));
    if (!list) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%zu candidates: out of memory", n));
    for (; k < n; k++) {
        ids.count = 0;
        OMN_TRY(a->candidates->write(a->part->self, k, &ids, err));
        if (ids.failed) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "a candidate: out of memory"));
        OMN_TRY(numbers(ids.ids, ids.count, &list[k], err));
    }
    OMN_TRY(add_text(f, "score", a->candidates->sum(a->part->self) ? "sum" : "mean", err));
    st = add_list(f, "candidates", list, n, err);
done:
    for (size_t i = 0; list && i < k; i++) omn_value_unref(list[i]);
    free(list);
    omn_ids_fini(&ids);
    return st;
}

/* What is preferred as soon as it is likely enough. */
static omn_status add_preferred(const omn_answer *a, fields *f, omn_error *err)
{
    omn_status st = OMN_OK;
    fields one = { .n = 0 };
    omn_value *list[RULES_MOST_PREFERRED] = { NULL };
    const uint32_t most = a && a->program ? a->program->n_prefer : 0;
    uint32_t n = 0;
    for (; n < most; n++) {
        const preferred *p = &a->program->prefer[n];
        char span[64];
        snprintf(span, sizeof span, "%d-%d", (int)p->low, (int)(p->low + p->count - 1));
        OMN_TRY(add_text(&one, "ids", span, err));
        OMN_TRY(add_number(&one, "above", p->mass, err));
        OMN_TRY(record_of(&one, &list[n], err));
    }
    if (n) st = add_list(f, "prefers", list, n, err);
done:
    fields_fini(&one);
    for (uint32_t i = 0; i < n; i++) omn_value_unref(list[i]);
    return st;
}

static omn_status add_first(omn_model *m, const omn_request *rq, fields *f, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_ids ids;
    bool may_end = false;
    omn_ids_init(&ids, (size_t)1 << 26);
    OMN_TRY(omn_request_allowed(m, rq, NULL, 0, &ids, &may_end, err));
    OMN_TRY(add_number(f, "first_count", (double)ids.count, err));
    OMN_TRY(add_spans(f, "first_ids", ids.ids, ids.count, err));
    OMN_TRY(add_text(f, "may_be_empty", may_end ? "yes" : "no", err));
    st = add_preferred(rq->answer, f, err);
done:
    omn_ids_fini(&ids);
    return st;
}

static int32_t most_of(const omn_model *m, const omn_request *rq, const omn_part *decoder)
{
    const int32_t most = model_most_answer(m, decoder);
    return rq->max_tokens > 0 && rq->max_tokens < most ? rq->max_tokens : most;
}

static omn_status add_beams(const omn_beams *b, fields *f, omn_error *err)
{
    static const char *const stops[] = { "bound", "full", "best", "never" };
    omn_status st = OMN_OK;
    OMN_TRY(add_number(f, "beams", b->count, err));
    if (b->alpha != 0) OMN_TRY(add_number(f, "length_penalty", b->alpha, err));
    if (b->length_extra) OMN_TRY(add_number(f, "length_extra", b->length_extra, err));
    if (b->renormalise) OMN_TRY(add_number(f, "among", 1, err));
    if (b->open_extra) OMN_TRY(add_number(f, "open_extra", b->open_extra, err));
    if (b->stop > OMN_BEAM_BOUND && b->stop <= OMN_BEAM_NEVER)
        OMN_TRY(add_text(f, "stop", stops[b->stop], err));
done:
    return st;
}

static omn_status add_search(const omn_request *rq, fields *f, omn_error *err)
{
    omn_status st = OMN_OK;
    OMN_TRY(add_number(f, "temperature", rq->temperature, err));
    if (rq->temperature > 0) OMN_TRY(add_number(f, "top_p", rq->top_p, err));
    if (rq->temperature > 0 && rq->top_p_rule == OMN_TOP_P_WITHIN)
        OMN_TRY(add_text(f, "top_p_rule", "within", err));
    if (rq->temperature > 0) OMN_TRY(add_number(f, "top_k", rq->top_k, err));
    if (rq->beams.count > 1) OMN_TRY(add_beams(&rq->beams, f, err));
    if (rq->n_best > 1) OMN_TRY(add_number(f, "n_best", rq->n_best, err));
    if (rq->min_tokens > 0) OMN_TRY(add_number(f, "least", rq->min_tokens, err));
    if (rq->no_repeat > 0) OMN_TRY(add_number(f, "no_repeat", rq->no_repeat, err));
done:
    return st;
}

omn_status omn_request_describe(omn_model *m, omn_call *c, const omn_request *rq, omn_value **out,
                                omn_error *err)
{
    omn_status st = OMN_OK;
    fields f = { .n = 0 };
    const omn_answer *a = rq->answer;
    const omn_part *decoder = omn_model_decoder(m, request_output(rq));
    OMN_TRY(add_text(&f, "output", request_output(rq), err));
    if (!decoder) /* what the model makes without writing */
        goto inputs;
    OMN_TRY(add_text(&f, "makes", a ? omn_answer_makes(a) : omn_decoder_makes(decoder), err));
    OMN_TRY(add_text(&f, "answer", a ? omn_answer_object(a) : "text", err));
    if (a && a->candidates) OMN_TRY(add_candidates(a, &f, err));
    if (a && a->candidates) goto inputs;
    OMN_TRY(add_number(&f, "max_tokens", most_of(m, rq, decoder), err));
    OMN_TRY(add_search(rq, &f, err));
    OMN_TRY(add_first(m, rq, &f, err));
inputs:
    OMN_TRY(add_inputs(m, c, rq, &f, err));
    OMN_TRY(add_conditions(m, c, rq, &f, err));
    st = record_of(&f, out, err);
done:
    fields_fini(&f);
    return st;
}
