/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of a configuration that change what a family computes, and that may only say what is
 * computed anyway: programs write many of them into each file, and a file with another value is of
 * a model that is not built here. A convenience library that families link. */
#ifndef MODEL_FIXED_H
#define MODEL_FIXED_H

#include <omnio/kinds.h>

typedef enum fixed_kind { KEY_FLAG, KEY_WORD, KEY_NUMBER, KEY_ABSENT } fixed_kind;

typedef struct fixed_key {
    const char *path;
    fixed_kind kind;
    const char *word;                   /* the one of KEY_WORD; "": none, as null is */
    double number;                      /* of KEY_FLAG: 0 or 1; of KEY_NUMBER: NAN: only null */
} fixed_key;

/* Rows of such a list; words, flags and numbers may be null too. */
#define KEY_IS(PATH, FLAG) { PATH, KEY_FLAG, NULL, FLAG }
#define KEY_SAYS(PATH, WORD) { PATH, KEY_WORD, WORD, 0 }
#define KEY_EQUALS(PATH, NUMBER) { PATH, KEY_NUMBER, NULL, NUMBER }
#define KEY_LACKS(PATH) { PATH, KEY_ABSENT, NULL, 0 }

/* Fails o with OMN_ERR_CONFIG at the first key that says something else; before: in front of each
 * path, "model_cfg." or "". family: "CLIP". [setup] */
void keys_refuse(const fixed_key *rows, size_t n, const char *before, const char *family,
                 omn_open *o, omn_config *f);

#endif
