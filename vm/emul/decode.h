/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instruction decoder: bytes in, struct insn out. Pure: no guest state, no allocation, no globals
 * but constant tables. See docs/emulator.md for the supported set.
 */
#pragma once

#include "lib/types.h"

#include "arch/regs.h"

#define INSN_MAX_LEN 15

/*
 * Code segment: default operand and address size. INSN_INTEL may be ORed in; without it AMD's
 * rules hold where the vendors differ:
 *	66 on a near branch in 64-bit mode	AMD: 16-bit displacement, Intel: ignored
 *	LOCK MOV CR0				AMD: means CR8, Intel: #UD
 */
enum insn_mode {
	INSN_MODE_16,
	INSN_MODE_32,
	INSN_MODE_64,
	INSN_INTEL = 4,
};

enum decode_res {
	DECODE_OK,
	/* The bytes end early; insn.need of them are wanted at least. Nothing else is valid. */
	DECODE_NEED_BYTES,
	/* Longer than 15 bytes: #GP(0). */
	DECODE_TOO_LONG,
	/* #UD on every CPU. */
	DECODE_INVALID,
	/* Not in our set, valid or not. insn.len is the length, or 0 when it cannot be known. */
	DECODE_UNSUPPORTED,
};

/* X(ID, "name"): what an instruction does; operand sizes and forms are told apart by the fields. */
#define INSN_OPS(X)                                                              \
	X(NONE, "?")                                                             \
	X(UD, "ud")                                                              \
	/* arithmetic, in the encoding order of group 1 */                       \
	X(ADD, "add")                                                            \
	X(OR, "or")                                                              \
	X(ADC, "adc")                                                            \
	X(SBB, "sbb")                                                            \
	X(AND, "and")                                                            \
	X(SUB, "sub")                                                            \
	X(XOR, "xor")                                                            \
	X(CMP, "cmp")                                                            \
	X(TEST, "test")                                                          \
	X(INC, "inc")                                                            \
	X(DEC, "dec")                                                            \
	X(NOT, "not")                                                            \
	X(NEG, "neg")                                                            \
	/* in the encoding order of group 2 */                                   \
	X(ROL, "rol")                                                            \
	X(ROR, "ror")                                                            \
	X(RCL, "rcl")                                                            \
	X(RCR, "rcr")                                                            \
	X(SHL, "shl")                                                            \
	X(SHR, "shr")                                                            \
	X(SAR, "sar")                                                            \
	X(BT, "bt")                                                              \
	X(BTS, "bts")                                                            \
	X(BTR, "btr")                                                            \
	X(BTC, "btc")                                                            \
	X(XADD, "xadd")                                                          \
	X(XCHG, "xchg")                                                          \
	X(CMPXCHG, "cmpxchg")                                                    \
	X(CMPXCHG8B, "cmpxchg8b") /* and 16B: rm_size tells */                   \
	X(MUL, "mul")                                                            \
	X(IMUL, "imul")                                                          \
	X(DIV, "div")                                                            \
	X(IDIV, "idiv")                                                          \
	X(CBW, "cbw") /* and CWDE, CDQE */                                       \
	X(CWD, "cwd") /* and CDQ, CQO */                                         \
	X(CLC, "clc")                                                            \
	X(STC, "stc")                                                            \
	X(CMC, "cmc")                                                            \
	X(CLD, "cld")                                                            \
	X(STD, "std")                                                            \
	/* moves */                                                              \
	X(MOV, "mov")                                                            \
	X(MOVNTI, "movnti")                                                      \
	X(MOVBE, "movbe")                                                        \
	X(MOVZX, "movzx")                                                        \
	X(MOVSX, "movsx")                                                        \
	X(MOVSXD, "movsxd")                                                      \
	X(MOV_FROM_SREG, "mov")                                                  \
	X(MOV_TO_SREG, "mov")                                                    \
	X(LEA, "lea")                                                            \
	X(SETCC, "set")                                                          \
	X(CMOVCC, "cmov")                                                        \
	X(PUSH, "push")                                                          \
	X(POP, "pop")                                                            \
	X(VMOV, "vmov") /* all SSE and AVX loads, stores and moves of the set */ \
	X(NOP, "nop")                                                            \
	/* string and port; the element is op_size bytes */                      \
	X(MOVS, "movs")                                                          \
	X(CMPS, "cmps")                                                          \
	X(STOS, "stos")                                                          \
	X(LODS, "lods")                                                          \
	X(SCAS, "scas")                                                          \
	X(INS, "ins")                                                            \
	X(OUTS, "outs")                                                          \
	X(IN, "in")                                                              \
	X(OUT, "out")                                                            \
	/* decoded only: for the handler of an intercept */                      \
	X(MOV_FROM_CR, "mov")                                                    \
	X(MOV_TO_CR, "mov")                                                      \
	X(MOV_FROM_DR, "mov")                                                    \
	X(MOV_TO_DR, "mov")                                                      \
	X(CLTS, "clts")                                                          \
	X(LMSW, "lmsw")                                                          \
	X(SMSW, "smsw")                                                          \
	X(CPUID, "cpuid")                                                        \
	X(RDMSR, "rdmsr")                                                        \
	X(WRMSR, "wrmsr")                                                        \
	X(RDTSC, "rdtsc")                                                        \
	X(RDTSCP, "rdtscp")                                                      \
	X(RDPMC, "rdpmc")                                                        \
	X(XGETBV, "xgetbv")                                                      \
	X(XSETBV, "xsetbv")                                                      \
	X(HLT, "hlt")                                                            \
	X(PAUSE, "pause")                                                        \
	X(MONITOR, "monitor")                                                    \
	X(MWAIT, "mwait")                                                        \
	X(INVD, "invd")                                                          \
	X(WBINVD, "wbinvd") /* and WBNOINVD: INSN_REP */                         \
	X(INVLPG, "invlpg")                                                      \
	X(INVLPGA, "invlpga")                                                    \
	X(INVPCID, "invpcid")                                                    \
	X(SGDT, "sgdt")                                                          \
	X(SIDT, "sidt")                                                          \
	X(LGDT, "lgdt")                                                          \
	X(LIDT, "lidt")                                                          \
	X(SLDT, "sldt")                                                          \
	X(STR, "str")                                                            \
	X(LLDT, "lldt")                                                          \
	X(LTR, "ltr")                                                            \
	X(PUSHF, "pushf")                                                        \
	X(POPF, "popf")                                                          \
	X(IRET, "iret")                                                          \
	X(INT, "int")                                                            \
	X(INT3, "int3")                                                          \
	X(INTO, "into")                                                          \
	X(ICEBP, "int1")                                                         \
	X(CLI, "cli")                                                            \
	X(STI, "sti")                                                            \
	X(PUSH_SREG, "push")                                                     \
	X(POP_SREG, "pop")                                                       \
	X(PUSHA, "pusha")                                                        \
	X(POPA, "popa")                                                          \
	X(LEAVE, "leave")                                                        \
	X(LOAD_FAR, "lds") /* LDS, LES, LSS, LFS, LGS */                         \
	X(JMP, "jmp")                                                            \
	X(JCC, "j")                                                              \
	X(LOOP, "loop") /* and LOOPE, LOOPNE, JCXZ */                            \
	X(CALL, "call")                                                          \
	X(RET, "ret")                                                            \
	X(RET_FAR, "retf")                                                       \
	X(JMP_FAR, "jmp")                                                        \
	X(CALL_FAR, "call")                                                      \
	X(VMRUN, "vmrun")                                                        \
	X(VMMCALL, "vmmcall")                                                    \
	X(VMLOAD, "vmload")                                                      \
	X(VMSAVE, "vmsave")                                                      \
	X(STGI, "stgi")                                                          \
	X(CLGI, "clgi")                                                          \
	X(SKINIT, "skinit")                                                      \
	X(VMCALL, "vmcall")                                                      \
	X(VMLAUNCH, "vmlaunch")                                                  \
	X(VMRESUME, "vmresume")                                                  \
	X(VMXOFF, "vmxoff")                                                      \
	X(VMXON, "vmxon")                                                        \
	X(VMCLEAR, "vmclear")                                                    \
	X(VMPTRLD, "vmptrld")                                                    \
	X(VMPTRST, "vmptrst")                                                    \
	X(VMREAD, "vmread")                                                      \
	X(VMWRITE, "vmwrite")                                                    \
	X(INVEPT, "invept")                                                      \
	X(INVVPID, "invvpid")

