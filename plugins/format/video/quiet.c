/* SPDX-License-Identifier: Apache-2.0 */
/* FFmpeg prints what it has to say on standard error, which belongs to the program, and the
 * function that it calls instead is one for the whole process. So ours is put there once, at the
 * first use; it keeps the messages of threads that are inside this plugin, for the one clear error
 * that they end in, and hands all others to FFmpeg's own default, so that a program that uses
 * FFmpeg besides sees what it has always seen. A program that sets a function of its own afterwards
 * keeps that one, and gets our messages where it wants them; only one that was set before us is
 * lost, since FFmpeg does not say which it was. The level of messages is as global, and offsets of
 * it exist for some objects only: neither would be better. */
#include "inside.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

typedef struct kept {
    int depth;
    char said[200];
} kept;

static _Thread_local kept here;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void OMN_PRINTF(3, 0) keep(void *from, int level, const char *fmt, va_list args)
{
    if (here.depth == 0) {
        av_log_default_callback(from, level, fmt, args);
        return;
    }
    if ((level & 0xff) > AV_LOG_ERROR) return;
    char text[sizeof(here.said)];
    omn_vformat(text, sizeof(text), fmt, args);
    size_t n = strlen(text);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '.' || text[n - 1] == ' '))
        text[--n] = '\0';
    if (n > 0) memcpy(here.said, text, sizeof(text));
}

static void install(void)
{
    av_log_set_callback(keep);
}

void quiet_enter(void)
{
    pthread_once(&once, install);
    if (here.depth++ == 0) {
        here.said[0] = '\0';
        errno = 0;
    }
}

void quiet_leave(void)
{
    here.depth--;
}

static bool starved(void)
{
    return errno == ENOMEM || strcasestr(here.said, "memory") || strcasestr(here.said, "allocat");
}

omn_status quiet_judge(omn_status st, const omn_error *why, omn_error *err)
{
    if (st != OMN_ERR_MEMORY && starved())
        return omn_fail(err, OMN_ERR_MEMORY, "a video: out of memory");
    return st == OMN_OK ? st : omn_fail(err, st, "%s", why->text);
}

/* Many of FFmpeg's functions answer a failed allocation with another code, or none; but they say
 * so, and nothing else sets errno to this. */
omn_status quiet_fail(int code, omn_error *err, const char *fmt, ...)
{
    const bool memory = code == AVERROR(ENOMEM) || starved();
    const bool io = code == AVERROR(EIO) && errno == EIO; /* demuxers say so of damage as well */
    char text[200], why[128] = "";
    va_list args;
    va_start(args, fmt);
    omn_vformat(text, sizeof(text), fmt, args);
    va_end(args);
    if (memory) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", text);
    if (here.said[0] == '\0' && code < 0) av_strerror(code, why, sizeof(why));
    const char *said = here.said[0] != '\0' ? here.said : why;
    return omn_fail(err, io ? OMN_ERR_IO : OMN_ERR_DATA, "%s%s%s%s", text,
                    *said ? " (FFmpeg: " : "", said, *said ? ")" : "");
}
