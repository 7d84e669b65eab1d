/* SPDX-License-Identifier: Apache-2.0 */
/* Parts: encoders, decoders and codecs of other plugins, opened for a model. The host fills their
 * parameters, owns them and closes them; models call them through the functions below, never
 * through a foreign table. */
#include "open.h"
#include "spelling.h"

#include <omnio/learn.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

omn_status open_begin(omn_context *ctx, omn_call *call, omn_open *parent, omn_config *config,
                      const char *dir, omn_open **out, omn_error *err)
{
    omn_open *o = calloc(1, sizeof *o);
    omn_arena *a = omn_arena_new((size_t)1 << 26);
    if (!o || !a) {
        free(o);
        omn_arena_free(a);
        return omn_fail(err, OMN_ERR_MEMORY, "opening a model: out of memory");
    }
    *o = (omn_open){ .ctx = ctx, .call = call, .parent = parent, .config = config, .dir = dir,
                     .arena = a, .first = OMN_ERROR_INIT };
    *out = o;
    return OMN_OK;
}

void open_end(omn_open *o)
{
    if (!o) return;
    for (size_t i = o->n_parts; i-- > 0;) part_close(o->parts[i]);
    omn_arena_free(o->arena);
    free(o);
}

omn_config *omn_open_config(omn_open *o) { return o->config; }

/* Is this setting's text a value that the file does not write down, but somebody gave? */
static bool given(const omn_open *o, const char *text)
{
    for (size_t i = 0; i < o->n_set; i++)
        if (o->set[i].column <= 0 && !strcmp(o->set[i].text, text)) return true;
    return false;
}

static const char *is_file(const char *path)
{
    struct stat st;
    return path && stat(path, &st) == 0 && S_ISREG(st.st_mode) ? path : NULL;
}

/* FOLDER/NAME, of the folder n bytes, if it is a file. A path without memory is no missing file. */
static const char *joined(omn_open *o, const char *folder, size_t n, const char *name)
{
    const char *path = omn_arena_printf(o->arena, "%.*s/%s", (int)n, folder, name);
    if (!path) omn_open_fail(o, OMN_ERR_MEMORY, "%s: out of memory", name);
    return is_file(path);
}

/* Beside the file that names it; in the model's folder; where omnio was started. What is a value of
 * the pipeline was named there. */
static const char *named_by_file(omn_open *o, const omn_open *by, const char *name)
{
    const char *slash = strrchr(by->file, '/'), *found = NULL;
    if (name[0] == '/') return is_file(name);
    if (!*by->file || given(by, name)) found = is_file(name);
    if (!found && slash) found = joined(o, by->file, (size_t)(slash - by->file), name);
    if (!found && !slash) found = is_file(name);
    if (!found && o->dir[0]) found = joined(o, o->dir, strlen(o->dir), name);
    return found || o->first.status ? found : is_file(name);
}

/* What is made of a part depends on the files that it asked for. */
static void remember_file(omn_open *o, const char *path)
{
    struct stat st;
    if (stat(path, &st)) return;
    const int64_t is[] = { st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec };
    o->files = XXH3_64bits_withSeed(is, sizeof is, o->files);
}

/* So that a copy of the model has it too, and what is not there can be named. */
static void remember_name(omn_open *o, const char *name, bool there)
{
    while (o->parent) o = o->parent;
    const char **list = there ? o->names : o->sought;
    size_t *n = there ? &o->n_names : &o->n_sought;
    for (size_t i = 0; i < *n; i++)
        if (!strcmp(list[i], name)) return;
    if (*n == MOST_COMPANIONS && !there) return;
    if (*n == MOST_COMPANIONS)
        omn_open_fail(o, OMN_ERR_PLUGIN, "%s: the model reads more than %d files", name,
                      MOST_COMPANIONS);
    else if (!(list[(*n)++] = omn_arena_strdup(o->arena, name)))
        omn_open_fail(o, OMN_ERR_MEMORY, "%s: out of memory", name);
}

