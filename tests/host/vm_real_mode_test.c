/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/real_mode.c vm/real_branch.c vm/emul/alu.c vm/emul/decode.c vm/emul/opcodes.c tests/host/fake/bug.c */
/* SOURCES: tests/host/fake/clock.c */
/*
 * Instructions and interrupts of real mode in software: stack and flags in both sizes, the table of
 * vectors and its end, tables with 24 and 32 bits of base, the shadow of STI; jumps, calls and
 * returns within CS and out of it; debug registers.
 */
#include "tests/host/vm_fake.h"

#include "mmu/mmu.h"
#include "vm/emulate.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/real_mode.h"

#define CODE  0x1000
#define STACK 0x2000

static u8 ram[0x20000];
static u32 kills, triples, handled, ports, written, nmi_ends, traps, irqs;
static bool emulator_knows;

int mmu_read(const struct mmu_vm *m, gpa_t gpa, void *buf, u64 len)
{
	(void)m;
	if (gpa.v + len > sizeof(ram))
		return -1;
	memcpy(buf, ram + gpa.v, len);
	return 0;
}

int mmu_write(struct mmu_vm *m, gpa_t gpa, const void *buf, u64 len)
{
	(void)m;
	if (gpa.v + len > sizeof(ram))
		return -1;
	memcpy(ram + gpa.v, buf, len);
	return 0;
}

bool fetch_decode_known(struct vcpu *v, struct fetch *f, struct insn *in, bool *known)
{
	enum decode_res r;

	memcpy(f->bytes, ram + (fake_seg[S_CS].base + v->regs.rip), sizeof(f->bytes));
	f->bits = 16;
	r = decode(f->bytes, sizeof(f->bytes), INSN_MODE_16, in);
	*known = r != DECODE_UNSUPPORTED;
	return r == DECODE_OK;
}

bool emulate_read(struct vcpu *v, const struct fetch *f, const struct insn *in, void *buf, u32 n)
{
	(void)f;
	if (in->flags & INSN_MEM)
		memcpy(buf, ram + in->disp, n);
	else
		memcpy(buf, &v->regs.gpr[in->rm], n);
	return true;
}

void emulate_port_io(struct vcpu *v)
{
	(void)v;
	ports++;
}

bool emulate_write(struct vcpu *v, bool may_unshadow)
{
	(void)v;
	assert_false(may_unshadow);
	written++;
	return emulator_knows;
}

void vcpu_kill(struct vcpu *v, const char *fmt, ...)
{
	(void)v;
	(void)fmt;
	kills++;
}

void vm_triple_fault(struct vcpu *v)
{
	(void)v;
	triples++;
}

void vcpu_skip_special(struct vcpu *v, u64 old)
{
	(void)old;
	if (v->exit.irq_shadow)
		fake_shadow = false;
	traps += !!(v->regs.rflags & RFLAGS_TF);
}

static void irq(struct vcpu *v)
{
	(void)v;
	irqs++;
}

static void handler(struct vcpu *v)
{
	handled = v->exit.reason;
}

void (*const exit_handlers[EXIT_NR])(struct vcpu *v) = {
	[EXIT_HLT] = handler,   [EXIT_RDMSR] = handler,  [EXIT_WRMSR] = handler,
	[EXIT_INVD] = handler,  [EXIT_WBINVD] = handler, [EXIT_XSETBV] = handler,
	[EXIT_IRQ] = irq,       [EXIT_RDPMC] = handler,  [EXIT_CR] = handler,
	[EXIT_CPUID] = handler,
};

static void set_irq_shadow(struct vcpu *v, bool on)
{
	(void)v;
	fake_shadow = on;
}

static void mask_nmi(struct vcpu *v, bool masked)
{
	(void)v;
	nmi_ends += !masked;
}

static u32 dr_saved;

static void save_dr(struct vcpu *v)
{
	(void)v;
	dr_saved++;
}

static u32 gps, uds;
static u64 db;

void vcpu_inject_gp(struct vcpu *v)
{
	(void)v;
	gps++;
}

void vcpu_inject_ud(struct vcpu *v)
{
	(void)v;
	uds++;
}

void vcpu_inject_db(struct vcpu *v, u64 dr6)
{
	(void)v;
	db = dr6;
}

