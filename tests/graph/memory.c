/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of building, planning and running a training graph fails in turn: the answer is
 * "memory" or it works, nothing crashes, and a second try with memory works. */
#include "rig.h"
#include "small.h"

#include "libcore/graph/recompute.h"
#include "tests/starve.h"

#include <stdlib.h>
#include <string.h>

static omn_feed *make_feed(const small *m)
{
    omn_feed *f;
    void *to;
    const omn_shape words = omn_dim2(m->batch, m->tokens);
    ck_assert(omn_feed_make(&f, NULL) == OMN_OK);
    ck_assert(omn_feed_new(f, "image", OMN_F32, omn_dim4(m->batch, m->size, m->size, 3), &to,
                           NULL) == OMN_OK);
    for (const char *const *name = (const char *const[]){ "tokens", "seg", "labels", NULL }; *name;
         name++)
        ck_assert(omn_feed_new(f, *name, OMN_I32, words, &to, NULL) == OMN_OK);
    ck_assert(omn_feed_new(f, "weight", OMN_F32, words, &to, NULL) == OMN_OK);
    return f;
}

/* All of it, from an empty store to a gradient. */
static omn_status attempt(const omn_compute_impl *compute, small *m, const omn_feed *feed,
                          omn_error *err)
{
    omn_status st = OMN_OK;
    omn_store *store = NULL;
    omn_program *program = NULL;
    omn_exec *exec = NULL;
    omn_graph *g;
    omn_tensor t;
    OMN_TRY(omn_store_new(7, NULL, false, &store, err));
    const omn_program_setup how = { OMN_FILL(omn_program_setup), .store = store, .compute = compute,
                                    .cpu = &reference_compute };
    OMN_TRY(omn_program_new(&how, &program, err));
    OMN_TRY(program_gradient(program, "g", small_build, m, "loss", NULL, 0, true, &g, err));
    OMN_TRY(omn_exec_new(program, &exec, err));
    OMN_TRY(omn_exec_run(exec, g, feed, NULL, err));
    OMN_TRY(omn_exec_output(exec, g, "grad:table", &t, err));
done:
    omn_exec_free(exec);
    omn_program_free(program);
    omn_store_free(store);
    return st;
}

START_TEST(every_failed_allocation_is_reported)
{
    small m = { 1, 3, 8, 8, 2, 6, 5, 1, 1, false };
    const omn_compute_impl *const devices[] = { &reference_compute, &reference_partial };
    omn_feed *feed = make_feed(&m);
    /* all of the first and a sample of the rest: what comes late repeats the placing of tensors */
    const long each = testing_all() ? 700 : 200, sample = testing_all() ? 300 : 40;
    for (size_t d = 0; d < 2; d++) {
        omn_error err = OMN_ERROR_INIT;
        starve_at(0, false);
        omn_status st = attempt(devices[d], &m, feed, &err);
        const long all = (long)starve_asked(); /* before the assertion, which allocates too */
        ck_assert_msg(st == OMN_OK, "%s", err.text);
        ck_assert_int_gt(all, 500);
        for (long n = 0; n < all; n += n < each ? 1 : 1 + all / sample) {
            err = (omn_error)OMN_ERROR_INIT;
            starve_at((unsigned long)n + 1, true);
            st = attempt(devices[d], &m, feed, &err);
            starve_at(0, false);
            ck_assert_msg(st == OMN_ERR_MEMORY, "allocation %ld of %ld: status %d, '%s'", n, all,
                          (int)st, err.text);
            ck_assert_uint_eq(err.status, OMN_ERR_MEMORY);
        }
        err = (omn_error)OMN_ERROR_INIT;
        ck_assert_msg(attempt(devices[d], &m, feed, &err) == OMN_OK, "%s", err.text);
    }
    omn_feed_free(feed);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { every_failed_allocation_is_reported };
    return TESTING_RUN("graph/memory", all, 240);
}
