/* SPDX-License-Identifier: Apache-2.0 */
/* Reading GIF: the first frame on its canvas, what lies around it or is transparent clear, as
 * viewers show it before anything has moved. RGB where nothing is clear, else RGBA. Rows are
 * decoded one at a time into their places, so that a small file which promises a large canvas takes
 * no memory that it does not fill. */
#include "inside.h"

#include <errno.h>
#include <gif_lib.h>
#include <stdlib.h>
#include <string.h>

typedef struct source {
    const uint8_t *p;
    size_t left;
    GifFileType *gif;
    int clear;          /* colour that is transparent, or -1 */
    uint8_t *row;       /* one of the frame: numbers of colours */
    omn_image *img;
    omn_pixels px;
    omn_call *call;
    omn_error *err;
} source;

static int fetch(GifFileType *gif, GifByteType *to, int n)
{
    source *s = gif->UserData;
    const size_t wanted = n > 0 ? (size_t)n : 0;
    const size_t got = wanted < s->left ? wanted : s->left;
    memcpy(to, s->p, got);
    s->p += got;
    s->left -= got;
    return (int)got;
}

/* giflib calls a failed allocation of the first palette a missing description of the screen: errno,
 * which nothing but an allocation sets here, knows better. */
static omn_status trouble(const source *s, int code)
{
    const char *why = GifErrorString(code);
    if (code == D_GIF_ERR_NOT_ENOUGH_MEM || errno == ENOMEM)
        return omn_fail(s->err, OMN_ERR_MEMORY, "GIF: no memory to read it");
    return omn_fail(s->err, OMN_ERR_DATA, "GIF: %s", why ? why : "the file is damaged");
}

static omn_status extension(source *s)
{
    GifByteType *block = NULL;
    GraphicsControlBlock control;
    int code = 0;
    if (DGifGetExtension(s->gif, &code, &block) == GIF_ERROR) return trouble(s, s->gif->Error);
    if (code == GRAPHICS_EXT_FUNC_CODE && block && block[0] == 4 &&
        DGifExtensionToGCB(4, block + 1, &control) == GIF_OK)
        s->clear = control.TransparentColor;
    while (block)
        if (DGifGetExtensionNext(s->gif, &block) == GIF_ERROR) return trouble(s, s->gif->Error);
    return OMN_OK;
}

/* To where the first frame is described. */
static omn_status find_frame(source *s)
{
    GifRecordType type = UNDEFINED_RECORD_TYPE;
    for (;;) {
        if (DGifGetRecordType(s->gif, &type) == GIF_ERROR) return trouble(s, s->gif->Error);
        if (type == IMAGE_DESC_RECORD_TYPE) break;
        if (type == TERMINATE_RECORD_TYPE)
            return omn_fail(s->err, OMN_ERR_DATA, "GIF: there is no picture in it");
        if (type == EXTENSION_RECORD_TYPE) {
            const omn_status st = extension(s);
            if (st != OMN_OK) return st;
        }
    }
    return DGifGetImageDesc(s->gif) == GIF_ERROR ? trouble(s, s->gif->Error) : OMN_OK;
}

static omn_status put_row(source *s, const ColorMapObject *map, uint32_t y)
{
    const GifImageDesc *f = &s->gif->Image;
    const uint32_t channels = s->px.channels;
    uint8_t *to =
        (uint8_t *)s->px.data + ((size_t)y * s->px.width + (size_t)f->Left) * channels;
    if (DGifGetLine(s->gif, s->row, f->Width) == GIF_ERROR) return trouble(s, s->gif->Error);
    for (int x = 0; x < f->Width; x++, to += channels) {
        const int i = s->row[x];
        if (i == s->clear) continue;
        if (i >= map->ColorCount)
            return omn_fail(s->err, OMN_ERR_DATA, "GIF: colour %d, and its palette has %d", i,
                            map->ColorCount);
        to[0] = map->Colors[i].Red;
        to[1] = map->Colors[i].Green;
        to[2] = map->Colors[i].Blue;
        if (channels == 4) to[3] = 255;
    }
    return OMN_OK;
}

/* Interlaced rows come in four passes: every 8th from 0, every 8th from 4, every 4th from 2, every
 * 2nd from 1. */
static omn_status rows(source *s, const ColorMapObject *map)
{
    static const int from[] = { 0, 4, 2, 1 }, step[] = { 8, 8, 4, 2 };
    const GifImageDesc *f = &s->gif->Image;
    omn_status st = OMN_OK;
    for (int pass = 0; pass < (f->Interlace ? 4 : 1); pass++)
        for (int y = f->Interlace ? from[pass] : 0; y < f->Height && st == OMN_OK;
             y += f->Interlace ? step[pass] : 1)
            st = put_row(s, map, (uint32_t)(f->Top + y));
    return st;
}

/* Does another frame follow? What is damaged behind the first is not looked for. */
static bool moves(source *s)
{
    GifRecordType type = UNDEFINED_RECORD_TYPE;
    while (DGifGetRecordType(s->gif, &type) == GIF_OK && type == EXTENSION_RECORD_TYPE) {
        omn_error unused = OMN_ERROR_INIT;
        source other = *s;
        other.err = &unused;
        if (extension(&other) != OMN_OK) return false;
    }
    return type == IMAGE_DESC_RECORD_TYPE;
}

static omn_status read_all(source *s)
{
    omn_status st = OMN_OK;
    OMN_TRY(find_frame(s));
    const GifImageDesc *f = &s->gif->Image;
    const ColorMapObject *map = f->ColorMap ? f->ColorMap : s->gif->SColorMap;
    if (!map) return omn_fail(s->err, OMN_ERR_DATA, "GIF: there is no palette in it");
    if (f->Width < 1 || f->Height < 1 || f->Left < 0 || f->Top < 0)
        return omn_fail(s->err, OMN_ERR_DATA, "GIF: a frame without pixels");
    /* Some files have a canvas smaller than their frame: viewers widen it. */
    const int right = f->Left + f->Width, bottom = f->Top + f->Height;
    const int w = s->gif->SWidth > right ? s->gif->SWidth : right;
    const int h = s->gif->SHeight > bottom ? s->gif->SHeight : bottom;
    const bool whole = f->Width == w && f->Height == h && s->clear < 0;
    st = omn_image_new_within(s->call, OMN_U8, (uint32_t)w, (uint32_t)h, whole ? 3 : 4, NULL,
                              &s->img, &s->px, s->err);
    if (st != OMN_OK) {
        omn_error_prefix(s->err, "GIF");
        goto done;
    }
    s->row = malloc((size_t)f->Width);
    if (!s->row) return omn_fail(s->err, OMN_ERR_MEMORY, "GIF: no memory for a row");
    OMN_TRY(rows(s, map));
done:
    return st;
}

omn_status gif_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out, omn_error *err)
{
    int code = 0;
    source s = { .p = bytes, .left = size, .clear = -1, .call = c, .err = err };
    errno = 0;
    s.gif = DGifOpen(&s, fetch, &code);
    if (!s.gif) return trouble(&s, code);
    const omn_status st = read_all(&s);
    if (st == OMN_OK) {
        if (moves(&s)) omn_call_log(c, OMN_LOG_WARN, "GIF: a moving picture; its first is read");
        *out = omn_image_give(s.img);
        s.img = NULL;
    }
    DGifCloseFile(s.gif, &code);
    free(s.row);
    omn_image_free(s.img);
    return st;
}
