/* SPDX-License-Identifier: Apache-2.0 */
/* Weights files: one safetensors file, or an index whose shards lie beside it, opened as one list
 * of tensors sorted by name. Nothing is copied: a tensor is an address in a mapping. */
#include "libcore/base/map.h"
#include "libcore/base/system.h"
#include "libcore/tensor/given.h"
#include "libcore/tensor/header.h"
#include "libcore/tensor/scan.h"
#include "libcore/tensor/tiles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_SHARDS = 10000 };

struct omn_weights {
    omn_arena *strings;
    char *path;
    header all; /* rows sorted by name */
    omn_map **maps;
    size_t n_maps, maps_room;
    unsigned char *block; /* tensors of another format that lie dense nowhere else */
};

/* A tensor and the shard that the index names for it. */
typedef struct listing {
    char *name, *file;
} listing;

typedef struct roster {
    listing *rows;
    size_t n, room;
} roster;

static omn_status no_memory(omn_error *err, const char *path)
{
    return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to open it", path);
}

/* Adds the tensors of a mapping, which is taken. */
static omn_status add_map(omn_weights *w, omn_map *map, const char *path, omn_error *err)
{
    omn_status st = OMN_OK;
    if (w->n_maps == w->maps_room) {
        size_t wider = w->maps_room ? 2 * w->maps_room : 4;
        omn_map **moved = realloc(w->maps, wider * sizeof(omn_map *));
        if (!moved) {
            st = no_memory(err, path);
            goto done;
        }
        w->maps = moved;
        w->maps_room = wider;
    }
    OMN_TRY(header_read(&w->all, map, err));
    w->maps[w->n_maps++] = map;
    map = NULL;
done:
    omn_map_close(map);
    return st;
}

/* Maps one file and adds its tensors. */
static omn_status add_file(omn_weights *w, const char *path, omn_error *err)
{
    omn_map *map = NULL;
    const omn_status st = omn_map_open(path, &map, err);
    return st == OMN_OK ? add_map(w, map, path, err) : st;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(((const header_row *)x)->name, ((const header_row *)y)->name);
}

static int by_key(const void *x, const void *y)
{
    return strcmp(((const header_meta *)x)->key, ((const header_meta *)y)->key);
}

static omn_status sort_rows(omn_weights *w, omn_error *err)
{
    char shown[120];
    header *h = &w->all;
    if (h->n > 1) qsort(h->rows, h->n, sizeof *h->rows, by_name);
    if (h->n_meta > 1) qsort(h->meta, h->n_meta, sizeof *h->meta, by_key);
    for (size_t i = 1; i < h->n; i++)
        if (strcmp(h->rows[i - 1].name, h->rows[i].name) == 0)
            return omn_fail(err, OMN_ERR_DATA, "%s: tensor %s is there twice", w->path,
                            header_show(h->rows[i].name, shown));
    return OMN_OK;
}

static bool is_plain_name(const char *file)
{
    return *file != '\0' && !strchr(file, '/') && !strchr(file, '\\') &&
           strcmp(file, ".") != 0 && strcmp(file, "..") != 0;
}

/* Adds the row name -> file of an index's weight_map. */
static omn_status add_listing(roster *x, const char *path, char *name, char *file, omn_error *err)
{
    char shown[120], shown_file[120];
    if (!is_plain_name(file))
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: tensor %s: shard \"%s\" must be the name of a file in the same folder",
                        path, header_show(name, shown), header_show(file, shown_file));
    if (x->n == x->room) {
        size_t wider = x->room ? 2 * x->room : 256;
        listing *moved = realloc(x->rows, wider * sizeof *moved);
        if (!moved) return no_memory(err, path);
        x->rows = moved;
        x->room = wider;
    }
    x->rows[x->n++] = (listing){ name, file };
    return OMN_OK;
}

static omn_status bad_json(const char *path, const scan *s, omn_error *err)
{
    return omn_fail(err, s->status, "%s: byte %zu: %s", path, s->at, s->wrong);
}

