/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/mmio.c vm/emul/mov.c vm/emul/decode.c vm/emul/opcodes.c tests/host/fake/bug.c */
/*
 * The short decoder of MOV agrees with the long one on all encodings; what the verdicts of a nested
 * fault lead to.
 */
#include <stdio.h>

#include "tests/host/vm_fake.h"

#include "vm/dev/vlapic.h"
#include "vm/emul/decode.h"
#include "vm/emul/mov.h"
#include "vm/emulate.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/mmio.h"

static u8 code[32];
static bool can_read, is_watched;
static enum mmu_verdict verdict;
static u32 emulated, watch_hits, kills, page_faults, lapic_reads, lapic_writes, lapic_off,
	lapic_val;
static char why[200];

const u8 *mmu_fetch_quick(const struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva,
			  struct mmu_memo *memo)
{
	(void)memo;
	(void)m;
	(void)regs;
	(void)gva;
	return can_read ? code : NULL;
}

enum mmu_verdict mmu_fault(struct mmu_vm *m, const struct mmu_fault *f, struct mmu_result *r)
{
	(void)m;
	(void)f;
	r->reason = "because";
	return verdict;
}

void emulate(struct vcpu *v)
{
	(void)v;
	emulated++;
}

bool watch_hit(struct vcpu *v, gpa_t gpa, u32 access, bool walk)
{
	(void)v;
	assert_int_equal(gpa.v, 0x200000);
	assert_int_equal(access, MMU_W);
	assert_true(walk);
	watch_hits++;
	return is_watched;
}

void vcpu_kill(struct vcpu *v, const char *fmt, ...)
{
	va_list ap;

	(void)v;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	kills++;
}

void vcpu_inject_pf(struct vcpu *v, const struct mmu_gfault *f)
{
	(void)v;
	(void)f;
	page_faults++;
}

void vcpu_skip_special(struct vcpu *v, u64 old)
{
	(void)v;
	(void)old;
}

u64 vlapic_mmio_read(struct vcpu *v, u32 off, u8 size)
{
	(void)v;
	(void)size;
	lapic_reads++;
	lapic_off = off;
	return 0x55aa;
}

void vlapic_mmio_write(struct vcpu *v, u32 off, u8 size, u32 val)
{
	(void)v;
	(void)size;
	lapic_writes++;
	lapic_off = off;
	lapic_val = val;
}

static gva_t get_code(struct vcpu *v, struct mmu_regs *r, u8 *bits)
{
	(void)v;
	(void)r;
	*bits = 64;
	return GVA(0x1000);
}

static struct hv_ops ops;

static int setup(void **state)
{
	(void)state;
	fake_reset();
	ops = fake_hv;
	ops.get_code = get_code;
	hv = &ops;
	memset(code, 0x90, sizeof(code));
	can_read = true;
	verdict = MMU_MMIO;
	emulated = kills = page_faults = lapic_reads = lapic_writes = 0;
	fake_vcpu.regs.rip = 0x1000;
	return 0;
}

static void npf(u64 gpa, u32 access)
{
	fake_vcpu.exit.npf = (struct mmu_fault){ .gpa = GPA(gpa), .access = access };
	exit_npf(&fake_vcpu);
}

static void set_code(const char *bytes, size_t n)
{
	memcpy(code, bytes, n);
}

/* Every REX, opcode of interest, ModRM and SIB: what the short one accepts the long one calls the
 * same thing. */
static void short_and_long_decoder_agree(void **state)
{
	static const u8 opcodes[] = { 0x88, 0x89, 0x8a, 0x8b, 0xc6, 0xc7, 0xa1, 0xa3, 0x87, 0x0f };
	u32 accepted = 0;

	(void)state;
	for (u32 bits = 32; bits <= 64; bits += 32) {
		for (u32 rex = 0x3f; rex < 0x50; rex++) {
			for (u32 i = 0; i < ARRAY_SIZE(opcodes) << 16; i++) {
				u8 b[16] = { 0 }, *p = b;
				struct mov m = { 0 };
				struct insn in;

				if (rex >= 0x40)
					*p++ = (u8)rex;
				*p++ = opcodes[i >> 16];
				*p++ = (u8)(i >> 8);
				*p++ = (u8)i;
				memcpy(p, "\x11\x22\x33\x44\x55\x66\x77\x88\x99", 9);
				if (!mov_decode(b, bits, &m))
					continue;
				assert_int_equal(decode(b, 15,
							bits == 64 ? INSN_MODE_64 : INSN_MODE_32,
							&in),
						 DECODE_OK);
				assert_int_equal(in.op, OP_MOV);
				assert_true(in.flags & INSN_MEM);
				assert_int_equal(in.op_size, m.size);
				assert_int_equal(in.len, m.len);
				assert_int_equal(m.imm, in.form == F_RM_IMM);
				assert_int_equal(m.store, in.form != F_REG_RM);
				if (m.imm)
					assert_int_equal(mov_value(&m, NULL), in.imm);
				else
					assert_int_equal(m.reg, in.reg);
				accepted++;
			}
		}
	}
	/* 89, 8B and C7 /0, mod 0-2: nothing of that may be refused. */
	assert_int_equal(accepted, (1 + 1 + 16) * (2 * 192 + 24) * 256);
}

static void a_store_reaches_the_local_apic(void **state)
{
	(void)state;
	fake_vcpu.regs.gpr[R_CX] = 0x11112222;
	set_code("\x89\x48\x04", 3); /* mov %ecx, 4(%rax) */
	npf(VM_LAPIC_BASE + 0xb0, MMU_W);
	assert_int_equal(lapic_writes, 1);
	assert_int_equal(lapic_off, 0xb0);
	assert_int_equal(lapic_val, 0x11112222);
	assert_int_equal(fake_vcpu.regs.rip, 0x1003);
}

