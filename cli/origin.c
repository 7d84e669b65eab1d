/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of a run, as a picture or a sound carries them along: version, pipeline, model,
 * texts and numbers of the inputs, what the model was asked, the options that change an answer. A
 * file goes places, so nothing is told of where it comes from: of every path its last name alone is
 * left, and files that were read are not named at all. */
#include "origin.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { MOST_ASKED = 8192 };

void origin_init(origin *o, const cli_args *a, const char *pipeline, const models *m)
{
    *o = (origin){ cli_has(a, "no-origin"), pipeline, m, a, { 0 } };
    omn_buf_init(&o->asked, MOST_ASKED);
}

void origin_fini(origin *o)
{
    omn_buf_fini(&o->asked);
}

/* Where a path may begin: /home/x, ~/x, ./x, ../x, file:///x, behind a space, a quote or a sign. */
static size_t path_length(const char *s, const char *p)
{
    const bool fresh = p == s || (!isalnum((unsigned char)p[-1]) && p[-1] != '.' && p[-1] != '_');
    const size_t n = strcspn(p, " \t\r\n\"'<>|,;");
    if (!fresh || !memchr(p, '/', n)) return 0;
    if (p[0] == '/') return memchr(p + 1, '/', n - 1) ? n : 0; /* "5 /6", "</b>" are none */
    if (!strncmp(p, "./", 2) || !strncmp(p, "../", 3) || p[0] == '~') return n;
    return 0;
}

static const char *last_name(const char *p, size_t *n)
{
    while (*n > 0 && p[*n - 1] == '/') --*n;
    for (size_t i = *n; i > 0; i--)
        if (p[i - 1] == '/') {
            *n -= i;
            return p + i;
        }
    return p;
}

/* As a JSON text of at most so many bytes. */
static void put_private(omn_buf *out, const char *s, size_t most)
{
    omn_buf plain;
    bool cut = false;
    omn_buf_init(&plain, OMN_TEXT_MOST);
    for (const char *p = s; *p && !cut;) {
        size_t n = path_length(s, p), all = n > 0 ? n : 1;
        const char *from = n > 0 ? last_name(p, &n) : p;
        omn_buf_put(&plain, from, n > 0 ? n : all == 1 ? 1 : 0);
        p += all;
        cut = plain.length > most;
    }
    while (cut && plain.length > most) plain.length--;
    while (cut && plain.length > 0 && ((unsigned char)plain.data[plain.length] & 0xc0) == 0x80)
        plain.length--;
    if (cut) plain.data[plain.length] = '\0';
    if (cut) omn_buf_puts(&plain, "...");
    json_text(out, plain.data);
    out->failed = out->failed || plain.failed;
    omn_buf_fini(&plain);
}

/* A text that names a file. */
static void put_last(omn_buf *out, const char *path)
{
    char name[256];
    size_t n = strlen(path);
    const char *last = last_name(path, &n);
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), last);
    json_text(out, name);
}

/* "models/nano/" is nano, "a/vqa.yaml" is vqa. */
static void put_name(omn_buf *out, const char *path)
{
    char name[256];
    size_t n = strlen(path);
    const char *last = last_name(path, &n);
    if (n > 5 && !memcmp(last + n - 5, ".yaml", 5)) n -= 5;
    snprintf(name, sizeof name, "%.*s", (int)n, last);
    json_text(out, name);
}

