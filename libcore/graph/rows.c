/* SPDX-License-Identifier: Apache-2.0 */
/* Rows by number: embedding, gather (which packs sequences), the rotary turn of heads (Su et al.
 * 2021), whose gradient is the turn backwards, the nearest row of a codebook, and the largest of a
 * row. */
#include "inside.h"

omn_node *omn_embedding(omn_scope *s, omn_node *table, omn_node *ids)
{
    char a[96], b[96];
    if (graph_stop(s, "embedding", 2, (omn_node *[]){ table, ids }) ||
        !graph_is_weight(s, "embedding", "the table", table) ||
        !graph_is_i32(s, "embedding", "ids", ids))
        return NULL;
    omn_shape shape = ids->shape;
    if (table->shape.rank < 2 || ids->shape.rank + table->shape.rank - 1 > OMN_MAX_RANK)
        return graph_fail(s, OMN_ERR_SHAPE, "embedding",
                          "the table is %s, ids are %s; a table [V, D...] is wanted",
                          node_text(table, a), node_text(ids, b));
    for (uint32_t i = 1; i < table->shape.rank; i++) shape.dim[shape.rank++] = table->shape.dim[i];
    return graph_op(s, OP_embedding, NULL, (omn_node *[]){ table, ids }, 2, OMN_F32, shape);
}

void grad_embedding(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    omn_node *in[] = { st->in[1], gy };
    if (wants(st, 0))
        gx[0] = graph_op(s, OP_embedding_grad, NULL, in, 2, OMN_F32, st->in[0]->shape);
}

omn_node *omn_gather(omn_scope *s, omn_node *x, omn_node *map)
{
    char a[96], b[96];
    if (graph_stop(s, "gather", 2, (omn_node *[]){ x, map }) ||
        !graph_is_i32(s, "gather", "map", map))
        return NULL;
    if (x->type != OMN_I32) x = graph_f32(s, "gather", x);
    if (!x) return NULL;
    if (x->shape.rank < 2 || map->shape.rank != 2)
        return graph_fail(s, OMN_ERR_SHAPE, "gather",
                          "x is %s, map is %s; [B, T, ...] and [R, L] are wanted", node_text(x, a),
                          node_text(map, b));
    omn_shape shape = x->shape;
    shape.dim[0] = map->shape.dim[0];
    shape.dim[1] = map->shape.dim[1];
    return graph_op(s, OP_gather, NULL, (omn_node *[]){ x, map }, 2, x->type, shape);
}

void grad_gather(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    omn_node *in[] = { st->in[1], gy };
    if (wants(st, 0)) gx[0] = graph_op(s, OP_gather_grad, NULL, in, 2, OMN_F32, st->in[0]->shape);
}

omn_node *omn_rope(omn_scope *s, omn_node *x, omn_node *rows, omn_rot rot)
{
    char a[96], b[96];
    if (graph_stop(s, "rope", 2, (omn_node *[]){ x, rows })) return NULL;
    x = graph_f32(s, "rope", x);
    rows = graph_f32(s, "rope", rows);
    if (!x || !rows) return NULL;
    if (rot == OMN_ROT_NONE) return x;
    if (rot != OMN_ROT_INTERLEAVED && rot != OMN_ROT_HALF)
        return graph_fail(s, OMN_ERR_ARGUMENT, "rope", "%d is not a rotation", (int)rot);
    const omn_shape *xs = &x->shape, *rs = &rows->shape;
    if (xs->rank != 4 || rs->rank != 3 || xs->dim[3] % 2 || rs->dim[2] != xs->dim[3] ||
        rs->dim[1] != xs->dim[1] || (rs->dim[0] != 1 && rs->dim[0] != xs->dim[0]))
        return graph_fail(s, OMN_ERR_SHAPE, "rope",
                          "x is %s, rows are %s; [B, T, H, K] with an even K and [B or 1, T, K] "
                          "are wanted",
                          node_text(x, a), node_text(rows, b));
    const omn_rope_attrs attrs = { .rot = (int32_t)rot };
    return graph_op(s, OP_rope, &attrs, (omn_node *[]){ x, rows }, 2, OMN_F32, x->shape);
}

void grad_rope(omn_scope *s, const step *st, omn_node *gy, omn_node **gx)
{
    omn_rope_attrs attrs = *(const omn_rope_attrs *)st->attrs;
    attrs.inverse = !attrs.inverse;
    omn_node *in[] = { gy, st->in[1] };
    if (wants(st, 0)) gx[0] = graph_op(s, OP_rope, &attrs, in, 2, OMN_F32, gy->shape);
}

omn_node *omn_vector_quantise(omn_scope *s, omn_node *x, omn_node *codebook)
{
    char a[96], b[96];
    if (graph_stop(s, "vector_quantise", 2, (omn_node *[]){ x, codebook }) ||
        !graph_is_float(s, "vector_quantise", "the codebook", codebook))
        return NULL;
    x = graph_f32(s, "vector_quantise", x);
    if (!x) return NULL;
    if (x->shape.rank < 1 || codebook->shape.rank != 2 ||
        codebook->shape.dim[1] != omn_node_dim(x, -1))
        return graph_fail(s, OMN_ERR_SHAPE, "vector_quantise",
                          "x is %s, the codebook is %s; [..., D] and [V, D] are wanted",
                          node_text(x, a), node_text(codebook, b));
    omn_shape shape = x->shape;
    shape.rank--;
    omn_node *in[] = { x, codebook };
    return graph_op(s, OP_vector_quantise, NULL, in, 2, OMN_I32, shape);
}

uint64_t flops_quantise(const step *st)
{
    return 2 * node_count(st->in[0]) * (uint64_t)st->in[1]->shape.dim[0];
}

omn_node *omn_argmax(omn_scope *s, omn_node *x)
{
    if (graph_stop(s, "argmax", 1, &x)) return NULL;
    x = graph_f32(s, "argmax", x);
    if (!x) return NULL;
    if (x->shape.rank < 1)
        return graph_fail(s, OMN_ERR_SHAPE, "argmax", "x has no axis, at least one is wanted");
    omn_shape shape = x->shape;
    shape.rank--;
    return graph_op(s, OP_argmax, NULL, &x, 1, OMN_I32, shape);
}
