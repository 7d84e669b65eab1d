/* SPDX-License-Identifier: Apache-2.0 */
/* A file of samples is samples/SUBSET/TASK.json, a list of objects: example_id, image_id (a path
 * below images/), task_query, task_bbox, output_options (the name of a list in output_options/),
 * of which a task uses what it needs. Every sample has to be answered, or the evaluator of the
 * benchmark refuses the whole submission: what cannot be read is an error that names the sample. */
#include "grit_samples.h"

#include "grit_file.h"
#include "grit_table.h"
#include "shelf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a task asks, by which pipeline. */
typedef struct asking {
    const char *name, *pipeline, *output; /* name: of grit_task_names */
    const char *query;                    /* the pipeline's input for task_query; NULL: none */
    bool boxed;                           /* with box and options */
} asking;

static const asking ASKINGS[] = {
    { "categorization", "box-categorize", "category", NULL, true },
    { "localization", "localize", "boxes", "class", false },
    { "vqa", "vqa", "answer", "question", false },
    { "refexp", "refexp", "box", "text", false },
    { "segmentation", "segment-instances", "mask", "class", false },
    { "keypoint", "keypoints", "bodies", NULL, false },
    { "normal", "normals", "normals", NULL, false },
};

typedef struct session {
    cli *c;
    const exam_setup *how;
    const grit_samples *from;
    grit_file *file;
    const asking *ask;
    int task;
    char path[4096];                      /* of the samples */
    size_t at;                            /* which of them */
    omn_value *options;                   /* of the name below; owned */
    char options_name[128];
    double sure;
    uint64_t answered;
} session;

static omn_status fail(const session *s, omn_error *err, const char *what)
{
    return omn_fail_at(err, OMN_ERR_DATA, s->path, 0, 0, "sample %zu: %s", s->at + 1, what);
}

static const char *text_of(const omn_value *sample, const char *name)
{
    const omn_value *v = omn_record_get(sample, name);
    return omn_value_is(v, "text") ? omn_text_get(v, NULL) : NULL;
}

/* A name that stays below its folder. */
static bool inside(const char *name)
{
    return name && *name && *name != '/' && !strstr(name, "..") && strlen(name) < 1000;
}

/* ---- inputs --------------------------------------------------------------------------------- */

static omn_status load_image(const session *s, const omn_value *sample, omn_value **out,
                             omn_error *err)
{
    char path[4200];
    const char *name = text_of(sample, "image_id");
    if (!inside(name)) return fail(s, err, "\"image_id\", a path below images/, is wanted");
    omn_format(path, sizeof path, "%.3000s/images/%s", s->from->folder, name);
    return omn_value_load(s->c->ctx, path, "image", out, err);
}

static omn_status box_of(const session *s, const omn_value *sample, const omn_value *image,
                         omn_value **out, omn_error *err)
{
    double x[4];
    const omn_value *list = omn_record_get(sample, "task_bbox");
    bool ok = omn_value_is(list, "list") && omn_list_count(list) == 4;
    for (size_t i = 0; ok && i < 4; i++) {
        const omn_value *v = omn_list_at(list, i);
        ok = omn_value_is(v, "number");
        x[i] = ok ? omn_number_get(v) : 0;
    }
    if (!ok || !(x[2] > x[0]) || !(x[3] > x[1]))
        return fail(s, err, "\"task_bbox\", [x1, y1, x2, y2] in pixels, is wanted");
    const omn_region r = { x[0], x[1], x[2], x[3], (double)NAN, NULL };
    return omn_regions_new(&r, 1, omn_image_frame(omn_value_image(image)), out, err);
}

