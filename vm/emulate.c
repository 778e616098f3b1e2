/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulator's view of a vCPU: memory through the guest's page tables to RAM or devices, ports,
 * registers. An instruction is executed as it is in memory now. That may be another one than the
 * one that exited, if a second vCPU rewrites code; so nothing here relies on a check that the
 * hardware made for the first, but for the permission to use ports, which only emulate_port_io()
 * has.
 */
#include "vm/emulate.h"

#include <string.h>

#include "lib/bits.h"

#include "arch/regs.h"
#include "mmu/mmu.h"
#include "vm/emul/exec.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/hv_ops.h"
#include "vm/mmio.h"
#include "vm/vm.h"

/* A range of guest-virtual memory, in at most two pages. */
struct range {
	u32 first; /* bytes in the first page */
	gpa_t page[2];
};

static struct vcpu *vcpu_of(const struct emul *e)
{
	return e->ctx;
}

static enum emul_res page_fault(struct emul *e, const struct mmu_gfault *f)
{
	e->fault = (struct emul_fault){
		.vector = EXC_PF, .has_error = true, .error = f->error, .cr2 = f->gva.v
	};
	return EMUL_FAULT;
}

/* Both pages before any access: an instruction that faults has changed nothing. */
static enum emul_res translate(struct emul *e, gva_t gva, u32 n, u32 access, struct range *r)
{
	struct mmu_vm *m = &vcpu_of(e)->vm->mmu;
	const struct mmu_regs *regs = &e->fetch->regs;
	gva_t second = GVA(ALIGN_DOWN(gva.v, PAGE_SIZE) + PAGE_SIZE);
	struct mmu_gfault fault;

	if (regs->cpl == 3)
		access |= MMU_U;
	r->first = (u32)MIN((u64)n, second.v - gva.v);
	if (!mmu_translate(m, regs, gva, access, &r->page[0], &fault))
		return page_fault(e, &fault);
	if (r->first == n)
		return EMUL_OK;
	if (e->fetch->bits != 64)
		second.v &= 0xffffffff;
	if (!mmu_translate(m, regs, second, access, &r->page[1], &fault))
		return page_fault(e, &fault);
	return EMUL_OK;
}

/* Largest access of a device at gpa with n bytes to go: aligned, at most 8. */
static u8 chunk(gpa_t gpa, u32 n)
{
	u64 size = pow2_floor(MIN(n, 8U));

	while (gpa.v & (size - 1))
		size /= 2;
	return (u8)size;
}

static void read_part(struct vcpu *v, gpa_t gpa, u8 *buf, u32 n)
{
	if (n == 0 || mmu_read(&v->vm->mmu, gpa, buf, n) == 0)
		return;
	for (u8 size; n; n -= size, buf += size, gpa.v += size) {
		u64 val;

		size = chunk(gpa, n);
		val = mmio_read(v, gpa, size);
		memcpy(buf, &val, size);
	}
}

/* A write to ROM goes where no device is: nowhere. */
static void write_part(struct vcpu *v, gpa_t gpa, const u8 *buf, u32 n)
{
	if (n == 0 || mmu_write(&v->vm->mmu, gpa, buf, n) == 0)
		return;
	for (u8 size; n; n -= size, buf += size, gpa.v += size) {
		u64 val = 0;

		size = chunk(gpa, n);
		memcpy(&val, buf, size);
		mmio_write(v, gpa, size, val);
	}
}

static enum emul_res op_read(struct emul *e, gva_t gva, void *buf, u32 n, bool rmw)
{
	struct range r;
	enum emul_res ret = translate(e, gva, n, rmw ? MMU_W : MMU_R, &r);

	if (ret)
		return ret;
	read_part(vcpu_of(e), r.page[0], buf, r.first);
	read_part(vcpu_of(e), r.page[1], (u8 *)buf + r.first, n - r.first);
	return EMUL_OK;
}

static enum emul_res op_write(struct emul *e, gva_t gva, const void *buf, u32 n)
{
	struct range r;
	enum emul_res ret = translate(e, gva, n, MMU_W, &r);

	if (ret)
		return ret;
	write_part(vcpu_of(e), r.page[0], buf, r.first);
	write_part(vcpu_of(e), r.page[1], (const u8 *)buf + r.first, n - r.first);
	return EMUL_OK;
}

/* Of a device, or not aligned: in two steps. No system relies on the latter being atomic, and the
 * former is so towards other accesses of devices no more than on a bus without locks. */
static void cmpxchg_parts(struct vcpu *v, const struct range *r, void *old, const void *new, u32 n,
			  bool *swapped)
{
	u8 now[16];

	read_part(v, r->page[0], now, r->first);
	read_part(v, r->page[1], now + r->first, n - r->first);
	*swapped = memcmp(now, old, n) == 0;
	if (!*swapped) {
		memcpy(old, now, n);
		return;
	}
	write_part(v, r->page[0], new, r->first);
	write_part(v, r->page[1], (const u8 *)new + r->first, n - r->first);
}

