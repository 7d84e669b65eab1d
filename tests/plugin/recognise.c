/* SPDX-License-Identifier: Apache-2.0 */
/* What a file is called that nobody can read: by its first bytes, wherever they stand, and never by
 * a part of them. */
#include "libcore/plugin/recognise.h"

#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

#define BYTES(s) s, sizeof(s) - 1

static const struct {
    const char *name, *bytes;
    size_t n, whole; /* fewer than the first `whole` say something else */
} list[] = {
    { "PNG", BYTES("\x89PNG\r\n\x1a\nIHDR"), 8 },
    { "JPEG", BYTES("\xff\xd8\xff\xe1"), 3 },
    { "WebP", BYTES("RIFF....WEBPVP8 "), 12 },
    { "WAV sound", BYTES("RIFF....WAVEfmt "), 12 },
    { "AVI video", BYTES("RIFF....AVI LIST"), 12 },
    { "GIF", BYTES("GIF89a"), 4 },
    { "TIFF", BYTES("II*\0...."), 4 },
    { "TIFF", BYTES("MM\0*...."), 4 },
    { "HEIC", BYTES("\0\0\0\x18" "ftypheic"), 12 },
    { "HEIF", BYTES("\0\0\0\x18" "ftypmif1"), 12 },
    { "AVIF", BYTES("\0\0\0\x1c" "ftypavif"), 12 },
    { "Canon raw (CR3)", BYTES("\0\0\0\x18" "ftypcrx "), 12 },
    { "QuickTime video", BYTES("\0\0\0\x14" "ftypqt  "), 12 },
    { "MPEG-4 sound", BYTES("\0\0\0\x1c" "ftypM4A "), 12 },
    { "MPEG-4 video", BYTES("\0\0\0\x1c" "ftypisom"), 8 },
    { "JPEG XL", BYTES("\xff\x0a\xfa"), 2 },
    { "JPEG XL", BYTES("\0\0\0\x0cJXL \r\n"), 8 },
    { "JPEG 2000", BYTES("\0\0\0\x0cjP  \r\n"), 8 },
    { "an icon (ICO)", BYTES("\0\0\1\0\1\0"), 4 },
    { "PDF", BYTES("%PDF-1.7\n"), 5 },
    { "FLAC sound", BYTES("fLaC\0"), 4 },
    { "Matroska or WebM video", BYTES("\x1a\x45\xdf\xa3\x01"), 4 },
    { "a zip archive", BYTES("PK\3\4\x14"), 4 },
    { "gzip", BYTES("\x1f\x8b\x08"), 2 },
    { "SVG", BYTES("<?xml version=\"1.0\"?>\n<svg width=\"4\"/>"), 26 },
    { "a web page (HTML)", BYTES("<!DOCTYPE html><p>"), 14 },
    { "a web page (HTML)", BYTES("\n\n<html><p>"), 7 },
};

START_TEST(what_is_known_has_its_name)
{
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const char *is = recognise(list[i].bytes, list[i].n);
        ck_assert_msg(is && !strcmp(is, list[i].name), "%s is called %s", list[i].name,
                      is ? is : "nothing");
    }
}
END_TEST

/* In a block of exactly so many bytes, so that a look behind its end is seen. */
START_TEST(a_part_of_it_is_not_it)
{
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        for (size_t n = 1; n <= list[i].whole; n++) {
            char *part = malloc(n);
            ck_assert_ptr_nonnull(part);
            memcpy(part, list[i].bytes, n);
            const char *is = recognise(part, n);
            const bool same = is && !strcmp(is, list[i].name);
            ck_assert_msg(same == (n == list[i].whole), "%zu bytes of %s are %s", n, list[i].name,
                          is ? is : "nothing");
            free(part);
        }
}
END_TEST

START_TEST(what_stands_far_behind_the_beginning_counts_where_it_belongs)
{
    char page[2048];
    memset(page, ' ', sizeof page);
    memcpy(page + 128, "DICM", 4);
    ck_assert_str_eq(recognise(page, sizeof page), "DICOM");
    ck_assert_ptr_null(recognise(page, 131));
    memset(page, ' ', sizeof page);
    memcpy(page + 1020, "<svg", 4);
    ck_assert_str_eq(recognise(page, sizeof page), "SVG");
    memset(page, ' ', sizeof page);
    memcpy(page + 1021, "<svg", 4);             /* a text that speaks of SVG is none */
    ck_assert_ptr_null(recognise(page, sizeof page));
}
END_TEST

START_TEST(what_is_not_known_has_no_name)
{
    static const struct { const char *bytes; size_t n; } none[] = {
        { BYTES("hello") }, { BYTES("{\"a\": 1}") }, { BYTES("P5\n4 4\n255\n") },
        { BYTES("\0\0\0\0\0\0\0\0\0\0\0\0") }, { BYTES("png") }, { BYTES("XMLsvg<sv") },
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ck_assert_ptr_null(recognise(none[i].bytes, none[i].n));
    ck_assert_str_eq(recognise("", 0), "an empty file");
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        what_is_known_has_its_name,
        a_part_of_it_is_not_it,
        what_stands_far_behind_the_beginning_counts_where_it_belongs,
        what_is_not_known_has_no_name,
    };
    return TESTING_RUN("plugin/recognise", all, 10);
}
