/* SPDX-License-Identifier: Apache-2.0 */
/* The comments of a GIF: blocks of up to 255 bytes that belong together. Pictures are passed over
 * as they are packed. How it was made is a comment that begins with a brace. */
#include "inside.h"

#include <errno.h>
#include <string.h>

enum { MOST_TEXTS = 1024 };

/* The rest of an extension; into `text` what has room of it, where it is a comment. */
static omn_status take_blocks(source *s, omn_buf *text)
{
    GifByteType *block = NULL;
    int code = 0;
    if (DGifGetExtension(s->gif, &code, &block) == GIF_ERROR)
        return source_trouble(s, s->gif->Error);
    while (block) {
        const size_t room = OMN_ORIGIN_MOST - text->length, n = block[0];
        if (code == COMMENT_EXT_FUNC_CODE) omn_buf_put(text, block + 1, n < room ? n : room);
        if (DGifGetExtensionNext(s->gif, &block) == GIF_ERROR)
            return source_trouble(s, s->gif->Error);
    }
    return text->failed ? omn_fail(s->err, OMN_ERR_MEMORY, "GIF: no memory for a text") : OMN_OK;
}

static omn_status pass_picture(source *s)
{
    GifByteType *packed = NULL;
    int size = 0;
    bool ok = DGifGetImageDesc(s->gif) == GIF_OK && DGifGetCode(s->gif, &size, &packed) == GIF_OK;
    while (ok && packed) ok = DGifGetCodeNext(s->gif, &packed) == GIF_OK;
    return ok ? OMN_OK : source_trouble(s, s->gif->Error);
}

/* Comments one after another; *end: there are no more, or nobody wants them. */
static omn_status next(source *s, omn_text_fn *fn, void *user, size_t *told, bool *end)
{
    GifRecordType type = UNDEFINED_RECORD_TYPE;
    omn_status st = OMN_OK;
    if (DGifGetRecordType(s->gif, &type) == GIF_ERROR) return source_trouble(s, s->gif->Error);
    if (type == IMAGE_DESC_RECORD_TYPE) return pass_picture(s);
    *end = type != EXTENSION_RECORD_TYPE;
    if (*end) return OMN_OK;
    omn_buf text;
    omn_buf_init(&text, OMN_ORIGIN_MOST + 1);
    st = take_blocks(s, &text);
    if (st == OMN_OK && text.length > 0)
        *end = fn(user, text.data[0] == '{' ? OMN_ORIGIN : "Comment", text.data, text.length) ||
               ++*told >= MOST_TEXTS;
    omn_buf_fini(&text);
    return st;
}

omn_status gif_texts(omn_call *c, const uint8_t *bytes, size_t size, omn_text_fn *fn, void *user,
                     omn_error *err)
{
    source s = { .call = c, .err = err };
    size_t told = 0;
    omn_status st = source_open(&s, bytes, size);
    for (bool end = false; st == OMN_OK && !end;) st = next(&s, fn, user, &told, &end);
    source_close(&s);
    return st;
}
