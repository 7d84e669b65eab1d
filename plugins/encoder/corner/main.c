/* SPDX-License-Identifier: Apache-2.0 */
/* encoder image.corner: a picture in the upper left corner of a rectangle, cut into patches of its
 * pixels, row by row, as Unified-IO 1 sees it (Lu et al. 2022). Positions are the model's. The grid
 * may be longer than the patches that are given: a part of them may be looked at alone. */
#include "corner.h"

#include <omnio/train.h>

#include <stdlib.h>
#include <string.h>

static const omn_param corner_params[] = { CORNER(OMN_S_ROW, corner) };

static omn_status open_corner(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    (void)o;
    corner_self *e = calloc(1, sizeof *e);
    if (!e) return omn_fail(err, OMN_ERR_MEMORY, "image.corner: out of memory");
    *self = e;
    const struct corner *p = e->p = params;
    const int64_t n = (int64_t)p->rows * p->columns;
    e->ports[0] = (omn_port){ "patches", OMN_F32, omn_dim2(n, 3LL * p->patch * p->patch), 1 };
    e->ports[1] = (omn_port){ "seg", OMN_I32, omn_dim1(n), 1 };
    e->ports[2] = (omn_port){ "pos", OMN_I32, omn_dim1(n), 1 };
    return OMN_OK;
}

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = ((const corner_self *)self)->ports;
    return 3;
}

static uint32_t grid(const void *self, uint32_t *rows, uint32_t *columns)
{
    const struct corner *p = ((const corner_self *)self)->p;
    *rows = (uint32_t)p->rows;
    *columns = (uint32_t)p->columns;
    return *rows * *columns;
}

static const void *extension(const char *id)
{
    static const omn_grid_impl grids = { grid };
    return strcmp(id, "omnio.grid/1") ? NULL : (const void *)&grids;
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    const struct corner *p = ((const corner_self *)self)->p;
    omn_node *x = omn_bundle_get(in, s, "patches");
    omn_node *w = omn_weight(omn_scope_at(s, "/"), p->weight,
                             omn_dim2(3LL * p->patch * p->patch, p->width), OMN_INIT_NORMAL, 0.02);
    x = omn_linear_in_out(s, x, w, NULL, OMN_ACT_NONE);
    return omn_seq_new(s, x, omn_bundle_get(in, s, "seg"), omn_bundle_get(in, s, "pos"), p->rows,
                       p->columns);
}

static const omn_encoder_impl impl = { extension, "image",        open_corner, free,
                                       ports,     corner_prepare, embed };
static const omn_object objects[] = {
    { "omnio.encoder/1", "image.corner", "pictures padded right and below, as patches", &impl,
      OMN_OBJECT_PARAMS(corner) },
};
OMN_PLUGIN("encoder-corner", "0.1.0", "Apache-2.0", "picture input, padded in a corner", objects);
