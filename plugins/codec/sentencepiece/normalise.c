/* SPDX-License-Identifier: Apache-2.0 */
/* Rewriting a text before it is cut: at each place the longest entry of the file's table is
 * replaced, other characters are copied, bytes that are no character become U+FFFD; then spaces are
 * squeezed and marked as the file wants. The table is a double array (Aoe 1989, in the 32-bit units
 * of Darts-clone): a node is an index, its child for byte b is the node's offset xor b, and the
 * child is real when its label is b. Files are not trusted: every index is compared with the size,
 * and a walk has a longest length. */
#include "sentencepiece.h"

#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define MOST_KEY 256u /* bytes of a table entry; those of the published tables are below 64 */

static uint32_t unit_offset(uint32_t unit)
{
    return (unit >> 10) << ((unit & (1u << 9)) >> 6);
}

/* The longest table entry that begins s: its length, 0 for none; the replacement in *to. */
static size_t longest_entry(const sp_rules *r, const char *s, size_t n, const char **to)
{
    size_t best = 0;
    if (n > MOST_KEY) n = MOST_KEY;
    uint32_t at = unit_offset(r->units[0]);
    for (size_t i = 0; i < n; i++) {
        const uint8_t byte = (uint8_t)s[i];
        at ^= byte;
        if (at >= r->n_units) break;
        const uint32_t unit = r->units[at];
        if ((unit & (1u << 31 | 0xff)) != byte) break;
        at ^= unit_offset(unit);
        if (at >= r->n_units) break;
        if (unit >> 8 & 1) {
            const uint32_t value = r->units[at] & 0x7fffffffu;
            if (value >= r->n_replacements) break;
            best = i + 1;
            *to = r->replacements + value;
        }
    }
    return best;
}

static omn_status damaged(size_t size, omn_error *err)
{
    return omn_fail(err, OMN_ERR_DATA, "the normalisation table is damaged (%zu bytes)", size);
}

omn_status sp_rules_table(sp_rules *r, const uint8_t *data, size_t size, omn_error *err)
{
    sp_rules_fini(r);
    if (size == 0) return OMN_OK;
    if (size <= 4) return damaged(size, err);
    const size_t bytes =
        (size_t)data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16 | (size_t)data[3] << 24;
    if (bytes == 0 || bytes % 4 != 0 || bytes >= size - 4) return damaged(size, err);
    r->n_units = bytes / 4;
    r->n_replacements = size - 4 - bytes;
    r->units = calloc(r->n_units, sizeof *r->units);
    r->replacements = calloc(r->n_replacements + 1, 1);
    if (r->units == NULL || r->replacements == NULL)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for a normalisation table");
    for (size_t i = 0; i < r->n_units; i++) {
        const uint8_t *u = data + 4 + 4 * i;
        r->units[i] = u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
    }
    memcpy(r->replacements, data + 4 + bytes, r->n_replacements);
    return OMN_OK;
}

void sp_rules_fini(sp_rules *r)
{
    free(r->units);
    free(r->replacements);
    r->units = NULL;
    r->replacements = NULL;
    r->n_units = r->n_replacements = 0;
}

/* One step: how many bytes of s are used, and what they become. */
static size_t step(const sp_rules *r, const trie *user, const char *s, size_t n, const char **to,
                   size_t *n_to)
{
    int32_t id;
    size_t used = user != NULL ? trie_longest(user, s, n, &id) : 0;
    if (used == 0 && r->units != NULL) {
        used = longest_entry(r, s, n, to);
        if (used > 0) {
            *n_to = strlen(*to);
            return used;
        }
    }
    if (used == 0) used = utf8_valid(s, n);
    *to = used > 0 ? s : UTF8_REPLACEMENT;
    *n_to = used > 0 ? used : sizeof UTF8_REPLACEMENT - 1;
    return used > 0 ? used : 1;
}

static void put_escaped(omn_buf *out, const char *s, size_t n, const char *space)
{
    while (n > 0) {
        const char *gap = memchr(s, ' ', n);
        const size_t k = gap != NULL ? (size_t)(gap - s) : n;
        omn_buf_put(out, s, k);
        if (gap == NULL) return;
        omn_buf_puts(out, space);
        s += k + 1;
        n -= k + 1;
    }
}

omn_status sp_normalise(const sp_rules *r, const trie *user, bool space_behind, const char *text,
                        size_t n, omn_buf *out, omn_error *err)
{
    const char *space = r->escape ? UTF8_SPACE_MARK : " ", *to = NULL;
    const size_t n_space = strlen(space), start = out->length;
    size_t at = 0, n_to = 0;
    while (r->squeeze && at < n) {
        const size_t used = step(r, user, text + at, n - at, &to, &n_to);
        if (n_to != 1 || *to != ' ') break;
        at += used;
    }
    if (at == n) return OMN_OK;
    if (!space_behind && r->dummy_prefix) omn_buf_puts(out, space);
    bool after_space = r->squeeze;
    while (at < n && !out->failed) {
        at += step(r, user, text + at, n - at, &to, &n_to);
        while (after_space && n_to > 0 && *to == ' ') {
            to++;
            n_to--;
        }
        if (n_to == 0) continue;
        put_escaped(out, to, n_to, space);
        after_space = r->squeeze && to[n_to - 1] == ' ';
    }
    if (out->failed)
        return omn_fail(err, OMN_ERR_MEMORY, "no memory for a normalised text (at most %zu bytes)",
                        SP_MOST_NORMAL);
    while (r->squeeze && out->length >= start + n_space &&
           memcmp(out->data + out->length - n_space, space, n_space) == 0)
        out->length -= n_space;
    if (space_behind && r->dummy_prefix) omn_buf_puts(out, space);
    return out->failed ? omn_fail(err, OMN_ERR_MEMORY, "no memory for a normalised text") : OMN_OK;
}
