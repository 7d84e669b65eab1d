/* SPDX-License-Identifier: Apache-2.0 */
/* The inputs and targets of a golden file as the graphs want them. Codes of pictures and sounds
 * become ids as the model has them; the rows of guidance stand below those that they guide; packed
 * cases put all rows into one. */
#include "verify.h"

#include <stdio.h>
#include <string.h>

static const char *const inputs[VERIFY_ROLES] = { "text", "image", "image_history", "audio",
                                                  "audio_history" };
static const char *const outputs[VERIFY_OUTPUTS] = { "text", "image", "audio" };

omn_status verify_input(const verify *v, const char *name, omn_type type, uint32_t rank,
                        const omn_tensor **out, omn_error *err)
{
    const omn_tensor *t = omn_weights_get(v->in, name);
    if (!t) return omn_fail(err, OMN_ERR_DATA, "%s: the input \"%s\" is missing", v->name, name);
    if (t->type != type || t->shape.rank != rank || t->shape.dim[0] < 1 ||
        (rank > 1 && t->shape.dim[1] < 1)) {
        char text[96];
        return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" is %s %s; %s with %u axes is wanted",
                        v->name, name, omn_type_get(t->type)->name,
                        omn_shape_text(&t->shape, text, sizeof text), omn_type_get(type)->name,
                        rank);
    }
    *out = t;
    return OMN_OK;
}

/* ---- inputs --------------------------------------------------------------------------------- */

/* One field of an input: rows of the case and of its guidance, the shorter ones filled with
 * zeros. */
static omn_status copy_field(verify *v, const char *role, const char *field, const char *port,
                             omn_type type, uint32_t rank, omn_feed *feed, int64_t *rows,
                             int64_t *length, omn_error *err)
{
    static const char *const from[2] = { "in.inputs", "in.negative.inputs" };
    omn_status st = OMN_OK;
    char name[128];
    const omn_tensor *t[2] = { NULL, NULL };
    void *data = NULL;
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s/%s/%s", from[i], role, field);
        if (i && !omn_weights_get(v->in, name)) break;
        OMN_TRY(verify_input(v, name, type, rank, &t[i], err));
    }
    omn_shape shape = t[0]->shape;
    if (t[1]) {
        shape.dim[0] += t[1]->shape.dim[0];
        if (t[1]->shape.dim[1] > shape.dim[1]) shape.dim[1] = t[1]->shape.dim[1];
    }
    if (!*rows) *rows = shape.dim[0];
    if (!*length) *length = shape.dim[1];
    if (shape.dim[0] != *rows || shape.dim[1] != *length) {
        char text[96];
        st = omn_fail(err, OMN_ERR_DATA,
                      "%s: \"in.inputs/%s/%s\" is %s; it begins with [%lld, %lld] elsewhere",
                      v->name, role, field, omn_shape_text(&shape, text, sizeof text),
                      (long long)*rows, (long long)*length);
        goto done;
    }
    snprintf(name, sizeof name, "%s.%s", role, port);
    OMN_TRY(omn_feed_new(feed, name, type, shape, &data, err));
    const size_t row = omn_feed_get(feed, name)->bytes / (size_t)shape.dim[0];
    char *to = data;
    for (int i = 0; i < 2 && t[i]; i++) {
        const size_t n = (size_t)t[i]->shape.dim[0], each = t[i]->bytes / n;
        if (each > row) {
            st = omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" has rows of several sizes", v->name, name);
            goto done;
        }
        for (size_t k = 0; k < n; k++, to += row)
            memcpy(to, (const char *)t[i]->data + k * each, each);
    }
done:
    return st;
}

/* Which vectors of a history are real: those of frames in which anything is. */
static omn_status mark_frames(verify *v, const omn_model *m, const char *role, omn_feed *feed,
                              omn_error *err)
{
    char name[128];
    const void *found = NULL;
    void *data = NULL;
    const omn_part *part = omn_model_encoder(m, role);
    const void *self = part ? omn_part_self(part, "omnio.encoder/1", &found) : NULL;
    const omn_port *list = NULL;
    const uint32_t n = self ? ((const omn_encoder_impl *)found)->ports(self, &list) : 0;
    if (!n)
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: not supported, the model takes no \"%s\"",
                        v->name, role);
    snprintf(name, sizeof name, "%s.item.seg", role);
    const omn_tensor *t = omn_feed_get(feed, name);
    const int64_t B = t->shape.dim[0], F = t->shape.dim[1], N = t->shape.dim[2];
    const int64_t M = list[n - 1].most.dim[1];
    snprintf(name, sizeof name, "%s.seg", role);
    const omn_status st = omn_feed_new(feed, name, OMN_I32, omn_dim3(B, F, M), &data, err);
    for (int64_t i = 0; st == OMN_OK && i < B * F; i++) {
        int32_t any = 0;
        for (int64_t k = 0; k < N; k++) any |= ((const int32_t *)t->data)[i * N + k];
        for (int64_t k = 0; k < M; k++) ((int32_t *)data)[i * M + k] = any != 0;
    }
    return st;
}