const char *omn_open_file(omn_open *o, const char *name, bool must)
{
    const omn_open *by = o;
    while (by && !by->file) by = by->parent;
    if (!by && (name[0] == '/' || strstr(name, ".."))) {
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: files of a model lie beside its configuration", name);
        return NULL;
    }
    const char *path =
        by ? named_by_file(o, by, name)
           : o->dir[0] ? joined(o, o->dir, strlen(o->dir), name) : NULL;
    if (path) remember_file(o, path);
    if (!by) remember_name(o, name, path != NULL);
    if (!path && must && by && *by->file)
        omn_open_fail(o, OMN_ERR_MISSING, "%s is neither beside %s nor in the folder %s", name,
                      by->file, o->dir[0] ? o->dir : ".");
    else if (!path && must)
        omn_open_fail(o, OMN_ERR_MISSING, "%s is not in the model's folder %s", name, o->dir);
    return path;
}

void omn_open_fail(omn_open *o, omn_status st, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    omn_vformat(text, sizeof text, fmt, ap);
    va_end(ap);
    omn_fail(&o->first, st, "%s", text);
}

/* "a=1 b=x" into settings, in place. */
static size_t settings(char *text, omn_setting *set, size_t most)
{
    size_t n = 0;
    for (char *save = NULL, *w = strtok_r(text, " ", &save); w && n < most;
         w = strtok_r(NULL, " ", &save)) {
        char *eq = strchr(w, '=');
        if (!eq) continue;
        *eq = 0;
        set[n++] = (omn_setting){ .name = w, .text = eq + 1 };
    }
    return n;
}

typedef omn_status open_fn(omn_call *, const void *, omn_open *, void **, omn_error *);

static open_fn *opener(const char *kind, const void *impl)
{
    if (!strcmp(kind, "omnio.encoder/1")) return ((const omn_encoder_impl *)impl)->open;
    if (!strcmp(kind, "omnio.decoder/1")) return ((const omn_decoder_impl *)impl)->open;
    if (!strcmp(kind, "omnio.codec/1")) return ((const omn_codec_impl *)impl)->open;
    if (!strcmp(kind, "omnio.source/1")) return ((const omn_source_impl *)impl)->open;
    if (!strcmp(kind, "omnio.measure/1")) return ((const omn_measure_impl *)impl)->open;
    if (!strcmp(kind, "omnio.objective/1")) return ((const omn_objective_impl *)impl)->open;
    if (!strcmp(kind, "omnio.world/1")) return ((const omn_world_impl *)impl)->open;
    if (!strcmp(kind, "omnio.answer/1")) return ((const omn_answer_impl *)impl)->open;
    return NULL;
}

void part_close(omn_part *p)
{
    if (!p) return;
    void (*close)(void *) = NULL;
    if (p->impl && p->kind) {
        if (!strcmp(p->kind, "omnio.encoder/1")) close = ((const omn_encoder_impl *)p->impl)->close;
        if (!strcmp(p->kind, "omnio.decoder/1")) close = ((const omn_decoder_impl *)p->impl)->close;
        if (!strcmp(p->kind, "omnio.codec/1")) close = ((const omn_codec_impl *)p->impl)->close;
        if (!strcmp(p->kind, "omnio.source/1")) close = ((const omn_source_impl *)p->impl)->close;
        if (!strcmp(p->kind, "omnio.measure/1")) close = ((const omn_measure_impl *)p->impl)->close;
        if (!strcmp(p->kind, "omnio.objective/1"))
            close = ((const omn_objective_impl *)p->impl)->close;
        if (!strcmp(p->kind, "omnio.world/1")) close = ((const omn_world_impl *)p->impl)->close;
        if (!strcmp(p->kind, "omnio.answer/1")) close = ((const omn_answer_impl *)p->impl)->close;
    }
    if (close && p->self) close(p->self);
    open_end(p->open);
    spelling_free(p->spelling);
    free(p->ranges);
    free(p->range_names);
    free(p);
}

