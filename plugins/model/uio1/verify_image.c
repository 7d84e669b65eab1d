/* SPDX-License-Identifier: Apache-2.0 */
/* The network of the pictures and the tables of places against golden files: graphs of the decoder
 * part over the model's weights, and what the library says of distances. */
#include "verify.h"

#include "uio1.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct pass {
    const omn_part *part;
    omn_shape shape;                      /* of what goes in */
    bool back;                            /* from codes to pixels */
} pass;

static void build(void *user, omn_scope *s, omn_bundle *out)
{
    const pass *p = user;
    const void *found = NULL, *self = omn_part_self(p->part, "omnio.decoder/1", &found);
    const omn_decoder_impl *impl = found;
    omn_node *x = omn_input(s, p->back ? "codes" : "pixels", p->back ? OMN_I32 : OMN_F32, p->shape);
    omn_bundle *in = omn_bundle_new(s);
    if (p->back) {
        impl->detokenize(self, omn_part_scope(p->part, s), x, out);
        return;
    }
    omn_bundle_put(in, s, "pixels", x);
    omn_bundle_put(out, s, "codes", impl->tokenize(self, omn_part_scope(p->part, s), in));
}

/* The network over these numbers; the run's graph is it then. */
static omn_status run(golden_run *r, const void *data, omn_shape shape, bool back, omn_error *err)
{
    omn_status st = OMN_OK;
    char key[96];
    pass p = { omn_model_decoder(r->model, "image"), shape, back };
    void *to = NULL;
    if (!p.part)
        OMN_TRY(omn_fail(err, OMN_ERR_UNSUPPORTED,
                         "%s: not supported, the plugin of pictures is not installed", r->g->name));
    snprintf(key, sizeof key, "verify %s %lld %lld %lld", back ? "pixels" : "codes",
             (long long)shape.dim[0], (long long)shape.dim[1], (long long)shape.dim[2]);
    omn_feed_clear(r->feed);
    OMN_TRY(omn_feed_new(r->feed, back ? "codes" : "pixels", back ? OMN_I32 : OMN_F32, shape, &to,
                         err));
    memcpy(to, data, omn_feed_get(r->feed, back ? "codes" : "pixels")->bytes);
    OMN_TRY(omn_program_graph(omn_model_program(r->model), key, build, &p, &r->graph, err));
    OMN_TRY(omn_exec_run(r->exec, r->graph, r->feed, r->g->call, err));
done:
    return st;
}

omn_status verify_codes(golden_run *r, const char *from, omn_tensor *codes, omn_error *err)
{
    const omn_tensor *t;
    omn_status st = golden_input(r->g, from, OMN_F32, 4, &t, err);
    if (st == OMN_OK) st = run(r, t->data, t->shape, false, err);
    return st == OMN_OK ? omn_exec_output(r->exec, r->graph, "codes", codes, err) : st;
}

omn_status verify_pixels(golden_run *r, const int32_t *codes, omn_shape shape, omn_tensor *pixels,
                         omn_error *err)
{
    const omn_status st = run(r, codes, shape, true, err);
    return st == OMN_OK ? omn_exec_output(r->exec, r->graph, "pixels", pixels, err) : st;
}

/* ---- the network ----------------------------------------------------------------------------- */

/* A stage of the way there or back, the first picture's where the file has no other. */
static omn_status put_stage(golden_run *r, const char *stage, const omn_tensor *want, bool back,
                            omn_error *err)
{
    static const struct { const char *stage, *ours; } named[] = {
        { "enc.z", "discrete_vae.quant_conv" },
        { "enc.encoder", "discrete_vae.encoder.conv_out" },
        { "dec.post_quant_conv", "discrete_vae.post_quant_conv" },
        { "dec.image", "pixels" },
    };
    char name[128];
    omn_tensor t;
    if (!golden_starts(stage, back ? "dec." : "enc.")) return OMN_OK;
    snprintf(name, sizeof name, "discrete_vae.%s.%s", back ? "decoder" : "encoder", stage + 4);
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (!strcmp(stage, named[i].stage)) snprintf(name, sizeof name, "%s", named[i].ours);
    if (!golden_output(r, name, &t)) return OMN_OK;
    if (t.shape.rank == 4 && want->shape.rank == 4 && want->shape.dim[0] < t.shape.dim[0])
        t.shape.dim[0] = want->shape.dim[0];
    return golden_put(r, stage, t.shape, t.data, err);
}

static omn_status put_stages(golden_run *r, bool back, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; st == OMN_OK && i < omn_weights_count(r->g->file); i++) {
        const char *name = omn_weights_name(r->g->file, i);
        if (golden_starts(name, "out."))
            st = put_stage(r, name + 4, omn_weights_at(r->g->file, i), back, err);
    }
    return st;
}

/* A square of other codes, through a model of pictures of that size. */
static omn_status put_square(verify *v, golden_run *r, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run other = { 0 };
    const omn_tensor *codes, *want = omn_weights_get(v->g.file, "out.image_square");
    int32_t *copy = NULL;
    if (!want || want->shape.rank != 4) return OMN_OK;
    OMN_TRY(golden_input(&v->g, "in.codes_square", OMN_I32, 2, &codes, err));
    copy = omn_call_scratch(v->g.call, codes->bytes, 1);
    if (!copy) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", v->g.name));
    memcpy(copy, codes->data, codes->bytes);
    v->height = want->shape.dim[1];
    v->width = want->shape.dim[2];
    OMN_TRY(verify_open(v, false, &other, err));
    OMN_TRY(run(&other, copy, codes->shape, true, err));
    omn_tensor t;
    if (golden_output(&other, "pixels", &t))
        OMN_TRY(golden_put(r, "image_square", t.shape, t.data, err));
done:
    golden_close(&other);
    return st;
}

