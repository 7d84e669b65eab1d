/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of a configuration that may have one value only. */
#include "fixed.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct looking {
    const char *path, *family;
    omn_open *o;
    omn_config *f;
} looking;

static void refuse(const looking *k, const char *found, const char *wanted)
{
    omn_open_fail(k->o, OMN_ERR_CONFIG, "%s is %s: such a %s is not supported, only %s is", k->path,
                  found, k->family, wanted);
}

static void look_flag(const looking *k, bool wanted)
{
    if (omn_config_bool_or(k->f, k->path, wanted) == wanted) return;
    refuse(k, wanted ? "false" : "true", wanted ? "true" : "false");
}

static void look_word(const looking *k, const char *wanted)
{
    char found[64], quoted[64];
    const char *is = omn_config_string_or(k->f, k->path, wanted);
    if (!strcmp(is, wanted)) return;
    snprintf(found, sizeof found, "\"%.40s\"", is);
    snprintf(quoted, sizeof quoted, "\"%.40s\"", wanted);
    refuse(k, found, *wanted ? quoted : "null");
}

static void look_number(const looking *k, double wanted)
{
    char found[64], text[64];
    const double is = omn_config_double_or(k->f, k->path, -1e30, 1e30, wanted);
    if (isnan(is) || is == wanted) return;
    omn_format(found, sizeof found, "%g", is);
    omn_format(text, sizeof text, "%g", wanted);
    refuse(k, found, isnan(wanted) ? "null" : text);
}

void keys_refuse(const fixed_key *rows, size_t n, const char *before, const char *family,
                 omn_open *o, omn_config *f)
{
    for (size_t i = 0; i < n; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", before, rows[i].path);
        const looking k = { path, family, o, f };
        switch (rows[i].kind) {
        case KEY_FLAG: look_flag(&k, rows[i].number != 0); break;
        case KEY_WORD: look_word(&k, rows[i].word); break;
        case KEY_NUMBER: look_number(&k, rows[i].number); break;
        case KEY_ABSENT:
            if (omn_config_has(f, path)) refuse(&k, "there", "one without");
            break;
        }
    }
}
