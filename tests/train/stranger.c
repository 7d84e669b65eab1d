/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of a stranger's plugin in training: an objective, worlds. */
#include "tests/plugin/shelf.h"
#include "tests/train/tiny.h"

#include "libcore/generate/open.h"

#include <omnio/learn.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static omn_value *number(double x)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    WORKS(omn_number_new(x, &v, &err));
    return v;
}

START_TEST(a_world_is_walked_through)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = shelf_beside("lab", 2);
    omn_world *w = NULL;
    omn_value *seen = NULL, *right = number(1), *odd = number(0.5);
    omn_world_step s = { OMN_FILL(omn_world_step) };
    WORKS(omn_world_open(ctx, "line", NULL, 0, &w, &err));
    ck_assert_str_eq(omn_world_shows(w), "number");
    ck_assert_str_eq(omn_world_takes(w), "number");
    ck_assert_int_eq(omn_world_act(w, right, &s, &err), OMN_ERR_ARGUMENT); /* no reset yet */
    err = (omn_error)OMN_ERROR_INIT;
    for (int episode = 0; episode < 2; episode++) {
        WORKS(omn_world_reset(w, 3, &seen, &err));
        ck_assert_double_eq(omn_number_get(seen), 2);
        ck_assert_int_eq(omn_world_act(w, odd, &s, &err), OMN_ERR_DATA);
        ck_assert_ptr_null(s.observation);
        err = (omn_error)OMN_ERROR_INIT;
        ck_assert_int_eq(omn_world_act(w, NULL, &s, &err), OMN_ERR_TYPE);
        err = (omn_error)OMN_ERROR_INIT;
        for (int at = 3; at <= 6; at++) {
            WORKS(omn_world_act(w, right, &s, &err));
            ck_assert_double_eq(omn_number_get(s.observation), at);
            ck_assert(s.done == (at == 6) && (s.reward > 0) == (at == 6));
            omn_value_unref(s.observation);
        }
        ck_assert_int_eq(omn_world_act(w, right, &s, &err), OMN_ERR_ARGUMENT); /* it is over */
        err = (omn_error)OMN_ERROR_INIT;
        omn_value_unref(seen);
    }
    omn_world_close(w);
    const omn_setting hasty = { "patience", "1", 0, 0 }, odder = { "patience", "0", 0, 0 };
    WORKS(omn_world_open(ctx, "line", &hasty, 1, &w, &err));
    WORKS(omn_world_reset(w, 0, &seen, &err));
    WORKS(omn_world_act(w, right, &s, &err));
    ck_assert(s.done && s.reward == 0);
    omn_value_unref(s.observation);
    omn_value_unref(seen);
    omn_world_close(w);
    ck_assert_int_ne(omn_world_open(ctx, "line", &odder, 1, &w, &err), OMN_OK);
    ck_assert_ptr_null(w);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_world_open(ctx, "lien", NULL, 0, &w, &err), OMN_ERR_MISSING);
    omn_value_unref(right);
    omn_value_unref(odd);
    omn_context_free(ctx);
}
END_TEST

START_TEST(a_world_that_lies_is_found_out)
{
    static const char *const about[] = { "kind", "reward", "reset" };
    omn_context *ctx = shelf_beside("lab", 2);
    omn_value *one = number(1);
    for (int i = 0; i < 3; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_world *w = NULL;
        omn_value *seen = NULL;
        omn_world_step s = { OMN_FILL(omn_world_step) };
        const omn_setting set = { "about", about[i], 0, 0 };
        WORKS(omn_world_open(ctx, "fib", &set, 1, &w, &err));
        omn_status st = omn_world_reset(w, 1, &seen, &err);
        if (i < 2) {
            ck_assert_int_eq(st, OMN_OK);
            st = omn_world_act(w, one, &s, &err);
        }
        ck_assert_int_eq(st, OMN_ERR_PLUGIN);
        ck_assert_ptr_null(s.observation);
        ck_assert(i < 2 || !seen);
        omn_value_unref(seen);
        omn_world_close(w);
    }
    omn_value_unref(one);
    omn_context_free(ctx);
}
END_TEST

