/* SPDX-License-Identifier: Apache-2.0 */
/* `omnio train`: a recipe from its newest checkpoint (or from the start) to its end, or for so many
 * seconds: log, loss plot, checkpoints on the way, the model exported when the last step is
 * done. */
#include "recipe.h"

#include "plot.h"

#include "../graph/adapt.h"
#include "libcore/base/system.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#define BEFORE "checkpoint.before.safetensors"

typedef struct run {
    omn_recipe *r;
    const omn_recipe_watch *w;
    const char *out;
    omn_store *store;
    omn_model *model;
    omn_weights *from;
    omn_trainer *trainer;
    omn_call *call;
    FILE *log;
    int lock;                             /* -1: not held */
    bool made;                            /* the folder was not there before */
    char checkpoint[4200], before[4200], logfile[4200], plot[4200];
} run;

/* Files are written, and things told, by one. */
static bool first_rank(const run *t)
{
    return !t->w || !omn_company_rank(t->w->company);
}

static void note(const run *t, const char *fmt, ...) OMN_PRINTF(2, 3);
static void note(const run *t, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    if (!t->w || !t->w->note || !first_rank(t)) return;
    va_start(ap, fmt);
    omn_vformat(text, sizeof text, fmt, ap);
    va_end(ap);
    t->w->note(t->w->user, omn_text_clean(text));
}

/* What the auxiliary loss needs to know of the source and of the picture encoder. */
static omn_status auxiliary(omn_recipe *r, omn_error *err)
{
    if (r->setup.aux <= 0) return OMN_OK;
    const char *role = r->setup.aux_role ? r->setup.aux_role : "image";
    const omn_part *e = omn_model_encoder(r->teacher, role);
    const omn_encoder_impl *enc = e ? e->impl : NULL;
    const omn_features_impl *f = enc && enc->extension ? enc->extension("omnio.features/1") : NULL;
    const omn_source_impl *src = r->stages[0].parts[0]->impl;
    r->cells = src->extension ? src->extension("omnio.cells/1") : NULL;
    if (!f || !f->grid || !r->cells)
        return omn_fail_at(
            err, OMN_ERR_CONFIG, r->path, 0, 0,
            "aux: the encoder \"%s\" must offer features and the first source labels of cells",
            role);
    f->grid(e->self, &r->rows, &r->columns);
    r->setup.aux_groups = r->cells->n_groups;
    r->setup.aux_edges = r->cells->n_edges;
    r->setup.aux_classes = r->cells->classes;
    return OMN_OK;
}

omn_status recipe_trainer(omn_recipe *r, omn_store *store, omn_trainer **out, omn_error *err)
{
    omn_status st = auxiliary(r, err);
    if (st == OMN_OK) st = adapt_apply(r, store, err);
    if (st != OMN_OK) return st;
    r->setup.page = recipe_page;
    r->setup.page_user = r;
    r->setup.tasks = r->task_names;
    r->setup.n_tasks = (uint32_t)r->n_tasks;
    r->setup.skip_bad = r->skip_bad;
    return omn_trainer_new(r->teacher, store, &r->setup, out, err);
}

/* Weights that the ones to begin with lack are made from nothing: told, for it may be a mistake. */
static void made_new(const run *t)
{
    const char *first = NULL;
    size_t n = 0;
    for (size_t i = 0; t->from && i < omn_store_count(t->store); i++) {
        const char *name = omn_store_name(t->store, i);
        if (omn_weights_get(t->from, name) || start_is_part(t->r, name)) continue;
        if (!n++) first = name;
    }
    if (n)
        note(t, "%s lacks %zu tensors of the model, which begin new (%s%s)",
             omn_weights_path(t->from), n, first, n > 1 ? ", ..." : "");
}

/* With adapters: how little it is that learns. */
static void learns(const run *t)
{
    uint64_t all = 0, some = 0;
    if (!t->r->n_adapters) return;
    for (size_t i = 0; i < omn_store_count(t->store); i++) {
        const omn_tensor x = omn_store_tensor(t->store, i);
        const uint64_t n = x.bytes / sizeof(float);
        const char *name = omn_store_name(t->store, i);
        all += adapt_is_factor(name) ? 0 : n;
        some += adapt_is_factor(name) || trainer_learns(t->trainer, name) ? n : 0;
    }
    note(t, "%zu adapters of rank %lld: %.3f million numbers learn, the model has %.3f million",
         t->r->n_adapters, (long long)t->r->lora_rank, (double)some / 1e6, (double)all / 1e6);
}

static omn_status log_open(run *t, omn_error *err)
{
    omn_buf head;
    omn_buf_init(&head, 1 << 20);
    row_head(t->r, &head);
    const omn_status st =
        head.failed ? omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", t->logfile)
                    : log_resume(t->logfile, head.data, omn_trainer_at(t->trainer), &t->log, err);
    omn_buf_fini(&head);
    return st;
}

