/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of JSON that the program writes itself; values write themselves (omn_value_json). */
#include "cli.h"

/* How many bytes the character at s has; 0: it is none of UTF-8, as names of files may hold. */
static size_t character(const char *s)
{
    const unsigned char ch = (unsigned char)*s;
    const size_t n = ch < 0x80 ? 1 : ch < 0xe0 ? 2 : ch < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < n; i++)
        if (!s[i]) return 0;
    return omn_utf8_check(s, n, NULL) ? n : 0;
}

void json_text(omn_buf *b, const char *s)
{
    static const char digits[] = "0123456789abcdef";
    omn_buf_put(b, "\"", 1);
    for (; *s; s++) {
        const unsigned char ch = (unsigned char)*s;
        if (ch == '"' || ch == '\\') {
            omn_buf_put(b, "\\", 1);
            omn_buf_put(b, s, 1);
        } else if (ch == '\n') {
            omn_buf_puts(b, "\\n");
        } else if (ch < 0x20) {
            const char u[6] = { '\\', 'u', '0', '0', digits[ch >> 4], digits[ch & 15] };
            omn_buf_put(b, u, sizeof u);
        } else if (character(s)) {
            const size_t n = character(s);
            omn_buf_put(b, s, n);
            s += n - 1;
        } else {
            omn_buf_puts(b, "\\ufffd");
        }
    }
    omn_buf_put(b, "\"", 1);
}

void json_error(omn_buf *b, const omn_error *err, int64_t item, const char *id)
{
    omn_buf_printf(b, "{\"type\":\"error\",\"version\":%d", CLI_JSON_VERSION);
    if (item >= 0) omn_buf_printf(b, ",\"item\":%lld", (long long)item);
    if (id) omn_buf_printf(b, ",\"id\":%s", id);
    omn_buf_puts(b, ",\"status\":");
    json_text(b, omn_status_name((omn_status)err->status));
    omn_buf_printf(b, ",\"exit\":%d,\"text\":", omn_status_exit((omn_status)err->status));
    json_text(b, err->text);
    if (err->file[0]) {
        omn_buf_puts(b, ",\"file\":");
        json_text(b, err->file);
    }
    if (err->line > 0)
        omn_buf_printf(b, ",\"line\":%d,\"column\":%d", (int)err->line, (int)err->column);
    omn_buf_puts(b, "}\n");
}
