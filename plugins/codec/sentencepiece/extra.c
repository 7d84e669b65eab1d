/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces that Unified-IO 2 puts behind those of its tokenizer file, in order of id: sentinels
 * and location bins in one falling row of <extra_id_N> (so the largest location has the smallest
 * id), history pairs, the two input marks, and the seven prefixes that say what is to be made. Each
 * begins with the space mark: in a text it is found only behind a space or at the start. */
#include "sentencepiece.h"

#include <stdio.h>

#include "utf8.h"

static const char *const marks[] = {
    "<image_input>",
    "<audio_input>",
    "[Text]" UTF8_SPACE_MARK "[S]",
    "[Text]" UTF8_SPACE_MARK "[R]",
    "[Text]" UTF8_SPACE_MARK "[X]",
    "[Image]" UTF8_SPACE_MARK "[S]",
    "[Image]" UTF8_SPACE_MARK "[R]",
    "[Audio]" UTF8_SPACE_MARK "[S]",
    "[Audio]" UTF8_SPACE_MARK "[R]",
};
#define N_MARKS ((uint32_t)(sizeof marks / sizeof *marks))

uint32_t sp_extra_count(const sp_extra *e)
{
    if (sp_is_t5(e)) return e->gaps + e->visual;
    return e->sentinels + e->bins + 2 * e->histories + (e->marks ? N_MARKS : 0);
}

bool sp_extra_piece(const sp_extra *e, uint32_t i, char *buf, size_t room)
{
    const uint32_t numbered = e->sentinels + e->bins;
    if (sp_is_t5(e)) return sp_t5_piece(e, i, buf, room);
    if (i >= sp_extra_count(e)) return false;
    if (i < numbered) {
        snprintf(buf, room, UTF8_SPACE_MARK "<extra_id_%u>", numbered - 1 - i);
        return true;
    }
    i -= numbered;
    if (i < 2 * e->histories)
        snprintf(buf, room, UTF8_SPACE_MARK "<%s_history_%u>", i % 2 ? "audio" : "image",
                 i / 2 + 1);
    else
        snprintf(buf, room, UTF8_SPACE_MARK "%s", marks[i - 2 * e->histories]);
    return true;
}

int32_t sp_location(const sp_model *m, uint32_t bin)
{
    if (bin >= m->extra.bins) return -1;
    return (int32_t)(m->base + m->extra.bins - 1 - bin);
}
