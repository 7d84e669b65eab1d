/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes in space as words, twelve for each: where its centre lies in the picture (which may be a
 * little outside of it), its depth, its three sides, how it is turned, then its label. The ranges
 * are those that Unified-IO 2 released; order and norms it did not, so they are those of the
 * published field (spec uio2-tasks section 7), and no answer of released weights was seen:
 *   depth     virtual: z * height / focal, which does not depend on the lens, in kilometres
 *   sides     ln(1 + metres)
 *   rotation  allocentric: as seen along the ray to the centre, so that a thing that looks the same
 *             is told the same wherever it stands; its first two columns, made orthogonal again
 *             when they are read */
#include "location.h"

#include <math.h>
#include <stdlib.h>

enum { WORDS = 12, SIDES = 3 };

static const loc_span place_span = { -0.1, 1.1 }, depth_span = { -0.001, 0.1 },
                      side_span = { 0, 6 };

typedef struct lens {
    double f[2], c[2], size[2];   /* pixels of the camera's picture */
    double step[2];               /* pixels of the camera in one of the source */
} lens;

static omn_status lens_of(const loc_space *s, const omn_frame *like, lens *l, omn_error *err)
{
    const double w = like ? like->width : s->scheme.width, h = like ? like->height
                                                                    : s->scheme.height;
    if (!s->camera) {
        *l = (lens){ { s->focal * h, s->focal * h }, { w / 2, h / 2 }, { w, h }, { 1, 1 } };
        return OMN_OK;
    }
    if (!omn_value_is(s->camera, "camera"))
        return omn_fail(err, OMN_ERR_TYPE, "a camera is wanted, not %s",
                        omn_value_kind_name(s->camera));
    const double *f = omn_value_column(s->camera, "focal")->data,
                 *c = omn_value_column(s->camera, "center")->data,
                 *size = omn_value_column(s->camera, "size")->data;
    for (int i = 0; i < 2; i++) {
        l->f[i] = f[i];
        l->c[i] = c[i];
        l->size[i] = size[i];
        l->step[i] = size[i] / (i ? h : w);
    }
    return OMN_OK;
}

/* out = a b; turned: of a transposed. */
static void product(const double a[9], bool turned, const double b[9], double out[9])
{
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            out[3 * i + k] = 0;
            for (int j = 0; j < 3; j++)
                out[3 * i + k] += a[turned ? 3 * j + i : 3 * i + j] * b[3 * j + k];
        }
}

/* The shortest turn that brings "forward" onto the ray to a place before the camera. */
static void ray_turn(const double at[3], double out[9])
{
    const double n = sqrt(at[0] * at[0] + at[1] * at[1] + at[2] * at[2]);
    const double x = at[0] / n, y = at[1] / n, z = at[2] / n, k = 1 / (1 + z);
    const double m[9] = { 1 - x * x * k, -x * y * k, x, -x * y * k, 1 - y * y * k, y, -x, -y, z };
    for (int i = 0; i < 9; i++) out[i] = m[i];
}

/* ---- writing -------------------------------------------------------------------------------- */

