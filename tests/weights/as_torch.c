/* SPDX-License-Identifier: Apache-2.0 */
/* as_torch IN.safetensors OUT: the tensors of a file as torch.save lays them, for tests that want a
 * model folder with pytorch_model.bin. */
#include "tests/weights/made.h"

#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>

static const char *storage_of(omn_type t)
{
    switch (t) {
    case OMN_F32: return "FloatStorage";
    case OMN_F16: return "HalfStorage";
    case OMN_BF16: return "BFloat16Storage";
    case OMN_I64: return "LongStorage";
    case OMN_I32: return "IntStorage";
    default: return NULL;
    }
}

int main(int argc, char **argv)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *w = NULL;
    omn_file *f = NULL;
    made m = { NULL, 0, 0 };
    archive z = { .n = 0 };
    char key[64];
    if (argc != 3 || omn_weights_open(argv[1], &w, &err) != OMN_OK) {
        fprintf(stderr, "as_torch: %s\n", argc == 3 ? err.text : "IN and OUT are wanted");
        return EXIT_FAILURE;
    }
    pickle_begin(&m);
    pickle_op(&m, "}(");
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        const omn_tensor *t = omn_weights_at(w, i);
        int64_t strides[OMN_MAX_RANK], step = 1;
        size_t count = 0;
        for (uint32_t d = t->shape.rank; d-- > 0; step *= t->shape.dim[d]) strides[d] = step;
        if (!storage_of(t->type) || !omn_shape_count(&t->shape, &count)) return EXIT_FAILURE;
        snprintf(key, sizeof key, "%zu", i);
        pickle_text(&m, omn_weights_name(w, i));
        pickle_tensor(&m, storage_of(t->type), key, (int64_t)count, 0, t->shape.rank, t->shape.dim,
                      strides);
    }
    pickle_op(&m, "u.");
    archive_add(&z, "model/data.pkl", 0, m.p, m.n, m.n, 0);
    for (size_t i = 0; i < omn_weights_count(w); i++) {
        const omn_tensor *t = omn_weights_at(w, i);
        snprintf(key, sizeof key, "model/data/%zu", i);
        archive_add(&z, key, 0, t->data, t->bytes, t->bytes, 0);
    }
    archive_end(&z, false);
    const bool written = omn_file_create(argv[2], OMN_OVERWRITE, &f, &err) == OMN_OK &&
                         omn_file_write(f, z.file.p, z.file.n, &err) == OMN_OK &&
                         omn_file_commit(f, &err) == OMN_OK;
    if (!written) fprintf(stderr, "as_torch: %s\n", err.text);
    omn_file_free(f);
    omn_weights_close(w);
    made_free(&z.file);
    made_free(&m);
    return written ? EXIT_SUCCESS : EXIT_FAILURE;
}
