/* SPDX-License-Identifier: Apache-2.0 */
/* The sound encoder's parameters, shared by its files. */
#ifndef AST_H
#define AST_H

#include <omnio/kinds.h>

#define AST(PAR, S)                                                                                \
    PAR(S, int, width, "768", "8..65536", NULL, "width of the blocks")                             \
    PAR(S, int, heads, "12", "1..512", NULL, "attention heads")                                    \
    PAR(S, int, head_width, "64", "2..4096", NULL, "width of a head")                              \
    PAR(S, int, layers, "11", "1..512", NULL, "blocks")                                            \
    PAR(S, int, mlp, "3072", "1..1048576", NULL, "inner width of the feed-forward")                \
    PAR(S, int, patch, "16", "1..256", NULL, "cells on a side of a patch of the spectrogram")      \
    PAR(S, int, rows, "16", "1..1024", NULL, "patches along time")                                 \
    PAR(S, int, columns, "8", "1..1024", NULL, "patches along the mel scale")                      \
    PAR(S, int, table_rows, "0", "0..1024", NULL,                                                  \
        "patches along time for which positions were learned; 0: rows")                            \
    PAR(S, int, table_columns, "0", "0..1024", NULL, "the same along the mel scale; 0: columns")   \
    PAR(S, int, places, "514", "3..1048576", NULL, "rows of the table of positions")               \
    PAR(S, int, second, "1", "-1..511", NULL, "a second block to listen to; -1: none")             \
    PAR(S, int, project, "0", "0..65536", NULL, "width handed to the model; 0: no projection")     \
    PAR(S, bool, frozen, "true", NULL, NULL, "do not train the blocks")                            \
    PAR(S, double, mean, "-4.26", "-1e6..1e6", NULL, "taken from the logarithm of each cell")      \
    PAR(S, double, deviation, "9.14", "1e-6..1e6", NULL, "what is left is divided by it")          \
    PAR(S, string, stage, "audio", NULL, NULL, "its name among the stages that are compared")
struct ast { AST(OMN_S_PAR, ast) };

typedef struct ast_self {
    const struct ast *p;
    omn_port ports[3];
} ast_self;

/* One segment of sound into patches, segments and places; prepare.c */
omn_status ast_prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                       omn_frame *frame, omn_error *err);
/* The blocks; blocks.c */
void ast_features(const void *self, omn_scope *s, const omn_bundle *in, omn_bundle *out);
omn_seq *ast_embed(const void *self, omn_scope *s, const omn_bundle *in);

#endif
