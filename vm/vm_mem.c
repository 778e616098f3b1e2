/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest RAM: static, zeroed, in pieces as large as the host has them.
 *
 *	0          640K   768K    896K    1M                3G            4G
 *	| RAM      | hole | ROM   | ACPI  | RAM             | PCI, APICs  | rest of RAM
 *
 * Pieces begin at 1 GiB or 2 MiB boundaries of both guest and host memory where possible, so that
 * nested paging has large leaves. The hole below 1 MiB lies inside a piece; its frames go back. The
 * ROM is where guests look for option ROMs and BIOS tables, in steps of 16 bytes: it reads as ones
 * like an empty bus, but without an exit for each.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/bits.h"
#include "lib/fmt.h"

#include "arch/mem.h"
#include "mmu/mmu.h"
#include "vm/e820.h"
#include "vm/vm.h"

#define LOW_END   0xa0000ULL
#define ROM_BASE  0xc0000ULL
#define ACPI_END  0x100000ULL
#define FRAMES(b) ((b) >> PAGE_SHIFT)
#define FRAMES_2M FRAMES(SZ_2M)
#define FRAMES_1G FRAMES(SZ_1G)

static int add_slot(struct vm *vm, enum slot_kind kind, u64 gpa, void *mem, u64 frames)
{
	struct slot s = {
		.gfn = gpa_to_gfn(GPA(gpa)),
		.nr = frames,
		.hfn = hpa_to_hfn(ptr_hpa(mem)),
		.kind = (u8)kind,
	};

	return mmu_slot_add(&vm->mmu, &s);
}

/* At most max frames for the memory at gpa: the most of them that the host has in one run. */
static void *take_run(u64 gpa, u64 max, u64 *frames)
{
	u64 align = IS_ALIGNED(gpa, SZ_1G) && max >= FRAMES_1G   ? FRAMES_1G
		    : IS_ALIGNED(gpa, SZ_2M) && max >= FRAMES_2M ? FRAMES_2M
								 : 1;

	max = MIN(max, frames_largest_run());
	if (max > FRAMES_2M)
		max = ALIGN_DOWN(max, FRAMES_2M);
	/* From the whole in best alignment down to single frames. */
	for (u64 nr = max; nr; nr = nr > FRAMES_2M ? ALIGN_DOWN(nr / 2, FRAMES_2M) : nr / 2) {
		for (u64 a = nr < align ? pow2_floor(nr) : align;;
		     a = a > FRAMES_2M ? FRAMES_2M : 1) {
			void *p = frames_alloc(nr, a, 0);

			if (p) {
				*frames = nr;
				return p;
			}
			if (a == 1)
				break;
		}
	}
	return NULL;
}

/* The first piece has a hole below 1 MiB; config.c takes care that RAM reaches that far. */
static int add_first_piece(struct vm *vm, struct ram_piece *p)
{
	char *mem = p->mem;
	int ret = add_slot(vm, SLOT_RAM, 0, mem, FRAMES(LOW_END));

	if (!ret)
		ret = add_slot(vm, SLOT_ROM, ROM_BASE, mem + ROM_BASE,
			       FRAMES(VM_ACPI_BASE - ROM_BASE));
	if (!ret)
		ret = add_slot(vm, SLOT_RAM, VM_ACPI_BASE, mem + VM_ACPI_BASE,
			       p->frames - FRAMES(VM_ACPI_BASE));
	return ret;
}

static int add_piece(struct vm *vm, u64 gpa, void *mem, u64 frames)
{
	struct ram_piece *p = &vm->piece[vm->nr_pieces++];

	*p = (struct ram_piece){ .gpa = GPA(gpa), .mem = mem, .frames = frames };
	if (gpa == 0) {
		if (frames < FRAMES(ACPI_END))
			return -ENOMEM;
		frames_free((char *)mem + LOW_END, FRAMES(ROM_BASE - LOW_END));
		frames_zero(mem, FRAMES(LOW_END));
		memset((char *)mem + ROM_BASE, 0xff, VM_ACPI_BASE - ROM_BASE);
		frames_zero((char *)mem + VM_ACPI_BASE, frames - FRAMES(VM_ACPI_BASE));
		return add_first_piece(vm, p);
	}
	frames_zero(mem, frames);
	return add_slot(vm, SLOT_RAM, gpa, mem, frames);
}

