/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/dev/[a-z]*.c lib/date.c tests/host/fake/machine.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/mem.c tests/host/fake/bug.c */
/* All devices of a machine together, and the small ports. */

#include "vm/dev/chipset.h"

#include <errno.h>

#include "arch/mem.h"
#include "tests/host/fake/machine.h"
#include "tests/host/test.h"
#include "vm/dev/vlapic.h"
#include "vm/dev/vpic.h"
#include "vm/e820.h"

u32 vm_e820(const struct vm *vm, struct e820_entry *map, u32 max)
{
	assert_true(max >= 2);
	map[0] = (struct e820_entry){ 0, 0x9fc00, E820_RAM };
	map[1] = (struct e820_entry){ SZ_1M, vm->cfg.memory - SZ_1M, E820_RAM };
	return 2;
}

static int set_up(void **state)
{
	(void)state;
	machine_init(2);
	for (u32 i = 0; i < 2; i++)
		assert_int_equal(vlapic_create(&machine_vcpu[i]), 0);
	assert_int_equal(chipset_create(&machine_vm), 0);
	chipset_reset(&machine_vm);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	chipset_quiesce(&machine_vm);
	for (u32 i = 0; i < 2; i++) {
		vlapic_quiesce(&machine_vcpu[i]);
		vlapic_destroy(&machine_vcpu[i]);
	}
	assert_int_equal(fake_clock_next(), UINT64_MAX);
	chipset_destroy(&machine_vm);
	assert_int_equal(fake_mem_live, 0);
	return 0;
}

static void creation_fails_whole_and_leaves_nothing(void **state)
{
	(void)state;
	tear_down(state);
	for (u32 n = 0; n < 8; n++) {
		machine_init(1);
		assert_int_equal(vlapic_create(&machine_vcpu[0]), 0);
		fake_mem_budget = n;
		assert_int_equal(chipset_create(&machine_vm), -ENOMEM);
		assert_int_equal(fake_mem_live, 1);
		fake_mem_budget = ~0ULL;
		vlapic_destroy(&machine_vcpu[0]);
	}
	machine_init(1);
	machine_vm.nr_pio = VM_MAX_PIO - 3;
	assert_int_equal(chipset_create(&machine_vm), -ENOSPC);
	assert_int_equal(fake_mem_live, 0);
	set_up(state);
}

/* --- resets and exits ------------------------------------------------------------------------- */

static void reset_by_port_cf9(void **state)
{
	(void)state;
	machine_out(0xcf9, 1, 0x02);
	assert_null(machine_reset);
	assert_int_equal(machine_in(0xcf9, 1), 0x02);
	machine_out(0xcf9, 1, 0x06);
	assert_string_equal(machine_reset, "reset through port 0xcf9");
}

static void reset_by_port_92(void **state)
{
	(void)state;
	assert_int_equal(machine_in(0x92, 1), 2); /* A20 is on */
	machine_out(0x92, 1, 0);
	assert_int_equal(machine_in(0x92, 1), 0);
	assert_null(machine_reset);
	machine_out(0x92, 1, 3);
	assert_non_null(machine_reset);
}

static void reset_by_the_absent_keyboard_controller(void **state)
{
	(void)state;
	assert_int_equal(machine_in(0x64, 1) & 3, 0); /* systems wait for that */
	assert_int_equal(machine_in(0x60, 1), 0xff);
	machine_out(0x64, 1, 0xfd);
	assert_null(machine_reset);
	machine_out(0x64, 1, 0xfe);
	assert_non_null(machine_reset);
}

static void debug_exit_tells_its_code(void **state)
{
	(void)state;
	machine_out(0xf4, 4, 16);
	assert_string_equal(machine_poweroff, "exit code 33");
	machine_out(0xf4, 1, 0);
	assert_string_equal(machine_poweroff, "exit code 1");
	/* Without the key in the INI file it is not there. */
	tear_down(state);
	machine_init(1);
	machine_vm.cfg.debug_exit = false;
	assert_int_equal(vlapic_create(&machine_vcpu[0]), 0);
	assert_int_equal(vlapic_create(&machine_vcpu[1]), 0);
	assert_int_equal(chipset_create(&machine_vm), 0);
	machine_out(0xf4, 1, 0);
	assert_null(machine_poweroff);
}

static void debugcon_is_the_console(void **state)
{
	(void)state;
	assert_int_equal(machine_in(0xe9, 1), 0xe9);
	machine_out(0xe9, 1, 'U');
	machine_out(0x3f8, 1, '!');
	assert_string_equal(machine_console, "U!");
}

/* --- PCI -------------------------------------------------------------------------------------- */

static u32 pci(u32 address)
{
	machine_out(0xcf8, 4, address);
	assert_int_equal(machine_in(0xcf8, 4), address & 0x80fffffc);
	return machine_in(0xcfc, 4);
}

