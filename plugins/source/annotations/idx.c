/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures and their classes in IDX files, as MNIST and Fashion-MNIST have them: one example is
 * "image" (grey), "class" (its number, as a text) and "answer" (its name). The official test set is
 * what is held out. In training each picture may stand in variants, moved, mirrored or with a hole,
 * by chance that follows from the example's number; number % (number of pictures) is the picture,
 * so that as many examples in a row as there are pictures show each of them once. */
#include "idx_file.h"
#include "sources.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CLASSES = 256, VARIANT = 0x76617269 };

typedef struct source {
    struct idx p;
    idx_array pictures[2], classes[2];        /* of training, held out */
    char *names, *name[MOST_CLASSES];
    size_t n_names;
} source;

static void close_source(void *self)
{
    source *s = self;
    if (!s) return;
    for (int k = 0; k < 2; k++) {
        idx_free(&s->pictures[k]);
        idx_free(&s->classes[k]);
    }
    free(s->names);
    free(s);
}

/* "top, trousers": what stands between commas, without the spaces around it. */
static omn_status read_names(source *s, omn_error *err)
{
    char *rest = NULL;
    s->names = strdup(s->p.names);
    if (!s->names) return omn_fail(err, OMN_ERR_MEMORY, "idx: out of memory");
    for (char *w = strtok_r(s->names, ",", &rest); w; w = strtok_r(NULL, ",", &rest)) {
        while (*w == ' ') w++;
        size_t n = strlen(w);
        while (n && w[n - 1] == ' ') w[--n] = '\0';
        if (!n || s->n_names == MOST_CLASSES)
            return omn_fail(err, OMN_ERR_ARGUMENT, "names: at most %d names, none of them empty, "
                            "are wanted", MOST_CLASSES);
        s->name[s->n_names++] = w;
    }
    return OMN_OK;
}

static omn_status read_split(source *s, int k, const char *prefix, omn_error *err)
{
    omn_status st = OMN_OK;
    idx_array *a = &s->pictures[k], *b = &s->classes[k];
    OMN_TRY(idx_read(a, s->p.path, prefix, "images-idx3-ubyte", 3, err));
    OMN_TRY(idx_read(b, s->p.path, prefix, "labels-idx1-ubyte", 1, err));
    if (a->dim[1] > OMN_IMAGE_MOST_SIDE || a->dim[2] > OMN_IMAGE_MOST_SIDE)
        return omn_fail(err, OMN_ERR_DATA, "%s/%s-images: pictures of %u x %u are too large",
                        s->p.path, prefix, a->dim[2], a->dim[1]);
    if (a->dim[0] != b->dim[0])
        return omn_fail(err, OMN_ERR_DATA, "%s: %s has %u pictures and %u labels", s->p.path,
                        prefix, a->dim[0], b->dim[0]);
    for (uint32_t i = 0; s->n_names && i < b->dim[0]; i++)
        if (b->bytes[i] >= s->n_names)
            return omn_fail(err, OMN_ERR_DATA, "%s: label %u of %s is %u, and there are %zu names",
                            s->p.path, i + 1, prefix, b->bytes[i], s->n_names);
done:
    return st;
}

static omn_status open_source(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)o;
    omn_status st = OMN_OK;
    source *s = calloc(1, sizeof *s);
    if (!s) return omn_fail(err, OMN_ERR_MEMORY, "idx: out of memory");
    *self = s;
    s->p = *(const struct idx *)params;
    OMN_TRY(read_names(s, err));
    OMN_TRY(read_split(s, 0, s->p.train, err));
    OMN_TRY(read_split(s, 1, s->p.held, err));
done:
    return st;
}

static uint64_t count(const void *self, omn_split split)
{
    const source *s = self;
    if (split == OMN_SPLIT_FOREIGN) return 0;
    return split == OMN_SPLIT_TRAIN ? (uint64_t)s->pictures[0].dim[0] * (uint64_t)s->p.variants
                                    : s->pictures[1].dim[0];
}

