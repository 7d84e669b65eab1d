/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/plugin.h: the door. A plugin is a shared library that exports one constant, `omnio_plugin`:
 * to look at it is not to run it. It lists the objects that the plugin offers, each of a kind whose
 * id ends in its revision ("omnio.operation/1"). A host asks for the kinds that it knows and skips
 * the rest.
 *
 * A first operation, complete:
 *
 *   #define GREY(IN, OPT, PAR, OUT)                                         \
 *       IN(image, in, "the picture")                                        \
 *       PAR(double, gamma, "1", "0.1..10", NULL, "exponent of the result")  \
 *       OUT(image, out, "the grey picture")
 *   OMN_OPERATION(grey, GREY, OMN_PURE);
 *   static omn_status grey(omn_call *c, const omn_image *in, double gamma, omn_image **out,
 *                          omn_error *err) { ... }
 *   static const omn_object objects[] = {
 *       OMN_OPERATION_OBJECT(grey, "image.grey", "a picture without its colours"),
 *   };
 *   OMN_PLUGIN("grey", "1.0", "Apache-2.0", "grey pictures", objects);
 *
 * From that one list follow the prototype (the compiler refuses a drift), the checks, `omnio help
 * image.grey`, the manual page and the call through libffi. */
#ifndef OMNIO_PLUGIN_H
#define OMNIO_PLUGIN_H

#include <omnio/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the door -------------------------------------------------------------------------------- */

#define OMN_PLUGIN_MAGIC 0x4f4d4e49u      /* "OMNI" */
#define OMN_PLUGIN_ABI 2                  /* another number: refused */
#define OMN_PLUGIN_MINOR 0                /* newer than the host's: refused */

/* One parameter, as data. role: "in", "optional" (an input that may be left out), "param" or "out".
 * Defaults and ranges are text as a user writes it.
 * type: for params "int" (int32), "int64", "double", "bool", "string", "path", "choice" (range
 *       "box|nearest": arrives as the index); for inputs and outputs a kind of value: "image",
 *       "text", .. (omn_kind_at), one of a plugin ("omnio.value/1"), or "any".
 * deflt NULL: must be given. For strings and paths "" is an empty default.
 * range "1..65535", "0..", NULL none; texts have none. unit: "px", "ms", ... or NULL.
 * name: a C identifier; rows of operations are keys of a step, so none is called like its words:
 * apply, generate, score, tokenize, detokenize, map, embed, as, when, repeat, record, window. */
typedef struct omn_param {
    const char *role, *name, *type, *deflt, *range, *unit, *help;
    uint32_t offset;                      /* in the parameter struct; operations: unused */
} omn_param;

typedef struct omn_object {
    const char *kind, *name, *help;       /* "omnio.operation/1", "image.resize", one sentence */
    const void *impl;                     /* its type is fixed by the kind */
    const omn_param *params;
    uint32_t n_params, params_size;       /* of the struct that the host fills; operations: 0 */
} omn_object;

typedef struct omn_plugin {
    uint32_t magic;                       /* read before anything else is believed */
    uint16_t abi, minor;
    uint16_t size, object_size, param_size;   /* strides: rows may grow at their ends */
    uint32_t n_objects;
    const char *name, *version, *licence, *summary;
    const omn_object *objects;
} omn_plugin;

#define OMN_PLUGIN(plugin_name, plugin_version, plugin_licence, plugin_summary, list)            \
    extern OMN_EXPORT const omn_plugin omnio_plugin;                                             \
    const omn_plugin omnio_plugin = {                                                            \
        OMN_PLUGIN_MAGIC, OMN_PLUGIN_ABI, OMN_PLUGIN_MINOR, sizeof(omn_plugin),                  \
        sizeof(omn_object), sizeof(omn_param), sizeof(list) / sizeof((list)[0]), plugin_name,    \
        plugin_version, plugin_licence, plugin_summary, list                                     \
    }

/* ---- operations: "omnio.operation/1" --------------------------------------------------------- */

