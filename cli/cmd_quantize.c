/* SPDX-License-Identifier: Apache-2.0 */
/* omnio quantize: a model folder whose matrices are stored in fewer bits. */
#include "cli.h"
#include "percent.h"
#include "weigh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int quantize(cli *c, int argc, char **argv);

#define FORMS "q8_0|q4_0|q4_K|q6_K|bf16|f16"

static const cli_option rows[] = {
    { "to", 0, "choice", "FORM", NULL, FORMS, NULL, "Quantisation",
      "the form of the matrices; without it only those of --only change" },
    { "only", 0, "string", "GLOB=FORM", NULL, NULL, NULL, "Quantisation",
      "matrices whose names match GLOB (* is any part of a name between dots, ** of all of it) get "
      "FORM, which may be keep; the first that matches counts, before --to; may be repeated" },
    { "task", 0, "string", "PIPELINE", NULL, NULL, NULL, "Importance",
      "what the model is asked about each line of --batch before it is quantised; may be "
      "repeated" },
    { "batch", 0, "path", "FILE", NULL, NULL, NULL, "Importance",
      "one JSON object of inputs a line, as omnio run --batch takes; paths are relative to FILE" },
    { "importance", 0, "path", "RECIPE", NULL, NULL, NULL, "Importance",
      "in place of --task and --batch: what the model is asked is the tasks of this recipe, on "
      "held-out examples; what they want is not looked at" },
    { "examples", 0, "int", "N", "50", "1..1000000", NULL, "Importance",
      "of --importance: most examples of each task" },
    { "memory", 0, "int", "MB", "512", "1..1000000", NULL, "Importance",
      "what the inputs of one item may take" },
    { "overwrite", 0, "flag", NULL, NULL, NULL, NULL, "Quantisation",
      "write into a folder that has something in it" },
};

static const cli_example examples[] = {
    { "omnio quantize uio2-large uio2-large-q8 --to q8_0", "half of what bf16 takes" },
    { "omnio quantize nano nano-q8.gguf --to q8_0", "one file that is a model by itself" },
    { "omnio quantize uio2-large uio2-large-q4 --to q4_K --only '**embedder.*=q6_K'",
      "a third, and what matters most in more bits" },
    { "omnio quantize nano nano-q4 --to q4_0 --task caption --task detect --batch photos.jsonl",
      "errors go where they matter least on one's own pictures" },
    { "omnio quantize nano nano-q4 --to q4_0 --importance models/nano/recipe.yaml",
      "the same by the tasks that it learnt" },
};

const cli_command cmd_quantize = {
    "quantize",
    "MODEL DIR|FILE.gguf",
    "Write a model again with its matrices in fewer bits.",
    "The matrices that products multiply by and the tables that embeddings are looked up in get "
    "another form; all else stays as it is: norms, biases, convolutions, positions that are added, "
    "codebooks. The forms and their bytes are those of GGUF: q8_0 (8.5 bits a weight), q6_K (6.6), "
    "q4_K and q4_0 (4.5); bf16 and f16 are possible too. A row of a matrix that is no multiple of "
    "256 gets q4_0 where q4_K is wanted, and q8_0 for q6_K; no multiple of 32, and it stays. What "
    "became of how many is told.\n\n"
    "The file stays a safetensors file: a matrix in q8_0 is a tensor of U8, and the entry "
    "omnio.blocks of __metadata__ says the form of each. The model is used as before: its matrices "
    "are read as they lie, from the mapped file, and memory and its traffic shrink with them. "
    "Training starts from such a model, too, and makes f32 of it.\n\n"
    "With --task and --batch the model first answers one's own inputs, with --importance the "
    "held-out examples of a recipe; the mean square of what "
    "each column of a matrix is multiplied by weighs its errors when scales are chosen (what "
    "llama.cpp calls an importance matrix). q4_0, q4_K and q6_K take it; tables that are only "
    "looked up in, and matrices that no answer used, are quantised as without. A few hundred lines "
    "like the inputs to come are enough.\n\n"
    "With --precision f32 every product is that with the matrix brought into f32; with bf16, "
    "products of more than 8 rows round it to bf16. How much worse the answers are is seen with "
    "omnio compare and "
    "omnio eval.\n\n"
    "With the name of a GGUF file instead of a folder the model becomes that file, its "
    "configuration and what its parts read inside; it is used by the path of the file, -m "
    "FILE.gguf.\n\n"
    "All else in the folder is copied as omnio convert does. A model is quantised from its "
    "official weights; one that is quantised already is refused.",
    CLI_ROWS(rows),
    CLI_FORMAT,
    CLI_ROWS(examples),
    "omnio-convert(1), omnio-compare(1), omnio-eval(1)",
    "file",
    quantize
};

