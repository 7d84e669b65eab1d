/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a model that is to be trained from nothing: a configuration of the uio2 family that
 * reads texts and pictures and writes texts, and a tokenizer learnt from texts of one's own. It has
 * tokens for gaps and places, so that it can learn by any task of a recipe. */
#include "new_model.h"

#include "vocabulary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_TEXT ((size_t)1 << 30)
#define MOST_FILE ((size_t)1 << 26)

/* Pieces beside those of the tokenizer's file: gaps, places, the marks of prompts. */
enum { GAPS = 100, PLACES = 256, MARKS = 9, PATCH = 16, HEAD = 32 };

typedef struct sizes { int width, layers, image, pieces; } sizes;

static omn_status read_texts(const cli_args *a, vocabulary *v, size_t *bytes, omn_error *err)
{
    omn_status st = OMN_OK;
    const size_t n = cli_count(a, "texts"), more = a->n_operands - 2;
    for (size_t i = 0; i < n + more && st == OMN_OK; i++) {
        const char *path = i < n ? cli_nth(a, "texts", i) : a->operands[2 + i - n];
        char *text = NULL;
        size_t length = 0;
        st = omn_file_read(path, MOST_TEXT, &text, &length, err);
        if (st == OMN_OK) {
            st = vocabulary_read(v, text, length, err);
            if (st != OMN_OK) omn_error_prefix(err, "%s", path);
        }
        *bytes += length;
        free(text);
    }
    return st;
}

static int up_to(int x, int step) { return (x + step - 1) / step * step; }

static void put_config(const sizes *z, uint32_t pieces, omn_buf *b)
{
    const int rows = up_to((int)pieces + GAPS + PLACES + MARKS, 64), side = z->image / PATCH;
    omn_buf_printf(b,
                   "{\n"
                   "  \"omnio\": {\"model\": \"uio2\", \"image_normalise\": \"half\", "
                   "\"share_image\": true,\n"
                   "    \"location_first\": %d, \"location_bins\": %d, \"location_rounding\": "
                   "\"cell\",\n"
                   "    \"histories\": 0, \"option_ends\": 1},\n",
                   GAPS, PLACES);
    omn_buf_printf(b,
                   "  \"t5_config\": {\"vocab_size\": %d, \"emb_dim\": %d, \"num_heads\": %d, "
                   "\"head_dim\": %d,\n"
                   "    \"num_encoder_layers\": %d, \"num_decoder_layers\": %d, \"mlp_dim\": %d, "
                   "\"qk_norm\": true,\n"
                   "    \"encoder_max_text_length\": 512, \"decoder_max_text_length\": 512,\n"
                   "    \"encoder_max_image_length\": %d, \"decoder_max_image_length\": %d,\n"
                   "    \"default_image_vit_size\": [%d, %d], \"image_vit_patch_size\": %d},\n",
                   rows, z->width, z->width / HEAD, HEAD, z->layers, z->layers,
                   up_to(z->width * 8 / 3, 64), side * side, side * side, z->image, z->image,
                   PATCH);
    omn_buf_printf(b,
                   "  \"image_vit_cfg\": {\"patch_size\": %d, \"emb_dim\": %d, \"num_heads\": %d, "
                   "\"head_dim\": %d,\n"
                   "    \"num_layers\": %d, \"mlp_dim\": %d, \"num_pos\": %d},\n"
                   "  \"freeze_vit\": false,\n"
                   "  \"input_modalities\": [\"text\", \"image\"],\n"
                   "  \"target_modalities\": [\"text\"]\n"
                   "}\n",
                   PATCH, z->width, z->width / HEAD, HEAD, up_to(z->layers, 2), 4 * z->width,
                   side * side + 1);
}

static omn_status write_file(const char *path, const omn_buf *b, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_file *f = NULL;
    if (b->failed) return omn_fail(err, OMN_ERR_MEMORY, "%s: no memory for it", path);
    OMN_TRY(omn_file_create(path, OMN_KEEP_EXISTING, &f, err));
    OMN_TRY(omn_file_write(f, b->data, b->length, err));
    OMN_TRY(omn_file_commit(f, err));
done:
    omn_file_free(f);
    return st;
}

