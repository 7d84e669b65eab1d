/* SPDX-License-Identifier: Apache-2.0 */
/* omnio bench: how long a model takes to prepare, to read and to write, and how much memory it
 * holds. */
#include "shelf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static int bench(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "image", 0, "path", "FILE", NULL, NULL, NULL, "Measurement", "the picture [a made one]" },
    { "prompt", 'p', "string", "TEXT", "What is in the picture?", NULL, NULL, "Measurement",
      "the question" },
    { "max-tokens", 'n', "int", "N", "32", "1..65536", NULL, "Measurement",
      "longest answer, in tokens" },
    { "rows", 0, "int", "N", "1", "1..4096", NULL, "Measurement", "questions asked at once" },
    { "runs", 0, "int", "N", "20", "1..100000", NULL, "Measurement",
      "how often; the median counts" },
    { "profile", 0, "flag", NULL, NULL, NULL, NULL, "Measurement",
      "time of each operation of the graphs" },
};

static const cli_example examples[] = {
    { "omnio bench nano", "the model that ships" },
    { "omnio bench nano -t 1 --profile", "one thread, and where the time goes" },
};

const cli_command cmd_bench = { "bench",
                                "[MODEL]",
                                "Measure how fast a model answers.",
                                "The first run is not counted. Shown are medians: prepare (the "
                                "picture and the words into numbers), encode, each "
                                "token, the whole answer; and the largest memory of the program.",
                                CLI_ROWS(rows),
                                CLI_MACHINE | CLI_PRECISION | CLI_FORMAT,
                                CLI_ROWS(examples),
                                "omnio-inspect(1)",
                                "model",
                                bench };

typedef struct times {
    double *prepare, *encode, *token, *whole;
    size_t n;
    double tokens;
} times;

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_size);
    return n ? (v[(n - 1) / 2] + v[n / 2]) / 2 : NAN;
}

/* A picture that no filter finds trivial: slanted bands of all colours. */
static omn_status made_picture(omn_value **out, omn_error *err)
{
    omn_image *img = NULL;
    omn_pixels px;
    const omn_status st = omn_image_new(OMN_U8, 320, 240, 3, NULL, &img, &px, err);
    if (st != OMN_OK) return st;
    uint8_t *p = px.data;
    for (uint32_t y = 0; y < px.height; y++)
        for (uint32_t x = 0; x < px.width; x++)
            for (uint32_t k = 0; k < 3; k++) *p++ = (uint8_t)((x * (k + 1) + y * 3) & 255);
    *out = omn_image_give(img);
    return OMN_OK;
}

static omn_status measure(cli *c, const cli_args *a, omn_runner *r, const omn_named *in, times *t,
                          size_t n_rows, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_request *rq = calloc(n_rows, sizeof *rq);
    omn_result *out = calloc(n_rows, sizeof *out);
    if (!rq || !out) st = omn_fail(err, OMN_ERR_MEMORY, "%zu rows: out of memory", n_rows);
    for (size_t i = 0; st == OMN_OK && i < n_rows; i++)
        rq[i] = (omn_request){ OMN_FILL(omn_request), .inputs = in, .n_inputs = in ? 1 : 0,
                               .prompt = cli_text(a, "prompt"),
                               .max_tokens = (int32_t)cli_number(a, "max-tokens", 32) };
    const size_t runs = t->n;
    t->n = 0;
    for (size_t k = 0; st == OMN_OK && k <= runs && !cli_stopped(c); k++) {
        st = omn_generate_batch(r, rq, n_rows, out, err);
        double tokens = 0;
        if (st != OMN_OK) break;
        for (size_t i = 0; i < n_rows; i++) tokens += out[i].tokens + (out[i].stopped ? 1 : 0);
        if (k) {
            const double each = (double)n_rows / 1e6;
            t->prepare[t->n] = (double)out[0].prepare_ns * each;
            t->encode[t->n] = (double)out[0].encode_ns * each;
            t->token[t->n] = tokens > 0 ? (double)out[0].decode_ns * each / tokens : NAN;
            t->whole[t->n] = t->prepare[t->n] + t->encode[t->n] + (double)out[0].decode_ns * each;
            t->tokens = tokens;
            t->n++;
        }
        for (size_t i = 0; i < n_rows; i++) omn_result_fini(&out[i]);
    }
    free(rq);
    free(out);
    return st;
}

