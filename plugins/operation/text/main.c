/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on texts. Letters are those of Unicode where utf8proc is there, else of ASCII; white
 * space is that of ASCII. Nothing depends on the locale. */
#include <config.h>

#include "tagged.h"

#include <omnio/plugin.h>

#include <stdlib.h>
#include <string.h>
#ifdef HAVE_UTF8PROC
#include <utf8proc.h>
#endif

static const char spaces[] = " \t\n\r\f\v";

/* The text that was gathered in b, which is emptied. */
static omn_status finish(omn_buf *b, omn_value **out, omn_error *err)
{
    omn_status st = omn_buf_check(b, "the text", err);
    if (st == OMN_OK) st = omn_text_new(b->data, b->length, out, err);
    omn_buf_fini(b);
    return st;
}

#define TEMPLATE(IN, OPT, PAR, OUT)                                                                \
    OPT(any, in, "what {} stands for; of a record each field by its name")                         \
    OPT(any, first, "what {first} stands for")                                                     \
    OPT(any, second, "what {second} stands for")                                                   \
    OPT(any, third, "what {third} stands for")                                                     \
    PAR(string, template, NULL, NULL, NULL, "text with {name} in it; {{ and }} are braces")        \
    PAR(bool, needed, "false", NULL, NULL, "a template without {} is refused, and nothing for it") \
    OUT(text, out, "the text with everything put in")
OMN_OPERATION(fill, TEMPLATE, OMN_PURE);
static omn_status fill(omn_call *c, const omn_value *in, const omn_value *first,
                       const omn_value *second, const omn_value *third, const char *template,
                       bool needed, omn_value **out, omn_error *err)
{
    (void)c;
    omn_status st = OMN_OK;
    bool used = false;
    omn_buf b;
    omn_buf_init(&b, OMN_TEXT_MOST);
    for (const char *p = template; st == OMN_OK && *p != '\0';) {
        size_t plain = strcspn(p, "{}");
        omn_buf_put(&b, p, plain);
        p += plain;
        if (*p == '\0') break;
        if (p[0] == p[1]) {
            omn_buf_put(&b, p, 1);
            p += 2;
            continue;
        }
        size_t n = *p == '{' ? strcspn(p + 1, "{}") : 0;
        char name[128];
        if (*p != '{' || p[1 + n] != '}' || n >= sizeof(name)) {
            st = omn_fail(err, OMN_ERR_ARGUMENT, "a single brace at \"%.20s\"; write {{ or }}", p);
            break;
        }
        memcpy(name, p + 1, n);
        name[n] = '\0';
        const omn_value *v = n == 0 ? in : omn_record_get(in, name);
        if (v == NULL && strcmp(name, "first") == 0)
            v = first;
        else if (v == NULL && strcmp(name, "second") == 0)
            v = second;
        else if (v == NULL && strcmp(name, "third") == 0)
            v = third;
        const size_t before = b.length;
        if (v == NULL)
            st = omn_fail(err, OMN_ERR_ARGUMENT, "nothing is given for {%s} of the template", name);
        else
            omn_value_text(v, &b);
        if (needed && n == 0 && st == OMN_OK && !b.failed && b.length == before)
            st = omn_fail(err, OMN_ERR_ARGUMENT, "what is put in for {} is empty; a text is "
                          "wanted");
        used = used || n == 0;
        p += n + 2;
    }
    if (st == OMN_OK && needed && !used)
        st = omn_fail(err, OMN_ERR_ARGUMENT, "the template \"%.60s\" has no {}, which stands for "
                      "what is put in", template);
    if (st == OMN_OK) return finish(&b, out, err);
    omn_buf_fini(&b);
    return st;
}

static omn_status recase(const omn_value *in, bool up, omn_value **out, omn_error *err)
{
    size_t n;
    const char *s = omn_text_get(in, &n);
    omn_buf b;
    omn_buf_init(&b, OMN_TEXT_MOST);
    for (size_t i = 0; i < n && !b.failed;) {
#ifdef HAVE_UTF8PROC
        utf8proc_int32_t letter;
        utf8proc_uint8_t bytes[4];
        utf8proc_ssize_t used =
            utf8proc_iterate((const utf8proc_uint8_t *)s + i, (utf8proc_ssize_t)(n - i), &letter);
        if (used < 1) return omn_fail(err, OMN_ERR_INTERNAL, "a text that is not UTF-8");
        letter = up ? utf8proc_toupper(letter) : utf8proc_tolower(letter);
        omn_buf_put(&b, bytes, (size_t)utf8proc_encode_char(letter, bytes));
        i += (size_t)used;
#else
        char ch = s[i++];
        if (up && ch >= 'a' && ch <= 'z') ch = (char)(ch - 'a' + 'A');
        if (!up && ch >= 'A' && ch <= 'Z') ch = (char)(ch - 'A' + 'a');
        omn_buf_put(&b, &ch, 1);
#endif
    }
    return finish(&b, out, err);
}

