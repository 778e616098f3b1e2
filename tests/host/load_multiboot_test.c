/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/load/kernel.c vm/load/bzimage.c vm/load/elf.c vm/load/flat.c vm/load/memory.c */
/* SOURCES: vm/load/multiboot1.c vm/load/multiboot2.c */
/* Multiboot 1 and 2, ELF and flat files: what the guest finds, and what is refused. */

#include "tests/host/load_fake.h"

#include "vm/load/elf.h"

#define FILE_SIZE 0x3000
#define TEXT_OFF  0x1000
#define TEXT_ADDR 0x400000
#define TEXT_SIZE 0x1800
#define BSS_SIZE  0x2345
#define VIRT      0xc0000000U
#define MB_OFF    0x1000
#define ACPI_ADDR 0xe0000

static u8 image[FILE_SIZE];

static void put_header1(u8 *p, u32 flags)
{
	put32(p, 0x1badb002);
	put32(p + 4, flags);
	put32(p + 8, 0 - 0x1badb002U - flags);
}

static void put_header2(u8 *p, u32 len)
{
	put32(p, 0xe85250d6);
	put32(p + 4, 0);
	put32(p + 8, len);
	put32(p + 12, 0 - 0xe85250d6U - len);
}

static void put_tag(u8 *p, u16 type, u16 flags, u32 size)
{
	put16(p, type);
	put16(p + 2, flags);
	put32(p + 4, size);
}

/* An executable of one segment, linked at VIRT and loaded at TEXT_ADDR. */
static void make_elf(bool is64)
{
	u8 *ph = image + (is64 ? 64 : 52);

	memset(image, 0, sizeof(image));
	for (u32 i = TEXT_OFF; i < TEXT_OFF + TEXT_SIZE; i++)
		image[i] = (u8)(i * 3);
	memcpy(image, "\177ELF", 4);
	image[4] = is64 ? 2 : 1;
	image[5] = 1;
	put16(image + 16, 2);
	put16(image + 18, is64 ? 62 : 3);
	put32(ph, 1);
	if (is64) {
		put64(image + 24, VIRT + 0x40);
		put64(image + 32, 64);
		put16(image + 54, 56);
		put16(image + 56, 1);
		put64(ph + 8, TEXT_OFF);
		put64(ph + 16, VIRT);
		put64(ph + 24, TEXT_ADDR);
		put64(ph + 32, TEXT_SIZE);
		put64(ph + 40, TEXT_SIZE + BSS_SIZE);
	} else {
		put32(image + 24, VIRT + 0x40);
		put32(image + 28, 52);
		put16(image + 42, 32);
		put16(image + 44, 1);
		put32(ph + 4, TEXT_OFF);
		put32(ph + 8, VIRT);
		put32(ph + 12, TEXT_ADDR);
		put32(ph + 16, TEXT_SIZE);
		put32(ph + 20, TEXT_SIZE + BSS_SIZE);
	}
}

static void expect_segment_loaded(const struct load *l)
{
	assert_int_equal(l->cpu.mode, BOOT_PROT);
	assert_int_equal(l->cpu.rip, TEXT_ADDR + 0x40);
	assert_memory_equal(ram + TEXT_ADDR, image + TEXT_OFF, TEXT_SIZE);
	for (u32 i = 0; i < BSS_SIZE; i++)
		assert_int_equal(ram[TEXT_ADDR + TEXT_SIZE + i], 0);
	assert_int_equal(get64(ram + l->cpu.gdt + BOOT_CS), 0x00cf9b000000ffffULL);
}

