/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a run in their three forms: text for people, that streams; JSON, an object or a list
 * of them; and JSON Lines, events whose fields omnio(1) names. */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

const char *answer_streams(const running *r)
{
    size_t shown = 0, one = 0;
    for (size_t i = 0; i < r->out.n; i++)
        if (r->out.printed[i] && ++shown) one = i;
    const omn_pipeline_port *port = &r->out.ports[one];
    const bool streams =
        r->c->format == CLI_TEXT && !r->many && shown == 1 && !strcmp(port->type, "text");
    return streams ? port->from : NULL;
}

void answer_head(const running *r, omn_buf *b)
{
    if (r->c->format != CLI_JSONL) return;
    omn_buf_printf(b, "{\"type\":\"start\",\"version\":%d,\"program\":\"omnio %s\",\"pipeline\":",
                   CLI_JSON_VERSION, omn_version());
    json_text(b, omn_pipeline_path(r->p));
    models_json(r->models, json_text, b);
    omn_buf_puts(b, "}\n");
}

bool answer_start(running *r)
{
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    answer_head(r, &b);
    const bool ok = cli_put(r->c, &b);
    omn_buf_fini(&b);
    return ok;
}

/* ---- an answer ---------------------------------------------------------------------------- */

/* What the run had to say beside its outputs. */
static void put_told(const running *r, const omn_value *told, omn_buf *b)
{
    for (size_t i = 0; told && i < omn_record_count(told); i++) {
        const char *name = NULL;
        const omn_value *v = omn_record_at(told, i, &name);
        if (!r->shows_input && !strcmp(name, "seen")) continue;
        omn_buf_put(b, ",", 1);
        json_text(b, name);
        omn_buf_put(b, ":", 1);
        omn_value_json(v, b);
    }
}

/* Notes for people, whatever the form of the answer. */
static void say_notes(const running *r, const item *it, const omn_value *told)
{
    const omn_value *notes = told ? omn_record_get(told, "notes") : NULL;
    for (size_t i = 0; notes && i < omn_list_count(notes) && !r->c->quiet; i++) {
        const char *text = omn_text_get(omn_list_at(notes, i), NULL);
        if (it->label[0])
            cli_say(r->c, "%s: %s", it->label, text);
        else
            cli_say(r->c, "%s", text);
    }
}

/* ---- while it runs ------------------------------------------------------------------------ */

static void put_event(running *r, const char *type, const char *step, const omn_event *e)
{
    omn_buf b;
    omn_buf_init(&b, OMN_TEXT_MOST);
    omn_buf_printf(&b, "{\"type\":\"%s\",\"version\":%d,\"item\":%llu,\"step\":", type,
                   CLI_JSON_VERSION, (unsigned long long)r->item);
    json_text(&b, step ? step : "");
    omn_buf_puts(&b, e->value ? ",\"value\":" : ",\"text\":");
    if (e->value) {
        omn_value_json(e->value, &b);
    } else {
        json_text(&b, e->text);
    }
    omn_buf_puts(&b, "}\n");
    cli_put(r->c, &b);
    omn_buf_fini(&b);
}

int answer_event(void *user, const char *step, const omn_event *e)
{
    running *r = user;
    const bool lines = r->c->format == CLI_JSONL;
    if (r->many) return 0;
    if (!strcmp(e->type, "progress")) preview_progress(&r->preview, step, e);
    if (e->value && !strcmp(e->type, "partial")) {
        preview_show(&r->preview, e->value);
        if (lines && !r->preview.path) put_event(r, "partial", step, e);
    }
    if (strcmp(e->type, "token") || !e->text) return 0;
    if (lines) {
        put_event(r, "token", step, e);
    } else if (r->streams && step && !strcmp(r->streams, step)) {
        const char *text = e->text;
        if (!r->streamed.length) text += strspn(text, " \n");
        omn_buf_puts(&r->streamed, text);
        /* what is not noted would be said again at the end, with the rest of the answer */
        if (!r->streamed.failed) cli_puts(r->c, text);
    }
    return 0;
}

/* ---- the whole of it ---------------------------------------------------------------------- */

/* --show-input for people: one line for each input of each step. */
static void say_seen(const running *r, const item *it, const omn_value *told)
{
    const omn_value *seen = told && r->shows_input && r->c->format == CLI_TEXT
                                ? omn_record_get(told, "seen")
                                : NULL;
    for (size_t i = 0; seen && i < omn_list_count(seen); i++) {
        const omn_value *one = omn_list_at(seen, i);
        omn_buf b;
        omn_buf_init(&b, 1 << 16);
        if (it->label[0]) omn_buf_printf(&b, "%s: ", it->label);
        omn_buf_puts(&b, "seen:");
        for (size_t k = 0; k < omn_record_count(one); k++) {
            const char *name = NULL;
            const omn_value *v = omn_record_at(one, k, &name);
            omn_buf_printf(&b, "%s %s ", k ? "," : "", name);
            if (omn_text_get(v, NULL))
                omn_buf_puts(&b, omn_text_get(v, NULL));
            else
                omn_value_json(v, &b);
        }
        cli_say(r->c, "%s", b.data ? b.data : "");
        omn_buf_fini(&b);
    }
}

