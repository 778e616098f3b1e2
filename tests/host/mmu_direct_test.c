/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/host/mmu_sim.c tests/host/fake/bug.c */
/* The direct map against a flat model: any slots, any alignment, logs, tracking, quotas. */

#include "mmu_sim.h"

#include <errno.h>

#include "lib/trace.h"
#include "mmu/stat.h"

#define RAM_FRAME (SIM_RAM >> PAGE_SHIFT)

static struct mmu_vm vm;

/* What the guest must find at each frame, kept by the test alone. */
#define MODEL_SLOTS 12

struct model_slot {
	u64 gfn, nr, hfn;
	enum slot_kind kind;
	bool logged;
};

static struct model_slot model[MODEL_SLOTS];

/* Tracks by frame and right; tests that track stay below. */
static struct tracks {
	u8 r, w, x;
} tracked[1 << 16];

static u8 dirty[1 << 16];

static struct model_slot *model_find(u64 gfn)
{
	for (u32 i = 0; i < MODEL_SLOTS; i++)
		if (model[i].kind != SLOT_NONE && gfn - model[i].gfn < model[i].nr)
			return &model[i];
	return NULL;
}

static void start(u8 fmt, u32 pool, u32 quota)
{
	sim_start(fmt, pool, 3);
	memset(model, 0, sizeof(model));
	memset(tracked, 0, sizeof(tracked));
	memset(dirty, 0, sizeof(dirty));
	sim_vm(&vm, 3, quota);
}

static void finish(void)
{
	for (u32 c = 0; c < env_sim.nr_cpus; c++)
		if (sim_cpu[c].vm)
			sim_exit(c);
	mmu_vm_fini(&vm);
	assert_int_equal(vm.used, 0);
	assert_int_equal(mmu_pool_free(), mmu_pool_total());
}

/* What the tracks of a frame leave of all rights. */
static u32 untracked(u64 gfn)
{
	const struct tracks *t = &tracked[gfn % ARRAY_SIZE(tracked)];
	u32 rights = MMU_R | MMU_W | MMU_X;

	if (gfn >= ARRAY_SIZE(tracked))
		return rights;
	if (t->w)
		rights &= ~MMU_W;
	if (t->r)
		rights &= mmu_hw.exec_only ? MMU_X : 0;
	return t->x ? rights & ~MMU_X : rights;
}

static void count_tracks(struct tracks *t, u32 rights, int by)
{
	t->r = (u8)(t->r + (rights & MMU_R ? by : 0));
	t->w = (u8)(t->w + (rights & MMU_W ? by : 0));
	t->x = (u8)(t->x + (rights & MMU_X ? by : 0));
}

/* What an access must come to. */
static void check_access(u32 cpu, u64 gfn, u32 access)
{
	const struct model_slot *s = model_find(gfn);
	struct mmu_result r = { .dev = 0x1234 };
	enum mmu_verdict v;
	u64 hpa = 0;

	v = sim_access(cpu, GPA((gfn << 12) + 0x123), access, &hpa, &r);
	if (!s || s->kind == SLOT_MMIO) {
		assert_int_equal(v, MMU_MMIO);
		assert_int_equal(r.dev, s ? s->hfn : MMU_DEV_NONE);
		if (s)
			assert_int_equal(r.dev_base.v, s->gfn << 12);
		return;
	}
	if (access & ~untracked(gfn)) {
		assert_int_equal(v, MMU_TRACKED);
		return;
	}
	if ((access & MMU_W) && s->kind == SLOT_ROM) {
		assert_int_equal(v, MMU_EMULATE);
		return;
	}
	assert_int_equal(v, MMU_SPURIOUS);
	assert_int_equal(hpa, ((s->hfn + gfn - s->gfn) << 12) + 0x123);
	if ((access & MMU_W) && s->logged)
		dirty[gfn] = 1;
}

static u32 random_access(void)
{
	static const u32 kinds[] = { MMU_R, MMU_W, MMU_X, MMU_R | MMU_W };

	return kinds[sim_rand(4)];
}

