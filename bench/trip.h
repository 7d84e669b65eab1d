/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of 128 x 128 through models/codec and back, from the top of the tree. */
#ifndef OMNIO_BENCH_TRIP_H
#define OMNIO_BENCH_TRIP_H

#include <omnio/pipeline.h>

#include <string.h>

enum { SIDE = 128, BYTES = SIDE * SIDE * 3 };

typedef struct codec {
    omn_context *ctx;
    omn_model *model;
    omn_pipeline *pipeline;
    omn_pipeline_run *run;
} codec;

static inline omn_status codec_open(codec *c, omn_error *err)
{
    omn_status st = OMN_OK;
    static const char *const wanted[] = { "made" };
    const omn_context_setup setup = { OMN_FILL(omn_context_setup), .threads = 1 };
    OMN_TRY(omn_context_new(&setup, &c->ctx, err));
    OMN_TRY(omn_model_open(c->ctx, "models/codec", NULL, &c->model, err));
    OMN_TRY(omn_pipeline_open(c->ctx, "models/codec/picture-back.yaml", &c->pipeline, err));
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = c->model,
                                     .temperature = -1, .top_p = -1, .wanted = wanted,
                                     .n_wanted = 1 };
    OMN_TRY(omn_pipeline_run_new(c->pipeline, &how, &c->run, err));
done:
    return st;
}

static inline void codec_close(codec *c)
{
    omn_pipeline_run_free(c->run);
    omn_pipeline_close(c->pipeline);
    omn_model_close(c->model);
    omn_context_free(c->ctx);
}

/* A picture through the codec and back, in place. */
static inline omn_status trip(codec *c, uint8_t *rgb, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_frame frame = omn_frame_identity(1, SIDE, SIDE);
    omn_image *image = NULL;
    omn_value *out = NULL;
    omn_pixels px;
    OMN_TRY(omn_image_new(OMN_U8, SIDE, SIDE, 3, &frame, &image, &px, err));
    memcpy(px.data, rgb, BYTES);
    omn_named in = { "image", omn_image_give(image) };
    st = omn_pipeline_run_one(c->run, &in, 1, 0, &out, err);
    omn_value_unref(in.value);
    if (st != OMN_OK) goto done;
    px = omn_image_pixels(omn_value_image(omn_record_get(out, "made")));
    for (size_t k = 0; k < BYTES; k++) {
        const float x = px.type == OMN_U8 ? ((const uint8_t *)px.data)[k]
                                          : ((const float *)px.data)[k] * 255 + 0.5f;
        rgb[k] = (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
    }
done:
    omn_value_unref(out);
    return st;
}

#endif
