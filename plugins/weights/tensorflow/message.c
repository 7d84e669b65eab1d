/* SPDX-License-Identifier: Apache-2.0 */
/* Protocol buffers as they lie on the wire: keys of field number and kind, numbers in pieces of 7
 * bits, nested messages behind their length. */
#include "message.h"

bool message_varint(message *m, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && m->p < m->end; shift += 7) {
        const uint8_t byte = *m->p++;
        if (shift == 63 && byte > 1) return false;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return true;
    }
    return false;
}

static bool fixed(message *m, int bytes, uint64_t *out)
{
    if (m->end - m->p < bytes) return false;
    *out = 0;
    for (int i = bytes - 1; i >= 0; i--) *out = *out << 8 | m->p[i];
    m->p += bytes;
    return true;
}

bool message_next(message *m, field *out, bool *wrong)
{
    uint64_t key, n;
    bool good = false;
    *wrong = false;
    if (m->p == m->end) return false;
    *out = (field){ 0 };
    if (message_varint(m, &key) && key >> 3 && key >> 3 < UINT32_MAX) {
        out->number = (uint32_t)(key >> 3);
        switch (key & 7) {
        case 0: good = message_varint(m, &out->value); break;
        case 1: good = fixed(m, 8, &out->value); break;
        case 2:
            out->is_bytes = true;
            good = message_varint(m, &n) && n <= (uint64_t)(m->end - m->p);
            if (good) {
                out->bytes = (message){ m->p, m->p + n };
                m->p += n;
            }
            break;
        case 5: good = fixed(m, 4, &out->value); break;
        default: break;
        }
    }
    *wrong = !good;
    return good;
}
