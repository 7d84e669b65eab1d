/* SPDX-License-Identifier: Apache-2.0 */
/* task_ids MODEL TASKS: the ids of every prompt of the table of tasks, by libsentencepiece alone and
 * the pieces that Unified-IO 2 adds to a model of SentencePiece. Compares them with those that
 * stand in the table and prints a TAP line for each row; with --write before MODEL it prints the
 * table with the right ones instead. Compiled and run by tests/pipeline/task_ids.sh. */
#include <jansson.h>
#include <sentencepiece_processor.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

static const std::string space = "\xe2\x96\x81";

/* One more piece in the file's own format: field 1 of the model, with its text, and type 4, which is
 * "user defined"; the words of a piece are joined as SentencePiece joins them. */
static void add_piece(std::string &model, const std::string &text)
{
    std::string piece;
    for (const std::string word = space + text; piece.empty();)
        for (const char c : word) c == ' ' ? piece += space : piece += c;
    std::string body = "\x0a" + std::string(1, static_cast<char>(piece.size())) + piece +
                       std::string("\x15\0\0\0\0\x18\x04", 7);
    model += "\x0a" + std::string(1, static_cast<char>(body.size())) + body;
}

static void add_pieces(std::string &model)
{
    for (int i = 1199; i >= 0; i--) add_piece(model, "<extra_id_" + std::to_string(i) + ">");
    for (int i = 1; i <= 8; i++) {
        add_piece(model, "<image_history_" + std::to_string(i) + ">");
        add_piece(model, "<audio_history_" + std::to_string(i) + ">");
    }
    for (const char *name : { "<image_input>", "<audio_input>", "[Text] [S]", "[Text] [R]",
                              "[Text] [X]", "[Image] [S]", "[Image] [R]", "[Audio] [S]",
                              "[Audio] [R]" })
        add_piece(model, name);
}

/* The beginning, the end and what is unknown are numbered anew: 0, 1, 2. */
static std::vector<int> encode(const sentencepiece::SentencePieceProcessor &sp,
                               const std::string &text)
{
    std::vector<int> ids = sp.EncodeAsIds(text);
    for (int &id : ids) id = id == sp.unk_id() ? 2 : id == sp.bos_id() ? 0 : id == sp.eos_id() ? 1 : id;
    ids.push_back(1);
    return ids;
}

/* Every object with a "prompt" gets its "ids"; false: it had others. */
static bool walk(const sentencepiece::SentencePieceProcessor &sp, json_t *at)
{
    bool same = true;
    const char *key;
    json_t *v;
    size_t i;
    if (json_is_array(at)) json_array_foreach(at, i, v) same = walk(sp, v) && same;
    if (!json_is_object(at)) return same;
    json_object_foreach(at, key, v) same = walk(sp, v) && same;
    const char *prompt = json_string_value(json_object_get(at, "prompt"));
    if (!prompt) return same;
    json_t *ids = json_array();
    for (const int id : encode(sp, prompt)) json_array_append_new(ids, json_integer(id));
    same = json_equal(ids, json_object_get(at, "ids")) && same;
    json_object_set_new(at, "ids", ids);
    return same;
}

int main(int argc, char **argv)
{
    const bool writes = argc == 4 && !strcmp(argv[1], "--write");
    if (argc != (writes ? 4 : 3)) return 2;
    std::ifstream file(argv[argc - 2], std::ios::binary), table(argv[argc - 1]);
    std::stringstream bytes;
    bytes << file.rdbuf();
    std::string model = bytes.str(), line;
    add_pieces(model);
    sentencepiece::SentencePieceProcessor sp;
    if (!sp.LoadFromSerializedProto(model).ok()) return 1;
    int n = 0;
    bool fine = true;
    while (std::getline(table, line)) {
        json_error_t why;
        json_t *row = json_loads(line.c_str(), 0, &why);
        if (!row) {
            std::cerr << "line " << n + 1 << ": " << why.text << "\n";
            return 1;
        }
        const bool same = walk(sp, row);
        const char *name = json_string_value(json_object_get(row, "row"));
        n++;
        fine = fine && same;
        char *text = json_dumps(row, JSON_COMPACT);
        if (writes) std::cout << text << "\n";
        else std::cout << (same ? "ok " : "not ok ") << n << " - " << (name ? name : "?") << "\n";
        free(text);
        json_decref(row);
    }
    if (!writes) std::cout << "1.." << n << "\n";
    return writes || fine ? 0 : 1;
}