static void put_value(const omn_value *v, omn_buf *b)
{
    if (v) omn_value_json(v, b);
    else omn_buf_puts(b, "null");
}

static void put_fields(const running *r, const item *it, const omn_value *record,
                       const omn_value *told, double seconds, omn_buf *b)
{
    bool first = true;
    if (it->id) omn_buf_printf(b, ",\"id\":%s", it->id);
    if (it->extra) omn_buf_printf(b, ",\"extra\":{%s}", it->extra);
    omn_buf_puts(b, ",\"inputs\":{");
    for (size_t i = 0; i < it->n; i++) {
        if (i) omn_buf_put(b, ",", 1);
        json_text(b, it->inputs[i].name);
        omn_buf_put(b, ":", 1);
        if (it->files[i])
            json_text(b, it->files[i]);
        else
            omn_value_json(it->inputs[i].value, b);
    }
    omn_buf_puts(b, "},\"outputs\":{");
    for (size_t i = 0; i < r->out.n; i++) {
        if (!r->out.printed[i]) continue;
        if (!first) omn_buf_put(b, ",", 1);
        first = false;
        json_text(b, r->out.ports[i].name);
        omn_buf_put(b, ":", 1);
        put_value(omn_record_get(record, r->out.ports[i].name), b);
    }
    omn_buf_puts(b, "},\"files\":{");
    first = true;
    for (size_t i = 0; i < r->out.n; i++) {
        if (!r->out.written[i][0]) continue;
        if (!first) omn_buf_put(b, ",", 1);
        first = false;
        json_text(b, r->out.ports[i].name);
        omn_buf_put(b, ":", 1);
        json_text(b, r->out.written[i]);
    }
    omn_buf_puts(b, "}");
    put_told(r, told, b);
    omn_buf_printf(b, ",\"seconds\":%.3f}", seconds);
}

/* Several places in pixels of a picture, which people want one by one. */
static bool are_places(const omn_value *v)
{
    const omn_kind *k = omn_value_kind(v);
    const char *place = omn_kind_impl(k)->place;
    return place && !strcmp(place, "frame") && omn_kind_items(k);
}

static void put_events(const running *r, const omn_value *record, omn_buf *b)
{
    for (size_t i = 0; i < r->out.n && !r->many; i++) {
        const omn_value *v = omn_record_get(record, r->out.ports[i].name);
        const bool places = v && are_places(v) && r->out.printed[i];
        const char *kind = v ? omn_value_kind_name(v) : "file";
        if (!places && !r->out.written[i][0]) continue;
        omn_buf_printf(b, "{\"type\":\"%s\",\"version\":%d,\"item\":%llu,\"output\":", kind,
                       CLI_JSON_VERSION, (unsigned long long)r->item);
        json_text(b, r->out.ports[i].name);
        if (r->out.written[i][0]) {
            omn_buf_puts(b, ",\"file\":");
            json_text(b, r->out.written[i]);
        }
        if (places) {
            omn_buf_puts(b, ",");
            json_text(b, kind);
            omn_buf_puts(b, ":");
            put_value(v, b);
        }
        omn_buf_puts(b, "}\n");
    }
}

/* A list whose items take several lines (what a map kept) has an empty line between them. */
static void put_plain(const omn_value *v, omn_buf *out)
{
    bool apart = false;
    const bool list = omn_value_is(v, "list");
    for (size_t i = 0; list && i < omn_list_count(v); i++) {
        omn_buf one;
        omn_buf_init(&one, (size_t)1 << 26);
        omn_value_text(omn_list_at(v, i), &one);
        apart = apart || strchr(one.data, '\n');
        if (one.failed) out->failed = true;
        omn_buf_fini(&one);
    }
    if (!apart) {
        omn_value_text(v, out);
        return;
    }
    for (size_t i = 0; i < omn_list_count(v); i++) {
        if (i) omn_buf_puts(out, "\n\n");
        omn_value_text(omn_list_at(v, i), out);
        while (out->length && out->data[out->length - 1] == '\n') out->data[--out->length] = '\0';
    }
}

/* Text for people: "value", "output: value" when there are several, "item: ..." in front when there
 * are many. */
