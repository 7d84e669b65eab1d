/* SPDX-License-Identifier: Apache-2.0 */
/* decoder image.vqgan: the door of the decoder of pictures. Four families share it: that of
 * Unified-IO 2 (f8, the defaults), that of Unified-IO 1 (f16: "ch_mult=1,1,2,2,4 attention=16 z=256
 * embed=256 fit=uio1", and names=flax for its own files), codes of a Gumbel VQGAN as OFA has them
 * ("ch_mult=1,1,2,4 n_embed=8192 z=256 embed=256 names=taming codebook=gumbel fit=cover"), and the
 * discrete VAE of DALL-E ("network=dvae", dvae.c). */
#include "vqgan.h"

#include <stdlib.h>

static const omn_param vqgan_params[] = { VQGAN(OMN_S_ROW, vqgan) };

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
    { "omnio.encoder/1", "image.vqgan", "pictures as vectors of a VQGAN", &vqgan_pictures,
      OMN_OBJECT_PARAMS(vqgan) },
    { "omnio.model/1", "vqgan", "a VQGAN, to be learnt: pictures that come back", &vqgan_model,
      NULL, 0, 0 },
    { "omnio.encoder/1", "image.dvae", "pictures with the noise by which a dVAE is learnt",
      &dvae_pictures, OMN_OBJECT_PARAMS(vqgan) },
    { "omnio.model/1", "dvae", "a discrete VAE, to be learnt: pictures that come back", &dvae_model,
      NULL, 0, 0 },
};
OMN_PLUGIN("decoder-vqgan", "0.1.0", "Apache-2.0", "pictures as codes", objects);
