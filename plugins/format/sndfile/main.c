/* SPDX-License-Identifier: Apache-2.0 */
/* Files of sound through libsndfile: the door. Each format is found by its first bytes, whatever
 * its name. Where a value of kind audio is wanted, all of it is read; where a stream is wanted, it
 * comes in pieces, whatever its length. */
#include "inside.h"

#include <string.h>
#include <strings.h>

static int sure_of(container wanted, const uint8_t *head, size_t n)
{
    return container_of(head, n) == wanted ? 92 : 0;
}

static int probe_wav(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return sure_of(IS_WAV, head, n);
}

static int probe_flac(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return sure_of(IS_FLAC, head, n);
}

static int probe_ogg(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return sure_of(IS_OGG, head, n);
}

static int probe_opus(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return sure_of(IS_OPUS, head, n);
}

/* A tag may stand before other things, and eleven bits are soon found: the name helps. */
static int probe_mpeg(const char *name, const uint8_t *head, size_t n)
{
    const size_t length = name != NULL ? strlen(name) : 0;
    const bool named = length > 4 && strcasecmp(name + length - 4, ".mp3") == 0;
    if (container_of(head, n) != IS_MPEG) return 0;
    return named ? 92 : head[0] == 'I' ? 80 : 40;
}

static int probe_any(const char *name, const uint8_t *head, size_t n)
{
    const container k = container_of(head, n);
    if (k == NO_SOUND) return 0;
    /* Less sure than the formats that read all of it: those are asked for where both would do. */
    return k == IS_MPEG ? probe_mpeg(name, head, n) / 2 : 60;
}

#define ORIGIN(PAR, S)                                                                             \
    PAR(S, string, origin, "", NULL, NULL, "how it was made, as JSON; omnio run fills it in")
#define WAV(PAR, S)                                                                                \
    PAR(S, choice, bits, "16", "16|24|float", NULL,                                                \
        "of a sample; float: every sample as it is")                                               \
    ORIGIN(PAR, S)
OMN_PARAMS(wav, WAV);
#define FLAC(PAR, S)                                                                               \
    PAR(S, choice, bits, "16", "16|24", NULL, "of a sample")                                       \
    ORIGIN(PAR, S)
OMN_PARAMS(flac, FLAC);
#define OGG(PAR, S)                                                                                \
    PAR(S, double, quality, "0.6", "0..1", NULL, "how much is kept; 0.6 are about 190 kbit/s")     \
    ORIGIN(PAR, S)
OMN_PARAMS(ogg, OGG);

static omn_status write_wav(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                            size_t *size, omn_error *err)
{
    static const int formats[] = { SF_FORMAT_PCM_16, SF_FORMAT_PCM_24, SF_FORMAT_FLOAT };
    static const int bits[] = { 16, 24, 0 };
    const struct wav *p = params;
    const writing how = { SF_FORMAT_WAV | formats[p->bits], bits[p->bits], -1, p->origin };
    return sound_write(c, &how, v, bytes, size, err);
}

static omn_status write_flac(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                             size_t *size, omn_error *err)
{
    const struct flac *p = params;
    const writing how = { SF_FORMAT_FLAC | (p->bits == 0 ? SF_FORMAT_PCM_16 : SF_FORMAT_PCM_24),
                          p->bits == 0 ? 16 : 24, -1, p->origin };
    return sound_write(c, &how, v, bytes, size, err);
}

static omn_status write_ogg(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                            size_t *size, omn_error *err)
{
    const struct ogg *p = params;
    const writing how = { SF_FORMAT_OGG | SF_FORMAT_VORBIS, 0, p->quality, p->origin };
    return sound_write(c, &how, v, bytes, size, err);
}

static const void *with_texts(const char *id)
{
    static const omn_format_texts texts = { sound_texts };
    return strcmp(id, "omnio.texts/1") == 0 ? &texts : NULL;
}

/* What is written is rounded as the file's bits say: "omnio.rounds/1". */
static const void *rounded(const char *id)
{
    return strcmp(id, "omnio.rounds/1") == 0 ? "" : with_texts(id);
}

/* Streams read on in their files. */
static const void *by_file(const char *id)
{
    static const omn_format_file file = { sound_stream_file };
    return strcmp(id, "omnio.file/1") == 0 ? &file : NULL;
}

static const omn_format_impl wav_format = { rounded,   "audio",    "wav,wave",
                                            probe_wav, sound_read, write_wav };
static const omn_format_impl flac_format = { rounded,    "audio",    "flac",
                                             probe_flac, sound_read, write_flac };
static const omn_format_impl ogg_format = { with_texts, "audio",    "ogg,oga",
                                            probe_ogg,  sound_read, write_ogg };
static const omn_format_impl opus_format = { with_texts, "audio",    "opus",
                                             probe_opus, sound_read, NULL };
static const omn_format_impl mpeg_format = { NULL, "audio", "mp3,mp2", probe_mpeg, sound_read,
                                             NULL };
static const omn_format_impl stream_format = { by_file,   "stream",     "wav,flac,ogg,opus,mp3",
                                               probe_any, sound_stream, NULL };
static const omn_object objects[] = {
    { "omnio.format/1", "wav", "WAV and RF64 sound of any rate and channels", &wav_format,
      OMN_OBJECT_PARAMS(wav) },
    { "omnio.format/1", "flac", "FLAC sound", &flac_format, OMN_OBJECT_PARAMS(flac) },
    { "omnio.format/1", "ogg", "Ogg sound: Vorbis, and FLAC in Ogg; Vorbis is written", &ogg_format,
      OMN_OBJECT_PARAMS(ogg) },
    { "omnio.format/1", "opus", "Opus sound; only read", &opus_format, NULL, 0, 0 },
    { "omnio.format/1", "mp3", "MP3 sound, and MPEG's older layers; only read", &mpeg_format, NULL,
      0, 0 },
    { "omnio.format/1", "sound-stream",
      "all of these where a stream is wanted: pieces of ten seconds, one in memory at a time",
      &stream_format, NULL, 0, 0 },
};
OMN_PLUGIN("format-sndfile", "1.0", "Apache-2.0", "files of sound", objects);