omn_status verify_network(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    omn_tensor codes;
    const omn_tensor *t;
    OMN_TRY(golden_input(&v->g, "in.image", OMN_F32, 4, &t, err));
    v->height = t->shape.dim[1];
    v->width = t->shape.dim[2];
    OMN_TRY(verify_open(v, false, &r, err));
    OMN_TRY(verify_codes(&r, "in.image", &codes, err));
    OMN_TRY(omn_feed_copy(r.made, "codes", &codes, err));
    OMN_TRY(put_stages(&r, false, err));
    codes = *omn_feed_get(r.made, "codes");
    OMN_TRY(run(&r, codes.data, codes.shape, true, err));
    OMN_TRY(put_stages(&r, true, err));
    OMN_TRY(put_square(v, &r, err));
    OMN_TRY(verify_compare(&r, err));
done:
    golden_close(&r);
    return st;
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* Buckets [n,n] of a text, or of a grid of so many columns. */
static omn_status put_buckets(golden_run *r, const char *stage, int64_t columns, bool both,
                              omn_error *err)
{
    char name[64];
    void *data = NULL;
    snprintf(name, sizeof name, "out.%s", stage);
    const omn_tensor *t = omn_weights_get(r->g->file, name);
    if (!t) t = omn_weights_get(r->g->file, stage);
    if (!t || t->shape.rank != 2) return OMN_OK;
    const int64_t n = t->shape.dim[1];
    const omn_status st = golden_put_new(r, stage, OMN_I32, t->shape, &data, err);
    for (int64_t i = 0; st == OMN_OK && i < t->shape.dim[0] * n; i++) {
        const int64_t q = i / n, k = i % n;
        ((int32_t *)data)[i] = columns ? omn_bucket_uio1_2d(q / columns - k / columns,
                                                            q % columns - k % columns, 8, 20)
                                       : omn_bucket_t5(k - q, both, 32, 128);
    }
    return st;
}

/* Rows of the square that was learned as those of another. */
static omn_status put_resized(golden_run *r, const omn_weights *w, const char *stage,
                              omn_error *err)
{
    const omn_tensor *table = omn_weights_get(w, "encoder/position_embedding/embedding");
    const char *x = strrchr(stage, 'x');
    const int64_t to = x ? strtoll(x + 1, NULL, 10) : 0;
    const int64_t model = (int64_t)json_integer_value(json_object_get(
        json_object_get(r->g->config, "model"), "encoder_max_image_length"));
    const int64_t from = (int64_t)llround(sqrt((double)model));
    float m[64 * 64];
    void *data = NULL;
    if (!table || to < 1 || to > 64 || from < 1 || from > 64) return OMN_OK;
    const int64_t D = table->shape.dim[1], first = table->shape.dim[0] - from * from;
    omn_interp_matrix((size_t)from, (size_t)to, OMN_INTERP_BICUBIC, -0.5, true, m);
    const omn_status st = golden_put_new(r, stage, OMN_F32, omn_dim2(to * to, D), &data, err);
    for (int64_t i = 0; st == OMN_OK && i < to * to * D; i++) {
        const int64_t row = i / D / to, column = i / D % to;
        double sum = 0;
        for (int64_t a = 0; a < from * from; a++)
            sum += (double)m[row * from + a / from] * (double)m[column * from + a % from] *
                   (double)verify_real(table, (first + a) * D + i % D);
        ((float *)data)[i] = (float)sum;
    }
    return st;
}

omn_status verify_tables(verify *v, omn_error *err)
{
    omn_status st = OMN_OK;
    golden_run r = { 0 };
    omn_weights *w = NULL;
    const int64_t seen = (int64_t)json_integer_value(
        json_array_get(json_object_get(v->g.config, "image_grid"), 1));
    const int64_t written = (int64_t)json_integer_value(
        json_array_get(json_object_get(v->g.config, "decoder_image_grid"), 1));
    OMN_TRY(verify_open(v, false, &r, err));
    OMN_TRY(omn_weights_open(v->g.weights, &w, err));
    OMN_TRY(put_buckets(&r, "enc.text_bucket", 0, true, err));
    OMN_TRY(put_buckets(&r, "dec.text_bucket", 0, false, err));
    OMN_TRY(put_buckets(&r, "enc.image_bucket", seen, true, err));
    OMN_TRY(put_buckets(&r, "dec.image_bucket", written, true, err));
    for (size_t i = 0; i < omn_weights_count(v->g.file); i++)
        if (golden_starts(omn_weights_name(v->g.file, i), "enc.pos_resize_"))
            OMN_TRY(put_resized(&r, w, omn_weights_name(v->g.file, i), err));
    OMN_TRY(verify_compare(&r, err));
done:
    omn_weights_close(w);
    golden_close(&r);
    return st;
}
