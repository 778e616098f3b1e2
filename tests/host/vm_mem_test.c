/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/vm_mem.c lib/fmt.c tests/host/fake/bug.c */
/* Guest RAM: where the slots are, how large the pieces, what is given back, and the map. */
#include <errno.h>

#include "tests/host/vm_fake.h"

#include "arch/mem.h"
#include "vm/e820.h"

/* A host whose memory is an address range: nothing is ever touched but the first megabyte. */
#define HOST_BASE 0x200000000ULL
#define MAX_RUNS  8

struct run {
	u64 frame, nr; /* free */
};

static struct run runs[MAX_RUNS];
static u64 zeroed, smallest_align;
static struct slot slots[MMU_MAX_SLOTS];
static u32 nr_slots;
static bool slots_full;
static u8 first_megabyte[0x100000] __aligned(4096);
static u64 first_frame; /* where it is */

static void *host_ptr(u64 frame)
{
	return frame == first_frame ? (void *)first_megabyte : (void *)(frame << PAGE_SHIFT);
}

static u64 host_frame(const void *p)
{
	const u8 *b = p;

	if (b >= first_megabyte && b < first_megabyte + sizeof(first_megabyte))
		return first_frame + (u64)(b - first_megabyte) / PAGE_SIZE;
	return (u64)p >> PAGE_SHIFT;
}

u64 frames_free_count(void)
{
	u64 n = 0;

	for (u32 i = 0; i < MAX_RUNS; i++)
		n += runs[i].nr;
	return n;
}

u64 frames_largest_run(void)
{
	u64 n = 0;

	for (u32 i = 0; i < MAX_RUNS; i++)
		n = MAX(n, runs[i].nr);
	return n;
}

void *frames_alloc(u64 nr, u64 align, u64 limit)
{
	(void)limit;
	for (u32 i = 0; i < MAX_RUNS; i++) {
		u64 at = ALIGN_UP(runs[i].frame, align);

		if (at + nr > runs[i].frame + runs[i].nr)
			continue;
		/* What lies before is lost to this simple host. */
		runs[i].nr -= at + nr - runs[i].frame;
		runs[i].frame = at + nr;
		smallest_align = MIN(smallest_align, align);
		if (!first_frame)
			first_frame = at;
		return host_ptr(at);
	}
	return NULL;
}

void frames_free(void *p, u64 nr)
{
	u64 frame = host_frame(p);

	for (u32 i = 0; i < MAX_RUNS; i++) {
		if (runs[i].nr)
			continue;
		runs[i] = (struct run){ frame, nr };
		return;
	}
}

void frames_zero(void *p, u64 nr)
{
	(void)p;
	zeroed += nr;
}

int mmu_slot_add(struct mmu_vm *m, const struct slot *s)
{
	(void)m;
	if (slots_full)
		return -ENOSPC;
	slots[nr_slots++] = *s;
	return 0;
}

static char err[200];

static int init(u64 memory)
{
	fake_reset();
	fake_vm.cfg.memory = memory;
	strcpy(fake_vm.cfg.name, "t");
	nr_slots = 0;
	zeroed = 0;
	first_frame = 0;
	smallest_align = ~0ULL;
	return vm_mem_init(&fake_vm, err, sizeof(err));
}

static void host_has(u64 nr_runs, u64 bytes_each)
{
	memset(runs, 0, sizeof(runs));
	for (u64 i = 0; i < nr_runs; i++)
		runs[i] = (struct run){ (HOST_BASE >> PAGE_SHIFT) + i * 0x1000000,
					bytes_each >> PAGE_SHIFT };
	slots_full = false;
}

static const struct slot *slot_at(u64 gpa)
{
	for (u32 i = 0; i < nr_slots; i++) {
		if ((gpa >> PAGE_SHIFT) - slots[i].gfn.v < slots[i].nr)
			return &slots[i];
	}
	return NULL;
}

static void low_memory_is_laid_out_like_a_pc(void **state)
{
	(void)state;
	host_has(1, SZ_1G);
	assert_int_equal(init(64 * SZ_1M), 0);
	assert_int_equal(slot_at(0)->kind, SLOT_RAM);
	assert_int_equal(slot_at(0x9ffff)->kind, SLOT_RAM);
	assert_null(slot_at(0xa0000));
	assert_null(slot_at(0xbffff));
	assert_int_equal(slot_at(0xc0000)->kind, SLOT_ROM);
	assert_int_equal(slot_at(0xdffff)->kind, SLOT_ROM);
	assert_int_equal(slot_at(0xe0000)->kind, SLOT_RAM);
	assert_int_equal(slot_at(64 * SZ_1M - 1)->kind, SLOT_RAM);
	assert_null(slot_at(64 * SZ_1M));
	assert_int_equal(first_megabyte[0xc0000], 0xff);
	assert_int_equal(first_megabyte[0xdffff], 0xff);
}

static void all_ram_is_zeroed_and_the_hole_given_back(void **state)
{
	u64 before;

	(void)state;
	host_has(1, SZ_1G);
	before = frames_free_count();
	assert_int_equal(init(64 * SZ_1M), 0);
	assert_int_equal(before - frames_free_count(), vm_mem_frames(&fake_vm));
	assert_int_equal(zeroed, (64 * SZ_1M - 0x40000) >> PAGE_SHIFT);
}

