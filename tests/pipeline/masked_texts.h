/* SPDX-License-Identifier: Apache-2.0 */
/* The models, pipelines and recipes of the tests of masked denoising. */
#ifndef OMNIO_TESTS_PIPELINE_MASKED_TEXTS_H
#define OMNIO_TESTS_PIPELINE_MASKED_TEXTS_H

/* Pictures of 4 x 4 patches and as many codes; sounds of 4 x 4 patches and 8 x 8 codes. */
static const char config[] =
    "{\"omnio\": {\"model\": \"uio2\", \"location_bins\": 64, \"location_first\": 0, "
    "\"histories\": 0}, \"t5_config\": {\"vocab_size\": 960, \"emb_dim\": 32, "
    "\"num_heads\": 2, \"head_dim\": 16, \"num_encoder_layers\": 1, \"num_decoder_layers\": 2, "
    "\"mlp_dim\": 48, \"encoder_max_text_length\": 64, \"decoder_max_text_length\": 64, "
    "\"image_vocab_size\": 40, \"audio_vocab_size\": 40, "
    "\"default_image_vit_size\": [32, 32], \"image_vit_patch_size\": 8, "
    "\"default_audio_vit_size\": [64, 64], \"audio_vit_patch_size\": 16}, "
    "\"image_vit_cfg\": {\"patch_size\": 8, \"emb_dim\": 32, \"num_heads\": 2, \"head_dim\": 16, "
    "\"num_layers\": 2, \"mlp_dim\": 64, \"num_pos\": 17}, "
    "\"audio_vit_cfg\": {\"patch_size\": 16, \"emb_dim\": 32, \"num_heads\": 2, \"head_dim\": 16, "
    "\"num_layers\": 2, \"mlp_dim\": 64, \"default_input_size\": [64, 64]}, "
    "\"image_vqgan\": {\"ch\": 32, \"ch_mult\": [1, 1, 1, 1], \"num_res_blocks\": 1, "
    "\"z_channels\": 4, \"embed_dim\": 4, \"n_embed\": 32, \"attn_resolutions\": [4], "
    "\"resolution\": 32, \"default_input_size\": [32, 32], \"patch_size\": [8, 8]}, "
    "\"audio_vqgan\": {\"vocab_size\": 32, \"proj_dim\": 8, \"encoder_hidden_size\": 16, "
    "\"encoder_num_layers\": 1, \"encoder_mlp_dim\": 32, \"encoder_num_heads\": 2, "
    "\"encoder_head_dim\": 8, \"decoder_hidden_size\": 16, \"decoder_num_layers\": 1, "
    "\"decoder_mlp_dim\": 32, \"decoder_num_heads\": 2, \"decoder_head_dim\": 8, "
    "\"default_input_size\": [64, 64], \"patch_size\": [8, 8]}, \"freeze_vit\": false}";

static const char first_config[] =
    "{\"omnio\": {\"model\": \"uio1\"}, \"vocab_size\": 1240, "
    "\"image_vocab_size\": 48, \"image_patch_size\": 4, \"emb_dim\": 24, \"num_heads\": 3, "
    "\"num_encoder_layers\": 2, \"num_decoder_layers\": 3, \"head_dim\": 6, \"mlp_dim\": 36, "
    "\"encoder_max_image_length\": 60, \"encoder_max_text_length\": 24, "
    "\"decoder_max_image_length\": 16, \"decoder_max_text_length\": 20, "
    "\"default_image_size\": [24, 40], \"num_seg_emb\": 2, \"decoder_image_width\": 4, "
    "\"target_size\": [16, 16], \"embed_dim\": 6, \"n_embed\": 48, \"z_channels\": 6, "
    "\"resolution\": 16, \"ch\": 4, \"ch_mult\": [1, 2, 2], \"num_res_blocks\": 2, "
    "\"attn_resolutions\": [4], \"num_groups\": 2}";

static const char draw[] =
    "version: 1\ninputs: {image: {type: image}, what: {type: text}}\nsteps:\n"
    "  - {generate: image, as: drawn, from: {image: $image}, prompt: \"{what}\","
    " answer: {codes: codes}}\noutputs: {drawn: $drawn}\n";
static const char both[] =
    "version: 1\ninputs: {image: {type: image}, audio: {type: audio}, what: {type: text}}\nsteps:\n"
    "  - {generate: image, as: drawn, from: {image: $image, audio: $audio}, prompt: \"{what}\","
    " answer: {codes: codes}}\noutputs: {drawn: $drawn}\n";
static const char hear[] =
    "version: 1\ninputs: {audio: {type: audio}, what: {type: text}}\nsteps:\n"
    "  - {generate: audio, as: heard, from: {audio: $audio}, prompt: \"{what}\","
    " answer: {codes: codes}}\noutputs: {heard: $heard}\n";
static const char say[] =
    "version: 1\ninputs: {image: {type: image}, audio: {type: audio}, what: {type: text}}\nsteps:\n"
    "  - {generate: text, as: said, from: {image: $image, audio: $audio}, prompt: \"{what}\"}\n"
    "outputs: {said: $said}\n";

#define HEAD                                                                                       \
    "version: 1\nmodel: ./m\npack: {inputs: 16, targets: 64}\nbatch: 4\nexport: f32\n"             \
    "loss: {z: 0}\nfreeze: [\"target_embedders.*.vqgan.**\"]\n"                                    \
    "optimizer: {use: adamw, rate: 3e-3, curve: const}\n"
#define FIRST_HEAD                                                                                 \
    "version: 1\nmodel: ./m\npack: {inputs: 16, targets: 20}\nbatch: 2\nfreeze: "                  \
    "[\"discrete_vae/**\"]\noptimizer: {use: adafactor, rate: 1e-3}\n"
#define MINE "sources: {mine: {use: folder, path: photos, held_out: 0}}\n"
#define ONE  "sources: {mine: {use: folder, path: photos, held_out: 0, lessons: one}}\n"
#define DRAWS "{name: draw, pipeline: ./p.yaml, give: {image: picture, what: what}, "              \
              "want: {drawn: picture}"
#define BOTH  "{name: both, pipeline: ./b.yaml, give: {image: picture, audio: sound, what: what}," \
              " want: {drawn: picture}"
#define HEARS "{name: hear, pipeline: ./h.yaml, give: {audio: sound, what: what}, "                \
              "want: {heard: sound}"
#define SAYS  "{name: say, pipeline: ./s.yaml, give: {image: picture, audio: sound, what: what}, " \
              "want: {said: what}"

#endif
