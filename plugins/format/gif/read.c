/* SPDX-License-Identifier: Apache-2.0 */
/* Reading GIF as a picture: the first frame on its canvas, what lies around it or is transparent
 * clear, as viewers show it before anything has moved. RGB where nothing is clear, else RGBA. */
#include "inside.h"

/* Does another frame follow? What is damaged behind the first is not looked for. */
static bool moves(source *s)
{
    omn_error unused = OMN_ERROR_INIT;
    bool found = false;
    s->err = &unused;
    return source_next(s, &found) == OMN_OK && found;
}

static omn_status read_first(source *s, omn_image **img)
{
    bool found = false;
    int w = 0, h = 0;
    omn_status st = source_next(s, &found);
    if (st == OMN_OK && !found)
        st = omn_fail(s->err, OMN_ERR_DATA, "GIF: there is no picture in it");
    if (st != OMN_OK) return st;
    const GifImageDesc *f = &s->gif->Image;
    source_canvas(s, &w, &h);
    const bool whole = f->Width == w && f->Height == h && s->clear < 0;
    st = omn_image_new_within(s->call, OMN_U8, (uint32_t)w, (uint32_t)h, whole ? 3 : 4, NULL, img,
                              &s->px, s->err);
    if (st != OMN_OK) {
        omn_error_prefix(s->err, "GIF");
        return st;
    }
    return source_draw(s);
}

omn_status gif_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out, omn_error *err)
{
    source s = { .call = c, .err = err };
    omn_image *img = NULL;
    omn_status st = source_open(&s, bytes, size);
    if (st == OMN_OK) st = read_first(&s, &img);
    if (st == OMN_OK) {
        if (moves(&s)) omn_call_log(c, OMN_LOG_WARN, "GIF: a moving picture; its first is read");
        *out = omn_image_give(img);
        img = NULL;
    }
    source_close(&s);
    omn_image_free(img);
    return st;
}