/* A frame near an interesting place: slot borders and their large-page borders. */
static u64 random_frame(void)
{
	const struct model_slot *s = &model[sim_rand(MODEL_SLOTS)];
	u64 gfn = s->gfn + (sim_rand(3) ? sim_rand(s->nr + 2) : sim_rand(2) * s->nr);

	switch (sim_rand(4)) {
	case 0:
		return gfn & ~511ULL;
	case 1:
		return gfn ? gfn - 1 : 0;
	default:
		return gfn;
	}
}

static void random_accesses(u32 n)
{
	while (n--) {
		u32 c = (u32)sim_rand(env_sim.nr_cpus);

		if (!sim_cpu[c].vm)
			sim_enter(c, &vm);
		check_access(c, random_frame(), random_access());
		if (!sim_rand(4))
			sim_exit(c);
	}
}

/* Other CPUs run while this one waits for them. */
static void run_others(void)
{
	u32 self = env_sim.cpu;

	for (u32 c = 0; c < env_sim.nr_cpus; c++) {
		struct sim_cpu *cpu = &sim_cpu[c];
		u64 hpa;
		u32 level;

		/* Only reads of tables here: a fault would need the lock that the waiter holds. */
		for (u32 i = 0; cpu->vm && i < SIM_TLB; i++)
			if (cpu->tlb[i].nr && !cpu->tlb[i].leaf)
				(void)sp_table(sp_of_hpa(HPA(cpu->tlb[i].hpa)))[0];
		if (cpu->vm)
			(void)sim_hw_walk(cpu->vm, GPA(random_frame() << 12), &hpa, &level);
	}
	env_sim.cpu = self;
}

/* --- fixed cases ------------------------------------------------------------------------------ */

static void put(u32 i, enum slot_kind kind, u64 gfn, u64 nr, u64 hfn)
{
	model[i] = (struct model_slot){ .gfn = gfn, .nr = nr, .hfn = hfn, .kind = kind };
	assert_int_equal(sim_add(&vm, kind, gfn, nr, hfn), 0);
}

static void pc_needs_seven_tables_and_no_fault(void **state)
{
	u64 hpa;
	u32 level;

	(void)state;
	for (u8 fmt = SPTE_NPT; fmt <= SPTE_EPT; fmt++) {
		start(fmt, 64, 20);
		put(0, SLOT_RAM, 0, 0xa0, RAM_FRAME);
		put(1, SLOT_ROM, 0xf0, 0x10, RAM_FRAME + 0xf0);
		put(2, SLOT_RAM, 0x100, 0xff00, RAM_FRAME + 0x100);
		put(3, SLOT_MMIO, 0xfee00, 1, 7);
		put(4, SLOT_MMIO, 0xfec00, 1, 8);
		assert_int_equal(mmu_prebuild(&vm), 0);
		/* PML4, PDPT, PD and PT at 0, PD at 3 GiB, two PTs. */
		assert_int_equal(vm.used, 7);
		assert_int_equal(sim_hw_walk(&vm, GPA(0x200000), &hpa, &level),
				 MMU_R | MMU_W | MMU_X);
		assert_int_equal(level, 2);
		assert_int_equal(hpa, SIM_RAM + 0x200000);
		assert_int_equal(sim_hw_walk(&vm, GPA(0x100000), &hpa, &level),
				 MMU_R | MMU_W | MMU_X);
		assert_int_equal(level, 1);
		sim_enter(1, &vm);
		for (u64 gfn = 0; gfn < 0x10000; gfn += 7)
			if (model_find(gfn))
				check_access(1, gfn,
					     model_find(gfn)->kind == SLOT_RAM ? MMU_W : MMU_X);
		assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FAULT_FIXED), 0);
		assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FAULT_SPURIOUS), 0);
		check_access(1, 0xfee00, MMU_R);
		check_access(1, 0xfec00, MMU_W);
		check_access(1, 0xfec01, MMU_W);
		check_access(1, 0xf3, MMU_W);
		assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FAULT_MMIO), 2);
		assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FAULT_MMIO_SLOW), 0);
		sim_audit(&vm);
		finish();
	}
}

