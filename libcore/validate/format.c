/* SPDX-License-Identifier: Apache-2.0 */
/* Formats: what is written is found by probe and read back; damaged and foreign bytes are refused
 * or read, and nothing beyond their end is touched (the bytes lie before a fence). */
#include "inside.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tables(trial *t)
{
    const omn_format_impl *m = t->s->impl;
    for (const char *p = m->suffixes; *p; p++)
        if (isupper((unsigned char)*p) || *p == ' ' || *p == '.')
            complain(t, "suffixes are small letters between commas, without points: \"%.80s\"",
                     m->suffixes);
    if (m->probe && m->probe(NULL, (const uint8_t *)"", 0) != 0)
        complain(t, "probe sees its format in no bytes at all");
}

static int probe(trial *t, const uint8_t *bytes, size_t n)
{
    const omn_format_impl *m = t->s->impl;
    fenced f;
    const size_t head = n < 64 ? n : 64;
    if (!m->probe || !fenced_make(&f, head)) return 0;
    if (head) memcpy(f.data, bytes, head);
    const int sure = m->probe(NULL, f.data, head);
    if (sure < 0 || sure > 100) complain(t, "probe answers %d, not 0 to 100", sure);
    fenced_free(&f);
    return sure;
}

/* The value of these bytes, owned; NULL: refused. */
static omn_value *read_bytes(trial *t, const uint8_t *bytes, size_t n)
{
    const omn_format_impl *m = t->s->impl;
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = POISON;
    fenced f;
    if (!m->read || !fenced_make(&f, n)) return NULL;
    if (n) memcpy(f.data, bytes, n);
    const omn_status st = m->read(t->c, f.data, n, &v, &err);
    fenced_free(&f);
    judge(t, "read", st, &err);
    if (!judge_output(t, "read", st, v)) return NULL;
    if (strcmp(m->makes, "any") != 0 && strcmp(value_kind_of(v), m->makes) != 0)
        complain(t, "read makes %s, not %s", value_kind_of(v), m->makes);
    t->digest = value_digest(t->digest, v);
    return v;
}

static double pixel(const omn_pixels *px, size_t i)
{
    return px->type == OMN_F32 ? (double)((const float *)px->data)[i]
                               : ((const uint8_t *)px->data)[i] / 255.0;
}

/* Pictures may lose a little, on the way and by the number of channels; other values nothing. */
static void compare(trial *t, const omn_value *v, const omn_value *back)
{
    const omn_image *a = omn_value_image(v), *b = omn_value_image(back);
    if (!a || !b) {
        if (value_digest(DIGEST_START, v) != value_digest(DIGEST_START, back))
            complain(t, "what is read is not the %s that was written", value_kind_of(v));
        return;
    }
    const omn_pixels x = omn_image_pixels(a), y = omn_image_pixels(b);
    if (x.width != y.width || x.height != y.height) {
        complain(t, "a picture of %u x %u is read as %u x %u", x.width, x.height, y.width,
                 y.height);
        return;
    }
    if (x.channels != y.channels) return;
    double sum = 0;
    const size_t n = (size_t)x.width * x.height * x.channels;
    for (size_t i = 0; i < n; i++) sum += fabs(pixel(&x, i) - pixel(&y, i));
    if (!(sum / (double)n < 0.1))
        complain(t,
                 "what is read is not the picture that was written: %.0f of 255 apart on average",
                 255 * sum / (double)n);
}

/* Some bytes changed, cut or put in. */
static void damage(trial *t, uint8_t *bytes, size_t *n)
{
    const uint64_t how = dice_roll(&t->d, 4);
    if (*n == 0) return;
    if (how == 0) *n = dice_roll(&t->d, *n);
    for (uint64_t k = how * 3; k > 0 && *n; k--) {
        const size_t head = *n < 64 || dice_roll(&t->d, 2) ? *n : 64;
        bytes[dice_roll(&t->d, head)] = dice_roll(&t->d, 2) ? (uint8_t)dice_bits(&t->d) : 0xff;
    }
}

/* Of a format that rounds: what was read, written and read once more, is the same. */
static void compare_again(trial *t, const void *params, const omn_value *back)
{
    uint8_t *bytes = POISON;
    size_t size = 0;
    omn_error err = OMN_ERROR_INIT;
    const omn_format_impl *m = t->s->impl;
    const omn_status st = m->write(t->c, params, back, &bytes, &size, &err);
    judge(t, "write", st, &err);
    if (!judge_output(t, "write", st, bytes)) {
        complain(t, "write refuses what was read");
        return;
    }
    omn_value *again = read_bytes(t, bytes, size);
    if (again) compare(t, back, again);
    omn_value_unref(again);
    free(bytes);
}

static void write_and_read(trial *t, const omn_value *v, omn_arena *a)
{
    const omn_format_impl *m = t->s->impl;
    uint8_t *bytes = POISON;
    size_t size = 0;
    omn_error err = OMN_ERROR_INIT;
    void *params = params_make(t, a);
    const omn_status st = m->write(t->c, params, v, &bytes, &size, &err);
    judge(t, "write", st, &err);
    if (!judge_output(t, "write", st, bytes)) return;
    if (size == 0) complain(t, "write makes a file of no bytes");
    t->digest = bytes_digest(t->digest, bytes, size);
    if (t->hostile)
        damage(t, bytes, &size);
    else if (m->probe && probe(t, bytes, size) == 0)
        complain(t, "probe does not know what write wrote");
    omn_value *back = read_bytes(t, bytes, size);
    if (!t->hostile && m->read && !back) complain(t, "read refuses what write wrote");
    const bool rounds = m->extension && m->extension("omnio.rounds/1");
    if (!t->hostile && back && rounds && !omn_value_image(v)) compare_again(t, params, back);
    else if (!t->hostile && back) compare(t, v, back);
    omn_value_unref(back);
    free(bytes);
}

static void read_noise(trial *t)
{
    uint8_t bytes[300];
    const size_t n = dice_roll(&t->d, sizeof(bytes));
    dice_bytes(&t->d, bytes, n);
    probe(t, bytes, n);
    omn_value_unref(read_bytes(t, bytes, n));
}

static void call(trial *t)
{
    const omn_format_impl *m = t->s->impl;
    bool known = true;
    if (!m->write || (t->hostile && dice_roll(&t->d, 2))) {
        read_noise(t);
        return;
    }
    omn_value *v = value_make(&t->d, m->makes, t->hostile && dice_roll(&t->d, 2), &known);
    omn_arena *a = omn_arena_new((size_t)1 << 22);
    if (!known)
        snprintf(t->left_out, sizeof(t->left_out), "no value of kind %.60s is made here", m->makes);
    if (v && a) write_and_read(t, v, a);
    omn_arena_free(a);
    omn_value_unref(v);
}

static bool shared(const subject *s)
{
    (void)s;
    return true;
}

const craft craft_format = { "omnio.format/1", tables, call, shared, false };
