/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decoder proper: prefixes, opcode, ModRM, displacement, immediate, in the order of the bytes;
 * then what the tables say about the opcode.
 * Sources: AMD APM 3 "Instruction Encoding"; Intel SDM 2A "Instruction Format".
 */
#include "vm/emul/decode.h"

#include "vm/emul/opcodes.h"

/* Opcode maps, numbered as in VEX. */
enum {
	MAP_1,
	MAP_0F,
	MAP_0F38,
	MAP_0F3A,
	MAP_XOP = 8, /* to 10 */
};

#define NO_SEG 0xff

/* Decoding in progress. */
struct dec {
	const u8 *bytes;
	u8 n; /* at most 15 */
	u8 pos;
	bool intel;
	u8 map;
	u8 opcode;
	u8 modrm;
	u8 rex; /* as in a REX prefix: W 3, R 2, X 1, B 0; also from VEX */
	u8 seg; /* override or NO_SEG */
	u8 pp;  /* mandatory prefix as in VEX.pp */
	u8 vex_l;
	u8 vex_v; /* not inverted */
	bool has_66, has_67;
	bool evex;
	struct opcode op;
	struct insn *in;
};

#define REX_W 8
#define REX_R 4
#define REX_X 2
#define REX_B 1

static bool is_64(const struct dec *d)
{
	return d->in->mode == INSN_MODE_64;
}

/* Are k more bytes there? */
static enum decode_res want(const struct dec *d, u32 k)
{
	if (d->pos + k > INSN_MAX_LEN)
		return DECODE_TOO_LONG;
	if (d->pos + k <= d->n)
		return DECODE_OK;
	d->in->need = (u8)(d->pos + k);
	return DECODE_NEED_BYTES;
}

/* Little-endian integer of k <= 8 bytes, sign-extended. */
static enum decode_res fetch(struct dec *d, u32 k, s64 *v)
{
	enum decode_res r = want(d, k);
	u64 raw = 0;

	*v = 0;
	if (r || k == 0)
		return r;
	for (u32 i = 0; i < k; i++)
		raw |= (u64)d->bytes[d->pos + i] << (8 * i);
	d->pos = (u8)(d->pos + k);
	*v = (s64)(raw << (64 - 8 * k)) >> (64 - 8 * k);
	return DECODE_OK;
}

static enum decode_res fetch_byte(struct dec *d, u8 *b)
{
	enum decode_res r = want(d, 1);

	*b = r ? 0 : d->bytes[d->pos++];
	return r;
}

/* Legacy prefix other than REX: notes it and returns true. */
static bool take_prefix(struct dec *d, u8 b)
{
	struct insn *in = d->in;

	switch (b) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		if (!is_64(d)) /* ignored in 64-bit mode: an FS or GS before it stays */
			d->seg = (b >> 3) & 3;
		return true;
	case 0x64:
	case 0x65:
		d->seg = b & 7;
		return true;
	case 0x66:
		d->has_66 = true;
		return true;
	case 0x67:
		d->has_67 = true;
		return true;
	case 0xf0:
		in->flags |= INSN_LOCK;
		return true;
	case 0xf2:
	case 0xf3:
		in->flags &= (u16) ~(INSN_REP | INSN_REPNE);
		in->flags |= b == 0xf3 ? INSN_REP : INSN_REPNE;
		return true;
	default:
		return false;
	}
}

/* All prefixes; *b is the first byte after them. */
static enum decode_res take_prefixes(struct dec *d, u8 *b)
{
	enum decode_res r;

	for (;;) {
		r = fetch_byte(d, b);
		if (r)
			return r;
		if (is_64(d) && (*b & 0xf0) == 0x40) {
			d->rex = *b;
			continue;
		}
		if (!take_prefix(d, *b))
			break;
		d->rex = 0; /* REX counts only right before the opcode */
	}
	if (d->rex)
		d->in->flags |= INSN_REX;
	d->pp = d->in->flags & INSN_REP ? 2 : d->in->flags & INSN_REPNE ? 3 : d->has_66 ? 1 : 0;
	return DECODE_OK;
}

/* The fields that the last byte of VEX and XOP and the third of EVEX share: W vvvv L pp. */
static void take_wvlp(struct dec *d, u8 p, bool w)
{
	d->rex |= w ? REX_W : 0;
	d->vex_v = (~p >> 3) & 15;
	d->vex_l = (p >> 2) & 1;
	d->pp = p & 3;
}