static void guest_and_host_share_the_alignment_of_large_pages(void **state)
{
	(void)state;
	host_has(1, 8 * SZ_1G);
	assert_int_equal(init(5 * SZ_1G), 0);
	assert_true(smallest_align >= SZ_1G >> PAGE_SHIFT);
	for (u32 i = 0; i < fake_vm.nr_pieces; i++)
		assert_int_equal(fake_vm.piece[i].gpa.v % SZ_1G, 0);
}

static void ram_above_three_gigabytes_continues_at_four(void **state)
{
	(void)state;
	host_has(1, 8 * SZ_1G);
	assert_int_equal(init(4 * SZ_1G), 0);
	assert_non_null(slot_at(3 * SZ_1G - 1));
	assert_null(slot_at(3 * SZ_1G));
	assert_null(slot_at(4 * SZ_1G - 1));
	assert_non_null(slot_at(4 * SZ_1G));
	assert_non_null(slot_at(5 * SZ_1G - 1));
	assert_null(slot_at(5 * SZ_1G));
}

static void a_fragmented_host_gives_several_pieces(void **state)
{
	u64 frames = 0;

	(void)state;
	host_has(4, 100 * SZ_1M);
	assert_int_equal(init(256 * SZ_1M), 0);
	assert_true(fake_vm.nr_pieces > 1);
	for (u32 i = 0; i < fake_vm.nr_pieces; i++) {
		assert_int_equal(fake_vm.piece[i].gpa.v, frames << PAGE_SHIFT);
		frames += fake_vm.piece[i].frames;
	}
	assert_int_equal(frames, 256 * SZ_1M >> PAGE_SHIFT);
}

static void a_shortage_is_one_sentence_with_numbers(void **state)
{
	(void)state;
	host_has(1, 300 * SZ_1M);
	assert_int_equal(init(512 * SZ_1M), -ENOMEM);
	assert_non_null(strstr(err, "vm t: wants 512M, only 300 MiB are free"));
	assert_int_equal(fake_vm.nr_pieces, 0);
}

static void a_failure_gives_everything_back(void **state)
{
	u64 before;

	(void)state;
	host_has(1, SZ_1G);
	before = frames_free_count();
	slots_full = true;
	memset(runs + 1, 0, sizeof(runs) - sizeof(runs[0]));
	fake_reset();
	assert_int_equal(init(64 * SZ_1M), -ENOSPC);
	assert_int_equal(frames_free_count(), before);
	assert_non_null(strstr(err, "vm t: wants 64M"));
}

static void fini_frees_what_init_took(void **state)
{
	u64 before;

	(void)state;
	host_has(4, 100 * SZ_1M);
	before = frames_free_count();
	assert_int_equal(init(250 * SZ_1M), 0);
	vm_mem_fini(&fake_vm);
	assert_int_equal(frames_free_count(), before);
}

static void check_map(u64 memory, u32 want, u64 ram)
{
	struct e820_entry map[E820_MAX];
	u32 nr;

	fake_vm.cfg.memory = memory;
	nr = vm_e820(&fake_vm, map, E820_MAX);
	assert_int_equal(nr, want);
	for (u32 i = 0; i < nr; i++) {
		assert_true(map[i].size > 0);
		if (i)
			assert_true(map[i].base >= map[i - 1].base + map[i - 1].size);
		if (map[i].type == E820_RAM)
			ram -= map[i].size;
	}
	assert_int_equal(ram, 0);
}

static void the_map_rises_without_overlap_and_adds_up(void **state)
{
	(void)state;
	check_map(SZ_1M, 4, 0xa0000);
	check_map(64 * SZ_1M, 5, 0xa0000 + 63 * SZ_1M);
	check_map(3 * SZ_1G, 5, 0xa0000 + 3 * SZ_1G - SZ_1M);
	check_map(5 * SZ_1G, 6, 0xa0000 + 5 * SZ_1G - SZ_1M);
}

static void a_short_map_is_cut(void **state)
{
	struct e820_entry map[2];

	(void)state;
	fake_vm.cfg.memory = 64 * SZ_1M;
	assert_int_equal(vm_e820(&fake_vm, map, 2), 2);
	assert_int_equal(map[1].base, VM_ACPI_BASE);
	assert_int_equal(map[1].type, E820_RESERVED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(low_memory_is_laid_out_like_a_pc),
		cmocka_unit_test(all_ram_is_zeroed_and_the_hole_given_back),
		cmocka_unit_test(guest_and_host_share_the_alignment_of_large_pages),
		cmocka_unit_test(ram_above_three_gigabytes_continues_at_four),
		cmocka_unit_test(a_fragmented_host_gives_several_pieces),
		cmocka_unit_test(a_shortage_is_one_sentence_with_numbers),
		cmocka_unit_test(a_failure_gives_everything_back),
		cmocka_unit_test(fini_frees_what_init_took),
		cmocka_unit_test(the_map_rises_without_overlap_and_adds_up),
		cmocka_unit_test(a_short_map_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