typedef struct bench {
    omn_context *ctx;
    omn_call *call;
    omn_open *open;
    omn_store *store;
    omn_model *model;
    omn_trainer *t;
} bench;

static omn_train_report one_step(bench *b, const char *folder, omn_train_setup s,
                                 const char *objective, const omn_setting *set, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_train_report r = { OMN_FILL(omn_train_report) };
    *b = (bench){ .ctx = shelf_beside("lab", 2) };
    WORKS(omn_context_call(b->ctx, 1, 0, NULL, &b->call, &err));
    WORKS(open_begin(b->ctx, b->call, NULL, NULL, "", &b->open, &err));
    if (objective) {
        s.objective =
            part_open_settings(b->open, "loss", "omnio.objective/1", objective, set, n, "", &err);
        ck_assert_msg(s.objective != NULL, "%s", err.text);
    }
    WORKS(omn_store_new(11, NULL, true, &b->store, &err));
    const omn_model_setup m = { OMN_FILL(omn_model_setup), .store = b->store, .training = true };
    WORKS(omn_model_open(b->ctx, folder, &m, &b->model, &err));
    tiny_speaks(b->model);
    WORKS(omn_trainer_new(b->model, b->store, &s, &b->t, &err));
    WORKS(omn_trainer_step(b->t, b->call, &r, &err));
    return r;
}

static void end(bench *b)
{
    omn_trainer_free(b->t);
    omn_model_close(b->model);
    omn_store_free(b->store);
    open_end(b->open);
    omn_call_free(b->call);
    omn_context_free(b->ctx);
}

/* The object is the loss that the model made itself, to the bit; another one is another loss. */
START_TEST(the_objective_is_an_object)
{
    const char *folder = tiny_folder(testing_folder());
    const omn_setting set[] = { { "z", "0", 0, 0 }, { "soft_location", "0.8", 0, 0 } };
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    bench b;
    s.aux = s.aux_last = 0;
    const omn_train_report own = one_step(&b, folder, s, NULL, NULL, 0);
    const double colour = own.task_loss[0];
    end(&b);
    s.soft_sigma = 0; /* of the model's own loss, which is not asked */
    const omn_train_report object = one_step(&b, folder, s, "cross-entropy", set, 2);
    ck_assert_double_eq(own.loss, object.loss);
    ck_assert_double_eq(own.text_loss, object.text_loss);
    ck_assert_double_eq(own.gradient_norm, object.gradient_norm);
    ck_assert_double_eq(colour, object.task_loss[0]);
    end(&b);
    const omn_train_report hard = one_step(&b, folder, s, "cross-entropy", set, 1);
    ck_assert_double_ne(hard.loss, own.loss);
    end(&b);
    const omn_train_report thrice = one_step(&b, folder, s, "thrice", NULL, 0);
    ck_assert_double_eq_tol(thrice.loss, 3 * hard.loss, 1e-4 * hard.loss);
    ck_assert_double_eq_tol(thrice.gradient_norm, 3 * hard.gradient_norm,
                            1e-3 * hard.gradient_norm);
    ck_assert(isnan(thrice.task_loss[0])); /* it tells nothing of single tokens */
    end(&b);
}
END_TEST

/* ---- an encoder that a configuration adds ---------------------------------------------------- */

/* The tiny model with a dial. */
static const char *with_dial(const char *folder, const char *entry)
{
    char *text = NULL, *at;
    size_t n = 0;
    omn_buf b;
    char path[512];
    omn_error err = OMN_ERROR_INIT;
    tiny_folder(folder);
    snprintf(path, sizeof path, "%s/config.json", folder);
    WORKS(omn_file_read(path, 1 << 20, &text, &n, &err));
    at = strstr(text, "\"model\"");
    ck_assert_ptr_nonnull(at);
    omn_buf_init(&b, 1 << 20);
    omn_buf_put(&b, text, (size_t)(at - text));
    omn_buf_printf(&b, "\"encoders\": {\"dial\": %s}, %s", entry, at);
    testing_write(folder, "config.json", b.data, b.length);
    omn_buf_fini(&b);
    free(text);
    return folder;
}

