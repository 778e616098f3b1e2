/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/host/mmu_sim.c tests/host/fake/bug.c */
/* The slot table, and guest memory through it. */

#include "mmu_sim.h"

#include <errno.h>

#include "mmu/slot_priv.h"
#include "mmu/spte.h"

#define RAM_FRAME (SIM_RAM >> PAGE_SHIFT)

static struct mmu_vm vm;

static void start(void)
{
	sim_start(SPTE_NPT, 256, 1);
	sim_vm(&vm, 0, 200);
}

static void slots_that_cannot_be_are_refused(void **state)
{
	const struct slot logged = {
		.nr = 1, .hfn = HFN(RAM_FRAME), .kind = SLOT_RAM, .dirty_log = true
	};
	const struct slot odd = { .nr = 1, .kind = 7 };

	(void)state;
	start();
	assert_int_equal(sim_add(&vm, SLOT_RAM, 0, 0, RAM_FRAME), -EINVAL);
	assert_int_equal(sim_add(&vm, SLOT_NONE, 0, 1, RAM_FRAME), -EINVAL);
	assert_int_equal(mmu_slot_add(&vm, &odd), -EINVAL);
	assert_int_equal(mmu_slot_add(&vm, &logged), -EINVAL);
	/* Beyond 40 physical bits, in the guest or in the host, also by wrapping round. */
	assert_int_equal(sim_add(&vm, SLOT_RAM, 1ULL << 28, 1, RAM_FRAME), -EINVAL);
	assert_int_equal(sim_add(&vm, SLOT_RAM, (1ULL << 28) - 1, 2, RAM_FRAME), -EINVAL);
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 5, ~0ULL, 1), -EINVAL);
	assert_int_equal(sim_add(&vm, SLOT_RAM, 0, 2, (1ULL << 28) - 1), -EINVAL);
	assert_int_equal(sim_add(&vm, SLOT_RAM, 0, MMU_SLOT_MAX_FRAMES + 1, RAM_FRAME), -EINVAL);
	/* The page pool is nobody's RAM. */
	assert_int_equal(sim_add(&vm, SLOT_RAM, 0, 1, (SIM_POOL >> 12) + 100), -EINVAL);
	assert_int_equal(sim_add(&vm, SLOT_ROM, 0, 0x1000, 0), -EINVAL);
	assert_int_equal(mmu_slot_remove(&vm, GFN(0)), -ENOENT);
	mmu_vm_fini(&vm);
}

static void neighbours_fit_and_overlaps_do_not(void **state)
{
	(void)state;
	start();
	assert_int_equal(sim_add(&vm, SLOT_RAM, 100, 10, RAM_FRAME), 0);
	for (u64 gfn = 91; gfn < 110; gfn++)
		assert_int_equal(sim_add(&vm, SLOT_MMIO, gfn, 10, 1), -EEXIST);
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 0, 1000, 1), -EEXIST);
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 90, 10, 1), 0);
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 110, 1, 2), 0);
	assert_ptr_equal(mmu_slot_find(&vm, GFN(89)), NULL);
	assert_int_equal(mmu_slot_find(&vm, GFN(90))->dev, 1);
	assert_int_equal(mmu_slot_find(&vm, GFN(99))->dev, 1);
	assert_int_equal(mmu_slot_find(&vm, GFN(100))->kind, SLOT_RAM);
	assert_int_equal(mmu_slot_find(&vm, GFN(110))->dev, 2);
	assert_ptr_equal(mmu_slot_find(&vm, GFN(111)), NULL);
	assert_int_equal(mmu_slot_nth(&vm, 0)->gfn.v, 90);
	assert_int_equal(mmu_slot_nth(&vm, 2)->gfn.v, 110);
	assert_null(mmu_slot_nth(&vm, 3));
	assert_int_equal(mmu_slot_remove(&vm, GFN(91)), -ENOENT);
	assert_int_equal(mmu_slot_remove(&vm, GFN(90)), 0);
	assert_null(mmu_slot_find(&vm, GFN(90)));
	mmu_vm_fini(&vm);
}

static void table_holds_its_number_of_slots(void **state)
{
	(void)state;
	start();
	for (u64 i = 0; i < MMU_MAX_SLOTS; i++)
		assert_int_equal(sim_add(&vm, SLOT_MMIO, (i * 37 % 64) * 2, 1, i), 0);
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 1, 1, 0), -ENOSPC);
	for (u64 i = 0; i < MMU_MAX_SLOTS; i++) {
		assert_int_equal(mmu_slot_find(&vm, GFN((i * 37 % 64) * 2))->dev, i);
		assert_null(mmu_slot_find(&vm, GFN((i * 37 % 64) * 2 + 1)));
	}
	assert_int_equal(mmu_slot_remove(&vm, GFN(4)), 0);
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 1, 1, 0), 0);
	sim_audit(&vm);
	mmu_vm_fini(&vm);
}

