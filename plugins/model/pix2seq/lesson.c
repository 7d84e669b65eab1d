/* SPDX-License-Identifier: Apache-2.0 */
/* Lessons of Pix2Seq's four tasks: which ids are fed, which are wanted, what each counts. What is
 * drawn by chance is given. */
#include "pix2seq.h"

#define LITTLE 0.1f

enum { OBJECT = 5 };                    /* ids of an object, its class the last */

void p2s_lesson_shift(const p2s_lesson *l, const int32_t *label)
{
    for (size_t i = 0; i < l->n; i++) {
        l->input[i] = label[i];
        l->target[i] = label[i + 1];
    }
}

/* A place of an object that is none counts by its class alone. */
static float of_object(const p2s_lesson *l, size_t i, double noise)
{
    const size_t class = i / OBJECT * OBJECT + OBJECT - 1;
    if (l->target[i] == P2S_END) return LITTLE;
    if (class >= l->n || l->target[class] != P2S_NOISE) return 1;
    return i == class ? (float)noise : 0;
}

void p2s_lesson_weigh(const p2s_lesson *l, int32_t task, double noise, int32_t caption_end)
{
    const bool nothing = l->n == 0 || l->input[0] == P2S_END;     /* no thing is asked for */
    for (size_t i = 0; i < l->n; i++) {
        const int32_t id = l->target[i];
        const bool response = !nothing && i + 1 >= P2S_MOST_PROMPT;
        switch (task) {
        case P2S_DETECT: l->weight[i] = of_object(l, i, noise); break;
        case P2S_SEGMENT: l->weight[i] = response || id == P2S_END; break;
        case P2S_KEYPOINTS:
            l->weight[i] = !response || id == P2S_END ? 0 : id == P2S_UNSEEN ? LITTLE : 1;
            break;
        default: l->weight[i] = id == caption_end ? LITTLE : 1; break;
        }
    }
}

int32_t p2s_feed_class(p2s_fed how, int32_t class, const p2s_draw *d)
{
    const bool real = d->real > 0.5f, random = d->random > 0.5f;
    if (class == P2S_END) return class;
    switch (how) {
    case P2S_FED_RANDOM: return d->other;
    case P2S_FED_REAL_OR_NOISE: return real ? class : P2S_NOISE;
    case P2S_FED_RANDOM_OR_NOISE: return random ? d->other : P2S_NOISE;
    case P2S_FED_ANY: return real ? class : random ? d->other : P2S_NOISE;
    default: return class;
    }
}

void p2s_lesson_classes(const p2s_lesson *l, p2s_fed how, const int32_t *other, const float *real,
                        const float *random)
{
    for (size_t g = 0; (g + 1) * OBJECT < l->n; g++) {
        int32_t *id = l->input + (g + 1) * OBJECT;
        const p2s_draw d = { other[g], real[g], random[g] };
        *id = p2s_feed_class(how, *id, &d);
    }
}

void p2s_lesson_hide(const p2s_lesson *l, size_t from, const float *draw, double share, int32_t id)
{
    for (size_t i = from; i < l->n; i++)
        if ((double)draw[i - from] < share) l->input[i] = id;
}