static omn_status read_map(scan *s, const char *path, roster *x, omn_error *err)
{
    omn_status st = OMN_OK;
    char *name, *file;
    for (bool first = true; scan_member(s, &first, &name);) {
        if (!scan_string(s, &file)) break;
        OMN_TRY(add_listing(x, path, name, file, err));
    }
    if (s->wrong) st = bad_json(path, s, err);
done:
    return st;
}

static omn_status read_index(omn_weights *w, const char *path, const char *text, size_t size,
                             roster *x, omn_error *err)
{
    omn_status st = OMN_OK;
    char *key, *value;
    bool first_meta = true, has_map = false;
    scan s = { .text = text, .size = size, .strings = w->strings };
    for (bool first = true; scan_member(&s, &first, &key);) {
        if (strcmp(key, "weight_map") == 0) {
            if (has_map) return omn_fail(err, OMN_ERR_DATA, "%s: has weight_map twice", path);
            has_map = true;
            OMN_TRY(read_map(&s, path, x, err));
        } else if (strcmp(key, "metadata") == 0 && first_meta) {
            /* total_size is a number; texts are worth keeping. */
            while (scan_member(&s, &first_meta, &key)) {
                scan ahead = s;
                if (!scan_try(&ahead, '"')) {
                    (void)scan_skip(&s);
                } else if (scan_string(&s, &value)) {
                    OMN_TRY(header_add_meta(&w->all, key, value, path, err));
                }
            }
        } else {
            (void)scan_skip(&s);
        }
    }
    if (!scan_end(&s)) return bad_json(path, &s, err);
    if (!has_map || x->n == 0)
        return omn_fail(err, OMN_ERR_DATA, "%s: an index needs a weight_map with tensors", path);
done:
    return st;
}

static int by_file(const void *x, const void *y)
{
    const listing *a = x, *b = y;
    int files = strcmp(a->file, b->file);
    return files ? files : strcmp(a->name, b->name);
}

/* Keeps of the rows from `start` on those that the index lists for this shard; both sorted. */
static omn_status keep_listed(omn_weights *w, size_t start, const listing *list, size_t n,
                              const char *path, omn_error *err)
{
    char shown[120], shown_file[120];
    header *h = &w->all;
    size_t kept = start, at = start;
    if (h->n - start > 1) qsort(h->rows + start, h->n - start, sizeof *h->rows, by_name);
    for (size_t i = 0; i < n; i++) {
        while (at < h->n && strcmp(h->rows[at].name, list[i].name) < 0) at++;
        if (at == h->n || strcmp(h->rows[at].name, list[i].name) != 0)
            return omn_fail(err, OMN_ERR_DATA, "%s: tensor %s is not in its shard %s", path,
                            header_show(list[i].name, shown),
                            header_show(list[i].file, shown_file));
        h->rows[kept++] = h->rows[at++];
        if (at < h->n && strcmp(h->rows[at].name, list[i].name) == 0)
            return omn_fail(err, OMN_ERR_DATA, "%s: tensor %s is there twice",
                            header_show(list[i].file, shown_file),
                            header_show(list[i].name, shown));
    }
    h->n = kept;
    return OMN_OK;
}

static omn_status check_names(roster *x, const char *path, omn_error *err)
{
    char shown[120];
    size_t files = 0;
    qsort(x->rows, x->n, sizeof *x->rows, by_file);
    for (size_t i = 0; i < x->n; i++)
        files += i == 0 || strcmp(x->rows[i].file, x->rows[i - 1].file) != 0;
    if (files > MOST_SHARDS)
        return omn_fail(err, OMN_ERR_DATA, "%s: more than %d shards", path, MOST_SHARDS);
    for (size_t i = 1; i < x->n; i++)
        if (strcmp(x->rows[i].name, x->rows[i - 1].name) == 0)
            return omn_fail(err, OMN_ERR_DATA, "%s: tensor %s is listed twice", path,
                            header_show(x->rows[i].name, shown));
    return OMN_OK;
}

