/* SPDX-License-Identifier: Apache-2.0 */
/* Lessons as the model sees them, for people: the first thing to look at when a training learns
 * nothing. */
#include "recipe.h"

#include "../generate/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "target.ids i32 [12]" of everything that an encoder made. */
static omn_status put_input(const omn_recipe *r, omn_call *c, const omn_named *in, omn_buf *out,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    omn_feed *f = NULL;
    omn_buf text;
    omn_buf_init(&text, 1 << 16);
    OMN_TRY(omn_feed_make(&f, err));
    OMN_TRY(omn_model_prepare(r->teacher, c, in->name, in->value, f, NULL, err));
    omn_value_text(in->value, &text);
    if (text.failed && !text.full) OMN_TRY(omn_buf_check(&text, "an input", err));
    omn_buf_printf(out, "  input %s: %.*s\n", in->name, (int)strcspn(text.data, "\n"), text.data);
    for (size_t i = 0; i < omn_feed_count(f); i++) {
        const char *name = omn_feed_name(f, i);
        const omn_tensor *t = omn_feed_get(f, name);
        char shape[96];
        omn_buf_printf(out, "    %s %s %s\n", name, omn_type_get(t->type)->name,
                       omn_shape_text(&t->shape, shape, sizeof shape));
    }
done:
    omn_buf_fini(&text);
    omn_feed_free(f);
    return st;
}

/* The decoder that a lesson asks, and the end of its answers. */
static const omn_part *asked(const omn_recipe *r, const omn_lesson *l)
{
    return omn_model_decoder(r->teacher, r->outputs[r->tasks[l->task].output]);
}

static int32_t end_of(const omn_part *decoder)
{
    const omn_vocab *v = omn_part_vocabulary(decoder);
    return v ? v->stop : -1;
}

/* A text and its ids, the end token behind them; of tokens the text that they are. */
static omn_status put_text(const omn_recipe *r, const omn_lesson *l, const omn_value *v,
                           omn_buf *out, omn_error *err)
{
    size_t n = 0;
    int32_t *ids = NULL, end = -1;
    omn_buf said;
    omn_buf_init(&said, (size_t)1 << 24);
    omn_status st = model_text_end(r->teacher, end_of(asked(r, l)), &end, NULL, err);
    if (st == OMN_OK) st = trainer_tokens(r->teacher, v, &ids, &n, err);
    if (st == OMN_OK && omn_value_is(v, "tokens"))
        st = omn_decoder_text(omn_model_decoder(r->teacher, "text"), ids, n, &said, NULL, err);
    if (st == OMN_OK) {
        const char *text = omn_value_is(v, "tokens") ? said.data ? said.data : ""
                                                     : omn_text_get(v, NULL);
        ids[n++] = end;
        omn_buf_printf(out, "  question: \"%s\"\n    %zu of %u tokens:", text, n, r->setup.inputs);
        for (size_t i = 0; i < n; i++) omn_buf_printf(out, " %d", ids[i]);
        omn_buf_puts(out, "\n");
    }
    omn_buf_fini(&said);
    free(ids);
    return st;
}

/* How many vectors input i of a lesson has. */
static omn_status count_vectors(const omn_recipe *r, omn_call *c, const omn_named *in,
                                row_given *g, omn_error *err)
{
    omn_status st = OMN_OK;
    int32_t *ids = NULL;
    size_t n = 0;
    int64_t length = 0;
    omn_feed *f = NULL;
    const omn_graph_sizes z = { OMN_FILL(omn_graph_sizes), .roles = &in->name, .n_roles = 1 };
    if (!strcmp(in->name, "text")) {
        OMN_TRY(omn_model_all_tokens(r->teacher, omn_text_get(in->value, NULL), &ids, &n, err));
        g->vectors = (uint32_t)n + 1;
        goto done;
    }
    OMN_TRY(model_lengths(r->teacher, &z, &length, err));
    OMN_TRY(omn_feed_make(&f, err));
    OMN_TRY(omn_model_prepare(r->teacher, c, in->name, in->value, f, NULL, err));
    row_count(g, f, 0, length);
    g->seg = NULL; /* vectors are shown by number, not by place */
done:
    omn_feed_free(f);
    free(ids);
    return st;
}

