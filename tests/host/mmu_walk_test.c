/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/host/mmu_sim.c tests/host/mmu_ref.c tests/host/fake/bug.c */
/*
 * The guest walker against the reference model: every combination of flags in the leaf, and in each
 * entry above it, with every combination of the control bits, for every format; then anything.
 */

#include "mmu_ref.h"
#include "mmu_sim.h"

#include "mmu/stat.h"

/* Guest memory: RAM where the fast form looks, a second RAM slot, ROM, a hole behind. */
#define MAIN_GFN  0x80
#define MAIN_NR   0x80
#define OTHER_GFN 0x10
#define OTHER_NR  0x20
#define ROM_GFN   0x40
#define ROM_NR    0x20

static struct mmu_vm vm;
static u32 quick_answers[2]; /* with 4 and 5 levels */

enum mode {
	M_NONE,
	M_32,
	M_PSE,
	M_PSE36,
	M_PAE,
	M_PAE_LATCHED,
	M_4,
	M_5,
	M_NR,
};

static const struct {
	u8 levels, size;
} modes[] = {
	[M_NONE] = { 0, 8 }, [M_32] = { 2, 4 },          [M_PSE] = { 2, 4 }, [M_PSE36] = { 2, 4 },
	[M_PAE] = { 3, 8 },  [M_PAE_LATCHED] = { 3, 8 }, [M_4] = { 4, 8 },   [M_5] = { 5, 8 },
};

static void start(void)
{
	ref_level_bits = MMU_LEVEL_BITS;
	sim_start(SPTE_NPT, 200, 1);
	sim_vm(&vm, 1, 190);
	assert_int_equal(sim_add(&vm, SLOT_RAM, MAIN_GFN, MAIN_NR, SIM_RAM >> 12), 0);
	assert_int_equal(sim_add(&vm, SLOT_RAM, OTHER_GFN, OTHER_NR, (SIM_RAM >> 12) + 0x1000), 0);
	assert_int_equal(sim_add(&vm, SLOT_ROM, ROM_GFN, ROM_NR, (SIM_RAM >> 12) + 0x2000), 0);
	assert_int_equal(mmu_prebuild(&vm), 0);
	memset(env_sim.mem + SIM_RAM, 0, 0x3000ULL << 12);
}

/* Guest memory without mmu/'s help; outside it reads ones. */
static u8 *mem(u64 gpa)
{
	u64 gfn = gpa >> 12, base = SIM_RAM + (gpa & 0xfff);

	if (gfn - MAIN_GFN < MAIN_NR)
		return env_sim.mem + base + ((gfn - MAIN_GFN) << 12);
	if (gfn - OTHER_GFN < OTHER_NR)
		return env_sim.mem + base + ((0x1000 + gfn - OTHER_GFN) << 12);
	if (gfn - ROM_GFN < ROM_NR)
		return env_sim.mem + base + ((0x2000 + gfn - ROM_GFN) << 12);
	return NULL;
}

static u64 read_mem(u64 gpa, int size)
{
	u64 v = size == 4 ? 0xffffffff : ~0ULL;

	if (mem(gpa))
		memcpy(&v, mem(gpa), (size_t)size);
	return v;
}

static void write_mem(u64 gpa, u64 v, int size)
{
	if (mem(gpa))
		memcpy(mem(gpa), &v, (size_t)size);
}

static bool writable(u64 gpa)
{
	return mem(gpa) && (gpa >> 12) - ROM_GFN >= ROM_NR;
}

static struct mmu_regs regs_for(enum mode mode)
{
	struct mmu_regs r = {
		.cr0 = mode == M_NONE ? 1 : 0x80000001,
		.efer = 0,
		.maxphyaddr = 40,
		.has_nx = true,
		.has_1g = true,
		.has_pse36 = mode == M_PSE36,
		.pdpte_latched = mode == M_PAE_LATCHED,
	};

