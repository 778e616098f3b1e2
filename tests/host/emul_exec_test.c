/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/emul/decode.c vm/emul/opcodes.c vm/emul/exec.c vm/emul/rmw.c vm/emul/string.c */
/* SOURCES: vm/emul/operand.c vm/emul/alu.c vm/emul/muldiv.c vm/segment.c */
/*
 * What a 64-bit host process cannot execute (tests/fuzz/exec_native.c has the rest): 16 and 32-bit
 * code, segments, ports, interruption, and the promise that a failing access leaves all as it was.
 */
#include "tests/host/test.h"

#include "vm/emul/exec.h"
#include "vm/fetch.h"
#include "vm/vcpu.h"

#define MEM_SIZE 0x20000

/* Flat memory at linear 0, six segments, ports, and accesses that can be made to fail. */
static struct machine {
	u8 mem[MEM_SIZE];
	struct segment seg[6];
	struct vcpu_regs regs;
	struct fetch fetch;
	struct emul emul;
	u8 vec[16][32];
	enum emul_res fail_read, fail_write; /* what the next ones return; EMUL_OK: they work */
	u32 fail_after;                      /* accesses that still work before that */
	u32 reads, writes, exchanges, ports;
	bool disturb; /* another CPU changes the memory before every compare-exchange */
	u16 port;
	u32 port_value, port_size;
} m;

static enum emul_res access(enum emul_res fail)
{
	if (fail == EMUL_OK || m.fail_after--)
		return EMUL_OK;
	m.emul.fault = (struct emul_fault){ .vector = EXC_PF, .has_error = true };
	return fail;
}

static enum emul_res op_read(struct emul *e, gva_t gva, void *buf, u32 n, bool rmw)
{
	(void)e;
	(void)rmw;
	assert_in_range(gva.v, 0, MEM_SIZE - n);
	if (access(m.fail_read))
		return m.fail_read;
	m.reads++;
	memcpy(buf, m.mem + gva.v, n);
	return EMUL_OK;
}

static enum emul_res op_write(struct emul *e, gva_t gva, const void *buf, u32 n)
{
	(void)e;
	assert_in_range(gva.v, 0, MEM_SIZE - n);
	if (access(m.fail_write))
		return m.fail_write;
	m.writes++;
	memcpy(m.mem + gva.v, buf, n);
	return EMUL_OK;
}

static enum emul_res op_cmpxchg(struct emul *e, gva_t gva, void *old, const void *new, u32 n,
				bool *swapped)
{
	(void)e;
	assert_in_range(gva.v, 0, MEM_SIZE - n);
	if (access(m.fail_write))
		return m.fail_write;
	m.exchanges++;
	if (m.disturb)
		m.mem[gva.v]++;
	*swapped = memcmp(m.mem + gva.v, old, n) == 0;
	if (*swapped)
		memcpy(m.mem + gva.v, new, n);
	else
		memcpy(old, m.mem + gva.v, n);
	return EMUL_OK;
}

static enum emul_res op_in(struct emul *e, u16 port, u32 size, u32 *val)
{
	(void)e;
	m.port = port;
	m.port_size = size;
	m.ports++;
	*val = m.port_value;
	return EMUL_OK;
}

static enum emul_res op_out(struct emul *e, u16 port, u32 size, u32 val)
{
	(void)e;
	m.port = port;
	m.port_size = size;
	m.ports++;
	m.port_value = val;
	return EMUL_OK;
}

static void op_get_seg(struct emul *e, u32 seg, struct segment *s)
{
	(void)e;
	*s = m.seg[seg];
}

static void op_get_vec(struct emul *e, u32 nr, u8 *v)
{
	(void)e;
	memcpy(v, m.vec[nr], 32);
}

static void op_set_vec(struct emul *e, u32 nr, const u8 *v, bool legacy)
{
	(void)e;
	memcpy(m.vec[nr], v, legacy ? 16 : 32);
}