static omn_status begin(run *t, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_recipe *r = t->r;
    size_t moved = 0;
    struct stat s;
    snprintf(t->checkpoint, sizeof t->checkpoint, "%s/checkpoint.safetensors", t->out);
    snprintf(t->before, sizeof t->before, "%s/" BEFORE, t->out);
    snprintf(t->logfile, sizeof t->logfile, "%s/log.csv", t->out);
    snprintf(t->plot, sizeof t->plot, "%s/loss.svg", t->out);
    if (r->n_start) OMN_TRY(start_open(r, 0, &t->from, err));
    OMN_TRY(omn_store_new(r->setup.seed, t->from, true, &t->store, err));
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .precision = r->setup.precision,
                                  .store = t->store, .training = true };
    OMN_TRY(omn_model_open(r->ctx, r->model, &how, &t->model, err));
    OMN_TRY(folder_allowed(r, t->model, t->out, t->w && t->w->replace, err));
    r->keeps = true;
    OMN_TRY(recipe_prove(r, t->model, err));
    /* all weights of the model, those too that no task of this recipe reaches */
    OMN_TRY(omn_model_declare(t->model, err));
    made_new(t);
    OMN_TRY(start_weights(r, t->model, t->store, &moved, err));
    if (moved)
        note(t, "%s has %zu words under other ids; their rows went with them",
             omn_weights_path(t->from), moved);
    OMN_TRY(recipe_trainer(r, t->store, &t->trainer, err));
    learns(t);
    OMN_TRY(keep_settled(r, t->trainer, err));
    trainer_ahead(t->trainer, recipe_ahead);
    if (first_rank(t)) {
        OMN_TRY(folder_make(t->out, &t->made, err));
        OMN_TRY(folder_lock(t->out, &t->lock, err));
        omn_file_sweep(t->out);
        OMN_TRY(recipe_companions(t->model, t->out, err));
    }
    /* nobody reads a checkpoint before it is known that nobody else writes there */
    OMN_TRY(omn_company_barrier(t->w ? t->w->company : NULL, err));
    if (stat(t->checkpoint, &s) == 0) {
        st = omn_trainer_load(t->trainer, t->checkpoint, err);
        if (st == OMN_ERR_DATA && err && stat(t->before, &s) == 0) {
            const size_t n = strlen(err->text);
            snprintf(err->text + n, sizeof err->text - n,
                     "; " BEFORE " is the one before it: rename it to go on from there");
        }
        if (st != OMN_OK) goto done;
        OMN_TRY(keep_settled(r, t->trainer, err));
        note(t, "going on from step %llu of %llu", (unsigned long long)omn_trainer_at(t->trainer),
             (unsigned long long)r->setup.steps);
    }
    /* together nobody stops in a step that the others wait for */
    OMN_TRY(omn_context_call(r->ctx, r->setup.seed, 0, t->w && !t->w->company ? t->w->cancel : NULL,
                             &t->call, err));
    if (first_rank(t)) OMN_TRY(log_open(t, err));
done:
    return st;
}

static omn_status export(run *t, omn_error *err)
{
    char path[4300];
    snprintf(path, sizeof path, "%s/model.safetensors", t->out);
    const omn_status st = omn_trainer_export(t->trainer, path, t->r->export_type, err);
    if (st != OMN_OK || !t->r->n_adapters) return st;
    snprintf(path, sizeof path, "%s/adapter.safetensors", t->out);
    return trainer_adapters(t->trainer, path, err);
}

/* The checkpoint that is about to be replaced stays under another name: a disk that damages the new
 * one, unnoticed until a run goes on, costs no more than the steps between the two. */
static void keep_before(const run *t)
{
    if (access(t->checkpoint, F_OK) != 0) return;
    (void)unlink(t->before);
    if (link(t->checkpoint, t->before) != 0)
        note(t, "%s: the checkpoint before cannot be kept: %s", t->before, strerror(errno));
}

static omn_status save(run *t, omn_error *err)
{
    omn_status st = trainer_same(t->trainer, err);
    if (st != OMN_OK || !first_rank(t)) return st;
    /* rows beyond a checkpoint are cut when a run goes on, missing ones cannot be made again */
    if (fflush(t->log) != 0 || fsync(fileno(t->log)) != 0)
        st = system_fail(err, errno, t->logfile, "cannot be written");
    if (st == OMN_OK) {
        keep_before(t);
        st = omn_trainer_save(t->trainer, t->checkpoint, err);
    }
    if (st == OMN_OK) st = plot_loss(t->logfile, t->plot, err);
    if (st == OMN_OK) st = export(t, err);      /* the model so far, to try while the run goes on */
    return st;
}

