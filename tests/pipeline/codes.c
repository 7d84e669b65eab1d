/* SPDX-License-Identifier: Apache-2.0 */
/* Lessons whose wanted pictures become codes by their decoder's graph: which ids those are, that
 * they are made in batches and once, in memory and in a folder, and that no file there is believed
 * that is not whole. */
#include "studio.h"

#include "libcore/generate/codes.h"
#include "libcore/pipeline/recipe.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES = 6 * 8 + TILES * 4 + 8 };

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

static codes_maker *maker(const studio *s, size_t memory, const char *folder, uint64_t most)
{
    omn_error err = OMN_ERROR_INIT;
    codes_maker *k = NULL;
    const codes_keep keep = { memory, folder, most };
    WORKS(codes_new(s->model, omn_model_decoder(s->model, "image"), &keep, &k, &err));
    return k;
}

static void are(const omn_value *tokens, const int32_t codes[TILES])
{
    const int32_t *list = NULL;
    ck_assert_ptr_nonnull(tokens);
    ck_assert_uint_eq(omn_tokens_get(tokens, &list, NULL), TILES);
    for (int t = 0; t < TILES; t++) ck_assert_int_eq(list[t], codes[t]);
}

/* Pictures first .. first + n - 1 are asked for at once, and every answer is right. */
static void ask(const studio *s, codes_maker *k, uint32_t first, uint32_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *pictures[64], *out[64];
    int32_t codes[64][TILES];
    codes_want want[64];
    for (uint32_t i = 0; i < n; i++) {
        pictures[i] = picture(first + i, codes[i]);
        want[i] = (codes_want){ pictures[i], NULL };
    }
    WORKS(codes_get(k, s->call, want, n, out, &err));
    for (uint32_t i = 0; i < n; i++) {
        are(out[i], codes[i]);
        omn_value_unref(out[i]);
        omn_value_unref(pictures[i]);
    }
}

static void counts(codes_maker *k, codes_counts want)
{
    const codes_counts is = codes_count(k);
    ck_assert_uint_eq(is.made, want.made);
    ck_assert_uint_eq(is.runs, want.runs);
    ck_assert_uint_eq(is.from_memory, want.from_memory);
    ck_assert_uint_eq(is.from_folder, want.from_folder);
    ck_assert_uint_eq(is.damaged, want.damaged);
}

/* ---- lessons -------------------------------------------------------------------------------- */

START_TEST(a_wanted_picture_becomes_ids)
{
    static const int32_t codes[TILES] = { 5, 0, 7, 2 };
    studio s;
    omn_error err = OMN_ERROR_INIT;
    omn_pipeline *p = NULL;
    omn_teacher *t = NULL;
    omn_pipeline_taught taught;
    omn_value *what = NULL, *wanted = drawn(codes), *tokens = NULL, *wrong = NULL;
    const char *folder = testing_folder();
    write_studio(folder, 1, "");
    open_studio(&s, folder);
    WORKS(omn_pipeline_open(s.ctx, testing_write(folder, "p.yaml", draw, strlen(draw)), &p, &err));
    WORKS(omn_teacher_new(p, s.model, &t, &err));
    WORKS(omn_text_new("a tile", 6, &what, &err));
    const omn_named in = { "what", what };
    WORKS(omn_teacher_lesson(t, s.call, &in, 1, wanted, &taught, &err));
    ck_assert_uint_eq(taught.want.count, TILES);
    for (int i = 0; i < TILES; i++) ck_assert_int_eq(taught.want.ids[i], FIRST + codes[i]);
    ck_assert_str_eq(taught.modality, "image");
    omn_pipeline_taught_fini(&taught);
    /* codes that somebody made before are taken as they are, other kinds are refused */
    WORKS(omn_tokens_new(codes, TILES, "codes", &tokens, &err));
    WORKS(omn_teacher_lesson(t, s.call, &in, 1, tokens, &taught, &err));
    ck_assert_int_eq(taught.want.ids[2], FIRST + 7);
    omn_pipeline_taught_fini(&taught);
    WORKS(omn_number_new(3, &wrong, &err));
    ck_assert_int_eq(omn_teacher_lesson(t, s.call, &in, 1, wrong, &taught, &err), OMN_ERR_TYPE);
    omn_value_unref(wrong);
    omn_value_unref(tokens);
    omn_value_unref(what);
    omn_value_unref(wanted);
    omn_teacher_free(t);
    omn_pipeline_close(p);
    close_studio(&s);
}
END_TEST

