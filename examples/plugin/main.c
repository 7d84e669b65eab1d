/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin of omnio that lives outside its tree: the door, and an operation. The operation's list
 * below is the one place where its inputs, parameters and outputs are written down; the prototype,
 * the checks, `omnio help image.posterize` and the step in a pipeline follow from it. */
#include "pgm.h"

#define POSTERIZE(IN, OPT, PAR, OUT)                                                               \
    IN(image, in, "the picture")                                                                   \
    PAR(int, levels, "4", "2..256", NULL, "how many values each channel keeps")                    \
    PAR(bool, grey, "no", NULL, NULL, "make the picture grey first")                               \
    OUT(image, out, "the picture with fewer colours")
OMN_OPERATION(posterize, POSTERIZE, OMN_PURE);

/* What the rows of one call share. Pictures are dense: [height, width, channels]. */
typedef struct job {
    omn_pixels from, to;
    int levels;
    bool grey;
} job;

static double value_at(const omn_pixels *px, size_t i)
{
    return px->type == OMN_U8 ? ((const uint8_t *)px->data)[i] / 255.0
                              : ((const float *)px->data)[i];
}

/* Rows from..to of the result; runs on the host's threads. */
static void posterize_rows(void *user, size_t from, size_t to)
{
    const job *j = user;
    size_t channels = j->from.channels, n = channels < 3 ? 1 : 3;
    uint8_t *out = j->to.data;
    for (size_t i = from * j->from.width; i < to * j->from.width; i++) {
        double v[3] = { 0 };
        for (size_t k = 0; k < n; k++) v[k] = value_at(&j->from, i * channels + k);
        if (j->grey && n == 3) v[0] = v[1] = v[2] = 0.299 * v[0] + 0.587 * v[1] + 0.114 * v[2];
        for (size_t k = 0; k < n; k++) {
            int step = (int)(v[k] * j->levels);
            if (step >= j->levels) step = j->levels - 1;
            if (step < 0) step = 0;
            out[i * channels + k] = (uint8_t)((255 * step + (j->levels - 1) / 2) / (j->levels - 1));
        }
        if (channels == 4) out[i * 4 + 3] = (uint8_t)(value_at(&j->from, i * 4 + 3) * 255 + 0.5);
    }
}

static omn_status posterize(omn_call *c, const omn_image *in, int levels, bool grey,
                            omn_image **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_image *img = NULL;
    job j = { .from = omn_image_pixels(in), .levels = levels, .grey = grey };
    /* The new picture lies exactly over the old one, so it keeps its frame: answers about it come
     * back in pixels of the first picture. */
    OMN_TRY(omn_image_new(OMN_U8, j.from.width, j.from.height, j.from.channels, omn_image_frame(in),
                          &img, &j.to, err));
    OMN_TRY(omn_call_split(c, j.from.height, 16, posterize_rows, &j, err));
    *out = img;
    img = NULL;
done:
    omn_image_free(img);
    return st;
}

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(posterize, "image.posterize", "reduce the number of colours of a picture"),
    { "omnio.format/1", "my-pgm", "grey pictures as plain bytes (PGM, kind P5)", &pgm_format,
      PGM_PARAMS },
};
OMN_PLUGIN("example", "1.0", "Apache-2.0", "an example: one operation and one format", objects);
