/* SPDX-License-Identifier: Apache-2.0 */
/* Values from words: of a file where the kind has no form for words, or where it is one of JSON;
 * JSON itself; or the word, which the kind that is wanted reads. */
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool words_are_files(const omn_pipeline_port *port)
{
    return port->kind && !omn_kind_impl(port->kind)->word;
}

/* A word that can only be meant as the name of a file, whether that is there or not. */
static bool means_json_file(const omn_pipeline_port *port, const char *word)
{
    const char *dot = strrchr(word, '.');
    return dot && !strcmp(dot, ".json") && strcmp(port->type, "text") && word[0] != '[' &&
           word[0] != '{' && !strchr(word, '\n');
}

bool words_name_file(const omn_pipeline_port *port, const char *word)
{
    return words_are_files(port) || (means_json_file(port, word) && access(word, F_OK) == 0);
}

const char *words_holder(const omn_pipeline_port *port)
{
    const char *form = port->kind ? omn_kind_impl(port->kind)->form : NULL;
    return words_are_files(port) ? "FILE" : form ? form : "VALUE";
}

/* The text of standard input without its last newlines and without a byte order mark. */
static omn_status whole_input(omn_value **out, omn_error *err)
{
    char *data = NULL;
    size_t n = 0;
    omn_status st = omn_file_read("-", OMN_TEXT_MOST, &data, &n, err);
    if (st != OMN_OK) return st;
    const size_t mark = n >= 3 && !memcmp(data, "\xEF\xBB\xBF", 3) ? 3 : 0;
    while (n > mark && (data[n - 1] == '\n' || data[n - 1] == '\r')) n--;
    st = omn_text_new(data + mark, n - mark, out, err);
    free(data);
    return st;
}

omn_status words_json(cli *c, const char *text, size_t n, omn_value **out, omn_error *err)
{
    omn_call *call = NULL;
    omn_status st = omn_context_call(c->ctx, 0, 0, NULL, &call, err);
    if (st == OMN_OK) st = omn_call_json(call, NULL, text, n, out, err);
    omn_call_free(call);
    return st;
}

omn_status words_value(cli *c, const omn_pipeline_port *port, const char *word, omn_value **out,
                       omn_error *err)
{
    /* an object is no list: "{} in a box" is the first of the words of one */
    const bool object = word[0] == '{' && strcmp(port->type, "list");
    const bool json = (word[0] == '[' || object) && strcmp(port->type, "text");
    if (words_name_file(port, word) && !(json && access(word, F_OK) != 0))
        return omn_value_load(c->ctx, word, port->type, out, err);
    if (means_json_file(port, word))
        return omn_fail(err, OMN_ERR_MISSING, "%s: %s", word, strerror(ENOENT));
    if (!strcmp(word, "-")) return whole_input(out, err);
    if (json) return words_json(c, word, strlen(word), out, err);
    return omn_text_new(word, strlen(word), out, err);
}

size_t words_size(const omn_value *v)
{
    return omn_value_bytes(v);
}