static void add_text(uint64_t *hash, const char *text)
{
    *hash = XXH3_64bits_withSeed(text ? text : "", text ? strlen(text) + 1 : 0, *hash);
}

/* What a part is made of, its weights aside; another order of its settings counts as another part,
 * which costs no more than making again what was made of it. */
static uint64_t made_of(const omn_part *p, const omn_setting *set, size_t n)
{
    const omn_plugin *plugin = omn_entry_plugin(p->entry);
    uint64_t hash = p->open->files;
    add_text(&hash, plugin->name);
    add_text(&hash, plugin->version);
    add_text(&hash, p->object);
    for (size_t i = 0; i < n; i++) {
        add_text(&hash, set[i].name);
        add_text(&hash, set[i].text);
    }
    return hash;
}

omn_part *part_open_settings(omn_open *o, const char *role, const char *kind, const char *object,
                             const omn_setting *set, size_t n, const char *file, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_part *p = calloc(1, sizeof *p);
    void *filled = NULL;
    if (!p || o->n_parts == MOST_PARTS) {
        free(p);
        omn_fail(err, OMN_ERR_MEMORY, "opening %s: out of memory, or more than %d parts", object,
                 MOST_PARTS);
        return NULL;
    }
    snprintf(p->role, sizeof p->role, "%s", role);
    snprintf(p->object, sizeof p->object, "%s", object);
    OMN_TRY(omn_registry_find(o->ctx, kind, object, &p->entry, err));
    const omn_object *found = omn_entry_object(p->entry);
    p->kind = found->kind;
    p->impl = found->impl;
    open_fn *open = opener(kind, p->impl);
    if (!open) {
        st = omn_fail(err, OMN_ERR_UNSUPPORTED,
                      "%s is of kind %s, which cannot be opened as a part", object, kind);
        goto done;
    }
    OMN_TRY(open_begin(o->ctx, o->call, o, NULL, o->dir, &p->open, err));
    OMN_TRY(omn_params_fill_values(p->entry, set, n, o->values, o->n_values, file, p->open->arena,
                                   &filled, err));
    OMN_TRY(open(o->call, filled, p->open, &p->self, err));
    OMN_TRY(omn_open_done(p->open, err));
    p->made_of = made_of(p, set, n);
    o->parts[o->n_parts++] = p;
    return p;
done:
    omn_error_prefix(err, "opening %s", object);
    part_close(p);
    (void)st;
    return NULL;
}

omn_part *omn_open_part(omn_open *o, const char *role, const char *kind, const char *object,
                        const char *prefix, const char *params, ...)
{
    omn_setting set[64];
    char text[2048];
    if (o->first.status) return NULL;
    va_list ap;
    va_start(ap, params);
    const int n = omn_vformat(text, sizeof text, params, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof text) {
        omn_open_fail(o, OMN_ERR_CONFIG, "%s: too long parameters", role);
        return NULL;
    }
    const size_t k = settings(text, set, sizeof set / sizeof set[0]);
    omn_part *p = part_open_settings(o, role, kind, object, set, k, "", &o->first);
    if (p) snprintf(p->prefix, sizeof p->prefix, "%s", prefix);
    return p;
}

void omn_open_answer_loss(omn_open *o, const omn_part *loss)
{
    for (size_t i = 0; i < o->n_parts; i++)
        if (o->parts[i] == loss) o->parts[i]->answers = true;
}

const omn_part *omn_open_find(const omn_open *o, const char *role)
{
    for (; o; o = o->parent)
        for (size_t i = 0; i < o->n_parts; i++)
            if (!strcmp(o->parts[i]->role, role)) return o->parts[i];
    return NULL;
}

const omn_part *omn_open_find_part(const omn_open *o, const char *kind, const char *role)
{
    for (; o; o = o->parent)
        for (size_t i = 0; i < o->n_parts; i++)
            if (!strcmp(o->parts[i]->kind, kind) && !strcmp(o->parts[i]->role, role))
                return o->parts[i];
    return NULL;
}