/* Rest of a VEX (lead C4 or C5), XOP (8F) or EVEX (62) prefix, and the opcode. */
static enum decode_res take_vex(struct dec *d, u8 lead)
{
	u32 more = lead == 0xc5 ? 1 : lead == 0x62 ? 3 : 2;
	const u8 *p = &d->bytes[d->pos];
	enum decode_res r;

	/* Refuses what the prefixes before it promised: only segments and 67 may stand there. */
	if (d->rex || d->has_66 || d->in->flags & (INSN_LOCK | INSN_REP | INSN_REPNE))
		return DECODE_INVALID;
	r = want(d, more + 1);
	if (r)
		return r;
	d->in->flags |= INSN_VEX;
	if (lead == 0xc5) {
		d->map = MAP_0F;
		d->rex = p[0] & 0x80 ? 0 : REX_R;
		take_wvlp(d, p[0], false);
	} else {
		d->map = p[0] & (lead == 0x62 ? 7 : 31);
		d->rex = (u8)(~p[0] >> 5) & 7;
		take_wvlp(d, p[1], p[1] & 0x80);
	}
	if (!is_64(d)) /* the other bits choose between VEX and an old opcode, or are ignored */
		d->rex = 0;
	d->evex = lead == 0x62;
	d->opcode = p[more];
	d->pos = (u8)(d->pos + more + 1);
	return DECODE_OK;
}

/* Does lead start a VEX, XOP or EVEX prefix here, or is it the old opcode? Needs the next byte. */
static enum decode_res is_vex(struct dec *d, u8 lead, bool *vex)
{
	enum decode_res r;

	*vex = false;
	if (lead != 0xc4 && lead != 0xc5 && lead != 0x62 && lead != 0x8f)
		return DECODE_OK;
	if (lead != 0x8f && is_64(d)) {
		*vex = true;
		return DECODE_OK;
	}
	r = want(d, 1);
	if (r == DECODE_OK)
		*vex = lead == 0x8f ? (d->bytes[d->pos] & 31) >= MAP_XOP : d->bytes[d->pos] >= 0xc0;
	return r;
}

/* Prefixes and opcode: d->map, d->opcode. */
static enum decode_res take_opcode(struct dec *d)
{
	enum decode_res r;
	bool vex;
	u8 b;

	r = take_prefixes(d, &b);
	if (r)
		return r;
	r = is_vex(d, b, &vex);
	if (r)
		return r;
	if (vex)
		return take_vex(d, b);
	d->map = MAP_1;
	if (b == 0x0f) {
		d->map = MAP_0F;
		r = fetch_byte(d, &b);
		if (r == DECODE_OK && (b == 0x38 || b == 0x3a)) {
			d->map = b == 0x38 ? MAP_0F38 : MAP_0F3A;
			r = fetch_byte(d, &b);
		}
	}
	d->opcode = b;
	return r;
}

/* 0F 38: all have a ModRM and no immediate; few are in the set. */
static struct opcode lookup_0f38(const struct dec *d)
{
	static const u8 inv[] = { OP_INVEPT, OP_INVVPID, OP_INVPCID };
	struct opcode o = { OP_NONE, F_REG_RM, A_MODRM };

	if (d->opcode >= 0x80 && d->opcode <= 0x82 && d->pp == 1) {
		o.op = inv[d->opcode - 0x80];
		o.attr |= A_MEM | A_NATIVE;
	} else if ((d->opcode == 0xf0 || d->opcode == 0xf1) && d->pp < 2) {
		o.op = OP_MOVBE;
		o.form = d->opcode == 0xf0 ? F_REG_RM : F_RM_REG;
		o.attr |= A_MEM;
	} else if (d->opcode == 0x2a) {
		o.attr |= A_VEC;
	}
	return o;
}

/* VEX, XOP and EVEX: the length follows from the map; false when it does not. */
static bool lookup_vex(struct dec *d)
{
	bool imm8;

	switch (d->map) {
	case MAP_0F:
		imm8 = (d->opcode >= 0x70 && d->opcode <= 0x73) || d->opcode == 0xc2 ||
		       (d->opcode >= 0xc4 && d->opcode <= 0xc6);
		d->op.attr = d->opcode == 0x77 && !d->evex ? 0 : A_MODRM;
		break;
	case MAP_0F38:
	case MAP_XOP + 1:
		imm8 = false;
		d->op.attr = A_MODRM;
		break;
	case MAP_0F3A:
	case MAP_XOP:
		imm8 = true;
		d->op.attr = A_MODRM;
		break;
	case MAP_XOP + 2:
		d->op.attr = A_MODRM | I_Z; /* always 4 bytes: operand_size() */
		return true;
	default:
		return false;
	}
	d->op.attr |= imm8 ? I_B : I_NONE;
	if (!d->evex && d->map <= MAP_0F38)
		d->op.attr |= A_VEC;
	return true;
}