static enum emul_res op_cmpxchg(struct emul *e, gva_t gva, void *old, const void *new, u32 n,
				bool *swapped)
{
	struct vcpu *v = vcpu_of(e);
	struct range r = { 0 };
	enum emul_res ret = translate(e, gva, n, MMU_W, &r);
	int done;

	if (ret)
		return ret;
	done = mmu_cmpxchg(&v->vm->mmu, r.page[0], old, new, (u8)n);
	if (done < 0)
		cmpxchg_parts(v, &r, old, new, n, swapped);
	else
		*swapped = done;
	return EMUL_OK;
}

static enum emul_res op_in(struct emul *e, u16 port, u32 size, u32 *val)
{
	*val = pio_read(vcpu_of(e)->vm, port, (u8)size);
	return EMUL_OK;
}

static enum emul_res op_out(struct emul *e, u16 port, u32 size, u32 val)
{
	pio_write(vcpu_of(e)->vm, port, (u8)size, val);
	return EMUL_OK;
}

static void op_get_seg(struct emul *e, u32 seg, struct segment *s)
{
	hv->get_seg(vcpu_of(e), seg, s);
}

static void op_get_vec(struct emul *e, u32 nr, u8 *buf)
{
	fpu_vec_read(vcpu_of(e), nr, buf);
}

static void op_set_vec(struct emul *e, u32 nr, const u8 *buf, bool legacy)
{
	fpu_vec_write(vcpu_of(e), nr, buf, legacy);
}

static const struct emul_ops ops = {
	.read = op_read,
	.write = op_write,
	.cmpxchg = op_cmpxchg,
	.in = op_in,
	.out = op_out,
	.get_seg = op_get_seg,
	.get_vec = op_get_vec,
	.set_vec = op_set_vec,
};

static void inject(struct vcpu *v, const struct emul_fault *fault)
{
	const struct mmu_gfault pf = { .gva = GVA(fault->cr2), .error = fault->error };

	if (fault->vector == EXC_PF)
		vcpu_inject_pf(v, &pf);
	else
		vcpu_inject(v, fault->vector, fault->has_error, fault->error);
}

/* False: it is no instruction for the emulator; nothing was done. */
static bool finish(struct vcpu *v, const struct insn *in, const struct emul_fault *fault,
		   enum emul_res res)
{
	switch (res) {
	case EMUL_OK:
		vcpu_skip(v, in->len);
		break;
	case EMUL_AGAIN:
		if (v->regs.rflags & RFLAGS_TF)
			vcpu_inject_db(v, DR6_BS);
		break;
	case EMUL_FAULT:
		inject(v, fault);
		break;
	case EMUL_RETRY:
		break;
	case EMUL_UNHANDLED:
		return false;
	}
	return true;
}

static bool uses_ports(const struct insn *in)
{
	return in->op == OP_IN || in->op == OP_OUT || in->op == OP_INS || in->op == OP_OUTS;
}

static bool fills(const struct insn *in)
{
	return (in->op == OP_MOVS || in->op == OP_STOS) && (in->flags & INSN_REP);
}

/* What run() leaves alone. */
enum not_ours {
	PORTS,     /* instructions with ports */
	ALL_OTHER, /* those without */
	PORTS_AND_FILLS,
};

/* False: as finish(), f->bytes are its bytes. */
static bool run(struct vcpu *v, struct fetch *f, enum not_ours not_ours)
{
	struct insn in;
	struct emul e = { .ops = &ops, .ctx = v, .regs = &v->regs, .fetch = f };
	bool known;

	if (!fetch_decode_known(v, f, &in, &known))
		return known;
	if (uses_ports(&in) != (not_ours == ALL_OTHER)) {
		fetch_changed(v);
		return true;
	}
	if (not_ours == PORTS_AND_FILLS && fills(&in))
		return false;
	v->stat.emulated++;
	return finish(v, &in, &e.fault, emul_exec(&e, &in));
}

void emulate(struct vcpu *v)
{
	struct fetch f;

	if (!run(v, &f, PORTS))
		fetch_unsupported(v, &f);
}

bool emulate_write(struct vcpu *v, bool may_unshadow)
{
	struct fetch f;

	return run(v, &f, may_unshadow ? PORTS_AND_FILLS : PORTS);
}

void emulate_port_io(struct vcpu *v)
{
	struct fetch f;

	if (!run(v, &f, ALL_OTHER))
		fetch_unsupported(v, &f);
}

gva_t emulate_address(struct vcpu *v, const struct fetch *f, const struct insn *in)
{
	struct emul e = { .ops = &ops, .ctx = v, .regs = &v->regs, .fetch = f };

	return emul_address(&e, in);
}

bool emulate_read(struct vcpu *v, const struct fetch *f, const struct insn *in, void *buf, u32 n)
{
	struct emul e = { .ops = &ops, .ctx = v, .regs = &v->regs, .fetch = f };

	if (emul_read(&e, in, buf, n) == EMUL_OK)
		return true;
	inject(v, &e.fault);
	return false;
}