	if (mode == M_PSE || mode == M_PSE36)
		r.cr4 |= 1u << 4;
	if (mode >= M_PAE)
		r.cr4 |= 1u << 5;
	if (mode >= M_4)
		r.efer |= 1u << 10;
	if (mode == M_5)
		r.cr4 |= 1u << 12;
	return r;
}

/* --- comparison ------------------------------------------------------------------------------- */

static void explain(const struct mmu_regs *r, u64 gva, u32 access, const struct ref_out *want,
		    const struct mmu_walk *w)
{
	print_error("cr0 %#llx cr3 %#llx cr4 %#llx efer %#llx gva %#llx access %#x\n",
		    (unsigned long long)r->cr0, (unsigned long long)r->cr3,
		    (unsigned long long)r->cr4, (unsigned long long)r->efer,
		    (unsigned long long)gva, access);
	for (u32 l = w->top; l && l >= w->level; l--)
		print_error("  L%u %#llx\n", l, (unsigned long long)w->gpte[l]);
	print_error("want ok %d gpa %#llx error %#x; got ok %d gpa %#llx error %#x (%s)\n",
		    want->ok, (unsigned long long)want->gpa, want->error, w->ok,
		    (unsigned long long)w->gpa.v, w->fault.error, w->reason ? w->reason : "-");
	fail();
}

static struct ref_access ref_access_of(u32 access)
{
	return (struct ref_access){
		.write = access & MMU_W,
		.fetch = access & MMU_X,
		.user = access & MMU_U,
		.implicit = access & MMU_IMPLICIT,
	};
}

/* Memory after an access must be what the model says; then puts the entries back. */
static void check_updates(const struct ref_out *want, const struct mmu_regs *r, u64 gva, u32 access,
			  const struct mmu_walk *w, const u64 *before)
{
	for (u32 l = w->top; l && l >= w->level; l--) {
		int size = r->cr4 & 1u << 5 ? 8 : 4;
		u64 expect = before[l];

		for (int i = 0; i < want->nr_updates; i++)
			if (want->update[i].gpa == w->gpte_gpa[l].v && writable(w->gpte_gpa[l].v))
				expect = want->update[i].value;
		if (read_mem(w->gpte_gpa[l].v, size) != expect)
			explain(r, gva, access, want, w);
		if (writable(w->gpte_gpa[l].v))
			write_mem(w->gpte_gpa[l].v, before[l], size);
	}
}

/* The walk uses one entry at two levels, so that its own updates are seen by itself. */
static bool aliased(const struct mmu_walk *w)
{
	for (u32 i = w->level; i <= w->top; i++)
		for (u32 j = w->level; w->top && j < i; j++)
			if (w->gpte_gpa[i].v == w->gpte_gpa[j].v)
				return true;
	return false;
}

/* Of whatever was asked last, and of memory that has changed since. */
static struct mmu_memo memo;

/* Either no answer, or the right one to an access that leaves nothing to be done. */
static void check_quick_fetch(const struct mmu_regs *r, u64 gva, u32 access,
			      const struct ref_out *want)
{
	struct mmu_regs regs = *r;
	const u8 *p;

	regs.cpl = access & MMU_U ? 3 : 0;
	p = mmu_fetch_quick(&vm, &regs, GVA(gva), &memo);
	assert_ptr_equal(p, mmu_fetch_quick(&vm, &regs, GVA(gva), &memo));
	if (!p)
		return;
	assert_true(want->ok && want->nr_updates == 0);
	assert_ptr_equal(p, mem(want->gpa));
	assert_true(gva % 4096 <= 4096 - 16);
	quick_answers[regs.cr4 >> 12 & 1]++;
}

