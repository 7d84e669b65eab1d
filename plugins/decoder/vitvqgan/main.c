/* SPDX-License-Identifier: Apache-2.0 */
/* decoder audio.vitvqgan: the door of the decoder of sound, that of Unified-IO 2 by its defaults:
 * 4.08 seconds are 256 frames of 128 mel bands, 32 x 16 codes. With the weights of a vocoder the
 * graph goes on to samples; without, phases are guessed when it is done. */
#include "vitvqgan.h"

#include <omnio/takes.h>

#include <stdlib.h>
#include <string.h>

static const omn_param vitvqgan_params[] = { VITVQGAN(OMN_S_ROW, vitvqgan) };

omn_status vitvqgan_open(omn_call *c, const void *params, omn_open *o, void **self, omn_error *err)
{
    vitvqgan_self *v = calloc(1, sizeof *v);
    (void)c;
    (void)o;
    if (!v) return omn_fail(err, OMN_ERR_MEMORY, "audio.vitvqgan: out of memory");
    *self = v;
    const struct vitvqgan *p = v->p = params;
    if (p->width % 4)
        return omn_fail(err, OMN_ERR_CONFIG, "audio.vitvqgan: width %d is no multiple of 4",
                        p->width);
    if (p->frames % p->patch || p->bands % p->patch)
        return omn_fail(err, OMN_ERR_CONFIG, "audio.vitvqgan: %d frames of %d bands do not fall "
                        "into squares of %d", p->frames, p->bands, p->patch);
    if (p->vocoder[0] && (p->hop != HIFIGAN_SAMPLES || p->vocoder_width % 8))
        return omn_fail(err, OMN_ERR_CONFIG, "audio.vitvqgan: a vocoder makes %d samples of a "
                        "frame, not %d, and halves its width three times, not that of %d",
                        (int)HIFIGAN_SAMPLES, p->hop, p->vocoder_width);
    if (p->book == BOOK_CORNERS && (p->embed > 24 || p->codes != 1 << p->embed))
        return omn_fail(err, OMN_ERR_CONFIG, "audio.vitvqgan: a cube of %d axes (embed) has 2 to "
                        "that power of corners, not %d (codes)", p->embed, p->codes);
    v->columns = p->frames / p->patch;
    v->rows = p->bands / p->patch;
    const bool time = p->order == ORDER_TIME;
    v->codes = (omn_codes){ OMN_FILL(omn_codes), .codes = p->codes, .count = v->columns * v->rows,
                            .stop = -1, .blank = 0, .grid_h = time ? v->columns : v->rows,
                            .grid_w = time ? v->rows : v->columns };
    v->in = v->out =
        (omn_port){ "spectrogram", OMN_F32, omn_dim2(p->frames, p->bands), 0 };
    if (p->vocoder[0])
        v->out = (omn_port){ "samples", OMN_F32, omn_dim1((int64_t)p->frames * p->hop), 0 };
    return OMN_OK;
}

static const omn_codes *codes(const void *self)
{
    return &((const vitvqgan_self *)self)->codes;
}

static uint32_t ports(const void *self, const omn_port **in, uint32_t *n_out, const omn_port **out)
{
    *in = &((const vitvqgan_self *)self)->in;
    *out = &((const vitvqgan_self *)self)->out;
    *n_out = 1;
    return 1;
}

/* The sound and its copy in the value; without a vocoder also what spectrogram.audio has at work
 * with its usual window: magnitudes, two spectra and windowed frames. */
static uint64_t bytes_taken(const void *self)
{
    const struct vitvqgan *p = ((const vitvqgan_self *)self)->p;
    const uint64_t frames = (uint64_t)p->frames, sound = 4 * frames * (uint64_t)p->hop;
    return 2 * sound + (p->vocoder[0] ? 0 : sound + frames * (4 * 513 + 2 * 8 * 520 + 4 * 1024));
}

static const void *extension(const char *id)
{
    static const char *const operations[] = { "audio.segments", "audio.mel", "spectrogram.audio",
                                              NULL };
    static const omn_takes_impl takes = { bytes_taken, operations };
    return strcmp(id, "omnio.takes/1") ? NULL : (const void *)&takes;
}

static const omn_decoder_impl impl = {
    .extension = extension,
    .makes = "audio",
    .open = vitvqgan_open,
    .close = free,
    .codes = codes,
    .ports = ports,
    .prepare = vitvqgan_prepare,
    .tokenize = vitvqgan_tokenize,
    .detokenize = vitvqgan_detokenize,
    .finish = vitvqgan_finish,
};
static const omn_object objects[] = {
    { "omnio.decoder/1", "audio.vitvqgan", "sound as codes of its spectrogram, and back", &impl,
      OMN_OBJECT_PARAMS(vitvqgan) },
    { "omnio.encoder/1", "audio.vitvqgan", "sound as vectors of a ViT-VQGAN", &vitvqgan_sounds,
      OMN_OBJECT_PARAMS(vitvqgan) },
    { "omnio.model/1", "vitvqgan", "a ViT-VQGAN, to be learnt: sounds that come back",
      &vitvqgan_model, NULL, 0, 0 },
};
OMN_PLUGIN("decoder-vitvqgan", "0.1.0", "Apache-2.0", "sound as codes", objects);
