/* SPDX-License-Identifier: Apache-2.0 */
/* omnio-speak: the process in which libespeak-ng speaks for the plugin source/spoken; talk.h says
 * why it is one, and what goes through its standard input and output. Linked with espeak-ng, the
 * program as a whole is under the GNU General Public License, version 3 or later.
 *
 * The synthesizer is begun once, in silence; each utterance is a child's, which begins where that
 * left it, hands over its samples and ends. A child that crashes costs its own utterance. */
#include "talk.h"

#include <errno.h>
#include <espeak-ng/speak_lib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* espeak-ng hands samples to a callback that gets nothing of ours but this. A child has a copy. */
static struct {
    int16_t *samples;
    size_t n, most;
    bool silent;
} said;

static int hear(short *samples, int n, espeak_EVENT *events)
{
    (void)events;
    if (!samples || n <= 0) return 0;
    if ((size_t)n > said.most - said.n) return 1;       /* enough */
    for (int i = 0; i < n; i++) said.silent = said.silent && !samples[i];
    memcpy(said.samples + said.n, samples, (size_t)n * sizeof *said.samples);
    said.n += (size_t)n;
    return 0;
}

static bool put(const void *bytes, size_t n)
{
    for (const char *p = bytes; n > 0;) {
        const ssize_t k = write(STDOUT_FILENO, p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static bool take(void *bytes, size_t n)
{
    for (char *p = bytes; n > 0;) {
        const ssize_t k = read(STDIN_FILENO, p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static bool refuse(const char *why)
{
    const talk_answer a = { 0, (uint32_t)strlen(why) };
    return put(&a, sizeof a) && put(why, a.count);
}

/* Never returns; 0: there is an answer, of whatever kind. */
static void speak(const talk_request *r, const char *text, int rate)
{
    bool done;
    said.silent = true;
    said.most = (size_t)rate * TALK_MOST_SECONDS;
    said.samples = malloc(said.most * sizeof *said.samples);
    if (!said.samples)
        done = refuse("out of memory");
    else if (espeak_SetVoiceByName(r->voice) != EE_OK)
        done = refuse("espeak-ng does not have this voice");
    else if (espeak_SetParameter(espeakRATE, r->words_per_minute, 0) != EE_OK ||
             espeak_SetParameter(espeakPITCH, r->pitch, 0) != EE_OK ||
             espeak_Synth(text, r->bytes + 1u, 0, POS_CHARACTER, 0, espeakCHARS_UTF8, NULL, NULL) !=
                 EE_OK)
        done = refuse("espeak-ng cannot speak this");
    else if (said.silent)
        done = refuse("there is nothing to be heard in it");
    else {
        const talk_answer a = { (uint32_t)rate, (uint32_t)said.n };
        done = put(&a, sizeof a) && put(said.samples, said.n * sizeof *said.samples);
    }
    _exit(done ? 0 : 1);
}

int main(int argc, char **argv)
{
    static talk_request r;
    static char text[TALK_MOST_TEXT + 1];
    if (argc != 1 || isatty(STDIN_FILENO)) {
        fprintf(stderr, "usage: %s (started by the plugin source/spoken, of no use by hand)\n",
                argv[0]);
        return 2;
    }
    const int rate = espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, NULL,
                                       espeakINITIALIZE_DONT_EXIT);
    if (rate > 0) espeak_SetSynthCallback(hear);
    while (take(&r, sizeof r)) {
        if (r.bytes > TALK_MOST_TEXT || !memchr(r.voice, 0, sizeof r.voice) ||
            !take(text, r.bytes))
            return 1;
        text[r.bytes] = 0;
        if (rate <= 0) {
            if (!refuse("espeak-ng does not find its data (package espeak-ng-data)")) return 1;
            continue;
        }
        int status = 0;
        const pid_t child = fork();
        if (child == 0) speak(&r, text, rate);
        if (child < 0) {
            if (!refuse("no process to speak it in")) return 1;
            continue;
        }
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
        /* It may have begun an answer: nothing that follows could be told from it. */
        if (!WIFEXITED(status) || WEXITSTATUS(status)) return 1;
    }
    return 0;
}
