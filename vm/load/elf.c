/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF executables: parsing with bounds, and placing by physical address. */

#include "vm/load/elf.h"

#include <errno.h>
#include <string.h>

#define EI_CLASS    4
#define EI_DATA     5
#define CLASS_32    1
#define CLASS_64    2
#define DATA_LSB    1
#define ET_EXEC     2
#define EM_386      3
#define EM_X86_64   62
#define PT_LOAD     1
#define EHDR32_SIZE 52
#define EHDR64_SIZE 64
#define PHDR32_SIZE 32
#define PHDR64_SIZE 56
#define MAX_LOADS   20 /* leaves room in load.used for what else a loader places */

bool elf_match(const struct load_file *f)
{
	return f->size >= 4 && memcmp(f->data, "\177ELF", 4) == 0;
}

static bool in_file(const struct load_file *f, u64 off, u64 size)
{
	return off <= f->size && size <= f->size - off;
}

static void read_header(const u8 *d, struct elf *e)
{
	e->is64 = d[EI_CLASS] == CLASS_64;
	e->entry = e->is64 ? get64(d + 24) : get32(d + 24);
	e->phoff = e->is64 ? get64(d + 32) : get32(d + 28);
	e->phentsize = get16(d + (e->is64 ? 54 : 42));
	e->phnum = get16(d + (e->is64 ? 56 : 44));
}

static int check_header(struct load *l, const struct elf *e)
{
	const struct load_file *f = &l->kernel;
	u16 type = get16(f->data + 16);
	u16 machine = get16(f->data + 18);

	if (type != ET_EXEC)
		return load_fail(l, f,
				 "ELF file of type %u; only an executable (2) has fixed addresses",
				 type);
	if (machine != EM_386 && machine != EM_X86_64)
		return load_fail(l, f, "ELF file for machine %u, not x86", machine);
	if (e->phentsize < (e->is64 ? PHDR64_SIZE : PHDR32_SIZE) || e->phnum == 0)
		return load_fail(l, f, "corrupt ELF file: %u program headers of %u bytes", e->phnum,
				 e->phentsize);
	if (!in_file(f, e->phoff, (u64)e->phnum * e->phentsize))
		return load_fail(l, f,
				 "truncated ELF file: program headers at 0x%llx, %llu bytes in all",
				 (unsigned long long)e->phoff, (unsigned long long)f->size);
	return 0;
}

bool elf_segment(const struct load_file *f, const struct elf *e, u32 i, struct elf_seg *s)
{
	const u8 *p = f->data + e->phoff + (u64)i * e->phentsize;

	if (e->is64)
		*s = (struct elf_seg){ .off = get64(p + 8),
				       .filesz = get64(p + 32),
				       .vaddr = get64(p + 16),
				       .paddr = get64(p + 24),
				       .memsz = get64(p + 40) };
	else
		*s = (struct elf_seg){ .off = get32(p + 4),
				       .filesz = get32(p + 16),
				       .vaddr = get32(p + 8),
				       .paddr = get32(p + 12),
				       .memsz = get32(p + 20) };
	return get32(p) == PT_LOAD && s->memsz != 0;
}

int elf_parse(struct load *l, struct elf *e)
{
	const struct load_file *f = &l->kernel;
	struct elf_seg s;
	u32 loads = 0;
	int ret;

	if (f->size < EHDR64_SIZE)
		return load_fail(l, f, "truncated ELF file: only %llu bytes",
				 (unsigned long long)f->size);
	if ((f->data[EI_CLASS] != CLASS_32 && f->data[EI_CLASS] != CLASS_64) ||
	    f->data[EI_DATA] != DATA_LSB)
		return load_fail(l, f, "corrupt ELF file: class %u, data encoding %u",
				 f->data[EI_CLASS], f->data[EI_DATA]);
	read_header(f->data, e);
	ret = check_header(l, e);
	if (ret)
		return ret;
	for (u32 i = 0; i < e->phnum; i++) {
		if (!elf_segment(f, e, i, &s))
			continue;
		if (!in_file(f, s.off, s.filesz))
			return load_fail(l, f,
					 "truncated ELF file: segment %u ends at byte %llu of %llu",
					 i, (unsigned long long)(s.off + s.filesz),
					 (unsigned long long)f->size);
		if (s.filesz > s.memsz)
			return load_fail(l, f,
					 "corrupt ELF file: segment %u is larger in the file "
					 "than in memory",
					 i);
		loads++;
	}
	if (loads == 0 || loads > MAX_LOADS)
		return load_fail(l, f, "ELF file with %u segments to load; Umbra takes 1 to %u",
				 loads, MAX_LOADS);
	return 0;
}

int elf_place(struct load *l, const struct elf *e)
{
	struct elf_seg s;
	int ret = 0;

	for (u32 i = 0; i < e->phnum && !ret; i++) {
		if (!elf_segment(&l->kernel, e, i, &s))
			continue;
		if (!load_claim(l, s.paddr, s.memsz))
			return load_fail(
				l, &l->kernel,
				"segment %u at 0x%llx, %llu KiB, is not all in free RAM: give "
				"the VM more memory or link the file elsewhere",
				i, (unsigned long long)s.paddr,
				(unsigned long long)(s.memsz / 1024));
		ret = load_copy(l, s.paddr, l->kernel.data + s.off, s.filesz);
		if (!ret)
			ret = load_zero(l, s.paddr + s.filesz, s.memsz - s.filesz);
	}
	return ret;
}

int elf_entry(struct load *l, const struct elf *e, u64 *gpa)
{
	struct elf_seg s;

	for (u32 i = 0; i < e->phnum; i++) {
		if (elf_segment(&l->kernel, e, i, &s) && e->entry >= s.vaddr &&
		    e->entry - s.vaddr < s.memsz) {
			*gpa = s.paddr + (e->entry - s.vaddr);
			return 0;
		}
	}
	return load_fail(l, &l->kernel, "corrupt ELF file: the entry point 0x%llx is in no segment",
			 (unsigned long long)e->entry);
}