static void aligned_gibibytes_are_mapped_whole(void **state)
{
	u64 hpa;
	u32 level;

	(void)state;
	start(SPTE_NPT, 64, 60);
	put(0, SLOT_RAM, 0x40000, 0x80000, 2 * RAM_FRAME);
	assert_int_equal(mmu_prebuild(&vm), 0);
	assert_int_equal(vm.used, 2);
	assert_int_not_equal(sim_hw_walk(&vm, GPA(0x7fffffff), &hpa, &level), 0);
	assert_int_equal(level, 3);
	sim_audit(&vm);
	finish();

	start(SPTE_NPT, 64, 60);
	mmu_hw.has_1g = false;
	put(0, SLOT_RAM, 0x40000, 0x80000, 2 * RAM_FRAME);
	assert_int_equal(mmu_prebuild(&vm), 0);
	assert_int_equal(vm.used, 4);
	sim_audit(&vm);
	finish();
}

static void page_size_erratum_keeps_all_leaves_small(void **state)
{
	u64 hpa;
	u32 level;

	(void)state;
	start(SPTE_EPT, 64, 60);
	mmu_hw.multihit = true;
	put(0, SLOT_RAM, 0, 1024, RAM_FRAME);
	assert_int_equal(mmu_prebuild(&vm), 0);
	assert_int_not_equal(sim_hw_walk(&vm, GPA(0), &hpa, &level), 0);
	assert_int_equal(level, 1);
	sim_audit(&vm);
	finish();
}

static void five_levels(void **state)
{
	(void)state;
	start(SPTE_NPT, 64, 60);
	mmu_vm_fini(&vm);
	mmu_hw.root_level = 5;
	mmu_hw.maxphyaddr = 52;
	sim_vm(&vm, 3, 60);
	put(0, SLOT_RAM, 0, 4096, RAM_FRAME);
	put(1, SLOT_MMIO, 1ULL << 38, 4, 9);
	assert_int_equal(mmu_prebuild(&vm), 0);
	sim_enter(0, &vm);
	check_access(0, 17, MMU_W);
	check_access(0, (1ULL << 38) + 3, MMU_W);
	check_access(0, 1ULL << 39, MMU_W);
	sim_audit(&vm);
	finish();
}

static void tracking_splits_and_gives_back_the_large_leaf(void **state)
{
	u64 hpa;
	u32 level;

	(void)state;
	for (u8 fmt = SPTE_NPT; fmt <= SPTE_EPT; fmt++) {
		start(fmt, 64, 60);
		put(0, SLOT_RAM, 0x40000, 0x40000, 2 * RAM_FRAME);
		assert_int_equal(mmu_prebuild(&vm), 0);
		assert_int_equal(mmu_track_add(&vm, GFN(0x40201), MMU_W), 0);
		assert_int_equal(mmu_track_add(&vm, GFN(0x40201), MMU_W), 0);
		assert_int_equal(mmu_tracked(&vm, GFN(0x40201)), MMU_W);
		assert_int_equal(sim_hw_walk(&vm, GPA(0x40201000), &hpa, &level), MMU_R | MMU_X);
		assert_int_equal(level, 1);
		/* Its siblings keep their rights, and the other 2 MiB regions their size. */
		assert_int_equal(sim_hw_walk(&vm, GPA(0x40202000), &hpa, &level),
				 MMU_R | MMU_W | MMU_X);
		assert_int_equal(level, 1);
		assert_int_equal(hpa, 2 * SIM_RAM + 0x202000);
		assert_int_equal(sim_hw_walk(&vm, GPA(0x40400000), &hpa, &level),
				 MMU_R | MMU_W | MMU_X);
		assert_int_equal(level, 2);
		sim_audit(&vm);
		mmu_track_remove(&vm, GFN(0x40201), MMU_W);
		assert_int_equal(sim_hw_walk(&vm, GPA(0x40201000), &hpa, &level), MMU_R | MMU_X);
		mmu_track_remove(&vm, GFN(0x40201), MMU_W);
		assert_int_equal(sim_hw_walk(&vm, GPA(0x40201000), &hpa, &level),
				 MMU_R | MMU_W | MMU_X);
		assert_int_equal(level, 3);
		mmu_track_remove(&vm, GFN(0x40201), MMU_W); /* one too many: nothing */
		mmu_track_remove(&vm, GFN(0x10), MMU_W);
		assert_int_equal(mmu_tracked(&vm, GFN(0x40201)), 0);
		assert_int_equal(mmu_tracked(&vm, GFN(0x10)), 0);
		assert_int_equal(mmu_stat_get(&vm, MMU_STAT_COLLAPSE), 1);
		sim_audit(&vm);
		finish();
	}
}