/* ---- batches and memory --------------------------------------------------------------------- */

START_TEST(codes_are_made_in_batches_and_once)
{
    studio s;
    omn_error err = OMN_ERROR_INIT;
    omn_value *same[3], *out[3];
    int32_t codes[TILES];
    const char *folder = testing_folder();
    write_studio(folder, 1, "");
    open_studio(&s, folder);
    codes_maker *k = maker(&s, CODES_MEMORY, NULL, 0);
    ask(&s, k, 100, 21);
    counts(k, (codes_counts){ .made = 21, .runs = 2 });
    ask(&s, k, 110, 16);                  /* 11 of them are there */
    counts(k, (codes_counts){ .made = 26, .runs = 3, .from_memory = 11 });
    for (int i = 0; i < 3; i++) same[i] = picture(7, codes);
    const codes_want want[3] = { { same[0], NULL }, { same[1], NULL }, { same[2], NULL } };
    WORKS(codes_get(k, s.call, want, 3, out, &err));
    counts(k, (codes_counts){ .made = 27, .runs = 4, .from_memory = 11 });
    for (int i = 0; i < 3; i++) {
        are(out[i], codes);
        omn_value_unref(out[i]);
        omn_value_unref(same[i]);
    }
    codes_free(k);
    close_studio(&s);
}
END_TEST

START_TEST(another_view_has_codes_of_its_own)
{
    static const int32_t dark[TILES] = { 0 };
    studio s;
    omn_error err = OMN_ERROR_INIT;
    omn_pixels px;
    omn_image *img = NULL;
    omn_value *grey = NULL, *out[3];
    static const int32_t light[TILES] = { 7, 7, 7, 7 };
    const char *folder = testing_folder();
    write_studio(folder, 1, "");
    open_studio(&s, folder);
    codes_maker *k = maker(&s, CODES_MEMORY, NULL, 0);
    WORKS(omn_image_new(OMN_U8, 2, 2, 3, NULL, &img, &px, &err));
    memset(px.data, 110, 12);             /* lighter by 32 it is nearer to white than to black */
    grey = omn_image_give(img);
    const omn_frame view = omn_frame_identity(0, 2, 2), far = omn_frame_then(&view, 2, 2, 1, 0);
    const codes_want want[3] = { { grey, NULL }, { grey, &view }, { grey, &far } };
    for (int round = 0; round < 2; round++) {
        WORKS(codes_get(k, s.call, want, 3, out, &err));
        are(out[0], dark);
        are(out[1], light);
        are(out[2], light);
        for (int i = 0; i < 3; i++) omn_value_unref(out[i]);
    }
    counts(k, (codes_counts){ .made = 3, .runs = 1, .from_memory = 3 });
    omn_value_unref(grey);
    codes_free(k);
    close_studio(&s);
}
END_TEST

