/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on what is composed: lists, records, JSON. They look at values without knowing what
 * these mean, and share items instead of copying them. */
#include <omnio/plugin.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PARSE(IN, OPT, PAR, OUT)                                                                   \
    IN(text, in, "JSON")                                                                           \
    PAR(string, kind, "any", NULL, NULL,                                                           \
        "the kind of value that it has to be, as list, record or regions; or any")                 \
    OUT(any, out, "the value; objects with \"box\" become regions, with \"point\" points")
OMN_OPERATION(parse, PARSE, OMN_PURE);
static omn_status parse(omn_call *c, const omn_value *in, const char *kind, omn_value **out,
                        omn_error *err)
{
    size_t n;
    const char *s = omn_text_get(in, &n);
    const omn_kind *wanted = NULL;
    if (strcmp(kind, "any") != 0) {
        const omn_status st = omn_kind_find(c, kind, &wanted, err);
        if (st != OMN_OK) return st;
    }
    return omn_call_json(c, wanted, s, n, out, err);
}

static omn_status printed(void (*print)(const omn_value *, omn_buf *), const omn_value *in,
                          omn_value **out, omn_error *err)
{
    omn_buf b;
    omn_buf_init(&b, OMN_TEXT_MOST);
    print(in, &b);
    omn_status st = omn_buf_check(&b, "the text", err);
    if (st == OMN_OK) st = omn_text_new(b.data, b.length, out, err);
    omn_buf_fini(&b);
    return st;
}

#define FORMAT(IN, OPT, PAR, OUT) IN(any, in, "any value") OUT(text, out, "JSON, one line")
OMN_OPERATION(format, FORMAT, OMN_PURE);
static omn_status format(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    (void)c;
    return printed(omn_value_json, in, out, err);
}

#define AS_TEXT(IN, OPT, PAR, OUT) IN(any, in, "any value") OUT(text, out, "as a person reads it")
OMN_OPERATION(as_text, AS_TEXT, OMN_PURE);
static omn_status as_text(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    (void)c;
    return printed(omn_value_text, in, out, err);
}

static size_t length_of(const omn_value *v)
{
    if (omn_value_is(v, "record")) return omn_record_count(v);
    return omn_kind_items(omn_value_kind(v)) != NULL ? omn_value_count(v) : 1;
}

#define LENGTH(IN, OPT, PAR, OUT)                                                                  \
    IN(any, in, "a list, a record, regions or what else has items; anything else counts one")      \
    OUT(number, out, "how many there are")
OMN_OPERATION(length, LENGTH, OMN_PURE);
static omn_status length(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    (void)c;
    return omn_number_new((double)length_of(in), out, err);
}

#define AT(IN, OPT, PAR, OUT)                                                                      \
    IN(any, in, "a list, regions, points or what else has items")                                  \
    PAR(int, index, "0", NULL, NULL, "which, from 0; -1 is the last")                              \
    OUT(any, out, "that item")
OMN_OPERATION(at, AT, OMN_PURE);
static omn_status at(omn_call *c, const omn_value *in, int index, omn_value **out, omn_error *err)
{
    (void)c;
    int64_t n = (int64_t)length_of(in), i = index < 0 ? n + index : index;
    if (i < 0 || i >= n)
        return omn_fail(err, OMN_ERR_DATA, "there is no item %d among %lld", index, (long long)n);
    return omn_value_item(in, (size_t)i, out, err);
}

#define LAST(IN, OPT, PAR, OUT)                                                                    \
    IN(any, in, "a list, regions, points or what else has items")                                  \
    PAR(int, count, "1", "0..1000000", NULL, "how many; all where there are fewer")                \
    OUT(any, out, "the last ones in their order, of the same kind; may be empty")
OMN_OPERATION(last_of, LAST, OMN_PURE);
static omn_status last_of(omn_call *c, const omn_value *in, int count, omn_value **out,
                          omn_error *err)
{
    (void)c;
    const size_t n = omn_value_count(in), k = (size_t)count < n ? (size_t)count : n;
    return omn_value_slice(in, n - k, n, out, err);
}

#define SPLIT_LAST(IN, OPT, PAR, OUT)                                                              \
    IN(any, in, "a list, regions, points or what else has items, at least one")                    \
    OUT(any, rest, "all but the last, of the same kind; may be empty")                             \
    OUT(any, last, "the last item")
