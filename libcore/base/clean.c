/* SPDX-License-Identifier: Apache-2.0 */
/* Text that is safe to show. Names come from files of strangers; on a terminal, their control
 * characters would move the cursor or rename the window, their ends of lines would forge a second
 * message, their marks of direction would show a name backwards, and bytes that are no UTF-8 would
 * break the log that keeps the message. Each becomes one question mark. */
#include "libcore/base/clean.h"

#include <omnio/base.h>

#include <string.h>

size_t clean_character(const char *text, uint32_t *code)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t n = *s < 0x80 ? 1 : *s >= 0xF0 ? 4 : *s >= 0xE0 ? 3 : 2;
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    if (n == 1) {
        *code = *s;
        return 1;
    }
    if (*s < 0xC2 || *s > 0xF4) return 0;
    uint32_t c = *s & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        c = c << 6 | (s[i] & 0x3Fu);
    }
    if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return 0;
    *code = c;
    return n;
}

static bool is_safe(uint32_t c)
{
    return c >= 0x20 && !(c >= 0x7F && c < 0xA0) && !(c >= 0x2028 && c <= 0x202E) &&
           !(c >= 0x2066 && c <= 0x2069);
}

char *omn_text_clean(char *text)
{
    const char *from = text;
    char *to = text;
    while (*from) {
        uint32_t c = 0;
        size_t n = clean_character(from, &c);
        if (n > 0 && is_safe(c)) {
            memmove(to, from, n);
            to += n;
        } else {
            *to++ = '?';
        }
        from += n > 0 ? n : 1;
    }
    *to = '\0';
    return text;
}