#define CASE(IN, OPT, PAR, OUT) IN(text, in, "the text") OUT(text, out, "the same in other letters")
OMN_OPERATION(lower, CASE, OMN_PURE);
static omn_status lower(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    (void)c;
    return recase(in, false, out, err);
}
OMN_OPERATION(upper, CASE, OMN_PURE);
static omn_status upper(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    (void)c;
    return recase(in, true, out, err);
}

/* The text between p and its end without white space around it. */
static omn_status trimmed(const char *p, size_t n, omn_value **out, omn_error *err)
{
    size_t from = 0;
    while (from < n && strchr(spaces, p[from]) != NULL) from++;
    while (n > from && strchr(spaces, p[n - 1]) != NULL) n--;
    return omn_text_new(p + from, n - from, out, err);
}

#define TIDY(IN, OPT, PAR, OUT)                                                                    \
    IN(text, in, "a text whose marks stand apart, as tokens do")                                   \
    OUT(text, out, "the same as people write it")
OMN_OPERATION(tidy, TIDY, OMN_PURE);
/* One after the other, as T5's tokenizer of the Transformers library shows a text. */
static omn_status tidy(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    static const char *const marks[][2] = {
        { " .", "." },   { " ?", "?" },   { " !", "!" },   { " ,", "," },     { " ' ", "'" },
        { " n't", "n't" }, { " 'm", "'m" }, { " 's", "'s" }, { " 've", "'ve" }, { " 're", "'re" },
    };
    size_t n = 0;
    const char *text = omn_text_get(in, &n);
    char *copy = omn_call_scratch(c, n + 1, 1);
    if (copy == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a text");
    memcpy(copy, text, n);
    for (size_t k = 0; k < sizeof marks / sizeof *marks; k++) {
        const size_t from = strlen(marks[k][0]), to = strlen(marks[k][1]);
        size_t made = 0;
        for (size_t i = 0; i < n;) {
            const bool hit = n - i >= from && memcmp(copy + i, marks[k][0], from) == 0;
            if (hit) memcpy(copy + made, marks[k][1], to);
            else copy[made] = copy[i];
            made += hit ? to : 1;
            i += hit ? from : 1;
        }
        n = made;
    }
    return omn_text_new(copy, n, out, err);
}

#define STRIP(IN, OPT, PAR, OUT)                                                                   \
    IN(text, in, "the text")                                                                       \
    OUT(text, out, "without white space before and behind")
OMN_OPERATION(strip, STRIP, OMN_PURE);
static omn_status strip(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    (void)c;
    size_t n;
    const char *s = omn_text_get(in, &n);
    return trimmed(s, n, out, err);
}

#define SQUEEZE(IN, OPT, PAR, OUT)                                                                 \
    IN(text, in, "the text")                                                                       \
    OUT(text, out, "its words with one blank between")
OMN_OPERATION(squeeze, SQUEEZE, OMN_PURE);
static omn_status squeeze(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    (void)c;
    omn_buf b;
    const char *s = omn_text_get(in, NULL);
    omn_buf_init(&b, OMN_TEXT_MOST);
    for (s += strspn(s, spaces); *s;) {
        const size_t n = strcspn(s, spaces);
        if (b.length) omn_buf_puts(&b, " ");
        omn_buf_put(&b, s, n);
        s += n;
        s += strspn(s, spaces);
    }
    return finish(&b, out, err);
}

#define REPLACE(IN, OPT, PAR, OUT)                                                                 \
    IN(text, in, "the text")                                                                       \
    PAR(string, old, NULL, NULL, NULL, "what to look for, not empty")                              \
    PAR(string, new, "", NULL, NULL, "what to put there")                                          \
    OUT(text, out, "the text with every occurrence replaced")
OMN_OPERATION(replace, REPLACE, OMN_PURE);
static omn_status replace(omn_call *c, const omn_value *in, const char *old, const char *new,
                          omn_value **out, omn_error *err)
{
    (void)c;
    size_t n = strlen(old);
    const char *p = omn_text_get(in, NULL);
    if (n == 0) return omn_fail(err, OMN_ERR_ARGUMENT, "old is empty; it says what to look for");
    omn_buf b;
    omn_buf_init(&b, OMN_TEXT_MOST);
    for (const char *hit; (hit = strstr(p, old)) != NULL && !b.failed; p = hit + n) {
        omn_buf_put(&b, p, (size_t)(hit - p));
        omn_buf_puts(&b, new);
    }
    omn_buf_puts(&b, p);
    return finish(&b, out, err);
}

#define SPLIT(IN, OPT, PAR, OUT)                                                                   \
    IN(text, in, "the text")                                                                       \
    PAR(string, at, ",", NULL, NULL, "what stands between the parts; \"\\n\" for lines")           \
    PAR(bool, empty, "false", NULL, NULL, "keep empty parts too")                                  \
    OUT(list, out, "the parts, without white space around them")
OMN_OPERATION(split, SPLIT, OMN_PURE);
static omn_status split(omn_call *c, const omn_value *in, const char *at, bool empty,
                        omn_value **out, omn_error *err)
{
    const char *mark = strcmp(at, "\\n") == 0 ? "\n" : at, *s = omn_text_get(in, NULL);
    size_t width = strlen(mark), most = 1, n = 0;
    if (width == 0) return omn_fail(err, OMN_ERR_ARGUMENT, "at is empty; it says where to split");
    for (const char *p = s; (p = strstr(p, mark)) != NULL; p += width) most++;
    omn_value **items = omn_call_scratch(c, most, sizeof(*items));
    if (items == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu parts", most);
    omn_status st = OMN_OK;
    for (const char *p = s; st == OMN_OK && p != NULL;) {
        const char *end = strstr(p, mark);
        omn_value *part = NULL;
        size_t length = 0;
        st = trimmed(p, end != NULL ? (size_t)(end - p) : strlen(p), &part, err);
        if (st == OMN_OK) omn_text_get(part, &length);
        if (st == OMN_OK && (empty || length > 0))
            items[n++] = part;
        else
            omn_value_unref(part);
        p = end != NULL ? end + width : NULL;
    }
    if (st == OMN_OK) st = omn_list_new(items, n, out, err);
    while (n > 0) omn_value_unref(items[--n]);
    return st;
}

#define BEFORE(IN, OPT, PAR, OUT)                                                                  \
    IN(text, in, "the text")                                                                       \
    PAR(string, at, NULL, NULL, NULL, "what it ends before: the first of several, | between them") \
    OUT(text, out, "what stands in front; all of it where none is there")
OMN_OPERATION(before, BEFORE, OMN_PURE);
static omn_status before(omn_call *c, const omn_value *in, const char *at, omn_value **out,
                         omn_error *err)
{
    size_t n = 0;
    const char *text = omn_text_get(in, &n);
    (void)c;
    for (size_t m; *at; at += m + (at[m] == '|')) {
        m = strcspn(at, "|");
        if (!m) return omn_fail(err, OMN_ERR_ARGUMENT, "at: an empty text is nowhere");
        for (size_t i = 0; i + m <= n; i++)
            if (!memcmp(text + i, at, m)) n = i;
    }
    return omn_text_new(text, n, out, err);
}

#define TAGGED(IN, OPT, PAR, OUT)                                                                  \
    IN(any, in, "a text, or a list of texts and of lists of numbers of things, from 0")            \
    IN(list, names, "what the things are called")                                                  \
    PAR(string, mark, "vis_extra_id", NULL, NULL, "thing 2 is <mark_2> behind its name; \"\": no") \
    OUT(text, out, "one text")
OMN_OPERATION(tagged, TAGGED, OMN_PURE);
static omn_status tagged(omn_call *c, const omn_value *in, const omn_value *names, const char *mark,
                         omn_value **out, omn_error *err)
{
    (void)c;
    return text_tagged(in, names, mark, out, err);
}

#define JOIN(IN, OPT, PAR, OUT)                                                                    \
    IN(list, in, "a list of any values")                                                           \
    PAR(string, with, ", ", NULL, NULL, "what to put between; \"\\n\" for lines")                  \
    OUT(text, out, "all of them as one text")
OMN_OPERATION(join, JOIN, OMN_PURE);
static omn_status join(omn_call *c, const omn_value *in, const char *with, omn_value **out,
                       omn_error *err)
{
    (void)c;
    omn_buf b;
    omn_buf_init(&b, OMN_TEXT_MOST);
    for (size_t i = 0; i < omn_list_count(in); i++) {
        if (i > 0) omn_buf_puts(&b, strcmp(with, "\\n") == 0 ? "\n" : with);
        omn_value_text(omn_list_at(in, i), &b);
    }
    return finish(&b, out, err);
}

/* One space for white space that has two characters and more. */
static void put_close(omn_buf *b, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t run = 0;
        while (i + run < n && strchr(spaces, s[i + run]) != NULL) run++;
        if (run > 1) omn_buf_puts(b, " ");
        else omn_buf_put(b, s + i, 1);
        i += run > 1 ? run : 1;
    }
}

/* The first `words` words of s, where one space divides them; 0: all. */
static size_t first_words(const char *s, size_t n, int words)
{
    for (size_t i = 0; words > 0 && i < n; i++)
        if (s[i] == ' ' && --words == 0) return i;
    return n;
}

#define CLEAN(IN, OPT, PAR, OUT)                                                                   \
    IN(text, in, "a question or a caption")                                                        \
    PAR(int, words, "0", "0..65536", NULL, "so many words are kept; 0: all")                       \
    PAR(bool, caption, "false", NULL, NULL, "<person> is a word")                                  \
    PAR(string, end, "", NULL, NULL, "what it ends with, put there where it does not")             \
    OUT(text, out, "as OFA's data are: small letters, no marks in front, no hyphens and strokes")
OMN_OPERATION(clean, CLEAN, OMN_PURE);
static omn_status clean(omn_call *c, const omn_value *in, int words, bool caption, const char *end,
                        omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    static const char person[] = "<person>";
    omn_value *small = NULL;
    omn_buf flat, b;
    omn_buf_init(&flat, OMN_TEXT_MOST);
    omn_buf_init(&b, OMN_TEXT_MOST);
    OMN_TRY(lower(c, in, &small, err));
    const char *s = omn_text_get(small, NULL);
    for (s += strspn(s, ",.!?*#:;~"); *s; s++) {
        const bool name = caption && !strncmp(s, person, sizeof person - 1);
        omn_buf_put(&flat, name ? "person" : *s == '-' || *s == '/' ? " " : s, name ? 6 : 1);
        if (name) s += sizeof person - 2;
    }
    OMN_TRY(omn_buf_check(&flat, "the text", err));
    put_close(&b, flat.data ? flat.data : "", flat.length);
    OMN_TRY(omn_buf_check(&b, "the text", err));
    const char *from = b.data ? b.data : "";
    size_t n = b.length;
    while (n && from[n - 1] == '\n') n--;
    while (n && from[n - 1] == ' ') n--;
    for (; n && *from == ' '; from++) n--;
    n = first_words(from, n, words);
    flat.length = 0;
    omn_buf_put(&flat, from, n);
    const size_t m = strlen(end);
    if (n < m || strncmp(from + n - m, end, m) != 0) omn_buf_puts(&flat, end);
    OMN_TRY(omn_buf_check(&flat, "the text", err));
    st = omn_text_new(flat.data ? flat.data : "", flat.length, out, err);
done:
    omn_value_unref(small);
    omn_buf_fini(&flat);
    omn_buf_fini(&b);
    return st;
}

#define BARE(IN, OPT, PAR, OUT)                                                                    \
    IN(text, in, "the text")                                                                       \
    OUT(text, out, "without the punctuation of ASCII, nor white space around it")
OMN_OPERATION(bare, BARE, OMN_PURE);
static omn_status bare(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    (void)c;
    size_t n;
    const char *s = omn_text_get(in, &n);
    omn_buf b;
    omn_buf_init(&b, OMN_TEXT_MOST);
    for (size_t i = 0; i < n; i++) {
        const unsigned char ch = (unsigned char)s[i];
        const bool mark = (ch > 32 && ch < 48) || (ch > 57 && ch < 65) || (ch > 90 && ch < 97) ||
                          (ch > 122 && ch < 127);
        if (!mark) omn_buf_put(&b, s + i, 1);
    }
    omn_status st = omn_buf_check(&b, "the text", err);
    if (st == OMN_OK) st = trimmed(b.data ? b.data : "", b.length, out, err);
    omn_buf_fini(&b);
    return st;
}

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(bare, "text.bare", "a text without punctuation"),
    OMN_OPERATION_OBJECT(clean, "text.clean", "a question or a caption as models were trained"),
    OMN_OPERATION_OBJECT(fill, "text.template", "put values into a text"),
    OMN_OPERATION_OBJECT(lower, "text.lower", "a text in small letters"),
    OMN_OPERATION_OBJECT(upper, "text.upper", "a text in capital letters"),
    OMN_OPERATION_OBJECT(tidy, "text.tidy", "a text without blanks in front of its marks"),
    OMN_OPERATION_OBJECT(squeeze, "text.squeeze", "a text with one blank between its words"),
    OMN_OPERATION_OBJECT(strip, "text.strip", "a text without white space around it"),
    OMN_OPERATION_OBJECT(replace, "text.replace", "other words for some of a text"),
    OMN_OPERATION_OBJECT(split, "text.split", "a text as a list of its parts"),
    OMN_OPERATION_OBJECT(before, "text.before", "a text up to something"),
    OMN_OPERATION_OBJECT(tagged, "text.tagged", "words and numbers of things as one text"),
    OMN_OPERATION_OBJECT(join, "text.join", "a list as one text"),
};
OMN_PLUGIN("operation-text", "1.0", "Apache-2.0", "operations on texts", objects);
