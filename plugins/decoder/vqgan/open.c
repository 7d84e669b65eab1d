/* SPDX-License-Identifier: Apache-2.0 */
/* What the parameters of a VQGAN describe: its levels, where they attend, the size of its
 * pictures. */
#include "vqgan.h"

#include <stdlib.h>
#include <string.h>

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
        if (p->network == NETWORK_DVAE && C % 4)
            return omn_fail(err, OMN_ERR_CONFIG, "image.vqgan: the blocks of a dVAE are a quarter "
                            "as wide within: %lld channels have no quarter", (long long)C);
        if (p->network == NETWORK_VQGAN && C % p->groups)
            return omn_fail(err, OMN_ERR_CONFIG, "image.vqgan: %lld channels of a level do not "
                            "fall into %d groups", (long long)C, p->groups);
    }
    return OMN_OK;
}

static omn_status read_attention(vqgan_self *v, omn_error *err)
{
    const char *text = v->p->attention;
    int64_t side = 0;
    if (*text && v->p->network == NETWORK_DVAE)
        return omn_fail(err, OMN_ERR_CONFIG, "image.vqgan: attention is \"%s\"; a dVAE has none, "
                        "\"\" is wanted", text);
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
    v->learnt[0] = v->port;
    v->learnt[1] = (omn_port){ "noise", OMN_F32, omn_dim3(v->grid_h, v->grid_w, p->n_embed), 0 };
    v->codes = (omn_codes){ OMN_FILL(omn_codes), .codes = p->n_embed,
                            .count = v->grid_h * v->grid_w, .stop = -1, .blank = 0,
                            .grid_h = v->grid_h, .grid_w = v->grid_w };
    return OMN_OK;
}

static omn_status check_grid(const struct vqgan *p, omn_error *err)
{
    double entries = 1;
    for (int i = 0; i < p->embed && entries <= p->n_embed; i++) entries *= p->grid;
    if (!p->grid || (p->grid > 1 && entries == p->n_embed)) return OMN_OK;
    return omn_fail(err, OMN_ERR_CONFIG,
                    "image.vqgan: a grid of %d places along each of %d axes (embed) has no %d "
                    "entries (n_embed)", p->grid, p->embed, p->n_embed);
}

omn_status vqgan_open(omn_call *c, const void *params, omn_open *o, void **self,
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
    OMN_TRY(check_grid(v->p, err));
    OMN_TRY(read_levels(v, err));
    OMN_TRY(read_attention(v, err));
    OMN_TRY(read_size(v, err));
done:
    return st;
}
