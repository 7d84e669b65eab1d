/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of a BERT, as the Transformers library writes them into its configurations. */
#include "bert.h"

static int64_t whole(omn_config *f, const char *name, const char *key, int64_t hi, int64_t deflt)
{
    char path[128];
    omn_format(path, sizeof path, "%s.%s", name, key);
    return omn_config_int_or(f, path, 1, hi, deflt);
}

void bert_configure(bert *b, omn_open *o, omn_config *f, const char *name)
{
    char path[128];
    omn_format(path, sizeof path, "%s.layer_norm_eps", name);
    b->rows = whole(f, name, "vocab_size", 1 << 24, b->rows);
    b->D = whole(f, name, "hidden_size", 65536, b->D);
    b->H = whole(f, name, "num_attention_heads", 512, b->H);
    b->layers = whole(f, name, "num_hidden_layers", 512, b->layers);
    b->ffn = whole(f, name, "intermediate_size", 1 << 20, b->ffn);
    b->places = whole(f, name, "max_position_embeddings", 1 << 20, b->places);
    b->types = whole(f, name, "type_vocab_size", 1024, b->types);
    b->eps = omn_config_double_or(f, path, 0, 1, b->eps);
    if (b->D % b->H)
        omn_open_fail(o, OMN_ERR_CONFIG, "%s.hidden_size %lld of %lld heads: a multiple is wanted",
                      name, (long long)b->D, (long long)b->H);
}
