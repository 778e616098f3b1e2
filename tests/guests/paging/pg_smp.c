/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pg_smp: several CPUs run through one set of tables while it is rewritten.
 *
 * The rules are those that kernels rely on. After every CPU has dropped a translation, by an
 * interrupt that makes it or by polling with interrupts off, none reaches the old frame. An entry
 * that was taken away with an exchange has its dirty bit if anybody wrote to the page since it was
 * set. Locked instructions on entries lose no update, neither against each other nor against the
 * bits that CPUs set; a table holds counters in its absent entries. And the storm: one CPU rewrites
 * leaves, links tables, swaps, drops and replaces them by large pages while the others read and
 * write; every access ends in a frame that was mapped there since the last flush, or in the fault
 * that the entries say. "n=1000000" on the command line sets the number of rewrites.
 *
 * Skipped with one CPU.
 */

#include "tests/guests/paging/paging.h"

#include <string.h>

#define FLUSH_VECTOR 0x45
#define MARK         0x600dU
#define POISON       0xbad0badU
#define PATIENCE     10000000U
#define ROUNDS       60
#define VA           pg_va(5 * PAGE_SIZE)

static u64 root;
static u32 nr;
static volatile u32 stop;
static volatile u32 flush_wanted,
	flush_done[MAX_CPUS]; /* flushes asked for, and made, by polling */
static volatile u32 acks, bad, good;

/* --- what the other CPUs have in common ------------------------------------------------------- */

/*
 * With more than two CPUs fewer of a test: they may be virtual and share real ones, and then one
 * that polls makes the one it waits for wait.
 */
static u32 rounds(u32 n)
{
	return nr > 2 ? n / 25 : n;
}

static void begin(void)
{
	root = pg_space();
	stop = 0;
	flush_wanted = 0;
	memset((void *)(uintptr_t)flush_done, 0, sizeof(flush_done));
	bad = good = 0;
	pg_load(root);
}

/* Ends the job of the others, and the scene's space. */
static void end(void)
{
	stop = 1;
	pg_check(pg_others_done(), "others_end", "a CPU hangs");
	pg_load_kernel();
	pg_space_free(root);
}

/* Another CPU: drops all translations if that is asked for. */
static void poll(void)
{
	u32 me = cpu_index(), wanted = flush_wanted;

	if (flush_done[me] == wanted)
		return;
	pg_load(root);
	flush_done[me] = wanted;
}

/* Every CPU drops all translations. */
static void flush_all(void)
{
	u32 wanted = __atomic_add_fetch(&flush_wanted, 1, __ATOMIC_SEQ_CST);

	pg_load(root);
	for (u32 i = 1; i < nr; i++)
		while (flush_done[i] != wanted)
			cpu_pause();
}

/* Puts another entry in the place of one in use, in one piece; returns the old one. */
static u64 replace(void *slot, u64 new)
{
	u64 old;

	do
		old = pg_get(slot);
	while (!pg_swap(slot, old, new));
	return old;
}

/* --- a page that moves ------------------------------------------------------------------------ */

static void on_flush(struct frame *f)
{
	(void)f;
	pg_flush(VA);
	__atomic_add_fetch(&acks, 1, __ATOMIC_SEQ_CST);
	apic_write(APIC_EOI, 0);
}

static void look(void)
{
	if (pg_read(VA) == MARK)
		__atomic_add_fetch(&good, 1, __ATOMIC_RELAXED);
	else
		__atomic_add_fetch(&bad, 1, __ATOMIC_RELAXED);
}

static void look_interruptible(void)
{
	pg_load(root);
	irq_enable();
	while (!stop)
		look();
	irq_disable();
}

static void look_polling(void)
{
	pg_load(root);
	while (!stop) {
		look();
		poll();
	}
}

static void flush_by_ipi(void)
{
	acks = 0;
	pg_flush(VA);
	apic_ipi(0, ICR_OTHERS | FLUSH_VECTOR);
	while (acks != nr - 1)
		cpu_pause();
}

