/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pg_fork: every CPU makes address spaces as a kernel forks, and tears them down.
 *
 * A parent's pages are shared with its child, read-only in both, and copied when one of them
 * writes; some pages are made when they are first touched. Generations of children write their
 * pages in user mode, find what they inherited, and nothing of what their parents or siblings wrote
 * since. Tables and frames go back and come again as something else, at a high rate. With several
 * CPUs each does this by itself, on tables and frames from one heap.
 */

#include "tests/guests/paging/paging.h"

#include <stdio.h>
#include <string.h>

#define PAGES  24 /* of a process */
#define DEPTH  3  /* generations that live at the same time */
#define COW    BIT(9)
#define DEMAND BIT(10)

static u64 current[MAX_CPUS]; /* root of each CPU */
static volatile u32 faults[MAX_CPUS], wrong[MAX_CPUS];
static u16 uses[PG_MEMORY / PAGE_SIZE]; /* address spaces that map the frame */
static volatile u32 uses_lock;

static va_t page_va(u32 i)
{
	return pg_va(i % 3 * pg_page_size(2) + i / 3 * PAGE_SIZE);
}

static u32 use(u64 frame, u16 change)
{
	u32 now;

	while (__atomic_exchange_n(&uses_lock, 1, __ATOMIC_ACQUIRE))
		cpu_pause();
	uses[frame / PAGE_SIZE] = (u16)(uses[frame / PAGE_SIZE] + change);
	now = uses[frame / PAGE_SIZE];
	__atomic_store_n(&uses_lock, 0, __ATOMIC_RELEASE);
	return now;
}

static void release(u64 frame)
{
	if (use(frame, (u16)-1) == 0)
		pg_frame_free(frame);
}

static u64 new_page(void)
{
	u64 frame = pg_frame();

	use(frame, 1);
	return frame;
}

/* The kernel's page-fault handler. */
static void on_fault(struct frame *f)
{
	u32 me = cpu_index();
	va_t va = (va_t)ALIGN_DOWN(read_cr2(), PAGE_SIZE);
	void *slot = pg_slot(current[me], va, 1);
	u64 old = pg_get(slot), frame;

	faults[me]++;
	if (!(old & PTE_P) && (old & DEMAND)) {
		frame = new_page();
	} else if ((old & COW) && (f->error & PFEC_W)) {
		frame = new_page();
		memcpy(at(frame), at(old & PG_ADDRESS), PAGE_SIZE);
		release(old & PG_ADDRESS);
	} else {
		fatal("fault at 0x%lx, error 0x%x, entry 0x%llx", va, (u32)f->error,
		      (unsigned long long)old);
	}
	pg_set(slot, frame | PTE_ALL);
	pg_flush(va);
}

static u64 fork(u64 parent)
{
	u64 child = pg_space();

	for (u32 i = 0; i < PAGES; i++) {
		void *slot = pg_slot(parent, page_va(i), 1);
		u64 entry = pg_get(slot);

		if (entry & PTE_P) {
			entry = (entry & ~(PTE_W | PTE_A | PTE_D)) | COW;
			pg_set(slot, entry);
			use(entry & PG_ADDRESS, 1);
		}
		pg_set(pg_slot(child, page_va(i), 1), entry);
	}
	pg_load(parent); /* it may no longer write what is shared */
	return child;
}

static void reap(u64 root)
{
	for (u32 i = 0; i < PAGES; i++) {
		u64 entry = pg_get(pg_slot(root, page_va(i), 1));

		if (entry & PTE_P)
			release(entry & PG_ADDRESS);
	}
	pg_space_free(root);
}

static void run(u32 me, u64 root)
{
	current[me] = root;
	pg_load(root);
}

static void expect(u32 me, u32 page, u32 value)
{
	pg_value[me] = 0;
	pg_user(PG_READ, page_va(page));
	wrong[me] += pg_value[me] != value;
}

static void store(u32 me, u32 page, u32 value)
{
	pg_value[me] = value;
	pg_user(PG_WRITE, page_va(page));
}

/* Parent, child, grandchild: each writes some pages, then they end from the last to the first. */
static void family(u32 me, u32 mark)
{
	u64 spaces[DEPTH + 1];

	spaces[0] = pg_space();
	for (u32 i = 0; i < PAGES; i++)
		pg_set(pg_slot(spaces[0], page_va(i), 1), DEMAND);
	run(me, spaces[0]);
	for (u32 i = 0; i < PAGES; i += 2)
		store(me, i, mark + i);
	for (u32 d = 1; d <= DEPTH; d++) {
		spaces[d] = fork(spaces[d - 1]);
		store(me, 0, mark + 1000 * d); /* the parent goes on first */
		run(me, spaces[d]);
		expect(me, 0, d == 1 ? mark : mark + 100 * (d - 1));
		store(me, 0, mark + 100 * d);
		store(me, 2 * d, mark + 100 * d);
		expect(me, 2 * d, mark + 100 * d);
		expect(me, 2 * d + 2, mark + 2 * d + 2);
		expect(me, 1, 0);
	}
	for (u32 d = DEPTH; d > 0; d--) {
		run(me, spaces[d - 1]);
		reap(spaces[d]);
		expect(me, 0, mark + 1000 * d);
		expect(me, 2 * d, mark + 2 * d);
	}
	pg_load_kernel();
	reap(spaces[0]);
}

static void forks(void)
{
	u32 me = cpu_index(), n = pg_number(cpu_count() > 1 ? 5 : 25);

	for (u32 i = 0; i < n; i++)
		family(me, (me + 1) << 24 | i << 12);
	pg_load_kernel();
}

static void storm(void)
{
	u32 used = pg_frames_used(), all_wrong = 0, all_faults = 0;

	memset((void *)(uintptr_t)wrong, 0, sizeof(wrong));
	trap_set(EXC_PF, on_fault);
	pg_others(forks);
	forks();
	pg_check(pg_others_done(), "all_end", "a CPU hangs");
	trap_set(EXC_PF, NULL);
	for (u32 i = 0; i < MAX_CPUS; i++) {
		all_wrong += wrong[i];
		all_faults += faults[i];
	}
	pg_check(!all_wrong && all_faults, "own_memory", "%u reads of other values; %u faults",
		 all_wrong, all_faults);
	pg_check(pg_frames_used() == used, "all_given_back", "%u frames more are in use",
		 pg_frames_used() - used);
}

static const struct pg_scene scenes[] = { { "storm", storm } };

void guest_main(void)
{
	pg_cpus_start();
	pg_run(scenes, ARRAY_SIZE(scenes));
}
