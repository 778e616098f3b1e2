/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pg_tlb: one CPU changes entries and control registers, says so in the way that the architecture
 * demands, and looks what its accesses do then.
 *
 * Entries: another frame, other rights, absent and back, at the leaf and above it; a table that two
 * entries share with different rights; a large page that becomes a table and back, also a table
 * that lies in the large page; accessed and dirty bits. Registers: CR0.WP, CR4.PGE, SMEP and SMAP,
 * also with WP off, where a hypervisor without nested paging must neither forget what WP=0 had
 * allowed nor allow more. INVLPG, loads of CR3, PGE toggles; INVPCID and PCIDs where the CPU has
 * them.
 *
 * Sources: Intel SDM 3A "Translation Lookaside Buffers", "Operations that Invalidate TLBs and
 * Paging-Structure Caches", "Determination of Access Rights".
 */

#include "tests/guests/paging/paging.h"

#include <string.h>

#define MARK_A 0xaaaa0001U
#define MARK_B 0xbbbb0002U
#define ROUNDS 100
#define W0     pg_va(0)

static u64 root, frame_a, frame_b;
static void *leaf; /* of W0 */

/* A new address space, in use, with a table but no page for W0; two marked frames. */
static void begin(void)
{
	root = pg_space();
	leaf = pg_slot(root, W0, 1);
	frame_a = pg_frame();
	frame_b = pg_frame();
	*pg_word(frame_a) = MARK_A;
	*pg_word(frame_b) = MARK_B;
	pg_load(root);
}

static void end(void)
{
	pg_load_kernel();
	pg_space_free(root);
	pg_frame_free(frame_a);
	pg_frame_free(frame_b);
}

static void set_leaf(u64 entry)
{
	pg_set(leaf, entry);
	pg_flush(W0);
}

/* Errors of protection faults. A fetch is told apart only with NX or SMEP. */
static u32 error_of(enum pg_op op, bool user)
{
	bool fetch_bit = pg_nx || (read_cr4() & CR4_SMEP);

	return PFEC_P | (op == PG_WRITE ? PFEC_W : 0) | (user ? PFEC_U : 0) |
	       (op == PG_FETCH && fetch_bit ? PFEC_F : 0);
}

static void denied(const char *name, enum pg_op op, bool user)
{
	pg_expect(name, op, user, W0, error_of(op, user));
}

static void allowed(const char *name, enum pg_op op, bool user)
{
	pg_expect(name, op, user, W0, PG_OK);
}

static void remap(void)
{
	u32 wrong = 0;

	begin();
	for (u32 i = 0; i < ROUNDS; i++) {
		set_leaf((i & 1 ? frame_b : frame_a) | PTE_KERNEL);
		wrong += pg_read(W0) != (i & 1 ? MARK_B : MARK_A);
	}
	pg_check(!wrong, "by_invlpg", "%u of %u times the old one", wrong, ROUNDS);
	for (u32 i = 0; i < ROUNDS; i++) {
		pg_set(leaf, (i & 1 ? frame_b : frame_a) | PTE_KERNEL);
		pg_load(root);
		wrong += pg_read(W0) != (i & 1 ? MARK_B : MARK_A);
	}
	pg_check(!wrong, "by_cr3", "%u of %u times the old one", wrong, ROUNDS);
	set_leaf(0);
	pg_expect("absent", PG_READ, false, W0, 0);
	/* nobody need flush what was absent */
	pg_set(leaf, frame_a | PTE_KERNEL);
	pg_check(pg_read(W0) == MARK_A, "present_at_once", "it reads 0x%x", pg_read(W0));
	end();
}