const omn_part *omn_open_decoder(const omn_open *o)
{
    while (o && !o->decoder) o = o->parent;
    return o ? o->decoder : NULL;
}

const omn_part *open_codec(const omn_open *o, const char *speaks)
{
    for (size_t i = 0; i < o->n_parts; i++) {
        const omn_part *p = o->parts[i];
        if (strcmp(p->kind, "omnio.codec/1")) continue;
        /* a comma between the values that one codec speaks */
        const char *list = ((const omn_codec_impl *)p->impl)->speaks;
        const size_t n = strlen(speaks);
        for (const char *at = list; (at = strstr(at, speaks)); at += n)
            if ((at == list || at[-1] == ',') && (at[n] == 0 || at[n] == ',')) return p;
    }
    return NULL;
}

const omn_part *omn_open_codec(const omn_open *o, const char *speaks)
{
    const omn_part *hit = NULL;
    for (; o && !hit; o = o->parent) hit = open_codec(o, speaks);
    return hit;
}

/* What is not written for want of a plugin is told to who asks for it. */
static void remember_absent(omn_open *o, const char *kind, const char *object)
{
    const size_t used = strlen(o->absent);
    if (strcmp(kind, "omnio.decoder/1") || strstr(o->absent, object)) return;
    snprintf(o->absent + used, sizeof o->absent - used, "%s%s", used ? ", " : "", object);
}

bool omn_open_offers(omn_open *o, const char *kind, const char *object)
{
    const omn_entry *e = NULL;
    omn_error why = OMN_ERROR_INIT;
    const omn_status st = omn_registry_find(o->ctx, kind, object, &e, &why);
    if (st == OMN_ERR_MEMORY) omn_open_fail(o, st, "%s", why.text);
    else if (st != OMN_OK) remember_absent(o, kind, object);
    return st == OMN_OK;
}

size_t omn_open_parts(omn_open *o, const char *kind, omn_part *const **list)
{
    size_t n = 0;
    omn_part **hits = omn_arena_alloc(o->arena, o->n_parts + 1, sizeof(omn_part *));
    for (size_t i = 0; hits && i < o->n_parts; i++)
        if (!strcmp(o->parts[i]->kind, kind)) hits[n++] = o->parts[i];
    *list = hits;
    return n;
}

omn_status omn_open_done(omn_open *o, omn_error *err)
{
    /* a wrong key comes first: parts that were opened with its default may complain about that */
    const omn_error *first = o->config && o->config->first.status ? &o->config->first : NULL;
    if (!first && o->first.status) first = &o->first;
    if (!first) return OMN_OK;
    if (err && err != first && !err->status) *err = *first;
    return (omn_status)first->status;
}

const char *omn_part_role(const omn_part *p) { return p->role; }
const char *omn_part_object(const omn_part *p) { return p->object; }

omn_scope *omn_part_scope(const omn_part *p, omn_scope *s)
{
    return p->prefix[0] ? omn_scope_at(s, "/%s", p->prefix) : omn_scope_at(s, "/");
}

/* What a step adds is an id, no more is dropped than was added, and a full window has room for a
 * step when whole strides have gone. */
static bool fits_window(const omn_vocab *v)
{
    const int64_t stride = v->stride > 0 ? v->stride : 1, each = 1 + (int64_t)v->n_also - v->drop;
    if (v->n_also < 0 || v->n_also > 1 || v->drop < 0 || v->drop > v->n_also) return false;
    if (v->n_also && (v->also < 0 || v->also >= v->rows)) return false;
    return v->window >= 0 && v->stride >= 0 &&
           (!v->window || v->window >= stride * each + 1 + v->n_also);
}