/* ---- variants ------------------------------------------------------------------------------- */

typedef struct change {
    int right, down;                      /* by how many pixels it is moved */
    bool mirrored;
    int hole[4];                          /* x0, y0, x1, y1 that are black; empty: none */
} change;

typedef struct chance { uint64_t seed, number, at; } chance;

/* The next of the numbers 0..n-1. */
static int below(chance *k, int n)
{
    const uint64_t u = omn_random_at(k->seed, k->number, VARIANT + k->at++);
    return (int)((u >> 32) * (uint64_t)n >> 32);
}

static bool happens(chance *k, double share)
{
    return below(k, 1 << 30) < share * (1 << 30);
}

/* One dimension of a hole: a quarter to a half of the side, wholly inside. */
static void hole_side(chance *k, int side, int *from, int *to)
{
    const int least = side / 4, length = least + below(k, side / 2 - least + 1);
    *from = below(k, side - length + 1);
    *to = *from + length;
}

static change change_of(const source *s, uint64_t number, int width, int height)
{
    chance k = { (uint64_t)s->p.seed, number, 0 };
    change v = { 0 };
    v.right = below(&k, 2 * s->p.shift + 1) - s->p.shift;
    v.down = below(&k, 2 * s->p.shift + 1) - s->p.shift;
    v.mirrored = happens(&k, s->p.mirror);
    if (happens(&k, s->p.hole)) {
        hole_side(&k, width, &v.hole[0], &v.hole[2]);
        hole_side(&k, height, &v.hole[1], &v.hole[3]);
    }
    return v;
}

static void draw(const uint8_t *from, int width, int height, const change *v, uint8_t *to)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const int at = v->mirrored ? width - 1 - x : x, i = at - v->right, j = y - v->down;
            const bool inside = i >= 0 && i < width && j >= 0 && j < height;
            const bool black =
                x >= v->hole[0] && x < v->hole[2] && y >= v->hole[1] && y < v->hole[3];
            to[y * width + x] = inside && !black ? from[j * width + i] : 0;
        }
}

static omn_status get(const void *self, omn_call *c, omn_split split, uint64_t index,
                      omn_value **out, omn_error *err)
{
    (void)c;
    omn_status st = OMN_OK;
    const source *s = self;
    const int k = split == OMN_SPLIT_TRAIN ? 0 : 1;
    const idx_array *a = &s->pictures[k];
    const int width = (int)a->dim[2], height = (int)a->dim[1];
    omn_named f[3] = { { NULL, NULL } };
    omn_image *picture = NULL;
    omn_pixels px;
    change v = { 0 };
    char number[16];
    size_t n = 0;
    if (index >= count(self, split))
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s has no example number %llu in this split",
                        s->p.path, (unsigned long long)index);
    const size_t i = (size_t)(index % a->dim[0]);
    if (k == 0) v = change_of(s, index, width, height);
    OMN_TRY(omn_image_new(OMN_U8, a->dim[2], a->dim[1], 1, NULL, &picture, &px, err));
    draw(a->bytes + i * a->dim[1] * a->dim[2], width, height, &v, px.data);
    OMN_TRY(field_put(f, &n, "image", omn_image_give(picture), OMN_OK));
    snprintf(number, sizeof number, "%u", s->classes[k].bytes[i]);
    OMN_TRY(field_put_text(f, &n, "class", number, err));
    const char *name = s->n_names ? s->name[s->classes[k].bytes[i]] : number;
    OMN_TRY(field_put_text(f, &n, "answer", name, err));
    OMN_TRY(omn_record_new(f, n, out, err));
done:
    for (size_t j = 0; j < n; j++) omn_value_unref(f[j].value);
    return st;
}

const omn_source_impl idx_impl = { NULL, open_source, close_source, count, get };
