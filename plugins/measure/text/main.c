/* SPDX-License-Identifier: Apache-2.0 */
/* measure/text: what answers in words and numbers are worth. exact: the same words, capitals,
 * spaces and marks at the end apart. phrases: the same things said of the same things, in any order
 * of the things, told by the words that count ("a red cube and a blue ball"). error: how far from
 * the wanted ones numbers are, also around a circle. */
#include <omnio/learn.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TEXT ((size_t)1 << 20)
#define MOST_ANSWERS 65536u               /* different wanted answers that are told apart */

/* Lower case, single spaces, no punctuation at the end; owned, NULL without memory. */
static char *plain(const omn_value *v)
{
    omn_buf b;
    size_t n = 0;
    omn_buf_init(&b, OMN_TEXT_MOST);
    omn_value_text(v, &b);
    char *out = b.failed ? NULL : malloc(b.length + 1);
    for (size_t i = 0; out && i < b.length; i++) {
        char ch = b.data[i];
        if (ch >= 'A' && ch <= 'Z') ch = (char)(ch - 'A' + 'a');
        if (ch == '\n' || ch == '\t') ch = ' ';
        if (ch == ' ' && (n == 0 || out[n - 1] == ' ')) continue;
        out[n++] = ch;
    }
    while (out && n && strchr(" .!?", out[n - 1])) n--;
    if (out) out[n] = 0;
    omn_buf_fini(&b);
    return out;
}

static omn_status no_memory(omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "a measure: out of memory");
}

/* ---- counts of right answers, beside the answer that was wanted most often ------------------- */

typedef struct wanted { char *text; uint64_t times; } wanted;
typedef struct count {
    uint64_t n, right;
    wanted *list;                         /* sorted by text */
    size_t n_list, room;
} count;

static omn_status count_begin(const void *self, void **state, omn_error *err)
{
    (void)self;
    *state = calloc(1, sizeof(count));
    return *state ? OMN_OK : no_memory(err);
}

static void count_end(const void *self, void *state)
{
    (void)self;
    count *c = state;
    for (size_t i = 0; c && i < c->n_list; i++) free(c->list[i].text);
    if (c) free(c->list);
    free(c);
}

/* One more wish for a text (taken). */
static omn_status wish(count *c, char *text, omn_error *err)
{
    size_t lo = 0, hi = c->n_list;
    while (lo < hi) {
        const size_t mid = (lo + hi) / 2;
        const int d = strcmp(c->list[mid].text, text);
        if (d == 0) {
            c->list[mid].times++;
            free(text);
            return OMN_OK;
        }
        if (d < 0) lo = mid + 1;
        else hi = mid;
    }
    if (c->n_list == MOST_ANSWERS) {      /* so many answers have no majority worth telling */
        free(text);
        return OMN_OK;
    }
    if (c->n_list == c->room) {
        const size_t room = c->room ? 2 * c->room : 16;
        wanted *more = realloc(c->list, room * sizeof *more);
        if (!more) {
            free(text);
            return no_memory(err);
        }
        c->list = more;
        c->room = room;
    }
    memmove(c->list + lo + 1, c->list + lo, (c->n_list - lo) * sizeof *c->list);
    c->list[lo] = (wanted){ text, 1 };
    c->n_list++;
    return OMN_OK;
}

static double share(uint64_t part, uint64_t all) { return all ? (double)part / (double)all : 0; }

static double majority(const count *c)
{
    uint64_t top = 0;
    for (size_t i = 0; i < c->n_list; i++)
        if (c->list[i].times > top) top = c->list[i].times;
    return top ? share(top, c->n) : (double)NAN;
}

/* ---- exact ---------------------------------------------------------------------------------- */

static omn_status plain_open(omn_call *c, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)c;
    (void)params;
    (void)o;
    (void)err;
    *self = NULL;
    return OMN_OK;
}

static void plain_close(void *self) { (void)self; }

static omn_status exact_add(const void *self, void *state, omn_call *call, const omn_value *answer,
                            const omn_value *want, const omn_value *inputs, bool *right,
                            omn_error *err)
{
    (void)self;
    (void)call;
    (void)inputs;
    count *c = state;
    char *got = plain(answer), *wish_for = plain(want);
    omn_status st = got && wish_for ? OMN_OK : no_memory(err);
    if (st == OMN_OK) {
        *right = !strcmp(got, wish_for);
        c->n++;
        c->right += *right;
        st = wish(c, wish_for, err);
        wish_for = NULL;
    }
    free(got);
    free(wish_for);
    return st;
}