static int setup(void **state)
{
	static struct hv_ops ops;

	(void)state;
	fake_reset();
	ops = fake_hv;
	ops.set_irq_shadow = set_irq_shadow;
	ops.mask_nmi = mask_nmi;
	ops.save_dr = save_dr;
	dr_saved = gps = uds = 0;
	db = 0;
	hv = &ops;
	memset(ram, 0, sizeof(ram));
	fake_seg[S_CS] = (struct segment){ CODE >> 4, 0x9b, 0xffff, CODE };
	fake_seg[S_SS] = (struct segment){ STACK >> 4, 0x93, 0xffff, STACK };
	fake_sreg[SR_IDTR_LIMIT] = 0x3ff;
	fake_vcpu.regs.rip = 0x10;
	fake_vcpu.regs.gpr[R_SP] = 0xdead0100;
	fake_vcpu.regs.rflags = RFLAGS_ONE | RFLAGS_IF | RFLAGS_CF;
	kills = triples = handled = ports = written = nmi_ends = traps = irqs = 0;
	emulator_knows = true;
	return 0;
}

static u16 word(u32 at)
{
	return (u16)(ram[at] | ram[at + 1] << 8);
}

static void put(u32 at, u64 val, u32 size)
{
	memcpy(ram + at, &val, size);
}

static void step(const void *bytes, u32 n)
{
	memcpy(ram + CODE + fake_vcpu.regs.rip, bytes, n);
	fake_vcpu.exit.irq_shadow = fake_shadow;
	exit_emulate(&fake_vcpu);
	assert_true(fake_vcpu.requests & VREQ_EVENT);
	assert_int_equal(kills, 0);
}

#define STEP(...) step((const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))

static void frame_is(u16 ip, u16 cs, u16 flags)
{
	u32 at = STACK + 0xfa;

	assert_int_equal(fake_vcpu.regs.gpr[R_SP], 0xdead00fa);
	assert_int_equal(word(at), ip);
	assert_int_equal(word(at + 2), cs);
	assert_int_equal(word(at + 4), flags);
}

static void int_goes_through_the_table(void **state)
{
	(void)state;
	fake_vcpu.regs.rflags |= RFLAGS_TF;
	put(4 * 0x60, 0x30004444, 4);
	STEP(0xcd, 0x60);
	frame_is(0x12, 0x100, 0x303);
	assert_int_equal(fake_seg[S_CS].sel, 0x3000);
	assert_int_equal(fake_seg[S_CS].base, 0x30000);
	assert_int_equal(fake_seg[S_CS].attr, 0x9b);
	assert_int_equal(fake_vcpu.regs.rip, 0x4444);
	assert_int_equal(fake_vcpu.regs.rflags, RFLAGS_ONE | RFLAGS_CF);
	assert_int_equal(traps, 0);
}

static void event_returns_to_where_it_came(void **state)
{
	(void)state;
	put(4 * 8, 0x00200000, 4);
	real_mode_deliver(&fake_vcpu, 8, fake_vcpu.regs.rip);
	frame_is(0x10, 0x100, 0x203);
	assert_int_equal(fake_seg[S_CS].sel, 0x20);
}

static void iret_restores_ip_cs_and_flags(void **state)
{
	(void)state;
	put(STACK + 0x100, 0x5678, 2);
	put(STACK + 0x102, 0x0123, 2);
	put(STACK + 0x104, 0x7fd5, 2);
	STEP(0xcf);
	assert_int_equal(fake_vcpu.regs.rip, 0x5678);
	assert_int_equal(fake_seg[S_CS].base, 0x1230);
	assert_int_equal(fake_vcpu.regs.rflags, 0x7fd7);
	assert_int_equal(fake_vcpu.regs.gpr[R_SP], 0xdead0106);
	assert_int_equal(nmi_ends, 1);
	assert_int_equal(traps, 0); /* TF was just loaded */
}

static void iret_of_32_bits_keeps_vm(void **state)
{
	(void)state;
	put(STACK + 0x100, 0x5678, 4);
	put(STACK + 0x104, 0x0123, 4);
	put(STACK + 0x108, RFLAGS_VM | RFLAGS_VIF | RFLAGS_ID | RFLAGS_IF, 4);
	STEP(0x66, 0xcf);
	assert_int_equal(fake_vcpu.regs.rflags, RFLAGS_ONE | RFLAGS_IF | RFLAGS_ID);
	assert_int_equal(fake_vcpu.regs.gpr[R_SP], 0xdead010c);
}

