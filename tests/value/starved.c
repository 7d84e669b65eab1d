/* SPDX-License-Identifier: Apache-2.0 */
/* A value of every kind is read from JSON, taken apart into tensors and put together again, printed
 * and compared, while each allocation of the library fails in turn: every time that is told as the
 * lack of memory. */
#include "tests/starve.h"
#include "tests/testing.h"
#include "tests/value/samples.h"

#include <omnio/value.h>

#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };

/* Copies of what was taken apart. */
typedef struct parts {
    char *name[MOST];
    omn_tensor tensor[MOST];
    size_t n;
} parts;

static omn_status keep(void *user, const char *name, const omn_tensor *t, omn_error *err)
{
    parts *p = user;
    char *copy = strdup(name);
    void *data = malloc(t->bytes + 1);
    if (!copy || !data || p->n == MOST) {
        free(copy);
        free(data);
        return omn_fail(err, OMN_ERR_MEMORY, "a part: out of memory");
    }
    memcpy(data, t->data, t->bytes);
    p->name[p->n] = copy;
    p->tensor[p->n] = *t;
    p->tensor[p->n++].data = data;
    return OMN_OK;
}

static const omn_tensor *give(void *user, const char *name)
{
    const parts *p = user;
    for (size_t i = 0; i < p->n; i++)
        if (!strcmp(p->name[i], name)) return &p->tensor[i];
    return NULL;
}

static omn_status there_and_back(void *user, omn_error *err)
{
    const sample *s = user;
    omn_status st = OMN_OK;
    const omn_kind *kind = NULL;
    omn_value *v = NULL, *back = NULL;
    parts p = { .n = 0 };
    omn_buf json, text;
    omn_buf_init(&json, 1 << 20);
    omn_buf_init(&text, 1 << 20);
    OMN_TRY(omn_kind_find(NULL, s->kind, &kind, err));
    OMN_TRY(omn_call_json(NULL, kind, s->json, strlen(s->json), &v, err));
    OMN_TRY(omn_value_split(v, keep, &p, &json, err));
    OMN_TRY(omn_value_join(NULL, json.data, json.length, give, &p, &back, err));
    omn_value_text(back, &text);
    omn_value_json(back, &text);
    OMN_TRY(omn_buf_check(&text, "a text", err));
    starve_rest();
    ck_assert_msg(omn_value_equal(v, back), "%s", s->json);
    ck_assert_msg(!strncmp(text.data, s->text, strlen(s->text)), "%s", text.data);
done:
    for (size_t i = 0; i < p.n; i++) {
        free(p.name[i]);
        free((void *)(uintptr_t)p.tensor[i].data);
    }
    omn_value_unref(v);
    omn_value_unref(back);
    omn_buf_fini(&json);
    omn_buf_fini(&text);
    return st;
}

START_TEST(values_survive_a_lack_of_memory)
{
    for (size_t i = 0; i < n_samples; i++)
        starve_play(there_and_back, (void *)(uintptr_t)&samples[i], 5, true);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { values_survive_a_lack_of_memory };
    return TESTING_RUN("value/starved", all, 60);
}
