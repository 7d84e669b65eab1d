/* SPDX-License-Identifier: Apache-2.0 */
/* Measures: what an answer is worth beside the one that was wanted. */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lower case, single spaces, no punctuation at the end. */
static void plain(const char *s, char *out, size_t room)
{
    size_t n = 0;
    for (; *s && n + 1 < room; s++) {
        char ch = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;
        if (ch == '\n' || ch == '\t') ch = ' ';
        if (ch == ' ' && (n == 0 || out[n - 1] == ' ')) continue;
        out[n++] = ch;
    }
    while (n && strchr(" .!?", out[n - 1])) n--;
    out[n] = 0;
}

void measure_plain(const omn_value *v, char *out, size_t room)
{
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 20);
    omn_value_text(v, &b);
    plain(b.data ? b.data : "", out, room);
    omn_buf_fini(&b);
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

/* The words that count, phrase by phrase; phrases sorted. Two captions agree when they say the same
 * things in any order of the things. */
static size_t phrases(const recipe_task *t, const char *text, char out[][128], size_t most)
{
    char word[64], now[128] = "";
    size_t n = 0, w = 0;
    for (const char *p = text;; p++) {
        const bool letter = (*p >= 'a' && *p <= 'z') || *p == '-';
        if (letter && w + 1 < sizeof word) word[w++] = *p;
        if (!letter && w) {
            word[w] = 0;
            w = 0;
            for (size_t i = 0; i < t->n_words; i++) {
                const size_t len = strlen(t->words[i]);
                /* "cubes" counts as "cube" */
                if (strncmp(word, t->words[i], len) || (word[len] && strcmp(word + len, "s")))
                    continue;
                snprintf(now + strlen(now), sizeof now - strlen(now), " %s", t->words[i]);
                break;
            }
        }
        if (!*p || strchr(",:;.", *p) || !strncmp(p, " and ", 5)) {
            if (now[0] && n < most) snprintf(out[n++], 128, "%s", now);
            now[0] = 0;
        }
        if (!*p) break;
    }
    qsort(out, n, sizeof out[0], by_text);
    return n;
}

static bool same_phrases(const recipe_task *t, const char *a, const char *b)
{
    char pa[32][128], pb[32][128];
    const size_t na = phrases(t, a, pa, 32), nb = phrases(t, b, pb, 32);
    if (na != nb) return false;
    for (size_t i = 0; i < na; i++)
        if (strcmp(pa[i], pb[i])) return false;
    return true;
}

/* Labels agree when every word of the wanted one is in the other ("red cube" in "large red cube");
 * a missing label on either side agrees. */
static bool same_label(const char *got, const char *want)
{
    char buf[256], *save = NULL;
    if (!want || !want[0] || !got || !got[0]) return true;
    snprintf(buf, sizeof buf, "%s", want);
    for (char *w = strtok_r(buf, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        const char *at = strstr(got, w);
        if (!at) return false;
    }
    return true;
}

/* Boxes and labels: each box given takes the wanted one that it covers best. */
static void judge_detect(const omn_value *answer, const omn_value *wanted, judged *out)
{
    const omn_region *g = NULL, *w = NULL;
    const size_t ng = omn_regions_get(answer, &g), nw = omn_regions_get(wanted, &w);
    bool taken[64] = { false };
    for (size_t i = 0; i < ng; i++) {
        size_t best = nw;
        double top = 0.5;
        for (size_t j = 0; j < nw && j < 64; j++) {
            const double iou = omn_region_iou(&g[i], &w[j]);
            if (taken[j] || iou <= top || !same_label(g[i].label, w[j].label)) continue;
            best = j;
            top = iou;
        }
        if (best == nw) continue;
        taken[best] = true;
        out->hit++;
    }
    out->found = ng;
    out->wanted = nw;
    out->right = out->hit == ng && out->hit == nw;
}

static bool same_box(const omn_value *answer, const omn_value *wanted)
{
    const omn_region *g = NULL, *w = NULL;
    return omn_regions_get(answer, &g) && omn_regions_get(wanted, &w) &&
        omn_region_iou(&g[0], &w[0]) > 0.5;
}

judged measure_judge(const recipe_task *t, const omn_value *answer, const omn_value *wanted)
{
    judged out = { 0 };
    char got[1024], want[1024];
    if (t->measure == MEASURE_DETECT) {
        judge_detect(answer, wanted, &out);
    } else if (t->measure == MEASURE_BOX) {
        out.right = same_box(answer, wanted);
    } else {
        measure_plain(answer, got, sizeof got);
        measure_plain(wanted, want, sizeof want);
        out.right = t->measure == MEASURE_PHRASES ? same_phrases(t, got, want) : !strcmp(got, want);
    }
    return out;
}

const char *measure_name(measure m)
{
    return m == MEASURE_BOX   ? "iou > 0.5"
        : m == MEASURE_PHRASES ? "all facts"
        : m == MEASURE_DETECT ? "f1 at iou 0.5"
                              : "exact";
}
