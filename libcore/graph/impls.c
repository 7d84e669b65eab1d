/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin has to bring that offers a device or an op: the door's view of those structs. */
#include "libcore/plugin/impls.h"

#include <omnio/compute.h>
#include <omnio/graph.h>

#define DEVICE(member) IMPL_MEMBER(omn_compute_impl, member, IMPL_CODE)
static const impl_member compute_members[] = {
    IMPL_MEMBER(omn_compute_impl, extension, IMPL_MAYBE_CODE),
    DEVICE(count),
    DEVICE(describe),
    DEVICE(open),
    DEVICE(close),
    DEVICE(alloc),
    DEVICE(wrap),
    DEVICE(release),
    DEVICE(cost),
    DEVICE(queue_new),
    DEVICE(queue_free),
    DEVICE(prepare),
    DEVICE(forget),
    DEVICE(submit),
    DEVICE(wait),
    DEVICE(map),
    DEVICE(unmap),
};
IMPL_SHAPE(impl_compute, "omnio.compute/1", "device", omn_compute_impl, compute_members, NULL);

static const impl_member op_members[] = {
    IMPL_MEMBER(omn_op_impl, extension, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_op_impl, rule, IMPL_CODE),
    IMPL_MEMBER(omn_op_impl, run, IMPL_CODE),
    IMPL_MEMBER(omn_op_impl, gradient, IMPL_MAYBE_CODE),
};

static const char *op_wrong(const void *impl)
{
    const omn_op_impl *m = impl;
    bool fits = m->n_in >= 1 && m->n_in <= OMN_OP_MOST && m->n_out >= 1 && m->n_out <= OMN_OP_MOST;
    return fits ? NULL : "needs 1 to 8 inputs and outputs";
}

IMPL_SHAPE(impl_op, "omnio.op/1", "op", omn_op_impl, op_members, op_wrong);
_Static_assert(OMN_OP_MOST == 8, "the message above says so");
