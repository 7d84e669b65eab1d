/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin without fault, for the tests of the door: an operation with every type of row,
 * operations that misbehave when they are called, a format, an object of an unknown kind. */
#include <omnio/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Says back what it was given, as text. */
#define ALL(IN, OPT, PAR, OUT)                                                                     \
    PAR(int, i, NULL, "-5..1000", "px", "a small number")                                          \
    IN(text, words, "some text")                                                                   \
    PAR(int64, seed, "9223372036854775807", NULL, NULL, "a large number")                          \
    PAR(double, ratio, "0.5", "0.1..10", NULL, "a ratio")                                          \
    PAR(bool, loud, "no", NULL, NULL, "whether to shout")                                          \
    PAR(string, title, "", NULL, NULL, "a title")                                                  \
    PAR(path, file, "a/b", NULL, NULL, "a file that is not opened")                                \
    PAR(choice, filter, "box", "box|nearest|cubic", NULL, "one of three")                          \
    OPT(image, picture, "a picture")                                                               \
    OUT(text, said, "all of it in one line")                                                       \
    OUT(number, count, "how many pixels the picture has")
OMN_OPERATION(all, ALL, OMN_PURE);
static omn_status all(omn_call *c, int i, const omn_value *words, int64_t seed, double ratio,
                      bool loud, const char *title, const char *file, int filter,
                      const omn_image *picture, omn_value **said, omn_value **count, omn_error *err)
{
    char text[512];
    omn_status st = OMN_OK;
    omn_pixels px = { 0 };
    if (picture) px = omn_image_pixels(picture);
    int n = snprintf(text, sizeof(text), "%d %s %lld %.17g %d [%s] [%s] %d %u", i,
                     omn_text_get(words, NULL), (long long)seed, ratio, loud, title, file, filter,
                     px.width);
    omn_call_log(c, OMN_LOG_INFO, "all is called");
    OMN_TRY(omn_text_new(text, (size_t)n, said, err));
    OMN_TRY(omn_number_new((double)px.width * px.height, count, err));
done:
    return st;
}

#define PASS(IN, OPT, PAR, OUT)                                                                    \
    IN(image, in, "a picture")                                                                     \
    PAR(int, width, "2", "1..64", "px", "width of the new one")                                    \
    OUT(image, out, "another picture")
OMN_OPERATION(pass, PASS, OMN_SERIAL);
static omn_status pass(omn_call *c, const omn_image *in, int width, omn_image **out, omn_error *err)
{
    omn_pixels px;
    /* Much more than is needed: it must be gone when this returns. */
    if (!omn_call_scratch(c, 1 << 20, 1)) return omn_fail(err, OMN_ERR_MEMORY, "no scratch memory");
    return omn_image_new(OMN_U8, (uint32_t)width, 1, omn_image_pixels(in).channels, NULL, out, &px,
                         err);
}

/* What a careless author may do. */
#define WRONG(IN, OPT, PAR, OUT)                                                                   \
    PAR(choice, how, NULL, "nothing|type|status|silent|said|half", NULL, "which mistake")          \
    OUT(text, first, "never of use")                                                               \
    OUT(text, second, "never of use either")
OMN_OPERATION(wrong, WRONG, OMN_PURE);
static omn_status wrong(omn_call *c, int how, omn_value **first, omn_value **second, omn_error *err)
{
    omn_status st = OMN_OK;
    (void)c;
    switch (how) {
    case 0:
        return OMN_OK;
    case 1:
        OMN_TRY(omn_number_new(1, first, err));
        OMN_TRY(omn_number_new(2, second, err));
        return OMN_OK;
    case 2:
        return (omn_status)77;
    case 3:
        return OMN_ERR_DATA;
    case 4:
        return omn_fail(err, OMN_ERR_DATA, "the moon is not full");
    default:
        OMN_TRY(omn_text_new("half", 4, first, err));
        return omn_fail(err, OMN_ERR_IO, "only half was done");
    }
done:
    return st;
}

/* A serial operation that notices company. */
#define ALONE(IN, OPT, PAR, OUT)                                                                   \
    IN(any, in, "anything")                                                                        \
    OUT(number, others, "how many calls ran at the same time")
OMN_OPERATION(alone, ALONE, OMN_SERIAL);
static int inside;
static omn_status alone(omn_call *c, const omn_value *in, omn_value **others, omn_error *err)
{
    (void)c;
    (void)in;
    int before = inside++;
    for (volatile int i = 0; i < 20000; i++) {}
    int after = --inside;
    return omn_number_new(before + after, others, err);
}

/* A format: "TST" and then text. */
#define TST(PAR, S)                                                                                \
    PAR(S, int, times, "1", "1..9", NULL, "how often the text is written")                         \
    PAR(S, string, mark, "!", NULL, NULL, "what ends it")                                          \
    PAR(S, double, pad, "0", "0..1", NULL, "so that the struct has holes")                         \
    PAR(S, bool, twice, "off", NULL, NULL, "write the mark twice")
OMN_PARAMS(tst, TST);

static int tst_probe(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return n >= 3 && memcmp(head, "TST", 3) == 0 ? 100 : 0;
}

static omn_status tst_read(omn_call *c, const uint8_t *bytes, size_t n, omn_value **out,
                           omn_error *err)
{
    (void)c;
    if (n < 4) return omn_fail(err, OMN_ERR_DATA, "a TST file has at least 4 bytes, not %zu", n);
    if (bytes[3] == '0') return OMN_OK;
    if (bytes[3] == '1') return omn_number_new(1, out, err);
    return omn_text_new((const char *)bytes + 3, n - 3, out, err);
}

static omn_status tst_write(omn_call *c, const void *params, const omn_value *v, uint8_t **bytes,
                            size_t *size, omn_error *err)
{
    const struct tst *p = params;
    omn_buf b;
    (void)c;
    omn_buf_init(&b, 1 << 20);
    omn_buf_puts(&b, "TST");
    for (int i = 0; i < p->times; i++) omn_buf_puts(&b, omn_text_get(v, NULL));
    for (int i = 0; i <= p->twice; i++) omn_buf_puts(&b, p->mark);
    *size = b.length;
    *bytes = (uint8_t *)omn_buf_take(&b);
    omn_buf_fini(&b);
    return *bytes ? OMN_OK : omn_fail(err, OMN_ERR_MEMORY, "no memory for a TST file");
}

static const omn_format_impl format = { NULL, "text", "tst,ts2", tst_probe, tst_read, tst_write };

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(all, "test.all", "says what it was given"),
    OMN_OPERATION_OBJECT(pass, "test.pass", "another picture"),
    OMN_OPERATION_OBJECT(wrong, "test.wrong", "makes mistakes"),
    OMN_OPERATION_OBJECT(alone, "test.alone", "wants to be alone"),
    { "omnio.format/1", "tst", "text behind three letters", &format, OMN_OBJECT_PARAMS(tst) },
    { "omnio.future/7", "unheard", "of a kind that is not known yet", &format, NULL, 0, 0 },
};
OMN_PLUGIN("good", "1.2", "Apache-2.0", "what a plugin should be", objects);
