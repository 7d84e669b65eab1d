/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes as nodes, of plain operations, so that their gradients and devices are those of the ops. */
#include "detection.h"

#define TINY 1e-20                        /* added where nothing may be divided by: areas */

omn_node *detection_inverse(omn_scope *s, omn_node *x)
{
    x = omn_activate(s, x, OMN_ACT_RSQRT);
    return omn_mul(s, x, x);
}

static omn_node *minus(omn_scope *s, omn_node *a, omn_node *b)
{
    return omn_add(s, a, omn_scale(s, b, -1, 0));
}

/* max(a, b) = b + relu(a - b); min(a, b) = a - relu(a - b) */
static omn_node *greater(omn_scope *s, omn_node *a, omn_node *b)
{
    return omn_add(s, b, omn_activate(s, minus(s, a, b), OMN_ACT_RELU));
}

static omn_node *less(omn_scope *s, omn_node *a, omn_node *b)
{
    return minus(s, a, omn_activate(s, minus(s, a, b), OMN_ACT_RELU));
}

/* The corner on the side `sign` of boxes of a centre and a size, [B,Q,2]. */
static omn_node *corner(omn_scope *s, omn_node *box, double sign)
{
    return omn_add(s, omn_slice(s, box, 2, 0, 2),
                   omn_scale(s, omn_slice(s, box, 2, 2, 2), sign / 2, 0));
}

/* Width times height of [B,Q,2]. */
static omn_node *area(omn_scope *s, omn_node *size)
{
    return omn_mul(s, omn_slice(s, size, 2, 0, 1), omn_slice(s, size, 2, 1, 1));
}

omn_node *detection_giou(omn_scope *s, omn_node *a, omn_node *b)
{
    omn_node *a0 = corner(s, a, -1), *a1 = corner(s, a, 1);
    omn_node *b0 = corner(s, b, -1), *b1 = corner(s, b, 1);
    omn_node *shared = omn_activate(s, minus(s, less(s, a1, b1), greater(s, a0, b0)),
                                    OMN_ACT_RELU);
    omn_node *inside = area(s, shared);
    omn_node *around = area(s, minus(s, greater(s, a1, b1), less(s, a0, b0)));
    omn_node *both = omn_add(s, area(s, minus(s, a1, a0)), area(s, minus(s, b1, b0)));
    both = minus(s, both, inside);
    omn_node *iou = omn_mul(s, inside, detection_inverse(s, omn_scale(s, both, 1, TINY)));
    omn_node *empty = omn_mul(s, minus(s, around, both),
                              detection_inverse(s, omn_scale(s, around, 1, TINY)));
    return minus(s, iou, empty);
}