START_TEST(memory_keeps_what_was_used_last)
{
    omn_error err = OMN_ERROR_INIT;
    codes_memory *m = NULL;
    int32_t codes[100];
    size_t n = 0, each;
    for (int i = 0; i < 100; i++) codes[i] = i;
    WORKS(codes_memory_new(1 << 20, &m, &err));
    WORKS(codes_memory_put(m, &(codes_key){ { 1, 0 }, { 0, 0 } }, codes, 100, &err));
    each = codes_memory_bytes(m);
    ck_assert_uint_ge(each, sizeof codes);
    codes_memory_free(m);
    WORKS(codes_memory_new(3 * each, &m, &err));
    for (uint64_t i = 0; i < 3; i++)
        WORKS(codes_memory_put(m, &(codes_key){ { i, 0 }, { 0, 0 } }, codes, 100, &err));
    ck_assert_ptr_nonnull(codes_memory_get(m, &(codes_key){ { 0, 0 }, { 0, 0 } }, &n));
    WORKS(codes_memory_put(m, &(codes_key){ { 3, 0 }, { 0, 0 } }, codes, 100, &err));
    ck_assert_uint_eq(codes_memory_bytes(m), 3 * each);
    for (uint64_t i = 0; i < 4; i++) {
        const int32_t *is = codes_memory_get(m, &(codes_key){ { i, 0 }, { 0, 0 } }, &n);
        ck_assert_int_eq(is == NULL, i == 1);
        if (is) ck_assert(n == 100 && is[99] == 99);
    }
    ck_assert_ptr_null(codes_memory_get(m, &(codes_key){ { 0, 0 }, { 1, 0 } }, &n));
    codes_memory_free(m);
    /* one that is larger than all there is, and thousands of small ones */
    WORKS(codes_memory_new(each - 1, &m, &err));
    WORKS(codes_memory_put(m, &(codes_key){ { 1, 0 }, { 0, 0 } }, codes, 100, &err));
    ck_assert_uint_eq(codes_memory_bytes(m), 0);
    codes_memory_free(m);
    WORKS(codes_memory_new(1 << 24, &m, &err));
    for (uint64_t i = 0; i < 3000; i++)
        WORKS(codes_memory_put(m, &(codes_key){ { i * i, 0 }, { 0, 0 } }, codes, i % 100, &err));
    for (uint64_t i = 0; i < 3000; i++) {
        ck_assert_ptr_nonnull(codes_memory_get(m, &(codes_key){ { i * i, 0 }, { 0, 0 } }, &n));
        ck_assert_uint_eq(n, i % 100);
    }
    codes_memory_free(m);
}
END_TEST

/* ---- the folder ----------------------------------------------------------------------------- */

/* Names of the files of codes, sorted; at most 64. */
static size_t files(const char *folder, char names[64][64])
{
    size_t n = 0;
    DIR *d = opendir(folder);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *e; (e = readdir(d));)
        if (strstr(e->d_name, ".codes") && n < 64) snprintf(names[n++], 64, "%.63s", e->d_name);
    closedir(d);
    return n;
}

START_TEST(a_folder_serves_the_next_run)
{
    studio s;
    char names[64][64];
    const char *folder = testing_folder();
    write_studio(folder, 1, "");
    open_studio(&s, folder);
    codes_maker *k = maker(&s, CODES_MEMORY, below(folder, "codes"), CODES_MOST);
    ask(&s, k, 0, 5);
    codes_free(k);
    ck_assert_uint_eq(files(below(folder, "codes"), names), 5);
    k = maker(&s, CODES_MEMORY, below(folder, "codes"), CODES_MOST);
    ask(&s, k, 0, 6);
    ask(&s, k, 0, 6);
    counts(k, (codes_counts){ .made = 1, .runs = 1, .from_memory = 6, .from_folder = 5 });
    codes_free(k);
    close_studio(&s);
    /* other weights or another parameter: other codes */
    static const struct { float bright; const char *more; } other[] = {
        { 0.75f, "" }, { 1, ", \"dark\": 1" }
    };
    for (int i = 0; i < 2; i++) {
        write_studio(folder, other[i].bright, other[i].more);
        open_studio(&s, folder);
        k = maker(&s, CODES_MEMORY, below(folder, "codes"), CODES_MOST);
        ask(&s, k, 0, 1);
        counts(k, (codes_counts){ .made = 1, .runs = 1 });
        codes_free(k);
        close_studio(&s);
    }
}
END_TEST

