/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of PyTorch: the archive of today, TorchScript, and the pickles of old. Nothing of
 * them is executed; tensors are used where they lie. */
#include "inside.h"

#include <string.h>

static const omn_param params[] = {
    { "param", "tree", "string", "", NULL, NULL,
      "which of nested dicts is taken, as \"model\" or \"state.model\"; empty: the first of "
      "model_ema, model, module, state_dict, model_state_dict that holds tensors",
      offsetof(struct torch, tree) },
    { "param", "check", "bool", "false", NULL, NULL,
      "compare the checksum of every file in the archive; reads all of it",
      offsetof(struct torch, check) },
};
enum { OF_LEGACY = 1 };                     /* pickles of old have no checksums */

static bool named(const char *name, const char *suffix)
{
    const size_t n = name ? strlen(name) : 0, m = strlen(suffix);
    return n > m && !strcmp(name + n - m, suffix);
}

static bool is_torch(const char *name)
{
    return named(name, ".pt") || named(name, ".pth") || named(name, ".bin") ||
           named(name, ".ckpt");
}

/* A zip archive; those of torch begin with ROOT/data.pkl, TorchScript with any entry of ROOT. */
static int probe_archive(const char *name, const uint8_t *head, size_t n)
{
    if (n < 4 || memcmp(head, "PK\3\4", 4) != 0) return 0;
    return memmem(head, n, "/data.pkl", 9) ? 95 : is_torch(name) ? 90 : 40;
}

/* Protocol 2 and the magic number. */
static int probe_legacy(const char *name, const uint8_t *head, size_t n)
{
    static const uint8_t front[] = { 0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                     0x20, 0x6a, 0xa8, 0x50, 0x19 };
    if (n >= sizeof front && memcmp(head, front, sizeof front) == 0) return 100;
    return n >= 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5 && is_torch(name) ? 60 : 0;
}

static const omn_weights_impl archive = { NULL, "pt,pth,bin,ckpt", probe_archive,
                                          archive_open, NULL, NULL };
static const omn_weights_impl legacy = { NULL, "pt,pth,bin,ckpt", probe_legacy,
                                         legacy_open, NULL, NULL };
static const omn_object objects[] = {
    { "omnio.weights/1", "torch", "checkpoints of PyTorch and archives of TorchScript", &archive,
      params, sizeof params / sizeof *params, sizeof(struct torch) },
    { "omnio.weights/1", "torch.legacy", "checkpoints of PyTorch before 1.6", &legacy, params,
      OF_LEGACY, sizeof(struct torch) },
};
OMN_PLUGIN("weights-torch", "1.0", "Apache-2.0", "checkpoints of PyTorch", objects);
