/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of TensorFlow: NAME.index, a table of variables by their path in the graph of
 * objects, and NAME.data-00000-of-00001 (..), where their bytes lie. A variable is called by its
 * path alone; what belongs to the training is left out. */
#include "table.h"

#include <omnio/plugin.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLE "/.ATTRIBUTES/VARIABLE_VALUE"

enum { MOST_SHARDS = 1000, STRING = 7, RESOURCE = 20, VARIANT = 21 };

struct tensorflow {
    bool check;
};

static const omn_param params[] = {
    { "param", "check", "bool", "false", NULL, NULL,
      "compare the checksum of every variable; reads all of them",
      offsetof(struct tensorflow, check) },
};

typedef struct reading {
    const char *path;
    omn_weights_list *out;
    uint64_t shards;
    uint32_t first; /* number of the first shard's mapping */
    bool has_header, check;
    const omn_map *shard[MOST_SHARDS];
    size_t listed, left;
} reading;

static bool begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

static bool ends(const char *s, const char *with)
{
    const size_t n = strlen(s), m = strlen(with);
    return n >= m && !strcmp(s + n - m, with);
}

static omn_status bad(const reading *r, const char *key, const char *what, omn_error *err)
{
    char shown[120];
    snprintf(shown, sizeof shown, "%.100s", key);
    return omn_fail(err, OMN_ERR_DATA, "%s: variable %s: %s", r->path, omn_text_clean(shown), what);
}

/* ---- the files ------------------------------------------------------------------------------ */

static omn_status map_shards(reading *r, omn_error *err)
{
    char file[4400];
    const size_t n = strlen(r->path) - strlen(".index");
    if (n > 4096) return omn_fail(err, OMN_ERR_ARGUMENT, "the path of a checkpoint is too long");
    for (uint64_t i = 0; i < r->shards; i++) {
        omn_map *map = NULL;
        uint32_t at = 0;
        snprintf(file, sizeof file, "%.*s.data-%05u-of-%05u", (int)n, r->path, (unsigned)i,
                 (unsigned)r->shards);
        omn_status st = omn_map_open(file, &map, err);
        if (st == OMN_OK) st = omn_weights_list_map(r->out, map, &at, err);
        if (st != OMN_OK) return st;
        if (i == 0) r->first = at;
        r->shard[i] = map;
    }
    return OMN_OK;
}

/* The value of the empty key: 1 number of shards, 2 order of bytes (0: little). */
static omn_status read_header(reading *r, message m, omn_error *err)
{
    field f;
    bool wrong;
    r->has_header = true;
    while (message_next(&m, &f, &wrong)) {
        if (f.number == 1 && !f.is_bytes) r->shards = f.value;
        if (f.number == 2 && f.value != 0)
            return omn_fail(err, OMN_ERR_UNSUPPORTED,
                            "%s: its bytes are not in little-endian order", r->path);
    }
    if (wrong || r->shards < 1 || r->shards > MOST_SHARDS)
        return omn_fail(err, OMN_ERR_DATA, "%s: its header is wrong: 1 to %d data files are wanted",
                        r->path, MOST_SHARDS);
    return map_shards(r, err);
}

/* ---- variables ------------------------------------------------------------------------------ */

static omn_type type_of(uint64_t number)
{
    static const omn_type known[] = {
        [1] = OMN_F32,  [2] = OMN_F64,  [3] = OMN_I32,  [4] = OMN_U8,   [5] = OMN_I16,
        [6] = OMN_I8,   [8] = OMN_C64,  [9] = OMN_I64,  [10] = OMN_BOOL, [14] = OMN_BF16,
        [17] = OMN_U16, [19] = OMN_F16, [22] = OMN_U32, [23] = OMN_U64,
    };
    return number < sizeof known / sizeof *known ? known[number] : OMN_TYPE_NONE;
}

/* repeated 2: { 1: size }. Returns NULL or what is wrong. */
static const char *read_shape(message m, omn_shape *s)
{
    field f, g;
    bool wrong, inner;
    while (message_next(&m, &f, &wrong)) {
        if (f.number != 2) continue;
        if (!f.is_bytes) return "its shape is none";
        if (s->rank == OMN_MAX_RANK) return "it has more than 6 axes";
        message size = f.bytes;
        s->dim[s->rank] = 0; /* what is not written is 0 */
        while (message_next(&size, &g, &inner))
            if (g.number == 1) s->dim[s->rank] = (int64_t)g.value;
        if (inner || s->dim[s->rank] < 0) return "its shape has what is no size";
        s->rank++;
    }
    return wrong ? "its shape is none" : NULL;
}

