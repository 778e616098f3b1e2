/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mmio: device memory under every kind of instruction.
 *
 * A page of device memory is no memory: each access traps, and the hypervisor must decode the
 * instruction and do it. The task-priority register of the local APIC is a 32-bit cell that keeps
 * its low byte, so the instructions of a compiler and of an assembler's programmer can be tried on
 * it and on the read-only identity registers: moves of all directions with all kinds of addresses,
 * moves with extension, exchanges, read-modify-write with flags, compares, strings with
 * and without REP, in both directions and between device and memory. A string instruction that
 * crosses from memory into a device page, or whose other side is not mapped, must stop with its
 * registers in the state that the manual demands. Source: AMD APM 3 "General-Purpose Instruction
 * Reference".
 */

#include "tests/guests/lib/guest.h"

#define TPR  (APIC_PAGE + APIC_TPR)
#define VERS (APIC_PAGE + APIC_VERSION)
#define HOLE 0x2000000ULL /* RAM, unmapped by string_faults() */

static u32 tpr(void)
{
	return apic_read(APIC_TPR);
}

static void set_tpr(u32 val)
{
	apic_write(APIC_TPR, val);
}

static void expect(const char *name, u64 got, u64 want)
{
	check(got == want, name, "got 0x%llx, not 0x%llx", (unsigned long long)got,
	      (unsigned long long)want);
}

static void moves(void)
{
	u32 version = apic_read(APIC_VERSION), v32 = 0;
	u64 v64 = ~0ULL, r = 0x30;

	set_tpr(0x50);
	__asm__ volatile("movl (%1), %0" : "=r"(v32) : "r"(TPR));
	expect("mmio.mov_load", v32, 0x50);
	__asm__ volatile("mov (%1), %k0" : "+r"(v64) : "r"(VERS));
	expect("mmio.mov_load_clears_upper_half", v64, version);
	__asm__ volatile("movl $0x20, (%0)" : : "r"(TPR) : "memory");
	expect("mmio.mov_immediate", tpr(), 0x20);
	__asm__ volatile("movl %1, -0x80(%0)" : : "r"(TPR + 0x80), "r"((u32)r) : "memory");
	expect("mmio.mov_disp8", tpr(), 0x30);
	__asm__ volatile("movl %1, 0x60(%0, %2, 4)"
			 :
			 : "r"(APIC_PAGE), "r"(0x40), "r"(8ULL)
			 : "memory");
	expect("mmio.mov_sib", tpr(), 0x40);
	__asm__ volatile("movl %0, %%r9d; movl %%r9d, (%1)"
			 :
			 : "r"(0x70), "r"(TPR)
			 : "r9", "memory");
	expect("mmio.mov_r9", tpr(), 0x70);
	__asm__ volatile("movl %0, (%k1)" : : "r"(0x10), "r"(TPR) : "memory");
	expect("mmio.mov_addr32", tpr(), 0x10);
	__asm__ volatile("movabsl %%eax, 0xfee00080" : : "a"(0x60) : "memory");
	expect("mmio.mov_moffs_store", tpr(), 0x60);
	__asm__ volatile("movabsl 0xfee00080, %%eax" : "=a"(v32));
	expect("mmio.mov_moffs_load", v32, 0x60);
	__asm__ volatile("movslq (%1), %0" : "=r"(v64) : "r"(TPR));
	expect("mmio.movsxd", v64, 0x60);
}

static void segments(void)
{
	u32 v;

	wrmsr(0xc0000101, APIC_PAGE - 0x1000);
	__asm__ volatile("movl $0x30, %%gs:0x1080" : : : "memory");
	expect("mmio.gs_store", tpr(), 0x30);
	__asm__ volatile("movl %%gs:0x1080, %0" : "=r"(v));
	expect("mmio.gs_load", v, 0x30);
	wrmsr(0xc0000101, 0);
}

