/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/emul/decode.c vm/emul/opcodes.c */
/* LIBS: -lZydis */
/*
 * Compares decode() with Zydis on random and structured byte strings in all three modes:
 *
 *	DECODE_OK		Zydis accepts, with the same length, operation, sizes and operands
 *	not DECODE_OK		Zydis does not find an instruction of our set
 *	DECODE_INVALID		Zydis rejects
 *	DECODE_TOO_LONG		Zydis says too long
 *	DECODE_UNSUPPORTED	if Zydis accepts and insn.len is not 0, the same length
 *	DECODE_NEED_BYTES	Zydis does not accept, and wants more too
 *
 * Where Zydis and the manuals differ, known_difference() says so. Usage: decode_zydis [count
 * [seed]].
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <Zydis/Zydis.h>

#include "tests/fuzz/random.h"
#include "vm/emul/decode.h"

#define MN_NR (ZYDIS_MNEMONIC_MAX_VALUE + 1)

/* Zydis' mnemonics of our set -> our operation, with the MOVs folded into OP_MOV; 0 otherwise. */
static u8 op_of[MN_NR];

/* Vector moves: size in memory (0 = whole vector, 1 = 4 or 8 by REX.W), alignment. */
static const struct vmov {
	const char *name;
	u8 size;
	bool align;
} vmovs[] = {
	{ "movups", 0, false },  { "movupd", 0, false }, { "movaps", 0, true },
	{ "movapd", 0, true },   { "movdqu", 0, false }, { "movdqa", 0, true },
	{ "movntps", 0, true },  { "movntpd", 0, true }, { "movntdq", 0, true },
	{ "movntdqa", 0, true }, { "lddqu", 0, false },  { "movd", 4, false },
	{ "movq", 8, false },    { "movss", 4, false },  { "movsd", 8, false },
};
static const struct vmov *vmov_of[MN_NR];

static u64 counts[6], seen[OP_NR];

static u8 canonical(u8 op)
{
	switch (op) {
	case OP_MOV_FROM_SREG:
	case OP_MOV_TO_SREG:
	case OP_MOV_FROM_CR:
	case OP_MOV_TO_CR:
	case OP_MOV_FROM_DR:
	case OP_MOV_TO_DR:
		return OP_MOV;
	case OP_PUSH_SREG:
		return OP_PUSH;
	case OP_POP_SREG:
		return OP_POP;
	default:
		return op;
	}
}

/* Our operations under several of Zydis' names, which carry the size. */
static const struct {
	const char *name;
	u8 op;
} aliases[] = {
	{ "cmpxchg16b", OP_CMPXCHG8B },
	{ "wbnoinvd", OP_WBINVD },
	{ "movsb", OP_MOVS },
	{ "movsw", OP_MOVS },
	{ "movsq", OP_MOVS },
	{ "cmpsb", OP_CMPS },
	{ "cmpsw", OP_CMPS },
	{ "cmpsq", OP_CMPS },
	{ "stosb", OP_STOS },
	{ "stosw", OP_STOS },
	{ "stosd", OP_STOS },
	{ "stosq", OP_STOS },
	{ "lodsb", OP_LODS },
	{ "lodsw", OP_LODS },
	{ "lodsd", OP_LODS },
	{ "lodsq", OP_LODS },
	{ "scasb", OP_SCAS },
	{ "scasw", OP_SCAS },
	{ "scasd", OP_SCAS },
	{ "scasq", OP_SCAS },
	{ "insb", OP_INS },
	{ "insw", OP_INS },
	{ "insd", OP_INS },
	{ "outsb", OP_OUTS },
	{ "outsw", OP_OUTS },
	{ "outsd", OP_OUTS },
	{ "pushfd", OP_PUSHF },
	{ "pushfq", OP_PUSHF },
	{ "popfd", OP_POPF },
	{ "popfq", OP_POPF },
	{ "iretd", OP_IRET },
	{ "iretq", OP_IRET },
	{ "cwde", OP_CBW },
	{ "cdqe", OP_CBW },
	{ "cdq", OP_CWD },
	{ "cqo", OP_CWD },
	{ "pushad", OP_PUSHA },
	{ "popad", OP_POPA },
	{ "les", OP_LOAD_FAR },
	{ "lss", OP_LOAD_FAR },
	{ "lfs", OP_LOAD_FAR },
	{ "lgs", OP_LOAD_FAR },
	{ "loope", OP_LOOP },
	{ "loopne", OP_LOOP },
	{ "jcxz", OP_LOOP },
	{ "jecxz", OP_LOOP },
	{ "jrcxz", OP_LOOP },
};

