/* SPDX-License-Identifier: Apache-2.0 */
/* Reading Netpbm: PBM, PGM, PPM, plain (numbers as text) and raw, and PAM. Samples of up to 8 bits
 * become bytes, scaled to 0..255 from whatever the file's largest value is; larger ones floats, so
 * that depth maps lose nothing. No room is made before the file is known to be long enough for its
 * picture. A file may hold several pictures, one behind the other; the first is read. */
#include "inside.h"

#include <string.h>

typedef struct source {
    const uint8_t *p;
    size_t n, at;
    char kind;              /* '1' to '7' */
    uint32_t width, height, depth, most;
    bool alpha;             /* the last of depth samples */
    omn_error *err;
} source;

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static omn_status bad(const source *s, const char *what)
{
    return omn_fail(s->err, OMN_ERR_DATA, "PNM: %s", what);
}

/* White space and comments. */
static void skip(source *s)
{
    while (s->at < s->n && (is_space(s->p[s->at]) || s->p[s->at] == '#')) {
        if (s->p[s->at++] != '#') continue;
        while (s->at < s->n && s->p[s->at] != '\n' && s->p[s->at] != '\r') s->at++;
    }
}

static omn_status number(source *s, uint32_t least, uint32_t most, const char *what, uint32_t *out)
{
    uint64_t x = 0;
    size_t digits = 0;
    skip(s);
    for (; s->at < s->n && s->p[s->at] >= '0' && s->p[s->at] <= '9'; s->at++, digits++)
        if (x <= most) x = 10 * x + (uint64_t)(s->p[s->at] - '0');
    if (digits == 0)
        return omn_fail(s->err, OMN_ERR_DATA,
                        s->at < s->n ? "PNM: byte %zu should begin a number, the %s"
                                     : "PNM: the file ends early, at byte %zu, before the %s",
                        s->at, what);
    if (x < least || x > most)
        return omn_fail(s->err, OMN_ERR_DATA, "PNM: the %s is outside %u..%u", what, least, most);
    *out = (uint32_t)x;
    return OMN_OK;
}

/* The head of all kinds but PAM. */
static omn_status plain_head(source *s)
{
    omn_status st = OMN_OK;
    s->at = 2;
    s->most = 1;
    s->depth = s->kind == '3' || s->kind == '6' ? 3 : 1;
    OMN_TRY(number(s, 1, OMN_IMAGE_MOST_SIDE, "width", &s->width));
    OMN_TRY(number(s, 1, OMN_IMAGE_MOST_SIDE, "height", &s->height));
    if (s->kind != '1' && s->kind != '4')
        OMN_TRY(number(s, 1, 65535, "largest value", &s->most));
done:
    return st;
}

static bool word(const source *s, const char *want)
{
    const size_t n = strlen(want);
    return s->n - s->at > n && memcmp(s->p + s->at, want, n) == 0 && is_space(s->p[s->at + n]);
}

/* Lines "NAME value" in any order until ENDHDR. */
static omn_status pam_head(source *s)
{
    omn_status st = OMN_OK;
    uint32_t depth = 0;
    bool alpha = false;
    s->at = 2;
    for (;;) {
        skip(s);
        if (word(s, "ENDHDR")) break;
        if (word(s, "WIDTH")) {
            s->at += 5;
            OMN_TRY(number(s, 1, OMN_IMAGE_MOST_SIDE, "WIDTH", &s->width));
        } else if (word(s, "HEIGHT")) {
            s->at += 6;
            OMN_TRY(number(s, 1, OMN_IMAGE_MOST_SIDE, "HEIGHT", &s->height));
        } else if (word(s, "DEPTH")) {
            s->at += 5;
            OMN_TRY(number(s, 1, 4, "DEPTH", &depth));
        } else if (word(s, "MAXVAL")) {
            s->at += 6;
            OMN_TRY(number(s, 1, 65535, "MAXVAL", &s->most));
        } else if (word(s, "TUPLTYPE")) {
            const uint8_t *line = s->p + s->at, *end = memchr(line, '\n', s->n - s->at);
            const size_t n = end ? (size_t)(end - line) : s->n - s->at;
            alpha = n >= 6 && memmem(line, n, "_ALPHA", 6) != NULL;
            s->at += n;
        } else {
            return bad(s, s->at < s->n ? "a line of its head that is none of WIDTH, HEIGHT, DEPTH, "
                                         "MAXVAL, TUPLTYPE, ENDHDR"
                                       : "the file ends early, in its head");
        }
    }
    s->at += 6;
    if (!s->width || !s->height || !depth || !s->most)
        return bad(s, "its head lacks one of WIDTH, HEIGHT, DEPTH, MAXVAL");
    s->depth = depth;
    s->alpha = depth == 4 || depth == 2;
    if (alpha && !s->alpha) return bad(s, "alpha needs a DEPTH of 2 or 4");
done:
    return st;
}