static void read_modify_write(void)
{
	u8 carry, zero;
	u32 v = 0x70;

	set_tpr(0x20);
	__asm__ volatile("xchgl %0, (%1)" : "+r"(v) : "r"(TPR) : "memory");
	check(v == 0x20 && tpr() == 0x70, "mmio.xchg", "0x%x and 0x%x", v, tpr());
	__asm__ volatile("orl $0x0f, (%0)" : : "r"(TPR) : "memory", "cc");
	expect("mmio.or", tpr(), 0x7f);
	__asm__ volatile("andl $0xf0, (%0)" : : "r"(TPR) : "memory", "cc");
	expect("mmio.and", tpr(), 0x70);
	__asm__ volatile("addl $0x10, (%0)" : : "r"(TPR) : "memory", "cc");
	expect("mmio.add", tpr(), 0x80);
	__asm__ volatile("subl %1, (%0)" : : "r"(TPR), "r"(0x30) : "memory", "cc");
	expect("mmio.sub", tpr(), 0x50);
	__asm__ volatile("xorl $0x70, (%0)" : : "r"(TPR) : "memory", "cc");
	expect("mmio.xor", tpr(), 0x20);
	__asm__ volatile("incl (%0)" : : "r"(TPR) : "memory", "cc");
	expect("mmio.inc", tpr(), 0x21);
	__asm__ volatile("decl (%0)" : : "r"(TPR) : "memory", "cc");
	expect("mmio.dec", tpr(), 0x20);
	__asm__ volatile("btsl $6, (%2); setc %0; setz %1"
			 : "=q"(carry), "=q"(zero)
			 : "r"(TPR)
			 : "memory", "cc");
	check(tpr() == 0x60 && !carry, "mmio.bts", "0x%x, carry %u", tpr(), carry);
	__asm__ volatile("btrl $6, (%1); setc %0" : "=q"(carry) : "r"(TPR) : "memory", "cc");
	check(tpr() == 0x20 && carry, "mmio.btr", "0x%x, carry %u", tpr(), carry);
	v = 0x10;
	__asm__ volatile("xaddl %0, (%1)" : "+r"(v) : "r"(TPR) : "memory", "cc");
	check(v == 0x20 && tpr() == 0x30, "mmio.xadd", "0x%x and 0x%x", v, tpr());
}

static void compares(void)
{
	u8 zero, carry;
	u32 eax = 0x30;

	set_tpr(0x30);
	__asm__ volatile("cmpl $0x30, (%2); setz %0; setc %1"
			 : "=q"(zero), "=q"(carry)
			 : "r"(TPR)
			 : "cc");
	check(zero && !carry, "mmio.cmp_equal", "Z %u C %u", zero, carry);
	__asm__ volatile("cmpl $0x31, (%2); setz %0; setc %1"
			 : "=q"(zero), "=q"(carry)
			 : "r"(TPR)
			 : "cc");
	check(!zero && carry, "mmio.cmp_below", "Z %u C %u", zero, carry);
	__asm__ volatile("testl $0x10, (%1); setz %0" : "=q"(zero) : "r"(TPR) : "cc");
	check(!zero, "mmio.test", "Z %u", zero);
	__asm__ volatile("btl $5, (%1); setc %0" : "=q"(carry) : "r"(TPR) : "cc");
	check(carry, "mmio.bt", "C %u", carry);
	__asm__ volatile("cmpxchgl %3, (%2); setz %0"
			 : "=q"(zero), "+a"(eax)
			 : "r"(TPR), "r"(0x60)
			 : "memory", "cc");
	check(zero && tpr() == 0x60, "mmio.cmpxchg", "Z %u, 0x%x", zero, tpr());
	__asm__ volatile("cmpxchgl %3, (%2); setz %0"
			 : "=q"(zero), "+a"(eax)
			 : "r"(TPR), "r"(0x10)
			 : "memory", "cc");
	check(!zero && eax == 0x60 && tpr() == 0x60, "mmio.cmpxchg_differs", "Z %u, EAX 0x%x", zero,
	      eax);
}

