/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that lie, one for each number LIE. Built once for each; the tests say what is expected of
 * every one of them. */
#include <omnio/plugin.h>

#define NOTE(IN, PAR, OUT)                                                                       \
    PAR(int, n, "1", "0..9", NULL, "a number")                                                   \
    OUT(number, out, "the number")
OMN_OPERATION(note, NOTE, OMN_PURE);
static omn_status note(omn_call *c, int n, omn_value **out, omn_error *err)
{
    (void)c;
    return omn_number_new(n, out, err);
}

static const omn_object object = OMN_OPERATION_OBJECT(note, "lie.note", "a number");
#define ROW { "omnio.operation/1", "lie.note", "a number", &note_impl, note_params, 2, 0 }
#define ROWS(kind, name, help, impl, params, n, size)                                            \
    static const omn_object rows[] = { { kind, name, help, impl, params, n, size } }
#define PARAM(role, name, type, deflt, range, help, offset)                                      \
    static const omn_param bad[] = { { role, name, type, deflt, range, NULL, help, offset } };   \
    ROWS("omnio.operation/1", "lie.note", "a number", &note_impl, bad, 1, 0)

/* What the descriptor says, unless a lie below says otherwise. */
#define MAGIC OMN_PLUGIN_MAGIC
#define ABI OMN_PLUGIN_ABI
#define MINOR OMN_PLUGIN_MINOR
#define SIZE sizeof(omn_plugin)
#define OBJECT_SIZE sizeof(omn_object)
#define PARAM_SIZE sizeof(omn_param)
#define COUNT (sizeof(rows) / sizeof(rows[0]))
#define NAME "liar"
#define LIST rows

#if LIE == 1 /* not a descriptor of ours */
#undef MAGIC
#define MAGIC 0x12345678
#elif LIE == 2 /* another abi */
#undef ABI
#define ABI 2
#elif LIE == 3 /* a newer minor */
#undef MINOR
#define MINOR 99
#elif LIE == 4 /* smaller than the first release */
#undef SIZE
#define SIZE 16
#elif LIE == 5 /* rows of odd length */
#undef OBJECT_SIZE
#define OBJECT_SIZE (sizeof(omn_object) + 3)
#elif LIE == 6 /* rows too short */
#undef PARAM_SIZE
#define PARAM_SIZE 8
#elif LIE == 7 /* many more objects than there are */
#undef COUNT
#define COUNT 4000
#elif LIE == 8 /* millions of them */
#undef COUNT
#define COUNT 4000000000u
#elif LIE == 9 /* no objects */
#undef COUNT
#define COUNT 0
#elif LIE == 10 /* no list */
#undef LIST
#define LIST ((const omn_object *)8)
#elif LIE == 11 /* no name */
#undef NAME
#define NAME NULL
#elif LIE == 12 /* a name somewhere */
#undef NAME
#define NAME ((const char *)0x10)
#elif LIE == 13 /* a name that no terminal should see */
#undef NAME
#define NAME "liar\033[2J\nliar"
#elif LIE == 14
static const omn_object rows[] = { ROW, ROW };
#elif LIE == 15
ROWS(NULL, "lie.note", "a number", &note_impl, note_params, 2, 0);
#elif LIE == 16
ROWS("omnio.operation", "lie.note", "a number", &note_impl, note_params, 2, 0);
#elif LIE == 17
ROWS("omnio.operation/1", "../lie note", "a number", &note_impl, note_params, 2, 0);
#elif LIE == 18
ROWS("omnio.operation/1", "lie.note", "", &note_impl, note_params, 2, 0);
#elif LIE == 19
ROWS("omnio.operation/1", "lie.note", "a number", NULL, note_params, 2, 0);
#elif LIE == 20
ROWS("omnio.operation/1", "lie.note", "a number", &object, note_params, 2, 0);
#elif LIE == 21
ROWS("omnio.operation/1", "lie.note", "a number", &note_impl, note_params, 900, 0);
#elif LIE == 22
ROWS("omnio.operation/1", "lie.note", "a number", &note_impl, note_params, 4000000, 0);
#elif LIE == 23
ROWS("omnio.operation/1", "lie.note", "a number", &note_impl, NULL, 2, 0);
#elif LIE == 24
PARAM("param", "n", "int", "10", "0..9", "a number", 0);
#elif LIE == 25
PARAM("param", "n", "int", "1", "9..0", "a number", 0);
#elif LIE == 26
PARAM("param", "n", "float", "1", NULL, "a number", 0);
#elif LIE == 27
PARAM("inout", "n", "text", NULL, NULL, "a number", 0);
#elif LIE == 28
PARAM("in", "n", "picture", NULL, NULL, "a number", 0);
#elif LIE == 29
PARAM("param", "n o", "int", "1", NULL, "a number", 0);
#elif LIE == 30
PARAM("param", "n", "choice", "a", "a||b", "a word", 0);
#elif LIE == 31
static const omn_param bad[] = { { "param", "n", "int", "1", NULL, NULL, "a number", 0 },
                                 { "param", "n", "int", "1", NULL, NULL, "a number", 0 } };
ROWS("omnio.operation/1", "lie.note", "a number", &note_impl, bad, 2, 0);
#elif LIE == 32
static const omn_param bad[] = { { "param", "n", "double", "1", NULL, NULL, "a number", 12 } };
ROWS("omnio.source/1", "lie.source", "a source", &note_impl, bad, 1, 16);
#elif LIE == 33
static const omn_param bad[] = { { "param", "n", "double", "1", NULL, NULL, "a number", 4294967288u } };
ROWS("omnio.source/1", "lie.source", "a source", &note_impl, bad, 1, 16);
#elif LIE == 34
static const omn_format_impl nothing = { NULL, "image", "lie", NULL, NULL, NULL };
ROWS("omnio.format/1", "lie", "a format", &nothing, NULL, 0, 0);
#elif LIE == 35
static const omn_format_impl nowhere = { NULL, "image", (const char *)0x20, NULL, NULL, NULL };
ROWS("omnio.format/1", "lie", "a format", &nowhere, NULL, 0, 0);
#endif

#if LIE < 14
static const omn_object rows[] = { ROW };
#endif
/* Rows that no lie uses must not be unused. */
extern OMN_EXPORT const void *const liar_rows[];
const void *const liar_rows[] = { &object, rows, note_params, &note_impl };

extern OMN_EXPORT const omn_plugin omnio_plugin;
const omn_plugin omnio_plugin = { MAGIC, ABI, MINOR, SIZE, OBJECT_SIZE, PARAM_SIZE, COUNT, NAME,
                                  "1.0", "Apache-2.0", "tells lies", LIST };
