/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of weights: what is no file of theirs is refused or listed, from a file of its own since
 * they map files; what they list can be read to its last byte. */
#include "inside.h"

#include "libcore/tensor/given.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_NOISE = 2000, HEAD = 4096 };

static void tables(trial *t)
{
    const omn_weights_impl *m = t->s->impl;
    for (const char *p = m->suffixes; *p; p++)
        if (isupper((unsigned char)*p) || *p == ' ' || *p == '.')
            complain(t, "suffixes are small letters between commas, without points: \"%.80s\"",
                     m->suffixes);
    if (m->probe("none", (const uint8_t *)"", 0) != 0)
        complain(t, "probe sees its format in no bytes at all");
}

static void probe(trial *t, const uint8_t *bytes, size_t n)
{
    const omn_weights_impl *m = t->s->impl;
    fenced f;
    const size_t head = n < HEAD ? n : HEAD;
    if (!fenced_make(&f, head)) return;
    if (head) memcpy(f.data, bytes, head);
    const int sure = m->probe("a.name", f.data, head);
    if (sure < 0 || sure > 100) complain(t, "probe answers %d, not 0 to 100", sure);
    fenced_free(&f);
}

static void read_rows(trial *t, const omn_weights_list *l)
{
    uint64_t sum = 0;
    unsigned char bytes[4096];
    omn_error err = OMN_ERROR_INIT;
    if (given_sum(l, false, &sum, &err) != OMN_OK || sum > (1u << 20)) return;
    for (size_t i = 0; i < l->n; i++)
        for (size_t at = 0, n; at < l->rows[i].tensor.bytes; at += n) {
            n = l->rows[i].tensor.bytes - at;
            if (n > sizeof bytes) n = sizeof bytes;
            omn_error why = OMN_ERROR_INIT;
            if (!judge(t, "read", given_read(l, i, at, bytes, n, false, &why), &why)) return;
            t->digest = bytes_digest(t->digest, bytes, n);
        }
}

static void open_file(trial *t, const char *path)
{
    const omn_weights_impl *m = t->s->impl;
    const given_reader by = { NULL, m->read, m->close };
    omn_weights_list *l = NULL;
    void *self = NULL;
    omn_error err = OMN_ERROR_INIT;
    omn_arena *a = omn_arena_new((size_t)1 << 22);
    void *params = a ? params_make(t, a) : NULL;
    if ((params || t->s->object->n_params == 0) && given_new("noise", &l, NULL) == OMN_OK &&
        given_reader_add(l, &by, NULL) == OMN_OK) {
        const omn_status st = m->open(t->c, params, path, l, &self, &err);
        l->readers[0].self = self;
        char *named = strstr(err.text, path); /* equal calls are to have equal refusals */
        if (named) memset(named + strlen(path) - 6, 'X', 6);
        if (judge(t, "open", st, &err)) read_rows(t, l);
    }
    given_free(l);
    omn_arena_free(a);
}

static void call(trial *t)
{
    uint8_t bytes[MOST_NOISE];
    char path[] = "/tmp/omnio-validate-XXXXXX";
    const size_t n = dice_roll(&t->d, sizeof(bytes));
    dice_bytes(&t->d, bytes, n);
    probe(t, bytes, n);
    const int fd = mkstemp(path);
    if (fd < 0) {
        snprintf(t->left_out, sizeof(t->left_out), "no file can be made in /tmp");
        return;
    }
    if (write(fd, bytes, n) == (ssize_t)n) open_file(t, path);
    (void)close(fd);
    (void)unlink(path);
}

const craft craft_weights = { "omnio.weights/1", tables, call, NULL, false };