/* Whatever the entries can say, nobody is let through, and a frame without R gives nothing away. */
static void tracks_take_what_they_say(void **state)
{
	static const struct {
		u32 rights, npt, ept, exec_only;
	} cases[] = {
		{ MMU_W, MMU_R | MMU_X, MMU_R | MMU_X, MMU_R | MMU_X },
		{ MMU_R, 0, 0, MMU_X },
		{ MMU_X, MMU_R | MMU_W, MMU_R | MMU_W, MMU_R | MMU_W },
		{ MMU_R | MMU_W, 0, 0, MMU_X },
		{ MMU_W | MMU_X, MMU_R, MMU_R, MMU_R },
		{ MMU_R | MMU_X, 0, 0, 0 },
	};

	(void)state;
	for (u32 n = 0; n < 3 * ARRAY_SIZE(cases); n++) {
		u32 i = n / 3, left = n % 3 == 0   ? cases[i].npt
				      : n % 3 == 1 ? cases[i].ept
						   : cases[i].exec_only;
		u64 hpa;
		u32 level;

		start(n % 3 ? SPTE_EPT : SPTE_NPT, 64, 60);
		mmu_hw.exec_only = n % 3 == 2;
		put(0, SLOT_RAM, 0, 1024, RAM_FRAME);
		assert_int_equal(mmu_prebuild(&vm), 0);
		assert_int_equal(mmu_exec_only(&vm), n % 3 == 2);
		assert_int_equal(mmu_track_add(&vm, GFN(5), cases[i].rights), 0);
		count_tracks(&tracked[5], cases[i].rights, 1);
		assert_int_equal(sim_hw_walk(&vm, GPA(0x5000), &hpa, &level), left);
		assert_int_equal(level, 1);
		sim_enter(0, &vm);
		for (u32 access = MMU_R; access <= MMU_X; access <<= 1)
			if (access != MMU_U)
				check_access(0, 5, access);
		/* Its neighbours have everything. */
		check_access(0, 4, MMU_W);
		check_access(0, 6, MMU_X);
		sim_audit(&vm);
		mmu_track_remove(&vm, GFN(5), cases[i].rights);
		assert_int_equal(sim_hw_walk(&vm, GPA(0x5000), &hpa, &level),
				 MMU_R | MMU_W | MMU_X);
		assert_int_equal(level, 2);
		finish();
	}
}

/* A table whose only frame loses all rights goes; a track taken off needs no memory, so it does not
 * come back before there is a fault, or another track. */
static void a_table_without_rights_comes_back(void **state)
{
	u64 hpa;
	u32 level, used;

	(void)state;
	start(SPTE_NPT, 64, 60);
	put(0, SLOT_RAM, 0x40000, 1, RAM_FRAME);
	assert_int_equal(mmu_prebuild(&vm), 0);
	used = vm.used;
	assert_int_equal(mmu_track_add(&vm, GFN(0x40000), MMU_R), 0);
	assert_int_equal(mmu_track_add(&vm, GFN(0x40000), MMU_X), 0);
	mmu_track_remove(&vm, GFN(0x40000), MMU_R);
	assert_int_equal(sim_hw_walk(&vm, GPA(0x40000000), &hpa, &level), 0);
	assert_int_equal(mmu_track_add(&vm, GFN(0x40000), MMU_W), 0);
	assert_int_equal(sim_hw_walk(&vm, GPA(0x40000000), &hpa, &level), MMU_R);
	sim_audit(&vm);
	mmu_track_remove(&vm, GFN(0x40000), MMU_W);
	mmu_track_remove(&vm, GFN(0x40000), MMU_X);
	assert_int_equal(sim_hw_walk(&vm, GPA(0x40000000), &hpa, &level), MMU_R | MMU_W | MMU_X);
	env_lock(&vm.lock);
	pool_drain(&vm);
	env_unlock(&vm.lock);
	assert_int_equal(vm.used, used + 2); /* the counts */
	finish();
}

/* From reading and executing to executing alone no entry goes away: it must be flushed all the
 * same. */
