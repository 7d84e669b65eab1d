/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this floor share: a case (one call with values from one seed), the subject that
 * it is about, and the crafts, one for each kind, that know how to call it. Not installed. */
#ifndef LIBCORE_VALIDATE_INSIDE_H
#define LIBCORE_VALIDATE_INSIDE_H

#include "libcore/generate/open.h"

#include <omnio/validate.h>

/* ---- chance --------------------------------------------------------------------------------- */

/* Numbers of one case: the same seed, the same numbers, on every machine. */
typedef struct dice {
    uint64_t seed, n;
    omn_call *c; /* for kinds of value of plugins; NULL: ours alone */
} dice;
uint64_t dice_bits(dice *d);
uint64_t dice_roll(dice *d, uint64_t n); /* 0..n-1; n at least 1 */
double dice_double(dice *d, double lo, double hi);
/* n bytes, or a text of at most `most` bytes of UTF-8 without a 0 (terminated). */
void dice_bytes(dice *d, void *to, size_t n);
size_t dice_text(dice *d, char *to, size_t most, bool plain);

/* ---- values --------------------------------------------------------------------------------- */

/* A value of a kind, allowed; hostile: at the edges of what a value may be. NULL with *known false:
 * no value of that kind can be made here. */
omn_value *value_make(dice *d, const char *kind, bool hostile, bool *known);
/* By the columns that a kind declares; NULL: its own check wants more. */
omn_value *value_of_columns(dice *d, const omn_kind *k, bool hostile);
const char *value_kind_of(const omn_value *v);
/* FNV-1a over kind and content, pixels and items included. */
uint64_t value_digest(uint64_t h, const omn_value *v);
uint64_t bytes_digest(uint64_t h, const void *p, size_t n);
#define DIGEST_START 0xcbf29ce484222325u

/* ---- memory with a fence -------------------------------------------------------------------- */

/* n bytes that end where no memory is, so that one byte too many is a crash and not luck. */
typedef struct fenced {
    uint8_t *data;
    void *map;
    size_t n, bytes;
} fenced;
bool fenced_make(fenced *f, size_t n);
void fenced_free(fenced *f);
/* What a pointer holds that nobody has set yet. */
#define POISON ((void *)(uintptr_t)0x5a5a5a5a5a5a5a5aull)

/* ---- subjects and cases --------------------------------------------------------------------- */

typedef struct subject {
    omn_context *ctx;
    const omn_entry *entry;
    const omn_object *object;
    const void *impl;
    omn_call *call; /* of the opening */
    omn_open *open; /* parts; NULL for kinds without */
    omn_part *part;
    void *self;
} subject;

typedef struct trial {
    const subject *s;
    omn_call *c;
    dice d;
    bool hostile;
    bool mild;          /* no parameter at an end of its range: many calls are to be quick */
    bool slow;          /* a call takes so long that nothing was learnt of leaks */
    uint64_t digest;    /* of the results and refusals */
    char found[700];    /* the first complaint; "" none */
    char left_out[300]; /* why nothing could be tried */
} trial;
void complain(trial *t, const char *fmt, ...) OMN_PRINTF(2, 3);
/* What came back from a function of a plugin: a status that is one, with a text when it failed, and
 * never our own fault. Mixes both into the digest. True: OMN_OK. */
bool judge(trial *t, const char *what, omn_status st, const omn_error *err);
/* An output pointer that was POISON before the call. made: it was set. After a success it has to be
 * set, after a failure it is as before or NULL. True: there is a result. */
bool judge_output(trial *t, const char *what, omn_status st, void *out);

typedef struct craft {
    const char *kind;
    /* Beyond the rows, which are looked at for all kinds; may be NULL. */
    void (*tables)(trial *t);
    /* One call with values from the dice; may be NULL: nothing of this kind can be called alone. */
    void (*call)(trial *t);
    /* May calls of one opened object run at once and give equal results? NULL: no. */
    bool (*shared)(const subject *s);
    bool opens; /* has open and close: opened once with its defaults */
} craft;
extern const craft craft_operation, craft_format, craft_codec, craft_encoder, craft_decoder,
    craft_source, craft_op, craft_compute, craft_model, craft_measure, craft_value, craft_answer,
    craft_objective, craft_world, craft_weights;
const craft *craft_of(const char *kind);
/* How many bytes a call a device's driver may keep in its own books: the LLVM behind PoCL never
 * gives back the list entry of a temporary file, one for each program that is built. A plugin's
 * leak is of tensors, which are larger. 0: no driver. */
size_t compute_slack(const subject *s);

/* Settings for the "param" rows of the subject: defaults, and for some rows another value, at most
 * one of them at an end of its range, none in a mild trial. Texts live in the arena. */
size_t settings_make(trial *t, omn_setting *set, size_t most, omn_arena *a);
/* Only those that must be given. */
size_t settings_needed(trial *t, omn_setting *set, size_t most, omn_arena *a);
/* The same as a parameter struct; NULL after a complaint. */
void *params_make(trial *t, omn_arena *a);

/* ---- levels --------------------------------------------------------------------------------- */

/* The call of a craft; the scratch memory that it took is given back. */
void call_once(trial *t, const craft *k);
void check_tables(trial *t, const craft *k);
/* Grows by the same amount each time? Complains. */
void check_leaks(trial *t, const craft *k);
void check_threads(trial *t, const craft *k);

#endif
