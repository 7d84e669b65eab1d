/* SPDX-License-Identifier: Apache-2.0 */
/* omnio/answer.h: the shape of an answer, as an object of kind "omnio.answer/1". An answer says
 * which ids may follow which (its rules), makes a value of what was written, and writes a value as
 * ids: the target of a lesson, the ids of a test and what the sampler may say come from one object.
 * The sampler knows sets of ids and never what they mean.
 *
 * Rules are built of terms, compiled once to a pushdown automaton over the ids of a model. A term
 * of text is matched against the bytes that an id adds, however the tokenizer cuts them. */
#ifndef OMNIO_ANSWER_H
#define OMNIO_ANSWER_H

#include <omnio/kinds.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- ids ------------------------------------------------------------------------------------- */

/* A growing row of ids that never passes `most`. After a failed append `failed` stays true: check
 * once at the end. */
typedef struct omn_ids {
    int32_t *ids;
    size_t count, room, most;
    bool failed;
    float *weights;                     /* [count] of each in a lesson; NULL: all 1 */
} omn_ids;
OMN_API void omn_ids_init(omn_ids *w, size_t most);
OMN_API void omn_ids_fini(omn_ids *w);
OMN_API void omn_ids_put(omn_ids *w, int32_t id);
/* The ids from number `from` on, those that are there, count so much in a lesson (0 and more; 1 is
 * usual): 0 for what must stand there and need not be learnt. */
OMN_API void omn_ids_weigh(omn_ids *w, size_t from, double weight);
/* The ids of n bytes of text through a tokenizer part. More than there is room for is OMN_ERR_DATA,
 * as soon as it is clear. [any] */
OMN_API omn_status omn_ids_text(omn_ids *w, const omn_part *tokenizer, const char *text, size_t n,
                                omn_error *err);

/* ---- rules ----------------------------------------------------------------------------------- */

/* A builder, and its terms, which belong to it. The first failure stays on the builder; from then
 * on every function returns NULL at once, and NULL as a term stands for that failure. [setup] */
typedef struct omn_rules omn_rules;
typedef struct omn_rule omn_rule;
/* most of a repeat that has no end. */
#define OMN_NO_END (-1)

/* One id of a named range of the vocabulary ("location"); OMN_ERR_UNSUPPORTED when it has none. */
OMN_API const omn_rule *omn_rules_range(omn_rules *r, const char *name);
/* The same, of its numbers first .. first + count - 1 only. */
OMN_API const omn_rule *omn_rules_part(omn_rules *r, const char *name, int32_t first,
                                       int32_t count);
/* One of these ids. */
OMN_API const omn_rule *omn_rules_ids(omn_rules *r, const int32_t *ids, size_t n);
/* Exactly these n bytes, in whatever pieces. */
OMN_API const omn_rule *omn_rules_text(omn_rules *r, const char *text, size_t n);
/* Exactly the ids that the tokenizer makes of this text. */
OMN_API const omn_rule *omn_rules_tokens(omn_rules *r, const char *text);
/* One character of n classes, each from..to (code points, both ends inside); other: one of all the
 * rest. */
typedef struct omn_chars { uint32_t from, to; } omn_chars;
OMN_API const omn_rule *omn_rules_chars(omn_rules *r, const omn_chars *list, size_t n, bool other);
/* One id that adds text and is neither a mark nor of a range that stands for something else. */
OMN_API const omn_rule *omn_rules_any(omn_rules *r);
OMN_API const omn_rule *omn_rules_seq(omn_rules *r, const omn_rule *const *list, size_t n);
OMN_API const omn_rule *omn_rules_either(omn_rules *r, const omn_rule *const *list, size_t n);
/* least .. most times, most may be OMN_NO_END. */
OMN_API const omn_rule *omn_rules_repeat(omn_rules *r, const omn_rule *one, int32_t least,
                                         int32_t most);
/* Recursion: a name may be used before it is defined. */
OMN_API const omn_rule *omn_rules_ref(omn_rules *r, const char *name);
OMN_API void omn_rules_define(omn_rules *r, const char *name, const omn_rule *term);
/* A grammar in GBNF (`root ::= "yes" | "no"`, classes, groups, `* + ? {m,n}`, comments); its root.
 * file: for messages, may be NULL. Its names do not meet those of omn_rules_define. */
OMN_API const omn_rule *omn_rules_gbnf(omn_rules *r, const char *text, size_t n, const char *file);
/* A JSON Schema (the subset that omnio-answer(5) tells) as the JSON texts that it accepts. */
OMN_API const omn_rule *omn_rules_json(omn_rules *r, const char *schema, size_t n,
                                       const char *file);
/* What an answer is. */
OMN_API void omn_rules_root(omn_rules *r, const omn_rule *term);
/* When the probability of the ids of a range, taken together, passes mass (0..1, before anything
 * else is ruled out) and the rules allow some of them, one of them it is. */
