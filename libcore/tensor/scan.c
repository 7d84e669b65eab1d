/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON from front to back; see scan.h for why there is no tree. */
#include "libcore/tensor/scan.h"

#include <string.h>

bool scan_fail(scan *s, const char *wrong)
{
    if (!s->wrong) {
        s->wrong = wrong;
        s->status = OMN_ERR_DATA;
    }
    return false;
}

static void skip_space(scan *s)
{
    while (s->at < s->size && (s->text[s->at] == ' ' || s->text[s->at] == '\n' ||
                               s->text[s->at] == '\r' || s->text[s->at] == '\t'))
        s->at++;
}

bool scan_try(scan *s, char mark)
{
    if (s->wrong) return false;
    skip_space(s);
    if (s->at >= s->size || s->text[s->at] != mark) return false;
    s->at++;
    return true;
}

bool scan_mark(scan *s, char mark)
{
    if (s->wrong || scan_try(s, mark)) return !s->wrong;
    if (s->at >= s->size) return scan_fail(s, "the text ends too early");
    switch (mark) {
    case '{': return scan_fail(s, "\"{\" is wanted");
    case '}': return scan_fail(s, "\",\" or \"}\" is wanted");
    case '[': return scan_fail(s, "\"[\" is wanted");
    case ']': return scan_fail(s, "\",\" or \"]\" is wanted");
    case ':': return scan_fail(s, "\":\" is wanted");
    case '"': return scan_fail(s, "a string is wanted");
    default: return scan_fail(s, "another character is wanted");
    }
}

bool scan_end(scan *s)
{
    if (s->wrong) return false;
    skip_space(s);
    return s->at == s->size ? true : scan_fail(s, "nothing should follow here");
}

/* Length of the valid UTF-8 character at p, 0 if it is none (overlong, surrogate, cut off). */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 :
               p[0] < 0xF5 ? 4 : 0;
    if (n == 0 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    if (p[0] == 0xE0 && p[1] < 0xA0) return 0;
    if (p[0] == 0xED && p[1] >= 0xA0) return 0;
    if (p[0] == 0xF0 && p[1] < 0x90) return 0;
    if (p[0] == 0xF4 && p[1] >= 0x90) return 0;
    return n;
}

bool scan_utf8(const char *s, size_t n)
{
    size_t each;
    for (size_t at = 0; at < n; at += each) {
        each = utf8_length((const unsigned char *)s + at, n - at);
        if (each == 0) return false;
    }
    return true;
}

static size_t utf8_put(uint32_t c, char *to)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6) to[i] = (char)(0x80u | (c & 0x3Fu));
    to[0] = (char)((n == 2 ? 0xC0u : n == 3 ? 0xE0u : 0xF0u) | c);
    return n;
}

static bool four_digits(scan *s, uint32_t *out)
{
    uint32_t v = 0;
    if (s->size - s->at < 4) return scan_fail(s, "the text ends too early");
    for (int i = 0; i < 4; i++, s->at++) {
        char c = s->text[s->at];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return scan_fail(s, "four hexadecimal digits must follow \\u");
        v = v * 16 + (uint32_t)digit;
    }
    *out = v;
    return true;
}

/* What follows a backslash, as UTF-8 into `to` (room for 4); 0 after a failure. */
static size_t escape(scan *s, char *to)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    uint32_t c, low;
    if (s->at >= s->size) return scan_fail(s, "the text ends too early"), 0;
    char e = s->text[s->at];
    const char *known = e ? strchr(letters, e) : NULL;
    if (known) {
        s->at++;
        to[0] = values[known - letters];
        return 1;
    }
    if (e != 'u') return scan_fail(s, "no such escape in a string"), 0;
    s->at++;
    if (!four_digits(s, &c)) return 0;
    if (c >= 0xD800 && c < 0xDC00) {
        if (s->size - s->at < 2 || s->text[s->at] != '\\' || s->text[s->at + 1] != 'u')
            return scan_fail(s, "half of a surrogate pair"), 0;
        s->at += 2;
        if (!four_digits(s, &low)) return 0;
        if (low < 0xDC00 || low > 0xDFFF) return scan_fail(s, "half of a surrogate pair"), 0;
        c = 0x10000u + ((c - 0xD800u) << 10) + (low - 0xDC00u);
    } else if (c >= 0xDC00 && c <= 0xDFFF) {
        return scan_fail(s, "half of a surrogate pair"), 0;
    }
    if (c == 0) return scan_fail(s, "a NUL character in a string"), 0;
    return utf8_put(c, to);
}

