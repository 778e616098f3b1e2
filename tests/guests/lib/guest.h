/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a bare-metal test program starts with: 64-bit mode, the low 4 GiB mapped to themselves (or
 * 32-bit protected mode without paging: tests/guests/paging/), an IDT, COM1, and a protocol of
 * verdict lines. Each program defines guest_main() and returns from it; the last line and the exit
 * status follow by themselves.
 *
 *	ok NAME				the rule holds
 *	not ok NAME: REASON		it does not
 *	skip NAME: REASON		it could not be tried here; "erratum" when the machine is known
 *					to be wrong about it
 *	done: N ok, N not ok, N skip	the program reached its end
 */
#pragma once

#include "lib/types.h"

#include "arch/regs.h"
#include "arch/x86.h"

void guest_main(void);

/* --- verdicts (report.c) ---------------------------------------------------------------------- */

void say(const char *fmt, ...) __printf(1, 2);
/* Prints the verdict on one rule; the reason is printed when it does not hold. Returns holds. */
bool check(bool holds, const char *name, const char *reason, ...) __printf(3, 4);
void skip(const char *name, const char *reason);
/*
 * Emulators that the program may run on. One below a hypervisor, or Bochs bare, is known by "host="
 * on the command line.
 */
#define BARE_TCG   1u
#define BARE_BOCHS 2u
#define CPU_TCG    4u /* bare, or below a hypervisor */
#define CPU_BOCHS  8u
#define BOCHS_SVM  16u /* a guest of Bochs' SVM */
/*
 * check(), but the rule is known to be broken on these: prints skip where it is broken there. What
 * a hypervisor emulates must keep the rule also under one that runs on them.
 */
bool check_known(u32 broken, bool holds, const char *name, const char *reason);
/* QEMU TCG alone, bare; and for what a hypervisor leaves to the CPU, below one too. */
bool check_erratum(bool holds, const char *name, const char *reason);
bool check_cpu_erratum(bool holds, const char *name, const char *reason);
/* Ends the program as broken. */
void fatal(const char *fmt, ...) __printf(1, 2) __noreturn;
/* Leaves through isa-debug-exit. */
void guest_exit(u8 status) __noreturn;

bool on_tcg(void);     /* bare QEMU without hardware help */
bool cpu_is_tcg(void); /* the same, or "host=tcg" on the command line says that it lies below */
bool runs_on(u32 emulators); /* one of those above */
bool on_umbra(void);         /* under the hypervisor that this tree builds */
/*
 * INT n that exits in its delivery, by a fault of shadow paging or a task gate: Bochs' SVM does
 * not write it to EXITINTINFO, which then tells of the last exception or injection before it, and
 * a hypervisor delivers that one again. (Its INT_Ib() sets in_event; vmcb.ctrls.exitintinfo is set
 * elsewhere alone.)
 */
bool int_n_lost(void);
#define INT_N_LOST "erratum: Bochs: EXITINTINFO tells of the event before an INT n"

/* --- boot information (multiboot1) ------------------------------------------------------------ */

extern u32 boot_magic, boot_info;

/* The command line after the program's name, "" if there is none. */
const char *boot_args(void);

/* --- traps (trap.c) --------------------------------------------------------------------------- */

#define MAX_CPUS 8

#ifdef __x86_64__
struct frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, bp, di, si, dx, cx, bx, ax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};
#else
struct frame {
	u32 di, si, bp, unused, bx, dx, cx, ax;
	u32 vector, error;
	u32 rip, cs, rflags, rsp, ss; /* the last two only if it came from another level */
};
#endif

/* The last exception that a PROBE() caught on this CPU. */
struct caught {
	int vector; /* -1: none */
	u32 error;
	u64 rip, cr2;
	/* Set by who is about to jump there: a fault of that fetch is caught, and goes on here. */
	u64 fetch, resume;
};

#define NO_TRAP (-1)

struct caught *caught(void);

/*
 * Runs asm text, which must be one faulting instruction at its very end or alone; returns the
 * vector of its exception or NO_TRAP. Operands as in an asm statement: outputs, inputs.
 */
#define PROBE(text, outs, ins)                                                             \
	({                                                                                 \
		caught()->vector = NO_TRAP;                                                \
		__asm__ volatile("1: " text "\n2:\n"                                       \
				 ".pushsection ex_table, \"a\"; .long 1b, 2b; .popsection" \
				 : outs:ins                                                \
				 : "memory", "cc");                                        \
		caught()->vector;                                                          \
	})
#define OPERANDS(...) __VA_ARGS__

/* RDMSR and WRMSR that may fault: the vector, or NO_TRAP. */
int try_rdmsr(u32 msr, u64 *val);
int try_wrmsr(u32 msr, u64 val);

/* Handler of a vector; NULL gives exceptions back to PROBE(), counts interrupts. */
typedef void (*trap_fn)(struct frame *f);
void trap_set(u8 vector, trap_fn fn);
/* Interrupts of the vector that came, on any CPU. An interrupt without a handler is counted and
 * ended at the local APIC (vectors from 0x30) or the PICs (0x20-0x2f). */
