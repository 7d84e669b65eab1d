/* SPDX-License-Identifier: Apache-2.0 */
/* Ids to text: the bytes of all of them, read as UTF-8; at once, or id by id as they are made. */
#include "bpe.h"

#include <string.h>

bool bpe_bytes(const bpe *b, int32_t id, omn_buf *out)
{
    const int32_t y = id >= 0 && id < b->pieces ? b->of_id[id] : -1;
    if (y == -1) return false;
    if (y < 0) {
        const bpe_mark *m = &b->mark[-2 - y];
        if (!(m->how & BPE_SILENT)) omn_buf_puts(out, m->text);
        return !(m->how & BPE_SILENT);
    }
    omn_buf_put(out, b->symbol[y].bytes, b->symbol[y].n);
    if (b->symbol[y].ends) omn_buf_puts(out, " ");
    return true;
}

omn_status bpe_decode(const bpe *b, const int32_t *ids, size_t n, omn_buf *out, omn_error *err)
{
    points p = { 0 };
    omn_buf raw;
    omn_buf_init(&raw, (size_t)1 << 30);
    for (size_t i = 0; i < n; i++) bpe_bytes(b, ids[i], &raw);
    if (raw.length) points_read(&p, raw.data, raw.length);
    for (size_t i = 0; i < p.n; i++) points_utf8(p.at[i], out);
    const bool failed = raw.failed || p.failed || out->failed;
    omn_buf_fini(&raw);
    points_fini(&p);
    return failed ? omn_fail(err, OMN_ERR_MEMORY, "a text: out of memory") : OMN_OK;
}

omn_status bpe_stream_put(const bpe *b, bpe_stream *s, int32_t id, bool end, omn_buf *out,
                          omn_error *err)
{
    omn_buf raw;
    omn_buf_init(&raw, (size_t)1 << 16);
    omn_buf_put(&raw, s->waiting, s->n);
    if (id >= 0) bpe_bytes(b, id, &raw);
    size_t at = 0;
    while (at < raw.length && !raw.failed) {
        int32_t c;
        size_t k = points_character(raw.data + at, raw.length - at, &c);
        if (k == 0 && !end) break;
        if (k == 0) k = raw.length - at;
        points_utf8(c < 0 ? 0xFFFD : c, out);
        at += k;
    }
    s->n = (uint32_t)(raw.length - at);
    if (s->n) memcpy(s->waiting, raw.data + at, s->n);
    const bool failed = raw.failed || out->failed;
    omn_buf_fini(&raw);
    return failed ? omn_fail(err, OMN_ERR_MEMORY, "a text: out of memory") : OMN_OK;
}
