/* SPDX-License-Identifier: Apache-2.0 */
/* Training adapters: the model's own weights keep every bit, what is exported is their sum, and a
 * run that goes on from a checkpoint ends in the same bits. */
#include "tests/train/tiny.h"

#include "libcore/graph/adapt.h"
#include "libcore/train/ahead.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 256 };
static const char *frozen[MOST];

static void must(omn_status st, const omn_error *err)
{
    ck_assert_msg(st == OMN_OK, "%s", err->text);
}

/* The trainer again, every weight frozen and every matrix of a product with an adapter. */
static void adapt(tiny *k, omn_train_setup *s)
{
    omn_error err = OMN_ERROR_INIT;
    const size_t n = omn_store_count(k->store);
    size_t adapters = 0;
    ck_assert_uint_lt(n, MOST);
    omn_trainer_free(k->t);
    k->t = NULL;
    for (size_t i = 0; i < n; i++) {
        const char *name = frozen[i] = omn_store_name(k->store, i);
        if (omn_store_tensor(k->store, i).shape.rank != 2 || !strncmp(name, "aux.", 4) ||
            !program_adapts(omn_model_program(k->model), name))
            continue;
        must(store_adapt(k->store, name, 3, 0.5, &err), &err);
        adapters++;
    }
    ck_assert_uint_gt(adapters, 10);
    s->frozen = frozen;
    s->n_frozen = n;
    must(omn_trainer_new(k->model, k->store, s, &k->t, &err), &err);
}

static void open_adapted(tiny *k, const char *model, uint32_t threads, omn_train_setup *s)
{
    tiny_open(k, model, threads, s);
    adapt(k, s);
}

START_TEST(base_weights_keep_every_bit)
{
    const char *folder = testing_folder();
    omn_error err = OMN_ERROR_INIT;
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    omn_weights *w = NULL, *file = NULL;
    char path[4400], apart[4400];
    size_t factors = 0;
    tiny k;
    s.rate = 0.02;
    s.average = 0;
    open_adapted(&k, tiny_folder(folder), 2, &s);
    const size_t n = omn_store_count(k.store);
    void **before = testing_memory(n * sizeof *before);
    for (size_t i = 0; i < n; i++) {
        const omn_tensor t = omn_store_tensor(k.store, i);
        before[i] = testing_memory(t.bytes);
        memcpy(before[i], t.data, t.bytes);
    }
    const omn_train_report first = tiny_steps(&k, 1), last = tiny_steps(&k, 39);
    ck_assert_double_lt(last.text_loss, first.text_loss - 0.3);
    snprintf(path, sizeof path, "%s/sum.safetensors", folder);
    snprintf(apart, sizeof apart, "%s/adapter.safetensors", folder);
    must(omn_trainer_export(k.t, path, OMN_F32, &err), &err);
    must(trainer_adapters(k.t, apart, &err), &err);
    must(omn_weights_open(path, &w, &err), &err);
    must(omn_weights_open(apart, &file, &err), &err);
    for (size_t i = 0; i < n; i++) {
        const char *name = omn_store_name(k.store, i);
        const omn_tensor t = omn_store_tensor(k.store, i);
        const bool factor = adapt_is_factor(name), moved = memcmp(before[i], t.data, t.bytes);
        const omn_tensor *sum = omn_weights_get(w, name), *own = omn_weights_get(file, name);
        adapter a;
        factors += factor;
        ck_assert_msg(moved == factor, "%s", name);
        ck_assert_msg(trainer_learns(k.t, name) == factor, "%s", name);
        ck_assert_msg(trainer_moves(k.t, name) == (factor || store_adapter(k.store, name, &a)),
                      "%s", name);
        ck_assert_msg(!own == !factor, "%s", name);
        if (factor) ck_assert(!memcmp(own->data, t.data, t.bytes));
        if (factor || !strncmp(name, "aux.", 4)) {
            ck_assert(!sum);
            continue;
        }
        if (!store_adapter(k.store, name, &a)) {
            ck_assert_msg(!memcmp(sum->data, before[i], t.bytes), "%s", name);
            continue;
        }
        /* against doubles: three products and their sum round to 2^-24 of values near 1 */
        const float *x = sum->data, *base = before[i];
        for (int64_t e = 0; e < t.shape.dim[0] * t.shape.dim[1]; e++) {
            double want = 0;
            for (int64_t j = 0; j < 3; j++)
                want += (double)a.b[e / t.shape.dim[1] * 3 + j] *
                        (double)a.a[j * t.shape.dim[1] + e % t.shape.dim[1]];
            want = (double)base[e] + 0.5 * want;
            ck_assert_msg(fabs((double)x[e] - want) < 1e-6, "%s: %.9g, not %.9g", name,
                          (double)x[e], want);
        }
    }
    ck_assert_uint_eq(factors, omn_weights_count(file));
    omn_weights_close(w);
    omn_weights_close(file);
    tiny_close(&k);
}
END_TEST

START_TEST(a_run_that_goes_on_ends_the_same)
{
    const char *folder = testing_folder(), *model = tiny_folder(folder);
    omn_error err = OMN_ERROR_INIT;
    omn_train_setup s = tiny_setup(OMN_ADAMW), u = s;
    char path[4400];
    tiny k, again;
    open_adapted(&k, model, 2, &s);
    tiny_steps(&k, 4);
    snprintf(path, sizeof path, "%s/half.safetensors", folder);
    must(omn_trainer_save(k.t, path, &err), &err);
    tiny_steps(&k, 4);
    open_adapted(&again, model, 1, &u);
    must(omn_trainer_load(again.t, path, &err), &err);
    tiny_steps(&again, 4);
    for (size_t i = 0; i < omn_store_count(k.store); i++) {
        const omn_tensor x = omn_store_tensor(k.store, i), y = omn_store_tensor(again.store, i);
        ck_assert_msg(!memcmp(x.data, y.data, x.bytes), "%s", omn_store_name(k.store, i));
    }
    tiny_close(&k);
    tiny_close(&again);
}
END_TEST

/* Whatever a table is called: its rows are looked up, and that is seen in the graphs. Only those
 * names that are tables hide from Muon, so nothing of the tiny model is one besides. */
START_TEST(tables_are_known_by_their_reading)
{
    static const struct { const char *name; bool table; } list[] = {
        { "text_token_embedder.weight", true },       /* tied: products read it too */
        { "encoder.layers_0.attention.query.weight", false },
        { "no.such.weight", false },
    };
    tiny k;
    const char *model = tiny_folder(testing_folder());
    const omn_train_setup s = tiny_setup(OMN_MUON);
    tiny_open(&k, model, 1, &s);
    omn_program *p = omn_model_program(k.model);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        ck_assert_msg(program_looks_up(p, list[i].name) == list[i].table, "%s", list[i].name);
    ck_assert(!program_adapts(p, list[0].name));
    tiny_close(&k);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        tables_are_known_by_their_reading,
        base_weights_keep_every_bit,
        a_run_that_goes_on_ends_the_same,
    };
    return TESTING_RUN("train/adapt", all, 60);
}
