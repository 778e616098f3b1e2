/* SPDX-License-Identifier: BSD-2-Clause */
/* Modes, frames, entries and address spaces. Sources: Intel SDM 3A "Paging"; AMD APM 2 "Page
 * Translation and Protection". */

#include "tests/guests/paging/paging.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_START (16 * SZ_1M)
#define SMALL_MAPPED (8 * SZ_1M) /* of the kernel's part; the rest in large pages */
#define FRAMES_NR    ((u32)((PG_MEMORY - FRAMES_START) / PAGE_SIZE))
#define PAE_PDPT     3
#define USER_VECTOR  0x81
#define MODES_NR     ARRAY_SIZE(modes)
#define CR0_PAGED    (CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG)

static const struct pg_mode modes[] = {
#ifdef __x86_64__
	{ "four_level", 4, 8, true, CR4_PAE, 0x123440000000ULL },
	{ "five_level", 5, 8, true, CR4_PAE | CR4_LA57, 0x56123440000000ULL },
#else
	{ "two_level", 2, 4, false, 0, 0x40000000 },
	{ "pse", 2, 4, true, CR4_PSE, 0x40000000 },
	{ "pae", 3, 8, true, CR4_PAE, 0x40000000 },
#endif
};

const struct pg_mode *pg;
bool pg_nx;

void pg_set_la57(u64 cr3, u64 cr4);

static const char *scene_name;
static u64 kernel_root;
static volatile u32 frames_lock;
static u64 frames_next, frames_free;
static u32 frames_used;

/* --- frames ----------------------------------------------------------------------------------- */

static void lock(void)
{
	while (__atomic_exchange_n(&frames_lock, 1, __ATOMIC_ACQUIRE))
		cpu_pause();
}

static void unlock(void)
{
	__atomic_store_n(&frames_lock, 0, __ATOMIC_RELEASE);
}

/* As kernels do it: a hypervisor may take a string instruction for the end of a table. */
static void clear(u64 frame)
{
	void *p = at(frame);
	unsigned long n = PAGE_SIZE / 4;

	__asm__ volatile("cld; rep stosl" : "+D"(p), "+c"(n) : "a"(0) : "memory");
}

u64 pg_frame(void)
{
	u64 f;

	lock();
	f = frames_free;
	if (f) {
		frames_free = *(u32 *)at(f);
	} else {
		f = frames_next;
		frames_next += PAGE_SIZE;
	}
	frames_used++;
	unlock();
	if (f >= PG_MEMORY)
		fatal("out of frames");
	clear(f);
	return f;
}

void pg_frame_free(u64 frame)
{
	lock();
	*(u32 *)at(frame) = (u32)frames_free;
	frames_free = frame;
	frames_used--;
	unlock();
}

u64 pg_large_frame(void)
{
	u64 f;

	lock();
	f = ALIGN_UP(frames_next, pg_page_size(2));
	frames_next = f + pg_page_size(2);
	unlock();
	if (f >= PG_MEMORY)
		fatal("out of large frames");
	return f;
}

u32 pg_frames_used(void)
{
	return frames_used;
}

/* --- entries ---------------------------------------------------------------------------------- */

void pg_set(void *slot, u64 entry)
{
	volatile u32 *half = slot;

	if (pg->entry_size == 4) {
		half[0] = (u32)entry;
		return;
	}
	if (sizeof(long) == 8) {
		*(volatile u64 *)slot = entry;
		return;
	}
	half[0] = 0;
	half[1] = (u32)(entry >> 32);
	half[0] = (u32)entry;
}

bool pg_swap(void *slot, u64 old, u64 new)
{
	if (pg->entry_size == 4)
		return __sync_bool_compare_and_swap((u32 *)slot, (u32)old, (u32) new);
	return __sync_bool_compare_and_swap((u64 *)slot, old, new);
}

static bool is_pdpt(u32 level)
{
	return pg->levels == PAE_PDPT && level == PAE_PDPT;
}

u32 pg_entries(u32 level)
{
	return is_pdpt(level) ? 4 : (u32)PAGE_SIZE / pg->entry_size;
}

static u32 shift(u32 level)
{
	return PAGE_SHIFT + (pg->entry_size == 4 ? 10 : 9) * (level - 1);
}

u64 pg_page_size(u32 level)
{
	return BIT(shift(level));
}

static void *slot_in(u64 table, u32 level, va_t va)
{
	u32 i = (u32)((u64)va >> shift(level)) % pg_entries(level);

	return at(table + i * pg->entry_size);
}

/* --- address spaces --------------------------------------------------------------------------- */

void *pg_slot(u64 root, va_t va, u32 level)
{
	u64 table = root;

	for (u32 l = pg->levels; l > level; l--) {
		void *slot = slot_in(table, l, va);

		if (!(pg_get(slot) & PTE_P)) {
			pg_set(slot, pg_frame() | (is_pdpt(l) ? PTE_P : PTE_ALL));
			if (is_pdpt(l) && read_cr3() == root)
				pg_load(root); /* CPUs may hold the four entries of a PDPT */
		}
		table = pg_get(slot) & PG_ADDRESS;
	}
	return slot_in(table, level, va);
}

void pg_map(u64 root, va_t va, u64 frame, u64 flags, u32 level)
{
	pg_set(pg_slot(root, va, level), frame | flags | (level > 1 ? PTE_PS : 0));
}

