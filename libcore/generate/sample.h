/* SPDX-License-Identifier: Apache-2.0 */
/* What temperature, top-k and top-p leave of logits. Not installed. */
#ifndef OMNIO_GENERATE_SAMPLE_H
#define OMNIO_GENERATE_SAMPLE_H

#include <omnio/generate.h>

typedef struct candidate { float logit; int32_t id; } candidate;
/* Falling logits (divided by the temperature), rising ids on ties; the first `kept` may be drawn,
 * their probability is exp(logit - first logit) / sum. */
typedef struct cut { candidate *c; size_t kept; double sum; } cut;

/* temperature above 0; ids with logit -INFINITY take no part. OMN_ERR_MEMORY; free(out->c). */
omn_status sample_cut(const float *logits, size_t n, double temperature, int32_t top_k,
                      double top_p, omn_top_p_rule rule, cut *out, omn_error *err);
/* The id that u in [0, 1) falls on. */
int32_t sample_draw(const cut *k, double u);
int32_t sample_largest(const float *x, size_t n);

#endif