static const struct emul_ops ops = { op_read, op_write,   op_cmpxchg, op_in,
				     op_out,  op_get_seg, op_get_vec, op_set_vec };

#define DATA_RW 0x93 /* present, data, writable */
#define CODE_RX 0x9b

/* Real mode for 16 bits, flat segments for 32. */
static void start(u8 bits)
{
	bool real = bits == 16;

	memset(&m, 0, sizeof(m));
	for (u32 i = 0; i < 6; i++) {
		m.seg[i].attr = i == S_CS ? CODE_RX : DATA_RW;
		m.seg[i].attr |= real ? 0 : SEG_ATTR_DB;
		m.seg[i].limit = real ? 0xffff : 0xffffffff;
	}
	m.fetch.bits = bits;
	if (!real)
		m.fetch.regs.cr0 = CR0_PE;
	m.fetch.regs.cr4 = CR4_OSFXSR | CR4_OSXSAVE;
	m.regs.rflags = RFLAGS_ONE;
	m.emul = (struct emul){ .ops = &ops, .regs = &m.regs, .fetch = &m.fetch };
}

static enum emul_res run_bytes(const u8 *bytes, u32 n)
{
	struct insn in;

	assert_int_equal(decode(bytes, n, fetch_mode(&m.fetch), &in), DECODE_OK);
	assert_int_equal(in.len, n);
	return emul_exec(&m.emul, &in);
}

#define RUN(...) run_bytes((const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))

#define EXPECT_FAULT(vec, ...)                                  \
	do {                                                    \
		assert_int_equal(RUN(__VA_ARGS__), EMUL_FAULT); \
		assert_int_equal(m.emul.fault.vector, (vec));   \
	} while (0)

static void put32(u32 at, u32 val)
{
	memcpy(m.mem + at, &val, sizeof(val));
}

static u32 get32(u32 at)
{
	u32 val;

	memcpy(&val, m.mem + at, sizeof(val));
	return val;
}

/* --- system registers ------------------------------------------------------------------------- */

static void test_smsw_stores_16_bits_of_cr0_in_memory(void **state)
{
	(void)state;
	start(32);
	m.fetch.regs.cr0 = 0x80050033;
	put32(0x1000, 0xaaaaaaaa);
	m.regs.gpr[R_BX] = 0x1000;
	assert_int_equal(RUN(0x0f, 0x01, 0x23), EMUL_OK); /* smsw [ebx] */
	assert_int_equal(get32(0x1000), 0xaaaa0033);
}

static void test_umip_keeps_smsw_from_users(void **state)
{
	(void)state;
	start(32);
	m.regs.gpr[R_BX] = 0x1000;
	m.fetch.regs.cr4 |= CR4_UMIP;
	assert_int_equal(RUN(0x0f, 0x01, 0x23), EMUL_OK);
	m.fetch.regs.cpl = 3;
	EXPECT_FAULT(EXC_GP, 0x0f, 0x01, 0x23);
	m.fetch.regs.cr4 &= ~CR4_UMIP;
	assert_int_equal(RUN(0x0f, 0x01, 0x23), EMUL_OK);
}

/* --- addresses -------------------------------------------------------------------------------- */

static void test_16_bit_offsets_wrap_in_the_segment(void **state)
{
	(void)state;
	start(16);
	m.seg[S_DS].base = 0x1000;
	m.regs.gpr[R_BX] = 0xdead8000; /* upper halves do not count */
	m.regs.gpr[R_SI] = 0xbeef8010;
	m.regs.gpr[R_AX] = 0x1234;
	assert_int_equal(RUN(0x89, 0x00), EMUL_OK); /* mov [bx+si], ax */
	assert_int_equal(get32(0x1010), 0x1234);
}

