/* SPDX-License-Identifier: Apache-2.0 */
/* A look at the head of a file before the dynamic linker sees it. The linker maps segments without
 * comparing them with the length of the file; touching a page beyond its end is a bus error. So a
 * truncated library is told apart here, and a script, a library of another processor or an
 * executable gets a clearer sentence than the linker's. */
#include "elffile.h"

#include <elf.h>
#include <link.h>
#include <string.h>

static const struct {
    unsigned number;
    const char *name;
} machines[] = {
    { EM_X86_64, "x86-64" }, { EM_386, "x86" },     { EM_AARCH64, "AArch64" }, { EM_ARM, "ARM" },
    { EM_RISCV, "RISC-V" },  { EM_PPC64, "POWER" }, { EM_S390, "S/390" },
};

static const char *machine_name(unsigned number)
{
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
        if (machines[i].number == number) return machines[i].name;
    return "another";
}

/* This very library is a shared library for this machine: its own header says what is wanted. */
static const ElfW(Ehdr) * own_header(void)
{
    extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));
    return &__ehdr_start;
}

static omn_status check_head(const ElfW(Ehdr) * h, size_t size, omn_error *err)
{
    const ElfW(Ehdr) *own = own_header();
    if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
        return omn_fail(err, OMN_ERR_PLUGIN, "is not a shared library (no ELF header)");
    if (size < sizeof(*h)) return omn_fail(err, OMN_ERR_PLUGIN, "is truncated: %zu bytes", size);
    if (h->e_ident[EI_CLASS] != own->e_ident[EI_CLASS] ||
        h->e_ident[EI_DATA] != own->e_ident[EI_DATA] || h->e_machine != own->e_machine)
        return omn_fail(err, OMN_ERR_PLUGIN, "is built for %s processors, this one is %s",
                        h->e_machine == own->e_machine ? "other" : machine_name(h->e_machine),
                        machine_name(own->e_machine));
    if (h->e_type != ET_DYN)
        return omn_fail(err, OMN_ERR_PLUGIN, "is an ELF file, but not a shared library");
    return OMN_OK;
}

static bool inside(uint64_t from, uint64_t n, size_t size)
{
    return from <= size && n <= size - from;
}

omn_status elffile_check(const char *path, omn_error *err)
{
    omn_status st = OMN_OK;
    omn_map *map = NULL;
    ElfW(Ehdr) h = { 0 };
    OMN_TRY(omn_map_open(path, &map, err));
    const char *bytes = omn_map_data(map);
    size_t size = omn_map_size(map);
    if (size == 0) {
        st = omn_fail(err, OMN_ERR_PLUGIN, "is empty");
        goto done;
    }
    memcpy(&h, bytes, size < sizeof(h) ? size : sizeof(h));
    OMN_TRY(check_head(&h, size, err));
    bool whole = h.e_phentsize == sizeof(ElfW(Phdr)) &&
                 inside(h.e_phoff, (uint64_t)h.e_phnum * sizeof(ElfW(Phdr)), size) &&
                 (h.e_shoff == 0 || inside(h.e_shoff, (uint64_t)h.e_shnum * h.e_shentsize, size));
    for (size_t i = 0; whole && i < h.e_phnum; i++) {
        ElfW(Phdr) p;
        memcpy(&p, bytes + h.e_phoff + i * sizeof(p), sizeof(p));
        if (p.p_type == PT_LOAD || p.p_type == PT_DYNAMIC)
            whole = inside(p.p_offset, p.p_filesz, size);
    }
    if (!whole)
        st = omn_fail(err, OMN_ERR_PLUGIN, "is truncated: its parts reach beyond its %zu bytes",
                      size);
done:
    omn_map_close(map);
    return st;
}
