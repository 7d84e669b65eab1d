/* SPDX-License-Identifier: Apache-2.0 */
/* Embedding libomnio: two threads, each with a context of its own, ask the small model the same
 * question about a picture; nothing is shared, so nothing needs a lock. Build against an installed
 * omnio with
 *     cc embed.c $(pkg-config --cflags --libs omnio) -pthread
 * and run with a picture and a question. */
#include <omnio/generate.h>

#include <pthread.h>
#include <stdio.h>

typedef struct asker {
    const char *picture, *question;
    char answer[256];
    omn_error error;
} asker;

static omn_status ask(asker *a)
{
    omn_status st = OMN_OK;
    omn_error *err = &a->error;
    omn_context *ctx = NULL;
    omn_model *model = NULL;
    omn_runner *runner = NULL;
    omn_value *picture = NULL;
    omn_result result = { OMN_FILL(omn_result) };
    char prompt[512];

    /* One thread of work for each context; a program with one context takes them all. */
    const omn_context_setup setup = { OMN_FILL(omn_context_setup), .threads = 1 };
    OMN_TRY(omn_context_new(&setup, &ctx, err));
    OMN_TRY(omn_model_open(ctx, "nano", NULL, &model, err));
    OMN_TRY(omn_runner_new(model, &runner, err));
    OMN_TRY(omn_value_load(ctx, a->picture, "image", &picture, err));

    snprintf(prompt, sizeof prompt, "%s A short answer to the question is", a->question);
    const omn_named in = { "image", picture };
    const omn_request request = { OMN_FILL(omn_request), .inputs = &in, .n_inputs = 1,
                                  .prompt = prompt, .max_tokens = 32 };
    OMN_TRY(omn_generate(runner, &request, &result, err));
    snprintf(a->answer, sizeof a->answer, "%s", omn_text_get(result.value, NULL));
done:
    omn_result_fini(&result);
    omn_value_unref(picture);
    omn_runner_free(runner);
    omn_model_close(model);
    omn_context_free(ctx);
    return st;
}

static void *thread(void *user)
{
    ask(user);
    return NULL;
}

int main(int argc, char **argv)
{
    asker a[2];
    pthread_t threads[2];
    if (argc != 3) {
        fprintf(stderr, "usage: embed PICTURE QUESTION\n");
        return 2;
    }
    for (int i = 0; i < 2; i++) {
        a[i] = (asker){ argv[1], argv[2], "", OMN_ERROR_INIT };
        if (pthread_create(&threads[i], NULL, thread, &a[i]) != 0) return 71;
    }
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) {
        char line[1200];
        if (a[i].error.status) {
            fprintf(stderr, "embed: %s\n", omn_error_line(&a[i].error, line, sizeof line));
            return omn_status_exit((omn_status)a[i].error.status);
        }
        printf("%s\n", a[i].answer);
    }
    return 0;
}