OMN_API void omn_rules_prefer(omn_rules *r, const char *range, double mass);
/* Let read() see the probabilities of this range's numbers at every step: omn_heard.kept. */
OMN_API void omn_rules_keep(omn_rules *r, const char *range);
OMN_API void omn_rules_fail(omn_rules *r, omn_status st, const char *fmt, ...) OMN_PRINTF(3, 4);
/* The vocabulary of the decoder that the rules are for. */
OMN_API const omn_vocab *omn_rules_vocabulary(const omn_rules *r);

/* ---- the object: "omnio.answer/1" ------------------------------------------------------------ */

/* What a model has said, end token left out. */
typedef struct omn_heard {
    uint32_t size;
    const int32_t *ids;
    const float *logprob;               /* [n] of each id among all ids; NULL: unknown */
    size_t n;
    const float *kept;                  /* [n, kept_width] what keep() asked for; or NULL */
    size_t kept_width;
    const double *scores;               /* candidates: one each, lower is better; else NULL */
    size_t n_scores, chosen;
    double score;                       /* of the whole answer; NAN when there is none */
    bool stopped;                       /* by its own end, not by a limit */
    bool whole;                         /* the rules allow an end here */
    bool partial; /* more will come: what is there so far is wanted, or an error if that is nothing
                   * yet. read() gives boxes that are complete, the members of an object so far */
} omn_heard;

typedef struct omn_answer_impl {
    const void *(*extension)(const char *id);            /* "omnio.candidates/1" */
    /* Kind of the value: "regions". NULL: what its decoder makes (omn_decoder_makes), and write()
     * takes the codes of such a value, tokens, as well as the value. */
    const char *makes;
    /* Parameters may be values (VAL rows). The parts of the model are found through o. */
    omn_status (*open)(omn_call *c, const void *params, omn_open *o, void **self, omn_error *err);
    void (*close)(void *self);
    /* NULL: any text. [any] */
    omn_status (*rules)(const void *self, omn_rules *r, omn_error *err);
    /* A value as ids, without the end token: the target of a lesson, with the weights that
     * omn_ids_weigh gave. frame: what the model sees of the picture; NULL: no picture. [run] */
    omn_status (*write)(const void *self, omn_call *c, const omn_value *v, const omn_frame *frame,
                        omn_ids *out, omn_error *err);
    /* Ids as a value. What cannot be a value of this kind is OMN_ERR_DATA. [run] */
    omn_status (*read)(const void *self, omn_call *c, const omn_heard *h, const omn_frame *frame,
                       omn_value **out, omn_error *err);
} omn_answer_impl;

/* "omnio.candidates/1": the answer is one of finitely many; the model scores them all and read()
 * is told which has won. */
#define OMN_MOST_CANDIDATES 10000u
typedef struct omn_candidates_impl {
    size_t (*count)(const void *self);
    /* Candidate i as ids, without end token. [any] */
    omn_status (*write)(const void *self, size_t i, omn_ids *out, omn_error *err);
    bool (*sum)(const void *self);      /* scores are sums over the tokens, else means */
} omn_candidates_impl;

/* "omnio.fed/1": what a lesson says that the model has said where these ids are wanted. */
typedef struct omn_fed_impl {
    /* ids [n]: of write(). fed [1 + n]: what stands where ids[0] is wanted (a prompt's last id, or
     * the start token; it comes as -1, and then nothing else stands there), and behind it a copy
     * of ids. Chance is the call's. [run] */
    omn_status (*feed)(const void *self, omn_call *c, const int32_t *ids, size_t n, int32_t *fed,
                       omn_error *err);
} omn_fed_impl;

/* An opened answer: an object, its parameters, a model's parts, its rules compiled. [any] once it
 * is made. */
typedef struct omn_answer omn_answer;

/* ---- helps for those who write one ----------------------------------------------------------- */

/* Parts of the model by kind and role, also those of whoever opens this object. NULL: none. */
OMN_API const omn_part *omn_open_find_part(const omn_open *o, const char *kind, const char *role);
/* The decoder that the answer is for; the codec that speaks of such values ("regions"); NULL when
 * there is none. */
OMN_API const omn_part *omn_open_decoder(const omn_open *o);
OMN_API const omn_part *omn_open_codec(const omn_open *o, const char *speaks);
/* The text that ids say, appended; ends (may be NULL) gets for each id where its text ends in
 * out. [any] */
OMN_API omn_status omn_decoder_text(const omn_part *decoder, const int32_t *ids, size_t n,
                                    omn_buf *out, size_t *ends, omn_error *err);
/* "3", "0..", "1..20" as used for counts. false: something else. most: OMN_NO_END without end. */
OMN_API bool omn_count_read(const char *text, int32_t *least, int32_t *most);

#ifdef __cplusplus
}
#endif
#endif
