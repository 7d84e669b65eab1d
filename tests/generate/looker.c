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
    char file[4096];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        table[i] = (float)(omn_random_at(1, 0, i) % 1000) / 1000 - 0.5f;
    for (size_t i = 0; i < n; i++)
        head[i] = (float)(omn_random_at(2, 0, i) % 1000) / 1000 - 0.5f;
    const omn_weights_entry list[2] = {
        { "table.weight", { OMN_F32, omn_dim2(LOOKER_ROWS, LOOKER_WIDTH), table, sizeof table } },
        { "head.weight", { OMN_F32, omn_dim2(3, LOOKER_WIDTH), head, n * sizeof *head } },
    };
    testing_copy("models/nano/tokenizer.model", folder, "tokenizer.model");
    testing_write(folder, "config.json", config, strlen(config));
    snprintf(file, sizeof file, "%s/model.safetensors", folder);
    WORKS(omn_weights_write(file, OMN_OVERWRITE, list, 2, NULL, 0, &err));
}

omn_context *looker_context(void) { return shelf_beside("classes", 1); }
