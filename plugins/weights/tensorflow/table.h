/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys and values that an index file is. */
#ifndef WEIGHTS_TENSORFLOW_TABLE_H
#define WEIGHTS_TENSORFLOW_TABLE_H

#include "message.h"

enum { TABLE_KEY = 4096 };

/* Called for each pair in order; key is terminated, n its bytes. */
typedef omn_status table_row(void *user, const char *key, size_t n, const message *value,
                             omn_error *err);
omn_status table_read(const char *path, const uint8_t *p, size_t n, table_row *row, void *user,
                      omn_error *err);
/* CRC-32C, masked as tables and their entries keep it; of no bytes it is not 0. */
uint32_t table_crc(const uint8_t *p, size_t n);
/* Does a file of these last 8 bytes end as a table does? */
bool table_magic(const uint8_t *p);

#endif