omn_status verify_inputs(verify *v, const omn_model *m, omn_feed *feed, verify_sizes *z,
                         omn_error *err)
{
    omn_status st = OMN_OK;
    *z = (verify_sizes){ 0 };
    for (int i = 0; i < VERIFY_ROLES; i++) {
        char name[96];
        const bool text = i == 0, history = strstr(inputs[i], "_history") != NULL;
        const uint32_t rank = history ? 3 : 2;
        int64_t *length = &z->lengths[z->n_roles];
        snprintf(name, sizeof name, "in.inputs/%s/%s", inputs[i], text ? "tokens" : "input");
        if (!omn_weights_get(v->in, name)) continue;
        z->roles[z->n_roles++] = inputs[i];
        OMN_TRY(copy_field(v, inputs[i], text ? "tokens" : "input",
                           text ? "ids" : history ? "item.patches" : "patches",
                           text ? OMN_I32 : OMN_F32, text ? 2 : rank + 1, feed, &z->rows, length,
                           err));
        OMN_TRY(copy_field(v, inputs[i], "mask", history ? "item.seg" : "seg", OMN_I32, rank, feed,
                           &z->rows, length, err));
        OMN_TRY(copy_field(v, inputs[i], "pos_ids", history ? "item.pos" : "pos", OMN_I32, rank,
                           feed, &z->rows, length, err));
        if (history) OMN_TRY(mark_frames(v, m, inputs[i], feed, err));
    }
    if (!z->n_roles)
        st = omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: not supported, it has no inputs to run",
                      v->name);
done:
    return st;
}

/* ---- targets -------------------------------------------------------------------------------- */

typedef struct target {
    int32_t *ids, *pos, *seg, *part, *labels;
    float *weight, *noised;
} target;

static omn_status make(verify *v, omn_feed *feed, const char *role, const verify_sizes *z,
                       int64_t length, target *t, omn_error *err)
{
    static const char *const names[] = { "ids", "pos", "seg", "part", "labels" };
    omn_status st = OMN_OK;
    char name[96];
    void *data[7] = { 0 };
    const omn_shape shape = z->packed ? omn_dim2(1, z->rows * length) : omn_dim2(z->rows, length);
    for (int i = 0; i < 7; i++) {
        snprintf(name, sizeof name, "target.%s.%s", role,
                 i < 5 ? names[i] : i == 5 ? "weight" : "noised");
        if (i == 6 && !v->patterns) break;
        OMN_TRY(omn_feed_new(feed, name, i < 5 ? OMN_I32 : OMN_F32, shape, &data[i], err));
    }
    *t = (target){ data[0], data[1], data[2], data[3], data[4], data[5], data[6] };
done:
    return st;
}

/* Place i of row b, in answer `part` of target `number`: which inputs it sees, and which of its own
 * row, where no two targets share a number. */
static void mark(const verify_sizes *z, target *t, int64_t b, int64_t i, int32_t real, int32_t part,
                 int number)
{
    const int64_t segments = z->packed ? z->rows : 1, segment = z->packed ? b : 0;
    t->seg[i] = real ? (int32_t)segment + 1 : 0;
    t->part[i] = (int32_t)(number + VERIFY_OUTPUTS * (segment + segments * part));
}

/* A field of a target, as long as all of it is. */
static omn_status field(verify *v, const char *role, const char *what, int64_t *rows,
                        int64_t *length, const int32_t **out, omn_error *err)
{
    omn_status st = OMN_OK;
    char name[96];
    const omn_tensor *t = NULL;
    if (*what) snprintf(name, sizeof name, "in.targets/%s/%s", role, what);
    else snprintf(name, sizeof name, "in.codes/%s", role);
    OMN_TRY(verify_input(v, name, OMN_I32, 2, &t, err));
    if (!*rows) *rows = t->shape.dim[0];
    if (!*length) *length = t->shape.dim[1];
    if (t->shape.dim[0] != *rows || t->shape.dim[1] != *length) {
        char text[96];
        st = omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" is %s; [%lld, %lld] is wanted", v->name, name,
                      omn_shape_text(&t->shape, text, sizeof text), (long long)*rows,
                      (long long)*length);
    }
    *out = t->data;
done:
    return st;
}