static void stack_wraps_at_64k(void **state)
{
	(void)state;
	fake_vcpu.regs.gpr[R_SP] = 2;
	put(0, 0x01000000, 4);
	real_mode_deliver(&fake_vcpu, 0, 5);
	assert_int_equal(fake_vcpu.regs.gpr[R_SP], 0xfffc);
	assert_int_equal(word(STACK), 0x203);
}

/* Source: Intel SDM 3A "Interrupt 13", table of the limits: #GP, #DF, shutdown. */
static void missing_vector_becomes_gp_then_df_then_shutdown(void **state)
{
	(void)state;
	put(4 * EXC_GP, 0x00110000, 4);
	put(4 * EXC_DF, 0x00220000, 4);
	fake_sreg[SR_IDTR_LIMIT] = 4 * EXC_GP + 3;
	STEP(0xcd, 0x60);
	assert_int_equal(fake_seg[S_CS].sel, 0x11);
	assert_int_equal(word(STACK + 0xfa), 0x10); /* the INT itself */
	fake_sreg[SR_IDTR_LIMIT] = 4 * EXC_GP + 2;
	real_mode_deliver(&fake_vcpu, 0x60, 0);
	assert_int_equal(fake_seg[S_CS].sel, 0x22);
	assert_int_equal(triples, 0);
	fake_sreg[SR_IDTR_LIMIT] = 4 * EXC_DF + 2;
	real_mode_deliver(&fake_vcpu, 0x60, 0);
	assert_int_equal(triples, 1);
}

static void stack_that_is_not_ram_ends_the_machine(void **state)
{
	(void)state;
	fake_seg[S_SS].base = 0xf0000;
	real_mode_deliver(&fake_vcpu, 3, 0);
	assert_int_equal(kills, 1);
	assert_int_equal(fake_seg[S_CS].sel, CODE >> 4);
}

static void pushf_and_popf_have_two_sizes(void **state)
{
	(void)state;
	fake_vcpu.regs.rflags |= RFLAGS_RF | RFLAGS_ID | RFLAGS_IOPL;
	STEP(0x66, 0x9c);
	assert_int_equal(fake_vcpu.regs.gpr[R_SP], 0xdead00fc);
	assert_int_equal(word(STACK + 0xfc), 0x3203);
	assert_int_equal(word(STACK + 0xfe), RFLAGS_ID >> 16);
	put(STACK + 0xfc, RFLAGS_TF | RFLAGS_ID, 4);
	STEP(0x9d);
	assert_int_equal(fake_vcpu.regs.gpr[R_SP], 0xdead00fe);
	assert_int_equal(fake_vcpu.regs.rflags & ~RFLAGS_RF, RFLAGS_ONE | RFLAGS_TF | RFLAGS_ID);
	assert_int_equal(traps, 0);
	put(STACK + 0xfe, 0, 4);
	STEP(0x66, 0x9d);
	assert_int_equal(fake_vcpu.regs.rflags & ~RFLAGS_RF, RFLAGS_ONE);
	assert_int_equal(traps, 1); /* TF was set before */
}

static void sti_has_a_shadow_of_one_instruction(void **state)
{
	(void)state;
	STEP(0xfb);
	assert_false(fake_shadow); /* IF was set */
	STEP(0xfa);
	assert_false(fake_vcpu.regs.rflags & RFLAGS_IF);
	STEP(0xfb);
	assert_true(fake_vcpu.regs.rflags & RFLAGS_IF);
	assert_true(fake_shadow);
	STEP(0xfa);
	assert_false(fake_shadow);
	assert_int_equal(fake_vcpu.regs.rip, 0x14);
}

