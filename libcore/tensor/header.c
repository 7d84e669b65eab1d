/* SPDX-License-Identifier: Apache-2.0 */
/* The header of one safetensors file: 8 bytes of length, JSON, then the data. Every byte of the
 * data belongs to exactly one tensor, as in the format's reference: laid side by side, the ranges
 * must neither overlap nor leave a gap, and end where the file ends. So a file cannot hide
 * anything, and a shape can never reach beyond its bytes. */
#include "libcore/tensor/header.h"

#include "libcore/tensor/blocks.h"
#include "libcore/tensor/scan.h"
#include "libcore/tensor/tiles.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_TENSORS = 1000000, MOST_META = 4096 };

/* One tensor as the header tells it. */
typedef struct claim {
    omn_type type;
    omn_shape shape;
    uint64_t begin, end;
    bool has_type, has_shape, has_range;
} claim;

/* Where a row's bytes lie, for the check of all ranges together. */
typedef struct range {
    size_t begin, end;
    const char *name;
} range;

typedef struct reading {
    header *h;
    const char *path;
    scan s;
    size_t data_size, data_at; /* data_at: in the file */
    const unsigned char *data;
    range *ranges;
    size_t n, room;
    const char *sums, *tiles, *blocks, *rows; /* entries that have a meaning */
    omn_error *err;
} reading;

const char *header_show(const char *name, char buf[120])
{
    size_t n = 0;
    for (; name[n] != '\0' && n < 116; n++) {
        unsigned char c = (unsigned char)name[n];
        buf[n] = c < 0x20 || c == 0x7F ? '?' : (char)c;
    }
    if (name[n] != '\0') {
        /* Not inside a character. */
        while (n > 0 && ((unsigned char)name[n] & 0xC0) == 0x80) n--;
        memcpy(buf + n, "...", 3);
        n += 3;
    }
    buf[n] = '\0';
    return buf;
}

static omn_status no_memory(reading *r)
{
    return omn_fail(r->err, OMN_ERR_MEMORY, "%s: no memory for its header", r->path);
}

static omn_status bad_json(reading *r)
{
    return omn_fail(r->err, r->s.status, "%s: header, byte %zu: %s", r->path, r->s.at, r->s.wrong);
}

static omn_status bad_tensor(reading *r, const char *name, const char *what)
{
    char shown[120];
    return omn_fail(r->err, OMN_ERR_DATA, "%s: tensor %s: %s", r->path, header_show(name, shown),
                    what);
}

static bool grow(void **list, size_t *room, size_t n, size_t each)
{
    if (n < *room) return true;
    size_t wider = *room ? 2 * *room : 64;
    void *moved = realloc(*list, wider * each);
    if (!moved) return false;
    *list = moved;
    *room = wider;
    return true;
}

omn_status header_add_meta(header *h, const char *key, const char *value, const char *path,
                           omn_error *err)
{
    void *list = h->meta;
    for (size_t i = 0; i < h->n_meta; i++)
        if (strcmp(h->meta[i].key, key) == 0) return OMN_OK;
    if (h->n_meta >= MOST_META)
        return omn_fail(err, OMN_ERR_DATA, "%s: has more than %d entries of metadata", path,
                        MOST_META);
    if (!grow(&list, &h->meta_room, h->n_meta, sizeof *h->meta))
        return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its metadata", path);
    h->meta = list;
    h->meta[h->n_meta++] = (header_meta){ key, value };
    return OMN_OK;
}

bool header_owns(const char *key)
{
    return !strcmp(key, CHECKSUM_KEY) || !strcmp(key, TILES_KEY) || !strcmp(key, BLOCKS_KEY) ||
           !strcmp(key, ROWS_KEY);
}

static omn_status read_meta(reading *r)
{
    omn_status st = OMN_OK;
    char *key, *value;
    size_t before = r->h->n_meta;
    for (bool first = true; scan_member(&r->s, &first, &key);) {
        if (!scan_string(&r->s, &value)) {
            if (strcmp(r->s.wrong, "a string is wanted") == 0)
                r->s.wrong = "a value of __metadata__ must be a string";
            return bad_json(r);
        }
        const char **ours = strcmp(key, CHECKSUM_KEY) == 0 ? &r->sums
                            : strcmp(key, TILES_KEY) == 0  ? &r->tiles
                            : strcmp(key, BLOCKS_KEY) == 0 ? &r->blocks
                            : strcmp(key, ROWS_KEY) == 0   ? &r->rows
                                                           : NULL;
        if (ours) {
            if (*ours)
                return omn_fail(r->err, OMN_ERR_DATA, "%s: __metadata__ has \"%s\" twice", r->path,
                                key);
            *ours = value;
            continue;
        }
        for (size_t i = before; i < r->h->n_meta; i++) {
            char shown[120];
            if (strcmp(r->h->meta[i].key, key) == 0)
                return omn_fail(r->err, OMN_ERR_DATA, "%s: __metadata__ has \"%s\" twice", r->path,
                                header_show(key, shown));
        }
        OMN_TRY(header_add_meta(r->h, key, value, r->path, r->err));
    }
    if (r->s.wrong) st = bad_json(r);
done:
    return st;
}

