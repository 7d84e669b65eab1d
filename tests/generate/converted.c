/* SPDX-License-Identifier: Apache-2.0 */
/* A model folder in the other layout while memory fails: from the moment that the model is open,
 * every allocation of the library fails in turn. There is the whole folder, as it is with all
 * memory, or none. */
#include "tests/generate/toy.h"
#include "tests/starve.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

typedef struct converting {
    omn_context *ctx;
    const char *from, *to, *wanted;       /* wanted NULL: the folder is kept */
    omn_convert_setup how;
} converting;

static void same_file(const char *a, const char *b, const char *name)
{
    omn_error err = OMN_ERROR_INIT;
    char path[2][4300], *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    snprintf(path[0], sizeof path[0], "%s/%s", a, name);
    snprintf(path[1], sizeof path[1], "%s/%s", b, name);
    WORKS(omn_file_read(path[0], (size_t)1 << 26, &x, &n, &err));
    WORKS(omn_file_read(path[1], (size_t)1 << 26, &y, &m, &err));
    ck_assert_msg(n == m && !memcmp(x, y, n), "%s differs", name);
    free(x);
    free(y);
}

static const char *const files[] = { "config.json", "tokenizer.model", "model-1.safetensors",
                                     "model.safetensors.index.json", "notes/read.me" };

static omn_status converted(void *user, omn_error *err)
{
    converting *k = user;
    omn_converted done = { OMN_FILL(omn_converted) };
    omn_call *c = NULL;
    omn_status st = omn_context_call(k->ctx, 0, 0, NULL, &c, err);
    if (st == OMN_OK) st = omn_model_convert(k->ctx, c, k->from, k->to, &k->how, &done, err);
    starve_rest();
    omn_call_free(c);
    if (st != OMN_OK) {
        ck_assert_msg(access(k->to, F_OK) != 0, "%s is still there", k->to);
        return st;
    }
    for (size_t i = 0; k->wanted && i < sizeof files / sizeof *files; i++) {
        same_file(k->to, k->wanted, files[i]);
        unlink(below(k->to, files[i]));
    }
    if (k->wanted) {
        rmdir(below(k->to, "notes"));
        ck_assert_int_eq(rmdir(k->to), 0); /* and nothing else */
    }
    return st;
}

/* What comes before: the model is opened and its graphs are planned. */
static unsigned long opened(const converting *k)
{
    omn_error err = OMN_ERROR_INIT;
    const omn_model_setup setup = { OMN_FILL(omn_model_setup), .device = "cpu",
                                    .precision = OMN_PRECISION_F32 };
    omn_model *m = NULL;
    omn_call *c = NULL;
    starve_at(0, false);
    WORKS(omn_context_call(k->ctx, 0, 0, NULL, &c, &err));
    WORKS(omn_model_open(k->ctx, k->from, &setup, &m, &err));
    WORKS(omn_model_declare(m, &err));
    const unsigned long asked = starve_asked();
    omn_model_close(m);
    omn_call_free(c);
    return asked;
}

/* The toy's weights as a shard with an index. */
static void in_shards(const char *folder)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    omn_buf b;
    size_t bytes = 0;
    ck_assert_int_eq(rename(below(folder, "model.safetensors"),
                            below(folder, "model-1.safetensors")), 0);
    WORKS(omn_weights_open(below(folder, "model-1.safetensors"), &w, &err));
    omn_buf_init(&b, (size_t)1 << 20);
    omn_buf_puts(&b, "{\"weight_map\": {");
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        bytes += omn_weights_at(w, i)->bytes;
        omn_buf_printf(&b, "%s\"%s\": \"model-1.safetensors\"", i ? ", " : "",
                       omn_weights_name(w, i));
    }
    omn_buf_printf(&b, "}, \"metadata\": {\"total_size\": %zu}}", bytes);
    ck_assert(!b.failed);
    testing_write(folder, "model.safetensors.index.json", b.data, b.length);
    omn_buf_fini(&b);
    omn_weights_close(w);
}

START_TEST(a_folder_is_whole_or_not_there)
{
    omn_error err = OMN_ERROR_INIT;
    char from[4200], tiles[4200], rows[4200], to[4200];
    const char *folder = testing_folder();
    snprintf(from, sizeof from, "%s/from", folder);
    snprintf(tiles, sizeof tiles, "%s/tiles", folder);
    snprintf(rows, sizeof rows, "%s/rows", folder);
    snprintf(to, sizeof to, "%s/to", folder);
    ck_assert_int_eq(mkdir(from, 0700), 0);
    toy_write(from, 3);
    in_shards(from);
    ck_assert_int_eq(mkdir(below(from, "notes"), 0700), 0);
    testing_write(from, "notes/read.me", "of a friend\n", 12);
    converting k = { .ctx = toy_context(1) };
    for (int back = 0; back < 2; back++) {
        k.from = back ? tiles : from;
        k.how = (omn_convert_setup){ OMN_FILL(omn_convert_setup), .round = !back,
                                     .layout = back ? OMN_LAYOUT_ROWS : OMN_LAYOUT_TILES };
        k.to = back ? rows : tiles;
        k.wanted = NULL;
        WORKS(converted(&k, &err));
        k.wanted = k.to;
        k.to = to;
        starve_play_from(converted, &k, opened(&k), 50, true);
    }
    omn_context_free(k.ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { a_folder_is_whole_or_not_there };
    return TESTING_RUN("generate/converted", all, 60); /* a model is opened many times */
}
