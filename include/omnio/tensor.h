/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/tensor.h: element types, shapes, named tensors in memory, and weights files.
 * Tensors are dense and row-major, the last axis fastest. A weights file is mapped, never read: a
 * tensor of it is an address inside the mapping, of any alignment. */
#ifndef OMNIO_TENSOR_H
#define OMNIO_TENSOR_H

#include <omnio/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum omn_type {
    OMN_TYPE_NONE = 0,
    OMN_F32 = 1, OMN_F16 = 2, OMN_BF16 = 3, OMN_I64 = 4, OMN_I32 = 5, OMN_I8 = 6, OMN_U8 = 7,
    OMN_BOOL = 8,
    /* Doubles: in weights files and in columns of values (omnio/value.h). */
    OMN_F64 = 9,
    /* Columns of values only, omn_type_get knows neither: texts, data is const char *const *;
     * values, data is omn_value *const *. */
    OMN_STRING = 10, OMN_ANY_VALUE = 11,
    /* Of weights files only: listed, and converted to f32 where a model asks for them. */
    OMN_I16 = 12, OMN_U16 = 13, OMN_U32 = 14, OMN_U64 = 15,
    OMN_F8_E4M3 = 16, OMN_F8_E5M2 = 17, OMN_F8_E8M0 = 18,
    /* Only listed. */
    OMN_C64 = 19, OMN_F6_E2M3 = 20, OMN_F6_E3M2 = 21, OMN_F4 = 22,
    /* Blocks of quantised weights, see omn_blocks_of_rows: of weights files, and of the weights
     * that the ops linear and embedding read. */
    OMN_Q8_0 = 23, OMN_Q4_0 = 24, OMN_Q4_K = 25, OMN_Q6_K = 26
} omn_type;

typedef struct omn_type_info {
    const char *name;             /* "f32" */
    const char *safetensors;      /* "F32" */
    uint32_t bytes;               /* of one element; 0: several share a byte, or a block */
    bool is_float;
    uint32_t bits;                /* of one element; blocks: without what they share */
    bool computes;                /* may be an input, weight or result of a graph */
    /* Blocks: the bytes of one, and how many elements of a row are in it; else 0. They stand in
     * what was a gap, so that the struct is as large as it was. */
    uint8_t block_bytes;
    uint16_t block;
} omn_type_info;
/* NULL for a number that is no type. [any] */
OMN_API const omn_type_info *omn_type_get(omn_type t);
OMN_API omn_type omn_type_parse(const char *name); /* "bf16" or "BF16"; OMN_TYPE_NONE if unknown */

#define OMN_MAX_RANK 6
typedef struct omn_shape { uint32_t rank; int64_t dim[OMN_MAX_RANK]; } omn_shape;
static inline omn_shape omn_dim0(void) { omn_shape s = { 0, { 0 } }; return s; }
static inline omn_shape omn_dim1(int64_t a) { omn_shape s = { 1, { a } }; return s; }
static inline omn_shape omn_dim2(int64_t a, int64_t b) { omn_shape s = { 2, { a, b } }; return s; }
static inline omn_shape omn_dim3(int64_t a, int64_t b, int64_t c)
{
    omn_shape s = { 3, { a, b, c } };
    return s;
}
static inline omn_shape omn_dim4(int64_t a, int64_t b, int64_t c, int64_t d)
{
    omn_shape s = { 4, { a, b, c, d } };
    return s;
}
static inline omn_shape omn_dim5(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e)
{
    omn_shape s = { 5, { a, b, c, d, e } };
    return s;
}
/* Same rank and sizes (the struct has padding: never memcmp). [any] */
OMN_API bool omn_shape_equal(const omn_shape *a, const omn_shape *b);
/* Number of elements; false when a size is negative or the product exceeds size_t. [any] */
OMN_API bool omn_shape_count(const omn_shape *s, size_t *count) OMN_MUST_USE;
/* Bytes of a dense tensor; false when they exceed size_t, or the last byte would not be full, or
 * rows are no whole blocks. [any] */
OMN_API bool omn_shape_bytes(const omn_shape *s, omn_type t, size_t *bytes) OMN_MUST_USE;
/* "[2, 576, 768]" into buf; returns buf. [any] */
OMN_API const char *omn_shape_text(const omn_shape *s, char *buf, size_t room);

/* One tensor in memory, borrowed from whoever gave it. */
typedef struct omn_tensor {
    omn_type type;
    omn_shape shape;
    const void *data;
    size_t bytes;
} omn_tensor;

/* float <-> 16-bit floats, round to nearest even, NaN stays NaN. [any] */
OMN_API uint16_t omn_bf16_of(float x);
OMN_API float omn_bf16_to(uint16_t x);
OMN_API uint16_t omn_f16_of(float x);
OMN_API float omn_f16_to(uint16_t x);
/* n elements of any numeric type to f32 (src may be unaligned), and back, rounded to the nearest
 * even and held to what the type can say; blocks as omn_blocks_of_rows makes them, of whole ones.
 * False for a type that has no conversion: those that are only listed and, back, the floats of 8
 * bits. [any] */
