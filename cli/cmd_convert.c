/* SPDX-License-Identifier: Apache-2.0 */
/* omnio convert: a model folder whose weights lie in another layout; weights of any format as a
 * safetensors file. */
#include "cli.h"
#include "join.h"
#include "percent.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int convert(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "output", 'o', "path", "DIR", NULL, NULL, NULL, "Conversion",
      "folder to make, which is a model then" },
    { "layout", 0, "choice", "NAME", NULL, "tiles|rows", NULL, "Conversion",
      "tiles: matrices that products multiply by lie as the processor takes them; rows: the "
      "official layout, byte for byte as it was" },
    { "type", 0, "choice", "TYPE", NULL, "bf16", NULL, "Conversion",
      "with tiles: round matrices of f32 and f16 to this; there is no way back" },
    { "adapter", 0, "path", "FILE", NULL, NULL, NULL, "Conversion",
      "put adapters into the matrices that they are for, as the key lora of a recipe makes them" },
    { "rename", 0, "string", "FROM=TO,..", NULL, NULL, NULL, "Conversion",
      "of weights: names that begin with FROM begin with TO; * is one part of a name between "
      "dots" },
    { "overwrite", 0, "flag", NULL, NULL, NULL, NULL, "Conversion",
      "write into a folder that has something in it, or over the file OUT" },
};

static const cli_example examples[] = {
    { "omnio convert uio2-large -o uio2-large-tiles --layout tiles",
      "products read the weights without packing them" },
    { "omnio convert checkpoint.pth model.safetensors", "weights of another program" },
    { "omnio convert nano nano.gguf", "a model as one file, with all that it reads" },
    { "omnio convert 'checkpoint.pth?tree=model' model.safetensors",
      "and not the mean of them that lies beside" },
    { "omnio convert clip.bin rest.pt model.safetensors --rename visual.=vision_encoder.",
      "parts that were written apart, as one" },
    { "omnio convert uio2-large-tiles -o uio2-large --layout rows", "and back" },
    { "omnio convert nano -o nano-tiles --layout tiles --type bf16",
      "a model of f32, its matrices rounded" },
    { "omnio convert nano -o mine --adapter run1/adapter.safetensors",
      "a model that needs its adapters no more" },
};

const cli_command cmd_convert = {
    "convert",
    "MODEL|IN... OUT",
    "Write weights as safetensors, or a model again in another layout or with adapters in it.",
    "With two operands: the weights of IN, a file of any format that omnio list weights names, an "
    "index of shards or a folder with one of them, as one safetensors file OUT. Some megabytes of "
    "them at a time are in memory, whatever their size; types stay as they are, views become "
    "dense, each tensor gets a checksum. Of a checkpoint with nested dicts the first of model_ema, "
    "model, module, state_dict and model_state_dict is taken, and told; IN?tree=NAME takes "
    "another. Of several IN, whose tensors lie in memory as their files do, all tensors are "
    "written; of two with one name, after --rename, that of the later file.\n\n"
    "OUT.gguf is written in the format of ggml. Of a MODEL, a folder or a name, its configuration "
    "and the files that its parts read go inside, so that -m OUT.gguf opens it again; tensors keep "
    "names and bytes, those of types that GGUF lacks are refused.\n\n"
    "With --layout: official weights lie in rows and are used as they lie; a processor with AMX "
    "multiplies by them so too, others pack the matrix for each product of many rows. In tiles "
    "(32 rows by 32 columns, two tiles of 1 KiB for each 16 rows) a matrix is multiplied from the "
    "mapped file. Answers with --precision f32 are the same bit for bit. "
    "Only matrices of bf16 that the model's linear products alone read go into tiles: not "
    "tables of embeddings, heads that are tied to them, norms, biases or convolutions. What was "
    "done is told: matrices in tiles, tensors left as they were, bytes.\n\n"
    "The file stays a safetensors file: a matrix [N,K] is a BF16 tensor "
    "[ceil(N/32),ceil(K/32),2,16,16,2], zero beyond N and K, that begins at a multiple of 64 "
    "bytes. The entry omnio.tiles of __metadata__ names these tensors with N and K, omnio.rows "
    "holds the header that the file had, from which --layout rows makes the file as it was. "
    "Devices that know no tiles get rows, and so does training.\n\n"
    "With --adapter each matrix W becomes W + scale B A of its adapter and keeps its type, to "
    "which the sum is rounded.\n\n"
    "All else in the folder is copied but hidden files and checkpoints of a training; shards stay "
    "shards. After a failure no new file is left.",
    CLI_ROWS(rows),
    CLI_FORMAT,
    CLI_ROWS(examples),
    "omnio-inspect(1), omnio-bench(1)",
    "file",
    convert
};

static void plural(omn_buf *b, uint64_t n, const char *one, const char *more)
{
    omn_buf_printf(b, "%llu %s", (unsigned long long)n, n == 1 ? one : more);
}

