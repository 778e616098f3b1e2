/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the scripted tests of stale walks and of later reports share: a simulated machine with two
 * vCPUs. One pages; the other has paging off, so that it reaches any table by its address.
 */
#pragma once

#include "mmu/audit.h"
#include "mmu/vm.h"
#include "tests/sim/sim.h"

/* Two frames in different large pages of any format, and the second part of memory. */
#define OLD 0x400000ULL
#define NEW 0x800000ULL
#define GB  0x40000000ULL

#define ROM (0x1400ULL << PAGE_SHIFT)
#define DEV (0x1800ULL << PAGE_SHIFT)

#define LEAF (P_ | W_ | U_ | A_ | D_)

static const struct sim_slot setup_slots[] = {
	{ .gfn = 0, .nr = 4096, .hfn = SIM_RAM >> PAGE_SHIFT, .kind = SLOT_RAM },
	{ .gfn = GB >> PAGE_SHIFT,
	  .nr = 4096,
	  .hfn = (SIM_RAM + GB) >> PAGE_SHIFT,
	  .kind = SLOT_RAM },
	{ .gfn = ROM >> PAGE_SHIFT,
	  .nr = 8,
	  .hfn = (SIM_RAM + GB * 2) >> PAGE_SHIFT,
	  .kind = SLOT_ROM },
	{ .gfn = DEV >> PAGE_SHIFT, .nr = 4, .kind = SLOT_MMIO, .dev = 7 },
	{ 0 },
};

static struct sim_vcpu *const reader = &sim.vcpu[0];
static struct sim_vcpu *const writer = &sim.vcpu[1];

static inline void setup_tune(bool unsync, bool by_links)
{
	struct mmu_tune t = sim.vm.shadow.tune;

	t.unsync = unsync;
	t.by_links = by_links;
	t.prefetch = 1;
	mmu_shadow_tune(&sim.vm, &t);
}

/* caps: of the two vCPUs, or NULL. Tables that tests build begin at frame 16. */
static inline void setup_with(u32 quota, const struct mmu_caps *caps)
{
	sim_start(&(struct sim_cfg){
		.cpus = 2, .vcpus = 2, .quota = quota, .caps = caps, .slots = setup_slots });
	sim.keep = SIM_KEEP_ALL;
	sim_tables_at(16);
	sim_set_space(writer, &(struct sim_space){ .mode = SIM_NONE }, false, false);
}

static inline void setup(bool unsync)
{
	setup_with(0, NULL);
	setup_tune(unsync, true);
}

/* The audit where devices have written to guest tables behind everybody's back. */
static inline void audit_untrapped(void)
{
	struct mmu_audit a;

	mmu_audit_begin(&a);
	a.untrapped = true;
	while (!mmu_audit_step(&sim.vm, &a, 1 << 20))
		;
	sim_check(a.errors == 0, "audit: %s: %s", a.err[0].inv, a.err[0].text);
}

static inline void finish(void)
{
	sim_audit();
	sim_stop();
}