/* Of Jcc, SETcc and CMOVcc, in the order of the encoding. */
static const char conditions[16][4] = { "o", "no", "b", "nb", "z", "nz", "be", "nbe",
					"s", "ns", "p", "np", "l", "nl", "le", "nle" };
static const u8 conditional[] = { OP_JCC, OP_SETCC, OP_CMOVCC };

static bool is_conditional(const char *name, u8 op, u32 cond)
{
	const char *stem = insn_name(op);
	size_t n = strlen(stem);

	return !strncmp(name, stem, n) && !strcmp(name + n, conditions[cond]);
}

static void make_tables(void)
{
	for (u32 m = 1; m < MN_NR; m++) {
		const char *name = ZydisMnemonicGetString((ZydisMnemonic)m);
		const char *plain = *name == 'v' ? name + 1 : name;

		for (u8 op = OP_UD + 1; op < OP_NR; op++) {
			if (op != OP_VMOV && !strcmp(name, insn_name(op)) && !op_of[m])
				op_of[m] = canonical(op);
		}
		for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
			if (!strcmp(name, aliases[i].name))
				op_of[m] = aliases[i].op;
		}
		for (u32 i = 0; i < 16 * ARRAY_SIZE(conditional); i++) {
			if (is_conditional(name, conditional[i / 16], i % 16))
				op_of[m] = conditional[i / 16];
		}
		for (size_t i = 0; i < ARRAY_SIZE(vmovs); i++) {
			if (!strcmp(plain, vmovs[i].name))
				vmov_of[m] = &vmovs[i];
		}
	}
}

