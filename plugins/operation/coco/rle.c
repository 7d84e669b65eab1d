/* SPDX-License-Identifier: Apache-2.0 */
/* Run lengths of COCO. The short form is a text: from the third length on a number is the
 * difference to the length before the last one; of each number five bits a letter, the lowest
 * first, bit 5 says that more follow, and the letters begin at '0'. The topmost bit of the last
 * five is the sign. */
#include "rle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PIXELS OMN_IMAGE_MOST_PIXELS

void rle_fini(rle *r)
{
    free(r->counts);
    r->counts = NULL;
    r->n = r->room = 0;
}

static omn_status push(rle *r, uint64_t length, omn_error *err)
{
    if (r->n == r->room) {
        const size_t room = r->room > 0 ? 2 * r->room : 64;
        uint32_t *more = room <= 2 * ((size_t)MOST_PIXELS + 2)
                             ? realloc(r->counts, room * sizeof(*more)) : NULL;
        if (more == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for run lengths");
        r->counts = more;
        r->room = room;
    }
    r->counts[r->n++] = (uint32_t)length;
    return OMN_OK;
}

static omn_status check_size(double height, double width, omn_error *err)
{
    const double most = OMN_IMAGE_MOST_SIDE;
    if (width >= 1 && height >= 1 && width <= most && height <= most &&
        width == floor(width) && height == floor(height) && width * height <= MOST_PIXELS)
        return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA,
                    "a mask of [%g, %g] pixels, high and wide; sides are 1..%u, %u pixels in all",
                    height, width, OMN_IMAGE_MOST_SIDE, MOST_PIXELS);
}

/* ---- from and to pixels --------------------------------------------------------------------- */

omn_status rle_of(const int32_t *labels, int64_t width, int64_t height, int32_t label, rle_box box,
                  rle *out, omn_error *err)
{
    uint64_t run = (uint64_t)(box.x0 * height);
    bool inside = false;
    omn_status st = check_size((double)height, (double)width, err);
    *out = (rle){ .width = (uint32_t)width, .height = (uint32_t)height };
    for (int64_t x = box.x0; st == OMN_OK && x < box.x1; x++) {
        int64_t y = inside ? 0 : box.y0;
        run += (uint64_t)y;
        for (; st == OMN_OK && y < height; y++) {
            if (y >= box.y1 && !inside) break;
            if ((labels[y * width + x] == label) != inside) {
                st = push(out, run, err);
                run = 0;
                inside = !inside;
            }
            run++;
        }
        run += (uint64_t)(height - y);
    }
    if (st == OMN_OK && box.x1 < width) {
        if (inside) {
            st = push(out, run, err);
            run = 0;
        }
        run += (uint64_t)((width - box.x1) * height);
    }
    if (st == OMN_OK) st = push(out, run, err);
    if (st != OMN_OK) rle_fini(out);
    return st;
}

void rle_fill(const rle *r, int32_t label, int32_t *labels)
{
    uint64_t at = 0;
    for (size_t i = 0; i < r->n; at += r->counts[i], i++)
        for (uint64_t k = at; i % 2 == 1 && k < at + r->counts[i]; k++)
            labels[k % r->height * r->width + k / r->height] = label;
}

bool rle_measure(const rle *r, uint64_t *area, rle_box *box)
{
    uint64_t at = 0;
    *area = 0;
    *box = (rle_box){ r->width, r->height, 0, 0 };
    for (size_t i = 0; i < r->n; at += r->counts[i], i++) {
        if (i % 2 == 0 || r->counts[i] == 0) continue;
        const uint64_t end = at + r->counts[i] - 1;
        const int64_t x0 = (int64_t)(at / r->height), x1 = (int64_t)(end / r->height);
        const int64_t y0 = x0 == x1 ? (int64_t)(at % r->height) : 0;
        const int64_t y1 = x0 == x1 ? (int64_t)(end % r->height) : (int64_t)r->height - 1;
        *area += r->counts[i];
        if (x0 < box->x0) box->x0 = x0;
        if (x1 >= box->x1) box->x1 = x1 + 1;
        if (y0 < box->y0) box->y0 = y0;
        if (y1 >= box->y1) box->y1 = y1 + 1;
    }
    return *area > 0;
}

/* ---- to JSON -------------------------------------------------------------------------------- */

static void put_letters(int64_t x, omn_buf *out)
{
    for (bool more = true; more;) {
        int64_t five = x & 31;
        x = x >= 0 ? x >> 5 : -((-x + 31) >> 5);
        more = five & 16 ? x != -1 : x != 0;
        const char letter = (char)('0' + five + (more ? 32 : 0));
        /* the one letter that JSON escapes */
        omn_buf_put(out, letter == '\\' ? "\\\\" : &letter, letter == '\\' ? 2 : 1);
    }
}

