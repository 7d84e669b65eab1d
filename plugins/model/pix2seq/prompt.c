/* SPDX-License-Identifier: Apache-2.0 */
/* What Pix2Seq is asked: a task's id, and for one thing of the picture also its box and its class,
 * in front of the answer in the decoder's row. People and pipelines write it as words: "detect",
 * "describe", "segment <y0> <x0> <y1> <x1> person", "keypoints ..", with a number where a class has
 * no name ("class 7"). */
#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LABEL 256u

static const struct { const char *word; int32_t id; bool of_one; } tasks[] = {
    { "detect", P2S_DETECT, false },
    { "segment", P2S_SEGMENT, true },
    { "keypoints", P2S_KEYPOINTS, true },
    { "describe", P2S_DESCRIBE, false },
};
enum { N_TASKS = sizeof tasks / sizeof *tasks };

static const char *skip(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t')) p++;
    return p;
}

/* "<12>" */
static const char *take_bin(const char *p, const char *end, int32_t bins, int32_t *out)
{
    int64_t x = 0;
    const char *q = p;
    if (q == end || *q++ != '<' || q == end || *q < '0' || *q > '9') return NULL;
    for (; q < end && *q >= '0' && *q <= '9' && x < bins; q++) x = 10 * x + (*q - '0');
    if (q == end || *q != '>' || x >= bins) return NULL;
    *out = (int32_t)x;
    return q + 1;
}

/* The number of a class: of its name, or "class 7". */
int32_t p2s_class_of(const categories *names, const char *label)
{
    int number = 0, used = 0;
    for (size_t i = 0; i < names->n; i++)
        if (!strcmp(names->names[i], label)) return names->ids[i];
    if (sscanf(label, "class %6d%n", &number, &used) == 1 && !label[used]) return number;
    return -1;
}

