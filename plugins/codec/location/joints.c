/* SPDX-License-Identifier: Apache-2.0 */
/* Joints as Unified-IO 1 tells them: two locations and a number, 1 for what is not seen, 2 for what
 * is hidden, 3 for what is seen, in a fixed order. The rules of reading are the published program's
 * (spec uio1, section 9): what is not seen stands at the mean of what is, beyond the last name as
 * well; what is missing at the mean of all. Means are those of the model's view, and what lies
 * outside of the picture comes to its edge. */
#include "location.h"

#include <stdlib.h>
#include <string.h>

omn_status loc_write_joint(const loc_scheme *s, const omn_point *p, const omn_frame *like,
                           omn_buf *out, omn_error *err)
{
    double view[2];
    if (p->visible != 0 && p->visible != 1 && p->visible != 2)
        return omn_fail(err, OMN_ERR_DATA, "a joint is 0 not seen, 1 hidden or 2 seen, not %g",
                        p->visible);
    (void)loc_point_to_view(s, like, p->x, p->y, view);  /* what is outside stands at the edge */
    loc_put_pair(s, view[0], view[1], LOC_POINT, out);
    omn_buf_printf(out, " %d", (int)p->visible + 1);
    return OMN_OK;
}

typedef struct joint { double at[2]; int32_t seen; } joint;
typedef struct joints {
    joint *of;
    size_t n, room;
    bool wrong;                           /* something was no joint */
} joints;

static omn_status add(joints *all, const joint *one, omn_error *err)
{
    if (all->n == all->room) {
        const size_t room = all->room ? 2 * all->room : 32;
        joint *more = room > OMN_REGIONS_MOST ? NULL : realloc(all->of, room * sizeof *more);
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu joints", room);
        all->of = more;
        all->room = room;
    }
    all->of[all->n++] = *one;
    return OMN_OK;
}

/* The whole label is a number of those, or it says nothing. */
static int32_t seen_of(const loc_scheme *s, const loc_run *run, joints *all)
{
    const char *label = NULL;
    size_t n = 0;
    (void)loc_label(s, run, &label, &n);
    if (n == 1 && *label >= '1' && *label <= '3') return *label - '1';
    all->wrong = true;
    return 0;
}

/* A run's last place has the label, those before it have none. */
static omn_status take_run(const loc_scheme *s, const loc_run *run, joints *all, omn_error *err)
{
    const char *p = run->words;
    omn_status st = OMN_OK;
    if (run->count % 2 || run->count > 2) all->wrong = true;
    for (size_t i = 0; st == OMN_OK && i + 2 <= run->count; i += 2) {
        int32_t bin[2];
        joint one = { .seen = 0 };
        for (int k = 0; k < 2; k++) bin[k] = loc_take_bin(s, run, &p);
        loc_place(s, bin, LOC_POINT, one.at);
        if (i + 4 > run->count) one.seen = seen_of(s, run, all);
        st = add(all, &one, err);
    }
    return st;
}

/* The mean of those that are seen, or of all; false: there are none. */
static bool mean_of(const joints *all, bool seen, double out[2])
{
    size_t n = 0;
    out[0] = out[1] = 0;
    for (size_t i = 0; i < all->n; i++) {
        if (seen && !all->of[i].seen) continue;
        out[0] += all->of[i].at[0];
        out[1] += all->of[i].at[1];
        n++;
    }
    for (int k = 0; k < 2 && n; k++) out[k] /= (double)n;
    return n > 0;
}

static omn_status settle(const loc_scheme *s, joints *all, const omn_frame *like,
                         const char *const *names, size_t n, omn_value **out, omn_error *err)
{
    double mean[2];
    omn_point *p = calloc(n + 1, sizeof *p);
    if (!p) return omn_fail(err, OMN_ERR_MEMORY, "no memory for %zu joints", n);
    const bool any = mean_of(all, true, mean);
    for (size_t i = 0; i < all->n; i++)
        if (!all->of[i].seen) memcpy(all->of[i].at, mean, sizeof mean);
    (void)mean_of(all, false, mean);
    for (size_t i = 0; i < n; i++) {
        const joint *j = i < all->n ? &all->of[i] : NULL;
        p[i] = (omn_point){ .visible = j ? j->seen : 0, .label = names[i] };
        loc_point_to_source(s, like, j ? j->at : mean, &p[i].x, &p[i].y);
    }
    const omn_status st = omn_points_new(p, any ? n : 0, like, out, err);
    free(p);
    return st;
}

omn_status loc_read_joints(const loc_scheme *s, omn_call *c, const char *text, size_t length,
                           const omn_frame *like, const char *const *names, size_t n,
                           omn_value **out, omn_error *err)
{
    omn_status st = OMN_OK;
    joints all = { 0 };
    const char *at = text;
    loc_run run;
    while (loc_next_run(s, &at, text + length, &run)) OMN_TRY(take_run(s, &run, &all, err));
    if (c && (all.wrong || all.n != n))
        omn_call_log(c, OMN_LOG_WARN, "the answer has %zu joints%s; %zu with 1, 2 or 3 behind each "
                     "were wanted", all.n, all.wrong ? ", some without a number" : "", n);
    st = settle(s, &all, like, names, n, out, err);
done:
    free(all.of);
    return st;
}