static void tables_have_24_or_32_bits_of_base(void **state)
{
	(void)state;
	put(0x500, 0x1234567803ff, 6);
	STEP(0x0f, 0x01, 0x16, 0x00, 0x05);
	assert_int_equal(fake_sreg[SR_GDTR_LIMIT], 0x3ff);
	assert_int_equal(fake_sreg[SR_GDTR_BASE], 0x345678);
	STEP(0x66, 0x0f, 0x01, 0x1e, 0x00, 0x05);
	assert_int_equal(fake_sreg[SR_IDTR_LIMIT], 0x3ff);
	assert_int_equal(fake_sreg[SR_IDTR_BASE], 0x12345678);
}

static void far_jump_and_segment_loads_shift_the_selector(void **state)
{
	(void)state;
	fake_seg[S_FS].limit = 0xffffffff;
	fake_vcpu.regs.gpr[R_AX] = 0x4321;
	STEP(0x8e, 0xe0);
	assert_int_equal(fake_seg[S_FS].base, 0x43210);
	assert_int_equal(fake_seg[S_FS].limit, 0xffffffff);
	assert_false(fake_shadow);
	STEP(0x8e, 0xd0);
	assert_int_equal(fake_seg[S_SS].base, 0x43210);
	assert_true(fake_shadow);
	STEP(0x66, 0xea, 0x78, 0x56, 0, 0, 0xcd, 0xab);
	assert_int_equal(fake_seg[S_CS].base, 0xabcd0);
	assert_int_equal(fake_vcpu.regs.rip, 0x5678);
}

static void far_jump_of_16_bits_and_through_memory(void **state)
{
	(void)state;
	STEP(0xea, 0x20, 0, 0, 0x01);
	assert_int_equal(fake_seg[S_CS].base, CODE);
	assert_int_equal(fake_vcpu.regs.rip, 0x20);
	put(0x500, 0x00220000, 4);
	STEP(0xff, 0x2e, 0x00, 0x05);
	assert_int_equal(fake_seg[S_CS].base, 0x220);
	assert_int_equal(fake_vcpu.regs.rip, 0);
}

static void others_go_to_their_handlers(void **state)
{
	static const struct {
		u8 bytes[4];
		u32 reason;
	} rows[] = {
		{ { 0xf4 }, EXIT_HLT },
		{ { 0x0f, 0xa2 }, EXIT_CPUID },
		{ { 0x0f, 0x32 }, EXIT_RDMSR },
		{ { 0x0f, 0x30 }, EXIT_WRMSR },
		{ { 0x0f, 0x08 }, EXIT_INVD },
		{ { 0x0f, 0x09 }, EXIT_WBINVD },
		{ { 0x0f, 0x33 }, EXIT_RDPMC },
		{ { 0x0f, 0x01, 0xd1 }, EXIT_XSETBV },
		{ { 0x0f, 0x22, 0xc0 }, EXIT_CR },
		{ { 0x0f, 0x20, 0xc0 }, EXIT_CR },
		{ { 0x0f, 0x06 }, EXIT_CR },
		{ { 0x0f, 0x01, 0xf0 }, EXIT_CR },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		handled = 0;
		step(rows[i].bytes, 4);
		assert_int_equal(handled, rows[i].reason);
		assert_true(fake_vcpu.exit.insn_len >= 1 && fake_vcpu.exit.insn_len <= 3);
	}
	assert_int_equal(ports | written, 0);
}

static void ports_and_data_go_to_the_emulator(void **state)
{
	(void)state;
	STEP(0xee);
	STEP(0x6c);
	assert_int_equal(ports, 2);
	STEP(0x67, 0x8b, 0x00);
	assert_int_equal(written, 1);
	assert_int_equal(irqs, 3); /* and others get a turn */
}

static void what_nobody_can_do_ends_the_machine(void **state)
{
	(void)state;
	emulator_knows = false;
	memcpy(ram + CODE + 0x10, "\xd9\x06\x00\x05", 4); /* FLD: in no set */
	exit_emulate(&fake_vcpu);
	assert_int_equal(kills, 1);
	memcpy(ram + CODE + 0x10, "\x0f\x01\x06\x00\x05", 5); /* SGDT: decoded only */
	exit_emulate(&fake_vcpu);
	assert_int_equal(kills, 2);
}

/* Where it goes on, from IP 0x10. */
static u64 goes_to(const void *bytes, u32 n)
{
	fake_vcpu.regs.rip = 0x10;
	step(bytes, n);
	return fake_vcpu.regs.rip;
}

#define GOES_TO(...) goes_to((const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))

