/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted tables (LevelDB's format, as TensorFlow writes it): blocks of pairs whose keys share their
 * beginning with the key before, each block followed by its kind and a CRC-32C; an index block
 * whose values say where the blocks are; and 48 bytes that say where the index is. */
#include "table.h"

#include <string.h>

enum { FOOTER = 48, TRAILER = 5 };

bool table_magic(const uint8_t *p)
{
    static const uint8_t magic[] = { 0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb };
    return memcmp(p, magic, sizeof magic) == 0;
}

typedef struct table {
    const char *path;
    const uint8_t *p;
    size_t n;
    table_row *row;
    void *user;
    uint32_t crc[256];
    omn_error *err;
} table;

static omn_status bad(const table *t, const char *what)
{
    return omn_fail(t->err, OMN_ERR_DATA, "%s: index of a checkpoint: %s", t->path, what);
}

/* Castagnoli's polynomial, reflected. */
static void make_crc(uint32_t *crc)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
        crc[i] = c;
    }
}

static uint32_t crc_of(const uint32_t *crc, const uint8_t *p, size_t n)
{
    uint32_t c = UINT32_MAX;
    for (size_t i = 0; i < n; i++) c = crc[(c ^ p[i]) & 255] ^ c >> 8;
    c = ~c;
    return (c >> 15 | c << 17) + 0xa282ead8u;
}

uint32_t table_crc(const uint8_t *p, size_t n)
{
    uint32_t crc[256];
    make_crc(crc);
    return crc_of(crc, p, n);
}

static uint32_t number32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The block at this handle, without its trailer. */
static omn_status find_block(const table *t, message *handle, message *out)
{
    uint64_t at, n;
    const size_t most = t->n - FOOTER;
    if (!message_varint(handle, &at) || !message_varint(handle, &n))
        return bad(t, "a place of a block is cut off");
    if (at > most || n > most - at || most - at - n < TRAILER || n < 4)
        return bad(t, "a block lies outside of the file");
    const uint8_t *p = t->p + at;
    if (p[n] != 0) return bad(t, "a block is compressed; TensorFlow writes plain ones");
    if (crc_of(t->crc, p, (size_t)n + 1) != number32(p + n + 1))
        return bad(t, "a block is damaged: its checksum is another");
    *out = (message){ p, p + n };
    return OMN_OK;
}

/* Pairs until the list of restarts; each value goes to `row`. */
static omn_status read_block(table *t, message block, table_row *row, void *user)
{
    char key[TABLE_KEY + 1] = "";
    size_t length = 0;
    const size_t n = (size_t)(block.end - block.p);
    const uint32_t restarts = number32(block.end - 4);
    if (restarts > (n - 4) / 4) return bad(t, "a block has more restarts than it can");
    block.end -= 4 + 4 * (size_t)restarts;
    while (block.p < block.end) {
        uint64_t shared, own, size;
        if (!message_varint(&block, &shared) || !message_varint(&block, &own) ||
            !message_varint(&block, &size))
            return bad(t, "an entry is cut off");
        const uint64_t left = (uint64_t)(block.end - block.p);
        if (shared > length || own > TABLE_KEY - shared || own > left || size > left - own)
            return bad(t, "an entry is longer than its block, or its key than 4096 bytes");
        memcpy(key + shared, block.p, (size_t)own);
        length = (size_t)(shared + own);
        key[length] = 0;
        block.p += own;
        const message value = { block.p, block.p + size };
        block.p += size;
        const omn_status st = row(user, key, length, &value, t->err);
        if (st != OMN_OK) return st;
    }
    return OMN_OK;
}

static omn_status read_inner(void *user, const char *key, size_t n, const message *value,
                             omn_error *err)
{
    table *t = user;
    message handle = *value, block;
    (void)key;
    (void)n;
    (void)err;
    const omn_status st = find_block(t, &handle, &block);
    return st == OMN_OK ? read_block(t, block, t->row, t->user) : st;
}

omn_status table_read(const char *path, const uint8_t *p, size_t n, table_row *row, void *user,
                      omn_error *err)
{
    table t = { .path = path, .p = p, .n = n, .row = row, .user = user, .err = err };
    uint64_t unused;
    message block;
    if (n < FOOTER || !table_magic(p + n - 8))
        return bad(&t, "it does not end as one; the file is cut off or something else");
    make_crc(t.crc);
    message footer = { p + n - FOOTER, p + n - 8 };
    if (!message_varint(&footer, &unused) || !message_varint(&footer, &unused))
        return bad(&t, "its end is wrong");
    const omn_status st = find_block(&t, &footer, &block);
    return st == OMN_OK ? read_block(&t, block, read_inner, &t) : st;
}
