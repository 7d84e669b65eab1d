/* SPDX-License-Identifier: Apache-2.0 */
/* How sure a model is of an answer, as one number from 0 to 1 that means the same for all forms of
 * answers: of options the share of the chosen one, of boxes what they say of themselves, of words
 * the probability of all of them, of long rows of codes that of one of them. */
#include <omnio/pipeline.h>

#include <math.h>

/* exp(-score) of the chosen option among those of all. */
static double of_options(const omn_result *r)
{
    double sum = 0;
    if (r->chosen < 0 || (size_t)r->chosen >= r->n_scores) return (double)NAN;
    const double best = r->scores[r->chosen];
    for (size_t i = 0; i < r->n_scores; i++) sum += exp(best - r->scores[i]);
    return 1 / sum;
}

/* The mean of the boxes' own scores; NAN: they have none. */
static double of_boxes(const omn_value *v)
{
    const omn_region *list;
    const size_t n = omn_value_is(v, "regions") ? omn_regions_get(v, &list) : 0;
    double sum = 0;
    size_t scored = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(list[i].score)) continue;
        sum += list[i].score;
        scored++;
    }
    return scored ? sum / (double)scored : (double)NAN;
}

double omn_result_confidence(const omn_result *r)
{
    double sum = 0, p = r->n_scores ? of_options(r) : of_boxes(r->value);
    const bool words = omn_value_is(r->value, "text") || omn_value_is(r->value, "regions");
    if (!isnan(p) || r->n_scores) return p;
    if (!r->logprob) return (double)NAN;
    for (uint32_t i = 0; i < r->tokens; i++) sum += (double)r->logprob[i];
    sum = fmin(sum, r->score); /* with the end; of beams it has a penalty and is larger */
    if (!words && r->tokens) sum /= r->tokens;
    p = exp(sum);
    return p > 1 ? 1 : p;
}
