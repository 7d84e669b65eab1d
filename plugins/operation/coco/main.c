/* SPDX-License-Identifier: Apache-2.0 */
/* COCO's JSON: boxes, masks as run lengths, bodies and polygons, to and from the values of this
 * house. It is data like any other: it comes from a file .json and goes into one. Its polygons
 * enclose the pixels whose middle lies inside. */
#include "coco.h"

#include <stdlib.h>
#include <string.h>

#define IDS                                                                                        \
    "names of categories 1, 2, .., with commas between; coco: the 80 of COCO by its numbers; "

#define WRITE(IN, OPT, PAR, OUT)                                                                   \
    IN(any, in, "regions, a mask, keypoints, a person's named points, polygons, or a list")        \
    OPT(image, image, "the picture, for its size")                                                 \
    PAR(choice, form, "dataset", "dataset|results", NULL,                                          \
        "images, annotations, categories; or a list of results")                                   \
    PAR(int64, image_id, "1", "0..9007199254740991", NULL, "number of the picture")                \
    PAR(string, file, "", NULL, NULL, "name of the picture's file")                                \
    PAR(string, categories, "", NULL, NULL, IDS "empty: those that occur, in their order")         \
    PAR(choice, counts, "text", "text|list", NULL, "run lengths in short, or as numbers")          \
    PAR(int, from, "1", "0..65535", NULL, "first label of a mask that counts")                     \
    OUT(any, out, "COCO's JSON")
OMN_OPERATION(write_coco, WRITE, OMN_PURE);
static omn_status write_coco(omn_call *c, const omn_value *in, const omn_image *image, int form,
                             int64_t image_id, const char *file, const char *categories,
                             int counts, int from, omn_value **out, omn_error *err)
{
    const coco_writing how = { file, categories, image_id, form == 1, counts == 0, from, image };
    return coco_write(c, in, &how, out, err);
}

#define READ(IN, OPT, PAR, OUT)                                                                    \
    IN(any, in, "COCO's JSON: a data set, results, or one annotation")                             \
    OPT(image, image, "the picture that is meant: what comes out lies in it")                      \
    PAR(int64, image_id, "-1", "-1..9007199254740991", NULL,                                       \
        "number of the picture; -1: by its file, or the only one")                                 \
    PAR(string, file, "", NULL, NULL, "name of the picture's file, its folder left aside")         \
    PAR(string, categories, "", NULL, NULL, IDS "for results, which name none")                    \
    OUT(regions, out, "its boxes")                                                                 \
    OUT(mask, mask, "label 0 where nothing is, then one for each annotation in order, whose mask"  \
                    " or polygons it is; later ones lie above")                                    \
    OUT(keypoints, keypoints, "its bodies")                                                        \
    OUT(polygons, polygons, "its outlines, where they are none of run lengths")
OMN_OPERATION(read_coco, READ, OMN_PURE);
static omn_status read_coco(omn_call *c, const omn_value *in, const omn_image *image,
                            int64_t image_id, const char *file, const char *categories,
                            omn_value **out, omn_value **mask, omn_value **keypoints,
                            omn_value **polygons, omn_error *err)
{
    const coco_reading how = { file, categories, image_id, image };
    coco_found found = { NULL, NULL, NULL, NULL };
    const omn_status st = coco_read(c, in, &how, &found, err);
    *out = found.regions;
    *mask = found.mask;
    *keypoints = found.keypoints;
    *polygons = found.polygons;
    return st;
}

#define FROM_MASK(IN, OPT, PAR, OUT)                                                               \
    IN(mask, in, "a mask; a soft one from a half on")                                              \
    PAR(int, label, "1", "0..65535", NULL, "the label whose pixels are inside")                    \
    PAR(choice, counts, "text", "text|list", NULL, "run lengths in short, or as numbers")          \
    OUT(record, out, "size and counts")
OMN_OPERATION(from_mask, FROM_MASK, OMN_PURE);
static omn_status from_mask(omn_call *c, const omn_value *in, int label, int counts,
                            omn_value **out, omn_error *err)
{
    flat f;
    rle r = { .counts = NULL };
    omn_buf text;
    (void)c;
    omn_buf_init(&text, OMN_TEXT_MOST);
    omn_status st = flat_of(in, &f, err);
    if (st == OMN_OK)
        st = rle_of(f.labels, f.width, f.height, label, (rle_box){ 0, 0, f.width, f.height }, &r,
                    err);
    if (st == OMN_OK) {
        omn_buf_puts(&text, "{");
        rle_put(&r, counts == 0, &text);
        omn_buf_puts(&text, "}");
        st = omn_buf_check(&text, "the run lengths", err);
    }
    if (st == OMN_OK) st = omn_value_from_json(text.data, text.length, out, err);
    omn_buf_fini(&text);
    rle_fini(&r);
    free(f.owned);
    return st;
}

#define TO_MASK(IN, OPT, PAR, OUT)                                                                 \
    IN(record, in, "size and counts, a text in short or a list")                                   \
    OUT(mask, out, "label 1 inside, 0 outside")
OMN_OPERATION(to_mask, TO_MASK, OMN_PURE);
static omn_status to_mask(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    const omn_kind *kind = NULL;
    rle r;
    int32_t *labels = NULL;
    omn_status st = rle_read(c, in, &r, err);
    if (st == OMN_OK) st = omn_kind_find(c, "mask", &kind, err);
    if (st == OMN_OK) labels = calloc((size_t)r.width * r.height, sizeof(*labels));
    if (st == OMN_OK && labels == NULL) st = omn_fail(err, OMN_ERR_MEMORY, "no memory for a mask");
    if (st == OMN_OK) {
        rle_fill(&r, 1, labels);
        const omn_filled f = omn_fill("labels", OMN_I32, omn_dim2(r.height, r.width), labels);
        st = omn_value_make(kind, &f, 1, NULL, out, err);
    }
    free(labels);
    rle_fini(&r);
    return st;
}

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(write_coco, "coco.write", "boxes, masks and bodies as COCO's JSON"),
    OMN_OPERATION_OBJECT(read_coco, "coco.read", "what COCO's JSON says of a picture"),
    OMN_OPERATION_OBJECT(from_mask, "mask.rle", "a mask as COCO's run lengths"),
    OMN_OPERATION_OBJECT(to_mask, "mask.from_rle", "COCO's run lengths as a mask"),
};
OMN_PLUGIN("operation-coco", "1.0", "Apache-2.0", "COCO's JSON and its masks", objects);