enum insn_op {
#define X(id, name) OP_##id,
	INSN_OPS(X)
#undef X
	OP_NR,
};

/* The explicit operands. An operand that the opcode fixes (AL, the register in its low bits, a
 * moffs) is expressed through rm and reg like any other. */
enum insn_form {
	F_NONE, /* none, or only implied ones */
	F_RM,
	F_RM_REG, /* destination rm, source reg */
	F_REG_RM,
	F_REG_RM_IMM,
	F_RM_IMM,
	F_IMM,
};

/* What OP_LOOP does: in the encoding order. */
enum insn_loop {
	LOOP_NE,
	LOOP_E,
	LOOP_ANY,
	LOOP_JCXZ, /* counts nothing */
};

#define INSN_MEM   BIT32(0) /* rm is memory: seg, base, index, scale, disp */
#define INSN_LOCK  BIT32(1)
#define INSN_REP   BIT32(2) /* F3 */
#define INSN_REPNE BIT32(3) /* F2; at most one of the two: the last one counts */
#define INSN_REX   BIT32(4) /* byte registers 4-7 are SPL..DIL, not AH..BH */
#define INSN_VEX   BIT32(5)
#define INSN_ALIGN BIT32(6) /* vector memory operand: #GP(0) when not aligned to its size */
#define INSN_RMGPR BIT32(7) /* VMOV: a register rm is a general one (MOVD, MOVQ) */