static void put_text(const running *r, const item *it, const omn_value *record, omn_buf *b)
{
    size_t shown = 0;
    for (size_t i = 0; i < r->out.n; i++) shown += r->out.printed[i];
    for (size_t i = 0; i < r->out.n; i++) {
        omn_buf text;
        const omn_value *v = omn_record_get(record, r->out.ports[i].name);
        if (!r->out.printed[i] || !v) continue;
        omn_buf_init(&text, (size_t)1 << 26);
        put_plain(v, &text);
        if (text.failed) b->failed = true;
        while (text.length && text.data[text.length - 1] == '\n') text.data[--text.length] = '\0';
        /* nothing of what has a line for each item is no line; an empty text is an answer */
        const bool no_line = !text.length && !omn_value_is(v, "text");
        for (const char *line = text.data ? text.data : ""; !no_line;) {
            const size_t n = strcspn(line, "\n");
            if (r->many && it->label[0])
                omn_buf_printf(b, "%s: ", it->label);
            else if (r->many)
                omn_buf_printf(b, "%llu: ", (unsigned long long)it->index);
            if (shown > 1) omn_buf_printf(b, "%s: ", r->out.ports[i].name);
            omn_buf_put(b, line, n);
            omn_buf_put(b, "\n", 1);
            if (!line[n]) break;
            line += n + 1;
        }
        omn_buf_fini(&text);
    }
}

static void end_stream(running *r, omn_buf *b)
{
    /* b holds the whole answer: what is already there is not said again */
    const size_t n = r->streamed.length;
    if (n && n <= b->length && !memcmp(b->data, r->streamed.data, n)) {
        memmove(b->data, b->data + n, b->length - n + 1);
        b->length -= n;
    } else if (n) {
        cli_puts(r->c, "\n");
    }
}

/* One write that can be found again: what is told, and that it was. */
static omn_status tell(running *r, const item *it, omn_buf *b, omn_error *err)
{
    omn_status st = OMN_OK;
    if (b->failed) return omn_fail(err, OMN_ERR_MEMORY, "an answer: out of memory");
    if (r->journal) st = journal_tell(r->journal, it->index, it->hash, b->data, b->length, err);
    if (st != OMN_OK) return st;
    if (!cli_put(r->c, b)) return omn_fail(err, r->c->lost, "standard output: cannot be written");
    return r->journal ? journal_told(r->journal, err) : OMN_OK;
}

omn_status answer_item(running *r, const item *it, const omn_value *record, const omn_value *said,
                       double seconds, omn_error *err)
{
    omn_buf b;
    omn_buf_init(&b, (size_t)1 << 27);
    switch (r->c->format) {
    case CLI_TEXT:
        put_text(r, it, record, &b);
        end_stream(r, &b);
        break;
    case CLI_JSON:
        if (r->many) omn_buf_puts(&b, r->done + r->failed ? ",\n" : "[\n");
        omn_buf_printf(&b, "{\"version\":%d,\"item\":%llu", CLI_JSON_VERSION,
                       (unsigned long long)r->item);
        put_fields(r, it, record, said, seconds, &b);
        if (!r->many) omn_buf_puts(&b, "\n");
        break;
    case CLI_JSONL:
        put_events(r, record, &b);
        omn_buf_printf(&b, "{\"type\":\"done\",\"version\":%d,\"item\":%llu", CLI_JSON_VERSION,
                       (unsigned long long)r->item);
        put_fields(r, it, record, said, seconds, &b);
        omn_buf_puts(&b, "\n");
    }
    const omn_status st = tell(r, it, &b, err);
    omn_buf_fini(&b);
    if (r->c->format == CLI_TEXT && !r->c->quiet)
        for (size_t i = 0; i < r->out.n; i++)
            if (r->out.written[i][0])
                cli_say(r->c, "wrote %s: %s", r->out.ports[i].name, r->out.written[i]);
    say_seen(r, it, said);
    say_notes(r, it, said);
    return st;
}

void answer_failed(running *r, const item *it, const omn_error *err)
{
    char line[1200];
    omn_error_line(err, line, sizeof line);
    if (it->label[0] && !err->file[0] && !strstr(line, it->label))
        cli_say(r->c, "%s: %s", it->label, line);
    else
        cli_say(r->c, "%s", line);
    if (r->c->format == CLI_TEXT) return;
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    if (r->c->format == CLI_JSON) omn_buf_puts(&b, r->done + r->failed ? ",\n" : "[\n");
    json_error(&b, err, (int64_t)it->index, it->id);
    if (r->c->format == CLI_JSON) b.length--;
    cli_put(r->c, &b);
    omn_buf_fini(&b);
}
