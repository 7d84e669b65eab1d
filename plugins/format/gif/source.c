/* SPDX-License-Identifier: Apache-2.0 */
/* GIF files through giflib, frame by frame. Rows are decoded one at a time into their places, so
 * that a small file which promises a large frame takes no memory that it does not fill. */
#include "inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
omn_status source_trouble(const source *s, int code)
{
    const char *why = GifErrorString(code);
    if (code == D_GIF_ERR_NOT_ENOUGH_MEM || errno == ENOMEM)
        return omn_fail(s->err, OMN_ERR_MEMORY, "GIF: no memory to read it");
    return omn_fail(s->err, OMN_ERR_DATA, "GIF: %s", why ? why : "the file is damaged");
}

omn_status source_open(source *s, const uint8_t *bytes, size_t n)
{
    int code = 0;
    s->p = bytes;
    s->left = n;
    s->clear = -1;
    errno = 0;
    s->gif = DGifOpen(s, fetch, &code);
    return s->gif ? OMN_OK : source_trouble(s, code);
}

void source_close(source *s)
{
    int code = 0;
    if (s->gif) DGifCloseFile(s->gif, &code);
    free(s->row);
    s->gif = NULL;
    s->row = NULL;
}

static omn_status extension(source *s)
{
    GifByteType *block = NULL;
    GraphicsControlBlock control;
    int code = 0;
    if (DGifGetExtension(s->gif, &code, &block) == GIF_ERROR)
        return source_trouble(s, s->gif->Error);
    if (code == GRAPHICS_EXT_FUNC_CODE && block && block[0] == 4 &&
        DGifExtensionToGCB(4, block + 1, &control) == GIF_OK) {
        s->clear = control.TransparentColor;
        s->delay = control.DelayTime;
        s->disposal = control.DisposalMode;
    }
    while (block)
        if (DGifGetExtensionNext(s->gif, &block) == GIF_ERROR)
            return source_trouble(s, s->gif->Error);
    return OMN_OK;
}

omn_status source_next(source *s, bool *found)
{
    GifRecordType type = UNDEFINED_RECORD_TYPE;
    *found = false;
    s->clear = -1;
    s->delay = s->disposal = 0;
    for (;;) {
        if (DGifGetRecordType(s->gif, &type) == GIF_ERROR) return source_trouble(s, s->gif->Error);
        if (type == IMAGE_DESC_RECORD_TYPE) break;
        if (type == TERMINATE_RECORD_TYPE) return OMN_OK;
        if (type == EXTENSION_RECORD_TYPE) {
            const omn_status st = extension(s);
            if (st != OMN_OK) return st;
        }
    }
    *found = true;
    if (DGifGetImageDesc(s->gif) == GIF_ERROR) return source_trouble(s, s->gif->Error);
    const GifImageDesc *f = &s->gif->Image;
    if (!f->ColorMap && !s->gif->SColorMap)
        return omn_fail(s->err, OMN_ERR_DATA, "GIF: there is no palette in it");
    if (f->Width < 1 || f->Height < 1 || f->Left < 0 || f->Top < 0)
        return omn_fail(s->err, OMN_ERR_DATA, "GIF: a frame without pixels");
    return OMN_OK;
}

void source_canvas(const source *s, int *w, int *h)
{
    const GifImageDesc *f = &s->gif->Image;
    const int right = f->Left + f->Width, bottom = f->Top + f->Height;
    *w = s->gif->SWidth > right ? s->gif->SWidth : right;
    *h = s->gif->SHeight > bottom ? s->gif->SHeight : bottom;
}

static omn_status put_row(source *s, const ColorMapObject *map, uint32_t y)
{
    const GifImageDesc *f = &s->gif->Image;
    const uint32_t channels = s->px.channels, left = (uint32_t)f->Left;
    if (DGifGetLine(s->gif, s->row, f->Width) == GIF_ERROR) return source_trouble(s, s->gif->Error);
    uint8_t *to = (uint8_t *)s->px.data + ((size_t)y * s->px.width + left) * channels;
    for (uint32_t x = 0; x < (uint32_t)f->Width; x++, to += channels) {
        const int i = s->row[x];
        if (i == s->clear) continue;
        if (i >= map->ColorCount)
            return omn_fail(s->err, OMN_ERR_DATA, "GIF: colour %d, and its palette has %d", i,
                            map->ColorCount);
        if (left + x >= s->px.width || y >= s->px.height) continue;
        to[0] = map->Colors[i].Red;
        to[1] = map->Colors[i].Green;
        to[2] = map->Colors[i].Blue;
        if (channels == 4) to[3] = 255;
    }
    return OMN_OK;
}

/* Interlaced rows come in four passes: every 8th from 0, every 8th from 4, every 4th from 2, every
 * 2nd from 1. */
omn_status source_draw(source *s)
{
    static const int from[] = { 0, 4, 2, 1 }, step[] = { 8, 8, 4, 2 };
    const GifImageDesc *f = &s->gif->Image;
    const ColorMapObject *map = f->ColorMap ? f->ColorMap : s->gif->SColorMap;
    omn_status st = OMN_OK;
    if ((size_t)f->Width > s->row_room) {
        uint8_t *row = realloc(s->row, (size_t)f->Width);
        if (!row) return omn_fail(s->err, OMN_ERR_MEMORY, "GIF: no memory for a row");
        s->row = row;
        s->row_room = (size_t)f->Width;
    }
    for (int pass = 0; pass < (f->Interlace ? 4 : 1); pass++)
        for (int y = f->Interlace ? from[pass] : 0; y < f->Height && st == OMN_OK;
             y += f->Interlace ? step[pass] : 1)
            st = put_row(s, map, (uint32_t)(f->Top + y));
    return st;
}