void omn_open_vocabulary(omn_open *o, omn_part *decoder, const omn_vocab *v)
{
    if (!decoder || o->first.status) return;
    omn_vocab *own = &decoder->vocab;
    *own = (omn_vocab){ 0 };
    memcpy(own, v, v->size < sizeof *own ? v->size : sizeof *own);
    own->size = sizeof *own;
    if (!fits_window(own)) {
        omn_open_fail(o, OMN_ERR_CONFIG, "the vocabulary of %s: also %d of %d, drop %d, window %d "
                      "with stride %d cannot be", decoder->role, own->also, own->n_also, own->drop,
                      own->window, own->stride);
        return;
    }
    if (own->start >= own->rows || (own->start < 0 && own->window)) {
        omn_open_fail(o, OMN_ERR_CONFIG, "the vocabulary of %s: the start token %d is none of 0..%d"
                      "%s", decoder->role, own->start, own->rows - 1,
                      own->window ? ", and a window wants one" : "");
        return;
    }
    decoder->ranges = calloc(v->n_ranges + 1, sizeof *decoder->ranges);
    decoder->range_names = calloc(v->n_ranges + 1, sizeof *decoder->range_names);
    if (!decoder->ranges || !decoder->range_names) {
        omn_fail(&o->first, OMN_ERR_MEMORY, "a vocabulary: out of memory");
        return;
    }
    for (uint32_t i = 0; i < v->n_ranges; i++) {
        const omn_range *r = &v->ranges[i];
        const int64_t last = (int64_t)r->first + (int64_t)r->step * (r->count - 1);
        if (r->count < 1 || r->first < 0 || r->first >= v->rows || last < 0 || last >= v->rows) {
            omn_open_fail(o, OMN_ERR_CONFIG, "range %s of %s: ids %d to %lld are outside 0..%d",
                          r->name, decoder->role, r->first, (long long)last, v->rows - 1);
            return;
        }
        snprintf(decoder->range_names[i], sizeof decoder->range_names[i], "%s", r->name);
        decoder->ranges[i] = *r;
        decoder->ranges[i].name = decoder->range_names[i];
    }
    decoder->vocab.ranges = decoder->ranges;
    decoder->has_vocab = true;
}

const omn_vocab *omn_part_vocabulary(const omn_part *decoder)
{
    return decoder && decoder->has_vocab ? &decoder->vocab : NULL;
}

const omn_range *omn_vocab_range(const omn_vocab *v, const char *name)
{
    for (uint32_t i = 0; v && i < v->n_ranges; i++)
        if (!strcmp(v->ranges[i].name, name)) return &v->ranges[i];
    return NULL;
}

const void *omn_part_self(const omn_part *p, const char *kind, const void **impl)
{
    if (!p || strcmp(p->kind, kind)) return NULL;
    *impl = p->impl;
    return p->self;
}

/* ---- calling them --------------------------------------------------------------------------- */

/* Rows of x [u, ...] by which [n, 1]: [n, ...]. */
static omn_node *rows_of(omn_scope *s, omn_node *x, omn_node *which)
{
    if (!x) return NULL;
    omn_shape shape = omn_node_shape(x);
    x = omn_gather(s, omn_reshape(s, x, omn_dim3(shape.dim[0], 1, -1)), which);
    shape.dim[0] = omn_node_dim(which, 0);
    return omn_reshape(s, x, shape);
}

/* The sequence of every row, of those that were encoded once each. */
static omn_seq *spread(omn_scope *s, const omn_seq *q, omn_node *which)
{
    int64_t h = 0, w = 0;
    omn_seq_get_grid(q, &h, &w);
    omn_seq *all = omn_seq_new(s, rows_of(s, omn_seq_get_x(q), which),
                               rows_of(s, omn_seq_get_seg(q), which),
                               rows_of(s, omn_seq_get_pos(q), which), h, w);
    omn_seq_set_rot(all, rows_of(s, omn_seq_get_rot(q), which));
    omn_seq_set_part(all, rows_of(s, omn_seq_get_part(q), which));
    return all;
}

omn_seq *omn_encoder_embed(const omn_part *p, omn_scope *s, const omn_bundle *in)
{
    const omn_encoder_impl *e = p->impl;
    omn_seq *q = e->embed(p->self, omn_part_scope(p, s), in);
    omn_node *which = omn_bundle_find(in, PART_WHICH), *made = omn_bundle_find(in, PART_MADE);
    if (made) omn_seq_set_x(q, made);
    return which && q ? spread(s, q, which) : q;
}