static void rights(void)
{
	begin();
	pg_code(frame_a);
	set_leaf(frame_a | PTE_ALL);
	allowed("user_writes", PG_WRITE, true);
	pg_code(frame_a);
	set_leaf(frame_a | PTE_P | PTE_U);
	denied("user_write_denied", PG_WRITE, true);
	denied("write_denied", PG_WRITE, false);
	allowed("user_reads", PG_READ, true);
	allowed("user_fetches", PG_FETCH, true);
	set_leaf(frame_a | PTE_KERNEL);
	denied("user_read_denied", PG_READ, true);
	allowed("supervisor_writes", PG_WRITE, false);
	pg_code(frame_a);
	allowed("supervisor_fetches", PG_FETCH, false);
	if (pg_nx) {
		set_leaf(frame_a | PTE_ALL | PTE_NX);
		denied("fetch_denied", PG_FETCH, false);
		denied("user_fetch_denied", PG_FETCH, true);
		allowed("nx_reads", PG_READ, true);
	}
	set_leaf(frame_a | PTE_ALL);
	allowed("all_again", PG_WRITE, true);
	end();
}

/* The same at an entry above the leaf, where one entry governs a whole table. */
static void upper_rights(void)
{
	void *pde;

	begin();
	pde = pg_slot(root, W0, 2);
	set_leaf(frame_a | PTE_ALL);
	pg_code(frame_a);
	allowed("before", PG_WRITE, true);
	pg_set(pde, pg_get(pde) & ~PTE_W);
	pg_flush(W0);
	denied("write_denied", PG_WRITE, true);
	allowed("reads", PG_READ, true);
	pg_set(pde, (pg_get(pde) | PTE_W) & ~PTE_U);
	pg_flush(W0);
	denied("user_denied", PG_READ, true);
	allowed("supervisor_writes", PG_WRITE, false);
	pg_set(pde, (pg_get(pde) | PTE_U) & ~PTE_P);
	pg_flush(W0);
	pg_expect("absent", PG_READ, false, W0, 0);
	pg_set(pde, pg_get(pde) | PTE_P);
	allowed("back", PG_WRITE, true);
	end();
}

/* One table below two entries, of which one allows less. Each address has its own rights. */
static void shared_table(void)
{
	va_t other = W0 + (va_t)pg_page_size(2);
	u64 table;

	begin();
	table = pg_get(pg_slot(root, W0, 2)) & PG_ADDRESS;
	set_leaf(frame_a | PTE_ALL);
	pg_set(pg_slot(root, other, 2), table | PTE_P | PTE_U);
	for (u32 i = 0; i < 3; i++) {
		allowed("one_writes", PG_WRITE, true);
		pg_expect("other_denied", PG_WRITE, true, other, error_of(PG_WRITE, true));
		pg_expect("other_reads", PG_READ, true, other, PG_OK);
		set_leaf((i & 1 ? frame_a : frame_b) | PTE_ALL);
		pg_flush(other);
		pg_check(pg_read(other) == *pg_word(i & 1 ? frame_a : frame_b), "both_follow",
			 "it reads 0x%x", pg_read(other));
	}
	pg_set(pg_slot(root, other, 2), 0);
	end();
}

static void large_and_small(void)
{
	u64 big, table, entry;
	void *pde;
	u32 wrong = 0;

	if (!pg->large)
		return;
	begin();
	big = pg_large_frame();
	pde = pg_slot(root, W0, 2);
	table = pg_get(pde);
	entry = big | PTE_ALL | PTE_PS;
	set_leaf(frame_a | PTE_ALL);
	for (u32 i = 0; i < 20; i++) {
		*pg_word(big) = 0x1a59e;
		*pg_word(big + 5 * PAGE_SIZE) = 0x5555;
		pg_set(pde, entry);
		pg_load(root);
		wrong += pg_read(W0) != 0x1a59e || pg_read(W0 + 5 * PAGE_SIZE) != 0x5555;
		pg_set(pde, table);
		pg_load(root);
		wrong += pg_read(W0) != MARK_A;
		wrong += pg_kernel(PG_READ, W0 + 5 * PAGE_SIZE) != EXC_PF;
	}
	pg_check(!wrong, "toggle", "%u accesses went elsewhere", wrong);
	/* the table lies in the large page, at its beginning */
	memset(at(big), 0, PAGE_SIZE);
	pg_set(at(big), frame_b | PTE_ALL);
	for (u32 i = 0; i < 20; i++) {
		pg_set(pde, entry);
		pg_flush(W0);
		wrong += (pg_read(W0) & ~(u32)(PTE_A | PTE_D)) != (u32)(frame_b | PTE_ALL);
		pg_set(pde, big | PTE_ALL);
		pg_flush(W0);
		wrong += pg_read(W0) != MARK_B;
	}
	pg_check(!wrong, "table_in_the_page", "%u accesses went elsewhere", wrong);
	pg_set(pde, table);
	end();
}

