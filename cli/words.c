/* SPDX-License-Identifier: Apache-2.0 */
/* Values from words. Boxes may be given as a person writes them, "x0,y0,x1,y1; ...", or as omnio
 * prints them, a line each: "red cube: 1 2 3 4 (0.9)". */
#include "words.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BOXES 4096

static const struct {
    const char *type, *holder;
} holders[] = { { "image", "FILE" },         { "tensor", "FILE" }, { "embeddings", "FILE" },
                { "text", "TEXT" },          { "number", "N" },    { "list", "A,B,..." },
                { "regions", "X0,Y0,X1,Y1" } };

bool words_are_files(const char *type)
{
    return !strcmp(words_holder(type), "FILE");
}

const char *words_holder(const char *type)
{
    for (size_t i = 0; i < sizeof holders / sizeof *holders; i++)
        if (!strcmp(holders[i].type, type)) return holders[i].holder;
    return "VALUE";
}

/* The text of standard input without its last newlines and without a byte order mark. */
static omn_status whole_input(omn_value **out, omn_error *err)
{
    char *data = NULL;
    size_t n = 0;
    omn_status st = omn_file_read("-", OMN_TEXT_MOST, &data, &n, err);
    if (st != OMN_OK) return st;
    const size_t mark = n >= 3 && !memcmp(data, "\xEF\xBB\xBF", 3) ? 3 : 0;
    while (n > mark && (data[n - 1] == '\n' || data[n - 1] == '\r')) n--;
    st = omn_text_new(data + mark, n - mark, out, err);
    free(data);
    return st;
}

/* ---- boxes -------------------------------------------------------------------------------- */

/* Four numbers with spaces or commas between them, and perhaps a score in brackets. */
static bool read_box(char *s, omn_region *b)
{
    double *const to[4] = { &b->x0, &b->y0, &b->x1, &b->y1 };
    for (size_t i = 0; i < 4; i++) {
        char *end = s;
        *to[i] = strtod(s, &end);
        if (end == s || !isfinite(*to[i])) return false;
        s = end + strspn(end, " \t");
        if (i < 3 && *s == ',') s++;
    }
    b->score = NAN;
    if (*s == '(') {
        char *end = s + 1;
        b->score = strtod(s + 1, &end);
        if (end == s + 1 || *end != ')') return false;
        s = end + 1 + strspn(end + 1, " \t\r");
    }
    return !*s && b->x1 > b->x0 && b->y1 > b->y0;
}

/* "label: 1 2 3 4": the label may hold a colon itself, so the last one counts. */
static bool read_line(char *s, omn_region *b)
{
    char *colon = strrchr(s, ':');
    s += strspn(s, " \t");
    b->label = NULL;
    if (colon && colon >= s) {
        *colon = '\0';
        b->label = s;
        s = colon + 1;
    }
    size_t n = strlen(s);
    while (n && strchr(" \t\r", s[n - 1])) s[--n] = '\0';
    return read_box(s, b);
}

/* true: *out is set, or an error. Anything else is left to the pipeline and its complaint. */
static bool read_boxes(const char *word, omn_value **out, omn_status *st, omn_error *err)
{
    omn_region *boxes = calloc(MOST_BOXES, sizeof *boxes);
    char *copy = strdup(word), *rest = copy, *line;
    size_t n = 0;
    bool right = boxes && copy;
    /* the numbers of a command line have a point, whatever the locale */
    const locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    const locale_t before = uselocale(plain);
    while (right && (line = strsep(&rest, ";\n"))) {
        if (!line[strspn(line, " \t\r")]) continue;
        right = n < MOST_BOXES && read_line(line, &boxes[n]);
        n++;
    }
    uselocale(before);
    if (plain != (locale_t)0) freelocale(plain);
    right = right && n > 0;
    if (right) *st = omn_regions_new(boxes, n, NULL, out, err);
    free(boxes);
    free(copy);
    return right;
}

/* ---- all of them -------------------------------------------------------------------------- */

omn_status words_value(cli *c, const char *type, const char *word, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    if (words_are_files(type)) return omn_value_load(c->ctx, word, type, out, err);
    if (!strcmp(word, "-")) return whole_input(out, err);
    if ((word[0] == '[' || word[0] == '{') && strcmp(type, "text"))
        return omn_value_from_json(word, strlen(word), out, err);
    if (!strcmp(type, "regions") && read_boxes(word, out, &st, err)) return st;
    return omn_text_new(word, strlen(word), out, err);
}

size_t words_size(const omn_value *v)
{
    const omn_image *img = v ? omn_value_image(v) : NULL;
    const omn_tensor *t = v ? omn_value_tensor(v) : NULL;
    const char *name;
    size_t n = 0, sum = 0;
    if (!v) return 0;
    if (img) {
        const omn_pixels px = omn_image_pixels(img);
        return (size_t)px.width * px.height * px.channels * (px.type == OMN_F32 ? 4 : 1);
    }
    if (t) return t->bytes;
    switch (omn_value_get_kind(v)) {
    case OMN_VALUE_TEXT:
        omn_text_get(v, &n);
        return n;
    case OMN_VALUE_LIST:
        for (size_t i = 0; i < omn_list_count(v); i++) sum += words_size(omn_list_at(v, i));
        return sum;
    case OMN_VALUE_RECORD:
        for (size_t i = 0; i < omn_record_count(v); i++)
            sum += words_size(omn_record_at(v, i, &name));
        return sum;
    default:
        return sum;
    }
}