static void there_is_one_host_bridge(void **state)
{
	(void)state;
	assert_int_equal(pci(0x80000000), 0x12378086);
	assert_int_equal(machine_in(0xcfe, 2), 0x1237);
	assert_int_equal(pci(0x80000008), 0x06000002);
	assert_int_equal(machine_in(0xcff, 1), 0x06);
	assert_int_equal(pci(0x8000000c), 0); /* header type 0, one function */
	machine_out(0xcfc, 4, ~0U);
	assert_int_equal(pci(0x80000010), 0);
	assert_int_equal(pci(0x00000000), ~0U); /* not enabled */
	for (u32 dev = 1; dev < 32; dev++)
		assert_int_equal(pci(0x80000000 | dev << 11), ~0U);
	for (u32 fn = 1; fn < 8; fn++)
		assert_int_equal(pci(0x80000000 | fn << 8), ~0U);
	assert_int_equal(pci(0x80010000), ~0U);
	/* Bytes there are not the address register. */
	machine_out(0xcf8, 1, 0x55);
	assert_int_equal(machine_in(0xcf8, 4), 0x80010000);
}

/* --- fw_cfg ----------------------------------------------------------------------------------- */

static u64 item(u16 key, u32 bytes)
{
	u64 val = 0;

	machine_out(0x510, 2, key);
	for (u32 i = 0; i < bytes; i++)
		val |= (u64)machine_in(0x511, 1) << 8 * i;
	return val;
}

static void fw_cfg_tells_the_machine(void **state)
{
	char name[56];
	u16 key;

	(void)state;
	assert_int_equal(item(0, 5), 'Q' | 'E' << 8 | 'M' << 16 | (u64)'U' << 24);
	assert_int_equal(item(1, 4), 1);
	assert_int_equal(item(3, 8), 256 * SZ_1M);
	assert_int_equal(item(5, 3), 2);
	assert_int_equal(item(0x0f, 2), 2);
	assert_int_equal(item(0x4321, 8), 0); /* unknown */
	assert_int_equal(__builtin_bswap32((u32)item(0x19, 4)), 1);
	assert_int_equal(__builtin_bswap32((u32)(item(0x19, 8) >> 32)), 40);
	item(0x19, 8);
	key = (u16)(machine_in(0x511, 1) << 8);
	key |= (u16)machine_in(0x511, 1);
	machine_in(0x511, 1);
	machine_in(0x511, 1);
	for (u32 i = 0; i < sizeof(name); i++)
		name[i] = (char)machine_in(0x511, 1);
	assert_string_equal(name, "etc/e820");
	assert_int_equal(item(key, 8), 0);
	assert_int_equal(machine_in(0x511, 1) | machine_in(0x511, 1) << 8, 0xfc00);
}

/* --- everything ------------------------------------------------------------------------------- */

static void ports_lie_where_they_should_and_are_few(void **state)
{
	(void)state;
	assert_true(machine_vm.nr_pio <= VM_MAX_PIO - 8);
	assert_int_equal(machine_vm.nr_mmio, 1);
}

static void a_reset_in_the_middle_is_power_on(void **state)
{
	(void)state;
	machine_out(0x43, 1, 0x34);
	machine_out(0x40, 1, 0x00);
	machine_out(0x40, 1, 0x10);
	machine_out(0x21, 1, 0);
	machine_wait(10000000);
	assert_true(vpic_pending(&machine_vm));
	chipset_reset(&machine_vm);
	assert_int_equal(fake_clock_next(), UINT64_MAX);
	assert_false(vpic_pending(&machine_vm));
	assert_int_equal(machine_in(0x21, 1), 0xff);
}

static void random_ports_do_no_harm(void **state)
{
	u64 seed = 2026;

	(void)state;
	for (u32 n = 0; n < 300000; n++) {
		u64 r = test_random(&seed);
		struct pio_range *p = &machine_vm.pio[(r >> 8) % machine_vm.nr_pio];
		u16 port = (u16)(p->first + (r >> 16) % p->count);
		u8 size = (u8)(1 << (r >> 4) % 3);

		if (r & 1)
			machine_out(port, size, (u32)(r >> 32));
		else
			machine_in(port, size);
		if ((r & 6) == 0)
			machine_wait(r >> 44);
		if ((r & 0x70000) == 0 && vpic_pending(&machine_vm))
			vpic_ack(&machine_vm);
		if ((r & 0xff000000) == 0)
			chipset_reset(&machine_vm);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(creation_fails_whole_and_leaves_nothing),
		T(reset_by_port_cf9),
		T(reset_by_port_92),
		T(reset_by_the_absent_keyboard_controller),
		T(debug_exit_tells_its_code),
		T(debugcon_is_the_console),
		T(there_is_one_host_bridge),
		T(fw_cfg_tells_the_machine),
		T(ports_lie_where_they_should_and_are_few),
		T(a_reset_in_the_middle_is_power_on),
		T(random_ports_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
