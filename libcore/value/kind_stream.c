/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: what is too long to hold. The value knows how many items there are, of which kind, and a
 * hash of where they come from; an item is made when it is asked for. Read back from JSON or a file
 * a stream can be compared and no longer walked: its source is not there. */
#include "inside.h"
#include "stream.h"

#include <omnio/kinds_of_values.h>

#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

enum { OF, COUNT, HASH, RATE, START, TIME, UNTIL };

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

static omn_status check_times(const omn_value *v, omn_error *err)
{
    const omn_tensor *time = value_column_at(v, TIME), *until = value_column_at(v, UNTIL);
    const int64_t n = *(const int64_t *)v->columns[COUNT].data;
    if (time == NULL) return OMN_OK;
    if (time->shape.dim[0] != n)
        return omn_fail(err, OMN_ERR_SHAPE, "a stream of %lld items with %lld moments",
                        (long long)n, (long long)time->shape.dim[0]);
    if (value_column_at(v, RATE) != NULL)
        return omn_fail(err, OMN_ERR_DATA, "a stream has a rate or moments, not both");
    if (until != NULL && n > 0 && !(column_number(until, 0) > column_number(time, (size_t)n - 1)))
        return omn_fail(err, OMN_ERR_DATA, "a stream ends before its last item");
    return times_check(v, TIME, err);
}