static omn_status exact_rows(const void *self, const void *state, omn_measure_emit *emit,
                             void *user, omn_error *err)
{
    (void)self;
    (void)err;
    const count *c = state;
    const omn_measure_row row = { OMN_FILL(omn_measure_row), .name = "exact",
                                  .value = share(c->right, c->n), .baseline = majority(c),
                                  .hi = 1 };
    emit(user, &row);
    return OMN_OK;
}

static const omn_measure_impl exact_impl = { NULL,      "any",      plain_open, plain_close,
                                             count_begin, exact_add, exact_rows, count_end };

/* ---- phrases -------------------------------------------------------------------------------- */

#define PHRASES(PAR, S)                                                                            \
    PAR(S, string, words, NULL, NULL, NULL, "the words that count, separated by commas")
OMN_PARAMS(phrases, PHRASES);

typedef struct facts {
    char **words;
    size_t n;
} facts;

static void facts_close(void *self)
{
    facts *f = self;
    for (size_t i = 0; i < f->n; i++) free(f->words[i]);
    free(f->words);
    free(f);
}

static omn_status facts_open(omn_call *call, const void *params, omn_open *o, void **self,
                             omn_error *err)
{
    (void)call;
    (void)o;
    const struct phrases *p = params;
    facts *f = calloc(1, sizeof *f);
    if (!f) return no_memory(err);
    *self = f;
    f->words = calloc(strlen(p->words) + 1, sizeof *f->words);
    if (!f->words) return no_memory(err);
    for (const char *at = p->words; *at;) {
        const char *end = strchr(at, ',');
        const char *next = end ? end + 1 : at + strlen(at);
        const char *last = end ? end : next;
        while (at < last && *at == ' ') at++;
        while (last > at && last[-1] == ' ') last--;
        if (last > at) {
            f->words[f->n] = strndup(at, (size_t)(last - at));
            if (!f->words[f->n++]) return no_memory(err);
        }
        at = next;
    }
    if (!f->n) return omn_fail(err, OMN_ERR_CONFIG, "phrases: words that count are wanted");
    return OMN_OK;
}