static void test_linear_addresses_wrap_at_4_gib(void **state)
{
	(void)state;
	start(32);
	m.seg[S_DS].base = 0xfffff000;
	m.regs.gpr[R_AX] = 0x1004;
	m.regs.gpr[R_CX] = 0xffffffff11223344;
	assert_int_equal(RUN(0x89, 0x08), EMUL_OK); /* mov [eax], ecx */
	assert_int_equal(get32(4), 0x11223344);
}

static void test_an_access_may_not_cross_the_limit(void **state)
{
	(void)state;
	start(16);
	m.regs.gpr[R_BX] = 0xffff;
	EXPECT_FAULT(EXC_GP, 0x89, 0x07); /* mov [bx], ax */
	assert_true(m.emul.fault.has_error);
	assert_int_equal(m.emul.fault.error, 0);
	assert_int_equal(RUN(0x88, 0x07), EMUL_OK); /* mov [bx], al */
}

static void test_the_stack_segment_faults_as_ss(void **state)
{
	(void)state;
	start(16);
	m.regs.gpr[R_BP] = 0xffff;
	EXPECT_FAULT(EXC_SS, 0x89, 0x46, 0x00);       /* mov [bp], ax */
	EXPECT_FAULT(EXC_GP, 0x3e, 0x89, 0x46, 0x00); /* mov ds:[bp], ax */
}

static void test_protected_mode_checks_the_type(void **state)
{
	(void)state;
	start(32);
	EXPECT_FAULT(EXC_GP, 0x2e, 0x89, 0x08);           /* mov cs:[eax], ecx */
	assert_int_equal(RUN(0x2e, 0x8b, 0x08), EMUL_OK); /* mov ecx, cs:[eax] */
	m.seg[S_DS].attr &= (u16)~2;                      /* read-only */
	EXPECT_FAULT(EXC_GP, 0x89, 0x08);
	assert_int_equal(RUN(0x39, 0x08), EMUL_OK); /* cmp reads only */
	EXPECT_FAULT(EXC_GP, 0x01, 0x08);           /* add writes too */
	m.seg[S_DS].attr &= (u16)~SEG_ATTR_P;       /* null selector */
	EXPECT_FAULT(EXC_GP, 0x8b, 0x08);
	m.fetch.regs.cr0 = 0; /* in real mode only the limit counts */
	assert_int_equal(RUN(0x2e, 0x89, 0x08), EMUL_OK);
}

static void test_an_expand_down_segment_ends_where_it_begins(void **state)
{
	(void)state;
	start(32);
	m.seg[S_DS].attr |= 4;
	m.seg[S_DS].limit = 0xfff;
	m.regs.gpr[R_AX] = 0xfff;
	EXPECT_FAULT(EXC_GP, 0x8a, 0x08); /* mov cl, [eax] */
	m.regs.gpr[R_AX] = 0x1000;
	assert_int_equal(RUN(0x8a, 0x08), EMUL_OK);
}

static void test_64_bit_addresses_must_be_canonical(void **state)
{
	(void)state;
	start(64);
	m.regs.gpr[R_AX] = m.regs.gpr[R_BP] = 1ULL << 47;
	EXPECT_FAULT(EXC_GP, 0x8b, 0x08);       /* mov ecx, [rax] */
	EXPECT_FAULT(EXC_SS, 0x8b, 0x4d, 0x00); /* mov ecx, [rbp] */
	m.regs.gpr[R_AX] = (1ULL << 47) - 2;    /* its last byte is not */
	EXPECT_FAULT(EXC_GP, 0x8b, 0x08);
	m.seg[S_GS].base = 0x100; /* a base counts for FS and GS alone */
	m.seg[S_DS].base = 0x55555;
	m.seg[S_DS].attr = 0;
	put32(0x110, 77);
	m.regs.gpr[R_AX] = 0x10;
	assert_int_equal(RUN(0x65, 0x8b, 0x08), EMUL_OK);
	assert_int_equal(m.regs.gpr[R_CX], 77);
	assert_int_equal(RUN(0x8b, 0x08), EMUL_OK);
}