static void put_done(const cli *c, const char *folder, bool tiles, const omn_converted *d,
                     omn_buf *b)
{
    if (d->merged && c->format == CLI_TEXT) {
        omn_buf_printf(b, "%s: ", folder);
        plural(b, d->merged, "matrix has", "matrices have");
        omn_buf_puts(b, " an adapter inside, ");
        plural(b, d->left, "tensor", "tensors");
        omn_buf_printf(b, " as before, %.2f MB\n", (double)d->bytes / 1e6);
        return;
    }
    if (c->format != CLI_TEXT) {
        omn_buf_printf(b, "{\"type\":\"converted\",\"version\":%d,\"path\":", CLI_JSON_VERSION);
        json_text(b, folder);
        omn_buf_printf(b,
                       ",\"layout\":\"%s\",\"tiles\":%llu,\"rounded\":%llu,\"rows\":%llu,"
                       "\"other_type\":%llu,\"left\":%llu,\"bytes\":%llu,\"files\":%llu,"
                       "\"merged\":%llu}\n",
                       tiles ? "tiles" : "rows", (unsigned long long)d->tiles,
                       (unsigned long long)d->rounded, (unsigned long long)d->rows,
                       (unsigned long long)d->other_type, (unsigned long long)d->left,
                       (unsigned long long)d->bytes, (unsigned long long)d->files,
                       (unsigned long long)d->merged);
        return;
    }
    omn_buf_printf(b, "%s: ", folder);
    plural(b, tiles ? d->tiles : d->rows, "matrix", "matrices");
    omn_buf_printf(b, " in %s, ", tiles ? "tiles" : "rows again");
    plural(b, d->left + d->other_type, "tensor", "tensors");
    omn_buf_printf(b, " as before, %.2f MB\n", (double)d->bytes / 1e6);
    if (d->rounded) {
        plural(b, d->rounded, "matrix was", "matrices were");
        omn_buf_puts(b, " rounded to bf16, each value by up to 0.2 %; there is no way back\n");
    }
    if (d->other_type) {
        plural(b, d->other_type, "matrix of products is not bf16 and stays",
               "matrices of products are not bf16 and stay");
        omn_buf_puts(b, " in rows (--type bf16 would round)\n");
    }
}

static int work(cli *c, const cli_args *a)
{
    omn_error err = OMN_ERROR_INIT;
    omn_call *call = NULL;
    const bool tiles = cli_has(a, "layout") && !strcmp(cli_text(a, "layout"), "tiles");
    const omn_convert_setup how = { OMN_FILL(omn_convert_setup),
                                    .layout = tiles ? OMN_LAYOUT_TILES : OMN_LAYOUT_ROWS,
                                    .round = cli_has(a, "type"),
                                    .overwrite = cli_has(a, "overwrite"),
                                    .adapter = cli_text(a, "adapter") };
    omn_converted done = { OMN_FILL(omn_converted) };
    percent s = { c, "converting", -1 };
    const omn_call_setup setup = { OMN_FILL(omn_call_setup), .cancel = c->cancel,
                                   .progress = percent_show, .progress_user = &s };
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    int code = 0;
    cli_catch_bus();
    cli_keep(c, true); /* it hears at the next tensor, and takes away what it wrote */
    omn_status st = omn_call_new(&setup, &call, &err);
    if (st == OMN_OK)
        st = omn_model_convert(c->ctx, call, a->operands[0], cli_text(a, "output"), &how, &done,
                               &err);
    cli_keep(c, false);
    cli_progress(c, NULL);
    if (st != OMN_OK) {
        code = cli_stopped(c) ? cli_stopped(c) : cli_failed(c, &err);
    } else {
        put_done(c, cli_text(a, "output"), tiles, &done, &b);
        if (!cli_put(c, &b)) code = cli_lost(c);
    }
    omn_call_free(call);
    omn_buf_fini(&b);
    return code;
}

/* ---- a file of weights ---------------------------------------------------------------------- */

static const char *out_of(const cli_args *a) { return a->operands[a->n_operands - 1]; }

static int check_copy(cli *c, const cli_args *a)
{
    if (cli_text(a, "output") || cli_text(a, "layout") || cli_text(a, "type") ||
        cli_text(a, "adapter"))
        return cli_usage(c, "IN and OUT go without --output, --layout, --type and --adapter");
    if (cli_text(a, "rename") && !join_rules(cli_text(a, "rename")))
        return cli_usage(c, "--rename is FROM=TO, several with commas between, with no more stars "
                            "in TO than in FROM");
    return -1;
}

/* Which formats can be written the plugins say. */
static int check_out(cli *c, const cli_args *a)
{
    static const char tail[] = ".safetensors";
    const size_t n = strlen(out_of(a)), m = sizeof tail - 1;
    if (n > m && strcmp(out_of(a) + n - m, tail) == 0) return -1;
    if (!omn_weights_writes(c->ctx, out_of(a)))
        return cli_usage(c, "OUT is the name of a file that ends in .safetensors or .gguf");
    if (a->n_operands > 2 || cli_text(a, "rename"))
        return cli_usage(c, "several IN and --rename go with OUT.safetensors, which can be "
                            "converted then");
    return -1;
}