/* The dial says which of two words is wanted; the words say nothing. */
static omn_status dial_page(void *user, omn_call *c, uint64_t index, uint64_t step, omn_arena *a,
                            omn_page *out, omn_error *err)
{
    (void)user;
    (void)c;
    (void)step;
    const bool high = omn_random_at(9, 1, index) & 1;
    omn_named about = { "dial", NULL };
    const omn_status st = omn_number_new(high ? 40 : -40, &about.value, err);
    if (st != OMN_OK) return st;
    return tiny_lesson(out, a, "which way?", high ? "right" : "left", &about,
                       (omn_lesson){ .weight = 1, .end_weight = 1, .task = 1 }, err);
}

START_TEST(a_configuration_adds_an_encoder)
{
    static const char *const roles[] = { "dial" };
    char path[512];
    omn_error err = OMN_ERROR_INIT;
    omn_train_setup s = tiny_setup(OMN_ADAMW);
    bench b = { .ctx = shelf_beside("lab", 2) };
    omn_train_report r = { OMN_FILL(omn_train_report) };
    const char *folder =
        with_dial(testing_folder(), "{\"use\": \"lab.dial\", \"span\": 40}");
    s.aux = s.aux_last = 0;
    s.page = dial_page;
    s.roles = roles;
    s.n_roles = 1;
    s.steps = 80;
    s.rate = 0.01;
    s.average = 0;
    WORKS(omn_context_call(b.ctx, 1, 0, NULL, &b.call, &err));
    WORKS(omn_store_new(11, NULL, true, &b.store, &err));
    const omn_model_setup m = { OMN_FILL(omn_model_setup), .store = b.store, .training = true };
    WORKS(omn_model_open(b.ctx, folder, &m, &b.model, &err));
    WORKS(omn_model_keys(b.model, &err));
    WORKS(omn_model_declare(b.model, &err));
    ck_assert_int_ge(omn_store_find(b.store, "input_embedders.dial.weight"), 0);
    tiny_speaks(b.model);
    WORKS(omn_trainer_new(b.model, b.store, &s, &b.t, &err));
    for (int i = 0; i < 80; i++) WORKS(omn_trainer_step(b.t, b.call, &r, &err));
    ck_assert_double_lt(r.text_loss, 0.1);      /* the words alone leave 0.2 or more */
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    WORKS(omn_trainer_export(b.t, path, OMN_F32, &err));
    omn_trainer_free(b.t);
    b.t = NULL;
    omn_model_close(b.model);
    b.model = NULL;
    WORKS(omn_model_open(b.ctx, folder, NULL, &b.model, &err));
    ck_assert_ptr_nonnull(omn_model_encoder(b.model, "dial"));
    WORKS(omn_model_declare(b.model, &err));
    end(&b);
}
END_TEST

START_TEST(an_encoder_that_cannot_be_added_is_told)
{
    static const struct { const char *entry, *says; } list[] = {
        { "{\"span\": 1}", "omnio.encoders.dial: {\"use\"" },
        { "{\"use\": \"lab.dail\"}", "lab.dial" },
        { "{\"use\": \"lab.dial\", \"spam\": 1}", "span" },
        { "{\"use\": \"lab.dial\", \"span\": []}", "omnio.encoders.dial.span" },
        { "{\"use\": \"lab.dial\"}, \"image\": {\"use\": \"lab.dial\"}",
          "of that role" },
    };
    omn_context *ctx = shelf_beside("lab", 2);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_store *store = NULL;
        omn_model *m = NULL;
        WORKS(omn_store_new(11, NULL, true, &store, &err));
        const omn_model_setup how = { OMN_FILL(omn_model_setup), .store = store,
                                      .training = true };
        const char *folder = with_dial(testing_folder(), list[i].entry);
        ck_assert_int_ne(omn_model_open(ctx, folder, &how, &m, &err), OMN_OK);
        ck_assert_msg(strstr(err.text, list[i].says), "%s", err.text);
        omn_store_free(store);
    }
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_configuration_adds_an_encoder, an_encoder_that_cannot_be_added_is_told,
        a_world_is_walked_through,       a_world_that_lies_is_found_out,
        the_objective_is_an_object,
    };
    return TESTING_RUN("train/stranger", all, 60);
}
