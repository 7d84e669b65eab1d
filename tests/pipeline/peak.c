/* SPDX-License-Identifier: Apache-2.0 */
/* What omnio check says of the memory beside what the program then takes: the largest resident set
 * of a process that answers, draws or learns, as the system counted it, is within a tenth of the
 * plan. The model is a Unified-IO 2 of random weights, so large that it and not the program is most
 * of it. The request is as long as the model takes, for that is what is planned. */
#include "tests/generate/toy.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKS(expr) ck_assert_msg((expr) == OMN_OK, "%s", err.text)

extern char **environ;

static const char config[] =
    "{\"omnio\": {\"model\": \"uio2\", \"location_first\": 0, \"location_bins\": 64, "
    "\"histories\": 0}, \"t5_config\": {\"vocab_size\": 960, "
    "\"image_vocab_size\": 1032, \"audio_vocab_size\": 264, \"emb_dim\": 384, \"num_heads\": 6, "
    "\"head_dim\": 64, "
    "\"num_encoder_layers\": 3, \"num_decoder_layers\": 3, \"mlp_dim\": 768, "
    "\"encoder_max_text_length\": 128, \"decoder_max_text_length\": 64, "
    "\"default_image_vit_size\": [128, 128], \"image_vit_patch_size\": 16, "
    "\"encoder_max_image_length\": 64, \"decoder_max_image_length\": 256}, "
    "\"image_vit_cfg\": {\"patch_size\": 16, \"emb_dim\": 384, \"num_heads\": 6, "
    "\"head_dim\": 64, \"num_layers\": 4, \"mlp_dim\": 768, \"num_pos\": 65}, "
    "\"image_vqgan\": {\"ch\": 64, \"ch_mult\": [1, 1, 2, 2], \"num_res_blocks\": 1, "
    "\"n_embed\": 1024, \"resolution\": 128, \"attn_resolutions\": [16], "
    "\"default_input_size\": [128, 128], \"patch_size\": [8, 8]}, "
    "\"audio_vqgan\": {\"vocab_size\": 256, \"patch_size\": [16, 16], "
    "\"default_input_size\": [128, 256], \"encoder_hidden_size\": 64, "
    "\"encoder_num_layers\": 1, \"encoder_mlp_dim\": 64, \"encoder_num_heads\": 1, "
    "\"decoder_hidden_size\": 64, \"decoder_num_layers\": 2, \"decoder_mlp_dim\": 128, "
    "\"decoder_num_heads\": 1}}";