static void compare(const struct mmu_regs *r, u64 gva, u32 access)
{
	struct mmu_gfault fault = { .gva = GVA(1), .error = ~0U };
	struct ref_out want;
	struct mmu_walk w;
	gpa_t gpa = GPA(~0ULL);
	u64 before[MMU_MAX_LEVEL + 1] = { 0 };
	bool ok;

	ref_translate(r, gva, ref_access_of(access), read_mem, &want);
	if (access & MMU_X)
		check_quick_fetch(r, gva, access, &want);

	/* Without accessed and dirty bits: memory stays. */
	ok = mmu_walk(&vm, r, GVA(gva), access | MMU_NO_AD, &w);
	if (ok != want.ok || w.ok != ok ||
	    (ok ? w.gpa.v != want.gpa || (w.top && w.page_size != want.page_size)
		: w.fault.error != want.error || w.fault.gva.v != gva || !w.reason))
		explain(r, gva, access, &want, &w);
	for (u32 l = w.top; l && l >= w.level; l--)
		before[l] = read_mem(w.gpte_gpa[l].v, r->cr4 & 1u << 5 ? 8 : 4);
	if (aliased(&w))
		return;

	ok = mmu_walk(&vm, r, GVA(gva), access, &w);
	if (ok != want.ok || (ok && w.gpa.v != want.gpa))
		explain(r, gva, access, &want, &w);
	check_updates(&want, r, gva, access, &w, before);

	ok = mmu_translate(&vm, r, GVA(gva), access, &gpa, &fault);
	w.gpa = gpa;
	w.fault = fault;
	w.ok = ok;
	if (ok != want.ok || (ok ? gpa.v != want.gpa : fault.error != want.error))
		explain(r, gva, access, &want, &w);
	check_updates(&want, r, gva, access, &w, before);
}

static const u32 accesses[] = {
	MMU_R,
	MMU_W,
	MMU_X,
	MMU_R | MMU_U,
	MMU_W | MMU_U,
	MMU_X | MMU_U,
	MMU_R | MMU_IMPLICIT,
	MMU_W | MMU_IMPLICIT,
	MMU_R | MMU_W,
};

/* WP, SMEP, SMAP, PKE, NXE, AC in all combinations, and every access. */
static void compare_all(struct mmu_regs r, u64 gva)
{
	const u64 cr4 = r.cr4, cr0 = r.cr0, efer = r.efer;

	for (u32 c = 0; c < 64; c++) {
		r.cr0 = cr0 | (c & 1 ? 1u << 16 : 0);
		r.cr4 = cr4 | (c & 2 ? 1u << 20 : 0) | (c & 4 ? 1u << 21 : 0) |
			(c & 8 ? 1u << 22 : 0);
		r.efer = efer | (c & 16 ? 1u << 11 : 0);
		r.rflags = c & 32 ? 1u << 18 : 0;
		for (u32 i = 0; i < ARRAY_SIZE(accesses); i++)
			compare(&r, gva, accesses[i]);
	}
}

/* --- one path through the tables -------------------------------------------------------------- */

#define ENTRY_OK (1u | 2u | 4u | 1u << 5) /* P W U A */

static u64 path_gpa[MMU_MAX_LEVEL + 1]; /* of the entry at each level, for the gva of the path */

static u32 index_of(enum mode mode, u64 gva, u32 level)
{
	if (modes[mode].size == 4)
		return gva >> (12 + (MMU_LEVEL_BITS + 1) * (level - 1)) & (2 * MMU_ENTRIES - 1);
	if (level == 3 && (mode == M_PAE || mode == M_PAE_LATCHED))
		return gva >> (12 + MMU_LEVEL_BITS * 2) & 3;
	return gva >> (12 + MMU_LEVEL_BITS * (level - 1)) & (MMU_ENTRIES - 1);
}

/* Tables in a row of frames from first on, all entries permissive. Sets CR3. */
static void build_path(enum mode mode, struct mmu_regs *r, u64 gva, u64 first)
{
	u64 table = first << 12;

	r->cr3 = table;
	for (u32 level = modes[mode].levels; level > 0; level--) {
		bool pdpt = level == 3 && (mode == M_PAE || mode == M_PAE_LATCHED);
		u64 next = table + 0x1000;

		path_gpa[level] = table + index_of(mode, gva, level) * modes[mode].size;
		write_mem(path_gpa[level], next | (pdpt ? 1 : ENTRY_OK), modes[mode].size);
		table = next;
	}
	for (u32 i = 0; i < 4; i++)
		r->pdpte[i] = read_mem(r->cr3 + i * 8, 8);
}