/* ---- the rows of forms ---------------------------------------------------------------------- */

typedef struct forms {
    omn_form_row *row;
    char **names; /* owned copies of the globs */
    size_t n;
} forms;

static void forms_free(forms *f)
{
    for (size_t i = 0; i < f->n; i++) free(f->names[i]);
    free(f->names);
    free(f->row);
}

/* false: it is no form that matrices can have. */
static bool form_read(const char *word, bool keep, omn_type *out)
{
    const char *p = strstr("|" FORMS "|", word);
    *out = OMN_TYPE_NONE;
    if (keep && !strcmp(word, "keep")) return true;
    const size_t n = strlen(word);
    if (!n || strchr(word, '|') || !p || p[-1] != '|' || p[n] != '|') return false;
    *out = omn_type_parse(word);
    return true;
}

static int no_memory(cli *c)
{
    omn_error err = OMN_ERROR_INIT;
    (void)omn_fail(&err, OMN_ERR_MEMORY, "no memory for the forms of --only");
    return cli_failed(c, &err);
}

static int forms_read(cli *c, const cli_args *a, forms *f)
{
    const size_t n = cli_count(a, "only");
    const char *to = cli_text(a, "to");
    f->row = calloc(n + 1, sizeof *f->row);
    f->names = calloc(n + 1, sizeof(char *));
    if (!f->row || !f->names) return no_memory(c);
    for (size_t i = 0; i < n; i++) {
        const char *text = cli_nth(a, "only", i), *eq = strrchr(text, '=');
        if (!eq || eq == text || !form_read(eq + 1, true, &f->row[i].form))
            return cli_usage(c, "--only %s: GLOB=FORM is wanted, FORM one of " FORMS "|keep", text);
        f->names[f->n] = strndup(text, (size_t)(eq - text));
        if (!f->names[f->n]) return no_memory(c);
        f->row[i].names = f->names[f->n++];
    }
    if (to) {
        f->row[n] = (omn_form_row){ .names = "**" };
        (void)form_read(to, false, &f->row[n].form); /* it was checked against the choice */
    }
    return -1;
}

/* ---- the work ------------------------------------------------------------------------------- */

static void put_done(const cli *c, const char *folder, const omn_converted *d, omn_buf *b)
{
    if (c->format != CLI_TEXT) {
        omn_buf_printf(b, "{\"type\":\"quantized\",\"version\":%d,\"path\":", CLI_JSON_VERSION);
        json_text(b, folder);
        omn_buf_printf(b,
                       ",\"formed\":%llu,\"weighed\":%llu,\"coarse\":%llu,\"odd\":%llu,"
                       "\"left\":%llu,"
                       "\"bytes_before\":%llu,\"bytes\":%llu,\"files\":%llu}\n",
                       (unsigned long long)d->formed, (unsigned long long)d->weighed,
                       (unsigned long long)d->coarse,
                       (unsigned long long)d->odd, (unsigned long long)d->left,
                       (unsigned long long)d->before, (unsigned long long)d->bytes,
                       (unsigned long long)d->files);
        return;
    }
    omn_buf_printf(b, "%s: %llu matri%s quantised, %llu tensor%s as before, %.2f MB of %.2f MB\n",
                   folder, (unsigned long long)d->formed, d->formed == 1 ? "x" : "ces",
                   (unsigned long long)d->left, d->left == 1 ? "" : "s", (double)d->bytes / 1e6,
                   (double)d->before / 1e6);
    if (d->weighed)
        omn_buf_printf(b, "%llu of them by the importance of their columns\n",
                       (unsigned long long)d->weighed);
    if (d->coarse)
        omn_buf_printf(b,
                       "%llu of them have rows that are no multiple of 256: q4_0 for q4_K, q8_0 "
                       "for q6_K\n",
                       (unsigned long long)d->coarse);
    if (d->odd)
        omn_buf_printf(b, "%llu matri%s with rows that are no multiple of 32 stay%s\n",
                       (unsigned long long)d->odd, d->odd == 1 ? "x" : "ces",
                       d->odd == 1 ? "s" : "");
}