static void place_knows_the_gap(void **state)
{
	struct slot_place p;

	(void)state;
	start();
	p = slot_place(&vm, GFN(5));
	assert_true(!p.slot && p.first == 0 && p.end == ~0ULL);
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 10, 5, 1), 0);
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 20, 5, 2), 0);
	p = slot_place(&vm, GFN(9));
	assert_true(!p.slot && p.first == 0 && p.end == 10);
	p = slot_place(&vm, GFN(17));
	assert_true(!p.slot && p.first == 15 && p.end == 20);
	p = slot_place(&vm, GFN(22));
	assert_true(p.slot && p.first == 20 && p.end == 25);
	p = slot_place(&vm, GFN(25));
	assert_true(!p.slot && p.first == 25 && p.end == ~0ULL);
	mmu_vm_fini(&vm);
}

static void generation_comes_round_without_old_answers(void **state)
{
	struct mmu_result r;
	struct mmu_fault f = { .gpa = GPA(0x3000000), .access = MMU_R };

	(void)state;
	start();
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 0x1000, 3, 1), 0);
	assert_int_equal(mmu_prebuild(&vm), 0);
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 0x3000, 1, 3), 0);
	assert_int_equal(mmu_fault(&vm, &f, &r), MMU_MMIO);
	assert_int_equal(r.dev, 3);
	assert_int_equal(vm.slots.gen, 0);
	assert_int_equal(mmu_slot_remove(&vm, GFN(0x3000)), 0);
	for (u32 i = 0; i < SPTE_TRAP_GEN_MASK; i++) {
		assert_int_equal(sim_add(&vm, SLOT_MMIO, 0x4000, 1, 4), 0);
		assert_int_equal(mmu_slot_remove(&vm, GFN(0x4000)), 0);
	}
	assert_int_equal(vm.slots.gen, 0);
	sim_audit(&vm);
	assert_int_equal(mmu_fault(&vm, &f, &r), MMU_MMIO);
	assert_int_equal(r.dev, MMU_DEV_NONE);
	f.gpa = GPA(0x1000000);
	assert_int_equal(mmu_fault(&vm, &f, &r), MMU_MMIO);
	assert_int_equal(r.dev, 1);
	mmu_vm_fini(&vm);
}

/* One of two slots of a region was never touched: when the other goes, so do its tables. */
static void last_entry_takes_its_tables_along(void **state)
{
	struct mmu_result r;
	struct mmu_fault f = { .gpa = GPA(0x1000000), .access = MMU_R };

	(void)state;
	start();
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 0x1000, 3, 1), 0);
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 0x1010, 3, 2), 0);
	assert_int_equal(mmu_fault(&vm, &f, &r), MMU_MMIO);
	assert_int_equal(mmu_slot_remove(&vm, GFN(0x1000)), 0);
	sim_audit(&vm);
	assert_int_equal(sp_get(vm.root.sp)->nr_present, 0);
	mmu_vm_fini(&vm);
}

static void failed_add_leaves_nothing(void **state)
{
	u32 used;

	(void)state;
	start();
	assert_int_equal(mmu_prebuild(&vm), 0);
	used = vm.used;
	vm.quota = used + 2;
	assert_int_equal(sim_add(&vm, SLOT_RAM, 1, 5, RAM_FRAME), -ENOMEM);
	assert_null(mmu_slot_find(&vm, GFN(1)));
	assert_int_equal(vm.used - (vm.quarantine != 0), used);
	sim_audit(&vm);
	vm.quota = 200;
	assert_int_equal(sim_add(&vm, SLOT_RAM, 1, 5, RAM_FRAME), 0);
	sim_audit(&vm);
	mmu_vm_fini(&vm);
}

/* --- guest memory ----------------------------------------------------------------------------- */

static void memory_start(void)
{
	start();
	assert_int_equal(sim_add(&vm, SLOT_RAM, 0, 2, RAM_FRAME), 0);
	assert_int_equal(sim_add(&vm, SLOT_RAM, 2, 2, RAM_FRAME + 100), 0);
	assert_int_equal(sim_add(&vm, SLOT_ROM, 4, 1, RAM_FRAME + 200), 0);
	assert_int_equal(mmu_prebuild(&vm), 0);
	memset(env_sim.mem + SIM_RAM, 0, 0x1000000);
}

static void copies_cross_slots_and_stop_at_holes(void **state)
{
	char buf[16] = "0123456789abcde";
	char got[16];

	(void)state;
	memory_start();
	assert_int_equal(mmu_write(&vm, GPA(0x1ff8), buf, 16), 0);
	assert_memory_equal(env_sim.mem + SIM_RAM + 0x1ff8, buf, 8);
	assert_memory_equal(env_sim.mem + SIM_RAM + 100 * 4096, buf + 8, 8);
	assert_int_equal(mmu_read(&vm, GPA(0x1ff8), got, 16), 0);
	assert_memory_equal(got, buf, 16);
	/* ROM can be read, not written; behind it is nothing. */
	assert_int_equal(mmu_read(&vm, GPA(0x3ff8), got, 16), 0);
	assert_int_equal(mmu_write(&vm, GPA(0x3ff8), buf, 16), -EFAULT);
	assert_int_equal(mmu_read(&vm, GPA(0x4ff8), got, 16), -EFAULT);
	assert_int_equal(mmu_read(&vm, GPA(~0ULL), got, 1), -EFAULT);
	assert_int_equal(mmu_read(&vm, GPA(0x9000), got, 0), 0);
	mmu_vm_fini(&vm);
}

