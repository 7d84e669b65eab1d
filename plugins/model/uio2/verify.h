/* SPDX-License-Identifier: Apache-2.0 */
/* One golden file of Unified-IO 2 on its way through the comparison: outputs that the original
 * program made from small random weights. What all families share (rows, tolerances, the file
 * itself) is the host's, omnio/learn.h. */
#ifndef UIO2_VERIFY_H
#define UIO2_VERIFY_H

#include <omnio/learn.h>
#include <omnio/train.h>

#define VERIFY_ROLES 5
#define VERIFY_OUTPUTS 3
#define UIO2_GOLDEN "uio2-golden-1"       /* "format" of its files */

typedef struct verify {
    omn_verification *host;
    omn_call *call;
    const char *name;            /* of the golden file, for messages */
    char weights[4608];          /* path of the weights beside it */
    const omn_weights *golden, *in;
    omn_weights *other;          /* the file with the inputs when the golden has none */
    char *config;                /* in the official form, JSON */
    size_t shared;               /* of a curve: so many steps that right programs share; 0: all */
    bool chaotic;                /* and they do not share where it ends */
    int64_t bands;               /* rows of codes of a sound; 0: nobody said */
    double alpha;                /* of guidance; 0: none */
    bool patterns;               /* models are opened with patterns of attention */
} verify;

/* What the inputs of a case need of a graph. */
typedef struct verify_sizes {
    const char *roles[VERIFY_ROLES];
    int64_t lengths[VERIFY_ROLES];
    uint32_t n_roles;
    const char *outputs[VERIFY_OUTPUTS];
    int64_t targets[VERIFY_OUTPUTS];    /* places of each */
    uint32_t n_outputs;
    int64_t rows;
    bool packed;                        /* all rows share one, each in a segment of its own */
    int64_t packed_length;
} verify_sizes;

/* The golden's model: over a given store (training) or its weights as they lie. */
omn_status verify_model(verify *v, omn_store *store, omn_model **out, omn_error *err);
/* in.inputs as the graphs want them, their rows below each other when there are those of guidance
 * too; verify_feed.c */
omn_status verify_inputs(verify *v, const omn_model *m, omn_feed *feed, verify_sizes *z,
                         omn_error *err);
/* What should be written, behind verify_inputs. */
omn_status verify_targets(verify *v, omn_feed *feed, verify_sizes *z, omn_error *err);
/* All rows in one; between the two. */
omn_status verify_pack(verify *v, omn_feed *feed, verify_sizes *z, omn_error *err);
/* Its configuration, after a change of `patterns`. */
omn_status verify_config(verify *v, omn_error *err);
/* A tensor of the inputs, its type and rank checked. */
omn_status verify_input(const verify *v, const char *name, omn_type type, uint32_t rank,
                        const omn_tensor **out, omn_error *err);
/* Every tensor of the golden file that is no input against what `find` gives; rows are told. */
omn_status verify_compare(verify *v, omn_verify_find_fn *find, void *user, omn_error *err);

/* Stages, those of packed rows, gradients, generation, scoring, training. */
omn_status verify_stages(verify *v, omn_error *err);
omn_status verify_packed(verify *v, omn_error *err);
omn_status verify_gradients(verify *v, omn_error *err);
omn_status verify_generation(verify *v, omn_error *err);
omn_status verify_scores(verify *v, omn_error *err);
omn_status verify_training(verify *v, omn_error *err);
/* The teach graph with labels (with gradients when m trains), its feed filled. */
omn_status verify_teach(verify *v, omn_model *m, bool packed, omn_feed *feed, verify_sizes *z,
                        omn_graph **out, omn_error *err);

/* What the model object answers to "omnio.verify/1". */
extern const omn_verify_impl uio2_verify;

#endif
