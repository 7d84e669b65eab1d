/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files of Gato: numbers of two independent implementations of its description, for none of
 * the original program is public. */
#ifndef GATO_VERIFY_H
#define GATO_VERIFY_H

#include "gato.h"

#include "../golden/golden.h"

#define GATO_GOLDEN "gato-golden-1"       /* "format" of its files */

typedef struct verify {
    golden g;
    char *config;                         /* as the model reads it */
    gato_ids ids;
} verify;

/* A model over the case's weights; verify.c */
omn_status verify_open(verify *v, bool training, golden_run *r, omn_error *err);
omn_status verify_compare(verify *v, golden_run *r, omn_error *err);
/* What was seen at a step ("in.step.0.1") as a record; verify_row.c */
omn_status verify_observation(const verify *v, const char *step, omn_value **out, omn_error *err);
/* The cases; verify_row.c, verify_act.c */
omn_status verify_forward(verify *v, omn_error *err);
omn_status verify_gradients(verify *v, omn_error *err);
omn_status verify_act(verify *v, omn_error *err);
omn_status verify_quantise(verify *v, omn_error *err);

extern const omn_verify_impl gato_verify;

#endif