START_TEST(a_file_that_is_not_whole_is_made_again)
{
    studio s;
    char names[64][64], path[4200];
    const char *folder = testing_folder();
    size_t n = 0, n_other = 0;
    write_studio(folder, 1, "");
    open_studio(&s, folder);
    codes_maker *k = maker(&s, CODES_MEMORY, below(folder, "codes"), CODES_MOST);
    ask(&s, k, 8, 1);
    codes_free(k);
    ck_assert_uint_eq(files(below(folder, "codes"), names), 1);
    snprintf(path, sizeof path, "%s/codes/%s", folder, names[0]);
    char *good = shelf_read(path, &n), name[64];
    ck_assert_uint_eq(n, FILE_BYTES);
    snprintf(name, sizeof name, "codes/%.50s", names[0]);
    /* another value's file under this name */
    k = maker(&s, CODES_MEMORY, below(folder, "other"), CODES_MOST);
    ask(&s, k, 9, 1);
    codes_free(k);
    ck_assert_uint_eq(files(below(folder, "other"), names), 1);
    char from[4200], bad[FILE_BYTES + 4];
    snprintf(from, sizeof from, "%s/other/%s", folder, names[0]);
    char *other = shelf_read(from, &n_other);
    for (size_t i = 0; i < FILE_BYTES + 4; i++) {
        size_t size = FILE_BYTES;
        memcpy(bad, good, FILE_BYTES);
        memset(bad + FILE_BYTES, 0, 4);
        if (i < FILE_BYTES) bad[i] = (char)(bad[i] ^ 1);         /* a bit anywhere */
        else if (i == FILE_BYTES) size -= 4;
        else if (i == FILE_BYTES + 1) size += 4;
        else if (i == FILE_BYTES + 2) size = 0;
        else memcpy(bad, other, n_other);
        testing_write(folder, name, bad, size);
        k = maker(&s, CODES_MEMORY, below(folder, "codes"), CODES_MOST);
        ask(&s, k, 8, 1);
        counts(k, (codes_counts){ .made = 1, .runs = 1, .damaged = 1 });
        codes_free(k);
        char *now = shelf_read(path, &n);
        ck_assert(n == FILE_BYTES && !memcmp(now, good, n));
        free(now);
    }
    free(good);
    free(other);
    close_studio(&s);
}
END_TEST

/* When a file was used last, in seconds. */
static void used(const char *folder, const char *name, time_t when)
{
    char path[4200];
    const struct timespec t[2] = { { when, 0 }, { when, 0 } };
    snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, t, 0), 0);
}

START_TEST(a_folder_drops_what_was_used_longest_ago)
{
    studio s;
    char names[64][64], one[64][64], path[4200];
    const char *folder = testing_folder();
    struct stat st;
    write_studio(folder, 1, "");
    open_studio(&s, folder);
    codes_maker *k = maker(&s, 0, below(folder, "codes"), 8 * FILE_BYTES);
    testing_write(folder, "codes/notes.txt", "mine", 4);
    for (uint32_t i = 0; i < 8; i++) {
        ask(&s, k, i, 1);
        ck_assert_uint_eq(files(below(folder, "codes"), names), i + 1);
        for (size_t f = 0; f <= i; f++) {   /* the new one is the one that is not aged yet */
            snprintf(one[f], 64, "%s", names[f]);
            snprintf(path, sizeof path, "%s/codes/%s", folder, one[f]);
            ck_assert_int_eq(stat(path, &st), 0);
            if (st.st_mtime > 100000) used(below(folder, "codes"), one[f], 1000 + (time_t)i);
        }
    }
    ask(&s, k, 0, 1);                     /* used again */
    counts(k, (codes_counts){ .made = 8, .runs = 8, .from_folder = 1 });
    ask(&s, k, 20, 1);
    /* seven eighths of eight, the new one among them: pictures 1 and 2 went */
    ck_assert_uint_eq(files(below(folder, "codes"), names), 7);
    ck_assert_int_eq(stat(below(folder, "codes/notes.txt"), &st), 0);
    codes_free(k);
    k = maker(&s, 0, below(folder, "codes"), CODES_MOST);
    ask(&s, k, 0, 1);
    for (uint32_t i = 3; i < 8; i++) ask(&s, k, i, 1);
    ask(&s, k, 20, 1);
    counts(k, (codes_counts){ .from_folder = 7 });
    ask(&s, k, 1, 2);
    counts(k, (codes_counts){ .made = 2, .runs = 1, .from_folder = 7 });
    codes_free(k);
    /* what does not fit at all is not kept */
    k = maker(&s, 0, below(folder, "small"), FILE_BYTES - 1);
    ask(&s, k, 0, 1);
    ck_assert_uint_eq(files(below(folder, "small"), names), 0);
    codes_free(k);
    close_studio(&s);
}
END_TEST

