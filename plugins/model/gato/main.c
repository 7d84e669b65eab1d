/* SPDX-License-Identifier: Apache-2.0 */
/* model/gato: Gato (Reed et al. 2022), which reads what is seen and done in an episode as one row
 * of tokens and says what to do next. The door, the reading of the configuration, and the order of
 * the row. No weights of the published model exist; names and keys are those of this format. */
#include "gato.h"

#include "verify.h"

#include <omnio/published.h>

#include <stdlib.h>
#include <string.h>

static const omn_param gato_episode_params[] = { GATO_EPISODE(OMN_S_ROW, gato_episode) };
static const omn_param gato_tokens_params[] = { GATO_TOKENS(OMN_S_ROW, gato_tokens) };
static const omn_param gato_control_params[] = {
    GATO_CONTROL(OMN_S_ROW, OMN_S_VROW, gato_control)
};

static int one_of(omn_open *o, const char *key, const char *given, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(given, names[i])) return i;
    omn_open_fail(o, OMN_ERR_CONFIG, "%s is \"%s\"; %s, %s%s%s is wanted", key, given, names[0],
                  names[1], n > 2 ? " or " : "", n > 2 ? names[2] : "");
    return 0;
}

static void read_ids(gato *g, omn_open *o, omn_config *f)
{
    static const char *const layouts[] = { "overlap", "disjoint" };
    const char *layout = omn_config_string_or(f, "layout", "overlap");
    g->ids.text = (int32_t)omn_config_int_or(f, "text_vocab", 0, 1 << 22, 32000);
    g->ids.bins = (int32_t)omn_config_int_or(f, "bins", 2, 1 << 20, 1024);
    g->ids.discrete = (int32_t)omn_config_int_or(f, "discrete", 1, 1 << 20, 1024);
    g->ids.mu = omn_config_double_or(f, "mu", 1e-6, 1e9, 100);
    g->ids.m = omn_config_double_or(f, "m", 1e-6, 1e9, 256);
    g->ids.disjoint = one_of(o, "layout", layout, layouts, 2) == 1;
    if (!g->ids.disjoint && g->ids.discrete > g->ids.text + g->ids.bins)
        omn_open_fail(o, OMN_ERR_CONFIG, "layout overlap: %d choices share the first of %d ids",
                      g->ids.discrete, g->ids.text + g->ids.bins);
}

static void read_sizes(gato *g, omn_open *o, omn_config *f)
{
    static const char *const gates[] = { "half", "full", "none" };
    static const char *const actions[] = { "none", "shared" };
    static const char *const places[] = { "none", "none" };
    g->D = omn_config_int_or(f, "width", 2, 65536, 2048);
    g->layers = omn_config_int_or(f, "blocks", 1, 512, 24);
    g->H = omn_config_int_or(f, "heads", 1, 512, 16);
    g->K = omn_config_int_or(f, "kv", 1, 4096, 128);
    g->ffn = omn_config_int_or(f, "ffn_hidden", 2, 1 << 20, 8192);
    g->context = omn_config_int_or(f, "context", 4, 1 << 20, 1024);
    g->eps = omn_config_double_or(f, "ln_eps", 1e-12, 1, 1e-6);
    g->gate = (gato_gate)one_of(o, "ffn_gate", omn_config_string_or(f, "ffn_gate", "half"), gates,
                                3);
    g->shared_action = one_of(o, "action_pos", omn_config_string_or(f, "action_pos", "shared"),
                              actions, 2) == 1;
    one_of(o, "position", omn_config_string_or(f, "position", "none"), places, 1);
    if (g->gate == GATO_GATE_HALF && g->ffn % 2)
        omn_open_fail(o, OMN_ERR_CONFIG, "ffn_hidden: %lld has no two halves", (long long)g->ffn);
}

static void open_episode(const gato *g, omn_open *o, omn_config *f)
{
    static const char *const patches[] = { "resnet", "linear", "none" };
    const char *patch = omn_config_string_or(f, "patch", "resnet");
    const int64_t local = omn_config_int_or(f, "local_positions", 1, 1 << 20, 512);
    const int64_t intervals = omn_config_int_or(f, "pos_bins", 1, 1 << 20, GATO_INTERVALS);
    const int64_t side = omn_config_int_or(f, "patch_size", 1, 1024, GATO_PATCH);
    const int which = one_of(o, "patch", patch, patches, 3);
    const int64_t channels = omn_config_int_or(f, "patch_channels", 1, 4096, 96);
    const int64_t groups = omn_config_int_or(f, "gn_groups", 1, 4096, which ? 1 : 32);
    if (intervals != GATO_INTERVALS || side != GATO_PATCH)
        omn_open_fail(o, OMN_ERR_CONFIG, "pos_bins %lld, patch_size %lld: %d and %d are what is "
                      "known", (long long)intervals, (long long)side, GATO_INTERVALS, GATO_PATCH);
    if (which == GATO_RESNET && channels % groups)
        omn_open_fail(o, OMN_ERR_CONFIG, "patch_channels: %lld is no multiple of %lld gn_groups",
                      (long long)channels, (long long)groups);
    omn_open_part(o, "episode", "omnio.encoder/1", "gato.episode", "",
                               "width=%d context=%d text=%d bins=%d discrete=%d disjoint=%s "
                               "mu=%.17g m=%.17g local=%d patch=%s channels=%d groups=%d "
                               "eps=%.17g", (int)g->D, (int)g->context, g->ids.text, g->ids.bins,
                               g->ids.discrete, g->ids.disjoint ? "true" : "false", g->ids.mu,
                               g->ids.m, (int)local, patch, (int)channels, (int)groups,
                               omn_config_double_or(f, "gn_eps", 1e-12, 1, 1e-3));
}

