/* SPDX-License-Identifier: Apache-2.0 */
/* reference PLUGIN MODEL...: every model file through libsentencepiece and through the plugin's
 * door: the ids of a megabyte of generated text (several scripts, odd spaces, emoji, combining
 * marks, long words, user-defined symbols) and of random bytes, in long and short strings, and the
 * texts of ids, random ones included, must be the same; an eighth of it for files named odd_.
 * Prints one TAP line a model. Compiled and run by tests/codec/reference.sh. */
#include <omnio/kinds.h>

#include <dlfcn.h>
#include <sentencepiece_processor.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

static uint64_t state = 20240229;

static uint32_t between(uint32_t lo, uint32_t hi)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return lo + static_cast<uint32_t>((state >> 32) % (hi - lo + 1));
}

static void put(std::string &out, uint32_t c)
{
    if (c < 0x80) {
        out += static_cast<char>(c);
        return;
    }
    const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint32_t head[] = { 0, 0xc0, 0xe0, 0xf0 };
    out += static_cast<char>(head[more] | c >> (6 * more));
    for (int i = more; i-- > 0;) out += static_cast<char>(0x80 | (c >> (6 * i) & 63));
}

static std::string generate(size_t n)
{
    static const char *const words[] = {
        "the",    "cube",  "What",          "colour", "is",           "Generate", "<extra_id_5>",
        "[Text]", "[S]",   "<image_input>", "region", "\xe2\x96\x81", "<0x41>",   "</s>",
        "<s>",    "<unk>", "hello",         "2023",   "3.14",         "shiny",    "world",
    };
    static const uint32_t scripts[][2] = {
        { 0x400, 0x4ff },   { 0x4e00, 0x9fff }, { 0x1f300, 0x1f6ff },  { 0xac00, 0xd7a3 },
        { 0x600, 0x6ff },   { 0x900, 0x97f },   { 0xff00, 0xffef },    { 0x2000, 0x206f },
        { 0x3040, 0x30ff }, { 0xe00, 0xe7f },   { 0x2100, 0x214f },    { 0x2460, 0x24ff },
        { 0xc0, 0x17f },    { 1, 0xff },        { 0x10000, 0x10ffff },
    };
    std::string out;
    while (out.size() < n) {
        const uint32_t kind = between(0, 9);
        if (kind < 4) out += words[between(0, sizeof words / sizeof *words - 1)];
        if (kind == 4) out.append(between(1, 4), ' ');
        if (kind == 5)
            for (uint32_t k = between(1, between(1, 9) == 9 ? 200 : 12); k > 0; k--)
                put(out, between('a', 'z'));
        if (kind == 6) {
            put(out, between('a', 'z'));
            put(out, between(0x300, 0x36f));
        }
        if (kind > 6) {
            const uint32_t *s = scripts[between(0, sizeof scripts / sizeof *scripts - 1)];
            for (uint32_t k = between(1, 4); k > 0; k--) put(out, between(s[0], s[1]));
        }
        if (between(0, 2) == 0) out += ' ';
    }
    return out;
}

static std::string random_bytes(size_t n)
{
    std::string out;
    for (size_t i = 0; i < n; i++) out += static_cast<char>(between(0, 255));
    return out;
}

struct Ours {
    const omn_codec_impl *impl = nullptr;
    void *self = nullptr;
    std::vector<int32_t> room = std::vector<int32_t>(1 << 22);
};

static bool open_ours(const omn_plugin *plugin, const char *path, Ours *out)
{
    const omn_object *o = &plugin->objects[0];
    std::vector<char> params(o->params_size);
    for (uint32_t i = 0; i < o->n_params; i++) {
        const omn_param &p = o->params[i];
        const char *path_text = path;
        if (std::strcmp(p.name, "file") == 0)
            std::memcpy(params.data() + p.offset, &path_text, sizeof path_text);
        /* all else is off, as the library decodes beyond the end piece; only this is on there */
        if (std::strcmp(p.name, "legacy") == 0) params[p.offset] = 1;
    }
    omn_error err = OMN_ERROR_INIT;
    out->impl = static_cast<const omn_codec_impl *>(o->impl);
    const bool good = out->impl->open(nullptr, params.data(), nullptr, &out->self, &err) == OMN_OK;
    if (!good) std::printf("# %s\n", err.text);
    return good;
}

static size_t wrong, compared;

static void complain(const char *what, const std::string &text)
{
    if (wrong++ >= 3) return;
    std::printf("# %s differ for", what);
    for (size_t i = 0; i < text.size() && i < 60; i++)
        std::printf(" %02x", static_cast<unsigned char>(text[i]));
    std::printf("\n");
}

static void same_text(const sentencepiece::SentencePieceProcessor &lib, const Ours &ours,
                      const std::vector<int> &ids, const std::string &from)
{
    std::string want;
    omn_buf got;
    omn_buf_init(&got, static_cast<size_t>(1) << 30);
    lib.Decode(ids, &want);
    ours.impl->decode(ours.self, ids.data(), ids.size(), &got, nullptr);
    if (want != std::string(got.data != nullptr ? got.data : "", got.length))
        complain("texts", from);
    omn_buf_fini(&got);
}

static void compare(const sentencepiece::SentencePieceProcessor &lib, Ours *ours,
                    const std::string &text)
{
    std::vector<int> want;
    size_t n = 0;
    lib.Encode(text, &want);
    omn_error err = OMN_ERROR_INIT;
    ours->impl->encode(ours->self, text.data(), text.size(), ours->room.data(), ours->room.size(),
                       &n, &err);
    compared += text.size();
    if (want != std::vector<int>(ours->room.begin(), ours->room.begin() + static_cast<long>(n)))
        complain("ids", text);
    same_text(lib, *ours, want, text);
}

int main(int argc, char **argv)
{
    void *so = argc > 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : nullptr;
    const omn_plugin *plugin =
        so != nullptr ? static_cast<omn_plugin *>(dlsym(so, "omnio_plugin")) : nullptr;
    if (plugin == nullptr) {
        std::printf("Bail out! %s\n", argc > 2 ? dlerror() : "usage: reference PLUGIN MODEL...");
        return 1;
    }
    std::printf("1..%d\n", argc - 2);
    for (int a = 2; a < argc; a++) {
        sentencepiece::SentencePieceProcessor lib;
        Ours ours;
        wrong = compared = 0;
        const bool opened = lib.Load(argv[a]).ok() && open_ours(plugin, argv[a], &ours);
        for (int i = 0; opened && i < 300; i++) {
            compare(lib, &ours, generate(between(0, 120)));
            compare(lib, &ours, random_bytes(between(0, 60)));
            std::vector<int> ids(between(0, 40));
            for (int &id : ids)
                id = static_cast<int>(between(0, static_cast<uint32_t>(lib.GetPieceSize()) - 1));
            same_text(lib, ours, ids, "random ids");
        }
        const size_t most = std::strstr(argv[a], "odd_") != nullptr ? 1 << 17 : 1 << 20;
        if (opened) compare(lib, &ours, generate(most));
        if (opened) compare(lib, &ours, random_bytes(most / 4));
        const bool good = opened && wrong == 0;
        std::printf("%s %d - %s: %zu bytes, %zu mismatches\n", good ? "ok" : "not ok", a - 1,
                    std::strrchr(argv[a], '/') + 1, compared, wrong);
        if (ours.self != nullptr) ours.impl->close(ours.self);
    }
    return 0;
}