/* d->op from the tables. */
static enum decode_res lookup(struct dec *d)
{
	d->op = (struct opcode){ OP_NONE, F_NONE, 0 };
	if (d->in->flags & INSN_VEX)
		return lookup_vex(d) ? DECODE_OK : DECODE_UNSUPPORTED;
	switch (d->map) {
	case MAP_1:
		d->op = opcodes_1[d->opcode];
		if (d->opcode == 0xd5 && is_64(d)) /* REX2 on a CPU with APX */
			return DECODE_UNSUPPORTED;
		if (d->opcode == 0x63 && !is_64(d))
			d->op = (struct opcode){ OP_NONE, F_NONE, A_MODRM };
		break;
	case MAP_0F:
		d->op = opcodes_0f[d->opcode];
		break;
	case MAP_0F38:
		d->op = lookup_0f38(d);
		break;
	default:
		d->op.attr = A_MODRM | I_B;
		break;
	}
	if (d->op.op == OP_UD && !(d->op.attr & A_GROUP))
		return DECODE_INVALID;
	return d->op.attr & A_INV64 && is_64(d) ? DECODE_INVALID : DECODE_OK;
}

/* Operand size of the instruction as the prefixes and the opcode have it. */
static u8 operand_size(const struct dec *d)
{
	u16 a = d->op.attr;

	if (d->map == MAP_XOP + 2)
		return 4;
	if (a & A_BYTE)
		return 1;
	if (a & A_NATIVE)
		return is_64(d) ? 8 : 4;
	if (is_64(d) && d->intel && d->op.op >= OP_JMP && d->op.op <= OP_RET)
		return 8; /* near branches */
	if (d->rex & REX_W)
		return a & A_MAX4 ? 4 : 8;
	if (d->in->mode == INSN_MODE_16)
		return d->has_66 ? 4 : 2;
	if (d->has_66)
		return 2;
	return is_64(d) && a & A_D64 ? 8 : 4;
}

static u8 address_size(const struct dec *d)
{
	if (is_64(d))
		return d->has_67 ? 4 : 8;
	return (d->in->mode == INSN_MODE_16) != d->has_67 ? 2 : 4;
}

/* Memory operand with 16-bit addressing; returns the size of the displacement. */
static u32 modrm_16(struct dec *d)
{
	static const u8 base[8] = { R_BX, R_BX, R_BP, R_BP, R_SI, R_DI, R_BP, R_BX };
	static const u8 index[8] = { R_SI,       R_DI,       R_SI,       R_DI,
				     INSN_NOREG, INSN_NOREG, INSN_NOREG, INSN_NOREG };
	u32 mod = d->modrm >> 6, rm = d->modrm & 7;

	d->in->base = base[rm];
	d->in->index = index[rm];
	if (mod == 0 && rm == 6) {
		d->in->base = INSN_NOREG;
		return 2;
	}
	return mod; /* 0, 1 or 2 bytes */
}

/* Memory operand with 32 or 64-bit addressing; *disp is the size of the displacement. */
static enum decode_res modrm_32(struct dec *d, u32 *disp)
{
	u32 mod = d->modrm >> 6, rm = d->modrm & 7;
	struct insn *in = d->in;
	enum decode_res r;
	u8 sib;

	*disp = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	in->base = (u8)(rm | (d->rex & REX_B ? 8 : 0));
	if (rm == 4) {
		r = fetch_byte(d, &sib);
		if (r)
			return r;
		in->scale = sib >> 6;
		in->index = (u8)(((sib >> 3) & 7) | (d->rex & REX_X ? 8 : 0));
		if (in->index == R_SP)
			in->index = INSN_NOREG;
		rm = sib & 7;
		in->base = (u8)(rm | (d->rex & REX_B ? 8 : 0));
		if (mod == 0 && rm == 5)
			in->base = INSN_NOREG;
	} else if (mod == 0 && rm == 5) {
		in->base = is_64(d) ? INSN_RIP : INSN_NOREG;
	}
	if (mod == 0 && rm == 5)
		*disp = 4;
	return DECODE_OK;
}