static u64 bits(const void *slot)
{
	return pg_get(slot) & (PTE_A | PTE_D);
}

static void accessed_dirty(void)
{
	void *pde;

	begin();
	pde = pg_slot(root, W0, 2);
	for (u32 i = 0; i < 3; i++) {
		pg_set(pde, pg_get(pde) & ~(PTE_A | PTE_D));
		set_leaf(frame_a | PTE_ALL);
		pg_load(root);
		pg_read(W0);
		pg_check(bits(leaf) == PTE_A, "read", "entry 0x%llx",
			 (unsigned long long)pg_get(leaf));
		pg_check(pg_get(pde) & PTE_A, "above", "entry 0x%llx",
			 (unsigned long long)pg_get(pde));
		pg_write(W0, MARK_A);
		pg_check(bits(leaf) == (PTE_A | PTE_D), "write", "entry 0x%llx",
			 (unsigned long long)pg_get(leaf));
		set_leaf(frame_a | PTE_ALL | PTE_A);
		pg_read(W0);
		pg_check(bits(leaf) == PTE_A, "read_is_not_dirty", "entry 0x%llx",
			 (unsigned long long)pg_get(leaf));
		pg_user(PG_WRITE, W0);
		pg_check(bits(leaf) == (PTE_A | PTE_D), "user_write", "entry 0x%llx",
			 (unsigned long long)pg_get(leaf));
	}
	set_leaf(frame_a | PTE_P | PTE_U);
	denied("denied", PG_WRITE, true);
	pg_check(!(pg_get(leaf) & PTE_D), "denied_is_not_dirty", "entry 0x%llx",
		 (unsigned long long)pg_get(leaf));
	if (pg->large) {
		u64 table = pg_get(pde), big = pg_large_frame();

		pg_set(pde, big | PTE_ALL | PTE_PS);
		pg_load(root);
		pg_read(W0 + 7 * PAGE_SIZE);
		pg_check(bits(pde) == PTE_A, "large_read", "entry 0x%llx",
			 (unsigned long long)pg_get(pde));
		pg_write(W0 + 9 * PAGE_SIZE, 1);
		pg_check(bits(pde) == (PTE_A | PTE_D), "large_write", "entry 0x%llx",
			 (unsigned long long)pg_get(pde));
		pg_set(pde, table);
	}
	end();
}

static void write_protect(void)
{
	u32 wrong = 0;

	begin();
	set_leaf(frame_a | PTE_P | PTE_U);
	for (u32 i = 0; i < ROUNDS; i++) {
		write_cr0(read_cr0() & ~CR0_WP);
		wrong += pg_kernel(PG_WRITE, W0) != NO_TRAP;
		wrong += i % 8 == 0 && pg_user(PG_WRITE, W0) != EXC_PF;
		write_cr0(read_cr0() | CR0_WP);
		wrong += pg_kernel(PG_WRITE, W0) != EXC_PF;
		wrong += i % 8 == 0 && pg_user(PG_READ, W0) != NO_TRAP;
	}
	pg_check(!wrong, "toggle", "%u accesses of %u rounds ended otherwise", wrong, ROUNDS);
	set_leaf(frame_b | PTE_P | PTE_U | PTE_A);
	write_cr0(read_cr0() & ~CR0_WP);
	pg_write(W0, MARK_A);
	pg_check(*pg_word(frame_b) == MARK_A, "written", "the frame has 0x%x", *pg_word(frame_b));
	pg_check(pg_get(leaf) & PTE_D, "dirty", "entry 0x%llx", (unsigned long long)pg_get(leaf));
	denied("user_denied", PG_WRITE, true);
	allowed("user_reads", PG_READ, true);
	set_leaf(frame_a | PTE_P);
	allowed("supervisor_page", PG_WRITE, false);
	denied("user_denied_there", PG_READ, true);
	write_cr0(read_cr0() | CR0_WP);
	denied("denied_again", PG_WRITE, false);
	end();
}

