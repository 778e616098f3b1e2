/* SPDX-License-Identifier: BSD-2-Clause */
/* Which device answers at which port and which address. */
#include <errno.h>

#include "mmu/mmu.h"
#include "vm/vm.h"

static bool overlaps(u64 a, u64 a_len, u64 b, u64 b_len)
{
	return a < b + b_len && b < a + a_len;
}

int vm_pio_add(struct vm *vm, u16 first, u16 count, pio_read_fn rd, pio_write_fn wr, void *dev)
{
	for (u32 i = 0; i < vm->nr_pio; i++) {
		if (overlaps(first, count, vm->pio[i].first, vm->pio[i].count))
			return -EEXIST;
	}
	if (vm->nr_pio == VM_MAX_PIO)
		return -ENOSPC;
	vm->pio[vm->nr_pio++] = (struct pio_range){ first, count, rd, wr, dev };
	for (u32 port = first; port < (u32)first + count && port < VM_PIO_MAP; port++)
		vm->pio_map[port] = (u8)vm->nr_pio;
	return 0;
}

int vm_mmio_add(struct vm *vm, gpa_t base, u64 size, mmio_read_fn rd, mmio_write_fn wr, void *dev)
{
	struct slot s = {
		.gfn = gpa_to_gfn(base),
		.nr = size >> PAGE_SHIFT,
		.kind = SLOT_MMIO,
		.dev = (u16)vm->nr_mmio,
	};
	int ret;

	if (vm->nr_mmio == VM_MAX_MMIO)
		return -ENOSPC;
	ret = mmu_slot_add(&vm->mmu, &s);
	if (ret)
		return ret;
	vm->mmio[vm->nr_mmio++] = (struct mmio_range){ base, size, rd, wr, dev };
	return 0;
}
