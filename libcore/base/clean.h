/* SPDX-License-Identifier: Apache-2.0 */
/* Characters of UTF-8, one at a time. */
#ifndef OMNIO_BASE_CLEAN_H
#define OMNIO_BASE_CLEAN_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at s, which a 0 byte ends; 0 when none begins there: overlong forms,
 * surrogates and numbers beyond U+10FFFF are none. *code: which one it is. [any] */
size_t clean_character(const char *s, uint32_t *code);

#endif
