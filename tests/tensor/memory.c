/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out: each allocation of the two lowest floors fails in turn. Every time the
 * answer must be one error that says so, nothing may crash, and (under AddressSanitizer) nothing
 * may be lost. */
#include <omnio/tensor.h>

#include "libcore/tensor/relay.h"
#include "tests/starve.h"
#include "tests/testing.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[4200];

static omn_status write_weights(void *user, omn_error *err)
{
    (void)user;
    static const float x[600];
    omn_weights_entry entries[3];
    const char *const names[] = { "decoder.b", "decoder.a", "encoder" };
    const char *const meta[] = { "format", "pt", "made by", "a test" };
    for (size_t i = 0; i < 3; i++)
        entries[i] = (omn_weights_entry){
            names[i], { OMN_F32, omn_dim2(2, (int64_t)(i + 1)), x, 8 * (i + 1) }
        };
    return omn_weights_write(path, OMN_OVERWRITE, entries, 3, meta, 2, err);
}

static omn_status open_weights(void *user, omn_error *err)
{
    (void)user;
    omn_weights *w = NULL;
    omn_status st = omn_weights_open(path, &w, err);
    if (st == OMN_OK && omn_weights_count(w) != 3) st = OMN_ERR_FAILED;
    omn_weights_close(w);
    return st;
}

START_TEST(weights_survive_a_lack_of_memory)
{
    snprintf(path, sizeof path, "%s/model-1.safetensors", testing_folder());
    starve_play(write_weights, NULL, 5, false);
    starve_play(open_weights, NULL, 5, false);
    static const char index[] = "{\"metadata\":{\"made\":\"by hand\"},\"weight_map\":{"
                                "\"decoder.a\":\"model-1.safetensors\",\"decoder.b\":"
                                "\"model-1.safetensors\",\"encoder\":\"model-1.safetensors\"}}";
    testing_write(testing_folder(), "model.safetensors.index.json", index, sizeof index - 1);
    snprintf(path, sizeof path, "%s", testing_folder());
    starve_play(open_weights, NULL, 8, false);
}
END_TEST

/* ---- rows and tiles ------------------------------------------------------------------------ */

typedef struct relaying { const char *from, *to, *wanted; relay_how how; } relaying;

static bool every(void *user, const char *name)
{
    (void)user;
    (void)name;
    return true;
}

static omn_status relayed(void *user, omn_error *err)
{
    relaying *r = user;
    relay_sums sums = { 0 };
    char *got = NULL, *want = NULL;
    size_t n = 0, m = 0;
    const omn_status st = relay_file(r->from, r->to, &r->how, &sums, err);
    starve_rest();
    if (st != OMN_OK) {
        ck_assert_int_ne(access(r->to, F_OK), 0);
        return st;
    }
    if (r->wanted) {
        ck_assert_int_eq(omn_file_read(r->to, 1 << 20, &got, &n, NULL), OMN_OK);
        ck_assert_int_eq(omn_file_read(r->wanted, 1 << 20, &want, &m, NULL), OMN_OK);
        ck_assert_uint_eq(n, m);
        ck_assert_mem_eq(got, want, n);
        unlink(r->to);
    }
    free(got);
    free(want);
    return st;
}

/* Into tiles, rounded ones among them, back to rows, and as they are: all of a file or none. */
START_TEST(relaying_survives_a_lack_of_memory)
{
    static const uint16_t halves[6] = { 0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0 };
    static const float wide[4] = { 1, -2, 3.14159F, 1e-30F };
    const omn_weights_entry entries[] = {
        { "a", { OMN_BF16, omn_dim2(3, 2), halves, sizeof halves } },
        { "b", { OMN_F32, omn_dim2(2, 2), wide, sizeof wide } },
        { "c", { OMN_F32, omn_dim1(4), wide, sizeof wide } },
    };
    static char rows[4200], tiles[4200], rounded[4200], to[4200], want[4200];
    static const struct { char *from; bool tiles, round; } all[] = {
        { rows, true, false }, { rows, true, true }, { tiles, false, false },
        { rounded, false, false }, { rows, false, false }, { tiles, true, false },
    };
    const char *const meta[] = { "format", "pt" };
    omn_error err = OMN_ERROR_INIT;
    snprintf(rows, sizeof rows, "%s/rows.safetensors", testing_folder());
    snprintf(tiles, sizeof tiles, "%s/tiles.safetensors", testing_folder());
    snprintf(rounded, sizeof rounded, "%s/rounded.safetensors", testing_folder());
    snprintf(to, sizeof to, "%s/to.safetensors", testing_folder());
    snprintf(want, sizeof want, "%s/want.safetensors", testing_folder());
    ck_assert_int_eq(omn_weights_write(rows, OMN_OVERWRITE, entries, 3, meta, 1, &err), OMN_OK);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        relaying r = { .from = all[i].from, .to = i == 0 ? tiles : i == 1 ? rounded : want,
                       .how = { .tiles = all[i].tiles, .round = all[i].round, .wanted = every,
                                .overwrite = OMN_OVERWRITE } };
        ck_assert_msg(relayed(&r, &err) == OMN_OK, "%s", err.text);
        r.wanted = r.to;
        r.to = to;
        starve_play(relayed, &r, 15, false);
    }
}
END_TEST