START_TEST(a_folder_that_cannot_be_written_is_no_harm)
{
    studio s;
    omn_error err = OMN_ERROR_INIT;
    codes_maker *k = NULL;
    const char *folder = testing_folder();
    write_studio(folder, 1, "");
    open_studio(&s, folder);
    k = maker(&s, 0, below(folder, "codes"), CODES_MOST);
    ck_assert_int_eq(rmdir(below(folder, "codes")), 0);
    ask(&s, k, 0, 3);
    ask(&s, k, 0, 1);
    counts(k, (codes_counts){ .made = 4, .runs = 2 });
    codes_free(k);
    const codes_keep nowhere = { 0, below(folder, "config.json"), CODES_MOST };
    ck_assert_int_eq(codes_new(s.model, omn_model_decoder(s.model, "image"), &nowhere, &k, &err),
                     OMN_ERR_IO);
    ck_assert_msg(strstr(err.text, "no folder"), "%s", err.text);
    close_studio(&s);
}
END_TEST

/* ---- two threads, one folder, two makers ---------------------------------------------------- */

typedef struct worker {
    const studio *s;
    codes_maker *k;
    omn_call *call;
    pthread_t thread;
    int wrong;
} worker;

static void *work(void *user)
{
    worker *w = user;
    for (uint32_t i = 0; i < 64; i++) {
        int32_t codes[TILES];
        const int32_t *list = NULL;
        omn_value *v = picture(i % 48, codes), *out = NULL;
        const codes_want want = { v, NULL };
        if (codes_get(w->k, w->call, &want, 1, &out, NULL) != OMN_OK ||
            omn_tokens_get(out, &list, NULL) != TILES || memcmp(list, codes, sizeof codes))
            w->wrong++;
        omn_value_unref(out);
        omn_value_unref(v);
    }
    return NULL;
}

