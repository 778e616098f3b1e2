/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/emul/decode.c vm/emul/opcodes.c vm/emul/exec.c vm/emul/rmw.c vm/emul/string.c */
/* SOURCES: vm/emul/operand.c vm/emul/alu.c vm/emul/muldiv.c vm/segment.c */
/*
 * Runs random instructions of the executable set twice, on this machine's CPU and with emul_exec(),
 * from the same registers, flags, vector registers and memory, and compares all of them afterwards.
 * 64-bit mode; port I/O and MOV to a segment register are left out. Faults count: the CPU must
 * fault where the emulator does, with the same registers.
 *
 * Every encoding that decode() knows is found by trying all opcodes, so a new one is tested without
 * a change here. Flags that the manuals leave undefined are compared too, but for those of shifts
 * and multiplications, in which CPUs differ: flags_to_compare().
 * Usage: exec_native [count [seed]].
 */
#define _GNU_SOURCE /* REG_RIP */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <asm/prctl.h>
#include <cpuid.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/fuzz/random.h"
#include "vm/emul/exec.h"
#include "vm/fetch.h"
#include "vm/vcpu.h"

#define CODE     0x10000000UL
#define BUF      0x20000000UL /* followed by a page that faults */
#define BUF_SIZE 0x4000UL
#define GS_BASE  0x1234560UL

struct state {
	u64 gpr[16];
	u64 rflags;
	u8 vec[16][32];
};

/* --- native side ------------------------------------------------------------------------------ */

static struct state native_in __used, native_out __used;
static u64 native_rsp __used;
static u64 native_code __used = CODE;
static u64 native_avx __used;
static bool native_movbe;
static int native_signal;

void native_enter(void);
void native_exit(void);

#define GPRS                                                                        \
	".irp reg, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, " \
	"r13, r14, r15\n"
#define VECS ".irp nr, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"

/*
 * The instruction is at native_code, followed by a jump to native_exit that uses no register. The
 * offsets are those in struct state.
 */
