/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of formats share: the format as a pipeline finds it, reading from exact blocks of
 * memory (so that the address sanitizer sees a byte read beyond), writing with settings, and
 * damage. */
#ifndef OMNIO_TESTS_FORMATS_OPEN_H
#define OMNIO_TESTS_FORMATS_OPEN_H

#include <omnio/plugin.h>

typedef struct opened {
    omn_context *ctx;
    const omn_entry *e;
    const omn_format_impl *format;
} opened;

opened formats_open(const char *name);
void formats_close(opened *f);
/* The picture in n bytes; ends the test when it cannot be read. Free with omn_image_free. */
omn_image *formats_read(const opened *f, const void *bytes, size_t n);
/* Reads and throws away; the status, and the text of the error in err. */
omn_status formats_try(const opened *f, const void *bytes, size_t n, omn_error *err);
/* settings: n pairs of name and text. *bytes is owned. */
omn_status formats_write(const opened *f, const omn_value *v, const omn_setting *set, size_t n,
                         uint8_t **bytes, size_t *size, omn_error *err);
/* Every shorter file is an error; `flips` damaged ones do no harm. Returns how many of these were
 * refused. */
size_t formats_damage(const opened *f, const void *bytes, size_t n, size_t flips);

/* A picture of noise: neighbours differ, every value occurs. */
omn_image *formats_noise(omn_type t, uint32_t w, uint32_t h, uint32_t channels);
/* A picture that changes slowly, for formats that lose detail. */
omn_image *formats_smooth(uint32_t w, uint32_t h, uint32_t channels);

#endif
