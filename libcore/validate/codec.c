/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs: ids of a text within the vocabulary and within the room, the way back, and ids that are
 * none; words of a value and back. */
#include "inside.h"

#include <stdio.h>
#include <string.h>

#define MOST_IDS 512

static void check_ids(trial *t, const int32_t *ids, size_t n)
{
    const omn_codec_impl *m = t->s->impl;
    const int32_t pieces = m->pieces(t->s->self);
    if (pieces < 1) complain(t, "pieces says that there are %d", (int)pieces);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= pieces)
            complain(t, "encode makes the id %d of a vocabulary of %d", (int)ids[i], (int)pieces);
    t->digest = bytes_digest(t->digest, ids, n * sizeof(*ids));
}

/* Room for `most` ids and not one more. */
static void encode(trial *t, const char *text, size_t n, size_t most, size_t *count, int32_t *ids)
{
    const omn_codec_impl *m = t->s->impl;
    omn_error err = OMN_ERROR_INIT;
    fenced f, source;
    *count = 0;
    if (!fenced_make(&f, most * sizeof(int32_t))) return;
    if (!fenced_make(&source, n)) {
        fenced_free(&f);
        return;
    }
    if (n) memcpy(source.data, text, n);
    const omn_status st = m->encode(t->s->self, (const char *)source.data, n,
                                    (int32_t *)(void *)f.data, most, count, &err);
    if (judge(t, "encode", st, &err)) {
        if (*count > most)
            complain(t, "encode says that %zu ids are in a room for %zu", *count, most);
        else
            memcpy(ids, f.data, *count * sizeof(int32_t));
    } else {
        *count = 0;
    }
    fenced_free(&source);
    fenced_free(&f);
}

static void decode(trial *t, const int32_t *ids, size_t n, omn_buf *out)
{
    const omn_codec_impl *m = t->s->impl;
    omn_error err = OMN_ERROR_INIT;
    fenced f;
    size_t bad;
    if (!fenced_make(&f, n * sizeof(int32_t))) return;
    if (n) memcpy(f.data, ids, n * sizeof(int32_t));
    const omn_status st = m->decode(t->s->self, (const int32_t *)(void *)f.data, n, out, &err);
    judge(t, "decode", st, &err);
    if (st != OMN_OK && !out->failed && !t->hostile)
        complain(t, "decode refuses ids of encode: %s", err.text);
    if (st != OMN_OK && t->hostile && err.status != OMN_ERR_MEMORY)
        complain(t, "decode fails for unknown ids, which are to be skipped: %s", err.text);
    if (st == OMN_OK && out->length && !omn_utf8_check(out->data, out->length, &bad) && !t->hostile)
        complain(t, "decode writes what is no UTF-8");
    t->digest = bytes_digest(t->digest, out->data ? out->data : "", out->length);
    fenced_free(&f);
}

static void hostile_ids(trial *t)
{
    const omn_codec_impl *m = t->s->impl;
    const int32_t pieces = m->pieces(t->s->self);
    const int32_t odd[] = { -1, INT32_MIN, INT32_MAX, pieces, pieces + 1, 0, pieces - 1 };
    int32_t ids[24];
    omn_buf b;
    const size_t n = dice_roll(&t->d, sizeof(ids) / sizeof(ids[0]));
    for (size_t i = 0; i < n; i++)
        ids[i] =
            dice_roll(&t->d, 3) ? odd[dice_roll(&t->d, 7)] : (int32_t)(uint32_t)dice_bits(&t->d);
    omn_buf_init(&b, (size_t)1 << 20);
    decode(t, ids, n, &b);
    omn_buf_fini(&b);
    char word[64];
    dice_text(&t->d, word, sizeof(word) - 1, false);
    const int32_t id = m->piece(t->s->self, word);
    if (id < -1 || id >= pieces)
        complain(t, "piece answers %d of a vocabulary of %d", (int)id, (int)pieces);
}

static void tokenizer(trial *t)
{
    char text[400];
    int32_t ids[MOST_IDS];
    size_t count, fewer;
    omn_buf b;
    const size_t n = dice_text(&t->d, text, t->hostile ? sizeof(text) - 1 : 60, !t->hostile);
    encode(t, text, n, MOST_IDS, &count, ids);
    check_ids(t, ids, count);
    if (t->hostile) {
        hostile_ids(t);
        if (count > 0) {
            encode(t, text, n, count - 1, &fewer, ids);
            if (fewer) complain(t, "encode puts %zu ids into a room for %zu", count, count - 1);
        }
        return;
    }
    omn_buf_init(&b, (size_t)1 << 20);
    decode(t, ids, count, &b);
    omn_buf_fini(&b);
}

static void check_back(trial *t, const char *text, size_t n, const omn_frame *like)
{
    const omn_codec_impl *m = t->s->impl;
    omn_error err = OMN_ERROR_INIT;
    omn_value *back = POISON;
    fenced f;
    if (!m->read || !fenced_make(&f, n)) return;
    if (n) memcpy(f.data, text, n);
    const omn_status st = m->read(t->s->self, t->c, (const char *)f.data, n, like, &back, &err);
    fenced_free(&f);
    judge(t, "read", st, &err);
    if (!judge_output(t, "read", st, back)) return;
    if (strcmp(value_kind_of(back), m->speaks) != 0)
        complain(t, "read makes %s, not %s", value_kind_of(back), m->speaks);
    t->digest = value_digest(t->digest, back);
    omn_value_unref(back);
}

static void values(trial *t)
{
    const omn_codec_impl *m = t->s->impl;
    const omn_frame like = omn_frame_identity(7, 640, 480);
    omn_error err = OMN_ERROR_INIT;
    bool known = true;
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 22);
    if (t->hostile && dice_roll(&t->d, 2)) {
        char text[400];
        check_back(t, text, dice_text(&t->d, text, sizeof(text) - 1, false), &like);
    } else if (m->write) {
        omn_value *v = value_make(&t->d, m->speaks, t->hostile, &known);
        if (!known)
            snprintf(t->left_out, sizeof(t->left_out), "no value of kind %.60s is made here",
                     m->speaks);
        if (v && judge(t, "write", m->write(t->s->self, t->c, v, &like, &b, &err), &err)) {
            t->digest = bytes_digest(t->digest, b.data ? b.data : "", b.length);
            check_back(t, b.data ? b.data : "", b.length, &like);
        }
        omn_value_unref(v);
    }
    omn_buf_fini(&b);
}

static void call(trial *t)
{
    const omn_codec_impl *m = t->s->impl;
    if (strcmp(m->speaks, "text") == 0)
        tokenizer(t);
    else
        values(t);
}

static bool shared(const subject *s)
{
    (void)s;
    return true;
}

const craft craft_codec = { "omnio.codec/1", NULL, call, shared, true };