static void strings(void)
{
	u32 buf[8] = { 0x10, 0x20, 0x30, 0x40 };
	u64 si, di, cx;
	u32 eax = 0x50;

	si = VERS;
	di = (u64)&buf[4];
	__asm__ volatile("movsl" : "+S"(si), "+D"(di) : : "memory");
	check(buf[4] == apic_read(APIC_VERSION) && si == VERS + 4 && di == (u64)&buf[5],
	      "mmio.movs_load", "0x%x", buf[4]);
	si = (u64)&buf[1];
	di = TPR;
	__asm__ volatile("movsl" : "+S"(si), "+D"(di) : : "memory");
	check(tpr() == 0x20 && di == TPR + 4, "mmio.movs_store", "0x%x", tpr());
	di = TPR;
	__asm__ volatile("stosl" : "+D"(di) : "a"(eax) : "memory");
	expect("mmio.stos", tpr(), 0x50);
	si = TPR;
	__asm__ volatile("lodsl" : "+S"(si), "=a"(eax) : : "memory");
	expect("mmio.lods", eax, 0x50);
	di = (u64)&buf[0];
	si = TPR;
	cx = 1;
	__asm__ volatile("rep movsl" : "+S"(si), "+D"(di), "+c"(cx) : : "memory");
	check(buf[0] == 0x50 && cx == 0, "mmio.rep_movs", "0x%x, %llu left", buf[0],
	      (unsigned long long)cx);
	di = TPR;
	cx = 1;
	__asm__ volatile("std; rep stosl; cld" : "+D"(di), "+c"(cx) : "a"(0x70) : "memory");
	check(tpr() == 0x70 && di == TPR - 4 && cx == 0, "mmio.rep_stos_backwards", "0x%x", tpr());
	di = TPR;
	cx = 0;
	__asm__ volatile("rep stosl" : "+D"(di), "+c"(cx) : "a"(0x10) : "memory");
	check(tpr() == 0x70 && di == TPR, "mmio.rep_zero_times", "0x%x", tpr());
}

/* The other side of a string move is not mapped: #PF, and the registers point at that element. */
static void string_faults(void)
{
	u64 si = VERS, di = HOLE, cx = 1;
	int vector;

	page_l2[HOLE / SZ_2M] = 0;
	invlpg(at(HOLE));
	vector = PROBE("rep movsl", OPERANDS("+S"(si), "+D"(di), "+c"(cx)), );
	check(vector == EXC_PF && caught()->error == PFEC_W && caught()->cr2 == HOLE &&
		      si == VERS && di == HOLE && cx == 1,
	      "mmio.movs_to_hole", "vector %d CR2 0x%llx RCX %llu", vector,
	      (unsigned long long)caught()->cr2, (unsigned long long)cx);
	si = HOLE - 4;
	di = TPR;
	cx = 2;
	*(u32 *)at(HOLE - 4) = 0x30;
	vector = PROBE("rep movsl", OPERANDS("+S"(si), "+D"(di), "+c"(cx)), );
	check(vector == EXC_PF && caught()->error == 0 && si == HOLE && di == TPR + 4 && cx == 1 &&
		      tpr() == 0x30,
	      "mmio.movs_from_hole", "vector %d RSI 0x%llx RCX %llu", vector,
	      (unsigned long long)si, (unsigned long long)cx);
}

/* Nobody answers here; reading and writing must just work. */
static void nothing_there(void)
{
	volatile u32 *p = at(0xd0000000ULL);
	u32 v = *p;

	*p = 0x12345678;
	check_erratum(v == ~0U && *p == ~0U, "mmio.hole_reads_ones", "an empty address reads zero");
	__asm__ volatile("lock; incl (%0)" : : "r"(p) : "memory", "cc");
	__asm__ volatile("movq $0, (%0)" : : "r"(p) : "memory");
	__asm__ volatile("movb $0, (%0); movw $0, 2(%0)" : : "r"(p) : "memory");
	check(true, "mmio.hole_takes_writes", "it did");
}

void guest_main(void)
{
	moves();
	segments();
	read_modify_write();
	compares();
	strings();
	set_tpr(0);
	nothing_there();
	string_faults();
	set_tpr(0);
}
