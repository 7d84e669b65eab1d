/* SPDX-License-Identifier: Apache-2.0 */
/* A byte buffer that grows and has a largest size. A failure is remembered instead of returned, so
 * that code which writes many small pieces is read straight through and checks once. */
#include <omnio/base.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void omn_buf_init(omn_buf *b, size_t most)
{
    *b = (omn_buf){ .data = (char *)(uintptr_t) "", .most = most };
}

void omn_buf_fini(omn_buf *b)
{
    if (b->room > 0) free(b->data);
    omn_buf_init(b, b->most);
}

/* Room for n more bytes and the 0 behind them. */
static bool grow(omn_buf *b, size_t n)
{
    size_t length, room;
    if (b->failed) return false;
    if (!omn_size_add(b->length, n, &length) || length > b->most ||
        !omn_size_add(length, 1, &room)) {
        b->failed = b->full = true;
        return false;
    }
    if (room <= b->room) return true;
    size_t doubled = b->room > SIZE_MAX / 2 ? SIZE_MAX : 2 * b->room;
    if (room < doubled) room = doubled;
    if (room < 64) room = 64;
    if (b->most < SIZE_MAX && room > b->most + 1) room = b->most + 1;
    char *data = realloc(b->room > 0 ? b->data : NULL, room);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->room = room;
    return true;
}

void omn_buf_put(omn_buf *b, const void *bytes, size_t n)
{
    if (n == 0 || !grow(b, n)) return;
    memcpy(b->data + b->length, bytes, n);
    b->length += n;
    b->data[b->length] = '\0';
}

void omn_buf_puts(omn_buf *b, const char *s)
{
    omn_buf_put(b, s, strlen(s));
}

void omn_buf_printf(omn_buf *b, const char *fmt, ...)
{
    char small[256];
    va_list ap;
    va_start(ap, fmt);
    int n = omn_vformat(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->failed = true;
        return;
    }
    if ((size_t)n < sizeof small) {
        omn_buf_put(b, small, (size_t)n);
        return;
    }
    if (!grow(b, (size_t)n)) return;
    va_start(ap, fmt);
    (void)omn_vformat(b->data + b->length, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->length += (size_t)n;
}

omn_status omn_buf_check(const omn_buf *b, const char *what, omn_error *err)
{
    if (!b->failed) return OMN_OK;
    if (!b->full) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", what);
    return omn_fail(err, OMN_ERR_DATA, "%s is longer than %zu bytes", what, b->most);
}

char *omn_buf_take(omn_buf *b)
{
    char *out = NULL;
    if (!b->failed) {
        if (b->room > 0) {
            out = b->data;
            b->room = 0;
        } else {
            out = calloc(1, 1);
        }
    }
    omn_buf_fini(b);
    return out;
}