static void test_bit_numbers_reach_backwards_and_wrap(void **state)
{
	(void)state;
	start(16);
	m.regs.gpr[R_BX] = 0x100;
	m.regs.gpr[R_AX] = 0xffff;                        /* -1: bit 15 of the word before */
	assert_int_equal(RUN(0x0f, 0xab, 0x07), EMUL_OK); /* bts [bx], ax */
	assert_int_equal(m.mem[0xff], 0x80);
	m.regs.gpr[R_BX] = 1;
	EXPECT_FAULT(EXC_GP, 0x0f, 0xab, 0x07); /* the word at ffff is over the limit */
	m.regs.gpr[R_BX] = 0;
	m.regs.gpr[R_AX] = 0x10;
	assert_int_equal(RUN(0x0f, 0xab, 0x07), EMUL_OK);
	assert_int_equal(m.mem[2], 1);
}

/* --- the stack -------------------------------------------------------------------------------- */

static void test_a_16_bit_stack_wraps(void **state)
{
	(void)state;
	start(16);
	m.regs.gpr[R_SP] = 0xaaaa0000;
	assert_int_equal(RUN(0x68, 0x34, 0x12), EMUL_OK); /* push 1234 */
	assert_int_equal(m.regs.gpr[R_SP], 0xaaaafffe);
	assert_int_equal(get32(0xfffe) & 0xffff, 0x1234);
	assert_int_equal(RUN(0x8f, 0x07), EMUL_OK); /* pop [bx] */
	assert_int_equal(m.regs.gpr[R_SP], 0xaaaa0000);
	assert_int_equal(get32(0), 0x1234);
}

static void test_the_stack_width_is_that_of_ss(void **state)
{
	(void)state;
	start(32);
	m.seg[S_SS].attr &= (u16)~SEG_ATTR_DB;
	m.seg[S_SS].limit = 0xffff;
	m.regs.gpr[R_SP] = 0x12340008;
	m.regs.gpr[R_AX] = 0x55667788;
	assert_int_equal(RUN(0x50), EMUL_OK); /* push eax, at SS:0004 */
	assert_int_equal(m.regs.gpr[R_SP], 0x12340004);
	assert_int_equal(get32(4), 0x55667788);
}

static void test_a_pop_that_cannot_store_leaves_the_stack(void **state)
{
	(void)state;
	start(32);
	m.regs.gpr[R_SP] = 0x100;
	m.fail_write = EMUL_FAULT;
	assert_int_equal(RUN(0x8f, 0x44, 0x24, 0x10), EMUL_FAULT); /* pop [esp+16] */
	assert_int_equal(m.regs.gpr[R_SP], 0x100);
	m.fail_write = EMUL_OK;
	put32(0x100, 99);
	assert_int_equal(RUN(0x8f, 0x44, 0x24, 0x10), EMUL_OK);
	assert_int_equal(get32(0x114), 99); /* addressed after the increment */
}

/* --- all or nothing --------------------------------------------------------------------------- */

struct bytes {
	u8 n;
	u8 b[8];
};

#define I(...)                                       \
	{                                            \
		sizeof((const u8[]){ __VA_ARGS__ }), \
		{                                    \
			__VA_ARGS__                  \
		}                                    \
	}

