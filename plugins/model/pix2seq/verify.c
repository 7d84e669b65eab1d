/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of Pix2Seq: whose case a file is, the configuration as the model reads it, and what
 * each kind of stage may differ by. */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

static int32_t number(const json_t *from, const char *key, int32_t usual)
{
    const json_t *x = json_object_get(from, key);
    return json_is_integer(x) ? (int32_t)json_integer_value(x) : usual;
}

/* A case of functions alone says its ids at the top, one of a model below "model". */
static void read_ids(verify *v)
{
    const json_t *all = v->g.config, *model = json_object_get(all, "model");
    const json_t *at = model ? model : all;
    v->ids = (p2s_ids){ .coords = number(at, "coord_vocab_shift", 1000),
                        .text = number(at, "text_vocab_shift", 3000),
                        .rows = number(at, "vocab_size", 35000),
                        .bins = number(all, model ? "bins" : "quantization_bins", 1000) };
}

omn_status verify_open(verify *v, const verify_how *how, golden_run *r, omn_error *err)
{
    json_t *model = json_object_get(v->g.config, "model");
    json_t *all = json_pack("{s:{s:s,s:b},s:O?,s:{s:i},s:{s:f}}", "omnio", "model", "pix2seq",
                            "still_norms", how->still, "model", model, "task", "quantization_bins",
                            (int)v->ids.bins, "train", "label_smoothing", how->smoothing);
    char *text = all ? json_dumps(all, 0) : NULL;
    omn_status st = text ? golden_open(&v->g, text, &how->model, r, err)
                         : omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name);
    free(text);
    json_decref(all);
    return st;
}

/* ---- tolerances ------------------------------------------------------------------------------ */

/* spec pix2seq section 9. A gradient that cancels is rounding: norms below a thousandth of the
 * largest are judged as that thousandth. */
static omn_tolerance tolerance_of(void *user, const char *stage, omn_type type)
{
    const verify *v = user;
    if (type == OMN_I32) return (omn_tolerance){ 0 };
    if (golden_starts(stage, "gradnorm."))
        return (omn_tolerance){ .abs = 1e-6 * v->g.largest, .rel = 1e-4 };
    if (golden_starts(stage, "grad."))
        return (omn_tolerance){ .abs = 1e-5 * v->g.largest, .rel = 1e-3 };
    if (!strcmp(stage, "loss_batch_stats") || golden_starts(stage, "moving_"))
        return (omn_tolerance){ .abs = 1e-3 };
    if (!strcmp(v->g.kind, "positions") || !strcmp(v->g.kind, "preprocess"))
        return (omn_tolerance){ .abs = 1e-6 };
    return (omn_tolerance){ .abs = 1e-4 };
}

omn_status verify_compare(golden_run *r, omn_error *err)
{
    return golden_compare(r, tolerance_of, r->g, err);
}

/* ---- the door -------------------------------------------------------------------------------- */

typedef omn_status case_fn(verify *v, omn_error *err);

static omn_status run(omn_verification *host, omn_error *err)
{
    static const struct {
        const char *kind;
        case_fn *run;
    } cases[] = {
        { "forward", verify_forward }, { "instances", verify_forward }, { "infer", verify_infer },
        { "loss", verify_loss }, { "decode", verify_decode }, { "quantise", verify_quantise },
        { "positions", verify_positions }, { "preprocess", verify_preprocess },
        { "crop", verify_crop }, { "keypoints_post", verify_keypoints }, { "top_p", verify_top_p },
        { "train_sequences", verify_lessons },
    };
    omn_status st = OMN_OK;
    verify v = { 0 };
    case_fn *fn = NULL;
    OMN_TRY(golden_begin(&v.g, host, err));
    read_ids(&v);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!strcmp(v.g.kind, cases[i].kind)) fn = cases[i].run;
    if (!fn)
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED,
                         "%s: not supported, nothing here is called \"%s\"", v.g.name, v.g.kind));
    st = fn(&v, err);
done:
    golden_end(&v.g);
    return st;
}

const omn_verify_impl p2s_verify = { "pix2seq-golden-1", run };
