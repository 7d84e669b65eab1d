/* SPDX-License-Identifier: Apache-2.0 */
/* encoder audio.ast: the door of the sound encoder. */
#include "ast.h"

#include <omnio/takes.h>

#include <stdlib.h>
#include <string.h>

static const omn_param ast_params[] = { AST(OMN_S_ROW, ast) };

static omn_status ast_open(omn_call *c, const void *params, omn_open *o, void **self,
                           omn_error *err)
{
    (void)c;
    ast_self *v = calloc(1, sizeof *v);
    if (!v) return omn_fail(err, OMN_ERR_MEMORY, "audio.ast: out of memory");
    *self = v;
    const struct ast *p = v->p = params;
    const int64_t N = (int64_t)p->rows * p->columns;
    const int64_t learned = (int64_t)(p->table_rows ? p->table_rows : p->rows) *
                            (p->table_columns ? p->table_columns : p->columns);
    if (p->second >= p->layers)
        omn_open_fail(o, OMN_ERR_CONFIG, "audio.ast: second %d is outside the %d blocks", p->second,
                      p->layers);
    if (learned < N || learned + 2 > p->places)
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "audio.ast: %lld patches want as many learned positions, there are %lld, and "
                      "a table of 2 more, there is one of %d",
                      (long long)N, (long long)learned, p->places);
    v->ports[0] = (omn_port){ "patches", OMN_F32, omn_dim2(N, (int64_t)p->patch * p->patch), 1 };
    v->ports[1] = (omn_port){ "seg", OMN_I32, omn_dim1(N), 1 };
    v->ports[2] = (omn_port){ "pos", OMN_I32, omn_dim1(N), 1 };
    return OMN_OK;
}

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = ((const ast_self *)self)->ports;
    return 3;
}

static uint32_t grid(const void *self, uint32_t *rows, uint32_t *columns)
{
    const struct ast *p = ((const ast_self *)self)->p;
    *rows = (uint32_t)p->rows;
    *columns = (uint32_t)p->columns;
    return *rows * *columns;
}

static const void *extension(const char *id)
{
    static const omn_features_impl features = { ast_features, grid };
    static const char *const operations[] = { "audio.segments", "audio.mel", NULL };
    static const omn_takes_impl takes = { NULL, operations };
    if (!strcmp(id, "omnio.takes/1")) return &takes;
    return strcmp(id, "omnio.features/1") ? NULL : (const void *)&features;
}

static const omn_encoder_impl impl = { extension, "audio",     ast_open, free,
                                       ports,     ast_prepare, ast_embed };
static const omn_object objects[] = {
    { "omnio.encoder/1", "audio.ast", "sound through a spectrogram transformer", &impl,
      OMN_OBJECT_PARAMS(ast) },
};
OMN_PLUGIN("encoder-ast", "0.1.0", "Apache-2.0", "sound input", objects);
