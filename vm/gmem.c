/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest-virtual memory for handlers, page by page. */
#include <errno.h>

#include "mmu/mmu.h"
#include "vm/hv_ops.h"
#include "vm/vm.h"

/* Bytes from gva to the end of its page, at most len. */
static u32 in_page(gva_t gva, u32 len)
{
	u64 room = PAGE_SIZE - (gva.v & (PAGE_SIZE - 1));

	return (u32)MIN((u64)len, room);
}

int vcpu_read_gva(struct vcpu *v, gva_t gva, void *buf, u32 len, u32 access, struct mmu_gfault *f)
{
	struct mmu_regs regs;
	char *to = buf;
	gpa_t gpa;

	hv->get_paging(v, &regs);
	for (u32 n; len; len -= n, gva.v += n, to += n) {
		n = in_page(gva, len);
		if (!mmu_translate(&v->vm->mmu, &regs, gva, access, &gpa, f))
			return -EFAULT;
		if (mmu_read(&v->vm->mmu, gpa, to, n))
			return -EIO;
	}
	return 0;
}

int vcpu_write_gva(struct vcpu *v, gva_t gva, const void *buf, u32 len, u32 access,
		   struct mmu_gfault *f)
{
	struct mmu_regs regs;
	gpa_t page[2] = { 0 };
	const char *from = buf;
	u32 first = in_page(gva, len);

	/* Both translations come before the first byte: a store faults as a whole. */
	hv->get_paging(v, &regs);
	if (!mmu_translate(&v->vm->mmu, &regs, gva, access, &page[0], f))
		return -EFAULT;
	if (len > first &&
	    !mmu_translate(&v->vm->mmu, &regs, GVA(gva.v + first), access, &page[1], f))
		return -EFAULT;
	if (mmu_write(&v->vm->mmu, page[0], from, first))
		return -EIO;
	if (len > first && mmu_write(&v->vm->mmu, page[1], from + first, len - first))
		return -EIO;
	return 0;
}
