/* SPDX-License-Identifier: Apache-2.0 */
/* omnio new: the project of a plugin that builds and passes its own test, the folder of a model
 * that is to be trained, or random weights for a folder that has none. */
#include "cli.h"
#include "new_model.h"
#include "new_weights.h"

#include <string.h>

static int new_project(cli *c, int argc, char **argv);

static const cli_option rows[] = {
    { "kind", 0, "choice", "KIND", "operation",
      "operation|format|encoder|decoder|codec|model|source|op|compute|value|answer", NULL,
      "Project", "what the plugin offers" },
    { "output", 'o', "path", "DIR", NULL, NULL, NULL, "Project",
      "folder to make [the operand]" },
    { "texts", 0, "path", "FILE", NULL, NULL, NULL, "Model",
      "texts of which the tokenizer is learnt, UTF-8; more may follow" },
    { "pieces", 0, "int", "N", "2000", "300..65536", NULL, "Model",
      "pieces of the tokenizer, at most" },
    { "width", 0, "int", "N", "192", "32..8192", NULL, "Model",
      "width of the layers, a multiple of 32" },
    { "layers", 0, "int", "N", "3", "1..64", NULL, "Model",
      "layers of the encoder and of the decoder" },
    { "image-size", 0, "int", "PX", "128", "16..1024", NULL, "Model",
      "side of the pictures that it looks at, a multiple of 16" },
    { "seed", 's', "int64", "N", "1", "0..", NULL, "Weights",
      "the same seed makes the same weights" },
    { "to", 0, "choice", "FORM", "bf16", "f32|bf16|f16|q8_0|q4_0|q4_K|q6_K", NULL, "Weights",
      "the form of the matrices; with blocks all else is bf16" },
    { "overwrite", 0, "flag", NULL, NULL, NULL, NULL, "Weights",
      "in place of a model.safetensors that is there" },
};

static const cli_example examples[] = {
    { "omnio new plugin brighter --kind operation", "then: cd brighter && make check" },
    { "omnio new model mine --texts texts.txt", "then: a recipe with model: ./mine" },
    { "omnio new weights mine --to q8_0", "a model to measure: omnio bench ./mine" },
};

const cli_command cmd_new = {
    "new",
    "plugin NAME | model DIR | weights DIR",
    "Write the project of a new plugin, the folder of a new model, or random weights for one.",
    "The project of a plugin needs nothing but make, a C compiler and pkg-config omnio.\n\n"
    "A model's folder has a configuration of the family uio2, which reads texts and pictures and "
    "writes texts, and a tokenizer that is learnt from the texts by byte-pair encoding: a space "
    "belongs to the word behind it, digits stand alone, characters that hardly ever occur are "
    "spelt in bytes. The same texts give the same tokenizer. It has no weights: omnio train makes "
    "them.\n\n"
    "Weights are written for a folder that has a configuration (of any family) and none of them: "
    "model.safetensors, with every tensor that the model can read, drawn as a training from "
    "nothing draws them. Answers mean nothing then; what opening, memory and speed are for a "
    "model of this size can be measured before there is one that was trained.",
    CLI_ROWS(rows),
    CLI_FORMAT,
    CLI_ROWS(examples),
    "omnio-plugin(7), omnio-recipe(5), omnio-train(1)",
    NULL,
    new_project
};

static int new_project(cli *c, int argc, char **argv)
{
    cli_args a = { 0 };
    omn_error err = OMN_ERROR_INIT;
    cli_rows(&a, &cmd_new, NULL, 0);
    int code = cli_parse(c, &a, argc, argv, CLI_ALL);
    const bool model = code < 0 && a.n_operands >= 2 && !strcmp(a.operands[0], "model");
    const bool weights = code < 0 && a.n_operands == 2 && !strcmp(a.operands[0], "weights");
    if (code < 0 && !model && !weights && (a.n_operands != 2 || strcmp(a.operands[0], "plugin")))
        code = cli_usage(c, "\"plugin\" and a name, \"model\" and a folder, or \"weights\" and a "
                            "folder are wanted, as in: omnio new plugin brighter");
    if (code < 0) code = cli_session(c, &a);
    if (code >= 0) goto done;
    if (model || weights) {
        cli_keep(c, true);
        code = model ? new_model(c, &a) : new_weights(c, &a);
        goto done;
    }
    const char *folder = cli_text(&a, "output") ? cli_text(&a, "output") : a.operands[1];
    cli_keep(c, true);
    if (omn_plugin_project(c->ctx, cli_text(&a, "kind"), a.operands[1], folder, &err) != OMN_OK)
        code = cli_failed(c, &err);
    else
        code = cli_puts(c, folder) && cli_puts(c, "\n") ? 0 : cli_lost(c);
    if (!code && !c->quiet) cli_say(c, "next: cd %s && make check", folder);
done:
    cli_args_fini(&a);
    return code;
}
