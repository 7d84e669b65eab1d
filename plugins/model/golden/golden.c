/* SPDX-License-Identifier: Apache-2.0 */
/* A golden file: whose case it is, its configuration, its inputs. */
#include "golden.h"

#include <stdio.h>
#include <string.h>

bool golden_starts(const char *s, const char *with) { return !strncmp(s, with, strlen(with)); }

bool golden_ends(const char *s, const char *with)
{
    const size_t n = strlen(s), m = strlen(with);
    return n >= m && !strcmp(s + n - m, with);
}

bool golden_has(const golden *g, const char *with)
{
    for (size_t i = 0; i < omn_weights_count(g->file); i++)
        if (golden_starts(omn_weights_name(g->file, i), with)) return true;
    return false;
}

int64_t golden_int(const golden *g, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(g->config, key));
}

/* ---- beginning ------------------------------------------------------------------------------- */

static omn_status read_config(golden *g, omn_error *err)
{
    json_error_t why;
    const char *text = omn_weights_meta(g->file, "config");
    g->config = text ? json_loads(text, JSON_REJECT_DUPLICATES, &why) : NULL;
    if (text && !g->config && json_error_code(&why) == json_error_out_of_memory)
        return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", g->name);
    if (json_is_object(g->config)) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA,
                    "%s: __metadata__ has no configuration (\"config\": a JSON object)", g->name);
}

/* MODEL.KIND.safetensors, or KIND.safetensors of what belongs to no model. */
static omn_status read_case(golden *g, omn_error *err)
{
    const char *name = omn_weights_meta(g->file, "case");
    if (!name || !strchr(name, '.')) name = g->name;      /* some files say the kind alone */
    const char *dot = strchr(name, '.'), *end = dot ? strchr(dot + 1, '.') : NULL;
    if (dot && !end) {                    /* no model's */
        end = dot;
        dot = NULL;
    }
    const char *kind = dot ? dot + 1 : name;
    const size_t model = dot ? (size_t)(dot - name) : 0;
    if (!end || end == kind || model >= sizeof g->model || (size_t)(end - kind) >= sizeof g->kind)
        return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" names no case; MODEL.CASE.safetensors does",
                        g->name, name);
    snprintf(g->model, sizeof g->model, "%.*s", (int)model, name);
    snprintf(g->kind, sizeof g->kind, "%.*s", (int)(end - kind), kind);
    return OMN_OK;
}

static void read_largest(golden *g)
{
    for (size_t i = 0; i < omn_weights_count(g->file); i++) {
        const omn_tensor *t = omn_weights_at(g->file, i);
        float x;
        if (!golden_starts(omn_weights_name(g->file, i), "gradnorm.") || t->bytes != sizeof x)
            continue;
        memcpy(&x, t->data, sizeof x);
        if ((double)x > g->largest) g->largest = (double)x;
    }
}

omn_status golden_begin(golden *g, omn_verification *host, omn_error *err)
{
    omn_status st = OMN_OK;
    *g = (golden){ .host = host, .call = omn_verification_call(host),
                   .name = omn_verification_name(host), .file = omn_verification_golden(host) };
    const char *weights = omn_weights_meta(g->file, "weights_file");
    g->in = g->file;
    OMN_TRY(read_case(g, err));
    OMN_TRY(read_config(g, err));
    read_largest(g);
    if (weights && *weights)
        OMN_TRY(omn_verification_beside(host, weights, g->weights, sizeof g->weights, err));
done:
    return st;
}

void golden_end(golden *g)
{
    omn_weights_close(g->other);
    json_decref(g->config);
    *g = (golden){ 0 };
}

/* ---- inputs ---------------------------------------------------------------------------------- */

omn_status golden_inputs_of(golden *g, const char *kind, omn_error *err)
{
    char name[300], path[4608];
    snprintf(name, sizeof name, "%s%s%s.safetensors", g->model, *g->model ? "." : "", kind);
    omn_status st = omn_verification_beside(g->host, name, path, sizeof path, err);
    omn_weights *other = NULL;
    if (st == OMN_OK) st = omn_weights_open(path, &other, err);
    if (st != OMN_OK) return st;
    omn_weights_close(g->other);
    g->in = g->other = other;
    return OMN_OK;
}

omn_status golden_input(const golden *g, const char *name, omn_type type, uint32_t rank,
                        const omn_tensor **out, omn_error *err)
{
    const omn_tensor *t = omn_weights_get(g->in, name);
    char text[96];
    if (!t) return omn_fail(err, OMN_ERR_DATA, "%s: it has no \"%s\"", g->name, name);
    bool good = t->type == type && t->shape.rank == rank;
    for (uint32_t i = 0; good && i < rank; i++) good = t->shape.dim[i] > 0;
    if (!good)
        return omn_fail(err, OMN_ERR_DATA, "%s: \"%s\" is %s %s; %s with %u axes is wanted",
                        g->name, name, omn_type_get(t->type)->name,
                        omn_shape_text(&t->shape, text, sizeof text), omn_type_get(type)->name,
                        rank);
    *out = t;
    return OMN_OK;
}

omn_status golden_picture(const golden *g, const omn_tensor *t, omn_value **out, omn_error *err)
{
    omn_image *img = NULL;
    omn_pixels px;
    const int64_t *d = t->shape.dim, channels = t->shape.rank == 3 ? d[2] : 1;
    if (t->type != OMN_I32 || t->shape.rank < 2 || t->shape.rank > 3 || d[0] < 1 || d[1] < 1 ||
        d[0] > 4096 || d[1] > 4096)
        return omn_fail(err, OMN_ERR_DATA, "%s: a picture is i32 [h,w] or [h,w,channels]", g->name);
    const omn_status st = omn_image_new(OMN_U8, (uint32_t)d[1], (uint32_t)d[0], (uint32_t)channels,
                                        NULL, &img, &px, err);
    if (st != OMN_OK) return st;
    for (int64_t i = 0; i < d[0] * d[1] * channels; i++) {
        int32_t x;
        memcpy(&x, (const char *)t->data + i * 4, sizeof x);
        ((uint8_t *)px.data)[i] = (uint8_t)x;
    }
    *out = omn_image_give(img);
    return *out ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", g->name);
}