static void open_actions(const gato *g, omn_open *o)
{
    const int32_t rows = gato_separator(&g->ids) + 1;
    omn_part *p = omn_open_part(o, "action", "omnio.decoder/1", "gato.tokens", "", "rows=%d",
                                (int)rows);
    const omn_range ranges[] = {
        { "continuous", g->ids.text, g->ids.bins, 1 },
        { "discrete", gato_first_discrete(&g->ids), g->ids.discrete, 1 },
        { "text", 0, g->ids.text, 1 },
    };
    const omn_vocab v = { OMN_FILL(omn_vocab), .rows = rows, .start = rows - 1, .stop = -1,
                          .pad = rows - 1, .ranges = ranges, .n_ranges = g->ids.text ? 3 : 2,
                          .table = "embed.weight" };
    omn_open_vocabulary(o, p, &v);
}

static omn_status gato_open(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)params;
    omn_config *f = omn_open_config(o);
    gato *g = calloc(1, sizeof *g);
    if (!g) return omn_fail(err, OMN_ERR_MEMORY, "gato: out of memory");
    *self = g;
    read_ids(g, o, f);
    read_sizes(g, o, f);
    if (omn_open_file(o, "tokenizer.model", false))
        omn_open_part(o, "tokenizer", "omnio.codec/1", "text.sentencepiece", "",
                      "file=tokenizer.model");
    open_episode(g, o, f);
    open_actions(g, o);
    if (omn_open_offers(o, "omnio.objective/1", "cross-entropy"))
        omn_open_part(o, "loss", "omnio.objective/1", "cross-entropy", "", "z=0");
    return omn_open_done(o, err);
}

/* ---- the row --------------------------------------------------------------------------------- */

/* Steps that are kept, oldest first: what was seen, separator, what was done, which is learnt; of
 * the newest only what is seen: the separator is where the answer begins. */
static omn_status put_steps(const gato *g, const gato_steps *s, uint32_t input, omn_ids *out,
                            omn_error *err)
{
    uint32_t at = 0;
    for (size_t i = 0; i < s->kept; i++) {
        while (at < s->ends[i]) omn_ids_vector(out, input, at++);
        if (i + 1 == s->kept) break;
        const omn_tensor *t = omn_value_column(s->actions, "action");
        const float *row = (const float *)t->data + (s->first + i) * s->n_acts;
        omn_ids_put(out, gato_separator(&g->ids));
        omn_ids_weigh(out, out->count - 1, 0);
        for (size_t k = 0; k < s->n_acts; k++) {
            const gato_act *a = &s->acts[k];
            int32_t code = 0;
            const omn_status st = gato_act_code(a, g->ids.bins, g->ids.discrete,
                                                (double)row[a->column], &code, err);
            if (st != OMN_OK) return st;
            omn_ids_put(out, code + (a->choice ? gato_first_discrete(&g->ids) : g->ids.text));
            omn_ids_weigh(out, out->count - 1, 1);
        }
    }
    return OMN_OK;
}

static omn_status prefix_row(const void *self, omn_call *c, const omn_row_input *const *inputs,
                             uint32_t n, const char *output, omn_ids *out, omn_error *err)
{
    const gato *g = self;
    (void)c;
    (void)output;
    if (n != 1)
        return omn_fail(err, OMN_ERR_DATA, "gato acts in one episode; %u inputs were given", n);
    const void *impl = NULL, *encoder = omn_part_self(inputs[0]->part, "omnio.encoder/1", &impl);
    gato_steps s;
    omn_status st = gato_encoder_steps(encoder, inputs[0]->value, &s, err);
    if (st != OMN_OK) return st;
    if (s.n != inputs[0]->vectors)
        st = omn_fail(err, OMN_ERR_DATA, "an episode of %zu tokens has %u vectors", s.n,
                      inputs[0]->vectors);
    if (st == OMN_OK) st = put_steps(g, &s, 0, out, err);
    gato_steps_fini(&s);
    return st;
}

static int32_t most_places(const void *self) { return (int32_t)((const gato *)self)->context; }

static const char *prefix(const void *self, const char *output)
{
    (void)self;
    (void)output;
    return "";
}

static int32_t most_tokens(const void *self, bool answer)
{
    const gato *g = self;
    (void)answer;
    return (int32_t)g->context - 2;
}

static bool claims(omn_config *f)
{
    return !strcmp(omn_config_string_or(f, "model_type", ""), "gato");
}

static const void *extension(const char *id)
{
    static const omn_claims_impl known = { claims };
    static const omn_row_impl row = { prefix_row, most_places };
    static const omn_task_impl asked = { .pipeline = "control" };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.row/1")) return &row;
    return strcmp(id, "omnio.verify/1") ? NULL : (const void *)&gato_verify;
}

static const omn_model_impl impl = { extension, gato_open, free, gato_build, prefix, most_tokens };
static const omn_object objects[] = {
    { "omnio.model/1", "gato", "Gato: what to do next in an episode", &impl, NULL, 0, 0 },
    { "omnio.encoder/1", "gato.episode", "what was seen in an episode, a vector for each token",
      &gato_episode_impl, OMN_OBJECT_PARAMS(gato_episode) },
    { "omnio.decoder/1", "gato.tokens", "ids as they are", &gato_tokens_impl,
      OMN_OBJECT_PARAMS(gato_tokens) },
    { "omnio.answer/1", "control", "what to do at one moment: numbers and choices",
      &gato_control_impl, OMN_OBJECT_PARAMS(gato_control) },
};
OMN_PLUGIN("gato", "0.1.0", "Apache-2.0", "the Gato model family", objects);
