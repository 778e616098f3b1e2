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
#include "vm/emul/alu.h"
#include "vm/emulate.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/hv_ops.h"
#include "vm/real_priv.h"
#include "vm/vm.h"

#define FLAGS_16                                                                             \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_IF | \
	 RFLAGS_DF | RFLAGS_OF | RFLAGS_IOPL | RFLAGS_NT)
#define FLAGS_32 (FLAGS_16 | RFLAGS_AC | RFLAGS_ID)

/* --- events ------------------------------------------------------------------------- */

static void set_flags(struct vcpu *v, u32 val, u32 size)
{
	u64 mask = size == 2 ? FLAGS_16 : FLAGS_32;

	v->regs.rflags = (v->regs.rflags & ~mask) | (val & mask);
}

void real_mode_deliver(struct vcpu *v, u8 vector, u64 rip)
{
	u64 limit = hv->get_sreg(v, SR_IDTR_LIMIT);
	struct real_stack s = real_stack(v);
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
	if (!real_in_ram(v, gpa, mmu_read(&v->vm->mmu, gpa, entry, sizeof(entry))) ||
	    !real_push(v, &s, (u32)v->regs.rflags, 2) || !real_push(v, &s, cs.sel, 2) ||
	    !real_push(v, &s, (u32)rip, 2))
		return;
	real_stack_done(v, &s);
	v->regs.rflags &= ~(RFLAGS_IF | RFLAGS_TF | RFLAGS_AC | RFLAGS_RF);
	real_jump(v, entry[1], entry[0]);
}

static void do_int(struct real_step *s, u8 vector)
{
	if (s->v->exit.irq_shadow)
		hv->set_irq_shadow(s->v, false);
	real_mode_deliver(s->v, vector, s->v->regs.rip + s->in.len);
}

/* TF of before traps behind the instruction, hence the flags last. */
static void do_iret(struct real_step *s)
{
	u32 size = s->in.op_size, ip, cs, flags;
	struct real_stack st = real_stack(s->v);

	if (!real_pop(s->v, &st, &ip, size) || !real_pop(s->v, &st, &cs, size) ||
	    !real_pop(s->v, &st, &flags, size))
		return;
	real_stack_done(s->v, &st);
	vcpu_skip(s->v, s->in.len);
	real_jump(s->v, cs, ip);
	set_flags(s->v, flags, size);
	hv->mask_nmi(s->v, false);
}

/* --- stack ------------------------------------------------------------------------------------ */

/* The registers in the order of their numbers, and back. SP is pushed as it was, and not popped. */
static void do_pusha(struct real_step *s)
{
	struct real_stack st = real_stack(s->v);

	for (u32 r = R_AX; r <= R_DI; r++)
		if (!real_push(s->v, &st, (u32)s->v->regs.gpr[r], s->in.op_size))
			return;
	real_stack_done(s->v, &st);
	vcpu_skip(s->v, s->in.len);
}

static void set_gpr(struct real_step *s, u32 r, u64 val)
{
	u64 mask = alu_mask(s->in.op_size), *gpr = &s->v->regs.gpr[r];

	*gpr = (*gpr & ~mask) | (val & mask);
}

static void do_popa(struct real_step *s)
{
	struct real_stack st = real_stack(s->v);
	u32 val[R_DI + 1];

	for (u32 i = 0; i <= R_DI; i++)
		if (!real_pop(s->v, &st, &val[R_DI - i], s->in.op_size))
			return;
	for (u32 r = R_AX; r <= R_DI; r++)
		if (r != R_SP)
			set_gpr(s, r, val[r]);
	real_stack_done(s->v, &st);
	vcpu_skip(s->v, s->in.len);
}

static void do_leave(struct real_step *s)
{
	struct real_stack st = real_stack(s->v);
	u32 bp;

	st.sp = (u32)s->v->regs.gpr[R_BP] & st.mask;
	if (!real_pop(s->v, &st, &bp, s->in.op_size))
		return;
	set_gpr(s, R_BP, bp);
	real_stack_done(s->v, &st);
	vcpu_skip(s->v, s->in.len);
}

