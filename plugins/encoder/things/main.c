/* SPDX-License-Identifier: Apache-2.0 */
/* Plugin encoder/things: what a detector is to find, as inputs of the models that learn it, and
 * what it found, as values. */
#include "things.h"

#include <math.h>
#include <string.h>

void things_ports(omn_port *list, int64_t most, int64_t width)
{
    list[THINGS_BOXES] = (omn_port){ "boxes", OMN_F32, omn_dim2(most, 4), 1 };
    list[THINGS_MAP] = (omn_port){ "map", OMN_F32, omn_dim2(most, width), 1 };
    list[THINGS_SEG] = (omn_port){ "seg", OMN_I32, omn_dim1(most), 1 };
}

omn_status things_new(omn_feed *out, size_t n, size_t width, float **boxes, float **map,
                      omn_error *err)
{
    const int64_t N = n ? (int64_t)n : 1;
    void *x = NULL, *m = NULL, *seg = NULL;
    omn_status st = OMN_OK;
    OMN_TRY(omn_feed_new(out, "boxes", OMN_F32, omn_dim2(N, 4), &x, err));
    OMN_TRY(omn_feed_new(out, "map", OMN_F32, omn_dim2(N, (int64_t)width), &m, err));
    OMN_TRY(omn_feed_new(out, "seg", OMN_I32, omn_dim1(N), &seg, err));
    memset(x, 0, (size_t)N * 4 * sizeof(float));
    memset(m, 0, (size_t)N * width * sizeof(float));
    for (int64_t i = 0; i < N; i++) ((int32_t *)seg)[i] = n > 0;
    *boxes = x;
    *map = m;
done:
    return st;
}

omn_status things_share(const omn_value *of, const double *c, float *box, omn_error *err)
{
    const omn_frame *f = omn_value_frame(of);
    if (!f || !f->width || !f->height)
        return omn_fail(err, OMN_ERR_DATA, "boxes that say of no picture that they lie in it: how "
                        "large it is has to be known");
    if (fabs(f->m[2]) > 0 || fabs(f->m[5]) > 0)
        return omn_fail(err, OMN_ERR_DATA, "boxes of a picture that was cut out of another: those "
                        "of a whole picture are wanted");
    const double w = f->width, h = f->height;
    if (!(c[0] >= 0 && c[1] >= 0 && c[2] <= w && c[3] <= h && c[0] < c[2] && c[1] < c[3]))
        return omn_fail(err, OMN_ERR_DATA, "the box %g %g %g %g does not lie in a picture of %g x "
                        "%g pixels", c[0], c[1], c[2], c[3], w, h);
    box[0] = (float)((c[0] + c[2]) / 2 / w);
    box[1] = (float)((c[1] + c[3]) / 2 / h);
    box[2] = (float)((c[2] - c[0]) / w);
    box[3] = (float)((c[3] - c[1]) / h);
    return OMN_OK;
}

omn_seq *things_embed(omn_scope *s, const omn_bundle *in)
{
    omn_node *x = omn_bundle_get(in, s, "map"), *seg = omn_bundle_get(in, s, "seg");
    const int64_t B = omn_node_dim(x, 0), N = omn_node_dim(x, 1);
    int32_t *pos = omn_arena_alloc(omn_scope_arena(s), (size_t)(B * N), sizeof *pos);
    if (!pos) {
        omn_scope_fail(s, OMN_ERR_MEMORY, "things of a picture: out of memory");
        return NULL;
    }
    for (int64_t i = 0; i < B * N; i++) pos[i] = (int32_t)(i % N);
    return omn_seq_new(s, x, seg, omn_const(s, OMN_I32, omn_dim2(B, N), pos), 0, 0);
}
