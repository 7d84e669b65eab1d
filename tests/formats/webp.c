/* SPDX-License-Identifier: Apache-2.0 */
/* WebP: without loss every pixel comes back, with loss nearly; moving pictures, files cut short and
 * damaged ones are errors. */
#include "tests/formats/open.h"

#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), OMN_OK)

static const omn_setting lossless[1] = { { "lossless", "true", 0, 0 } };

START_TEST(without_loss_every_pixel_comes_back)
{
    opened f = formats_open("webp");
    for (uint32_t channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1) {
        omn_image *in = formats_noise(OMN_U8, 33, 21, channels), *out;
        uint8_t *bytes = NULL;
        size_t n = 0;
        OK(formats_write(&f, (omn_value *)in, lossless, 1, &bytes, &n, NULL));
        ck_assert_int_eq(f.format->probe(bytes, 64), 100);
        out = formats_read(&f, bytes, n);
        omn_pixels a = omn_image_pixels(in), b = omn_image_pixels(out);
        ck_assert_uint_eq(b.channels, channels == 1 ? 3 : channels);
        for (size_t i = 0; i < 33 * 21; i++)
            for (size_t c = 0; c < b.channels; c++)
                ck_assert_uint_eq(((uint8_t *)b.data)[i * b.channels + c],
                                  ((uint8_t *)a.data)[channels == 1 ? i : i * channels + c]);
        free(bytes);
        omn_image_free(in);
        omn_image_free(out);
    }
    formats_close(&f);
}
END_TEST

START_TEST(with_loss_colours_stay_near)
{
    opened f = formats_open("webp");
    omn_image *in = formats_smooth(64, 48, 3), *out;
    uint8_t *bytes = NULL;
    size_t n = 0;
    OK(formats_write(&f, (omn_value *)in, NULL, 0, &bytes, &n, NULL));
    out = formats_read(&f, bytes, n);
    omn_pixels a = omn_image_pixels(in), b = omn_image_pixels(out);
    for (size_t i = 0; i < 64 * 48 * 3; i++)
        ck_assert_int_le(abs(((uint8_t *)a.data)[i] - ((uint8_t *)b.data)[i]), 10);
    free(bytes);
    omn_image_free(in);
    omn_image_free(out);
    formats_close(&f);
}
END_TEST

START_TEST(moving_pictures_are_refused)
{
    static const uint8_t moving[] = "RIFF\x2c\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x0f\0\0\x0f\0\0"
                                    "ANIM\x06\0\0\0\xff\xff\xff\xff\0\0";
    opened f = formats_open("webp");
    omn_error err = OMN_ERROR_INIT;
    ck_assert_int_eq(formats_try(&f, moving, sizeof(moving) - 1, &err), OMN_ERR_UNSUPPORTED);
    ck_assert_msg(strstr(err.text, "moving") != NULL, "%s", err.text);
    formats_close(&f);
}
END_TEST

START_TEST(damage_is_an_error_and_nothing_worse)
{
    opened f = formats_open("webp");
    for (int i = 0; i < 3; i++) {
        omn_image *in = i < 2 ? formats_noise(OMN_U8, 9, 8, i ? 4 : 3) : formats_smooth(40, 30, 3);
        uint8_t *bytes = NULL;
        size_t n = 0;
        OK(formats_write(&f, (omn_value *)in, lossless, i < 2 ? 1 : 0, &bytes, &n, NULL));
        formats_damage(&f, bytes, n, 700);
        free(bytes);
        omn_image_free(in);
    }
    formats_close(&f);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        without_loss_every_pixel_comes_back,
        with_loss_colours_stay_near,
        moving_pictures_are_refused,
        damage_is_an_error_and_nothing_worse,
    };
    return TESTING_RUN("formats/webp", all, 30);
}
