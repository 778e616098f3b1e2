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

/* Host memory behind a store, or -EFAULT or -EIO. Both pages come before the first byte: a store
 * faults as a whole. */
static int translate_store(struct vcpu *v, gva_t gva, u32 len, u32 access, gpa_t page[2],
			   struct mmu_gfault *f)
{
	u32 first = in_page(gva, len);
	struct mmu_regs regs;
	u64 run;

	hv->get_paging(v, &regs);
	if (!mmu_translate(&v->vm->mmu, &regs, gva, access, &page[0], f))
		return -EFAULT;
	page[1] = page[0];
	if (len > first &&
	    !mmu_translate(&v->vm->mmu, &regs, GVA(gva.v + first), access, &page[1], f))
		return -EFAULT;
	if (!mmu_gpa_ptr(&v->vm->mmu, page[0], &run) || !mmu_gpa_ptr(&v->vm->mmu, page[1], &run))
		return -EIO;
	return 0;
}

int vcpu_probe_write(struct vcpu *v, gva_t gva, u32 len, u32 access, struct mmu_gfault *f)
{
	gpa_t page[2];

	return translate_store(v, gva, len, access, page, f);
}

int vcpu_write_gva(struct vcpu *v, gva_t gva, const void *buf, u32 len, u32 access,
		   struct mmu_gfault *f)
{
	u32 first = in_page(gva, len);
	gpa_t page[2];
	int ret = translate_store(v, gva, len, access, page, f);

	if (!ret)
		ret = mmu_write(&v->vm->mmu, page[0], buf, first);
	if (!ret && len > first)
		ret = mmu_write(&v->vm->mmu, page[1], (const char *)buf + first, len - first);
	return ret;
}
