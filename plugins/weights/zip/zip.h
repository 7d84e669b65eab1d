/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of a zip archive that is mapped: where the bytes of each entry lie. */
#ifndef WEIGHTS_ZIP_H
#define WEIGHTS_ZIP_H

#include <omnio/base.h>

typedef struct zip_entry {
    const char *name;
    uint64_t head;         /* of its local header */
    uint64_t at;           /* of its bytes in the file */
    uint64_t packed, size; /* bytes there, and as they were */
    uint32_t crc;          /* CRC-32 of the latter */
    uint16_t method;       /* ZIP_STORED, ZIP_DEFLATED or one that nobody here reads */
} zip_entry;

enum { ZIP_STORED = 0, ZIP_DEFLATED = 8 };

typedef struct zip_dir {
    zip_entry *of; /* sorted by name */
    size_t n;
} zip_dir;

/* Everything in the directory is checked: each entry lies in the file, behind a header of the same
 * name, and over no other one. What is there lives in the arena. [any] */
omn_status zip_read(const omn_map *map, omn_arena *a, zip_dir *out, omn_error *err);
/* The bytes of a stored entry are those that its checksum was made of; OMN_ERR_DATA names the file
 * and the entry. One of 0 is none: some programs are told to leave it out. [any] */
omn_status zip_check(const omn_map *map, const zip_entry *e, omn_error *err);
/* NULL: there is none. [any] */
const zip_entry *zip_find(const zip_dir *z, const char *name);

#endif