START_TEST(threads_and_processes_share_a_folder)
{
    studio s;
    omn_error err = OMN_ERROR_INIT;
    char names[64][64];
    worker w[4];
    codes_maker *k[2];
    const char *folder = testing_folder();
    write_studio(folder, 1, "");
    open_studio(&s, folder);
    for (int i = 0; i < 2; i++)
        k[i] = maker(&s, i ? 0 : CODES_MEMORY, below(folder, "codes"), 24 * FILE_BYTES);
    for (int i = 0; i < 4; i++) {
        w[i] = (worker){ .s = &s, .k = k[i % 2] };
        WORKS(omn_context_call(s.ctx, 1, 0, NULL, &w[i].call, &err));
        ck_assert_int_eq(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(w[i].thread, NULL);
        ck_assert_int_eq(w[i].wrong, 0);
        omn_call_free(w[i].call);
    }
    for (int i = 0; i < 2; i++) {
        const codes_counts c = codes_count(k[i]);
        ck_assert_uint_eq(c.made + c.from_memory + c.from_folder, 128);
        ck_assert_uint_eq(c.damaged, 0);
        codes_free(k[i]);
    }
    ck_assert_uint_le(files(below(folder, "codes"), names), 48);
    close_studio(&s);
}
END_TEST

/* ---- training ------------------------------------------------------------------------------- */

static const char recipe[] =
    "version: 1\n"
    "model: ./m\n"
    "start: ./m\n"
    "sources: {world: {use: tabletop, width: 64, height: 64}}\n"
    "tasks:\n"
    "  - {name: draw, pipeline: ./p.yaml, each: vqa, give: {what: question},\n"
    "     want: {drawn: /image}}\n"
    "optimizer: {use: adamw, rate: 1e-3}\n"
    "pack: {inputs: 64, targets: 64}\n"
    "batch: 6\n"
    "steps: 2\n"
    "export: f32\n"
    "keep: %s\n";

static omn_status train(const char *folder, const char *keep, const char *out, omn_error *err)
{
    char text[2048];
    omn_context *ctx = studio_context(2);
    snprintf(text, sizeof text, recipe, keep);
    testing_write(folder, "p.yaml", draw, strlen(draw));
    const omn_status st = toy_train(ctx, folder, text, out, err);
    omn_context_free(ctx);
    return st;
}

static void same_file(const char *a, const char *b)
{
    size_t n = 0, m = 0;
    char *x = shelf_read(a, &n), *y = shelf_read(b, &m);
    ck_assert(n == m && !memcmp(x, y, n));
    free(x);
    free(y);
}

START_TEST(a_recipe_teaches_pictures)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w[2] = { NULL };
    char names[64][64], path[4200];
    const char *folder = testing_folder();
    struct stat st;
    ck_assert_int_eq(mkdir(below(folder, "m"), 0777), 0);
    write_studio(below(folder, "m"), 1, "");
    WORKS(train(folder, "{folder: codes, most: 1MiB, memory: 64KiB}", "a", &err));
    const size_t n = files(below(folder, "codes"), names);
    ck_assert_uint_ge(n, 2);              /* of each page's picture one, for all its questions */
    ck_assert_uint_le(n, 40);
    for (size_t i = 0; i < n; i++) used(below(folder, "codes"), names[i], 1000);
    WORKS(train(folder, "{folder: codes}", "b", &err));
    ck_assert_uint_eq(files(below(folder, "codes"), names), n);
    for (size_t i = 0; i < n; i++) {      /* all of them were read */
        snprintf(path, sizeof path, "%s/codes/%s", folder, names[i]);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_int_gt(st.st_mtime, 100000);
    }
    WORKS(train(folder, "{memory: 0}", "c", &err));
    snprintf(path, sizeof path, "%s/a/model.safetensors", folder);
    same_file(path, below(folder, "b/model.safetensors"));
    same_file(path, below(folder, "c/model.safetensors"));
    /* the decoder is as it was, the table has moved */
    WORKS(omn_weights_open(below(folder, "m/model.safetensors"), &w[0], &err));
    WORKS(omn_weights_open(path, &w[1], &err));
    const omn_tensor *was = omn_weights_get(w[0], "vq.codebook"),
                     *is = omn_weights_get(w[1], "vq.codebook");
    ck_assert(was && is && was->bytes == is->bytes && !memcmp(was->data, is->data, is->bytes));
    ck_assert_ptr_nonnull(omn_weights_get(w[1], "table"));
    omn_weights_close(w[0]);
    omn_weights_close(w[1]);
}
END_TEST

START_TEST(codes_of_weights_that_are_trained_are_refused)
{
    omn_error err = OMN_ERROR_INIT;
    const char *folder = testing_folder();
    ck_assert_int_eq(mkdir(below(folder, "m"), 0777), 0);
    write_studio(below(folder, "m"), 1, ", \"tied\": true");
    ck_assert_int_eq(train(folder, "{memory: 1MiB}", "a", &err), OMN_ERR_CONFIG);
    ck_assert_msg(strstr(err.text, "vq.codebook") && strstr(err.text, "freeze"), "%s", err.text);
    err = (omn_error)OMN_ERROR_INIT;
    WORKS(train(folder, "{memory: 1MiB}\nfreeze: [\"vq.**\"]", "b", &err));
}
END_TEST