u64 pg_space(void)
{
	u64 root = pg_frame();

	for (u32 i = 0; i < pg_entries(pg->levels) * pg->entry_size; i += pg->entry_size)
		if (pg_get(at(kernel_root + i)))
			pg_set(at(root + i), pg_get(at(kernel_root + i)));
	return root;
}

/* An entry of a root that leads to tables of the address space's own. */
static bool own(u64 root, const void *slot)
{
	const void *kernel = at(kernel_root + ((uintptr_t)slot - root));

	return (pg_get(slot) & PG_ADDRESS) != (pg_get(kernel) & PG_ADDRESS);
}

void pg_space_free(u64 root)
{
	u64 table[6];
	u32 next[6], l = pg->levels;

	table[l] = root;
	next[l] = 0;
	while (l <= pg->levels) {
		const void *slot = at(table[l] + next[l] * pg->entry_size);

		if (l == 1 || next[l] == pg_entries(l)) {
			pg_frame_free(table[l++]);
			continue;
		}
		next[l]++;
		if (!(pg_get(slot) & PTE_P) || (!is_pdpt(l) && (pg_get(slot) & PTE_PS)) ||
		    (l == pg->levels && !own(root, slot)))
			continue;
		table[--l] = pg_get(slot) & PG_ADDRESS;
		next[l] = 0;
	}
}

static void make_kernel(void)
{
	u32 big = pg->large ? 2 : 1;

	frames_next = FRAMES_START;
	frames_free = 0;
	frames_used = 0;
	kernel_root = pg_frame();
	for (u64 a = 0; a < SMALL_MAPPED; a += PAGE_SIZE)
		pg_map(kernel_root, (va_t)a, a, PTE_KERNEL, 1);
	for (u64 a = SMALL_MAPPED; a < PG_MEMORY; a += pg_page_size(big))
		pg_map(kernel_root, (va_t)a, a, PTE_KERNEL, big);
	pg_map(kernel_root, (va_t)APIC_PAGE, APIC_PAGE, PTE_KERNEL | BIT(4) | BIT(3), 1);
	pg_map(kernel_root, (va_t)(uintptr_t)pg_stubs, (uintptr_t)pg_stubs, PTE_P | PTE_U, 1);
}

/* --- modes ------------------------------------------------------------------------------------ */

static bool supported(const struct pg_mode *m)
{
	return !(m->cr4 & CR4_LA57) || (cpuid(7, 0).ecx & BIT32(16));
}

#ifdef __x86_64__
static void mode_on(u64 root)
{
	if (pg->cr4 & CR4_LA57)
		pg_set_la57(root, read_cr4() | CR4_LA57);
	else
		pg_load(root);
}

static void mode_off(void)
{
	if (pg->cr4 & CR4_LA57)
		pg_set_la57((uintptr_t)page_root, read_cr4() & ~CR4_LA57);
	else
		pg_load((uintptr_t)page_root);
}
#else
static void mode_on(u64 root)
{
	write_cr4((read_cr4() & ~(CR4_PAE | CR4_PSE)) | pg->cr4);
	wrmsr(MSR_EFER, pg_nx ? EFER_NXE : 0);
	pg_load(root);
	write_cr0(CR0_PAGED);
}

static void mode_off(void)
{
	write_cr0(CR0_PAGED & ~CR0_PG);
	write_cr4(0);
}
#endif

void pg_load_kernel(void)
{
	pg_load(kernel_root);
}

void pg_join(void)
{
	mode_on(kernel_root);
}

void pg_part(void)
{
	mode_off();
}

static void run_scenes(const struct pg_scene *scenes, u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		u64 cr4 = read_cr4();
		u32 used = pg_frames_used();

		scene_name = scenes[i].name;
		scenes[i].run();
		if (read_cr4() != cr4 || !(read_cr0() & CR0_WP) || pg_frames_used() < used)
			fatal("scene %s left other registers or frames", scene_name);
		pg_load_kernel();
	}
}

/* The command line names this word, or none of the modes. */
static bool wanted(const char *name)
{
	const char *args = boot_args();
	bool any = false;

	for (u32 i = 0; i < MODES_NR; i++)
		any |= strstr(args, modes[i].name) != NULL;
	return !any || strstr(args, name);
}

u32 pg_number(u32 otherwise)
{
	const char *n = strstr(boot_args(), "n=");

	return n ? (u32)strtoul(n + 2, NULL, 10) : otherwise;
}

void pg_run(const struct pg_scene *scenes, u32 nr)
{
	idt_set_entry(USER_VECTOR, 3, pg_user_back);
	for (u32 i = 0; i < MODES_NR; i++) {
		pg = &modes[i];
		if (!wanted(pg->name))
			continue;
		if (!supported(pg)) {
			skip(pg->name, "the CPU has no such paging");
			continue;
		}
		pg_nx = pg->entry_size == 8 && (cpuid(0x80000001, 0).edx & BIT32(20));
		make_kernel();
		mode_on(kernel_root);
		run_scenes(scenes, nr);
		mode_off();
	}
}

/* --- verdicts --------------------------------------------------------------------------------- */

bool pg_check(bool holds, const char *name, const char *reason, ...)
{
	char full[64], text[128];
	va_list ap;

	va_start(ap, reason);
	vsnprintf(text, sizeof(text), reason, ap);
	va_end(ap);
	snprintf(full, sizeof(full), "%s.%s.%s", pg->name, scene_name, name);
	return check(holds, full, "%s", text);
}

void pg_skip(const char *name, const char *reason)
{
	char full[64];

	snprintf(full, sizeof(full), "%s.%s.%s", pg->name, scene_name, name);
	skip(full, reason);
}
