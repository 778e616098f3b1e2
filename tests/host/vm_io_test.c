/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/pio.c vm/vm_io.c vm/console.c tests/host/fake/mem.c tests/host/fake/bug.c */
/* Ports and MMIO ranges: who is asked, with what size; nobody's ports; the scroll-back. */
#include <errno.h>

#include "tests/host/vm_fake.h"

#include "vm/console.h"
#include "vm/dev/vuart.h"
#include "vm/emulate.h"
#include "vm/exit_priv.h"

static u16 last_port;
static u8 last_size;
static u32 last_val, calls, strings, skipped_special, next_read;
static int slot_result;
static char typed[16];

void emulate_port_io(struct vcpu *v)
{
	(void)v;
	strings++;
}

void vcpu_skip_special(struct vcpu *v, u64 old)
{
	(void)v;
	(void)old;
	skipped_special++;
}

int mmu_slot_add(struct mmu_vm *m, const struct slot *s)
{
	(void)m;
	assert_int_equal(s->kind, SLOT_MMIO);
	return slot_result;
}

void vuart_input(struct vm *vm, const char *s, size_t n)
{
	(void)vm;
	memcpy(typed, s, MIN(n, sizeof(typed)));
}

static u32 rd(void *dev, u16 port, u8 size)
{
	assert_ptr_equal(dev, &calls);
	assert_true(fake_vm.chipset_lock.held);
	last_port = port;
	last_size = size;
	calls++;
	return next_read;
}

static void wr(void *dev, u16 port, u8 size, u32 val)
{
	assert_ptr_equal(dev, &calls);
	last_port = port;
	last_size = size;
	last_val = val;
	calls++;
}

static int setup(void **state)
{
	(void)state;
	fake_reset();
	calls = strings = 0;
	slot_result = 0;
	next_read = 0x12345678;
	assert_int_equal(vm_pio_add(&fake_vm, 0x60, 4, rd, wr, &calls), 0);
	assert_int_equal(vm_pio_add(&fake_vm, 0x2000, 8, rd, wr, &calls), 0);
	return 0;
}

static u64 in(u16 port, u8 size)
{
	fake_vcpu.exit.pio.port = port;
	fake_vcpu.exit.pio.size = size;
	fake_vcpu.exit.pio.in = true;
	fake_vcpu.exit.pio.string = false;
	fake_vcpu.exit.insn_len = 2;
	fake_vcpu.regs.gpr[R_AX] = 0xa5a5a5a5a5a5a5a5;
	fake_vcpu.regs.rip = 0x1000;
	exit_pio(&fake_vcpu);
	assert_int_equal(fake_vcpu.regs.rip, 0x1002);
	return fake_vcpu.regs.gpr[R_AX];
}

static void out(u16 port, u8 size)
{
	fake_vcpu.exit.pio.port = port;
	fake_vcpu.exit.pio.size = size;
	fake_vcpu.exit.pio.in = false;
	fake_vcpu.exit.pio.string = false;
	fake_vcpu.exit.insn_len = 1;
	fake_vcpu.regs.gpr[R_AX] = 0x1122334455667788;
	exit_pio(&fake_vcpu);
}

static void reads_merge_by_size(void **state)
{
	(void)state;
	assert_int_equal(in(0x60, 1), 0xa5a5a5a5a5a5a578);
	assert_int_equal(in(0x61, 2), 0xa5a5a5a5a5a55678);
	assert_int_equal(in(0x60, 4), 0x12345678);
	assert_int_equal(last_size, 4);
	assert_int_equal(calls, 3);
}

static void writes_give_the_low_bytes(void **state)
{
	(void)state;
	out(0x63, 1);
	assert_int_equal(last_port, 0x63);
	assert_int_equal(last_val, 0x88);
	out(0x60, 4);
	assert_int_equal(last_val, 0x55667788);
}

static void nobodys_ports_read_ones_and_swallow(void **state)
{
	(void)state;
	assert_int_equal(in(0x80, 1), 0xa5a5a5a5a5a5a5ff);
	assert_int_equal(in(0x80, 2), 0xa5a5a5a5a5a5ffff);
	assert_int_equal(in(0x80, 4), 0xffffffff);
	assert_int_equal(in(0xfffe, 4), 0xffffffff);
	out(0x5000, 4);
	assert_int_equal(calls, 0);
}

static void high_ports_are_found_too(void **state)
{
	(void)state;
	assert_int_equal(in(0x2007, 1), 0xa5a5a5a5a5a5a578);
	assert_int_equal(in(0x2008, 1), 0xa5a5a5a5a5a5a5ff);
	assert_int_equal(calls, 1);
}