static void loss_of_r_alone_is_flushed(void **state)
{
	struct mmu_result r;
	u64 hpa;

	(void)state;
	start(SPTE_EPT, 64, 60);
	mmu_hw.exec_only = true;
	put(0, SLOT_RAM, 0, 1024, RAM_FRAME);
	assert_int_equal(mmu_prebuild(&vm), 0);
	assert_int_equal(mmu_track_add(&vm, GFN(5), MMU_W), 0);
	for (u32 n = 0; n < 20; n++) {
		sim_enter(1, &vm);
		for (u32 i = 0; i < 20; i++)
			assert_int_equal(sim_access(1, GPA(0x5000), MMU_R, &hpa, &r), MMU_SPURIOUS);
		assert_int_equal(mmu_track_add(&vm, GFN(5), MMU_R), 0);
		if (!sim_cpu[1].vm)
			sim_enter(1, &vm);
		assert_int_equal(sim_access(1, GPA(0x5000), MMU_R, &hpa, &r), MMU_TRACKED);
		assert_int_equal(sim_access(1, GPA(0x5000), MMU_X, &hpa, &r), MMU_SPURIOUS);
		sim_exit(1);
		mmu_track_remove(&vm, GFN(5), MMU_R);
	}
	finish();
}

static void tracking_refuses_what_it_cannot_do(void **state)
{
	(void)state;
	start(SPTE_NPT, 64, 60);
	put(0, SLOT_RAM, 0, 1024, RAM_FRAME);
	put(1, SLOT_ROM, 1024, 16, RAM_FRAME + 1024);
	put(2, SLOT_MMIO, 2048, 1, 1);
	assert_int_equal(mmu_prebuild(&vm), 0);
	assert_int_equal(mmu_track_add(&vm, GFN(1024), MMU_W), -ENOENT);
	assert_int_equal(mmu_track_add(&vm, GFN(2048), MMU_W), -ENOENT);
	assert_int_equal(mmu_track_add(&vm, GFN(4096), MMU_W), -ENOENT);
	/* Whose address has no room for all bits. */
	assert_int_equal(mmu_track_add(&vm, GFN(1ULL << 52 | 5), MMU_W), -ENOENT);
	assert_int_equal(mmu_tracked(&vm, GFN(1ULL << 52 | 5)), 0);
	/* Each count is full by itself. */
	for (u32 i = 0; i < 255; i++)
		assert_int_equal(mmu_track_add(&vm, GFN(5), MMU_W), 0);
	for (u32 i = 0; i < 15; i++) {
		assert_int_equal(mmu_track_add(&vm, GFN(5), MMU_X), 0);
		assert_int_equal(mmu_track_add(&vm, GFN(6), MMU_R), 0);
	}
	assert_int_equal(mmu_track_add(&vm, GFN(5), MMU_W), -EOVERFLOW);
	assert_int_equal(mmu_track_add(&vm, GFN(5), MMU_X), -EOVERFLOW);
	assert_int_equal(mmu_track_add(&vm, GFN(5), MMU_R | MMU_X), -EOVERFLOW);
	assert_int_equal(mmu_track_add(&vm, GFN(6), MMU_R | MMU_W), -EOVERFLOW);
	assert_int_equal(mmu_tracked(&vm, GFN(5)), MMU_W | MMU_X);
	assert_int_equal(mmu_tracked(&vm, GFN(6)), MMU_R | MMU_W);
	for (u32 i = 0; i < 255; i++) {
		assert_int_equal(mmu_tracked(&vm, GFN(5)), MMU_W | MMU_X);
		mmu_track_remove(&vm, GFN(5), MMU_W);
	}
	/* What is not counted is not taken away: neither W here nor R there. */
	mmu_track_remove(&vm, GFN(5), MMU_W);
	mmu_track_remove(&vm, GFN(5), MMU_R | MMU_X);
	assert_int_equal(mmu_tracked(&vm, GFN(5)), MMU_X);
	sim_audit(&vm);
	finish();
}