/* Moves the page between two frames; who still sees the old one then sees poison. */
static void move(const char *name, void (*looker)(void), void (*flush)(void))
{
	u64 frames[2] = { pg_frame(), pg_frame() };

	begin();
	*pg_word(frames[0]) = MARK;
	pg_map(root, VA, frames[0], PTE_KERNEL, 1);
	pg_others(looker);
	for (u32 i = 1; i <= rounds(ROUNDS); i++) {
		u32 before = good, tries = 0;

		*pg_word(frames[i & 1]) = MARK;
		replace(pg_slot(root, VA, 1), frames[i & 1] | PTE_KERNEL);
		flush();
		*pg_word(frames[(i + 1) & 1]) = POISON;
		while (good - before < 20 && tries++ < 100000)
			cpu_pause();
	}
	pg_check(!bad && good, name, "%u reads of the old frame, %u of the new", bad, good);
	end();
	pg_frame_free(frames[0]);
	pg_frame_free(frames[1]);
}

static void remote_invlpg(void)
{
	trap_set(FLUSH_VECTOR, on_flush);
	move("by_interrupt", look_interruptible, flush_by_ipi);
	move("by_polling", look_polling, flush_all);
}

/* --- dirty bits ------------------------------------------------------------------------------- */

static void write_polling(void)
{
	u32 me = cpu_index();

	pg_load(root);
	while (!stop) {
		pg_value[me]++;
		for (u32 k = pg_kernel(PG_WRITE, VA + 4 * me) == NO_TRAP ? 0 : 200; k; k--)
			cpu_pause();
		poll();
	}
}

static void dirty(void)
{
	u64 frame = pg_frame(), entry;
	u32 lost = 0, written = 0;
	u8 before[4 * MAX_CPUS];
	void *slot;

	begin();
	slot = pg_slot(root, VA, 1);
	pg_others(write_polling);
	for (u32 i = 0; i < rounds(ROUNDS); i++) {
		bool changed;

		flush_all();
		memcpy(before, at(frame), sizeof(before));
		pg_set(slot, frame | PTE_KERNEL);
		/* often long enough that somebody does write */
		for (u32 k = 0; k < (i % 2 ? PATIENCE : i % 16 * 200); k++) {
			if (i % 2 && memcmp(before, at(frame), sizeof(before)) != 0)
				break;
			cpu_pause();
		}
		entry = replace(slot, 0);
		flush_all();
		changed = memcmp(before, at(frame), sizeof(before)) != 0;
		written += changed;
		lost += changed && !(entry & PTE_D);
	}
	pg_check(!lost && written, "never_lost", "%u of %u rounds with writes", lost, written);
	end();
	pg_frame_free(frame);
}

/* --- counters in entries ---------------------------------------------------------------------- */

#define COUNTS     1500
#define SOFT_SHIFT 9
#define SOFT       7ULL

static volatile u32 *shared_count; /* in an absent entry */
static void *counted;              /* entry in use, with a counter of three bits */

static void add_soft(void)
{
	u64 old, new;

	do {
		old = pg_get(counted);
		new = (old & ~(SOFT << SOFT_SHIFT | PTE_A | PTE_D)) |
		      (((old >> SOFT_SHIFT) + 1) & SOFT) << SOFT_SHIFT;
	} while (!pg_swap(counted, old, new));
}

static void count(void)
{
	volatile u32 *own = shared_count + 16 * (1 + cpu_index());

	pg_load(root);
	for (u32 i = 0; i < COUNTS; i++) {
		__asm__ volatile("lock addl $2, %0" : "+m"(*shared_count));
		__asm__ volatile("addl $2, %0" : "+m"(*own));
		if (i % 4 == 0)
			add_soft();
		pg_read(VA);
		pg_write(VA + 4 * cpu_index(), i);
		if (i % 64 == 0)
			pg_flush(VA);
	}
}

