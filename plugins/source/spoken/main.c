/* SPDX-License-Identifier: Apache-2.0 */
/* The source "spoken": the examples of another source, in which a text is spoken as well. A record
 * of the list `each` (a vqa question of the tabletop, as a rule), or the example itself, gets two
 * fields more:
 *
 *   audio   the text, spoken: one channel, at most a minute
 *   voice   who speaks, a voice of espeak-ng ("en-us+f3")
 *
 * Voice, speed and pitch are drawn from the seed, the split, the number of the example and the
 * place in the list. Only examples for training have the voices of training; all others have
 * held-out ones, unless `known` is set to see what new voices cost.
 *
 * Lessons of one example share their inputs, so one record of the list is left, drawn as the voice
 * is; with `one` false all of them are spoken, each in a voice of its own. */
#include "talk.h"
#include "voices.h"

#include <omnio/kinds.h>
#include <omnio/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FIELDS = 64, MOST_EACH = 64, NAME = 64, SETTINGS = 1024 };

#define SPOKEN(PAR, S)                                                                             \
    PAR(S, int64, seed, "1", "0..", NULL, "another seed, other voices")                            \
    PAR(S, string, of, "tabletop", NULL, NULL, "the source whose texts are spoken")                \
    PAR(S, string, with, "", NULL, NULL, "its parameters, \"world=2 vqa=3\"")                      \
    PAR(S, string, each, "vqa", NULL, NULL,                                                        \
        "the list in whose records the text is; empty: in the example itself")                     \
    PAR(S, bool, one, "true", NULL, NULL,                                                          \
        "leave one record of the list, for the lessons of an example share their inputs")          \
    PAR(S, string, text, "question", NULL, NULL, "the field that is spoken")                       \
    PAR(S, int, slowest, "130", "80..450", "words/min", "how slowly is spoken at most")            \
    PAR(S, int, fastest, "200", "80..450", "words/min", "how fast is spoken at most")              \
    PAR(S, bool, known, "false", NULL, NULL,                                                       \
        "held-out examples in voices of training, to see what new voices cost")
OMN_PARAMS(spoken, SPOKEN);

typedef struct spoken_self {
    uint64_t seed;
    char each[NAME], text[NAME];
    int slowest, fastest;
    bool known, one;
    talk *talk;
    const omn_source_impl *of;            /* the other source; owned by the host */
    const void *of_self;
} spoken_self;

static void spoken_close(void *self)
{
    spoken_self *s = self;
    if (s) talk_free(s->talk);
    free(s);
}

