/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/fetch.c vm/emul/decode.c vm/emul/opcodes.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/bug.c */
/* Instruction bytes across two pages, and what the guest gets for those that cannot be had. */
#include "tests/host/vm_fake.h"

#include "vm/fetch.h"

#define PAGE0 0x7000ULL /* linear; the next page is a different frame */
#define PAGE1 (PAGE0 + PAGE_SIZE)
#define TOP   0xfffff000ULL

enum backing {
	RAM,
	NOT_MAPPED,
	DEVICE,
};

static u8 low[PAGE_SIZE], high[PAGE_SIZE];
static enum backing second;
static u64 rip, fault_at;
static u8 bits, cpl;
static u32 gps, uds, pfs, dbs, kills, logs, access_asked;

/* `low` is at PAGE0 and at the last page below 4 GiB, `high` behind either of them. */
const u8 *mmu_fetch_ptr(struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva, u32 access,
			u32 *len, struct mmu_gfault *fault)
{
	u64 page = ALIGN_DOWN(gva.v, PAGE_SIZE), off = gva.v - page;

	(void)m;
	(void)regs;
	access_asked = access;
	*len = (u32)(PAGE_SIZE - off);
	*fault = (struct mmu_gfault){ .gva = gva, .error = 0x10 };
	if (page == PAGE0 || page == TOP)
		return low + off;
	if (second == RAM && (page == PAGE1 || page == 0))
		return high + off;
	*len = 0;
	fault->error = second == NOT_MAPPED ? 0x10 : 0;
	return NULL;
}

bool mmu_translate(struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva, u32 access, gpa_t *gpa,
		   struct mmu_gfault *fault)
{
	(void)m;
	(void)regs;
	(void)access;
	*gpa = GPA(0xfec00000);
	*fault = (struct mmu_gfault){ .gva = gva, .error = 0x10 };
	return second == DEVICE;
}

const u8 *mmu_fetch_quick(const struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva,
			  struct mmu_memo *memo)
{
	(void)memo;
	(void)m;
	(void)regs;
	(void)gva;
	return NULL;
}

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

void vcpu_inject_pf(struct vcpu *v, const struct mmu_gfault *f)
{
	(void)v;
	pfs++;
	fault_at = f->gva.v;
}

void vcpu_inject_db(struct vcpu *v, u64 dr6)
{
	(void)v;
	assert_int_equal(dr6, DR6_BS);
	dbs++;
}

void vcpu_kill(struct vcpu *v, const char *fmt, ...)
{
	(void)v;
	(void)fmt;
	kills++;
}

void vm_log(struct vm *vm, const char *fmt, ...)
{
	(void)vm;
	(void)fmt;
	logs++;
}

static gva_t get_code(struct vcpu *v, struct mmu_regs *regs, u8 *b)
{
	(void)v;
	memset(regs, 0, sizeof(*regs));
	*b = bits;
	return GVA(rip);
}

static void get_paging(struct vcpu *v, struct mmu_regs *regs)
{
	(void)v;
	regs->cpl = cpl;
}

static void set_irq_shadow(struct vcpu *v, bool on)
{
	assert_false(on);
	(void)v;
	fake_shadow = false;
}

static int setup(void **state)
{
	static struct hv_ops ops;

	(void)state;
	fake_reset();
	ops = fake_hv;
	ops.get_code = get_code;
	ops.get_paging = get_paging;
	ops.set_irq_shadow = set_irq_shadow;
	hv = &ops;
	memset(low, 0x90, sizeof(low));
	memset(high, 0x90, sizeof(high));
	second = RAM;
	rip = PAGE0;
	bits = 64;
	cpl = 0;
	gps = uds = pfs = dbs = kills = logs = 0;
	return 0;
}

/* The instruction, of which the first n bytes are in the first page. */
static bool decode_at_border(const u8 *bytes, u32 len, u32 n, struct insn *in)
{
	struct fetch f;

	memcpy(low + PAGE_SIZE - n, bytes, MIN(n, len));
	if (n < len)
		memcpy(high, bytes + n, len - n);
	rip = PAGE0 + PAGE_SIZE - n;
	return fetch_decode(&fake_vcpu, &f, in);
}

static const u8 mov[] = { 0x48, 0x89, 0x83, 0x78, 0x56, 0x34, 0x12 }; /* mov [rbx+...], rax */

static void an_instruction_may_lie_in_two_pages(void **state)
{
	struct insn in;

	(void)state;
	for (u32 n = 1; n <= sizeof(mov); n++) {
		setup(NULL);
		assert_true(decode_at_border(mov, sizeof(mov), n, &in));
		assert_int_equal(in.op, OP_MOV);
		assert_int_equal(in.len, sizeof(mov));
	}
}