static omn_status fill_feed(void *user, omn_error *err)
{
    (void)user;
    omn_status st = OMN_OK;
    omn_feed *f = NULL;
    char name[16];
    OMN_TRY(omn_feed_make(&f, err));
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "t%d", i);
        OMN_TRY(omn_feed_new(f, name, OMN_F32, omn_dim1(i), NULL, err));
    }
    OMN_TRY(omn_feed_copy(f, "copy", omn_feed_get(f, "t7"), err));
done:
    omn_feed_free(f);
    return st;
}

START_TEST(feeds_survive_a_lack_of_memory)
{
    starve_play(fill_feed, NULL, 40, false);
}
END_TEST

static omn_status use_files(void *user, omn_error *err)
{
    (void)user;
    omn_status st = OMN_OK;
    omn_file *file = NULL;
    omn_map *map = NULL;
    char *data = NULL;
    size_t size;
    OMN_TRY(omn_file_create(path, OMN_OVERWRITE, &file, err));
    OMN_TRY(omn_file_write(file, "text", 4, err));
    OMN_TRY(omn_file_commit(file, err));
    OMN_TRY(omn_map_open(path, &map, err));
    OMN_TRY(omn_file_read(path, 100, &data, &size, err));
done:
    free(data);
    omn_map_close(map);
    omn_file_free(file);
    return st;
}

START_TEST(files_survive_a_lack_of_memory)
{
    snprintf(path, sizeof path, "%s/a", testing_folder());
    starve_play(use_files, NULL, 6, false);
}
END_TEST

static void nothing(void *user, size_t from, size_t to)
{
    (void)user;
    (void)from;
    (void)to;
}

static omn_status use_a_call(void *user, omn_error *err)
{
    (void)user;
    omn_status st = OMN_OK;
    omn_pool *pool = NULL;
    omn_call *call = NULL;
    omn_cancel *cancel = omn_cancel_new();
    if (!cancel) return omn_fail(err, OMN_ERR_MEMORY, "no flag");
    OMN_TRY(omn_pool_new(3, &pool, err));
    omn_call_setup how = { OMN_FILL(omn_call_setup), .pool = pool, .cancel = cancel };
    OMN_TRY(omn_call_new(&how, &call, err));
    OMN_TRY(omn_call_split(call, 100, 1, nothing, NULL, err));
    for (int i = 0; i < 3; i++)
        if (!omn_call_scratch(call, 1000, 10)) st = omn_fail(err, OMN_ERR_MEMORY, "no scratch");
done:
    omn_call_free(call);
    omn_pool_free(pool);
    omn_cancel_free(cancel);
    return st;
}

START_TEST(calls_survive_a_lack_of_memory)
{
    starve_play(use_a_call, NULL, 5, false);
}
END_TEST

static omn_status use_arenas(void *user, omn_error *err)
{
    (void)user;
    omn_status st = OMN_OK;
    omn_buf buf;
    omn_buf_init(&buf, 1 << 20);
    omn_arena *a = omn_arena_new(0);
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "no arena");
    for (int i = 0; i < 20 && st == OMN_OK; i++) {
        if (!omn_arena_printf(a, "%5000d", i)) st = OMN_ERR_MEMORY;
        omn_buf_printf(&buf, "%300d", i);
    }
    if (buf.failed || st != OMN_OK) st = omn_fail(err, OMN_ERR_MEMORY, "no text");
    omn_arena_free(a);
    omn_buf_fini(&buf);
    return st;
}

START_TEST(arenas_and_buffers_survive_a_lack_of_memory)
{
    starve_play(use_arenas, NULL, 8, false);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        weights_survive_a_lack_of_memory,
        relaying_survives_a_lack_of_memory,
        feeds_survive_a_lack_of_memory,
        files_survive_a_lack_of_memory,
        calls_survive_a_lack_of_memory,
        arenas_and_buffers_survive_a_lack_of_memory,
    };
    /* 20 s: some hundred files are synced, and threads started. */
    return TESTING_RUN("tensor/memory", all, 20);
}
