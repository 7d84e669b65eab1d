/* SPDX-License-Identifier: Apache-2.0 */
/* The model of the tests of what is made without writing. */
#include "tests/generate/looker.h"

#include "tests/plugin/shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

void looker_write(const char *folder, float head[3 * LOOKER_WIDTH])
{
    static float table[LOOKER_ROWS * LOOKER_WIDTH];
    static const char config[] = "{\"omnio\": {\"model\": \"classes\"}}";
    const size_t n = 3 * LOOKER_WIDTH;
    omn_error err = OMN_ERROR_INIT;
    char *data = NULL, file[4096];
    size_t size = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        table[i] = (float)(omn_random_at(1, 0, i) % 1000) / 1000 - 0.5f;
    for (size_t i = 0; i < n; i++)
        head[i] = (float)(omn_random_at(2, 0, i) % 1000) / 1000 - 0.5f;
    const omn_weights_entry list[2] = {
        { "table.weight", { OMN_F32, omn_dim2(LOOKER_ROWS, LOOKER_WIDTH), table, sizeof table } },
        { "head.weight", { OMN_F32, omn_dim2(3, LOOKER_WIDTH), head, n * sizeof *head } },
    };
    WORKS(omn_file_read(testing_source("models/nano/tokenizer.model"), 1 << 24, &data, &size,
                        &err));
    testing_write(folder, "tokenizer.model", data, size);
    testing_write(folder, "config.json", config, strlen(config));
    snprintf(file, sizeof file, "%s/model.safetensors", folder);
    WORKS(omn_weights_write(file, OMN_OVERWRITE, list, 2, NULL, 0, &err));
    free(data);
}

omn_context *looker_context(void)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    char path[4096];
    const char *shelf = shelf_folder("classes");
    shelf_put(shelf, "classes", "classes");
    snprintf(path, sizeof path, "%s:%s", testing_build("plugins/.libs"), shelf);
    const omn_context_setup how = { OMN_FILL(omn_context_setup), .threads = 1, .plugin_path = path,
                                    .only_plugin_path = true, .cache_dir = "" };
    WORKS(omn_context_new(&how, &ctx, &err));
    return ctx;
}
