/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors that a reader of another format found. What a reader says is not believed: a name is
 * UTF-8, a shape has a size, and the element farthest from the first still lies in the bytes that
 * the tensor may touch, so no later floor has to ask again. */
#include "libcore/tensor/given.h"

#include "libcore/base/map.h"
#include "libcore/tensor/scan.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_TENSORS = 1000000, MOST_NAME = 4096, MOST_MAPS = 10000 };
/* A view may repeat elements; one that is small may do so at will. */
#define SMALL   ((size_t)1 << 20)
#define SPARE   ((uint64_t)64 << 20)
#define STRETCH 8u

omn_status given_new(const char *path, omn_weights_list **out, omn_error *err)
{
    omn_weights_list *l = calloc(1, sizeof *l);
    *out = l;
    if (l) l->strings = l->meta.strings = omn_arena_new(0);
    if (l && l->strings) l->path = omn_arena_strdup(l->strings, path);
    if (l && l->path) return OMN_OK;
    given_free(l);
    *out = NULL;
    return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to open it", path);
}

void given_free(omn_weights_list *l)
{
    if (!l) return;
    for (size_t i = 0; i < l->n_readers; i++)
        if (l->readers[i].close && l->readers[i].self) l->readers[i].close(l->readers[i].self);
    for (size_t i = 0; i < l->n_maps; i++) omn_map_close(l->maps[i]);
    free(l->readers);
    free(l->maps);
    free(l->rows);
    free(l->meta.meta);
    omn_arena_free(l->strings);
    free(l);
}

omn_status given_reader_add(omn_weights_list *l, const given_reader *r, omn_error *err)
{
    given_reader *more = reallocarray(l->readers, l->n_readers + 1, sizeof *more);
    if (!more) {
        if (r->close && r->self) r->close(r->self);
        return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to open it", l->path);
    }
    l->readers = more;
    l->readers[l->n_readers++] = *r;
    return OMN_OK;
}

omn_status omn_weights_list_map(omn_weights_list *l, omn_map *map, uint32_t *index, omn_error *err)
{
    omn_status st = OMN_OK;
    if (l->n_maps == MOST_MAPS) {
        st = omn_fail(err, OMN_ERR_DATA, "%s: more than %d files", l->path, MOST_MAPS);
        goto done;
    }
    if (l->n_maps == l->maps_room) {
        const size_t room = l->maps_room ? 2 * l->maps_room : 4;
        omn_map **more = reallocarray(l->maps, room, sizeof(omn_map *));
        if (!more) {
            st = omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to open it", l->path);
            goto done;
        }
        l->maps = more;
        l->maps_room = room;
    }
    if (index) *index = (uint32_t)l->n_maps;
    l->maps[l->n_maps++] = map;
    map = NULL;
done:
    omn_map_close(map);
    return st;
}

/* Whoever converts writes it into a safetensors file, which takes UTF-8 alone. */
omn_status omn_weights_list_note(omn_weights_list *l, const char *key, const char *value,
                                 omn_error *err)
{
    char shown[120];
    if (!scan_utf8(key, strlen(key)) || !scan_utf8(value, strlen(value)))
        return omn_fail(err, OMN_ERR_DATA, "%s: its metadata %s is not UTF-8", l->path,
                        header_show(key, shown));
    if (header_owns(key))
        return omn_fail(err, OMN_ERR_DATA, "%s: its metadata have \"%s\", which is omnio's own",
                        l->path, key);
    char *k = omn_arena_strdup(l->strings, key), *v = omn_arena_strdup(l->strings, value);
    if (!k || !v) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its metadata", l->path);
    return header_add_meta(&l->meta, k, v, l->path, err);
}

/* ---- one place ----------------------------------------------------------------------------- */

static omn_status refuse(const omn_weights_list *l, const char *name, const char *why,
                         omn_error *err)
{
    char shown[120];
    return omn_fail(err, OMN_ERR_DATA, "%s: tensor %s: %s", l->path, header_show(name, shown), why);
}

