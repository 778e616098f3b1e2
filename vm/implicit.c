/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/implicit.h"

#include "arch/regs.h"
#include "mmu/mmu.h"
#include "vm/vcpu.h"
#include "vm/vm.h"

bool implicit_map(struct vcpu *v, const struct mmu_regs *regs, u64 linear, u32 size, u32 access,
		  struct implicit *m)
{
	u64 mask = regs->efer & EFER_LMA ? ~0ULL : 0xffffffff;
	u64 second = (ALIGN_DOWN(linear, PAGE_SIZE) + PAGE_SIZE) & mask;
	struct mmu_gfault fault;

	linear &= mask;
	m->size = size;
	m->first = (u32)MIN((u64)size, PAGE_SIZE - linear % PAGE_SIZE);
	access |= MMU_IMPLICIT;
	if (mmu_translate(&v->vm->mmu, regs, GVA(linear), access, &m->page[0], &fault) &&
	    (m->first == size ||
	     mmu_translate(&v->vm->mmu, regs, GVA(second), access, &m->page[1], &fault)))
		return true;
	vcpu_inject_pf(v, &fault);
	return false;
}

/* The bytes from off that lie in one page, at *gpa. */
static u32 piece(const struct implicit *m, u32 off, u32 size, gpa_t *gpa)
{
	if (off < m->first) {
		*gpa = GPA(m->page[0].v + off);
		return MIN(size, m->first - off);
	}
	*gpa = GPA(m->page[1].v + off - m->first);
	return size;
}

static bool no_ram(struct vcpu *v, gpa_t gpa)
{
	vcpu_kill(v, "a descriptor table or task state segment at %llx is not in RAM",
		  (unsigned long long)gpa.v);
	return false;
}

bool implicit_read(struct vcpu *v, const struct implicit *m, u32 off, void *buf, u32 size)
{
	char *p = buf;

	for (u32 n; size; size -= n, off += n, p += n) {
		gpa_t gpa;

		n = piece(m, off, size, &gpa);
		if (mmu_read(&v->vm->mmu, gpa, p, n) < 0)
			return no_ram(v, gpa);
	}
	return true;
}

bool implicit_write(struct vcpu *v, const struct implicit *m, u32 off, const void *buf, u32 size)
{
	const char *p = buf;

	for (u32 n; size; size -= n, off += n, p += n) {
		gpa_t gpa;

		n = piece(m, off, size, &gpa);
		if (mmu_write(&v->vm->mmu, gpa, p, n) < 0)
			return no_ram(v, gpa);
	}
	return true;
}
