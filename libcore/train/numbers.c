/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that follow the step into the graph: the temperature of a relaxation that cools down, the
 * weight of a part of the loss that grows. A graph that wants one reads the input "schedule.NAME";
 * what it is at a step depends on that step alone, so that a resumed run goes on where it was. */
#include "numbers.h"

#include "trainer.h"

#include "../graph/reads.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_NAME = 60 };                  /* letters of a number's name */

typedef struct input_name {
    char text[sizeof NUMBER_PREFIX + MOST_NAME];
} input_name;

static input_name input_of(const omn_train_number *n)
{
    input_name out;
    snprintf(out.text, sizeof out.text, NUMBER_PREFIX "%s", n->name);
    return out;
}

bool number_is(const char *input)
{
    return !strncmp(input, NUMBER_PREFIX, strlen(NUMBER_PREFIX));
}

static omn_status no_memory(omn_error *err)
{
    return omn_fail(err, OMN_ERR_MEMORY, "not enough memory for a trainer");
}

static bool is_sound(const omn_train_number *n)
{
    return n->name && *n->name && strlen(n->name) <= MOST_NAME && isfinite(n->from) &&
           isfinite(n->to) && n->curve <= OMN_CURVE_COSINE;
}

omn_status numbers_copy(omn_trainer *t, omn_error *err)
{
    omn_train_setup *u = &t->setup;
    omn_train_number *own = omn_arena_alloc(t->arena, u->n_numbers + 1, sizeof *own);
    if (!own) return no_memory(err);
    for (size_t i = 0; i < u->n_numbers; i++) {
        own[i] = u->numbers[i];
        if (!is_sound(&own[i]))
            return omn_fail(err, OMN_ERR_ARGUMENT,
                            "number %zu: a name of 1 to %d letters, two numbers and a curve that "
                            "has an end are wanted", i, MOST_NAME);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(own[j].name, own[i].name))
                return omn_fail(err, OMN_ERR_ARGUMENT, "the number \"%s\" is there twice",
                                own[i].name);
        if (!(own[i].name = omn_arena_strdup(t->arena, own[i].name))) return no_memory(err);
    }
    u->numbers = own;
    return OMN_OK;
}

double number_at(const omn_train_setup *s, const omn_train_number *n, uint64_t step)
{
    const omn_train_again fall = { .curve = n->curve };
    return n->to + (n->from - n->to) * schedule_factor(&fall, n->steps ? n->steps : s->steps, step);
}

omn_status numbers_feed(omn_trainer *t, omn_error *err)
{
    omn_status st = OMN_OK;
    for (size_t i = 0; i < t->setup.n_numbers && st == OMN_OK; i++) {
        void *data = NULL;
        const input_name name = input_of(&t->setup.numbers[i]);
        st = omn_feed_new(t->feed, name.text, OMN_F32, omn_dim1(1), &data, err);
    }
    return st;
}

void numbers_fill(omn_trainer *t)
{
    for (size_t i = 0; i < t->setup.n_numbers; i++) {
        const omn_train_number *n = &t->setup.numbers[i];
        float *at = omn_feed_data(t->feed, input_of(n).text);
        *at = (float)number_at(&t->setup, n, t->step);
    }
}

/* ---- what graphs read ------------------------------------------------------------------------ */

static bool is_given(const omn_train_setup *u, const char *input)
{
    for (size_t i = 0; i < u->n_numbers; i++)
        if (!strcmp(u->numbers[i].name, input + strlen(NUMBER_PREFIX))) return true;
    return false;
}

static bool is_read(const omn_trainer *t, const char *input)
{
    for (uint32_t k = 0; k < t->n_outputs; k++)
        if (graph_takes(t->outputs[k].graph, input)) return true;
    return false;
}

omn_status numbers_prove(const omn_trainer *t, omn_error *err)
{
    const omn_train_setup *u = &t->setup;
    for (uint32_t k = 0; k < t->n_outputs; k++) {
        const char *input;
        uint32_t at = 0;
        while ((input = graph_input(t->outputs[k].graph, &at)) != NULL)
            if (number_is(input) && !is_given(u, input))
                return omn_fail(err, OMN_ERR_CONFIG,
                                "what is learnt reads a number \"%s\" that follows the step: "
                                "schedules: {%s: {from: NUMBER, to: NUMBER}} is wanted",
                                input + strlen(NUMBER_PREFIX), input + strlen(NUMBER_PREFIX));
    }
    for (size_t i = 0; i < u->n_numbers; i++)
        if (!is_read(t, input_of(&u->numbers[i]).text))
            return omn_fail(err, OMN_ERR_CONFIG,
                            "schedules: nothing that is learnt reads a number \"%s\"",
                            u->numbers[i].name);
    return OMN_OK;
}
