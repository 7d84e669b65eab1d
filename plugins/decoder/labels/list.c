/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a list of names: a line each, or a line of JSON each with "answer" and "label", whose
 * numbers have to count from 0. */
#include "labels.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

#define MOST_FILE ((size_t)1 << 26)

typedef struct named { const char *name; int32_t id; } named;

static int by_name(const void *a, const void *b)
{
    const named *x = a, *y = b;
    const int c = strcmp(x->name, y->name);
    return c ? c : (x->id > y->id) - (x->id < y->id);
}

static omn_status sort(labels *l, omn_error *err)
{
    named *all = calloc(l->n + 1, sizeof *all);
    if (!all) return omn_fail(err, OMN_ERR_MEMORY, "%zu names of classes: out of memory", l->n);
    for (size_t i = 0; i < l->n; i++) all[i] = (named){ l->name[i], (int32_t)i };
    qsort(all, l->n, sizeof *all, by_name);
    for (size_t i = 0; i < l->n; i++) l->order[i] = all[i].id;
    free(all);
    return OMN_OK;
}

static omn_status room_for(labels *l, size_t n, omn_error *err)
{
    l->name = calloc(n + 1, sizeof *l->name);
    l->order = calloc(n + 1, sizeof *l->order);
    return l->name && l->order
               ? OMN_OK
               : omn_fail(err, OMN_ERR_MEMORY, "%zu names of classes: out of memory", n);
}

/* {"answer": NAME, "label": NUMBER} in place: the name is written over the line. */
static omn_status of_json(char *line, size_t number, omn_error *err)
{
    json_error_t why;
    json_t *j = json_loads(line, JSON_REJECT_DUPLICATES, &why);
    const json_t *name = json_object_get(j, "answer"), *label = json_object_get(j, "label");
    const char *text = json_string_value(name);
    omn_status st = OMN_OK;
    if (!j && json_error_code(&why) == json_error_out_of_memory)
        st = omn_fail(err, OMN_ERR_MEMORY, "out of memory");
    else if (!text || strlen(text) != json_string_length(name) ||
             (label && (!json_is_integer(label) ||
                        json_integer_value(label) != (json_int_t)number)))
        st = omn_fail(err, OMN_ERR_DATA,
                      "{\"answer\": a text, \"label\": %zu} is wanted", number);
    else
        memmove(line, text, strlen(text) + 1);  /* no longer than its line of JSON */
    json_decref(j);
    return st;
}

omn_status labels_read(labels *l, const char *path, size_t n, omn_error *err)
{
    omn_status st = OMN_OK;
    size_t size = 0;
    OMN_TRY(omn_file_read(path, MOST_FILE, &l->text, &size, err));
    OMN_TRY(room_for(l, n, err));
    if (memchr(l->text, 0, size)) {
        st = omn_fail(err, OMN_ERR_DATA, "%s: a byte 0 is in it; lines of text are wanted", path);
        goto done;
    }
    for (char *line = l->text, *end = l->text + size; line < end;) {
        char *stop = memchr(line, '\n', (size_t)(end - line)), *next = stop ? stop + 1 : end;
        if (!stop) stop = end;
        *stop = 0;
        if (stop > line && stop[-1] == '\r') stop[-1] = 0;
        if (l->n == n) {
            st = omn_fail(err, OMN_ERR_DATA, "%s: it has more than the model's %zu classes", path,
                          n);
            goto done;
        }
        if (*line == '{' && (st = of_json(line, l->n, err)) != OMN_OK) {
            if (err) omn_error_prefix(err, "%s:%zu", path, l->n + 1);
            goto done;
        }
        l->name[l->n++] = line;
        line = next;
    }
    if (l->n != n) {
        st = omn_fail(err, OMN_ERR_DATA, "%s: %zu names, the model has %zu classes", path, l->n, n);
        goto done;
    }
    OMN_TRY(sort(l, err));
done:
    return st;
}

omn_status labels_split(labels *l, const char *text, size_t n, omn_error *err)
{
    omn_status st = OMN_OK;
    size_t commas = 0;
    for (const char *p = text; *p; p++) commas += *p == ',';
    if (commas + 1 != n)
        return omn_fail(err, OMN_ERR_CONFIG, "text.labels: %zu names, %zu classes", commas + 1, n);
    l->text = calloc(strlen(text) + 1, 1);
    if (!l->text) return omn_fail(err, OMN_ERR_MEMORY, "text.labels: out of memory");
    memcpy(l->text, text, strlen(text));
    OMN_TRY(room_for(l, n, err));
    for (char *at = l->text; at;) {
        char *comma = strchr(at, ',');
        if (comma) *comma = 0;
        l->name[l->n++] = at;
        at = comma ? comma + 1 : NULL;
    }
    OMN_TRY(sort(l, err));
done:
    return st;
}

void labels_fini(labels *l)
{
    free(l->text);
    free(l->name);
    free(l->order);
}

int32_t labels_find(const labels *l, const char *name, size_t n)
{
    size_t lo = 0, hi = l->n;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        const char *at = l->name[l->order[mid]];
        const int c = strncmp(at, name, n);
        if (c < 0) lo = mid + 1;
        else hi = mid;                    /* equal ones, and longer ones that begin so */
    }
    if (lo == l->n) return -1;
    const char *at = l->name[l->order[lo]];
    return !strncmp(at, name, n) && !at[n] ? l->order[lo] : -1;
}
