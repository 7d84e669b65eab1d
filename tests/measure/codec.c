/* SPDX-License-Identifier: Apache-2.0 */
/* What codecs are asked: how many codes are in use, counted by hand; how far sounds are off, where
 * that is known: the same sound, one half as loud, silence, none. */
#include "config.h"

#include "judge.h"

#include <omnio/kinds_of_values.h>

#include <math.h>
#include <string.h>

enum { N = 8000 };

static double first_row(judge *j)
{
    judge_rows(j);
    return j->rows[0].value;
}

static omn_value *tokens(const int32_t *ids, size_t n)
{
    omn_value *v = NULL;
    ck_assert_int_eq(omn_tokens_new(ids, n, "codes", &v, NULL), OMN_OK);
    return v;
}

START_TEST(codes_are_counted)
{
    static const int32_t some[] = { 0, 3, 3, 3 }, others[] = { 7, 0, 3, 3 }, none[] = { 1, 8 };
    const omn_setting of[] = { { "of", "8", 0, 0 } };
    omn_value *text = NULL;
    judge j;
    judge_open(&j, "codes-used", of, 1);
    ck_assert_double_eq(first_row(&j), 0);
    ck_assert_double_eq(j.rows[1].value, 0);
    ck_assert(judges(&j, tokens(some, 4), NULL));
    ck_assert(judges(&j, tokens(others, 4), NULL));
    ck_assert(!judges(&j, tokens(none, 2), NULL)); /* 8 is no code of 8: 1 is not counted either */
    ck_assert_int_eq(omn_text_new("3", 1, &text, NULL), OMN_OK);
    ck_assert(!judges(&j, text, NULL));
    ck_assert_double_eq_tol(first_row(&j), 3.0 / 8, 1e-12);
    /* shares 2/8, 5/8, 1/8 */
    ck_assert_double_eq_tol(log(j.rows[1].value),
                            -(0.25 * log(0.25) + 0.625 * log(0.625) + 0.125 * log(0.125)), 1e-12);
    judge_close(&j);
}
END_TEST

#ifdef HAVE_FFTW
/* Noise that is loud in all bands, or silence. */
static omn_value *noise(double loud, double rate, size_t n)
{
    static float x[N];
    omn_value *v = NULL;
    const omn_kind *kind = NULL;
    const double start = 0;
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(loud * ((double)(omn_random_at(3, 1, i) >> 11) * 0x1p-53 - 0.5));
    const omn_filled columns[3] = {
        omn_fill("samples", OMN_F32, omn_dim2((int64_t)n, 1), x),
        omn_fill("rate", OMN_F64, omn_dim0(), &rate),
        omn_fill("start", OMN_F64, omn_dim0(), &start),
    };
    ck_assert_int_eq(omn_kind_find(NULL, "audio", &kind, NULL), OMN_OK);
    ck_assert_int_eq(omn_value_make(kind, columns, 3, NULL, &v, NULL), OMN_OK);
    return v;
}

/* Each judged alone; where silence stands for the answer the distance is the baseline. */
START_TEST(sounds_are_off_by_what_is_known)
{
    const double half = 20 * log10(2);
    const struct { double loud, rate; size_t n; double off; bool silent, right; } all[] = {
        { 0.5, 16000, N, 0, false, true },
        { 0.25, 16000, N, half, false, false },
        { 0.4, 16000, N, 20 * log10(1.25), false, true },
        { 0, 16000, N, 0, true, false },
        { 0.5, 8000, N, 0, true, false },       /* another rate */
        { 0.5, 16000, 100, 0, true, false },    /* shorter than a frame */
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        judge j;
        omn_value *want = noise(0.5, 16000, N);
        judge_open(&j, "mel-distance", NULL, 0);
        omn_value *made = noise(all[i].loud, all[i].rate, all[i].n);
        ck_assert(judges(&j, made, omn_value_ref(want)) == all[i].right);
        const double off = first_row(&j), silence = j.rows[0].baseline;
        ck_assert_double_gt(silence, 20);
        /* float32 power of noise: 1e-3 dB is a part in 4,000 */
        ck_assert_msg(fabs(off - (all[i].silent ? silence : all[i].off)) < 1e-3, "%zu: %g", i, off);
        omn_value_unref(want);
        judge_close(&j);
    }
}
END_TEST

/* Frames that only one of both has are silent in the other. */
START_TEST(what_is_missing_is_silent)
{
    judge j;
    double part;
    omn_value *want = noise(0.5, 16000, 16 * 256), *number = NULL;
    bool right = true;
    judge_open(&j, "mel-distance", NULL, 0);
    ck_assert(!judges(&j, noise(0.5, 16000, 8 * 256 + 1), omn_value_ref(want)));
    part = first_row(&j);
    /* 9 of 17 frames are there, the last two of them with other neighbours */
    ck_assert_double_gt(part, j.rows[0].baseline * 7 / 17);
    ck_assert_double_lt(part, j.rows[0].baseline * 10 / 17);
    ck_assert_int_eq(omn_number_new(1, &number, NULL), OMN_OK);
    ck_assert_int_eq(judge_add(&j, want, number, NULL, &right, NULL), OMN_ERR_TYPE);
    ck_assert(!right);
    judge_close(&j);
}
END_TEST
#endif

int main(void)
{
    const TTest *const all[] = {
        codes_are_counted,
#ifdef HAVE_FFTW
        sounds_are_off_by_what_is_known,
        what_is_missing_is_silent,
#endif
    };
    return TESTING_RUN("measure/codec", all, 30);
}
