/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: what is too long to hold. The value knows how many items there are, of which kind, and a
 * hash of where they come from; an item is made when it is asked for. Read back from JSON or a file
 * a stream can be compared and no longer walked: its source is not there. */
#include "inside.h"

#include <omnio/kinds_of_values.h>

enum { OF, COUNT, HASH, RATE, START };

typedef struct source {
    const omn_stream_source *from;
    void *self;
} source;

static size_t view_bytes(const omn_tensor *of)
{
    (void)of;
    return sizeof(source);
}
static void view_fill(omn_value *v, void *view)
{
    (void)v;
    (void)view; /* none, until omn_stream_new says which */
}
static void view_fini(omn_value *v)
{
    const source *s = value_view(v);
    if (s->from != NULL && s->from->close != NULL) s->from->close(s->self);
}

static omn_status check(const omn_value *v, omn_error *err)
{
    const char *hash = *(const char *const *)v->columns[HASH].data;
    const char *of = *(const char *const *)v->columns[OF].data;
    if (!kind_name_good(of))
        return omn_fail(err, OMN_ERR_DATA, "a stream of \"%.80s\", which is no kind", of);
    if (strlen(hash) == 32 && strspn(hash, "0123456789abcdef") == 32) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "the hash of a stream is 32 hexadecimal digits");
}

static void text(const omn_value *v, omn_buf *out)
{
    omn_buf_puts(out, "stream of ");
    omn_number_print(column_number(&v->columns[COUNT], 0), out);
    omn_buf_printf(out, " %s", *(const char *const *)v->columns[OF].data);
}

static size_t count(const omn_value *v)
{
    return (size_t) * (const int64_t *)v->columns[COUNT].data;
}

static omn_status item(const omn_value *v, size_t i, omn_value **out, omn_error *err)
{
    const source *s = value_view(v);
    const char *of = *(const char *const *)v->columns[OF].data;
    *out = NULL;
    if (s->from == NULL)
        return omn_fail(err, OMN_ERR_MISSING, "the stream's source is not here any more");
    const omn_status st = s->from->item(s->self, i, out, err);
    if (st != OMN_OK || omn_value_is(*out, of)) return st;
    omn_fail(err, OMN_ERR_TYPE, "item %zu of a stream of %s is %s", i, of,
             omn_value_kind_name(*out));
    omn_value_unref(*out);
    *out = NULL;
    return OMN_ERR_TYPE;
}

static const omn_column columns[] = {
    { "of", OMN_STRING, "", NULL, 0, 0, 0 },
    { "count", OMN_I64, "", NULL, 0, 9007199254740992.0, 0 },
    { "hash", OMN_STRING, "", NULL, 0, 0, 0 },
    { "rate", OMN_F64, "", "Hz", 1e-9, 1e9, OMN_COLUMN_OPTIONAL },
    { "start", OMN_F64, "", "s", 0, 0, OMN_COLUMN_OPTIONAL },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "time",
    .check = check,
    .text = text,
};
static const view_rules view = { .bytes = view_bytes, .fill = view_fill, .fini = view_fini,
                                 .count = count, .item = item };
KIND_OF(stream, "what is too long to hold, item by item", &view);

omn_status omn_stream_new(const omn_stream_source *from, void *self, const char *of, uint64_t n,
                          const uint64_t hash[2], double rate, double start, omn_value **out,
                          omn_error *err)
{
    char digits[33];
    const char *coded = digits;
    const int64_t number = (int64_t)n;
    for (int i = 0; i < 32; i++)
        digits[i] = "0123456789abcdef"[hash[i / 16] >> (60 - 4 * (i % 16)) & 15];
    digits[32] = '\0';
    const omn_filled filled[5] = { omn_fill("of", OMN_STRING, omn_dim0(), &of),
                                   omn_fill("count", OMN_I64, omn_dim0(), &number),
                                   omn_fill("hash", OMN_STRING, omn_dim0(), &coded),
                                   omn_fill("rate", OMN_F64, omn_dim0(), &rate),
                                   omn_fill("start", OMN_F64, omn_dim0(), &start) };
    omn_status st = OMN_OK;
    if (n > INT64_MAX) st = omn_fail(err, OMN_ERR_ARGUMENT, "a stream of too many items");
    if (st == OMN_OK) st = omn_value_make(&kind_stream, filled, rate > 0 ? 5 : 3, NULL, out, err);
    if (st == OMN_OK)
        *(source *)(uintptr_t)value_view(*out) = (source){ from, self };
    else if (from->close != NULL)
        from->close(self);
    return st;
}
