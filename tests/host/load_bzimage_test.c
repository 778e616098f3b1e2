/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/load/kernel.c vm/load/bzimage.c vm/load/elf.c vm/load/flat.c vm/load/memory.c */
/* SOURCES: vm/load/multiboot1.c vm/load/multiboot2.c */
/* Linux boot protocol: what the kernel finds, and what is refused. */

#include "tests/host/load_fake.h"

#include "vm/load/bzimage.h"

#define SETUP     (5 * 512)
#define PAYLOAD   0x4000
#define FILE_SIZE (SETUP + PAYLOAD)
#define PREF      0x1000000ULL
#define INIT_SIZE 0x800000ULL

static u8 image[FILE_SIZE];

/* A kernel of protocol 2.15 as Linux 6.1 builds it. */
static void make(void)
{
	memset(image, 0, sizeof(image));
	for (u32 i = SETUP; i < FILE_SIZE; i++)
		image[i] = (u8)(i * 7);
	image[0x1f1] = 4;
	put32(image + 0x1f4, PAYLOAD / 16);
	put16(image + 0x1fe, 0xaa55);
	image[0x200] = 0xeb;
	image[0x201] = 0x6a;
	memcpy(image + 0x202, "HdrS", 4);
	put16(image + 0x206, 0x020f);
	image[0x211] = 1;
	put32(image + 0x214, 0x100000);
	put32(image + 0x22c, 0x7fffffff);
	put32(image + 0x230, 0x200000);
	image[0x234] = 1;
	put16(image + 0x236, 0x003f);
	put32(image + 0x238, 2047);
	put64(image + 0x258, PREF);
	put32(image + 0x260, INIT_SIZE);
}

static void entered_at_64bit_entry_with_low_4g_mapped(void **state)
{
	struct load l;

	(void)state;
	make();
	l = job(image, sizeof(image));
	assert_int_equal(load_kernel(&l), 0);
	assert_int_equal(l.cpu.mode, BOOT_LONG);
	assert_int_equal(l.cpu.rip, PREF + 0x200);
	assert_memory_equal(ram + PREF, image + SETUP, PAYLOAD);
	for (u64 va = 0; va < SZ_4G; va += SZ_2M * 37) {
		u64 l4 = get64(ram + l.cpu.cr3 + (va >> 39) * 8);
		u64 l3 = get64(ram + (l4 & ~0xfffULL) + (va >> 30) * 8);
		u64 l2 = get64(ram + (l3 & ~0xfffULL) + (va >> 21) % 512 * 8);

		assert_int_equal(l4 & 0xfff, 3);
		assert_int_equal(l3 & 0xfff, 3);
		assert_int_equal(l2, ALIGN_DOWN(va, SZ_2M) | 0x83);
	}
	assert_int_equal(get64(ram + l.cpu.cr3 + 8), 0);
	assert_int_equal(get64(ram + l.cpu.gdt + BOOT_CS), 0x00af9b000000ffffULL);
	assert_int_equal(get64(ram + l.cpu.gdt + BOOT_DS), 0x00cf93000000ffffULL);
}

static void boot_params_hold_header_map_and_cmdline(void **state)
{
	struct load l;
	const u8 *bp;

	(void)state;
	make();
	l = job(image, sizeof(image));
	l.rsdp = 0xe0000;
	assert_int_equal(load_kernel(&l), 0);
	bp = ram + l.cpu.rsi;
	assert_memory_equal(bp + 0x202, "HdrS", 4);
	assert_int_equal(bp[0x210], 0xff);
	assert_int_equal(get64(bp + 0x70), 0xe0000);
	assert_int_equal(bp[0x1e8], 3);
	assert_memory_equal(bp + 0x2d0, l.map, 3 * 20);
	assert_string_equal((const char *)ram + get32(bp + 0x228), "console=ttyS0");
	assert_int_equal(get32(bp + 0x218), 0);
	assert_int_equal(get32(bp), 0); /* the set-up code before the header is not copied */
}

