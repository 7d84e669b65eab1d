/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h: how many bytes one character takes, with SentencePiece's idea of what is valid. */
#ifndef SENTENCEPIECE_UTF8_H
#define SENTENCEPIECE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* U+FFFD, what stands for a byte that is no character, and U+2581, what stands for a space. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"
#define UTF8_SPACE_MARK  "\xe2\x96\x81"

/* Bytes of the valid character at s (n >= 1 bytes are there), 0 when there is none: overlong forms,
 * surrogates, values beyond U+10FFFF, cut characters, lone trail bytes. */
size_t utf8_valid(const char *s, size_t n);
/* Whether n >= 1 bytes are the beginning of some valid character that needs more bytes. */
bool utf8_unfinished(const char *s, size_t n);
/* Bytes of a character by its first byte alone, 1 to 4. */
size_t utf8_length(char first);

#endif
