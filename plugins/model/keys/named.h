/* SPDX-License-Identifier: Apache-2.0 */
/* Layers whose weights are NAME.weight and NAME.bias below a scope, and what models that are taught
 * by pairs share. [build] all of it. */
#ifndef MODEL_NAMED_H
#define MODEL_NAMED_H

#include <omnio/kinds.h>

/* LayerNorm of x [.., D]. */
omn_node *named_norm(omn_scope *s, const char *name, double eps, omn_node *x);
/* x [.., K] times weight [out, K], plus bias [out] where there is one. */
omn_node *named_linear(omn_scope *s, const char *name, omn_node *x, int64_t out, bool bias);
/* What stands at the first place of x [B,T,D]: [B,D]. */
omn_node *named_first(omn_scope *s, omn_node *x);
/* seg [B,T] i32 as f32: 1 where it is not 0. */
omn_node *named_real(omn_scope *s, omn_node *seg);
/* One number everywhere, i32 [B,T]. */
omn_node *named_filled(omn_scope *s, int64_t B, int64_t T, int32_t x);

/* For each row of a [B,D] the other row of b [B,D] whose product with it is largest, i32 [B]; no
 * gradient. */
omn_node *pairs_most_alike(omn_scope *s, omn_node *a, omn_node *b);
/* Rows row[b] i32 [B] of x [B,..]. */
omn_node *pairs_pick(omn_scope *s, omn_node *x, omn_node *row);
/* Labels i32 [n B] of B right pairs and (n - 1) B wrong ones. */
omn_node *pairs_labels(omn_scope *s, int64_t B, int64_t n);

#endif
