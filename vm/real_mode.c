/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Executes the instruction at RIP in real mode: those that only privileged code may use, and those
 * that reach beyond what the hardware's approximation of a segment allows. Without paging a linear
 * address is a physical one.
 * Source: Intel SDM 3B "8086 Emulation"; SDM 2 for each instruction.
 */
#include "vm/real_mode.h"

#include <string.h>

#include "arch/regs.h"
#include "mmu/mmu.h"
#include "vm/emulate.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/hv_ops.h"
#include "vm/vm.h"

#define FLAGS_16                                                                             \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_IF | \
	 RFLAGS_DF | RFLAGS_OF | RFLAGS_IOPL | RFLAGS_NT)
#define FLAGS_32 (FLAGS_16 | RFLAGS_AC | RFLAGS_ID)

/* The instruction that is being executed. */
struct step {
	struct vcpu *v;
	struct fetch f;
	struct insn in;
};

/* --- stack ------------------------------------------------------------------------------------ */

struct stack {
	u64 base;
	u32 mask, sp;
};

static struct stack stack_of(struct vcpu *v)
{
	struct segment ss;
	u32 mask;

	hv->get_seg(v, S_SS, &ss);
	mask = ss.attr & SEG_ATTR_DB ? ~0U : 0xffff;
	return (struct stack){ ss.base, mask, (u32)v->regs.gpr[R_SP] & mask };
}

static void stack_done(struct vcpu *v, const struct stack *s)
{
	u64 *sp = &v->regs.gpr[R_SP];

	*sp = (*sp & ~(u64)s->mask) | s->sp;
}

static bool in_ram(struct vcpu *v, gpa_t gpa, int ret)
{
	if (ret)
		vcpu_kill(v, "real mode: the stack or the table of vectors at %llx is not in RAM",
			  (unsigned long long)gpa.v);
	return !ret;
}

static bool push(struct vcpu *v, struct stack *s, u32 val, u32 size)
{
	gpa_t gpa;

	s->sp = (s->sp - size) & s->mask;
	gpa = GPA((s->base + s->sp) & 0xffffffff);
	return in_ram(v, gpa, mmu_write(&v->vm->mmu, gpa, &val, size));
}

static bool pop(struct vcpu *v, struct stack *s, u32 *val, u32 size)
{
	gpa_t gpa = GPA((s->base + s->sp) & 0xffffffff);

	*val = 0;
	s->sp = (s->sp + size) & s->mask;
	return in_ram(v, gpa, mmu_read(&v->vm->mmu, gpa, val, size));
}

/* --- control transfer ------------------------------------------------------------------------- */

static void jump(struct vcpu *v, u32 sel, u32 ip)
{
	struct segment cs;

	hv->get_seg(v, S_CS, &cs);
	cs.sel = (u16)sel;
	cs.base = (u64)cs.sel << 4;
	hv->set_seg(v, S_CS, &cs);
	v->regs.rip = ip;
}

static void set_flags(struct vcpu *v, u32 val, u32 size)
{
	u64 mask = size == 2 ? FLAGS_16 : FLAGS_32;

	v->regs.rflags = (v->regs.rflags & ~mask) | (val & mask);
}

void real_mode_deliver(struct vcpu *v, u8 vector, u64 rip)
{
	u64 limit = hv->get_sreg(v, SR_IDTR_LIMIT);
	struct stack s = stack_of(v);
	struct segment cs;
	u16 entry[2];
	gpa_t gpa;

	while (vector * sizeof(entry) + sizeof(entry) - 1 > limit) {
		if (vector == EXC_DF) {
			vm_triple_fault(v);
			return;
		}
		vector = vector == EXC_GP ? EXC_DF : EXC_GP;
		rip = v->regs.rip;
	}
	gpa = GPA((hv->get_sreg(v, SR_IDTR_BASE) + vector * sizeof(entry)) & 0xffffffff);
	hv->get_seg(v, S_CS, &cs);
	if (!in_ram(v, gpa, mmu_read(&v->vm->mmu, gpa, entry, sizeof(entry))) ||
	    !push(v, &s, (u32)v->regs.rflags, 2) || !push(v, &s, cs.sel, 2) ||
	    !push(v, &s, (u32)rip, 2))
		return;
	stack_done(v, &s);
	v->regs.rflags &= ~(RFLAGS_IF | RFLAGS_TF | RFLAGS_AC | RFLAGS_RF);
	jump(v, entry[1], entry[0]);
}

static void do_int(struct step *s, u8 vector)
{
	if (s->v->exit.irq_shadow)
		hv->set_irq_shadow(s->v, false);
	real_mode_deliver(s->v, vector, s->v->regs.rip + s->in.len);
}

/* TF of before traps behind the instruction, hence the flags last. */
static void do_iret(struct step *s)
{
	u32 size = s->in.op_size, ip, cs, flags;
	struct stack st = stack_of(s->v);

	if (!pop(s->v, &st, &ip, size) || !pop(s->v, &st, &cs, size) ||
	    !pop(s->v, &st, &flags, size))
		return;
	stack_done(s->v, &st);
	vcpu_skip(s->v, s->in.len);
	jump(s->v, cs, ip);
	set_flags(s->v, flags, size);
	hv->mask_nmi(s->v, false);
}

static void do_jmp_far(struct step *s)
{
	u32 size = s->in.op_size;
	u64 to = s->in.imm;

	if (s->in.form == F_RM && !emulate_read(s->v, &s->f, &s->in, &to, size + 2))
		return;
	vcpu_skip(s->v, s->in.len);
	jump(s->v, (u32)(to >> 8 * size), (u32)(to & MASK(8 * size - 1, 0)));
}

/* --- flags ------------------------------------------------------------------------------------ */