/* All flags of interest in one entry: n counts through them. */
static u64 flags(u32 n, u32 size)
{
	u64 e = 0;

	e |= n & 1 ? 1u : 0;
	e |= n & 2 ? 2u : 0;
	e |= n & 4 ? 4u : 0;
	e |= n & 8 ? 1u << 5 : 0;
	e |= n & 16 ? 1u << 6 : 0;
	e |= n & 32 ? 1u << 7 : 0;
	if (size == 8) {
		e |= n & 64 ? 1ULL << 63 : 0;
		e |= n & 128 ? 5ULL << 59 : 0; /* protection key 5, or reserved in PAE */
	}
	return e;
}

static void flags_of_one_entry(enum mode mode, u32 level)
{
	struct mmu_regs r = regs_for(mode);
	const u64 gva = 0x12345678;
	u32 nr = modes[mode].size == 8 ? 256 : 64;
	u64 keep;

	r.pkru = 2u << 10; /* key 5: write-disable */
	build_path(mode, &r, gva, MAIN_GFN);
	keep = read_mem(path_gpa[level], modes[mode].size);
	for (u32 n = 0; n < nr; n++) {
		u64 e = (keep & 0xfffffffff000) | flags(n, modes[mode].size);

		/* A large leaf must be aligned to be one. */
		if (n & 32 && level > 1)
			e &= ~0x3ffff000ULL;
		write_mem(path_gpa[level], e, modes[mode].size);
		if (level == 3 && mode == M_PAE_LATCHED)
			r.pdpte[index_of(mode, gva, 3)] = e;
		if (n % 16 == 15)
			r.pkru ^= 3u << 10; /* AD instead of WD */
		compare_all(r, gva);
	}
	write_mem(path_gpa[level], keep, modes[mode].size);
}

static void each_flag_of_each_level(void **state)
{
	(void)state;
	start();
	for (enum mode mode = M_32; mode < M_NR; mode++)
		for (u32 level = 1; level <= modes[mode].levels; level++)
			flags_of_one_entry(mode, level);
	assert_true(quick_answers[0] > 500 && quick_answers[1] > 500);
	mmu_vm_fini(&vm);
}

static void each_bit_that_may_be_reserved(void **state)
{
	(void)state;
	start();
	for (enum mode mode = M_32; mode < M_NR; mode++) {
		for (u32 c = 0; c < 16; c++) {
			struct mmu_regs r = regs_for(mode);
			const u64 gva = 0xfffff000 & (0x40201000 * (c + 1));

			r.maxphyaddr = (u8[]){ 36, 40, 46, 52 }[c & 3];
			r.efer |= c & 4 ? 1u << 11 : 0;
			r.has_1g = c & 8;
			build_path(mode, &r, gva, MAIN_GFN);
			for (u32 level = 1; level <= modes[mode].levels; level++) {
				u64 keep = read_mem(path_gpa[level], modes[mode].size);

				for (u32 b = 0; b < 2 * modes[mode].size * 8u; b++) {
					u64 e = keep ^ 1ULL << b / 2;

					/* As table entry and as large leaf. */
					if (b & 1)
						e = (e & ~0x3ffff000ULL) | 1u << 7 |
						    (b / 2 > 12 && b / 2 < 30 ? 1ULL << b / 2 : 0);
					write_mem(path_gpa[level], e, modes[mode].size);
					if (level == 3 && mode == M_PAE_LATCHED)
						r.pdpte[index_of(mode, gva, 3)] = e;
					compare(&r, gva, MMU_R);
					compare(&r, gva, MMU_X | MMU_U);
				}
				write_mem(path_gpa[level], keep, modes[mode].size);
				if (level == 3)
					r.pdpte[index_of(mode, gva, 3)] = keep;
			}
		}
	}
	mmu_vm_fini(&vm);
}

