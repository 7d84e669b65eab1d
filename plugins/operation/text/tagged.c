/* SPDX-License-Identifier: Apache-2.0 */
/* operation text.tagged: words among which stand lists of numbers of things, as Visual Commonsense
 * Reasoning writes its sentences ("Why is [0,1] pointing at [2]?"), as one text in which each thing
 * has a name and a word of its own. The form of names, words and marks is VL-T5's: "Why is person
 * <vis_extra_id_0> and person <vis_extra_id_1> pointing at dog <vis_extra_id_2>?" */
#include "tagged.h"

#include <math.h>
#include <string.h>

static bool wordless(const char *s)
{
    return !*s || strchr(" \t\n\r\f\v", *s);
}

/* Words with one blank between, none in front of a mark or of what an apostrophe begins. */
static void put_words(omn_buf *b, const char *s)
{
    static const char marks[] = "?'!.,";
    while (*s) {
        while (*s && wordless(s)) s++;
        size_t n = 0;
        while (!wordless(s + n)) n++;
        if (!n) continue;
        if (b->length && !strchr(marks, *s)) omn_buf_puts(b, " ");
        omn_buf_put(b, s, n);
        s += n;
    }
}

static omn_status put_things(omn_buf *b, const omn_value *list, const omn_value *names,
                             const char *mark, omn_error *err)
{
    char word[64];
    for (size_t i = 0; i < omn_list_count(list); i++) {
        const omn_value *one = omn_list_at(list, i);
        const double x = omn_value_is(one, "number") ? omn_number_get(one) : NAN;
        if (!(x >= 0 && x < (double)omn_list_count(names)) || x != floor(x))
            return omn_fail(err, OMN_ERR_DATA, "a thing is a whole number from 0, and has one of "
                            "the %zu names", omn_list_count(names));
        const omn_value *name = omn_list_at(names, (size_t)x);
        if (!omn_value_is(name, "text"))
            return omn_fail(err, OMN_ERR_TYPE, "name %zu is %s, a text is wanted", (size_t)x,
                            omn_value_kind_name(name));
        if (i) put_words(b, "and");
        put_words(b, omn_text_get(name, NULL));
        omn_format(word, sizeof word, "<%.40s_%zu>", mark, (size_t)x);
        if (*mark) put_words(b, word);
    }
    return OMN_OK;
}

omn_status text_tagged(const omn_value *in, const omn_value *names, const char *mark,
                       omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_buf b;
    omn_buf_init(&b, OMN_TEXT_MOST);
    const bool list = omn_value_is(in, "list");
    for (size_t i = 0; i < (list ? omn_list_count(in) : 1); i++) {
        const omn_value *one = list ? omn_list_at(in, i) : in;
        if (omn_value_is(one, "text")) put_words(&b, omn_text_get(one, NULL));
        else if (omn_value_is(one, "list")) OMN_TRY(put_things(&b, one, names, mark, err));
        else
            OMN_TRY(omn_fail(err, OMN_ERR_TYPE, "word %zu is %s: a text or a list of numbers is "
                             "wanted", i + 1, omn_value_kind_name(one)));
    }
    OMN_TRY(omn_buf_check(&b, "the text", err));
    OMN_TRY(omn_text_new(b.data ? b.data : "", b.length, out, err));
done:
    omn_buf_fini(&b);
    return st;
}
