/* SPDX-License-Identifier: Apache-2.0 */
/* The answer "guided": the code that the oracle says of a map, beside the picture where it sees
 * that as well. So the language model is taught what the oracle of the published models says,
 * which a map alone does not tell; asked, it is any code. */
#include "uvim.h"

#include <stdlib.h>
#include <string.h>

struct guided_answer { GUIDED_ANSWER(OMN_S_PAR, OMN_S_VAL, guided_answer) };

typedef struct guided {
    omn_range range;
    omn_value *map;                       /* owned */
    int32_t *ids;                         /* [n] */
    size_t n;
} guided;

/* The words that the oracle says; those of a restored model, whose weights do not move. */
static omn_status say(guided *a, omn_call *c, const struct guided_answer *p, omn_open *o,
                      omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_part *oracle = omn_open_find_part(o, "omnio.decoder/1", "oracle");
    omn_value *seen[2] = { omn_value_ref(p->guided), omn_value_ref(p->beside) };
    omn_value *both = NULL, *code = NULL;
    const int32_t *words = NULL;
    if (oracle) OMN_TRY(omn_list_new(seen, 2, &both, err));
    OMN_TRY(omn_decoder_codes(oracle ? oracle : omn_open_decoder(o), c, both ? both : seen[0], NULL,
                              &code, err));
    a->n = omn_tokens_get(code, &words, NULL);
    a->ids = calloc(a->n + 1, sizeof *a->ids);
    if (!a->ids) OMN_TRY(omn_fail(err, OMN_ERR_MEMORY, "guided: out of memory"));
    for (size_t i = 0; i < a->n; i++) a->ids[i] = a->range.first + a->range.step * words[i];
done:
    for (int i = 0; i < 2; i++) omn_value_unref(seen[i]);
    omn_value_unref(both);
    omn_value_unref(code);
    return st;
}

static omn_status open_guided(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    const struct guided_answer *p = params;
    const omn_part *d = omn_open_decoder(o);
    const omn_range *range = omn_vocab_range(omn_part_vocabulary(d), "codes");
    guided *a = calloc(1, sizeof *a);
    *self = a;
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "guided: out of memory");
    const char *writes = d ? omn_part_object(d) : "";
    if (!range || (strcmp(writes, "uvim.code") && strcmp(writes, "uvim.words")))
        return omn_fail(err, OMN_ERR_UNSUPPORTED, "guided: this model writes no code that guides");
    if (!p->guided || !p->beside)
        return omn_fail(err, OMN_ERR_ARGUMENT, "guided: which map, and beside which picture, is "
                        "wanted");
    a->range = *range;
    a->map = omn_value_ref(p->guided);
    return say(a, c, p, o, err);
}

static void close_guided(void *self)
{
    guided *a = self;
    if (!a) return;
    omn_value_unref(a->map);
    free(a->ids);
    free(a);
}

static omn_status rules(const void *self, omn_rules *r, omn_error *err)
{
    const guided *a = self;
    (void)err;
    omn_rules_root(r, omn_rules_repeat(r, omn_rules_range(r, "codes"), (int32_t)a->n,
                                       (int32_t)a->n));
    return OMN_OK;
}

/* The map once more, or the name of its file. */
static omn_status write(const void *self, omn_call *c, const omn_value *v, const omn_frame *frame,
                        omn_ids *out, omn_error *err)
{
    const guided *a = self;
    (void)c;
    (void)frame;
    if (!omn_value_is(v, "text") && !omn_value_equal(v, a->map))
        return omn_fail(err, OMN_ERR_DATA, "the wanted map is another than the one that was given");
    for (size_t i = 0; i < a->n; i++) omn_ids_put(out, a->ids[i]);
    return OMN_OK;
}

static omn_status read(const void *self, omn_call *c, const omn_heard *h, const omn_frame *frame,
                       omn_value **out, omn_error *err)
{
    const guided *a = self;
    (void)c;
    (void)frame;
    int32_t *words = calloc(h->n + 1, sizeof *words);
    if (!words) return omn_fail(err, OMN_ERR_MEMORY, "guided: out of memory");
    omn_status st = OMN_OK;
    for (size_t i = 0; i < h->n && st == OMN_OK; i++) {
        words[i] = (h->ids[i] - a->range.first) / a->range.step;
        if (words[i] < 0 || words[i] >= a->range.count)
            st = omn_fail(err, OMN_ERR_DATA, "id %d is no word of a code", (int)h->ids[i]);
    }
    if (st == OMN_OK) st = omn_tokens_new(words, h->n, "codes", out, err);
    free(words);
    return st;
}

const omn_answer_impl uvim_guided_answer_impl = { NULL,  "tokens", open_guided, close_guided,
                                                  rules, write,    read };