/* --- anything --------------------------------------------------------------------------------- */

static u64 random_frame(void)
{
	switch (sim_rand(8)) {
	case 0:
		return OTHER_GFN + sim_rand(OTHER_NR);
	case 1:
		return ROM_GFN + sim_rand(ROM_NR);
	case 2:
		return sim_rand(0x300);
	default:
		return MAIN_GFN + sim_rand(8);
	}
}

static u64 random_entry(u32 size)
{
	u64 e = random_frame() << 12 | (sim_rand(64) << 1 & 0x67) | (sim_rand(16) ? 1 : 0);

	if (sim_rand(2))
		e |= 7u | 1u << 5;
	if (!sim_rand(8))
		e |= 1u << 7;
	if (e & 1u << 7 && sim_rand(4))
		e &= ~0x3ffff000ULL;
	if (!sim_rand(20))
		e ^= 1ULL << sim_rand(size * 8);
	if (size == 8 && !sim_rand(4))
		e |= sim_rand(16) << 59;
	return size == 4 ? (u32)e : e;
}

static void any_tables_any_registers(void **state)
{
	(void)state;
	start();
	for (u32 round = 0; round < 4000; round++) {
		enum mode mode = (enum mode)sim_rand(M_NR);
		struct mmu_regs r = regs_for(mode);
		u32 size = modes[mode].size;

		r.cr3 = random_frame() << 12 | sim_rand(128) << 5;
		r.cr4 |= sim_rand(2) << 20 | sim_rand(2) << 21 | sim_rand(2) << 22;
		r.efer |= sim_rand(4) ? 1u << 11 : 0;
		r.cr0 |= sim_rand(2) << 16;
		r.rflags = sim_rand(2) << 18;
		r.pkru = (u32)sim_rand(1ULL << 32);
		r.maxphyaddr = (u8)(36 + sim_rand(17));
		r.has_1g = sim_rand(2);
		/* The same few indices at all levels, so that walks go deep. */
		for (u32 i = 0; i < 64; i++)
			write_mem((MAIN_GFN << 12) + sim_rand(8) * 0x1000 +
					  (sim_rand(2) ? sim_rand(4) : sim_rand(4096 / size)) *
						  size,
				  random_entry(size), (int)size);
		write_mem(OTHER_GFN << 12, random_entry(size), (int)size);
		write_mem(ROM_GFN << 12, random_entry(size), (int)size);
		for (u32 i = 0; i < 4; i++)
			r.pdpte[i] = sim_rand(4) ? random_frame() << 12 | 1 : 0;
		for (u32 i = 0; i < 60; i++) {
			u64 gva = sim_rand(4096);

			for (u32 l = 0; l < 5; l++)
				gva |= sim_rand(4)
				       << (12 + (MMU_LEVEL_BITS + (size == 4 ? 1U : 0)) * l);
			compare(&r, size == 4 ? (u32)gva : gva,
				accesses[sim_rand(ARRAY_SIZE(accesses))]);
		}
	}
	mmu_vm_fini(&vm);
}

/* --- details ---------------------------------------------------------------------------------- */

