/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine does, as text. Three forms (spec uio2-tasks section 7):
 *   pick and place  of a table: "1: pick from ( a b c ) and place to ( d e f )", or push. Place and
 *                   turn of the hand, x first here, in thousandths of the table and of a full
 *                   turn (a thousand steps, not 999)
 *   navigation      "observation ( a b c ) turn left": place as x z y, then what was done there
 *   bins            a word for each number, within the bounds of its joint
 * The published reader hands degrees to what takes radians; here degrees are degrees. */
#include "location.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The table of the published manipulation tasks; a push is what the hand does otherwise. */
static const loc_joint hand[] = {
    { "from x", "m", { 0.25, 0.75 } }, { "from y", "m", { -0.5, 0.5 } },
    { "from turn", "deg", { 0, 360 } }, { "to x", "m", { 0.25, 0.75 } },
    { "to y", "m", { -0.5, 0.5 } },     { "to turn", "deg", { 0, 360 } },
    { "push", NULL, { 0, 1 } },
};
static const loc_joint place[] = {
    { "x", "m", { -50, 50 } }, { "z", "m", { -50, 50 } }, { "y", "m", { -50, 50 } },
};
enum { HAND = sizeof hand / sizeof *hand, PLACE = sizeof place / sizeof *place, PUSH = HAND - 1 };

static bool named(const omn_value *v, const loc_joint *j, size_t n)
{
    const omn_tensor *names = omn_value_column(v, "name");
    if ((size_t)names->shape.dim[0] < n) return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(((const char *const *)names->data)[i], j[i].name)) return false;
    return true;
}

loc_form loc_form_of(const omn_value *v)
{
    const omn_tensor *names = omn_value_column(v, "name");
    if (names->shape.dim[0] == HAND && named(v, hand, HAND)) return LOC_PICK_PLACE;
    return named(v, place, PLACE) ? LOC_NAVIGATE : LOC_BINS;
}

/* ---- the joints of bins --------------------------------------------------------------------- */

/* A bound without the program's locale. */
static bool bound(const char *t, double *out)
{
    omn_value *v = NULL;
    const bool ok = omn_value_from_json(t, strlen(t), &v, NULL) == OMN_OK &&
                    omn_value_is(v, "number");
    if (ok) *out = omn_number_get(v);
    omn_value_unref(v);
    return ok;
}

/* "left wheel -1..1 rad": the range is the last but one word, or the last. */
static bool joint_of(char *text, loc_joint *j)
{
    char *dots = strstr(text, ".."), *from = dots;
    if (!dots) return false;
    while (from > text && from[-1] != ' ') from--;
    char *end = from + strcspn(from, " ");
    if (from == text || dots > end) return false;
    from[-1] = 0;
    *dots = 0;
    j->unit = *end ? end + 1 + strspn(end + 1, " ") : NULL;
    *end = 0;
    for (size_t n = strlen(text); n && text[n - 1] == ' ';) text[--n] = 0;
    j->name = text;
    return text[0] && bound(from, &j->span.least) && bound(dots + 2, &j->span.most) &&
           j->span.least < j->span.most && (!j->unit || j->unit[0]);
}