static void counters(void)
{
	u64 frame = pg_frame();
	u32 want = nr * COUNTS * 2, lost = 0;

	begin();
	pg_map(root, VA, frame, PTE_KERNEL, 1);
	counted = pg_slot(root, VA, 1);
	shared_count = pg_slot(root, VA + 128 * (va_t)PAGE_SIZE, 1);
	pg_others(count);
	count();
	pg_others_done();
	pg_check(*shared_count == want, "locked", "%u of %u", *shared_count, want);
	for (u32 i = 0; i < nr; i++)
		lost += shared_count[16 * (1 + i)] != COUNTS * 2;
	pg_check(!lost, "neighbours", "%u CPUs miss some of theirs", lost);
	pg_check((pg_get(counted) >> SOFT_SHIFT & SOFT) == (nr * ((COUNTS + 3) / 4) & SOFT),
		 "entry_in_use", "entry 0x%llx", (unsigned long long)pg_get(counted));
	end();
	pg_frame_free(frame);
}

/* --- the storm -------------------------------------------------------------------------------- */

#define REGIONS     4
#define REGION_NR   16 /* pages of each that are in use */
#define PAGES       (REGIONS * REGION_NR)
#define TOLD_MAX    4  /* failures that are told */
#define SYNC_PERIOD 64 /* rewrites between flushes of all CPUs */

static u64 store[PAGES][2];   /* the two frames of each page */
static u64 table[REGIONS][2]; /* the two tables of each region */
static u64 large[REGIONS];    /* its large page, 0 if the mode has none */
static u32 seed;