/* --- flags ------------------------------------------------------------------------------------ */

static void do_pushf(struct real_step *s)
{
	struct real_stack st = real_stack(s->v);

	if (!real_push(s->v, &st, (u32)s->v->regs.rflags & ~(u32)RFLAGS_RF, s->in.op_size))
		return;
	real_stack_done(s->v, &st);
	vcpu_skip(s->v, s->in.len);
}

static void do_popf(struct real_step *s)
{
	struct real_stack st = real_stack(s->v);
	u32 flags;

	if (!real_pop(s->v, &st, &flags, s->in.op_size))
		return;
	real_stack_done(s->v, &st);
	vcpu_skip(s->v, s->in.len);
	set_flags(s->v, flags, s->in.op_size);
}

static void do_cli(struct real_step *s)
{
	s->v->regs.rflags &= ~RFLAGS_IF;
	vcpu_skip(s->v, s->in.len);
}

static void do_sti(struct real_step *s)
{
	bool was_off = !(s->v->regs.rflags & RFLAGS_IF);

	vcpu_skip(s->v, s->in.len);
	s->v->regs.rflags |= RFLAGS_IF;
	if (was_off)
		hv->set_irq_shadow(s->v, true);
}

/* --- tables and segments ---------------------------------------------------------------------- */

/* Without the prefix for 32 bits the base has 24. */
static bool has_66(const struct real_step *s)
{
	const u8 *opcode = memchr(s->f.bytes, 0x0f, s->in.len);

	return opcode && memchr(s->f.bytes, 0x66, (size_t)(opcode - s->f.bytes));
}

static void load_table(struct real_step *s, enum vcpu_sreg base, enum vcpu_sreg limit)
{
	bool wide = has_66(s) == (s->f.bits == 16);
	u64 desc = 0;

	if (!emulate_read(s->v, &s->f, &s->in, &desc, 6))
		return;
	hv->set_sreg(s->v, limit, desc & 0xffff);
	hv->set_sreg(s->v, base, desc >> 16 & (wide ? 0xffffffff : 0xffffff));
	vcpu_skip(s->v, s->in.len);
}

/* Ends the instruction. */
static void load_sreg(struct real_step *s, u32 nr, u16 sel)
{
	struct segment seg;

	hv->get_seg(s->v, nr, &seg);
	seg.sel = sel;
	seg.base = (u64)sel << 4;
	hv->set_seg(s->v, nr, &seg);
	vcpu_skip(s->v, s->in.len);
	if (nr == S_SS && s->in.op != OP_LOAD_FAR) /* LSS loads the stack pointer itself */
		hv->set_irq_shadow(s->v, true);
}

static void do_mov_sreg(struct real_step *s)
{
	u16 sel;

	if (emulate_read(s->v, &s->f, &s->in, &sel, sizeof(sel)))
		load_sreg(s, s->in.reg, sel);
}

static void do_push_sreg(struct real_step *s)
{
	struct real_stack st = real_stack(s->v);
	struct segment seg;

	hv->get_seg(s->v, s->in.reg, &seg);
	if (!real_push(s->v, &st, seg.sel, s->in.op_size))
		return;
	real_stack_done(s->v, &st);
	vcpu_skip(s->v, s->in.len);
}

static void do_pop_sreg(struct real_step *s)
{
	struct real_stack st = real_stack(s->v);
	u32 sel;

	if (!real_pop(s->v, &st, &sel, s->in.op_size))
		return;
	real_stack_done(s->v, &st);
	load_sreg(s, s->in.reg, (u16)sel);
}