/* Made by a process of its own: what its making takes is in nobody's count. */
static const char *big_model(void)
{
    const char *folder = testing_folder();
    int status = -1;
    const pid_t pid = fork();
    if (!pid) {
        toy_write_as(folder, config, 5);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    return folder;
}

/* The program with these words, its output in a file; its largest resident set, in bytes. */
static double ran(const char *folder, const char *const argv[])
{
    posix_spawn_file_actions_t to;
    struct rusage use;
    pid_t pid = 0;
    int status = -1;
    const char *words[16] = { testing_build("omnio") };
    for (int i = 0; (words[i + 1] = argv[i]); i++) ck_assert_int_lt(i, 14);
    posix_spawn_file_actions_init(&to);
    posix_spawn_file_actions_addopen(&to, 1, below(folder, "said"), O_WRONLY | O_CREAT | O_TRUNC,
                                     0666);
    ck_assert_int_eq(posix_spawn(&pid, words[0], &to, NULL, (char *const *)(uintptr_t)words,
                                 environ), 0);
    posix_spawn_file_actions_destroy(&to);
    ck_assert_int_eq(wait4(pid, &status, 0, &use), pid);
    ck_assert_msg(status == 0, "omnio %s: status %d", argv[0], status);
    return 1024. * (double)use.ru_maxrss;
}

/* What the plan says, whose rows add up to it: that of the process is one of them. A recipe says
 * its precision itself. least: with empty lists; NULL: nobody asks. */
static double planned(const char *folder, const char *file, const char *precision, double *least)
{
    const char *const argv[] = { "check", "--format", "json", "-t", "2", file,
                                 precision ? "--precision" : NULL, precision, NULL };
    json_int_t all = 0, most = 0, process = 0;
    size_t i;
    json_t *row, *told;
    ran(folder, argv);
    told = json_load_file(below(folder, "said"), 0, NULL);
    ck_assert_ptr_nonnull(told);
    json_array_foreach(json_object_get(told, "needs"), i, row) {
        const json_int_t bytes = json_integer_value(json_object_get(row, "bytes"));
        const char *what = json_string_value(json_object_get(row, "what"));
        if (json_is_true(json_object_get(row, "turns"))) most = bytes > most ? bytes : most;
        else all += bytes;
        if (!strcmp(what, "process")) process = bytes;
    }
    const json_int_t memory = json_integer_value(json_object_get(told, "memory"));
    if (least) *least = json_number_value(json_object_get(told, "least"));
    json_decref(told);
    ck_assert_int_gt(process, 0);
    ck_assert_int_eq(all + most, memory);
    ck_assert_int_lt(2 * process, memory);
    return (double)memory;
}

static void compare(const char *what, double plan, double peak)
{
    printf("# %s: planned %.1f MB, took %.1f MB\n", what, plan * 1e-6, peak * 1e-6);
    if (TESTING_SANITIZED || getenv("VALGRIND")) return;
    ck_assert_msg(fabs(plan - peak) <= 0.1 * peak, "%s: planned %.1f MB, took %.1f MB", what,
                  plan * 1e-6, peak * 1e-6);
}

static const char *long_text(char text[static 801], int words)
{
    for (int i = 0; i < words; i++) memcpy(text + 5 * i, "cube ", 6);
    return text;
}

/* What a pipeline of the model in this folder takes that is asked a long text, beside another input
 * or with a file to write. */
static void holds(const char *what, const char *folder, const char *pipeline, const char *precision,
                  const char *text, const char *option, const char *file)
{
    char words[801];
    const char *asks = testing_write(folder, "asks.yaml", pipeline, strlen(pipeline));
    const char *const argv[] = { "run", asks, "-t", "2", "--precision", precision, text,
                                 long_text(words, 120), option, file, NULL };
    const double plan = planned(folder, asks, precision, NULL);
    compare(what, plan, ran(folder, argv));
}

static void question(const char *precision)
{
    static const char asks[] =
        "version: 1\nmodel: .\ninputs: {image: {type: image}, question: {type: text}}\nsteps:\n"
        "  - {generate: text, as: said, from: {image: $image}, prompt: '{question}',\n"
        "     max_tokens: 32}\noutputs: {said: $said}\n";
    holds(precision, big_model(), asks, precision, "--question", "--image",
          testing_source("examples/tabletop.png"));
}

START_TEST(a_question)
{
    question("f32");
}
END_TEST

START_TEST(a_question_in_bf16)
{
    question("bf16");
}
END_TEST

START_TEST(a_picture)
{
    static const char draws[] =
        "version: 1\nmodel: .\ninputs: {text: {type: text}}\nsteps:\n"
        "  - {generate: image, as: picture, prompt: '{text}', sample: {top_p: 0.9}}\n"
        "outputs: {picture: {value: $picture, file: picture.png}}\n";
    const char *folder = big_model();
    holds("a picture", folder, draws, "f32", "--text", "-o", below(folder, "drawn.png"));
}
END_TEST

/* With the phases that are guessed, as no vocoder is there: where FFTW is. */
START_TEST(a_sound)
{
    static const char makes[] =
        "version: 1\nmodel: .\ninputs: {text: {type: text}}\nsteps:\n"
        "  - {generate: audio, as: sound, prompt: '{text}', sample: {top_p: 0.9}}\n"
        "outputs: {sound: {value: $sound, file: sound.wav}}\n";
    if (access(testing_build("plugins/operation-spectrum.la"), F_OK) ||
        access(testing_build("plugins/format-sndfile.la"), F_OK))
        return;
    const char *folder = big_model();
    holds("a sound", folder, makes, "f32", "--text", "-o", below(folder, "made.wav"));
}
END_TEST

/* The libraries that decode it are a third of all. */
START_TEST(a_video)
{
    static const char asks[] =
        "version: 1\nmodel: .\ninputs: {video: {type: stream}, question: {type: text}}\nsteps:\n"
        "  - {apply: video.frames, as: frames, in: $video, count: 2}\n"
        "  - {apply: list.at, as: last, in: $frames, index: 1}\n"
        "  - {generate: text, as: said, from: {image: $last}, prompt: '{question}',\n"
        "     max_tokens: 32}\noutputs: {said: $said}\n";
    if (access(testing_build("plugins/format-video.la"), F_OK)) return;
    holds("a video", big_model(), asks, "f32", "--question", "--video",
          testing_source("tests/video/wide.mp4"));
}
END_TEST

/* A question and sixteen more about one picture, as long as they may be, or none. */
START_TEST(a_map)
{
    static const char asks[] =
        "version: 1\nmodel: .\ninputs: {image: {type: image}, words: {type: text},\n"
        "  long: {type: text}}\nsteps:\n"
        "  - {apply: text.split, as: parts, in: $words}\n"
        "  - {generate: text, as: first, from: {image: $image}, prompt: '{long}', max_tokens: 32}\n"
        "  - {map: $parts, each: part, as: said, keep: $one, steps: [{generate: text, as: one,\n"
        "     from: {image: $image}, prompt: '{part}', max_tokens: 32}]}\n"
        "outputs: {said: $said, first: $first}\n";
    char one[801];
    static char words[16 * 602];
    const char *folder = big_model();
    const char *file = testing_write(folder, "m.yaml", asks, sizeof asks - 1);
    for (size_t i = 0; i < 16 * 120; i++)
        memcpy(words + 5 * i, i % 120 == 119 ? "cube," : "cube ", 6);
    double least = 0, plan = planned(folder, file, "f32", &least);
    for (int empty = 0; empty < 2; empty++) {
        const char *const argv[] = { "run", file, "-t", "2", "--precision", "f32", "--words",
                                     empty ? "," : words, "--long", long_text(one, 120), "--image",
                                     testing_source("examples/tabletop.png"), NULL };
        compare(empty ? "a map over nothing" : "a map over sixteen", empty ? least : plan,
                ran(folder, argv));
    }
}
END_TEST

START_TEST(a_training)
{
    char yaml[8192], *asks = realpath(testing_source("pipelines/vqa.yaml"), NULL);
    const char *folder = big_model();
    snprintf(yaml, sizeof yaml,
             "version: 1\nmodel: .\nsources: {world: {use: tabletop, seed: 1}}\ntasks:\n"
             "  - {name: vqa, pipeline: %s, each: vqa, give: {image: /image, question: question},\n"
             "     want: {answer: answer}}\n"
             "optimizer: {use: adamw, rate: 1e-3}\npack: {inputs: 128, targets: 64}\n"
             "batch: 2\nsteps: 1\n",
             asks);
    free(asks);
    const char *file = testing_write(folder, "r.yaml", yaml, strlen(yaml));
    const char *const argv[] = { "train", file, "-t", "2", "-o", below(folder, "out"), NULL };
    const double plan = planned(folder, file, NULL, NULL);
    compare("a training step", plan, ran(folder, argv));
}
END_TEST

/* Half an hour of silence, 58 MB as 16 bits and 115 MB as numbers, of which no more than a piece is
 * in memory. Where no plugin hears it nothing is tested. */
START_TEST(a_long_sound)
{
    static const char hears[] =
        "version: 1\ninputs: {audio: {type: stream of audio}}\nsteps:\n"
        "  - {apply: audio.heard, as: pieces, in: $audio}\n"
        "  - {apply: list.length, as: n, in: $pieces}\noutputs: {n: $n}\n";
    static const uint8_t head[44] = "RIFF\0\0\0\0WAVEfmt \20\0\0\0\1\0\1\0"
                                    "\200>\0\0\0}\0\0\2\0\20\0data";
    const uint32_t n = 30 * 60 * 16000 * 2, sizes[2] = { n + 36, n };
    const char *folder = testing_folder(), *wav = below(folder, "long.wav");
    const char *file = testing_write(folder, "hears.yaml", hears, sizeof hears - 1);
    const char *const argv[] = { "run", file, "-t", "2", "--audio", wav, NULL };
    char said[16] = "";
    FILE *f = fopen(wav, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(head, 1, sizeof head, f), sizeof head);
    for (int i = 0; i < 2; i++) { /* low bytes first */
        const uint8_t b[4] = { (uint8_t)sizes[i], (uint8_t)(sizes[i] >> 8),
                               (uint8_t)(sizes[i] >> 16), (uint8_t)(sizes[i] >> 24) };
        ck_assert_int_eq(fseek(f, i ? 40 : 4, SEEK_SET), 0);
        ck_assert_uint_eq(fwrite(b, 1, 4, f), 4);
    }
    ck_assert_int_eq(ftruncate(fileno(f), (off_t)n + 44), 0);
    ck_assert_int_eq(fclose(f), 0);
    if (access(testing_build("plugins/operation-sound.la"), F_OK) ||
        access(testing_build("plugins/format-sndfile.la"), F_OK))
        return;
    const double peak = ran(folder, argv);
    f = fopen(below(folder, "said"), "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(fgets(said, sizeof said, f));
    fclose(f);
    ck_assert_str_eq(said, "5\n");
    printf("# half an hour of sound: took %.1f MB\n", peak * 1e-6);
    if (TESTING_SANITIZED || getenv("VALGRIND")) return;
    ck_assert_msg(peak < 40e6, "half an hour of sound took %.1f MB", peak * 1e-6);
}
END_TEST

int main(void)
{
    const TTest *const all[] = { a_question, a_question_in_bf16, a_picture, a_sound, a_video,
                                 a_map, a_training, a_long_sound };
    /* a sanitizer takes memory of its own: nothing is compared, and one of them is enough */
    const size_t n = TESTING_SANITIZED ? 1 : sizeof all / sizeof *all;
    return testing_run("pipeline/peak", all, n, 120);
}