/* Is what Zydis found in our set, and which operation is it? OP_NONE if not. */
static u8 zydis_op(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *o)
{
	const struct vmov *v = vmov_of[z->mnemonic];
	bool legacy_map = z->encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY;

	if (z->encoding != ZYDIS_INSTRUCTION_ENCODING_VEX && !legacy_map)
		return OP_NONE;
	if (z->mnemonic == ZYDIS_MNEMONIC_MOVSD && z->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT)
		return OP_MOVS;
	if (z->mnemonic == ZYDIS_MNEMONIC_CMPSD && z->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT)
		return OP_CMPS;
	if (v) {
		bool scalar = z->mnemonic == ZYDIS_MNEMONIC_MOVSS ||
			      z->mnemonic == ZYDIS_MNEMONIC_VMOVSS ||
			      z->mnemonic == ZYDIS_MNEMONIC_MOVSD ||
			      z->mnemonic == ZYDIS_MNEMONIC_VMOVSD;

		for (u32 i = 0; i < z->operand_count_visible; i++) {
			if (o[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
			    ZydisRegisterGetClass(o[i].reg.value) == ZYDIS_REGCLASS_MMX)
				return OP_NONE;
		}
		if (scalar && z->raw.modrm.mod == 3)
			return OP_NONE;
		return OP_VMOV;
	}
	/* Near branches share their mnemonics with the far ones. */
	if (z->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR && z->mnemonic == ZYDIS_MNEMONIC_JMP)
		return OP_JMP_FAR;
	if (z->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR && z->mnemonic == ZYDIS_MNEMONIC_CALL)
		return OP_CALL_FAR;
	if (z->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR && z->mnemonic == ZYDIS_MNEMONIC_RET)
		return OP_RET_FAR;
	/* Multi-byte NOPs touch ModRM operands that we do not decode. */
	if (z->mnemonic == ZYDIS_MNEMONIC_NOP && z->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT)
		return OP_NONE;
	return op_of[z->mnemonic];
}

static ZydisRegister gpr(u32 n, u32 size, bool rex)
{
	if (size == 1)
		return ZydisRegisterEncode(ZYDIS_REGCLASS_GPR8,
					   (ZyanU8)(n + ((rex && n >= 4) || n >= 8 ? 4 : 0)));
	return ZydisRegisterEncode(size == 2   ? ZYDIS_REGCLASS_GPR16
				   : size == 4 ? ZYDIS_REGCLASS_GPR32
					       : ZYDIS_REGCLASS_GPR64,
				   (ZyanU8)n);
}

static ZydisRegister address_reg(const struct insn *in, u32 n)
{
	if (n == INSN_NOREG)
		return ZYDIS_REGISTER_NONE;
	if (n == INSN_RIP)
		return in->addr_size == 8 ? ZYDIS_REGISTER_RIP : ZYDIS_REGISTER_EIP;
	return gpr(n, in->addr_size, true);
}

#define CHECK(x)                   \
	do {                       \
		if (!(x))          \
			return #x; \
	} while (0)

static const char *check_mem(const struct insn *in, const ZydisDecodedOperand *o)
{
	CHECK(o->type == ZYDIS_OPERAND_TYPE_MEMORY);
	CHECK(o->mem.base == address_reg(in, in->base));
	CHECK(o->mem.index == address_reg(in, in->index));
	CHECK(o->mem.index == ZYDIS_REGISTER_NONE || o->mem.scale <= 1 ||
	      o->mem.scale == 1 << in->scale);
	if (in->addr_size == 8)
		CHECK(o->mem.disp.value == in->disp);
	else if (in->addr_size == 4)
		CHECK((u32)o->mem.disp.value == (u32)in->disp);
	else
		CHECK((u16)o->mem.disp.value == (u16)in->disp);
	if (in->op == OP_LEA)
		return NULL; /* it reads nothing: neither segment nor size */
	CHECK(o->mem.segment == (ZydisRegister)(ZYDIS_REGISTER_ES + in->seg));
	/* INVLPG has no size, SGDT and friends are counted in other ways. */
	if (in->op <= OP_OUT)
		CHECK(o->size == in->rm_size * 8);
	return NULL;
}

static const char *check_vec(const struct insn *in, u32 n, u32 size, const ZydisDecodedOperand *o)
{
	ZydisRegisterClass c = size == 32 ? ZYDIS_REGCLASS_YMM : ZYDIS_REGCLASS_XMM;

	CHECK(o->type == ZYDIS_OPERAND_TYPE_REGISTER);
	CHECK(o->reg.value == ZydisRegisterEncode(c, (ZyanU8)n));
	(void)in;
	return NULL;
}

static const char *check_gpr(const struct insn *in, u32 n, u32 size, const ZydisDecodedOperand *o)
{
	CHECK(o->type == ZYDIS_OPERAND_TYPE_REGISTER);
	CHECK(o->reg.value == gpr(n, size, in->flags & INSN_REX));
	return NULL;
}

static const char *check_rm(const struct insn *in, const ZydisDecodedOperand *o)
{
	if (in->flags & INSN_MEM)
		return check_mem(in, o);
	if (in->op == OP_VMOV && !(in->flags & INSN_RMGPR))
		return check_vec(in, in->rm, in->op_size, o);
	if (in->op == OP_MOV_TO_SREG || in->op == OP_LLDT || in->op == OP_LTR || in->op == OP_LMSW)
		return check_gpr(in, in->rm, (u32)o->size / 8, o);
	return check_gpr(in, in->rm, in->rm_size, o);
}

static const char *check_reg(const struct insn *in, const ZydisDecodedOperand *o)
{
	ZydisRegisterClass c;

	switch (in->op) {
	case OP_VMOV:
		return check_vec(in, in->reg, in->op_size, o);
	case OP_MOV_FROM_CR:
	case OP_MOV_TO_CR:
		c = ZYDIS_REGCLASS_CONTROL;
		break;
	case OP_MOV_FROM_DR:
	case OP_MOV_TO_DR:
		c = ZYDIS_REGCLASS_DEBUG;
		break;
	case OP_MOV_FROM_SREG:
	case OP_MOV_TO_SREG:
	case OP_PUSH_SREG:
	case OP_POP_SREG:
		c = ZYDIS_REGCLASS_SEGMENT;
		break;
	case OP_ROL ... OP_SAR:
		return check_gpr(in, in->reg, 1, o);
	default:
		return check_gpr(in, in->reg, in->op_size, o);
	}
	CHECK(o->type == ZYDIS_OPERAND_TYPE_REGISTER);
	CHECK(o->reg.value == ZydisRegisterEncode(c, in->reg));
	return NULL;
}

static const char *check_imm(const struct insn *in, const ZydisDecodedOperand *o)
{
	u64 mask = in->op_size == 8 ? ~0ULL : BIT(in->op_size * 8) - 1;

	if (in->op == OP_IN || in->op == OP_OUT || in->op == OP_INT)
		mask = ~0ULL;
	if ((in->op >= OP_ROL && in->op <= OP_BTC) || in->op_size == 1)
		mask = 0xff;
	CHECK(o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE);
	CHECK((o->imm.value.u & mask) == (in->imm & mask));
	return NULL;
}

/* The hidden operand that a segment override redirects. */
static const char *check_string(const struct insn *in, const ZydisDecodedInstruction *z,
				const ZydisDecodedOperand *o)
{
	static const ZydisRegister si[] = { ZYDIS_REGISTER_SI, ZYDIS_REGISTER_ESI,
					    ZYDIS_REGISTER_RSI };
	static const ZydisRegister di[] = { ZYDIS_REGISTER_DI, ZYDIS_REGISTER_EDI,
					    ZYDIS_REGISTER_RDI };

	for (u32 i = 0; i < z->operand_count; i++) {
		if (o[i].type != ZYDIS_OPERAND_TYPE_MEMORY)
			continue;
		if (o[i].mem.base == si[in->addr_size / 4]) {
			CHECK(o[i].mem.segment == (ZydisRegister)(ZYDIS_REGISTER_ES + in->seg));
		} else {
			CHECK(o[i].mem.base == di[in->addr_size / 4]);
			CHECK(o[i].mem.segment == ZYDIS_REGISTER_ES);
		}
		CHECK(o[i].size == in->op_size * 8);
	}
	return NULL;
}

static const char *check_operands(const struct insn *in, const ZydisDecodedInstruction *z,
				  const ZydisDecodedOperand *o)
{
	const char *e;

	switch ((enum insn_form)in->form) {
	case F_NONE:
		if (in->op >= OP_MOVS && in->op <= OP_OUTS)
			return check_string(in, z, o);
		if (in->op == OP_PUSH_SREG || in->op == OP_POP_SREG)
			return check_reg(in, &o[0]);
		return NULL;
	case F_RM:
		CHECK(z->operand_count >= 1);
		return check_rm(in, &o[0]);
	case F_RM_REG:
		CHECK(z->operand_count_visible == 2);
		e = check_rm(in, &o[0]);
		return e ? e : check_reg(in, &o[1]);
	case F_REG_RM:
		CHECK(z->operand_count_visible == 2);
		e = check_reg(in, &o[0]);
		return e ? e : check_rm(in, &o[1]);
	case F_REG_RM_IMM:
		CHECK(z->operand_count_visible == 3);
		e = check_reg(in, &o[0]);
		e = e ? e : check_rm(in, &o[1]);
		return e ? e : check_imm(in, &o[2]);
	case F_RM_IMM:
		CHECK(z->operand_count_visible == 2);
		e = check_rm(in, &o[0]);
		return e ? e : check_imm(in, &o[1]);
	case F_IMM:
		return check_imm(in, &o[in->op == OP_IN ? 1 : 0]);
	}
	return "form";
}

static const char *check_vmov(const struct insn *in, const ZydisDecodedInstruction *z)
{
	const struct vmov *v = vmov_of[z->mnemonic];
	u32 size = v->size ? v->size : in->op_size;

	CHECK(in->rm_size == size);
	CHECK(!!(in->flags & INSN_ALIGN) == v->align);
	CHECK(!!(in->flags & INSN_VEX) == (z->encoding == ZYDIS_INSTRUCTION_ENCODING_VEX));
	return NULL;
}

/* What is in the mnemonic and not in an operand. */
static const char *check_sub(const struct insn *in, const ZydisDecodedInstruction *z)
{
	static const char loops[4][8] = { "loopne", "loope", "loop", "" };
	static const char *const far[] = { "les", "", "lss", "lds", "lfs", "lgs" };
	const char *name = ZydisMnemonicGetString(z->mnemonic);

	switch (in->op) {
	case OP_JCC:
	case OP_SETCC:
	case OP_CMOVCC:
		CHECK(is_conditional(name, in->op, in->sub));
		break;
	case OP_LOOP:
		CHECK(in->sub == LOOP_JCXZ ? *name == 'j' : !strcmp(name, loops[in->sub]));
		break;
	case OP_LOAD_FAR:
		CHECK(!strcmp(name, far[in->sub]));
		break;
	default:
		break;
	}
	return NULL;
}

static const char *check_ok(const struct insn *in, const ZydisDecodedInstruction *z,
			    const ZydisDecodedOperand *o)
{
	u8 op = zydis_op(z, o);
	const char *e;

	CHECK(op == canonical(in->op));
	CHECK(in->len == z->length);
	if (op == OP_VMOV) {
		e = check_vmov(in, z);
		if (e)
			return e;
	} else if (op == OP_CMPXCHG8B) {
		CHECK((z->mnemonic == ZYDIS_MNEMONIC_CMPXCHG16B) == (in->rm_size == 16));
	} else if ((op >= OP_MOVS && op <= OP_SCAS) || (op >= OP_PUSHF && op <= OP_IRET) ||
		   op == OP_PUSH || op == OP_POP) {
		CHECK(z->operand_width == in->op_size * 8);
	}
	CHECK(z->address_width == in->addr_size * 8);
	e = check_sub(in, z);
	if (e)
		return e;
	return check_operands(in, z, o);
}

/*
 * Where Zydis 4.0 is not the reference, decided by the manuals and by execution (exec_native):
 * - LOCK MOV CR0 is MOV CR8 on AMD (AMD APM 3 "MOV CRn"); Zydis has Intel's rule.
 * - MOVSXD with a 16-bit destination reads 16 bits; Zydis says 32.
 * - A SIB without base (mod 0, base 5) has none with REX.B and 32-bit addresses either; Zydis says
 *   R13D.
 * - An indirect near branch with 66 has a 16-bit operand in 64-bit mode on AMD (AMD APM 3 "JMP
 *   (Near)"); Zydis knows that of direct ones only.
 * - 3E before an indirect near branch is a segment override; Zydis says NOTRACK, of a feature that
 *   guests do not have.
 * - VEX branches on mask registers exist on one dead processor only.
 */
static bool known_difference(const struct insn *in, ZyanStatus s, ZydisDecodedInstruction *z,
			     ZydisDecodedOperand *o)
{
	if ((in->op == OP_MOV_FROM_CR || in->op == OP_MOV_TO_CR) && in->reg == 8 &&
	    in->flags & INSN_LOCK)
		return s == ZYDIS_STATUS_ILLEGAL_LOCK;
	if (!ZYAN_SUCCESS(s))
		return false;
	if ((in->op == OP_JMP || in->op == OP_CALL) && in->form == F_RM && in->op_size == 2 &&
	    in->mode == INSN_MODE_64)
		return z->operand_width == 64 && z->length == in->len;
	if (z->mnemonic == ZYDIS_MNEMONIC_JKZD || z->mnemonic == ZYDIS_MNEMONIC_JKNZD)
		return true;
	for (u32 i = 0; o && i < z->operand_count; i++) {
		if (o[i].type != ZYDIS_OPERAND_TYPE_MEMORY)
			continue;
		if (z->mnemonic == ZYDIS_MNEMONIC_MOVSXD && in->op_size == 2 && o[i].size == 32)
			o[i].size = 16;
		if (z->attributes & ZYDIS_ATTRIB_HAS_NOTRACK &&
		    z->machine_mode != ZYDIS_MACHINE_MODE_LONG_64)
			o[i].mem.segment = ZYDIS_REGISTER_DS;
		if (z->raw.modrm.mod == 0 && z->raw.modrm.rm == 4 && z->raw.sib.base == 5 &&
		    o[i].mem.base == ZYDIS_REGISTER_R13D) {
			o[i].mem.base = ZYDIS_REGISTER_NONE;
			o[i].mem.disp.value = z->raw.disp.value;
		}
	}
	return false;
}

/* Both verdicts on one string; NULL or what disagrees. */
static const char *compare(const ZydisDecoder *zd, const u8 *b, u32 n, u32 mode, struct insn *in)
{
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	enum decode_res r = decode(b, n, mode, in);
	ZydisDecodedInstruction z;
	ZydisDecoderContext c;
	ZyanStatus s = ZydisDecoderDecodeInstruction(zd, &c, b, n, &z);
	bool ok = ZYAN_SUCCESS(s), in_set = ok && (op_of[z.mnemonic] || vmov_of[z.mnemonic]);

	counts[r]++;
	if (ok && (r == DECODE_OK || in_set))
		ZydisDecoderDecodeOperands(zd, &c, &z, o, z.operand_count);
	if (known_difference(in, s, &z, ok && (r == DECODE_OK || in_set) ? o : NULL))
		return NULL;
	if (r != DECODE_OK && in_set)
		CHECK(zydis_op(&z, o) == OP_NONE);
	switch (r) {
	case DECODE_OK:
		CHECK(ok);
		seen[in->op]++;
		return check_ok(in, &z, o);
	case DECODE_NEED_BYTES:
		CHECK(!ok);
		CHECK(in->need > n && in->need <= INSN_MAX_LEN);
		return NULL;
	case DECODE_TOO_LONG:
		CHECK(!ok);
		return NULL;
	case DECODE_INVALID:
		CHECK(!ok || z.mnemonic == ZYDIS_MNEMONIC_UD0 || z.mnemonic == ZYDIS_MNEMONIC_UD1 ||
		      z.mnemonic == ZYDIS_MNEMONIC_UD2);
		return NULL;
	case DECODE_UNSUPPORTED:
		CHECK(!ok || in->len == 0 || in->len == z.length);
		return NULL;
	}
	return "verdict";
}

static u32 put_prefixes(u8 *b, u32 mode)
{
	static const u8 legacy[] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x3e,
				     0x26, 0x64, 0x65, 0x66, 0xf3, 0xf0, 0x66, 0x67 };
	u64 r = rnd();
	u32 n = 0, nr = (u32)(r & 7);

	nr = nr < 4 ? 0 : nr < 6 ? 1 : nr < 7 ? 2 : (u32)(r >> 3) & 15;
	for (u32 i = 0; i < nr; i++) {
		b[n++] = legacy[(r >> 8) & 15];
		if (mode == INSN_MODE_64 && ((r >> 12) & 15) == 0)
			b[n++] = (u8)(0x40 | ((r >> 16) & 15)); /* in the wrong place */
		r = r >> 3 ^ rnd();
	}
	if (mode == INSN_MODE_64 && (r & 3) < 2)
		b[n++] = (u8)(0x40 | (r >> 4 & 15));
	return n;
}