static void stac(void)
{
	__asm__ volatile("stac" : : : "memory", "cc");
}

static void clac(void)
{
	__asm__ volatile("clac" : : : "memory", "cc");
}

/* With SMEP and SMAP on: what WP=0 allowed must not let more pass. */
static void smap_without_wp(void)
{
	pg_code(frame_a);
	set_leaf(frame_a | PTE_P | PTE_U);
	write_cr0(read_cr0() & ~CR0_WP);
	stac();
	allowed("wp0_ac_write", PG_WRITE, false);
	pg_code(frame_a);
	clac();
	denied("wp0_read_denied", PG_READ, false);
	denied("wp0_write_denied", PG_WRITE, false);
	denied("wp0_fetch_denied", PG_FETCH, false);
	allowed("wp0_user_fetches", PG_FETCH, true);
	denied("wp0_user_denied", PG_WRITE, true);
	stac();
	allowed("wp0_ac_again", PG_WRITE, false);
	clac();
	write_cr0(read_cr0() | CR0_WP);
	pg_code(frame_a);
}

static void smep_smap(void)
{
	u32 has = cpuid(7, 0).ebx & (BIT32(7) | BIT32(20));

	if (has != (BIT32(7) | BIT32(20))) {
		pg_skip("smep_smap", "the CPU has not both");
		return;
	}
	begin();
	pg_code(frame_a);
	set_leaf(frame_a | PTE_ALL);
	for (u32 i = 0; i < 3; i++) {
		write_cr4(read_cr4() | CR4_SMEP);
		denied("smep_fetch_denied", PG_FETCH, false);
		allowed("smep_reads", PG_READ, false);
		allowed("smep_user_fetches", PG_FETCH, true);
		write_cr4(read_cr4() | CR4_SMAP);
		denied("smap_read_denied", PG_READ, false);
		denied("smap_write_denied", PG_WRITE, false);
		stac();
		allowed("smap_ac_reads", PG_READ, false);
		clac();
		denied("smap_denied_again", PG_READ, false);
		allowed("smap_user_reads", PG_READ, true);
		smap_without_wp();
		set_leaf(frame_a | PTE_ALL);
		write_cr4(read_cr4() & ~(CR4_SMEP | CR4_SMAP));
		allowed("off_reads", PG_READ, false);
		allowed("off_fetches", PG_FETCH, false);
		write_cr0(read_cr0() & ~CR0_WP);
		write_cr4(read_cr4() | CR4_SMEP);
		allowed("smep_wp0_writes", PG_WRITE, false);
		pg_code(frame_a);
		denied("smep_wp0_fetch_denied", PG_FETCH, false);
		write_cr4(read_cr4() & ~CR4_SMEP);
		write_cr0(read_cr0() | CR0_WP);
		allowed("off_again", PG_FETCH, false);
	}
	end();
}