omn_status loc_actions_open(loc_actions *a, const char *numbers, omn_error *err)
{
    a->text = strdup(numbers);
    if (!a->text) return omn_fail(err, OMN_ERR_MEMORY, "actions: out of memory");
    for (char *save = NULL, *w = strtok_r(a->text, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        char shown[64];
        w += strspn(w, " ");
        snprintf(shown, sizeof shown, "%s", w);
        if (a->n == LOC_MOST_JOINTS)
            return omn_fail(err, OMN_ERR_CONFIG, "numbers: at most %u", LOC_MOST_JOINTS);
        if (!joint_of(w, &a->joints[a->n++]))
            return omn_fail(err, OMN_ERR_CONFIG, "numbers: \"%s\" is no name and range: x -1..1 m, "
                            "grip 0..1", shown);
    }
    if (a->form == LOC_BINS && !a->n)
        return omn_fail(err, OMN_ERR_CONFIG, "numbers: bins want the name and range of each "
                        "number: x -1..1 m, grip 0..1");
    return OMN_OK;
}

void loc_actions_close(loc_actions *a)
{
    free(a->text);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* The word whose number reads back nearest: n thousandths. */
static void put_thousandths(const loc_scheme *s, loc_span of, double x, omn_buf *out)
{
    const double q = (x - of.least) / (of.most - of.least), n = floor(q * s->bins + 0.5);
    loc_put_word(s, !(n > 0) ? 0 : n < s->bins - 1 ? (int32_t)n : s->bins - 1, out);
}

static void put_three(const loc_scheme *s, const loc_joint *j, const float *x, omn_buf *out)
{
    omn_buf_puts(out, " (");
    for (int i = 0; i < 3; i++) put_thousandths(s, j[i].span, (double)x[i], out);
    omn_buf_puts(out, " )");
}

static void put_hand(const loc_scheme *s, const float *x, size_t number, omn_buf *out)
{
    const bool push = x[PUSH] > 0.5f;
    omn_buf_printf(out, "%s%zu: %s from", number ? " " : "", number + 1, push ? "push" : "pick");
    put_three(s, hand, x, out);
    omn_buf_puts(out, push ? " and push to" : " and place to");
    put_three(s, hand + 3, x + 3, out);
}

/* What is done is the first of the names behind the place whose number is above a half. */
static void put_place(const loc_scheme *s, const float *x, const char *const *name, size_t n,
                      omn_buf *out)
{
    if (out->length) omn_buf_puts(out, " ");
    omn_buf_puts(out, "observation (");
    for (size_t i = 0; i < PLACE; i++) loc_put_number(s, place[i].span, (double)x[i], out);
    omn_buf_puts(out, " )");
    for (size_t i = PLACE; i < n; i++)
        if (x[i] > 0.5f) {
            omn_buf_printf(out, " %s", name[i]);
            return;
        }
}

/* The bounds of joint i: those that are wanted, or the value's own. */
static loc_span span_of(const loc_actions *wanted, const omn_value *v, size_t i)
{
    const omn_tensor *least = omn_value_column(v, "least"), *most = omn_value_column(v, "most");
    if (wanted) return wanted->joints[i].span;
    return (loc_span){ least ? ((const double *)least->data)[i] : (double)NAN,
                       most ? ((const double *)most->data)[i] : (double)NAN };
}

static omn_status put_bins(const loc_scheme *s, const loc_actions *wanted, const omn_value *v,
                           omn_buf *out, omn_error *err)
{
    const omn_tensor *t = omn_value_column(v, "action");
    const size_t n = (size_t)t->shape.dim[1], rows = (size_t)t->shape.dim[0];
    for (size_t i = 0; i < n; i++) {
        const loc_span of = span_of(wanted, v, i);
        if (!(of.least < of.most))
            return omn_fail(err, OMN_ERR_DATA, "\"%.60s\" has no bounds: without them it has no "
                            "bins", ((const char *const *)omn_value_column(v, "name")->data)[i]);
    }
    for (size_t k = 0; k < rows * n; k++) {
        const double x = (double)((const float *)t->data)[k];
        const omn_tensor *unit = omn_value_column(v, "unit");
        const omn_status st = loc_check_number(
            span_of(wanted, v, k % n), x,
            ((const char *const *)omn_value_column(v, "name")->data)[k % n],
            unit ? ((const char *const *)unit->data)[k % n] : NULL, err);
        if (st != OMN_OK) return st;
        loc_put_number(s, span_of(wanted, v, k % n), x, out);
    }
    return OMN_OK;
}

/* Are the first m of the n numbers of each row within what there are words for? */
static omn_status check_rows(const loc_joint *j, size_t m, const omn_tensor *t, omn_error *err)
{
    const size_t rows = (size_t)t->shape.dim[0], n = (size_t)t->shape.dim[1];
    omn_status st = OMN_OK;
    for (size_t k = 0; st == OMN_OK && k < rows * m; k++)
        st = loc_check_number(j[k % m].span, (double)((const float *)t->data)[k / m * n + k % m],
                              j[k % m].name, j[k % m].unit, err);
    return st;
}

omn_status loc_write_actions(const loc_scheme *s, const loc_actions *wanted, const omn_value *v,
                             omn_buf *out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_buf b;
    if (!omn_value_is(v, "actions"))
        return omn_fail(err, OMN_ERR_TYPE, "actions are wanted, not a value of type %s",
                        omn_value_kind_name(v));
    const omn_tensor *t = omn_value_column(v, "action"), *names = omn_value_column(v, "name");
    const float *x = t->data;
    const size_t n = (size_t)t->shape.dim[1];
    const loc_form form = loc_form_of(v);
    if (form == LOC_NAVIGATE) st = check_rows(place, PLACE, t, err);
    if (form == LOC_PICK_PLACE) st = check_rows(hand, PUSH, t, err);
    if (st != OMN_OK) return st;
    omn_buf_init(&b, out->most);
    for (size_t i = 0; form != LOC_BINS && i < (size_t)t->shape.dim[0]; i++)
        if (form == LOC_PICK_PLACE) put_hand(s, x + i * n, i, &b);
        else put_place(s, x + i * n, names->data, n, &b);
    if (form == LOC_BINS) st = put_bins(s, wanted, v, &b, err);
    if (st == OMN_OK) return loc_hand_over(&b, out, err);
    omn_buf_fini(&b);
    return st;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Rows of numbers as they are found; the joints are those of the form, and what navigation did. */
typedef struct rows {
    float *x;
    size_t n, room, width;
    const char *name[LOC_MOST_JOINTS], *unit[LOC_MOST_JOINTS];
    double least[LOC_MOST_JOINTS], most[LOC_MOST_JOINTS];
    omn_arena *names;
} rows;

static void joints(rows *r, const loc_joint *j, size_t n)
{
    for (size_t i = 0; i < n; i++, r->width++) {
        r->name[r->width] = j[i].name;
        r->unit[r->width] = j[i].unit;
        r->least[r->width] = j[i].span.least;
        r->most[r->width] = j[i].span.most;
    }
}

/* The next row, all 0; NULL: no memory for so many. */
static float *row(rows *r)
{
    if (r->n == r->room) {
        const size_t room = r->room ? 2 * r->room : 16;
        float *x = room > OMN_REGIONS_MOST ? NULL : realloc(r->x, room * r->width * sizeof *x);
        if (!x) return NULL;
        r->x = x;
        r->room = room;
    }
    return memset(r->x + r->n++ * r->width, 0, r->width * sizeof *r->x);
}

static omn_status full(const rows *r, omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "no memory for more than %zu moments in one answer", r->n);
}

/* The number of a bin as a float that lies within its bounds and in this bin when it is written
 * again. */
static float kept(const loc_scheme *s, loc_span of, int32_t bin)
{
    const double x = loc_number(s, of, bin);
    float f = (float)x;
    if ((double)f > of.most) f = nextafterf(f, -INFINITY);
    for (int i = 0; i < 4 && loc_number_bin(s, of, (double)f) < bin; i++)
        if ((double)nextafterf(f, INFINITY) <= of.most) f = nextafterf(f, INFINITY);
    return (double)f < of.least ? nextafterf(f, INFINITY) : f;
}

static bool skip(const char **p, const char *end, const char *word)
{
    const size_t n = strlen(word);
    while (*p < end && **p == ' ') (*p)++;
    if ((size_t)(end - *p) < n || memcmp(*p, word, n)) return false;
    *p += n;
    return true;
}

/* "( a b c )" as three bins; false: something else. */
static bool three(const loc_scheme *s, const char **p, const char *end, int32_t bin[3])
{
    loc_run run;
    if (!skip(p, end, "(") || !loc_run_at(s, *p, end, &run) || run.count != 3) return false;
    const char *q = run.words;
    for (int i = 0; i < 3; i++) bin[i] = loc_take_bin(s, &run, &q);
    *p = run.behind;
    return skip(p, end, ")");
}

static const char *find(const char *p, const char *end, const char *word)
{
    const size_t n = strlen(word);
    for (; (size_t)(end - p) >= n; p++)
        if (!memcmp(p, word, n)) return p;
    return NULL;
}

/* A step that is not whole is none; what follows it still counts. */
static omn_status read_hand(const loc_scheme *s, const char *p, const char *end, rows *r,
                            omn_error *err)
{
    joints(r, hand, HAND);
    for (const char *at; (at = find(p, end, " from")) != NULL;) {
        const bool push = at - p >= 4 && !memcmp(at - 4, "push", 4);
        const bool pick = at - p >= 4 && !memcmp(at - 4, "pick", 4);
        int32_t bin[6];
        p = at + strlen(" from");
        const char *q = p;
        if ((!push && !pick) || !three(s, &q, end, bin)) continue;
        skip(&q, end, "and");
        if (!skip(&q, end, push ? "push to" : "place to") || !three(s, &q, end, bin + 3)) continue;
        float *x = row(r);
        if (!x) return full(r, err);
        for (size_t i = 0; i < 6; i++)
            x[i] = (float)(hand[i].span.least + (double)bin[i] / s->bins *
                                                    (hand[i].span.most - hand[i].span.least));
        x[PUSH] = push;
        p = q;
    }
    return OMN_OK;
}

/* What stands behind a place up to the next one: its column; r->width: nothing was done. */
static omn_status done_there(rows *r, const char *p, const char *end, size_t *column,
                             omn_error *err)
{
    while (p < end && (*p == ' ' || *p == '\n')) p++;
    while (end > p && (end[-1] == ' ' || end[-1] == '\n' || end[-1] == ',')) end--;
    *column = r->width;
    if (p == end) return OMN_OK;
    for (*column = PLACE; *column < r->width; (*column)++)
        if (strlen(r->name[*column]) == (size_t)(end - p) &&
            !memcmp(r->name[*column], p, (size_t)(end - p)))
            return OMN_OK;
    if (r->width == LOC_MOST_JOINTS)
        return omn_fail(err, OMN_ERR_DATA, "more than %u things were done",
                        LOC_MOST_JOINTS - PLACE);
    r->name[r->width] = omn_arena_strndup(r->names, p, (size_t)(end - p));
    r->most[r->width] = 1;
    return r->name[r->width++] ? OMN_OK : full(r, err);
}

/* Twice: the columns are those of all that is done, which only the end tells. */
static omn_status read_places(const loc_scheme *s, const char *text, const char *end, rows *r,
                              omn_error *err)
{
    static const char word[] = "observation";
    joints(r, place, PLACE);
    for (int fill = 0; fill < 2; fill++)
        for (const char *p = text, *at; (at = find(p, end, word)) != NULL;) {
            int32_t bin[3];
            size_t column;
            p = at + strlen(word);
            if (!three(s, &p, end, bin)) continue;
            const char *next = find(p, end, word);
            const omn_status st = done_there(r, p, next ? next : end, &column, err);
            if (st != OMN_OK) return st;
            p = next ? next : end;
            if (!fill) continue;
            float *x = row(r);
            if (!x) return full(r, err);
            for (size_t i = 0; i < PLACE; i++)
                x[i] = kept(s, place[i].span, bin[i]);
            if (column < r->width) x[column] = 1;
        }
    return OMN_OK;
}

/* Words in a row, as many as there are joints for each moment; a moment that is cut off is none. */
static omn_status read_bins(const loc_actions *a, const char *p, const char *end, rows *r,
                            omn_error *err)
{
    loc_run run;
    joints(r, a->joints, a->n);
    while (loc_next_run(&a->scheme, &p, end, &run)) {
        const char *w = run.words;
        for (size_t left = run.count / a->n; left > 0; left--) {
            float *x = row(r);
            if (!x) return full(r, err);
            for (size_t i = 0; i < a->n; i++)
                x[i] = kept(&a->scheme, a->joints[i].span, loc_take_bin(&a->scheme, &run, &w));
        }
    }
    return OMN_OK;
}

static omn_status make(const rows *r, double rate, omn_call *c, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_kind *kind = NULL;
    const int64_t n = (int64_t)r->n, a = (int64_t)r->width;
    double *time = calloc(r->n + 1, sizeof *time);
    if (!time) OMN_TRY(full(r, err));
    for (size_t i = 0; i < r->n; i++) time[i] = (double)i / rate;
    OMN_TRY(omn_kind_find(c, "actions", &kind, err));
    const omn_filled columns[] = {
        omn_fill("action", OMN_F32, omn_dim2(n, a), r->x),
        omn_fill("time", OMN_F64, omn_dim1(n), time),
        omn_fill("name", OMN_STRING, omn_dim1(a), r->name),
        omn_fill("unit", OMN_STRING, omn_dim1(a), r->unit),
        omn_fill("least", OMN_F64, omn_dim1(a), r->least),
        omn_fill("most", OMN_F64, omn_dim1(a), r->most),
    };
    st = omn_value_make(kind, columns, 6, NULL, out, err);
done:
    free(time);
    return st;
}

omn_status loc_read_actions(const loc_actions *a, omn_call *c, const char *text, size_t n,
                            omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const char *end = text + n;
    rows r = { .names = omn_arena_new((size_t)16 << 20) };
    if (!r.names) OMN_TRY(full(&r, err));
    OMN_TRY(a->form == LOC_PICK_PLACE ? read_hand(&a->scheme, text, end, &r, err)
            : a->form == LOC_NAVIGATE ? read_places(&a->scheme, text, end, &r, err)
                                      : read_bins(a, text, end, &r, err));
    OMN_TRY(make(&r, a->rate, c, out, err));
done:
    free(r.x);
    omn_arena_free(r.names);
    return st;
}
