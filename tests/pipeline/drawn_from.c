/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps of a recipe with several decoders draw from and ask, in all stages, and how much
 * room each decoder's answers have. */
#include "writing.h"

#include <math.h>

/* A recipe that cannot be trained by; the line that the error names. */
static int32_t told_that(const char *folder, const char *text, const char *says)
{
    omn_error err = OMN_ERROR_INIT;
    omn_context *ctx = studio_context(1);
    omn_recipe *r = NULL;
    omn_status st = omn_recipe_open(ctx, testing_write(folder, "r.yaml", text, strlen(text)), NULL,
                                    0, &r, &err);
    if (st == OMN_OK) st = omn_recipe_train(r, below(folder, "a"), 0, NULL, &err);
    ck_assert_msg(st != OMN_OK && strstr(err.text, says), "%s, not %s", err.text, says);
    omn_recipe_close(r);
    omn_context_free(ctx);
    return (int32_t)err.line;
}


/* A source that has nothing for a decoder is not drawn from when that one is asked; how often that
 * is follows from the shares of the sources and the weights of their tasks. */
START_TEST(pages_come_from_sources_of_their_decoder)
{
    static const char text[] = HEAD
        "sources:\n"
        "  mine: {use: folder, path: photos, held_out: 0, share: 3}\n"
        "  other: {use: folder, path: photos, held_out: 0}\n"
        "  idle: {use: folder, path: photos, held_out: 0, share: 5}\n"
        "tasks:\n" DRAWS
        "  - {name: say, pipeline: ./s.yaml, give: {what: what}, want: {said: what},\n"
        "     source: other, weight: 2}\n"
        "optimizer: {use: adamw, rate: 1e-2}\nsteps: 8\n";
    uint32_t asked[2] = { 0, 0 };
    bench b;
    open_bench(&b, text);
    ck_assert_double_eq(b.r->setup.shares[0], 3);
    ck_assert_double_eq(b.r->setup.shares[1], 2);
    for (uint64_t step = 0; step < 4000; step++) {
        size_t stage = 9;
        int source = -1;
        const uint32_t now = omn_train_output(&b.r->setup, step);
        page_place(b.r, step * 7, step, &stage, &source);
        ck_assert_int_eq(source, (int)now);
        asked[now]++;
    }
    ck_assert_uint_gt(asked[0], 2250);    /* of 2400; a deviation is 31 */
    ck_assert_uint_lt(asked[0], 2550);
    close_bench(&b);
}
END_TEST

/* In a stage that says it other sources are drawn from, so other decoders are asked. */
START_TEST(stages_have_shares_of_their_own)
{
    static const char text[] = HEAD
        "sources:\n"
        "  mine: {use: folder, path: photos, held_out: 0, share: 3}\n"
        "  other: {use: folder, path: photos, held_out: 0}\n"
        "tasks:\n" DRAWS
        "  - {name: say, pipeline: ./s.yaml, give: {what: what}, want: {said: what},\n"
        "     source: other, weight: 2}\n"
        "optimizer: {use: adamw, rate: 1e-2}\n"
        "stages:\n"
        "  - {name: said, steps: 1000, sources: {mine: {share: 0}}}\n"
        "  - {name: usual, steps: 1000}\n"
        "  - {name: more, steps: 1000, sources: {other: {share: 4.5}}}\n";
    uint32_t drawn[3] = { 0 };
    bench b;
    open_bench(&b, text);
    for (uint64_t step = 0; step < 3000; step++) {
        size_t stage = 9;
        int source = -1;
        const uint32_t now = omn_train_output(&b.r->setup, step);
        page_place(b.r, step * 7, step, &stage, &source);
        ck_assert_uint_eq(stage, step / 1000);
        ck_assert_int_eq(source, (int)now);
        drawn[stage] += now == 0;
    }
    ck_assert_uint_eq(drawn[0], 0);
    ck_assert_uint_gt(drawn[1], 540);     /* of 600; a deviation is 15 */
    ck_assert_uint_lt(drawn[1], 660);
    ck_assert_uint_gt(drawn[2], 190);     /* of 250; a deviation is 14 */
    ck_assert_uint_lt(drawn[2], 310);
    close_bench(&b);
}
END_TEST

START_TEST(stages_without_sense_are_told)
{
    static const struct { const char *stage, *says; } bad[] = {
        { "{steps: 2, sources: {mine: {share: 0}}}", "nothing is drawn" },
        { "{steps: 2, sources: {mien: {share: 1}}}", "there is no source \"mien\"" },
        { "{steps: 2, sources: {mine: {group: a}}}", "group" },
        { "{steps: 2, freeze: [nothing.**]}", "\"nothing.**\" names no weight" },
        { "{steps: 2, freeze: encoder.**}", "freeze" },
        { "{steps: 2, groups: [{weights: nothing.**, rate: 0}]}", "names no weight" },
        { "{steps: 2, groups: [{rate: 0}]}", "weights" },
    };
    const char *folder = studio_that_writes();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 HEAD MINE "tasks:\n" DRAWS "optimizer: {use: adamw, rate: 1e-2}\n"
                           "stages:\n  - {steps: 2}\n  - %s\n", bad[i].stage);
        ck_assert_int_eq(told_that(folder, text, bad[i].says), 14);
    }
}
END_TEST