static void near_jumps_stay_in_64k(void **state)
{
	(void)state;
	assert_int_equal(GOES_TO(0xeb, 0xf0), 2);
	assert_int_equal(GOES_TO(0xeb, 0xe0), 0xfff2);
	assert_int_equal(GOES_TO(0xe9, 0x00, 0x80), 0x8013);
	/* With a large limit ("unreal mode") there is more, and no wrap. */
	assert_int_equal(GOES_TO(0x66, 0xe9, 0, 0, 1, 0), 0x10);
	assert_int_equal(gps, 1);
	fake_seg[S_CS].limit = 0xffffffff;
	assert_int_equal(GOES_TO(0x66, 0xe9, 0, 0, 1, 0), 0x10016);
	/* Through a register and memory. */
	fake_vcpu.regs.gpr[R_BX] = 0x1234;
	assert_int_equal(GOES_TO(0xff, 0xe3), 0x1234);
	put(0x500, 0xabcd4321, 4);
	assert_int_equal(GOES_TO(0xff, 0x26, 0x00, 0x05), 0x4321);
	assert_int_equal(gps, 1);
}

static void conditions_are_those_of_the_flags(void **state)
{
	static const u64 sets[8] = { RFLAGS_OF, RFLAGS_CF, RFLAGS_ZF, RFLAGS_CF,
				     RFLAGS_SF, RFLAGS_PF, RFLAGS_SF, RFLAGS_ZF };

	(void)state;
	for (u8 cond = 0; cond < 16; cond++) {
		fake_vcpu.regs.rflags = RFLAGS_ONE | sets[cond / 2];
		assert_int_equal(GOES_TO(0x70 | cond, 0x20), cond & 1 ? 0x12 : 0x32);
		fake_vcpu.regs.rflags = RFLAGS_ONE;
		assert_int_equal(GOES_TO(0x0f, 0x80 | cond, 0x20, 0), cond & 1 ? 0x34 : 0x14);
	}
	fake_vcpu.regs.rflags = RFLAGS_ONE | RFLAGS_SF | RFLAGS_OF;
	assert_int_equal(GOES_TO(0x7c, 0x20), 0x12); /* not less */
	assert_int_equal(GOES_TO(0x7e, 0x20), 0x12);
}

static void loops_count_in_cx_or_ecx(void **state)
{
	u64 *cx = &fake_vcpu.regs.gpr[R_CX];

	(void)state;
	*cx = 0x50002;
	assert_int_equal(GOES_TO(0xe2, 0x20), 0x32);
	assert_int_equal(GOES_TO(0xe2, 0x20), 0x12);
	assert_int_equal(*cx, 0x50000);
	assert_int_equal(GOES_TO(0xe3, 0x20), 0x32); /* JCXZ */
	assert_int_equal(GOES_TO(0x67, 0xe3, 0x20), 0x13);
	assert_int_equal(*cx, 0x50000);
	assert_int_equal(GOES_TO(0x67, 0xe2, 0x20), 0x33);
	assert_int_equal(*cx, 0x4ffff);
	fake_vcpu.regs.rflags = RFLAGS_ONE;
	assert_int_equal(GOES_TO(0xe1, 0x20), 0x12); /* LOOPE */
	assert_int_equal(GOES_TO(0xe0, 0x20), 0x32); /* LOOPNE */
	fake_vcpu.regs.rflags |= RFLAGS_ZF;
	assert_int_equal(GOES_TO(0xe1, 0x20), 0x32);
	assert_int_equal(GOES_TO(0xe0, 0x20), 0x12);
	/* A jump that faults has not counted. */
	*cx = 2;
	fake_seg[S_CS].limit = 0x20;
	assert_int_equal(GOES_TO(0xe2, 0x20), 0x10);
	assert_int_equal(gps, 1);
	assert_int_equal(*cx, 2);
}