void origin_asked(origin *o, const char *step, const omn_request *rq)
{
    omn_buf one;
    if (o->off) return;
    omn_buf_init(&one, MOST_ASKED);
    omn_buf_puts(&one, o->asked.length ? ",{\"step\":" : "{\"step\":");
    json_text(&one, step);
    omn_buf_puts(&one, ",\"prompt\":");
    put_private(&one, rq->prompt ? rq->prompt : "", 2000);
    omn_buf_puts(&one, ",\"temperature\":");
    omn_number_print(rq->temperature, &one);
    if (rq->temperature > 0) {
        omn_buf_printf(&one, ",\"seed\":%llu,\"top_k\":%d", (unsigned long long)rq->seed,
                       (int)rq->top_k);
        if (!isnan(rq->top_p)) omn_buf_puts(&one, ",\"top_p\":");
        if (!isnan(rq->top_p)) omn_number_print(rq->top_p, &one);
    }
    if (rq->beams.count > 1) omn_buf_printf(&one, ",\"beams\":%d", (int)rq->beams.count);
    if (rq->beams.count > 1 && (rq->beams.alpha < 0 || rq->beams.alpha > 0)) {
        omn_buf_puts(&one, ",\"length_penalty\":");
        omn_number_print(rq->beams.alpha, &one);
    }
    if (rq->max_tokens > 0) omn_buf_printf(&one, ",\"max_tokens\":%d", (int)rq->max_tokens);
    if (rq->min_tokens > 0) omn_buf_printf(&one, ",\"min_tokens\":%d", (int)rq->min_tokens);
    if (rq->no_repeat > 0) omn_buf_printf(&one, ",\"no_repeat\":%d", (int)rq->no_repeat);
    omn_buf_puts(&one, "}");
    /* what has no room is left out, whole */
    if (!one.failed && o->asked.length + one.length < MOST_ASKED)
        omn_buf_put(&o->asked, one.data, one.length);
    omn_buf_fini(&one);
}

static void put_inputs(const item *it, size_t most, omn_buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < it->n; i++) {
        const omn_value *v = it->inputs[i].value;
        const char *text = omn_text_get(v, NULL);
        if (it->files[i] || (!text && !omn_value_is(v, "number"))) continue;
        omn_buf_puts(out, n++ ? "," : ",\"inputs\":{");
        json_text(out, it->inputs[i].name);
        omn_buf_puts(out, ":");
        if (text && strchr(text, '/') && access(text, F_OK) == 0) put_last(out, text);
        else if (text) put_private(out, text, most);
        else omn_number_print(omn_number_get(v), out);
    }
    if (n) omn_buf_puts(out, "}");
}

/* key=value, which cli_settings has cut in two. */
static void put_setting(omn_buf *out, const char *key, size_t most)
{
    omn_buf whole;
    omn_buf_init(&whole, OMN_TEXT_MOST);
    omn_buf_printf(&whole, "%s=%s", key, key + strlen(key) + 1);
    put_private(out, whole.data ? whole.data : "", most);
    out->failed = out->failed || whole.failed;
    omn_buf_fini(&whole);
}

/* Those that change an answer. */
static void put_options(const origin *o, size_t most, omn_buf *out)
{
    static const char *const names[] = { "seed",  "temp",      "top-k", "top-p", "max-tokens",
                                         "set",   "precision", "device", "cache", "adapter" };
    size_t n = 0;
    for (size_t i = 0; i < o->args->n_given; i++) {
        const cli_given *g = &o->args->given[i];
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            if (strcmp(g->row->name, names[k])) continue;
            omn_buf_puts(out, n++ ? "," : ",\"options\":[");
            omn_buf_puts(out, "{\"name\":");
            json_text(out, names[k]);
            omn_buf_puts(out, ",\"value\":");
            const char *value = g->value ? g->value : "";
            if (strcmp(names[k], "adapter") == 0) put_last(out, value);
            else if (strcmp(names[k], "set") == 0) put_setting(out, value, most);
            else put_private(out, value, most);
            omn_buf_puts(out, "}");
        }
    }
    if (n) omn_buf_puts(out, "]");
}

void origin_put(const origin *o, const item *it, omn_buf *out)
{
    static const size_t most[] = { 2000, 200, 20 };
    out->length = 0;
    if (o->off) return;
    for (size_t i = 0; i < 3; i++) {
        omn_buf_fini(out);
        omn_buf_init(out, OMN_ORIGIN_MOST - 1);
        omn_buf_puts(out, "{\"omnio\":");
        json_text(out, omn_version());
        omn_buf_puts(out, ",\"pipeline\":");
        put_name(out, o->pipeline);
        models_json(o->models, put_name, out);
        put_inputs(it, most[i], out);
        if (o->asked.length) omn_buf_printf(out, ",\"asked\":[%s]", o->asked.data);
        put_options(o, most[i], out);
        omn_buf_puts(out, "}");
        if (!out->failed) return;
    }
    /* so many inputs that not even their beginnings have room */
    omn_buf_fini(out);
    omn_buf_init(out, OMN_ORIGIN_MOST - 1);
}