static void put_profile(const cli *c, omn_exec *x, omn_buf *b)
{
    const omn_profile_row *list = NULL;
    const size_t n = omn_exec_profile_rows(x, &list);
    if (c->format == CLI_TEXT)
        omn_buf_printf(b, "\n%-24s %-8s %8s %10s %9s\n", "operation", "device", "calls", "ms",
                       "GFLOP/s");
    else
        omn_buf_puts(b, ",\"profile\":[");
    for (size_t i = 0; i < n; i++) {
        const omn_profile_row *p = &list[i];
        if (c->format == CLI_TEXT)
            omn_buf_printf(b, "%-24s %-8s %8llu %10.3f %9.2f\n", p->op, p->device,
                           (unsigned long long)p->calls, (double)p->ns / 1e6,
                           p->ns ? (double)p->flops / (double)p->ns : 0.0);
        else
            omn_buf_printf(
                b, "%s{\"op\":\"%s\",\"device\":\"%s\",\"calls\":%llu,\"ns\":%llu,\"flops\":%llu}",
                i ? "," : "", p->op, p->device, (unsigned long long)p->calls,
                (unsigned long long)p->ns, (unsigned long long)p->flops);
    }
    if (c->format != CLI_TEXT) omn_buf_puts(b, "]");
}

static void put_kept(const cli *c, const omn_model *m, omn_buf *b)
{
    omn_kept k = { OMN_FILL(omn_kept) };
    omn_model_kept(m, &k);
    const unsigned long long made = k.made, runs = k.runs, memory = k.from_memory,
                             folder = k.from_folder, damaged = k.damaged, bytes = k.bytes;
    if (c->format == CLI_TEXT)
        omn_buf_printf(b,
                       "kept         %9.2f MB of what encoders made: of %llu inputs in %llu runs; "
                       "found %llu in memory, %llu in the folder, %llu damaged\n",
                       (double)k.bytes / 1e6, made, runs, memory, folder, damaged);
    else
        omn_buf_printf(b,
                       ",\"kept\":{\"made\":%llu,\"runs\":%llu,\"from_memory\":%llu,"
                       "\"from_folder\":%llu,\"damaged\":%llu,\"bytes\":%llu}",
                       made, runs, memory, folder, damaged, bytes);
}

