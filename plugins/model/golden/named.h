/* SPDX-License-Identifier: Apache-2.0 */
/* Golden files whose configuration is the model's own and whose tensors have the names that they
 * have in its graphs: what is fed is "in.ROLE.PORT" and "in.target.PORT", what comes out is a
 * stage. Families whose files are made by a program of this tree need nothing else to compare. */
#ifndef GOLDEN_NAMED_H
#define GOLDEN_NAMED_H

#include "golden.h"

typedef struct golden_role {
    const char *role;
    const char *along;                    /* port whose first axis behind the batch varies; NULL:
                                           * none does */
} golden_role;

typedef struct golden_named {
    const golden_role *roles;             /* in the model's order; those that are fed take part */
    uint32_t n_roles;
    const char *const *frozen;            /* weights without gradients */
    size_t n_frozen;
    omn_tolerance_fn *tolerance;          /* NULL: 2e-5 + 2e-5 of the number wanted,
                                           * gradients 5e-6 + 2e-4 */
} golden_named;

/* Runs the case and compares. Its __metadata__ may say
 *   "phase"   "embed", "encode", "teach" (with labels; usual)
 *   "output"  decoder role of what "in.target.*" feeds; usual: none
 *   "inputs"  what is not here of the inputs lies in the file MODEL.INPUTS.safetensors beside it
 *   "rate"    of Adam, for a stage "losses" [steps]: what each step's loss was
 * Stages "grad.NAME" and "gradnorm.NAME" are of the loss in f32. [run] */
omn_status golden_named_run(const golden_named *how, omn_verification *host, omn_error *err);

#endif
