/* SPDX-License-Identifier: Apache-2.0 */
/* Grounded text: a text of which parts stand for places in a picture. A part is a range of bytes;
 * one that stands for several boxes is there once for each. */
#include "inside.h"

#include <math.h>

enum { TEXT, SPAN, BOX, SCORE };

static bool border(const char *s, size_t n, int32_t at)
{
    return at >= 0 && (size_t)at <= n && ((unsigned char)s[at] & 0xc0) != 0x80;
}

static omn_status check(const omn_value *v, omn_error *err)
{
    const char *s = *(const char *const *)v->columns[TEXT].data;
    const int32_t *span = v->columns[SPAN].data;
    const size_t length = strlen(s);
    for (size_t i = 0; i < omn_value_count(v); i++, span += 2)
        if (!(span[0] < span[1]) || !border(s, length, span[0]) || !border(s, length, span[1]))
            return omn_fail(err, OMN_ERR_DATA,
                            "part %zu is bytes %ld..%ld of a text of %zu, or cuts a character", i,
                            (long)span[0], (long)span[1], length);
    return OMN_OK;
}

/* The text, then a line for each part. */
static void text(const omn_value *v, omn_buf *out)
{
    const char *s = *(const char *const *)v->columns[TEXT].data;
    const int32_t *span = v->columns[SPAN].data;
    const double *box = v->columns[BOX].data;
    omn_buf_puts(out, s);
    for (size_t i = 0; i < omn_value_count(v); i++, span += 2) {
        omn_buf_puts(out, "\n");
        omn_buf_put(out, s + span[0], (size_t)(span[1] - span[0]));
        omn_buf_puts(out, ":");
        for (size_t k = 0; k < 4; k++) {
            omn_buf_puts(out, " ");
            print_rounded(box[4 * i + k], out);
        }
    }
}

static const omn_column columns[] = {
    { "text", OMN_STRING, "", NULL, 0, 0, 0 },
    { "span", OMN_I32, "n,2", "byte", 0, 16777216, 0 },
    { "box", OMN_F64, "n,4", "px", 0, 0, 0 },
    { "score", OMN_F64, "n", NULL, 0, 1, OMN_COLUMN_OPTIONAL | OMN_COLUMN_NAN },
};
static const omn_value_impl impl = {
    KIND_COLUMNS,
    .place = "frame",
    .item = "n",
    .check = check,
    .text = text,
};
KIND_OF(grounded, "a text of which parts stand for places in a picture", NULL);
