/* SPDX-License-Identifier: Apache-2.0 */
/* model/uio2: Unified-IO 2 (Lu et al. 2023), text, pictures and sound in and out. The door, and the
 * reading of the official configuration (t5_config, image_vit_cfg, ...). A few keys below "omnio"
 * describe smaller relatives that are trained with this program: another stem, fewer location bins,
 * pictures that packed questions share. */
#include "uio2.h"

#include "verify.h"

#include <omnio/published.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static omn_status uio2_open(omn_call *c, const void *params, omn_open *o, void **self,
                            omn_error *err)
{
    (void)c;
    (void)params;
    omn_config *f = omn_open_config(o);
    uio2 *u = calloc(1, sizeof *u);
    if (!u) return omn_fail(err, OMN_ERR_MEMORY, "uio2: out of memory");
    *self = u;
    u->D = omn_config_int(f, "t5_config.emb_dim", 8, 65536);
    u->H = omn_config_int(f, "t5_config.num_heads", 1, 512);
    u->K = omn_config_int_or(f, "t5_config.head_dim", 4, 4096, 64);
    u->n_enc = omn_config_int(f, "t5_config.num_encoder_layers", 1, 512);
    u->n_dec = omn_config_int(f, "t5_config.num_decoder_layers", 1, 512);
    u->mlp = omn_config_int(f, "t5_config.mlp_dim", 1, 1 << 20);
    u->rows = omn_config_int_or(f, "t5_config.vocab_size", 8, 1 << 24, 33280);
    u->cross_every = omn_config_int_or(f, "t5_config.decoder_xattention_internval", 1, 512, 1);
    u->qk_norm = omn_config_bool_or(f, "t5_config.qk_norm", true);
    u->frozen = omn_config_bool_or(f, "freeze_vit", true);
    u->patterns = omn_config_bool_or(f, "omnio.pattern_masks", false);
    u->out_init = omn_config_double_or(f, "omnio.out_init", 0, 100, 1);
    u->text_in = omn_config_int_or(f, "t5_config.encoder_max_text_length", 1, 65536, 512);
    u->text_out = omn_config_int_or(f, "t5_config.decoder_max_text_length", 1, 65536, 512);
    const double finer =
        sqrt((double)omn_config_int_or(f, "t5_config.decoder_max_image_length", 1, 1 << 20, 1024) /
             (double)omn_config_int_or(f, "t5_config.encoder_max_image_length", 1, 1 << 20, 576));
    /* A model that learns to write pictures when it can see already keeps the places of its
     * patches. */
    const bool patch = omn_config_bool_or(f, "omnio.patch_steps", false);
    u->step_in = patch ? 1 : finer;
    u->step_out = patch ? 1 / finer : 1;
    const char *file = omn_open_file(o, "tokenizer.model", false);
    const int first = (int)omn_config_int_or(f, "omnio.location_first", 0, 65536, 200);
    const int bins = (int)omn_config_int_or(f, "omnio.location_bins", 0, 65536, 1000);
    const int histories = (int)omn_config_int_or(f, "omnio.histories", 0, 64, 8);
    if (file)
        omn_open_part(
            o, "tokenizer", "omnio.codec/1", "text.sentencepiece", "",
            "file=tokenizer.model start_first=true sentinels=%d bins=%d histories=%d marks=true",
            first, bins, histories);
    uio2_open_inputs(u, o, f);
    omn_open_encoders(o, "width=%d most=%d", (int)u->D, (int)u->text_in);
    u->sees = omn_open_find(o, "image") != NULL;
    u->hears = omn_open_find(o, "audio") != NULL;
    uio2_open_outputs(u, o, f);
    return omn_open_done(o, err);
}

static const char *uio2_prefix(const void *self, const char *output)
{
    (void)self;
    if (!strcmp(output, "image")) return "[Image] [S] ";
    if (!strcmp(output, "audio")) return "[Audio] [S] ";
    return "[Text] [S] ";
}

static int32_t uio2_most(const void *self, bool answer)
{
    const uio2 *u = self;
    return (int32_t)(answer ? u->text_out : u->text_in);
}

/* The official configuration is known by its keys. */
static bool claims(omn_config *f) { return omn_config_has(f, "t5_config"); }

static const char *task(const void *self)
{
    const uio2 *u = self;
    return u->sees ? "vqa" : u->hears ? "audio-caption" : "text-qa";
}

static const void *extension(const char *id)
{
    static const omn_claims_impl known = { claims };
    static const omn_task_impl asked = { .of = task };
    if (!strcmp(id, "omnio.claims/1")) return &known;
    if (!strcmp(id, "omnio.task/1")) return &asked;
    if (!strcmp(id, "omnio.alike/1")) return &known;
    return strcmp(id, "omnio.verify/1") ? NULL : &uio2_verify;
}

static const omn_model_impl impl = { extension,  uio2_open,   free,
                                     uio2_build, uio2_prefix, uio2_most };
static const omn_object objects[] = {
    { "omnio.model/1", "uio2", "Unified-IO 2: text, pictures and sound in and out", &impl, NULL, 0,
      0 },
};
OMN_PLUGIN("uio2", "0.1.0", "Apache-2.0", "the Unified-IO 2 model family", objects);