/* The step's row, with scores when it is time for them. */
static omn_status write_down(run *t, const omn_train_report *rep, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_recipe *r = t->r;
    double scores[MOST_TASKS];
    if (!first_rank(t)) return OMN_OK;
    const bool score = r->score_every && rep->step % r->score_every == 0;
    omn_buf row;
    if (score) {
        st = export(t, err);
        if (st == OMN_OK) st = row_scores(r, t->out, t->w ? t->w->cancel : NULL, scores, err);
        if (st != OMN_OK && st != OMN_ERR_CANCELLED) return st;
    }
    omn_buf_init(&row, 1 << 16);
    row_put(r, rep, score ? scores : NULL, &row);
    st = omn_buf_check(&row, t->logfile, err);
    if (st == OMN_OK && fwrite(row.data, 1, row.length, t->log) != row.length)
        st = system_fail(err, errno, t->logfile, "cannot be written");
    for (size_t i = 0; score && i < r->n_tasks; i++)
        if (isfinite(scores[i]))
            note(t, "step %llu: %s scores %.4g", (unsigned long long)rep->step, r->tasks[i].name,
                 scores[i]);
    omn_buf_fini(&row);
    return st;
}

/* What nobody learnt, once, at the end. */
static void left_out(const run *t, const omn_train_report *last)
{
    if (last->bad_lessons)
        note(t, "left out %llu bad lessons (bad_examples: skip)",
             (unsigned long long)last->bad_lessons);
    if (last->dropped_lessons)
        note(t, "left out %llu of %llu lessons for want of room beside the others (pack)",
             (unsigned long long)last->dropped_lessons,
             (unsigned long long)(last->dropped_lessons + last->lessons));
}

/* Does any rank want to stop? All of them stop behind the same step. */
static omn_status agree(const run *t, bool *stop, omn_error *err)
{
    int64_t n = *stop;
    const omn_status st = t->w ? omn_company_sum(t->w->company, OMN_I64, &n, 1, err) : OMN_OK;
    *stop = n > 0;
    return st;
}

omn_status omn_recipe_train(omn_recipe *r, const char *out, double seconds,
                            const omn_recipe_watch *w, omn_error *err)
{
    omn_status st = OMN_OK;
    run t = { .r = r, .w = w, .out = out, .lock = -1 };
    omn_train_report last = { OMN_FILL(omn_train_report) };
    const double t0 = now();
    double pace = 0;
    bool stop = false;
    r->setup.company = w ? w->company : NULL;
    OMN_TRY(begin(&t, err));
    while (omn_trainer_at(t.trainer) < r->setup.steps && !stop) {
        omn_train_report rep = { OMN_FILL(omn_train_report) };
        st = omn_trainer_step(t.trainer, t.call, &rep, err);
        if (st == OMN_ERR_CANCELLED) {          /* the trainer is as it was before this step */
            if (err) *err = (omn_error)OMN_ERROR_INIT;
            break;
        }
        if (st != OMN_OK) goto done;
        last = rep;
        pace = pace > 0 ? 0.95 * pace + 0.05 * rep.seconds : rep.seconds;
        st = write_down(&t, &rep, err);
        if (st == OMN_ERR_CANCELLED) {          /* while it was scored; the step itself is done */
            if (err) *err = (omn_error)OMN_ERROR_INIT;
            stop = true;
            st = OMN_OK;
        }
        if (st != OMN_OK) goto done;
        const double left = pace * (double)(r->setup.steps - rep.step);
        if (w && w->step && w->step(w->user, &rep, r->setup.steps, left)) stop = true;
        if (w && w->cancel && omn_cancel_get(w->cancel)) stop = true;
        if (seconds > 0 && now() - t0 > seconds) stop = true;
        OMN_TRY(agree(&t, &stop, err));
        if (rep.step % r->save_every == 0 && !stop && rep.step < r->setup.steps)
            OMN_TRY(save(&t, err));
    }
    OMN_TRY(save(&t, err));
    left_out(&t, &last);
    note(&t, "wrote %s/model.safetensors", out);
    stop = w && w->cancel && omn_cancel_get(w->cancel);
    OMN_TRY(agree(&t, &stop, err));
    if (stop)
        st = omn_fail(err, OMN_ERR_CANCELLED, "stopped; the checkpoint is kept");
done:
    if (t.log) fclose(t.log);
    folder_unlock(out, t.lock);
    if (st != OMN_OK && t.made && (!t.trainer || omn_trainer_at(t.trainer) == 0))
        folder_undo(t.model, out);
    omn_call_free(t.call);
    omn_trainer_free(t.trainer);
    recipe_taught(r);
    r->setup.company = NULL;
    r->keeps = false;
    omn_model_close(t.model);
    omn_store_free(t.store);
    omn_weights_close(t.from);
    return st;
}