static void initrd_lies_high_but_below_its_limit(void **state)
{
	static const u8 initrd[5000] = { 1, 2, 3 };
	struct load l;
	u64 at;

	(void)state;
	make();
	put32(image + 0x22c, 0x1ffffff);
	l = job(image, sizeof(image));
	l.initrd = (struct load_file){ "initrd", initrd, sizeof(initrd) };
	assert_int_equal(load_kernel(&l), 0);
	at = get32(ram + l.cpu.rsi + 0x218);
	assert_int_equal(get32(ram + l.cpu.rsi + 0x21c), sizeof(initrd));
	assert_int_equal(at, 0x2000000 - 2 * PAGE_SIZE);
	assert_memory_equal(ram + at, initrd, sizeof(initrd));
}

static void initrd_keeps_off_the_room_the_kernel_needs(void **state)
{
	u64 size = PREF - SZ_1M + 1; /* too big for below the kernel */
	u8 *initrd = calloc(1, size);
	struct load l;

	(void)state;
	make();
	put32(image + 0x260, (u32)(RAM_SIZE - PREF - SZ_1M));
	l = job(image, sizeof(image));
	l.initrd = (struct load_file){ "initrd", initrd, size };
	expect_refused(&l, "initrd", "do not fit beside the kernel");
	free(initrd);
}

static void kernel_without_64bit_entry_is_entered_in_protected_mode(void **state)
{
	struct load l;

	(void)state;
	make();
	put16(image + 0x236, 0);
	l = job(image, sizeof(image));
	assert_int_equal(load_kernel(&l), 0);
	assert_int_equal(l.cpu.mode, BOOT_PROT);
	assert_int_equal(l.cpu.rip, PREF);
	assert_int_equal(get32(ram + l.cpu.rsi + 0x214), PREF);
	assert_int_equal(get64(ram + l.cpu.gdt + BOOT_CS), 0x00cf9b000000ffffULL);
}

static void old_protocol_loads_at_1_mib(void **state)
{
	struct load l;

	(void)state;
	make();
	put16(image + 0x206, 0x0206);
	l = job(image, sizeof(image));
	assert_int_equal(load_kernel(&l), 0);
	assert_int_equal(l.cpu.mode, BOOT_PROT);
	assert_int_equal(l.cpu.rip, SZ_1M);
	assert_memory_equal(ram + SZ_1M, image + SETUP, PAYLOAD);
}

static void missing_bytes_are_named(void **state)
{
	struct load l;

	(void)state;
	make();
	l = job(image, sizeof(image) - 16);
	expect_refused(&l, "kernel", "truncated bzImage");
	l = job(image, SETUP);
	expect_refused(&l, "kernel", "truncated bzImage");
	l = job(image, 0x300);
	expect_refused(&l, "kernel", "truncated bzImage");
}

static void impossible_fields_are_named(void **state)
{
	struct load l;

	(void)state;
	make();
	put64(image + 0x258, SZ_4G);
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "corrupt bzImage");
	make();
	image[0x201] = 0xff;
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "corrupt bzImage");
	make();
	image[0x211] = 0;
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "zImage");
	make();
	put16(image + 0x206, 0x0201);
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "boot protocol 2.01");
}

static void too_little_memory_says_how_much(void **state)
{
	struct load l;

	(void)state;
	make();
	put32(image + 0x260, RAM_SIZE);
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "needs RAM from 16 to 80 MiB");
}

static void too_long_command_line_is_refused(void **state)
{
	struct load l;

	(void)state;
	make();
	put32(image + 0x238, 12);
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "takes a command line of 12 characters, the VM's has 13");
}

static void no_damage_is_fatal(void **state)
{
	(void)state;
	make();
	load_survives_damage(image, sizeof(image), 0x300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entered_at_64bit_entry_with_low_4g_mapped),
		cmocka_unit_test(boot_params_hold_header_map_and_cmdline),
		cmocka_unit_test(initrd_lies_high_but_below_its_limit),
		cmocka_unit_test(initrd_keeps_off_the_room_the_kernel_needs),
		cmocka_unit_test(kernel_without_64bit_entry_is_entered_in_protected_mode),
		cmocka_unit_test(old_protocol_loads_at_1_mib),
		cmocka_unit_test(missing_bytes_are_named),
		cmocka_unit_test(impossible_fields_are_named),
		cmocka_unit_test(too_little_memory_says_how_much),
		cmocka_unit_test(too_long_command_line_is_refused),
		cmocka_unit_test(no_damage_is_fatal),
	};

	return cmocka_run_group_tests(tests, ram_setup, ram_teardown);
}
