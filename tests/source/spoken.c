/* SPDX-License-Identifier: Apache-2.0 */
/* Spoken questions: an example is the same sound whatever was spoken before it and by however many
 * threads, what is spoken is what the text and the speed make it, and held-out voices stay out of
 * training. */
#include "tests/testing.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <omnio/kinds.h>
#include <omnio/plugin.h>

#include "plugins/source/spoken/voices.h"

static omn_context *context(void)
{
    omn_context_setup how = { OMN_FILL(omn_context_setup) };
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = NULL;
    how.threads = 1;
    how.plugin_path = testing_build("plugins/.libs");
    how.only_plugin_path = true;
    how.cache_dir = "";
    ck_assert_msg(omn_context_new(&how, &ctx, &err) == OMN_OK, "%s", err.text);
    return ctx;
}

static omn_source *open_source(omn_context *ctx, const omn_setting *set, size_t n)
{
    omn_error err = OMN_ERROR_INIT;
    omn_source *s = NULL;
    ck_assert_msg(omn_source_open(ctx, "spoken", set, n, &s, &err) == OMN_OK, "%s", err.text);
    return s;
}

static omn_value *get(omn_source *s, omn_split split, uint64_t index)
{
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    ck_assert_msg(omn_source_get(s, split, index, &v, &err) == OMN_OK, "%s", err.text);
    return v;
}

static const omn_value *field(const omn_value *record, const char *name)
{
    const omn_value *v = omn_record_get(record, name);
    ck_assert_msg(v != NULL, "no field %s", name);
    return v;
}

static const omn_value *question(const omn_value *example, size_t i)
{
    return omn_list_at(field(example, "vqa"), i);
}

static double seconds(const omn_value *audio)
{
    const double rate = *(const double *)omn_value_column(audio, "rate")->data;
    ck_assert_double_ge(rate, 8000);
    return (double)omn_value_column(audio, "samples")->shape.dim[0] / rate;
}

START_TEST(questions_are_spoken_and_all_else_stays)
{
    const omn_setting plain[] = { { "world", "2", 0, 0 }, { "vqa", "2", 0, 0 } };
    const omn_setting set[] = { { "with", "world=2 vqa=2", 0, 0 }, { "one", "false", 0, 0 } };
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = context();
    omn_source *s = open_source(ctx, set, 2), *of = NULL;
    ck_assert_msg(omn_source_open(ctx, "tabletop", plain, 2, &of, &err) == OMN_OK, "%s", err.text);
    for (uint64_t i = 0; i < 6; i++) {
        omn_value *v = get(s, OMN_SPLIT_TRAIN, i), *w = get(of, OMN_SPLIT_TRAIN, i);
        ck_assert_uint_eq(omn_record_count(v), omn_record_count(w));
        for (size_t k = 0; k < omn_record_count(w); k++) {
            const char *name = NULL;
            const omn_value *was = omn_record_at(w, k, &name);
            if (strcmp(name, "vqa")) ck_assert(omn_value_equal(field(v, name), was));
        }
        const size_t n = omn_list_count(field(w, "vqa"));
        ck_assert_uint_eq(omn_list_count(field(v, "vqa")), n);
        for (size_t k = 0; k < n; k++) {
            const omn_value *q = question(v, k), *audio = field(q, "audio");
            ck_assert(omn_value_equal(field(q, "question"), field(question(w, k), "question")));
            ck_assert(omn_value_equal(field(q, "answer"), field(question(w, k), "answer")));
            const size_t letters = strlen(omn_text_get(field(q, "question"), NULL));
            const double each = seconds(audio) / (double)letters;
            /* 130 to 200 words a minute, of some five letters; voices differ in their pauses */
            ck_assert_msg(each > 0.03 && each < 0.2, "%g s a letter", each);
            const omn_tensor *x = omn_value_column(audio, "samples");
            double sum = 0;
            for (int64_t j = 0; j < x->shape.dim[0]; j++)
                sum += pow((double)((const float *)x->data)[j], 2);
            ck_assert_double_gt(sqrt(sum / (double)x->shape.dim[0]), 0.01);
        }
        omn_value_unref(v);
        omn_value_unref(w);
    }
    omn_source_close(s);
    omn_source_close(of);
    omn_context_free(ctx);
}
END_TEST

/* Of nine questions one is left, now this one, now that one, in the voice that it has beside the
 * others. */
