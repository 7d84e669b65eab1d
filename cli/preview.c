/* SPDX-License-Identifier: Apache-2.0 */
/* --preview FILE: what a picture or a sound that is being made looks like so far, replaced as a
 * whole each time, so that whoever looks at it never sees half a file. After Ctrl-C it stays. */
#include "preview.h"

#include "formats.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* The file can hold some output of this pipeline; -1, or the exit code after a complaint. */
int preview_init(preview *w, cli *c, const cli_args *a, outputs *out, bool many)
{
    omn_error err = OMN_ERROR_INIT, why = OMN_ERROR_INIT;
    struct stat s;
    bool fits = false;
    *w = (preview){ .c = c, .path = cli_text(a, "preview"),
                    .every = (int32_t)cli_number(a, "preview-every", 64) };
    if (!w->path && cli_has(a, "preview-every"))
        return cli_usage(c, "--preview-every is of --preview FILE");
    if (!w->path) return -1;
    if (many) return cli_usage(c, "--preview is for one item");
    if (formats_is_stdout(w->path)) return cli_usage(c, "--preview: a name of a file is wanted");
    for (size_t i = 0; i < out->n && !fits; i++)
        fits = formats_check(c, out->ports[i].type, w->path, &why) == OMN_OK;
    if (!fits) {
        omn_error_prefix(&why, "--preview");
        return cli_failed(c, &why);
    }
    if (outputs_refuse(out, w->path, &err) != OMN_OK) return cli_failed(c, &err);
    if (stat(w->path, &s) == 0 && (!S_ISREG(s.st_mode) || !cli_has(a, "overwrite")))
        return cli_usage(c, "%s is already there%s", w->path,
                         S_ISREG(s.st_mode) ? "; --overwrite replaces it"
                                            : " and is no plain file");
    return -1;
}

/* When all that the run reads is known, the model too. */
omn_status preview_keep(const preview *w, outputs *out, omn_error *err)
{
    omn_status st = OMN_OK;
    if (!w->path) return OMN_OK;
    OMN_TRY(outputs_refuse(out, w->path, err));
    if (!outputs_take(out, w->path)) st = omn_fail(err, OMN_ERR_MEMORY, "out of memory");
done:
    return st;
}

/* Values of other kinds are not of this file. */
void preview_show(preview *w, const omn_value *v)
{
    omn_error err = OMN_ERROR_INIT;
    char line[1200];
    if (!w->path || w->failed || !v) return;
    if (formats_check(w->c, omn_value_kind_name(v), w->path, &err) != OMN_OK) return;
    err = (omn_error)OMN_ERROR_INIT;
    if (omn_value_save(w->c->ctx, w->path, v, OMN_OVERWRITE, &err) == OMN_OK) return;
    /* the answer is worth more than its preview */
    w->failed = true;
    omn_error_line(&err, line, sizeof line);
    cli_progress(w->c, NULL);
    cli_say(w->c, "no preview any more: %s", line);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A line on a terminal, ten times a second at most. */
void preview_progress(preview *w, const char *step, const omn_event *e)
{
    char line[160];
    const double t = now();
    if (!w->c->terminal_err || w->c->quiet || (t < w->told + 0.1 && e->done < e->total)) return;
    w->told = t;
    snprintf(line, sizeof line, "%.60s: %llu of %llu codes", step ? step : "an answer",
             (unsigned long long)e->done, (unsigned long long)e->total);
    cli_progress(w->c, line);
}