/* The list that "output_options" names; kept, as most samples name the same. */
static omn_status options_of(session *s, const omn_value *sample, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    char path[4200];
    const char *name = text_of(sample, "output_options");
    if (!inside(name) || strlen(name) >= sizeof s->options_name)
        return fail(s, err, "\"output_options\", the name of a list, is wanted");
    if (!s->options || strcmp(name, s->options_name)) {
        omn_value_unref(s->options);
        s->options = NULL;
        const size_t n = strlen(name);
        const bool whole = n > 5 && !strcmp(name + n - 5, ".json");
        omn_format(path, sizeof path, "%.3000s/output_options/%s%s", s->from->folder, name,
                   whole ? "" : ".json");
        OMN_TRY(omn_value_load(s->c->ctx, path, NULL, &s->options, err));
        bool ok = omn_value_is(s->options, "list") && omn_list_count(s->options);
        for (size_t i = 0; ok && i < omn_list_count(s->options); i++)
            ok = omn_value_is(omn_list_at(s->options, i), "text");
        if (!ok) {
            st = omn_fail_at(err, OMN_ERR_DATA, path, 0, 0, "a list of texts is wanted");
            omn_value_unref(s->options);
            s->options = NULL;
            goto done;
        }
        omn_format(s->options_name, sizeof s->options_name, "%s", name);
    }
    *out = omn_value_ref(s->options);
done:
    return st;
}

/* ---- one sample, one task ------------------------------------------------------------------- */

/* Boxes say of themselves how sure they are; else it is the run that knows. */
static double confidence_of(const omn_value *answer, const omn_pipeline_run *run)
{
    const omn_result as = { OMN_FILL(omn_result), .value = (omn_value *)(uintptr_t)answer };
    double p = omn_result_confidence(&as);
    if (isnan(p)) p = omn_pipeline_run_confidence(run);
    return isnan(p) ? 1 : p;
}

static omn_status answer_one(session *s, omn_pipeline_run *run, const omn_value *sample,
                             omn_error *err)
{
    omn_status st = OMN_OK;
    omn_named in[3] = { { NULL, NULL } };
    size_t n = 0;
    omn_value *out = NULL;
    const char *id = omn_value_is(sample, "record") ? text_of(sample, "example_id") : NULL;
    if (!id) return fail(s, err, "an object with \"example_id\", a text, is wanted");
    OMN_TRY(load_image(s, sample, &in[0].value, err));
    in[n++].name = "image";
    if (s->ask->query) {
        const char *query = text_of(sample, "task_query");
        if (!query) {
            st = fail(s, err, "\"task_query\", a text, is wanted");
            goto done;
        }
        OMN_TRY(omn_text_new(query, strlen(query), &in[n].value, err));
        in[n++].name = s->ask->query;
    }
    if (s->ask->boxed) {
        OMN_TRY(box_of(s, sample, in[0].value, &in[n].value, err));
        in[n++].name = "box";
        OMN_TRY(options_of(s, sample, &in[n].value, err));
        in[n++].name = "options";
    }
    OMN_TRY(omn_pipeline_run_one(run, in, n, s->at, &out, err));
    const omn_value *answer = omn_record_get(out, s->ask->output);
    if (!answer) {
        st = fail(s, err, "the pipeline gave no answer");
        goto done;
    }
    const double sure = confidence_of(answer, run);
    OMN_TRY(grit_file_put(s->file, s->task, id, sure, answer, err));
    s->sure += sure;
    s->answered++;
done:
    for (size_t i = 0; i < 3; i++) omn_value_unref(in[i].value);
    omn_value_unref(out);
    return st;
}

static void tell(const session *s, uint64_t *rows)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    const double sure = s->answered ? s->sure / (double)s->answered : (double)NAN;
    if (s->c->format == CLI_TEXT) {
        omn_buf_printf(&b, "%-16s", s->ask->name);
        exam_share(sure, 11, &b);
        omn_buf_printf(&b, "%10llu\n", (unsigned long long)s->answered);
        cli_put(s->c, &b);
    } else {
        omn_buf_printf(&b, "{\"type\":\"samples\",\"version\":%d,\"task\":\"%s\",\"confidence\":",
                       CLI_JSON_VERSION, s->ask->name);
        omn_number_print(sure, &b);
        omn_buf_printf(&b, ",\"n\":%llu}", (unsigned long long)s->answered);
        exam_row(s->c, &b, rows);
    }
    omn_buf_fini(&b);
}

