/* SPDX-License-Identifier: Apache-2.0 */
/* The list of known kinds, and the shapes of those that this floor calls itself. */
#include "impls.h"

#include "param.h"

#include <omnio/company.h>
#include <omnio/plugin.h>

#include <string.h>

static const impl_member operation_members[] = {
    IMPL_MEMBER(omn_operation_impl, extension, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_operation_impl, fn, IMPL_CODE),
};

static const char *operation_wrong(const void *impl)
{
    const omn_operation_impl *m = impl;
    return m->flags > OMN_SERIAL ? "has unknown flags" : NULL;
}

IMPL_SHAPE(impl_operation, "omnio.operation/1", "operation", omn_operation_impl, operation_members,
           operation_wrong);

static const impl_member format_members[] = {
    IMPL_MEMBER(omn_format_impl, extension, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_format_impl, makes, IMPL_TEXT),
    IMPL_MEMBER(omn_format_impl, suffixes, IMPL_TEXT),
    IMPL_MEMBER(omn_format_impl, probe, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_format_impl, read, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_format_impl, write, IMPL_MAYBE_CODE),
};

static const char *format_wrong(const void *impl)
{
    const omn_format_impl *m = impl;
    if (!param_kind_good(m->makes)) return "makes what cannot be a kind of value";
    if ((m->read && !m->probe) || (!m->read && !m->write)) return "needs probe and read, or write";
    return NULL;
}

IMPL_SHAPE(impl_format, "omnio.format/1", "format", omn_format_impl, format_members, format_wrong);

static const impl_member weights_members[] = {
    IMPL_MEMBER(omn_weights_impl, extension, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_weights_impl, suffixes, IMPL_TEXT),
    IMPL_MEMBER(omn_weights_impl, probe, IMPL_CODE),
    IMPL_MEMBER(omn_weights_impl, open, IMPL_CODE),
    IMPL_MEMBER(omn_weights_impl, close, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_weights_impl, read, IMPL_MAYBE_CODE),
};

IMPL_SHAPE(impl_weights, "omnio.weights/1", "format of weights", omn_weights_impl, weights_members,
           NULL);

static const impl_member company_members[] = {
    IMPL_MEMBER(omn_company_impl, extension, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_company_impl, signs, IMPL_TEXT),
    IMPL_MEMBER(omn_company_impl, open, IMPL_CODE),
    IMPL_MEMBER(omn_company_impl, close, IMPL_CODE),
    IMPL_MEMBER(omn_company_impl, rank, IMPL_CODE),
    IMPL_MEMBER(omn_company_impl, size, IMPL_CODE),
    IMPL_MEMBER(omn_company_impl, barrier, IMPL_CODE),
    IMPL_MEMBER(omn_company_impl, sum, IMPL_CODE),
    IMPL_MEMBER(omn_company_impl, sum_begin, IMPL_CODE),
    IMPL_MEMBER(omn_company_impl, sum_poll, IMPL_CODE),
    IMPL_MEMBER(omn_company_impl, sum_end, IMPL_CODE),
    IMPL_MEMBER(omn_company_impl, take, IMPL_CODE),
    IMPL_MEMBER(omn_company_impl, abort, IMPL_CODE),
};

IMPL_SHAPE(impl_company, "omnio.company/1", "company", omn_company_impl, company_members, NULL);

static const impl_member value_members[] = {
    IMPL_MEMBER(omn_value_impl, extension, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_value_impl, place, IMPL_MAYBE_TEXT),
    IMPL_MEMBER(omn_value_impl, item, IMPL_MAYBE_TEXT),
    IMPL_MEMBER(omn_value_impl, format, IMPL_MAYBE_TEXT),
    IMPL_MEMBER(omn_value_impl, check, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_value_impl, text, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_value_impl, form, IMPL_MAYBE_TEXT),
    IMPL_MEMBER(omn_value_impl, example, IMPL_MAYBE_TEXT),
    IMPL_MEMBER(omn_value_impl, word, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_value_impl, json, IMPL_MAYBE_CODE),
    IMPL_MEMBER(omn_value_impl, convert, IMPL_MAYBE_CODE),
};

/* Its columns are looked at by the door, which knows where they may lie. */
IMPL_SHAPE(impl_value, "omnio.value/1", "kind of value", omn_value_impl, value_members, NULL);

const impl_shape *impl_shape_of(const char *kind)
{
    static const impl_shape *const known[] = {
        &impl_operation, &impl_format,  &impl_value,   &impl_compute, &impl_op,
        &impl_codec,     &impl_encoder, &impl_decoder, &impl_model,   &impl_source,
        &impl_measure,   &impl_objective, &impl_world, &impl_answer, &impl_weights,
        &impl_company,
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i]->kind, kind) == 0) return known[i];
    return NULL;
}