static const char of_photos[] =
    "version: 1\n"
    "model: ./m\n"
    "sources: {mine: {use: folder, path: photos, held_out: 0}}\n"
    "tasks:\n"
    "  - {name: draw, pipeline: ./p.yaml, give: {what: what}, want: {drawn: picture}}\n"
    "optimizer: {use: adamw}\n"
    "batch: 12\n";

/* The one lesson of a page has the codes of the picture whose number it asks for. */
static void page_is_right(omn_recipe *r, omn_call *c, omn_arena *a, uint64_t index)
{
    omn_error err = OMN_ERROR_INIT;
    omn_page p;
    int32_t codes[TILES];
    WORKS(recipe_page(r, c, index, 0, a, &p, &err));
    ck_assert_uint_eq(p.n_lessons, 1);
    const omn_lesson *l = &p.lessons[0];
    const char *what = omn_text_get(l->inputs[0].value, NULL);
    omn_value_unref(picture(37 * (uint32_t)atol(what) + 5, codes));
    ck_assert_uint_eq(l->n_ids, TILES);
    for (int t = 0; t < TILES; t++) ck_assert_int_eq(l->ids[t], FIRST + codes[t]);
    for (uint32_t i = 0; i < p.n_values; i++) omn_value_unref(p.values[i]);
}

START_TEST(codes_of_the_next_pages_are_made_at_once)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = studio_context(2);
    omn_recipe *r = NULL;
    omn_weights *w = NULL;
    omn_store *store = NULL;
    omn_model *m = NULL;
    omn_call *c = NULL;
    omn_page p;
    char path[4200];
    omn_arena *a = omn_arena_new(0);
    const char *folder = testing_folder();
    ck_assert_int_eq(mkdir(below(folder, "m"), 0777), 0);
    write_studio(below(folder, "m"), 1, "");
    write_photos(folder);
    testing_write(folder, "p.yaml", draw, strlen(draw));
    const char *file = testing_write(folder, "r.yaml", of_photos, strlen(of_photos));
    WORKS(omn_recipe_open(ctx, file, NULL, 0, &r, &err));
    WORKS(omn_weights_open(below(folder, "m/model.safetensors"), &w, &err));
    WORKS(omn_store_new(1, w, true, &store, &err));
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .store = store, .training = true };
    WORKS(omn_model_open(ctx, below(folder, "m"), &how, &m, &err));
    WORKS(omn_context_call(ctx, 1, 0, NULL, &c, &err));
    WORKS(recipe_prove(r, m, &err));
    counts(r->codes[0], (codes_counts){ .made = 1, .runs = 1 });
    WORKS(recipe_ahead(r, c, 0, 12, 0, &err));
    counts(r->codes[0], (codes_counts){ .made = 12, .runs = 2, .from_memory = 1 });
    for (int i = 0; i < 12; i++) {        /* nor is a file read again */
        snprintf(path, sizeof path, "%s/photos/%d.ppm", folder, i);
        ck_assert_int_eq(unlink(path), 0);
    }
    for (uint64_t i = 0; i < 12; i++) page_is_right(r, c, a, i);
    counts(r->codes[0], (codes_counts){ .made = 12, .runs = 2, .from_memory = 13 });
    /* a picture that cannot be read is the page's to tell */
    WORKS(recipe_ahead(r, c, 0, 12, 0, &err));
    ck_assert_int_ne(recipe_page(r, c, 3, 0, a, &p, &err), OMN_OK);
    ck_assert_msg(strstr(err.text, "task draw: field \"picture\"") &&
                      strstr(err.file, "manifest.jsonl") && err.line > 0,
                  "%s:%d: %s", err.file, (int)err.line, err.text);
    recipe_taught(r);
    omn_call_free(c);
    omn_model_close(m);
    omn_store_free(store);
    omn_weights_close(w);
    omn_recipe_close(r);
    omn_context_free(ctx);
    omn_arena_free(a);
}
END_TEST

