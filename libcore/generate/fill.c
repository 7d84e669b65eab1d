/* SPDX-License-Identifier: Apache-2.0 */
/* Weights for a model folder that has none: those that a training from nothing would begin with, in
 * the form that is wanted, so that a model of real size can be tried, measured and planned for
 * before anybody has its weights. The model's graphs say which weights there are and how each
 * begins; of a file that is larger than memory one tensor is there at a time. */
#include "folder.h"
#include "open.h"

#include "libcore/graph/inside.h"
#include "libcore/graph/reads.h"
#include "libcore/tensor/weights_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Elements at a time: even, for numbers are drawn in pairs, and whole blocks of any form. */
enum { PART = 2048 };

typedef struct job {
    const omn_seed_setup *how;
    omn_call *call;
    omn_model *m;
    omn_store *store;
    writing *list;
    size_t n;
    unsigned char *made;
    uint64_t done, total;
} job;

/* ---- what a tensor becomes ------------------------------------------------------------------ */

/* Blocks for matrices that are read in blocks alone, of which the rows are made; f32 for what is no
 * matrix and would be blocks. */
static omn_type form_of(const job *j, const char *name, const omn_shape *shape)
{
    const omn_type want = j->how->form ? j->how->form : OMN_BF16;
    const omn_type_info *info = omn_type_get(want);
    if (!info->block) return want;
    if (shape->rank != 2 || !program_reads_blocks(omn_model_program(j->m), name)) return OMN_BF16;
    if (shape->dim[1] % info->block == 0) return want;
    const omn_type small = want == OMN_Q6_K || want == OMN_Q8_0 ? OMN_Q8_0 : OMN_Q4_0;
    return shape->dim[1] % omn_type_get(small)->block == 0 ? small : OMN_BF16;
}

static omn_status decide(job *j, omn_seeded *out, omn_error *err)
{
    j->n = omn_store_count(j->store);
    j->list = calloc(j->n + 1, sizeof *j->list);
    if (!j->list) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu tensors", j->n);
    for (size_t i = 0; i < j->n; i++) {
        writing *w = &j->list[i];
        const omn_tensor t = omn_store_tensor(j->store, i);
        size_t count = 0;
        *w = (writing){ .name = omn_store_name(j->store, i) };
        w->tensor = (omn_tensor){ form_of(j, w->name, &t.shape), t.shape, NULL, 0 };
        if (!omn_shape_bytes(&t.shape, w->tensor.type, &w->tensor.bytes) ||
            !omn_shape_count(&t.shape, &count))
            return omn_fail(err, OMN_ERR_SHAPE, "%s: too large", w->name);
        out->tensors++;
        out->parameters += count;
        out->bytes += w->tensor.bytes;
        j->total += count;
        out->formed += omn_type_get(w->tensor.type)->block > 0;
    }
    return OMN_OK;
}

/* ---- the bytes ------------------------------------------------------------------------------ */

typedef struct filling {
    const job *j;
    size_t i, count;
    const writing *w;
} filling;

static void fill_parts(void *user, size_t from, size_t to)
{
    const filling *f = user;
    const omn_shape part = omn_dim1(PART);
    const omn_type type = f->w->tensor.type;
    size_t each = 0;
    float x[PART];
    if (!omn_shape_bytes(&part, type, &each)) return; /* never: whole blocks of any type */
    for (size_t p = from; p < to; p++) {
        const size_t at = p * PART, n = f->count - at < PART ? f->count - at : PART;
        store_initial(f->j->store, f->i, f->j->how->seed, at, x, n);
        (void)omn_from_f32(type, x, n, f->j->made + p * each); /* one of the forms that it has */
    }
}

static omn_status make(void *user, size_t i, const void **bytes, omn_error *err)
{
    job *j = user;
    filling f = { j, i, 0, &j->list[i] };
    if (!omn_shape_count(&f.w->tensor.shape, &f.count))
        return omn_fail(err, OMN_ERR_INTERNAL, "%s: was counted before", f.w->name);
    if (omn_call_cancelled(j->call)) return omn_fail(err, OMN_ERR_CANCELLED, "stopped");
    free(j->made);
    j->made = malloc(f.w->tensor.bytes + 1);
    if (!j->made)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for %zu bytes", f.w->name,
                        f.w->tensor.bytes);
    const omn_status st =
        omn_call_split(j->call, (f.count + PART - 1) / PART, 8, fill_parts, &f, err);
    j->done += f.count;
    omn_call_progress(j->call, j->done, j->total);
    *bytes = j->made;
    return st;
}

/* ---- the folder ----------------------------------------------------------------------------- */

static omn_status check_folder(const char *folder, omn_overwrite how, char *out, size_t room,
                               omn_error *err)
{
    struct stat s;
    static const char *const all[] = { "model.safetensors.index.json", "pytorch_model.bin",
                                         "model.safetensors" };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const int n = snprintf(out, room, "%s/%s", folder, all[i]);
        if (n < 0 || (size_t)n >= room)
            return omn_fail(err, OMN_ERR_ARGUMENT, "%s: the path is too long", folder);
        if (stat(out, &s) == 0 && (how == OMN_KEEP_EXISTING || i < 2))
            return omn_fail(err, OMN_ERR_ARGUMENT, "%s is there: the model has weights", out);
    }
    return OMN_OK;
}

static omn_status check_form(omn_type form, omn_error *err)
{
    switch ((int)form) {
    case OMN_TYPE_NONE: case OMN_F32: case OMN_BF16: case OMN_F16: case OMN_Q8_0: case OMN_Q4_0:
    case OMN_Q4_K: case OMN_Q6_K: return OMN_OK;
    default:
        return omn_fail(err, OMN_ERR_ARGUMENT, "weights cannot be made as type %d", (int)form);
    }
}

omn_status omn_model_seed(omn_context *ctx, omn_call *c, const char *folder,
                          const omn_seed_setup *how, omn_seeded *out, omn_error *err)
{
    omn_status st = OMN_OK;
    char path[4400], seed[32];
    const omn_overwrite over = how->overwrite ? OMN_OVERWRITE : OMN_KEEP_EXISTING;
    const char *const meta[] = { "format", "pt", "omnio.initial", seed };
    job j = { .how = how, .call = c };
    omn_seeded sums = { 0 };
    OMN_TRY(check_form(how->form, err));
    OMN_TRY(check_folder(folder, over, path, sizeof path, err));
    OMN_TRY(omn_store_new(how->seed, NULL, true, &j.store, err));
    store_hollow(j.store);
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .device = "cpu", .training = true,
                                    .precision = OMN_PRECISION_F32, .store = j.store };
    OMN_TRY(omn_model_open(ctx, folder, &setup, &j.m, err));
    OMN_TRY(omn_model_keys(j.m, err));
    OMN_TRY(omn_model_declare(j.m, err));
    OMN_TRY(decide(&j, &sums, err));
    snprintf(seed, sizeof seed, "seed %llu", (unsigned long long)how->seed);
    OMN_TRY(weights_write(path, over, j.list, j.n, meta, 2, NULL, make, &j, err));
    sums.size = out->size;
    memcpy(out, &sums, out->size < sizeof sums ? out->size : sizeof sums);
done:
    free(j.made);
    free(j.list);
    omn_model_close(j.m);
    omn_store_free(j.store);
    return st;
}
