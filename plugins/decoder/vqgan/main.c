/* SPDX-License-Identifier: Apache-2.0 */
/* decoder image.vqgan: the door of the decoder of pictures. Three families share it: that of
 * Unified-IO 2 (f8, the defaults), that of Unified-IO 1 (f16: "ch_mult=1,1,2,2,4 attention=16 z=256
 * embed=256 fit=uio1", and names=flax for its own files), and codes of a Gumbel VQGAN as OFA has
 * them ("ch_mult=1,1,2,4 n_embed=8192 z=256 embed=256 names=taming codebook=gumbel fit=cover"). */
#include "vqgan.h"

#include <stdlib.h>
#include <string.h>

static const omn_param vqgan_params[] = { VQGAN(OMN_S_ROW, vqgan) };

/* The next number of "1,2,4", 1 and more; false at the end and where none stands, *text is there
 * then. */
static bool number(const char **text, int64_t most, int64_t *out)
{
    int64_t n = 0;
    const char *p = *text;
    while (*p >= '0' && *p <= '9' && n <= most) n = n * 10 + (*p++ - '0');
    if (p == *text || n < 1 || n > most || (*p && *p != ',') || (*p == ',' && !p[1])) return false;
    *text = *p ? p + 1 : p;
    *out = n;
    return true;
}

static omn_status read_levels(vqgan_self *v, omn_error *err)
{
    const struct vqgan *p = v->p;
    const char *text = p->ch_mult;
    int64_t n = 0;
    while (v->levels < MOST_LEVELS && number(&text, 1024, &n)) v->channels[v->levels++] = n * p->ch;
    if (*text || !v->levels)
        return omn_fail(err, OMN_ERR_CONFIG,
                        "image.vqgan: ch_mult is \"%s\"; numbers like \"1,2,2,4\" are wanted, 1 to "
                        "%d of them",
                        p->ch_mult, (int)MOST_LEVELS);
    for (int i = -1; i < v->levels; i++) {
        const int64_t C = i < 0 ? p->ch : v->channels[i];
        if (C % p->groups)
            return omn_fail(err, OMN_ERR_CONFIG, "image.vqgan: %lld channels of a level do not "
                            "fall into %d groups", (long long)C, p->groups);
    }
    return OMN_OK;
}

static omn_status read_attention(vqgan_self *v, omn_error *err)
{
    const char *text = v->p->attention;
    int64_t side = 0;
    while (*text) {
        bool met = false;
        if (!number(&text, 8192, &side))
            return omn_fail(err, OMN_ERR_CONFIG, "image.vqgan: attention is \"%s\"; sizes like "
                            "\"32\" or \"16,8\" are wanted", v->p->attention);
        for (int i = 0; i < v->levels; i++)
            if (v->p->resolution >> i == side) met = v->attends[i] = true;
        if (!met)
            return omn_fail(err, OMN_ERR_CONFIG, "image.vqgan: no level of %d has the nominal size "
                            "%lld for attention (the first has %d, the last %d)", v->levels,
                            (long long)side, v->p->resolution,
                            v->p->resolution >> (v->levels - 1));
    }
    return OMN_OK;
}

static omn_status read_size(vqgan_self *v, omn_error *err)
{
    const struct vqgan *p = v->p;
    const int step = 1 << (v->levels - 1);
    v->height = p->height ? p->height : p->resolution;
    v->width = p->width ? p->width : p->resolution;
    if (v->height % step || v->width % step)
        return omn_fail(err, OMN_ERR_CONFIG, "image.vqgan: %d levels halve the picture to codes of "
                        "%d x %d pixels, which %d x %d is no multiple of", v->levels, step, step,
                        v->width, v->height);
    v->grid_h = v->height / step;
    v->grid_w = v->width / step;
    v->port = (omn_port){ "pixels", OMN_F32, omn_dim3(v->height, v->width, 3), 0 };
    v->codes = (omn_codes){ OMN_FILL(omn_codes), .codes = p->n_embed,
                            .count = v->grid_h * v->grid_w, .stop = -1, .blank = 0,
                            .grid_h = v->grid_h, .grid_w = v->grid_w };
    return OMN_OK;
}

static omn_status vqgan_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    vqgan_self *v = calloc(1, sizeof *v);
    (void)c;
    (void)o;
    if (!v) return omn_fail(err, OMN_ERR_MEMORY, "image.vqgan: out of memory");
    *self = v;
    v->p = params;
    if (v->p->codebook == CODEBOOK_GUMBEL && v->p->names == NAMES_FLAX)
        return omn_fail(err, OMN_ERR_CONFIG,
                        "image.vqgan: a codebook of gumbel has no names of flax");
    OMN_TRY(read_levels(v, err));
    OMN_TRY(read_attention(v, err));
    OMN_TRY(read_size(v, err));
done:
    return st;
}

static const omn_codes *codes(const void *self)
{
    return &((const vqgan_self *)self)->codes;
}

static uint32_t ports(const void *self, const omn_port **in, uint32_t *n_out, const omn_port **out)
{
    *in = *out = &((const vqgan_self *)self)->port;
    *n_out = 1;
    return 1;
}

static const omn_decoder_impl impl = {
    .makes = "image",
    .open = vqgan_open,
    .close = free,
    .codes = codes,
    .ports = ports,
    .prepare = vqgan_prepare,
    .tokenize = vqgan_tokenize,
    .detokenize = vqgan_detokenize,
    .finish = vqgan_finish,
};
static const omn_object objects[] = {
    { "omnio.decoder/1", "image.vqgan", "pictures as codes of a VQGAN, and back", &impl,
      OMN_OBJECT_PARAMS(vqgan) },
};
OMN_PLUGIN("decoder-vqgan", "0.1.0", "Apache-2.0", "pictures as codes", objects);