extern volatile u32 trap_count[256];
/* Waits until trap_count[vector] reaches n; false after about a second of TSC. */
bool trap_wait(u8 vector, u32 n);

/* Descriptor of an interrupt gate, for tests that need another stack or privilege level. */
void idt_set(u8 vector, u8 ist, u8 dpl);
/* An entry point of the program's own, which ends with IRETQ. */
void idt_set_entry(u8 vector, u8 dpl, void (*entry)(void));
/* Where the IDT is. */
void *idt_address(void);

/* --- segments (start.S) ----------------------------------------------------------------------- */

#define SEL_CODE   0x08 /* of the program: 64-bit, or 32-bit in a 32-bit program */
#define SEL_CODE64 0x08
#define SEL_DATA   0x10
#define SEL_CODE32 0x18
#define SEL_CODE16 0x20
#define SEL_DATA16 0x28
#define SEL_UDATA  0x33
#define SEL_UCODE  0x3b
#define SEL_TSS    0x40 /* of CPU 0; each next CPU 16 bytes on */

extern u64 gdt[];
extern u64 page_root[512], page_l3[512], page_l2[4 * 512];

/* Gives user mode the 2 MiB page that holds p. */
void page_user(const void *p);

#ifdef __x86_64__
struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3, iomap;
} __packed;
#else
struct tss {
	u32 link, esp0, ss0;
	u32 reserved[22];
	u16 trap, iomap;
} __packed;
#endif

extern struct tss tss[MAX_CPUS];

/* --- CPUs (smp.c) ----------------------------------------------------------------------------- */

/* Index of this CPU, 0 for the first; found by its task register. */
u32 cpu_index(void);
/* Starts CPU number i (APIC id i) by INIT-SIPI; it runs fn, then halts with interrupts on. */
bool cpu_start(u32 i, void (*fn)(void));
/* CPUs in the machine, from "cpus=" on the command line or fw_cfg; at least 1. */
u32 cpu_count(void);

/* --- local APIC (apic.c) ---------------------------------------------------------------------- */

enum {
	APIC_ID = 0x20,
	APIC_VERSION = 0x30,
	APIC_TPR = 0x80,
	APIC_PPR = 0xa0,
	APIC_EOI = 0xb0,
	APIC_LDR = 0xd0,
	APIC_DFR = 0xe0,
	APIC_SVR = 0xf0,
	APIC_ISR = 0x100,
	APIC_TMR = 0x180,
	APIC_IRR = 0x200,
	APIC_ESR = 0x280,
	APIC_ICR = 0x300,
	APIC_ICR2 = 0x310,
	APIC_LVT_TIMER = 0x320,
	APIC_LVT_LINT0 = 0x350,
	APIC_LVT_LINT1 = 0x360,
	APIC_LVT_ERROR = 0x370,
	APIC_TMICT = 0x380,
	APIC_TMCCT = 0x390,
	APIC_TDCR = 0x3e0,
};

#define APIC_PAGE      0xfee00000ULL
#define LVT_MASKED     BIT32(16)
#define LVT_PERIODIC   BIT32(17)
#define LVT_DEADLINE   BIT32(18)
#define ICR_NMI        0x400U
#define ICR_INIT       0x500U
#define ICR_SIPI       0x600U
#define ICR_ASSERT     BIT32(14)
#define ICR_PENDING    BIT32(12)
#define ICR_SELF       BIT32(18)
#define ICR_ALL        BIT32(19)
#define ICR_OTHERS     (BIT32(18) | BIT32(19))
#define MSR_TSC        0x10
#define MSR_APIC_BASE  0x1b
#define MSR_TSC_ADJUST 0x3b
#define MSR_PAT        0x277
#define MSR_DEADLINE   0x6e0
#define MSR_X2APIC     0x800
#define MSR_EFER       0xc0000080

static inline u32 apic_read(u32 reg)
{
	return *(volatile u32 *)(uintptr_t)(APIC_PAGE + reg);
}

static inline void apic_write(u32 reg, u32 val)
{
	*(volatile u32 *)(uintptr_t)(APIC_PAGE + reg) = val;
}

/* The APIC on, all LVT entries masked, TPR 0, spurious vector 0xff; PICs masked at 0x20-0x2f. */
void apic_setup(void);
void apic_ipi(u32 dest, u32 low);
/* Bit for vector in the 256-bit register that begins at reg (ISR, TMR, IRR). */
bool apic_bit(u32 reg, u8 vector);

/* --- time ------------------------------------------------------------------------------------- */

/* TSC ticks of about n microseconds, measured against the PIT once. */
u64 tsc_us(u64 n);
void delay_us(u64 n);

static inline void sti_nop(void)
{
	__asm__ volatile("sti; nop; cli" : : : "memory");
}

static inline void sti_hlt_cli(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

/* --- fields in memory ------------------------------------------------------------------------- */

static inline void *at(u64 address)
{
	return (void *)(uintptr_t)address;
}