static void an_access_over_the_end_is_split(void **state)
{
	(void)state;
	assert_int_equal(in(0x62, 4), 0xffff7878); /* two bytes of the device, two of nobody */
	assert_int_equal(calls, 2);
	assert_int_equal(last_size, 1);
	calls = 0;
	assert_int_equal(in(0x5e, 4), 0x7878ffff);
	assert_int_equal(calls, 2);
	out(0x63, 2);
	assert_int_equal(last_port, 0x63);
	assert_int_equal(last_val, 0x88);
}

static void string_io_is_the_emulators(void **state)
{
	(void)state;
	fake_vcpu.exit.pio.port = 0x60;
	fake_vcpu.exit.pio.size = 1;
	fake_vcpu.exit.pio.string = true;
	exit_pio(&fake_vcpu);
	assert_int_equal(strings, 1);
	assert_int_equal(calls, 0);
}

static void ranges_do_not_overlap(void **state)
{
	(void)state;
	assert_int_equal(vm_pio_add(&fake_vm, 0x63, 1, rd, wr, NULL), -EEXIST);
	assert_int_equal(vm_pio_add(&fake_vm, 0x5f, 2, rd, wr, NULL), -EEXIST);
	assert_int_equal(vm_pio_add(&fake_vm, 0x5f, 1, rd, wr, &calls), 0);
	assert_int_equal(vm_pio_add(&fake_vm, 0xfff8, 8, rd, wr, &calls), 0);
	assert_int_equal(in(0xffff, 1), 0xa5a5a5a5a5a5a578);
}

static void a_full_table_says_so(void **state)
{
	(void)state;
	for (u16 i = 2; i < VM_MAX_PIO; i++)
		assert_int_equal(vm_pio_add(&fake_vm, (u16)(0x1000 + i), 1, rd, wr, &calls), 0);
	assert_int_equal(vm_pio_add(&fake_vm, 0x3000, 1, rd, wr, &calls), -ENOSPC);
}

static void mmio_ranges_need_a_slot(void **state)
{
	(void)state;
	slot_result = -EEXIST;
	assert_int_equal(vm_mmio_add(&fake_vm, GPA(0xfec00000), 4096, NULL, NULL, NULL), -EEXIST);
	assert_int_equal(fake_vm.nr_mmio, 0);
	slot_result = 0;
	for (u32 i = 0; i < VM_MAX_MMIO; i++)
		assert_int_equal(vm_mmio_add(&fake_vm, GPA(0xfec00000), 4096, NULL, NULL, NULL), 0);
	assert_int_equal(vm_mmio_add(&fake_vm, GPA(0), 4096, NULL, NULL, NULL), -ENOSPC);
}

static u32 sunk;

static void sink(struct vm *vm, const char *s, size_t n)
{
	(void)vm;
	(void)s;
	sunk += (u32)n;
}

static void scroll_back_keeps_the_last_bytes(void **state)
{
	static char text[VCONSOLE_SIZE + 100];
	char buf[64];
	u64 pos = 0;

	(void)state;
	assert_int_equal(vconsole_create(&fake_vm), 0);
	sunk = 0;
	vm_console_sink = sink;
	vm_console_put(&fake_vm, "hello", 5);
	assert_int_equal(vm_console_read(&fake_vm, &pos, buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(pos, 5);
	assert_int_equal(vm_console_read(&fake_vm, &pos, buf, sizeof(buf)), 0);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	vm_console_put(&fake_vm, text, sizeof(text));
	assert_int_equal(sunk, 5 + sizeof(text));
	pos = 0;
	assert_int_equal(vm_console_read(&fake_vm, &pos, buf, sizeof(buf)), sizeof(buf));
	assert_int_equal(pos, 5 + 100 + sizeof(buf)); /* moved up to the oldest byte kept */
	assert_memory_equal(buf, text + 100, sizeof(buf));
	vm_console_input(&fake_vm, "ls\r", 3);
	assert_memory_equal(typed, "ls\r", 3);
	vconsole_destroy(&fake_vm);
	vm_console_sink = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reads_merge_by_size, setup),
		cmocka_unit_test_setup(writes_give_the_low_bytes, setup),
		cmocka_unit_test_setup(nobodys_ports_read_ones_and_swallow, setup),
		cmocka_unit_test_setup(high_ports_are_found_too, setup),
		cmocka_unit_test_setup(an_access_over_the_end_is_split, setup),
		cmocka_unit_test_setup(string_io_is_the_emulators, setup),
		cmocka_unit_test_setup(ranges_do_not_overlap, setup),
		cmocka_unit_test_setup(a_full_table_says_so, setup),
		cmocka_unit_test_setup(mmio_ranges_need_a_slot, setup),
		cmocka_unit_test_setup(scroll_back_keeps_the_last_bytes, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
