/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the loaders share: the job, guest memory with bounds, and the state of the first vCPU as
 * plain data. Nothing here knows a vCPU, so the host tests drive whole loaders against a buffer.
 *
 * A file is untrusted: every offset and size that it holds is checked against the file, and every
 * address against the memory map and against what was placed before, prior to any use.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/mmu.h"
#include "vm/e820.h"

struct load_file {
	const char *name;
	const u8 *data; /* NULL: no such file */
	u64 size;
};

enum boot_mode {
	BOOT_REAL, /* rip is the offset in segment 0 */
	BOOT_PROT, /* flat 32-bit segments, paging off */
	BOOT_LONG, /* flat 64-bit code, paging on */
};

/* The first vCPU at entry; what is not named here stays as reset left it. */
struct boot_cpu {
	u8 mode; /* enum boot_mode */
	u64 rip, rax, rbx, rdx, rsi;
	u64 cr3; /* BOOT_LONG */
	u64 gdt; /* guest-physical; not BOOT_REAL. See load_gdt() */
};

/* Selectors of load_gdt(): Linux's __BOOT_CS and __BOOT_DS. */
#define BOOT_CS        0x10
#define BOOT_DS        0x18
#define BOOT_GDT_LIMIT 0x1f

struct load_range {
	u64 base, size;
};

#define LOAD_MAX_RANGES 32

struct load {
	struct mmu_vm *mem;
	struct load_file kernel, initrd;
	const char *cmdline;
	u64 rsdp; /* guest-physical, 0 = none */
	u32 nr_map;
	struct e820_entry map[E820_MAX];
	u32 nr_used;
	struct load_range used[LOAD_MAX_RANGES];
	struct boot_cpu cpu;
	char *err;
	size_t err_size;
};

/* Writes the sentence "NAME: ..." and returns -EINVAL. */
int load_fail(struct load *l, const struct load_file *f, const char *fmt, ...) __printf(3, 4);

/* Fills cpu from kernel. Picks the format by magic. */
int load_kernel(struct load *l) __must_check;

/* Takes [base, base + size) for something whose address is fixed. False: it is not all RAM, or
 * overlaps something taken before. */
bool load_claim(struct load *l, u64 base, u64 size) __must_check;
/* Takes the highest free RAM at or above min that ends at or below end. False: none is free. */
bool load_place(struct load *l, u64 size, u64 align, u64 min, u64 end, u64 *base) __must_check;
/* Copies to guest memory; the range was claimed or placed. */
int load_copy(struct load *l, u64 gpa, const void *data, u64 size) __must_check;
int load_zero(struct load *l, u64 gpa, u64 size) __must_check;
/* Places the second file, at a page of its own even if it is empty, and copies it there. */
int load_initrd(struct load *l, u64 min, u64 end, u64 *base) __must_check;
/* Places data, or zeroes if data is NULL, below 640 KiB: every boot protocol finds it there. */
int load_low(struct load *l, const void *data, u64 size, u64 align, u64 *gpa) __must_check;

/*
 * KiB of RAM below 1 MiB, and from 1 MiB to the first hole: what multiboot calls lower and upper.
 */
void load_mem_kib(const struct load *l, u32 *lower, u32 *upper);

#define LOADER_NAME "Umbra"

/* A GDT with flat 4 GiB segments, the code segment 64-bit or 32-bit by cpu.mode; sets cpu.gdt. */
int load_gdt(struct load *l) __must_check;

/* Little-endian fields of a file; the caller has checked the bounds. */
static inline u16 get16(const u8 *p)
{
	return (u16)(p[0] | p[1] << 8);
}

static inline u32 get32(const u8 *p)
{
	return get16(p) | (u32)get16(p + 2) << 16;
}

static inline u64 get64(const u8 *p)
{
	return get32(p) | (u64)get32(p + 4) << 32;
}

static inline void put16(u8 *p, u16 v)
{
	p[0] = (u8)v;
	p[1] = (u8)(v >> 8);
}

static inline void put32(u8 *p, u32 v)
{
	put16(p, (u16)v);
	put16(p + 2, (u16)(v >> 16));
}

static inline void put64(u8 *p, u64 v)
{
	put32(p, (u32)v);
	put32(p + 4, (u32)(v >> 32));
}
