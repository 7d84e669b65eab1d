/* SPDX-License-Identifier: Apache-2.0 */
/* What a model is, in the words of the format: the family and every number, text and yes or no of
 * its configuration become pairs of metadata below the architecture's name, as other programs list
 * them ("omnio.config.t5_config.emb_dim"). They are for readers: the configuration itself is a file
 * inside, and it alone is read again. */
#include "gguf.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { MOST_PAIRS = 4096 };

typedef struct telling {
    omn_buf *b;
    uint64_t n;
} telling;

static void put(telling *t, const char *key, const json_t *x)
{
    if (t->n >= MOST_PAIRS) return;
    if (json_is_string(x)) {
        gguf_put_key(t->b, "", key, GGUF_STRING);
        gguf_put_text(t->b, json_string_value(x)); /* the reader takes none with a 0 in it */
    } else if (json_is_integer(x)) {
        gguf_put_key(t->b, "", key, GGUF_I64);
        gguf_put_number(t->b, (uint64_t)json_integer_value(x), 8);
    } else if (json_is_real(x)) {
        const double y = json_real_value(x);
        uint64_t bits;
        memcpy(&bits, &y, sizeof bits);
        gguf_put_key(t->b, "", key, GGUF_F64);
        gguf_put_number(t->b, bits, 8);
    } else if (json_is_boolean(x)) {
        gguf_put_key(t->b, "", key, GGUF_BOOL);
        gguf_put_number(t->b, json_is_true(x), 1);
    } else {
        return;
    }
    t->n++;
}

/* front: the key so far, "omnio.config". A key that is too long is left out. */
static void walk(telling *t, const char *front, const json_t *at)
{
    const char *name;
    json_t *x;
    char key[512];
    json_object_foreach((json_t *)(uintptr_t)at, name, x) {
        const int n = snprintf(key, sizeof key, "%s.%s", front, name);
        if (n < 0 || (size_t)n >= sizeof key) continue;
        if (json_is_object(x)) walk(t, key, x);
        else put(t, key, x);
    }
}

uint64_t gguf_tell(omn_buf *b, const omn_weights_inner *config)
{
    telling t = { b, 0 };
    json_t *all = json_loadb(config->bytes, config->n, 0, NULL);
    if (json_is_object(all)) walk(&t, GGUF_CONFIG_KEY, all);
    json_decref(all);
    return t.n;
}
