/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control registers that exit: CR8, which is the local APIC's task priority, with every backend;
 * CR0, CR3 and CR4 only with a backend that wants to see them.
 * Source: AMD APM 2 "System-Control Registers", APM 3 "MOV CRn".
 */
#include "vm/cr.h"
#include "arch/regs.h"
#include "vm/cpuid.h"
#include "vm/dev/vlapic.h"
#include "vm/emulate.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/hv_ops.h"
#include "vm/paging.h"
#include "vm/vm.h"

#define CR0_VALID                                                                                  \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | \
	 CR0_PG)

u64 cr0_efer(u64 efer, u64 cr0)
{
	bool lma = (cr0 & CR0_PG) && (efer & EFER_LME);

	return lma ? efer | EFER_LMA : efer & ~EFER_LMA;
}

struct mov_cr {
	u8 len, nr, gpr;
	bool write, cs_long;
};

/* 0F 20 and 0F 22 with ModRM, as a little-endian number, and what of it must be so. */
#define MOV_CR(nr, write) (0x200fU | (u32)(write) << 9 | ((nr)&7U) << 19)
#define MOV_CR_MASK       0x38ffffU

/* The MOV between a control and a general register that exited, in its usual encodings. */
static __always_inline bool quick(struct vcpu *v, struct mov_cr *m)
{
	u32 insn, rex = 0;
	const u8 *p;
	u8 bits;

	p = fetch_quick(v, &bits);
	if (unlikely(!p))
		return false;
	__builtin_memcpy(&insn, p, sizeof(insn));
	m->cs_long = bits == 64;
	m->len = 3;
	if (m->cs_long && (insn & 0xf0) == 0x40) {
		rex = insn;
		insn >>= 8;
		m->len = 4;
	}
	m->gpr = (u8)((insn >> 16 & 7) | (rex & 1) << 3);
	/* Or another vCPU has rewritten it since. */
	return !((insn ^ MOV_CR(m->nr, m->write)) & MOV_CR_MASK) && (rex & 4) << 1 == (m->nr & 8U);
}

static bool cs_long(struct vcpu *v)
{
	struct segment cs;

	hv->get_seg(v, S_CS, &cs);
	return cs.attr & SEG_ATTR_L && hv->get_sreg(v, SR_EFER) & EFER_LMA;
}

static __always_inline void snapshot(struct vcpu *v, struct cr_state *s, bool is_cs_long)
{
	const struct mmu_regs *r = v->mmu ? &v->mmu->regs : NULL;

	s->cr0 = r ? r->cr0 : hv->get_sreg(v, SR_CR0);
	s->cr3 = r ? r->cr3 : hv->get_sreg(v, SR_CR3);
	s->cr4 = r ? r->cr4 : hv->get_sreg(v, SR_CR4);
	s->efer = r ? r->efer : hv->get_sreg(v, SR_EFER);
	s->cs_long = is_cs_long;
	s->caps = &v->vm->cpuid->caps;
}

static __always_inline bool write_cr(struct vcpu *v, const struct cr_state *s, u8 nr, u64 val)
{
	switch (nr) {
	case 0:
		return cr0_valid(s, val) && paging_write(v, SR_CR0, (val & CR0_VALID) | CR0_ET);
	case 3:
		return cr3_valid(s, val) && paging_write(v, SR_CR3, val);
	case 4:
		return cr4_valid(s, val) && paging_write(v, SR_CR4, val);
	case 8:
		if (val >> 4)
			return false;
		vlapic_set_cr8(v, (u8)val);
		return true;
	default:
		return false;
	}
}

bool vcpu_write_cr3(struct vcpu *v, u64 val)
{
	struct cr_state s;

	snapshot(v, &s, cs_long(v));
	return write_cr(v, &s, 3, val);
}

static __always_inline u64 read_cr(struct vcpu *v, const struct cr_state *s, u8 nr)
{
	switch (nr) {
	case 0:
		return s->cr0;
	case 2:
		return hv->get_sreg(v, SR_CR2);
	case 3:
		return s->cr3;
	case 4:
		return s->cr4;
	default:
		return vlapic_get_cr8(v);
	}
}

static __always_inline void mov(struct vcpu *v, const struct mov_cr *m)
{
	u64 *gpr = &v->regs.gpr[m->gpr & 15];
	struct cr_state s;

	snapshot(v, &s, m->cs_long);
	if (!m->write) {
		u64 val = read_cr(v, &s, m->nr);

		*gpr = s.cs_long ? val : (u32)val;
	} else if (!write_cr(v, &s, m->nr, s.cs_long ? *gpr : (u32)*gpr)) {
		vcpu_inject_gp(v);
		return;
	}
	vcpu_skip(v, m->len);
}

/* CLTS, and LMSW, which cannot clear PE. */
static void change_cr0(struct vcpu *v, u64 clear, u64 set, u8 len)
{
	struct cr_state s;

	snapshot(v, &s, cs_long(v));
	if (write_cr(v, &s, 0, (s.cr0 & ~clear) | set))
		vcpu_skip(v, len);
	else
		vcpu_inject_gp(v);
}

/* The hardware has not told the instruction, or it is a rare one. */
static __noinline void decoded(struct vcpu *v)
{
	struct fetch f;
	struct insn in;
	u16 msw;

	if (!fetch_decode(v, &f, &in))
		return;
	switch (in.op) {
	case OP_MOV_TO_CR:
	case OP_MOV_FROM_CR:
		mov(v, &(struct mov_cr){ .len = in.len,
					 .nr = in.reg,
					 .gpr = in.rm,
					 .write = in.op == OP_MOV_TO_CR,
					 .cs_long = f.bits == 64 });
		break;
	case OP_CLTS:
		change_cr0(v, CR0_TS, 0, in.len);
		break;
	case OP_LMSW:
		if (emulate_read(v, &f, &in, &msw, sizeof(msw)))
			change_cr0(v, CR0_MP | CR0_EM | CR0_TS,
				   msw & (CR0_PE | CR0_MP | CR0_EM | CR0_TS), in.len);
		break;
	case OP_SMSW:
		emulate(v);
		break;
	default:
		fetch_changed(v);
		break;
	}
}

void exit_cr(struct vcpu *v)
{
	struct mov_cr m = { .nr = v->exit.cr.nr, .write = v->exit.cr.write };

	if (v->exit.insn_len && v->exit.cr.gpr != 0xff) {
		m.len = v->exit.insn_len;
		m.gpr = v->exit.cr.gpr;
		m.cs_long = cs_long(v);
	} else if (unlikely(!quick(v, &m))) {
		decoded(v);
		return;
	}
	mov(v, &m);
}