/* In each stage a group has its share; one that no source belongs to is told with stages too. */
START_TEST(groups_hold_in_every_stage)
{
    static const char text[] = HEAD
        "sources:\n"
        "  mine: {use: folder, path: photos, held_out: 0, share: 3, group: a}\n"
        "  other: {use: folder, path: photos, held_out: 0, group: b}\n"
        "groups: {a: 1, b: 4%s}\n"
        "tasks:\n" DRAWS
        "  - {name: say, pipeline: ./s.yaml, give: {what: what}, want: {said: what},\n"
        "     source: other}\n"
        "optimizer: {use: adamw, rate: 1e-2}\n"
        "stages: [{steps: 4}, {steps: 4, sources: {mine: {share: 0}, other: {share: 7}}}]\n";
    char all[1024];
    bench b;
    snprintf(all, sizeof all, text, "");
    open_bench(&b, all);
    ck_assert_double_eq(b.r->stages[0].share[0], 1);
    ck_assert_double_eq(b.r->stages[0].share[1], 4);
    ck_assert_double_eq(b.r->stages[1].share[0], 0);
    ck_assert_double_eq(b.r->stages[1].share[1], 4);
    close_bench(&b);
    snprintf(all, sizeof all, text, ", c: 1");
    ck_assert_int_eq(told_that(b.folder, all, "no source belongs to the group c"), 11);
}
END_TEST

START_TEST(slips_want_something_to_see)
{
    static const char text[] = HEAD MINE
        "tasks:\n"
        "  - {name: say, pipeline: ./s.yaml, give: {what: what}, want: {said: what}, slips: 0.5}\n"
        "optimizer: {use: adamw, rate: 1e-2}\nsteps: 2\n";
    told_that(studio_that_writes(), text, "is given texts alone");
}
END_TEST

START_TEST(a_decoder_that_no_step_asks_is_told)
{
    static const char text[] = HEAD
        "sources:\n"
        "  mine: {use: folder, path: photos, held_out: 0}\n"
        "  never: {use: folder, path: photos, held_out: 0, share: 0}\n"
        "tasks:\n" DRAWS
        "  - {name: say, pipeline: ./s.yaml, give: {what: what}, want: {said: what},\n"
        "     source: never}\n"
        "optimizer: {use: adamw, rate: 1e-2}\nsteps: 8\n";
    static const char says[] = "task say: nothing is drawn from its source never (share: 0)";
    ck_assert_int_gt(told_that(studio_that_writes(), text, says), 0);
}
END_TEST

/* ---- room ----------------------------------------------------------------------------------- */

START_TEST(each_decoder_has_room_of_its_own)
{
    bench b;
    uint32_t asked[2] = { 0, 0 };
    open_bench(&b, ROOM("text: 6, image: 24"));
    ck_assert_uint_eq(b.r->setup.targets, 24);
    for (int i = 0; i < 12; i++) {
        omn_error err = OMN_ERROR_INIT;
        omn_train_report rep = { OMN_FILL(omn_train_report) };
        const uint32_t now = omn_train_output(&b.r->setup, omn_trainer_at(b.t));
        const uint32_t room = strcmp(b.r->outputs[now], "text") ? 24 : 6;
        WORKS(omn_trainer_step(b.t, b.c, &rep, &err));
        const omn_tensor *ids = omn_feed_get(b.t->feed, "target.ids");
        ck_assert_int_eq(ids->shape.dim[1], room);
        ck_assert(isfinite(rep.loss) && rep.task_lessons[now] > 0);
        asked[now]++;
    }
    ck_assert(asked[0] && asked[1]);
    close_bench(&b);
}
END_TEST

START_TEST(rooms_without_sense_are_refused)
{
    static const struct { const char *text, *says; int line; } list[] = {
        { ROOM("text: 6, sound: 9"), "no task asks the decoder \"sound\"", 5 },
        { ROOM("text: 3"), "3", 5 },
        { ROOM(""), "targets of 1 to", 5 },
        { ROOM("text: 6, image: 4"), "task draw: the answer is ", 0 },
        { ROOM("text: 6, image: 4"), "a row has room for 4 (pack: targets)", 0 },
    };
    const char *folder = studio_that_writes();
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const int32_t line = told_that(folder, list[i].text, list[i].says);
        if (list[i].line) ck_assert_int_eq(line, list[i].line);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = {
        pages_come_from_sources_of_their_decoder,
        stages_have_shares_of_their_own,
        stages_without_sense_are_told,
        groups_hold_in_every_stage,
        slips_want_something_to_see,
        a_decoder_that_no_step_asks_is_told,
        each_decoder_has_room_of_its_own,
        rooms_without_sense_are_refused,
    };
    return TESTING_RUN("pipeline/drawn_from", all, 60);
}
