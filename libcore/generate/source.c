/* SPDX-License-Identifier: Apache-2.0 */
/* Sources for hosts that want examples and no training: to look at them, say. */
#include "open.h"

#include <omnio/kinds.h>

#include <stdlib.h>

struct omn_source {
    omn_call *call;
    omn_open *open;
    omn_part *part;
    const omn_source_impl *impl;
};

omn_status omn_source_open(omn_context *ctx, const char *name, const omn_setting *set, size_t n,
                           omn_source **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_error why = OMN_ERROR_INIT;
    omn_source *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", name);
    OMN_TRY(omn_context_call(ctx, 0, 0, NULL, &s->call, &why));
    OMN_TRY(open_begin(ctx, s->call, NULL, NULL, "", &s->open, &why));
    s->part = part_open_settings(s->open, name, "omnio.source/1", name, set, n, "", &why);
    if (!s->part) {
        st = why.status ? (omn_status)why.status : OMN_ERR_FAILED;
        goto done;
    }
    s->impl = s->part->impl;
    *out = s;
    return OMN_OK;
done:
    if (err && !err->status) *err = why;
    omn_source_close(s);
    return st;
}

void omn_source_close(omn_source *s)
{
    if (!s) return;
    open_end(s->open);
    omn_call_free(s->call);
    free(s);
}

uint64_t omn_source_count(const omn_source *s, omn_split split)
{
    return s->impl->count(s->part->self, split);
}

omn_status omn_source_get(omn_source *s, omn_split split, uint64_t index, omn_value **out,
                          omn_error *err)
{
    *out = NULL;
    const uint64_t n = omn_source_count(s, split);
    if (index >= n)
        return omn_fail(err, OMN_ERR_ARGUMENT, "source %s: it has %llu examples here, not number "
                        "%llu", s->part->object, (unsigned long long)n, (unsigned long long)index);
    const omn_status st = s->impl->get(s->part->self, s->call, split, index, out, err);
    if (st != OMN_OK || omn_value_is(*out, "record")) return st;
    omn_value_unref(*out);
    *out = NULL;
    return omn_fail(err, OMN_ERR_PLUGIN, "source %s: its example is no record", s->part->object);
}