/* Steps over the string at hand; with `to`, decodes it as well. Decoding never makes it longer. */
static bool walk_string(scan *s, char *to)
{
    char piece[4];
    if (!scan_mark(s, '"')) return false;
    while (s->at < s->size) {
        unsigned char c = (unsigned char)s->text[s->at];
        size_t n;
        if (c == '"') {
            s->at++;
            if (to) *to = '\0';
            return true;
        }
        if (c < 0x20) return scan_fail(s, "a control character in a string");
        if (c == '\\') {
            s->at++;
            n = escape(s, piece);
            if (n == 0) return false;
            if (to) memcpy(to, piece, n);
        } else {
            n = utf8_length((const unsigned char *)s->text + s->at, s->size - s->at);
            if (n == 0) return scan_fail(s, "bytes that are not UTF-8");
            if (to) memcpy(to, s->text + s->at, n);
            s->at += n;
        }
        if (to) to += n;
    }
    return scan_fail(s, "a string does not end");
}

bool scan_string(scan *s, char **out)
{
    scan ahead = *s;
    if (!walk_string(&ahead, NULL)) {
        *s = ahead;
        return false;
    }
    char *to = omn_arena_alloc(s->strings, ahead.at - s->at, 1);
    if (!to) {
        (void)scan_fail(s, "no memory for a string");
        s->status = OMN_ERR_MEMORY;
        return false;
    }
    *out = to;
    return walk_string(s, to);
}

static bool is_digit(const scan *s)
{
    return s->at < s->size && s->text[s->at] >= '0' && s->text[s->at] <= '9';
}

bool scan_count(scan *s, uint64_t *out)
{
    uint64_t v = 0;
    if (s->wrong) return false;
    skip_space(s);
    size_t start = s->at;
    for (; is_digit(s); s->at++) {
        uint64_t digit = (uint64_t)(s->text[s->at] - '0');
        if (v > ((uint64_t)INT64_MAX - digit) / 10) return scan_fail(s, "a number is too large");
        v = v * 10 + digit;
    }
    if (s->at == start) return scan_fail(s, "a whole number is wanted, not negative");
    if (s->text[start] == '0' && s->at > start + 1)
        return scan_fail(s, "a number must not begin with 0");
    if (s->at < s->size && (s->text[s->at] == '.' || s->text[s->at] == 'e' ||
                            s->text[s->at] == 'E'))
        return scan_fail(s, "a whole number is wanted");
    *out = v;
    return true;
}

static bool skip_number(scan *s)
{
    if (s->text[s->at] == '-') s->at++;
    if (!is_digit(s)) return scan_fail(s, "a value is wanted");
    if (s->text[s->at] == '0') {
        s->at++;
        if (is_digit(s)) return scan_fail(s, "a number must not begin with 0");
    }
    while (is_digit(s)) s->at++;
    if (s->at < s->size && s->text[s->at] == '.') {
        s->at++;
        if (!is_digit(s)) return scan_fail(s, "digits must follow the point");
        while (is_digit(s)) s->at++;
    }
    if (s->at < s->size && (s->text[s->at] == 'e' || s->text[s->at] == 'E')) {
        s->at++;
        if (s->at < s->size && (s->text[s->at] == '+' || s->text[s->at] == '-')) s->at++;
        if (!is_digit(s)) return scan_fail(s, "an exponent needs digits");
        while (is_digit(s)) s->at++;
    }
    return true;
}

static bool skip_simple(scan *s)
{
    static const char *const words[] = { "true", "false", "null" };
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if (s->size - s->at >= n && memcmp(s->text + s->at, words[i], n) == 0) {
            s->at += n;
            return true;
        }
    }
    return skip_number(s);
}

/* Without recursion: a bit per open level says whether it is an object. */
bool scan_skip(scan *s)
{
    uint64_t objects = 0;
    unsigned depth = 0;
    for (;;) {
        bool opened = false;
        if (s->wrong) return false;
        skip_space(s);
        if (s->at >= s->size) return scan_fail(s, "the text ends too early");
        char c = s->text[s->at];
        if (c == '{' || c == '[') {
            if (depth == SCAN_DEPTH) return scan_fail(s, "nested too deeply");
            s->at++;
            objects = objects << 1 | (c == '{');
            depth++;
            opened = true;
        } else if (c == '"' ? !walk_string(s, NULL) : !skip_simple(s)) {
            return false;
        }
        /* Close what ends here, up to the next value. */
        for (;;) {
            if (depth == 0) return true;
            bool object = objects & 1;
            if (scan_try(s, object ? '}' : ']')) {
                objects >>= 1;
                depth--;
                opened = false;
                continue;
            }
            if (!opened && !scan_try(s, ',')) return scan_mark(s, object ? '}' : ']');
            if (object && (!walk_string(s, NULL) || !scan_mark(s, ':'))) return false;
            break;
        }
    }
}

bool scan_element(scan *s, bool *first)
{
    if (*first ? !scan_mark(s, '[') : s->wrong != NULL) return false;
    if (scan_try(s, ']')) return false;
    if (!*first && !scan_try(s, ',')) return scan_mark(s, ']');
    *first = false;
    return true;
}

bool scan_member(scan *s, bool *first, char **key)
{
    if (*first ? !scan_mark(s, '{') : s->wrong != NULL) return false;
    if (scan_try(s, '}')) return false;
    if (!*first && !scan_try(s, ',')) return scan_mark(s, '}');
    *first = false;
    return scan_string(s, key) && scan_mark(s, ':');
}