static void record_names_entries_rights_and_reason(void **state)
{
	struct mmu_regs r = regs_for(M_4);
	struct mmu_walk w;

	(void)state;
	start();
	r.efer |= 1u << 11;
	build_path(M_4, &r, 0x12345678, MAIN_GFN);
	write_mem(path_gpa[3], read_mem(path_gpa[3], 8) & ~2ULL, 8);
	write_mem(path_gpa[2], read_mem(path_gpa[2], 8) | 1ULL << 63, 8);
	assert_true(mmu_walk(&vm, &r, GVA(0x12345678), MMU_R, &w));
	assert_int_equal(w.top, 4);
	assert_int_equal(w.level, 1);
	for (u32 l = 1; l <= 4; l++) {
		assert_int_equal(w.gpte_gpa[l].v, path_gpa[l]);
		assert_int_equal(w.gpte[l], read_mem(path_gpa[l], 8));
	}
	assert_int_equal(w.access_in[4], MMU_W | MMU_U | MMU_X);
	assert_int_equal(w.access_in[3], MMU_W | MMU_U | MMU_X);
	assert_int_equal(w.access_in[2], MMU_U | MMU_X);
	assert_int_equal(w.access_in[1], MMU_U);
	assert_int_equal(w.access, MMU_U);
	assert_false(mmu_walk(&vm, &r, GVA(0x12345678), MMU_X, &w));
	assert_string_equal(w.reason, "NX");
	mmu_vm_fini(&vm);
}

/* A table that is its own child: setting A at one level changes the entry of the next. */
static void self_map_restarts_and_ends(void **state)
{
	struct mmu_regs r = regs_for(M_4);
	const u64 pml4 = MAIN_GFN << 12;
	struct mmu_walk w;

	(void)state;
	start();
	r.cr3 = pml4;
	write_mem(pml4, pml4 | 7, 8);
	assert_true(mmu_walk(&vm, &r, GVA(0x123), MMU_W, &w));
	assert_int_equal(w.gpa.v, pml4 + 0x123);
	assert_int_equal(read_mem(pml4, 8), pml4 | 7 | 0x60);
	assert_true(mmu_stat_get(&vm, MMU_STAT_WALK_RESTART) > 0);
	mmu_vm_fini(&vm);
}

/* Another CPU writes to the leaf entry whenever it has been read. */
static bool rewrite_leaf(enum mmu_hook h)
{
	if (h == HOOK_BEFORE_AD)
		write_mem(path_gpa[1], read_mem(path_gpa[1], 8) ^ 1ULL << 52, 8);
	return false;
}

static void entry_that_keeps_changing_is_absent_in_the_end(void **state)
{
	struct mmu_regs r = regs_for(M_4);
	struct mmu_walk w;
	u64 before;

	(void)state;
	start();
	build_path(M_4, &r, 0x12345678, MAIN_GFN);
	write_mem(path_gpa[1], MAIN_GFN << 12 | 7, 8);
	before = mmu_stat_get(&vm, MMU_STAT_WALK_RESTART);
	env_sim.hook = rewrite_leaf;
	assert_false(mmu_walk(&vm, &r, GVA(0x12345678), MMU_W, &w));
	env_sim.hook = NULL;
	assert_int_equal(w.fault.error, 2);
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_WALK_RESTART), before + 16);
	assert_int_equal(read_mem(path_gpa[1], 8) & 0x60, 0);
	mmu_vm_fini(&vm);
}

static const u8 *quick(const struct mmu_regs *r)
{
	return mmu_fetch_quick(&vm, r, GVA(0x12345678), &memo);
}