/* LDS and its like. */
static void do_load_far(struct real_step *s)
{
	u64 ptr = 0;

	if (!emulate_read(s->v, &s->f, &s->in, &ptr, s->in.op_size + 2))
		return;
	set_gpr(s, s->in.reg, ptr);
	load_sreg(s, s->in.sub, (u16)(ptr >> 8 * s->in.op_size));
}

/* --- debug registers -------------------------------------------------------------------------- */

static u64 read_dr(struct vcpu *v, u32 nr)
{
	if (nr < ARRAY_SIZE(v->dr))
		return v->dr[nr];
	return hv->get_sreg(v, nr == 6 ? SR_DR6 : SR_DR7);
}

static void write_dr(struct vcpu *v, u32 nr, u32 val)
{
	if (nr < ARRAY_SIZE(v->dr))
		v->dr[nr] = val;
	else if (nr == 6)
		hv->set_sreg(v, SR_DR6, (val & DR6_WRITABLE) | DR6_FIXED);
	else
		hv->set_sreg(v, SR_DR7, (val & DR7_WRITABLE) | DR7_FIXED);
}

/* Source: Intel SDM 3B "Debug Registers DR4 and DR5", "Debug Control Register (DR7)". */
static void do_mov_dr(struct real_step *s)
{
	u32 nr = s->in.reg;

	if (nr == 4 || nr == 5) {
		if (hv->get_sreg(s->v, SR_CR4) & CR4_DE) {
			vcpu_inject_ud(s->v);
			return;
		}
		nr += 2;
	}
	if (hv->get_sreg(s->v, SR_DR7) & DR7_GD) {
		vcpu_inject_db(s->v, DR6_BD);
		return;
	}
	hv->save_dr(s->v);
	if (s->in.op == OP_MOV_FROM_DR)
		s->v->regs.gpr[s->in.rm] = (u32)read_dr(s->v, nr);
	else
		write_dr(s->v, nr, (u32)s->v->regs.gpr[s->in.rm]);
	/* Breakpoints that are on need them in the registers. */
	hv->set_sreg(s->v, SR_DR7, hv->get_sreg(s->v, SR_DR7));
	vcpu_skip(s->v, s->in.len);
}

/* --- the instruction -------------------------------------------------------------------------- */

/* Those that exit elsewhere have a handler. */
static enum exit_reason reason_of(u32 op)
{
	switch (op) {
	case OP_CPUID:
		return EXIT_CPUID;
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

static void as_exit(struct real_step *s, enum exit_reason reason)
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
static void other(struct real_step *s)
{
	const u8 *b = s->f.bytes;

	if (s->in.op >= OP_INS && s->in.op <= OP_OUT)
		emulate_port_io(s->v);
	else if (!emulate_write(s->v, false))
		vcpu_kill(s->v,
			  "real mode: cannot emulate the instruction %02x %02x %02x %02x %02x %02x",
			  b[0], b[1], b[2], b[3], b[4], b[5]);
}

static void execute(struct real_step *s)
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
	case OP_PUSHA:
		do_pusha(s);
		break;
	case OP_POPA:
		do_popa(s);
		break;
	case OP_LEAVE:
		do_leave(s);
		break;
	case OP_PUSH_SREG:
		do_push_sreg(s);
		break;
	case OP_POP_SREG:
		do_pop_sreg(s);
		break;
	case OP_LOAD_FAR:
		do_load_far(s);
		break;
	case OP_MOV_FROM_DR:
	case OP_MOV_TO_DR:
		do_mov_dr(s);
		break;
	default:
		if (!real_branch(s))
			other(s);
		break;
	}
}

/* The guest may not have been entered, so nothing else lets interrupts and other threads in. */
void exit_emulate(struct vcpu *v)
{
	struct real_step s = { .v = v };
	bool known;

	v->stat.emulated++;
	if (fetch_decode_known(v, &s.f, &s.in, &known))
		execute(&s);
	else if (!known)
		other(&s);
	vcpu_request_self(v, VREQ_EVENT);
	exit_handlers[EXIT_IRQ](v);
}
