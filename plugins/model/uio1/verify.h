/* SPDX-License-Identifier: Apache-2.0 */
/* One golden file of Unified-IO 1 on its way through the comparison: outputs that the original
 * program made from small random weights. */
#ifndef UIO1_VERIFY_H
#define UIO1_VERIFY_H

#include "../golden/golden.h"

#define UIO1_GOLDEN "uio1-golden-1"       /* "format" of its files */

typedef struct verify {
    golden g;                             /* first: a run points at it */
    int64_t V, C;                         /* ids of texts and of pictures */
    int64_t patch;
    int64_t height, width;                /* of pictures that are written; 0: as configured */
    int64_t seen_h, seen_w;               /* of those that are seen; 0: as configured */
} verify;

static inline verify *uio1_of(const golden_run *r) { return (verify *)r->g; }

/* What the inputs of a case need of a graph. */
typedef struct verify_sizes {
    const char *roles[2], *outputs[2];
    int64_t lengths[2], targets[2];       /* places of each */
    uint32_t n_roles, n_outputs;
    int64_t rows;
    double n[2];                          /* places that count, of each target */
} verify_sizes;

/* A number of the file, which need not be aligned. */
static inline int32_t verify_int(const omn_tensor *t, int64_t i)
{
    int32_t x;
    __builtin_memcpy(&x, (const char *)t->data + (size_t)i * sizeof x, sizeof x);
    return x;
}

static inline float verify_real(const omn_tensor *t, int64_t i)
{
    float x;
    __builtin_memcpy(&x, (const char *)t->data + (size_t)i * sizeof x, sizeof x);
    return x;
}

/* Opening and comparing; verify.c */
omn_status verify_open(verify *v, bool training, golden_run *r, omn_error *err);
omn_status verify_compare(golden_run *r, omn_error *err);
/* The inputs, each row so many times; then the targets as they are taught; verify_feed.c */
omn_status verify_inputs(golden_run *r, int64_t times, verify_sizes *z, omn_error *err);
omn_status verify_targets(golden_run *r, verify_sizes *z, bool labels, omn_error *err);
/* One target of so many places for each row, nothing in it yet: of each port a tensor to fill. */
typedef struct verify_target { int32_t *ids, *pos, *seg, *part, *labels; float *weight; }
    verify_target;
omn_status verify_target_new(golden_run *r, const char *role, int64_t rows, int64_t length,
                             bool labels, verify_target *out, omn_error *err);
/* The graph of these, run. */
omn_status verify_run(golden_run *r, omn_phase phase, const verify_sizes *z, bool labels,
                      bool noised, omn_error *err);
/* Logits of pictures without those of their first two ids, as a stage. */
omn_status verify_put_codes(golden_run *r, const char *stage, const float *x, int64_t rows,
                            int64_t places, omn_error *err);

/* The cases; verify_teach.c, verify_step.c, verify_draw.c, verify_image.c */
omn_status verify_taught(verify *v, omn_error *err);
omn_status verify_gradients(verify *v, omn_error *err);
omn_status verify_options(verify *v, omn_error *err);
omn_status verify_texts(verify *v, omn_error *err);
omn_status verify_pictures(verify *v, omn_error *err);
omn_status verify_network(verify *v, omn_error *err);
omn_status verify_tables(verify *v, omn_error *err);
/* The boxes and labels of rows of ids, where the file says how large their pictures are;
 * verify_place.c */
omn_status verify_places(golden_run *r, const int32_t *ids, int64_t rows, int64_t n,
                         omn_error *err);
/* Codes [n,places] of pictures [n,h,w,3] of the inputs through the decoder's network. */
omn_status verify_codes(golden_run *r, const char *from, omn_tensor *codes, omn_error *err);

/* And back: pixels [n,h,w,3] of codes [n,places]. */
omn_status verify_pixels(golden_run *r, const int32_t *codes, omn_shape shape, omn_tensor *pixels,
                         omn_error *err);

/* What the model object answers to "omnio.verify/1". */
extern const omn_verify_impl uio1_verify;

#endif