static omn_status open_index(omn_weights *w, const char *path, omn_error *err)
{
    omn_status st = OMN_OK;
    roster x = { NULL, 0, 0 };
    char *text = NULL;
    size_t size = 0;
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path + 1) : 0;
    OMN_TRY(omn_file_read(path, HEADER_MOST, &text, &size, err));
    OMN_TRY(read_index(w, path, text, size, &x, err));
    OMN_TRY(check_names(&x, path, err));
    for (size_t from = 0, to; from < x.n; from = to) {
        for (to = from + 1; to < x.n && strcmp(x.rows[to].file, x.rows[from].file) == 0;) to++;
        char *shard = omn_arena_printf(w->strings, "%.*s%s", folder, path, x.rows[from].file);
        size_t start = w->all.n;
        if (!shard) {
            st = no_memory(err, path);
            goto done;
        }
        st = add_file(w, shard, err);
        if (st != OMN_OK) {
            omn_error_prefix(err, "%s", path);
            goto done;
        }
        OMN_TRY(keep_listed(w, start, x.rows + from, to - from, path, err));
    }
done:
    free(text);
    free(x.rows);
    return st;
}

omn_status weights_shards(const char *path, omn_arena *a, char ***files, size_t *n, omn_error *err)
{
    omn_status st = OMN_OK;
    roster x = { NULL, 0, 0 };
    char *text = NULL;
    size_t size = 0;
    omn_weights w = { .strings = a, .all = { .strings = a } };
    *n = 0;
    OMN_TRY(omn_file_read(path, HEADER_MOST, &text, &size, err));
    OMN_TRY(read_index(&w, path, text, size, &x, err));
    OMN_TRY(check_names(&x, path, err));
    *files = omn_arena_alloc(a, x.n, sizeof(char *));
    if (!*files) {
        st = no_memory(err, path);
        goto done;
    }
    for (size_t i = 0; i < x.n; i++)
        if (i == 0 || strcmp(x.rows[i].file, x.rows[i - 1].file) != 0)
            (*files)[(*n)++] = x.rows[i].file;
done:
    free(w.all.meta);
    free(text);
    free(x.rows);
    return st;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* In a folder: model.safetensors, or else its index. */
static omn_status find_inside(omn_weights *w, const char *folder, char **path, omn_error *err)
{
    static const char *const names[] = { "model.safetensors", "model.safetensors.index.json" };
    struct stat info;
    for (size_t i = 0; i < 2; i++) {
        *path = omn_arena_printf(w->strings, "%s%s%s", folder, ends_with(folder, "/") ? "" : "/",
                                 names[i]);
        if (!*path) return no_memory(err, folder);
        if (stat(*path, &info) == 0) return OMN_OK;
        if (errno != ENOENT) return system_fail(err, errno, *path, "cannot be looked at");
    }
    return omn_fail(err, OMN_ERR_MISSING, "%s: this folder holds neither %s nor %s", folder,
                    names[0], names[1]);
}

omn_status omn_weights_open(const char *path, omn_weights **out, omn_error *err)
{
    omn_status st = OMN_OK;
    struct stat info;
    *out = NULL;
    omn_weights *w = calloc(1, sizeof *w);
    if (!w) return no_memory(err, path);
    w->strings = w->all.strings = omn_arena_new(0);
    w->path = w->strings ? omn_arena_strdup(w->strings, path) : NULL;
    if (!w->path) {
        st = no_memory(err, path);
        goto done;
    }
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        OMN_TRY(find_inside(w, path, &w->path, err));
    if (ends_with(w->path, ".json"))
        OMN_TRY(open_index(w, w->path, err));
    else
        OMN_TRY(add_file(w, w->path, err));
    OMN_TRY(sort_rows(w, err));
    *out = w;
    w = NULL;
done:
    omn_weights_close(w);
    return st;
}

omn_status omn_weights_of(const void *bytes, size_t n, const char *name, omn_weights **out,
                          omn_error *err)
{
    omn_status st = OMN_OK;
    *out = NULL;
    omn_weights *w = calloc(1, sizeof *w);
    if (!w) return no_memory(err, name);
    w->strings = w->all.strings = omn_arena_new(0);
    w->path = w->strings ? omn_arena_strdup(w->strings, name) : NULL;
    omn_map *map = w->path ? map_of(bytes, n, name) : NULL;
    if (!map) {
        st = no_memory(err, name);
        goto done;
    }
    OMN_TRY(add_map(w, map, name, err));
    OMN_TRY(sort_rows(w, err));
    *out = w;
    w = NULL;
done:
    omn_weights_close(w);
    return st;
}

/* ---- from a list of another format ---------------------------------------------------------- */

enum { BLOCK_ALIGN = 64 };

/* Room for all that does not lie dense, and a mapping of it, since devices wrap those. */
static omn_status make_block(omn_weights *w, const omn_weights_list *l, omn_error *err)
{
    size_t size = 0;
    uint64_t sum = 0;
    omn_status st = given_sum(l, true, &sum, err);
    if (st != OMN_OK || sum == 0) return st;
    for (size_t i = 0; i < l->n; i++)
        if (l->rows[i].how != GIVEN_DENSE)
            size += (l->rows[i].tensor.bytes + BLOCK_ALIGN - 1) / BLOCK_ALIGN * BLOCK_ALIGN;
    w->block = aligned_alloc(BLOCK_ALIGN, size);
    omn_map *map = w->block ? map_of(w->block, size, w->path) : NULL;
    omn_map **more = map ? reallocarray(w->maps, w->n_maps + 1, sizeof(omn_map *)) : NULL;
    if (!more) {
        omn_map_close(map);
        return omn_fail(err, OMN_ERR_MEMORY,
                        "%s: no memory for the %zu bytes of tensors that do not lie dense in it",
                        w->path, size);
    }
    w->maps = more;
    w->maps[w->n_maps++] = map;
    w->maps_room = w->n_maps;
    return OMN_OK;
}

/* The rows as weights have them; what does not lie dense is brought into the block. */
static omn_status take_rows(omn_weights *w, const omn_weights_list *l, omn_error *err)
{
    omn_status st = OMN_OK;
    size_t at = 0;
    w->all.rows = calloc(l->n + 1, sizeof *w->all.rows);
    if (!w->all.rows) return no_memory(err, w->path);
    w->all.n = w->all.room = l->n;
    for (size_t i = 0; i < l->n; i++) {
        const given_row *r = &l->rows[i];
        header_row *to = &w->all.rows[i];
        *to = (header_row){ .name = r->name, .tensor = r->tensor, .file = r->file };
        if (r->how == GIVEN_DENSE || !w->block) continue;
        OMN_TRY(given_read(l, i, 0, w->block + at, r->tensor.bytes, false, err));
        to->tensor.data = w->block + at;
        at += (r->tensor.bytes + BLOCK_ALIGN - 1) / BLOCK_ALIGN * BLOCK_ALIGN;
    }
done:
    return st;
}

omn_status weights_of_given(omn_weights_list *l, bool hollow, omn_weights **out, omn_error *err)
{
    omn_status st = OMN_OK;
    *out = NULL;
    omn_weights *w = calloc(1, sizeof *w);
    if (!w) {
        st = no_memory(err, l->path);
        goto done;
    }
    w->path = l->path;
    w->strings = l->strings;
    w->all = l->meta;
    w->maps = l->maps;
    w->n_maps = w->maps_room = l->n_maps;
    l->strings = NULL;
    l->maps = NULL;
    l->n_maps = 0;
    l->meta = (header){ .strings = NULL };
    if (!hollow) OMN_TRY(make_block(w, l, err));
    OMN_TRY(take_rows(w, l, err));
    if (w->all.n_meta > 1) qsort(w->all.meta, w->all.n_meta, sizeof *w->all.meta, by_key);
    *out = w;
    w = NULL;
done:
    omn_weights_close(w);
    given_free(l);
    return st;
}

void omn_weights_close(omn_weights *w)
{
    if (!w) return;
    for (size_t i = 0; i < w->n_maps; i++) omn_map_close(w->maps[i]);
    free(w->maps);
    free(w->block);
    free(w->all.rows);
    free(w->all.meta);
    omn_arena_free(w->strings);
    free(w);
}

size_t omn_weights_count(const omn_weights *w)
{
    return w->all.n;
}

const char *omn_weights_name(const omn_weights *w, size_t i)
{
    return i < w->all.n ? w->all.rows[i].name : NULL;
}

const omn_tensor *omn_weights_at(const omn_weights *w, size_t i)
{
    return i < w->all.n ? &w->all.rows[i].tensor : NULL;
}

const header_row *weights_row(const omn_weights *w, const char *name)
{
    const header_row wanted = { .name = name };
    if (w->all.n == 0) return NULL;
    return bsearch(&wanted, w->all.rows, w->all.n, sizeof wanted, by_name);
}

const header_row *weights_row_at(const omn_weights *w, size_t i)
{
    return i < w->all.n ? &w->all.rows[i] : NULL;
}

const char *weights_in_rows(const omn_weights *w)
{
    return w->n_maps == 1 ? w->all.in_rows : NULL;
}

const omn_tensor *omn_weights_get(const omn_weights *w, const char *name)
{
    const header_row *row = weights_row(w, name);
    return row ? &row->tensor : NULL;
}

bool omn_weights_tiles(const omn_weights *w, const char *name, omn_shape *matrix)
{
    const header_row *row = weights_row(w, name);
    if (!row || !row->matrix.rank) return false;
    *matrix = row->matrix;
    return true;
}

const char *omn_weights_path(const omn_weights *w)
{
    return w->path;
}

const char *omn_weights_meta(const omn_weights *w, const char *key)
{
    const header_meta wanted = { .key = key };
    if (w->all.n_meta == 0) return NULL;
    const header_meta *row = bsearch(&wanted, w->all.meta, w->all.n_meta, sizeof wanted, by_key);
    return row ? row->value : NULL;
}

omn_status weights_check_row(const header_row *row, omn_error *err)
{
    char shown[120];
    if (row->matrix.rank && !tiles_clean(row->tensor.data, &row->matrix))
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: tensor %s: beyond the %lld rows and %lld columns of its tiles are "
                        "values other than zero",
                        row->file, header_show(row->name, shown), (long long)row->matrix.dim[0],
                        (long long)row->matrix.dim[1]);
    if (row->summed == SUM_WRONG)
        return omn_fail(err, OMN_ERR_DATA,
                        "%s: its checksums (%s of __metadata__) are not those of its tensors",
                        row->file, CHECKSUM_KEY);
    if (row->summed == SUM_NONE || checksum_of(&row->tensor) == row->sum) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA,
                    "%s: tensor %s is damaged: its bytes are not those that were written",
                    row->file, header_show(row->name, shown));
}

omn_status omn_weights_check(const omn_weights *w, size_t *checked, omn_error *err)
{
    size_t n = 0;
    omn_status st = OMN_OK;
    for (size_t i = 0; i < w->all.n && st == OMN_OK; i++) {
        n += w->all.rows[i].summed == SUM_KNOWN;
        st = weights_check_row(&w->all.rows[i], err);
    }
    if (st == OMN_OK) st = omn_weights_unchanged(w, err);
    if (checked) *checked = n;
    return st;
}

omn_status omn_weights_unchanged(const omn_weights *w, omn_error *err)
{
    for (size_t i = 0; i < w->n_maps; i++) {
        const omn_status st = omn_map_unchanged(w->maps[i], err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

size_t omn_weights_meta_count(const omn_weights *w)
{
    return w->all.n_meta;
}

const char *omn_weights_meta_key(const omn_weights *w, size_t i)
{
    return i < w->all.n_meta ? w->all.meta[i].key : NULL;
}

size_t omn_weights_maps(const omn_weights *w)
{
    return w->n_maps;
}

const omn_map *omn_weights_map(const omn_weights *w, size_t i)
{
    return i < w->n_maps ? w->maps[i] : NULL;
}
