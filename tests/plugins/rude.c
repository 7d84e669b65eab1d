/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that does something while it is loaded; what follows from the name of its file:
 * rude-crash.so, rude-hang.so and so on, all copies of one build. Its descriptor is right, so
 * nothing but what it does can be held against it. Its object is named as the file. */
#include <omnio/plugin.h>

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NOTE(IN, OPT, PAR, OUT)                                                                    \
    PAR(int, n, "1", "0..9", NULL, "a number")                                                     \
    OUT(number, out, "the number")
OMN_OPERATION(note, NOTE, OMN_PURE);
static omn_status note(omn_call *c, int n, omn_value **out, omn_error *err)
{
    (void)c;
    return omn_number_new(n, out, err);
}

static char own_name[64] = "rude";
static const omn_object objects[] = { OMN_OPERATION_OBJECT(note, own_name, "a number") };
OMN_PLUGIN("rude", "1.0", "Apache-2.0", "does things while it is loaded", objects);

static void *later(void *user)
{
    struct timespec t = { 0, 3000000 };
    nanosleep(&t, NULL);
    raise(SIGSEGV);
    return user;
}

/* A process that leaves its group and stays; its number goes into the trace. */
static void escape(void)
{
    const char *path = getenv("OMN_TEST_TRACE");
    FILE *f = path ? fopen(path, "wb") : NULL;
    pid_t child = f ? fork() : -1;
    if (child == 0) {
        setsid();
        for (;;) pause();
    }
    if (!f) return;
    fprintf(f, "%ld\n", (long)child);
    fclose(f);
}

__attribute__((constructor)) static void on_load(void)
{
    Dl_info info;
    pthread_t t;
    if (!dladdr(own_name, &info)) return;
    const char *slash = strrchr(info.dli_fname, '/');
    snprintf(own_name, sizeof(own_name), "%s", slash ? slash + 1 : info.dli_fname);
    own_name[strcspn(own_name, ".")] = 0;
    if (strcmp(own_name, "rude-crash") == 0) {
        /* A sanitizer's handler would turn the signal into an exit. */
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    } else if (strncmp(own_name, "rude-hang", 9) == 0) {
        for (;;) pause();
    } else if (strcmp(own_name, "rude-exit") == 0) {
        _exit(0);
    } else if (strcmp(own_name, "rude-noise") == 0) {
        printf("good\tgarbage\t1\n\n\nready\n");
        fprintf(stderr, "and more garbage\n");
        fflush(stdout);
    } else if (strcmp(own_name, "rude-stray") == 0) {
        static const char line[] = "bad\tforged\n";
        for (int fd = 3; fd < 64; fd++)
            if (write(fd, line, sizeof(line) - 1) < 0) send(fd, line, sizeof(line) - 1, 0);
    } else if (strcmp(own_name, "rude-escape") == 0) {
        escape();
    } else if (strcmp(own_name, "rude-trace") == 0) {
        /* One byte for each process that loads it. */
        const char *path = getenv("OMN_TEST_TRACE");
        FILE *f = path ? fopen(path, "ab") : NULL;
        if (f) {
            fputc('x', f);
            fclose(f);
        }
    } else if (strcmp(own_name, "rude-later") == 0) {
        signal(SIGSEGV, SIG_DFL);
        pthread_create(&t, NULL, later, NULL);
    }
}
