/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin whose ops are wrong in one way each, and one that asks for memory. */
#include <omnio/graph.h>

#include <string.h>

/* ---- rules ----------------------------------------------------------------------------------- */

#define RULE(name)                                                                                 \
    static omn_status name(const void *params, const omn_shape *in, const omn_type *in_type,       \
                           omn_shape *out, omn_type *out_type, omn_error *err)
#define UNUSED_RULE (void)params, (void)in, (void)in_type, (void)out, (void)out_type, (void)err

RULE(same)
{
    UNUSED_RULE;
    out[0] = in[0];
    out_type[0] = OMN_F32;
    return OMN_OK;
}

RULE(wild)
{
    UNUSED_RULE;
    out[0] = in[0];
    out[0].rank = 200;
    out_type[0] = (omn_type)77;
    return OMN_OK;
}

RULE(lazy)
{
    UNUSED_RULE;
    return OMN_OK;
}

RULE(none)
{
    UNUSED_RULE;
    out[0] = omn_dim2(3, 0);
    out_type[0] = OMN_F32;
    return OMN_OK;
}

RULE(huge)
{
    UNUSED_RULE;
    out[0] = omn_dim2((int64_t)1 << 32, (int64_t)1 << 32);
    out_type[0] = OMN_F32;
    return OMN_OK;
}

RULE(odd)
{
    UNUSED_RULE;
    return (omn_status)-5;
}

RULE(address)
{
    UNUSED_RULE;
    out[0] = omn_dim1(1);
    out_type[0] = OMN_I64;
    return OMN_OK;
}

/* ---- kernels --------------------------------------------------------------------------------- */

#define RUN(name)                                                                                  \
    static omn_status name(omn_call *c, const void *params, const omn_tensor *in,                  \
                           const omn_tensor *out, void *const *y, omn_error *err)
#define UNUSED_RUN (void)c, (void)params, (void)in, (void)out, (void)y, (void)err

RUN(copy)
{
    UNUSED_RUN;
    memcpy(y[0], in[0].data, out[0].bytes);
    return OMN_OK;
}

RUN(fails)
{
    UNUSED_RUN;
    return omn_fail(err, OMN_ERR_FAILED, "the moon is in the wrong house");
}

RUN(mute)
{
    UNUSED_RUN;
    return OMN_ERR_FAILED;
}

RUN(strange)
{
    UNUSED_RUN;
    return (omn_status)1000;
}

/* Says where its scratch memory lies. */
RUN(takes)
{
    UNUSED_RUN;
    const int64_t at = (int64_t)(intptr_t)omn_call_scratch(c, 100, 1);
    memcpy(y[0], &at, sizeof at);
    return OMN_OK;
}

/* ---- gradients ------------------------------------------------------------------------------- */

static void narrow(const void *params, omn_scope *s, omn_node *const *in, omn_node *const *out,
                   omn_node *gy, omn_node **gx)
{
    (void)params, (void)in, (void)out;
    gx[0] = omn_sum(s, gy, 1, false, false);
}

static void whole(const void *params, omn_scope *s, omn_node *const *in, omn_node *const *out,
                  omn_node *gy, omn_node **gx)
{
    static const int32_t zeros[4];
    (void)params, (void)in, (void)out, (void)gy;
    gx[0] = omn_const(s, OMN_I32, omn_dim1(4), zeros);
}

#define OP(name, help, n_in, rule, run, gradient)                                                  \
    { "omnio.op/1", name, help,                                                                    \
      &(const omn_op_impl){ NULL, n_in, 1, rule, run, gradient }, NULL, 0, 0 }
static const omn_object objects[] = {
    OP("bad.wild", "a rule that gives no shape", 1, wild, copy, NULL),
    OP("bad.lazy", "a rule that says nothing", 1, lazy, copy, NULL),
    OP("bad.none", "a rule that gives a size of 0", 1, none, copy, NULL),
    OP("bad.huge", "a rule that gives 2^64 elements", 1, huge, copy, NULL),
    OP("bad.odd", "a rule that returns no status", 1, odd, copy, NULL),
    OP("bad.fails", "fails when it runs", 1, same, fails, NULL),
    OP("bad.mute", "fails and does not say why", 1, same, mute, NULL),
    OP("bad.strange", "returns no status when it runs", 1, same, strange, NULL),
    OP("bad.narrow", "a gradient of another shape", 1, same, copy, narrow),
    OP("bad.whole", "a gradient of whole numbers", 1, same, copy, whole),
    OP("good.takes", "where its scratch memory lies", 1, address, takes, NULL),
};
OMN_PLUGIN("badops", "1.0", "Apache-2.0", "wrong ops for the tests", objects);