/* "cubes" counts as "cube" */
static const char *fact(const facts *f, const char *word, size_t n)
{
    for (size_t i = 0; i < f->n; i++) {
        const size_t m = strlen(f->words[i]);
        if (n >= m && !strncmp(word, f->words[i], m) && (n == m || (n == m + 1 && word[m] == 's')))
            return f->words[i];
    }
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The words that count, phrase by phrase, sorted; a text of one line each. NULL without memory. */
static char *said(const facts *f, const char *text)
{
    omn_buf now, all;
    char **list = calloc(strlen(text) / 2 + 2, sizeof *list);
    size_t n = 0;
    bool ok = list != NULL;
    omn_buf_init(&now, MOST_TEXT);
    omn_buf_init(&all, MOST_TEXT);
    for (const char *p = text; ok;) {
        size_t w = 0;
        while ((p[w] >= 'a' && p[w] <= 'z') || p[w] == '-') w++;
        const char *known = w ? fact(f, p, w) : NULL;
        if (known) omn_buf_printf(&now, " %s", known);
        p += w;
        if (!*p || strchr(",:;.", *p) || !strncmp(p, " and ", 5)) {
            if (now.length) ok = (list[n++] = omn_buf_take(&now)) != NULL;
            omn_buf_fini(&now);
        }
        if (!*p) break;
        p++;
    }
    if (ok) qsort(list, n, sizeof *list, by_text);
    for (size_t i = 0; ok && i < n; i++) omn_buf_printf(&all, "%s\n", list[i]);
    for (size_t i = 0; list && i < n; i++) free(list[i]);
    free(list);
    omn_buf_fini(&now);
    if (!ok) omn_buf_fini(&all);
    return ok ? omn_buf_take(&all) : NULL;
}

static omn_status phrases_add(const void *self, void *state, omn_call *call,
                              const omn_value *answer, const omn_value *want,
                              const omn_value *inputs, bool *right, omn_error *err)
{
    (void)call;
    (void)inputs;
    count *c = state;
    char *got = plain(answer), *wish_for = plain(want);
    char *a = got ? said(self, got) : NULL, *b = wish_for ? said(self, wish_for) : NULL;
    const omn_status st = a && b ? OMN_OK : no_memory(err);
    if (st == OMN_OK) {
        *right = !strcmp(a, b);
        c->n++;
        c->right += *right;
    }
    free(a);
    free(b);
    free(got);
    free(wish_for);
    return st;
}

static omn_status phrases_rows(const void *self, const void *state, omn_measure_emit *emit,
                               void *user, omn_error *err)
{
    (void)self;
    (void)err;
    const count *c = state;
    const omn_measure_row row = { OMN_FILL(omn_measure_row), .name = "all facts",
                                  .value = share(c->right, c->n), .baseline = (double)NAN,
                                  .hi = 1 };
    emit(user, &row);
    return OMN_OK;
}

static const omn_measure_impl phrases_impl = { NULL,        "text",      facts_open,   facts_close,
                                               count_begin, phrases_add, phrases_rows, count_end };

/* ---- error ---------------------------------------------------------------------------------- */

#define FAR(PAR, S)                                                                                \
    PAR(S, string, unit, "", NULL, NULL, "of the numbers: deg, m, ...")                            \
    PAR(S, double, period, "0", "0..1e9", NULL, "of a circle, 360 for degrees; 0: a line")         \
    PAR(S, double, within, "0", "0..1e9", NULL, "an answer so near is right")
OMN_PARAMS(far, FAR);

typedef struct errors { uint64_t n, lost; double sum; } errors;

static omn_status far_open(omn_call *call, const void *params, omn_open *o, void **self,
                           omn_error *err)
{
    (void)call;
    (void)o;
    struct far *f = malloc(sizeof *f);
    if (!f) return no_memory(err);
    *f = *(const struct far *)params;
    *self = f;
    return OMN_OK;
}

static omn_status far_begin(const void *self, void **state, omn_error *err)
{
    (void)self;
    *state = calloc(1, sizeof(errors));
    return *state ? OMN_OK : no_memory(err);
}

static void far_end(const void *self, void *state)
{
    (void)self;
    free(state);
}

/* A number, or a text that is one. */
static bool number_of(const omn_value *v, double *out)
{
    char *text = plain(v), *end = NULL;
    *out = text ? omn_number_read(text, &end) : 0;
    const bool ok = text && end != text && !*end && isfinite(*out);
    free(text);
    return ok;
}

static omn_status far_add(const void *self, void *state, omn_call *call, const omn_value *answer,
                          const omn_value *want, const omn_value *inputs, bool *right,
                          omn_error *err)
{
    (void)call;
    (void)inputs;
    const struct far *f = self;
    errors *e = state;
    double a, b;
    if (!number_of(want, &b))
        return omn_fail(err, OMN_ERR_DATA, "error: the wanted answer is no number");
    *right = false;
    if (!number_of(answer, &a)) {
        e->lost++;
        return OMN_OK;
    }
    double d = fabs(a - b);
    if (f->period > 0) {
        d = fmod(d, f->period);
        d = fmin(d, f->period - d);
    }
    e->n++;
    e->sum += d;
    *right = d <= f->within;
    return OMN_OK;
}

static omn_status far_rows(const void *self, const void *state, omn_measure_emit *emit, void *user,
                           omn_error *err)
{
    (void)err;
    const struct far *f = self;
    const errors *e = state;
    const omn_measure_row rows[] = {
        { OMN_FILL(omn_measure_row), .name = "mean error", .unit = f->unit,
          .value = e->n ? e->sum / (double)e->n : (double)NAN, .baseline = (double)NAN,
          .hi = f->period > 0 ? f->period / 2 : (double)INFINITY, .less = true },
        { OMN_FILL(omn_measure_row), .name = "no number", .value = share(e->lost, e->n + e->lost),
          .baseline = (double)NAN, .hi = 1, .less = true },
    };
    for (size_t i = 0; i < 2; i++) emit(user, &rows[i]);
    return OMN_OK;
}

static const omn_measure_impl far_impl = { NULL,      "any",   far_open, free,
                                           far_begin, far_add, far_rows, far_end };

static const omn_object objects[] = {
    { "omnio.measure/1", "error", "mean distance of numbers from those that were wanted",
      &far_impl, OMN_OBJECT_PARAMS(far) },
    { "omnio.measure/1", "exact",
      "share of answers that say the same; capitals and marks at the end apart", &exact_impl, NULL,
      0, 0 },
    { "omnio.measure/1", "phrases", "share of answers that say the same things, in any order",
      &phrases_impl, OMN_OBJECT_PARAMS(phrases) },
};
OMN_PLUGIN("measure-text", "0.1.0", "Apache-2.0", "what answers in words and numbers are worth",
           objects);