static void multiboot1_guest_finds_its_information(void **state)
{
	static const u8 module[] = "NR_CPUS=2";
	struct load l;
	const u8 *info, *mod;

	(void)state;
	make_elf(false);
	put_header1(image + MB_OFF, 3);
	l = job(image, sizeof(image));
	l.initrd = (struct load_file){ "env", module, sizeof(module) };
	memset(ram + TEXT_ADDR, 0xee, 0x10000);
	assert_int_equal(load_kernel(&l), 0);
	expect_segment_loaded(&l);
	assert_int_equal(l.cpu.rax, 0x2badb002);
	info = ram + l.cpu.rbx;
	assert_int_equal(get32(info) & 0x24d, 0x24d);
	assert_int_equal(get32(info + 4), LOW_RAM / 1024);
	assert_int_equal(get32(info + 8), (RAM_SIZE - SZ_1M) / 1024);
	assert_string_equal((char *)ram + get32(info + 16), "kernel console=ttyS0");
	assert_int_equal(get32(info + 20), 1);
	mod = ram + get32(info + 24);
	assert_memory_equal(ram + get32(mod), module, sizeof(module));
	assert_int_equal(get32(mod + 4) - get32(mod), sizeof(module));
	assert_int_equal(get32(mod) % PAGE_SIZE, 0);
	assert_string_equal((char *)ram + get32(mod + 8), "env");
	assert_int_equal(get32(info + 44), 3 * 24);
	assert_int_equal(get32(ram + get32(info + 48)), 20);
	assert_memory_equal(ram + get32(info + 48) + 4, &l.map[0], 20);
	assert_string_equal((char *)ram + get32(info + 64), "Umbra");
}

static void multiboot1_takes_elf64(void **state)
{
	struct load l;

	(void)state;
	make_elf(true);
	put_header1(image + MB_OFF, 0);
	l = job(image, sizeof(image));
	assert_int_equal(load_kernel(&l), 0);
	expect_segment_loaded(&l);
}

static void multiboot1_addresses_of_the_header_count(void **state)
{
	struct load l;
	u8 *h = image + 0x40;

	(void)state;
	memset(image, 0x5a, sizeof(image));
	put_header1(h, BIT32(16));
	put32(h + 12, 0x200040); /* header */
	put32(h + 16, 0x200010); /* load from byte 0x10 of the file */
	put32(h + 20, 0x201010);
	put32(h + 24, 0x202000); /* end of bss */
	put32(h + 28, 0x200100); /* entry */
	l = job(image, sizeof(image));
	memset(ram + 0x200000, 0xee, 0x10000);
	assert_int_equal(load_kernel(&l), 0);
	assert_int_equal(l.cpu.rip, 0x200100);
	assert_memory_equal(ram + 0x200010, image + 0x10, 0x1000);
	assert_int_equal(ram[0x20000f], 0xee);
	assert_int_equal(ram[0x201010], 0);
	assert_int_equal(ram[0x201fff], 0);
	assert_int_equal(ram[0x202000], 0xee);
	load_survives_damage(image, sizeof(image), 0x100);
}

static void multiboot1_impossible_addresses_are_refused(void **state)
{
	struct load l;
	u8 *h = image + 0x40;

	(void)state;
	memset(image, 0, sizeof(image));
	put_header1(h, BIT32(16));
	put32(h + 12, 0x200040);
	put32(h + 16, 0x100000); /* would start before the file does */
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "corrupt multiboot header");
	put32(h + 16, 0x200000);
	put32(h + 20, 0x204000); /* more than the file has */
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "truncated");
	put32(h + 20, 0);
	put32(h + 24, 0xfffff000);
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "give the VM more memory");
}

static void multiboot1_unknown_demands_are_refused(void **state)
{
	struct load l;

	(void)state;
	make_elf(false);
	put_header1(image + MB_OFF, 4);
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "video mode");
	put_header1(image + MB_OFF, 0x100);
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "multiboot features 0x100");
}

/* The tag of this type in the list at gpa, or NULL. */
static const u8 *find_tag(u64 gpa, u32 type)
{
	u32 total = get32(ram + gpa);

	for (u32 at = 8; at < total; at += (u32)ALIGN_UP(get32(ram + gpa + at + 4), 8ULL)) {
		if (get32(ram + gpa + at) == type)
			return ram + gpa + at;
	}
	return NULL;
}

