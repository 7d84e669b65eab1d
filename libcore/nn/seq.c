/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences: what an encoder hands to a model. Vectors with segment numbers, positions and (set by
 * the model) rotary rows, joined along their length and, when rows are packed, gathered into fewer
 * rows. */
#include <omnio/nn.h>

struct omn_seq {
    omn_node *x, *seg, *pos, *rot, *part;
    int64_t grid_h, grid_w;
};

static omn_seq *make(omn_scope *s)
{
    omn_seq *q = omn_arena_alloc(omn_scope_arena(s), 1, sizeof *q);
    if (!q) omn_scope_fail(s, OMN_ERR_MEMORY, "a sequence: out of memory");
    return q;
}

omn_seq *omn_seq_new(omn_scope *s, omn_node *x, omn_node *seg, omn_node *pos, int64_t grid_h,
                     int64_t grid_w)
{
    if (omn_scope_failed(s)) return NULL;
    const omn_shape xs = omn_node_shape(x), gs = omn_node_shape(seg), ps = omn_node_shape(pos);
    char a[96], b[96], c[96];
    if (xs.rank != 3 || gs.rank != 2 || ps.rank != 2 || gs.dim[1] != xs.dim[1] ||
        ps.dim[1] != xs.dim[1] || gs.dim[0] != xs.dim[0] || ps.dim[0] != xs.dim[0]) {
        omn_scope_fail(s, OMN_ERR_SHAPE,
                       "sequence: vectors %s want segments and positions of their first two sizes, "
                       "found %s and %s", omn_shape_text(&xs, a, sizeof a),
                       omn_shape_text(&gs, b, sizeof b), omn_shape_text(&ps, c, sizeof c));
        return NULL;
    }
    omn_seq *q = make(s);
    if (q) *q = (omn_seq){ .x = x, .seg = seg, .pos = pos, .grid_h = grid_h, .grid_w = grid_w };
    return q;
}

omn_node *omn_seq_get_x(const omn_seq *q) { return q ? q->x : NULL; }
omn_node *omn_seq_get_seg(const omn_seq *q) { return q ? q->seg : NULL; }
omn_node *omn_seq_get_pos(const omn_seq *q) { return q ? q->pos : NULL; }
omn_node *omn_seq_get_rot(const omn_seq *q) { return q ? q->rot : NULL; }
omn_node *omn_seq_get_part(const omn_seq *q) { return q ? q->part : NULL; }

void omn_seq_get_grid(const omn_seq *q, int64_t *h, int64_t *w)
{
    *h = q ? q->grid_h : 0;
    *w = q ? q->grid_w : 0;
}

void omn_seq_set_x(omn_seq *q, omn_node *x)
{
    if (q) q->x = x;
}

void omn_seq_set_rot(omn_seq *q, omn_node *rot)
{
    if (q) q->rot = rot;
}

void omn_seq_set_part(omn_seq *q, omn_node *part)
{
    if (q) q->part = part;
}

/* The members of n sequences at one offset, joined along the length; NULL when any lacks it. */
static omn_node *join(omn_scope *s, omn_seq *const *parts, size_t n, size_t offset)
{
    omn_node **list = omn_arena_alloc(omn_scope_arena(s), n, sizeof *list);
    if (!list) return omn_scope_fail(s, OMN_ERR_MEMORY, "joining sequences: out of memory");
    for (size_t i = 0; i < n; i++) {
        list[i] = *(omn_node *const *)(const void *)((const char *)parts[i] + offset);
        if (!list[i]) return NULL;
    }
    return n == 1 ? list[0] : omn_concat(s, list, n, 1);
}

omn_seq *omn_seq_concat(omn_scope *s, omn_seq *const *parts, size_t n)
{
    if (omn_scope_failed(s)) return NULL;
    if (!n) {
        omn_scope_fail(s, OMN_ERR_ARGUMENT, "the model was given no input");
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        if (!parts[i]) return NULL;
    omn_seq *q = make(s);
    if (!q) return NULL;
    q->x = join(s, parts, n, offsetof(omn_seq, x));
    q->seg = join(s, parts, n, offsetof(omn_seq, seg));
    q->pos = join(s, parts, n, offsetof(omn_seq, pos));
    q->rot = join(s, parts, n, offsetof(omn_seq, rot));
    q->part = join(s, parts, n, offsetof(omn_seq, part));
    if (n == 1) omn_seq_get_grid(parts[0], &q->grid_h, &q->grid_w);
    return q;
}

omn_seq *omn_seq_pack(omn_scope *s, omn_seq *q, omn_node *map, omn_node *seg)
{
    if (!q || !map || omn_scope_failed(s)) return q;
    omn_seq *p = make(s);
    if (!p) return NULL;
    p->x = omn_gather(s, q->x, map);
    p->seg = seg ? seg : omn_gather(s, q->seg, map);
    p->pos = omn_gather(s, q->pos, map);
    if (q->rot) p->rot = omn_gather(s, q->rot, map);
    if (q->part) p->part = omn_gather(s, q->part, map);
    return p;
}
