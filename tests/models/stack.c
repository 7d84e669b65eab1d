/* SPDX-License-Identifier: Apache-2.0 */
/* A thread of another program asks the model that ships with 128 KiB of stack, as musl gives, and
 * the pool's threads have no more: work memory comes from heaps and arenas, at every level of
 * kernels. */
#include "tests/generate/toy.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { STACK = 128 << 10 };

static void *ask(void *folder)
{
    toy t;
    toy_open(&t, folder, 3);
    omn_value *picture = toy_picture(&t, 200, 160, 5);
    const omn_named in = { "image", picture };
    const omn_request rq = { OMN_FILL(omn_request), .inputs = &in, .n_inputs = 1,
                             .prompt = "what colour is the cube?", .max_tokens = 12 };
    omn_result out = { OMN_FILL(omn_result) };
    toy_answer(&t, &rq, &out);
    ck_assert(out.value != NULL);
    omn_result_fini(&out);
    omn_value_unref(picture);
    toy_close(&t);
    return NULL;
}

START_TEST(small_stacks_suffice)
{
    static const char *const levels[] = { "portable", "avx2", "avx512", "amx" };
    char folder[PATH_MAX];
    pthread_attr_t how;
    pthread_t thread;
    snprintf(folder, sizeof folder, "%s", testing_source("models/nano"));
    ck_assert_int_eq(pthread_attr_init(&how), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&how, STACK), 0);
#if defined(__GLIBC__)
    ck_assert_int_eq(pthread_setattr_default_np(&how), 0); /* the pool's threads as well */
#endif
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        ck_assert_int_eq(setenv("OMNIO_CPU", levels[i], 1), 0);
        ck_assert_int_eq(pthread_create(&thread, &how, ask, folder), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
    pthread_attr_destroy(&how);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { small_stacks_suffice };
    if (TESTING_SANITIZED) {
        printf("1..0 # SKIP frames of a sanitizer are several times as large\n");
        return 0;
    }
    return TESTING_RUN("models/stack", all, 60); /* four times a model of real size */
}