static void multiboot2_guest_finds_its_tags(void **state)
{
	static const u8 module[] = "hello";
	struct load l;
	const u8 *tag;

	(void)state;
	make_elf(true);
	put_header2(image + MB_OFF, 16 + 16 + 8);
	put_tag(image + MB_OFF + 16, 1, 0, 12); /* information request */
	put32(image + MB_OFF + 24, 6);
	put_tag(image + MB_OFF + 32, 0, 0, 8);
	l = job(image, sizeof(image));
	l.initrd = (struct load_file){ "m", module, sizeof(module) };
	l.rsdp = ACPI_ADDR;
	memset(ram + ACPI_ADDR, 0, 36);
	memcpy(ram + ACPI_ADDR, "RSD PTR ", 8);
	ram[ACPI_ADDR + 15] = 2;
	memset(ram + TEXT_ADDR, 0xee, 0x10000);
	assert_int_equal(load_kernel(&l), 0);
	expect_segment_loaded(&l);
	assert_int_equal(l.cpu.rax, 0x36d76289);
	assert_int_equal(l.cpu.rbx % 8, 0);
	assert_string_equal((const char *)find_tag(l.cpu.rbx, 1) + 8, "console=ttyS0");
	assert_string_equal((const char *)find_tag(l.cpu.rbx, 2) + 8, "Umbra");
	tag = find_tag(l.cpu.rbx, 3);
	assert_memory_equal(ram + get32(tag + 8), module, sizeof(module));
	assert_string_equal((const char *)tag + 16, "m");
	tag = find_tag(l.cpu.rbx, 4);
	assert_int_equal(get32(tag + 12), (RAM_SIZE - SZ_1M) / 1024);
	tag = find_tag(l.cpu.rbx, 6);
	assert_int_equal(get32(tag + 4), 16 + 3 * 24);
	assert_int_equal(get32(tag + 8), 24);
	assert_memory_equal(tag + 16 + 24, &l.map[1], 20);
	assert_memory_equal(find_tag(l.cpu.rbx, 15) + 8, ram + ACPI_ADDR, 36);
	assert_null(find_tag(l.cpu.rbx, 14));
	tag = find_tag(l.cpu.rbx, 0);
	assert_ptr_equal(tag + 8, ram + l.cpu.rbx + get32(ram + l.cpu.rbx));
}

static void multiboot2_unknown_demands_are_refused(void **state)
{
	struct load l;
	u8 *tag = image + MB_OFF + 16;

	(void)state;
	make_elf(true);
	put_header2(image + MB_OFF, 16 + 16 + 8);
	put_tag(tag, 1, 0, 12);
	put32(tag + 8, 8); /* framebuffer */
	put_tag(tag + 16, 0, 0, 8);
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "information of type 8");
	put_tag(tag, 1, 1, 12);
	l = job(image, sizeof(image));
	assert_int_equal(load_kernel(&l), 0);
	put_tag(tag, 5, 0, 12);
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "feature 5");
	put_tag(tag, 5, 0, 4);
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "tag of 4 bytes");
	put_tag(tag, 10, 0, 24);
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "no end tag");
}

static void multiboot2_entry_tag_wins(void **state)
{
	struct load l;

	(void)state;
	make_elf(true);
	put_header2(image + MB_OFF, 16 + 16 + 8);
	put_tag(image + MB_OFF + 16, 3, 0, 12);
	put32(image + MB_OFF + 24, TEXT_ADDR + 0x80);
	put_tag(image + MB_OFF + 32, 0, 0, 8);
	l = job(image, sizeof(image));
	assert_int_equal(load_kernel(&l), 0);
	assert_int_equal(l.cpu.rip, TEXT_ADDR + 0x80);
}

static void elf_damage_is_named(void **state)
{
	struct load l;

	(void)state;
	make_elf(false);
	put_header1(image + MB_OFF, 0);
	l = job(image, TEXT_OFF + 0x100);
	expect_refused(&l, "kernel", "truncated ELF file: segment 0 ends at byte 10240 of 4352");
	put16(image + 44, 0xffff);
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "truncated ELF file: program headers");
	make_elf(false);
	put_header1(image + MB_OFF, 0);
	put32(image + 52 + 20, 1); /* memsz < filesz */
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "larger in the file than in memory");
	make_elf(false);
	put_header1(image + MB_OFF, 0);
	put32(image + 24, 0x1234);
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "entry point 0x1234 is in no segment");
	make_elf(false);
	l = job(image, sizeof(image));
	expect_refused(&l, "kernel", "without a multiboot header");
}

