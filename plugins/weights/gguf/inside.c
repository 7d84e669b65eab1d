/* SPDX-License-Identifier: Apache-2.0 */
/* A GGUF file as a model by itself. One that omnio wrote holds the files of the model's folder as
 * they were; of a public one they are made of its hyper-parameters and its vocabulary. */
#include "gguf.h"

#include <string.h>

#define MOST_MADE ((size_t)256 << 20)

static omn_status own_files(const gguf *g, omn_weights_file_fn *take, void *user, bool *any,
                            omn_error *err)
{
    const size_t n = strlen(GGUF_FILE_KEY);
    for (size_t i = 0; i < g->n_pairs; i++) {
        const gguf_value *v = &g->pair[i].value;
        if (strncmp(g->pair[i].key, GGUF_FILE_KEY, n)) continue;
        if (!v->array || v->kind != GGUF_U8)
            return omn_fail(err, OMN_ERR_DATA, "%s: %.80s is no array of u8", g->path,
                            g->pair[i].key);
        const omn_status st = take(user, g->pair[i].key + n, v->at, (size_t)v->count, err);
        if (st != OMN_OK) return st;
        *any = true;
    }
    return OMN_OK;
}

static omn_status made_files(const gguf *g, const char *family, omn_weights_file_fn *take,
                             void *user, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_buf b;
    const gguf_value *model = gguf_find(g, "tokenizer.ggml.model");
    const bool pieces = gguf_is(model, "llama");
    omn_buf_init(&b, MOST_MADE);
    OMN_TRY(gguf_config(g, family, &b, err));
    OMN_TRY(take(user, "config.json", b.data, b.length, err));
    b.length = 0;
    if (!model) goto done;
    if (!pieces && !gguf_is(model, "gpt2")) {
        st = omn_fail(err, OMN_ERR_UNSUPPORTED,
                      "%s: tokenizer.ggml.model is neither llama (SentencePiece) nor gpt2 (byte "
                      "pairs)",
                      g->path);
        goto done;
    }
    OMN_TRY((pieces ? gguf_sentencepiece : gguf_bpe)(g, &b, err));
    st = take(user, pieces ? "tokenizer.model" : "tokenizer.json", b.data, b.length, err);
done:
    omn_buf_fini(&b);
    return st;
}

static omn_status files(const char *path, omn_weights_file_fn *take, void *user, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_map *map = NULL;
    gguf g;
    bool any = false;
    omn_arena *a = omn_arena_new(0);
    if (!a) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory to open it", path);
    OMN_TRY(omn_map_open(path, &map, err));
    OMN_TRY(gguf_read(map, a, &g, err));
    OMN_TRY(own_files(&g, take, user, &any, err));
    const char *family = gguf_family(&g);
    if (!any && family) st = made_files(&g, family, take, user, err);
done:
    omn_map_close(map);
    omn_arena_free(a);
    return st;
}

const omn_weights_files_impl gguf_files = { files };