static void global_pages(void)
{
	u32 wrong = 0;

	if (!(cpuid(1, 0).edx & BIT32(13))) {
		pg_skip("global_pages", "the CPU has none");
		return;
	}
	begin();
	write_cr4(read_cr4() | CR4_PGE);
	for (u32 i = 0; i < ROUNDS; i++) {
		pg_set(leaf, (i & 1 ? frame_b : frame_a) | PTE_KERNEL | PTE_G);
		pg_load(root);
		pg_read(W0); /* the old one is allowed */
		write_cr4(read_cr4() & ~CR4_PGE);
		wrong += pg_read(W0) != (i & 1 ? MARK_B : MARK_A);
		write_cr4(read_cr4() | CR4_PGE);
		wrong += pg_read(W0) != (i & 1 ? MARK_B : MARK_A);
	}
	pg_check(!wrong, "by_pge", "%u accesses went to the old one", wrong);
	for (u32 i = 0; i < ROUNDS; i++) {
		set_leaf((i & 1 ? frame_b : frame_a) | PTE_KERNEL | PTE_G);
		wrong += pg_read(W0) != (i & 1 ? MARK_B : MARK_A);
	}
	pg_check(!wrong, "by_invlpg", "%u accesses went to the old one", wrong);
	write_cr4(read_cr4() & ~CR4_PGE);
	end();
}

#ifdef __x86_64__
#define INVPCID_ADDRESS 0UL
#define INVPCID_ONE     1UL
#define INVPCID_ALL     2UL
#define INVPCID_LOCAL   3UL

static void invpcid(unsigned long type, u64 pcid)
{
	const u64 descriptor[2] = { pcid, W0 };

	__asm__ volatile("invpcid %0, %1" : : "m"(descriptor), "r"(type) : "memory");
}

/* INVLPG of what is no address does nothing in 64-bit mode. */
static void no_address(void)
{
	pg_flush(1UL << 63);
	pg_flush(W0 | 1UL << 60);
	pg_check(true, "no_address", "survived");
}

/* Two address spaces with numbers of their own, and loads of CR3 that keep what the TLB has. */
static void process_ids(void)
{
	bool has_invpcid = cpuid(7, 0).ebx & BIT32(10);
	u64 other;
	u32 wrong = 0;

	if (!(cpuid(1, 0).ecx & BIT32(17))) {
		pg_skip("process_ids", "the CPU has no PCIDs");
		return;
	}
	begin();
	other = pg_space();
	pg_map(other, W0, frame_b, PTE_KERNEL, 1);
	set_leaf(frame_a | PTE_KERNEL);
	write_cr4(read_cr4() | CR4_PCIDE);
	pg_load(other | 2);
	pg_load(root | 1);
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 frame = i & 1 ? frame_a : frame_b;

		pg_load(other | 2 | CR3_NOFLUSH);
		wrong += pg_read(W0) != MARK_B;
		/* changed while it is not loaded */
		pg_set(leaf, frame | PTE_KERNEL);
		if (has_invpcid && i % 4)
			invpcid(i % 4 == 1   ? INVPCID_ADDRESS
				: i % 4 == 2 ? INVPCID_ONE
				: i & 4      ? INVPCID_ALL
					     : INVPCID_LOCAL,
				1);
		pg_load(root | 1 | (has_invpcid && i % 4 ? CR3_NOFLUSH : 0));
		wrong += pg_read(W0) != *pg_word(frame);
	}
	pg_check(!wrong, "each_its_own", "%u reads of the wrong page", wrong);
	pg_load(root);
	write_cr4(read_cr4() & ~CR4_PCIDE);
	end();
	pg_space_free(other);
}
#endif

static const struct pg_scene scenes[] = {
	{ "remap", remap },
	{ "rights", rights },
	{ "upper_rights", upper_rights },
	{ "shared_table", shared_table },
	{ "large_and_small", large_and_small },
	{ "accessed_dirty", accessed_dirty },
	{ "write_protect", write_protect },
	{ "smep_smap", smep_smap },
	{ "global_pages", global_pages },
#ifdef __x86_64__
	{ "process_ids", process_ids },
	{ "no_address", no_address },
#endif
};

void guest_main(void)
{
	pg_run(scenes, ARRAY_SIZE(scenes));
}