static omn_status write_one(const loc_space *s, const lens *l, const omn_frame *like,
                            const double center[3], const double size[3], const double turn[9],
                            omn_buf *out, omn_error *err)
{
    static const char *const across[2] = { "the x of its centre", "the y of its centre" };
    static const loc_span metres = { 0, 402 }; /* e to the 6th, less one */
    omn_status st = OMN_OK;
    const loc_scheme *k = &s->scheme;
    double at[2], view[2], ray[9], seen[9];
    int32_t bins[6];
    for (int i = 0; i < 2; i++)
        at[i] = (l->f[i] * center[i] / center[2] + l->c[i]) / l->step[i];
    view[0] = at[0];
    view[1] = at[1];
    if (like) omn_frame_from_source(like, at[0], at[1], &view[0], &view[1]);
    view[0] /= k->width;
    view[1] /= k->height;
    const double depth = center[2] * l->size[1] / l->f[1] / s->unit;
    for (int i = 0; st == OMN_OK && i < 2; i++)
        st = loc_check_number(place_span, view[i], across[i], "of the picture", err);
    for (int i = 0; st == OMN_OK && i < SIDES; i++)
        st = loc_check_number(metres, size[i], "a side", "m", err);
    if (st == OMN_OK) st = loc_check_number(depth_span, depth, "its depth by the lens", "km", err);
    if (st != OMN_OK) return st;
    for (int i = 0; i < 2; i++) loc_put_number(k, place_span, view[k->x_first ? i : 1 - i], out);
    loc_put_number(k, depth_span, depth, out);
    for (int i = 0; i < SIDES; i++) loc_put_number(k, side_span, log1p(size[i]), out);
    ray_turn(center, ray);
    product(ray, true, turn, seen);
    const double a[3] = { seen[0], seen[3], seen[6] }, b[3] = { seen[1], seen[4], seen[7] };
    loc_direction_bins(k, a, b, 3, bins);
    for (int i = 0; i < 6; i++) loc_put_word(k, bins[i], out);
    return OMN_OK;
}

omn_status loc_write_box3d(const loc_space *s, const omn_value *v, const omn_frame *like,
                           omn_buf *out, omn_error *err)
{
    omn_buf words;
    lens l;
    omn_status st = lens_of(s, like, &l, err);
    if (st == OMN_OK && !omn_value_is(v, "box3d"))
        st = omn_fail(err, OMN_ERR_TYPE, "boxes in space are wanted, not a value of type %s",
                      omn_value_kind_name(v));
    if (st != OMN_OK) return st;
    const double *center = omn_value_column(v, "center")->data,
                 *size = omn_value_column(v, "size")->data,
                 *turn = omn_value_column(v, "rotation")->data;
    const omn_tensor *labels = omn_value_column(v, "label");
    omn_buf_init(&words, out->most);
    for (size_t i = 0, n = omn_value_count(v); i < n; i++) {
        const char *label = labels ? ((const char *const *)labels->data)[i] : NULL;
        if (!(center[3 * i + 2] > 0)) continue;         /* behind the camera: not in the picture */
        st = write_one(s, &l, like, center + 3 * i, size + 3 * i, turn + 9 * i, &words, err);
        if (st != OMN_OK) {
            omn_error_prefix(err, "box %zu", i + 1);
            omn_buf_fini(&words);
            return st;
        }
        if (label && label[0] && s->scheme.labels != LOC_NONE)
            omn_buf_printf(&words, " %s", label);
    }
    return loc_hand_over(&words, out, err);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Columns of the value, with room for as many as a text has words for. */
typedef struct found {
    double *center, *size, *turn, *score;
    const char **label;
    size_t n;
    omn_arena *labels;
} found;

static bool room_for(found *f, size_t most)
{
    f->center = calloc(most + 1, 3 * sizeof *f->center);
    f->size = calloc(most + 1, 3 * sizeof *f->size);
    f->turn = calloc(most + 1, 9 * sizeof *f->turn);
    f->score = calloc(most + 1, sizeof *f->score);
    f->label = calloc(most + 1, sizeof *f->label);
    f->labels = omn_arena_new((size_t)64 << 20);
    return f->center && f->size && f->turn && f->score && f->label && f->labels;
}

static void found_fini(found *f)
{
    free(f->center);
    free(f->size);
    free(f->turn);
    free(f->score);
    free(f->label);
    omn_arena_free(f->labels);
}

/* Twelve words as a box; false: they are none, as one behind the camera. */
static bool read_one(const loc_space *s, const lens *l, const omn_frame *like, const loc_run *run,
                     const char **p, double *center, double *size, double *turn)
{
    const loc_scheme *k = &s->scheme;
    double view[2], at[2], a[3], b[3], ray[9], seen[9];
    int32_t bins[6];
    for (int i = 0; i < 2; i++)
        view[k->x_first ? i : 1 - i] = loc_take_number(k, place_span, run, p);
    at[0] = view[0] * k->width;
    at[1] = view[1] * k->height;
    if (like) omn_frame_to_source(like, at[0], at[1], &at[0], &at[1]);
    const double depth = loc_take_number(k, depth_span, run, p) * s->unit;
    center[2] = depth * l->f[1] / l->size[1];
    for (int i = 0; i < 2; i++)
        center[i] = (at[i] * l->step[i] - l->c[i]) / l->f[i] * center[2];
    for (int i = 0; i < SIDES; i++) size[i] = expm1(loc_take_number(k, side_span, run, p));
    for (int i = 0; i < 6; i++) bins[i] = loc_take_bin(k, run, p);
    if (!(center[2] > 0) || !loc_direction(k, bins, 3, a, b)) return false;
    for (int i = 0; i < 3; i++) {
        seen[3 * i] = a[i];
        seen[3 * i + 1] = b[i];
        seen[3 * i + 2] = a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3];
    }
    ray_turn(center, ray);
    product(ray, false, seen, turn);
    return true;
}

