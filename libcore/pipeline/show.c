/* SPDX-License-Identifier: Apache-2.0 */
/* Lessons as the model sees them, for people: the first thing to look at when a training learns
 * nothing. */
#include "recipe.h"

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

/* A text and its ids, the end token behind them; weights NULL for a question. */
static omn_status put_text(const omn_recipe *r, const char *what, const char *text,
                           const omn_lesson *l, uint32_t room, omn_buf *out, omn_error *err)
{
    const omn_vocab *v = omn_part_vocabulary(omn_model_decoder(r->teacher, "text"));
    size_t n = 0;
    int32_t *ids = NULL;
    const omn_status st = omn_model_all_tokens(r->teacher, text, &ids, &n, err);
    if (st == OMN_OK) {
        ids[n++] = v ? v->stop : -1;
        omn_buf_printf(out, "  %s: \"%s\"\n    %zu of %u tokens:", what, text, n, room);
        for (size_t i = 0; i < n; i++) omn_buf_printf(out, " %d", ids[i]);
        omn_buf_puts(out, "\n");
        if (l)
            omn_buf_printf(out, "    weight %g each, %g of the end\n", l->weight,
                           l->weight * l->end_weight);
    }
    free(ids);
    return st;
}

static omn_status put_page(const omn_recipe *r, omn_call *c, const omn_page *p, uint64_t *left,
                           omn_buf *out, omn_error *err)
{
    omn_status st = OMN_OK;
    for (uint32_t i = 0; i < p->n_lessons && *left; i++, --*left) {
        const omn_lesson *l = &p->lessons[i];
        omn_buf_printf(out, "task %s", r->tasks[l->task].name);
        if (p->file) omn_buf_printf(out, ", %s:%d", p->file, p->line);
        omn_buf_puts(out, "\n");
        for (uint32_t k = 0; k < p->n_inputs && !l->alone; k++)
            OMN_TRY(put_input(r, c, &p->inputs[k], out, err));
        OMN_TRY(put_text(r, "question", l->prompt, NULL, r->setup.inputs, out, err));
        OMN_TRY(put_text(r, "answer", l->answer, l, r->setup.targets, out, err));
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
        omn_page p = { OMN_FILL(omn_page) };
        omn_arena_release(a, 0);
        OMN_TRY(omn_context_call(r->ctx, r->setup.seed, index, NULL, &c, err));
        st = recipe_page((void *)(uintptr_t)r, c, index, 0, a, &p, err);
        if (st == OMN_OK && !p.skip) st = put_page(r, c, &p, &n, out, err);
        for (uint32_t i = 0; i < p.n_inputs; i++) omn_value_unref(p.inputs[i].value);
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
    OMN_TRY(omn_store_new(r->setup.seed, NULL, true, &store, err));
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .store = store, .training = true };
    OMN_TRY(omn_model_open(r->ctx, r->model, &how, &m, err));
    r->teacher = m;
    OMN_TRY(recipe_prove(r, err));
    OMN_TRY(show(r, n, out, err));
done:
    r->teacher = NULL;
    omn_model_close(m);
    omn_store_free(store);
    return st;
}
