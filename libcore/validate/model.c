/* SPDX-License-Identifier: Apache-2.0 */
/* Models: opened with configurations that are wrong in every way, each of which has to be refused
 * in one line, or taken, and then the model speaks of itself and closes. */
#include "inside.h"

#include <omnio/published.h>

#include <stdio.h>
#include <string.h>

/* An object with keys that configurations have and values that they should not. */
static json_t *odd_config(dice *d, int deep)
{
    static const char *const keys[] = { "dim",     "width",   "layers",  "heads", "vocab_size",
                                        "encoder", "decoder", "emb_dim", "text",  "model" };
    json_t *o = json_object();
    for (uint64_t i = dice_roll(d, 8); o && i > 0; i--) {
        const char *key = keys[dice_roll(d, sizeof(keys) / sizeof(keys[0]))];
        switch (dice_roll(d, deep ? 6 : 5)) {
        case 0:
            json_object_set_new(o, key, json_integer((json_int_t)dice_bits(d)));
            break;
        case 1:
            json_object_set_new(o, key, json_integer((json_int_t)dice_roll(d, 64) - 2));
            break;
        case 2:
            json_object_set_new(o, key, json_stringn("x", 1));
            break;
        case 3:
            json_object_set_new(o, key, json_real(dice_double(d, -1e9, 1e9)));
            break;
        case 4:
            json_object_set_new(o, key, json_array());
            break;
        default:
            json_object_set_new(o, key, odd_config(d, 0));
        }
    }
    return o;
}

static void opened(trial *t, void *self)
{
    const omn_model_impl *m = t->s->impl;
    static const char *const outputs[] = { "text", "image", "", "no such output" };
    for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++)
        if (m->prefix && !m->prefix(self, outputs[i]))
            complain(t, "prefix is a text; \"\" for none");
    if (m->most_tokens && (m->most_tokens(self, false) < 1 || m->most_tokens(self, true) < 1))
        complain(t, "most_tokens is 1 or more");
    const omn_task_impl *task = m->extension ? m->extension("omnio.task/1") : NULL;
    const char *asked = !task ? NULL : task->of ? task->of(self) : task->pipeline;
    if (task && ((!asked && !task->of) || (asked && !*asked)))
        complain(t, "omnio.task/1 has the name of a pipeline, or says it of a model");
    const omn_row_impl *row = m->extension ? m->extension("omnio.row/1") : NULL;
    if (row && (!row->prefix || !row->most)) complain(t, "omnio.row/1 has prefix and most");
    else if (row && row->most(self) < 2) complain(t, "most of omnio.row/1 is 2 or more");
}

static void call(trial *t)
{
    const omn_model_impl *m = t->s->impl;
    omn_status st = OMN_OK;
    omn_error err = OMN_ERROR_INIT;
    omn_open *o = NULL;
    void *self = NULL, *params = NULL;
    json_t *root = odd_config(&t->d, 1);
    omn_config config = { .root = root, .file = "config.json", .first = OMN_ERROR_INIT };
    if (!root || open_begin(t->s->ctx, t->c, NULL, &config, "", &o, &err) != OMN_OK) goto done;
    if (omn_params_fill(t->s->entry, NULL, 0, NULL, o->arena, &params, &err) != OMN_OK) goto done;
    st = m->open(t->c, params, o, &self, &err);
    judge(t, "open", st, &err);
    if (st == OMN_OK && omn_open_done(o, NULL) == OMN_OK) {
        if (self)
            opened(t, self);
        else
            complain(t, "open reports success and opens nothing");
    }
    if (self) m->close(self);
done:
    open_end(o);
    config_end(&config);
    json_decref(root);
}

const craft craft_model = { "omnio.model/1", NULL, call, NULL, false };