/* What stands in front of the answer, of models that read so: ids, and vectors of inputs as
 * "text.1", "text#2.1". */
static omn_status put_row(const omn_recipe *r, omn_call *c, omn_arena *a, const omn_lesson *l,
                          omn_buf *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *role = omn_part_role(asked(r, l));
    int32_t *ids = NULL;
    float *weights = NULL;
    uint32_t n = 0;
    if (!model_row(r->teacher)) return OMN_OK;
    row_given *given = omn_arena_alloc(a, l->n_inputs + 1u, sizeof *given);
    if (!given) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "lessons: out of memory"));
    for (uint32_t i = 0; i < l->n_inputs; i++) {
        const char *name = l->inputs[i].name;
        given[i] = (row_given){ .part = omn_model_encoder(r->teacher, name),
                                .value = l->inputs[i].value, .input = i };
        for (uint32_t k = 0; k < i; k++) given[i].number += !strcmp(l->inputs[k].name, name);
        OMN_TRY(count_vectors(r, c, &l->inputs[i], &given[i], err));
    }
    OMN_TRY(row_front(r->teacher, c, role, given, l->n_inputs, a, &ids, &weights, &n, err));
    omn_buf_printf(out, "  in front of the answer: %u of %u places\n   ", n,
                   pack_room(r, &r->tasks[l->task]));
    for (uint32_t i = 0; i < n; i++) {
        char vector[16], name[176];
        if (ids[i] >= 0) {
            omn_buf_printf(out, " %d", ids[i]);
            continue;
        }
        const row_given *g = &given[row_mark_input(ids[i])];
        snprintf(vector, sizeof vector, "%u", row_mark_vector(ids[i]) + 1);
        model_port_name(omn_part_role(g->part), g->number, vector, name, sizeof name);
        omn_buf_printf(out, " %s", name);
    }
    if (weights) omn_buf_puts(out, "\n    weights:");
    for (uint32_t i = 0; weights && i < n; i++)
        omn_buf_printf(out, " %g", l->weight * (double)weights[i]);
    omn_buf_puts(out, "\n");
done:
    return st;
}

/* The wanted ids, what they say, and how much each counts, the end token behind them
 * where there is one. */
static omn_status put_want(const omn_recipe *r, const omn_lesson *l, omn_buf *out, omn_error *err)
{
    const omn_part *decoder = asked(r, l);
    const int32_t end = end_of(decoder);
    omn_buf text;
    omn_error why = OMN_ERROR_INIT;
    bool same = true;
    omn_buf_init(&text, (size_t)1 << 24);
    const omn_status st = omn_decoder_text(decoder, l->ids, l->n_ids, &text, NULL, &why);
    if (st == OMN_ERR_MEMORY && err) *err = why;
    omn_buf_printf(out, "  answer (%s): \"%s\"\n    %u of %u tokens:", l->modality,
                   st == OMN_OK && text.data ? text.data : "", l->n_ids + (end >= 0),
                   pack_room(r, &r->tasks[l->task]));
    omn_buf_fini(&text);
    for (uint32_t i = 0; i < l->n_ids; i++) {
        omn_buf_printf(out, " %d", l->ids[i]);
        same = same && (!l->weights || l->weights[i] == l->weights[0]);
    }
    if (end >= 0) omn_buf_printf(out, " %d", end);
    omn_buf_puts(out, "\n    ");
    const double each = l->weight * (l->weights && l->n_ids ? (double)l->weights[0] : 1);
    if (same) omn_buf_printf(out, "weight %g each", each);
    else omn_buf_puts(out, "weights:");
    for (uint32_t i = 0; !same && i < l->n_ids; i++)
        omn_buf_printf(out, " %g", l->weight * (double)l->weights[i]);
    if (end >= 0) omn_buf_printf(out, ", %g of the end", l->weight * l->end_weight);
    omn_buf_puts(out, "\n");
    return st == OMN_ERR_MEMORY ? st : OMN_OK; /* what says no text has ids and weights alone */
}

