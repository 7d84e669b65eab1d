/* SPDX-License-Identifier: Apache-2.0 */
/* One golden file on its way through the comparison: shared by the cases of this floor and the
 * training case of the floor above. Not installed. */
#ifndef OMNIO_GENERATE_VERIFY_H
#define OMNIO_GENERATE_VERIFY_H

#include "open.h"

#define VERIFY_ROLES 2

typedef void verify_row_fn(void *user, const omn_verify_row *row);

typedef struct verify {
    omn_context *ctx;
    omn_call *call;
    const char *file;
    char name[512];              /* of the golden file, for messages */
    char weights[4608];          /* path of the weights beside it */
    omn_weights *golden, *other; /* other: the file with the inputs when the golden has none */
    const omn_weights *in;
    json_t *config; /* in the official form */
    verify_row_fn *on_row;
    void *user;
    size_t rows, wrong;
} verify;

/* What the inputs of a case need of a graph. */
typedef struct verify_sizes {
    const char *roles[VERIFY_ROLES];
    int64_t lengths[VERIFY_ROLES];
    uint32_t n_roles;
    int64_t rows, target_length;
} verify_sizes;

/* A stage by its golden name; false when the run did not make it. */
typedef bool verify_find_fn(void *user, const char *stage, omn_tensor *out);

omn_status verify_open(omn_context *ctx, const char *file, verify_row_fn *on_row, void *user,
                       verify **out, omn_error *err);
void verify_close(verify *v);
/* The golden's model: over a given store (training) or its weights as they lie. */
omn_status verify_model(verify *v, omn_store *store, omn_model **out, omn_error *err);
/* in.inputs and, when `targets`, in.targets as the graphs want them. */
omn_status verify_feed(verify *v, bool targets, omn_feed *feed, verify_sizes *z, omn_error *err);
/* A tensor of the inputs, its type and rank checked. */
omn_status verify_input(const verify *v, const char *name, omn_type type, uint32_t rank,
                        const omn_tensor **out, omn_error *err);
/* Every tensor of the golden file that is no input against what `find` gives; rows are told. */
omn_status verify_compare(verify *v, verify_find_fn *find, void *user, omn_error *err);

/* Stages, gradients, generation, scoring. */
omn_status verify_stages(verify *v, omn_error *err);
omn_status verify_gradients(verify *v, omn_error *err);
omn_status verify_generation(verify *v, omn_error *err);
omn_status verify_scores(verify *v, omn_error *err);
/* The teach graph with labels (with gradients when m trains), its feed filled. */
omn_status verify_teach(verify *v, omn_model *m, omn_feed *feed, verify_sizes *z, omn_graph **out,
                        omn_error *err);
/* Open, run the case that this file holds, close; `train` runs training cases. */
typedef omn_status verify_train_fn(verify *v, omn_error *err);
omn_status verify_case(omn_context *ctx, const char *file, verify_row_fn *on_row, void *user,
                       verify_train_fn *train, omn_error *err);

#endif