/* A string with the shape of an instruction; the rest of b stays random. */
static void put_structured(u8 *b, u32 mode)
{
	static const u8 map0f[] = { 0x00, 0x01, 0x01, 0x01, 0x20, 0x22, 0xb0, 0xb1,
				    0xba, 0xc7, 0xc7, 0x78, 0xc3, 0xa3, 0xab, 0xb3,
				    0xbb, 0xc0, 0xc1, 0xb6, 0x10, 0x11, 0x28, 0x29,
				    0x2b, 0x6e, 0x6f, 0x7e, 0x7f, 0xd6, 0xe7, 0xf0 };
	u32 n = put_prefixes(b, mode);
	u64 r = rnd();

	switch (r & 15) {
	case 0:
	case 1:
	case 2:
	case 3:
		break; /* one-byte opcode */
	case 4:
	case 5:
	case 6:
		b[n] = 0x0f;
		break;
	case 7:
	case 8:
	case 9:
	case 10:
		b[n] = 0x0f;
		b[n + 1] = map0f[(r >> 8) & 31];
		break;
	case 11:
		b[n] = 0x0f;
		b[n + 1] = r & 16 ? 0x38 : 0x3a;
		if (r & 32)
			b[n + 2] = (u8)(0x80 | (r >> 8 & 3)) ^ (r & 64 ? 0x70 : 0);
		break;
	case 12:
	case 13:
		b[n] = 0xc5;
		b[n + 1] |= (r & 16 ? 0x78 : 0) | (mode == INSN_MODE_64 ? 0 : 0xc0);
		if (r & 32)
			b[n + 2] = map0f[16 + (r >> 8 & 15)];
		break;
	case 14:
		b[n] = 0xc4;
		b[n + 1] = (u8)((b[n + 1] & 0xe0) | (mode == INSN_MODE_64 ? 0 : 0xc0) |
				(r & 16 ? 1 : r >> 4 & 3));
		b[n + 2] |= r & 128 ? 0x78 : 0;
		if (r & 64)
			b[n + 3] = map0f[16 + (r >> 8 & 15)];
		break;
	default:
		b[n] = r & 16 ? 0x62 : 0x8f;
		break;
	}
}

