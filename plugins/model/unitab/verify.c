/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of UniTAB: the model that one is of, and the comparison. */
#include "../golden/golden.h"

#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the model ------------------------------------------------------------------------------- */

/* "1,2,1" of a list of numbers. */
static void listed(const json_t *list, char *out, size_t room)
{
    size_t i;
    json_t *one;
    out[0] = 0;
    json_array_foreach(list, i, one)
    {
        const size_t n = strlen(out);
        snprintf(out + n, room - n, "%s%lld", i ? "," : "",
                 (long long)json_integer_value(one));
    }
}

static json_t *spelt(const verify *v)
{
    const golden *g = &v->g;
    const json_t *net = json_object_get(g->config, "resnet"),
                 *text = json_object_get(g->config, "text");
    char blocks[64], planes[128];
    listed(json_object_get(net, "blocks"), blocks, sizeof blocks);
    listed(json_object_get(net, "planes"), planes, sizeof planes);
    json_t *omnio = json_pack("{s:s,s:s,s:s,s:I}", "model", "unitab", "blocks", blocks, "planes",
                              planes, "stem", json_integer_value(json_object_get(net, "stem")));
    const struct { const char *key; int64_t value; } own[] = {
        { "canvas_height", v->height }, { "canvas_width", v->width },
        { "side", v->side },            { "longest", v->longest },
    };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i].value > 0)
            json_object_set_new(omnio, own[i].key, json_integer((json_int_t)own[i].value));
    json_t *words = json_pack("{s:I,s:O,s:O,s:O,s:O,s:O,s:O,s:O}", "vocab_size",
                              (json_int_t)golden_int(g, "text_vocab"),
                              "hidden_size", json_object_get(text, "hidden"),
                              "num_attention_heads", json_object_get(text, "heads"),
                              "num_hidden_layers", json_object_get(text, "layers"),
                              "intermediate_size", json_object_get(text, "ffn"),
                              "max_position_embeddings", json_object_get(text, "max_positions"),
                              "layer_norm_eps", json_object_get(text, "eps"),
                              "type_vocab_size", json_object_get(text, "type_vocab"));
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o}",
                     "hidden_dim", (json_int_t)golden_int(g, "embed_dim"),
                     "nheads", (json_int_t)golden_int(g, "heads"),
                     "enc_layers", (json_int_t)golden_int(g, "encoder_layers"),
                     "dec_layers", (json_int_t)golden_int(g, "decoder_layers"),
                     "dim_feedforward", (json_int_t)golden_int(g, "ffn_dim"),
                     "num_bins", (json_int_t)golden_int(g, "num_bins"),
                     "max_decoding_step", (json_int_t)golden_int(g, "max_decoding_step"),
                     "text_config", words, "omnio", omnio);
}

omn_status verify_open(verify *v, const golden_how *how, golden_run *r, omn_error *err)
{
    golden_how own = *how;
    own.hollow = !v->g.weights[0];
    json_t *config = spelt(v);
    char *text = config ? json_dumps(config, 0) : NULL;
    json_decref(config);
    if (!text)
        return omn_fail(err, OMN_ERR_DATA, "%s: its configuration is not complete", v->g.name);
    const omn_status st = golden_open(&v->g, text, &own, r, err);
    free(text);
    return st;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static bool find(void *user, const char *stage, omn_tensor *out)
{
    const golden_run *r = user;
    const omn_tensor *made = omn_feed_get(r->made, stage);
    if (made) *out = *made;
    return made || golden_output(r, stage, out);
}

/* spec unitab, section 7; the bias of keys has no gradient but what rounding leaves. */
static omn_tolerance tolerance_of(void *user, const char *stage, omn_type type)
{
    (void)user;
    if (type == OMN_I32) return (omn_tolerance){ 0 };
    if (golden_starts(stage, "pos") || golden_starts(stage, "image") || !strcmp(stage, "enc.pos"))
        return (omn_tolerance){ .abs = 2e-6 };
    if (!strcmp(stage, "loss")) return (omn_tolerance){ .abs = 1e-5 };
    if (golden_starts(stage, "boxes")) return (omn_tolerance){ .abs = 1e-5, .rel = 1e-5 };
    if (golden_starts(stage, "grad")) return (omn_tolerance){ .abs = 1e-6, .rel = 1e-3 };
    return (omn_tolerance){ .abs = 1e-4 };
}

omn_status verify_compare(golden_run *r, omn_error *err)
{
    return omn_verify_compare(r->g->host, find, r, tolerance_of, r, err);
}

/* ---- the door -------------------------------------------------------------------------------- */

static omn_status run(omn_verification *host, omn_error *err)
{
    omn_status st = OMN_OK;
    verify v = { 0 };
    OMN_TRY(golden_begin(&v.g, host, err));
    const char *kind = v.g.kind;
    v.words = golden_int(&v.g, "text_vocab");
    v.most = golden_int(&v.g, "max_decoding_step");
    v.width_of = golden_int(&v.g, "embed_dim");
    if (v.most < 4 || v.most > 65536 || v.width_of < 4 || v.width_of > 65536)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "%s: max_decoding_step and embed_dim are wanted",
                         v.g.name));
    if (golden_starts(kind, "forward")) st = verify_forward(&v, false, err);
    else if (golden_starts(kind, "grads")) st = verify_forward(&v, true, err);
    else if (golden_starts(kind, "generate")) st = verify_generate(&v, err);
    else if (golden_starts(kind, "positions")) st = verify_positions(&v, err);
    else if (golden_starts(kind, "preprocess")) st = verify_preprocess(&v, err);
    else if (golden_starts(kind, "sequences")) st = verify_sequences(&v, err);
    else
        st = omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: cases \"%s\" are not compared here", v.g.name,
                      kind);
done:
    golden_end(&v.g);
    return st;
}

const omn_verify_impl unitab_verify = { "unitab-golden-1", run };