static void elf_outside_ram_is_refused(void **state)
{
	static const u64 bad[] = { RAM_SIZE - 0x1000, LOW_RAM - 0x100, SZ_4G, ~0ULL - 0x1000 };

	(void)state;
	make_elf(true);
	put_header1(image + MB_OFF, 0);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		struct load l = job(image, sizeof(image));

		put64(image + 64 + 24, bad[i]);
		expect_refused(&l, "kernel", "is not all in free RAM");
	}
}

static void elf_damage_is_never_fatal(void **state)
{
	(void)state;
	make_elf(false);
	put_header1(image + MB_OFF, 3);
	load_survives_damage(image, sizeof(image), 0x60);
	make_elf(true);
	put_header2(image + 0x100, 16 + 16 + 8);
	put_tag(image + 0x110, 1, 0, 12);
	put32(image + 0x118, 6);
	put_tag(image + 0x120, 0, 0, 8);
	load_survives_damage(image, sizeof(image), 0x128);
}

static void flat_binary_starts_as_a_boot_sector(void **state)
{
	struct load l;

	(void)state;
	memset(image, 0x90, sizeof(image));
	put16(image + 510, 0xaa55);
	l = job(image, sizeof(image));
	assert_int_equal(load_kernel(&l), 0);
	assert_int_equal(l.cpu.mode, BOOT_REAL);
	assert_int_equal(l.cpu.rip, 0x7c00);
	assert_int_equal(l.cpu.rdx, 0x80);
	assert_memory_equal(ram + 0x7c00, image, sizeof(image));
}

static void flat_binary_must_fit_below_640k(void **state)
{
	u64 size = LOW_RAM - 0x7c00 + 1;
	u8 *big = calloc(1, size);
	struct load l = job(big, size);

	(void)state;
	assert_non_null(big);
	put16(big + 510, 0xaa55);
	expect_refused(&l, "kernel", "does not fit");
	l = job(big, size - 1);
	assert_int_equal(load_kernel(&l), 0);
	free(big);
}

static void unknown_format_is_named(void **state)
{
	struct load l = job("#!/bin/sh", 9);

	(void)state;
	expect_refused(&l, "kernel", "neither a Linux bzImage");
	l = job("", 0);
	expect_refused(&l, "kernel", "neither a Linux bzImage");
}

static void places_are_the_highest_and_never_overlap(void **state)
{
	struct load l = job("", 0);
	u64 a, b;

	(void)state;
	assert_true(load_place(&l, 0x1000, 0x1000, SZ_1M, SZ_4G, &a));
	assert_int_equal(a, RAM_SIZE - 0x1000);
	assert_true(load_place(&l, 0x1001, 0x1000, SZ_1M, SZ_4G, &b));
	assert_int_equal(b, a - 0x2000);
	assert_false(load_claim(&l, b + 0x1000, 1));
	assert_true(load_claim(&l, b + 0x1001, 0xfff));
	assert_false(load_place(&l, RAM_SIZE, 1, 0, SZ_4G, &a));
	assert_true(load_place(&l, LOW_RAM, 1, 0, SZ_1M, &a));
	assert_int_equal(a, 0);
	assert_false(load_place(&l, 1, 1, 0, SZ_1M, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(multiboot1_guest_finds_its_information),
		cmocka_unit_test(multiboot1_takes_elf64),
		cmocka_unit_test(multiboot1_addresses_of_the_header_count),
		cmocka_unit_test(multiboot1_impossible_addresses_are_refused),
		cmocka_unit_test(multiboot1_unknown_demands_are_refused),
		cmocka_unit_test(multiboot2_guest_finds_its_tags),
		cmocka_unit_test(multiboot2_unknown_demands_are_refused),
		cmocka_unit_test(multiboot2_entry_tag_wins),
		cmocka_unit_test(elf_damage_is_named),
		cmocka_unit_test(elf_outside_ram_is_refused),
		cmocka_unit_test(elf_damage_is_never_fatal),
		cmocka_unit_test(flat_binary_starts_as_a_boot_sector),
		cmocka_unit_test(flat_binary_must_fit_below_640k),
		cmocka_unit_test(unknown_format_is_named),
		cmocka_unit_test(places_are_the_highest_and_never_overlap),
	};

	return cmocka_run_group_tests(tests, ram_setup, ram_teardown);
}