/* Bytes that the picture takes at least. */
static uint64_t least_bytes(const source *s)
{
    const uint64_t samples = (uint64_t)s->width * s->height * s->depth;
    switch (s->kind) {
    case '1': return samples;                                    /* digits may touch */
    case '2':
    case '3': return 2 * samples - 1;                            /* digits and spaces */
    case '4': return (uint64_t)((s->width + 7) / 8) * s->height; /* rows of bits */
    default: return samples * (s->most > 255 ? 2 : 1);
    }
}

/* The next sample of the picture; i: which of its row, for bits. */
static omn_status sample(source *s, uint32_t i, uint32_t *out)
{
    omn_status st = OMN_OK;
    switch (s->kind) {
    case '1':
        skip(s);
        if (s->at == s->n || (s->p[s->at] != '0' && s->p[s->at] != '1'))
            return bad(s, s->at == s->n ? "the file ends early, it has too few bytes"
                                        : "a pixel that is neither 0 nor 1");
        *out = s->p[s->at++] == '0'; /* 1 is black */
        break;
    case '2':
    case '3': st = number(s, 0, s->most, "sample", out); break;
    case '4':
        *out = (s->p[s->at] >> (7 - i % 8) & 1) == 0;
        if (i % 8 == 7 || i + 1 == s->width) s->at++;
        break;
    default:
        *out = s->p[s->at++];
        if (s->most > 255) *out = *out << 8 | s->p[s->at++];
        if (*out > s->most)
            return omn_fail(s->err, OMN_ERR_DATA,
                            "PNM: a sample of %u, and the largest value is %u", *out, s->most);
    }
    return st;
}

/* All samples; grey with alpha becomes colour with alpha. */
static omn_status fill(source *s, const omn_pixels *px)
{
    uint8_t *bytes = px->data;
    float *floats = px->data;
    size_t to = 0;
    const bool spread = s->depth == 2;
    for (uint32_t y = 0; y < s->height; y++)
        for (uint32_t i = 0; i < s->width * s->depth; i++) {
            uint32_t x = 0;
            const omn_status st = sample(s, i, &x);
            if (st != OMN_OK) return st;
            for (int k = spread && i % 2 == 0 ? 3 : 1; k > 0; k--, to++)
                if (px->type == OMN_U8)
                    bytes[to] = (uint8_t)((255 * x + s->most / 2) / s->most);
                else
                    floats[to] = (float)x / (float)s->most;
        }
    return OMN_OK;
}

static omn_status head(source *s)
{
    omn_status st = OMN_OK;
    s->kind = s->n > 2 && s->p[0] == 'P' ? (char)s->p[1] : 0;
    if (s->kind < '1' || s->kind > '7') return bad(s, "the file is none of P1 to P7");
    OMN_TRY(s->kind == '7' ? pam_head(s) : plain_head(s));
    if (s->at == s->n || !is_space(s->p[s->at]))
        return bad(s, s->at == s->n ? "the file ends early, it has too few bytes"
                                    : "its head does not end with white space");
    s->at++;
    if (least_bytes(s) > s->n - s->at)
        return omn_fail(s->err, OMN_ERR_DATA,
                        "PNM: the file ends early: %u x %u pixels of %u samples in %zu bytes are "
                        "too few bytes",
                        s->width, s->height, s->depth, s->n - s->at);
done:
    return st;
}

/* Does another picture follow? */
static bool has_more(source *s)
{
    if (s->kind < '4') skip(s);
    return s->n - s->at > 2 && s->p[s->at] == 'P' && s->p[s->at + 1] >= '1' &&
           s->p[s->at + 1] <= '7' && is_space(s->p[s->at + 2]);
}

omn_status pnm_read(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_image *img = NULL;
    omn_pixels px;
    source s = { .p = bytes, .n = size, .err = err };
    OMN_TRY(head(&s));
    const uint32_t channels = s.alpha ? 4 : s.depth;
    st = omn_image_new_within(c, s.most > 255 ? OMN_F32 : OMN_U8, s.width, s.height, channels,
                              NULL, &img, &px, err);
    if (st != OMN_OK) {
        omn_error_prefix(err, "PNM");
        goto done;
    }
    OMN_TRY(fill(&s, &px));
    if (has_more(&s)) omn_call_log(c, OMN_LOG_WARN, "PNM: several pictures; the first is read");
    *out = omn_image_give(img);
    img = NULL;
done:
    omn_image_free(img);
    return st;
}