/* PURE: may run on several items at once, same in, same out. SERIAL: one at a time. */
typedef enum omn_op_flags { OMN_PURE = 0, OMN_SERIAL = 1 } omn_op_flags;
typedef struct omn_operation_impl {
    const void *(*extension)(const char *id);     /* may be NULL */
    void (*fn)(void);                 /* omn_status fn(omn_call *, ins, params, outs, err) */
    uint32_t flags;
} omn_operation_impl;

/* C types of values and parameters in a prototype. Inputs are borrowed; outputs are handed over.
 * `image` is its own type, values of every other kind travel as omn_value. */
#define OMN_C_IN_image ~, const omn_image *
#define OMN_C_OUT_image ~, omn_image **
#define OMN_C_SECOND(a, b, ...) b
#define OMN_C_PICK(...) OMN_C_SECOND(__VA_ARGS__, ~)
#define OMN_C_int int
#define OMN_C_int64 int64_t
#define OMN_C_double double
#define OMN_C_bool bool
#define OMN_C_string const char *
#define OMN_C_path const char *
#define OMN_C_choice int

/* LIST(IN, OPT, PAR, OUT): IN(kind, name, help) an input; OPT the same that may be left out, the
 * function then gets NULL for it; PAR(type, name, default, range, unit, help); OUT like IN. */
#define OMN_P_IN(T, n, help) OMN_C_PICK(OMN_C_IN_##T, const omn_value *) n,
#define OMN_P_PAR(T, n, d, r, u, help) OMN_C_##T n,
#define OMN_P_OUT(T, n, help) OMN_C_PICK(OMN_C_OUT_##T, omn_value **) n,
#define OMN_T_IN(T, n, help) { "in", #n, #T, NULL, NULL, NULL, help, 0 },
#define OMN_T_OPT(T, n, help) { "optional", #n, #T, NULL, NULL, NULL, help, 0 },
#define OMN_T_PAR(T, n, d, r, u, help) { "param", #n, #T, d, r, u, help, 0 },
#define OMN_T_OUT(T, n, help) { "out", #n, #T, NULL, NULL, NULL, help, 0 },

#define OMN_OPERATION(fn, LIST, flags)                                                           \
    static omn_status fn(omn_call *c, LIST(OMN_P_IN, OMN_P_IN, OMN_P_PAR, OMN_P_OUT)             \
                         omn_error *err);                                                        \
    static const omn_param fn##_params[] = { LIST(OMN_T_IN, OMN_T_OPT, OMN_T_PAR, OMN_T_OUT) };  \
    static const omn_operation_impl fn##_impl = { NULL, (void (*)(void))fn, flags }
