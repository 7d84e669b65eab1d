/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG through libjpeg-turbo: the door, and libjpeg's errors. Most of its warnings are about files
 * that every program shows (stray bytes, odd markers); those that mean missing or damaged picture
 * data are errors here, because a model would otherwise be asked about grey that nobody
 * photographed. */
#include "inside.h"

#include <jerror.h>
#include <string.h>

static void give_up(j_common_ptr info)
{
    jpeg_trouble *t = (jpeg_trouble *)info->err;
    info->err->format_message(info, t->text);
    longjmp(t->back, 1);
}

static void message(j_common_ptr info, int level)
{
    if (level >= 0) return; /* traces */
    switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_NOT_SEQUENTIAL:
        give_up(info);
        break;
    default:
        info->err->num_warnings++;
        break;
    }
}

void jpeg_trouble_init(jpeg_trouble *t)
{
    jpeg_std_error(&t->base);
    t->base.error_exit = give_up;
    t->base.emit_message = message;
}

static int probe(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return n >= 3 && memcmp(head, "\xff\xd8\xff", 3) == 0 ? 90 : 0;
}

OMN_PARAMS(jpeg_options, JPEG_SAVE);

static const void *texts(const char *id)
{
    static const omn_format_texts read = { jpeg_texts };
    return strcmp(id, "omnio.texts/1") == 0 ? &read : NULL;
}

static const omn_format_impl format = {
    texts, "image", "jpg,jpeg,jpe", probe, jpeg_read, jpeg_save
};
static const omn_object objects[] = {
    { "omnio.format/1", "jpeg", "JPEG pictures: grey, colour and CMYK, turned as EXIF says",
      &format, OMN_OBJECT_PARAMS(jpeg_options) },
};
OMN_PLUGIN("format-jpeg", "1.1", "Apache-2.0", "JPEG pictures", objects);