static bool wanted(const exam_setup *how, const char *task)
{
    bool any = !how->n_tasks;
    for (size_t i = 0; i < how->n_tasks; i++) any |= !strcmp(how->tasks[i], task);
    return any;
}

/* Can the model do it? What it cannot is told. */
static bool able(const session *s, omn_pipeline *p, uint64_t *rows)
{
    omn_error why = OMN_ERROR_INIT;
    const char *reason = NULL;
    if (omn_pipeline_check(p, s->how->model, NULL, &why) != OMN_OK) reason = why.text;
    else if (s->how->learnt && !omn_recipe_teaches(s->how->learnt, s->ask->pipeline))
        reason = "the model never learnt it";
    if (reason) exam_unable(s->c, s->ask->name, s->ask->pipeline, reason, rows);
    return !reason;
}

static omn_status one_task(session *s, uint64_t *rows, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_pipeline *p = NULL;
    omn_pipeline_run *run = NULL;
    omn_value *list = NULL;
    const omn_pipeline_setup how = { OMN_FILL(omn_pipeline_setup), .model = s->how->model,
                                     .temperature = -1, .top_p = -1, .cancel = s->c->cancel,
                                     .wanted = &s->ask->output, .n_wanted = 1 };
    OMN_TRY(omn_pipeline_open(s->c->ctx, s->ask->pipeline, &p, err));
    if (!able(s, p, rows)) goto done;
    OMN_TRY(omn_value_load(s->c->ctx, s->path, NULL, &list, err));
    if (!omn_value_is(list, "list")) {
        st = omn_fail_at(err, OMN_ERR_DATA, s->path, 0, 0, "a list of samples is wanted");
        goto done;
    }
    OMN_TRY(omn_pipeline_run_new(p, &how, &run, err));
    s->sure = 0;
    s->answered = 0;
    for (s->at = 0; s->at < omn_list_count(list) && s->at < s->from->most; s->at++) {
        st = answer_one(s, run, omn_list_at(list, s->at), err);
        if (st == OMN_OK) continue;
        omn_error_prefix(err, "%s, sample %zu", s->ask->name, s->at + 1);
        goto done;
    }
    tell(s, rows);
done:
    omn_pipeline_run_free(run);
    omn_value_unref(list);
    omn_pipeline_close(p);
    return st;
}

omn_status exam_samples(cli *c, const exam_setup *how, const grit_samples *from, uint64_t *rows,
                        omn_error *err)
{
    omn_status st = OMN_OK;
    bool some = false;
    session *s = calloc(1, sizeof *s);
    if (!s) return omn_fail(err, OMN_ERR_MEMORY, "samples of GRIT: out of memory");
    *s = (session){ .c = c, .how = how, .from = from };
    OMN_TRY(grit_file_new(c->ctx, how->submission, exam_millions(how->model), &s->file, err));
    if (c->format == CLI_TEXT) cli_puts(c, "task             confidence         n\n");
    for (s->task = 0; s->task < GRIT_TASKS; s->task++) {
        s->ask = NULL;
        for (size_t i = 0; i < sizeof ASKINGS / sizeof *ASKINGS; i++)
            if (!strcmp(ASKINGS[i].name, grit_task_names[s->task])) s->ask = &ASKINGS[i];
        omn_format(s->path, sizeof s->path, "%.3000s/samples/%.200s/%s.json", from->folder,
                   from->subset, grit_task_names[s->task]);
        if (!s->ask || !wanted(how, s->ask->name) || !shelf_is_there(s->path)) continue;
        some = true;
        OMN_TRY(one_task(s, rows, err));
    }
    if (!some) {
        st = omn_fail(err, OMN_ERR_MISSING, "%s/samples/%s has no file of a task that is asked, "
                      "such as vqa.json", from->folder, from->subset);
        goto done;
    }
    OMN_TRY(grit_file_write(s->file, err));
done:
    grit_file_free(s->file);
    omn_value_unref(s->options);
    free(s);
    return st;
}
