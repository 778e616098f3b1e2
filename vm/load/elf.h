/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF32 and ELF64 executables for x86. Source: System V ABI "Program Header". */
#pragma once

#include "vm/load/load_priv.h"

struct elf {
	bool is64;
	u64 entry; /* as the file says: a virtual address */
	u64 phoff;
	u32 phnum, phentsize;
};

struct elf_seg {
	u64 off, filesz; /* in the file */
	u64 vaddr, paddr, memsz;
};

bool elf_match(const struct load_file *f);
/* Checks header and program headers against the file: no guest memory is touched. */
int elf_parse(struct load *l, struct elf *e) __must_check;
/* Program header number i < phnum of a parsed file; false if it loads nothing. */
bool elf_segment(const struct load_file *f, const struct elf *e, u32 i, struct elf_seg *s);
/* Copies the segments to their physical addresses and clears what the file does not fill. */
int elf_place(struct load *l, const struct elf *e) __must_check;
/* Where the entry point lies physically. */
int elf_entry(struct load *l, const struct elf *e, u64 *gpa) __must_check;