/* 1 type, 2 shape, 3 shard, 4 offset, 5 size, 6 CRC, 7 slices. */
static const char *read_entry(message m, omn_weights_place *p, uint64_t *type, uint64_t *shard,
                              uint64_t *size, uint64_t *crc)
{
    field f;
    bool wrong;
    while (message_next(&m, &f, &wrong)) {
        const char *bad_shape = NULL;
        switch (f.number) {
        case 1: *type = f.value; break;
        case 2:
            bad_shape = f.is_bytes ? read_shape(f.bytes, &p->shape) : "its shape is none";
            break;
        case 3: *shard = f.value; break;
        case 4: p->at = f.value; break;
        case 5: *size = f.value; break;
        case 6: *crc = f.value; break;
        case 7: return "it is kept in slices, which are not put together here";
        default: break;
        }
        if (bad_shape) return bad_shape;
    }
    return wrong ? "its entry is no message" : NULL;
}

/* What no model reads: counters, the graph of objects, and what optimisers keep. */
static bool is_beside(const char *key)
{
    return begins(key, "_CHECKPOINTABLE_OBJECT_GRAPH") || begins(key, "save_counter") ||
           begins(key, "global_step") || begins(key, "optimizer/") ||
           strstr(key, ".OPTIMIZER_SLOT");
}

static const uint8_t *bytes_of(const omn_map *map)
{
    return omn_map_data(map);
}

static omn_status add(reading *r, char *key, const message *value, omn_error *err)
{
    omn_weights_place p = { OMN_FILL(omn_weights_place), .name = key };
    uint64_t type = 0, shard = 0, size = 0, crc = 0;
    size_t bytes;
    const char *wrong = read_entry(*value, &p, &type, &shard, &size, &crc);
    if (wrong) return bad(r, key, wrong, err);
    if (type == STRING || type == RESOURCE || type == VARIANT) {
        r->left++;
        return OMN_OK;
    }
    p.type = type_of(type);
    if (p.type == OMN_TYPE_NONE) return bad(r, key, "is of a type that is not known here", err);
    if (shard >= r->shards) return bad(r, key, "lies in a data file that is not there", err);
    if (!omn_shape_bytes(&p.shape, p.type, &bytes) || bytes != size || p.at > UINT64_MAX - size)
        return bad(r, key, "its shape is not of as many bytes as it has", err);
    const omn_map *map = r->shard[shard];
    const bool there = p.at <= omn_map_size(map) && size <= omn_map_size(map) - p.at;
    if (r->check && crc && there && table_crc(bytes_of(map) + p.at, (size_t)size) != crc)
        return bad(r, key, "its bytes are not those of its checksum; it is damaged", err);
    p.map = r->first + (uint32_t)shard;
    p.from = p.at;
    p.end = p.at + size;
    if (size == 0) p.from = p.end = p.at = 0;
    if (ends(key, VARIABLE)) key[strlen(key) - strlen(VARIABLE)] = 0;
    r->listed++;
    return omn_weights_list_add(r->out, &p, err);
}

static omn_status on_row(void *user, const char *key, size_t n, const message *value,
                         omn_error *err)
{
    reading *r = user;
    char name[TABLE_KEY + 1];
    if (n == 0 && !r->has_header) return read_header(r, *value, err);
    if (!r->has_header)
        return omn_fail(err, OMN_ERR_DATA, "%s: its header does not come first", r->path);
    if (n == 0 || strlen(key) != n) return bad(r, key, "its name is empty or has a 0 in it", err);
    if (is_beside(key)) return OMN_OK;
    memcpy(name, key, n + 1);
    return add(r, name, value, err);
}

static omn_status open_index(omn_call *c, const void *given, const char *path,
                             omn_weights_list *out, void **self, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_map *map = NULL;
    const struct tensorflow *set = given;
    reading r = { .path = path, .out = out, .check = set->check };
    (void)self;
    if (!ends(path, ".index"))
        return omn_fail(err, OMN_ERR_ARGUMENT, "%s: the index of a checkpoint ends in .index",
                        path);
    OMN_TRY(omn_map_open(path, &map, err));
    OMN_TRY(omn_weights_list_map(out, map, NULL, err));
    OMN_TRY(table_read(path, omn_map_data(map), omn_map_size(map), on_row, &r, err));
    if (!r.listed)
        return omn_fail(err, OMN_ERR_DATA, "%s: it holds no variables of a model", path);
    if (r.left)
        omn_call_log(c, OMN_LOG_INFO, "%s: %zu variables that are no numbers are left out", path,
                     r.left);
done:
    return st;
}

/* The first key is the empty one: nothing shared, no bytes, and a short value. */
static int probe(const char *name, const uint8_t *head, size_t n)
{
    if (n < 48 || head[0] != 0 || head[1] != 0 || head[2] > 64) return 0;
    return name && ends(name, ".index") ? 90 : 0;
}

static const omn_weights_impl impl = { NULL, "index", probe, open_index, NULL, NULL };
static const omn_object objects[] = {
    { "omnio.weights/1", "tensorflow", "checkpoints of TensorFlow, by their index", &impl, params,
      sizeof params / sizeof *params, sizeof(struct tensorflow) },
};
OMN_PLUGIN("weights-tensorflow", "1.0", "Apache-2.0", "checkpoints of TensorFlow", objects);
