/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON from front to back, without building a tree: a header may be 100 MB, and a tree of
 * that would take gigabytes before the first check. Strict: RFC 8259, valid UTF-8, no NUL. */
#ifndef OMNIO_TENSOR_SCAN_H
#define OMNIO_TENSOR_SCAN_H

#include <omnio/base.h>

/* Deepest nesting that is skipped over. */
enum { SCAN_DEPTH = 64 };

typedef struct scan {
    const char *text;
    size_t size, at;
    omn_arena *strings;  /* strings are copied here */
    const char *wrong;   /* what the first failure was, NULL while all is well */
    omn_status status;   /* of that failure: OMN_ERR_DATA, OMN_ERR_MEMORY */
} scan;

/* All of these skip white space first, return false after a failure, and then leave `at` there. */
bool scan_mark(scan *s, char mark);               /* exactly this character */
bool scan_try(scan *s, char mark);                /* takes it if it comes next; never fails */
bool scan_string(scan *s, char **out);            /* decoded, terminated */
bool scan_count(scan *s, uint64_t *out);          /* a whole number of at most 2^63 - 1 */
bool scan_skip(scan *s);                          /* any value */
bool scan_end(scan *s);                           /* nothing but white space follows */
/* Are these n bytes UTF-8? Reads no scan. */
bool scan_utf8(const char *s, size_t n);
/* Fails with this reason at the current place. Returns false. */
bool scan_fail(scan *s, const char *wrong);

/* Walks over an object: true with the next key, false at its end or after a failure.
 *   for (bool first = true; scan_member(s, &first, &key);) ... read the value ... */
bool scan_member(scan *s, bool *first, char **key);
/* The same for an array's elements. */
bool scan_element(scan *s, bool *first);

#endif