/* The memory operand that ModRM describes, if it does. */
static enum decode_res take_memory(struct dec *d)
{
	struct insn *in = d->in;
	enum decode_res r;
	u32 disp;

	if (!(in->flags & INSN_MEM))
		return DECODE_OK;
	if (in->addr_size == 2) {
		disp = modrm_16(d);
	} else {
		r = modrm_32(d, &disp);
		if (r)
			return r;
	}
	in->seg = in->base == R_SP || in->base == R_BP ? S_SS : S_DS;
	return fetch(d, disp, &in->disp);
}

/* A moffs: memory without registers. */
static enum decode_res take_moffs(struct dec *d)
{
	struct insn *in = d->in;
	enum decode_res r = fetch(d, in->addr_size, &in->disp);

	in->flags |= INSN_MEM;
	if (in->addr_size < 8)
		in->disp &= (s64)MASK(in->addr_size * 8 - 1, 0);
	return r;
}

static enum decode_res take_imm(struct dec *d)
{
	struct insn *in = d->in;
	u32 z = MIN(in->op_size, 4), k = 0;
	enum decode_res r;
	s64 v;

	switch (d->op.attr & I_MASK) {
	case I_NONE:
		return DECODE_OK;
	case I_B:
	case I_UB:
		k = 1;
		break;
	case I_W:
		k = 2;
		break;
	case I_WB:
		k = 3;
		break;
	case I_Z:
		k = z;
		break;
	case I_V:
		k = in->op_size;
		break;
	case I_FAR:
		k = z + 2;
		break;
	case I_MOFFS:
		return take_moffs(d);
	case I_J:
		k = is_64(d) && (d->intel || d->rex & REX_W) ? 4 : z;
		break;
	}
	r = fetch(d, k, &v);
	in->imm = (u64)v;
	if ((d->op.attr & I_MASK) == I_UB)
		in->imm = (u8)v;
	else if ((d->op.attr & I_MASK) == I_W)
		in->imm = (u16)v;
	return r;
}

/* NOP, PAUSE and XCHG rAX, r8 share an opcode; F3 goes before REX.B (seen on Intel). */
static void resolve_nop(struct dec *d)
{
	if (d->in->flags & INSN_REP)
		d->op.op = OP_PAUSE;
	else if (d->rex & REX_B)
		d->op = (struct opcode){ OP_XCHG, F_RM_REG, A_OREG | A_ACC };
}

/* 0F 01 and 0F C7: operations that the register form or the prefix selects. */
static enum decode_res resolve_system(struct dec *d, u32 reg)
{
	static const u8 group9[4] = { OP_VMPTRLD, OP_VMCLEAR, OP_VMXON, OP_NONE };
	bool mem = d->modrm < 0xc0;

	if (d->opcode == 0x01 && !mem && reg != 4 && reg != 6) {
		d->op = (struct opcode){ OP_NONE, F_NONE, A_MODRM };
		d->op.op = (u8)opcode_system(d->modrm, d->pp);
	}
	if (d->opcode == 0xc7 && mem && reg == 6) {
		d->op.op = group9[d->pp];
		d->op.attr |= A_NATIVE;
	}
	if (d->opcode == 0xc7 && mem && reg == 7 && d->pp == 0) {
		d->op.op = OP_VMPTRST;
		d->op.attr |= A_NATIVE;
	}
	return DECODE_OK;
}

static enum decode_res resolve_group(struct dec *d)
{
	u32 reg = (d->modrm >> 3) & 7;
	const struct opcode *g = &opcode_groups[d->op.op * 8 + reg];
	u16 attr = d->op.attr & (u16)~A_GROUP;
	u32 form = g->form;

	if (g->op == OP_UD)
		return DECODE_INVALID;
	if (attr & I_MASK) /* the opcode's own immediate wins over the group's */
		form = d->op.form;
	else
		attr |= g->attr & I_MASK;
	attr |= g->attr & (u16)~I_MASK;
	d->op = (struct opcode){ g->op, (u8)form, attr };
	if (d->map == MAP_0F && (d->opcode == 0x01 || d->opcode == 0xc7))
		return resolve_system(d, reg);
	return DECODE_OK;
}

/* A move of the vector set, or OP_NONE. */
static enum decode_res resolve_vec(struct dec *d)
{
	const struct vec_op *v = opcode_vec(d->map, d->opcode, d->pp);
	bool mem = d->modrm < 0xc0, vex = d->in->flags & INSN_VEX;
	struct insn *in = d->in;