/* Is this a name that a safetensors file can have too? */
static omn_status check_name(const omn_weights_list *l, const char *name, omn_error *err)
{
    if (!name || !*name) return omn_fail(err, OMN_ERR_DATA, "%s: a tensor has no name", l->path);
    const size_t n = strlen(name);
    if (n > MOST_NAME) return refuse(l, name, "its name is longer than 4096 bytes", err);
    if (!strcmp(name, "__metadata__")) return refuse(l, name, "no tensor can be called so", err);
    if (!scan_utf8(name, n)) return refuse(l, name, "its name is not UTF-8", err);
    return OMN_OK;
}

static bool lies_dense(const omn_weights_place *p)
{
    uint64_t want = 1;
    if (!p->strides) return true;
    for (uint32_t d = p->shape.rank; d-- > 0;) {
        if (p->shape.dim[d] != 1 && (p->strides[d] < 0 || (uint64_t)p->strides[d] != want))
            return false;
        want *= (uint64_t)p->shape.dim[d]; /* of a shape whose size is known to fit */
    }
    return true;
}

/* The bytes from the first element to behind the last; false: more than can be counted. */
static bool reach_of(const omn_weights_place *p, size_t each, uint64_t *out)
{
    size_t far = 0;
    for (uint32_t d = 0; p->strides && d < p->shape.rank; d++) {
        size_t step;
        if (p->strides[d] < 0) return false;
        if (!omn_size_mul((size_t)p->strides[d], (size_t)(p->shape.dim[d] - 1), &step) ||
            !omn_size_add(far, step, &far))
            return false;
    }
    size_t bytes;
    if (!omn_size_mul(far, each, &bytes) || !omn_size_add(bytes, each, &bytes)) return false;
    *out = bytes;
    return true;
}

/* Where the elements of one that lies in a mapping are. */
static omn_status find(const omn_weights_list *l, const omn_weights_place *p, given_row *row,
                       omn_error *err)
{
    char text[160], shown[120];
    const omn_type_info *type = omn_type_get(p->type);
    if (p->map >= l->n_maps) return refuse(l, p->name, "lies in a file that is not there", err);
    const omn_map *map = l->maps[p->map];
    const uint64_t size = omn_map_size(map);
    const uint64_t from = p->end || p->from ? p->from : 0, end = p->end || p->from ? p->end : size;
    uint64_t reach = row->tensor.bytes;
    row->file = omn_map_path(map);
    row->map = p->map;
    row->how = lies_dense(p) ? GIVEN_DENSE : GIVEN_VIEW;
    if (row->tensor.bytes == 0) {
        row->how = GIVEN_DENSE;
        row->tensor.data = omn_map_data(map);
        return OMN_OK;
    }
    if (row->how == GIVEN_VIEW && (!type->bytes || !reach_of(p, type->bytes, &reach)))
        return refuse(l, p->name, "its strides lead out of any memory", err);
    if (end > size || from > end || p->at < from || p->at > end || reach > end - p->at)
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: tensor %s: %s %s reaches to byte %llu and its data end at byte %llu; "
                        "the file is cut off or wrong",
                        l->path, header_show(p->name, shown), type->name,
                        omn_shape_text(&p->shape, text, sizeof text),
                        (unsigned long long)(p->at + reach),
                        (unsigned long long)(end < size ? end : size));
    if (row->tensor.bytes > end - from && row->tensor.bytes > SMALL)
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: tensor %s: %s %s says more than the %llu bytes that it views",
                        l->path, header_show(p->name, shown), type->name,
                        omn_shape_text(&p->shape, text, sizeof text),
                        (unsigned long long)(end - from));
    row->first = (const unsigned char *)omn_map_data(map) + p->at;
    if (row->how == GIVEN_DENSE) row->tensor.data = row->first;
    for (uint32_t d = 0; row->how == GIVEN_VIEW && d < p->shape.rank; d++)
        row->stride[d] = p->strides[d];
    return OMN_OK;
}

