/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces that T5 (Raffel et al. 2019) and VL-T5 (Cho et al. 2021) put behind those of the file:
 * <extra_id_k>, falling, for the gaps of a text, then <vis_extra_id_k>, falling, for regions of a
 * picture. They and the control pieces of the file are ids wherever their names stand in a text;
 * what stands between is cut as texts of their own, without the blanks around it. Decoding leaves
 * out control pieces and what is unknown, and the blanks at both ends; names are told or left out,
 * as sp_extra says. */
#include "sentencepiece.h"

#include <stdio.h>
#include <string.h>

#define LONGEST_NAME 32u

bool sp_t5_piece(const sp_extra *e, uint32_t i, char *buf, size_t room)
{
    if (i >= e->gaps + e->visual) return false;
    if (i < e->gaps) snprintf(buf, room, "<extra_id_%u>", e->gaps - 1 - i);
    else snprintf(buf, room, "<vis_extra_id_%u>", e->visual - 1 - (i - e->gaps));
    return true;
}

bool sp_t5_name(const sp_model *m, const char *text, size_t n, sp_name *out)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '<') continue;
        const size_t left = n - i, most = left < LONGEST_NAME ? left : LONGEST_NAME;
        const char *end = memchr(text + i, '>', most);
        if (end == NULL) continue;
        const size_t length = (size_t)(end - (text + i)) + 1;
        const int32_t id = trie_find(&m->reserved, text + i, length);
        if (id < 0 || m->pieces[id].type == SP_BYTE) continue;
        *out = (sp_name){ i, length, id };
        return true;
    }
    return false;
}

bool sp_t5_is_name(const sp_model *m, int32_t id)
{
    return sp_is_t5(&m->extra) && id >= 0 && (uint32_t)id >= m->base && (uint32_t)id < m->count;
}
