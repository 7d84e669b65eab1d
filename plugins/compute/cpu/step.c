/* SPDX-License-Identifier: Apache-2.0 */
/* One step of AdamW (Loshchilov and Hutter 2019): weights, gradients and both moments in one pass. */
#include "vec.h"

typedef struct step_job {
    const cpu_adamw *o;
    float *w, *m, *v;
    const float *g;
} step_job;

static void adamw_range(void *user, size_t from, size_t to)
{
    const step_job *j = user;
    const cpu_adamw *o = j->o;
    const vf b1 = vset(o->beta1), b2 = vset(o->beta2), c1 = vset(1 - o->beta1), c2 = vset(1 - o->beta2);
    const vf rate = vset(o->rate / o->fix1), keep = vset(1 - o->rate * o->decay);
    const vf fix = vset(1 / sqrtf(o->fix2)), eps = vset(o->eps), scale = vset(o->grad_scale);
    for (size_t i = from; i < to; i += VW) {
        const vf g = frow(j->g, i, to) * scale;
        const vf m = frow(j->m, i, to) * b1 + g * c1, v = frow(j->v, i, to) * b2 + g * g * c2;
        frow_set(j->m, i, to, m);
        frow_set(j->v, i, to, v);
        frow_set(j->w, i, to, frow(j->w, i, to) * keep - rate * m / (vsqrt(v) * fix + eps));
    }
}

void L(adamw)(size_t n, const cpu_adamw *o, float *w, const float *g, float *m, float *v,
              const cpu_par *par)
{
    step_job j = { o, w, m, v, g };
    par_run(par, n, 16384, adamw_range, &j);
}