static omn_status text_target(verify *v, omn_feed *feed, verify_sizes *z, int64_t *length,
                              omn_error *err)
{
    static const char *const names[] = { "inputs", "pos_ids", "mask", "segment_ids", "targets" };
    omn_status st = OMN_OK;
    const int32_t *f[5];
    target t;
    for (int i = 0; i < 5; i++) OMN_TRY(field(v, "text", names[i], &z->rows, length, &f[i], err));
    OMN_TRY(make(v, feed, "text", z, *length, &t, err));
    for (int64_t i = 0; i < z->rows * *length; i++) {
        t.ids[i] = f[0][i];
        t.pos[i] = f[1][i];
        mark(z, &t, i / *length, i, f[2][i], f[3][i], 0);
        t.labels[i] = f[4][i];
        t.weight[i] = (float)f[2][i];
    }
done:
    return st;
}

/* Where code i of a sound, which lies mel by mel, stands among ids, which lie time by time. */
static int64_t place(bool turn, int64_t bands, int64_t L, int64_t i)
{
    return turn ? i % (L / bands) * bands + i / (L / bands) : i;
}

static omn_status codes_target(verify *v, omn_feed *feed, int number, verify_sizes *z,
                               int64_t *length, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *role = outputs[number];
    const int32_t *codes, *mask, *loss, *task;
    target t;
    OMN_TRY(field(v, role, "", &z->rows, length, &codes, err));
    OMN_TRY(field(v, role, "mask", &z->rows, length, &mask, err));
    OMN_TRY(field(v, role, "loss_mask", &z->rows, length, &loss, err));
    OMN_TRY(field(v, role, "task_mask", &z->rows, length, &task, err));
    OMN_TRY(make(v, feed, role, z, *length, &t, err));
    const bool turn = v->bands > 0 && !strcmp(role, "audio") && *length % v->bands == 0;
    for (int64_t b = 0; b < z->rows; b++)
        for (int64_t i = 0; i < *length; i++)
            t.labels[b * *length + place(turn, v->bands, *length, i)] = codes[b * *length + i] + 2;
    for (int64_t i = 0; i < z->rows * *length; i++) {
        t.pos[i] = (int32_t)(i % *length);
        mark(z, &t, i / *length, i, mask[i], 0, number);
        t.weight[i] = (float)loss[i];
        t.ids[i] = t.pos[i] ? t.labels[i - 1] : 0;
        if (t.noised && t.pos[i]) t.noised[i] = (float)task[i - 1];
    }
done:
    return st;
}

omn_status verify_targets(verify *v, omn_feed *feed, verify_sizes *z, omn_error *err)
{
    omn_status st = OMN_OK;
    for (int i = 0; i < VERIFY_OUTPUTS; i++) {
        char name[96];
        int64_t *length = &z->targets[z->n_outputs];
        snprintf(name, sizeof name, i ? "in.codes/%s" : "in.targets/%s/inputs", outputs[i]);
        if (!omn_weights_get(v->in, name)) continue;
        z->outputs[z->n_outputs++] = outputs[i];
        OMN_TRY(i ? codes_target(v, feed, i, z, length, err)
                  : text_target(v, feed, z, length, err));
    }
    for (uint32_t i = 0; i < z->n_outputs && z->packed; i++) z->targets[i] *= z->rows;
    if (!z->n_outputs)
        st = omn_fail(err, OMN_ERR_UNSUPPORTED, "%s: not supported, it has no targets", v->name);
done:
    return st;
}

/* ---- packing -------------------------------------------------------------------------------- */

omn_status verify_pack(verify *v, omn_feed *feed, verify_sizes *z, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_tensor *seg[VERIFY_ROLES];
    int64_t length[VERIFY_ROLES], whole = 0, n = 0, before = 0;
    void *map = NULL, *segment = NULL;
    for (uint32_t i = 0; i < z->n_roles; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s.seg", z->roles[i]);
        if (!(seg[i] = omn_feed_get(feed, name)))
            return omn_fail(err, OMN_ERR_INTERNAL, "%s: %s is not there", v->name, name);
        length[i] = (int64_t)(seg[i]->bytes / sizeof(int32_t)) / z->rows;
        whole += length[i];
    }
    z->packed = true;
    z->packed_length = z->rows * whole;
    OMN_TRY(omn_feed_new(feed, "pack.map", OMN_I32, omn_dim2(1, z->packed_length), &map, err));
    OMN_TRY(omn_feed_new(feed, "pack.seg", OMN_I32, omn_dim2(1, z->packed_length), &segment, err));
    for (uint32_t i = 0; i < z->n_roles; before += length[i++])
        for (int64_t b = 0; b < z->rows; b++)
            for (int64_t k = 0; k < length[i]; k++, n++) {
                const int32_t real = ((const int32_t *)seg[i]->data)[b * length[i] + k];
                ((int32_t *)map)[n] = (int32_t)(b * whole + before + k);
                ((int32_t *)segment)[n] = real ? (int32_t)b + 1 : 0;
            }
done:
    return st;
}