static omn_status read_type(reading *r, const char *name, claim *c)
{
    char *word, shown[120], shown_type[120];
    if (!scan_string(&r->s, &word)) return bad_json(r);
    /* Only the format's own spelling counts: "f32" is ours. */
    c->type = omn_type_parse(word);
    if (c->type != OMN_TYPE_NONE && strcmp(omn_type_get(c->type)->safetensors, word) == 0)
        return OMN_OK;
    omn_buf known;
    omn_buf_init(&known, 1024);
    for (int t = OMN_F32; t <= OMN_F4; t++)
        if (omn_type_get((omn_type)t))
            omn_buf_printf(&known, " %s", omn_type_get((omn_type)t)->safetensors);
    omn_status st = omn_fail(r->err, OMN_ERR_DATA, "%s: tensor %s: type \"%s\" is none of%s",
                             r->path, header_show(name, shown), header_show(word, shown_type),
                             known.data);
    omn_buf_fini(&known);
    return st;
}

static omn_status read_shape(reading *r, const char *name, claim *c)
{
    uint64_t dim;
    c->shape.rank = 0;
    for (bool first = true; scan_element(&r->s, &first);) {
        if (!scan_count(&r->s, &dim)) return bad_json(r);
        if (c->shape.rank == OMN_MAX_RANK) return bad_tensor(r, name, "more than 6 axes");
        c->shape.dim[c->shape.rank++] = (int64_t)dim;
    }
    return r->s.wrong ? bad_json(r) : OMN_OK;
}

static omn_status read_range(reading *r, const char *name, claim *c)
{
    uint64_t at[2];
    size_t n = 0;
    for (bool first = true; scan_element(&r->s, &first); n++) {
        if (n == 2) return bad_tensor(r, name, "data_offsets must be two numbers");
        if (!scan_count(&r->s, &at[n])) return bad_json(r);
    }
    if (r->s.wrong) return bad_json(r);
    if (n != 2) return bad_tensor(r, name, "data_offsets must be two numbers");
    c->begin = at[0];
    c->end = at[1];
    return OMN_OK;
}

static omn_status read_claim(reading *r, const char *name, claim *c)
{
    omn_status st = OMN_OK;
    char *key;
    memset(c, 0, sizeof *c);
    for (bool first = true; scan_member(&r->s, &first, &key);) {
        bool *seen;
        if (strcmp(key, "dtype") == 0) {
            seen = &c->has_type;
            OMN_TRY(read_type(r, name, c));
        } else if (strcmp(key, "shape") == 0) {
            seen = &c->has_shape;
            OMN_TRY(read_shape(r, name, c));
        } else if (strcmp(key, "data_offsets") == 0) {
            seen = &c->has_range;
            OMN_TRY(read_range(r, name, c));
        } else {
            return bad_tensor(r, name,
                              "has an entry that is none of dtype, shape, data_offsets");
        }
        if (*seen) return bad_tensor(r, name, "has dtype, shape or data_offsets twice");
        *seen = true;
    }
    if (r->s.wrong) return bad_json(r);
    if (!c->has_type || !c->has_shape || !c->has_range)
        return bad_tensor(r, name, "must have dtype, shape and data_offsets");
done:
    return st;
}

static omn_status check_claim(reading *r, const char *name, const claim *c)
{
    char shown[120], shape[160];
    size_t bytes;
    if (c->begin > c->end) return bad_tensor(r, name, "its data end before they begin");
    if (c->end > r->data_size)
        return omn_fail(r->err, OMN_ERR_DATA,
                        "%s: tensor %s: its data end at byte %llu of the %zu that follow the "
                        "header; the file is cut off or its header is wrong",
                        r->path, header_show(name, shown), (unsigned long long)c->end,
                        r->data_size);
    if (!omn_shape_bytes(&c->shape, c->type, &bytes))
        return bad_tensor(r, name,
                          "its shape is too large for any memory, or ends inside of a byte");
    if (bytes != c->end - c->begin)
        return omn_fail(r->err, OMN_ERR_DATA, "%s: tensor %s: %s %s takes %zu bytes, not %llu",
                        r->path, header_show(name, shown), omn_type_get(c->type)->safetensors,
                        omn_shape_text(&c->shape, shape, sizeof shape), bytes,
                        (unsigned long long)(c->end - c->begin));
    return OMN_OK;
}

