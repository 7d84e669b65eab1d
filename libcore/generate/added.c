/* SPDX-License-Identifier: Apache-2.0 */
/* Encoders that a configuration adds to a model: another modality for a family that never heard of
 * it. Its weights are the model's from then on; training that begins with weights which lack them
 * makes them new. */
#include "open.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SETTINGS 64

typedef struct settings {
    omn_setting list[MOST_SETTINGS];
    size_t n;
} settings;

static void add(settings *s, omn_open *o, const char *name, const char *text)
{
    char *own = text ? omn_arena_strdup(o->arena, text) : NULL;
    if (s->n == MOST_SETTINGS || !own)
        omn_open_fail(o, OMN_ERR_MEMORY, "an encoder with more than %d parameters, or no memory",
                      MOST_SETTINGS);
    else
        s->list[s->n++] = (omn_setting){ .name = name, .text = own };
}

/* A JSON scalar as a user writes it. */
static const char *text_of(const json_t *v, char *buf, size_t room)
{
    if (json_is_string(v)) return json_string_value(v);
    if (json_is_boolean(v)) return json_is_true(v) ? "true" : "false";
    if (json_is_integer(v))
        snprintf(buf, room, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v))
        omn_format(buf, room, "%.17g", json_real_value(v));
    else
        return NULL;
    return buf;
}

/* The usual parameters that the object has and the configuration does not say; changes `usual`. */
static void add_usual(settings *s, omn_open *o, const char *object, const json_t *said, char *usual)
{
    const omn_entry *e = NULL;
    if (omn_registry_find(o->ctx, "omnio.encoder/1", object, &e, &o->first) != OMN_OK) return;
    for (char *save = NULL, *w = strtok_r(usual, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        char *eq = strchr(w, '=');
        bool has = false;
        if (!eq) continue;
        *eq = 0;
        for (size_t i = 0; i < omn_entry_object(e)->n_params; i++)
            has = has || !strcmp(omn_entry_param(e, i)->name, w);
        if (has && !json_object_get(said, w)) {
            const char *name = omn_arena_strdup(o->arena, w);
            if (name)
                add(s, o, name, eq + 1);
            else
                omn_open_fail(o, OMN_ERR_MEMORY, "opening %s: out of memory", object);
        }
    }
}

static void open_one(omn_open *o, const char *role, const json_t *v, const char *usual)
{
    settings s = { .n = 0 };
    char copy[512], number[48], path[256];
    const char *use = json_string_value(json_object_get(v, "use")), *key;
    const char *prefix = json_string_value(json_object_get(v, "prefix"));
    json_t *p;
    if (!use) {
        omn_open_fail(o, OMN_ERR_CONFIG,
                      "omnio.encoders.%s: {\"use\": NAME} of an encoder is wanted "
                      "(omnio list encoder)",
                      role);
        return;
    }
    for (size_t i = 0; i < o->n_parts; i++)
        if (!strcmp(o->parts[i]->kind, "omnio.encoder/1") && !strcmp(o->parts[i]->role, role)) {
            omn_open_fail(o, OMN_ERR_CONFIG,
                          "omnio.encoders.%s: the model has an encoder of that role", role);
            return;
        }
    json_object_foreach((json_t *)(uintptr_t)v, key, p)
    {
        if (!strcmp(key, "use") || !strcmp(key, "prefix")) continue;
        const char *text = text_of(p, number, sizeof number);
        if (!text) {
            omn_open_fail(o, OMN_ERR_CONFIG, "omnio.encoders.%s.%s: a number or a text is wanted",
                          role, key);
            return;
        }
        add(&s, o, key, text);
    }
    snprintf(copy, sizeof copy, "%s", usual);
    add_usual(&s, o, use, v, copy);
    if (o->first.status) return;
    omn_part *part = part_open_settings(o, role, "omnio.encoder/1", use, s.list, s.n,
                                        o->config->file, &o->first);
    if (!part) return;
    snprintf(path, sizeof path, "input_embedders.%s", role);
    snprintf(part->prefix, sizeof part->prefix, "%s", prefix ? prefix : path);
}

void omn_open_encoders(omn_open *o, const char *usual, ...)
{
    char text[512];
    const char *role;
    json_t *v;
    va_list ap;
    if (o->first.status || !o->config) return;
    config_note(o->config, "omnio.encoders");
    json_t *all = json_object_get(json_object_get(o->config->root, "omnio"), "encoders");
    if (!all) return;
    va_start(ap, usual);
    const int n = omn_vformat(text, sizeof text, usual, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof text || !json_is_object(all)) {
        omn_open_fail(o, OMN_ERR_CONFIG, "omnio.encoders: {ROLE: {\"use\": NAME, ...}} is wanted");
        return;
    }
    json_object_foreach(all, role, v) open_one(o, role, v, text);
}
