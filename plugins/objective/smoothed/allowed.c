/* SPDX-License-Identifier: Apache-2.0 */
/* A loss among some of the ids: the rest of the vocabulary gets no probability, as where a model is
 * only ever asked for them (codes of a picture). The ids that count are cut out of the logits, and
 * labels are told by their numbers among them. */
#include "smoothed.h"

#include <stdlib.h>

/* A number; false: none stands there. */
static bool number(const char **text, int64_t *out)
{
    char *end = NULL;
    if (**text < '0' || **text > '9') return false;
    *out = strtol(*text, &end, 10);
    *text = end;
    return *out <= INT32_MAX;
}

omn_status smoothed_read_ids(const char *text, smoothed_ids *out, omn_error *err)
{
    const char *at = text;
    int64_t behind = 0;
    out->n = 0;
    out->count = 0;
    while (*at) {
        int64_t from, to;
        if (out->n == SMOOTHED_RANGES || !number(&at, &from)) break;
        to = from;
        if (at[0] == '.' && at[1] == '.') {
            at += 2;
            if (!number(&at, &to)) break;
        }
        if (from < behind || to < from || (*at && (*at != ',' || !at[1]))) break;
        out->from[out->n] = from;
        out->each[out->n++] = to - from + 1;
        out->count += to - from + 1;
        behind = to + 1;
        if (!*at) return OMN_OK;
        at++;
    }
    if (!*text) return OMN_OK;
    return omn_fail(err, OMN_ERR_CONFIG,
                    "smoothed: among is \"%.80s\"; at most %d ranges of ids that rise are wanted, "
                    "\"0..3,50265..58456\"", text, SMOOTHED_RANGES);
}

omn_node *smoothed_among(omn_scope *s, const smoothed_ids *ids, omn_node *logits, omn_node **labels)
{
    const int64_t V = omn_node_dim(logits, -1);
    const int axis = (int)omn_node_shape(logits).rank - 1;
    omn_node *cut[SMOOTHED_RANGES];
    int64_t at = 0;
    if (!ids->n || omn_scope_failed(s)) return logits;
    const size_t last = ids->n - 1;
    if (ids->from[last] + ids->each[last] > V)
        return omn_scope_fail(s, OMN_ERR_CONFIG, "smoothed: among ids up to %lld, the model has "
                              "%lld", (long long)(ids->from[last] + ids->each[last] - 1),
                              (long long)V);
    int32_t *place = omn_arena_alloc(omn_scope_arena(s), (size_t)V, sizeof *place);
    if (!place) return omn_scope_fail(s, OMN_ERR_MEMORY, "smoothed: out of memory");
    for (int64_t i = 0; i < V; i++) place[i] = -1;
    for (size_t k = 0; k < ids->n; k++) {
        cut[k] = omn_slice(s, logits, axis, ids->from[k], ids->each[k]);
        for (int64_t i = 0; i < ids->each[k]; i++) place[ids->from[k] + i] = (int32_t)at++;
    }
    *labels = omn_gather(s, omn_const(s, OMN_I32, omn_dim2(1, V), place), *labels);
    return omn_concat(s, cut, ids->n, axis);
}