/* No flush: what is remembered of a translation ends with the first entry that is another one. */
static void remembered_code_follows(enum mode mode, u32 top)
{
	struct mmu_regs r = regs_for(mode), other;
	const u8 *code;

	start();
	memo = (struct mmu_memo){ 0 };
	r.efer |= 1u << 11;
	r.cpl = 3;
	build_path(mode, &r, 0x12345678, MAIN_GFN);
	code = mem((MAIN_GFN << 12) + top * 0x1000 + 0x678);
	assert_ptr_equal(quick(&r), code);
	assert_int_equal(memo.last, 0x12345fff);
	for (u32 level = 1; level <= top; level++) {
		u64 e = read_mem(path_gpa[level], 8);

		assert_ptr_equal(quick(&r), code);
		write_mem(path_gpa[level], e & ~1ULL, 8);
		assert_null(quick(&r));
		write_mem(path_gpa[level], e, 8);
		assert_ptr_equal(quick(&r), code);
		write_mem(path_gpa[level], e | BIT(63), 8);
		assert_null(quick(&r));
		write_mem(path_gpa[level], e, 8);
	}
	/* Another root with the same entry is as good, one without is not. */
	other = r;
	other.cr3 = (MAIN_GFN + 8) << 12;
	write_mem(other.cr3 + path_gpa[top] % 4096, 0, 8);
	assert_ptr_equal(quick(&r), code);
	assert_null(quick(&other));
	assert_ptr_equal(quick(&r), code);
	write_mem(other.cr3 + path_gpa[top] % 4096, read_mem(path_gpa[top], 8), 8);
	assert_ptr_equal(quick(&other), code);
	other.cr3 = ROM_GFN << 12;
	assert_null(quick(&other));
	/* A supervisor's page is not the user's. */
	write_mem(path_gpa[1], read_mem(path_gpa[1], 8) & ~4ULL, 8);
	r.cpl = 0;
	assert_ptr_equal(quick(&r), code);
	r.cpl = 3;
	assert_null(quick(&r));
	r.cpl = 0;
	assert_ptr_equal(quick(&r), code);
	r.cr4 ^= BIT(12);
	assert_true(quick(&r) != code);
	r.cr4 ^= BIT(12);
	assert_ptr_equal(quick(&r), code);
	r.efer &= ~(1ULL << 10);
	assert_null(quick(&r));
	mmu_vm_fini(&vm);
}

static void remembered_code_follows_every_entry_and_register(void **state)
{
	(void)state;
	remembered_code_follows(M_4, 4);
	remembered_code_follows(M_5, 5);
}

static void fetch_gives_bytes_to_the_end_of_the_page(void **state)
{
	struct mmu_regs r = regs_for(M_4);
	struct mmu_gfault fault;
	u32 len;

	(void)state;
	start();
	r.efer |= 1u << 11;
	build_path(M_4, &r, 0x12345678, MAIN_GFN);
	assert_ptr_equal(mmu_fetch_ptr(&vm, &r, GVA(0x12345678), MMU_X, &len, &fault),
			 mem((MAIN_GFN << 12) + 0x4678));
	assert_int_equal(len, 0x1000 - 0x678);
	r.cpl = 3;
	assert_ptr_equal(mmu_fetch_quick(&vm, &r, GVA(0x12345ff0), &memo),
			 mem((MAIN_GFN << 12) + 0x4ff0));
	assert_null(mmu_fetch_quick(&vm, &r, GVA(0x12345ff1), &memo));
	/* ROM and the other slot, then a hole, then a fault. */
	write_mem(path_gpa[1], ROM_GFN << 12 | ENTRY_OK, 8);
	assert_ptr_equal(mmu_fetch_ptr(&vm, &r, GVA(0x12345fff), MMU_X | MMU_U, &len, &fault),
			 mem((ROM_GFN << 12) + 0xfff));
	assert_int_equal(len, 1);
	write_mem(path_gpa[1], 0x90000000 | ENTRY_OK, 8);
	assert_null(mmu_fetch_ptr(&vm, &r, GVA(0x12345678), MMU_X, &len, &fault));
	assert_int_equal(len, 0);
	assert_int_equal(fault.error, 0);
	write_mem(path_gpa[2], 0, 8);
	assert_null(mmu_fetch_ptr(&vm, &r, GVA(0x12345678), MMU_X | MMU_U, &len, &fault));
	assert_int_equal(fault.error, 4 | 16);
	assert_int_equal(fault.gva.v, 0x12345678);
	mmu_vm_fini(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_flag_of_each_level),
		cmocka_unit_test(each_bit_that_may_be_reserved),
		cmocka_unit_test(any_tables_any_registers),
		cmocka_unit_test(record_names_entries_rights_and_reason),
		cmocka_unit_test(self_map_restarts_and_ends),
		cmocka_unit_test(entry_that_keeps_changing_is_absent_in_the_end),
		cmocka_unit_test(remembered_code_follows_every_entry_and_register),
		cmocka_unit_test(fetch_gives_bytes_to_the_end_of_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