bool omn_encoder_features(const omn_part *p, omn_scope *s, const omn_bundle *in, omn_bundle *out)
{
    const omn_encoder_impl *e = p->impl;
    const omn_features_impl *f = e->extension ? e->extension("omnio.features/1") : NULL;
    if (!f) return false;
    f->features(p->self, omn_part_scope(p, s), in, out);
    return true;
}

const omn_codes *omn_part_codes(const omn_part *decoder)
{
    const omn_decoder_impl *d = decoder->impl;
    return d->codes(decoder->self);
}

const void *part_extension(const omn_part *p, const char *id)
{
    const void *(*ask)(const char *) = NULL;
    if (p && !strcmp(p->kind, "omnio.codec/1")) ask = ((const omn_codec_impl *)p->impl)->extension;
    if (p && !strcmp(p->kind, "omnio.decoder/1"))
        ask = ((const omn_decoder_impl *)p->impl)->extension;
    return ask ? ask(id) : NULL;
}

static const omn_codec_impl *codec(const omn_part *p)
{
    return p && !strcmp(p->kind, "omnio.codec/1") ? p->impl : NULL;
}

static omn_status lacks(const omn_part *p, const char *what, omn_error *err)
{
    return omn_fail(err, OMN_ERR_UNSUPPORTED, "%s cannot %s", p ? p->object : "no codec", what);
}

omn_status omn_codec_encode(const omn_part *p, const char *text, size_t n, int32_t *ids,
                            size_t most, size_t *count, omn_error *err)
{
    const omn_codec_impl *c = codec(p);
    return c && c->encode ? c->encode(p->self, text, n, ids, most, count, err)
                          : lacks(p, "turn text into tokens", err);
}

omn_status omn_codec_decode(const omn_part *p, const int32_t *ids, size_t n, omn_buf *out,
                            omn_error *err)
{
    const omn_codec_impl *c = codec(p);
    return c && c->decode ? c->decode(p->self, ids, n, out, err)
                          : lacks(p, "turn tokens into text", err);
}

int32_t omn_codec_pieces(const omn_part *p)
{
    const omn_codec_impl *c = codec(p);
    return c && c->pieces ? c->pieces(p->self) : 0;
}

int32_t omn_codec_piece(const omn_part *p, const char *text)
{
    const omn_codec_impl *c = codec(p);
    return c && c->piece ? c->piece(p->self, text) : -1;
}

omn_status omn_codec_write(const omn_part *p, omn_call *call, const omn_value *v,
                           const omn_frame *like, omn_buf *out, omn_error *err)
{
    const omn_codec_impl *c = codec(p);
    return c && c->write ? c->write(p->self, call, v, like, out, err)
                         : lacks(p, "write values as text", err);
}

omn_status omn_codec_read(const omn_part *p, omn_call *call, const char *text, size_t n,
                          const omn_frame *like, omn_value **out, omn_error *err)
{
    const omn_codec_impl *c = codec(p);
    return c && c->read ? c->read(p->self, call, text, n, like, out, err)
                        : lacks(p, "read values from text", err);
}

omn_status omn_part_spell(const omn_part *p, int32_t id, bool first, omn_buf *out, omn_spelt *what,
                          omn_error *err)
{
    const omn_spelling_impl *s = part_extension(p, "omnio.spelling/1");
    *what = OMN_SPELT_NONE;
    return s ? s->spell(p->self, id, first, out, what, err) : lacks(p, "spell its ids", err);
}

omn_status omn_codec_stream(const omn_part *p, void *state, int32_t id, bool end, omn_buf *out,
                            omn_error *err)
{
    const omn_codec_impl *c = codec(p);
    const omn_stream_impl *s = c && c->extension ? c->extension("omnio.stream/1") : NULL;
    return s ? s->push(p->self, state, id, end, out, err) : lacks(p, "stream text", err);
}