omn_status omn_weights_list_add(omn_weights_list *l, const omn_weights_place *p, omn_error *err)
{
    omn_status st = check_name(l, p->name, err);
    if (st != OMN_OK) return st;
    if (l->n == MOST_TENSORS)
        return omn_fail(err, OMN_ERR_DATA, "%s: more than %d tensors", l->path, MOST_TENSORS);
    if (!omn_type_get(p->type)) return refuse(l, p->name, "is of no known type", err);
    if (p->shape.rank > OMN_MAX_RANK) return refuse(l, p->name, "more than 6 axes", err);
    given_row row = { .how = GIVEN_MADE, .id = p->id, .file = l->path };
    row.tensor = (omn_tensor){ .type = p->type, .shape = p->shape };
    if (!omn_shape_bytes(&p->shape, p->type, &row.tensor.bytes))
        return refuse(l, p->name, "its shape is too large for any memory", err);
    if (!p->made) {
        st = find(l, p, &row, err);
        if (st != OMN_OK) return st;
    } else if (!l->n_readers || !l->readers[l->n_readers - 1].read) {
        return omn_fail(err, OMN_ERR_PLUGIN, "%s: its reader cannot make tensors", l->path);
    }
    row.reader = l->n_readers ? l->n_readers - 1 : 0;
    row.name = omn_arena_strdup(l->strings, p->name);
    if (l->n == l->room) {
        const size_t room = l->room ? 2 * l->room : 64;
        given_row *more = reallocarray(l->rows, room, sizeof *more);
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its tensors", l->path);
        l->rows = more;
        l->room = room;
    }
    if (!row.name) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for its names", l->path);
    l->rows[l->n++] = row;
    return OMN_OK;
}

/* ---- all of them --------------------------------------------------------------------------- */

static int by_name(const void *x, const void *y)
{
    return strcmp(((const given_row *)x)->name, ((const given_row *)y)->name);
}

omn_status given_complete(omn_weights_list *l, omn_error *err)
{
    char shown[120];
    if (l->n > 1) qsort(l->rows, l->n, sizeof *l->rows, by_name);
    for (size_t i = 1; i < l->n; i++)
        if (strcmp(l->rows[i - 1].name, l->rows[i].name) == 0)
            return omn_fail(err, OMN_ERR_DATA, "%s: tensor %s is there twice", l->path,
                            header_show(l->rows[i].name, shown));
    return OMN_OK;
}

omn_status given_sum(const omn_weights_list *l, bool only_made, uint64_t *bytes, omn_error *err)
{
    uint64_t files = 0;
    *bytes = 0;
    for (size_t i = 0; i < l->n_maps; i++) files += omn_map_size(l->maps[i]);
    const uint64_t most = files > (UINT64_MAX - SPARE) / STRETCH ? UINT64_MAX
                                                                 : STRETCH * files + SPARE;
    for (size_t i = 0; i < l->n; i++) {
        const given_row *r = &l->rows[i];
        if (only_made && r->how == GIVEN_DENSE) continue;
        if (r->tensor.bytes > most - *bytes)
            return omn_fail(err, OMN_ERR_DATA,
                            "%s: its tensors say more than %llu bytes in %llu of files; this is no "
                            "file of weights",
                            l->path, (unsigned long long)most, (unsigned long long)files);
        *bytes += r->tensor.bytes;
    }
    return OMN_OK;
}

/* n elements `step` bytes apart. A page fault maps some pages around it, so that PAGES elements in
 * pages of their own hold some 128 MB: then the pages go back to the file. */
enum { PAGES = 2048, APART = 4096 };

static void take_apart(const unsigned char *p, size_t step, size_t each, size_t n,
                       unsigned char *out, const omn_map *giving)
{
    if (step == each) {
        memcpy(out, p, n * each);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(out + i * each, p + i * step, each);
        if (giving && step >= APART && i % PAGES == PAGES - 1)
            map_forget(giving, 0, omn_map_size(giving));
    }
}

