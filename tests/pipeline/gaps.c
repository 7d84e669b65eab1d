/* SPDX-License-Identifier: Apache-2.0 */
/* Words taken out of texts for lessons: as many as are told, each as often as any other, and what
 * is wanted puts them back. */
#include "libcore/pipeline/gaps.h"
#include "tests/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)
enum { WORDS = 40 };

/* "w0 w1 .. " of n words, with white space of all sorts between. */
static void words(char *out, int n)
{
    static const char *const between[] = { " ", "  ", "\n", " \t" };
    *out = 0;
    for (int i = 0; i < n; i++)
        sprintf(out + strlen(out), "%sw%d", i ? between[i % 4] : "", i);
}

/* How many words `text` has; marks: how many of them begin with "<". */
static int count(const char *text, int *marks)
{
    int n = 0;
    *marks = 0;
    for (const char *p = text; *p; n++) {
        *marks += *p == '<';
        p += strcspn(p, " ");
        p += *p == ' ';
    }
    return n;
}

/* Each mark of `shown` gives way to what stands behind it in `wanted`. */
static void put_back(const char *shown, const char *wanted, char *out)
{
    int next = 0;
    *out = 0;
    for (const char *p = shown; *p;) {
        const size_t n = strcspn(p, " ");
        char mark[32], said[512];
        snprintf(mark, sizeof mark, "<extra_id_%d>", next);
        if (*p != '<') {
            sprintf(out + strlen(out), "%s%.*s", *out ? " " : "", (int)n, p);
        } else {
            ck_assert(n == strlen(mark) && !strncmp(p, mark, n));
            const char *at = strstr(wanted, mark);
            ck_assert_msg(at != NULL, "%s is not wanted", mark);
            at += n;
            snprintf(said, sizeof said, "%.*s", (int)strcspn(at, "<"), at);
            for (size_t k = strlen(said); k && said[k - 1] == ' ';) said[--k] = 0;
            ck_assert_uint_gt(strlen(said), 0);
            strcat(out, *out ? said : said + 1);
            next++;
        }
        p += n + (p[n] == ' ');
    }
    char mark[32];
    snprintf(mark, sizeof mark, "<extra_id_%d>", next);
    ck_assert(strstr(wanted, mark) == NULL);
}

/* int(max(0.15 words, 1)) words go, neighbours in one gap (spec vl-t5, section 2); of 40 words each
 * 600 times of 4000, within five deviations (22.6). */
START_TEST(one_by_one_as_vl_t5_takes_them)
{
    const gaps_how how = { .rate = 0.15, .mark = "<extra_id_{}>", .most = 100 };
    omn_error err = OMN_ERROR_INIT;
    int often[WORDS] = { 0 };
    char text[1024], plain[1024], back[1024];
    for (uint64_t seed = 0; seed < 4000; seed++) {
        const int n = seed < 40 ? (int)seed + 1 : WORDS;
        denoise_dice d = { seed, 1, 0 };
        omn_buf shown, wanted;
        int marks, gaps;
        omn_buf_init(&shown, 4096);
        omn_buf_init(&wanted, 4096);
        words(text, n);
        WORKS(gaps_make(&how, &d, text, &shown, &wanted, &err));
        const int left = count(shown.data, &marks), said = count(wanted.data, &gaps);
        const int taken = (int)fmax(0.15 * n, 1);
        ck_assert_int_eq(gaps, marks);
        ck_assert_int_eq(left - marks, n - taken);
        ck_assert_int_eq(said - gaps, taken);
        ck_assert(strstr(shown.data, "> <") == NULL);
        put_back(shown.data, wanted.data, back);
        *plain = 0;
        for (int i = 0; i < n; i++) sprintf(plain + strlen(plain), "%sw%d", i ? " " : "", i);
        ck_assert_str_eq(back, plain);
        for (int i = 0; i < n && n == WORDS; i++) {
            char word[16];
            snprintf(word, sizeof word, " w%d ", i);
            char *padded = back;
            sprintf(padded, "%s ", wanted.data);
            often[i] += strstr(padded, word) != NULL;
        }
        omn_buf_fini(&shown);
        omn_buf_fini(&wanted);
    }
    for (int i = 0; i < WORDS; i++)
        ck_assert_msg(abs(often[i] - 594) < 115, "word %d went %d times", i, often[i]);
}
END_TEST

/* ceil(0.3 words) in gaps whose lengths are drawn from a Poisson distribution of mean 3, less where
 * two overlap; the whole text is wanted. The last gap is cut to what is left, so that their mean
 * lies below 3; one of no length takes none. */
START_TEST(spans_as_ofa_takes_them)
{
    const gaps_how how = { .rate = 0.3, .span = 3, .mark = "<mask>", .whole = true, .most = 100 };
    omn_error err = OMN_ERROR_INIT;
    char text[1024];
    int gone = 0, gaps = 0, empty = 0;
    words(text, WORDS);
    for (uint64_t seed = 0; seed < 1000; seed++) {
        denoise_dice d = { seed, 1, 0 };
        omn_buf shown, wanted;
        int marks;
        omn_buf_init(&shown, 4096);
        omn_buf_init(&wanted, 4096);
        WORKS(gaps_make(&how, &d, text, &shown, &wanted, &err));
        ck_assert_str_eq(wanted.data, text);
        const int left = count(shown.data, &marks) - marks;
        ck_assert(left >= WORDS - 12 && left < WORDS);
        gone += WORDS - left;
        gaps += marks;
        int last = -1;
        for (const char *p = shown.data; *p;) {
            const size_t n = strcspn(p, " ");
            int i = -1;
            if (sscanf(p, "w%d", &i) == 1) {
                ck_assert_int_gt(i, last);
                last = i;
            } else if (p[n] && sscanf(p + n, " w%d", &i) == 1) {
                empty += i == last + 1;
            }
            p += n + (p[n] == ' ');
        }
        omn_buf_fini(&shown);
        omn_buf_fini(&wanted);
    }
    ck_assert_int_gt(gone, 9500);           /* of 12000: the rest is overlap */
    ck_assert_double_gt((double)gone / gaps, 1.8);
    ck_assert_double_lt((double)gone / gaps, 3);
    ck_assert(empty > 50 && empty < 1000);  /* exp(-3) of some five gaps in each of 1000 texts */
}
END_TEST

START_TEST(what_cannot_have_gaps_is_told)
{
    const gaps_how how = { .rate = 0.15, .mark = "<extra_id_{}>", .most = 100 };
    omn_error err = OMN_ERROR_INIT;
    denoise_dice d = { 1, 1, 0 };
    omn_buf shown, wanted;
    omn_buf_init(&shown, 4096);
    omn_buf_init(&wanted, 4096);
    ck_assert_int_eq(gaps_make(&how, &d, " \n", &shown, &wanted, &err), OMN_ERR_DATA);
    ck_assert(strstr(err.text, "no word") != NULL);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(gaps_make(&how, &d, "a <extra_id_7> b", &shown, &wanted, &err), OMN_ERR_DATA);
    ck_assert(strstr(err.text, "already") != NULL);
    omn_buf_fini(&shown);
    omn_buf_fini(&wanted);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        one_by_one_as_vl_t5_takes_them,
        spans_as_ofa_takes_them,
        what_cannot_have_gaps_is_told,
    };
    return TESTING_RUN("pipeline/gaps", all, 20);
}