START_TEST(weights_of_an_answer_are_the_lessons)
{
    static const char half[] =
        "version: 1\n"
        "inputs: {what: {type: text}}\n"
        "steps:\n"
        "  - {generate: image, as: drawn, prompt: \"{what}\", answer: half}\n"
        "outputs: {drawn: $drawn}\n";
    static const float weights[TILES] = { 1, 1, 0.25f, 0.25f };
    omn_error err = OMN_ERROR_INIT;
    studio s;
    omn_recipe *r = NULL;
    omn_store *store = NULL;
    omn_weights *w = NULL;
    omn_model *m = NULL;
    omn_page p;
    omn_arena *a = omn_arena_new(0);
    const char *folder = testing_folder();
    ck_assert_int_eq(mkdir(below(folder, "m"), 0777), 0);
    write_studio(below(folder, "m"), 1, "");
    write_photos(folder);
    testing_write(folder, "p.yaml", half, strlen(half));
    open_studio(&s, below(folder, "m"));
    WORKS(omn_recipe_open(s.ctx, testing_write(folder, "r.yaml", of_photos, strlen(of_photos)),
                          NULL, 0, &r, &err));
    WORKS(omn_weights_open(below(folder, "m/model.safetensors"), &w, &err));
    WORKS(omn_store_new(1, w, true, &store, &err));
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .store = store, .training = true };
    WORKS(omn_model_open(s.ctx, below(folder, "m"), &how, &m, &err));
    WORKS(recipe_prove(r, m, &err));
    WORKS(recipe_page(r, s.call, 0, 0, a, &p, &err));
    ck_assert_uint_eq(p.n_lessons, 1);
    ck_assert_uint_eq(p.lessons[0].n_ids, TILES);
    ck_assert_ptr_nonnull(p.lessons[0].weights);
    for (int i = 0; i < TILES; i++)
        ck_assert_double_eq_tol(p.lessons[0].weights[i], weights[i], 1e-9);
    for (uint32_t i = 0; i < p.n_values; i++) omn_value_unref(p.values[i]);
    recipe_taught(r);
    omn_model_close(m);
    omn_store_free(store);
    omn_weights_close(w);
    omn_recipe_close(r);
    close_studio(&s);
    omn_arena_free(a);
}
END_TEST

START_TEST(what_is_kept_is_said_right)
{
    static const struct { const char *keep, *says; } list[] = {
        { "{folder: codes, most: 12 apples}", "12 apples" },
        { "{folder: codes, most: MiB}", "a size" },
        { "{memory: -1}", "a size" },
        { "{memory: 99999999999999TiB}", "a size" },
        { "{most: 1GiB}", "none is named" },
        { "{folder: \"\"}", "the name of a folder" },
        { "{file: codes}", "file" },
        { "codes", "keep" },
    };
    const char *folder = testing_folder();
    ck_assert_int_eq(mkdir(below(folder, "m"), 0777), 0);
    write_studio(below(folder, "m"), 1, "");
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        omn_error err = OMN_ERROR_INIT;
        ck_assert_int_eq(train(folder, list[i].keep, "a", &err), OMN_ERR_CONFIG);
        ck_assert_msg(strstr(err.text, list[i].says) && err.line == 13, "%s: line %d, %s",
                      list[i].keep, (int)err.line, err.text);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        a_wanted_picture_becomes_ids,
        codes_are_made_in_batches_and_once,
        another_view_has_codes_of_its_own,
        memory_keeps_what_was_used_last,
        a_folder_serves_the_next_run,
        a_file_that_is_not_whole_is_made_again,
        a_folder_drops_what_was_used_longest_ago,
        a_folder_that_cannot_be_written_is_no_harm,
        threads_and_processes_share_a_folder,
        a_recipe_teaches_pictures,
        codes_of_the_next_pages_are_made_at_once,
        codes_of_weights_that_are_trained_are_refused,
        weights_of_an_answer_are_the_lessons,
        what_is_kept_is_said_right,
    };
    return TESTING_RUN("pipeline/codes", all, 60);
}