	if (!v || (!mem && v->flags & V_NOREG))
		return DECODE_OK;
	if ((!mem && v->flags & V_MEM) || (vex && d->vex_v) || (d->vex_l && v->flags & V_L0))
		return DECODE_INVALID;
	d->op.op = OP_VMOV;
	d->op.form = v->form;
	in->rm_size = v->size;
	if (v->size == 0)
		in->rm_size = d->vex_l ? 32 : 16;
	else if (v->size == 1)
		in->rm_size = d->rex & REX_W ? 8 : 4;
	in->flags |= v->flags & V_ALIGN ? INSN_ALIGN : 0;
	in->flags |= v->flags & V_GPR ? INSN_RMGPR : 0;
	return DECODE_OK;
}

/* Which operation it is, now that the ModRM byte is known. */
static enum decode_res resolve(struct dec *d)
{
	enum decode_res r = DECODE_OK;

	if (d->map == MAP_1 && d->opcode == 0x90)
		resolve_nop(d);
	else if (d->op.attr & A_GROUP)
		r = resolve_group(d);
	else if (d->op.attr & A_VEC)
		r = resolve_vec(d);
	else if (d->map == MAP_0F && d->opcode == 0x78 && d->pp != 0 && d->pp != 2)
		d->op = (struct opcode){ OP_NONE, F_NONE, A_MODRM | I_W }; /* EXTRQ, INSERTQ */
	else if (d->pp &&
		 (d->op.op == OP_VMREAD || d->op.op == OP_VMWRITE || d->op.op == OP_MOVNTI))
		d->op.op = OP_NONE;
	if (r == DECODE_OK && d->op.attr & A_MODRM && d->op.attr & A_MEM && d->modrm >= 0xc0)
		r = DECODE_INVALID;
	return r;
}

/* Control, debug and segment registers: reg names one, and not every number is one. */
static enum decode_res check_special_reg(struct dec *d)
{
	struct insn *in = d->in;

	switch (in->op) {
	case OP_MOV_FROM_CR:
	case OP_MOV_TO_CR:
		if (in->flags & INSN_LOCK && in->reg == 0 && !d->intel)
			in->reg = 8;
		else if (in->flags & INSN_LOCK)
			return DECODE_INVALID;
		return BIT32(in->reg) & 0x11d ? DECODE_OK : DECODE_INVALID;
	case OP_MOV_FROM_DR:
	case OP_MOV_TO_DR:
		return in->reg < 8 ? DECODE_OK : DECODE_INVALID;
	case OP_MOV_FROM_SREG:
		in->reg &= 7; /* REX.R is ignored */
		return in->reg <= S_GS ? DECODE_OK : DECODE_INVALID;
	case OP_MOV_TO_SREG:
		in->reg &= 7;
		return in->reg <= S_GS && in->reg != S_CS ? DECODE_OK : DECODE_INVALID;
	default:
		return DECODE_OK;
	}
}

/* What the opcode says by its number alone. */
static void take_implied(struct dec *d)
{
	struct insn *in = d->in;

	switch (in->op) {
	case OP_JCC:
	case OP_SETCC:
	case OP_CMOVCC:
		in->sub = d->opcode & 15;
		break;
	case OP_LOOP:
		in->sub = d->opcode & 3;
		break;
	case OP_PUSH_SREG:
	case OP_POP_SREG:
		in->reg = d->opcode >> 3 & 7;
		break;
	case OP_LOAD_FAR:
		in->sub = d->map == MAP_0F ? d->opcode & 7 : d->opcode == 0xc4 ? S_ES : S_DS;
		break;
	case OP_ROL ... OP_SAR:
		if (d->opcode < 0xd0)
			break;
		in->form = d->opcode < 0xd2 ? F_RM_IMM : F_RM_REG; /* by one, by CL */
		in->imm = 1;
		in->reg = R_CX;
		break;
	default:
		break;
	}
}

/* Register numbers of the explicit operands. */
static enum decode_res take_registers(struct dec *d)
{
	struct insn *in = d->in;
	u32 rex_b = d->rex & REX_B ? 8 : 0;

	in->form = d->op.form;
	if (d->op.attr & A_MODRM) {
		bool cr = in->op >= OP_MOV_FROM_CR && in->op <= OP_MOV_TO_DR;

		in->reg = (u8)(((d->modrm >> 3) & 7) | (d->rex & REX_R ? 8 : 0));
		in->rm = (u8)((d->modrm & 7) | rex_b);
		if (d->modrm < 0xc0 && !cr) /* CR and DR moves ignore ModRM.mod */
			in->flags |= INSN_MEM;
	} else if (d->op.attr & A_OREG) {
		in->rm = (u8)((d->opcode & 7) | rex_b);
	} /* else rAX = 0 */
	take_implied(d);
	return check_special_reg(d);
}