static int work(cli *c, const cli_args *a, const forms *f, omn_importance *importance)
{
    omn_error err = OMN_ERROR_INIT;
    omn_call *call = NULL;
    const omn_convert_setup how = { OMN_FILL(omn_convert_setup), .layout = OMN_LAYOUT_BLOCKS,
                                    .overwrite = cli_has(a, "overwrite"), .forms = f->row,
                                    .importance = importance,
                                    .n_forms = cli_count(a, "only") + cli_has(a, "to") };
    omn_converted done = { OMN_FILL(omn_converted) };
    percent s = { c, "quantising", -1 };
    const omn_call_setup setup = { OMN_FILL(omn_call_setup), .cancel = c->cancel,
                                   .pool = omn_context_pool(c->ctx), .progress = percent_show,
                                   .progress_user = &s };
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    int code = 0;
    cli_catch_bus();
    cli_keep(c, true); /* it hears at the next tensor, and takes away what it wrote */
    omn_status st = omn_call_new(&setup, &call, &err);
    if (st == OMN_OK)
        st = omn_model_convert(c->ctx, call, a->operands[0], a->operands[1], &how, &done, &err);
    cli_keep(c, false);
    cli_progress(c, NULL);
    if (st != OMN_OK) {
        code = cli_stopped(c) ? cli_stopped(c) : cli_failed(c, &err);
    } else {
        put_done(c, a->operands[1], &done, &b);
        if (!cli_put(c, &b)) code = cli_lost(c);
    }
    omn_call_free(call);
    omn_buf_fini(&b);
    return code;
}

/* With --task and --batch, or --importance, the columns are weighed first. */
static int weighed_work(cli *c, cli_args *a, const forms *f)
{
    omn_error err = OMN_ERROR_INIT;
    omn_importance *m = NULL;
    const bool recipe = cli_has(a, "importance");
    if (!cli_has(a, "batch") && !recipe) return work(c, a, f, NULL);
    if (omn_importance_new(&m, &err) != OMN_OK) return cli_failed(c, &err);
    int code = recipe ? weigh_recipe(c, a, a->operands[0], m) : weigh_run(c, a, a->operands[0], m);
    if (code < 0) code = work(c, a, f, m);
    omn_importance_free(m);
    return code;
}

static int quantize(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    forms f = { NULL, NULL, 0 };
    cli_rows(&a, &cmd_quantize, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    if (code < 0 && a.n_operands != 2)
        code = cli_usage(c, "a model is wanted, and the folder or file to write");
    if (code < 0 && !cli_has(&a, "to") && !cli_has(&a, "only"))
        code = cli_usage(c, "--to FORM or --only GLOB=FORM is wanted");
    if (code < 0 && !cli_has(&a, "batch") != !cli_has(&a, "task"))
        code = cli_usage(c, "--task and --batch go together");
    if (code < 0 && cli_has(&a, "batch") && cli_has(&a, "importance"))
        code = cli_usage(c, "--importance stands in place of --task and --batch");
    if (code < 0 && cli_has(&a, "batch") && !strcmp(cli_text(&a, "batch"), "-") &&
        cli_count(&a, "task") > 1)
        code = cli_usage(c, "standard input can be read for one --task alone");
    if (code < 0) code = forms_read(c, &a, &f);
    if (code < 0) code = cli_session(c, &a);
    if (code < 0) code = weighed_work(c, &a, &f);
    forms_free(&f);
    cli_args_fini(&a);
    return code;
}