static void calls_return_behind_themselves(void **state)
{
	u64 *sp = &fake_vcpu.regs.gpr[R_SP];

	(void)state;
	assert_int_equal(GOES_TO(0xe8, 0x20, 0), 0x33);
	assert_int_equal(*sp, 0xdead00fe);
	assert_int_equal(word(STACK + 0xfe), 0x13);
	fake_vcpu.regs.rip = 0x33;
	STEP(0xc3);
	assert_int_equal(fake_vcpu.regs.rip, 0x13);
	assert_int_equal(*sp, 0xdead0100);
	/* 32 bits, and what the caller pushed. */
	*sp -= 6;
	assert_int_equal(GOES_TO(0x66, 0xe8, 0x20, 0, 0, 0), 0x36);
	STEP(0x66, 0xc2, 0x06, 0);
	assert_int_equal(fake_vcpu.regs.rip, 0x16);
	assert_int_equal(*sp, 0xdead0100);
	/* A call that faults has pushed nothing. */
	fake_seg[S_CS].limit = 0x20;
	assert_int_equal(GOES_TO(0xe8, 0x20, 0), 0x10);
	assert_int_equal(*sp, 0xdead0100);
	put(STACK + 0x100, 0x21, 2);
	STEP(0xc3);
	assert_int_equal(gps, 2);
	assert_int_equal(*sp, 0xdead0100);
}

static void far_calls_and_returns(void **state)
{
	(void)state;
	STEP(0x9a, 0x20, 0, 0, 0x02);
	assert_int_equal(fake_seg[S_CS].base, 0x2000);
	assert_int_equal(fake_vcpu.regs.rip, 0x20);
	assert_int_equal(word(STACK + 0xfe), 0x100);
	assert_int_equal(word(STACK + 0xfc), 0x15);
	ram[0x2020] = 0xca; /* RETF 2 */
	ram[0x2021] = 2;
	exit_emulate(&fake_vcpu);
	assert_int_equal(fake_seg[S_CS].base, CODE);
	assert_int_equal(fake_vcpu.regs.rip, 0x15);
	assert_int_equal(fake_vcpu.regs.gpr[R_SP], 0xdead0102);
	put(0x500, 0x000100000024, 6);
	STEP(0x66, 0xff, 0x1e, 0x00, 0x05);
	assert_int_equal(fake_seg[S_CS].base, 0x10);
	assert_int_equal(fake_vcpu.regs.rip, 0x24);
	assert_int_equal(fake_vcpu.regs.gpr[R_SP], 0xdead00fa);
	assert_int_equal(word(STACK + 0xfa), 0x1a);
}

static void all_registers_are_pushed_and_popped(void **state)
{
	u64 *gpr = fake_vcpu.regs.gpr;

	(void)state;
	for (u32 r = R_AX; r <= R_DI; r++)
		if (r != R_SP)
			gpr[r] = 0x11110000 + r;
	STEP(0x60);
	assert_int_equal(gpr[R_SP], 0xdead00f0);
	assert_int_equal(word(STACK + 0xfe), R_AX);
	assert_int_equal(word(STACK + 0xf6), 0x100); /* SP of before */
	assert_int_equal(word(STACK + 0xf0), R_DI);
	put(STACK + 0xf6, 0x7777, 2);
	for (u32 r = R_AX; r <= R_DI; r++)
		if (r != R_SP)
			gpr[r] = 0x22220000;
	STEP(0x61);
	assert_int_equal(gpr[R_SP], 0xdead0100);
	for (u32 r = R_AX; r <= R_DI; r++)
		if (r != R_SP)
			assert_int_equal(gpr[r], 0x22220000 + r);
	gpr[R_BP] = 0xf0;
	put(STACK + 0xf0, 0x12345678, 4);
	STEP(0x66, 0xc9);
	assert_int_equal(gpr[R_BP], 0x12345678);
	assert_int_equal(gpr[R_SP], 0xdead00f4);
}

