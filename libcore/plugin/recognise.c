/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of file this is, by its first bytes, for the message that it cannot be read: whoever
 * hands over a phone's photo should learn that it is HEIC, not only that nobody knows it. */
#include "recognise.h"

#include <string.h>

typedef struct magic {
    const char *name;
    size_t at;
    const char *bytes;
    size_t n;
} magic;

#define MAGIC(name, at, bytes) { name, at, bytes, sizeof(bytes) - 1 }

static const magic kinds[] = {
    MAGIC("PNG", 0, "\x89PNG\r\n\x1a\n"),
    MAGIC("JPEG", 0, "\xff\xd8\xff"),
    MAGIC("WebP", 8, "WEBP"),
    MAGIC("GIF", 0, "GIF8"),
    MAGIC("BMP", 0, "BM"),
    MAGIC("TIFF", 0, "II*\0"),
    MAGIC("TIFF", 0, "MM\0*"),
    MAGIC("HEIC", 4, "ftypheic"),
    MAGIC("HEIC", 4, "ftypheix"),
    MAGIC("HEIC", 4, "ftypheim"),
    MAGIC("HEIC", 4, "ftyphevc"),
    MAGIC("HEIF", 4, "ftypmif1"),
    MAGIC("HEIF", 4, "ftypmsf1"),
    MAGIC("AVIF", 4, "ftypavif"),
    MAGIC("AVIF", 4, "ftypavis"),
    MAGIC("Canon raw (CR3)", 4, "ftypcrx "),
    MAGIC("QuickTime video", 4, "ftypqt  "),
    MAGIC("MPEG-4 sound", 4, "ftypM4A "),
    MAGIC("MPEG-4 video", 4, "ftyp"),
    MAGIC("JPEG XL", 0, "\xff\x0a"),
    MAGIC("JPEG XL", 0, "\0\0\0\x0cJXL "),
    MAGIC("JPEG 2000", 0, "\0\0\0\x0cjP  "),
    MAGIC("Photoshop", 0, "8BPS"),
    MAGIC("an icon (ICO)", 0, "\0\0\1\0"),
    MAGIC("OpenEXR", 0, "\x76\x2f\x31\x01"),
    MAGIC("Radiance HDR", 0, "#?RADIANCE"),
    MAGIC("QOI", 0, "qoif"),
    MAGIC("DDS", 0, "DDS "),
    MAGIC("DICOM", 128, "DICM"),
    MAGIC("PDF", 0, "%PDF-"),
    MAGIC("PostScript", 0, "%!PS"),
    MAGIC("WAV sound", 8, "WAVE"),
    MAGIC("AVI video", 8, "AVI "),
    MAGIC("Ogg", 0, "OggS"),
    MAGIC("FLAC sound", 0, "fLaC"),
    MAGIC("MP3 sound", 0, "ID3"),
    MAGIC("MP3 sound", 0, "\xff\xfb"),
    MAGIC("Matroska or WebM video", 0, "\x1a\x45\xdf\xa3"),
    MAGIC("a zip archive", 0, "PK\3\4"),
    MAGIC("gzip", 0, "\x1f\x8b"),
    MAGIC("Zstandard", 0, "\x28\xb5\x2f\xfd"),
};

/* An element of XML or HTML near the beginning. */
static bool has_word(const char *text, size_t n, const char *word)
{
    return memmem(text, n < 1024 ? n : 1024, word, strlen(word)) != NULL;
}

const char *recognise(const void *bytes, size_t n)
{
    const char *p = bytes;
    if (n == 0) return "an empty file";
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const magic *m = &kinds[i];
        if (n >= m->at + m->n && memcmp(p + m->at, m->bytes, m->n) == 0) return m->name;
    }
    if (has_word(p, n, "<svg")) return "SVG";
    if (has_word(p, n, "<html") || has_word(p, n, "<!DOCTYPE html")) return "a web page (HTML)";
    return NULL;
}
