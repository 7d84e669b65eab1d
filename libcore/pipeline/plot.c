/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a training run, one CSV row a step, and the loss as an SVG picture drawn from it. */
#include "plot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "step,pages,lessons,loss,text_loss,aux_loss,gradient_norm,rate,seconds\n"
#define POINTS 600

omn_status log_resume(const char *path, uint64_t step, FILE **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_file *f = NULL;
    char line[512];
    FILE *old = fopen(path, "r");
    OMN_TRY(omn_file_create(path, OMN_OVERWRITE, &f, err));
    OMN_TRY(omn_file_write(f, HEAD, strlen(HEAD), err));
    while (old && fgets(line, sizeof line, old))
        if (line[0] >= '0' && line[0] <= '9' && strchr(line, '\n') &&
            strtoull(line, NULL, 10) <= step)
            OMN_TRY(omn_file_write(f, line, strlen(line), err));
    OMN_TRY(omn_file_commit(f, err));
    *out = fopen(path, "a");
    if (!*out) st = omn_fail(err, OMN_ERR_IO, "%s: %s", path, strerror(errno));
done:
    if (old) fclose(old);
    omn_file_free(f);
    return st;
}

typedef struct series { double step[POINTS], loss[POINTS], text[POINTS]; size_t n; } series;

/* At most POINTS means over equal spans. */
static bool read_log(const char *path, series *s)
{
    char line[512];
    size_t rows = 0, seen = 0;
    FILE *f = fopen(path, "r");
    if (!f) return false;
    while (fgets(line, sizeof line, f)) rows += line[0] >= '0' && line[0] <= '9';
    rewind(f);
    double sum[3] = { 0 };
    size_t in = 0;
    s->n = 0;
    while (rows && fgets(line, sizeof line, f)) {
        unsigned long long step, pages, lessons;
        double loss, text;
        if (sscanf(line, "%llu,%llu,%llu,%lf,%lf", &step, &pages, &lessons, &loss, &text) != 5)
            continue;
        seen++;
        if (!isfinite(loss) || !isfinite(text)) continue;
        sum[0] += (double)step;
        sum[1] += loss;
        sum[2] += text;
        in++;
        if (seen * POINTS / rows > s->n && s->n < POINTS) {
            s->step[s->n] = sum[0] / (double)in;
            s->loss[s->n] = sum[1] / (double)in;
            s->text[s->n++] = sum[2] / (double)in;
            memset(sum, 0, sizeof sum);
            in = 0;
        }
    }
    fclose(f);
    return s->n > 1;
}

static void curve(omn_buf *b, const series *s, const double *y, double top, const char *colour,
                  const char *name, int row)
{
    omn_buf_puts(b, "<polyline fill=\"none\" stroke-width=\"1.5\" stroke=\"");
    omn_buf_printf(b, "%s\" points=\"", colour);
    for (size_t i = 0; i < s->n; i++)
        omn_buf_printf(b, "%.1f,%.1f ", 60 + 720 * s->step[i] / s->step[s->n - 1],
                       360 - 320 * (y[i] < top ? y[i] : top) / top);
    omn_buf_printf(b, "\"/>\n<text x=\"640\" y=\"%d\" fill=\"%s\">%s %.3f</text>\n", 50 + 18 * row,
                   colour, name, y[s->n - 1]);
}

omn_status plot_loss(const char *log, const char *svg, omn_error *err)
{
    omn_status st = OMN_OK;
    series *s = calloc(1, sizeof *s);
    omn_file *f = NULL;
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 22);
    if (!s || !read_log(log, s)) goto done;
    double top = 0;
    for (size_t i = s->n / 50; i < s->n; i++)
        if (s->loss[i] > top) top = s->loss[i];
    if (!(top > 0)) top = 1;
    omn_buf_puts(&b,
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" height=\"400\" "
                 "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"800\" height=\"400\" "
                 "fill=\"white\"/>\n");
    for (int i = 0; i <= 4; i++) {
        const double y = 360 - 80.0 * i;
        omn_buf_printf(&b, "<line x1=\"60\" x2=\"780\" y1=\"%.0f\" y2=\"%.0f\" stroke=\"#ddd\"/>\n"
                           "<text x=\"10\" y=\"%.0f\">%.3g</text>\n", y, y, y + 4, top * i / 4);
        omn_buf_printf(&b, "<text x=\"%.0f\" y=\"380\">%.0f</text>\n", 55 + 180.0 * i,
                       s->step[s->n - 1] * i / 4);
    }
    omn_buf_puts(&b, "<text x=\"390\" y=\"396\">steps</text>\n");
    curve(&b, s, s->loss, top, "#b33", "loss", 0);
    curve(&b, s, s->text, top, "#36a", "text", 1);
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
    free(s);
    return st;
}