static void segments_are_pushed_popped_and_loaded_with_a_pointer(void **state)
{
	(void)state;
	STEP(0x0e);
	STEP(0x1f);
	assert_int_equal(fake_seg[S_DS].base, CODE);
	assert_int_equal(fake_vcpu.regs.gpr[R_SP], 0xdead0100);
	put(0x500, 0x43211234, 4);
	fake_vcpu.regs.gpr[R_DI] = 0xaaaaaaaa;
	STEP(0xc4, 0x3e, 0x00, 0x05);
	assert_int_equal(fake_seg[S_ES].base, 0x43210);
	assert_int_equal(fake_vcpu.regs.gpr[R_DI], 0xaaaa1234);
	assert_false(fake_shadow);
	put(0x500, 0x020000018000, 6);
	STEP(0x66, 0x0f, 0xb2, 0x26, 0x00, 0x05);
	assert_int_equal(fake_seg[S_SS].base, 0x2000);
	assert_int_equal(fake_vcpu.regs.gpr[R_SP], 0x18000);
	assert_false(fake_shadow);
	put(0x2000 + 0x8000, 0x150, 2);
	STEP(0x17); /* POP SS counts on the stack that was, and has the shadow of MOV SS */
	assert_int_equal(fake_seg[S_SS].base, 0x1500);
	assert_int_equal(fake_vcpu.regs.gpr[R_SP], 0x18002);
	assert_true(fake_shadow);
}

static void debug_registers_are_read_and_written(void **state)
{
	(void)state;
	fake_vcpu.regs.gpr[R_AX] = 0x12345678;
	STEP(0x0f, 0x23, 0xd0); /* DR2 */
	assert_int_equal(fake_vcpu.dr[2], 0x12345678);
	STEP(0x0f, 0x21, 0xd3);
	assert_int_equal(fake_vcpu.regs.gpr[R_BX], 0x12345678);
	assert_int_equal(dr_saved, 2);
	/* Reserved bits are what they are. */
	fake_vcpu.regs.gpr[R_AX] = 0xffffffff & ~DR7_GD;
	STEP(0x0f, 0x23, 0xf0);
	assert_int_equal(fake_sreg[SR_DR6], 0xffffcff0 | 15);
	STEP(0x0f, 0x23, 0xf8);
	assert_int_equal(fake_sreg[SR_DR7], 0xffff07ff);
	fake_vcpu.regs.gpr[R_AX] = 0;
	STEP(0x0f, 0x23, 0xf0);
	STEP(0x0f, 0x23, 0xf8);
	assert_int_equal(fake_sreg[SR_DR6], 0xffff0ff0);
	assert_int_equal(fake_sreg[SR_DR7], 0x400);
	/* DR4 and DR5 are DR6 and DR7, or nothing. */
	STEP(0x0f, 0x21, 0xe9);
	assert_int_equal(fake_vcpu.regs.gpr[R_CX], 0x400);
	fake_sreg[SR_CR4] = CR4_DE;
	STEP(0x0f, 0x21, 0xe1);
	assert_int_equal(uds, 1);
	assert_int_equal(fake_vcpu.regs.gpr[R_CX], 0x400);
}

static void guarded_debug_registers_trap_once(void **state)
{
	(void)state;
	fake_sreg[SR_DR7] = 0x400 | DR7_GD;
	STEP(0x0f, 0x21, 0xf8);
	assert_int_equal(db, DR6_BD);
	assert_int_equal(fake_vcpu.regs.rip, 0x10);
	fake_sreg[SR_DR7] = 0x400; /* as the delivery leaves it */
	STEP(0x0f, 0x21, 0xf8);
	assert_int_equal(fake_vcpu.regs.rip, 0x13);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(int_goes_through_the_table),
		T(event_returns_to_where_it_came),
		T(iret_restores_ip_cs_and_flags),
		T(iret_of_32_bits_keeps_vm),
		T(stack_wraps_at_64k),
		T(missing_vector_becomes_gp_then_df_then_shutdown),
		T(stack_that_is_not_ram_ends_the_machine),
		T(pushf_and_popf_have_two_sizes),
		T(sti_has_a_shadow_of_one_instruction),
		T(tables_have_24_or_32_bits_of_base),
		T(far_jump_and_segment_loads_shift_the_selector),
		T(far_jump_of_16_bits_and_through_memory),
		T(others_go_to_their_handlers),
		T(ports_and_data_go_to_the_emulator),
		T(what_nobody_can_do_ends_the_machine),
		T(near_jumps_stay_in_64k),
		T(conditions_are_those_of_the_flags),
		T(loops_count_in_cx_or_ecx),
		T(calls_return_behind_themselves),
		T(far_calls_and_returns),
		T(all_registers_are_pushed_and_popped),
		T(segments_are_pushed_popped_and_loaded_with_a_pointer),
		T(debug_registers_are_read_and_written),
		T(guarded_debug_registers_trap_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