/* Words of the form NAME=VALUE, or a complaint. */
static omn_status check_settings(const char *with, omn_error *err)
{
    char text[SETTINGS];
    if (strlen(with) >= sizeof text)
        return omn_fail(err, OMN_ERR_CONFIG, "spoken: with: %zu characters; at most %d",
                        strlen(with), SETTINGS - 1);
    memcpy(text, with, strlen(with) + 1);
    for (char *save = NULL, *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
        if (!strchr(w, '=') || w[0] == '=')
            return omn_fail(err, OMN_ERR_CONFIG,
                            "spoken: with: \"%s\" is no parameter; NAME=VALUE is wanted", w);
    return OMN_OK;
}

static omn_status spoken_open(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    (void)c;
    const struct spoken *p = params;
    omn_status st = OMN_OK;
    spoken_self *s = calloc(1, sizeof *s);
    *self = s;
    if (!s) return omn_fail(err, OMN_ERR_MEMORY, "spoken: out of memory");
    if (p->fastest < p->slowest)
        return omn_fail(err, OMN_ERR_CONFIG, "spoken: fastest is %d, but slowest is %d", p->fastest,
                        p->slowest);
    if (!*p->text || strlen(p->text) >= NAME || strlen(p->each) >= NAME)
        return omn_fail(err, OMN_ERR_CONFIG,
                        "spoken: text and each are names of fields, of at most %d characters",
                        NAME - 1);
    if (!strcmp(p->of, "spoken"))
        return omn_fail(err, OMN_ERR_CONFIG, "spoken: of: another source is wanted");
    OMN_TRY(check_settings(p->with, err));
    s->seed = (uint64_t)p->seed;
    s->slowest = p->slowest;
    s->fastest = p->fastest;
    s->known = p->known;
    s->one = p->one;
    memcpy(s->each, p->each, strlen(p->each) + 1);
    memcpy(s->text, p->text, strlen(p->text) + 1);
    OMN_TRY(talk_new(&s->talk, err));
    if (!o) return omn_fail(err, OMN_ERR_ARGUMENT, "spoken: it needs a host to open %s", p->of);
    const omn_part *part = omn_open_part(o, p->of, "omnio.source/1", p->of, "", "%s", p->with);
    if (!part) return omn_open_done(o, err);
    const void *impl = NULL;
    s->of_self = omn_part_self(part, "omnio.source/1", &impl);
    s->of = impl;
done:
    return st;
}

static uint64_t spoken_count(const void *self, omn_split split)
{
    const spoken_self *s = self;
    return s->of->count(s->of_self, split);
}

static omn_status audio_of(omn_call *c, const float *samples, uint32_t n, uint32_t rate_hz,
                           omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    const omn_kind *kind = NULL;
    const double rate = rate_hz, start = 0;
    const omn_filled columns[] = { omn_fill("samples", OMN_F32, omn_dim2(n, 1), samples),
                                   omn_fill("rate", OMN_F64, omn_dim0(), &rate),
                                   omn_fill("start", OMN_F64, omn_dim0(), &start) };
    OMN_TRY(omn_kind_find(c, "audio", &kind, err));
    OMN_TRY(omn_value_make(kind, columns, 3, NULL, out, err));
done:
    return st;
}

/* The record with its text spoken as `number` decides. */
static omn_status with_speech(const spoken_self *s, omn_call *c, const omn_value *record,
                              uint64_t number, bool held_out, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_named fields[MOST_FIELDS + 2] = { { 0 } };
    float *samples = NULL;
    uint32_t count = 0, rate_hz = 0;
    const omn_value *text = omn_record_get(record, s->text);
    const size_t n = omn_record_count(record);
    if (!text || !omn_value_is(text, "text"))
        return omn_fail(err, OMN_ERR_DATA, "spoken: a record without a text \"%s\"", s->text);
    if (n > MOST_FIELDS || omn_record_get(record, "audio") || omn_record_get(record, "voice"))
        return omn_fail(err, OMN_ERR_DATA,
                        "spoken: a record of at most %d fields without audio and voice is wanted",
                        MOST_FIELDS);
    const voice_way way = voice_draw(number, held_out, s->slowest, s->fastest);
    for (size_t i = 0; i < n; i++)
        fields[i].value = omn_value_ref(omn_record_at(record, i, &fields[i].name));
    fields[n].name = "audio";
    fields[n + 1].name = "voice";
    OMN_TRY(talk_say(s->talk, way.voice, way.words_per_minute, way.pitch, omn_text_get(text, NULL),
                     &samples, &count, &rate_hz, err));
    OMN_TRY(audio_of(c, samples, count, rate_hz, &fields[n].value, err));
    OMN_TRY(omn_text_new(way.voice, strlen(way.voice), &fields[n + 1].value, err));
    OMN_TRY(omn_record_new(fields, n + 2, out, err));
done:
    for (size_t i = 0; i < n + 2; i++) omn_value_unref(fields[i].value);
    free(samples);
    return st;
}

/* One record of the list, or every one. */
static omn_status each_with_speech(const spoken_self *s, omn_call *c, const omn_value *list,
                                   uint64_t number, bool held_out, omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_value *items[MOST_EACH] = { NULL };
    if (!list || !omn_value_is(list, "list"))
        return omn_fail(err, OMN_ERR_DATA, "spoken: the example has no list \"%s\"", s->each);
    const size_t n = omn_list_count(list);
    if (n > MOST_EACH)
        return omn_fail(err, OMN_ERR_DATA, "spoken: %zu records in \"%s\"; at most %d", n, s->each,
                        MOST_EACH);
    const size_t from = s->one && n ? omn_random_at(number, 2, 0) % n : 0;
    const size_t made = s->one && n ? 1 : n;
    for (size_t i = 0; i < made; i++) {
        const omn_value *item = omn_list_at(list, from + i);
        if (!omn_value_is(item, "record")) {
            st = omn_fail(err, OMN_ERR_DATA, "spoken: \"%s\" holds something that is no record",
                          s->each);
            goto done;
        }
        OMN_TRY(with_speech(s, c, item, omn_random_at(number, 1, from + i), held_out, &items[i],
                            err));
    }
    OMN_TRY(omn_list_new(items, made, out, err));
done:
    for (size_t i = 0; i < n && i < MOST_EACH; i++) omn_value_unref(items[i]);
    return st;
}

static omn_status spoken_get(const void *self, omn_call *c, omn_split split, uint64_t index,
                             omn_value **out, omn_error *err)
{
    const spoken_self *s = self;
    omn_status st = OMN_OK;
    omn_value *example = NULL;
    omn_named fields[MOST_FIELDS] = { { 0 } };
    size_t n = 0;
    const bool held_out = split != OMN_SPLIT_TRAIN && !s->known;
    const uint64_t number = omn_random_at(s->seed, (uint64_t)split, index);
    OMN_TRY(s->of->get(s->of_self, c, split, index, &example, err));
    if (!omn_value_is(example, "record") || omn_record_count(example) > MOST_FIELDS) {
        st = omn_fail(err, OMN_ERR_DATA, "spoken: a record of at most %d fields is wanted",
                      MOST_FIELDS);
        goto done;
    }
    if (!*s->each) {
        st = with_speech(s, c, example, number, held_out, out, err);
        goto done;
    }
    n = omn_record_count(example);
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        const omn_value *v = omn_record_at(example, i, &fields[i].name);
        if (strcmp(fields[i].name, s->each)) {
            fields[i].value = omn_value_ref(v);
            continue;
        }
        found = true;
        OMN_TRY(each_with_speech(s, c, v, number, held_out, &fields[i].value, err));
    }
    if (!found)
        st = omn_fail(err, OMN_ERR_DATA, "spoken: the example has no list \"%s\"", s->each);
    else
        st = omn_record_new(fields, n, out, err);
done:
    for (size_t i = 0; i < n; i++) omn_value_unref(fields[i].value);
    omn_value_unref(example);
    return st;
}

static const omn_source_impl spoken_impl = { NULL, spoken_open, spoken_close, spoken_count,
                                             spoken_get };

static const omn_object objects[] = {
    { "omnio.source/1", "spoken",
      "examples of another source, in which a text is spoken as well, in many voices", &spoken_impl,
      OMN_OBJECT_PARAMS(spoken) },
};
OMN_PLUGIN("spoken", "1.0", "Apache-2.0", "texts of other sources as speech, by espeak-ng",
           objects);