static omn_status add_row(reading *r, const char *name, const claim *c)
{
    header *h = r->h;
    void *rows = h->rows, *ranges = r->ranges;
    if (r->n >= MOST_TENSORS)
        return omn_fail(r->err, OMN_ERR_DATA, "%s: more than %d tensors", r->path, MOST_TENSORS);
    bool ok = grow(&rows, &h->room, h->n, sizeof *h->rows);
    h->rows = rows;
    ok = ok && grow(&ranges, &r->room, r->n, sizeof *r->ranges);
    r->ranges = ranges;
    if (!ok) return no_memory(r);
    size_t begin = (size_t)c->begin, end = (size_t)c->end;
    h->rows[h->n++] = (header_row){ .name = name,
                                    .tensor = { .type = c->type, .shape = c->shape,
                                                .data = r->data ? r->data + begin : NULL,
                                                .bytes = end - begin },
                                    .at = begin,
                                    .file = r->path };
    r->ranges[r->n++] = (range){ begin, end, name };
    return OMN_OK;
}

static int by_place(const void *x, const void *y)
{
    const range *a = x, *b = y;
    if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
    return a->end < b->end ? -1 : a->end > b->end;
}

/* Neither overlap nor gap, from the first byte of the data to the last. */
static omn_status check_ranges(reading *r)
{
    char shown[120], other[120];
    size_t at = 0;
    if (r->n > 0) qsort(r->ranges, r->n, sizeof *r->ranges, by_place);
    for (size_t i = 0; i < r->n; i++) {
        const range *x = &r->ranges[i];
        if (x->begin < at)
            return omn_fail(r->err, OMN_ERR_DATA, "%s: the data of tensors %s and %s overlap",
                            r->path, header_show(r->ranges[i - 1].name, other),
                            header_show(x->name, shown));
        if (x->begin > at)
            return omn_fail(r->err, OMN_ERR_DATA,
                            "%s: bytes %zu to %zu in front of tensor %s belong to no tensor",
                            r->path, at, x->begin, header_show(x->name, shown));
        at = x->end;
    }
    if (at != r->data_size)
        return omn_fail(r->err, OMN_ERR_DATA, "%s: the last %zu bytes belong to no tensor",
                        r->path, r->data_size - at);
    return OMN_OK;
}

static omn_status read_all(reading *r)
{
    omn_status st = OMN_OK;
    char *name;
    bool meta_seen = false;
    claim c;
    if (r->s.size == 0 || r->s.text[0] != '{') {
        (void)scan_fail(&r->s, "a header begins with \"{\"");
        return bad_json(r);
    }
    for (bool first = true; scan_member(&r->s, &first, &name);) {
        if (strcmp(name, "__metadata__") == 0) {
            if (meta_seen)
                return omn_fail(r->err, OMN_ERR_DATA, "%s: has __metadata__ twice", r->path);
            meta_seen = true;
            OMN_TRY(read_meta(r));
            continue;
        }
        OMN_TRY(read_claim(r, name, &c));
        OMN_TRY(check_claim(r, name, &c));
        OMN_TRY(add_row(r, name, &c));
    }
    if (!scan_end(&r->s)) return bad_json(r);
    OMN_TRY(check_ranges(r));
done:
    return st;
}

/* All but the length in front. */
static omn_status read_file(reading *r)
{
    header *h = r->h;
    const size_t first = h->n;
    r->s.strings = h->strings;
    omn_status st = read_all(r);
    if (st == OMN_OK && h->n > first)
        st = checksum_give(h->rows + first, h->n - first, r->sums, r->path, r->err);
    if (st == OMN_OK)
        st = tiles_give(h->n > first ? h->rows + first : NULL, h->n - first, r->tiles, h->strings,
                        r->data_at, r->path, r->err);
    if (st == OMN_OK)
        st = blocks_give(h->n > first ? h->rows + first : NULL, h->n - first, r->blocks,
                         h->strings, r->path, r->err);
    if (st == OMN_OK) h->in_rows = r->rows;
    free(r->ranges);
    return st;
}

omn_status header_parse(header *h, const char *text, size_t size, size_t data_size,
                        const char *path, omn_error *err)
{
    reading r = { .h = h, .path = path, .err = err, .data_size = data_size,
                  .data_at = 8 + size, .s = { .text = text, .size = size } };
    return read_file(&r);
}

omn_status header_read(header *h, const omn_map *map, omn_error *err)
{
    const unsigned char *bytes = omn_map_data(map);
    const char *path = omn_map_path(map);
    size_t size = omn_map_size(map);
    uint64_t length = 0;
    if (size < 8)
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: %zu bytes are too few for a safetensors file, which begins with the "
                        "length of its header in 8",
                        path, size);
    for (int i = 7; i >= 0; i--) length = length << 8 | bytes[i];
    if (length > HEADER_MOST)
        return omn_fail(
            err, OMN_ERR_DATA,
            "%s: a header of %llu bytes is longer than %zu; this is no safetensors file", path,
            (unsigned long long)length, HEADER_MOST);
    if (length > size - 8)
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: the header should have %llu bytes and only %zu follow; the file is "
                        "cut off or no safetensors file",
                        path, (unsigned long long)length, size - 8);
    reading r = { .h = h, .path = path, .err = err, .data = bytes + 8 + length,
                  .data_size = size - 8 - (size_t)length, .data_at = 8 + (size_t)length,
                  .s = { .text = (const char *)bytes + 8, .size = (size_t)length } };
    return read_file(&r);
}