static void log_holds_every_write(u8 fmt, bool pml)
{
	u64 bits[16];
	u32 used;

	start(fmt, 64, 60);
	mmu_hw.pml = pml;
	put(0, SLOT_RAM, 512, 1024, RAM_FRAME + 512);
	assert_int_equal(mmu_prebuild(&vm), 0);
	used = vm.used;
	assert_int_equal(mmu_dirty_start(&vm, GFN(512)), 0);
	model[0].logged = true;
	sim_audit(&vm);
	sim_enter(0, &vm);
	for (u32 round = 0; round < 60; round++) {
		/* Many frames, or a few that a stale translation may still be there for. */
		for (u32 i = 0; i < (round % 4 ? 5 : 200); i++)
			check_access(0, 512 + sim_rand(round % 4 ? 4 : 1024), random_access());
		mmu_wrote(&vm, GPA((512 + 77) << 12), PAGE_SIZE + 1);
		dirty[512 + 77] = dirty[512 + 78] = 1;
		sim_drain(0, &vm);
		assert_int_equal(mmu_dirty_fetch(&vm, GFN(512), 1024, bits), 0);
		for (u64 i = 0; i < 1024; i++)
			assert_int_equal(bits[i / 64] >> (i % 64) & 1, dirty[512 + i]);
		memset(dirty, 0, sizeof(dirty));
		sim_audit(&vm);
		if (!sim_cpu[0].vm)
			sim_enter(0, &vm);
	}
	assert_int_equal(mmu_dirty_fetch(&vm, GFN(512 + 64), 64, bits), 0);
	assert_int_equal(mmu_dirty_fetch(&vm, GFN(512 + 1), 64, bits), -EINVAL);
	assert_int_equal(mmu_dirty_fetch(&vm, GFN(512), 63, bits), -EINVAL);
	assert_int_equal(mmu_dirty_fetch(&vm, GFN(512), 1088, bits), -EINVAL);
	assert_int_equal(mmu_dirty_fetch(&vm, GFN(0), 64, bits), -ENOENT);
	assert_int_equal(mmu_dirty_stop(&vm, GFN(512)), 0);
	model[0].logged = false;
	assert_int_equal(mmu_dirty_fetch(&vm, GFN(512), 64, bits), -ENOENT);
	assert_int_equal(mmu_dirty_stop(&vm, GFN(0)), -ENOENT);
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_COLLAPSE), 2);
	sim_audit(&vm);
	/* Bitmap and small tables are gone once no CPU can use them. */
	if (sim_cpu[0].vm)
		sim_exit(0);
	env_lock(&vm.lock);
	pool_drain(&vm);
	env_unlock(&vm.lock);
	assert_int_equal(vm.used, used);
	finish();
}

static void log_holds_every_write_exactly_once(void **state)
{
	(void)state;
	log_holds_every_write(SPTE_NPT, false);
	log_holds_every_write(SPTE_EPT, false);
}

/* As long as the log of hardware is drained before it is fetched; and no write of the guest faults
 * for the log alone. */
static void log_of_hardware_holds_every_write(void **state)
{
	(void)state;
	log_holds_every_write(SPTE_EPT, true);
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FAULT_DIRTY), 0);
}

static void log_is_for_ram_only(void **state)
{
	(void)state;
	start(SPTE_NPT, 64, 60);
	put(0, SLOT_ROM, 0, 16, RAM_FRAME);
	put(1, SLOT_MMIO, 64, 16, 5);
	assert_int_equal(mmu_dirty_start(&vm, GFN(0)), -EINVAL);
	assert_int_equal(mmu_dirty_start(&vm, GFN(64)), -EINVAL);
	assert_int_equal(mmu_dirty_start(&vm, GFN(1)), -ENOENT);
	sim_audit(&vm);
	finish();
}

/* --- random ----------------------------------------------------------------------------------- */

static u64 random_align(u64 x)
{
	static const u64 aligns[] = { 1, 8, 512, 512, 512 * 512 };

	return x & ~(aligns[sim_rand(5)] - 1);
}

