/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of weights in a recipe: one that does not move keeps its weights, whatever the others do;
 * groups without sense are refused where they stand. */
#include "tests/generate/toy.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char pipeline[] =
    "version: 1\n"
    "inputs: {image: {type: image}, question: {type: text}}\n"
    "steps:\n"
    "  - {generate: text, as: said, from: {image: $image}, prompt: \"{question}\"}\n"
    "outputs: {answer: $said}\n";

static const char recipe[] =
    "version: 1\n"
    "model: ./toy\n"
    "start: ./toy\n"
    "sources: {world: {use: tabletop, width: 64, height: 64}}\n"
    "tasks:\n"
    "  - {name: vqa, pipeline: ./p.yaml, each: vqa, give: {image: /image, question: question},\n"
    "     want: {answer: answer}}\n"
    "optimizer: %s\n"
    "pack: {inputs: 32, targets: 16}\n"
    "batch: 1\n"
    "steps: 2\n"
    "export: f32\n";

static omn_status train(const char *folder, const char *optimizer, omn_error *err)
{
    char text[2048];
    omn_context *ctx = toy_context(1);
    snprintf(text, sizeof text, recipe, optimizer);
    const omn_status st = toy_train(ctx, folder, text, "out", err);
    omn_context_free(ctx);
    return st;
}

static const char *folder_of_toy(void)
{
    const char *folder = testing_folder();
    testing_write(folder, "p.yaml", pipeline, strlen(pipeline));
    ck_assert_int_eq(mkdir(below(folder, "toy"), 0777), 0);
    toy_write(below(folder, "toy"), 3);
    return folder;
}

START_TEST(a_group_moves_as_it_is_told)
{
    omn_error err = OMN_ERROR_INIT;
    omn_weights *was = NULL, *is = NULL;
    const char *folder = folder_of_toy();
    size_t moved[2] = { 0 }, stays[2] = { 0 };
    ck_assert_msg(train(folder, "{use: adamw, rate: 0.02, curve: const, groups: [{weights: "
                        "'decoder.**', rate: 0}, {weights: '**', rate: 0.5, decay: 0}]}", &err) ==
                  OMN_OK, "%s", err.text);
    ck_assert_int_eq(omn_weights_open(below(folder, "toy/model.safetensors"), &was, &err), OMN_OK);
    ck_assert_int_eq(omn_weights_open(below(folder, "out/model.safetensors"), &is, &err), OMN_OK);
    for (size_t i = 0; i < omn_weights_count(is); i++) {
        const char *name = omn_weights_name(is, i);
        const omn_tensor *a = omn_weights_get(was, name), *b = omn_weights_at(is, i);
        const bool decoder = !strncmp(name, "decoder.", 8);
        ck_assert(a && a->bytes == b->bytes);
        if (memcmp(a->data, b->data, a->bytes)) moved[decoder]++;
        else stays[decoder]++;
    }
    ck_assert_uint_eq(moved[1], 0);
    ck_assert_uint_gt(stays[1], 5);
    ck_assert_uint_gt(moved[0], 5);
    omn_weights_close(is);
    omn_weights_close(was);
}
END_TEST

START_TEST(groups_without_sense_are_refused)
{
    static const char *const bad[][2] = {
        { "{use: adafactor, groups: [{weights: x}]}", "adamw" },
        { "{groups: []}", "groups are wanted" },
        { "{groups: [{rate: 1}]}", "weights" },
        { "{groups: [{weights: x, rate: -1}]}", "from 0" },
        { "{groups: [{weights: x, speed: 1}]}", "speed" },
    };
    const char *folder = folder_of_toy();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        omn_error err = OMN_ERROR_INIT;
        ck_assert(train(folder, bad[i][0], &err) != OMN_OK);
        ck_assert_msg(strstr(err.text, bad[i][1]) && err.line == 8, "%s: %s",
                      bad[i][0], err.text);
    }
}
END_TEST

int main(void)
{
    const TTest *const all[] = { a_group_moves_as_it_is_told, groups_without_sense_are_refused };
    return TESTING_RUN("pipeline/groups", all, 30);
}