static void do_pushf(struct step *s)
{
	struct stack st = stack_of(s->v);

	if (!push(s->v, &st, (u32)s->v->regs.rflags & ~(u32)RFLAGS_RF, s->in.op_size))
		return;
	stack_done(s->v, &st);
	vcpu_skip(s->v, s->in.len);
}

static void do_popf(struct step *s)
{
	struct stack st = stack_of(s->v);
	u32 flags;

	if (!pop(s->v, &st, &flags, s->in.op_size))
		return;
	stack_done(s->v, &st);
	vcpu_skip(s->v, s->in.len);
	set_flags(s->v, flags, s->in.op_size);
}

static void do_cli(struct step *s)
{
	s->v->regs.rflags &= ~RFLAGS_IF;
	vcpu_skip(s->v, s->in.len);
}

static void do_sti(struct step *s)
{
	bool was_off = !(s->v->regs.rflags & RFLAGS_IF);

	vcpu_skip(s->v, s->in.len);
	s->v->regs.rflags |= RFLAGS_IF;
	if (was_off)
		hv->set_irq_shadow(s->v, true);
}

/* --- tables and segments ---------------------------------------------------------------------- */

/* Without the prefix for 32 bits the base has 24. */
static bool has_66(const struct step *s)
{
	const u8 *opcode = memchr(s->f.bytes, 0x0f, s->in.len);

	return opcode && memchr(s->f.bytes, 0x66, (size_t)(opcode - s->f.bytes));
}

static void load_table(struct step *s, enum vcpu_sreg base, enum vcpu_sreg limit)
{
	bool wide = has_66(s) == (s->f.bits == 16);
	u64 desc = 0;

	if (!emulate_read(s->v, &s->f, &s->in, &desc, 6))
		return;
	hv->set_sreg(s->v, limit, desc & 0xffff);
	hv->set_sreg(s->v, base, desc >> 16 & (wide ? 0xffffffff : 0xffffff));
	vcpu_skip(s->v, s->in.len);
}

static void do_mov_sreg(struct step *s)
{
	struct segment seg;
	u16 sel;

	if (!emulate_read(s->v, &s->f, &s->in, &sel, sizeof(sel)))
		return;
	hv->get_seg(s->v, s->in.reg, &seg);
	seg.sel = sel;
	seg.base = (u64)sel << 4;
	hv->set_seg(s->v, s->in.reg, &seg);
	vcpu_skip(s->v, s->in.len);
	if (s->in.reg == S_SS)
		hv->set_irq_shadow(s->v, true);
}

/* --- the instruction -------------------------------------------------------------------------- */

/* Those that exit elsewhere have a handler. */
static enum exit_reason reason_of(u32 op)
{
	switch (op) {
	case OP_HLT:
		return EXIT_HLT;
	case OP_RDMSR:
		return EXIT_RDMSR;
	case OP_WRMSR:
		return EXIT_WRMSR;
	case OP_INVD:
		return EXIT_INVD;
	case OP_WBINVD:
		return EXIT_WBINVD;
	case OP_XSETBV:
		return EXIT_XSETBV;
	case OP_RDPMC:
		return EXIT_RDPMC;
	case OP_MOV_TO_CR:
	case OP_MOV_FROM_CR:
	case OP_CLTS:
	case OP_LMSW:
		return EXIT_CR;
	default:
		return EXIT_NONE;
	}
}

static void as_exit(struct step *s, enum exit_reason reason)
{
	struct vcpu *v = s->v;

	v->exit.reason = reason;
	v->exit.insn_len = s->in.len;
	if (reason == EXIT_CR) {
		v->exit.cr.nr = s->in.reg;
		v->exit.cr.write = s->in.op == OP_MOV_TO_CR;
		v->exit.cr.gpr = 0xff;
	}
	exit_handlers[reason](v);
}

/* A port, or data beyond 64 KiB. */
static void other(struct step *s)
{
	const u8 *b = s->f.bytes;

	if (s->in.op >= OP_INS && s->in.op <= OP_OUT)
		emulate_port_io(s->v);
	else if (!emulate_write(s->v, false))
		vcpu_kill(s->v,
			  "real mode: cannot emulate the instruction %02x %02x %02x %02x %02x %02x",
			  b[0], b[1], b[2], b[3], b[4], b[5]);
}

static void execute(struct step *s)
{
	enum exit_reason reason = reason_of(s->in.op);

	if (reason != EXIT_NONE) {
		as_exit(s, reason);
		return;
	}
	switch (s->in.op) {
	case OP_INT:
		do_int(s, (u8)s->in.imm);
		break;
	case OP_IRET:
		do_iret(s);
		break;
	case OP_JMP_FAR:
		do_jmp_far(s);
		break;
	case OP_PUSHF:
		do_pushf(s);
		break;
	case OP_POPF:
		do_popf(s);
		break;
	case OP_CLI:
		do_cli(s);
		break;
	case OP_STI:
		do_sti(s);
		break;
	case OP_LGDT:
		load_table(s, SR_GDTR_BASE, SR_GDTR_LIMIT);
		break;
	case OP_LIDT:
		load_table(s, SR_IDTR_BASE, SR_IDTR_LIMIT);
		break;
	case OP_MOV_TO_SREG:
		do_mov_sreg(s);
		break;
	default:
		other(s);
		break;
	}
}

/* The guest may not have been entered, so nothing else lets interrupts and other threads in. */
void exit_emulate(struct vcpu *v)
{
	struct step s = { .v = v };
	bool known;

	v->stat.emulated++;
	if (fetch_decode_known(v, &s.f, &s.in, &known))
		execute(&s);
	else if (!known)
		other(&s);
	vcpu_request_self(v, VREQ_EVENT);
	exit_handlers[EXIT_IRQ](v);
}