OMN_API bool omn_to_f32(omn_type t, const void *src, size_t n, float *dst);
OMN_API bool omn_from_f32(omn_type t, const float *src, size_t n, void *dst);

/* Tiles: how a matrix [N, K] of bf16 may lie to be multiplied as it is, from weights files that
 * omnio convert made. [ceil(N/32)][ceil(K/32)][2][16][16][2]: strips of 32 rows; within a strip 32
 * columns at a time; there two tiles of 16 rows; a tile is 16 pairs of columns by 16 rows by the 2
 * of the pair, 1 KiB. Beyond N and K all is zero. It is a tensor of these six axes; the op linear
 * takes it for its weight (omnio/ops.h), no other does. */
OMN_API omn_shape omn_tiles_shape(int64_t N, int64_t K);                     /* N, K: 1 and more */
/* Into tiles and back; both may be unaligned and do not overlap. [any] */
OMN_API void omn_tiles_of_rows(const void *rows, int64_t N, int64_t K, void *tiles);
OMN_API void omn_tiles_to_rows(const void *tiles, int64_t N, int64_t K, void *rows);

/* Blocks: a row of weights as whole numbers of few bits with what a block of them shares, under the
 * names and in the very bytes of GGUF, little-endian. d and dmin are f16; each product and
 * difference below is rounded to f32 once.
 *   q8_0  32 elements, 34 bytes: d, 32 signed bytes q. x = d q
 *   q4_0  32 elements, 18 bytes: d, 16 bytes; byte i has element i below and i + 16 above, q of
 *         0 to 15. x = d (q - 8)
 *   q4_K  256 elements, 144 bytes: d, dmin, 12 bytes with a scale s and an offset m of 6 bits for
 *         each 32 elements, 128 bytes of q: of each 64 elements the first 32 lie below, the others
 *         above. x = (d s) q - (dmin m)
 *   q6_K  256 elements, 210 bytes: 128 bytes with the lower 4 bits of q, 64 with the upper 2, 16
 *         signed scales s, each of 16 elements, d. x = (d s) (q - 32)
 * A tensor of blocks has the shape of its elements; its last axis is whole blocks. In a safetensors
 * file it is U8 [.., bytes of a row], and the entry omnio.blocks of __metadata__ says which form,
 * {"NAME":"q8_0",...}. The ops linear (its W) and embedding (its table) read blocks, on devices
 * that say they can (compute.h: cost), else on the processor; every other op refuses them.
 *
 * Into blocks: q8_0 divides by the largest, q4_0 by the largest over -8, both as GGUF's writers do;
 * q4_K and q6_K, and with `importance` q4_0 too, take of some tried scales the one with the
 * smallest sum of importance times squared error. importance: [K], 0 and more, how much an error in
 * each column weighs (the mean square of what the column is multiplied by); NULL: all the same.
 * Elements are finite; rows [N, K] and blocks may be unaligned. False for a type of no blocks, or
 * when K is no multiple of them. [any] */
OMN_API bool omn_blocks_of_rows(omn_type t, const float *rows, size_t N, size_t K,
                                const float *importance, void *blocks) OMN_MUST_USE;

/* Named tensors of one value or of one run: filled by prepare, read by finish, batched by hosts.
 * At most 4096 tensors and 64 GiB. One thread at a time. */
typedef struct omn_feed omn_feed;
OMN_API omn_status omn_feed_make(omn_feed **out, omn_error *err);
OMN_API void omn_feed_free(omn_feed *f);
/* A new zeroed tensor; *data is borrowed, writable while the feed lives. A second one of the same
 * name is OMN_ERR_ARGUMENT. */
OMN_API omn_status omn_feed_new(omn_feed *f, const char *name, omn_type t, omn_shape shape,
                                void **data, omn_error *err);
/* The bytes of t are copied. */
OMN_API omn_status omn_feed_copy(omn_feed *f, const char *name, const omn_tensor *t,
                                 omn_error *err);
/* NULL when there is none of that name; borrowed while the feed lives. */
OMN_API const omn_tensor *omn_feed_get(const omn_feed *f, const char *name);
OMN_API void *omn_feed_data(omn_feed *f, const char *name);   /* writable; NULL when not there */
OMN_API size_t omn_feed_count(const omn_feed *f);
OMN_API const char *omn_feed_name(const omn_feed *f, size_t i);  /* in order of making */
OMN_API void omn_feed_clear(omn_feed *f);

/* A weights file: safetensors, one file, or an index (NAME.safetensors.index.json) with shards
 * beside it, or a directory that holds model.safetensors or its index. Tensors stay where they are,
 * in the mapping. Everything in a header is checked before it is believed: sizes, overlaps, gaps,
 * types, names, JSON; what is wrong is one OMN_ERR_DATA that names file and tensor. Read-only:
 * [any] once opened. */
