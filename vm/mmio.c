/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nested faults: the MMU's verdict, and accesses to device memory. Nearly all of these are a MOV of
 * 32 bits, whose address the fault has told already; the emulator does the rest.
 */
#include "mmu/mmu.h"

#include "vm/dev/vlapic.h"
#include "vm/emul/mov.h"
#include "vm/emulate.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/mmio.h"
#include "vm/vm.h"

static bool is_lapic(gpa_t gpa)
{
	return (gpa.v ^ VM_LAPIC_BASE) >> PAGE_SHIFT == 0;
}

static const struct mmio_range *find(const struct vm *vm, gpa_t gpa, u8 size)
{
	for (u32 i = 0; i < vm->nr_mmio; i++) {
		const struct mmio_range *r = &vm->mmio[i];

		if (gpa.v - r->base.v < r->size && gpa.v - r->base.v + size <= r->size)
			return r;
	}
	return NULL;
}

u64 mmio_read(struct vcpu *v, gpa_t gpa, u8 size)
{
	struct vm *vm = v->vm;
	const struct mmio_range *r;
	u64 val;

	if (is_lapic(gpa))
		return vlapic_mmio_read(v, (u32)(gpa.v % PAGE_SIZE), size);
	r = find(vm, gpa, size);
	if (!r)
		return ~0ULL >> (64 - 8 * size);
	spin_lock(&vm->chipset_lock);
	val = r->rd(r->dev, v, gpa.v - r->base.v, size);
	spin_unlock(&vm->chipset_lock);
	return val;
}

void mmio_write(struct vcpu *v, gpa_t gpa, u8 size, u64 val)
{
	struct vm *vm = v->vm;
	const struct mmio_range *r;

	if (is_lapic(gpa)) {
		vlapic_mmio_write(v, (u32)(gpa.v % PAGE_SIZE), size, (u32)val);
		return;
	}
	r = find(vm, gpa, size);
	if (!r)
		return;
	spin_lock(&vm->chipset_lock);
	r->wr(r->dev, v, gpa.v - r->base.v, size, val);
	spin_unlock(&vm->chipset_lock);
}

/* The usual access. False: it is another one, nothing was done. */
static __always_inline bool mov32(struct vcpu *v, gpa_t gpa, u32 access, bool lapic)
{
	u64 *gpr = v->regs.gpr;
	struct mov m;
	const u8 *p;
	u32 val;
	u8 bits;

	p = fetch_quick(v, &bits);
	if (unlikely(!p || !mov_decode(p, bits, &m) || m.size != 4 ||
		     !mov_begins_at(&m, gpa.v, bits, gpr)))
		return false;
	if (unlikely(access && m.store != !!(access & MMU_W)))
		return false;
	if (m.store) {
		val = (u32)mov_value(&m, gpr);
		if (lapic)
			vlapic_mmio_write(v, gpa.v % PAGE_SIZE, 4, val);
		else
			mmio_write(v, gpa, 4, val);
	} else {
		val = (u32)(lapic ? vlapic_mmio_read(v, gpa.v % PAGE_SIZE, 4)
				  : mmio_read(v, gpa, 4));
		gpr[m.reg] = val;
	}
	vcpu_skip(v, m.len);
	return true;
}

void mmio_fault(struct vcpu *v, gpa_t gpa, u32 access, bool table_walk)
{
	const char *what = NULL;

	if (access & MMU_X)
		what = "instruction fetch from";
	else if (table_walk)
		what = "page tables in";
	else if (v->redelivery)
		what = "stack or descriptor tables of an interrupt in";
	if (what)
		vcpu_kill(v, "%s device memory or a hole at %llx", what, (unsigned long long)gpa.v);
	else if (!mov32(v, gpa, access, is_lapic(gpa)))
		emulate(v);
}

static __noinline void fault(struct vcpu *v)
{
	const struct mmu_fault *f = &v->exit.npf;
	struct mmu_result r = { .reason = NULL };
	enum mmu_verdict verdict = mmu_fault(&v->vm->mmu, f, &r);

	v->last_fault = *f;
	v->last_result = r;
	v->last_verdict = verdict;
	switch (verdict) {
	case MMU_FIXED:
	case MMU_SPURIOUS:
	case MMU_RETRY:
		break;
	case MMU_MMIO:
		mmio_fault(v, f->gpa, f->access, f->table_walk);
		break;
	case MMU_TRACKED:
		if (!watch_hit(v, f->gpa, f->access, f->table_walk))
			emulate(v);
		break;
	case MMU_EMULATE:
		emulate(v);
		break;
	case MMU_INJECT:
		vcpu_inject_pf(v, &r.fault);
		break;
	case MMU_REFLECT_L1:
	case MMU_NOMEM:
	case MMU_KILL_VM:
		vcpu_kill(v, "memory fault at %llx: %s", (unsigned long long)f->gpa.v, r.reason);
		break;
	}
}

void exit_npf(struct vcpu *v)
{
	const struct mmu_fault *f = &v->exit.npf;

	/* The local APIC's page never becomes anything else, so the MMU need not be asked. */
	if (likely(is_lapic(f->gpa) && !(f->access & MMU_X) && !f->table_walk && !v->redelivery)) {
		if (likely(mov32(v, f->gpa, f->access, true)))
			return;
	}
	fault(v);
}