static void a_load_clears_the_upper_half(void **state)
{
	(void)state;
	fake_vcpu.regs.gpr[R_9] = ~0ULL;
	set_code("\x44\x8b\x08", 3); /* mov (%rax), %r9d */
	npf(VM_LAPIC_BASE + 0x20, MMU_R);
	assert_int_equal(lapic_reads, 1);
	assert_int_equal(fake_vcpu.regs.gpr[R_9], 0x55aa);
}

/* At the first byte of a page the operand may have begun in the page before. */
static void what_may_cross_into_a_device_is_emulated(void **state)
{
	(void)state;
	set_code("\x89\x08", 2);
	fake_vcpu.regs.gpr[R_AX] = 0xffe;
	npf(VM_LAPIC_BASE, MMU_W);
	assert_int_equal(emulated, 1);
	npf(VM_LAPIC_BASE + 2, MMU_W);
	assert_int_equal(emulated, 2);
	set_code("\x89\x48\x02", 3); /* another kind of address */
	npf(VM_LAPIC_BASE, MMU_W);
	assert_int_equal(emulated, 3);
	assert_int_equal(lapic_writes, 0);
	set_code("\x89\x08", 2);
	fake_vcpu.regs.gpr[R_AX] = 0x1000;
	npf(VM_LAPIC_BASE, MMU_W);
	assert_int_equal(lapic_writes, 1);
	assert_int_equal(emulated, 3);
}

static void other_instructions_are_emulated(void **state)
{
	(void)state;
	set_code("\x48\x89\x08", 3); /* 64 bits */
	npf(VM_LAPIC_BASE + 8, MMU_W);
	assert_int_equal(emulated, 1);
	emulated = 0;
	set_code("\x87\x08", 2); /* xchg */
	npf(VM_LAPIC_BASE, MMU_W);
	assert_int_equal(emulated, 1);
	set_code("\x8b\x08", 2); /* a load, but the fault was a store's: the code has changed */
	npf(VM_LAPIC_BASE, MMU_W);
	assert_int_equal(emulated, 2);
	set_code("\x8b\x08", 2);
	npf(VM_LAPIC_BASE + 2, MMU_R); /* not aligned */
	assert_int_equal(emulated, 3);
	can_read = false;
	npf(VM_LAPIC_BASE, MMU_R);
	assert_int_equal(emulated, 4);
	assert_int_equal(lapic_reads + lapic_writes + kills, 0);
}

static void what_is_not_data_ends_the_machine(void **state)
{
	(void)state;
	npf(VM_LAPIC_BASE, MMU_X);
	assert_non_null(strstr(why, "instruction fetch from device memory"));
	fake_vcpu.exit.npf =
		(struct mmu_fault){ .gpa = GPA(0xa0000), .access = MMU_W, .table_walk = true };
	exit_npf(&fake_vcpu);
	assert_non_null(strstr(why, "page tables in device memory"));
	fake_vcpu.redelivery = true;
	npf(VM_LAPIC_BASE, MMU_W);
	assert_non_null(strstr(why, "of an interrupt in device memory"));
	assert_int_equal(kills, 3);
	assert_int_equal(emulated, 0);
}

static void verdicts_do_what_they_say(void **state)
{
	static const enum mmu_verdict again[] = { MMU_FIXED, MMU_SPURIOUS, MMU_RETRY };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(again); i++) {
		verdict = again[i];
		npf(0x200000, MMU_W);
	}
	assert_int_equal(emulated + kills + page_faults, 0);
	assert_int_equal(fake_vcpu.last_verdict, MMU_RETRY);
	verdict = MMU_EMULATE;
	npf(0xc0000, MMU_W);
	assert_int_equal(emulated, 1);
	verdict = MMU_TRACKED;
	fake_vcpu.exit.npf =
		(struct mmu_fault){ .gpa = GPA(0x200000), .access = MMU_W, .table_walk = true };
	is_watched = true;
	exit_npf(&fake_vcpu);
	assert_int_equal(emulated, 1);
	is_watched = false;
	exit_npf(&fake_vcpu);
	assert_int_equal(emulated, 2);
	assert_int_equal(watch_hits, 2);
	verdict = MMU_INJECT;
	npf(0x200000, MMU_W);
	assert_int_equal(page_faults, 1);
	verdict = MMU_NOMEM;
	npf(0x200000, MMU_W);
	assert_int_equal(kills, 1);
	assert_non_null(strstr(why, "memory fault at 200000: because"));
}

static void a_hole_reads_ones_by_size(void **state)
{
	(void)state;
	assert_int_equal(mmio_read(&fake_vcpu, GPA(0xa0000), 1), 0xff);
	assert_int_equal(mmio_read(&fake_vcpu, GPA(0xa0000), 4), 0xffffffff);
	assert_int_equal(mmio_read(&fake_vcpu, GPA(0xa0000), 8), ~0ULL);
	mmio_write(&fake_vcpu, GPA(0xa0000), 8, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_and_long_decoder_agree),
		cmocka_unit_test_setup(a_store_reaches_the_local_apic, setup),
		cmocka_unit_test_setup(a_load_clears_the_upper_half, setup),
		cmocka_unit_test_setup(what_may_cross_into_a_device_is_emulated, setup),
		cmocka_unit_test_setup(other_instructions_are_emulated, setup),
		cmocka_unit_test_setup(what_is_not_data_ends_the_machine, setup),
		cmocka_unit_test_setup(verdicts_do_what_they_say, setup),
		cmocka_unit_test_setup(a_hole_reads_ones_by_size, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
