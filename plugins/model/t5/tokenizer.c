/* SPDX-License-Identifier: Apache-2.0 */
/* The tokenizer of T5: a SentencePiece file with the pieces that the family adds, and what the
 * Transformers library notes beside it about how it cuts. By "legacy", which is so where nothing is
 * said, SentencePiece puts a space in front of every text between two names; without, a word begins
 * there only behind a space that the text has. VL-T5's program knows nothing of the note. */
#include "t5.h"

#include <jansson.h>
#include <stdlib.h>

#define FILE_NAME "tokenizer_config.json"
#define MOST ((size_t)16 << 20)

static bool said(omn_open *o, const json_t *all, const char *key)
{
    const json_t *v = json_object_get(all, key);
    if (v && !json_is_boolean(v) && !json_is_null(v))
        omn_open_fail(o, OMN_ERR_CONFIG, FILE_NAME ": %s: true or false is wanted", key);
    return !json_is_false(v);
}

static bool legacy(omn_open *o)
{
    const char *path = omn_open_file(o, FILE_NAME, false);
    omn_error err = OMN_ERROR_INIT;
    json_error_t why;
    char *text = NULL;
    size_t n = 0;
    if (!path) return true;
    if (omn_file_read(path, MOST, &text, &n, &err) != OMN_OK) {
        omn_open_fail(o, err.status, FILE_NAME ": %s", err.text);
        return true;
    }
    json_t *all = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
    free(text);
    if (!json_is_object(all))
        omn_open_fail(o, OMN_ERR_CONFIG, FILE_NAME ":%d:%d: %s", all ? 1 : why.line,
                      all ? 1 : why.column, all ? "an object is wanted" : why.text);
    const bool is = said(o, all, "legacy");
    if (!is && !said(o, all, "add_prefix_space"))
        omn_open_fail(o, OMN_ERR_UNSUPPORTED, FILE_NAME ": add_prefix_space is false, which is not "
                      "supported without \"legacy\": a text begins a word");
    json_decref(all);
    return is;
}

/* Which words stand for regions has to be the same in both. */
static void check_tokenizer(const t5 *m, omn_open *o, const omn_part *tokenizer)
{
    const int64_t n = omn_codec_pieces(tokenizer);
    const bool fits = m->visual ? omn_codec_piece(tokenizer, "<vis_extra_id_0>") == m->rows - 1
                                : n <= m->rows;
    if (!fits)
        omn_open_fail(o, OMN_ERR_DATA,
                      "the tokenizer has %lld pieces with those that are added, vocab_size is "
                      "%lld: they do not belong together", (long long)n, (long long)m->rows);
}

void t5_open_tokenizer(const t5 *m, omn_open *o, int gaps, int visual)
{
    const char *file = omn_open_file(o, "spiece.model", false) ? "spiece.model" : "tokenizer.model";
    if (!omn_open_file(o, file, false)) return;
    const omn_part *p = omn_open_part(o, "tokenizer", "omnio.codec/1", "text.sentencepiece", "",
                                      "file=%s gaps=%d visual=%d names=%s legacy=%s", file, gaps,
                                      visual, m->visual ? "false" : "true",
                                      m->visual || legacy(o) ? "true" : "false");
    if (p) check_tokenizer(m, o, p);
}