static omn_status of_one(const p2s_ids *v, const categories *names, const char *p, const char *end,
                         int32_t *ids, omn_error *err)
{
    char label[MOST_LABEL] = "";
    for (int i = 0; i < 4; i++) {
        const char *next = take_bin(skip(p, end), end, v->bins, &ids[1 + i]);
        if (!next)
            return omn_fail(err, OMN_ERR_DATA,
                            "a prompt of one thing has its box behind the task, four words <0> to "
                            "<%d>: word %d is none", (int)v->bins - 1, i + 1);
        ids[1 + i] += v->coords;
        p = next;
    }
    p = skip(p, end);
    while (end > p && (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\t')) end--;
    if ((size_t)(end - p) < sizeof label) memcpy(label, p, (size_t)(end - p));
    const int32_t number = p2s_class_of(names, label);
    if (number < 0 || number >= v->coords - P2S_CLASS)
        return omn_fail(err, OMN_ERR_DATA,
                        "\"%.60s\" is no class of this model: a name that it knows, or \"class 7\" "
                        "by number, stands behind the box", label);
    ids[5] = P2S_CLASS + number;
    return OMN_OK;
}

omn_status p2s_prompt_ids(const p2s_ids *v, const categories *names, const char *text, size_t n,
                          int32_t ids[P2S_MOST_PROMPT], size_t *count, omn_error *err)
{
    const char *end = text + n, *p = skip(text, end);
    for (int i = 0; i < N_TASKS; i++) {
        const size_t length = strlen(tasks[i].word);
        if ((size_t)(end - p) < length || strncmp(p, tasks[i].word, length)) continue;
        const char *behind = p + length;
        if (behind < end && skip(behind, end) == behind) continue;
        ids[0] = tasks[i].id;
        *count = tasks[i].of_one ? P2S_MOST_PROMPT : 1;
        if (tasks[i].of_one) return of_one(v, names, behind, end, ids, err);
        if (skip(behind, end) == end) return OMN_OK;
        return omn_fail(err, OMN_ERR_DATA, "nothing stands behind \"%s\" in a prompt",
                        tasks[i].word);
    }
    return omn_fail(err, OMN_ERR_DATA,
                    "a prompt of Pix2Seq is \"detect\" or \"describe\", or \"segment\" or "
                    "\"keypoints\" with a box and a class");
}

/* ---- in front of the answer ------------------------------------------------------------------ */

static omn_status prefix(const void *self, omn_call *c, const omn_row_input *const *inputs,
                         uint32_t n, const char *output, omn_ids *out, omn_error *err)
{
    const pix2seq *m = self;
    const categories *names = NULL;
    const p2s_ids *v = p2s_ids_known(m->tokenizer, &names);
    int32_t ids[P2S_MOST_PROMPT];
    size_t count = 0, length = 0;
    (void)c;
    (void)output;
    for (uint32_t i = 0; i < n; i++) {
        if (inputs[i]->part != m->prompt) continue;
        const char *text = omn_text_get(inputs[i]->value, &length);
        const omn_status st = p2s_prompt_ids(v, names, text, length, ids, &count, err);
        if (st != OMN_OK) return st;
    }
    if (!count)
        return omn_fail(err, OMN_ERR_DATA, "pix2seq is asked by a prompt: \"detect\", "
                        "\"describe\", \"segment ..\" or \"keypoints ..\"");
    for (size_t i = 0; i < count; i++) omn_ids_put(out, ids[i]);
    return OMN_OK;
}

/* The last place is never fed. */
static int32_t most(const void *self)
{
    return (int32_t)((const pix2seq *)self)->most - 1;
}

const omn_row_impl p2s_row_impl = { prefix, most };

/* ---- the encoder of prompts ------------------------------------------------------------------ */

typedef struct self {
    const struct p2s_prompt *p;
    const p2s_ids *ids;
    const categories *names;
    omn_port ports[3];
} self;

static omn_status open_prompt(omn_call *c, const void *params, omn_open *o, void **out,
                              omn_error *err)
{
    (void)c;
    self *e = calloc(1, sizeof *e);
    if (!e) return omn_fail(err, OMN_ERR_MEMORY, "prompt.pix2seq: out of memory");
    *out = e;
    e->p = params;
    const omn_part *codec = omn_open_find(o, "tokenizer");
    e->ids = codec ? p2s_ids_known(codec, &e->names) : NULL;
    if (!e->ids)
        omn_open_fail(o, OMN_ERR_UNSUPPORTED,
                      "prompt.pix2seq: it reads what the codec text.pix2seq, as \"tokenizer\", "
                      "knows");
    static const char *const ports[3] = { "ids", "seg", "pos" };
    for (int i = 0; i < 3; i++)
        e->ports[i] = (omn_port){ ports[i], OMN_I32, omn_dim1(e->p->most), 1 };
    return OMN_OK;
}

static uint32_t ports(const void *in, const omn_port **list)
{
    *list = ((const self *)in)->ports;
    return 3;
}

/* An empty text is one place of padding: there is no task yet. */
static omn_status prepare(const void *in, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const self *e = in;
    omn_status st = OMN_OK;
    int32_t ids[P2S_MOST_PROMPT] = { P2S_END };
    void *to[3] = { 0 };
    size_t n = 0, count = 1;
    (void)c;
    (void)frame;
    if (!omn_value_is(v, "text"))
        return omn_fail(err, OMN_ERR_TYPE, "prompt.pix2seq reads text, not %s",
                        omn_value_kind_name(v));
    const char *text = omn_text_get(v, &n);
    if (n) OMN_TRY(p2s_prompt_ids(e->ids, e->names, text, n, ids, &count, err));
    for (int i = 0; i < 3; i++)
        OMN_TRY(omn_feed_new(out, e->ports[i].name, OMN_I32, omn_dim1((int64_t)count), &to[i],
                             err));
    for (size_t i = 0; i < count; i++) {
        ((int32_t *)to[0])[i] = ids[i];
        ((int32_t *)to[1])[i] = 1;
        ((int32_t *)to[2])[i] = (int32_t)i;
    }
done:
    return st;
}

static omn_seq *embed(const void *in, omn_scope *s, const omn_bundle *given)
{
    const self *e = in;
    omn_node *ids = omn_bundle_get(given, s, "ids"), *seg = omn_bundle_get(given, s, "seg");
    omn_node *x = omn_embedding(s, p2s_table(s, e->p->rows, e->p->width), ids);
    return omn_seq_new(s, x, seg, omn_bundle_get(given, s, "pos"), 0, 0);
}

const omn_encoder_impl p2s_prompt_impl = { NULL,  "text",  open_prompt, free,
                                           ports, prepare, embed };