/* A label belongs to the last box of its run; of words that are left over the first ones go. */
static omn_status take_run(const loc_space *s, const lens *l, const omn_frame *like,
                           const loc_run *run, const loc_spoken *spoken, found *f, omn_error *err)
{
    const char *p = run->words, *label = NULL;
    bool accepted = false;
    const omn_status st = loc_keep_label(&s->scheme, run, spoken, f->labels, &accepted, &label,
                                         err);
    if (st != OMN_OK || !accepted) return st;
    for (size_t i = run->count % WORDS; i > 0; i--) loc_take_bin(&s->scheme, run, &p);
    for (size_t left = run->count / WORDS; left > 0; left--) {
        const char *from = p;
        if (!read_one(s, l, like, run, &p, f->center + 3 * f->n, f->size + 3 * f->n,
                      f->turn + 9 * f->n))
            continue;
        f->score[f->n] = loc_score(spoken, from, p);
        f->label[f->n++] = left == 1 ? label : NULL;
    }
    return OMN_OK;
}

static size_t boxes_in(const loc_scheme *s, const char *text, size_t n)
{
    size_t count = 0;
    loc_run run;
    for (const char *at = text; loc_next_run(s, &at, text + n, &run);) count += run.count / WORDS;
    return count;
}

omn_status loc_read_box3d(const loc_space *s, omn_call *c, const char *text, size_t n,
                          const omn_frame *like, const loc_spoken *spoken, omn_value **out,
                          omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t most = boxes_in(&s->scheme, text, n);
    const omn_kind *kind = NULL;
    const char *at = text;
    found f = { 0 };
    loc_run run;
    lens l;
    OMN_TRY(lens_of(s, like, &l, err));
    if (most > OMN_REGIONS_MOST || !room_for(&f, most))
        OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu boxes in one answer", most));
    while (loc_next_run(&s->scheme, &at, text + n, &run))
        OMN_TRY(take_run(s, &l, like, &run, spoken, &f, err));
    OMN_TRY(omn_kind_find(c, "box3d", &kind, err));
    const int64_t k = (int64_t)f.n;
    const omn_filled columns[] = {
        omn_fill("center", OMN_F64, omn_dim2(k, 3), f.center),
        omn_fill("size", OMN_F64, omn_dim2(k, 3), f.size),
        omn_fill("rotation", OMN_F64, omn_dim3(k, 3, 3), f.turn),
        omn_fill("label", OMN_STRING, omn_dim1(k), f.label),
        omn_fill("score", OMN_F64, omn_dim1(k), f.score),
    };
    st = omn_value_make(kind, columns, 5, like, out, err);
done:
    found_fini(&f);
    return st;
}