/* Everything that writes memory, with [ebx], [edi] or the stack. */
static const struct bytes writers[] = {
	I(0x89, 0x03),             /* mov [ebx], eax */
	I(0x01, 0x03),             /* add [ebx], eax */
	I(0xf0, 0x11, 0x03),       /* lock adc */
	I(0x87, 0x03),             /* xchg */
	I(0x0f, 0xc1, 0x03),       /* xadd */
	I(0xf0, 0x0f, 0xc1, 0x03), /* lock xadd */
	I(0x0f, 0xb1, 0x0b),       /* cmpxchg [ebx], ecx */
	I(0xf0, 0x0f, 0xb1, 0x0b), /* lock cmpxchg */
	I(0x0f, 0xc7, 0x0b),       /* cmpxchg8b */
	I(0xff, 0x03),             /* inc */
	I(0xf7, 0x1b),             /* neg */
	I(0x0f, 0xbb, 0x03),       /* btc */
	I(0xab),                   /* stosd */
	I(0xf3, 0xa5),             /* rep movsd */
	I(0x6d),                   /* insd */
	I(0xff, 0x33),             /* push [ebx] */
	I(0x0f, 0x11, 0x03),       /* movups [ebx], xmm0 */
	I(0x66, 0x0f, 0x7e, 0x03), /* movd [ebx], xmm0 */
};

static void set_registers(void)
{
	for (u32 i = 0; i < 16; i++)
		m.regs.gpr[i] = 0x101 * i;
	m.regs.gpr[R_BX] = 0x800;
	m.regs.gpr[R_DI] = 0x900;
	m.regs.gpr[R_SI] = 0xa00;
	m.regs.gpr[R_SP] = 0xb00;
	m.regs.gpr[R_CX] = 8;
	m.regs.rflags = RFLAGS_ONE | RFLAGS_CF | RFLAGS_ZF;
}

static void fails_without_trace(const struct bytes *w, enum emul_res how)
{
	struct machine before;

	start(32);
	set_registers();
	m.fail_write = how;
	before = m;
	assert_int_equal(run_bytes(w->b, w->n), how);
	assert_memory_equal(&m.regs, &before.regs, sizeof(m.regs));
	assert_memory_equal(m.mem, before.mem, sizeof(m.mem));
	assert_memory_equal(m.vec, before.vec, sizeof(m.vec));
}

static void test_a_failed_write_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
		fails_without_trace(&writers[i], EMUL_FAULT);
		fails_without_trace(&writers[i], EMUL_UNHANDLED);
		fails_without_trace(&writers[i], EMUL_RETRY);
		start(32);
		set_registers();
		assert_int_equal(run_bytes(writers[i].b, writers[i].n), EMUL_OK);
		assert_int_equal(m.writes + m.exchanges, writers[i].b[0] == 0xf3 ? 8 : 1);
	}
}

static void test_a_failed_read_changes_nothing(void **state)
{
	static const struct bytes readers[] = {
		I(0x8b, 0x03),
		I(0x03, 0x03),
		I(0x0f, 0xb6, 0x03),
		I(0x39, 0x03),
		I(0x01, 0x03),
		I(0x0f, 0xa3, 0x03),
		I(0xad),
		I(0xaf),
		I(0xa7),
		I(0x6f),
		I(0x58),
		I(0x0f, 0x10, 0x03),
		I(0xff, 0x33),
		I(0xf0, 0x01, 0x03),
	};
	struct machine before;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		start(32);
		set_registers();
		m.fail_read = EMUL_FAULT;
		before = m;
		assert_int_equal(run_bytes(readers[i].b, readers[i].n), EMUL_FAULT);
		assert_memory_equal(&m.regs, &before.regs, sizeof(m.regs));
		assert_memory_equal(m.vec, before.vec, sizeof(m.vec));
		assert_int_equal(m.writes + m.exchanges + m.ports, 0);
	}
}

static void test_rip_is_left_to_the_caller(void **state)
{
	(void)state;
	start(32);
	m.regs.rip = 0x1000;
	assert_int_equal(RUN(0x40), EMUL_OK); /* inc eax */
	assert_int_equal(m.regs.rip, 0x1000);
}

/* --- atomicity -------------------------------------------------------------------------------- */

