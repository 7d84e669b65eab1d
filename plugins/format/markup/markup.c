/* SPDX-License-Identifier: Apache-2.0 */
/* Writing and finding one element of XML. Whoever reads a file back need not understand all of it:
 * the element is looked for as we write it, and its text taken as it stands there. */
#include "markup.h"

#include <string.h>

static const char opening[] = "<made xmlns=\"urn:omnio\">", closing[] = "</made>";

static const struct {
    char ch;
    const char *entity;
} entities[] = { { '<', "&lt;" }, { '>', "&gt;" }, { '&', "&amp;" }, { '"', "&quot;" },
                 { '\'', "&apos;" } };
enum { ENTITIES = sizeof(entities) / sizeof(entities[0]) };

omn_status markup_put(const char *origin, omn_buf *out, omn_error *err)
{
    const size_t n = strlen(origin);
    if (n >= OMN_ORIGIN_MOST)
        return omn_fail(err, OMN_ERR_ARGUMENT, "how it was made takes %zu bytes and more",
                        OMN_ORIGIN_MOST);
    if (!omn_utf8_check(origin, n, NULL))
        return omn_fail(err, OMN_ERR_ARGUMENT, "how it was made is no UTF-8");
    omn_buf_puts(out, opening);
    for (const char *p = origin; *p != '\0'; p++) {
        size_t k = 0;
        if (*p > 0 && *p < ' ' && *p != '\n' && *p != '\t')
            return omn_fail(err, OMN_ERR_ARGUMENT, "how it was made has a control character");
        while (k < ENTITIES && entities[k].ch != *p) k++;
        if (k < ENTITIES) omn_buf_puts(out, entities[k].entity);
        else omn_buf_put(out, p, 1);
    }
    omn_buf_puts(out, closing);
    return OMN_OK;
}

/* Where `word` begins in p..end; NULL: nowhere. */
static const char *find(const char *p, const char *end, const char *word)
{
    const size_t n = strlen(word);
    for (; (size_t)(end - p) >= n; p++) {
        p = memchr(p, word[0], (size_t)(end - p) - n + 1);
        if (p == NULL) return NULL;
        if (!memcmp(p, word, n)) return p;
    }
    return NULL;
}

bool markup_take(const uint8_t *bytes, size_t n, omn_buf *out)
{
    const char *p = (const char *)bytes, *const end = p + n;
    const char *const from = find(p, end, opening);
    const char *const until = from != NULL ? find(from, end, closing) : NULL;
    if (until == NULL) return false;
    for (p = from + strlen(opening); p < until && out->length < OMN_ORIGIN_MOST;) {
        size_t k = 0;
        while (k < ENTITIES && ((size_t)(until - p) < strlen(entities[k].entity) ||
                                memcmp(p, entities[k].entity, strlen(entities[k].entity)) != 0))
            k++;
        omn_buf_put(out, k < ENTITIES ? &entities[k].ch : p, 1);
        p += k < ENTITIES ? strlen(entities[k].entity) : 1;
    }
    return true;
}
