/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a training run, one CSV row a step, and an SVG picture drawn from it: the losses by
 * the scale on the left, scores by the one on the right, which ends at 100 %. A cell that is empty
 * says nothing: a task that had no lesson in a step, a score between two evaluations. */
#include "plot.h"

#include "libcore/base/system.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTS 600
#define MOST_COLUMNS 160
#define MOST_CURVES 12

omn_status log_resume(const char *path, const char *head, uint64_t step, FILE **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_file *f = NULL;
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    FILE *old = fopen(path, "r");
    if (!old && errno != ENOENT) {
        st = system_fail(err, errno, path, "cannot be opened");
        goto done;
    }
    OMN_TRY(omn_file_create(path, OMN_OVERWRITE, &f, err));
    OMN_TRY(omn_file_write(f, head, strlen(head), err));
    OMN_TRY(omn_file_write(f, "\n", 1, err));
    while (old && (n = getline(&line, &room, old)) > 0)
        if (line[0] >= '0' && line[0] <= '9' && line[n - 1] == '\n' &&
            strtoull(line, NULL, 10) <= step)
            OMN_TRY(omn_file_write(f, line, (size_t)n, err));
    if (old && !feof(old)) { /* the rest of its rows would be lost */
        st = system_fail(err, errno, path, "cannot be read");
        goto done;
    }
    OMN_TRY(omn_file_commit(f, err));
    *out = fopen(path, "a");
    if (!*out) st = system_fail(err, errno, path, "cannot be written");
done:
    free(line);
    if (old) fclose(old);
    omn_file_free(f);
    return st;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* A column that is drawn: means over equal spans of rows; NAN where the span had no number. */
typedef struct curve {
    char name[64];
    size_t column;
    bool score;                           /* by the scale on the right */
    double y[POINTS];
} curve;

typedef struct picture {
    double step[POINTS];
    size_t n, n_curves;
    curve curves[MOST_CURVES];
} picture;

/* Which columns of the first line are drawn. */
static void find_curves(picture *p, char *head)
{
    size_t column = 0;
    head[strcspn(head, "\r\n")] = 0;
    for (char *save = NULL, *w = strtok_r(head, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        const bool task = !strncmp(w, "loss.", 5), score = !strncmp(w, "score.", 6);
        if ((task || score || !strcmp(w, "loss") || !strcmp(w, "text_loss")) &&
            p->n_curves < MOST_CURVES) {
            curve *c = &p->curves[p->n_curves++];
            c->column = column;
            c->score = score;
            snprintf(c->name, sizeof c->name, "%s", strcmp(w, "text_loss") ? w : "text");
        }
        column++;
    }
}

/* Numbers of a row; NAN for cells that hold none. */
static size_t read_row(const char *line, double *row)
{
    size_t n = 0;
    for (const char *p = line; n < MOST_COLUMNS;) {
        char *end;
        row[n] = omn_number_read(p, &end);
        if (end == p) row[n] = (double)NAN;
        n++;
        p += strcspn(p, ",\r\n");
        if (*p++ != ',') break;
    }
    return n;
}

typedef struct span { double step, sum[MOST_CURVES]; size_t rows, of[MOST_CURVES]; } span;

static void close_span(picture *p, span *s)
{
    p->step[p->n] = s->step / (double)s->rows;
    for (size_t k = 0; k < p->n_curves; k++)
        p->curves[k].y[p->n] = s->of[k] ? s->sum[k] / (double)s->of[k] : (double)NAN;
    p->n++;
    *s = (span){ .rows = 0 };
}

/* The next line; false at the end, and where it cannot be read, which *st then says. */
static bool next_line(FILE *f, const char *path, char **line, size_t *room, omn_status *st,
                      omn_error *err)
{
    if (*st != OMN_OK) return false;
    if (getline(line, room, f) > 0) return true;
    if (!feof(f)) *st = system_fail(err, errno, path, "cannot be read");
    return false;
}

/* At most POINTS means over equal spans. */
static omn_status read_log(const char *path, picture *p, omn_error *err)
{
    omn_status st = OMN_OK;
    char *line = NULL;
    size_t room = 0, rows = 0, seen = 0;
    span now = { .rows = 0 };
    FILE *f = fopen(path, "r");
    if (!f) return errno == ENOMEM ? system_fail(err, errno, path, "cannot be read") : OMN_OK;
    if (next_line(f, path, &line, &room, &st, err)) find_curves(p, line);
    while (next_line(f, path, &line, &room, &st, err)) rows += line[0] >= '0' && line[0] <= '9';
    rewind(f);
    while (rows && next_line(f, path, &line, &room, &st, err)) {
        double row[MOST_COLUMNS];
        if (line[0] < '0' || line[0] > '9') continue;
        const size_t n = read_row(line, row);
        seen++;
        now.step += row[0];
        now.rows++;
        for (size_t k = 0; k < p->n_curves; k++) {
            const size_t column = p->curves[k].column;
            if (column >= n || !isfinite(row[column])) continue;
            now.sum[k] += row[column];
            now.of[k]++;
        }
        if (seen * POINTS / rows > p->n && p->n < POINTS) close_span(p, &now);
    }
    free(line);
    fclose(f);
    return st;
}

/* ---- drawing -------------------------------------------------------------------------------- */

static const char *colour(size_t k)
{
    static const char *const list[] = { "#b33", "#36a", "#2a7", "#c80", "#849", "#076",
                                        "#d58", "#666", "#940", "#59c", "#7a0", "#425" };
    return list[k % (sizeof list / sizeof *list)];
}

static void put_curve(omn_buf *b, const picture *p, size_t k, double top)
{
    const curve *c = &p->curves[k];
    double last = (double)NAN;
    omn_buf_printf(b, "<polyline fill=\"none\" stroke-width=\"%s\"%s stroke=\"%s\" points=\"",
                   k < 2 ? "1.5" : "1", c->score ? " stroke-dasharray=\"4 2\"" : "", colour(k));
    for (size_t i = 0; i < p->n; i++) {
        const double y = c->y[i], of = c->score ? 1 : top;
        if (!isfinite(y)) continue;
        last = y;
        omn_buf_printf(b, "%.1f,%.1f ", 60 + 720 * p->step[i] / p->step[p->n - 1],
                       360 - 320 * (y < of ? y : of) / of);
    }
    omn_buf_printf(b, "\"/>\n<text x=\"600\" y=\"%zu\" fill=\"%s\">", 50 + 15 * k, colour(k));
    for (const char *s = c->name; *s; s++)
        if (*s == '<' || *s == '>' || *s == '&') omn_buf_printf(b, "&#%d;", *s);
        else omn_buf_put(b, s, 1);
    if (c->score) omn_buf_printf(b, " %.1f%%</text>\n", 100 * last);
    else omn_buf_printf(b, " %.3f</text>\n", last);
}

static void put_grid(omn_buf *b, const picture *p, double top)
{
    bool scores = false;
    for (size_t k = 0; k < p->n_curves; k++) scores = scores || p->curves[k].score;
    for (int i = 0; i <= 4; i++) {
        const double y = 360 - 80.0 * i;
        omn_buf_printf(b, "<line x1=\"60\" x2=\"780\" y1=\"%.0f\" y2=\"%.0f\" stroke=\"#ddd\"/>\n"
                          "<text x=\"10\" y=\"%.0f\">%.3g</text>\n", y, y, y + 4, top * i / 4);
        omn_buf_printf(b, "<text x=\"%.0f\" y=\"380\">%.0f</text>\n", 55 + 180.0 * i,
                       p->step[p->n - 1] * i / 4);
        if (scores)
            omn_buf_printf(b, "<text x=\"783\" y=\"%.0f\">%d%%</text>\n", y + 4, 25 * i);
    }
    omn_buf_puts(b, "<text x=\"390\" y=\"396\">steps</text>\n");
}

omn_status plot_loss(const char *log, const char *svg, omn_error *err)
{
    omn_status st = OMN_OK;
    picture *p = calloc(1, sizeof *p);
    omn_file *f = NULL;
    omn_buf b;
    double top = 0;
    omn_buf_init(&b, (size_t)1 << 22);
    if (!p) st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", svg);
    if (st == OMN_OK) st = read_log(log, p, err);
    if (st != OMN_OK || p->n < 2) goto done;
    for (size_t k = 0; k < p->n_curves; k++)
        for (size_t i = p->n / 50; i < p->n; i++)
            if (!p->curves[k].score && p->curves[k].y[i] > top) top = p->curves[k].y[i];
    if (!(top > 0)) top = 1;
    omn_buf_puts(&b,
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"820\" height=\"400\" "
                 "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"820\" height=\"400\" "
                 "fill=\"white\"/>\n");
    put_grid(&b, p, top);
    for (size_t k = 0; k < p->n_curves; k++) put_curve(&b, p, k, top);
    omn_buf_puts(&b, "</svg>\n");
    if (b.failed) {
        st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", svg);
        goto done;
    }
    OMN_TRY(omn_file_create(svg, OMN_OVERWRITE, &f, err));
    OMN_TRY(omn_file_write(f, b.data, b.length, err));
    OMN_TRY(omn_file_commit(f, err));
done:
    omn_file_free(f);
    omn_buf_fini(&b);
    free(p);
    return st;
}