START_TEST(an_example_has_one_spoken_question)
{
    const omn_setting set[] = { { "one", "false", 0, 0 } };
    omn_context *ctx = context();
    omn_source *s = open_source(ctx, NULL, 0), *all = open_source(ctx, set, 1);
    unsigned places = 0;
    for (uint64_t i = 0; i < 8; i++) {
        omn_value *v = get(s, OMN_SPLIT_TRAIN, i), *w = get(all, OMN_SPLIT_TRAIN, i);
        const size_t n = omn_list_count(field(w, "vqa"));
        size_t found = n;
        ck_assert_uint_eq(omn_list_count(field(v, "vqa")), 1);
        for (size_t k = 0; k < n && found == n; k++)
            if (omn_value_equal(question(v, 0), question(w, k))) found = k;
        ck_assert_uint_lt(found, n);
        places |= 1u << found;
        omn_value_unref(v);
        omn_value_unref(w);
    }
    ck_assert((places & (places - 1)) != 0);
    omn_source_close(s);
    omn_source_close(all);
    omn_context_free(ctx);
}
END_TEST

typedef struct asker {
    omn_source *s;
    uint64_t first;
    omn_value *got[6];
} asker;

static void *ask(void *user)
{
    asker *a = user;
    omn_error err = OMN_ERROR_INIT;
    for (uint64_t i = 0; i < 6; i++) {
        const uint64_t k = (a->first + i) % 6;
        if (omn_source_get(a->s, OMN_SPLIT_HELD_OUT, k, &a->got[k], &err) != OMN_OK) return NULL;
    }
    return a;
}

/* espeak-ng by itself would give each of these other samples. */
START_TEST(what_was_spoken_before_changes_nothing)
{
    enum { THREADS = 3 };
    const omn_setting set[] = { { "with", "vqa=2", 0, 0 } };
    omn_context *ctx = context();
    asker a[THREADS];
    pthread_t id[THREADS];
    memset(a, 0, sizeof a);
    for (size_t i = 0; i < THREADS; i++) {
        a[i].s = open_source(ctx, set, 1);
        a[i].first = 2 * i;
    }
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&id[i], NULL, ask, &a[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *done = NULL;
        pthread_join(id[i], &done);
        ck_assert_ptr_nonnull(done);
    }
    for (size_t k = 0; k < 6; k++)
        for (size_t i = 1; i < THREADS; i++) ck_assert(omn_value_equal(a[0].got[k], a[i].got[k]));
    ck_assert(!omn_value_equal(field(question(a[0].got[0], 0), "audio"),
                               field(question(a[0].got[1], 0), "audio")));
    for (size_t i = 0; i < THREADS; i++) {
        for (size_t k = 0; k < 6; k++) omn_value_unref(a[i].got[k]);
        omn_source_close(a[i].s);
    }
    omn_context_free(ctx);
}
END_TEST

static bool among(const char *voice, bool held_out)
{
    char name[48];
    for (size_t i = 0; i < voice_count(held_out); i++) {
        voice_name(i, held_out, name, sizeof name);
        if (!strcmp(name, voice)) return true;
    }
    return false;
}

START_TEST(held_out_voices_are_never_trained_on)
{
    const omn_setting set[] = { { "with", "vqa=3", 0, 0 }, { "one", "false", 0, 0 },
                                { "known", "true", 0, 0 } };
    char name[48];
    omn_context *ctx = context();
    omn_source *s = open_source(ctx, set, 2), *known = open_source(ctx, set, 3);
    for (size_t i = 0; i < voice_count(true); i++) {
        voice_name(i, true, name, sizeof name);
        ck_assert_msg(!among(name, false), "%s", name);
        const char *speaker = strchr(name, '+') + 1;
        for (size_t k = 0; k < voice_count(false); k++) {
            char other[48];
            voice_name(k, false, other, sizeof other);
            ck_assert_str_ne(strchr(other, '+') + 1, speaker);
        }
    }
    int different = 0;
    const char *before = "";
    for (uint64_t i = 0; i < 6; i++) {
        omn_value *v = get(s, OMN_SPLIT_TRAIN, i), *h = get(s, OMN_SPLIT_HELD_OUT, i);
        omn_value *f = get(s, OMN_SPLIT_FOREIGN, i), *k = get(known, OMN_SPLIT_HELD_OUT, i);
        for (size_t q = 0; q < omn_list_count(field(v, "vqa")); q++) {
            const char *voice = omn_text_get(field(question(v, q), "voice"), NULL);
            ck_assert(among(voice, false));
            different += strcmp(voice, before) != 0;
            before = voice;
        }
        ck_assert(among(omn_text_get(field(question(h, 0), "voice"), NULL), true));
        ck_assert(among(omn_text_get(field(question(f, 0), "voice"), NULL), true));
        ck_assert(among(omn_text_get(field(question(k, 0), "voice"), NULL), false));
        before = "";
        omn_value_unref(v);
        omn_value_unref(h);
        omn_value_unref(f);
        omn_value_unref(k);
    }
    ck_assert_int_gt(different, 10);
    omn_source_close(s);
    omn_source_close(known);
    omn_context_free(ctx);
}
END_TEST