/* The folder as it is, without weights, is a model. */
static omn_status proves(const cli *c, const char *folder, omn_error *err)
{
    omn_model *m = NULL;
    const omn_model_setup how = { OMN_FILL(omn_model_setup), .hollow = true };
    const omn_status st = omn_model_open(c->ctx, folder, &how, &m, err);
    omn_model_close(m);
    return st;
}

/* Both files, or nothing. */
static omn_status write_folder(const cli *c, const char *folder, const omn_buf *config,
                               const omn_buf *tokenizer, omn_error *err)
{
    char files[2][4200];
    snprintf(files[0], sizeof files[0], "%.4100s/config.json", folder);
    snprintf(files[1], sizeof files[1], "%.4100s/tokenizer.model", folder);
    if (mkdir(folder, 0777) != 0)
        return omn_fail(err, errno == EEXIST ? OMN_ERR_ARGUMENT : OMN_ERR_IO, "%s: %s", folder,
                        errno == EEXIST ? "is there already; a new model gets a new folder"
                                        : strerror(errno));
    omn_status st = write_file(files[0], config, err);
    if (st == OMN_OK) st = write_file(files[1], tokenizer, err);
    if (st == OMN_OK) {
        char path[4200];
        snprintf(path, sizeof path, "%s%.4100s", strchr(folder, '/') ? "" : "./", folder);
        st = proves(c, path, err);
    }
    if (st == OMN_OK) return OMN_OK;
    (void)unlink(files[0]);
    (void)unlink(files[1]);
    (void)rmdir(folder);
    return st;
}

static int check(cli *c, const cli_args *a, sizes *z)
{
    *z = (sizes){ (int)cli_number(a, "width", 192), (int)cli_number(a, "layers", 3),
                  (int)cli_number(a, "image-size", 128), (int)cli_number(a, "pieces", 2000) };
    if (!cli_count(a, "texts"))
        return cli_usage(c, "--texts FILE is wanted: texts of which the tokenizer is learnt");
    if (strlen(a->operands[1]) > 4000) return cli_usage(c, "the folder's name is too long");
    if (z->width % HEAD) return cli_usage(c, "--width: a multiple of 32 is wanted");
    if (z->image % PATCH) return cli_usage(c, "--image-size: a multiple of 16 is wanted");
    return -1;
}

int new_model(cli *c, const cli_args *a)
{
    omn_status st = OMN_OK;
    omn_error e = OMN_ERROR_INIT, *err = &e;
    sizes z;
    size_t bytes = 0;
    uint32_t made = 0;
    omn_buf config, tokenizer;
    const char *folder = cli_text(a, "output") ? cli_text(a, "output") : a->operands[1];
    const int wrong = check(c, a, &z);
    if (wrong >= 0) return wrong;
    vocabulary *v = vocabulary_new();
    omn_buf_init(&config, 1 << 16);
    omn_buf_init(&tokenizer, MOST_FILE);
    if (!v) st = omn_fail(err, OMN_ERR_MEMORY, "no memory for a new model");
    if (st == OMN_OK) st = read_texts(a, v, &bytes, err);
    if (st == OMN_OK) st = vocabulary_learn(v, (uint32_t)z.pieces, &tokenizer, &made, err);
    if (st == OMN_OK) put_config(&z, made, &config);
    if (st == OMN_OK) st = write_folder(c, folder, &config, &tokenizer, err);
    int code = st == OMN_OK ? 0 : cli_failed(c, err);
    if (!code) code = cli_puts(c, folder) && cli_puts(c, "\n") ? 0 : cli_lost(c);
    if (!code && !c->quiet)
        cli_say(c, "%u pieces learnt from %.1f kB of texts; next: a recipe with model: ./%s", made,
                (double)bytes / 1e3, folder);
    vocabulary_free(v);
    omn_buf_fini(&config);
    omn_buf_fini(&tokenizer);
    return code;
}
