/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin whose descriptor lies. Which lie it tells follows from the name of its file: a test
 * copies it as lie-abi.so, lie-minor.so and so on, and while it is loaded it puts the descriptor of
 * that name into omnio_plugin. One build serves for all of them. */
#include <omnio/plugin.h>

#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

#define NOTE(IN, OPT, PAR, OUT)                                                                    \
    PAR(int, n, "1", "0..9", NULL, "a number")                                                     \
    OUT(number, out, "the number")
OMN_OPERATION(note, NOTE, OMN_PURE);
static omn_status note(omn_call *c, int n, omn_value **out, omn_error *err)
{
    (void)c;
    return omn_number_new(n, out, err);
}

/* Lists of one object each. */
#define OBJECT(id, kind, name, help, impl, params, n, size)                                        \
    static const omn_object id[] = { { kind, name, help, impl, params, n, size } };
#define OPERATION "omnio.operation/1"
OBJECT(honest, OPERATION, "lie.note", "a number", &note_impl, note_params, 2, 0)
OBJECT(no_kind, NULL, "lie.note", "a number", &note_impl, note_params, 2, 0)
OBJECT(bad_kind, "omnio.operation", "lie.note", "a number", &note_impl, note_params, 2, 0)
OBJECT(bad_name, OPERATION, "../lie note", "a number", &note_impl, note_params, 2, 0)
OBJECT(no_help, OPERATION, "lie.note", "", &note_impl, note_params, 2, 0)
OBJECT(no_impl, OPERATION, "lie.note", "a number", NULL, note_params, 2, 0)
OBJECT(data_impl, OPERATION, "lie.note", "a number", &honest, note_params, 2, 0)
OBJECT(some_rows, OPERATION, "lie.note", "a number", &note_impl, note_params, 900, 0)
OBJECT(many_rows, OPERATION, "lie.note", "a number", &note_impl, note_params, 4000000, 0)
OBJECT(no_rows, OPERATION, "lie.note", "a number", &note_impl, NULL, 2, 0)
static const omn_object twice[] = { OMN_OPERATION_OBJECT(note, "lie.note", "a number"),
                                    OMN_OPERATION_OBJECT(note, "lie.note", "a number") };