static void test_locked_updates_go_through_compare_exchange(void **state)
{
	(void)state;
	start(32);
	m.regs.gpr[R_BX] = 0x100;
	m.regs.gpr[R_AX] = 5;
	assert_int_equal(RUN(0xf0, 0x01, 0x03), EMUL_OK); /* lock add [ebx], eax */
	assert_int_equal(RUN(0x87, 0x03), EMUL_OK);       /* xchg [ebx], eax */
	assert_int_equal(m.regs.gpr[R_AX], 5);
	assert_int_equal(m.exchanges, 2);
	assert_int_equal(m.writes, 0);
}

static void test_a_lost_race_is_tried_again_but_not_for_ever(void **state)
{
	u64 flags;

	(void)state;
	start(32);
	m.regs.gpr[R_BX] = 0x100;
	m.disturb = true;
	flags = m.regs.rflags;
	assert_int_equal(RUN(0xf0, 0xff, 0x0b), EMUL_RETRY); /* lock dec [ebx] */
	assert_in_range(m.exchanges, 2, 100);
	assert_int_equal(m.regs.rflags, flags);
	m.disturb = false;
	put32(0x100, 1);
	assert_int_equal(RUN(0xf0, 0xff, 0x0b), EMUL_OK);
	assert_true(m.regs.rflags & RFLAGS_ZF);
}

static void test_cmpxchg16b_must_be_aligned(void **state)
{
	(void)state;
	start(64);
	m.regs.gpr[R_BX] = 0x108;
	EXPECT_FAULT(EXC_GP, 0x48, 0x0f, 0xc7, 0x0b);
	assert_int_equal(m.exchanges, 0);
	assert_int_equal(RUN(0x0f, 0xc7, 0x0b), EMUL_OK); /* the small one need not be */
}

/* --- strings and ports ------------------------------------------------------------------------ */

static void test_a_long_rep_stops_so_that_events_get_in(void **state)
{
	u32 calls = 1;

	(void)state;
	start(32);
	m.regs.gpr[R_CX] = 5000;
	m.regs.gpr[R_AX] = 0x5a;
	while (RUN(0xf3, 0xaa) == EMUL_AGAIN) { /* rep stosb */
		assert_int_equal(m.regs.gpr[R_DI] + m.regs.gpr[R_CX], 5000);
		calls++;
	}
	assert_in_range(calls, 4, 6);
	assert_int_equal(m.regs.gpr[R_CX], 0);
	assert_int_equal(m.mem[4999], 0x5a);
	assert_int_equal(m.mem[5000], 0);
}

static void test_single_step_ends_every_element(void **state)
{
	(void)state;
	start(32);
	m.regs.rflags |= RFLAGS_TF;
	m.regs.gpr[R_CX] = 2;
	assert_int_equal(RUN(0xf3, 0xaa), EMUL_AGAIN);
	assert_int_equal(m.regs.gpr[R_CX], 1);
	assert_int_equal(RUN(0xf3, 0xaa), EMUL_OK);
}

static void test_a_rep_that_fails_midway_keeps_what_it_did(void **state)
{
	(void)state;
	start(16);
	m.regs.gpr[R_CX] = 0xabcd0006;
	m.regs.gpr[R_DI] = 0xfffa; /* three words, then the limit: 16-bit DI wraps to 0 */
	m.fail_write = EMUL_FAULT;
	m.fail_after = 4;
	assert_int_equal(RUN(0xf3, 0xab), EMUL_FAULT); /* rep stosw */
	assert_int_equal(m.regs.gpr[R_CX], 0xabcd0002);
	assert_int_equal(m.regs.gpr[R_DI], 2);
}

static void test_a_count_of_zero_touches_nothing(void **state)
{
	(void)state;
	start(16);
	m.regs.gpr[R_CX] = 0xffff0000; /* CX is 0 */
	assert_int_equal(RUN(0xf3, 0xa4), EMUL_OK);
	assert_int_equal(m.reads + m.writes, 0);
	assert_int_equal(m.regs.gpr[R_CX], 0xffff0000);
}

