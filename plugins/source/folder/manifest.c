/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest is read once, so that a training goes on when the file is written anew meanwhile, and
 * where its lines begin is remembered. Which split a line belongs to follows from its number and
 * the seed, so training and held-out examples never meet, also when lines are added at the end. */
#include "manifest.h"

#include <stdlib.h>
#include <string.h>

static bool blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r", s[i])) return false;
    return true;
}

static size_t line_length(const char *s, size_t room)
{
    const char *end = memchr(s, '\n', room);
    return end ? (size_t)(end - s) : room;
}

static omn_status split_lines(manifest *m, const char *data, size_t size, double held_out,
                              uint64_t seed, bool store, omn_error *err)
{
    uint32_t number = 0;
    m->n[0] = m->n[1] = 0;
    for (size_t at = 0; at < size;) {
        const size_t n = line_length(data + at, size - at);
        if (++number > MOST_LINES || n > MOST_LINE)
            return omn_fail_at(err, OMN_ERR_DATA, m->path, (int32_t)number, 0,
                               "a manifest has at most %zu lines of at most %zu bytes", MOST_LINES,
                               MOST_LINE);
        if (!blank(data + at, n)) {
            const double u = (double)(omn_random_at(seed, 0x73706c, number) >> 11) * 0x1p-53;
            const int k = u < held_out;
            if (store) {
                m->at[k][m->n[k]] = at;
                m->line[k][m->n[k]] = number;
            }
            m->n[k]++;
        }
        at += n + 1;
    }
    return OMN_OK;
}

omn_status manifest_open(manifest *m, const char *path, double held_out, uint64_t seed,
                         omn_error *err)
{
    omn_status st = OMN_OK;
    m->path = strdup(path);
    if (!m->path) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
    OMN_TRY(omn_file_read(path, MOST_FILE, &m->text, &m->size, err));
    if (m->size >= 3 && !memcmp(m->text, "\xEF\xBB\xBF", 3))
        memset(m->text, ' ', 3);          /* the mark of an order of bytes is no part of a line */
    OMN_TRY(split_lines(m, m->text, m->size, held_out, seed, false, err));
    for (int k = 0; k < 2; k++) {
        m->at[k] = calloc(m->n[k] + 1, sizeof *m->at[k]);
        m->line[k] = calloc(m->n[k] + 1, sizeof *m->line[k]);
        if (!m->at[k] || !m->line[k]) {
            st = omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
            goto done;
        }
    }
    OMN_TRY(split_lines(m, m->text, m->size, held_out, seed, true, err));
    if (m->n[0] + m->n[1] == 0) st = omn_fail(err, OMN_ERR_DATA, "%s: no lines", path);
done:
    return st;
}

void manifest_close(manifest *m)
{
    free(m->text);
    for (int k = 0; k < 2; k++) {
        free(m->at[k]);
        free(m->line[k]);
    }
    free(m->path);
}

const char *manifest_line(const manifest *m, omn_split split, size_t i, size_t *length,
                          uint32_t *number)
{
    const int k = split == OMN_SPLIT_TRAIN ? 0 : 1;
    const uint64_t at = m->at[k][i];
    *length = line_length(m->text + at, m->size - at);
    *number = m->line[k][i];
    return m->text + at;
}