#define INSN_NOREG 0xff
#define INSN_RIP   16 /* base: the next instruction's address */

struct insn {
	u8 len;
	u8 need;      /* DECODE_NEED_BYTES */
	u8 op;        /* enum insn_op */
	u8 form;      /* enum insn_form */
	u8 mode;      /* enum insn_mode without INSN_INTEL */
	u8 op_size;   /* bytes: 1, 2, 4, 8; VMOV 16 or 32 */
	u8 addr_size; /* bytes: 2, 4, 8 */
	u8 rm_size;   /* bytes of the rm operand where it is memory (else of its register) */
	u8 reg;       /* register number; of a CR, DR or segment register where op says so */
	u8 rm;        /* register number when !INSN_MEM */
	u8 seg;       /* enum seg of the memory operand, or of a string's source */
	u8 base;      /* register number, INSN_RIP or INSN_NOREG */
	u8 index;     /* register number or INSN_NOREG */
	u8 scale;     /* shift: 0-3 */
	u8 sub;       /* Jcc, SETcc, CMOVcc: the condition, alu_condition(); LOOP: enum insn_loop;
		       * LOAD_FAR: the segment register */
	u16 flags;    /* INSN_* */
	s64 disp;     /* sign-extended; a moffs is zero-extended */
	u64 imm;      /* sign-extended to 64 bits, but zero-extended for ports and INT */
};

/*
 * Decodes the instruction at bytes[0..n) for a code segment of this mode. n may exceed 15. On
 * DECODE_OK every field of *in is valid, on other results only what enum decode_res says.
 */
enum decode_res decode(const u8 *bytes, u32 n, u32 mode, struct insn *in);

/* Static lower-case name. */
const char *insn_name(u32 op);

/* Length when the bytes hold this instruction, whatever its prefixes; 0 otherwise. The slow half of
 * insn_len(). */
u32 insn_len_decoded(const u8 *bytes, u32 n, u32 mode, enum insn_op op);

/*
 * The same for the usual encodings of hot intercepts, or 0: with a constant op it compiles to one
 * comparison. MOV to and from CRn: a length of 3 means no prefix, so bytes[2] is the ModRM.
 */
static __always_inline u32 insn_len_quick(const u8 *bytes, u32 n, enum insn_op op)
{
	u32 two = n >= 2 ? (u32)bytes[0] << 8 | bytes[1] : 0;

	if ((op == OP_CPUID && two == 0x0fa2) || (op == OP_RDMSR && two == 0x0f32) ||
	    (op == OP_WRMSR && two == 0x0f30) || (op == OP_CLTS && two == 0x0f06))
		return 2;
	if ((op == OP_VMMCALL || op == OP_VMCALL) && two == 0x0f01 && n >= 3 &&
	    bytes[2] == (op == OP_VMMCALL ? 0xd9 : 0xc1))
		return 3;
	if ((op == OP_MOV_TO_CR && two == 0x0f22) || (op == OP_MOV_FROM_CR && two == 0x0f20)) {
		u32 cr = n >= 3 ? (bytes[2] >> 3) & 7 : 1;

		if (cr == 0 || (cr >= 2 && cr <= 4))
			return 3;
	}
	if (op == OP_HLT && n >= 1 && bytes[0] == 0xf4)
		return 1;
	if ((op == OP_IN || op == OP_OUT) && n >= 1 &&
	    (bytes[0] & 0xf6) == (op == OP_IN ? 0xe4 : 0xe6))
		return bytes[0] & 8 ? 1 : n >= 2 ? 2 : 0;
	return 0;
}

static inline u32 insn_len(const u8 *bytes, u32 n, u32 mode, enum insn_op op)
{
	u32 len = insn_len_quick(bytes, n, op);

	return len ? len : insn_len_decoded(bytes, n, mode, op);
}