static void random_slot_add(void)
{
	static const enum slot_kind kinds[] = { SLOT_RAM, SLOT_RAM, SLOT_RAM, SLOT_ROM, SLOT_MMIO };
	struct model_slot s = {
		.gfn = random_align(sim_rand(1 << (sim_rand(2) ? 14 : 20))),
		.nr = random_align(1 + sim_rand(1 << (6 + sim_rand(12)))),
		.kind = kinds[sim_rand(5)],
	};
	bool overlap = false;
	u32 i = 0;
	int rc;

	s.hfn = s.kind == SLOT_MMIO ? sim_rand(1000)
				    : RAM_FRAME + random_align(sim_rand(1 << 20)) +
					      (sim_rand(2) ? s.gfn % 512 : 0);
	for (u32 j = 0; j < MODEL_SLOTS; j++)
		overlap |= model[j].kind != SLOT_NONE && s.gfn < model[j].gfn + model[j].nr &&
			   model[j].gfn < s.gfn + s.nr;
	while (i < MODEL_SLOTS && model[i].kind != SLOT_NONE)
		i++;
	if (i == MODEL_SLOTS)
		return;
	rc = sim_add(&vm, s.kind, s.gfn, s.nr, s.hfn);
	if (s.nr == 0)
		assert_int_equal(rc, -EINVAL);
	else if (overlap)
		assert_int_equal(rc, -EEXIST);
	else if (rc != -ENOMEM)
		assert_int_equal(rc, 0);
	if (rc == 0)
		model[i] = s;
}

static void random_slot_remove(void)
{
	struct model_slot *s = &model[sim_rand(MODEL_SLOTS)];

	if (s->kind == SLOT_NONE)
		return;
	for (u64 i = 0; i < s->nr; i++)
		if (s->gfn + i < ARRAY_SIZE(tracked))
			tracked[s->gfn + i] = (struct tracks){ 0 };
	assert_int_equal(mmu_slot_remove(&vm, GFN(s->gfn)), 0);
	s->kind = SLOT_NONE;
}

static void random_track(void)
{
	static const u32 kinds[] = { MMU_W, MMU_R, MMU_X, MMU_R | MMU_W, MMU_R | MMU_X };
	u64 gfn = random_frame();
	const struct model_slot *s = model_find(gfn);
	u32 rights = kinds[sim_rand(ARRAY_SIZE(kinds))];
	struct tracks *t;

	if (gfn >= ARRAY_SIZE(tracked))
		return;
	t = &tracked[gfn];
	if (sim_rand(2)) {
		bool enough = !(rights & MMU_R && !t->r) && !(rights & MMU_W && !t->w) &&
			      !(rights & MMU_X && !t->x);

		if (s && s->kind == SLOT_RAM)
			mmu_track_remove(&vm, GFN(gfn), rights);
		if (enough)
			count_tracks(t, rights, -1);
	} else if (s && s->kind == SLOT_RAM) {
		int rc = mmu_track_add(&vm, GFN(gfn), rights);

		if (rc == -EOVERFLOW)
			assert_true(t->r == 15 || t->x == 15 || t->w == 255);
		else
			assert_true(rc == 0 || rc == -ENOMEM);
		if (rc == 0)
			count_tracks(t, rights, 1);
	}
}

static void random_log(void)
{
	struct model_slot *s = &model[sim_rand(MODEL_SLOTS)];
	u64 bits[32];
	int rc;

	if (s->kind != SLOT_RAM || s->nr > 2048 || s->gfn + s->nr > ARRAY_SIZE(dirty))
		return;
	if (!s->logged) {
		memset(&dirty[s->gfn], 0, s->nr);
		rc = mmu_dirty_start(&vm, GFN(s->gfn));
		assert_true(rc == 0 || rc == -ENOMEM);
		s->logged = rc == 0;
		return;
	}
	assert_int_equal(mmu_dirty_fetch(&vm, GFN(s->gfn), ALIGN_UP(s->nr, 64), bits), 0);
	for (u64 i = 0; i < s->nr; i++)
		assert_int_equal(bits[i / 64] >> (i % 64) & 1, dirty[s->gfn + i]);
	memset(&dirty[s->gfn], 0, s->nr);
	if (sim_rand(2)) {
		assert_int_equal(mmu_dirty_stop(&vm, GFN(s->gfn)), 0);
		s->logged = false;
	}
}

static void random_step(void)
{
	switch (sim_rand(6)) {
	case 0:
		random_slot_add();
		break;
	case 1:
		if (!sim_rand(3))
			random_slot_remove();
		break;
	case 2:
		random_log();
		break;
	default:
		random_track();
		break;
	}
}

static void random_run(u8 fmt, bool exec_only, u32 quota, u32 steps)
{
	start(fmt, 4000, quota);
	mmu_hw.exec_only = exec_only;
	env_sim.relax = run_others;
	trace_on = true;
	for (u32 i = 0; i < steps; i++) {
		if (i == 10)
			assert_true(mmu_prebuild(&vm) == 0 || quota < 1000);
		random_step();
		if (i > 10)
			random_accesses(12);
		sim_audit(&vm);
	}
	env_sim.relax = NULL;
	trace_on = false;
	finish();
}

