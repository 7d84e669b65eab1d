/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a model that draws, and its pictures. */
#include "studio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

const char draw[] =
    "version: 1\n"
    "inputs: {what: {type: text}}\n"
    "steps:\n"
    "  - {generate: image, as: drawn, prompt: \"{what}\", answer: {codes: codes}}\n"
    "outputs: {drawn: $drawn}\n";

void write_studio(const char *folder, float bright, const char *more)
{
    omn_error err = OMN_ERROR_INIT;
    char config[256];
    float book[8][3];
    for (int e = 0; e < 8; e++)
        for (int k = 0; k < 3; k++) book[e][k] = bright * (float)(e >> k & 1);
    testing_copy("models/nano/tokenizer.model", folder, "tokenizer.model");
    snprintf(config, sizeof config, "{\"omnio\": {\"model\": \"draws\"}%s}", more);
    testing_write(folder, "config.json", config, strlen(config));
    const omn_weights_entry list = {
        "vq.codebook", { OMN_F32, omn_dim2(8, 3), book, sizeof book }
    };
    WORKS(omn_weights_write(below(folder, "model.safetensors"), OMN_OVERWRITE, &list, 1, NULL, 0,
                            &err));
}

omn_context *studio_context(uint32_t threads) { return shelf_beside("tiles", threads); }

void open_studio(studio *s, const char *folder)
{
    omn_error err = OMN_ERROR_INIT;
    *s = (studio){ .ctx = studio_context(2) };
    WORKS(omn_model_open(s->ctx, folder, NULL, &s->model, &err));
    WORKS(omn_context_call(s->ctx, 1, 0, NULL, &s->call, &err));
}

void close_studio(studio *s)
{
    omn_call_free(s->call);
    omn_model_close(s->model);
    omn_context_free(s->ctx);
}

omn_value *drawn(const int32_t codes[TILES])
{
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    WORKS(omn_image_new(OMN_U8, 4, 4, 3, NULL, &img, &px, &err));
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 4; x++)
            for (int k = 0; k < 3; k++)
                ((uint8_t *)px.data)[(y * 4 + x) * 3 + k] =
                    (uint8_t)((codes[y / 2 * 2 + x / 2] >> k & 1 ? 200 : 40) + 3 * x + y);
    return omn_image_give(img);
}

omn_value *picture(uint32_t i, int32_t codes[TILES])
{
    for (int t = 0; t < TILES; t++) codes[t] = (int32_t)(i >> 3 * t & 7);
    return drawn(codes);
}

void write_photos(const char *folder)
{
    char name[64], manifest[2048] = "";
    ck_assert_int_eq(mkdir(below(folder, "photos"), 0777), 0);
    for (uint32_t i = 0; i < 12; i++) {
        char file[80] = "P6 4 4 255\n";
        int32_t codes[TILES];
        omn_value *v = picture(37 * i + 5, codes);
        const omn_pixels px = omn_image_pixels(omn_value_image(v));
        memcpy(file + 11, px.data, 48);
        snprintf(name, sizeof name, "photos/%u.ppm", i);
        testing_write(folder, name, file, 11 + 48);
        snprintf(manifest + strlen(manifest), sizeof manifest - strlen(manifest),
                 "{\"what\": \"%u\", \"picture\": \"%u.ppm\"}\n", i, i);
        omn_value_unref(v);
    }
    testing_write(folder, "photos/manifest.jsonl", manifest, strlen(manifest));
}