typedef struct omn_weights omn_weights;
OMN_API omn_status omn_weights_open(const char *path, omn_weights **out, omn_error *err);
/* The same from the bytes of one safetensors file in memory, borrowed until close; its name is for
 * messages. */
OMN_API omn_status omn_weights_of(const void *bytes, size_t n, const char *name, omn_weights **out,
                                  omn_error *err);
OMN_API void omn_weights_close(omn_weights *w);
OMN_API size_t omn_weights_count(const omn_weights *w);
OMN_API const char *omn_weights_name(const omn_weights *w, size_t i);      /* sorted by name */
OMN_API const omn_tensor *omn_weights_at(const omn_weights *w, size_t i);
OMN_API const omn_tensor *omn_weights_get(const omn_weights *w, const char *name);  /* or NULL */
/* Is this tensor the tiles of a matrix? *matrix is its [N, K]. */
OMN_API bool omn_weights_tiles(const omn_weights *w, const char *name, omn_shape *matrix);
OMN_API const char *omn_weights_path(const omn_weights *w);
/* Files that omnio writes carry a checksum of each tensor. Compare all that are there; *checked,
 * unless NULL, is how many tensors had one. Reads every byte of those. OMN_ERR_DATA names the first
 * tensor that is damaged. [any] */
OMN_API omn_status omn_weights_check(const omn_weights *w, size_t *checked, omn_error *err);
/* OMN_ERR_IO when a file was written anew or cut off in its place since it was opened: then nothing
 * in its mapping can be trusted, and what lies beyond the new end must not be touched. A file that
 * was replaced by another (renamed over) has not changed. [any] */
OMN_API omn_status omn_weights_unchanged(const omn_weights *w, omn_error *err);
/* A value of __metadata__, or NULL. Keys by number too, for inspection. */
OMN_API const char *omn_weights_meta(const omn_weights *w, const char *key);
OMN_API size_t omn_weights_meta_count(const omn_weights *w);
OMN_API const char *omn_weights_meta_key(const omn_weights *w, size_t i);
/* The mappings that hold the tensors, for devices that wrap them whole. */
OMN_API size_t omn_weights_maps(const omn_weights *w);
OMN_API const omn_map *omn_weights_map(const omn_weights *w, size_t i);

/* ---- weights that another format holds ---- */

/* What a reader of weights ("omnio.weights/1", omnio/plugin.h) found in its files. Every place is
 * checked when it is added: name, type, shape, and that no element lies outside of the bytes that
 * it may touch; a file that lies is one OMN_ERR_DATA that names file and tensor. [setup] */
typedef struct omn_weights_list omn_weights_list;
/* One tensor as its file has it. Its elements are little-endian. */
typedef struct omn_weights_place {
    uint32_t size;
    uint32_t map;                 /* in which mapping, by the number that adding it gave */
    const char *name;             /* UTF-8; copied */
    omn_type type;
    omn_shape shape;
    const int64_t *strides;       /* steps of the axes in elements, 0 and more; NULL: dense */
    uint64_t at;                  /* where in the mapping its first element begins, in bytes */
    uint64_t from, end;           /* the bytes that it may touch; both 0: the whole mapping */
    bool made;                    /* it lies nowhere: the reader's read makes it, dense, by id */
    uint64_t id;
} omn_weights_place;
/* The mapping is taken, and closed with the weights. *index may be NULL. */
OMN_API omn_status omn_weights_list_map(omn_weights_list *l, omn_map *map, uint32_t *index,
                                        omn_error *err);
/* At most a million tensors; two of one name are refused when the list is complete. */
OMN_API omn_status omn_weights_list_add(omn_weights_list *l, const omn_weights_place *p,
                                        omn_error *err);
/* A pair for omn_weights_meta; of two with one key the first counts. Both are copied. */
OMN_API omn_status omn_weights_list_note(omn_weights_list *l, const char *key, const char *value,
                                         omn_error *err);

/* Write tensors as one safetensors file under a temporary name, then rename. Tensors are laid out
 * by name; data is aligned to 64 bytes by padding the header. meta: n_meta pairs key, value; beside
 * them stands "omnio.xxh3": XXH3 (64 bits, 16 hexadecimal digits) of the bytes of each tensor.
 * [any] */
typedef struct omn_weights_entry { const char *name; omn_tensor tensor; } omn_weights_entry;
OMN_API omn_status omn_weights_write(const char *path, omn_overwrite how,
                                     const omn_weights_entry *entries, size_t n,
                                     const char *const *meta, size_t n_meta, omn_error *err);
/* The same file as bytes, owned by the caller (free()). [any] */
OMN_API omn_status omn_weights_bytes(const omn_weights_entry *entries, size_t n,
                                     const char *const *meta, size_t n_meta, uint8_t **bytes,
                                     size_t *size, omn_error *err);

#ifdef __cplusplus
}
#endif
#endif
