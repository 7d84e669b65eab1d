/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "trie": one of several texts, written id by id, where each id goes on with at least
 * one of them as the tokenizer cuts it. A search over beams finds the likeliest of many without
 * scoring them all; OFA chooses its answers so. What stands in front of the text (a blank, the
 * question itself as OFA's decoder begins with) is written too and is no part of the value. */
#include "answers.h"

#include <stdlib.h>
#include <string.h>

struct trie { TRIE(OMN_S_PAR, OMN_S_VAL, trie) };

#define MOST_TEXTS 10000u

typedef struct trie_answer {
    said said;
    char **texts;                         /* as they are said, `before` in front */
    size_t n, before;                     /* bytes in front that are no part of the value */
    char *front;                          /* said first; NULL: nothing */
} trie_answer;

static char *joined(const char *a, const char *b)
{
    const size_t n = strlen(a), m = strlen(b) + 1;
    char *text = malloc(n + m);
    if (!text) return NULL;
    memcpy(text, a, n);
    memcpy(text + n, b, m);
    return text;
}

static omn_status keep(trie_answer *a, const char *before, const omn_value *v, omn_error *err)
{
    omn_buf b;
    if (!omn_value_is(v, "text") && !omn_value_is(v, "number"))
        return omn_fail(err, OMN_ERR_TYPE, "text %zu of the trie is %s, a text is wanted",
                        a->n + 1, omn_value_kind_name(v));
    omn_buf_init(&b, OMN_TEXT_MOST);
    omn_value_text(v, &b);
    char *text = b.failed ? NULL : joined(before, b.data ? b.data : "");
    omn_buf_fini(&b);
    if (!text) return omn_fail(err, OMN_ERR_MEMORY, "trie: out of memory");
    a->texts[a->n++] = text;
    if (text[a->before]) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "text %zu of the trie is empty", a->n);
}

static omn_status open_trie(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    const struct trie *p = params;
    const size_t n = p->trie ? omn_list_count(p->trie) : 0;
    (void)c;
    trie_answer *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "trie: out of memory");
    a->before = strlen(p->before);
    OMN_TRY(said_open(&a->said, o, "trie", err));
    if (!n || n > MOST_TEXTS)
        OMN_TRY(omn_fail(err, OMN_ERR_DATA, "a trie of %zu texts: 1 to %u are wanted", n,
                         MOST_TEXTS));
    a->texts = calloc(n, sizeof *a->texts);
    if (!a->texts) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "trie: out of memory"));
    for (size_t i = 0; i < n; i++) OMN_TRY(keep(a, p->before, omn_list_at(p->trie, i), err));
    if (!p->front) goto done;
    a->front = joined(p->before, omn_text_get(p->front, NULL));
    if (!a->front) st = omn_fail(err, OMN_ERR_MEMORY, "trie: out of memory");
done:
    return st;
}

static void close_trie(void *self)
{
    trie_answer *a = self;
    for (size_t i = 0; a && i < a->n; i++) free(a->texts[i]);
    if (a) free(a->texts);
    if (a) free(a->front);
    free(a);
}

static omn_status trie_rules(const void *self, omn_rules *r, omn_error *err)
{
    const trie_answer *a = self;
    const omn_rule **list = calloc(a->n, sizeof *list), *both[2];
    if (!list) return omn_fail(err, OMN_ERR_MEMORY, "trie: out of memory");
    for (size_t i = 0; i < a->n; i++) list[i] = omn_rules_tokens(r, a->texts[i]);
    both[1] = omn_rules_either(r, list, a->n);
    free(list);
    if (a->front && *a->front) {
        both[0] = omn_rules_tokens(r, a->front);
        omn_rules_root(r, omn_rules_seq(r, both, 2));
    } else {
        omn_rules_root(r, both[1]);
    }
    return OMN_OK;
}

static omn_status write_trie(const void *self, omn_call *c, const omn_value *v,
                             const omn_frame *frame, omn_ids *out, omn_error *err)
{
    const trie_answer *a = self;
    omn_status st = OMN_OK;
    (void)c;
    (void)frame;
    if (!omn_value_is(v, "text"))
        return omn_fail(err, OMN_ERR_TYPE, "the wanted text is %s, a text is wanted",
                        omn_value_kind_name(v));
    const char *text = omn_text_get(v, NULL);
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->texts[i] + a->before, text) != 0) continue;
        const size_t first = out->count;
        if (a->front) st = said_write(&a->said, a->front, strlen(a->front), out, err);
        const size_t from = out->count;
        if (st == OMN_OK)
            st = said_write(&a->said, a->texts[i], strlen(a->texts[i]), out, err);
        if (from == first) return st;
        omn_ids_weigh(out, first, 0);     /* what is given is not learnt */
        omn_ids_weigh(out, from, 1);
        return st;
    }
    return omn_fail(err, OMN_ERR_DATA, "\"%.80s\" is not in the trie", text);
}

/* Are these ids those of text i, behind what is said first? */
static omn_status is_said(const trie_answer *a, size_t i, const omn_heard *h, bool *same,
                          omn_error *err)
{
    omn_status st = OMN_OK;
    omn_ids ids;
    omn_ids_init(&ids, h->n + 1);
    *same = false;
    if (a->front) OMN_TRY(said_write(&a->said, a->front, strlen(a->front), &ids, err));
    OMN_TRY(said_write(&a->said, a->texts[i], strlen(a->texts[i]), &ids, err));
    *same = !ids.failed && ids.count == h->n && !memcmp(ids.ids, h->ids, h->n * sizeof *h->ids);
done:
    omn_ids_fini(&ids);
    return st;
}

static omn_status read_trie(const void *self, omn_call *c, const omn_heard *h,
                            const omn_frame *frame, omn_value **out, omn_error *err)
{
    const trie_answer *a = self;
    (void)c;
    (void)frame;
    omn_status st = said_whole(h, "trie", err);
    for (size_t i = 0; st == OMN_OK && i < a->n; i++) {
        omn_error longer = OMN_ERROR_INIT;
        bool same = false;
        st = is_said(a, i, h, &same, &longer);
        if (same) return omn_text_new(a->texts[i] + a->before, strlen(a->texts[i] + a->before),
                                      out, err);
        if (st == OMN_ERR_DATA) st = OMN_OK;      /* it has more ids than were heard */
        if (st != OMN_OK) return omn_fail(err, st, "%s", longer.text);
    }
    return st != OMN_OK ? st : omn_fail(err, OMN_ERR_DATA, "trie: what was said is none of its %zu "
                                        "texts", a->n);
}

const omn_answer_impl answer_trie_impl = { NULL,       "text",     open_trie, close_trie,
                                           trie_rules, write_trie, read_trie };
