/* SPDX-License-Identifier: Apache-2.0 */
/* What a step feeds: the newest id of each row, and what the model's vocabulary adds to it. `also`
 * follows every id, `drop` of a step's last places are overwritten by the next; when a `window` is
 * full, the oldest ids go, whole strides of them, and what is left is fed again from its first
 * place, as if the answer had begun there. */
#include "decode.h"

/* Places that an id takes for good, and those that a step takes beyond its id. */
static int32_t tail_of(const search_model *m) { return m->n_also > 0 ? 1 : 0; }

int32_t feed_each(const search_model *m)
{
    const int32_t tail = tail_of(m);
    return 1 + tail - (m->drop < tail ? m->drop : tail);
}

void feed_rules(search_model *m, const omn_vocab *v)
{
    m->V = (size_t)v->rows;
    m->start = v->start;
    m->stop = v->stop;
    m->n_also = v->n_also;
    m->also = v->also;
    m->drop = v->drop;
    m->window = v->window;
    m->stride = v->stride;
}

int64_t feed_places(const search_model *m, int64_t n)
{
    const int64_t all = n * feed_each(m) + 1 + tail_of(m);
    return m->window > 0 && all > m->window ? m->window : all;
}

void feed_next(const search_model *m, feed *f, int32_t n)
{
    const int32_t each = feed_each(m), tail = tail_of(m), stride = m->stride > 0 ? m->stride : 1;
    f->start = (n - f->dropped) * each;
    f->T = (size_t)(1 + tail);
    if (m->window <= 0 || f->start + 1 + tail <= m->window) return;
    while (n - f->dropped >= stride && (n - f->dropped) * each + 1 + tail > m->window)
        f->dropped += stride;
    f->T = (size_t)((n - f->dropped) * each + 1 + tail);
    f->start = 0;
}

void feed_row(const search_model *m, const feed *f, const int32_t *ids, int32_t n, int32_t *to)
{
    if (f->start == 0) {
        *to++ = m->start;
        for (int32_t i = f->dropped; i < n; i++) {
            if (feed_each(m) > 1) *to++ = m->also;
            *to++ = ids[i];
        }
    } else {
        *to++ = ids[n - 1];
    }
    if (tail_of(m)) *to = m->also;
}

void feed_blank(const search_model *m, const feed *f, int32_t *to)
{
    for (size_t i = 0; i < f->T; i++) to[i] = m->start;
    if (tail_of(m)) to[f->T - 1] = m->also;
}