/* Memory (or source) operands that are not as wide as the operation. */
static void set_rm_size(const struct dec *d)
{
	struct insn *in = d->in;
	bool mem = in->flags & INSN_MEM;

	switch (in->op) {
	case OP_VMOV:
		in->op_size = d->vex_l && !(in->rm_size < 16) ? 32 : 16;
		return;
	case OP_MOVZX:
	case OP_MOVSX:
		in->rm_size = d->opcode & 1 ? 2 : 1;
		return;
	case OP_MOVSXD:
		in->rm_size = in->op_size == 2 ? 2 : 4;
		return;
	case OP_MOVNTI: /* 66 does not make it 2 bytes */
		in->op_size = d->rex & REX_W ? 8 : 4;
		in->rm_size = in->op_size;
		return;
	case OP_CMPXCHG8B:
		in->op_size = in->op_size == 8 ? 8 : 4;
		in->rm_size = (u8)(in->op_size * 2);
		return;
	case OP_MOV_TO_SREG:
	case OP_LLDT:
	case OP_LTR:
	case OP_LMSW:
		in->rm_size = 2;
		return;
	case OP_MOV_FROM_SREG:
	case OP_SLDT:
	case OP_STR:
	case OP_SMSW:
		in->rm_size = mem ? 2 : in->op_size;
		return;
	case OP_SGDT:
	case OP_SIDT:
	case OP_LGDT:
	case OP_LIDT:
		in->rm_size = (u8)(in->op_size + 2);
		return;
	case OP_LOAD_FAR:
		in->rm_size = (u8)(in->op_size + 2);
		return;
	case OP_INVPCID:
	case OP_INVEPT:
	case OP_INVVPID:
		in->rm_size = 16;
		return;
	default:
		in->rm_size = in->op_size;
		return;
	}
}

/* LOCK needs an instruction that allows it, and a memory destination. */
static bool lock_ok(const struct dec *d)
{
	if (!(d->in->flags & INSN_LOCK))
		return true;
	if (d->in->op == OP_MOV_FROM_CR || d->in->op == OP_MOV_TO_CR)
		return true; /* checked with the register */
	return d->op.attr & A_LOCK && d->in->flags & INSN_MEM;
}

static enum decode_res decode_body(struct dec *d)
{
	struct insn *in = d->in;
	enum decode_res r;

	if (d->op.attr & A_MODRM) {
		r = fetch_byte(d, &d->modrm);
		if (r)
			return r;
	}
	r = resolve(d);
	if (r)
		return r;
	in->op = d->op.op;
	in->op_size = operand_size(d);
	in->addr_size = address_size(d);
	r = take_registers(d);
	if (r)
		return r;
	if (!lock_ok(d))
		return DECODE_INVALID;
	r = take_memory(d);
	if (r)
		return r;
	r = take_imm(d);
	if (r)
		return r;
	in->len = d->pos;
	if (in->op == OP_NONE)
		return DECODE_UNSUPPORTED;
	set_rm_size(d);
	if (d->seg != NO_SEG)
		in->seg = d->seg;
	return DECODE_OK;
}

enum decode_res decode(const u8 *bytes, u32 n, u32 mode, struct insn *in)
{
	struct dec d = {
		.bytes = bytes,
		.n = (u8)MIN(n, INSN_MAX_LEN),
		.intel = mode & INSN_INTEL,
		.seg = NO_SEG,
		.in = in,
	};
	enum decode_res r;

	*in = (struct insn){
		.mode = mode & 3,
		.seg = S_DS,
		.base = INSN_NOREG,
		.index = INSN_NOREG,
	};
	r = take_opcode(&d);
	if (r)
		return r;
	r = lookup(&d);
	if (r)
		return r;
	return decode_body(&d);
}

const char *insn_name(u32 op)
{
	static const char names[OP_NR][12] = {
#define X(id, name) [OP_##id] = name,
		INSN_OPS(X)
#undef X
	};

	return op < OP_NR ? names[op] : names[OP_NONE];
}

u32 insn_len_decoded(const u8 *bytes, u32 n, u32 mode, enum insn_op op)
{
	struct insn in;

	if (decode(bytes, n, mode, &in) != DECODE_OK || in.op != op)
		return 0;
	return in.len;
}