static u32 pick(u32 n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static va_t page_va(u32 i)
{
	return pg_va(i / REGION_NR * pg_page_size(2) + i % REGION_NR * 3 * PAGE_SIZE);
}

/* One access to page i: it ends in a frame of that page, or faults as entries may say. */
static bool visit(u32 i, bool write)
{
	u32 me = cpu_index();
	int vector;

	pg_value[me] = i;
	vector = pg_kernel(write ? PG_WRITE : PG_READ, page_va(i) + (write ? 8 : 0));
	if (vector == NO_TRAP)
		return write || pg_value[me] == (MARK << 8 | i);
	/* absent, or a write denied */
	return vector == EXC_PF && (caught()->error == (write ? PFEC_W : 0) ||
				    (write && caught()->error == (PFEC_W | PFEC_P)));
}

static void run_through(void)
{
	u32 n = cpu_index() * 7919, seen = 0;

	pg_load(root);
	while (!stop) {
		n = n * 1664525 + 1013904223;
		if (!visit((n >> 8) % PAGES, n >> 28 == 3) && bad++ < TOLD_MAX)
			say("# CPU %u: page %u: 0x%x, vector %d, error 0x%x\n", cpu_index(),
			    (n >> 8) % PAGES, pg_value[cpu_index()], caught()->vector,
			    caught()->error);
		seen++;
		poll();
	}
	__atomic_add_fetch(&good, seen, __ATOMIC_SEQ_CST);
}

static u64 fresh_table(u32 region)
{
	u64 t = pg_frame();

	for (u32 i = 0; i < REGION_NR; i++)
		pg_set(at(t + 3 * i * pg->entry_size),
		       store[region * REGION_NR + i][pick(2)] | PTE_KERNEL);
	return t;
}

static void prepare(void)
{
	seed = 1;
	for (u32 i = 0; i < PAGES; i++)
		for (u32 k = 0; k < 2; k++) {
			store[i][k] = pg_frame();
			*pg_word(store[i][k]) = MARK << 8 | i;
		}
	for (u32 r = 0; r < REGIONS; r++) {
		table[r][0] = fresh_table(r);
		table[r][1] = fresh_table(r);
		large[r] = pg->large ? pg_large_frame() : 0;
		for (u32 i = 0; large[r] && i < REGION_NR; i++)
			*pg_word(large[r] + i * 3 * PAGE_SIZE) = MARK << 8 | (r * REGION_NR + i);
		pg_set(pg_slot(root, page_va(r * REGION_NR), 2), table[r][0] | PTE_ALL);
	}
}

/* Changes one entry of a leaf table, linked or not. */
static void rewrite_leaf(u32 i)
{
	void *slot = at(table[i / REGION_NR][pick(2)] + i % REGION_NR * 3 * pg->entry_size);
	u64 frame = store[i][pick(2)];

	switch (pick(4)) {
	case 0:
		pg_set(slot, 0);
		break;
	case 1:
		pg_set(slot, frame | PTE_P);
		break;
	case 2:
		pg_set(slot, frame | PTE_KERNEL | PTE_A | PTE_D);
		break;
	default:
		pg_set(slot, frame | PTE_KERNEL);
		break;
	}
}

/* Changes what a region is made of. */
static void rewrite_region(u32 r)
{
	void *slot = pg_slot(root, page_va(r * REGION_NR), 2);
	u32 k = pick(2);

	switch (pick(large[r] ? 4 : 3)) {
	case 0:
		pg_set(slot, 0);
		/* a table that no CPU knows becomes data, and another frame the table */
		flush_all();
		memset(at(table[r][k]), 0xff, PAGE_SIZE);
		pg_frame_free(table[r][k]);
		table[r][k] = fresh_table(r);
		pg_set(slot, table[r][k] | PTE_ALL);
		break;
	case 1:
		pg_set(slot, table[r][k] | PTE_P);
		break;
	case 2:
		pg_set(slot, table[r][k] | PTE_ALL);
		break;
	default:
		pg_set(slot, large[r] | PTE_ALL | PTE_PS);
		break;
	}
}

/* A frame that was replaced before all CPUs flushed is out of reach. */
static void poison(u32 i)
{
	u32 r = i / REGION_NR;

	for (u32 t = 0; t < 2; t++)
		pg_set(at(table[r][t] + i % REGION_NR * 3 * pg->entry_size),
		       store[i][0] | PTE_KERNEL);
	flush_all();
	*pg_word(store[i][1]) = POISON;
	for (u32 k = 0; k < 300; k++)
		bad += !visit(i, k & 1);
	*pg_word(store[i][1]) = MARK << 8 | i;
}

static void storm(void)
{
	u32 rewrites = pg_number(rounds(3000));

	begin();
	prepare();
	pg_others(run_through);
	for (u32 n = 0; n < rewrites; n++) {
		if (pick(16))
			rewrite_leaf(pick(PAGES));
		else
			rewrite_region(pick(REGIONS));
		if (n % SYNC_PERIOD == 0)
			flush_all();
		if (n % (SYNC_PERIOD * 4) == 0)
			poison(pick(PAGES));
	}
	stop = 1;
	pg_others_done();
	pg_check(!bad && good, "every_access", "%u of %u accesses went elsewhere", bad, good);
	for (u32 r = 0; r < REGIONS; r++)
		pg_set(pg_slot(root, page_va(r * REGION_NR), 2), 0);
	for (u32 r = 0; r < REGIONS; r++) {
		pg_frame_free(table[r][0]);
		pg_frame_free(table[r][1]);
	}
	for (u32 i = 0; i < PAGES; i++) {
		pg_frame_free(store[i][0]);
		pg_frame_free(store[i][1]);
	}
	end();
}

static const struct pg_scene scenes[] = {
	{ "remote_invlpg", remote_invlpg },
	{ "dirty", dirty },
	{ "counters", counters },
	{ "storm", storm },
};

void guest_main(void)
{
	nr = pg_cpus_start();
	if (nr < 2) {
		skip("pg_smp", "the machine has one CPU");
		return;
	}
	pg_run(scenes, ARRAY_SIZE(scenes));
}