static void report(const char *what, const u8 *b, u32 n, u32 mode, const struct insn *in,
		   const ZydisDecoder *zd)
{
	ZydisDecodedInstruction z;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	ZyanStatus s = ZydisDecoderDecodeFull(zd, b, n, &z, o);
	struct insn again;

	printf("disagree: %s\n  mode %u bytes", what, 16 << (mode & 3));
	for (u32 i = 0; i < n; i++)
		printf(" %02x", b[i]);
	printf("\n  ours: verdict %d op %s form %u len %u op_size %u rm_size %u addr %u seg %u "
	       "reg %u rm %u base %u index %u disp %lx imm %lx flags %x\n",
	       decode(b, n, mode, &again), insn_name(in->op), in->form, in->len, in->op_size,
	       in->rm_size, in->addr_size, in->seg, in->reg, in->rm, in->base, in->index,
	       (unsigned long)in->disp, (unsigned long)in->imm, in->flags);
	if (ZYAN_SUCCESS(s)) {
		ZydisFormatter f;
		char text[128];

		ZydisFormatterInit(&f, ZYDIS_FORMATTER_STYLE_INTEL);
		ZydisFormatterFormatInstruction(&f, &z, o, z.operand_count_visible, text,
						sizeof(text), 0, ZYAN_NULL);
		printf("  zydis: %s, length %u, operand %u, address %u\n", text, z.length,
		       z.operand_width, z.address_width);
	} else {
		printf("  zydis: status %x\n", s);
	}
}

