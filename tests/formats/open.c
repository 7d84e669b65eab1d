/* SPDX-License-Identifier: Apache-2.0 */
/* Formats as the tests use them: through the registry, like everybody else. */
#include "tests/formats/open.h"

#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

opened formats_open(const char *name)
{
    opened f = { NULL, NULL, NULL };
    omn_error err = OMN_ERROR_INIT;
    omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1 };
    ck_assert_int_eq(omn_context_new(&how, &f.ctx, &err), OMN_OK);
    omn_status st = omn_registry_find(f.ctx, "omnio.format/1", name, &f.e, &err);
    ck_assert_msg(st == OMN_OK, "%s: %s", name, err.text);
    f.format = omn_entry_object(f.e)->impl;
    return f;
}

void formats_close(opened *f)
{
    omn_context_free(f->ctx);
}

static omn_status read_exact(const opened *f, const void *bytes, size_t n, omn_value **out,
                             omn_error *err)
{
    omn_call *c = NULL;
    uint8_t *exact = malloc(n > 0 ? n : 1);
    if (n > 0) memcpy(exact, bytes, n);
    ck_assert_int_eq(omn_context_call(f->ctx, 0, 0, NULL, &c, NULL), OMN_OK);
    omn_status st = f->format->read(c, exact, n, out, err);
    omn_call_free(c);
    free(exact);
    return st;
}

omn_image *formats_read(const opened *f, const void *bytes, size_t n)
{
    omn_value *v = NULL;
    omn_error err = OMN_ERROR_INIT;
    omn_status st = read_exact(f, bytes, n, &v, &err);
    ck_assert_msg(st == OMN_OK, "%s", err.text);
    ck_assert_ptr_nonnull(omn_value_image(v));
    return (omn_image *)v;
}

omn_status formats_try(const opened *f, const void *bytes, size_t n, omn_error *err)
{
    omn_value *v = NULL;
    omn_status st = read_exact(f, bytes, n, &v, err);
    ck_assert((st == OMN_OK) == (v != NULL));
    ck_assert(st == OMN_OK || err->text[0] != '\0');
    omn_value_unref(v);
    return st;
}

omn_status formats_write(const opened *f, const omn_value *v, const omn_setting *set, size_t n,
                         uint8_t **bytes, size_t *size, omn_error *err)
{
    void *params = NULL;
    omn_call *c = NULL;
    omn_arena *a = omn_arena_new(0);
    omn_status st = omn_params_fill(f->e, set, n, NULL, a, &params, err);
    ck_assert_int_eq(omn_context_call(f->ctx, 0, 0, NULL, &c, NULL), OMN_OK);
    if (st == OMN_OK) st = f->format->write(c, params, v, bytes, size, err);
    omn_call_free(c);
    omn_arena_free(a);
    return st;
}

size_t formats_damage(const opened *f, const void *bytes, size_t n, size_t flips)
{
    size_t refused = 0;
    for (size_t k = 0; k < n; k++) {
        omn_error err = OMN_ERROR_INIT;
        omn_status st = formats_try(f, bytes, k, &err);
        ck_assert_msg(st != OMN_OK, "%zu of %zu bytes pass for a whole file", k, n);
    }
    uint8_t *copy = malloc(n);
    for (size_t i = 0; i < flips; i++) {
        omn_error err = OMN_ERROR_INIT;
        memcpy(copy, bytes, n);
        for (uint64_t k = 0; k <= i % 4; k++) {
            uint64_t x = omn_random_at(9, i, k);
            copy[x % n] = (uint8_t)(x >> 40);
        }
        refused += formats_try(f, copy, n, &err) != OMN_OK;
    }
    free(copy);
    return refused;
}

omn_image *formats_noise(omn_type t, uint32_t w, uint32_t h, uint32_t channels)
{
    omn_image *img = NULL;
    omn_pixels px;
    ck_assert_int_eq(omn_image_new(t, w, h, channels, NULL, &img, &px, NULL), OMN_OK);
    for (size_t i = 0; i < (size_t)w * h * channels; i++) {
        uint64_t x = omn_random_at(3, 4, i);
        if (t == OMN_U8)
            ((uint8_t *)px.data)[i] = (uint8_t)x;
        else
            ((float *)px.data)[i] = (float)(x >> 48) / 65535.0f;
    }
    return img;
}

omn_image *formats_smooth(uint32_t w, uint32_t h, uint32_t channels)
{
    omn_image *img = NULL;
    omn_pixels px;
    ck_assert_int_eq(omn_image_new(OMN_U8, w, h, channels, NULL, &img, &px, NULL), OMN_OK);
    uint8_t *p = px.data;
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++)
            for (uint32_t c = 0; c < channels; c++)
                *p++ = (uint8_t)(c == 3 ? 255 : (x * 200 / w + y * 50 / h + c * 2));
    return img;
}