/* Which of the first of its role is not shown. */
static void put_hidden(const omn_page *p, const char *role, omn_buf *out)
{
    for (uint32_t i = 0; i < p->n_hidden; i++) {
        uint32_t n = 0;
        if (strcmp(p->hidden[i].role, role)) continue;
        for (uint32_t k = 0; k < p->hidden[i].n; k++) n += p->hidden[i].hidden[k];
        omn_buf_printf(out, "    %u of %u patches are taken out\n", n, p->hidden[i].n);
    }
}

static omn_status put_page(const omn_recipe *r, omn_call *c, omn_arena *a, const omn_page *p,
                           uint64_t *left, omn_buf *out, omn_error *err)
{
    omn_status st = OMN_OK;
    const bool unasked = !*r->setup.output;
    for (uint32_t i = 0; i < p->n_lessons && *left; i++, --*left) {
        const omn_lesson *l = &p->lessons[i];
        omn_buf_printf(out, "task %s", r->tasks[l->task].name);
        if (p->file) omn_buf_printf(out, ", %s:%d", p->file, p->line);
        omn_buf_puts(out, "\n");
        for (uint32_t k = 0; k < l->n_inputs; k++) {
            const omn_named *in = &l->inputs[k];
            if (unasked || strcmp(in->name, "text")) OMN_TRY(put_input(r, c, in, out, err));
            if (unasked || strcmp(in->name, "text")) put_hidden(p, in->name, out);
            else OMN_TRY(put_text(r, l, in->value, out, err));
        }
        if (unasked) {
            omn_buf_printf(out, "  nothing is asked\n  weight %g\n", l->weight);
            continue;
        }
        OMN_TRY(put_row(r, c, a, l, out, err));
        OMN_TRY(put_want(r, l, out, err));
    }
done:
    return st;
}

static omn_status show(const omn_recipe *r, uint64_t n, omn_buf *out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_arena *a = omn_arena_new((size_t)1 << 30);
    omn_call *c = NULL;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "lessons: out of memory");
    for (uint64_t index = 0; n > 0 && st == OMN_OK; index++) {
        /* where steps ask several decoders, one page of each of the first steps */
        const uint64_t step = r->n_outputs > 1 ? index : 0;
        omn_page p = { OMN_FILL(omn_page) };
        omn_arena_release(a, 0);
        OMN_TRY(omn_context_call(r->ctx, r->setup.seed, index, NULL, &c, err));
        st = recipe_page((void *)(uintptr_t)r, c, index, step, a, &p, err);
        if (st == OMN_OK && !p.skip) st = put_page(r, c, a, &p, &n, out, err);
        for (uint32_t i = 0; i < p.n_values; i++) omn_value_unref(p.values[i]);
        omn_call_free(c);
        c = NULL;
        if (st == OMN_OK && out->failed) st = omn_fail(err, OMN_ERR_MEMORY, "too many lessons");
    }
done:
    omn_arena_free(a);
    return st;
}

omn_status omn_recipe_show(omn_recipe *r, uint64_t n, omn_buf *out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_store *store = NULL;
    omn_model *m = NULL;
    omn_weights *from = NULL;
    size_t moved;
    if (r->n_start) OMN_TRY(start_open(r, 0, &from, err));
    OMN_TRY(omn_store_new(r->setup.seed, from, true, &store, err));
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .store = store, .training = true };
    OMN_TRY(omn_model_open(r->ctx, r->model, &how, &m, err));
    OMN_TRY(recipe_prove(r, m, err));
    OMN_TRY(omn_model_declare(m, err));
    OMN_TRY(start_weights(r, m, store, &moved, err));
    OMN_TRY(keep_settled(r, NULL, err)); /* codes by the weights that a run begins with */
    OMN_TRY(show(r, n, out, err));
done:
    recipe_taught(r);
    omn_model_close(m);
    omn_store_free(store);
    omn_weights_close(from);
    return st;
}