void rle_put(const rle *r, bool compressed, omn_buf *out)
{
    omn_buf_printf(out, "\"size\":[%u,%u],\"counts\":%s", r->height, r->width,
                   compressed ? "\"" : "[");
    for (size_t i = 0; i < r->n; i++) {
        if (compressed)
            put_letters((int64_t)r->counts[i] - (i > 2 ? (int64_t)r->counts[i - 2] : 0), out);
        else
            omn_buf_printf(out, "%s%u", i > 0 ? "," : "", r->counts[i]);
    }
    omn_buf_puts(out, compressed ? "\"" : "]");
}

/* ---- from JSON ------------------------------------------------------------------------------ */

static omn_status lengths_of_text(const char *s, size_t n, rle *out, omn_error *err)
{
    const int64_t all = (int64_t)out->width * out->height;
    omn_status st = OMN_OK;
    for (size_t i = 0; st == OMN_OK && i < n;) {
        const size_t first = i;
        int64_t x = 0;
        int shift = 0;
        for (bool more = true; more; i++, shift += 5) {
            const int five = i < n ? (unsigned char)s[i] - '0' : -1;
            if (five < 0 || five > 63 || shift > 30)
                return omn_fail(err, OMN_ERR_DATA, "\"counts\" is no text of run lengths: %s",
                                i >= n ? "it ends within a number"
                                : shift > 30 ? "a number of more than 35 bits"
                                             : "it has other letters than '0'..'o'");
            more = (five & 32) != 0;
            x |= (int64_t)(five & 31) << shift;
            if (!more && (five & 16)) x -= (int64_t)32 << shift;
        }
        if (out->n > 2) x += out->counts[out->n - 2];
        if (x < 0 || x > all)
            return omn_fail(err, OMN_ERR_DATA,
                            "\"counts\": a run of %lld pixels, at letter %zu, in a mask of %lld",
                            (long long)x, first, (long long)all);
        st = push(out, (uint64_t)x, err);
    }
    return st;
}

static omn_status lengths_of_list(const omn_value *list, rle *out, omn_error *err)
{
    const double all = (double)out->width * out->height;
    omn_status st = OMN_OK;
    for (size_t i = 0; st == OMN_OK && i < omn_list_count(list); i++) {
        const omn_value *v = omn_list_at(list, i);
        const double x = omn_value_is(v, "number") ? omn_number_get(v) : -1;
        if (!(x >= 0 && x <= all && x == floor(x)))
            return omn_fail(err, OMN_ERR_DATA,
                            "\"counts\": item %zu is no whole number of 0..%g pixels", i, all);
        st = push(out, (uint64_t)x, err);
    }
    return st;
}

static omn_status read_size(omn_call *c, const omn_value *v, rle *out, omn_error *err)
{
    const omn_value *size = omn_record_get(v, "size");
    double side[2];
    omn_image *room = NULL;
    omn_pixels px;
    for (size_t i = 0; i < 2; i++) {
        const omn_value *one = omn_list_at(size, i);
        if (omn_list_count(size) != 2 || !omn_value_is(one, "number"))
            return omn_fail(err, OMN_ERR_DATA, "run lengths have \"size\": [height, width]");
        side[i] = omn_number_get(one);
    }
    omn_status st = check_size(side[0], side[1], err);
    if (st != OMN_OK) return st;
    out->height = (uint32_t)side[0];
    out->width = (uint32_t)side[1];
    /* as much as a grey picture of floats: does the host allow that? */
    st = omn_image_new_within(c, OMN_F32, out->width, out->height, 1, NULL, &room, &px, err);
    omn_image_free(room);
    return st;
}

omn_status rle_read(omn_call *c, const omn_value *segmentation, rle *out, omn_error *err)
{
    size_t n = 0;
    uint64_t sum = 0;
    *out = (rle){ .n = 0 };
    const omn_value *counts = omn_record_get(segmentation, "counts");
    omn_status st = read_size(c, segmentation, out, err);
    if (st == OMN_OK) {
        const char *text = omn_text_get(counts, &n);
        if (text != NULL)
            st = lengths_of_text(text, n, out, err);
        else if (omn_value_is(counts, "list"))
            st = lengths_of_list(counts, out, err);
        else
            st = omn_fail(err, OMN_ERR_DATA, "\"counts\" is a text or a list of numbers, not %s",
                          omn_value_kind_name(counts));
    }
    for (size_t i = 0; i < out->n; i++) sum += out->counts[i];
    if (st == OMN_OK && sum != (uint64_t)out->width * out->height)
        st = omn_fail(err, OMN_ERR_DATA,
                      "\"counts\" make up %llu pixels, the mask of %u x %u has %llu",
                      (unsigned long long)sum, out->width, out->height,
                      (unsigned long long)out->width * out->height);
    if (st != OMN_OK) rle_fini(out);
    return st;
}