static const omn_format_impl empty_format = { NULL, "image", "lie", NULL, NULL, NULL };
static const omn_format_impl text_format = { NULL, "image", (const char *)0x20, NULL, NULL, NULL };
static const void *const hollow_impl[24] = { NULL };
static const void *const data_members[24] = { (const void *)0x1000, &note_impl };
#define HOLLOW(id, kind)                                                                           \
    OBJECT(hollow_##id, kind, "lie.hollow", "a hollow one", hollow_impl, NULL, 0, 0)               \
    OBJECT(wild_##id, kind, "lie.wild", "a wild one", data_members, NULL, 0, 0)
HOLLOW(operation, "omnio.operation/1")
HOLLOW(format, "omnio.format/1")
HOLLOW(compute, "omnio.compute/1")
HOLLOW(op, "omnio.op/1")
HOLLOW(codec, "omnio.codec/1")
HOLLOW(encoder, "omnio.encoder/1")
HOLLOW(decoder, "omnio.decoder/1")
HOLLOW(model, "omnio.model/1")
HOLLOW(source, "omnio.source/1")
HOLLOW(measure, "omnio.measure/1")
OBJECT(odd_impl, "omnio.compute/1", "lie.odd", "at an odd address",
       (const char *)hollow_impl + 4, NULL, 0, 0)
/* Where this file's own data ends is known only when it is loaded: see on_load. */
static omn_object short_impl[] = { { "omnio.compute/1", "lie.short", "at the end", NULL, NULL, 0,
                                     0 } };
/* Kinds of values whose schemas contradict themselves. */
#define SCHEMA(id, name, item_axis, where, ...)                                                    \
    static const omn_column id##_columns[] = { __VA_ARGS__ };                                      \
    static const omn_value_impl id##_impl = {                                                      \
        .columns = id##_columns,                                                                   \
        .n_columns = sizeof(id##_columns) / sizeof(id##_columns[0]),                               \
        .column_size = sizeof(omn_column),                                                         \
        .place = where,                                                                            \
        .item = item_axis                                                                          \
    };                                                                                             \
    OBJECT(id, "omnio.value/1", name, "a kind", &id##_impl, NULL, 0, 0)
#define COLUMN(name, type, axes, lo, hi) { name, type, axes, NULL, lo, hi, 0 }
SCHEMA(kind_ours, "regions", NULL, NULL, COLUMN("x", OMN_F32, "n", 0, 0))
SCHEMA(kind_name, "Moods", NULL, NULL, COLUMN("x", OMN_F32, "n", 0, 0))
SCHEMA(kind_axes, "moods", NULL, NULL, COLUMN("x", OMN_F32, "n,,4", 0, 0))
SCHEMA(kind_deep, "moods", NULL, NULL, COLUMN("x", OMN_F32, "a,b,c,d,e,f,g", 0, 0))
SCHEMA(kind_type, "moods", NULL, NULL, COLUMN("x", (omn_type)77, "n", 0, 0))
SCHEMA(kind_twice, "moods", NULL, NULL, COLUMN("x", OMN_F32, "n", 0, 0),
       COLUMN("x", OMN_F32, "n", 0, 0))
SCHEMA(kind_range, "moods", NULL, NULL, COLUMN("x", OMN_F32, "n", 2, 1))
SCHEMA(kind_item, "moods", "n", NULL, COLUMN("x", OMN_F32, "t,n", 0, 0))
SCHEMA(kind_no_item, "moods", "k", NULL, COLUMN("x", OMN_F32, "t", 0, 0))
SCHEMA(kind_place, "moods", NULL, "space", COLUMN("x", OMN_F32, "t", 0, 0))
SCHEMA(kind_column, "moods", NULL, NULL, COLUMN("the x", OMN_F32, "t", 0, 0))
SCHEMA(kind_wild, "moods", NULL, NULL, COLUMN("x", OMN_F32, (const char *)0x10, 0, 0))
static const omn_value_impl no_columns_impl = { .column_size = sizeof(omn_column) };
OBJECT(kind_none, "omnio.value/1", "moods", "a kind", &no_columns_impl, NULL, 0, 0)
OBJECT(format_empty, "omnio.format/1", "lie", "a format", &empty_format, NULL, 0, 0)
OBJECT(format_text, "omnio.format/1", "lie", "a format", &text_format, NULL, 0, 0)

/* Lists of one object with one row each. */
#define ROW(id, role, name, type, deflt, range)                                                    \
    static const omn_param id##_row[] = { { role, name, type, deflt, range, NULL, "a row", 0 } };  \
    OBJECT(id, OPERATION, "lie.note", "a number", &note_impl, id##_row, 1, 0)
ROW(default_outside, "param", "n", "int", "10", "0..9")
ROW(range_backward, "param", "n", "int", "1", "9..0")
ROW(type_unknown, "param", "n", "float", "1", NULL)
ROW(role_unknown, "inout", "n", "text", NULL, NULL)
ROW(value_unknown, "in", "n", "Picture", NULL, NULL)
ROW(row_name, "param", "n o", "int", "1", NULL)
ROW(step_as, "param", "as", "int", "1", NULL)
ROW(step_score, "in", "score", "text", NULL, NULL)
ROW(choice_hole, "param", "n", "choice", "a", "a||b")
static const omn_param twins[] = { { "param", "n", "int", "1", NULL, NULL, "a number", 0 },
                                   { "param", "n", "int", "1", NULL, NULL, "a number", 0 } };
OBJECT(row_twice, OPERATION, "lie.note", "a number", &note_impl, twins, 2, 0)
static const omn_param low[] = { { "param", "n", "double", "1", NULL, NULL, "a number", 12 } };
static const omn_param far_away[] = { { "param", "n", "double", "1", NULL, NULL, "a number",
                                        4294967288u } };
static const omn_param misaligned[] = { { "param", "n", "double", "1", NULL, NULL, "a number",
                                          4 } };
static const omn_param beyond[] = { { "param", "n", "double", "1", NULL, NULL, "a number", 8 } };
OBJECT(offset_misaligned, "omnio.source/1", "lie.source", "a source", &note_impl, misaligned, 1, 16)
OBJECT(offset_beyond, "omnio.source/1", "lie.source", "a source", &note_impl, beyond, 1, 12)
OBJECT(offset_odd, "omnio.source/1", "lie.source", "a source", &note_impl, low, 1, 16)
OBJECT(offset_far, "omnio.source/1", "lie.source", "a source", &note_impl, far_away, 1, 16)

#define S                                               sizeof(omn_plugin)
#define O                                               sizeof(omn_object)
#define P                                               sizeof(omn_param)
#define A                                               OMN_PLUGIN_ABI
#define HEAD(magic, abi, minor, size, object, param, n) magic, abi, minor, size, object, param, n
#define RIGHT \
    HEAD(OMN_PLUGIN_MAGIC, OMN_PLUGIN_ABI, OMN_PLUGIN_MINOR, S, O, P, 1)
#define TAIL                                            "1.0", "Apache-2.0", "tells lies"

static const struct {
    const char *file;
    omn_plugin door;
} lies[] = {
    { "lie-magic", { HEAD(7, 1, 0, S, O, P, 1), "liar", TAIL, honest } },
    { "lie-abi", { HEAD(OMN_PLUGIN_MAGIC, 1, 0, S, O, P, 1), "liar", TAIL, honest } },
    { "lie-minor", { HEAD(OMN_PLUGIN_MAGIC, A, 99, S, O, P, 1), "liar", TAIL, honest } },
    { "lie-size", { HEAD(OMN_PLUGIN_MAGIC, A, 0, 16, O, P, 1), "liar", TAIL, honest } },
    { "lie-object-odd", { HEAD(OMN_PLUGIN_MAGIC, A, 0, S, O + 3, P, 1), "liar", TAIL, honest } },
    { "lie-object-long", { HEAD(OMN_PLUGIN_MAGIC, A, 0, S, 60000, P, 1), "liar", TAIL, honest } },
    { "lie-param-short", { HEAD(OMN_PLUGIN_MAGIC, A, 0, S, O, 8, 1), "liar", TAIL, honest } },
    { "lie-count", { HEAD(OMN_PLUGIN_MAGIC, A, 0, S, O, P, 4000), "liar", TAIL, honest } },
    { "lie-count-huge",
      { HEAD(OMN_PLUGIN_MAGIC, A, 0, S, O, P, 4000000000u), "liar", TAIL, honest } },
    { "lie-count-none", { HEAD(OMN_PLUGIN_MAGIC, A, 0, S, O, P, 0), "liar", TAIL, honest } },
    { "lie-list", { RIGHT, "liar", TAIL, (const omn_object *)8 } },
    { "lie-name-none", { RIGHT, NULL, TAIL, honest } },
    { "lie-name-wild", { RIGHT, (const char *)0x10, TAIL, honest } },
    { "lie-name-escape", { RIGHT, "liar\033[2J\nliar", TAIL, honest } },
    { "lie-twice", { HEAD(OMN_PLUGIN_MAGIC, A, 0, S, O, P, 2), "liar", TAIL, twice } },
    { "lie-no-kind", { RIGHT, "liar", TAIL, no_kind } },
    { "lie-bad-kind", { RIGHT, "liar", TAIL, bad_kind } },
    { "lie-bad-name", { RIGHT, "liar", TAIL, bad_name } },
    { "lie-no-help", { RIGHT, "liar", TAIL, no_help } },
    { "lie-no-impl", { RIGHT, "liar", TAIL, no_impl } },
    { "lie-data-impl", { RIGHT, "liar", TAIL, data_impl } },
    { "lie-some-rows", { RIGHT, "liar", TAIL, some_rows } },
    { "lie-many-rows", { RIGHT, "liar", TAIL, many_rows } },
    { "lie-no-rows", { RIGHT, "liar", TAIL, no_rows } },
    { "lie-format-empty", { RIGHT, "liar", TAIL, format_empty } },
    { "lie-format-wild", { RIGHT, "liar", TAIL, format_text } },
    { "lie-kind-ours", { RIGHT, "liar", TAIL, kind_ours } },
    { "lie-kind-name", { RIGHT, "liar", TAIL, kind_name } },
    { "lie-kind-axes", { RIGHT, "liar", TAIL, kind_axes } },
    { "lie-kind-deep", { RIGHT, "liar", TAIL, kind_deep } },
    { "lie-kind-type", { RIGHT, "liar", TAIL, kind_type } },
    { "lie-kind-twice", { RIGHT, "liar", TAIL, kind_twice } },
    { "lie-kind-range", { RIGHT, "liar", TAIL, kind_range } },
    { "lie-kind-item", { RIGHT, "liar", TAIL, kind_item } },
    { "lie-kind-no-item", { RIGHT, "liar", TAIL, kind_no_item } },
    { "lie-kind-place", { RIGHT, "liar", TAIL, kind_place } },
    { "lie-kind-column", { RIGHT, "liar", TAIL, kind_column } },
    { "lie-kind-wild", { RIGHT, "liar", TAIL, kind_wild } },
    { "lie-kind-none", { RIGHT, "liar", TAIL, kind_none } },
    { "lie-default", { RIGHT, "liar", TAIL, default_outside } },
    { "lie-range", { RIGHT, "liar", TAIL, range_backward } },
    { "lie-type", { RIGHT, "liar", TAIL, type_unknown } },
    { "lie-role", { RIGHT, "liar", TAIL, role_unknown } },
    { "lie-value", { RIGHT, "liar", TAIL, value_unknown } },
    { "lie-row-name", { RIGHT, "liar", TAIL, row_name } },
    { "lie-choice", { RIGHT, "liar", TAIL, choice_hole } },
    { "lie-step-as", { RIGHT, "liar", TAIL, step_as } },
    { "lie-step-score", { RIGHT, "liar", TAIL, step_score } },
    { "lie-row-twice", { RIGHT, "liar", TAIL, row_twice } },
    { "lie-offset-odd", { RIGHT, "liar", TAIL, offset_odd } },
    { "lie-offset-misaligned", { RIGHT, "liar", TAIL, offset_misaligned } },
    { "lie-offset-beyond", { RIGHT, "liar", TAIL, offset_beyond } },
    { "lie-hollow-operation", { RIGHT, "liar", TAIL, hollow_operation } },
    { "lie-hollow-format", { RIGHT, "liar", TAIL, hollow_format } },
    { "lie-hollow-compute", { RIGHT, "liar", TAIL, hollow_compute } },
    { "lie-hollow-op", { RIGHT, "liar", TAIL, hollow_op } },
    { "lie-hollow-codec", { RIGHT, "liar", TAIL, hollow_codec } },
    { "lie-hollow-encoder", { RIGHT, "liar", TAIL, hollow_encoder } },
    { "lie-hollow-decoder", { RIGHT, "liar", TAIL, hollow_decoder } },
    { "lie-hollow-model", { RIGHT, "liar", TAIL, hollow_model } },
    { "lie-hollow-source", { RIGHT, "liar", TAIL, hollow_source } },
    { "lie-hollow-measure", { RIGHT, "liar", TAIL, hollow_measure } },
    { "lie-wild-operation", { RIGHT, "liar", TAIL, wild_operation } },
    { "lie-wild-format", { RIGHT, "liar", TAIL, wild_format } },
    { "lie-wild-compute", { RIGHT, "liar", TAIL, wild_compute } },
    { "lie-wild-op", { RIGHT, "liar", TAIL, wild_op } },
    { "lie-wild-codec", { RIGHT, "liar", TAIL, wild_codec } },
    { "lie-wild-encoder", { RIGHT, "liar", TAIL, wild_encoder } },
    { "lie-wild-decoder", { RIGHT, "liar", TAIL, wild_decoder } },
    { "lie-wild-model", { RIGHT, "liar", TAIL, wild_model } },
    { "lie-wild-source", { RIGHT, "liar", TAIL, wild_source } },
    { "lie-wild-measure", { RIGHT, "liar", TAIL, wild_measure } },
    { "lie-impl-odd", { RIGHT, "liar", TAIL, odd_impl } },
    { "lie-impl-short", { RIGHT, "liar", TAIL, short_impl } },
    { "lie-offset-far", { RIGHT, "liar", TAIL, offset_far } },
};

extern OMN_EXPORT omn_plugin omnio_plugin;
omn_plugin omnio_plugin;

/* The last bytes of this file's writable data, the nearest end there is. */
static int find_end(struct dl_phdr_info *info, size_t size, void *user)
{
    const uintptr_t own = (uintptr_t)user;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        const uintptr_t from = (uintptr_t)(info->dlpi_addr + h->p_vaddr), to = from + h->p_memsz;
        if (h->p_type != PT_LOAD || own < from || own >= to) continue;
        short_impl[0].impl = (const void *)((to - 16) & ~(uintptr_t)7);
        return 1;
    }
    return 0;
}

__attribute__((constructor)) static void on_load(void)
{
    Dl_info info;
    if (!dladdr(&omnio_plugin, &info)) return;
    dl_iterate_phdr(find_end, &omnio_plugin);
    const char *slash = strrchr(info.dli_fname, '/'), *name = slash ? slash + 1 : info.dli_fname;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        size_t n = strlen(lies[i].file);
        if (strncmp(name, lies[i].file, n) == 0 && strcmp(name + n, ".so") == 0)
            omnio_plugin = lies[i].door;
    }
}