static int add_range(struct vm *vm, u64 gpa, u64 end)
{
	while (gpa < end) {
		u64 frames;
		void *mem;
		int ret;

		if (vm->nr_pieces == VM_MAX_PIECES)
			return -ENOSPC;
		/* A slot has a size limit; a multiple of 1 GiB keeps the alignment. */
		mem = take_run(gpa, MIN(FRAMES(end - gpa), MMU_SLOT_MAX_FRAMES), &frames);
		if (!mem)
			return -ENOMEM;
		ret = add_piece(vm, gpa, mem, frames);
		if (ret)
			return ret;
		gpa += frames << PAGE_SHIFT;
	}
	return 0;
}

static u64 low_ram(const struct vm *vm)
{
	return MIN(vm->cfg.memory, VM_LOW_RAM_MAX);
}

static u64 high_ram(const struct vm *vm)
{
	return vm->cfg.memory - low_ram(vm);
}

int vm_mem_init(struct vm *vm, char *err, size_t err_size)
{
	char want[FMT_SIZE_MAX];
	u64 free = frames_free_count() << PAGE_SHIFT;
	int ret;

	fmt_size(want, vm->cfg.memory);
	if (vm->cfg.memory > free) {
		snprintf(
			err, err_size,
			"vm %s: wants %s, only %llu MiB are free: lower its memory= or give the host more",
			vm->cfg.name, want, (unsigned long long)(free / SZ_1M));
		return -ENOMEM;
	}
	ret = add_range(vm, 0, low_ram(vm));
	if (!ret && high_ram(vm))
		ret = add_range(vm, SZ_4G, SZ_4G + high_ram(vm));
	if (!ret)
		return 0;
	vm_mem_fini(vm);
	snprintf(
		err, err_size,
		"vm %s: wants %s, and the %llu MiB that are free lie in too many pieces: lower its memory=",
		vm->cfg.name, want, (unsigned long long)(free / SZ_1M));
	return ret;
}

void vm_mem_fini(struct vm *vm)
{
	for (u32 i = 0; i < vm->nr_pieces; i++) {
		struct ram_piece *p = &vm->piece[i];
		char *mem = p->mem;

		if (p->gpa.v == 0 && p->frames >= FRAMES(ACPI_END)) {
			frames_free(mem, FRAMES(LOW_END));
			frames_free(mem + ROM_BASE, p->frames - FRAMES(ROM_BASE));
		} else {
			frames_free(mem, p->frames);
		}
	}
	vm->nr_pieces = 0;
}

u64 vm_mem_frames(const struct vm *vm)
{
	return FRAMES(vm->cfg.memory - (ROM_BASE - LOW_END));
}

u32 vm_e820(const struct vm *vm, struct e820_entry *map, u32 max)
{
	const struct e820_entry all[] = {
		{ 0, LOW_END, E820_RAM },
		{ VM_ACPI_BASE, ACPI_END - VM_ACPI_BASE, E820_RESERVED },
		{ ACPI_END, low_ram(vm) - ACPI_END, E820_RAM },
		{ VM_IOAPIC_BASE, SZ_4K, E820_RESERVED },
		{ VM_LAPIC_BASE, SZ_4K, E820_RESERVED },
		{ SZ_4G, high_ram(vm), E820_RAM },
	};
	u32 nr = 0;

	for (u32 i = 0; i < ARRAY_SIZE(all) && nr < max; i++) {
		if (all[i].size)
			map[nr++] = all[i];
	}
	return nr;
}