static void random_changes_match_the_flat_model(void **state)
{
	(void)state;
	for (u32 run = 0; run < 10; run++)
		random_run(run % 3 ? SPTE_EPT : SPTE_NPT, run % 3 == 1, 4000, 400);
}

/* Every page request fails somewhere: nothing may be half done, and nothing may leak. */
static void any_quota_leaves_a_sound_state(void **state)
{
	(void)state;
	for (u32 quota = 1; quota < 40; quota++) {
		struct mmu_result r;
		u64 hpa;

		start(SPTE_NPT, 200, quota);
		put(0, SLOT_RAM, 0, 0xa0, RAM_FRAME);
		put(1, SLOT_RAM, 0x200, 0x900, RAM_FRAME + 0x200);
		put(2, SLOT_MMIO, 0xfee00, 1, 7);
		if (mmu_prebuild(&vm) == 0) {
			int rc = mmu_track_add(&vm, GFN(0x300), MMU_W);

			assert_true(rc == 0 || rc == -ENOMEM);
			tracked[0x300].w = rc == 0;
			sim_audit(&vm);
			rc = mmu_dirty_start(&vm, GFN(0x200));
			assert_true(rc == 0 || rc == -ENOMEM);
			model[1].logged = rc == 0;
			sim_audit(&vm);
			rc = sim_add(&vm, SLOT_RAM, 0x40001, 3, RAM_FRAME);
			assert_true(rc == 0 || rc == -ENOMEM);
			if (rc == 0)
				model[3] = (struct model_slot){ 0x40001, 3, RAM_FRAME, SLOT_RAM,
								false };
			sim_audit(&vm);
			sim_enter(0, &vm);
			random_accesses(50);
		} else {
			/* Faults are served as far as the quota goes; devices always. */
			sim_enter(0, &vm);
			assert_int_equal(sim_access(0, GPA(0xfee00000), MMU_R, &hpa, &r), MMU_MMIO);
			assert_int_equal(r.dev, 7);
			assert_int_equal(sim_access(0, GPA(0x200000), MMU_R, &hpa, &r),
					 quota < 3 ? MMU_NOMEM : MMU_SPURIOUS);
		}
		sim_audit(&vm);
		finish();
	}
}

static void faults_build_what_was_not_prebuilt(void **state)
{
	(void)state;
	for (u8 fmt = SPTE_NPT; fmt <= SPTE_EPT; fmt++) {
		start(fmt, 400, 300);
		put(0, SLOT_RAM, 0, 0xa0, RAM_FRAME);
		put(1, SLOT_RAM, 0x100, 0x3ff00, RAM_FRAME + 0x100);
		put(2, SLOT_MMIO, 0xfee00, 1, 7);
		put(3, SLOT_ROM, 0xfffe0, 0x20, RAM_FRAME);
		random_accesses(3000);
		sim_audit(&vm);
		assert_true(mmu_stat_get(&vm, MMU_STAT_FAULT_FIXED) > 0);
		assert_int_equal(mmu_prebuild(&vm), 0);
		sim_audit(&vm);
		finish();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pc_needs_seven_tables_and_no_fault),
		cmocka_unit_test(aligned_gibibytes_are_mapped_whole),
		cmocka_unit_test(page_size_erratum_keeps_all_leaves_small),
		cmocka_unit_test(five_levels),
		cmocka_unit_test(tracking_splits_and_gives_back_the_large_leaf),
		cmocka_unit_test(tracks_take_what_they_say),
		cmocka_unit_test(a_table_without_rights_comes_back),
		cmocka_unit_test(loss_of_r_alone_is_flushed),
		cmocka_unit_test(tracking_refuses_what_it_cannot_do),
		cmocka_unit_test(log_holds_every_write_exactly_once),
		cmocka_unit_test(log_of_hardware_holds_every_write),
		cmocka_unit_test(log_is_for_ram_only),
		cmocka_unit_test(faults_build_what_was_not_prebuilt),
		cmocka_unit_test(random_changes_match_the_flat_model),
		cmocka_unit_test(any_quota_leaves_a_sound_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
