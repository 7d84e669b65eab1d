/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out: each allocation of the two lowest floors fails in turn. Every time the
 * answer must be one error that says so, nothing may crash, and (under AddressSanitizer) nothing
 * may be lost. */
#include <omnio/tensor.h>

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
        feeds_survive_a_lack_of_memory,
        files_survive_a_lack_of_memory,
        calls_survive_a_lack_of_memory,
        arenas_and_buffers_survive_a_lack_of_memory,
    };
    /* 20 s: some hundred files are synced, and threads started. */
    return TESTING_RUN("tensor/memory", all, 20);
}