OMN_OPERATION(split_last, SPLIT_LAST, OMN_PURE);
static omn_status split_last(omn_call *c, const omn_value *in, omn_value **rest, omn_value **last,
                             omn_error *err)
{
    (void)c;
    const size_t n = omn_value_count(in);
    if (n == 0) return omn_fail(err, OMN_ERR_DATA, "there is no last item: it is empty");
    const omn_status st = omn_value_slice(in, 0, n - 1, rest, err);
    return st == OMN_OK ? omn_value_item(in, n - 1, last, err) : st;
}

#define SPREAD(IN, OPT, PAR, OUT)                                                                  \
    IN(any, in, "regions, points, a list or what else has items")                                  \
    OUT(list, out, "a list with one item for each")
OMN_OPERATION(spread, SPREAD, OMN_PURE);
static omn_status spread(omn_call *c, const omn_value *in, omn_value **out, omn_error *err)
{
    size_t n = length_of(in), made = 0;
    omn_value **items = omn_call_scratch(c, n + 1, sizeof(*items));
    if (items == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for a list of %zu", n);
    omn_status st = OMN_OK;
    for (; st == OMN_OK && made < n; made += st == OMN_OK)
        st = omn_value_item(in, made, &items[made], err);
    if (st == OMN_OK) st = omn_list_new(items, n, out, err);
    for (size_t i = 0; i < made; i++) omn_value_unref(items[i]);
    return st;
}

#define LIST_OF(IN, OPT, PAR, OUT)                                                                 \
    OPT(any, first, "first item")                                                                  \
    OPT(any, second, "second item")                                                                \
    OPT(any, third, "third item")                                                                  \
    OPT(any, fourth, "fourth item")                                                                \
    OUT(list, out, "those that are given, in this order")
OMN_OPERATION(list_of, LIST_OF, OMN_PURE);
static omn_status list_of(omn_call *c, const omn_value *first, const omn_value *second,
                          const omn_value *third, const omn_value *fourth, omn_value **out,
                          omn_error *err)
{
    (void)c;
    const omn_value *all[4] = { first, second, third, fourth };
    omn_value *items[4];
    size_t n = 0;
    for (int i = 0; i < 4; i++)
        if (all[i] != NULL) items[n++] = omn_value_ref(all[i]);
    omn_status st = omn_list_new(items, n, out, err);
    while (n > 0) omn_value_unref(items[--n]);
    return st;
}

#define GET(IN, OPT, PAR, OUT)                                                                     \
    IN(record, in, "a record")                                                                     \
    PAR(string, name, NULL, NULL, NULL, "the field's name; a.b.c goes into records in records")    \
    OUT(any, out, "what the field holds")
OMN_OPERATION(get, GET, OMN_PURE);
static omn_status get(omn_call *c, const omn_value *in, const char *name, omn_value **out,
                      omn_error *err)
{
    (void)c;
    const omn_value *v = omn_record_get(in, name); /* a name may hold a dot itself */
    const char *p = name;
    for (const omn_value *r = in; v == NULL && r != NULL;) {
        char one[256];
        size_t n = strcspn(p, ".");
        if (n >= sizeof(one)) break;
        memcpy(one, p, n);
        one[n] = '\0';
        r = omn_record_get(r, one);
        if (p[n] == '\0') {
            v = r;
            break;
        }
        p += n + 1;
    }
    if (v == NULL) {
        omn_buf b;
        omn_buf_init(&b, 300);
        for (size_t i = 0; i < omn_record_count(in); i++) {
            const char *have = "";
            omn_record_at(in, i, &have);
            omn_buf_printf(&b, "%s%s", i > 0 ? ", " : "", have);
        }
        omn_status st = omn_fail(err, OMN_ERR_MISSING, "there is no field \"%s\"; there are: %s",
                                 name, b.data != NULL ? b.data : "none");
        omn_buf_fini(&b);
        return st;
    }
    *out = omn_value_ref(v);
    return OMN_OK;
}

#define RECORD_OF(IN, OPT, PAR, OUT)                                                               \
    OPT(any, first, "first field")                                                                 \
    OPT(any, second, "second field")                                                               \
    OPT(any, third, "third field")                                                                 \
    OPT(any, fourth, "fourth field")                                                               \
    PAR(string, names, NULL, NULL, NULL, "names of those that are given, with commas between")     \
    OUT(record, out, "the record")
OMN_OPERATION(record_of, RECORD_OF, OMN_PURE);
static omn_status record_of(omn_call *c, const omn_value *first, const omn_value *second,
                            const omn_value *third, const omn_value *fourth, const char *names,
                            omn_value **out, omn_error *err)
{
    const omn_value *all[4] = { first, second, third, fourth };
    omn_named fields[4];
    size_t n = 0, given = 0, room = strlen(names) + 1;
    char *copy = omn_call_scratch(c, room, 1);
    if (copy == NULL) return omn_fail(err, OMN_ERR_MEMORY, "no memory for the names");
    memcpy(copy, names, room);
    for (int i = 0; i < 4; i++) given += all[i] != NULL;
    omn_status st = OMN_OK;
    for (char *p = copy; p != NULL && st == OMN_OK;) {
        char *end = strchr(p, ','), *next = end != NULL ? end + 1 : NULL;
        if (end != NULL) *end = '\0';
        p += strspn(p, " ");
        for (size_t k = strlen(p); k > 0 && p[k - 1] == ' '; k--) p[k - 1] = '\0';
        if (n < 4) fields[n].name = p;
        n++;
        p = next;
    }
    if (n != given) return omn_fail(err, OMN_ERR_ARGUMENT, "%zu names for %zu values", n, given);
    n = 0;
    for (int i = 0; i < 4; i++)
        if (all[i] != NULL) fields[n++].value = omn_value_ref(all[i]);
    st = omn_record_new(fields, n, out, err);
    while (n > 0) omn_value_unref(fields[--n].value);
    return st;
}

/* The one row of an embedding. */
static omn_status one_row(const omn_value *v, const char *name, const float **x, size_t *width,
                          omn_error *err)
{
    const omn_tensor *t = omn_value_tensor(v);
    if (t->shape.dim[0] != 1)
        return omn_fail(err, OMN_ERR_DATA, "%s has %lld rows, one is wanted: an embedding as a "
                        "whole, not of each token", name, (long long)t->shape.dim[0]);
    *x = t->data;
    *width = (size_t)t->shape.dim[1];
    return OMN_OK;
}

#define COSINE(IN, OPT, PAR, OUT)                                                                  \
    IN(embeddings, in, "an embedding, one row")                                                    \
    IN(embeddings, with, "another of the same width")                                              \
    OUT(number, out, "1: the same direction, 0: nothing in common, -1: opposite")
OMN_OPERATION(cosine, COSINE, OMN_PURE);
static omn_status cosine(omn_call *c, const omn_value *in, const omn_value *with, omn_value **out,
                         omn_error *err)
{
    const float *a = NULL, *b = NULL;
    size_t n = 0, m = 0;
    double aa = 0, bb = 0, ab = 0;
    (void)c;
    omn_status st = one_row(in, "the first", &a, &n, err);
    if (st == OMN_OK) st = one_row(with, "the second", &b, &m, err);
    if (st != OMN_OK) return st;
    if (n != m)
        return omn_fail(err, OMN_ERR_SHAPE, "embeddings of %zu and %zu numbers are not of one "
                        "space", n, m);
    for (size_t i = 0; i < n; i++) {
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
        ab += (double)a[i] * (double)b[i];
    }
    if (!(aa > 0 && bb > 0))
        return omn_fail(err, OMN_ERR_DATA, "an embedding of length 0 has no direction");
    const double x = ab / (sqrt(aa) * sqrt(bb));
    return omn_number_new(x > 1 ? 1 : x < -1 ? -1 : x, out, err);
}

static const omn_object objects[] = {
    OMN_OPERATION_OBJECT(parse, "json.parse", "JSON to a value"),
    OMN_OPERATION_OBJECT(format, "json.format", "a value as JSON"),
    OMN_OPERATION_OBJECT(as_text, "value.text", "a value as plain text"),
    OMN_OPERATION_OBJECT(length, "list.length", "how many items there are"),
    OMN_OPERATION_OBJECT(at, "list.at", "one item of a list"),
    OMN_OPERATION_OBJECT(last_of, "list.last", "the last so many items"),
    OMN_OPERATION_OBJECT(split_last, "list.split_last", "the last item, and those before it"),
    OMN_OPERATION_OBJECT(spread, "list.spread", "regions or points as a list with one each"),
    OMN_OPERATION_OBJECT(list_of, "list.of", "a list of up to four values"),
    OMN_OPERATION_OBJECT(get, "record.get", "a field of a record"),
    OMN_OPERATION_OBJECT(record_of, "record.of", "a record of up to four values"),
    OMN_OPERATION_OBJECT(cosine, "embedding.cosine", "how alike two embeddings are"),
};
OMN_PLUGIN("operation-basics", "1.0", "Apache-2.0", "lists, records, JSON and embeddings", objects);