static omn_status check(const omn_value *v, omn_error *err)
{
    const char *hash = *(const char *const *)v->columns[HASH].data;
    const char *of = *(const char *const *)v->columns[OF].data;
    if (!kind_name_good(of))
        return omn_fail(err, OMN_ERR_DATA, "a stream of \"%.80s\", which is no kind", of);
    if (strlen(hash) == 32 && strspn(hash, "0123456789abcdef") == 32)
        return check_times(v, err);
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

/* Items from..to as a stream of their own. */
typedef struct part {
    omn_value *of;
    size_t from;
} part;

static omn_status part_item(void *self, uint64_t i, omn_value **out, omn_error *err)
{
    const part *p = self;
    return omn_value_item(p->of, p->from + (size_t)i, out, err);
}
static void part_close(void *self)
{
    part *p = self;
    omn_value_unref(p->of);
    free(p);
}
static const omn_stream_source part_source = { part_item, part_close };

static part *part_new(const omn_value *of, size_t from, omn_error *err)
{
    part *p = malloc(sizeof(*p));
    if (p == NULL)
        omn_fail(err, OMN_ERR_MEMORY, "no memory for a stream");
    else
        *p = (part){ omn_value_ref(of), from };
    return p;
}

static omn_status part_of(const omn_value *v, size_t from, size_t to, omn_value **out,
                          omn_error *err)
{
    const omn_tensor *rate = value_column_at(v, RATE), *time = value_column_at(v, TIME);
    const omn_tensor *until = value_column_at(v, UNTIL), *start = value_column_at(v, START);
    const size_t n = count(v);
    struct {
        char hash[32];
        uint64_t from, to;
    } name = { "", from, to };
    *out = NULL;
    if (from == 0 && to == n) {
        *out = omn_value_ref(v);
        return OMN_OK;
    }
    memcpy(name.hash, *(const char *const *)v->columns[HASH].data, sizeof(name.hash));
    const XXH128_hash_t h = XXH3_128bits(&name, sizeof(name));
    const uint64_t hash[2] = { h.high64, h.low64 };
    const char *of = *(const char *const *)v->columns[OF].data;
    part *p = part_new(v, from, err);
    if (p == NULL) return OMN_ERR_MEMORY;
    if (time != NULL) {
        const double *t = time->data;
        const double end = to < n ? t[to] : until != NULL ? column_number(until, 0) : NAN;
        return omn_stream_new_timed(&part_source, p, of, to - from, hash, t + from, end, out, err);
    }
    const double hz = rate != NULL ? column_number(rate, 0) : 0;
    const double begin = start != NULL ? column_number(start, 0) : 0;
    return omn_stream_new(&part_source, p, of, to - from, hash, hz,
                          hz > 0 ? begin + (double)from / hz : 0, out, err);
}

/* A list is a stream, one item each second, as it is a video; a video is one with its moments. */
static omn_status convert(const omn_value *plain, omn_value **out, omn_error *err)
{
    const bool list = value_has_kind(plain, &kind_list), video = value_has_kind(plain, &kind_video);
    uint64_t hash[2];
    double from = 0, until = NAN;
    if (value_has_kind(plain, &kind_record))
        return value_of_record(&kind_stream, plain, out, err);
    if (!list && !video)
        return omn_fail(err, OMN_ERR_TYPE, "%s given, stream wanted: a list or a video",
                        omn_value_kind_name(plain));
    const size_t n = omn_value_count(plain);
    if (n == 0) return omn_fail(err, OMN_ERR_DATA, "a stream of no items is a stream of nothing");
    omn_value *const *items = plain->columns[0].data;
    for (size_t i = 1; i < n; i++)
        if (!kind_same(items[i]->kind, items[0]->kind))
            return omn_fail(err, OMN_ERR_TYPE, "items of a stream are of one kind, and %zu is %s "
                            "after %s", i, omn_value_kind_name(items[i]),
                            omn_value_kind_name(items[0]));
    /* A video hands out videos of one picture, its column of frames the pictures. */
    omn_value *held = NULL;
    omn_status st = video ? omn_list_new(items, n, &held, err) : OMN_OK;
    if (st == OMN_OK && video) st = omn_value_span(plain, &from, &until, err);
    part *p = st == OMN_OK ? part_new(video ? held : plain, 0, err) : NULL;
    const char *of = omn_value_kind_name(items[0]);
    omn_value_unref(held);
    if (p == NULL) return st != OMN_OK ? st : OMN_ERR_MEMORY;
    omn_value_hash(plain, hash);
    return video ? omn_stream_new_timed(&part_source, p, of, n, hash, plain->columns[1].data, until,
                                        out, err)
                 : omn_stream_new(&part_source, p, of, n, hash, 1, 0, out, err);
}

static const omn_column columns[] = {
    { "of", OMN_STRING, "", NULL, 0, 0, 0 },
    { "count", OMN_I64, "", NULL, 0, 9007199254740992.0, 0 },
    { "hash", OMN_STRING, "", NULL, 0, 0, 0 },
    { "rate", OMN_F64, "", "Hz", 1e-9, 1e9, OMN_COLUMN_OPTIONAL },
    { "start", OMN_F64, "", "s", 0, 0, OMN_COLUMN_OPTIONAL },
    { "time", OMN_F64, "t", "s", 0, 0, OMN_COLUMN_OPTIONAL },
    { "until", OMN_F64, "", "s", 0, 0, OMN_COLUMN_OPTIONAL },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "time",
    .example = "my.mp4",
    .check = check,
    .text = text,
    .convert = convert,
};
static const view_rules view = { .bytes = view_bytes, .fill = view_fill, .fini = view_fini,
                                 .count = count, .item = item, .part = part_of };
KIND_OF(stream, "what is too long to hold, item by item", &view);

/* when: columns that say when its items are. */
static omn_status stream_new(const omn_stream_source *from, void *self, const char *of, uint64_t n,
                             const uint64_t hash[2], const omn_filled *when, size_t n_when,
                             omn_value **out, omn_error *err)
{
    char digits[33];
    const char *coded = digits;
    const int64_t number = (int64_t)n;
    for (int i = 0; i < 32; i++)
        digits[i] = "0123456789abcdef"[hash[i / 16] >> (60 - 4 * (i % 16)) & 15];
    digits[32] = '\0';
    omn_filled filled[5] = { omn_fill("of", OMN_STRING, omn_dim0(), &of),
                             omn_fill("count", OMN_I64, omn_dim0(), &number),
                             omn_fill("hash", OMN_STRING, omn_dim0(), &coded) };
    omn_status st = OMN_OK;
    for (size_t i = 0; i < n_when; i++) filled[3 + i] = when[i];
    if (n > INT64_MAX) st = omn_fail(err, OMN_ERR_ARGUMENT, "a stream of too many items");
    if (st == OMN_OK) st = omn_value_make(&kind_stream, filled, 3 + n_when, NULL, out, err);
    if (st == OMN_OK)
        *(source *)(uintptr_t)value_view(*out) = (source){ from, self };
    else if (from->close != NULL)
        from->close(self);
    return st;
}

omn_status omn_stream_new(const omn_stream_source *from, void *self, const char *of, uint64_t n,
                          const uint64_t hash[2], double rate, double start, omn_value **out,
                          omn_error *err)
{
    const omn_filled when[2] = { omn_fill("rate", OMN_F64, omn_dim0(), &rate),
                                 omn_fill("start", OMN_F64, omn_dim0(), &start) };
    return stream_new(from, self, of, n, hash, when, rate > 0 ? 2 : 0, out, err);
}

omn_status omn_stream_new_timed(const omn_stream_source *from, void *self, const char *of,
                                uint64_t n, const uint64_t hash[2], const double *time,
                                double until, omn_value **out, omn_error *err)
{
    const omn_filled when[2] = { omn_fill("time", OMN_F64, omn_dim1((int64_t)n), time),
                                 omn_fill("until", OMN_F64, omn_dim0(), &until) };
    return stream_new(from, self, of, n, hash, when, isnan(until) ? 1 : 2, out, err);
}

/* ---- streams of one kind --------------------------------------------------------------------- */

const char *stream_type_items(const char *type)
{
    static const char begins[] = "stream of ";
    const size_t n = sizeof(begins) - 1;
    return strncmp(type, begins, n) == 0 ? type + n : NULL;
}

const char *stream_items(const omn_value *stream)
{
    return *(const char *const *)stream->columns[OF].data;
}

omn_status stream_of_one(const omn_value *v, omn_value **out, omn_error *err)
{
    omn_value *one[1] = { omn_value_ref(v) }, *list = NULL;
    const char *of = omn_value_kind_name(v);
    double from = 0, until = 0;
    uint64_t hash[2];
    omn_status st = omn_list_new(one, 1, &list, err);
    const bool timed = omn_value_span(v, &from, &until, NULL) == OMN_OK && until > from;
    omn_value_unref(one[0]);
    part *p = st == OMN_OK ? part_new(list, 0, err) : NULL;
    omn_value_unref(list);
    if (p == NULL) return st != OMN_OK ? st : OMN_ERR_MEMORY;
    omn_value_hash(v, hash);
    return timed ? omn_stream_new_timed(&part_source, p, of, 1, hash, &from, until, out, err)
                 : omn_stream_new(&part_source, p, of, 1, hash, 0, 0, out, err);
}
