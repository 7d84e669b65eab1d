/* SPDX-License-Identifier: Apache-2.0 */
/* The key "pack": how many tokens the questions and the answers about one picture may have.
 * Decoders differ: a word is a few tokens, a picture hundreds of codes. So `targets` may be a map
 * from decoders, and a step that asks for words has no room for pictures, which would cost its
 * time. */
#include "recipe.h"

#include <string.h>

enum { LEAST = 4, MOST = 65536, USUAL = 128 };

static omn_status read_targets(omn_recipe *r, const yml *y, omn_error *err)
{
    int64_t n;
    if (!y || y->kind != YML_MAP) {
        const omn_status st = yml_int(y, LEAST, MOST, &n, USUAL, err);
        r->setup.targets = st == OMN_OK ? (uint32_t)n : 0;
        return st;
    }
    if (!y->n || y->n > MOST_OUTPUTS)
        return yml_fail(y, err, "targets of 1 to %d decoders are wanted", MOST_OUTPUTS);
    r->pack = y;
    for (size_t i = 0; i < y->n; i++) {
        const omn_status st = yml_int(yml_value(y, i), LEAST, MOST, &n, USUAL, err);
        if (st != OMN_OK) return st;
    }
    r->setup.targets = USUAL;             /* until it is known who asks */
    return OMN_OK;
}

omn_status pack_read(omn_recipe *r, const yml *y, omn_error *err)
{
    static const char *const keys[] = { "inputs", "targets", NULL };
    int64_t n;
    omn_status st = OMN_OK;
    if (y) st = yml_want(y, YML_MAP, "pack", err);
    if (y && st == OMN_OK) st = yml_only(y, keys, err);
    if (st == OMN_OK) st = yml_int(yml_get(y, "inputs"), LEAST, MOST, &n, USUAL, err);
    if (st != OMN_OK) return st;
    r->setup.inputs = (uint32_t)n;
    return read_targets(r, yml_get(y, "targets"), err);
}

omn_status pack_prove(omn_recipe *r, omn_error *err)
{
    int64_t n;
    for (size_t i = 0; r->pack && i < r->pack->n; i++) {
        const char *name;
        uint32_t k = 0;
        const omn_status st = yml_text(yml_key(r->pack, i), &name, NULL, err);
        if (st != OMN_OK) return st;
        while (k < r->n_outputs && strcmp(r->outputs[k], name)) k++;
        if (k == r->n_outputs)
            return yml_fail(yml_key(r->pack, i), err, "no task asks the decoder \"%s\"", name);
    }
    uint32_t most = 0;
    for (uint32_t i = 0; r->pack && i < r->n_outputs; i++) {
        const omn_status st = yml_int(yml_get(r->pack, r->outputs[i]), LEAST, MOST, &n, USUAL, err);
        if (st != OMN_OK) return st;
        r->room[i] = (uint32_t)n;
        if (r->room[i] > most) most = r->room[i];
    }
    if (r->pack && most) r->setup.targets = most;
    r->setup.output_targets = r->pack && most ? r->room : NULL;
    return OMN_OK;
}

uint32_t pack_room(const omn_recipe *r, const recipe_task *t)
{
    return r->setup.output_targets ? r->room[t->output] : r->setup.targets;
}
