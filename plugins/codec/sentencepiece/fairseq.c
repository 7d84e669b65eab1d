/* SPDX-License-Identifier: Apache-2.0 */
/* The ids of XLM-RoBERTa (Conneau et al. 2020) over a SentencePiece file, as fairseq numbered them:
 * <s> 0, <pad> 1, </s> 2, <unk> 3, every other piece one above its number in the file, <mask>
 * behind the last. Their five names are ids wherever they stand in a text; what stands between them
 * is cut as texts of their own, and <mask> takes the blanks in front of it along. Decoding leaves
 * all five out, and the blanks at both ends. */
#include "sentencepiece.h"

#include <string.h>

#define FIRST 3u                          /* pieces of the file that fairseq numbers anew */

static const char *const names[] = { "<s>", "<pad>", "</s>", "<unk>", "<mask>" };
enum { MASK = 4, N_NAMES = 5 };

omn_status sp_fairseq_order(sp_model *m, char *text, omn_error *err)
{
    static const sp_type want[FIRST] = { SP_UNKNOWN, SP_CONTROL, SP_CONTROL };
    for (uint32_t i = 0; i < FIRST; i++)
        if (m->base < FIRST || m->pieces[i].type != want[i])
            return omn_fail(err, OMN_ERR_DATA,
                            "pieces 0, 1, 2 must be unknown, start and end to be numbered as "
                            "fairseq does");
    memmove(m->pieces + FIRST + 1, m->pieces + FIRST, (m->base - FIRST) * sizeof *m->pieces);
    for (uint32_t i = 0; i < N_NAMES; i++) {
        const uint32_t length = (uint32_t)strlen(names[i]);
        memcpy(text, names[i], length + 1);
        m->pieces[i == MASK ? m->base + 1 : i] =
            (sp_piece){ .text = text, .length = length,
                        .type = i == FIRST ? SP_UNKNOWN : SP_CONTROL };
        text += length + 1;
    }
    m->count = m->base + 2;
    return OMN_OK;
}

bool sp_fairseq_name(const sp_model *m, const char *text, size_t n, sp_name *out)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '<') continue;
        for (int32_t k = 0; k < N_NAMES; k++) {
            const size_t length = strlen(names[k]);
            if (n - i < length || memcmp(text + i, names[k], length) != 0) continue;
            *out = (sp_name){ i, length, k == MASK ? (int32_t)m->count - 1 : k };
            return true;
        }
    }
    return false;
}