static void test_only_the_source_of_a_string_is_overridden(void **state)
{
	(void)state;
	start(16);
	m.seg[S_ES].base = 0x1000;
	m.seg[S_FS].base = 0x2000;
	m.mem[0x2000] = 42;
	assert_int_equal(RUN(0x64, 0xa4), EMUL_OK); /* movsb from fs */
	assert_int_equal(m.mem[0x1000], 42);
	assert_int_equal(m.regs.gpr[R_SI], 1);
	m.regs.rflags |= RFLAGS_DF;
	assert_int_equal(RUN(0x64, 0xa4), EMUL_OK);
	assert_int_equal(m.regs.gpr[R_DI], 0);
}

static void test_ports(void **state)
{
	(void)state;
	start(64);
	m.port_value = 0x99;
	m.regs.gpr[R_AX] = 0x1122334455667788;
	assert_int_equal(RUN(0xe4, 0x60), EMUL_OK); /* in al, 60h */
	assert_int_equal(m.port, 0x60);
	assert_int_equal(m.regs.gpr[R_AX], 0x1122334455667799);
	m.regs.gpr[R_DX] = 0xabcd0cf8;        /* the port is DX */
	assert_int_equal(RUN(0xed), EMUL_OK); /* in eax, dx */
	assert_int_equal(m.port, 0xcf8);
	assert_int_equal(m.port_size, 4);
	assert_int_equal(m.regs.gpr[R_AX], 0x99);
	m.regs.gpr[R_AX] = 0x8877665544332211;
	assert_int_equal(RUN(0x66, 0xef), EMUL_OK); /* out dx, ax */
	assert_int_equal(m.port_value, 0x2211);
	assert_int_equal(m.port_size, 2);
}

static void test_ins_and_outs(void **state)
{
	(void)state;
	start(32);
	set_registers();
	m.port_value = 0x12345678;
	m.regs.gpr[R_CX] = 2;
	assert_int_equal(RUN(0xf3, 0x6d), EMUL_OK); /* rep insd */
	assert_int_equal(m.ports, 2);
	assert_int_equal(get32(0x904), 0x12345678);
	m.mem[0xa00] = 0x77;
	assert_int_equal(RUN(0x6e), EMUL_OK); /* outsb */
	assert_int_equal(m.port_value, 0x77);
	assert_int_equal(m.regs.gpr[R_SI], 0xa01);
}

static void test_a_fault_of_ins_reads_no_port(void **state)
{
	(void)state;
	start(32);
	m.fail_read = EMUL_FAULT; /* the probe for the write */
	assert_int_equal(RUN(0x6c), EMUL_FAULT);
	assert_int_equal(m.ports, 0);
}

/* --- vectors and the rest --------------------------------------------------------------------- */

static void test_vector_instructions_need_to_be_enabled(void **state)
{
	(void)state;
	start(32);
	m.fetch.regs.cr4 = 0;
	EXPECT_FAULT(EXC_UD, 0x0f, 0x11, 0x00);       /* movups [eax], xmm0 */
	EXPECT_FAULT(EXC_UD, 0xc5, 0xf8, 0x11, 0x00); /* vmovups */
	assert_false(m.emul.fault.has_error);
	start(32);
	m.fetch.regs.cr0 |= CR0_TS;
	EXPECT_FAULT(EXC_NM, 0x0f, 0x11, 0x00);
	m.fetch.regs.cr0 = CR0_PE | CR0_EM;
	EXPECT_FAULT(EXC_UD, 0x0f, 0x11, 0x00);
	start(16); /* real mode knows no VEX */
	EXPECT_FAULT(EXC_UD, 0xc5, 0xf8, 0x11, 0x00);
	assert_int_equal(RUN(0x0f, 0x11, 0x07), EMUL_OK);
	assert_int_equal(m.writes, 1);
}

