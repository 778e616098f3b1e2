/* SPDX-License-Identifier: BSD-2-Clause */
/* A simulated machine whose guest has an address space in every paging mode, for tests of roots. */
#pragma once

#include "test.h"
#include "tests/sim/sim.h"

#include "arch/regs.h"
#include "mmu/shadow/root_priv.h"

/* Linear address that every space maps, and where: a page of its own in each. */
#define MODE_GVA    0x5000ULL
#define MODE_GPA(m) ((m) == SIM_NONE ? MODE_GVA : 0x20000ULL + ((u64)(m) << PAGE_SHIFT))

#define TABLES_AT  64 /* first frame of the guest's tables */
#define DEVICE_GPA 0x1000000ULL
#define FAR_GPA    BIT(38) /* memory that a guest with fewer bits cannot name */

static const struct sim_slot modes_slots[] = {
	{ .gfn = 0, .nr = 2048, .hfn = SIM_RAM >> PAGE_SHIFT, .kind = SLOT_RAM },
	{ .gfn = DEVICE_GPA >> PAGE_SHIFT, .nr = 4, .kind = SLOT_MMIO, .dev = 7 },
	{ .gfn = FAR_GPA >> PAGE_SHIFT,
	  .nr = 16,
	  .hfn = (SIM_RAM >> PAGE_SHIFT) + 4096,
	  .kind = SLOT_RAM },
	{ 0 },
};

/* Tables below 4 GiB: one frame of them. */
#define MODES_LOW (u32)(PAGE_SIZE / LOW_BYTES)

/* One vCPU for each CPU, in real mode. */
static inline void modes_start(u32 vcpus, const struct mmu_caps *caps)
{
	sim_start(&(struct sim_cfg){
		.cpus = vcpus, .vcpus = vcpus, .pool = 4096, .caps = caps, .slots = modes_slots });
	sim_tables_at(TABLES_AT);
}

/* The end of every test: nothing is wrong, and nothing is lost. */
static inline void modes_stop(void)
{
	sim_audit();
	sim_stop();
	assert_int_equal(low_nr_free(), MODES_LOW);
}

/* A new address space with MODE_GVA mapped to gpa. */
static inline struct sim_space modes_space(enum sim_mode mode, u64 gpa)
{
	struct sim_space s = { .mode = mode };

	if (mode == SIM_NONE)
		return s;
	s = sim_space_new(mode);
	sim_map(&s, MODE_GVA, gpa, P_ | W_ | U_ | A_ | D_, 1);
	return s;
}

static inline void modes_spaces(struct sim_space s[SIM_MODES])
{
	for (u32 m = 0; m < SIM_MODES; m++)
		s[m] = modes_space(m, MODE_GPA(m));
}

/* No context keeps more. */
static inline void keep_roots(u8 nr)
{
	struct mmu_tune t = sim.vm.shadow.tune;

	t.roots = nr;
	mmu_shadow_tune(&sim.vm, &t);
}

static inline u64 root_builds(void)
{
	return sim_stat(MMU_STAT_ROOT_BUILD);
}

static inline u64 pages_made(void)
{
	return sim_stat(MMU_STAT_SP_ALLOC);
}