/* Whole rows of a matrix whose columns lie together: column by column, so that what lies in one
 * page is taken at once. */
static void turn(const given_row *r, size_t each, size_t row, size_t rows, unsigned char *out,
                 const omn_map *giving)
{
    const size_t columns = (size_t)r->tensor.shape.dim[1];
    const size_t down = (size_t)r->stride[0] * each, right = (size_t)r->stride[1] * each;
    for (size_t j = 0; j < columns; j++) {
        const unsigned char *p = r->first + row * down + j * right;
        unsigned char *to = out + j * each;
        for (size_t i = 0; i < rows; i++) memcpy(to + i * columns * each, p + i * down, each);
        if (giving && j % PAGES == PAGES - 1) map_forget(giving, 0, omn_map_size(giving));
    }
}

/* A view's elements in the order of its axes, from element number `index` on. giving: the mapping
 * whose pages go back on the way, or NULL. */
static void gather(const given_row *r, size_t each, size_t index, size_t count, unsigned char *out,
                   const omn_map *giving)
{
    const omn_shape *s = &r->tensor.shape;
    int64_t at[OMN_MAX_RANK] = { 0 };
    const unsigned char *p = r->first;
    for (uint32_t d = s->rank; d-- > 0;) {
        at[d] = (int64_t)(index % (size_t)s->dim[d]);
        index /= (size_t)s->dim[d];
        p += (size_t)(at[d] * r->stride[d]) * each;
    }
    const uint32_t last = s->rank - 1; /* a view has axes: what has none lies dense */
    while (count > 0) {
        const size_t left = (size_t)(s->dim[last] - at[last]), n = left < count ? left : count;
        const size_t step = (size_t)r->stride[last] * each;
        const size_t rows = s->rank == 2 && at[1] == 0 && r->stride[0] < r->stride[1]
                                ? count / (size_t)s->dim[1]
                                : 0;
        if (rows > 1) {
            turn(r, each, (size_t)at[0], rows, out, giving);
            out += rows * (size_t)s->dim[1] * each;
            count -= rows * (size_t)s->dim[1];
            if (count == 0) break;
            at[0] += (int64_t)rows;
            p += rows * (size_t)r->stride[0] * each;
            continue;
        }
        take_apart(p, step, each, n, out, giving);
        out += n * each;
        count -= n;
        if (n < left || count == 0) break;
        p -= (size_t)at[last] * step;
        at[last] = 0;
        for (uint32_t d = last; d-- > 0;) {
            p += (size_t)r->stride[d] * each;
            if (++at[d] < s->dim[d]) break;
            p -= (size_t)(s->dim[d] * r->stride[d]) * each;
            at[d] = 0;
        }
    }
}

omn_status given_read(const omn_weights_list *l, size_t i, size_t at, void *out, size_t n,
                      bool frugal, omn_error *err)
{
    char shown[120];
    const given_row *r = &l->rows[i];
    if (n == 0) return OMN_OK;
    if (r->how == GIVEN_DENSE) {
        memcpy(out, (const unsigned char *)r->tensor.data + at, n);
        return OMN_OK;
    }
    if (r->how == GIVEN_VIEW) {
        const size_t each = omn_type_get(r->tensor.type)->bytes;
        /* Pieces are whole elements. */
        gather(r, each, at / each, n / each, out, frugal ? l->maps[r->map] : NULL);
        return OMN_OK;
    }
    const given_reader *by = &l->readers[r->reader];
    omn_error why = OMN_ERROR_INIT;
    const omn_status st = by->read(by->self, r->id, at, out, n, &why);
    if (st == OMN_OK) return st;
    omn_fail(&why, st, "its reader failed without saying why");
    return omn_fail(err, st, "%s: tensor %s: %s", l->path, header_show(r->name, shown), why.text);
}