static void put_times(const cli *c, omn_model *m, times *t, size_t n_rows, omn_buf *b)
{
    omn_memory memory = { OMN_FILL(omn_memory) };
    struct rusage use = { 0 };
    omn_program_memory(omn_model_program(m), &memory);
    getrusage(RUSAGE_SELF, &use);
    const double prepare = median(t->prepare, t->n), encode = median(t->encode, t->n);
    const double token = median(t->token, t->n), whole = median(t->whole, t->n);
    const double peak = (double)use.ru_maxrss * 1024;
    const bool half = omn_program_precision(omn_model_program(m)) == OMN_PRECISION_BF16;
    const char *products = half ? "bf16" : "f32";
    const char *cache = omn_type_get(omn_program_cache(omn_model_program(m)))->name;
    if (c->format == CLI_TEXT) {
        omn_buf_printf(b,
                       "model        %s on %s; products %s, caches %s, threads %u, at once %zu, "
                       "runs %zu\n",
                       omn_model_path(m), omn_context_device(c->ctx), products, cache,
                       omn_pool_threads(omn_context_pool(c->ctx)), n_rows, t->n);
        omn_buf_printf(
            b,
            "prepare      %9.3f ms\nencode       %9.3f ms\ntoken        %9.3f ms  %.0f tokens/s\n"
            "answer       %9.3f ms  %.0f tokens\n",
            prepare, encode, token, 1e3 / token, whole, t->tokens);
        omn_buf_printf(b,
                       "weights      %9.2f MB\nworkspace    %9.2f MB\nstates       %9.2f MB\npeak  "
                       "       %9.2f MB "
                       "of the whole program\n",
                       (double)memory.mapped / 1e6, (double)memory.workspace / 1e6,
                       (double)memory.states / 1e6, peak / 1e6);
        return;
    }
    omn_buf_printf(b, "{\"type\":\"bench\",\"version\":%d,\"model\":", CLI_JSON_VERSION);
    json_text(b, omn_model_path(m));
    omn_buf_puts(b, ",\"device\":");
    json_text(b, omn_context_device(c->ctx));
    omn_buf_printf(b, ",\"precision\":\"%s\",\"cache\":\"%s\"", products, cache);
    omn_buf_printf(b,
                   ",\"threads\":%u,\"rows\":%zu,\"runs\":%zu,\"prepare_ms\":%.4f,\"encode_ms\":%."
                   "4f,\"token_ms\":"
                   "%.4f,\"answer_ms\":%.4f,\"tokens\":%.0f,\"weights\":%llu,\"workspace\":%llu,"
                   "\"states\":%llu,"
                   "\"peak\":%.0f",
                   omn_pool_threads(omn_context_pool(c->ctx)), n_rows, t->n, prepare, encode,
                   isnan(token) ? 0 : token, whole, t->tokens, (unsigned long long)memory.mapped,
                   (unsigned long long)memory.workspace, (unsigned long long)memory.states, peak);
}

static omn_status run_bench(cli *c, const cli_args *a, times *t, omn_buf *b, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_model *m = NULL;
    omn_runner *r = NULL;
    omn_value *picture = NULL;
    const char *file = cli_text(a, "image");
    const size_t n_rows = (size_t)cli_number(a, "rows", 1);
    OMN_TRY(shelf_open_model(c, a->n_operands ? a->operands[0] : "nano", &m, err));
    OMN_TRY(omn_runner_new(m, &r, err));
    if (file)
        OMN_TRY(omn_value_load(c->ctx, file, "image", &picture, err));
    else if (omn_model_encoder(m, "image"))
        OMN_TRY(made_picture(&picture, err));
    const omn_named in = { "image", picture };
    omn_exec_profile(omn_runner_exec(r), cli_has(a, "profile"));
    OMN_TRY(measure(c, a, r, picture ? &in : NULL, t, n_rows, err));
    put_times(c, m, t, n_rows, b);
    if (cli_has(a, "keep") || cli_has(a, "keep-folder")) put_kept(c, m, b);
    if (cli_has(a, "profile")) put_profile(c, omn_runner_exec(r), b);
    if (c->format != CLI_TEXT) omn_buf_puts(b, "}\n");
done:
    omn_value_unref(picture);
    omn_runner_free(r);
    omn_model_close(m);
    return st;
}

static int bench(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    omn_error err = OMN_ERROR_INIT;
    omn_buf b;
    times t = { 0 };
    omn_buf_init(&b, (size_t)1 << 24);
    cli_rows(&a, &cmd_bench, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    if (code < 0 && a.n_operands > 1) code = cli_usage(c, "one model is wanted");
    if (code < 0) code = cli_session(c, &a);
    if (code >= 0) goto done;
    t.n = (size_t)cli_number(&a, "runs", 20);
    double *all = calloc(4 * t.n, sizeof *all);
    omn_status st = OMN_OK;
    if (!all) st = omn_fail(&err, OMN_ERR_MEMORY, "out of memory");
    t.prepare = all;
    t.encode = all + t.n;
    t.token = all + 2 * t.n;
    t.whole = all + 3 * t.n;
    if (st == OMN_OK) st = run_bench(c, &a, &t, &b, &err);
    code = st != OMN_OK     ? cli_failed(c, &err)
           : cli_put(c, &b) ? cli_stopped(c)
                            : cli_lost(c);
    free(all);
done:
    omn_buf_fini(&b);
    cli_args_fini(&a);
    return code;
}
