/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of OFA's golden files that run forwards: texts and pictures to texts, a sample of a
 * picture's places, codes, and a batch that has both. */
#include "verify.h"

#include <string.h>

/* The loss of what was asked, a mean, and the one that nothing softens. */
static omn_status put_losses(golden_run *r, bool codes, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *of = codes ? "image" : "text";
    char name[32];
    omn_tensor t;
    float plain = 0;
    omn_format(name, sizeof name, "logits.%s", of);
    OMN_TRY(golden_put_output(r, "loss", "loss", err));
    if (golden_output(r, name, &t)) OMN_TRY(verify_plain_loss(r, &t, of, &plain, err));
    OMN_TRY(golden_put(r, "nll", omn_dim1(1), &plain, err));
done:
    return st;
}

omn_status verify_forward(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    const verify_how how = { .smoothing = 0.1 };
    const verify_ask a = { .phase = OMN_TEACH, .text = true, .labels = true };
    OMN_TRY(verify_open(v, &how, &r, err));
    OMN_TRY(verify_ask_run(&r, &a, err));
    OMN_TRY(put_losses(&r, false, err));
    OMN_TRY(verify_collect(&r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

omn_status verify_patches(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    const omn_tensor *order = NULL;
    const verify_ask a = { .phase = OMN_TEACH, .text = true };
    OMN_TRY(golden_input(&v->g, "in.patch_orders", OMN_I32, 2, &order, err));
    const verify_how how = { .model = { .writable = true, .training = true },
                             .sample = order->shape.dim[1] };
    OMN_TRY(verify_open(v, &how, &r, err));
    OMN_TRY(verify_ask_run(&r, &a, err));
    OMN_TRY(verify_collect(&r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* The loss among the codes alone. */
static omn_status put_range(verify *v, golden_run *made, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    omn_tensor t;
    const verify_how how = { .smoothing = 0.1, .from = v->code_first,
                             .to = v->code_first + v->codes };
    const verify_ask a = { .phase = OMN_TEACH, .codes = true, .labels = true };
    OMN_TRY(verify_open(v, &how, &r, err));
    OMN_TRY(verify_ask_run(&r, &a, err));
    OMN_TRY(omn_exec_output(r.exec, r.graph, "loss", &t, err));
    OMN_TRY(golden_put(made, "loss_range", omn_dim1(1), t.data, err));
done:
    golden_close(&r);
    return st;
}

omn_status verify_codes(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    const verify_how how = { .smoothing = 0 };
    const verify_ask a = { .phase = OMN_TEACH, .codes = true, .labels = true };
    OMN_TRY(verify_open(v, &how, &r, err));
    OMN_TRY(put_range(v, &r, err));
    OMN_TRY(verify_ask_run(&r, &a, err));
    OMN_TRY(put_losses(&r, true, err));
    OMN_TRY(golden_put_output(&r, "logits", "logits.image", err));
    OMN_TRY(verify_collect(&r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* Rows that are codes take the place of the texts' in a stage. */
static void mix(golden_run *r, const char *stage, const char *output, const omn_tensor *codes)
{
    omn_tensor t;
    const omn_tensor *made = omn_feed_get(r->made, stage);
    if (!made || !golden_output(r, output, &t) || t.bytes != made->bytes) return;
    const int64_t rows = t.shape.dim[0];
    const size_t each = t.bytes / (size_t)rows;
    for (int64_t i = 0; i < rows && i < codes->shape.dim[0]; i++) {
        int32_t on;
        memcpy(&on, (const char *)codes->data + (size_t)i * sizeof on, sizeof on);
        if (on)
            memcpy((char *)(uintptr_t)made->data + (size_t)i * each,
                   (const char *)t.data + (size_t)i * each, each);
    }
}

omn_status verify_mixed(verify *v, omn_error *err)
{
    static const char *const stages[] = { "dec.embed", "dec.self_bias0", "dec.cross_bias" };
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    const omn_tensor *codes = NULL;
    const verify_how how = { 0 };
    verify_ask a = { .phase = OMN_TEACH, .text = true };
    OMN_TRY(golden_input(&v->g, "in.code_masks", OMN_I32, 1, &codes, err));
    OMN_TRY(verify_open(v, &how, &r, err));
    OMN_TRY(verify_ask_run(&r, &a, err));
    OMN_TRY(verify_collect(&r, err));
    a = (verify_ask){ .phase = OMN_TEACH, .codes = true };
    OMN_TRY(verify_ask_run(&r, &a, err));
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        mix(&r, stages[i], stages[i], codes);
    mix(&r, "logits", "logits.image", codes);
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}
