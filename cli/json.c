/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of JSON that the program writes itself; values write themselves (omn_value_json). */
#include "cli.h"

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
        } else {
            omn_buf_put(b, s, 1);
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