static void init_decoders(ZydisDecoder zd[3][2])
{
	static const ZydisMachineMode mode[3] = { ZYDIS_MACHINE_MODE_LONG_COMPAT_16,
						  ZYDIS_MACHINE_MODE_LONG_COMPAT_32,
						  ZYDIS_MACHINE_MODE_LONG_64 };
	static const ZydisStackWidth width[3] = { ZYDIS_STACK_WIDTH_16, ZYDIS_STACK_WIDTH_32,
						  ZYDIS_STACK_WIDTH_64 };

	for (u32 m = 0; m < 3; m++) {
		for (u32 i = 0; i < 2; i++) {
			ZydisDecoderInit(&zd[m][i], mode[m], width[m]);
			ZydisDecoderEnableMode(&zd[m][i], ZYDIS_DECODER_MODE_WBNOINVD, ZYAN_TRUE);
			ZydisDecoderEnableMode(&zd[m][i], ZYDIS_DECODER_MODE_AMD_BRANCHES, i == 0);
		}
	}
}

/* One random string; false if the two decoders disagree. */
static bool one(ZydisDecoder zd[3][2])
{
	u64 r = rnd(), b[5] = { rnd(), rnd(), rnd(), rnd(), rnd() };
	u32 mode = r & 3 ? (u32)(r & 3) - 1 : INSN_MODE_64, n = 16;
	bool intel = (r >> 8 & 3) == 0;
	const ZydisDecoder *z = &zd[mode][intel];
	struct insn in;
	const char *e;

	if ((r >> 4 & 7) == 0)
		n = (u32)(r >> 16) & 15;
	if (r >> 12 & 3)
		put_structured((u8 *)b, mode);
	mode |= intel ? INSN_INTEL : 0;
	e = compare(z, (u8 *)b, n, mode, &in);
	if (e)
		report(e, (u8 *)b, n, mode, &in, z);
	return !e;
}

int main(int argc, char **argv)
{
	u64 count = argc > 1 ? strtoull(argv[1], NULL, 0) : 12000000;
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	u64 bad = 0, missing = 0;
	ZydisDecoder zd[3][2];

	rnd_seed(seed);
	make_tables();
	init_decoders(zd);
	for (u64 i = 0; i < count && bad < 20; i++)
		bad += !one(zd);
	printf("%lu strings: %lu ok, %lu need bytes, %lu too long, %lu invalid, %lu unsupported; "
	       "%lu disagreements\n",
	       count, counts[DECODE_OK], counts[DECODE_NEED_BYTES], counts[DECODE_TOO_LONG],
	       counts[DECODE_INVALID], counts[DECODE_UNSUPPORTED], bad);
	for (u32 op = OP_UD + 1; op < OP_NR; op++) {
		if (count >= 1000000 && !seen[op]) {
			printf("never generated: %s\n", insn_name(op));
			missing++;
		}
	}
	return bad || missing;
}
