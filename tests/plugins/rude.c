/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins that do something while they are loaded, one for each number RUDE. Their descriptor is right, so
 * nothing but what they do can be held against them. */
#include <omnio/plugin.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NOTE(IN, PAR, OUT)                                                                       \
    PAR(int, n, "1", "0..9", NULL, "a number")                                                   \
    OUT(number, out, "the number")
OMN_OPERATION(note, NOTE, OMN_PURE);

#if RUDE == 5
omn_status omn_no_such_function(double x, omn_value **out, omn_error *err);
#define RESULT omn_no_such_function
#elif RUDE == 6
int omn_test_gone(int x);
#define RESULT(n, out, err) omn_number_new(omn_test_gone(n), out, err)
#else
#define RESULT omn_number_new
#endif

static omn_status note(omn_call *c, int n, omn_value **out, omn_error *err)
{
    (void)c;
    return RESULT(n, out, err);
}

#if RUDE == 7
static void *later(void *user)
{
    struct timespec t = { 0, 3000000 };
    nanosleep(&t, NULL);
    raise(SIGSEGV);
    return user;
}
#endif

__attribute__((constructor)) static void on_load(void)
{
#if RUDE == 1
    raise(SIGSEGV);
#elif RUDE == 2
    for (;;) pause();
#elif RUDE == 3
    _exit(0);
#elif RUDE == 4
    printf("good\tgarbage\t1\n\n\nready\n");
    fprintf(stderr, "and more garbage\n");
    fflush(stdout);
#elif RUDE == 7
    pthread_t t;
    pthread_create(&t, NULL, later, NULL);
#endif
}

#define TEXT2(n) #n
#define TEXT(n) TEXT2(n)
static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(note, "rude.note" TEXT(RUDE), "a number"),
};
OMN_PLUGIN("rude" TEXT(RUDE), "1.0", "Apache-2.0", "does things while it is loaded", objects);
