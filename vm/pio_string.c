/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INS and OUTS. A repeated one does a bounded number of elements per exit and leaves RIP where it
 * is, so that interrupts get in between, as they do on a CPU.
 * Source: AMD APM 3 "INS", "OUTS".
 */
#include <errno.h>

#include "arch/regs.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/hv_ops.h"
#include "vm/segment.h"
#include "vm/vm.h"

#define ELEMENTS_PER_EXIT 256

struct string_io {
	struct vcpu *v;
	struct fetch f;
	struct insn in;
	struct segment seg;
	u8 seg_nr;
	u8 size;
	bool to_memory;
	u16 port;
	s64 step;
};

static u64 masked(u64 val, u8 bytes)
{
	return val & (~0ULL >> (64 - 8 * bytes));
}

/* Register writes of 16 bits keep the rest; those of 32 clear it. */
static void set_masked(u64 *reg, u64 val, u8 bytes)
{
	*reg = bytes == 2 ? (*reg & ~0xffffULL) | masked(val, 2) : masked(val, bytes);
}

static bool decode_string(struct string_io *s)
{
	struct vcpu *v = s->v;

	if (!fetch_decode(v, &s->f, &s->in))
		return false;
	if (s->in.op != (s->to_memory ? OP_INS : OP_OUTS) || s->in.op_size != s->size) {
		fetch_changed(v);
		return false;
	}
	s->seg_nr = s->to_memory ? S_ES : s->in.seg;
	hv->get_seg(v, s->seg_nr, &s->seg);
	s->step = v->regs.rflags & RFLAGS_DF ? -(s64)s->size : s->size;
	return true;
}

/* -EFAULT: the fault was queued. */
static int transfer(struct string_io *s, gva_t gva)
{
	struct vcpu *v = s->v;
	u32 user = s->f.regs.cpl == 3 ? MMU_U : 0, val = 0;
	struct mmu_gfault fault;
	int ret;

	if (s->to_memory) {
		/* The memory comes first: a fault must not swallow what the port gives. */
		ret = vcpu_probe_write(v, gva, s->size, MMU_W | user, &fault);
		if (!ret) {
			val = pio_read(v->vm, s->port, s->size);
			ret = vcpu_write_gva(v, gva, &val, s->size, MMU_W | user, &fault);
		}
	} else {
		ret = vcpu_read_gva(v, gva, &val, s->size, MMU_R | user, &fault);
		if (!ret)
			pio_write(v->vm, s->port, s->size, val);
	}
	if (ret == -EFAULT)
		vcpu_inject_pf(v, &fault);
	else if (ret)
		vcpu_kill(v, "string I/O with device memory at linear %llx",
			  (unsigned long long)gva.v);
	return ret;
}

static bool one(struct string_io *s)
{
	u64 *index = &s->v->regs.gpr[s->to_memory ? R_DI : R_SI];
	u64 off = masked(*index, s->in.addr_size);
	gva_t gva;

	if (!segment_linear(&s->seg, s->seg_nr, off, s->size, s->to_memory, &s->f, &gva)) {
		vcpu_inject(s->v, s->seg_nr == S_SS ? EXC_SS : EXC_GP, true, 0);
		return false;
	}
	if (transfer(s, gva))
		return false;
	set_masked(index, off + (u64)s->step, s->in.addr_size);
	return true;
}

void pio_string(struct vcpu *v)
{
	struct string_io s = { .v = v,
			       .size = v->exit.pio.size,
			       .to_memory = v->exit.pio.in,
			       .port = v->exit.pio.port };
	u64 *rcx = &v->regs.gpr[R_CX], left;
	bool rep;

	if (!decode_string(&s))
		return;
	rep = s.in.flags & (INSN_REP | INSN_REPNE);
	left = rep ? masked(*rcx, s.in.addr_size) : 1;
	for (u32 i = 0; i < ELEMENTS_PER_EXIT && left; i++) {
		if (!one(&s))
			return;
		left--;
		if (rep)
			set_masked(rcx, left, s.in.addr_size);
	}
	if (!left)
		vcpu_skip(v, s.in.len);
}
