/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what the codec tests compare with: JSON files, tensors of a small safetensors file, whole
 * files. */
#ifndef OMNIO_TESTS_CODEC_GOLDEN_H
#define OMNIO_TESTS_CODEC_GOLDEN_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* A file below the source tree; the test fails when it cannot be read. Owned by the caller. */
char *golden_file(const char *path, size_t *size);
json_t *golden_json(const char *path);
/* A member that must be there. */
json_t *golden_get(const json_t *from, const char *key);
/* The bytes that "text_hex" of a case stands for; owned. */
char *golden_text(const json_t *one, size_t *n);
/* Values of a tensor of 4-byte numbers, owned; *n of them. */
void *golden_tensor(const char *path, const char *name, size_t *n);

#endif