static void what_is_not_needed_may_be_missing(void **state)
{
	struct insn in;

	(void)state;
	second = NOT_MAPPED;
	assert_true(decode_at_border(mov, sizeof(mov), sizeof(mov), &in));
	assert_int_equal(pfs, 0);
}

static void a_missing_page_faults_at_its_first_byte(void **state)
{
	struct insn in;

	(void)state;
	second = NOT_MAPPED;
	assert_false(decode_at_border(mov, sizeof(mov), 3, &in));
	assert_int_equal(pfs, 1);
	assert_int_equal(fault_at, PAGE1);
	rip = PAGE1; /* not one byte */
	assert_int_equal(fetch_len_slow(&fake_vcpu, OP_HLT), 0);
	assert_int_equal(pfs, 2);
}

static void code_in_a_device_kills(void **state)
{
	struct insn in;

	(void)state;
	second = DEVICE;
	assert_false(decode_at_border(mov, sizeof(mov), 3, &in));
	assert_int_equal(kills, 1);
	assert_int_equal(pfs, 0);
}

static void below_64_bits_addresses_wrap_at_4_gib(void **state)
{
	struct fetch f;

	(void)state;
	bits = 32;
	rip = TOP + PAGE_SIZE - 2;
	high[0] = 0x55;
	assert_true(fetch_bytes(&fake_vcpu, &f));
	assert_int_equal(f.nr, INSN_MAX_LEN);
	assert_int_equal(f.bytes[2], 0x55);
}

static void users_fetch_as_users(void **state)
{
	struct fetch f;

	(void)state;
	assert_true(fetch_bytes(&fake_vcpu, &f));
	assert_int_equal(access_asked, MMU_X);
	cpl = 3;
	assert_true(fetch_bytes(&fake_vcpu, &f));
	assert_int_equal(access_asked, MMU_X | MMU_U);
}

static void bad_instructions_get_their_exception(void **state)
{
	static const u8 too_long[15] = { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
					 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66 };
	static const u8 ud2[] = { 0x0f, 0x0b }, divps[] = { 0x0f, 0x5e, 0xc1 };
	struct insn in;

	(void)state;
	assert_false(decode_at_border(too_long, sizeof(too_long), 15, &in));
	assert_int_equal(gps, 1);
	assert_false(decode_at_border(ud2, sizeof(ud2), 15, &in));
	assert_int_equal(uds, 1);
	assert_int_equal(logs, 0);
	assert_false(decode_at_border(divps, sizeof(divps), 15, &in));
	assert_int_equal(uds, 2);
	assert_int_equal(logs, 1);
}

static void another_instruction_than_the_one_that_exited_runs_again(void **state)
{
	(void)state;
	low[0] = 0xf4;
	assert_int_equal(fetch_len_slow(&fake_vcpu, OP_HLT), 1);
	assert_int_equal(fake_flushes, 0);
	assert_int_equal(fetch_len_slow(&fake_vcpu, OP_CPUID), 0);
	assert_int_equal(fake_flushes, 1);
	assert_int_equal(gps + uds + pfs + kills, 0);
}

static void the_end_of_an_instruction_ends_shadow_rf_and_step(void **state)
{
	(void)state;
	fake_vcpu.regs.rip = 0xffffffff;
	fake_vcpu.regs.rflags = RFLAGS_ONE | RFLAGS_RF | RFLAGS_TF;
	fake_vcpu.exit.irq_shadow = fake_shadow = true;
	vcpu_skip(&fake_vcpu, 2);
	assert_int_equal(fake_vcpu.regs.rip, 1); /* EIP wraps */
	assert_int_equal(fake_vcpu.regs.rflags, RFLAGS_ONE | RFLAGS_TF);
	assert_false(fake_shadow);
	assert_int_equal(dbs, 1);
	fake_vcpu.regs.rip = 0xffffffffffffULL;
	vcpu_skip(&fake_vcpu, 1);
	assert_int_equal(fake_vcpu.regs.rip, 0x1000000000000ULL);
	/* With BTF only branches trap. */
	dbs = 0;
	fake_sreg[SR_DEBUGCTL] = DEBUGCTL_BTF;
	vcpu_skip(&fake_vcpu, 1);
	assert_int_equal(dbs, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_instruction_may_lie_in_two_pages),
		cmocka_unit_test_setup(what_is_not_needed_may_be_missing, setup),
		cmocka_unit_test_setup(a_missing_page_faults_at_its_first_byte, setup),
		cmocka_unit_test_setup(code_in_a_device_kills, setup),
		cmocka_unit_test_setup(below_64_bits_addresses_wrap_at_4_gib, setup),
		cmocka_unit_test_setup(users_fetch_as_users, setup),
		cmocka_unit_test_setup(bad_instructions_get_their_exception, setup),
		cmocka_unit_test_setup(another_instruction_than_the_one_that_exited_runs_again,
				       setup),
		cmocka_unit_test_setup(the_end_of_an_instruction_ends_shadow_rf_and_step, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