#define OMN_OPERATION_OBJECT(fn, name, help)                                                     \
    { "omnio.operation/1", name, help, &fn##_impl, fn##_params,                                  \
      sizeof(fn##_params) / sizeof(fn##_params[0]), 0 }

/* ---- parameter structs of the other kinds ---------------------------------------------------- */

/* #define VIT(PAR, S) PAR(S, int, width, "768", "8..8192", NULL, "width of the blocks") ...
 * OMN_PARAMS(vit, VIT);  makes struct vit { int width; ... }; and vit_params[]. Strings are
 * borrowed, valid until close. */
#define OMN_S_PAR(S, T, n, d, r, u, help) OMN_C_##T n;
#define OMN_S_ROW(S, T, n, d, r, u, help)                                                        \
    { "param", #n, #T, d, r, u, help, (uint32_t)offsetof(struct S, n) },
#define OMN_PARAMS(S, LIST)                                                                      \
    struct S { LIST(OMN_S_PAR, S) };                                                             \
    static const omn_param S##_params[] = { LIST(OMN_S_ROW, S) }
/* With parameters that are values of any kind ("list"): LIST(PAR, VAL, S), where a row
 * VAL(S, list, options, "what to choose from") makes the member `const omn_value *options`, NULL
 * when it was not given; borrowed, valid until close. */
#define OMN_S_VAL(S, T, n, help) const omn_value *n;
#define OMN_S_VROW(S, T, n, help)                                                                \
    { "in", #n, #T, NULL, NULL, NULL, help, (uint32_t)offsetof(struct S, n) },
#define OMN_PARAMS_VALUES(S, LIST)                                                               \
    struct S { LIST(OMN_S_PAR, OMN_S_VAL, S) };                                                  \
    static const omn_param S##_params[] = { LIST(OMN_S_ROW, OMN_S_VROW, S) }
#define OMN_OBJECT_PARAMS(S)                                                                     \
    S##_params, sizeof(S##_params) / sizeof(S##_params[0]), sizeof(struct S)

/* ---- formats: "omnio.format/1": bytes of a file <-> value ------------------------------------ */

typedef struct omn_format_impl {
    /* may be NULL. "omnio.rounds/1" (anything but NULL): numbers are rounded to what the file can
     * say; what is read from it comes back equal. Pictures may always lose a little. */
    const void *(*extension)(const char *id);
    const char *makes;                            /* "image": the kind of value; "any" */
    const char *suffixes;                         /* "jpg,jpeg", lower case, the usual one first */
    /* Do these first bytes (at most 64) of the file `name` (as it was given, with its suffix; NULL:
     * it has none) look like this format? 0 no, 100 certainly. [any] */
    int (*probe)(const char *name, const uint8_t *head, size_t n);
    /* NULL: cannot read. size is what is there; nothing beyond is touched. [run] */
    omn_status (*read)(omn_call *c, const uint8_t *bytes, size_t size, omn_value **out,
                       omn_error *err);
    /* NULL: cannot write. params: the object's parameter struct (quality and so on). The result is
     * a heap block owned by the caller (free()). [run] */
    omn_status (*write)(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                        size_t *size, omn_error *err);
} omn_format_impl;

/* "omnio.file/1" of formats whose files may be too long to hold, as those of videos: read is given
 * a regular file instead of its bytes, opens it itself, and what it makes may keep it open and read
 * on when items are asked for. Bytes from elsewhere still go to the format's own read. [run] */
typedef struct omn_format_file {
    omn_status (*read)(omn_call *c, const char *path, omn_value **out, omn_error *err);
} omn_format_file;

/* ---- the context and its registry ------------------------------------------------------------ */

/* Everything that is shared among its users: the pool, the plugins, the devices. Several contexts
 * may live side by side and know nothing of each other. */
typedef struct omn_context omn_context;
typedef struct omn_context_setup {
    uint32_t size;
    uint32_t threads;                     /* 0: as many as the process may use */
    const char *plugin_path;              /* searched first, ':' between folders; NULL: none */
    const char *model_path;               /* folders of models, ':' between; NULL: none */
    const char *device;                   /* "cpu", "opencl", "opencl:1"; NULL: cpu */
    bool only_plugin_path;                /* tests: no user folder, no installed folder */
    const char *cache_dir;                /* NULL: $XDG_CACHE_HOME/omnio; "": none */
    omn_log_fn *log;
    void *log_user;
    omn_level level;                      /* most talkative level that is logged */
    uint32_t scan_limit_ms;               /* for looking at one unknown plugin file; 0: 10000 */
    const char *precision;                /* of products in answers: "f32", "bf16", "auto"; NULL:
                                           * what each model's configuration says, else auto */
    uint64_t value_bytes;                 /* most of one value that a format reads: refused before
                                           * there is room for it; 0: no bound but the library's */
    const char *cache;                    /* type of keys and values that are kept, as precision */
    const char *adapter;                  /* file of adapters that models are opened with; NULL:
                                           * none */
    /* What a model's encoders make of pictures, sound and the like is kept by content, so that the
     * next question about the same finds it, with the same bits: so many bytes in memory for each
     * open model, what was used longest ago goes first; 0: none. Counted by omn_model_kept. */
    uint64_t keep_memory;
    /* ... and in files of this folder, which is made if it is not there and which processes may
     * share; NULL: in none. Models do not take each other's, and a file that is not whole is made
     * again. keep_most: bytes of the files, as keep_memory; 0: 1 GiB. */
    const char *keep_folder;
    uint64_t keep_most;
} omn_context_setup;
/* how NULL: all usual; environment variables are read by the program, not by the library, except
 * XDG_* and HOME for the folders. Plugins are looked for in plugin_path, in
 * $XDG_DATA_HOME/omnio/plugins, in the installed plugindir; in a build tree in that tree. Nothing
 * is loaded yet. [any] */
OMN_API omn_status omn_context_new(const omn_context_setup *how, omn_context **out, omn_error *err);
OMN_API void omn_context_free(omn_context *ctx);
OMN_API omn_pool *omn_context_pool(omn_context *ctx);
OMN_API const char *omn_context_device(const omn_context *ctx);
OMN_API const char *omn_context_precision(const omn_context *ctx);      /* NULL: nothing was said */
OMN_API const char *omn_context_cache(const omn_context *ctx);          /* the same */
OMN_API const char *omn_context_adapter(const omn_context *ctx);        /* the same */
OMN_API const char *omn_context_model_path(const omn_context *ctx);
/* The folder that holds the shipped models/ and pipelines/: installed, or the source tree of a
 * build. */
OMN_API const char *omn_context_data(const omn_context *ctx);
OMN_API void omn_context_log(omn_context *ctx, omn_level level, const char *fmt, ...)
    OMN_PRINTF(3, 4);
/* A call for work of this context; free it with omn_call_free. */
OMN_API omn_status omn_context_call(omn_context *ctx, uint64_t seed, uint64_t item,
                                    omn_cancel *cancel, omn_call **out, omn_error *err);

/* One object of a loaded plugin; lives as long as the context. */
typedef struct omn_entry omn_entry;
/* By kind and name; loads the plugin that has it (unknown files are first looked at in a helper
 * process). kind: "omnio.encoder/1", or the word for it, "encoder"; NULL: any kind, the plugin
 * found first when several have that name. OMN_ERR_MISSING names the nearest existing name.
 * [any] */
OMN_API omn_status omn_registry_find(omn_context *ctx, const char *kind, const char *name,
                                     const omn_entry **out, omn_error *err);
/* A kind of value by name, of this library or of a plugin; lives as long as the context.
 * OMN_ERR_MISSING names the nearest. [any] */
OMN_API omn_status omn_kind_find_in(omn_context *ctx, const char *name, const omn_kind **out,
                                    omn_error *err);
/* What is there without loading anything into this process: called once for each object, in order
 * of kind and name, and once for each file that could not be used (object NULL, why set). Other
 * than 0 stops. */
typedef struct omn_listed {
    uint32_t size;
    const char *kind, *name, *help;                       /* NULL for a bad file */
    const char *plugin, *version, *licence, *summary, *file;
    const char *why;                                      /* of a bad file: one line */
    const char *format;     /* of formats "image:jpg,jpeg": what they make, suffixes; else NULL */
} omn_listed;
typedef int omn_list_fn(void *user, const omn_listed *it);
OMN_API omn_status omn_registry_list(omn_context *ctx, const char *kind, omn_list_fn *fn,
                                     void *user, omn_error *err);
OMN_API const omn_object *omn_entry_object(const omn_entry *e);
OMN_API const char *omn_entry_file(const omn_entry *e);
OMN_API const omn_plugin *omn_entry_plugin(const omn_entry *e);
/* Of a loaded plugin: the object whose function code lies in, by the nearest one at or below it;
 * for programs that tell of a crash. Takes no memory and no lock. NULL: none. [any] */
OMN_API const omn_object *omn_plugin_object_at(const omn_plugin *p, const void *code);
/* Rows with their strides: parameter i of an object, whatever this plugin was built against. */
OMN_API const omn_param *omn_entry_param(const omn_entry *e, size_t i);

/* ---- weights files: "omnio.weights/1": names and tensors of files that others wrote ---------- */

/* safetensors is at home in this library; every other format is such an object. Nothing is copied
 * that can be used where it lies: open maps the files and says where each tensor is. */
typedef struct omn_weights_impl {
    const void *(*extension)(const char *id);     /* may be NULL */
    const char *suffixes;                         /* "pt,pth", lower case, the usual one first */
    /* Do these first bytes (at most 4096) of the file `name` look like this format? 0 no, 100
     * certainly. [any] */
    int (*probe)(const char *name, const uint8_t *head, size_t n);
    /* Put mappings and tensors into the list. params: the object's parameter struct; *self: what
     * read needs, may stay NULL. Nothing of a file is believed before it is checked. [run] */
    omn_status (*open)(omn_call *c, const void *params, const char *path, omn_weights_list *out,
                       void **self, omn_error *err);
    void (*close)(void *self);                    /* also when open failed after setting *self */
    /* n bytes, from byte `at` on, of the dense tensor that was added as made with this id; NULL
     * when none is. Bytes of one tensor are asked for in order, again from 0 or onwards. [setup] */
    omn_status (*read)(void *self, uint64_t id, uint64_t at, void *bytes, size_t n,
                       omn_error *err);
} omn_weights_impl;

/* Open weights of any format: what omn_weights_open takes; a file that a plugin reads, with
 * settings of that plugin behind it ("model.pth?tree=model_ema"); an index of shards of those
 * (NAME.bin.index.json); a folder with any of them, model.safetensors before all others. Tensors
 * that do not lie dense in their file are brought into memory, together at most eight times the
 * file and 64 MiB. [any] */
typedef struct omn_weights_setup {
    uint32_t size;
    bool hollow;                          /* only look: such tensors have no data then */
} omn_weights_setup;
OMN_API omn_status omn_weights_load(omn_context *ctx, const char *path,
                                    const omn_weights_setup *how, omn_weights **out,
                                    omn_error *err);
/* The same weights as one file: safetensors, or of a format that is written by the suffix of `to`
 * (omn_weights_writes), which then gets the small files of a model, too, when `from` is a folder of
 * one. Some megabytes at a time are in memory. c: progress and stop; may be NULL. [any] */
typedef struct omn_weights_copied {
    uint32_t size;
    uint64_t tensors, bytes;
} omn_weights_copied;
OMN_API omn_status omn_weights_copy(omn_context *ctx, omn_call *c, const char *from, const char *to,
                                    omn_overwrite how, omn_weights_copied *done, omn_error *err);

/* ---- what a format of weights may do beside: extensions of omn_weights_impl ------------------ */

/* Some bytes of more; `to` is whoever gave this function. */
typedef omn_status omn_weights_take(void *to, const void *bytes, size_t n, omn_error *err);

/* "omnio.weights-files/1": a file of weights that is a model by itself, for it holds configuration
 * and tokenizer. Such a model is opened by the path of its file. */
typedef omn_status omn_weights_file_fn(void *user, const char *name, const void *bytes, size_t n,
                                       omn_error *err);
typedef struct omn_weights_files_impl {
    /* Call `take` for each file inside, "config.json" one of them; not at all when this file is
     * weights alone. Names are checked by the host, what is given is borrowed. [run] */
    omn_status (*files)(const char *path, omn_weights_file_fn *take, void *user, omn_error *err);
} omn_weights_files_impl;

/* "omnio.weights-writer/1": the format is written, too, for paths with its first suffix. */
typedef struct omn_weights_inner {
    const char *name;
    const void *bytes;
    size_t n;
} omn_weights_inner;
typedef struct omn_weights_out {
    uint32_t size;
    const omn_weights_entry *entries;     /* of distinct names; their data are NULL */
    size_t n;
    const char *const *meta;              /* n_meta pairs key, value */
    size_t n_meta;
    const omn_weights_inner *files;       /* of the model, to be found again by the files above */
    size_t n_files;
    /* All bytes of tensor i, in order, into `take`. */
    omn_status (*give)(void *user, size_t i, omn_weights_take *take, void *to, omn_error *err);
    void *user;
} omn_weights_out;
typedef struct omn_weights_writer_impl {
    /* May this tensor be written? NULL, or what stands against it: "has a type that ..". [any] */
    const char *(*refuses)(const omn_tensor *t);
    /* Under a temporary name, then renamed. Each tensor is asked for once. [run] */
    omn_status (*write)(const char *path, omn_overwrite how, const omn_weights_out *w,
                        omn_error *err);
} omn_weights_writer_impl;
/* Is this the path of a file that a plugin writes? safetensors does not count. [any] */
OMN_API bool omn_weights_writes(omn_context *ctx, const char *path);

/* ---- parameters: one parser for YAML, options and model configurations ----------------------- */

/* Values for an object's "param" rows, by name; text as a user writes it. */
typedef struct omn_setting { const char *name, *text; int32_t line, column; } omn_setting;
/* A parameter struct (n_params rows, params_size bytes), filled from settings and defaults,
 * everything checked; strings live in the same arena. Unknown names name the nearest one. file: for
 * messages. */
OMN_API omn_status omn_params_fill(const omn_entry *e, const omn_setting *set, size_t n,
                                   const char *file, omn_arena *a, void **params, omn_error *err);
/* The same with values for the "in" rows, by name; what is not given stays NULL. Values are
 * borrowed as long as the struct is used. */
OMN_API omn_status omn_params_fill_values(const omn_entry *e, const omn_setting *set, size_t n,
                                          const omn_named *values, size_t n_values,
                                          const char *file, omn_arena *a, void **params,
                                          omn_error *err);
/* Check one text against one row without storing it. */
OMN_API omn_status omn_param_check(const omn_param *p, const char *text, omn_error *err);
/* The one of n names that was probably meant (few letters dropped, added, changed or swapped), or
 * NULL. [any] */
OMN_API const char *omn_nearest_name(const char *wanted, const char *const *names, size_t n);
/* Describe an object for people: kind, parameters, types, defaults, ranges. man: as an mdoc
 * page. */
OMN_API omn_status omn_entry_help(const omn_entry *e, bool man, omn_buf *out, omn_error *err);

/* Call an operation through libffi. in: as many as "in" and "optional" rows, in order (NULL only
 * for optional ones); out: as many as "out" rows, owned by the caller. All types are checked first.
 * The scratch memory that the operation takes from c is given back when it returns. [run] */
OMN_API omn_status omn_operation_call(const omn_entry *e, omn_call *c, const omn_value *const *in,
                                      const omn_setting *set, size_t n_set, omn_value **out,
                                      omn_error *err);
/* The same by name for a working function, through the context behind its call: so one plugin uses
 * what another one can do. OMN_ERR_MISSING when there is none of that name, OMN_ERR_UNSUPPORTED
 * without a context; the error tells of the operation that failed. [run] */
OMN_API omn_status omn_call_operation(omn_call *c, const char *name, const omn_value *const *in,
                                      const omn_setting *set, size_t n_set, omn_value **out,
                                      omn_error *err);

/* Write the project of a new plugin into `folder`, which must not be there yet: sources, a Makefile
 * that needs nothing but pkg-config, a test that passes. kind: "operation", "format", "encoder",
 * "decoder", "codec", "model", "source", "op", "compute", "value" or "answer"; name: small letters,
 * digits and '-', at most 40. Nothing is left behind after a failure. [any] */
OMN_API omn_status omn_plugin_project(omn_context *ctx, const char *kind, const char *name,
                                      const char *folder, omn_error *err);

/* ---- reading and writing values by format ---------------------------------------------------- */

/* The file's format is found by its first bytes, not by its name. type: wanted value type
 * ("image"),
 * NULL: any. path "-": standard input. [any] */
OMN_API omn_status omn_value_load(omn_context *ctx, const char *path, const char *type,
                                  omn_value **out, omn_error *err);
/* The same for a working function, through the context behind its call; OMN_ERR_UNSUPPORTED without
 * one. [run] */
OMN_API omn_status omn_call_load(omn_call *c, const char *path, const char *type, omn_value **out,
                                 omn_error *err);
/* The format follows from the suffix; name: as "name?quality=90" for parameters. Texts, records and
 * regions with suffix .txt, .json, .jsonl need no plugin. */
OMN_API omn_status omn_value_save(omn_context *ctx, const char *path, const omn_value *v,
                                  omn_overwrite how, omn_error *err);

#ifdef __cplusplus
}
#endif
#endif