static void test_aligned_moves_fault_before_they_access(void **state)
{
	(void)state;
	start(32);
	m.regs.gpr[R_AX] = 0x108;
	EXPECT_FAULT(EXC_GP, 0x0f, 0x29, 0x00);       /* movaps [eax], xmm0 */
	EXPECT_FAULT(EXC_GP, 0xc5, 0xfd, 0xe7, 0x00); /* vmovntdq [eax], ymm0 */
	assert_int_equal(m.writes, 0);
	assert_int_equal(RUN(0x0f, 0x11, 0x00), EMUL_OK);
}

static void test_selectors_can_be_stored(void **state)
{
	(void)state;
	start(32);
	m.seg[S_ES].sel = 0x2b;
	put32(0x100, 0xffffffff);
	m.regs.gpr[R_BX] = 0x100;
	assert_int_equal(RUN(0x8c, 0x03), EMUL_OK); /* mov [ebx], es: a word */
	assert_int_equal(get32(0x100), 0xffff002b);
	m.regs.gpr[R_AX] = ~0ULL;
	assert_int_equal(RUN(0x8c, 0xc0), EMUL_OK); /* mov eax, es: zero-extended */
	assert_int_equal(m.regs.gpr[R_AX], 0x2b);
}

static void test_what_is_only_decoded_is_not_executed(void **state)
{
	(void)state;
	start(32);
	assert_int_equal(RUN(0x0f, 0xa2), EMUL_UNHANDLED);       /* cpuid */
	assert_int_equal(RUN(0x8e, 0xd8), EMUL_UNHANDLED);       /* mov ds, ax */
	assert_int_equal(RUN(0x9d), EMUL_UNHANDLED);             /* popf */
	assert_int_equal(RUN(0x0f, 0x01, 0x38), EMUL_UNHANDLED); /* invlpg */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smsw_stores_16_bits_of_cr0_in_memory),
		cmocka_unit_test(test_umip_keeps_smsw_from_users),
		cmocka_unit_test(test_16_bit_offsets_wrap_in_the_segment),
		cmocka_unit_test(test_linear_addresses_wrap_at_4_gib),
		cmocka_unit_test(test_an_access_may_not_cross_the_limit),
		cmocka_unit_test(test_the_stack_segment_faults_as_ss),
		cmocka_unit_test(test_protected_mode_checks_the_type),
		cmocka_unit_test(test_an_expand_down_segment_ends_where_it_begins),
		cmocka_unit_test(test_64_bit_addresses_must_be_canonical),
		cmocka_unit_test(test_bit_numbers_reach_backwards_and_wrap),
		cmocka_unit_test(test_a_16_bit_stack_wraps),
		cmocka_unit_test(test_the_stack_width_is_that_of_ss),
		cmocka_unit_test(test_a_pop_that_cannot_store_leaves_the_stack),
		cmocka_unit_test(test_a_failed_write_changes_nothing),
		cmocka_unit_test(test_a_failed_read_changes_nothing),
		cmocka_unit_test(test_rip_is_left_to_the_caller),
		cmocka_unit_test(test_locked_updates_go_through_compare_exchange),
		cmocka_unit_test(test_a_lost_race_is_tried_again_but_not_for_ever),
		cmocka_unit_test(test_cmpxchg16b_must_be_aligned),
		cmocka_unit_test(test_a_long_rep_stops_so_that_events_get_in),
		cmocka_unit_test(test_single_step_ends_every_element),
		cmocka_unit_test(test_a_rep_that_fails_midway_keeps_what_it_did),
		cmocka_unit_test(test_a_count_of_zero_touches_nothing),
		cmocka_unit_test(test_only_the_source_of_a_string_is_overridden),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_ins_and_outs),
		cmocka_unit_test(test_a_fault_of_ins_reads_no_port),
		cmocka_unit_test(test_vector_instructions_need_to_be_enabled),
		cmocka_unit_test(test_aligned_moves_fault_before_they_access),
		cmocka_unit_test(test_selectors_can_be_stored),
		cmocka_unit_test(test_what_is_only_decoded_is_not_executed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