__asm__(".text\n"
	"native_enter:\n"
	"push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"mov %rsp, native_rsp(%rip)\n"
	"cmpq $0, native_avx(%rip)\n"
	"je 1f\n" VECS "vmovdqu native_in + 136 + 32 * \\nr(%rip), %ymm\\nr\n"
	".endr\n"
	"1: pushq native_in + 128(%rip)\n"
	"popfq\n"
	".set off, 0\n" GPRS "mov native_in + off(%rip), %\\reg\n"
	".set off, off + 8\n"
	".endr\n"
	"jmp *native_code(%rip)\n"
	"native_exit:\n"
	".set off, 0\n" GPRS "mov %\\reg, native_out + off(%rip)\n"
	".set off, off + 8\n"
	".endr\n"
	"mov native_rsp(%rip), %rsp\n"
	"pushfq\n"
	"popq native_out + 128(%rip)\n"
	"cld\n"
	"cmpq $0, native_avx(%rip)\n"
	"je 1f\n" VECS "vmovdqu %ymm\\nr, native_out + 136 + 32 * \\nr(%rip)\n"
	".endr\n"
	"vzeroupper\n"
	"1: pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"ret\n");

static void on_fault(int sig, siginfo_t *info, void *uc)
{
	(void)info;
	native_signal = sig;
	((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)native_exit;
}

static void *map(u64 at, u64 size, int prot)
{
	void *p = mmap((void *)at, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		       -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

static void native_init(void)
{
	static u8 stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	u32 a, b, c, d;
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	map(CODE, SZ_4K, PROT_READ | PROT_WRITE | PROT_EXEC);
	map(BUF, BUF_SIZE, PROT_READ | PROT_WRITE);
	map(BUF + BUF_SIZE, SZ_4K, PROT_NONE);
	native_avx = (u64)__builtin_cpu_supports("avx");
	native_movbe = __get_cpuid(1, &a, &b, &c, &d) && c & bit_MOVBE;
	sigaltstack(&ss, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
	sigaction(SIGTRAP, &sa, NULL);
	syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE);
}

static void native_run(const u8 *insn, u32 len)
{
	static const u8 jump[6] = { 0xff, 0x25 }; /* jmp *0(%rip) */
	u8 *p = (u8 *)CODE;
	u64 to = (u64)(uintptr_t)native_exit;

	memcpy(p, insn, len);
	memcpy(p + len, jump, sizeof(jump));
	memcpy(p + len + sizeof(jump), &to, sizeof(to));
	native_signal = 0;
	native_enter();
}

/* --- emulated side ---------------------------------------------------------------------------- */

static u8 shadow[BUF_SIZE];
static u8 emul_vec[16][32];

static enum emul_res bad_access(struct emul *e, gva_t gva)
{
	e->fault = (struct emul_fault){ .vector = EXC_PF, .has_error = true, .cr2 = gva.v };
	return EMUL_FAULT;
}

static bool in_buf(gva_t gva, u32 n)
{
	return gva.v >= BUF && gva.v + n <= BUF + BUF_SIZE;
}

static enum emul_res op_read(struct emul *e, gva_t gva, void *buf, u32 n, bool rmw)
{
	(void)rmw;
	if (!in_buf(gva, n))
		return bad_access(e, gva);
	memcpy(buf, shadow + (gva.v - BUF), n);
	return EMUL_OK;
}

static enum emul_res op_write(struct emul *e, gva_t gva, const void *buf, u32 n)
{
	if (!in_buf(gva, n))
		return bad_access(e, gva);
	memcpy(shadow + (gva.v - BUF), buf, n);
	return EMUL_OK;
}

static enum emul_res op_cmpxchg(struct emul *e, gva_t gva, void *old, const void *new, u32 n,
				bool *swapped)
{
	if (!in_buf(gva, n))
		return bad_access(e, gva);
	*swapped = memcmp(shadow + (gva.v - BUF), old, n) == 0;
	if (*swapped)
		memcpy(shadow + (gva.v - BUF), new, n);
	else
		memcpy(old, shadow + (gva.v - BUF), n);
	return EMUL_OK;
}

static void op_get_seg(struct emul *e, u32 seg, struct segment *s)
{
	(void)e;
	*s = (struct segment){ .base = seg == S_GS ? GS_BASE : 0 };
	switch (seg) {
	case S_ES:
		__asm__("mov %%es, %0" : "=r"(s->sel));
		break;
	case S_CS:
		__asm__("mov %%cs, %0" : "=r"(s->sel));
		break;
	case S_SS:
		__asm__("mov %%ss, %0" : "=r"(s->sel));
		break;
	case S_DS:
		__asm__("mov %%ds, %0" : "=r"(s->sel));
		break;
	case S_FS:
		__asm__("mov %%fs, %0" : "=r"(s->sel));
		break;
	default:
		__asm__("mov %%gs, %0" : "=r"(s->sel));
		break;
	}
}

static void op_get_vec(struct emul *e, u32 nr, u8 *v)
{
	(void)e;
	memcpy(v, emul_vec[nr], 32);
}

static void op_set_vec(struct emul *e, u32 nr, const u8 *v, bool legacy)
{
	(void)e;
	memcpy(emul_vec[nr], v, legacy ? 16 : 32);
}

static const struct emul_ops ops = {
	.read = op_read,
	.write = op_write,
	.cmpxchg = op_cmpxchg,
	.get_seg = op_get_seg,
	.get_vec = op_get_vec,
	.set_vec = op_set_vec,
};

/* --- making instructions ---------------------------------------------------------------------- */

static u64 below(u64 n)
{
	return rnd() % n;
}

/* An opcode to test: its bytes from the mandatory prefix to the opcode, and what ModRM.reg it needs
 * (8 = any). */
static struct encoding {
	u8 pp; /* 0, 66, F3, F2 */
	u8 nr;
	u8 byte[4];
	u8 reg;
	bool vex;
} encodings[8192];

static u32 nr_encodings;
static u64 seen[OP_NR];

static bool executable(const struct insn *in)
{
	if (in->op == OP_VMOV)
		return native_avx;
	if (in->op == OP_MOVBE)
		return native_movbe;
	if (in->op == OP_INS || in->op == OP_OUTS)
		return false;
	return in->op >= OP_ADD && in->op <= OP_SCAS && in->op != OP_MOV_TO_SREG;
}

static u32 put_encoding(u8 *b, const struct encoding *c, u8 rex)
{
	u32 n = 0;

	if (c->pp)
		b[n++] = c->pp;
	if (rex)
		b[n++] = rex;
	memcpy(b + n, c->byte, c->nr);
	return n + c->nr;
}

static void try_encoding(struct encoding c)
{
	u8 b[16] = { 0 };
	struct insn in;
	u32 n, found = 0;

	for (u8 reg = 0; reg < 8; reg++) {
		n = put_encoding(b, &c, 0);
		b[n] = (u8)(reg << 3);
		if (decode(b, 16, INSN_MODE_64, &in) != DECODE_OK || !executable(&in))
			continue;
		/* Legacy encodings with a prefix that means nothing are made with rex and 66. */
		if (c.pp && in.op != OP_VMOV)
			continue;
		c.reg = reg;
		encodings[nr_encodings++] = c;
		found++;
	}
	if (found == 8) { /* any will do */
		nr_encodings -= 7;
		encodings[nr_encodings - 1].reg = 8;
	}
}

static void find_encodings(void)
{
	static const u8 pps[4] = { 0, 0x66, 0xf3, 0xf2 };

	for (u32 op = 0; op < 256; op++) {
		u8 o = (u8)op;

		if ((o & 0xf0) == 0x40 || (o & 0xe7) == 0x26 || (o & 0xfc) == 0x64 || o == 0x0f ||
		    o == 0xf0 || o == 0xf2 || o == 0xf3 || o == 0xc4 || o == 0xc5 || o == 0x62)
			continue;
		try_encoding((struct encoding){ .nr = 1, .byte = { o } });
	}
	for (u32 op = 0; op < 256; op++) {
		for (u32 p = 0; p < 4; p++) {
			u8 o = (u8)op, vex = (u8)(0xf8 | p);

			try_encoding((struct encoding){ pps[p], 2, { 0x0f, o }, 0, false });
			try_encoding((struct encoding){ pps[p], 3, { 0x0f, 0x38, o }, 0, false });
			for (u32 l = 0; l < 8; l += 4) {
				vex = (u8)(0xf8 | l | p);
				try_encoding((struct encoding){ 0, 3, { 0xc5, vex, o }, 0, true });
				try_encoding(
					(struct encoding){ 0, 4, { 0xc4, 0xe1, vex, o }, 0, true });
				try_encoding((struct encoding){
					0, 4, { 0xc4, 0xe2, vex & 0x7f, o }, 0, true });
			}
		}
	}
}

/* One instruction and where its displacement is (0 = it has none of four or eight bytes). */
struct sample {
	u8 bytes[16];
	u32 disp_at;
	u32 disp_size;
	u64 target; /* linear address of the memory operand */
	struct insn in;
};

static void put_random(u8 *b, u32 n)
{
	for (u32 i = 0; i < n; i++)
		b[i] = (u8)rnd();
}

static void locate_disp(struct sample *s, u32 at)
{
	u8 modrm = s->bytes[at], mod = modrm >> 6, rm = modrm & 7;
	u32 sib = mod != 3 && rm == 4;

	s->disp_size = 0;
	if (mod == 2 || (mod == 0 && (rm == 5 || (sib && (s->bytes[at + 1] & 7) == 5))))
		s->disp_size = 4;
	s->disp_at = at + 1 + sib;
}

/* A random instruction of the set; false if the dice made none. */
static bool make(struct sample *s)
{
	struct encoding c = encodings[below(nr_encodings)];
	u32 n = 0, at;
	u8 rex = 0;

	memset(s, 0, sizeof(*s));
	if (below(8) == 0)
		s->bytes[n++] = 0x67;
	if (below(8) == 0)
		s->bytes[n++] = 0x65; /* GS */
	if (below(4) == 0 && !c.vex)
		s->bytes[n++] = 0xf0;
	if (below(4) == 0 && !c.vex && !c.pp)
		s->bytes[n++] = 0x66;
	if (below(2) == 0 && (c.byte[0] & 0xf4) == 0xa4 && c.nr == 1)
		s->bytes[n++] = below(2) ? 0xf3 : 0xf2;
	if (below(3) != 0 && !c.vex)
		rex = (u8)(0x40 | below(16));
	if (c.vex)
		c.byte[1] ^= (u8)(c.nr == 3 ? below(2) << 7 : below(8) << 5);
	if (c.vex && c.nr == 4)
		c.byte[2] ^= (u8)(below(2) << 7);
	n += put_encoding(s->bytes + n, &c, rex);
	at = n;
	put_random(s->bytes + n, 16 - n);
	if (c.reg < 8)
		s->bytes[n] = (u8)((s->bytes[n] & 0xc7) | c.reg << 3);
	if (decode(s->bytes, 16, INSN_MODE_64, &s->in) != DECODE_OK || !executable(&s->in))
		return false;
	if (c.nr == 1 && (c.byte[0] & 0xfc) == 0xa0) {
		s->disp_at = at;
		s->disp_size = s->in.addr_size;
	} else {
		locate_disp(s, at);
	}
	return s->in.seg != S_FS;
}

/* --- placing the operands --------------------------------------------------------------------- */

static bool is_string(const struct insn *in)
{
	return in->op >= OP_MOVS && in->op <= OP_SCAS;
}

static bool is_stack(const struct insn *in)
{
	return in->op == OP_PUSH || in->op == OP_POP;
}

static bool is_locked(const struct insn *in)
{
	return in->flags & INSN_LOCK || in->op == OP_XCHG || in->op == OP_CMPXCHG8B;
}

/* Somewhere in the buffer; now and then across a page, or across or beyond its end. */
static u64 pick_target(const struct insn *in)
{
	u64 t = BUF + 512 + below(BUF_SIZE - 1024), r = below(32);

	if (r < 4)
		t = BUF + SZ_4K - below(32);
	else if (r == 4)
		t = BUF + BUF_SIZE - below(32);
	else if (r == 5)
		t = BUF + BUF_SIZE + below(64);
	/*
	 * Locked accesses stay in a cache line: the kernel punishes others. CMPXCHG16B faults
	 * before it comes to that.
	 */
	if (in->rm_size == 16 && in->op == OP_CMPXCHG8B && below(8) == 0)
		return t;
	if (is_locked(in) || (in->flags & INSN_ALIGN && below(16)))
		t &= ~((u64)in->rm_size - 1);
	return t;
}

static void set_disp(struct sample *s, u64 disp)
{
	memcpy(s->bytes + s->disp_at, &disp, s->disp_size);
}

static s64 bits_reach(const struct insn *in, const struct state *st)
{
	u64 nr = st->gpr[in->reg];
	u32 width = 8 * in->op_size;

	if (in->op < OP_BT || in->op > OP_BTC || in->form != F_RM_REG)
		return 0;
	/* The manual's words: the signed bit number divided by the width, rounded down. */
	s64 signed_nr = in->op_size == 8 ? (s64)nr : in->op_size == 4 ? (s32)nr : (s16)nr;
	s64 q = signed_nr / (s64)width - (signed_nr % (s64)width < 0);

	return q * in->op_size;
}

/* Chooses registers (or the displacement) so that the memory operand is at target. */
static bool place_memory(struct sample *s, struct state *st)
{
	const struct insn *in = &s->in;
	u64 target = pick_target(in), index = 0;
	bool bits = bits_reach(in, st) || (in->op >= OP_BT && in->op <= OP_BTC);

	if (bits && in->form == F_RM_REG && (in->reg == in->base || in->reg == in->index))
		return false;
	s->target = target;
	target -= (u64)bits_reach(in, st) + (in->seg == S_GS ? GS_BASE : 0);
	if (in->index != INSN_NOREG) {
		if (in->base == INSN_NOREG || in->index == in->base || in->index == R_SP)
			st->gpr[in->index] &= 0xffffff;
		index = st->gpr[in->index] << in->scale;
	}
	if (in->base == INSN_RIP)
		set_disp(s, target - (CODE + in->len));
	else if (in->base == INSN_NOREG)
		set_disp(s, target - index);
	else if (in->base != in->index)
		st->gpr[in->base] = target - index - (u64)in->disp;
	else if (s->disp_size == 4)
		set_disp(s, target - index - st->gpr[in->base]);
	else
		return false;
	return true;
}

static u64 random_value(void)
{
	static const u64 edges[] = { 0,          1,          0x7f,       0x80,       0xff,
				     0x7fff,     0x8000,     0xffff,     0x7fffffff, 0x80000000,
				     1ULL << 32, ~0ULL >> 1, 1ULL << 63, ~0ULL,      0xfffffffe };

	return below(3) ? rnd() : edges[below(ARRAY_SIZE(edges))];
}

static void place_string(const struct insn *in, struct state *st)
{
	u64 gs = in->seg == S_GS ? GS_BASE : 0, max = below(8) ? 24 : 1500;

	st->gpr[R_SI] = pick_target(in) - gs;
	st->gpr[R_DI] = below(4) ? pick_target(in) : st->gpr[R_SI] + gs + below(24);
	if (in->flags & (INSN_REP | INSN_REPNE)) {
		st->gpr[R_CX] = below(max);
		if (in->addr_size == 4 && st->gpr[R_CX])
			st->gpr[R_CX] |= rnd() << 32;
	}
	if (below(2))
		st->rflags |= RFLAGS_DF;
}

/* Registers and memory for the sample; false if it cannot be placed. */
static bool place(struct sample *s, struct state *st)
{
	struct insn *in = &s->in, again;

	for (u32 i = 0; i < 16; i++)
		st->gpr[i] = random_value();
	put_random(st->vec[0], sizeof(st->vec));
	st->rflags =
		0x202 |
		(rnd() & (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF));
	/* Far enough for bit numbers to leave the operand, near enough for 32-bit addresses. */
	if (in->op >= OP_BT && in->op <= OP_BTC && in->op_size == 8)
		st->gpr[in->reg] = (u64)((s64)st->gpr[in->reg] >> below(64));
	if ((in->op == OP_DIV || in->op == OP_IDIV) &&
	    below(4)) /* else most quotients are too big */
		st->gpr[R_DX] = below(2) ? below(16) : ~0ULL;
	if (in->flags & INSN_MEM && !place_memory(s, st))
		return false;
	if (is_string(in))
		place_string(in, st);
	if (is_stack(in)) {
		if (in->flags & INSN_MEM && (in->base == R_SP || in->index == R_SP))
			return in->disp > -256 && in->disp < 256 && st->gpr[R_SP] > BUF + 256 &&
			       in->index == INSN_NOREG;
		st->gpr[R_SP] = pick_target(in);
	}
	if (decode(s->bytes, 16, INSN_MODE_64, &again) != DECODE_OK)
		return false;
	*in = again;
	return true;
}

/* --- comparison ------------------------------------------------------------------------------- */

/* AF is undefined after a shift, OF unless it is by one, and CF if nothing of the operand is left.
 */
static u64 shift_flags(const struct insn *in)
{
	u64 f = RFLAGS_CF | RFLAGS_PF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_DF;
	u64 count = in->form == F_RM_IMM ? in->imm : native_in.gpr[R_CX];

	count &= in->op_size == 8 ? 63 : 31;
	if (count <= 1)
		f |= RFLAGS_OF;
	if (count == 0 || in->op <= OP_RCR)
		f |= RFLAGS_AF;
	if (count >= 8U * in->op_size && in->op >= OP_SHL)
		f &= ~RFLAGS_CF;
	return f;
}

static u64 flags_to_compare(const struct insn *in, bool faulted)
{
	u64 f = RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF | RFLAGS_DF;

	if (in->op >= OP_MUL && in->op <= OP_IMUL)
		return RFLAGS_CF | RFLAGS_OF | RFLAGS_DF;
	if (in->op >= OP_DIV && in->op <= OP_IDIV)
		return RFLAGS_DF;
	if (in->op >= OP_ROL && in->op <= OP_SAR)
		return shift_flags(in);
	/* A repeated comparison that faults halfway may or may not show the last flags. */
	if (faulted && (in->op == OP_CMPS || in->op == OP_SCAS))
		f = RFLAGS_DF;
	return f;
}

static enum emul_res emulate(const struct insn *in, struct state *st)
{
	struct vcpu_regs regs = { .rip = CODE, .rflags = st->rflags };
	u64 cr4 = CR4_OSFXSR | CR4_OSXSAVE;
	struct fetch fetch = { .bits = 64, .regs = { .cr0 = CR0_PE | CR0_PG, .cr4 = cr4 } };
	struct emul e = { .ops = &ops, .regs = &regs, .fetch = &fetch };
	enum emul_res r;

	memcpy(regs.gpr, st->gpr, sizeof(regs.gpr));
	memcpy(emul_vec, st->vec, sizeof(emul_vec));
	do {
		r = emul_exec(&e, in);
	} while (r == EMUL_AGAIN);
	memcpy(st->gpr, regs.gpr, sizeof(regs.gpr));
	memcpy(st->vec, emul_vec, sizeof(emul_vec));
	st->rflags = regs.rflags;
	return r;
}

/*
 * With 32-bit addresses a repeated instruction that faults at once, or has nothing to do, clears
 * the upper halves of its registers on Intel CPUs; that is left undefined, and not compared.
 */
static bool same_registers(const struct insn *in, const struct state *em)
{
	bool loose = native_signal && is_string(in) && in->addr_size == 4;

	for (u32 i = 0; i < 16; i++) {
		u64 differ = em->gpr[i] ^ native_out.gpr[i];

		if (loose && (i == R_CX || i == R_SI || i == R_DI))
			differ = (u32)differ;
		if (differ)
			return false;
	}
	return true;
}

static const char *compare(const struct insn *in, const struct state *em, enum emul_res r)
{
	if (r != EMUL_OK && r != EMUL_FAULT)
		return "not executed";
	if ((r == EMUL_FAULT) != (native_signal != 0))
		return "fault";
	if (!same_registers(in, em))
		return "registers";
	if ((em->rflags ^ native_out.rflags) & flags_to_compare(in, native_signal))
		return "flags";
	if (native_avx && memcmp(em->vec, native_out.vec, sizeof(em->vec)))
		return "vector registers";
	if (memcmp(shadow, (const void *)BUF, BUF_SIZE))
		return "memory";
	return NULL;
}

static void report(const struct sample *s, const char *what, const struct state *em,
		   enum emul_res r)
{
	printf("differs: %s\n  %s, bytes", what, insn_name(s->in.op));
	for (u32 i = 0; i < s->in.len; i++)
		printf(" %02x", s->bytes[i]);
	printf("\n  verdict %d, signal %d\n", r, native_signal);
	for (u32 i = 0; i < 16; i++) {
		if (em->gpr[i] != native_out.gpr[i])
			printf("  gpr %u: before %lx, emulated %lx, native %lx\n", i,
			       native_in.gpr[i], em->gpr[i], native_out.gpr[i]);
	}
	printf("  flags: before %lx, emulated %lx, native %lx\n", native_in.rflags, em->rflags,
	       native_out.rflags);
	for (u64 i = 0; i < BUF_SIZE; i++) {
		if (shadow[i] != ((const u8 *)BUF)[i]) {
			printf("  memory at %lx: emulated %02x, native %02x\n", BUF + i, shadow[i],
			       ((const u8 *)BUF)[i]);
			break;
		}
	}
}

/* Samples find what earlier ones left; now and then everything is new: random, or all the same so
 * that CMPS and SCAS have something to skip. */
static void renew_memory(void)
{
	if (below(3))
		put_random(shadow, sizeof(shadow));
	else
		memset(shadow, below(2) ? 0 : 0xff, sizeof(shadow));
	memcpy((void *)BUF, shadow, BUF_SIZE);
}

/* A comparison with the accumulator that finds it equal. */
static void make_equal(const struct sample *s, struct state *st)
{
	const struct insn *in = &s->in;
	u64 val[2] = { 0 };

	if ((in->op != OP_CMPXCHG && in->op != OP_CMPXCHG8B) || below(2))
		return;
	if (!(in->flags & INSN_MEM)) {
		st->gpr[R_AX] = st->gpr[in->rm];
		return;
	}
	if (in->base == R_AX || in->index == R_AX || !in_buf(GVA(s->target), in->rm_size))
		return;
	memcpy(val, shadow + (s->target - BUF), in->rm_size);
	st->gpr[R_AX] = val[0] | (in->rm_size <= 4 && below(2) ? rnd() << 32 : 0);
	if (in->op == OP_CMPXCHG8B && in->base != R_DX && in->index != R_DX)
		st->gpr[R_DX] = in->rm_size == 8 ? val[0] >> 32 : val[1];
}

static bool one(void)
{
	struct state em;
	struct sample s;
	enum emul_res r;
	const char *e;

	do {
		while (!make(&s))
			;
	} while (!place(&s, &native_in));
	make_equal(&s, &native_in);
	seen[s.in.op]++;
	em = native_in;
	native_run(s.bytes, s.in.len);
	r = emulate(&s.in, &em);
	e = compare(&s.in, &em, r);
	if (e) {
		report(&s, e, &em, r);
		renew_memory();
	}
	return !e;
}

int main(int argc, char **argv)
{
	u64 count = argc > 1 ? strtoull(argv[1], NULL, 0) : 2000000;
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	u64 bad = 0, missing = 0;

	rnd_seed(seed);
	native_init();
	find_encodings();
	for (u64 i = 0; i < count && bad < 20; i++) {
		if (i % 1024 == 0)
			renew_memory();
		bad += !one();
	}
	printf("%lu instructions, %u encodings: %lu differences\n", count, nr_encodings, bad);
	for (u8 op = OP_ADD; op < OP_INS; op++) {
		struct insn in = { .op = op };

		if (executable(&in) && count >= 100000 && !seen[op]) {
			printf("never made: %s\n", insn_name(op));
			missing++;
		}
	}
	return bad || missing;
}
