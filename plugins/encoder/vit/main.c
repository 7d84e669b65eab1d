/* SPDX-License-Identifier: Apache-2.0 */
/* encoder image.vit: the door of the picture encoder. */
#include "vit.h"

#include <stdlib.h>
#include <string.h>

static const omn_param vit_params[] = { VIT(OMN_S_ROW, vit) };

static omn_status vit_open(omn_call *c, const void *params, omn_open *o, void **self,
                           omn_error *err)
{
    (void)c;
    vit_self *v = calloc(1, sizeof *v);
    if (!v) return omn_fail(err, OMN_ERR_MEMORY, "image.vit: out of memory");
    *self = v;
    const struct vit *p = v->p = params;
    const int64_t N = (int64_t)p->rows * p->columns;
    if (p->second >= p->layers)
        omn_open_fail(o, OMN_ERR_CONFIG, "image.vit: second %d is outside the %d blocks", p->second,
                      p->layers);
    if (p->stem == 1 && ((p->patch & (p->patch - 1)) || p->patch < 2 || p->width % (p->patch / 2)))
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "image.vit: convolutions of stride 2 want a patch that is a "
                      "power of 2 and a width that it divides, not %d and %d",
                      p->patch, p->width);
    if (p->stem == 0)
        v->ports[0] = (omn_port){ "patches", OMN_F32, omn_dim2(N, 3LL * p->patch * p->patch), 1 };
    else
        v->ports[0] =
            (omn_port){ "pixels", OMN_F32,
                        omn_dim3((int64_t)p->rows * p->patch, (int64_t)p->columns * p->patch, 3),
                        0 };
    v->ports[1] = (omn_port){ "seg", OMN_I32, omn_dim1(N), p->stem == 0 };
    v->ports[2] = (omn_port){ "pos", OMN_I32, omn_dim1(N), p->stem == 0 };
    return OMN_OK;
}

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = ((const vit_self *)self)->ports;
    return 3;
}

static uint32_t grid(const void *self, uint32_t *rows, uint32_t *columns)
{
    const struct vit *p = ((const vit_self *)self)->p;
    *rows = (uint32_t)p->rows;
    *columns = (uint32_t)p->columns;
    return *rows * *columns;
}

static const void *extension(const char *id)
{
    static const omn_features_impl features = { vit_features, grid };
    return strcmp(id, "omnio.features/1") ? NULL : (const void *)&features;
}

static const omn_encoder_impl impl = { extension, "image",     vit_open, free,
                                       ports,     vit_prepare, vit_embed };
static const omn_object objects[] = {
    { "omnio.encoder/1", "image.vit", "pictures through a vision transformer", &impl,
      OMN_OBJECT_PARAMS(vit) },
};
OMN_PLUGIN("encoder-vit", "0.1.0", "Apache-2.0", "picture input", objects);