static void pointers_say_how_far_they_reach(void **state)
{
	u64 len;

	(void)state;
	memory_start();
	assert_ptr_equal(mmu_gpa_ptr(&vm, GPA(0x1234), &len), env_sim.mem + SIM_RAM + 0x1234);
	assert_int_equal(len, 0x2000 - 0x1234);
	assert_null(mmu_gpa_ptr(&vm, GPA(0x4000), &len));
	assert_null(mmu_gpa_ptr(&vm, GPA(0x5000), &len));
	mmu_vm_fini(&vm);
}

static void removed_ram_is_not_remembered(void **state)
{
	struct mmu_regs regs = { .maxphyaddr = 40 };
	struct mmu_gfault fault;
	u32 len;

	(void)state;
	memory_start();
	assert_non_null(mmu_fetch_ptr(&vm, &regs, GVA(0x1000), MMU_X, &len, &fault));
	assert_int_equal(mmu_slot_remove(&vm, GFN(0)), 0);
	assert_null(mmu_fetch_ptr(&vm, &regs, GVA(0x1000), MMU_X, &len, &fault));
	mmu_vm_fini(&vm);
}

static void cmpxchg_of_every_size(void **state)
{
	u8 *p = env_sim.mem + SIM_RAM + 0x100;

	(void)state;
	memory_start();
	for (u8 size = 1; size <= 16; size = (u8)(size * 2)) {
		u8 old[16] = { 0 }, new[16], wrong[16];

		memset(p, 0x11, 32);
		memset(old, 0x11, 16);
		memset(new, 0x20 + size, 16);
		memset(wrong, 0x99, 16);
		assert_int_equal(mmu_cmpxchg(&vm, GPA(0x100), wrong, new, size), 0);
		assert_memory_equal(wrong, old, size);
		assert_int_equal(wrong[15], size == 16 ? 0x11 : 0x99);
		assert_int_equal(mmu_cmpxchg(&vm, GPA(0x100), old, new, size), 1);
		assert_memory_equal(p, new, size);
		assert_int_equal(p[size], 0x11);
		if (size > 1)
			assert_int_equal(mmu_cmpxchg(&vm, GPA(0x101), old, new, size), -EFAULT);
		assert_int_equal(mmu_cmpxchg(&vm, GPA(0x4000), old, new, size), -EFAULT);
		assert_int_equal(mmu_cmpxchg(&vm, GPA(0x8000), old, new, size), -EFAULT);
	}
	assert_int_equal(mmu_cmpxchg(&vm, GPA(0x100), p, p, 3), -EFAULT);
	mmu_vm_fini(&vm);
}

static void writes_of_the_hypervisor_are_logged(void **state)
{
	u64 bits, old = 0, new = 5;

	(void)state;
	memory_start();
	assert_int_equal(mmu_dirty_start(&vm, GFN(2)), 0);
	assert_int_equal(mmu_write(&vm, GPA(0x1ffc), &new, 8), 0);
	assert_int_equal(mmu_dirty_fetch(&vm, GFN(2), 64, &bits), 0);
	assert_int_equal(bits, 1);
	assert_int_equal(mmu_cmpxchg(&vm, GPA(0x3000), &old, &new, 8), 1);
	assert_int_equal(mmu_dirty_fetch(&vm, GFN(2), 64, &bits), 0);
	assert_int_equal(bits, 2);
	mmu_wrote(&vm, GPA(0x1000), 0x2001);
	mmu_wrote(&vm, GPA(0x2000), 0);
	assert_int_equal(mmu_dirty_fetch(&vm, GFN(2), 64, &bits), 0);
	assert_int_equal(bits, 3);
	assert_int_equal(mmu_slot_remove(&vm, GFN(2)), 0);
	sim_audit(&vm);
	mmu_vm_fini(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_that_cannot_be_are_refused),
		cmocka_unit_test(neighbours_fit_and_overlaps_do_not),
		cmocka_unit_test(table_holds_its_number_of_slots),
		cmocka_unit_test(place_knows_the_gap),
		cmocka_unit_test(generation_comes_round_without_old_answers),
		cmocka_unit_test(last_entry_takes_its_tables_along),
		cmocka_unit_test(failed_add_leaves_nothing),
		cmocka_unit_test(copies_cross_slots_and_stop_at_holes),
		cmocka_unit_test(pointers_say_how_far_they_reach),
		cmocka_unit_test(removed_ram_is_not_remembered),
		cmocka_unit_test(cmpxchg_of_every_size),
		cmocka_unit_test(writes_of_the_hypervisor_are_logged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
