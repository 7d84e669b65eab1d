/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are text or codes: what their objects share. */
#ifndef ANSWER_BASIC_H
#define ANSWER_BASIC_H

#include <omnio/answer.h>
#include <omnio/plugin.h>

/* The parts that text needs. */
typedef struct said {
    const omn_part *decoder, *tokenizer;
} said;

omn_status said_open(said *s, const omn_open *o, const char *who, omn_error *err);
/* The ids of n bytes, and the text of what was heard (owned by the buffer, at most 16 MiB). */
omn_status said_write(const said *s, const char *text, size_t n, omn_ids *out, omn_error *err);
omn_status said_read(const said *s, const omn_heard *h, omn_buf *out, omn_error *err);
/* An answer that a limit cut off is none. */
omn_status said_whole(const omn_heard *h, const char *who, omn_error *err);
/* A value that its decoder makes of codes; value.c. find: which ids are codes. rules, write and
 * read are those of an answer whose self begins with one. */
typedef struct value_answer {
    const omn_part *decoder;
    const omn_codes *codes;
    omn_range range;
} value_answer;

omn_status value_find(value_answer *a, const omn_open *o, omn_error *err);
omn_status value_rules(const void *self, omn_rules *r, omn_error *err);
omn_status value_write(const void *self, omn_call *c, const omn_value *v, const omn_frame *frame,
                       omn_ids *out, omn_error *err);
omn_status value_read(const void *self, omn_call *c, const omn_heard *h, const omn_frame *frame,
                      omn_value **out, omn_error *err);

/* A schema or grammar: the text itself, or when it names a file that is there (beside the model or
 * where the program runs) what the file holds; owned by the caller. is_text: begins like one. */
omn_status said_source(omn_open *o, const char *given, bool is_text, char **text, size_t *n,
                       const char **file, omn_error *err);

/* The value of JSON that has not come to its end: what is open is closed, what says nothing yet is
 * left away; so_far.c */
omn_status json_so_far(const char *text, size_t n, omn_value **out, omn_error *err);

extern const omn_answer_impl answer_text_impl, answer_options_impl, answer_number_impl,
    answer_json_impl, answer_grammar_impl, answer_codes_impl, answer_value_impl,
    answer_trie_impl, answer_completion_impl, answer_patch_impl;

/* ---- parameters: structs of the files, rows of the door -------------------------------------- */

#define TEXT(PAR, S)                                                                               \
    PAR(S, string, before, "", NULL, NULL,                                                         \
        "put in front of what a lesson wants, and taken away of what was said: a blank, where "    \
        "words begin so")
#define OPTIONS(PAR, VAL, S)                                                                       \
    VAL(S, list, options, "the texts to choose from")                                              \
    PAR(S, choice, score, "mean", "mean|sum", NULL,                                                \
        "what is compared: the mean over the tokens of an option, or their sum")
#define TRIE(PAR, VAL, S)                                                                          \
    VAL(S, list, trie, "the texts, one of which it is")                                            \
    VAL(S, text, front, "what is said first and is no part of the text")                           \
    PAR(S, string, before, "", NULL, NULL, "put in front of both: a blank, where words begin so")
#define NUMBER(PAR, S)                                                                             \
    PAR(S, string, number, "..", NULL, NULL, "smallest..largest; either may be left out")          \
    PAR(S, int, decimals, "0", "0..9", NULL, "digits behind the point, always so many")            \
    PAR(S, string, unit, "", NULL, NULL, "what is counted, for people")
#define JSON(PAR, S)                                                                               \
    PAR(S, string, json, NULL, NULL, NULL, "a JSON Schema, or the file that holds it")
#define GRAMMAR(PAR, S)                                                                            \
    PAR(S, string, grammar, NULL, NULL, NULL, "a grammar (root ::= ...), or the file that holds it")
#define CODES(PAR, S)                                                                              \
    PAR(S, string, codes, "codes", NULL, NULL, "range of the vocabulary")                          \
    PAR(S, string, count, "", NULL, NULL,                                                          \
        "how many: 256, 1..20, 1..; empty: as many as the decoder wants")
#define COMPLETION(PAR, VAL, S)                                                                    \
    VAL(S, image, completion, "the picture that is completed")                                     \
    PAR(S, double, kept, "0.5", "0..1", NULL, "share of its rows of codes that stays, from the top")
#define PATCH(PAR, VAL, S)                                                                         \
    VAL(S, image, patch, "the picture into which it is laid")                                      \
    VAL(S, regions, box, "where: one box, in pixels of that picture")

#endif