/* A model, which becomes one file with all that it reads; else weights alone. */
static bool is_model(const cli *c, const cli_args *a)
{
    struct stat s;
    return a->n_operands == 2 && omn_weights_writes(c->ctx, out_of(a)) &&
           !(stat(a->operands[0], &s) == 0 && S_ISREG(s.st_mode));
}

static omn_status pack(cli *c, const cli_args *a, omn_call *call, omn_weights_copied *copied,
                       omn_error *err)
{
    const omn_convert_setup how = { OMN_FILL(omn_convert_setup), .layout = OMN_LAYOUT_BLOCKS,
                                    .overwrite = cli_has(a, "overwrite") };
    omn_converted done = { OMN_FILL(omn_converted) };
    const omn_status st = omn_model_convert(c->ctx, call, a->operands[0], out_of(a), &how, &done,
                                            err);
    copied->tensors = done.left;
    copied->bytes = done.bytes;
    return st;
}

static void put_copied(const cli *c, const char *path, const omn_weights_copied *d, omn_buf *b)
{
    if (c->format == CLI_TEXT) {
        omn_buf_printf(b, "%s: ", path);
        plural(b, d->tensors, "tensor", "tensors");
        omn_buf_printf(b, ", %.2f MB\n", (double)d->bytes / 1e6);
        return;
    }
    omn_buf_printf(b, "{\"type\":\"converted\",\"version\":%d,\"path\":", CLI_JSON_VERSION);
    json_text(b, path);
    omn_buf_printf(b, ",\"tensors\":%llu,\"bytes\":%llu}\n", (unsigned long long)d->tensors,
                   (unsigned long long)d->bytes);
}

static int copy(cli *c, const cli_args *a)
{
    omn_error err = OMN_ERROR_INIT;
    omn_call *call = NULL;
    omn_weights_copied done = { OMN_FILL(omn_weights_copied) };
    percent s = { c, "converting", -1 };
    const omn_call_setup setup = { OMN_FILL(omn_call_setup), .cancel = c->cancel,
                                   .progress = percent_show, .progress_user = &s };
    omn_buf b;
    omn_buf_init(&b, 1 << 16);
    int code = 0;
    cli_catch_bus();
    cli_keep(c, true); /* it hears at the next piece, and leaves no file */
    omn_status st = omn_call_new(&setup, &call, &err);
    const omn_overwrite over = cli_has(a, "overwrite") ? OMN_OVERWRITE : OMN_KEEP_EXISTING;
    const char *rules = cli_text(a, "rename");
    if (st == OMN_OK && is_model(c, a))
        st = pack(c, a, call, &done, &err);
    else if (st == OMN_OK && a->n_operands == 2 && !rules)
        st = omn_weights_copy(c->ctx, call, a->operands[0], out_of(a), over, &done, &err);
    else if (st == OMN_OK)
        st = join_files(c->ctx, (const char *const *)a->operands, a->n_operands - 1,
                        rules ? rules : "", out_of(a), over, &done, &err);
    cli_keep(c, false);
    cli_progress(c, NULL);
    if (st != OMN_OK) {
        code = cli_stopped(c) ? cli_stopped(c) : cli_failed(c, &err);
    } else {
        put_copied(c, out_of(a), &done, &b);
        if (!cli_put(c, &b)) code = cli_lost(c);
    }
    omn_call_free(call);
    omn_buf_fini(&b);
    return code;
}

static int convert(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    cli_rows(&a, &cmd_convert, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    if (code < 0 && a.n_operands >= 2) {
        code = check_copy(c, &a);
        if (code < 0) code = cli_session(c, &a);
        if (code < 0) code = check_out(c, &a);
        if (code < 0) code = copy(c, &a);
        cli_args_fini(&a);
        return code;
    }
    if (code < 0 && a.n_operands != 1) code = cli_usage(c, "one model is wanted, or IN and OUT");
    if (code < 0 && cli_text(&a, "rename")) code = cli_usage(c, "--rename goes with IN and OUT");
    if (code < 0 && !cli_text(&a, "output")) code = cli_usage(c, "-o DIR, a folder, is wanted");
    if (code < 0 && !cli_text(&a, "layout") == !cli_text(&a, "adapter"))
        code = cli_usage(c, cli_text(&a, "layout") ? "--adapter goes without --layout"
                                                   : "--layout tiles, --layout rows or --adapter "
                                                     "FILE is wanted");
    if (code < 0 && cli_has(&a, "type") &&
        (cli_has(&a, "adapter") || strcmp(cli_text(&a, "layout"), "tiles")))
        code = cli_usage(c, "--type goes with --layout tiles");
    if (code < 0) code = cli_session(c, &a);
    if (code < 0) code = work(c, &a);
    cli_args_fini(&a);
    return code;
}