/* Draws reach every voice, and espeak-ng knows every accent and every speaker of both lists. */
START_TEST(every_speaker_can_be_heard)
{
    const omn_setting set[] = { { "with", "vqa=9 least=3", 0, 0 }, { "one", "false", 0, 0 } };
    omn_context *ctx = context();
    omn_source *s = open_source(ctx, set, 2);
    for (int held_out = 0; held_out < 2; held_out++) {
        bool drawn[512] = { false }, heard[512] = { false };
        const size_t n = voice_count(held_out);
        char name[48], other[48];
        ck_assert_uint_le(n, 512);
        for (uint64_t i = 0; i < 4000; i++) {
            const voice_way w = voice_draw(i, held_out, 130, 200);
            ck_assert(w.words_per_minute >= 130 && w.words_per_minute <= 200);
            ck_assert(w.pitch >= 30 && w.pitch <= 70);
            for (size_t k = 0; k < n; k++) {
                voice_name(k, held_out, name, sizeof name);
                drawn[k] |= !strcmp(name, w.voice);
            }
        }
        for (uint64_t i = 0; i < 20; i++) {
            omn_value *v = get(s, held_out ? OMN_SPLIT_HELD_OUT : OMN_SPLIT_TRAIN, i);
            for (size_t q = 0; q < omn_list_count(field(v, "vqa")); q++) {
                const char *voice = omn_text_get(field(question(v, q), "voice"), NULL);
                for (size_t k = 0; k < n; k++) {
                    voice_name(k, held_out, name, sizeof name);
                    heard[k] |= !strcmp(name, voice);
                }
            }
            omn_value_unref(v);
        }
        for (size_t k = 0; k < n; k++) {
            voice_name(k, held_out, name, sizeof name);
            bool accent = false, speaker = false;
            for (size_t j = 0; j < n; j++) {
                voice_name(j, held_out, other, sizeof other);
                const size_t end = strcspn(other, "+");
                accent |= heard[j] && !strncmp(name, other, end + 1);
                speaker |= heard[j] && !strcmp(strchr(name, '+'), strchr(other, '+'));
            }
            ck_assert_msg(drawn[k] && accent && speaker, "%s", name);
        }
    }
    omn_source_close(s);
    omn_context_free(ctx);
}
END_TEST

static void refused(const omn_setting *set, size_t n, omn_status st, const char *word)
{
    omn_context *ctx = context();
    omn_error err = OMN_ERROR_INIT;
    omn_source *s = NULL;
    ck_assert_int_eq(omn_source_open(ctx, "spoken", set, n, &s, &err), st);
    ck_assert_msg(strstr(err.text, word) != NULL, "%s", err.text);
    ck_assert_ptr_null(s);
    omn_context_free(ctx);
}

START_TEST(settings_that_mean_nothing_are_refused)
{
    const omn_setting bare[] = { { "with", "world", 0, 0 } };
    const omn_setting unknown[] = { { "with", "worlds=2", 0, 0 } };
    const omn_setting itself[] = { { "of", "spoken", 0, 0 } };
    const omn_setting speeds[] = { { "slowest", "200", 0, 0 }, { "fastest", "100", 0, 0 } };
    refused(bare, 1, OMN_ERR_CONFIG, "NAME=VALUE");
    refused(itself, 1, OMN_ERR_CONFIG, "another source");
    refused(speeds, 2, OMN_ERR_CONFIG, "slowest");
    refused(unknown, 1, OMN_ERR_ARGUMENT, "worlds");
    const omn_setting list[] = { { "each", "questions", 0, 0 } };
    omn_context *ctx = context();
    omn_source *s = open_source(ctx, list, 1);
    omn_error err = OMN_ERROR_INIT;
    omn_value *v = NULL;
    ck_assert_int_eq(omn_source_get(s, OMN_SPLIT_TRAIN, 0, &v, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "\"questions\""), "%s", err.text);
    omn_source_close(s);
    /* what has a sound keeps it */
    const omn_setting words[] = { { "of", "tabletop-sounds", 0, 0 }, { "each", "", 0, 0 },
                                  { "text", "text", 0, 0 } };
    s = open_source(ctx, words, 3);
    err = (omn_error)OMN_ERROR_INIT;
    ck_assert_int_eq(omn_source_get(s, OMN_SPLIT_TRAIN, 0, &v, &err), OMN_ERR_DATA);
    ck_assert_msg(strstr(err.text, "without audio"), "%s", err.text);
    omn_source_close(s);
    omn_context_free(ctx);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        questions_are_spoken_and_all_else_stays,
        an_example_has_one_spoken_question,
        what_was_spoken_before_changes_nothing,
        held_out_voices_are_never_trained_on,
        every_speaker_can_be_heard,
        settings_that_mean_nothing_are_refused,
    };
    return TESTING_RUN("source/spoken", all, 120);
}
